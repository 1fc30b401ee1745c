"""Functions that a worker imports by name: they read well, die, fill the memory, and raise."""

from __future__ import annotations

import logging
import os
import signal
import subprocess

from mitoshi.core import isolation
from mitoshi.core.errors import RefusedError


def read(*names):
    """Read "files": one whose name says so kills its reader."""
    said = []
    for name in names:
        try:
            with isolation.attempt(name):
                if name == "crash":
                    os.kill(os.getpid(), signal.SIGSEGV)
                if name == "bomb":
                    b"x" * 2**32
                said.append(f"read {name}")
        except RefusedError as error:
            said.append(str(error))
    return said


def place():
    return os.getpid(), os.getcwd(), os.environ.get("MITOSHI_TEST_WORD")


def warned():
    logging.getLogger("mitoshi.test").warning("a warning of %s", "a worker")


def steps(count, *, progress):
    for n in range(count):
        progress(n, count, "step")
    return count


def abort():
    os.abort()


def refuse():
    raise RefusedError("a.tif is refused; give another")


def divide(a, b):
    return a / b


def foreign():
    raise subprocess.TimeoutExpired("a", 1)


def missing():
    with open("/nowhere"):
        pass


def harmful():
    return os.system  # an answer that is no plain value


def waiting(path):
    path.write_text(str(os.getpid()))
    signal.pause()
