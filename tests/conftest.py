"""Fixtures for every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def shared_root() -> Path:
    return Path(os.environ.get("MITOSHI_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared_data():
    """Return a function from a path below the shared data folder to the file; the test is skipped where it is absent."""

    def locate(relative: str) -> Path:
        path = shared_root() / "data" / relative
        if not path.exists():
            pytest.skip(f"real data {relative} is not on this machine (set MITOSHI_SHARED)")
        return path

    return locate
