"""Calls in a process of their own: answers, errors and warnings come back, deaths are one line, nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import isolation_subjects as subjects
import pytest

from mitoshi.core import isolated as module
from mitoshi.core.errors import RefusedError, RunError
from mitoshi.core.isolated import importable, isolated

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux (pidfd_open)"),
    pytest.mark.usefixtures("isolated_calls"),
]


def test_a_call_is_done_elsewhere_and_the_worker_stays_warm(monkeypatch, tmp_path):
    first, *_ = isolated(subjects.place)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MITOSHI_TEST_WORD", "言葉")
    assert isolated(subjects.place) == (first, str(tmp_path), "言葉")
    assert first != os.getpid()


def test_a_file_that_kills_its_reader_is_refused_and_the_others_are_read():
    before, *_ = isolated(subjects.place)
    said = isolated(subjects.read, "before", "crash", "after")
    assert [line.split()[0] for line in said] == ["read", "crash", "read"]
    assert "its reader died (signal 11)" in said[1]
    assert isolated(subjects.place)[0] != before
    assert isolated(subjects.read, "crash" + "less") == ["read crashless"]


@pytest.mark.slow
def test_a_file_that_fills_the_memory_is_refused():
    assert "it looks like a bomb" in isolated(subjects.read, "bomb")[0]


def test_errors_and_warnings_come_back(caplog):
    with pytest.raises(RefusedError, match=r"a\.tif is refused"):
        isolated(subjects.refuse)
    with pytest.raises(ZeroDivisionError) as error:
        isolated(subjects.divide, 1, 0)
    assert "return a / b" in error.value.__notes__[0]
    with pytest.raises(RuntimeError, match="TimeoutExpired: a 1"):
        isolated(subjects.foreign)
    with pytest.raises(FileNotFoundError) as missing:
        isolated(subjects.missing)
    assert (missing.value.errno, missing.value.filename) == (2, "/nowhere")
    isolated(subjects.warned)
    assert [r.getMessage() for r in caplog.records if r.name == "mitoshi.test"] == ["a warning of a worker"]


def test_a_death_that_no_file_explains_is_one_line():
    with pytest.raises(RunError, match=r"^abort stopped: the process died \(signal 6\)"):
        isolated(subjects.abort)


def test_what_is_no_plain_answer_is_not_loaded():
    with pytest.raises(RunError, match="cannot be read"):
        isolated(subjects.harmful)


def test_progress_is_called_here_and_may_break_the_call_off():
    seen = []
    assert isolated(subjects.steps, 3, progress=lambda *step: seen.append(step)) == 3
    assert seen == [(n, 3, "step") for n in range(3)]

    def enough(done, total, message):
        raise KeyError(done)

    with pytest.raises(KeyError):
        isolated(subjects.steps, 3, progress=enough)
    assert isolated(subjects.divide, 4, 2) == 2


def test_threads_have_workers_of_their_own():
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(isolated(subjects.divide, 6, 3))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [2.0] * 4


def test_a_worker_that_went_idle_is_replaced():
    (worker,) = [isolated(subjects.divide, 1, 1)] and list(module._POOL._warm)
    os.kill(worker._process.pid, signal.SIGKILL)
    worker._process.wait()
    assert isolated(subjects.divide, 2, 1) == 2


def test_what_cannot_be_imported_by_name_is_said():
    assert importable(subjects.divide)
    assert not importable(lambda: 1)
    assert not importable(subjects.read.__call__)


def _ended(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_caller_that_ends_leaves_no_worker(number, tmp_path):
    code = "import sys, pathlib, signal\nfrom mitoshi.core.isolated import isolated\nimport isolation_subjects\n"
    code += (
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job of a shell in the background ignores it
    )
    code += "isolated(isolation_subjects.waiting, pathlib.Path(sys.argv[1]))"
    note = tmp_path / "pid"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(note)], env=environment, stderr=subprocess.DEVNULL
    ) as caller:
        deadline = time.monotonic() + 20
        while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        worker = int(note.read_text())
        assert not _ended(worker)
        caller.send_signal(number)
        caller.wait(20)
        while not _ended(worker) and time.monotonic() < deadline:
            time.sleep(0.02)
    assert _ended(worker)
