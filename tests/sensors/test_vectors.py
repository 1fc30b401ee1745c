"""Shapefiles and FlatGeobuf as strangers send them: text, places and shapes as the files mean them, else one clear line."""

from __future__ import annotations

import json
import struct
import tarfile
import zipfile

import geopandas
import numpy as np
import pytest
import shapely

from mitoshi import sensors
from mitoshi.catalog import Catalogue
from mitoshi.core.errors import InputError, MitoshiError, RefusedError
from mitoshi.core.feature_kinds import BUILDINGS, DISTRICTS, FACILITIES
from mitoshi.core.features import features_as_declared

JGD2011_9 = 6677
NAMES = ["東京都立病院", "品川区役所", "ソ連表町"]


def opened(path, kind=FACILITIES):
    observation = sensors.open_observation(path, expecting=kind)
    return features_as_declared(observation.features[kind.name], kind, kind.name), observation


def dbf(rows, *, heads=("名称",), encoding="cp932", width=14, language=0):
    """Return a dBASE table of text columns, made by hand from the description of the format."""
    fields = b"".join(
        h.encode(encoding)[:10].ljust(11, b"\0") + b"C" + bytes(4) + bytes([width, 0]) + bytes(14) for h in heads
    )
    size = 1 + width * len(heads)
    header = struct.pack("<4BIHH17xB2x", 3, 124, 1, 1, len(rows), 33 + len(fields), size, language)
    body = b"".join(b" " + b"".join(c.encode(encoding)[:width].ljust(width) for c in row) for row in rows)
    return header + fields + b"\r" + body + b"\x1a"


def shapefile(folder, names=NAMES, crs=JGD2011_9, **table):
    """Write three points near the origin of zone IX; the attributes by hand."""
    points = [shapely.Point(100.0 * n, -200.0) for n in range(len(names))]
    folder.mkdir(exist_ok=True)
    geopandas.GeoDataFrame({"a": names}, geometry=points, crs=crs).to_file(folder / "facilities.shp", encoding="utf-8")
    (folder / "facilities.cpg").unlink()
    (folder / "facilities.dbf").write_bytes(dbf([(n,) for n in names], **table))
    return folder / "facilities.shp"


@pytest.mark.parametrize(
    ("encoding", "cpg", "said"),
    [
        ("cp932", None, "taken as cp932"), ("cp932", "932", None), ("cp932", "SHIFT_JIS", None), ("utf-8", "UTF-8", None),
        ("utf-8", None, "taken as utf-8"), ("euc_jp", None, "taken as euc_jp"), ("euc_jp", "EUC-JP", None),
        ("cp932", "UTF-8", "the .cpg says 'UTF-8'"), ("cp932", "nonsense", "the .cpg says 'nonsense'"),
    ],
)  # fmt: skip
def test_japanese_text_of_every_encoding(tmp_path, encoding, cpg, said):
    path = shapefile(tmp_path, encoding=encoding, width=18)
    if cpg is not None:
        path.with_suffix(".cpg").write_text(cpg)
    features, observation = opened(path)
    assert features["name"].tolist() == NAMES
    texts = [t.en for t in observation.assumptions if "taken as" in t.en and "facilities" not in t.en]
    assert (said is None and not texts) or (said is not None and said in texts[0])


