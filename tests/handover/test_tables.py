import csv
import sqlite3
import time
from dataclasses import replace

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from mitoshi.core.errors import InputError
from mitoshi.handover import csv as tables
from mitoshi.handover import geopackage
from mitoshi.sensors.feature_files import read


@pytest.fixture
def layers(flood, roads, counts):
    return {"flood": flood, "roads": roads, "counts": counts}


def test_a_geopackage_has_the_bytes_of_its_content(tmp_path, layers, context):
    first = geopackage.write(tmp_path / "a.gpkg", layers, context).read_bytes()
    time.sleep(1.05)
    assert geopackage.write(tmp_path / "b.gpkg", layers, context).read_bytes() == first
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.gpkg", "b.gpkg"]


def test_a_geopackage_gives_back_what_was_put_in(tmp_path, layers, context):
    path = geopackage.write(tmp_path / "a.gpkg", layers, context)
    for name in ("flood", "roads"):
        back, given = geopandas.read_file(path, layer=name), layers[name].features
        assert back.crs == given.crs
        assert all(shapely.equals(a, b) for a, b in zip(back.geometry, given.geometry, strict=True))
        for column in layers[name].columns:
            a, b = (list(t[column.name].astype(object).where(t[column.name].notna(), None)) for t in (back, given))
            assert a == b
    table = pyogrio.read_dataframe(path, layer="counts", read_geometry=False)
    assert table.houses.tolist() == [12, 3]
    assert table.houses.dtype == np.int64
    ours = read(path, "sqlite", "flood").features
    assert list(ours.area_m2) == [128400.0, 5000.0]


def test_a_geopackage_speaks_japanese_and_says_what_is_simulated(tmp_path, layers, context):
    path = geopackage.write(tmp_path / "a.gpkg", layers, context)
    with sqlite3.connect(path) as connection:
        titles = dict(connection.execute("SELECT column_name, title FROM gpkg_data_columns WHERE table_name='roads'"))
        names = [r[0] for r in connection.execute("SELECT identifier FROM gpkg_contents WHERE table_name='flood'")]
        changed = {r[0] for r in connection.execute("SELECT last_change FROM gpkg_contents")}
        checked = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()
    assert titles["depth_m"] == "最大浸水深（m）"
    assert names == ["SIMULATED / 模擬 浸水域 (flood)"]
    assert changed == {"2026-11-22T12:05:00.000Z"}
    assert checked == "ok"
    about = pyogrio.read_dataframe(path, layer="mitoshi_about", read_geometry=False).set_index("key")["value"]
    assert about["simulated"] == "true"
    assert about["flag"] == "訓練"
    assert len(pyogrio.read_dataframe(path, layer="mitoshi_columns", read_geometry=False)) == 11
    alias = pyogrio.read_info(path, layer="roads")
    assert list(alias["fields"]) == [c.name for c in layers["roads"].columns]


def test_an_empty_layer_and_a_wrong_name(tmp_path, flood, context):
    empty = replace(flood, features=flood.features.iloc[:0])
    path = geopackage.write(tmp_path / "a.gpkg", {"flood": empty}, context)
    assert len(geopandas.read_file(path, layer="flood")) == 0
    for name in ("a b", "gpkg_x", "../x", ""):
        with pytest.raises(InputError, match="no name for a layer"):
            geopackage.write(tmp_path / "b.gpkg", {name: flood}, context)
    assert not (tmp_path / "b.gpkg").exists()
    with pytest.raises(InputError, match="unknown column 'id'"):
        geopackage.write(
            tmp_path / "b.gpkg", {"flood": replace(flood, features=flood.features.drop(columns="id"))}, context
        )


def test_excel_knows_the_encoding_and_runs_nothing(tmp_path, counts):
    path = tables.write(tmp_path / "counts.csv", counts, "counts", simulated=True)
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\r\n") == raw.count(b"\n") == 3
    rows = list(csv.DictReader(raw.decode("utf-8-sig").splitlines()))
    assert [r["district"] for r in rows] == ["A", "'=cmd()"]
    assert {r["simulated"] for r in rows} == {"SIMULATED 模擬"}
    assert path.read_bytes() == tables.write(path, counts, "counts", simulated=True).read_bytes()


@pytest.mark.parametrize("text", ["=1+1", "+81", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "　＝1", "＋1"])
def test_every_way_to_begin_a_formula_is_guarded(text):
    assert tables.guarded(text) == f"'{text}"


def test_negative_numbers_stay_numbers(tmp_path, flood):
    layer = replace(flood, features=flood.features.assign(area_m2=[-1.5, float("nan")]))
    table = pd.read_csv(tables.write(tmp_path / "f.csv", layer, "f", simulated=False), encoding="utf-8-sig")
    assert table.area_m2.tolist()[0] == -1.5
    assert np.isnan(table.area_m2.tolist()[1])
    assert "simulated" not in table


def test_our_own_reader_brings_the_features_back(tmp_path, flood, roads):
    for layer in (flood, roads):
        path = tables.write(tmp_path / "f.csv", layer, "f", simulated=False)
        back = read(path, "csv", None).features
        degrees = layer.features.geometry.to_crs(4326)
        assert all(shapely.hausdorff_distance(a, b) < 1e-6 for a, b in zip(back.geometry, degrees, strict=True))


def test_a_geometry_that_no_cell_holds_is_left_to_the_geopackage(tmp_path, flood):
    circle = shapely.Point(380000, 3950000).buffer(500, quad_segs=500)
    layer = replace(flood, features=flood.features.set_geometry([circle, circle]))
    head = tables.write(tmp_path / "f.csv", layer, "f", simulated=False).read_text("utf-8-sig").splitlines()[0]
    assert head == "id,area_m2,note,longitude,latitude"


def test_the_dictionary_has_both_languages(tmp_path, flood, roads):
    path = tables.write_dictionary(tmp_path / "columns.csv", {"flood": flood, "roads": roads})
    table = pd.read_csv(path, encoding="utf-8-sig")
    assert table[table.column == "depth_m"][["layer", "units", "en", "ja"]].values.tolist() == [
        ["roads", "m", "greatest depth", "最大浸水深"]
    ]
