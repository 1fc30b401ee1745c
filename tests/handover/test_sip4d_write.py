import json
import zipfile
from dataclasses import replace
from io import BytesIO

import geopandas
import pytest
import shapely

from mitoshi.core.errors import InputError
from mitoshi.core.features import Column
from mitoshi.core.text import Text
from mitoshi.handover import sip4d
from mitoshi.handover.layers import LayerForHandover
from mitoshi.handover.sip4d import writing


def unpacked(content):
    with zipfile.ZipFile(BytesIO(content)) as file:
        return {n: json.loads(file.read(n)) for n in file.namelist()}


def payload(files, suffix=".geojson"):
    return next(v for n, v in files.items() if n.endswith(suffix))


@pytest.mark.parametrize("version", ["1", "1.1", "2.0"])
def test_ours_pass_the_same_rules(tmp_path, flood, roads, context, version):
    for name, layer in {"flood": flood, "roads": roads}.items():
        path = sip4d.write(tmp_path / f"{name}.zip", layer, name, context, version=version)
        verdict = sip4d.check(path)
        assert verdict == sip4d.Verdict(True, (), version, layer.code, f"【訓練】{layer.title.ja}", verdict.features)
        assert verdict.features == {"flood": 3, "roads": 4}[name]


def test_the_same_layer_gives_the_same_bytes(flood, context):
    assert sip4d.package(flood, "flood", context) == sip4d.package(flood, "flood", context)


def test_geometry_survives_the_round_trip(flood, context):
    data = payload(unpacked(sip4d.package(flood, "flood", context)))
    back = geopandas.GeoDataFrame.from_features(data, crs=4326)
    assert set(back.geom_type) == {"Polygon"}
    assert back.to_crs(32654).area.sum() == pytest.approx(flood.features.area.sum(), rel=1e-4)
    for ring in back.geometry:
        assert ring.exterior.is_ccw
        assert not any(h.is_ccw for h in ring.interiors)
    assert list(back.area_m2) == [128400.0, 128400.0, 5000.0]
    assert [f["properties"]["note"] for f in data["features"]] == ["堤防の北側", "堤防の北側", None]


def test_simulated_data_are_marked_as_an_exercise(flood, context, issuer):
    meta = unpacked(sip4d.package(flood, "flood", context))["sip4d_zip_meta.json"]
    assert meta["testflg"] == "訓練"
    assert meta["title"].startswith("【訓練】")
    assert "模擬" in meta["remark"]
    assert "disaster.impact-1a2b" in meta["note"]
    real = replace(context, simulated=False)
    assert unpacked(sip4d.package(flood, "flood", real))["sip4d_zip_meta.json"]["testflg"] == "試験"
    named = replace(real, issuer=issuer)
    meta = unpacked(sip4d.package(flood, "flood", named))["sip4d_zip_meta.json"]
    assert meta["testflg"] == "通常"
    assert meta["title"] == "浸水域"
    assert meta["updated"] == "2026-11-22T21:05:00"


def test_a_title_keeps_its_identifier_from_one_report_to_the_next(flood, context):
    later = replace(context, time=context.time.replace(hour=20), report=2)
    first, second = (unpacked(sip4d.package(flood, "flood", c))["sip4d_zip_meta.json"] for c in (context, later))
    assert first["ttid"] == second["ttid"]
    assert second["disaster"]["report"] == 2


def test_known_attributes_are_answered_in_the_words_of_the_standard(roads, context):
    files = unpacked(sip4d.package(roads, "roads", context))
    rows = [f["properties"] for f in payload(files)["features"]]
    assert [r["passstts"] for r in rows] == ["通行止め・閉鎖", "その他の規制", "その他の規制", "不明"]
    assert {r["cityname"] for r in rows} == {"不明"}
    assert {r["detail"] for r in rows} == {"衛星観測からの推定"}
    assert [r["depth_m"] for r in rows] == [0.8, 0.0, 0.0, None]
    assert [r["bridge"] for r in rows] == ["false", "true", "true", "false"]
    columns = {c["name"]: c for c in payload(files, "_columns.json")["columns"]}
    assert columns["passstts"]["connid"] == "passstts"
    assert columns["depth_m"]["jname"] == "最大浸水深（m）"
    style = payload(files, "_style.json")
    assert [c["value"] for c in style["classes"]] == ["no", "yes"]


def test_areas_become_points_where_the_code_is_one_of_points(context):
    columns = (
        Column("name", "str", Text("name", "名称")),
        Column("capacity", "float", Text("capacity", "収容人数"), "1"),
    )
    features = geopandas.GeoDataFrame(
        {"name": ["学校", "体育館"], "capacity": [100.4, None]}, geometry=[shapely.box(139, 35, 139.1, 35.1), shapely.Point(139.2, 35)], crs=4326
    )  # fmt: skip
    layer = LayerForHandover(Text("Shelters", "避難所"), features, columns, code="01-001-01")
    data = payload(unpacked(sip4d.package(layer, "shelters", context)))
    assert {f["geometry"]["type"] for f in data["features"]} == {"Point"}
    assert [f["properties"]["capacity"] for f in data["features"]] == [100, None]
    assert {f["properties"]["eststts"] for f in data["features"]} == {"不明"}


def test_geometries_of_several_kinds_become_several_entries(context):
    columns = (Column("id", "int", Text("id", "番号"), "1"),)
    shapes = [shapely.box(139, 35, 139.1, 35.1), shapely.Point(139.2, 35), shapely.LineString([(139, 35), (140, 36)])]
    layer = LayerForHandover(
        Text("x", "その他"), geopandas.GeoDataFrame({"id": [1, 2, 3]}, geometry=shapes, crs=4326), columns
    )
    for version in ("1.1", "2.0"):
        meta = unpacked(sip4d.package(layer, "x", context, version=version))["sip4d_zip_meta.json"]
        assert meta["entry_num"] == 3


def test_a_large_layer_is_split_into_entries(monkeypatch, flood, context):
    monkeypatch.setattr(writing, "MOST_ENTRY_BYTES", 400)
    files = unpacked(sip4d.package(flood, "flood", context))
    assert files["sip4d_zip_meta.json"]["entry_num"] > 1
    assert sum(len(v["features"]) for n, v in files.items() if n.endswith(".geojson")) == 3


def test_an_empty_layer_is_a_package_that_says_none(flood, context):
    empty = replace(flood, features=flood.features.iloc[:0])
    assert payload(unpacked(sip4d.package(empty, "flood", context)))["features"] == []


def test_what_does_not_fit_the_code_is_refused(flood, roads, counts, context):
    for layer, words in (
        (replace(flood, code="77-001-01"), "unknown information code"),
        (replace(roads, code="01-008-03", attributes={}, values={}, constants={}), "is for Polygon"),
        (replace(roads, values={"passstts": {"no": "closed"}}), "unknown passstts 'closed'"),
        (replace(roads, attributes={"pasststs": "passable"}), "did you mean 'passstts'"),
        (replace(roads, attributes={"passstts": "pasable"}), "did you mean 'passable'"),
        (replace(roads, constants={"citycode": "13"}), "it must have the form"),
        (replace(flood, category="flood"), "unknown category"),
        (replace(flood, features=flood.features.set_crs(None, allow_override=True)), "without a CRS"),
        (counts, "has no geometry"),
    ):
        with pytest.raises(InputError, match=words):
            sip4d.package(layer, "x", context)
