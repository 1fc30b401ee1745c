"""The command line as a person meets it: real processes, one line for every mistake."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

pytestmark = pytest.mark.slow

MITOSHI = Path(sys.executable).with_name("mitoshi")


def mitoshi(*arguments, cwd=None, **environment):
    import os

    return subprocess.run(
        [str(MITOSHI), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=300,
        check=False,
    )


def one_line(done, status=2):
    """Return the message after checking status, one line and no traceback."""
    assert done.returncode == status, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("mitoshi: ")
    return lines[0]


@pytest.fixture
def image(tmp_path):
    """A small radar image in dB with a dark lake."""
    values = np.random.default_rng(1).normal(-8, 1, (2, 128, 160)).astype("float32")
    values[:, 40:90, 50:120] -= 12
    path = tmp_path / "after.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=160,
        height=128,
        count=2,
        dtype="float32",
        crs="EPSG:32654",
        transform=from_origin(4e5, 4e6, 10, 10),
    ) as out:
        out.write(values)
    return path


def test_help_answers_in_under_half_a_second():
    mitoshi("--help")
    took = []
    for _ in range(5):
        start = time.perf_counter()
        done = mitoshi("--help")
        took.append(time.perf_counter() - start)
    assert done.returncode == 0
    assert "disaster" not in done.stderr
    for command in ("demo", "ingest", "search", "methods", "describe", "run", "verify", "sign"):
        assert f"  {command}" in done.stdout
    assert min(took) < 0.5, took


def test_methods_and_describe():
    listed = json.loads(mitoshi("methods", "--json").stdout)
    assert "disaster.flood-extent" in [m["name"] for m in listed]
    described = json.loads(mitoshi("describe", "disaster.flood-extent", "--json").stdout)
    names = {"before", "after", "elevation", "incidence_angle", "reference_water", "land_cover", "built_up"}
    assert names == {d["name"] for d in described["data"]}
    assert [d["name"] for d in described["data"] if d["required"]] == ["after"]
    assert "flood.tif" in mitoshi("describe", "disaster.flood-extent").stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "disaster.flood-extend", "--out", "x"], "did you mean 'disaster.flood-extent'"),
        (["run", "disaster.flood-extent", "--out", "x"], "needs data; give --after FILE"),
        (["run", "disaster.flood-extent", "--aftre", "a.tif", "--out", "x"], "--after"),
        (["run", "disaster.flood-extent", "--after", "no-such.tif", "--out", "x"], "no-such.tif"),
        (["run", "disaster.flood-extent", "--area", "1,2,3", "--out", "x"], "west,south,east,north"),
        (["run", "disaster.flood-extent", "--after", "a.tif", "--event", "yesterday", "--out", "x"], "ISO 8601"),
        (["describe", "nothing"], "unknown method 'nothing'"),
        (["search", "--bbox", "0,0,0"], "four numbers"),
        (["serch"], "No such command 'serch'"),
        (["verify", "no-such-folder"], "no-such-folder"),
    ],
)
def test_every_mistake_gets_one_line(tmp_path, arguments, expected):
    assert expected in one_line(mitoshi(*arguments, cwd=tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_run_is_written_verified_and_its_change_is_found(tmp_path, image):
    out = tmp_path / "flood"
    done = mitoshi(
        "run", "disaster.flood-extent", "--after", image, "--out", out, "--time", "2026-11-23T00:00Z", "--json"
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["assumptions"], "an undescribed file must be reported as assumed"
    for name in (
        "flood.tif",
        "flood_probability.tif",
        "flood.geojson",
        "figures.json",
        "quicklook.png",
        "report.en.pdf",
        "report.ja.pdf",
    ):
        assert (out / name).is_file(), name
    with rasterio.open(out / "flood.tif") as flood:
        codes = flood.read(1)
    assert (codes[42:88, 52:118] == 1).all()
    outside = np.ones(codes.shape, bool)
    outside[38:92, 48:122] = False
    assert not (codes[outside] == 1).any()
    assert subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=out, check=False).returncode == 0
    verdict = mitoshi("verify", out, "--json")
    assert json.loads(verdict.stdout)["status"] == "identical", verdict.stdout
    with rasterio.open(out / "flood.tif", "r+") as flood:
        codes[3, 4] = 1 - codes[3, 4]
        flood.write(codes, 1)
    changed = mitoshi("verify", out)
    assert changed.returncode == 1
    assert "different" in changed.stdout
    assert "flood.tif" in changed.stdout


def test_a_bundle_that_is_there_stays_unless_its_replacement_is_said(tmp_path, image):
    run = ("run", "disaster.flood-extent", "--after", f"{image}#units=dB,bands=VV+VH,time=2026-01-01T00:00Z")
    run += ("--out", tmp_path / "bundle")
    assert mitoshi(*run, "--time", "2026-01-02T00:00:00Z").returncode == 0
    record = tmp_path / "bundle" / "run.json"
    first = record.read_bytes(), record.stat().st_mtime_ns
    again = mitoshi(*run)
    assert again.returncode == 0, again.stderr
    assert "nothing was computed (--replace makes it again)" in again.stdout
    assert json.loads(mitoshi(*run, "--time", "2026-01-02T00:00:00Z", "--json").stdout)["kept"] is True
    assert "made at another time" in one_line(mitoshi(*run, "--time", "2026-01-03T00:00:00Z"))
    assert "--replace" in one_line(mitoshi(*run, "--threshold-shift", "0.1"))
    assert (record.read_bytes(), record.stat().st_mtime_ns) == first
    replaced = mitoshi(*run, "--threshold-shift", "0.1", "--replace", "--json")
    assert replaced.returncode == 0, replaced.stderr
    assert json.loads(replaced.stdout)["kept"] is False
    assert json.loads(record.read_text())["parameters"]["threshold_shift"] == 0.1


def test_signing(tmp_path, image):
    out, key = tmp_path / "flood", tmp_path / "key.pem"
    assert mitoshi("run", "disaster.flood-extent", "--after", image, "--out", out).returncode == 0
    assert mitoshi("keygen", key).returncode == 0
    assert mitoshi("keygen", tmp_path / "other.pem").returncode == 0
    assert mitoshi("sign", out, "--key", key).returncode == 0
    assert mitoshi("verify", out, "--key", f"{key}.pub").returncode == 0
    refused = mitoshi("verify", out, "--key", tmp_path / "other.pem.pub")
    assert refused.returncode == 1
    assert "SHA256SUMS.sig" in refused.stdout


@pytest.mark.parametrize(
    "settings",
    [
        {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3", "NUMBA_CPU_NAME": "generic"},
        {"OPENBLAS_CORETYPE": "Prescott", "NUMBA_ENABLE_AVX": "0"},
    ],
)
def test_the_flood_map_verifies_under_other_processor_settings(tmp_path, image, settings):
    out = tmp_path / "flood"
    with rasterio.open(image) as dataset:
        profile, values = dataset.profile, dataset.read()
    early = image.with_name("early.tif")
    with rasterio.open(early, "w", **profile) as dataset:
        dataset.write(values[:, ::-1])
    arguments = ("run", "disaster.flood-extent", "--after", image, "--before", early, "--elevation", image)
    assert "elevation" in one_line(mitoshi(*arguments, "--out", out))  # a radar image is no elevation
    assert mitoshi(*arguments[:-2], "--out", out).returncode == 0
    told = json.loads(mitoshi("verify", out, "--json", NUMBA_CACHE_DIR=str(tmp_path / "numba"), **settings).stdout)
    assert told["status"] in ("identical", "equivalent"), told
    assert any("environment.json" in line for line in told["not_checked"])  # where it ran decides nothing


def test_long_work_without_a_terminal_says_where_it_is_now_and_then(monkeypatch, capsys):
    from mitoshi.interfaces.cli import terminal

    with terminal.progress_bar("demo", quiet=False, lines=True) as progress:
        progress(1, 4, "ingest")
    assert capsys.readouterr().err == ""  # nothing for work of a second
    monkeypatch.setattr(terminal, "LINE_SECONDS", 0.0)
    for quiet, lines, shown in ((False, True, "demo: 2/4 flood\ndemo: a.tif\n"), (False, False, ""), (True, True, "")):
        with terminal.progress_bar("demo", quiet=quiet, lines=lines) as progress:
            progress(2, 4, "flood")
            progress(3, 0, "a.tif")
        assert capsys.readouterr().err == shown