@pytest.mark.parametrize("encoding", ["utf-8", "cp932"])
def test_a_cell_cut_within_a_character_loses_that_character_alone(tmp_path, encoding):
    path = shapefile(tmp_path, encoding=encoding, width=7)
    path.with_suffix(".cpg").write_text(encoding)
    size = len("東".encode(encoding))
    assert opened(path)[0]["name"].tolist() == [n[: 7 // size] for n in NAMES]


def test_the_language_of_the_table_is_read(tmp_path):
    """0xE9 0x61 is é and a in code page 1252, and one character in code page 932."""
    path = shapefile(tmp_path, ["Orléans", "b", "c"], encoding="cp1252", heads=("name",), language=0x03)
    assert opened(path)[0]["name"][0] == "Orléans"


def test_ids_numbers_dates_and_missing_cells(tmp_path):
    import pandas as pd

    table = geopandas.GeoDataFrame(
        {"id": ["01100", None, "1e5"], "capacity": pd.array([10, None, 30], "Int64"), "day": ["2020-01-31", "", "x"]},
        geometry=[shapely.Point(139, 35), None, shapely.Point(140, 36)],
        crs="EPSG:4326",
    )
    table.to_file(tmp_path / "facilities.shp")
    features, observation = opened(tmp_path / "facilities.shp")
    assert features["id"].tolist() == ["01100", None, "1e5"]
    np.testing.assert_array_equal(features["capacity"], [10, np.nan, 30])
    assert any("1 of 3 features have no coordinates" in t.en for t in observation.assumptions)


def test_the_place_of_a_shapefile_and_of_a_flatgeobuf_is_that_of_its_crs(tmp_path):
    """36°06'13.58925\\" N, 140°05'16.27815\\" E is X 11543.6883 m, Y 22916.2436 m in zone IX (Geospatial Information Authority)."""
    table = geopandas.GeoDataFrame({"id": ["a"]}, geometry=[shapely.Point(22916.2436, 11543.6883)], crs=JGD2011_9)
    for name in ("facilities.shp", "facilities.fgb"):
        table.to_file(tmp_path / name)
        features, _ = opened(tmp_path / name)
        degrees = features.to_crs(6668).geometry[0]
        assert (degrees.y, degrees.x) == pytest.approx(
            (36 + 6 / 60 + 13.58925 / 3600, 140 + 5 / 60 + 16.27815 / 3600), abs=2e-9
        )


@pytest.mark.parametrize("zone", range(1, 20))
def test_all_nineteen_zones_have_their_origin_where_the_law_puts_it(tmp_path, zone):
    """Notification 9 of the Ministry of Land, Infrastructure and Transport (2002), latitude and longitude of the origins."""
    origins = [(33, 129.5), (33, 131), (36, 132 + 1 / 6), (33, 133.5), (36, 134 + 1 / 3), (36, 136), (36, 137 + 1 / 6),
               (36, 138.5), (36, 139 + 5 / 6), (40, 140 + 5 / 6), (44, 140.25), (44, 142.25), (44, 144.25), (26, 142),
               (26, 127.5), (26, 124), (26, 131), (20, 136), (26, 154)]  # fmt: skip
    table = geopandas.GeoDataFrame({"id": ["a"]}, geometry=[shapely.Point(0, 0)], crs=6668 + zone)
    table.to_file(tmp_path / "facilities.shp")
    item = sensors.items(tmp_path / "facilities.shp")[0]
    west, south, east, north = item.bbox
    assert ((south + north) / 2, (west + east) / 2) == pytest.approx(origins[zone - 1], abs=1e-6)


@pytest.mark.parametrize(
    ("prj", "crs"),
    [
        ('GEOGCS["GCS_Tokyo",DATUM["D_Tokyo",SPHEROID["Bessel_1841",6377397.155,299.1528128]],PRIMEM["Greenwich",0.0],'
         'UNIT["Degree",0.0174532925199433]]', ""),
        (None, "#crs=EPSG:4301"),
        ('GEOGCS["old",DATUM["D_Bessel_1841",SPHEROID["Bessel_1841",6377397.155,299.1528128]],PRIMEM["Greenwich",0.0],'
         'UNIT["Degree",0.0174532925199433]]', "#crs=EPSG:4301"),
    ],
)  # fmt: skip
def test_the_old_japanese_datum_is_shifted_by_400_m(tmp_path, prj, crs):
    """The Japanese datum origin has these coordinates in the Tokyo datum and in JGD2000 (Surveying Act enforcement order)."""
    old = (139 + 44 / 60 + 40.5020 / 3600, 35 + 39 / 60 + 17.5148 / 3600)
    new = (139 + 44 / 60 + 28.8759 / 3600, 35 + 39 / 60 + 29.1572 / 3600)
    table = geopandas.GeoDataFrame({"id": ["a"]}, geometry=[shapely.Point(old)], crs=4301)
    table.to_file(tmp_path / "facilities.shp")
    path = tmp_path / "facilities.prj"
    path.write_text(prj) if prj else path.unlink()
    features, observation = opened(f"{tmp_path / 'facilities.shp'}{crs}")
    place = features.to_crs(32654).geometry[0]
    right = geopandas.GeoSeries([shapely.Point(new)], crs=4326).to_crs(32654)[0]
    before = geopandas.GeoSeries([shapely.Point(old)], crs=4326).to_crs(32654)[0]
    assert place.distance(right) < 9.0  # accuracy of Tokyo to WGS 84 (108), EPSG
    assert 440 < before.distance(right) < 480
    assert any("accuracy of about 9 m" in t.en for t in observation.assumptions)


def test_a_datum_that_nobody_knows_is_refused(tmp_path):
    path = shapefile(tmp_path)
    path.with_suffix(".prj").write_text(
        'GEOGCS["old",DATUM["D_Bessel_1841",SPHEROID["Bessel_1841",6377397.155,299.1528128]],PRIMEM["Greenwich",0.0],'
        'UNIT["Degree",0.0174532925199433]]'
    )
    geopandas.GeoDataFrame({"a": NAMES}, geometry=[shapely.Point(139, 35)] * 3, crs=4301).to_file(tmp_path / "b.shp")
    path.write_bytes((tmp_path / "b.shp").read_bytes())
    with pytest.raises(InputError, match="unknown datum"):
        opened(path)


@pytest.mark.parametrize(("crs", "place"), [('LOCAL_CS["site",UNIT["m",1.0]]', (1, 2)), (4978, (-3.9e6, 3.3e6))])
def test_a_crs_that_says_no_place_on_a_map_is_refused_unless_the_user_knows_better(tmp_path, crs, place):
    geopandas.GeoDataFrame({"id": ["a"]}, geometry=[shapely.Point(place)], crs=crs).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="says no place on a map"):
        opened(tmp_path / "a.parquet")
    assert opened(f"{tmp_path / 'a.parquet'}#crs=EPSG:6677")[0].crs == JGD2011_9


def test_suffixes_in_capitals(tmp_path):
    path = shapefile(tmp_path)
    for suffix in (".dbf", ".prj"):
        path.with_suffix(suffix).rename(tmp_path / f"FACILITIES{suffix.upper()}")
    assert opened(path)[0]["name"].tolist() == NAMES


def without(suffix):
    return lambda path: path.with_suffix(suffix).unlink()


def cut(suffix, keep):
    def apply(path):
        file = path.with_suffix(suffix)
        file.write_bytes(file.read_bytes()[:keep])

    return apply


def with_bytes(suffix, at, content):
    def apply(path):
        file = path.with_suffix(suffix)
        whole = file.read_bytes()
        file.write_bytes(whole[:at] + content + whole[at + len(content) :])

    return apply


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (without(".dbf"), "no facilities.dbf beside it"),
        (without(".prj"), "states no coordinate reference system .*#crs"),
        (cut(".prj", 20), "states no coordinate reference system .*not understood"),
        (cut(".dbf", 80), "facilities.dbf is cut short"),
        (cut(".dbf", 10), "facilities.dbf is cut short"),
        (cut(".shp", 150), "facilities.shp is cut short"),
        (cut(".shp", 50), "facilities.shp is cut short"),
        (cut(".shx", 108), "3 rows|1 shapes but"),
        (with_bytes(".dbf", 4, struct.pack("<I", 2**31)), "facilities.dbf is cut short"),
        (with_bytes(".dbf", 8, struct.pack("<H", 3)), "makes no sense"),
        (with_bytes(".shp", 32, struct.pack("<i", 31)), "solids"),
        (with_bytes(".shp", 32, struct.pack("<i", 77)), "makes no sense"),
        (with_bytes(".shx", 100, struct.pack(">i", 2**30)), "shape 1 lies beyond its end"),
        (with_bytes(".shx", 100, struct.pack(">i", -5)), "shape 1 lies beyond its end"),
        (lambda path: path.with_suffix(".dbf").write_bytes(dbf([("a",), ("b",)])), "3 shapes but facilities.dbf 2 rows"),
    ],
)  # fmt: skip
def test_what_is_missing_damaged_or_cut_is_one_clear_line(tmp_path, damage, words):
    path = shapefile(tmp_path)
    damage(path)
    with pytest.raises(MitoshiError, match=words) as told:
        opened(path)
    assert "\n" not in str(told.value)
    report = Catalogue(tmp_path / "store").ingest([tmp_path], describe=sensors.items)
    assert any(path.name in r.source for r in report.refused)


