"""Ctrl-C on a running command: it ends with its child in one line and status 130, and leaves nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from mitoshi.interfaces.cli import main; main()"]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    import rasterio
    from rasterio.transform import from_origin

    path = tmp_path_factory.mktemp("scene") / "after.tif"
    values = (0.1 * np.random.default_rng(1).gamma(4, 0.25, (2, 2500, 2500))).astype("float32")
    place = {"crs": "EPSG:32654", "transform": from_origin(400_000, 4_000_000, 10, 10), "tiled": True}
    with rasterio.open(path, "w", driver="GTiff", count=2, height=2500, width=2500, dtype="float32", **place) as file:
        file.write(values)
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="commands are supervised on Linux alone")
@pytest.mark.parametrize("whole_group", [True, False], ids=["as a terminal does", "the supervisor alone"])
def test_a_run_that_is_interrupted_leaves_nothing(scene, tmp_path, whole_group):
    said = f"{scene}#quantity=sigma0,units=1,bands=VV+VH,time=2025-12-31T00:00Z"
    command = [*COMMAND, "run", "disaster.flood-extent", "--after", said, "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not any(tmp_path.iterdir()):  # until the first file of the bundle is being written
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    if whole_group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert errors.strip() == "mitoshi: stopped"
    assert out == ""
    psutil.wait_procs(children, timeout=20)
    assert not [child for child in children if child.is_running()]
    assert list(tmp_path.iterdir()) == []


def test_an_ingest_that_is_interrupted_leaves_a_catalogue_that_can_be_used(tmp_path):
    point = '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"n":%d},"geometry":{"type":"Point","coordinates":[139,35]}}]}'
    files = [tmp_path / f"{n}.geojson" for n in range(400)]
    for n, file in enumerate(files):
        file.write_text(point % n)
    command = [*COMMAND, "ingest", *map(str, files), "--store", str(tmp_path / "store")]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not psutil.Process(process.pid).children():
        time.sleep(0.01)
    time.sleep(1.0)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert errors.strip() == "mitoshi: stopped"
    again = subprocess.run(
        [*COMMAND, "ingest", str(files[0]), "--store", str(tmp_path / "store")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
