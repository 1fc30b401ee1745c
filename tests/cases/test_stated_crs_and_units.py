"""What a file says of its coordinates and units in a rarer way is read as it is said, or refused: reports from public trackers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Transformer

from mitoshi.core.errors import InputError
from mitoshi.core.feature_kinds import BUILDINGS
from mitoshi.core.quantity import ELEVATION, POPULATION, WATER_DEPTH, area_of_density, as_declared
from mitoshi.sensors import open_observation

LONGITUDE, LATITUDE = 139.7, 35.6  # on the Tokyo datum; 460 m from the same numbers in WGS 84
EAST, NORTH = Transformer.from_crs(4301, 4326, always_xy=True).transform(LONGITUDE, LATITUDE)
RING = [[LONGITUDE, LATITUDE], [LONGITUDE + 1e-4, LATITUDE], [LONGITUDE, LATITUDE + 1e-4], [LONGITUDE, LATITUDE]]


def place(path):
    (features,) = open_observation(str(path), expecting=BUILDINGS).features.values()
    return features.to_crs(4326).geometry.iloc[0].exterior.coords[0]


def ewkt(path, *codes):
    words = ", ".join(f"{x} {y}" for x, y in RING)
    rows = "".join(f'{n},"SRID={code};POLYGON (({words}))"\n' for n, code in enumerate(codes))
    path.write_text("id,wkt\n" + rows)
    return path


def geojson(path, crs):
    feature = {"type": "Feature", "properties": {"id": "a"}, "geometry": {"type": "Polygon", "coordinates": [RING]}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}))
    return path


def test_the_srid_of_ewkt_is_read(tmp_path):
    assert place(ewkt(tmp_path / "a.csv", 4301)) == pytest.approx((EAST, NORTH), abs=1e-7)
    assert place(ewkt(tmp_path / "b.csv", 4326)) == pytest.approx((LONGITUDE, LATITUDE), abs=1e-9)
    with pytest.raises(InputError, match="several systems of coordinates"):
        place(ewkt(tmp_path / "c.csv", 4301, 4326))
    with pytest.raises(InputError, match="SRID=999999"):
        place(ewkt(tmp_path / "d.csv", 999999))


@pytest.mark.parametrize(
    "crs",
    [
        {"type": "EPSG", "properties": {"code": 4301}},
        "EPSG:4301",
        {"type": "name", "properties": {"name": "EPSG:4301"}},
    ],
)
def test_older_ways_to_name_a_crs_are_read(tmp_path, crs):
    assert place(geojson(tmp_path / "a.geojson", crs)) == pytest.approx((EAST, NORTH), abs=1e-7)


@pytest.mark.parametrize(
    "crs", [{"type": "link", "properties": {"href": "https://example.org/4301"}}, {"type": "name"}, 4301.5, []]
)
def test_a_crs_that_is_not_understood_is_refused(tmp_path, crs):
    with pytest.raises(InputError, match="names its CRS in a way that is not understood"):
        place(geojson(tmp_path / "a.geojson", crs))


def raster(path, values, unit=None, crs="EPSG:32654"):
    options = {"count": 1, "crs": crs, "transform": Affine(10, 0, 4e5, 0, -10, 3.9e6)}
    with rasterio.open(path, "w", driver="GTiff", height=20, width=20, dtype="float32", **options) as file:
        file.write(values.astype(np.float32), 1)
        if unit:
            file.set_band_unit(1, unit)
    return str(path)


def read(path, quantity):
    (layer,) = open_observation(path, expecting=quantity).layers.values()
    return layer.load()


def test_minus_one_is_no_depth(tmp_path):
    depth = np.full((20, 20), 0.5)
    depth[:, 10:] = -1.0
    with pytest.raises(InputError, match="#nodata=-1"):
        read(raster(tmp_path / "a.tif", depth, "m"), WATER_DEPTH)
    assert np.isnan(read(raster(tmp_path / "a.tif", depth, "m") + "#nodata=-1", WATER_DEPTH)[:, 10:]).all()


def test_two_units_of_one_height_are_refused(tmp_path):
    path = raster(tmp_path / "a.tif", np.full((20, 20), 10.0), "metre", "EPSG:32654+6360")
    with pytest.raises(InputError, match="vertical axis survey_foot"):
        read(path, ELEVATION)
    feet = read(raster(tmp_path / "b.tif", np.full((20, 20), 10.0), None, "EPSG:32654+6360"), ELEVATION)
    assert float(feet[0, 0]) * (0.3048 if feet.attrs["units"] != "m" else 1) == pytest.approx(3.048, rel=1e-4)


@pytest.mark.parametrize("unit", ["thousand", "1000 persons"])
def test_a_unit_of_people_that_is_not_understood_is_refused(tmp_path, unit):
    with pytest.raises(InputError, match="not understood"):
        read(raster(tmp_path / "a.tif", np.full((20, 20), 2.0), unit), POPULATION)


@pytest.mark.parametrize(
    ("unit", "of_a_cell"),
    [
        ("people/ha", 10_000.0),
        ("people/km2", 1e6),
        ("km-2", 1e6),
        ("people", None),
        ("persons per square kilometre", 1e6),
    ],
)
def test_a_unit_of_people_is_read_where_the_band_or_a_tag_states_it(tmp_path, unit, of_a_cell):
    path = raster(tmp_path / "band.tif", np.full((20, 20), 2.0), unit)
    tagged = raster(tmp_path / "tag.tif", np.full((20, 20), 2.0), None)
    with rasterio.open(tagged.partition("#")[0], "r+") as dataset:
        dataset.update_tags(units=unit)
    for given in (path, tagged):
        layer = read(given, POPULATION)
        assert area_of_density(layer.attrs["units"]) == of_a_cell
        assert float(layer[0, 0]) == 2.0


@pytest.mark.parametrize(
    ("name", "unit", "metres"), [("units", "cm", 0.5), ("UNITS", "centimeters", 0.5), ("unit", "ft", 15.24)]
)
@pytest.mark.parametrize("band", [0, 1])
def test_a_unit_in_a_tag_of_the_band_or_the_file_is_read(tmp_path, name, unit, metres, band):
    path = raster(tmp_path / "a.tif", np.full((20, 20), 50.0), None)
    with rasterio.open(path.partition("#")[0], "r+") as dataset:
        dataset.update_tags(band, **{name: unit})
    layer = as_declared(read(path, WATER_DEPTH), WATER_DEPTH, "depth")
    assert float(layer[0, 0]) == pytest.approx(metres)


def test_the_unit_of_the_band_counts_before_a_tag(tmp_path):
    path = raster(tmp_path / "a.tif", np.full((20, 20), 50.0), "cm")
    with rasterio.open(path.partition("#")[0], "r+") as dataset:
        dataset.update_tags(1, units="m")
    assert float(as_declared(read(path, WATER_DEPTH), WATER_DEPTH, "depth")[0, 0]) == pytest.approx(0.5)


def test_a_depth_of_two_bands_is_refused(tmp_path):
    from mitoshi import evidence
    from mitoshi.core.discovery import find

    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=20, height=20, count=2, dtype="float32", crs="EPSG:32654",
        transform=Affine(10, 0, 4e5, 0, -10, 4e6),
    ) as dataset:  # fmt: skip
        dataset.write(np.ones((2, 20, 20), np.float32))
    sources = {"depth": f"{path}#quantity=water_depth,units=m"}
    with pytest.raises(InputError, match="depth is one layer, but .* has 2 bands"):
        evidence.run(find("disaster.impact"), sources, {}, tmp_path / "out", time=datetime(2024, 1, 1, tzinfo=UTC))
