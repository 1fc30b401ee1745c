"""Fixtures for every test."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Several test processes share few cores: threads that wait for each other must not spin.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# No test may write to, or read from, the index of whoever runs the tests.
os.environ["MITOSHI_INDEX"] = "off"

import hypothesis
import pytest

hypothesis.settings.register_profile("mitoshi", deadline=None)  # several processes share few cores
hypothesis.settings.load_profile("mitoshi")
sys.path.insert(0, str(Path(__file__).parent))
pytest_plugins = ("service_fixtures",)

TESTS = Path(__file__).parent
# What takes minutes begins first, so that two workers end together.
LONGEST = ("workflows/test_demo.py", "real/test_hydraulics_real.py", "browser/", "hostile/test_jobs_faults.py")


def pytest_xdist_make_scheduler(config, log):
    """Give every worker whole files, in the order of `pytest_collection_modifyitems`: what a file shares is made once.

    Groups by mark do not come about: pytest 9 takes no change of a test's identifier from xdist 3.8.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.partition("::")[0]
            return "browser" if "/browser/" in file else file  # one service and one Chromium at a time

    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def rank(item):
        place = item.path.relative_to(TESTS).as_posix()
        long = next((n for n, start in enumerate(LONGEST) if place.startswith(start)), len(LONGEST))
        return long, item.path not in slow

    items.sort(key=rank)


def shared_root() -> Path:
    return Path(os.environ.get("MITOSHI_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(autouse=True, scope="session")
def _one_thread_per_process():
    """Let each of several test processes compute on one thread; tests of threads ask for theirs."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        import numba

        numba.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _calls_in_place():
    """Let tests replace parts of what runs; tests of the isolation switch it on again, and so does every command."""
    from mitoshi.core import isolated

    isolated.IN_PLACE = True


@pytest.fixture
def isolated_calls(monkeypatch):
    """Let `verify` and `ingest` read files in a process of their own, as they do outside of tests."""
    from mitoshi.core import isolated

    monkeypatch.setattr(isolated, "IN_PLACE", False)


@pytest.fixture(scope="session")
def shared_data():
    """Return a function from a path below the shared data folder to the file; the test is skipped where it is absent."""

    def locate(relative: str) -> Path:
        path = shared_root() / "data" / relative
        if not path.exists():
            pytest.skip(f"real data {relative} is not on this machine (set MITOSHI_SHARED)")
        return path

    return locate
