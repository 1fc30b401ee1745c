"""A worker: a warm process that carries out one job after another, ``python -m mitoshi.workflows.jobs.worker``.

It ends with the service, also where that is killed; its job then waits for the next one. Told to stop (SIGTERM), it lets its job
wait again itself.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mitoshi.core.errors import MitoshiError
from mitoshi.workflows.jobs.parent import end_with
from mitoshi.workflows.jobs.process import born
from mitoshi.workflows.jobs.queue import Jobs
from mitoshi.workflows.jobs.work import DismissedError, carry_out, reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from mitoshi.workflows.jobs.job import Job

__all__ = ["main"]

T = TypeVar("T")
LOG = logging.getLogger("mitoshi.jobs")
POLL_SECONDS = 0.1
HEAVY = (
    "geopandas", "odc.stac", "rasterio", "reportlab.platypus", "scipy.ndimage", "stac_geoparquet",
    "mitoshi.evidence.runner", "mitoshi.evidence.verification", "mitoshi.workflows.bundle_store", "mitoshi.workflows.task",
)  # fmt: skip
MOST_JOBS = 25  # a fresh process afterwards: what libraries never give back is bounded
NICENESS = 15  # tiles and answers go before jobs
PATIENCE_SECONDS = 60.0  # for which the end of a job is tried to be noted on a full disk


class StoppedError(BaseException):
    """The process was told to stop."""


class Stop:
    """Notes that the process was told to stop, and breaks off only what may be broken off."""

    def __init__(self) -> None:
        self.asked = False
        self._breaking = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        del number, frame
        self.asked = True
        if self._breaking:
            self._breaking = False
            raise StoppedError

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let the signal break off this block."""
        self._breaking = True
        try:
            if self.asked:
                raise StoppedError
            yield
        finally:
            self._breaking = False


def main(arguments: list[str] | None = None) -> int:
    """Work until told to stop, or until the service is gone."""
    parser = argparse.ArgumentParser(description="A worker of mitoshi serve, which starts it.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    end_with(given.parent)
    stop = Stop()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    _step_back()
    _warm(given.threads)
    return _work(Jobs(given.folder), given.store, stop, lambda: os.getppid() != given.parent)


def _step_back() -> None:
    """Let the service go first; Linux weighs sessions before processes, and every worker is a session (sched(7), autogroup)."""
    os.nice(NICENESS)
    with contextlib.suppress(OSError):  # a kernel without autogroups, where the line above is enough
        Path("/proc/self/autogroup").write_text(str(NICENESS), encoding="ascii")


def _warm(threads: int) -> None:
    """Import what a run needs, before one waits for it."""
    for name in HEAVY:
        importlib.import_module(name)
    import numba

    from mitoshi.core.discovery import methods
    from mitoshi.sensors import readers

    numba.set_num_threads(max(1, min(threads, numba.get_num_threads())))
    methods()
    readers()


def _work(jobs: Jobs, store: Path, stop: Stop, orphaned: Callable[[], bool]) -> int:
    pid = os.getpid()
    birth = born(pid)
    done = 0
    while done < MOST_JOBS and not stop.asked and not orphaned():
        job = _next(jobs, pid, birth)
        if job is None:
            time.sleep(POLL_SECONDS)
            continue
        _do(job, jobs, store, pid, stop)
        done += 1
    return 0


def _next(jobs: Jobs, pid: int, birth: float) -> Job | None:
    try:
        return jobs.claim(pid, birth) if jobs.waiting() else None
    except MitoshiError as error:
        LOG.warning("%s", error)
        time.sleep(1.0)
        return None


def _do(job: Job, jobs: Jobs, store: Path, pid: int, stop: Stop) -> None:
    try:
        result = carry_out(job, jobs, store, pid, stop.interruptible)
    except StoppedError:
        _noted(lambda: jobs.put_back(job.id, pid, counted=False))
        return
    except DismissedError:
        ours = False
    except Exception as error:  # whatever a method raises ends its job, not the worker
        why = reason(error)
        LOG.warning("job %s (%s) failed: %s", job.id, job.process, why, exc_info=not isinstance(error, MitoshiError))
        _noted(lambda: jobs.discard(job.id))  # first, for on a full disk it makes room for the note
        ours = _noted(lambda: jobs.fail(job.id, pid, why))
    else:
        ours = _noted(lambda: jobs.succeed(job.id, pid, result))
    if not ours:
        _noted(lambda: jobs.discard(job.id))
        _noted(lambda: jobs.released(job.id, pid))


def _noted(note: Callable[[], T]) -> T:
    """Note the end of a job; on a full disk, try for a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return note()
        except MitoshiError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
