"""What was freed goes back to the system."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mitoshi.evidence import memory

PIECES, BYTES = 400, 60_000  # below the size from which the allocator asks the system for each piece


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(memory._malloc_trim() is None, reason="the allocator of this system has no malloc_trim")
def test_what_threads_freed_is_given_back():
    def work(seed):
        pieces = [np.full(BYTES, seed, np.uint8) for _ in range(PIECES)]
        last = pieces[-1]  # it keeps the heap from shrinking by itself
        del pieces
        return last

    with ThreadPoolExecutor(4) as threads:
        held = list(threads.map(work, range(40)))
        before = resident()
        memory.release_freed()
        freed = before - resident()
    assert len(held) == 40
    assert freed > 0.25 * PIECES * BYTES


def test_a_system_without_it_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory, "_malloc_trim", lambda: None)
    memory.release_freed()
