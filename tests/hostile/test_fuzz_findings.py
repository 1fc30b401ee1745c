"""What `benchmarks/fuzz_readers.py` found, made again in a few bytes: each is one line of ours that wraps no programming error."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mitoshi import sensors
from mitoshi.core.errors import InputError


@pytest.fixture
def points():
    import geopandas
    import pyarrow as pa

    frame = geopandas.GeoDataFrame({"n": [1, 2]}, geometry=geopandas.points_from_xy([139, 140], [35, 36]), crs=4326)
    return pa.table(frame.to_arrow()).replace_schema_metadata(), {
        b"geo": {
            "version": "1.0.0", "primary_column": "geometry",
            "columns": {"geometry": {"encoding": "WKB", "geometry_types": [], "crs": frame.crs.to_json_dict()}},
        },
        b"pandas": {"index_columns": [], "column_indexes": [], "columns": [], "pandas_version": "2.3.3"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("note", "member", "value"),
    [
        (b"pandas", "index_columns", None),
        (b"pandas", "columns", [None]),
        (b"geo", "primary_column", ["geometry"]),
        (b"geo", "columns", None),
        (b"geo", "columns", {"geometry": None}),
        (b"geo", "columns", {"geometry": "WKB"}),
        (b"geo", "columns", {"geometry": {"encoding": "WKB", "geometry_types": [], "crs": [1]}}),
        (b"geo", "columns", {"geometry": {"encoding": "WKB", "geometry_types": [], "crs": True}}),
        (b"geo", "columns", {"n": {"encoding": "WKB", "geometry_types": []}}),
    ],
)
def test_notes_of_geoparquet_that_are_not_in_their_form(points, tmp_path, note, member, value):
    import pyarrow.parquet as pq

    table, notes = points
    notes[note] = {**notes[note], member: value} if value is not None or note == b"geo" else {}
    path = tmp_path / "points.parquet"
    pq.write_table(table.replace_schema_metadata({k: json.dumps(v) for k, v in notes.items()}), path)
    with pytest.raises(InputError, match="metadata") as caught:
        sensors.open_observation(path)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("suffix", ["zarr", "nc"])
def test_pixels_of_a_cube_that_cannot_be_decoded(tmp_path, suffix):
    import xarray as xr

    values = np.random.default_rng(2).gamma(4, 0.02, (1, 64, 64)).astype("float32")
    coords = {
        "time": np.array(["2024-01-01"], "datetime64[ns]"),
        "y": 4e6 - 10 * np.arange(64),
        "x": 4e5 + 10 * np.arange(64),
    }
    cube = xr.Dataset({"vv": (("time", "y", "x"), values)}, coords).assign_attrs(crs="EPSG:32654")
    path = tmp_path / f"cube.{suffix}"
    if suffix == "zarr":
        cube.to_zarr(path, zarr_format=2)
        chunk = path / "vv" / "0.0.0"
    else:
        cube.to_netcdf(path, engine="h5netcdf", encoding={"vv": {"zlib": True, "chunksizes": (1, 64, 64)}})
        chunk = path
    whole = chunk.read_bytes()
    packed = max(range(0, len(whole) - 64, 64), key=lambda at: len(set(whole[at : at + 64])))
    chunk.write_bytes(whole[:99] if suffix == "zarr" else whole[:packed] + b"\xff" * 64 + whole[packed + 64 :])
    with pytest.raises(InputError, match="the values of 'vv' are damaged"):
        next(iter(sensors.open_observation(path).layers.values())).load()


@pytest.mark.parametrize("lines", ["", "0", "0 119 120"])
def test_azimuth_noise_whose_lines_and_values_do_not_fit(lines):
    from mitoshi.sensors.sentinel1_annotation import read_noise

    text = (
        "<noise><noiseRangeVectorList><noiseRangeVector><line>0</line><pixel>0 9</pixel><noiseRangeLut>1 1</noiseRangeLut>"
        "</noiseRangeVector></noiseRangeVectorList><noiseAzimuthVectorList><noiseAzimuthVector><firstAzimuthLine>0</firstAzimuthLine>"
        "<firstRangeSample>0</firstRangeSample><lastAzimuthLine>9</lastAzimuthLine><lastRangeSample>9</lastRangeSample>"
        f"<line>{lines}</line><noiseAzimuthLut>2 2</noiseAzimuthLut></noiseAzimuthVector></noiseAzimuthVectorList></noise>"
    )
    with pytest.raises(InputError):
        read_noise(text.encode(), "noise.xml")


@pytest.mark.parametrize(("at", "value"), [(10, 99), (6, 99)], ids=["compression", "version"])
def test_a_zip_that_needs_what_no_library_has(tmp_path, at, value):
    import io
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.tif", b"II*\0" + bytes(99))
    content = bytearray(packed.getvalue())
    content[content.index(b"PK\x01\x02") + at] = value  # of the entry in the central directory
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError) as caught:
        sensors.open_observation(tmp_path / "a.zip")
    assert "NotImplementedError" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_chunk_grid_that_is_not_in_its_form(tmp_path):
    from mitoshi.sensors.datacube_checks import open_cube

    (tmp_path / "zarr.json").write_text(
        '{"zarr_format": 3, "node_type": "array", "shape": [4, 4], "chunk_grid": {"configuration": 7}}'
    )
    with pytest.raises(InputError):
        open_cube(tmp_path, "zarr")
