"""Ingest, search and interchange of the embedded catalogue."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pystac
import pytest
import shapely

from mitoshi.catalog import Catalogue
from mitoshi.core.errors import InputError, RefusedError, UnknownFileError


def unknown(path):
    raise UnknownFileError(f"{path} is unknown to every reader")


def ids(items):
    return [i.id for i in items]


def test_the_same_product_again_changes_nothing(tmp_path, item):
    catalogue = Catalogue(tmp_path / "c")
    first = catalogue.add([item("a"), item("b")])
    assert first.added == ("a", "b")
    kept = {p.name: p.read_bytes() for p in catalogue.folder.iterdir()}
    second = catalogue.add([item("b"), item("a"), item("a")])
    assert (second.added, second.updated) == ((), ())
    assert set(second.unchanged) == {"a", "b"}
    assert {p.name: p.read_bytes() for p in catalogue.folder.iterdir()} == kept


def test_a_changed_item_replaces_the_old_one_also_where_only_the_old_one_matches(tmp_path, item):
    catalogue = Catalogue(tmp_path / "c")
    catalogue.add([item("a", west=10.0), item("b", west=10.0)])
    report = catalogue.add([item("a", west=50.0)])
    assert report.updated == ("a",)
    assert len(catalogue) == 2
    assert ids(catalogue.search(bbox=(9, 35, 12, 36))) == ["b"]
    assert ids(catalogue.search(bbox=(49, 35, 52, 36))) == ["a"]


def test_items_come_back_exactly_however_unlike_they_are(tmp_path, item):
    items = [
        item("a", **{"view:off_nadir": 1.5, "nested": {"x": [1, 2], "y": {"z": "q"}}}),
        item("b", nested={"x": [], "other": True}),
        item("c", **{"view:off_nadir": "unknown", "empty": ""}),
        item("d", collection="dem", list=[{"a": 1}, {"b": 2.5}]),
    ]
    items[1]["assets"] = {}
    items[2]["assets"]["other"] = {"href": "https://example.org/x", "raster:bands": [{"scale": 0.1}, {"nodata": 0}]}
    items[3]["links"] = [{"rel": "license", "href": "https://example.org/l", "title": "ライセンス"}]
    catalogue = Catalogue(tmp_path / "c")
    assert catalogue.add(items).refused == ()
    found = {i.id: i.to_dict(transform_hrefs=False) for i in catalogue.search()}
    for given in items:
        got = found[given["id"]]
        assert got["properties"].pop("mitoshi:quantities", None) == (
            None if given["id"] == "d" else ["beta0", "gamma0", "sigma0"]
        )
        assert got["properties"].pop("datetime").startswith("2019-10-12T20:00:00")
        assert got["properties"] == {k: v for k, v in given["properties"].items() if k != "datetime"}
        assert got["assets"] == given["assets"]
        assert got["links"] == given["links"]
        assert shapely.geometry.shape(got["geometry"]).equals(shapely.geometry.shape(given["geometry"]))


def test_answers_are_sorted_by_time_then_id_and_limited(tmp_path, item):
    catalogue = Catalogue(tmp_path / "c")
    for name, day in (("c", 3), ("b", 1), ("a", 3), ("d", 2)):
        catalogue.add([item(name, time=f"2020-01-0{day}T00:00:00Z")])
    assert ids(catalogue.search()) == ["b", "d", "a", "c"]
    assert ids(catalogue.search(limit=3)) == ["b", "d", "a"]
    assert ids(catalogue.search(limit=0)) == []
    with pytest.raises(InputError, match="limit"):
        catalogue.search(limit=-1)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2020-01-02/2020-01-03", ["b", "c"]),
        ("2020-01-02/..", ["b", "c", "d"]),
        ("../2020-01-02", ["a", "b"]),
        ("2020-01-03", ["c"]),
        ("2020-01-03T12:00Z/2020-01-03T12:00Z", ["c"]),
        ("2020-01-03T12:00:00.000001Z/2020-01-03T23:00Z", []),
        ("../..", ["a", "b", "c", "d"]),
    ],
)
def test_time_windows_are_closed_and_may_be_open_ended(tmp_path, item, time, expected):
    catalogue = Catalogue(tmp_path / "c")
    catalogue.add([item(n, time=f"2020-01-0{d}T12:00:00Z") for d, n in enumerate("abcd", 1)])
    assert ids(catalogue.search(time=time)) == expected


def test_an_item_with_a_span_of_time_matches_any_overlap(tmp_path, item):
    one = item("mosaic", start_datetime="2020-01-01T00:00:00Z", end_datetime="2020-12-31T00:00:00Z")
    one["properties"]["datetime"] = None
    catalogue = Catalogue(tmp_path / "c")
    catalogue.add([one, item("point", time="2020-06-01T00:00:00Z")])
    assert ids(catalogue.search(time="2020-12-30/2021-06-01")) == ["mosaic"]
    assert ids(catalogue.search(time="2020-05-01/2020-07-01")) == ["mosaic", "point"]
    assert catalogue.search(time="2021-01-01/2021-06-01") == []


@pytest.mark.parametrize("time", ["yesterday", "2020-01-02/2020-01-01", "2020-13-01/.."])
def test_a_malformed_time_is_refused(tmp_path, item, time):
    catalogue = Catalogue(tmp_path / "c")
    catalogue.add([item("a")])
    with pytest.raises(InputError):
        catalogue.search(time=time)


def test_collections_and_quantities_filter_and_a_family_stands_for_its_members(tmp_path, item):
    catalogue = Catalogue(tmp_path / "c")
    catalogue.add(
        [
            item("grd"),
            item("dem", collection="cop-dem-glo-30"),
            item("own", collection="mine", **{"mitoshi:quantities": ["gamma0"]}),
            item("none", collection="mine"),
        ]
    )
    assert set(ids(catalogue.search(collections=["mine"]))) == {"own", "none"}
    assert set(ids(catalogue.search(quantity="gamma0"))) == {"grd", "own"}
    assert set(ids(catalogue.search(quantity="backscatter"))) == {"grd", "own"}
    assert ids(catalogue.search(quantity="elevation")) == ["dem"]
    with pytest.raises(InputError, match="did you mean 'elevation'"):
        catalogue.search(quantity="elevations")
    with pytest.raises(InputError, match="list of names"):
        catalogue.search(collections="mine")


def test_queries_and_items_across_the_antimeridian(tmp_path, item):
    crossing = item("crossing")
    crossing["geometry"] = {
        "type": "MultiPolygon",
        "coordinates": [
            [[[179, -18], [180, -18], [180, -16], [179, -16], [179, -18]]],
            [[[-180, -18], [-179, -18], [-179, -16], [-180, -16], [-180, -18]]],
        ],
    }
    crossing["bbox"] = [179, -18, -179, -16]
    uncut = item("uncut")
    uncut["geometry"] = {
        "type": "Polygon",
        "coordinates": [[[178, -17], [-178, -17], [-178, -15], [178, -15], [178, -17]]],
    }
    uncut["bbox"] = [178, -17, -178, -15]
    catalogue = Catalogue(tmp_path / "c")
    report = catalogue.add([crossing, uncut, item("east", 178.2, -17), item("west", -179.5, -17), item("far", 0, -17)])
    assert report.refused == ()
    assert set(ids(catalogue.search(bbox=(178.5, -17, -179, -16)))) == {"crossing", "uncut", "east", "west"}
    assert set(ids(catalogue.search(bbox=(179.3, -17, 179.6, -16)))) == {"crossing", "uncut"}
    assert set(ids(catalogue.search(bbox=(-179.9, -17, -179.8, -16)))) == {"crossing", "uncut"}
    assert set(ids(catalogue.search(bbox=(-10, -17, 10, -16)))) == {"far"}
    # An item across the antimeridian must not match the other side of the Earth.
    assert ids(catalogue.search(bbox=(-170, -20, 170, 0))) == ["far"]
    found = next(i for i in catalogue.search() if i.id == "uncut")
    assert found.bbox == [178.0, -17.0, -178.0, -15.0]
    assert shapely.geometry.shape(found.geometry).area == pytest.approx(8.0)


def test_footprints_decide_not_their_boxes(tmp_path, item):
    slanted = item("slanted", 10, 10)
    slanted["geometry"] = {"type": "Polygon", "coordinates": [[[10, 10], [11, 10], [11, 11], [10, 10]]]}
    catalogue = Catalogue(tmp_path / "c")
    catalogue.add([slanted])
    assert catalogue.search(bbox=(10.0, 10.8, 10.1, 10.9)) == []
    assert ids(catalogue.search(bbox=(10.8, 10.1, 10.9, 10.2))) == ["slanted"]
    triangle = {"type": "Polygon", "coordinates": [[[10, 11], [10.3, 11], [10, 10.7], [10, 11]]]}
    assert catalogue.search(intersects=triangle) == []
    assert ids(catalogue.search(intersects={"type": "Point", "coordinates": [10.9, 10.5]})) == ["slanted"]
    with pytest.raises(InputError):
        catalogue.search(intersects={"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]})


def test_search_agrees_with_a_plain_loop_over_random_items(tmp_path, item):
    rng = np.random.default_rng(5)
    items = []
    for n in range(300):
        one = item(f"i{n:03}", 0, 0, f"20{rng.integers(10, 20)}-0{rng.integers(1, 9)}-01T00:00:00Z")
        west, south, wide, high = (
            rng.uniform(-180, 180),
            rng.uniform(-80, 70),
            rng.uniform(0.1, 30),
            rng.uniform(0.1, 9),
        )
        east = west + wide
        rings = [(west, min(east, 180))] + ([(-180, east - 360)] if east > 180 else [])
        parts = [[[[w, south], [e, south], [e, south + high], [w, south + high], [w, south]]] for w, e in rings]
        one["geometry"] = {"type": "MultiPolygon", "coordinates": parts}
        one["bbox"] = [west, south, east if east <= 180 else east - 360, south + high]
        items.append(one)
    catalogue = Catalogue(tmp_path / "c")
    for start in range(0, 300, 30):
        catalogue.add(items[start : start + 30])
    shapes = {i["id"]: shapely.geometry.shape(i["geometry"]) for i in items}
    for _ in range(40):
        west, south = rng.uniform(-180, 180), rng.uniform(-85, 60)
        east = west + rng.uniform(0, 90)
        bbox = (west, south, east if east <= 180 else east - 360, south + rng.uniform(0, 25))
        year = int(rng.integers(2010, 2018))
        area = shapely.box(west, south, min(east, 180), bbox[3])
        if east > 180:
            area = area.union(shapely.box(-180, south, east - 360, bbox[3]))
        wanted = {
            i["id"]
            for i in items
            if shapes[i["id"]].intersects(area) and year <= int(i["properties"]["datetime"][:4]) < year + 2
        }
        assert set(ids(catalogue.search(bbox=bbox, time=f"{year}-01-01/{year + 1}-12-31"))) == wanted


def test_bad_products_are_reported_and_the_others_go_on(tmp_path, item):
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.dat").write_bytes(b"good")
    (source / "b.dat").write_bytes(b"bad")
    (source / "c.dat").write_bytes(b"crash")
    (source / "d.dat").write_bytes(b"good")
    (source / "link").symlink_to("/etc/passwd")

    def describe(path):
        from pathlib import Path

        if not Path(path).is_file():
            raise UnknownFileError(f"{path} is unknown")
        kind = Path(path).read_bytes()
        if kind == b"bad":
            raise InputError("the header\nis broken; fetch it again")
        if kind == b"crash":
            raise ZeroDivisionError("boom")
        made = pystac.Item.from_dict(item(Path(path).stem))
        made.assets = {"data": pystac.Asset(href=str(path))}
        return [made]

    seen = []
    report = Catalogue(tmp_path / "c").ingest([source, tmp_path / "missing"], describe, progress=seen.append)
    assert report.added == ("a", "d")
    reasons = {r.source.rsplit("/", 1)[-1]: r.reason for r in report.refused}
    assert reasons["b.dat"] == "the header is broken; fetch it again"
    assert "ZeroDivisionError: boom" in reasons["c.dat"]
    assert reasons["missing"].startswith("no such file or folder")
    assert set(reasons) == {"b.dat", "c.dat", "missing"}
    assert len(seen) == 5
    found = Catalogue(tmp_path / "c").search()[0].assets["data"].extra_fields
    assert found["file:checksum"] == "1220" + hashlib.sha256(b"good").hexdigest()
    assert found["file:size"] == 4


def test_the_files_are_geoparquet_that_others_read(tmp_path, item):
    geopandas = pytest.importorskip("geopandas")
    import pyarrow.parquet as pq
    from stac_geoparquet.arrow import stac_table_to_items

    catalogue = Catalogue(tmp_path / "c")
    catalogue.add([item("a"), item("b", 20, 10)])
    (part,) = catalogue.folder.glob("*.parquet")
    metadata = pq.read_schema(part).metadata
    geo = json.loads(metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    assert geo["columns"]["geometry"]["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    assert geo["columns"]["geometry"]["bbox"] == [20, 10, 140, 36]
    assert json.loads(metadata[b"stac-geoparquet"])["version"] == "1.0.0"
    frame = geopandas.read_parquet(part, bbox=(19, 9, 22, 12))
    assert list(frame["id"]) == ["b"]
    assert frame.crs.to_epsg() == 4326 or frame.crs.to_authority() == ("OGC", "CRS84")
    by_library = {i["id"]: i for i in stac_table_to_items(pq.read_table(part))}
    for ours in catalogue.search():
        theirs = pystac.Item.from_dict(by_library[ours.id]).to_dict(transform_hrefs=False)
        assert theirs == ours.to_dict(transform_hrefs=False)


def test_many_small_ingests_are_merged(tmp_path, item):
    catalogue = Catalogue(tmp_path / "c")
    for n in range(40):
        catalogue.add([item(f"i{n:02}", west=n, extra=n if n % 2 else float(n))])
    assert len(list(catalogue.folder.glob("*.parquet"))) <= 9
    assert ids(catalogue.search(bbox=(10.5, 35.5, 12.2, 35.6))) == ["i10", "i11", "i12"]
    assert len(catalogue) == 40
    assert catalogue.check() <= 9


def test_no_catalogue_is_said_and_an_empty_one_is_empty(tmp_path):
    with pytest.raises(InputError, match="no catalogue at"):
        Catalogue(tmp_path / "missing").search()
    (tmp_path / "empty").mkdir()
    assert Catalogue(tmp_path / "empty").search() == []
    assert len(Catalogue(tmp_path / "empty")) == 0


@pytest.mark.slow
def test_a_million_items_are_searched_within_a_second(tmp_path):
    import importlib.util
    import time
    from pathlib import Path

    path = Path(__file__).resolve().parents[2] / "benchmarks" / "catalog_search.py"
    spec = importlib.util.spec_from_file_location("catalog_search", path)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    benchmark.build(tmp_path / "million", 1_000_000)
    catalogue = Catalogue(tmp_path / "million")
    assert len(catalogue) == 1_000_000
    catalogue.search(bbox=(0, 0, 0.1, 0.1), limit=1)  # imports
    for name, query in benchmark.QUERIES.items():
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            found = catalogue.search(**query)
            seconds.append(time.perf_counter() - start)
        assert found or "month" in name
        # The best of three: other processes share this machine.
        assert min(seconds) < 1.0, (name, seconds)


def test_an_item_from_outside_cannot_name_a_reader_or_a_local_file(tmp_path, item):
    folder = tmp_path / "in"
    folder.mkdir()
    hostile = item("a", **{"mitoshi:reader": "raster", "mitoshi:source": "/etc/passwd", "mitoshi:simulated": True})
    (folder / "a.json").write_text(json.dumps(hostile))
    catalogue = Catalogue(tmp_path / "c")
    catalogue.ingest([folder], unknown)
    properties = catalogue.search()[0].properties
    assert "mitoshi:source" not in properties
    assert "mitoshi:reader" not in properties
    assert properties["mitoshi:simulated"] is True


@pytest.mark.parametrize(
    "href",
    [
        "file:///etc/passwd",
        "../../../etc/passwd",
        "/etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        "/vsizip//vsicurl/http://127.0.0.1:9/x.zip/y.tif",
        "GTIFF_DIR:1:/etc/passwd",
        'NETCDF:"/etc/passwd":x',
        '<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>',
        "http://[::ffff:127.0.0.1]:9/x.tif",
        "http://2130706433/x.tif",
        "http://0x7f.1/x.tif",
        "https://localhost/x.tif",
        "https://db.internal/x.tif",
        "javascript:alert(1)",
        "https:///x.tif",
        "",
        "x\ny",
    ],
)
def test_addresses_that_lead_astray_are_refused(tmp_path, href):
    from mitoshi.catalog.item import beside

    with pytest.raises(RefusedError):
        beside(tmp_path)(href)


def test_addresses_on_the_web_and_beside_the_item_are_kept(tmp_path):
    from mitoshi.catalog.item import beside

    check = beside(tmp_path)
    assert check("https://example.org/a.tif?sig=x%2F") == "https://example.org/a.tif?sig=x%2F"
    assert check("s3://bucket/key.tif") == "s3://bucket/key.tif"
    assert check("./sub/../a.tif") == str(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "../../x"}, "not safe"),
        ({"id": 5}, "not safe"),
        ({"id": ""}, "not safe"),
        ({"collection": "a/b"}, "not safe"),
        ({"geometry": None}, "no geometry"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}}, "invalid"),
        ({"geometry": {"type": "Polygon", "coordinates": "x"}}, "no GeoJSON"),
        ({"geometry": {"type": "Point", "coordinates": [1000.0, 0.0]}}, "not on the Earth"),
        ({"bbox": [0, 0, 1, 1]}, "disagrees"),
        ({"bbox": [0, 0, 1]}, "4 or 6 numbers"),
        ({"bbox": [139, 36, 140, 35]}, "not on the Earth"),
        ({"assets": {"a": {}}}, "no href"),
        ({"assets": []}, "assets must be"),
        ({"type": "Collection"}, "not a STAC item"),
    ],
)
def test_malformed_items_are_refused_with_one_line(tmp_path, item, change, reason):
    report = Catalogue(tmp_path / "c").add([{**item("a"), **change}, item("good")])
    assert report.added == ("good",)
    assert reason in report.refused[0].reason
    assert "\n" not in report.refused[0].reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"datetime": "2024-02-30T00:00:00Z"}, "no time"),
        ({"datetime": None}, "no datetime"),
        ({"datetime": "0001-01-01T00:00:00Z"}, "year 1"),
        ({"start_datetime": "2024-02-01T00:00:00Z", "end_datetime": "2023-01-01T00:00:00Z"}, "before"),
        ({"eo:cloud_cover": float("inf")}, "not finite"),
        ({"huge": 2**70}, "64 bits"),
        ({"bulk": "x" * 2**21}, "larger than"),
        ({"bbox": 1}, "own field"),
    ],
)
def test_malformed_properties_are_refused_with_one_line(tmp_path, item, change, reason):
    report = Catalogue(tmp_path / "c").add(
        [item("a", **change)] if "datetime" not in change else [_timed(item, change)]
    )
    assert report.added == ()
    assert reason in report.refused[0].reason


def _timed(item, change):
    one = item("a")
    one["properties"].update(change)
    return one


def test_deep_nesting_and_broken_json_are_refused(tmp_path, item):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "deep.json").write_text("[" * 100_000 + "]" * 100_000)
    deep = item("a")
    deep["properties"]["x"] = json.loads("[" * 60 + "]" * 60)
    (folder / "deep-item.json").write_text(json.dumps(deep))
    (folder / "nan.json").write_text(json.dumps({**item("b"), "extra": float("nan")}))
    (folder / "cut.json").write_text(json.dumps(item("c"))[:-20])
    (folder / "binary.parquet").write_bytes(b"PAR1 not really")
    report = Catalogue(tmp_path / "c").ingest([folder], unknown)
    assert report.added == ()
    assert len(report.refused) == 5
    assert all("\n" not in r.reason for r in report.refused)
