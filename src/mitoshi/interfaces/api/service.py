"""What every route is given: the data that may be shown, the shelf of bundles, and the jobs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from mitoshi.display.source import DataSource
from mitoshi.interfaces.api.heavy_work import HeavyWork
from mitoshi.workflows.jobs import Jobs
from mitoshi.workflows.shelf import Shelf

if TYPE_CHECKING:
    from mitoshi.interfaces.api.settings import Settings

__all__ = ["Service"]


class Service(DataSource):
    """The parts of a running service: what it shows, and the bundles and jobs besides.

    Parameters
    ----------
    settings
        What the operator decided.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.store, (*settings.bundles, *settings.data))
        self.settings = settings
        self.heavy = HeavyWork()

    @cached_property
    def shelf(self) -> Shelf:
        """The evidence bundles."""
        return Shelf((self.settings.folder / "runs", *self.settings.bundles))

    @cached_property
    def jobs(self) -> Jobs:
        """What was asked for."""
        return Jobs(self.settings.folder)
