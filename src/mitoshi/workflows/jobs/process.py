"""Who a process is: its number, and when it was born, because numbers are used again."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import psutil

__all__ = ["alive", "born", "end", "resident"]

SAME_SECONDS = 2.0  # the clock of the machine may be set while a process lives


def born(pid: int) -> float:
    """Return when a process was born [s since 1970], or 0 where there is none."""
    with suppress(psutil.Error):
        return psutil.Process(pid).create_time()
    return 0.0


def _same(pid: int, birth: float) -> psutil.Process | None:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if abs(process.create_time() - birth) <= SAME_SECONDS and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def alive(pid: int, birth: float) -> bool:
    """Tell whether the process with this number is still the one that was born then, and not just waits to be buried."""
    return _same(pid, birth) is not None


def resident(pid: int, birth: float) -> int:
    """Return the memory that a process and its children hold [byte]; 0 where it is gone."""
    process, total = _same(pid, birth), 0
    if process is None:
        return 0
    with suppress(psutil.Error):
        total = process.memory_info().rss
        for child in process.children(recursive=True):
            with suppress(psutil.Error):
                total += child.memory_info().rss
    return total


def end(pid: int, birth: float, sign: int = signal.SIGTERM) -> None:
    """Send a signal to a process, if it is still the one that was born then."""
    if alive(pid, birth):
        with suppress(ProcessLookupError):
            os.kill(pid, sign)
