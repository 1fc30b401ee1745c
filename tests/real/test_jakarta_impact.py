"""Jakarta: a depth raster, 7,689 buildings of OpenStreetMap and five districts against an independent computation.

The truth is made with rasterio's rasteriser, shapely and geopandas, one building at a time; nothing of the method is used for it.
"""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import rasterio
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from rasterio.features import rasterize
from rasterio.windows import Window
from scipy.special import ndtr

from mitoshi.applications.disaster.impact import impact

FOLDER = "disaster/exposure_jakarta"
SIGMA = 0.25
pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def data(shared_data):
    buildings = geopandas.read_file(shared_data(f"{FOLDER}/jakarta_building.gpkg"))
    districts = geopandas.read_file(shared_data(f"{FOLDER}/district_osm_jakarta.geojson")).to_crs(buildings.crs)
    with rasterio.open(shared_data(f"{FOLDER}/jakarta_continuous_flood.tif")) as file:
        depth, transform, crs = file.read(1), file.transform, file.crs.to_epsg()
    return buildings, districts, depth, transform, crs


@pytest.fixture(scope="module")
def found(data):
    buildings, districts, depth, transform, crs = data
    grid = GeoBox(depth.shape, transform, f"EPSG:{crs}")
    coords = xr_coords(grid, dims=("y", "x"))
    raster = xr.DataArray(depth, dims=("y", "x"), coords=coords, attrs={"quantity": "water_depth", "units": "m"})
    spread = xr.full_like(raster, SIGMA).assign_attrs(quantity="standard_uncertainty_m")
    listed = buildings.assign(id=buildings.index.astype(str), storeys=np.nan)[["id", "storeys", "geometry"]]
    areas = districts.assign(id=districts.index.astype(str), name=districts["KAB_NAME"])[["id", "name", "geometry"]]
    return impact(raster, spread, listed, None, None, None, None, areas)


def pixels_of(geometry, transform, shape):
    """Return rows and columns whose centres lie in a building, else of the pixel of its inner point; empty outside."""
    west, south, east, north = geometry.bounds
    first_column, first_row = (int(np.floor(v)) - 1 for v in ~transform * (west, north))
    last_column, last_row = (int(np.ceil(v)) + 1 for v in ~transform * (east, south))
    size = (last_row - first_row, last_column - first_column)
    part = rasterio.windows.transform(Window(first_column, first_row, size[1], size[0]), transform)
    row, column = np.nonzero(rasterize([(geometry, 1)], out_shape=size, transform=part))
    row, column = row + first_row, column + first_column
    if row.size == 0:
        inner = geometry.representative_point()
        column, row = (np.array([int(np.floor(v))]) for v in ~transform * (inner.x, inner.y))
    inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    return row[inside], column[inside], inside.size


@pytest.fixture(scope="module")
def truth(data):
    """Return each building's mean and shallowest depth, NaN where outside the raster, and its district."""
    buildings, districts, depth, transform, _ = data
    mean, shallowest = np.full((2, len(buildings)), np.nan)
    for n, geometry in enumerate(buildings.geometry):
        row, column, _ = pixels_of(geometry, transform, depth.shape)
        if row.size:
            mean[n], shallowest[n] = depth[row, column].astype(float).mean(), depth[row, column].min()
    inner = geopandas.GeoDataFrame(geometry=buildings.representative_point(), crs=buildings.crs)
    areas = districts.assign(geometry=districts.geometry.make_valid())[["geometry"]]
    joined = geopandas.sjoin(inner, areas, predicate="intersects")["index_right"].groupby(level=0).min()
    return mean, shallowest, joined.reindex(range(len(buildings))).fillna(len(districts)).astype(int).to_numpy()


def test_the_depth_at_every_building(found, truth):
    mean, shallowest, _ = truth
    assert_array_equal(found.buildings["observed"], np.isfinite(mean))
    assert_allclose(found.buildings["depth"], mean, atol=1e-4)
    assert_allclose(found.buildings["shallowest_depth"], shallowest, atol=1e-4)


def test_counts_per_district_and_their_ranges(found, truth):
    mean, _, district = truth
    listed = found.districts
    assert len(listed) == 6
    assert_array_equal(listed["buildings"], np.bincount(district, minlength=6))
    assert_array_equal(listed["not_observed"], np.bincount(district, np.isnan(mean), minlength=6))
    for name, threshold in (("wet", 0.0), ("above_floor", 0.5), ("over_45cm", 0.45)):
        for end, shift in (("", 0.0), ("_lower", -1.6448536), ("_upper", 1.6448536)):
            deep = (mean > 0) & (np.round(mean, 4) + shift * SIGMA > threshold)
            assert_array_equal(listed[name + end], np.bincount(district, deep, minlength=6), err_msg=name + end)


def test_rows_sum_to_the_headline(found):
    told = {f.name: f for f in impact.figures(impact.tally(found, 2500.0), {})}
    for name, column in (("flooded_buildings", "wet"), ("above_floor_buildings", "above_floor"),
                         ("insured_buildings", "over_45cm")):  # fmt: skip
        figure = told[name]
        assert figure.value == found.districts[column].sum()
        assert (figure.lower, figure.upper) == (
            found.districts[column + "_lower"].sum(),
            found.districts[column + "_upper"].sum(),
        )
    assert told["buildings_not_observed"].value == found.districts["not_observed"].sum()
    assert found.districts["buildings"].sum() == 7689


def test_the_classes_by_the_shallowest_point(found, truth):
    _, shallowest, _ = truth
    above = np.round(shallowest - 0.5, 4)
    expected = np.select([np.isnan(shallowest), shallowest == 0, above <= 0, above < 0.5, above < 1.0, above < 1.8],
                         [255, 0, 1, 3, 4, 5], 6)  # fmt: skip
    assert_array_equal(found.buildings["certificate"], expected)


def test_probabilities_sum_to_between_the_ends_of_the_range(found, truth):
    mean, _, _ = truth
    wet = mean > 0
    assert_allclose(found.buildings["over_45cm_probability"][wet], ndtr((mean[wet] - 0.45) / SIGMA), atol=2e-4)
    total = found.districts[["over_45cm_lower", "over_45cm_upper"]].sum()
    assert total.iloc[0] <= np.nansum(found.buildings["over_45cm_probability"]) <= total.iloc[1]
