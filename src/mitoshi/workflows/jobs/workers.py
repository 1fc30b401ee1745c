"""The processes that carry out jobs, and the watch over them: what a dead one left is done again, nothing is lost."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mitoshi.core.errors import MitoshiError, RunError
from mitoshi.workflows.jobs.process import alive, born, end, resident

if TYPE_CHECKING:
    from types import TracebackType

    from mitoshi.workflows.jobs.queue import Held, Jobs

__all__ = ["Workers"]

LOG = logging.getLogger("mitoshi.service")
TICK_SECONDS = 0.25
GRACE_SECONDS = 1.0  # in which the worker of a dismissed job may notice by itself
KILL_SECONDS = 3.0  # between SIGTERM and SIGKILL
MEMORY_TICKS = 4
LAST_SECONDS = 5.0  # for the kernel to tell how a process ended that is gone
TIDY_SECONDS = 3600.0
MOST_ATTEMPTS = 3
HEALTHY_SECONDS = 10.0  # a worker that dies younger than this, with nothing done, makes the next one wait
LONGEST_WAIT = 30.0
LOG_BYTES = 4 * 2**20


@dataclass
class _Child:
    """A worker of this supervisor."""

    process: subprocess.Popen[bytes]
    began: float
    birth: float


@dataclass
class _Ending:
    """A process that was told to stop."""

    birth: float
    asked: float
    signalled: bool = False
    killed: bool = False


@dataclass
class _Watch:
    """What the supervisor remembers between two looks."""

    children: dict[int, _Child] = field(default_factory=dict)
    exits: dict[int, int] = field(default_factory=dict)
    ending: dict[int, _Ending] = field(default_factory=dict)
    wait: float = 0.0
    not_before: float = 0.0
    ticks: int = 0
    tidied: float = -TIDY_SECONDS
    complaint: str = ""


class Workers:
    """Worker processes for as long as a ``with`` block lasts; there is one such block per folder of jobs.

    A job whose worker dies waits again, three times at most. A dismissed job's worker is ended. Where the service itself is
    killed, its workers end with it, and the next service does again what they were at.

    Parameters
    ----------
    jobs
        Whose jobs.
    store
        Folder of the catalogue.
    count
        How many processes; 0 does nothing.
    memory_bytes
        Most memory that one worker may hold; None takes three quarters of the machine's.

    Raises
    ------
    RunError
        On entering, if another service works on the same folder.
    """

    def __init__(self, jobs: Jobs, *, store: str | Path, count: int = 1, memory_bytes: int | None = None) -> None:
        self._jobs, self._store, self._count = jobs, Path(store).resolve(), count
        self._memory = memory_bytes
        self._watch = _Watch()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="mitoshi-workers", daemon=True)
        self._lock = -1

    def check(self) -> None:
        """Make sure that the block can be entered, before anything else is begun.

        Raises
        ------
        RunError
            If another service works on the same folder, or the list of jobs is damaged.
        """
        if self._count > 0:
            os.close(self._taken())

    def _taken(self) -> int:
        lock = _locked(self._jobs.folder)
        try:
            self._jobs.held()  # a damaged list is told here, and not by a thread
        except MitoshiError:
            os.close(lock)
            raise
        return lock

    def __enter__(self) -> Workers:
        """Take the folder and start the processes."""
        if self._count < 1:
            return self
        self._lock = self._taken()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the processes; what they are at waits for the next service."""
        if self._lock < 0:
            return
        self._stopping.set()
        self._thread.join()
        os.close(self._lock)
        self._lock = -1

    @property
    def pids(self) -> tuple[int, ...]:
        """The numbers of the running worker processes."""
        return tuple(self._watch.children)

    def _supervise(self) -> None:
        # A worker ends with the thread that started it (see `parent`), so that thread lasts until all of them were stopped.
        try:
            self._watch_over()
        finally:
            self._stop_all()

    def _watch_over(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
                self._watch.complaint = ""
            except (MitoshiError, OSError) as error:
                if str(error) != self._watch.complaint:
                    LOG.warning("jobs are not being watched: %s", error)
                self._watch.complaint = str(error)
                self._stopping.wait(1.0)
            self._stopping.wait(TICK_SECONDS)

    def _look(self) -> None:
        """Look once after everything."""
        watch = self._watch
        watch.ticks += 1
        self._bury()
        adopted, unwanted = set(), set()
        for held in self._jobs.held():
            if not alive(held.pid, held.born):
                self._bury()  # it may have ended since: how is part of the reason
                self._lost(held)
            elif held.job.status == "dismissed":
                unwanted.add(held.pid)
                watch.ending.setdefault(held.pid, _Ending(held.born, time.monotonic()))
            else:
                self._measure(held)
                adopted |= {held.pid} - watch.children.keys()
        self._press(unwanted)
        if len(watch.children) + len(adopted) < self._count and time.monotonic() >= watch.not_before:
            self._spawn()
        if time.monotonic() - watch.tidied > TIDY_SECONDS:
            watch.tidied = time.monotonic()
            self._jobs.forget_old()

    def _bury(self) -> None:
        """Note which children have ended, and let the next wait where they die young."""
        watch, now = self._watch, time.monotonic()
        for pid, child in list(watch.children.items()):
            code = child.process.poll()
            if code is None:
                continue
            del watch.children[pid]
            watch.exits[pid] = code
            failed = code not in (0, -signal.SIGTERM) and now - child.began < HEALTHY_SECONDS
            watch.wait = min(LONGEST_WAIT, max(0.5, 2 * watch.wait)) if failed else 0.0
            watch.not_before = now + watch.wait
            if failed:
                LOG.warning("a worker ended %s; worker.log has more", _how(code))

    def _lost(self, held: Held) -> None:
        """Clear up after a process that is gone, and let its job wait again or fail."""
        code = self._watch.exits.pop(held.pid, None)
        if code is None and (child := self._watch.children.get(held.pid)) is not None:
            with suppress(subprocess.TimeoutExpired):  # it is gone, but was not asked for yet
                code = child.process.wait(LAST_SECONDS)
        job = held.job
        if job.status == "dismissed":
            self._jobs.discard(job.id)
            self._jobs.released(job.id, held.pid)
            return
        self._jobs.discard_drafts(job.id)
        if code in (0, -signal.SIGTERM):
            self._jobs.put_back(job.id, held.pid, counted=False)
        elif job.attempts < MOST_ATTEMPTS:
            LOG.warning("job %s waits again: its worker ended %s", job.id, _how(code))
            self._jobs.put_back(job.id, held.pid, counted=True)
        else:
            self._jobs.discard(job.id)
            self._jobs.fail(job.id, held.pid, f"the worker died {job.attempts} times ({_how(code)})")

    def _press(self, unwanted: set[int]) -> None:
        """Tell the workers of dismissed jobs to end, ever more firmly; one that noticed by itself is left alone."""
        for noticed in self._watch.ending.keys() - unwanted:
            del self._watch.ending[noticed]
        now = time.monotonic()
        for pid, ending in self._watch.ending.items():
            if not ending.signalled and now - ending.asked >= GRACE_SECONDS:
                ending.signalled = True
                end(pid, ending.birth)
            elif not ending.killed and now - ending.asked >= GRACE_SECONDS + KILL_SECONDS:
                ending.killed = True
                end(pid, ending.birth, signal.SIGKILL)

    def _measure(self, held: Held) -> None:
        """Fail the job of a process that holds too much memory."""
        if self._watch.ticks % MEMORY_TICKS:
            return
        most = self._memory if self._memory is not None else _three_quarters()
        used = resident(held.pid, held.born)
        if used <= most:
            return
        gib = 2**30
        why = f"it needed more than {most / gib:.1f} GiB of memory ({used / gib:.1f} GiB); give a smaller area"
        if self._jobs.fail(held.job.id, held.pid, why):
            end(held.pid, held.born, signal.SIGKILL)
            self._jobs.discard(held.job.id)

    def _spawn(self) -> None:
        threads = max(1, (os.cpu_count() or 1) // self._count)
        command = [
            sys.executable,
            "-P",
            "-m",
            "mitoshi.workflows.jobs.worker",
            "--folder",
            str(self._jobs.folder.resolve()),
        ]
        command += ["--store", str(self._store), "--parent", str(os.getpid()), "--threads", str(threads)]
        log = self._jobs.folder / "worker.log"
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_name("worker.old.log"))
        with log.open("ab") as file:
            # A session of its own: Ctrl-C and a closed terminal are the service's affair.
            process = subprocess.Popen(  # noqa: S603 - our own module
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
        self._watch.exits.pop(process.pid, None)
        self._watch.children[process.pid] = _Child(process, time.monotonic(), born(process.pid))

    def _stop_all(self) -> None:
        """End every worker, those of a killed service too, and let what they were at wait again without counting."""
        for child in self._watch.children.values():
            child.process.terminate()
        try:
            adopted = [h for h in self._jobs.held() if h.pid not in self._watch.children and alive(h.pid, h.born)]
            for held in adopted:
                end(held.pid, held.born)
            self._wait_for(adopted)
            for held in self._jobs.held():
                if not alive(held.pid, held.born):
                    self._watch.exits[held.pid] = 0
                    self._lost(held)
        except MitoshiError as error:
            LOG.warning("what the workers were at is told to the next service: %s", error)
            self._wait_for([])

    def _wait_for(self, adopted: list[Held]) -> None:
        """Wait until children and adopted processes have ended, with force after a while."""
        deadline = time.monotonic() + KILL_SECONDS
        for child in self._watch.children.values():
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        for held in adopted:
            while alive(held.pid, held.born) and time.monotonic() < deadline + KILL_SECONDS:
                if time.monotonic() > deadline:
                    end(held.pid, held.born, signal.SIGKILL)
                time.sleep(0.02)


def _locked(folder: Path) -> int:
    """Take the folder for this supervisor alone; the kernel gives it back when the process ends, however it ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "workers.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RunError(f"the folder {folder.name} of the jobs cannot be written ({error.strerror})") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise RunError(
            f"another service already works on the jobs of {folder.parent.name}; stop it, or start this one with --workers 0"
        ) from None
    return handle


def _three_quarters() -> int:
    import psutil

    return int(psutil.virtual_memory().total) * 3 // 4


def _how(code: int | None) -> str:
    if code is None:
        return "unseen"
    return f"signal {-code}" if code < 0 else f"status {code}"
