"""Files of features: what is recognised, what is refused, what a catalogue keeps of them."""

from __future__ import annotations

import json
import sqlite3

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shapely.geometry import Point, box

from mitoshi import sensors
from mitoshi.catalog import Catalogue
from mitoshi.core.errors import InputError, QuantityError, RefusedError
from mitoshi.core.feature_kinds import BUILDINGS, FACILITIES, INFLOWS, RAINFALL
from mitoshi.core.features import features_as_declared
from mitoshi.core.grid import BBox


def collection(*geometries, **more):
    features = [{"type": "Feature", "properties": {"id": str(n)}, "geometry": g} for n, g in enumerate(geometries)]
    return {"type": "FeatureCollection", "features": features, **more}


def point(longitude=140.0, latitude=35.0):
    return {"type": "Point", "coordinates": [longitude, latitude]}


def written(path, content):
    path.write_text(json.dumps(content))
    return path


def test_a_file_is_found_in_the_catalogue_by_its_kind_and_place(tmp_path):
    written(tmp_path / "facilities.geojson", collection(point(), point(140.2, 35.3), mitoshi_simulated=True))
    catalogue = Catalogue(tmp_path / "store")
    report = catalogue.ingest([tmp_path / "facilities.geojson"], describe=sensors.items)
    assert not report.refused
    (item,) = catalogue.search(bbox=BBox(139.9, 34.9, 140.1, 35.1), quantity="facilities")
    assert item.properties["mitoshi:simulated"] is True
    assert catalogue.search(bbox=BBox(141, 34.9, 142, 35.1), quantity="facilities") == []
    opened = sensors.open_item(item, expecting=FACILITIES)
    assert list(opened.features["facilities"]["id"]) == ["0", "1"]


def test_what_is_asked_for_decides_what_an_unnamed_file_is_and_is_said(tmp_path):
    path = written(tmp_path / "a.geojson", collection(point()))
    opened = sensors.open_observation(path, expecting=BUILDINGS)
    assert list(opened.features) == ["buildings"]
    assert any("taken as buildings" in t.en for t in opened.assumptions)
    said = sensors.open_observation(f"{path}#quantity=facilities", expecting=FACILITIES)
    assert not any("taken as" in t.en for t in said.assumptions)


def test_a_japanese_spreadsheet_is_read(tmp_path):
    path = tmp_path / "shelters.csv"
    path.write_bytes("名称,緯度,経度,name\n中央,35.5,139.5,中央避難所\n".encode("cp932"))
    features = sensors.open_observation(path, expecting=FACILITIES).features["facilities"]
    assert features["name"][0] == "中央避難所"
    assert features.geometry[0].equals(Point(139.5, 35.5))


def test_missing_columns_are_missing_values_and_text_is_text(tmp_path):
    path = written(tmp_path / "a.geojson", collection(point()))
    features = sensors.open_observation(path, expecting=BUILDINGS).features["buildings"]
    declared = features_as_declared(features, BUILDINGS, "buildings")
    assert np.isnan(declared["storeys"][0])
    assert declared["structure"][0] is None


def test_a_parquet_file_keeps_its_coordinate_system(tmp_path):
    frame = geopandas.GeoDataFrame({"id": ["a"]}, geometry=[box(0, 0, 10, 10)], crs="EPSG:32654")
    frame.to_parquet(tmp_path / "buildings.parquet")
    features = sensors.open_observation(tmp_path / "buildings.parquet").features["buildings"]
    assert features.crs == "EPSG:32654"


def test_each_layer_of_a_geopackage_is_an_observation(tmp_path):
    for layer in ("roads", "wells"):
        frame = geopandas.GeoDataFrame({"id": ["a"]}, geometry=[Point(140, 35)], crs="EPSG:4326")
        frame.to_file(tmp_path / "base.gpkg", layer=layer, driver="GPKG")
    items = sensors.items(tmp_path / "base.gpkg")
    assert [i.properties["mitoshi:part"] for i in items] == ["roads", "wells"]
    assert [i.properties["mitoshi:quantities"] for i in items] == [["roads"], ["features"]]


