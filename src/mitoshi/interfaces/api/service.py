"""What every route is given: the data that may be shown, the bundle store, and the jobs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from mitoshi.display.source import DataSource
from mitoshi.interfaces.api.heavy_work import HeavyWork
from mitoshi.workflows.bundle_store import BundleStore
from mitoshi.workflows.jobs import Jobs

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
    def bundle_store(self) -> BundleStore:
        """The evidence bundles."""
        return BundleStore((self.settings.folder / "runs", *self.settings.bundles))

    @cached_property
    def jobs(self) -> Jobs:
        """What was asked for."""
        return Jobs(self.settings.folder)
