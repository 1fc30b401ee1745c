"""A command runs in a child of a tiny supervisor, so that a file which kills its reader costs one line and not the work.

The supervisor is forked off before anything heavy is imported and holds nothing but this module. The child announces each
foreign file before it reads its structure and again after; while such an announcement is open the supervisor watches the
child's memory and the clock. When the child dies there, the command starts again in a new child, in which that file is refused
with the reason before a byte of it is read: whatever it does, it is one refused file among the others.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from mitoshi.core.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = [
    "SWITCH",
    "attempt",
    "available",
    "refuse",
    "resident",
    "supervise",
    "supervise_once",
    "supervised",
    "unexplained",
]

SWITCH = "MITOSHI_ISOLATION"  # "0" runs the command in one process, for a debugger
MEMORY = 3 * 2**29  # bytes that reading a file's structure may add
CEILING, LEAST = (
    7 * 2**28,
    3 * 2**28,
)  # bytes that it may bring the process to; a large process has the second in any case
MEMORY_PER_BYTE = 16  # and for each of its own bytes, where that is more: five million buildings are no bomb
SECONDS = 30.0  # of computing, unless READER_SECONDS in the environment says another number
READER_SECONDS = "MITOSHI_READER_SECONDS"
WAITING = 1.5  # times as long may it take on the clock: a busy machine is no bomb
SECONDS_PER_BYTE = 60 / 2**30
INTERVAL = 0.02  # of looking at the child's memory
RESTARTS = 200
FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
TWICE_SECONDS = 1.0  # within which a second interrupt is the same one: a terminal sends it to the child as well
ABANDONED = "its caller is gone"
PR_SET_PDEATHSIG = 1


class _Child:
    """What a supervised process knows: where it announces files, and which are refused because they killed one before."""

    channel: int = -1
    owner: int = 0
    refused: dict[str, str] = {}  # noqa: RUF012 - one per process, made by the supervisor before it forks
    depth: int = 0


def available() -> bool:
    """Return whether processes are supervised here: on Linux, and where it is not switched off."""
    return os.environ.get(SWITCH) != "0" and hasattr(os, "pidfd_open")


def supervised() -> bool:
    """Return whether this process has a supervisor."""
    return _Child.owner == os.getpid()


@contextmanager
def attempt(source: str | Path) -> Iterator[None]:
    """Announce that the structure of a foreign file is read in this block; without a supervisor nothing is done.

    Parameters
    ----------
    source
        Path, or path with a description after ``#``.

    Raises
    ------
    RefusedError
        If a reader of this file died before in this command.
    """
    name = str(source).partition("#")[0]
    if _Child.owner != os.getpid():
        yield
        return
    if name in _Child.refused:
        raise RefusedError(f"{Path(name).name} cannot be read: {_Child.refused[name]}")
    outermost = _Child.depth == 0
    _Child.depth += 1
    if outermost:
        _announce(name)
    try:
        yield
    finally:
        _Child.depth -= 1
        if outermost:
            _announce("")


def refuse(files: Mapping[str, str]) -> None:
    """Refuse these files from now on, and no others: path to reason."""
    _Child.refused = dict(files)


def _announce(name: str) -> None:
    with suppress(OSError):
        os.write(_Child.channel, os.fsencode(name).replace(b"\n", b" ")[:4000] + b"\n")


def supervise(command: Callable[[], None], name: str) -> NoReturn:
    """Run a command in a child under supervision and exit with its status.

    Parameters
    ----------
    command
        Exits by itself, or returns for status 0. It runs again from its beginning after a file killed it.
    name
        Of the command, for the line about a death that no file explains.
    """
    if not available():
        command()
        sys.exit(0)
    for _ in range(RESTARTS):
        status, source, reason = supervise_once(command)
        if not reason:
            sys.exit(status)
        if not source or source in _Child.refused:
            print(f"mitoshi: {name} stopped: {unexplained(reason, status)}", file=sys.stderr)
            sys.exit(1)
        _Child.refused[source] = reason
    print(f"mitoshi: {name} stopped: {RESTARTS} files killed their reader; give fewer files", file=sys.stderr)
    sys.exit(1)


def supervise_once(command: Callable[[], None], *, hangup: int = -1) -> tuple[int, str, str]:
    """Run a command in a child under supervision until it ends or dies.

    Parameters
    ----------
    command
        Exits by itself, or returns for status 0.
    hangup
        Descriptor of a socket; the child is killed when its other end is closed.

    Returns
    -------
    Exit status, the file being read at its death, and why it died; the reason is empty where the command ended by itself.
    """
    listening, channel = os.pipe()
    parent = os.getpid()
    _flush()
    child = os.fork()
    if child == 0:
        os.close(listening)
        _become_child(channel, parent)
        command()
        sys.exit(0)
    os.close(channel)
    kept = {number: signal.signal(number, lambda n, _f: os.kill(child, n)) for number in FORWARDED}
    try:
        source, reason = _watch(child, listening, hangup)
    finally:
        os.close(listening)
    _, code = os.waitpid(child, 0)
    for number, handler in kept.items():
        signal.signal(number, handler)
    status = os.waitstatus_to_exitcode(code)
    if status >= 0 and not reason:
        return status, "", ""
    if not reason and -status in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        return 128 - status, "", ""
    return status, source, reason or _died(-status)


def unexplained(reason: str, status: int) -> str:
    """Return words about a death that no file explains."""
    if status == -signal.SIGKILL:
        return "the process was killed (signal 9), probably for want of memory; give a smaller --area or more memory"
    if status < 0:
        return f"the process died (signal {-status}); report it with the command"
    return reason or f"the process ended with status {status}"


def _died(number: int) -> str:
    if number == signal.SIGKILL:
        return "its reader was killed (signal 9), probably for want of memory; give a smaller file or more memory"
    return f"its reader died (signal {number}); the file is damaged or made to do this, get it again from its maker"


def _become_child(channel: int, parent: int) -> None:
    import ctypes
    import resource

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    with suppress(OSError, ValueError):  # no core file of a reader that died
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    _Child.channel, _Child.owner, _Child.depth = channel, os.getpid(), 0
    signal.signal(signal.SIGINT, _Interrupt())


class _Interrupt:
    """Interrupts the command once, though the terminal and the supervisor both send the signal."""

    def __init__(self) -> None:
        self._last = -TWICE_SECONDS

    def __call__(self, number: int, frame: object) -> None:
        del number, frame
        now = time.monotonic()
        if now - self._last >= TWICE_SECONDS:
            self._last = now
            raise KeyboardInterrupt


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()


def _watch(child: int, listening: int, hangup: int) -> tuple[str, str]:
    """Follow the child to its end; return the file it was reading then, and why it was killed here."""
    handle = os.pidfd_open(child)
    poll = select.poll()
    if hangup >= 0:
        poll.register(hangup, 0)  # nothing but the end of the other side
    poll.register(handle, select.POLLIN)
    poll.register(listening, select.POLLIN)
    source, pending, before, limits, began, busy = "", b"", 0, (0, 0.0), 0.0, 0.0
    try:
        while True:
            ready = dict(poll.poll(INTERVAL * 1000 if source else None))
            if hangup in ready:
                os.kill(child, signal.SIGKILL)
                return "", ABANDONED
            if listening in ready:
                received = os.read(listening, 65536)
                if not received:
                    poll.unregister(listening)
                *lines, pending = (pending + received).split(b"\n")
                if lines:
                    source = os.fsdecode(lines[-1])
                    before, began, busy = resident(child), time.monotonic(), computed(child)
                    limits = _limits(source, before)
            if handle in ready and listening not in ready:
                return source, ""
            if source:
                seconds = (computed(child) - busy, time.monotonic() - began)
                reason = _over(resident(child) - before, seconds, limits)
                if reason:
                    os.kill(child, signal.SIGKILL)
                    return source, reason
    finally:
        os.close(handle)


def _over(memory: int, seconds: tuple[float, float], limits: tuple[int, float]) -> str:
    """Return why a reader is ended: memory, computing time, or, twice as long, time on a clock that other work shares."""
    if memory > limits[0]:
        return f"it needed more than {limits[0] / 2**30:.1f} GiB; it looks like a bomb, cut it to the area first"
    if seconds[0] > limits[1]:
        return f"it took more than {limits[1]:.0f} s; it looks like a bomb, cut it to the area first"
    if seconds[1] > WAITING * limits[1]:
        return f"it took more than {WAITING * limits[1]:.0f} s; cut it to the area first, or try when the machine is less busy"
    return ""


def _limits(source: str, before: int) -> tuple[int, float]:
    """Return the bytes that reading a file may add to a process of a size, and the seconds that it may take."""
    size = sum(map(_size, (source, f"{source[:-4]}.dbf") if source.lower().endswith(".shp") else (source,)))
    memory = min(MEMORY, max(CEILING - before, LEAST))
    return max(memory, MEMORY_PER_BYTE * size), max(_patience(), SECONDS_PER_BYTE * size)


def _patience() -> float:
    """Return the seconds that any reader may compute: those of the environment where it says a positive number."""
    try:
        given = float(os.environ.get(READER_SECONDS, ""))
    except ValueError:
        return SECONDS
    return given if given > 0 else SECONDS


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return 0


def computed(process: int) -> float:
    """Return the time that a process has computed [s], 0 where it is gone."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0.0


def resident(process: int) -> int:
    """Return the memory that a process holds [byte], 0 where it is gone."""
    try:
        with open(f"/proc/{process}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0
