"""Files made to kill or fill their reader: one line each, quick, little memory, and the good file after them is catalogued."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from mitoshi.core.errors import RefusedError
from mitoshi.core.geometry_depth import DEEPEST, check_wkb, check_wkt

GOOD = '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"n":1},"geometry":{"type":"Point","coordinates":[139,35]}}]}'
GEOPACKAGE = """
PRAGMA application_id = 1196444487; PRAGMA user_version = 10300;
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT, organization_coordsys_id INTEGER,
                                   definition TEXT, description TEXT);
INSERT INTO gpkg_spatial_ref_sys VALUES ('WGS 84', 4326, 'EPSG', 4326, 'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]]', '');
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT, identifier TEXT, description TEXT, last_change DATETIME,
                            min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER);
INSERT INTO gpkg_contents VALUES ('a', 'features', 'a', '', '2024-01-01T00:00:00Z', 0, 0, 1, 1, 4326);
CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, geometry_type_name TEXT, srs_id INTEGER, z TINYINT, m TINYINT);
INSERT INTO gpkg_geometry_columns VALUES ('a', 'geom', 'GEOMETRY', 4326, 0, 0);
CREATE TABLE a (fid INTEGER PRIMARY KEY, geom GEOMETRY);
"""
MEASURED = """
import json, resource, subprocess, sys
done = subprocess.run([sys.executable, "-c", "from mitoshi.interfaces.cli import main; main()", *sys.argv[1:]],
                      capture_output=True, text=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
print(json.dumps([done.returncode, done.stderr, peak]))
"""


@pytest.mark.real
@pytest.mark.slow
def test_each_is_one_line_and_the_good_file_is_catalogued(shared_data, tmp_path):
    folder = shared_data("cases/hostile")
    good = tmp_path / "good.geojson"
    good.write_text(GOOD)
    for path in sorted(folder.iterdir()):
        start = time.monotonic()
        arguments = ["ingest", str(path), str(good), "--store", str(tmp_path / path.name)]
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *arguments], capture_output=True, text=True, timeout=60, check=True
        )
        status, said, peak = json.loads(done.stdout)
        assert status == 0, (path.name, said)
        assert len(said.splitlines()) == 1, (path.name, said)
        assert said.startswith(f"refused {path}: "), said
        assert "internal error" not in said
        assert peak < 2 * 2**30, path.name
        assert time.monotonic() - start < 30, path.name


@pytest.mark.slow
def test_a_small_file_of_many_pixels_does_not_fill_the_memory_of_a_method_that_reads_by_windows(tmp_path):
    import rasterio

    grid = {"width": 16_000, "height": 8_000, "transform": rasterio.Affine(10, 0, 500_000, 0, -10, 4_000_000)}
    storage = {"compress": "zstd", "tiled": True, "blockxsize": 512, "blockysize": 512}
    depth, houses = tmp_path / "depth.tif", tmp_path / "houses.geojson"
    with rasterio.open(depth, "w", driver="GTiff", count=1, dtype="uint8", crs="EPSG:32631", **grid, **storage):
        pass
    houses.write_text(GOOD.replace("139,35", "3.001,36.14"))
    arguments = ["run", "disaster.impact", f"--depth={depth}#quantity=water_depth,units=m", f"--buildings={houses}"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments, "--out", str(tmp_path / "out"), "--time=2024-01-01T00:00:00Z"],
        capture_output=True,
        text=True,
        check=True,
    )
    status, said, peak = json.loads(done.stdout)
    assert status == 0, said
    assert depth.stat().st_size < 2**16
    assert peak < 2**30  # a table of the cells' areas alone was 3 GiB


def nested_wkb(depth: int, order: str = "little") -> bytes:
    mark = b"\x01" if order == "little" else b"\x00"
    shell = mark + (7).to_bytes(4, order) + (1).to_bytes(4, order)
    return shell * depth + mark + (1).to_bytes(4, order) + bytes(16)


@pytest.mark.parametrize("order", ["little", "big"])
def test_depth_is_counted_in_the_bytes(order):
    check_wkb([nested_wkb(DEEPEST, order), None, b"", b"\x01\x07"], "a.parquet")
    with pytest.raises(RefusedError, match=r"row 2 nests deeper than 32"):
        check_wkb([None, nested_wkb(DEEPEST + 1, order)], "a.parquet")


def test_depth_is_counted_behind_shallow_members():
    import shapely

    shallow = shapely.to_wkb(shapely.from_wkt("MULTIPOLYGON Z (((0 0 1, 1 0 1, 1 1 1, 0 0 1)))"))
    check_wkb([shallow], "a")
    start = b"\x01" + (7).to_bytes(4, "little") + (2).to_bytes(4, "little")
    with pytest.raises(RefusedError):
        check_wkb([start + shallow + nested_wkb(40)], "a")


def test_depth_of_text():
    check_wkt(["GEOMETRYCOLLECTION (POINT (0 0))", None, 3.0, "POINT (0 0) " * 40], "a.csv")
    with pytest.raises(RefusedError, match="row 1"):
        check_wkt(["GEOMETRYCOLLECTION (" * 33 + ")" * 33], "a.csv")


def test_a_dictionary_that_becomes_gigabytes_is_refused_before_it_is_decoded(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    from mitoshi.core.parquet_checks import check_parquet

    values = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), pa.array(["x" * 2**20]))
    pq.write_table(pa.table({"a": values}), tmp_path / "bomb.parquet")
    pq.write_table(pa.table({"a": values[:10], "b": [[b"1"]] * 10, "c": [{"d": "e"}] * 10}), tmp_path / "fine.parquet")
    check_parquet(tmp_path / "fine.parquet")
    with pytest.raises(RefusedError, match="more than 1 GiB"):
        check_parquet(tmp_path / "bomb.parquet")


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("not finite", (float("nan"), 0, 139, 0, -1, 35)),
        ("beyond", (1e300, 0, 1e300, 0, -1e300, 0)),
        ("no area", (1e-300, 0, 139, 0, -1e-300, 35)),
        ("no area", (1, 1, 0, 1, 1, 0)),
    ],
)
def test_a_geotransform_without_place_or_area_is_refused(name, numbers):
    from mitoshi.core.errors import InputError
    from mitoshi.sensors.transform_checks import check_transform

    check_transform((0.0005, 0.0005, 139, 0.0005, -0.0005, 35), (64, 64), "a.tif")  # rotated is fine
    with pytest.raises(InputError, match=name):
        check_transform(numbers, (64, 64), "a.tif")


def test_coordinates_that_were_never_written_are_not_made(tmp_path):
    import h5py

    from mitoshi.sensors.datacube_checks import open_cube

    with h5py.File(tmp_path / "a.nc", "w") as file:
        file.create_dataset("x", shape=(400_000_000,), dtype="f8", chunks=(1024,))
    with pytest.raises(RefusedError, match="400000000 values along one axis"):
        open_cube(tmp_path / "a.nc", "h5netcdf")


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE VIEW gpkg_contents AS SELECT 1",
        "CREATE TABLE a (n INTEGER, big TEXT GENERATED ALWAYS AS (hex(zeroblob(n))))",
        "CREATE VIRTUAL TABLE a USING fts5(b)",
    ],
)
def test_a_schema_that_computes_is_refused(sql):
    import sqlite3
    from contextlib import closing

    from mitoshi.sensors.geopackage_checks import check_schema

    with closing(sqlite3.connect(":memory:")) as base:
        base.execute("CREATE TABLE fine (a INTEGER)")
        check_schema(base, "a.gpkg")
        base.execute(sql)
        with pytest.raises(RefusedError):
            check_schema(base, "a.gpkg")


@pytest.mark.parametrize("depth", [DEEPEST + 1, 100_000])
@pytest.mark.parametrize("head", [b"GP\x00\x01\xe6\x10\x00\x00", b"GP\x00\x03\xe6\x10\x00\x00" + bytes(32), b""])
def test_nested_collections_in_a_geopackage_are_refused_before_geos_sees_them(tmp_path, depth, head):
    import sqlite3
    from contextlib import closing

    from mitoshi import sensors

    path = tmp_path / "deep.gpkg"
    with closing(sqlite3.connect(path)) as base:
        base.executescript(GEOPACKAGE)
        base.execute("INSERT INTO a VALUES (1, ?)", (head + nested_wkb(depth),))
        base.commit()
    with pytest.raises(RefusedError, match="nests deeper than 32"):
        sensors.open_observation(path)


def test_an_overview_in_one_piece_is_refused_as_the_file_itself_would_be(tmp_path, monkeypatch):
    import rasterio
    from rasterio.transform import from_origin

    from mitoshi.sensors import guard

    profile = {
        "crs": "EPSG:32654",
        "transform": from_origin(4e5, 4e6, 10, 10),
        "tiled": True,
        "blockxsize": 64,
        "blockysize": 64,
    }
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", width=2048, height=2048, count=1, dtype="uint8", **profile
    ):
        pass
    with rasterio.Env(GDAL_TIFF_OVR_BLOCKSIZE=1024), rasterio.open(tmp_path / "a.tif", "r+") as file:
        file.build_overviews([2, 4])
    with guard.open_raster(tmp_path / "a.tif") as file:
        assert file.block_shapes == [(64, 64)]
    monkeypatch.setattr(guard, "MAX_BLOCK_BYTES", 512 * 512)
    with pytest.raises(RefusedError, match="decoded in pieces of 1 MiB"), guard.open_raster(tmp_path / "a.tif"):
        pass


def test_a_cube_of_more_time_steps_than_a_sensor_makes_is_refused(tmp_path):
    import h5py
    import numpy as np

    from mitoshi import sensors

    with h5py.File(tmp_path / "a.nc", "w") as file:
        for name, values in (
            ("time", np.arange(20_001)),
            ("y", np.linspace(35, 34, 2)),
            ("x", np.linspace(139, 140, 2)),
        ):
            file[name] = values
            file[name].make_scale(name)
        file["time"].attrs["units"] = "hours since 2024-01-01"
        file["y"].attrs["units"], file["x"].attrs["units"] = "degrees_north", "degrees_east"
        file.create_dataset("vv", (20_001, 2, 2), "f4", chunks=(20_001, 2, 2))
        for axis, name in enumerate(("time", "y", "x")):
            file["vv"].dims[axis].attach_scale(file[name])
    with pytest.raises(RefusedError, match="20001 time steps; the limit is 20000"):
        sensors.items(f"{tmp_path / 'a.nc'}#quantity=sigma0,units=1")


@pytest.mark.parametrize(
    ("version", "metadata", "words"),
    [
        (2, {"shape": [10, 90_000, 90_000], "chunks": [1, 20_000, 20_000]}, "chunks of .* are 3052 MiB"),
        (2, {"shape": [9_000_000], "chunks": [1024]}, "9000000 values along one axis"),
        (3, {"shape": [10, 90_000, 90_000], "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1, 20_000, 20_000]}}},
         "chunks of .* are 3052 MiB"),
        (3, {"shape": [9_000_000]}, "9000000 values along one axis"),
    ],
)  # fmt: skip
def test_zarr_of_enormous_chunks_or_axes_is_refused(tmp_path, version, metadata, words):
    from mitoshi.sensors.datacube_checks import open_cube

    name = ".zarray" if version == 2 else "zarr.json"
    (tmp_path / "vv").mkdir()
    (tmp_path / "vv" / name).write_text(json.dumps({"zarr_format": version} | metadata))
    with pytest.raises(RefusedError, match=words):
        open_cube(tmp_path, "zarr")


def stac_items(count: int, properties: int, *, nested: bool) -> str:
    def item(n):
        more = {f"p{n}_{k}": k for k in range(properties)}
        return {
            "type": "Feature", "stac_version": "1.0.0", "id": f"i{n}", "bbox": [139, 35, 140, 36], "links": [],
            "geometry": {"type": "Point", "coordinates": [139, 35]}, "assets": {"d": {"href": "https://example.org/a.tif"}},
            "properties": {"datetime": "2024-01-01T00:00:00Z"} | ({"x": more} if nested else more),
        }  # fmt: skip

    return json.dumps({"type": "FeatureCollection", "features": [item(n) for n in range(count)]})


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(
    ("properties", "added", "words"), [(4000, 0, "more than 400 properties"), (390, 5, "more than 2048 different")]
)
def test_properties_of_stac_items_are_counted_before_they_become_columns(tmp_path, properties, added, words, nested):
    from mitoshi.catalog import Catalogue
    from mitoshi.sensors import items

    (tmp_path / "a.json").write_text(stac_items(40, properties, nested=nested))
    start = time.process_time()
    report = Catalogue(tmp_path / "store").ingest([tmp_path / "a.json"], describe=items)
    assert time.process_time() - start < 15
    assert len(report.added) == added
    assert all(words in refusal.reason for refusal in report.refused)
    assert report.refused
