"""The server over standard input and output, for a client that starts it: nothing but the protocol goes to standard output."""

from __future__ import annotations

import logging
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from mcp.server.stdio import stdio_server

from mitoshi.catalog import Catalogue
from mitoshi.core.errors import RunError
from mitoshi.interfaces.mcp.context import ToolContext
from mitoshi.interfaces.mcp.server import make_server
from mitoshi.interfaces.mcp.values import values_of
from mitoshi.workflows.bundle_store import BundleStore
from mitoshi.workflows.jobs import Jobs, Workers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mitoshi.display.source import DataSource

__all__ = ["StoreWorkers", "serve"]

LOG = logging.getLogger("mitoshi.service")


class StoreWorkers:
    """The workers of a store, unless another service has them: a store has one supervisor at a time.

    Parameters
    ----------
    jobs, store, count
        As for `mitoshi.workflows.jobs.Workers`.
    """

    def __init__(self, jobs: Jobs, store: Path, count: int) -> None:
        self._jobs, self._store, self._count = jobs, store, count
        self._lock, self._held, self._stack = threading.Lock(), False, ExitStack()

    def __enter__(self) -> StoreWorkers:
        self.ready()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ready(self) -> None:
        """Start the workers where nobody else has them; another service that ended meanwhile is replaced."""
        with self._lock:
            if self._held or self._count == 0:
                return
            try:
                self._stack.enter_context(Workers(self._jobs, store=self._store, count=self._count))
                self._held = True
            except RunError as error:
                LOG.info("another service carries out the jobs of this store: %s", error)


async def serve(store: Path, bundles: Sequence[Path] = (), data: Sequence[Path] = (), workers: int = 1) -> None:
    """Serve one client until it closes standard input.

    Parameters
    ----------
    store
        Folder of the catalogue; made where there is none.
    bundles
        Further folders with evidence bundles.
    data
        Further folders whose catalogued files may be read for their values.
    workers
        Processes that carry out jobs.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    store.mkdir(parents=True, exist_ok=True)
    folder = store / "service"
    jobs = Jobs(folder)
    # Inside, descriptor 1 is standard error: the workers inherit that, and what a library prints goes there too.
    async with stdio_server() as (read, write):
        with StoreWorkers(jobs, store, workers) as store_workers:
            values = values_of(lambda: _source(store, (*bundles, *data)))
            context = ToolContext(
                store,
                Catalogue(store),
                jobs,
                BundleStore((folder / "runs", *bundles)),
                values,
                ready=store_workers.ready,
            )
            server = make_server(context)
            await server.run(read, write, server.create_initialization_options())


def _source(store: Path, folders: Sequence[Path]) -> DataSource:
    from mitoshi.display.source import DataSource  # reading rasters takes long to import

    return DataSource(store, folders)