def test_a_table_that_is_a_link_out_of_the_folder_is_not_read(tmp_path):
    path = shapefile(tmp_path / "data")
    secret = path.with_suffix(".dbf").rename(tmp_path / "secret.dbf")
    path.with_suffix(".dbf").symlink_to(secret)
    with pytest.raises(InputError, match="no facilities.dbf beside it"):
        opened(path)


def test_a_missing_index_is_made_again(tmp_path):
    path = shapefile(tmp_path)
    whole = opened(path)[0]
    path.with_suffix(".shx").unlink()
    assert opened(path)[0].geometry.equals(whole.geometry)
    assert not path.with_suffix(".shx").exists()


def test_a_folder_with_a_shapefile_is_one_observation_without_refusals(tmp_path):
    path = shapefile(tmp_path / "data")
    (tmp_path / "data" / "facilities.shp.xml").write_text("<metadata/>")
    report = Catalogue(tmp_path / "store").ingest([tmp_path / "data"], describe=sensors.items)
    assert (len(report.added), report.refused) == (1, ())
    _, observation = opened(path)
    assert [f.suffix for f in observation.files] == [".dbf", ".prj", ".shp", ".shx"]


@pytest.mark.parametrize("archive", ["zip", "stored", "tar.gz"])
def test_shapefiles_in_archives(tmp_path, archive):
    path = shapefile(tmp_path / "data")
    packed = tmp_path / f"P20-12_13_GML.{'zip' if archive == 'stored' else archive}"
    files = sorted(path.parent.iterdir())
    if archive == "tar.gz":
        with tarfile.open(packed, "w:gz") as out:
            for file in files:
                out.add(file, f"Shift-JIS/{file.name}")
    else:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED if archive == "zip" else zipfile.ZIP_STORED) as out:
            for file in files:
                out.write(file, f"Shift-JIS/{file.name}")
            out.writestr("KS-META.xml", "<a/>")
    features, observation = opened(packed)
    assert features["name"].tolist() == NAMES
    assert observation.files == (packed,)
    assert [i.properties["mitoshi:quantities"] for i in sensors.items(packed)] == [["facilities"]]


