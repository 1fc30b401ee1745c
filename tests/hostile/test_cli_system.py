"""What the operating system refuses ends in one line: full disks, limits, closed outputs, names of every kind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

LINE = "import sys; from mitoshi.interfaces.cli import main; sys.argv[0] = 'mitoshi'; main()"
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in {"MITOSHI_DEBUG"}}


def mitoshi(*arguments: object, before: str = "", env: dict[str, str] | None = None, **options):
    """Run the command line in a process of its own, after shell words such as ``ulimit -f 20;``."""
    words = [sys.executable, "-W", "ignore", "-c", LINE, *map(os.fsencode, map(os.fspath, arguments))]
    if before:
        words = ["bash", "-c", f'{before} exec "$@"', "bash", *words]
    return subprocess.run(
        words,
        capture_output="stdout" not in options,
        env={**ENVIRONMENT, **(env or {})},
        timeout=120,
        check=False,
        **options,
    )


def one_line(done, status: int, *wanted: str) -> None:
    text = done.stderr.decode("utf-8", "replace") if done.stderr is not None else ""
    assert done.returncode == status, text
    assert len(text.strip().splitlines()) == 1, text
    assert "internal error" not in text
    assert "Traceback" not in text
    for words in wanted:
        assert words in text, text


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """Write a depth raster and four buildings in it."""
    import geopandas
    import rasterio
    from rasterio.transform import from_origin
    from shapely.geometry import Point

    folder = tmp_path_factory.mktemp("ground")
    depth = np.full((64, 64), 1.5, np.float32)
    profile = {"driver": "GTiff", "height": 64, "width": 64, "count": 1, "dtype": "float32"}
    with rasterio.open(
        folder / "depth.tif", "w", crs="EPSG:32654", transform=from_origin(300000, 3900000, 10, 10), **profile
    ) as file:
        file.write(depth, 1)
    points = geopandas.GeoSeries([Point(300005 + 100 * n, 3899995 - 100 * n) for n in range(4)], crs="EPSG:32654")
    geopandas.GeoDataFrame({"id": list("abcd")}, geometry=points.to_crs(4326)).to_file(folder / "buildings.geojson")
    return folder


def run_options(folder: Path, out: object) -> tuple[object, ...]:
    return ("run", "disaster.impact", "--depth", folder / "depth.tif", "--buildings", folder / "buildings.geojson",
            "--out", out)  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [("methods",), ("--help",), ("describe", "disaster.impact", "--json")])
def test_a_full_standard_output_is_one_line(arguments):
    with open("/dev/full", "wb") as full:
        done = mitoshi(*arguments, stdout=full, stderr=subprocess.PIPE)
    one_line(done, 1, "standard output", "no space is left")


def test_a_closed_standard_output_is_no_error():
    done = mitoshi("methods", before="exec >&-;")
    assert done.returncode == 0
    assert done.stderr == b""


def test_a_file_size_limit_is_one_line_and_leaves_nothing(ground, tmp_path):
    done = mitoshi(*run_options(ground, tmp_path / "out"), before="ulimit -f 20;")
    one_line(done, 1, "ulimit -f")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount the small disk")
@pytest.mark.parametrize("kilobytes", [40, 150, 400])
def test_a_full_disk_is_one_line_and_leaves_nothing(ground, tmp_path, kilobytes):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", disk], check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        one_line(mitoshi(*run_options(ground, disk / "out")), 1, "no space is left")
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount the small disk")
def test_verify_on_a_full_disk_is_one_line(ground, tmp_path):
    assert mitoshi(*run_options(ground, tmp_path / "out")).returncode == 0
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60k", "tmpfs", disk], check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        done = mitoshi("verify", tmp_path / "out", "--inputs", ground, env={"TMPDIR": str(disk)})
        one_line(done, 1, "no space is left")
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("name", ["a" * 240, "水" * 80, "[flood] 100%"])
def test_long_and_odd_names_are_names(ground, tmp_path, name):
    from mitoshi.evidence.bundle import draft

    with draft(tmp_path / name) as folder:
        (folder / "run.json").write_text("{}")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_name_that_no_file_system_takes_is_one_line(ground, tmp_path):
    one_line(mitoshi("verify", tmp_path / ("a" * 300)), 2, "shorter")
    one_line(mitoshi(*run_options(ground, tmp_path / ("a" * 300))), 2, "shorter")


def test_a_name_that_is_not_utf8_is_refused_by_name(ground, tmp_path):
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.tif")
    Path(odd).write_bytes((ground / "depth.tif").read_bytes())
    one_line(mitoshi("ingest", odd, "--store", tmp_path / "store", "--json"), 2, "not UTF-8", "\\xff")


def test_a_japanese_path_without_utf8_says_which_setting(ground, tmp_path):
    path = tmp_path / "水深.tif"
    path.write_bytes((ground / "depth.tif").read_bytes())
    plain = {"LC_ALL": "C"}
    assert mitoshi("ingest", path, "--store", tmp_path / "保管", env=plain).returncode == 0
    done = mitoshi("ingest", path, "--store", tmp_path / "s", "--json", env={**plain, "PYTHONUTF8": "0",
                                                                             "PYTHONCOERCECLOCALE": "0"})  # fmt: skip
    one_line(done, 2, "LC_ALL=C.UTF-8")
