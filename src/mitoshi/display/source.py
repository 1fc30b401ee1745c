"""The data that may be shown: a catalogue, and the one test of which files may be read."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mitoshi.catalog import Catalogue
from mitoshi.core.errors import RefusedError
from mitoshi.display.lookup import Lookup
from mitoshi.sensors import guard

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DataSource"]


class DataSource:
    """A catalogue whose files lie in known folders.

    Parameters
    ----------
    store
        Folder of the catalogue. Of its folder ``service``, in which keys and jobs lie, only the runs may be read.
    folders
        Further folders whose files may be read.
    """

    def __init__(self, store: Path, folders: Sequence[Path] = ()) -> None:
        self._store, self._roots = store, (store, *folders)

    @cached_property
    def catalogue(self) -> Catalogue:
        """What was observed, and what was made of it."""
        return Catalogue(self._store)

    @cached_property
    def lookup(self) -> Lookup:
        """Items and files by their names in the catalogue."""
        return Lookup(self)

    def readable(self, path: str | Path) -> Path:
        """Return a file after making sure that it lies where files may be read from, links followed.

        Raises
        ------
        RefusedError
            If it lies elsewhere, or is no regular file.
        InputError
            If there is no such file.
        """
        file = guard.regular_file(path)
        own = (self._store / "service").resolve()
        private = file.is_relative_to(own) and not file.is_relative_to(own / "runs")
        if private or not any(file.is_relative_to(root.resolve()) for root in self._roots):
            raise RefusedError(f"{file.name} lies outside the folders of this service; name its folder with --data")
        return file
