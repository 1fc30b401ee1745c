"""A worker ends with the service that started it, however that ends, and so do the processes that the worker started."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

__all__ = ["end_with"]

PR_SET_PDEATHSIG = 1
LOOK_SECONDS = 0.5


def end_with(parent: int) -> None:
    """End this process as soon as its parent is gone; at once where it is gone already.

    Linux sends SIGKILL when the thread that started this process ends, also into compiled code that would not look. Elsewhere,
    and where that is refused, a thread looks who the parent is. Forked children end with this process in the same way.

    Parameters
    ----------
    parent
        Number of the process that started this one.
    """
    _signal_at_death()
    if os.getppid() != parent:  # it ended before the kernel was asked
        os._exit(1)
    os.register_at_fork(before=_Forked.note, after_in_child=_Forked.begin)
    threading.Thread(target=_look, args=(parent,), name="mitoshi-parent", daemon=True).start()


class _Forked:
    """A forked child asks the kernel for itself, and ends at once where its parent ended before it could ask."""

    parent = 0

    @classmethod
    def note(cls) -> None:
        cls.parent = os.getpid()

    @classmethod
    def begin(cls) -> None:
        _signal_at_death()
        if os.getppid() != cls.parent:
            os._exit(1)


def _signal_at_death() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _look(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    if os.getpgrp() == os.getpid():  # a session of its own: what it started goes too
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)
