"""The processes that carry out jobs, and the watch over them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from mitoshi.workflows.jobs.queue import Jobs

__all__ = ["Workers"]


class Workers:
    """Worker processes for as long as a ``with`` block lasts.

    Parameters
    ----------
    jobs
        Whose jobs.
    store
        Folder of the catalogue.
    count
        How many processes; 0 does nothing.
    """

    def __init__(self, jobs: Jobs, *, store: str | Path, count: int = 1) -> None:
        self._jobs, self._store, self._count = jobs, Path(store), count

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None
