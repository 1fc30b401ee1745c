import hashlib
import json
import time
from dataclasses import replace
from datetime import UTC, datetime

import geopandas
import numpy as np
import pytest
import shapely
from click.testing import CliRunner

from mitoshi import handover
from mitoshi.core.errors import InputError
from mitoshi.core.features import Column
from mitoshi.core.text import Text
from mitoshi.handover import sip4d
from mitoshi.handover.layers import LayerForHandover
from mitoshi.interfaces.cli.handover import sip4d as command

TIME = datetime(2026, 11, 22, 12, 5, tzinfo=UTC)


@pytest.fixture
def situation():
    event = Text("Heavy rain", "豪雨")
    evidence = (handover.EvidenceRow(Text("Flood", "浸水域"), "disaster.flood-extent-5f2c", "flood"),)
    return handover.Situation(
        Text("Report", "状況報告"), event, Text("a", "川"), TIME, (), simulated=False, evidence=evidence
    )


@pytest.fixture
def layers(flood, roads, counts):
    return {"flood": flood, "roads": roads, "counts": counts}


def test_one_call_writes_everything_and_again_the_same(tmp_path, layers, situation):
    files = handover.write(tmp_path / "out", layers, situation, simulated=True, time=TIME)
    names = [str(f.relative_to(tmp_path / "out")) for f in files]
    assert names == [
        "csv/columns.csv",
        "csv/counts.csv",
        "csv/flood.csv",
        "csv/roads.csv",
        "handover.json",
        "layers.gpkg",
        "sip4d/01-005-02_roads.zip",
        "sip4d/01-008-03_flood.zip",
        "situation.en.pdf",
        "situation.ja.pdf",
    ]
    told = json.loads(files[4].read_text("utf-8"))
    assert told["sip4d_flag"] == "訓練"
    assert told["notes"] == ["counts: a table without geometry has no SIP4D-ZIP"]
    assert told["files"] == {
        n: hashlib.sha256(f.read_bytes()).hexdigest() for n, f in zip(names, files, strict=True) if n != "handover.json"
    }
    before = [f.read_bytes() for f in files]
    time.sleep(1.05)
    again = handover.write(tmp_path / "out", layers, situation, simulated=True, time=TIME)
    assert [f.read_bytes() for f in again] == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_layer_that_does_not_fit_its_code_goes_out_as_other_with_a_note(tmp_path, flood, situation):
    points = replace(flood, code="01-005-02")
    handover.write(tmp_path / "out", {"flood": points}, situation, simulated=True, time=TIME)
    assert (tmp_path / "out/sip4d/99-999-99_flood.zip").exists()
    (note,) = json.loads((tmp_path / "out/handover.json").read_text("utf-8"))["notes"]
    assert "does not fit 01-005-02" in note


def test_a_failure_leaves_the_handover_of_before(tmp_path, layers, situation):
    out = tmp_path / "out"
    handover.write(out, layers, situation, simulated=True, time=TIME)
    before = (out / "handover.json").read_bytes()
    broken = replace(layers["flood"], features=layers["flood"].features.drop(columns="id"))
    with pytest.raises(InputError):
        handover.write(out, {"flood": broken}, situation, simulated=True, time=TIME)
    assert (out / "handover.json").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_something_else_is_never_replaced(tmp_path, situation):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="holds other files"):
        handover.write(tmp_path, {}, situation, simulated=False, time=TIME)
    assert (tmp_path / "mine.txt").exists()


def test_real_data_of_a_named_issuer_go_out_in_earnest(tmp_path, flood, situation, issuer):
    files = handover.write(
        tmp_path / "out", {"flood": flood}, situation, simulated=False, time=TIME, issuer=issuer, report=3
    )
    package = next(f for f in files if f.suffix == ".zip")
    assert sip4d.check(package).title == "浸水域"
    assert json.loads((tmp_path / "out/handover.json").read_text("utf-8"))["sip4d_flag"] == "通常"


@pytest.mark.slow
def test_fifty_thousand_buildings_take_seconds(tmp_path, situation):
    rng, count = np.random.default_rng(1), 50_000
    x, y = 380000 + rng.uniform(0, 2e4, count), 3950000 + rng.uniform(0, 2e4, count)
    features = geopandas.GeoDataFrame(
        {"id": [f"b{i}" for i in range(count)], "depth_m": rng.uniform(0, 3, count).round(2)}, geometry=shapely.box(x, y, x + 12, y + 9), crs=32654
    )  # fmt: skip
    columns = (
        Column("id", "str", Text("identifier", "識別子")),
        Column("depth_m", "float", Text("depth", "浸水深"), "m"),
    )
    layer = LayerForHandover(Text("Buildings", "建物"), features, columns)
    started = time.perf_counter()
    files = handover.write(tmp_path / "out", {"buildings": layer}, situation, simulated=True, time=TIME)
    assert time.perf_counter() - started < 60  # 20 s on a quiet machine; here others may be at work
    assert sip4d.check(next(f for f in files if f.suffix == ".zip")).features == count


def test_the_command_says_what_is_to_be_mended(tmp_path, flood, context):
    good, bad = sip4d.write(tmp_path / "good.zip", flood, "flood", context), tmp_path / "bad.zip"
    bad.write_bytes(b"no")
    runner = CliRunner()
    right = runner.invoke(command, ["check", str(good)], standalone_mode=False)
    assert right.return_value == 0
    assert "accepted  v1.1  01-008-03" in right.output
    wrong = runner.invoke(command, ["check", "-j", str(good), str(bad)], standalone_mode=False)
    assert wrong.return_value == 1
    assert "不適合" in wrong.output
    assert "ZIPファイルではありません" in wrong.output
    told = json.loads(runner.invoke(command, ["check", "--json", str(bad)], standalone_mode=False).output)
    assert told[str(bad)]["reasons"][0]["code"] == "not_a_zip"
    missing = runner.invoke(command, ["check", str(tmp_path / "no.zip")], standalone_mode=False)
    assert isinstance(missing.exception, InputError)