def test_headings_that_a_shapefile_cuts_are_completed(tmp_path):
    """floor_area_m2, 収容人数 in UTF-8 and storeysAboveGround have more than 10 bytes."""
    path = shapefile(tmp_path, ["80.5", "b", "c"], heads=("floor_area",), encoding="ascii")
    path.with_suffix(".dbf").write_bytes(dbf([("80.5",), ("",), ("7",)], heads=("floor_area_m2",), encoding="ascii"))
    features, observation = opened(path, BUILDINGS)
    np.testing.assert_array_equal(features["floor_area_m2"], [80.5, np.nan, 7.0])
    assert any("floor_area = floor_area_m2" in t.en for t in observation.assumptions)
    path.with_suffix(".dbf").write_bytes(dbf([("10",)] * 3, heads=("収容人数",), encoding="utf-8"))
    assert opened(path)[0]["capacity"].tolist() == [10.0] * 3
    path.with_suffix(".dbf").write_bytes(dbf([("2",)] * 3, heads=("storeysAboveGround",), encoding="ascii"))
    assert opened(path, BUILDINGS)[0]["storeys"].tolist() == [2.0] * 3


def test_an_archive_of_two_layers_asks_which(tmp_path):
    path = shapefile(tmp_path / "data")
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as out:
        for file in path.parent.iterdir():
            out.write(file, f"UTF-8/{file.name}")
            out.write(file, f"Shift-JIS/{file.name}")
    with pytest.raises(InputError, match="choose one with '#part=…': Shift-JIS/facilities, UTF-8/facilities"):
        opened(packed)
    assert len(opened(f"{packed}#part=UTF-8/facilities")[0]) == 3
    assert len(sensors.items(packed)) == 2


def test_a_layer_that_unfolds_beyond_the_limit_is_not_unpacked(tmp_path, monkeypatch):
    path = shapefile(tmp_path / "data")
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for file in path.parent.iterdir():
            out.write(file, file.name)
    monkeypatch.setattr("mitoshi.sensors.shapefiles.MAX_UNPACKED", 100)
    monkeypatch.setenv("MITOSHI_CACHE", str(tmp_path / "unpacked"))
    with pytest.raises(RefusedError, match="unfolds to"):
        opened(packed)
    assert not list((tmp_path / "unpacked").rglob("*.dbf"))


