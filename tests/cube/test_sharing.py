"""Counts per cell on another grid: sums are conserved, against overlaps computed by shapely."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from pyproj import Geod, Transformer

from mitoshi import cube
from mitoshi.core.errors import QuantityError
from mitoshi.core.quantity import area_of_density

WEST, NORTH, UTM = 400_000.0, 3_900_000.0, "EPSG:32654"


def grid_of(rows, columns, step, shift=(0.0, 0.0), turn=0.0, crs=UTM, origin=(WEST, NORTH)):
    x, y = origin[0] + shift[0], origin[1] + shift[1]
    affine = Affine.translation(x, y) @ Affine.rotation(turn) @ Affine.scale(step, -step)
    return GeoBox((rows, columns), affine, crs)


def counts(values, grid, units="1", dtype=np.float64):
    return xr.DataArray(
        np.asarray(values, dtype), dims=("y", "x"), coords=xr_coords(grid, dims=("y", "x")),
        attrs={"quantity": "population", "units": units},
    )  # fmt: skip


def shared(values, source, target, **how):
    return cube.align({"p": counts(values, source, **how)}, target)["p"]


def cells(grid):
    rows, columns = np.indices(grid.shape)
    corners = [(columns + i, rows + j) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))]
    points = np.stack([np.stack(grid.affine @ c, -1) for c in corners], axis=-2)
    return shapely.polygons(points)


@settings(max_examples=30, deadline=None)
@given(
    step=st.floats(3.0, 400.0),
    shift=st.tuples(st.floats(-300, 0), st.floats(0, 300)),
    seed=st.integers(0, 2**20),
)
def test_a_target_that_holds_the_source_holds_all_people(step, shift, seed):
    source = grid_of(8, 6, 100.0)
    rng = np.random.default_rng(seed)
    values = rng.gamma(0.3, 50.0, source.shape)
    values[rng.random(source.shape) < 0.2] = np.nan
    side = int(np.ceil((800 + 300) / step)) + 1
    out = shared(values, source, grid_of(side, side, step, shift)).to_numpy()
    assert np.nansum(out) == pytest.approx(np.nansum(values), rel=1e-6)
    assert not (out < 0).any()


@pytest.mark.parametrize(("step", "turn"), [(30.0, 0.0), (30.0, 17.0), (170.0, -33.0), (100.0, 90.0), (60.0, 180.0)])
def test_shares_are_overlaps(step, turn):
    source, target = grid_of(9, 7, 100.0), grid_of(12, 11, step, (150.0, -220.0), turn)
    values = np.random.default_rng(5).gamma(0.3, 50.0, source.shape)
    values[2:4, 3] = np.nan
    mine, theirs = cells(target).ravel(), cells(source).ravel()
    overlap = shapely.area(shapely.intersection(mine[:, None], theirs[None, :])) / 100.0**2
    expected = (overlap * np.nan_to_num(values).ravel()).sum(axis=1)
    seen = (overlap * np.isfinite(values).ravel()).sum(axis=1) > 1e-6
    out = shared(values, source, target).to_numpy().ravel()
    np.testing.assert_array_equal(np.isfinite(out), seen)
    np.testing.assert_allclose(out[seen], expected[seen], rtol=1e-4, atol=1e-4)


def test_across_reference_systems_nobody_is_lost_or_doubled():
    source = GeoBox((30, 40), Affine(1 / 1200, 0, 139.7, 0, -1 / 1200, 35.70), "EPSG:4326")
    values = np.random.default_rng(2).gamma(0.3, 50.0, source.shape)
    to_utm = Transformer.from_crs("EPSG:4326", UTM, always_xy=True)
    x, y = to_utm.transform([139.7, 139.7 + 40 / 1200], [35.70, 35.70 - 30 / 1200])
    for step in (20.0, 90.0, 700.0):
        origin = (min(x) - 500, max(y) + 500)
        side = int((max(max(x) - min(x), max(y) - min(y)) + 1000) / step) + 1
        out = shared(values, source, grid_of(side, side, step, origin=origin)).to_numpy()
        assert np.nansum(out) == pytest.approx(values.sum(), rel=1e-6)


def test_partly_outside_counts_the_part_inside():
    out = shared(np.full((10, 10), 100.0), grid_of(10, 10, 250.0), grid_of(100, 50, 25.0)).to_numpy()
    assert out.sum() == pytest.approx(5000)
    beside = shared(np.full((2, 2), 1.0), grid_of(2, 2, 100.0), grid_of(4, 4, 100.0, (-100.0, 0.0))).to_numpy()
    assert np.isnan(beside[:, [0, 3]]).all()
    assert np.nansum(beside) == pytest.approx(4)


@pytest.mark.parametrize("size", [1, 7, 33])
def test_tiled_equals_whole(size):
    source = GeoBox((30, 40), Affine(1 / 1200, 0, 139.7, 0, -1 / 1200, 35.70), "EPSG:4326")
    values = np.random.default_rng(2).gamma(0.3, 50.0, source.shape)
    x, y = Transformer.from_crs("EPSG:4326", UTM, always_xy=True).transform(139.705, 35.695)
    out = shared(values, source, grid_of(90, 80, 30.0, origin=(x, y)))
    whole = out.to_numpy()
    for row in range(0, 90, size):
        np.testing.assert_array_equal(out[row : row + size, 11:52].to_numpy(), whole[row : row + size, 11:52])


@pytest.mark.parametrize("side", [1, 2])
def test_a_density_is_counted_by_the_true_area(side):
    """100 people/km2 on cells of half a minute at 60 N, against the geodesic area of the outline."""
    source = GeoBox((40, 40), Affine(1 / 120, 0, 11.0, 0, -1 / 120, 60.0), "EPSG:4326")
    target = source if side == 1 else GeoBox((80, 80), Affine(1 / 240, 0, 11.0, 0, -1 / 240, 60.0), "EPSG:4326")
    out = shared(np.full((40, 40), 100.0), source, target, units="people/km2").to_numpy()
    n = np.linspace(0, 1, 41)
    zero, one, east, south = np.zeros(41), np.ones(41), 11 + 1 / 3, 60 - 1 / 3
    lon = np.concatenate([11 + n / 3, east * one, east - n / 3, 11 + zero])
    lat = np.concatenate([60 + zero, 60 - n / 3, south + zero, south + n / 3])
    area = abs(Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)[0])
    assert out.sum() == pytest.approx(100 * area / 1e6, rel=1e-5)


def test_integers_are_counts_too():
    out = shared(np.full((4, 4), 7), grid_of(4, 4, 100.0), grid_of(8, 8, 50.0), dtype=np.int32)
    np.testing.assert_allclose(out.to_numpy(), 1.75)


@pytest.mark.parametrize(
    ("units", "area"),
    [("1", None), ("people", None), ("人", None), ("people/cell", None), ("persons per pixel", None), ("km-2", 1e6),
     ("1/km^2", 1e6), ("people per square kilometre", 1e6), ("inhabitants/ha", 1e4), ("m-2", 1.0), ("人/km2", 1e6),
     ("people/sq mi", 2_589_988.110336)],
)  # fmt: skip
def test_units_of_counts_and_densities(units, area):
    assert area_of_density(units) == area


@pytest.mark.parametrize("units", ["m", "km2", "kg", "people/km"])
def test_other_units_are_refused(units):
    with pytest.raises(QuantityError, match="count per cell or per area"):
        area_of_density(units)


def test_tiles_side_by_side_lose_nobody_at_the_seam():
    west, east = grid_of(4, 4, 100.0), grid_of(4, 4, 100.0, (400.0, 0.0))
    tiles = [counts(np.full((4, 4), 10.0), west), counts(np.full((4, 4), 30.0), east)]
    out = cube.mosaic(tiles, grid_of(3, 6, 150.0)).to_numpy()
    assert np.nansum(out) == pytest.approx(16 * 40)
    assert out[0, 2] == pytest.approx(1.5 * (1.0 * 10 + 0.5 * 30))  # from 300 m to 450 m, over the seam at 400 m
    # Where two layers count the same ground, the first counts.
    twice = cube.mosaic([tiles[0], tiles[0]], grid_of(4, 4, 100.0)).to_numpy()
    assert twice.sum() == pytest.approx(160)
