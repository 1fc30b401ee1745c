"""The true size of cells, against geodesics and the scale factors of PROJ."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from pyproj import CRS, Geod, Proj, Transformer

from mitoshi.core.cells import cell_attributes, cell_sides_m, cell_size, row_areas_m2
from mitoshi.core.longitude import near_longitude, wrapped_longitude

GEOD = Geod(ellps="WGS84")
GRIDS = {
    "degrees at 60 N": ("EPSG:4326", (11.0, 60.01, 2e-4)),
    "degrees south of the equator": ("EPSG:4326", (-70.0, -33.0, 1e-3)),
    "web mercator": ("EPSG:3857", (15_540_000.0, 4_300_000.0, 25.0)),
    "UTM": ("EPSG:32654", (400_000.0, 3_900_000.0, 10.0)),
    "polar": ("EPSG:3413", (300_000.0, -1_800_000.0, 100.0)),
    "polar, over the pole": ("EPSG:3413", (-5_000.0, 5_000.0, 100.0)),
    "US feet": ("EPSG:2263", (1_000_000.0, 200_000.0, 10.0)),
    "kilometres": ("+proj=utm +zone=54 +datum=WGS84 +units=km +type=crs", (400.0, 3_900.0, 0.01)),
}


def grid_of(name, shape=(100, 100)):
    crs, (west, north, step) = GRIDS[name]
    return GeoBox(shape, Affine(step, 0, west, 0, -step, north), crs)


def geodesic_sides(grid):
    """Return height and width of the middle cell, by geodesics between the middles of its sides."""
    row, column = grid.shape[0] / 2, grid.shape[1] / 2
    ends = [(column, row - 0.5), (column, row + 0.5), (column - 0.5, row), (column + 0.5, row)]
    x, y = zip(*(grid.affine @ end for end in ends), strict=True)
    lon, lat = Transformer.from_crs(grid.crs.proj, CRS.from_epsg(4326), always_xy=True).transform(x, y)
    return (GEOD.inv(lon[k], lat[k], lon[k + 1], lat[k + 1])[2] for k in (0, 2))


@pytest.mark.parametrize("name", GRIDS)
def test_sides_are_geodesics(name):
    grid = grid_of(name, (101, 101))
    height, width = geodesic_sides(grid)
    size = cell_size(grid)
    assert size.height == pytest.approx(height, rel=1e-6)
    assert size.width == pytest.approx(width, rel=1e-6)


@pytest.mark.parametrize("name", ["UTM", "polar", "US feet"])
def test_sides_are_the_scale_factors_of_the_projection(name):
    grid = grid_of(name, (101, 101))
    projection = Proj(grid.crs.proj)
    place = grid.affine @ (50.5, 50.5)
    factors = projection.get_factors(*projection(*place, inverse=True))
    unit = grid.crs.proj.axis_info[0].unit_conversion_factor
    step = grid.affine.a * unit
    size = cell_size(grid)
    assert size.width == pytest.approx(step / factors.parallel_scale, rel=2e-6)
    assert size.height == pytest.approx(step / factors.meridional_scale, rel=2e-6)
    assert size.area == pytest.approx(step**2 / factors.areal_scale, rel=4e-6)


@pytest.mark.parametrize("name", GRIDS)
def test_areas_of_rows_sum_to_that_of_the_outline(name):
    grid = grid_of(name, (60, 40))
    edge = [(c, 0) for c in range(40)] + [(40, r) for r in range(60)]
    edge += [(c, 60) for c in range(40, 0, -1)] + [(0, r) for r in range(60, 0, -1)]
    x, y = zip(*(grid.affine @ p for p in edge), strict=True)
    lon, lat = Transformer.from_crs(grid.crs.proj, CRS.from_epsg(4326), always_xy=True).transform(x, y)
    area = abs(GEOD.polygon_area_perimeter(lon, lat)[0])
    assert row_areas_m2(grid.crs, grid.affine, grid.shape).sum() * 40 == pytest.approx(area, rel=1e-6)


def test_a_tall_grid_in_degrees_has_the_area_of_its_zone():
    """The zone between two parallels has a closed form (authalic latitude)."""
    grid = GeoBox((4000, 10), Affine(0.01, 0, 0, 0, -0.01, 60.0), "EPSG:4326")
    f = 1 / 298.257223563
    e = math.sqrt(f * (2 - f))

    def q(degrees):
        s = math.sin(math.radians(degrees))
        return (1 - e**2) * (s / (1 - (e * s) ** 2) + math.atanh(e * s) / e)

    zone = 6378137.0**2 / 2 * math.radians(0.1) * (q(60.0) - q(20.0))
    assert row_areas_m2(grid.crs, grid.affine, grid.shape).sum() * 10 == pytest.approx(zone, rel=5e-6)


def test_without_a_place_on_the_earth_the_unit_counts():
    local = 'LOCAL_CS["site",UNIT["foot",0.3048],AXIS["Easting",EAST],AXIS["Northing",NORTH]]'
    size = cell_size(GeoBox((5, 5), Affine(10, 0, 0, 0, -10, 0), local))
    assert (size.height, size.width) == pytest.approx((3.048, 3.048))
    assert cell_size(GeoBox((5, 5), Affine(10, 0, 0, 0, -10, 0), None)) is None


def raster(grid):
    return xr.DataArray(
        np.zeros(grid.shape, np.float32), dims=("y", "x"), coords=xr_coords(grid, dims=("y", "x")),
        attrs=cell_attributes(grid),
    )  # fmt: skip


@pytest.mark.parametrize(
    "grid",
    [
        GeoBox((600, 300), Affine(0.01, 0, 10, 0, -0.01, 65.0), "EPSG:4326"),
        GeoBox((600, 300), Affine(1000, 0, 1e6, 0, -1000, 8.4e6), "EPSG:3857"),
        GeoBox((600, 300), Affine(1000, 0, 1e6, 0, -1000, -1e6), "EPSG:3413"),
    ],
)
def test_cells_that_vary_are_measured_where_they_lie(grid):
    whole = raster(grid)
    height, width = (np.broadcast_to(v, grid.shape) for v in cell_sides_m(whole))
    for row, column in ((3, 5), (300, 150), (590, 290)):
        cell = GeoBox((1, 1), grid.affine @ Affine.translation(column, row), grid.crs)
        true_height, true_width = geodesic_sides(cell)
        assert height[row, column] == pytest.approx(true_height, rel=2e-4)
        assert width[row, column] == pytest.approx(true_width, rel=2e-4)
    window = cell_sides_m(whole[100:333, 50:200])
    for part, full in zip(window, (height, width), strict=True):
        np.testing.assert_array_equal(np.broadcast_to(part, (233, 150)), full[100:333, 50:200])


@given(st.floats(-1000, 1000), st.integers(-3, 3))
def test_longitudes_name_one_meridian(longitude, turns):
    wrapped = float(wrapped_longitude(longitude))
    assert -180 <= wrapped <= 180
    assert math.cos(math.radians(wrapped - longitude)) == pytest.approx(1, abs=1e-12)
    middle = wrapped + 360.0 * turns + 100.0
    near = float(near_longitude(longitude, middle))
    assert abs(near - middle) <= 180 + 1e-9
    assert math.cos(math.radians(near - longitude)) == pytest.approx(1, abs=1e-12)
