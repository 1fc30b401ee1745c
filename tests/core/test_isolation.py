"""A file that kills its reader is one line; the others are read; nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux (pidfd_open)")

PROGRAM = """
import os, signal, sys, time
from mitoshi.core import isolation
from mitoshi.core.errors import MitoshiError

def evil(name):
    if name == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "bomb":
        kept = [bytearray(b"x") * 2**26 for _ in range(1000)]
    if name == "endless":
        while True:
            pass
    if name == "bad":
        raise ValueError("bad")

def command():
    said = []
    for name in sys.argv[1:]:
        try:
            with isolation.attempt(name + "#a=b"):
                evil(name)
            said.append("read " + name)
        except (MitoshiError, ValueError) as error:
            said.append(f"refused {error}")
    if said:
        print("\\n".join(said), flush=True)
    if "late" in sys.argv:
        os.kill(os.getpid(), signal.SIGABRT)
    if "wait" in sys.argv:
        print("waiting", os.getpid(), flush=True)
        time.sleep(60)
    sys.exit(7)

isolation.MEMORY, isolation.SECONDS, isolation.WAITING = 2**28, 1.0, 20.0  # a busy machine gives little of its time
isolation.supervise(command, "ingest")
"""


def run(*names, **environment):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *names],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=os.environ | environment,
    )


def test_the_status_of_the_command_is_passed_on():
    done = run("a")
    assert (done.returncode, done.stdout, done.stderr) == (7, "read a\n", "")


@pytest.mark.parametrize(
    ("name", "reason"), [("crash", "signal 11"), ("bomb", "more than 0.2 GiB"), ("endless", "more than 1 s")]
)
def test_a_reader_that_dies_is_one_refused_file_and_the_others_are_read(name, reason):
    done = run("before", name, "bad", "after")
    lines = done.stdout.splitlines()
    assert done.returncode == 7
    assert [line.split()[0] for line in lines] == ["read", "refused", "refused", "read"]
    assert reason in lines[1]
    assert lines[1].startswith(f"refused {name} cannot be read: ")
    assert done.stderr == ""


def test_several_killers_are_each_refused():
    lines = run("crash", "bomb", "good").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["refused", "refused", "read"]


def test_a_death_that_no_file_explains_is_one_line():
    done = run("late")
    assert done.returncode == 1
    assert done.stderr == "mitoshi: ingest stopped: the process died (signal 6); report it with the command\n"


def test_without_isolation_the_command_runs_in_its_own_process():
    assert run("a", MITOSHI_ISOLATION="0").returncode == 7
    assert run("crash", MITOSHI_ISOLATION="0").returncode == -signal.SIGSEGV


def _gone(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    with open(f"/proc/{process}/stat") as file:
        return file.read().split(")")[-1].split()[0] == "Z"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_stopped_supervisor_leaves_no_child(number, status):
    with subprocess.Popen([sys.executable, "-c", PROGRAM, "wait"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "read wait\n"
        child = int(process.stdout.readline().split()[1])
        process.send_signal(number)
        assert process.wait(10) == status
        end = time.monotonic() + 5
        while not _gone(child) and time.monotonic() < end:
            time.sleep(0.02)
        assert _gone(child)
