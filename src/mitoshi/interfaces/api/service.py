"""What every route is given: the catalogue, the shelf of bundles, the jobs, and the one test of what may be read."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mitoshi.catalog import Catalogue
from mitoshi.core.errors import RefusedError
from mitoshi.interfaces.api.heavy_work import HeavyWork
from mitoshi.interfaces.api.lookup import Lookup
from mitoshi.sensors import guard
from mitoshi.workflows.jobs import Jobs
from mitoshi.workflows.shelf import Shelf

if TYPE_CHECKING:
    from mitoshi.interfaces.api.settings import Settings

__all__ = ["Service"]


class Service:
    """The parts of a running service.

    Parameters
    ----------
    settings
        What the operator decided.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.heavy = HeavyWork()

    @cached_property
    def catalogue(self) -> Catalogue:
        """What was observed, and what was made of it."""
        return Catalogue(self.settings.store)

    @cached_property
    def lookup(self) -> Lookup:
        """What an address means: items and files by their names in the catalogue."""
        return Lookup(self)

    @cached_property
    def shelf(self) -> Shelf:
        """The evidence bundles."""
        return Shelf((self.settings.folder / "runs", *self.settings.bundles))

    @cached_property
    def jobs(self) -> Jobs:
        """What was asked for."""
        return Jobs(self.settings.folder)

    def readable(self, path: str | Path) -> Path:
        """Return a file after making sure that it lies where files may be served from, links followed.

        Raises
        ------
        RefusedError
            If it lies elsewhere, or is no regular file.
        InputError
            If there is no such file.
        """
        found = guard.regular_file(path)
        own = self.settings.folder.resolve()
        private = found.is_relative_to(own) and not found.is_relative_to(own / "runs")
        if private or not any(found.is_relative_to(root.resolve()) for root in self.settings.roots):
            raise RefusedError(f"{found.name} lies outside the folders of this service; name its folder with --data")
        return found
