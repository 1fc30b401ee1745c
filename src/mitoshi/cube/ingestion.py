"""The readers handed to the catalogue: the two floors below know nothing of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mitoshi.catalog import Catalogue, IngestReport

__all__ = ["ingest"]


def ingest(
    catalogue: Catalogue, paths: Sequence[str | Path], progress: Callable[[str], None] | None = None
) -> IngestReport:
    """Catalogue native products with every reader of `mitoshi.sensors`; see `Catalogue.ingest`.

    Parameters
    ----------
    catalogue
        Where to.
    paths
        Files, folders, archives, STAC items, item collections or stac-geoparquet files.
    progress
        Called with each source when it is done.

    Raises
    ------
    RunError
        If the store cannot be written; it is left as it was.
    """
    from mitoshi import sensors

    return catalogue.ingest(paths, sensors.items, progress)
