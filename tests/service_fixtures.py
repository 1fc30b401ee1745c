"""A small simulated store, and the service on it: in this process, and as `mitoshi serve` on a free port of the loopback."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

TIME = datetime(2026, 11, 23, tzinfo=UTC)
SIZE, SEED = 256, 7


class Served(NamedTuple):
    """A running service: its address, its catalogue's folder and its process."""

    url: str
    store: Path
    process: subprocess.Popen[str]


def _build(folder: Path) -> None:
    """Simulate a region, ingest it, and make one flood bundle."""
    from mitoshi.catalog import Catalogue
    from mitoshi.core.discovery import find
    from mitoshi.core.requirement import instant
    from mitoshi.sensors import items
    from mitoshi.simulation import EVENT, region, write_exposure, write_region
    from mitoshi.workflows.task import run_method

    place = region((SIZE, SIZE), seed=SEED)
    write_region(place, folder)
    write_exposure(folder / "archive", (SIZE, SIZE), seed=SEED)
    store = folder / "catalogue"
    Catalogue(store).ingest([folder / "archive"], describe=items)
    out = store / "service" / "runs" / "first"
    run_method(
        find("disaster.flood-extent"), {}, {}, out, time=TIME, store=store, area=place.bbox, event=instant(EVENT)
    )
    (folder / "area.txt").write_text(",".join(map(str, place.bbox)))


@pytest.fixture(scope="session")
def built_region(tmp_path_factory):
    """Return the folder of the region, made once for all test processes; never written to."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = base / "service-region"
    with (base / "service-region.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "area.txt").exists():
            _build(folder)
    return folder


def copy_of(region: Path, target: Path) -> Path:
    """Return the catalogue of a copy of the region, its items pointing into the copy."""
    from mitoshi.catalog import Catalogue
    from mitoshi.sensors import items
    from mitoshi.workflows.bundle_store import BundleStore, publish

    shutil.copytree(region / "archive", target / "archive")
    store = target / "catalogue"
    shutil.copytree(region / "catalogue" / "service", store / "service")
    shutil.copy(region / "area.txt", target / "area.txt")
    catalogue = Catalogue(store)
    catalogue.ingest([target / "archive"], describe=items)
    for bundle in BundleStore((store / "service" / "runs",)).bundles():
        publish(bundle, catalogue)
    return store


@pytest.fixture(scope="session")
def small_store(built_region, tmp_path_factory):
    """Return the catalogue's folder, which tests may read and must not change; see `fresh_store`."""
    return copy_of(built_region, tmp_path_factory.mktemp("small"))


@pytest.fixture
def fresh_store(built_region, tmp_path):
    """Return the folder of a catalogue of the test's own."""
    return copy_of(built_region, tmp_path / "fresh")


@pytest.fixture(scope="session")
def area(built_region):
    """Return the region's (west, south, east, north)."""
    return tuple(float(v) for v in (built_region / "area.txt").read_text().split(","))


@pytest.fixture(scope="session")
def settings(small_store):
    from mitoshi.interfaces.api import Settings

    return Settings(
        store=small_store, data=(small_store.parent / "archive",), workers=0, names=("testserver",), port=80
    )


@pytest.fixture(scope="session")
def client(settings):
    """Return a client of the application in this process, without workers."""
    from starlette.testclient import TestClient

    from mitoshi.interfaces.api.app import create_app

    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def serving(store: Path, *options: str, workers: int = 1) -> Served:
    """Start `mitoshi serve` and return it once it listens."""
    command = [sys.executable, "-c", "from mitoshi.interfaces.cli import main; main()", "serve"]
    command += ["--store", str(store), "--data", str(store.parent / "archive"), "--port", "0"]
    command += ["--workers", str(workers), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "NUMBA_NUM_THREADS": "1"})
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("mitoshi serves "):
            return Served(line.split()[2].rstrip("/"), store, process)
    raise AssertionError(f"mitoshi serve ended with {process.wait()} before it listened")


def stopped(served: Served) -> None:
    """End a service, with force where it does not end by itself."""
    served.process.terminate()
    try:
        served.process.wait(20)
    except subprocess.TimeoutExpired:
        served.process.kill()
        served.process.wait()
    if served.process.stdout is not None:
        served.process.stdout.close()


@pytest.fixture(scope="session")
def served(built_region, tmp_path_factory):
    """Return a real service with one worker, on a store of its own."""
    running = serving(copy_of(built_region, tmp_path_factory.mktemp("served")))
    yield running
    stopped(running)