def test_flatgeobuf_keeps_ids_and_is_refused_where_it_is_cut(tmp_path):
    table = geopandas.GeoDataFrame(
        {"id": ["01100", "02"], "名称": ["病院", None]}, geometry=[shapely.Point(139, 35, 7)] * 2, crs="EPSG:4326"
    )
    table.to_file(tmp_path / "a.fgb")
    features, _ = opened(tmp_path / "a.fgb")
    assert sorted(features["id"]) == ["01100", "02"]
    assert not shapely.has_z(features.geometry).any()
    content = (tmp_path / "a.fgb").read_bytes()
    for keep in (20, 200, len(content) - 5):
        (tmp_path / "b.fgb").write_bytes(content[:keep])
        with pytest.raises(InputError) as told:
            opened(tmp_path / "b.fgb")
        assert "\n" not in str(told.value)


def geojson(path, *geometries, **more):
    features = [{"type": "Feature", "properties": {"id": str(n)}, "geometry": g} for n, g in enumerate(geometries)]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **more}))
    return path


def polygon(*ring):
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.mark.parametrize(
    ("ring", "area"),
    [
        ([(0, 0), (2, 2), (2, 0), (0, 2)], 2.0),  # a bow tie, whose signed area is 0
        ([(0, 0), (3, 0), (3, 1), (1, -1), (0, 1)], 2.0),  # shoelace of the parts by hand
        ([(0, 0), (2, 0), (2, 2), (0, 2), (0, 0), (1, 0), (1, 1), (0, 1)], 3.0),  # a square encircled twice is a hole
    ],
)
def test_what_crosses_itself_is_read_by_the_even_odd_rule(tmp_path, ring, area):
    path = geojson(
        tmp_path / "a.geojson", polygon(*ring, ring[0]), crs={"type": "name", "properties": {"name": "EPSG:6677"}}
    )
    features, observation = opened(path, BUILDINGS)
    assert features.geometry.area[0] == pytest.approx(even_odd(ring))
    if area != 2.0 or ring[1] == (2, 2):
        assert features.geometry.area[0] == pytest.approx(area)
    assert any("1 of 1 polygons cross or overlap themselves" in t.en for t in observation.assumptions)


def even_odd(ring, steps=801):
    """Return the area inside by crossing counts on a fine lattice: independent of any geometry library."""
    ring = np.array(ring, float)
    low, high = ring.min(0), ring.max(0)
    x, y = (low[i] + (high[i] - low[i]) * (np.arange(steps) + 0.5) / steps for i in (0, 1))
    inside = np.zeros((steps, steps), bool)
    for (x1, y1), (x2, y2) in zip(ring, np.roll(ring, -1, 0), strict=True):
        if y1 != y2:
            spans = ((y1 > y) != (y2 > y))[:, None]
            inside ^= spans & (x[None, :] < ((x2 - x1) * (y - y1) / (y2 - y1) + x1)[:, None])
    return round(float(inside.mean() * np.prod(high - low)), 2)


def test_a_polygon_without_area_has_no_place_and_one_of_many_crossings_is_refused(tmp_path):
    flat = polygon((139, 35), (140, 36), (139.5, 35.5), (139, 35))
    features, observation = opened(
        geojson(tmp_path / "a.geojson", flat, polygon((0, 0), (1, 0), (1, 1), (0, 0))), DISTRICTS
    )
    assert features.geometry.is_empty.tolist() == [True, False]
    assert any("1 of 2 features have no coordinates, or enclose no area" in t.en for t in observation.assumptions)
    turn = 2 * np.pi * np.arange(601) * 300 / 601
    star = [(139 + np.cos(t), 35 + np.sin(t)) for t in turn]
    with pytest.raises(InputError, match="feature 1: the sides of the geometry meet"):
        opened(geojson(tmp_path / "b.geojson", polygon(*star, star[0])), DISTRICTS)


