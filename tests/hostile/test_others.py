"""The measure of what others wait for: it sees a blocked loop and a held lock, and excuses a machine that is busy with something else."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
from attacked_service import Effort, Others

pytestmark = pytest.mark.slow


def _burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@pytest.mark.parametrize("block", [_burn, time.sleep])
def test_a_blocked_loop_is_seen(attacked, block):
    server = attacked.app.router
    loops = []

    async def blocking(scope, receive, send):
        loops.append(block(1.2))
        await original(scope, receive, send)

    original, server.default = server.default, blocking
    try:
        with Others(attacked) as others:
            time.sleep(0.1)
            attacked.ask("GET", "/nowhere/at/all")
    finally:
        server.default = original
    assert loops
    assert others.slowest > 1.0


def test_a_busy_machine_is_no_blocked_loop():
    """Six processes at work beside two threads: what this process waits for a processor is not counted as its delay."""
    command = [sys.executable, "-c", "import time; end = time.time() + 2\nwhile time.time() < end: pass"]
    running = [subprocess.Popen(command) for _ in range(6)]
    try:
        time.sleep(0.2)
        thread = threading.Thread(target=_burn, args=(0.15,))
        before = Effort.now(threading.get_ident())
        thread.start()
        _burn(0.15)
        thread.join()
        after = Effort.now(threading.get_ident())
    finally:
        for process in running:
            process.wait()
    assert 0.14 < after.delay(before) < 0.75