def test_a_view_in_a_geopackage_is_refused_for_it_is_code(tmp_path):
    frame = geopandas.GeoDataFrame({"id": ["a"]}, geometry=[Point(140, 35)], crs="EPSG:4326")
    frame.to_file(tmp_path / "a.gpkg", layer="wells", driver="GPKG")
    with sqlite3.connect(tmp_path / "a.gpkg") as base:
        base.execute(
            "CREATE VIEW trap AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i FROM n"
        )
        base.execute("INSERT INTO gpkg_contents(table_name, data_type, identifier) VALUES ('trap','attributes','trap')")
    base.close()
    with pytest.raises(RefusedError, match="is a view"):
        sensors.open_observation(tmp_path / "a.gpkg#part=trap")


def test_a_database_that_is_no_geopackage_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "a.gpkg") as base:
        base.execute("CREATE TABLE secrets(a)")
    base.close()
    with pytest.raises(RefusedError, match="no GeoPackage"):
        sensors.open_observation(tmp_path / "a.gpkg")


def test_a_table_that_unfolds_beyond_the_limit_is_refused_before_it_is_read(tmp_path):
    column = pa.array(np.zeros(6_000_000, np.int8))
    pq.write_table(pa.table({"a": column}), tmp_path / "bomb.parquet")
    assert (tmp_path / "bomb.parquet").stat().st_size < 100_000
    with pytest.raises(RefusedError, match="holds 6000000 rows"):
        sensors.open_observation(tmp_path / "bomb.parquet")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (collection({"type": "Point", "coordinates": ["a", 1]}), "damaged geometry"),
        (collection({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}), "damaged geometry"),
        (collection(point(400_000.0, 3_900_000.0)), "beyond 180 degrees"),
        (collection(point(), crs={"type": "name", "properties": {"name": "EPSG:nothing"}}), "unknown CRS"),
        ({"type": "FeatureCollection", "features": [1]}, "no GeoJSON FeatureCollection"),
    ],
)
def test_damaged_geojson_is_told_in_one_line(tmp_path, content, words):
    path = written(tmp_path / "a.geojson", content)
    with pytest.raises(InputError, match=words) as told:
        sensors.open_observation(path, expecting=FACILITIES)
    assert "\n" not in str(told.value)


def test_a_deep_geojson_is_refused(tmp_path):
    path = tmp_path / "a.geojson"
    path.write_text('{"type": "FeatureCollection", "features": ' + "[" * 5000 + "]" * 5000 + "}")
    with pytest.raises(RefusedError, match="nests deeper"):
        sensors.open_observation(path, expecting=FACILITIES)


def test_a_raster_is_not_taken_for_features_and_the_other_way_round(tmp_path):
    path = written(tmp_path / "a.geojson", collection(point()))
    with pytest.raises(QuantityError, match="rainfall has no column|no column 'time_s'"):
        features_as_declared(
            sensors.open_observation(path, expecting=RAINFALL).features["rainfall"], RAINFALL, "rainfall"
        )


def test_a_stac_parquet_is_left_to_the_catalogue(tmp_path):
    pd.DataFrame({"stac_version": ["1.1.0"], "id": ["a"]}).to_parquet(tmp_path / "items.parquet")
    with pytest.raises(InputError, match="not recognised"):
        sensors.open_observation(tmp_path / "items.parquet")


def test_features_that_repeat_others_are_said(tmp_path):
    def said(*geometries):
        path = written(tmp_path / "buildings.geojson", collection(*geometries))
        return [t.en for t in sensors.open_observation(path, expecting=BUILDINGS).assumptions if "exactly" in t.en]

    square, turned = ([[140, 35], [140.001, 35], [140.001, 35.001], [140, 35.001], [140, 35]] for _ in range(2))
    turned[1], turned[3] = turned[3], turned[1]
    shapes = [{"type": "Polygon", "coordinates": [ring]} for ring in (square, turned)]
    assert said(point(), point(140.1), shapes[0]) == []
    expected = "3 of 5 features lie exactly where an earlier one lies; each is counted"
    assert said(point(), point(), shapes[0], shapes[0], point()) == [expected]
    nowhere = {"type": "Point", "coordinates": []}
    assert said(nowhere, nowhere, point()) == []


def test_the_rows_of_a_series_are_no_repeats(tmp_path):
    series = collection(point(), point())
    for n, feature in enumerate(series["features"]):
        feature["properties"] = {"name": "river", "time_s": 600.0 * n, "discharge_m3_s": 1.0}
    opened = sensors.open_observation(written(tmp_path / "inflows.geojson", series), expecting=INFLOWS)
    assert not any("exactly" in t.en for t in opened.assumptions)
