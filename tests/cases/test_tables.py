"""Tables and lists of features as strangers send them: ids unchanged, words understood or said, nothing nowhere is wet."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from affine import Affine

from mitoshi.core.errors import InputError, QuantityError, RefusedError
from mitoshi.core.feature_kinds import BUILDINGS, DISTRICTS, FACILITIES, ROADS
from mitoshi.core.features import features_as_declared
from mitoshi.core.vocabulary import understood, word_of
from mitoshi.methods.statistics.zonal import empty_statistics, shapes_of, update
from mitoshi.sensors import open_observation

CASES = Path(__file__).resolve().parents[3] / "shared" / "data" / "cases"
HEAD = "id,name,facility,capacity,longitude,latitude"


def facilities(path, expecting=FACILITIES):
    observation = open_observation(path, expecting=expecting)
    return features_as_declared(
        observation.features[expecting.name], expecting, expecting.name
    ), observation.assumptions


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode(encoding))
    return path


def case(name):
    path = CASES / name
    if not path.exists():
        pytest.skip(f"needs {name} of ../shared/data/cases")
    return path


@pytest.mark.parametrize("place", [shapely.Point(np.nan, np.nan), shapely.Point(np.inf, np.inf), shapely.Point(), None])
def test_what_is_nowhere_takes_no_pixel(place):
    shapes = shapes_of(np.array([place, shapely.Point(1.5, 1.5)], object), Affine.identity(), (3, 3))
    statistics = empty_statistics(shapes, 1)
    update(statistics, shapes, np.full((1, 3, 3), 2.0, np.float32), 0)
    assert statistics.cells.tolist() == [0, 1]


@pytest.mark.real
def test_a_row_without_coordinates_is_said_and_has_no_place():
    features, assumptions = facilities(case("04-nowhere-features-in-the-water/blankcoord.csv"))
    assert features.geometry.is_empty.tolist() == [False, True, False, False]
    assert any("1 of 4 features have no coordinates" in t.en for t in assumptions)


@pytest.mark.real
def test_exchanged_coordinates_are_refused_with_a_hint():
    with pytest.raises(InputError, match="are longitude and latitude exchanged"):
        facilities(case("04-nowhere-features-in-the-water/swap.csv"))


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "kind", "ids"),
    [
        ("zero.csv", FACILITIES, ["01100", "01202", "13101", "47201"]),
        ("missid.csv", FACILITIES, ["1001", None, "1003", "1004"]),
        ("b_null.geojson", BUILDINGS, ["1001", None, "1003", "1004"]),
    ],
)
def test_ids_of_the_case_are_unchanged(name, kind, ids):
    features, _ = facilities(case(f"15-ids-changed/{name}"), kind)
    assert [i if isinstance(i, str) else None for i in features["id"]] == ids


@pytest.mark.parametrize("identifier", ["01100", "1e5", "1.50", "NA", "nan", "9007199254740993", "A#1", "-0", "0x10"])
def test_an_id_keeps_its_text(tmp_path, identifier):
    features, _ = facilities(written(tmp_path, f"{HEAD}\n{identifier},Null Island,shelter,10,139.7,35.6\n"))
    assert features["id"].tolist() == [identifier]
    assert features["name"].tolist() == ["Null Island"]


@pytest.mark.parametrize("driver", ["parquet", "gpkg"])
def test_ids_survive_a_missing_neighbour_in_binary_files(tmp_path, driver):
    import pandas as pd

    table = geopandas.GeoDataFrame(
        {"id": pd.array([9007199254740993, None], "Int64")}, geometry=[shapely.Point(139, 35)] * 2, crs="EPSG:4326"
    )
    path = tmp_path / f"list.{driver}"
    if driver == "parquet":
        table.to_parquet(path)
    else:
        table.to_file(path, driver="GPKG", layer="facilities")
    features, _ = facilities(path)
    assert features["id"].tolist() == ["9007199254740993", None]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932", "euc_jp", "iso2022_jp"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_encodings_and_separators(tmp_path, encoding, separator):
    text = "id,名称,種別,経度,緯度\n01,東京都立病院,病院,139.7,35.6\n02,品川小学校,避難所,139.8,35.6\n".replace(
        ",", separator
    )
    features, _ = facilities(written(tmp_path, text, encoding))
    assert features["facility"].tolist() == ["hospital", "shelter"]
    assert features["name"].tolist() == ["東京都立病院", "品川小学校"]
    np.testing.assert_allclose(features.geometry.x, [139.7, 139.8])


def test_a_hash_in_a_cell_and_a_quoted_line_break_are_text(tmp_path):
    text = f'# simulated\n{HEAD}\n1,"Ward #3\nEast",shelter,10,139.7,35.6\n#2,b,shelter,20,139.8,35.6\n'
    features, _ = facilities(written(tmp_path, text))
    assert features["name"].tolist() == ["Ward #3\nEast", "b"]
    assert features["id"].tolist() == ["1", "#2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,id,longitude,latitude\n1,2,139,35\n", "column 'id' 2 times"),
        ("避難所一覧,,,,\nid,name,facility,longitude,latitude\n1,a,shelter,139,35\n", "begins with a title"),
        ("id;longitude;latitude\n1;139,7;35,6\n", "no number"),
        ("id,longitude,latitude\n1,139,7,35,6\n", "row 2 has 5 cells"),
    ],
)
def test_what_cannot_be_read_rightly_is_refused(tmp_path, text, message):
    with pytest.raises((InputError, QuantityError), match=message):
        facilities(written(tmp_path, text))


def test_thousands_separators_are_refused_and_wide_digits_read(tmp_path):
    with pytest.raises(QuantityError, match="without separators"):
        facilities(written(tmp_path, f'{HEAD}\n1,a,shelter,"1,234",139.7,35.6\n'))
    features, _ = facilities(written(tmp_path, f"{HEAD}\n1,a,shelter,１２,139.7,35.6\n"))
    assert features["capacity"].tolist() == [12.0]


@pytest.mark.parametrize(
    ("column", "word", "meaning"),
    [
        ("bridge", "viaduct", "true"), ("bridge", "no", "false"), ("bridge", "low_water_crossing", "false"),
        ("bridge", "沈下橋", "false"), ("bridge", "abandoned", None), ("side", "North", "north"), ("side", "南側", "south"),
        ("facility", "Hospital", "hospital"), ("facility", "病院", "hospital"), ("facility", " ＨＯＳＰＩＴＡＬ ", "hospital"),
        ("structure", "木造", "wood"), ("structure", "Wood", "wood"), ("structure", "601", "wood"), ("structure", 601.0, "wood"),
        ("structure", "RC", "reinforced_concrete"), ("use", "住宅", "residential"), ("facility", "xyz", None),
    ],
)  # fmt: skip
def test_words_of_both_languages(column, word, meaning):
    assert word_of(column, word) == meaning


def test_what_is_not_understood_is_counted_and_unknown():
    table = geopandas.GeoDataFrame(
        {"amenity": ["xyz", "xyz", "hospital", "", None]}, geometry=[shapely.Point(0, 0)] * 5
    )
    features, texts = understood(table, FACILITIES)
    assert features["facility"].tolist() == ["unknown", "unknown", "hospital", None, None]
    assert "2 of 5 facilities have a value of kind of facility that is not understood: 'xyz' (2)" in texts[-1].en
    assert "5件中2件" in texts[-1].ja


def understood_of(kind, **columns):
    count = len(next(iter(columns.values())))
    table = geopandas.GeoDataFrame(columns, geometry=[shapely.Point(139, 35)] * count)
    return understood(table, kind)


@pytest.mark.parametrize(
    ("kind", "columns", "right"),
    [
        # 国土数値情報 P04 医療機関 (MedClassCd: 1 病院, 2 診療所, 3 歯科診療所)
        (FACILITIES, {"P04_001": [1, 2, 3], "P04_002": ["a", "b", "c"]},
         {"facility": ["hospital", "clinic", "dentist"], "name": ["a", "b", "c"]}),
        # P20 避難施設: every row is one; -1 is no capacity
        (FACILITIES, {"P20_002": ["a", "b"], "P20_004": ["広域避難場所", "小学校"], "P20_005": [-1, 80]},
         {"facility": ["shelter", "shelter"], "name": ["a", "b"], "capacity": [None, 80]}),
        # P02 公共施設 (PubFacMiclassCd within PubFacMaclassCd)
        (FACILITIES, {"P02_002": ["16", "17", "15", "12", "19"], "P02_003": ["16001", "17001", "15002", "12002", "19013"],
                      "P02_004": list("abcde")},
         {"facility": ["school", "hospital", "fire_station", "other", "other"], "name": list("abcde")}),
        # N03 行政区域
        (DISTRICTS, {"N03_007": ["01100"], "N03_004": ["札幌市"]}, {"id": ["01100"], "name": ["札幌市"]}),
        # N10 緊急輸送道路 (RoadCategoryCd)
        (ROADS, {"N10_003": [1, 3, 6, 7]}, {"road_class": ["motorway", "trunk", "secondary", "local"]}),
        (ROADS, {"highway": ["residential"]}, {"road_class": ["residential"]}),
        # PLATEAU: Building_usage.xml and BuildingDetailAttribute_buildingStructureType.xml
        (BUILDINGS, {"uro:buildingStructureType": ["601", "602", "603", "604", "606", "610", "611"]},
         {"structure": ["wood", "reinforced_concrete", "reinforced_concrete", "steel", "masonry", "non_wooden", "unknown"]}),
        (BUILDINGS, {"bldg:usage": ["411", '["413", "402"]', "431", "441", "451", "453", "461"]},
         {"use": ["residential", "residential", "warehouse", "industrial", "agricultural", "other", "unknown"]}),
        (BUILDINGS, {"bldg:storeysAboveGround": [2, 9999]}, {"storeys": [2, None]}),
        # OpenStreetMap: one row says it with one tag, the next with another
        (FACILITIES, {"amenity": ["restaurant", "bench", "place_of_worship"]}, {"facility": ["other"] * 3}),
        (FACILITIES, {"amenity": ["hospital", None, "clinic", ""], "healthcare": ["hospital", "doctor", "xyz", "hospital"]},
         {"facility": ["hospital", "clinic", "clinic", "hospital"]}),
        (BUILDINGS, {"building:structure": ["wood", None], "building:material": ["brick", "brick"]},
         {"structure": ["wood", "masonry"]}),
        (BUILDINGS, {"STRUCTURE": ["wood", "RC"]}, {"structure": ["wood", "reinforced_concrete"]}),
        (BUILDINGS, {"Structure": ["wood", None], "構造": ["RC", "RC"]}, {"structure": ["wood", "reinforced_concrete"]}),
    ],
)  # fmt: skip
def test_attributes_and_codes_of_published_lists(kind, columns, right):
    features, texts = understood_of(kind, **columns)
    for name, values in right.items():
        assert [None if v is None or v != v else v for v in features[name]] == values
    assert not any("not understood" in t.en for t in texts)
    again = understood(features, kind)
    assert again.features.equals(features)


def test_the_older_edition_of_p02_is_not_read_by_the_codes_of_the_newer():
    """There P02_003 is another list of kinds and P02_004 a branch (分室等)."""
    features, _ = understood_of(FACILITIES, P02_003=["17001"], P02_004=["a"], P02_008=["1"])
    assert not {"facility", "name"} & set(features.columns)


def test_what_cannot_be_is_counted_and_unknown():
    features, texts = understood_of(FACILITIES, capacity=[10, -1, -9999])
    assert features["capacity"].tolist() == [10, None, None]
    assert "2 of 3 facilities have a value of capacity that cannot be" in texts[-1].en
    assert "3件中2件" in texts[-1].ja


@pytest.mark.real
def test_the_words_of_the_case():
    roads, _ = facilities(case("20-vocabulary-silently-unknown/roads_bridge.geojson"), ROADS)
    assert roads["bridge"].tolist()[1:] == ["true", "false"]
    for name in ("hosp.geojson", "hosp_case.geojson", "hosp_ja.geojson"):
        assert facilities(case(f"20-vocabulary-silently-unknown/{name}"))[0]["facility"].tolist() == ["hospital"]
    houses, _ = facilities(case("20-vocabulary-silently-unknown/bld_wood.geojson"), BUILDINGS)
    assert houses["structure"].tolist() == ["wood", "wood", "wood", "reinforced_concrete", None]
    table, _ = facilities(case("20-vocabulary-silently-unknown/jcols.csv"))
    assert table["name"].tolist() == ["a", "b", "c", "d"]


def test_a_geopackage_open_elsewhere_is_refused(tmp_path):
    path = tmp_path / "list.gpkg"
    table = geopandas.GeoDataFrame({"id": ["a"]}, geometry=[shapely.Point(139, 35)], crs="EPSG:4326")
    table.to_file(path, driver="GPKG", layer="facilities")
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("CREATE TABLE other (a)")
        base.commit()
        with pytest.raises(RefusedError, match="open in another program"):
            facilities(path)
    base.close()
    assert len(facilities(path)[0]) == 1


@pytest.mark.real
def test_an_area_beside_the_depth_is_refused(tmp_path):
    from datetime import UTC, datetime

    from mitoshi.applications.disaster.impact import impact
    from mitoshi.core.grid import BBox
    from mitoshi.evidence import run

    folder = case("26-area-beside-the-file-gives-zero")
    sources = {"depth": str(folder / "ref.tif"), "buildings": str(folder / "pts.geojson")}
    with pytest.raises(InputError, match="does not touch the area"):
        run(impact, sources, {}, tmp_path / "out", time=datetime(2026, 1, 1, tzinfo=UTC), area=BBox(10, 10, 11, 11))
