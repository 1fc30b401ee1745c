"""`mitoshi score` as a person meets it: one process, tables or JSON, and one line for every mistake."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner

from mitoshi.core.errors import MitoshiError
from mitoshi.interfaces.cli import SUPERVISED, cli

HERE = Affine(10, 0, 400000, 0, -10, 4000000)


@pytest.fixture
def files(tmp_path):
    mapped = np.array([[1, 1, 1, 0, 0], [0, 1, 255, 255, 1]], np.uint8)
    truth = np.array([[1, 1, 0, 0, 1], [0, 1, 1, 0, 9]], np.uint8)
    for name, values, nodata in (("map.tif", mapped, 255), ("truth.tif", truth, None)):
        place = {"crs": "EPSG:32654", "transform": HERE, "nodata": nodata}
        with rasterio.open(
            tmp_path / name, "w", driver="GTiff", height=2, width=5, count=1, dtype="uint8", **place
        ) as out:
            out.write(values, 1)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(cli, ["score", *map(str, arguments)], standalone_mode=False)


def refused(*arguments):
    done = run(*arguments)
    assert isinstance(done.exception, MitoshiError), done.output
    assert done.exception.exit_status == 2
    assert "\n" not in str(done.exception)
    return str(done.exception)


def test_files_of_strangers_are_read_under_supervision():
    assert "score" in SUPERVISED


def test_tables_on_the_terminal(files):
    done = run(files / "map.tif", "--reference", files / "truth.tif", "--map", "0=0,1=1,9=none")
    assert done.exception is None, done.exception
    lines = done.output.splitlines()
    assert lines[0] == "Agreement on: class 1"
    assert any(line.split()[-1] == "0.600" and "IoU" in line for line in lines)
    assert any(line.split() == ["not", "observed", "1", "1", "0"] for line in lines)
    assert any(line.startswith("- product: states no time") for line in lines)


def test_json_and_a_folder(files):
    done = run(
        files / "map.tif",
        "--reference",
        files / "truth.tif",
        "--map",
        "0=0,1=1,9=none",
        "--out",
        files / "out",
        "--json",
    )
    assert done.exception is None, done.exception
    said = json.loads(done.output)
    assert said["score"]["measures"]["intersection_over_union"] == pytest.approx(0.6)
    assert sorted(said["files"]) == sorted(p.name for p in (files / "out").iterdir())
    assert {"errors.tif", "score.en.pdf", "score.ja.pdf", "errors.ja.png"} <= set(said["files"])


def test_pairs_on_the_terminal(files):
    (files / "pairs.csv").write_text("product,reference,group\nmap.tif,truth.tif,a\nmap.tif,truth.tif,b\n")
    done = run("--pairs", files / "pairs.csv", "--map", "0=0,1=1,9=none")
    assert done.exception is None, done.exception
    assert any(line.split()[:2] == ["pooled", "0.600"] for line in done.output.splitlines())


def test_mistakes_are_one_line(files):
    assert "code 9" in refused(files / "map.tif", "--reference", files / "truth.tif")
    assert "needs a product and a reference" in refused(files / "map.tif")
    assert "leave PRODUCT and --reference out" in refused(files / "map.tif", "--pairs", files / "pairs.csv")
    assert "no such file" in refused("--pairs", files / "pairs.csv")
    assert "not a regular file" in refused("--pairs", "/dev/zero")
    assert "gone.tif" in refused(files / "map.tif", "--reference", files / "gone.tif")
    assert "--positive takes codes" in refused(
        files / "map.tif", "--reference", files / "truth.tif", "--positive", "water"
    )
    assert "--truth takes" in refused(files / "map.tif", "--reference", files / "truth.tif", "--truth", "area")
    assert "holds other files" in refused(files / "map.tif", "--reference", files / "truth.tif", "--out", files)
