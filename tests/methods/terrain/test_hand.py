"""HAND on analytic terrains and against pyflwdir on the Rhine's own D8 directions."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mitoshi.core.errors import InputError
from mitoshi.methods.terrain.drainage import drainage, drainage_from_d8, upstream_cells
from mitoshi.methods.terrain.hand import hand_from_drainage, height_above_nearest_drainage
from mitoshi.methods.terrain.slope import slope


def _valley(rows: int = 60, columns: int = 41) -> np.ndarray:
    """A V-shaped valley: 1 m per cell up the sides, 0.01 m per cell along the channel."""
    along = 0.01 * np.arange(rows)[::-1, None]
    return along + np.abs(np.arange(columns) - columns // 2)[None, :]


def test_hand_of_a_valley_is_the_height_of_its_side():
    terrain = _valley()
    height = height_above_nearest_drainage(terrain, pixel_size=10.0, stream_area=41 * 100 * 3.0)
    side = np.abs(np.arange(41) - 20)
    # Below the channel head, water runs straight down the side: its fall is the side's height to within the channel's slope.
    assert_allclose(height[10:-1, 1:-1], np.broadcast_to(side, (60, 41))[10:-1, 1:-1], atol=0.25)


def test_every_cell_drains_and_the_counts_add_up():
    terrain = np.random.default_rng(4).normal(size=(40, 50))
    terrain[5:8, 9:14] = np.nan
    tree = drainage(terrain)
    counts = upstream_cells(tree)
    assert tree.order.size == np.isfinite(terrain).sum()
    assert counts[(tree.downstream < 0) & np.isfinite(terrain)].sum() == np.isfinite(terrain).sum()
    place = np.empty(terrain.size, int)
    place[tree.order] = np.arange(tree.order.size)
    cells = tree.order[tree.downstream.ravel()[tree.order] >= 0]
    assert (place[tree.downstream.ravel()[cells]] < place[cells]).all()


def test_missing_elevation_stays_missing():
    terrain = _valley()
    terrain[30, 3] = np.nan
    height = height_above_nearest_drainage(terrain, pixel_size=10.0)
    assert_array_equal(np.isnan(height), np.isnan(terrain))


def test_slope_of_a_plane():
    rows, columns = np.indices((9, 9))
    plane = 10.0 * (0.3 * columns + 0.4 * rows)
    assert_allclose(slope(plane, pixel_size=10.0), np.degrees(np.arctan(0.5)), rtol=1e-5)


def test_a_circle_of_directions_is_refused():
    with pytest.raises(InputError, match="circle"):
        drainage_from_d8(np.array([[1, 16]], np.uint8))


@pytest.mark.real
def test_hand_equals_pyflwdir_on_the_rhine(shared_data):
    pyflwdir = pytest.importorskip("pyflwdir")
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(shared_data("disaster/dem_hand_rhine/rhine_d8.tif")) as source:
        directions = source.read(1)
    with rasterio.open(shared_data("disaster/dem_hand_rhine/rhine_elv0.tif")) as source:
        elevation = source.read(1)
    flow = pyflwdir.from_array(directions, ftype="d8")
    upstream = flow.upstream_area(unit="cell")
    tree = drainage_from_d8(directions)
    observed = directions != 247
    assert_array_equal(upstream_cells(tree)[observed], upstream[observed])
    channels = upstream >= 100
    ours = hand_from_drainage(elevation, tree, channels)
    theirs = flow.hand(drain=channels, elevtn=elevation)
    assert_allclose(ours[observed], theirs[observed], atol=1e-4)