def test_a_bow_tie_without_a_crs_is_repaired_too(tmp_path):
    tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    geopandas.GeoDataFrame({"id": ["a"]}, geometry=[tie]).to_parquet(tmp_path / "a.parquet")
    assert opened(tmp_path / "a.parquet", BUILDINGS)[0].geometry.area[0] == pytest.approx(2.0)


def test_heights_and_measures_are_left_out(tmp_path):
    ring = [(139, 35, 5), (139.1, 35, 5), (139.1, 35.1, 9), (139, 35, 5)]
    features, _ = opened(geojson(tmp_path / "a.geojson", polygon(*ring)), DISTRICTS)
    assert not shapely.has_z(features.geometry).any()
    (tmp_path / "b.csv").write_text("id,wkt\n1,POINT ZM (139 35 3 4)\n2,POINT M (139 35 3)\n")
    features, _ = opened(tmp_path / "b.csv")
    assert [g.wkt for g in features.geometry] == ["POINT (139 35)"] * 2


@pytest.mark.parametrize(
    ("place", "crs", "words"),
    [
        ((35.6, 139.7), None, "exchanged"),
        ((35.6, 139.7), "urn:ogc:def:crs:EPSG::4326", "exchanged"),
        ((22916.2, 11543.7), "EPSG:4326", "beyond 180 degrees, but its CRS EPSG:4326 is in degrees"),
        ((22916.2, 11543.7), None, "beyond 180 degrees, but it states no CRS"),
    ],
)
def test_coordinates_that_are_no_degrees_are_refused(tmp_path, place, crs, words):
    more = {} if crs is None else {"crs": {"type": "name", "properties": {"name": crs}}}
    path = geojson(tmp_path / "a.geojson", {"type": "Point", "coordinates": place}, **more)
    with pytest.raises(InputError, match=words):
        opened(path)


def test_the_user_may_state_the_crs_of_a_file_without_one_and_not_contradict_it(tmp_path):
    path = geojson(tmp_path / "a.geojson", {"type": "Point", "coordinates": (22916.2436, 11543.6883)})
    features, _ = opened(f"{path}#crs=EPSG:6677")
    assert features.to_crs(6668).geometry[0].x == pytest.approx(140.087855, abs=1e-5)
    shape = shapefile(tmp_path)
    assert opened(f"{shape}#crs=EPSG:6677")[0].crs == JGD2011_9
    with pytest.raises(InputError, match="the file says that its CRS is"):
        opened(f"{shape}#crs=EPSG:6678")
    shape.with_suffix(".prj").unlink()
    assert opened(f"{shape}#crs=EPSG:6678")[0].crs == "EPSG:6678"
    with pytest.raises(InputError, match="no known CRS"):
        opened(f"{shape}#crs=EPSG:nothing")


def test_a_shapefile_of_solids_is_refused_by_name(tmp_path):
    path = shapefile(tmp_path)
    with_bytes(".shp", 32, struct.pack("<i", 31))(path)
    with pytest.raises(RefusedError, match="export the footprints as polygons"):
        opened(path)


@pytest.mark.parametrize(
    ("place", "crs", "words"),
    [
        ((48.85, 2.35), 4326, "with their two coordinates exchanged"),
        ((2.35, 48.85), 32631, "look like degrees, but their CRS WGS 84 / UTM zone 31N is in metre"),
        ((48.85, 2.35), 32631, "look like degrees, latitude first"),
        ((5411000.0, 452000.0), 32631, "with their two coordinates exchanged"),
        ((2.35, 48.85), 4326, None),
        ((139.7, 35.6), 4326, None),  # simply elsewhere
    ],
)
def test_a_list_that_lies_wholly_outside_because_of_its_axes_is_refused(place, crs, words):
    """Paris on a grid in Paris: every order of the axes is a place on the Earth, so that only the area tells."""
    from odc.geo.geobox import GeoBox

    from mitoshi.cube.features import on_grid

    grid = GeoBox.from_bbox((440_000, 5_400_000, 460_000, 5_420_000), "EPSG:32631", resolution=100)
    table = geopandas.GeoDataFrame({"id": ["a"]}, geometry=[shapely.Point(place)], crs=crs)
    if words is None:
        assert len(on_grid([table], grid, "facilities")) == 1
        return
    with pytest.raises(InputError, match=words):
        on_grid([table], grid, "facilities")
