"""The terrain's promise: from every land cell water finds its way down to the sea, at any size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from mitoshi.core.errors import InputError
from mitoshi.simulation import region
from mitoshi.simulation.terrain import LAND, RIVER, SEA


def lower_neighbour(z):
    """Index of the lowest of the eight neighbours, and whether it is lower than the cell itself."""
    rows, columns = z.shape
    padded = np.pad(z, 1, constant_values=np.inf)
    steps = [(dy, dx) for dy in (0, 1, 2) for dx in (0, 1, 2) if (dy, dx) != (1, 1)]
    around = np.stack([padded[dy : dy + rows, dx : dx + columns] for dy, dx in steps])
    best = around.argmin(axis=0)
    r, c = np.mgrid[:rows, :columns]
    offset = np.array(steps)[best] - 1
    return (r + offset[..., 0]) * columns + c + offset[..., 1], np.take_along_axis(around, best[None], 0)[0] < z


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("shape", "pixel"), [((256, 256), 10.0), ((300, 700), 10.0), ((400, 400), 30.0), ((600, 400), 20.0)]
)
def test_every_land_cell_drains_to_the_sea(shape, pixel, seed):
    ground = region(shape, pixel, seed).ground()
    z, sea = ground.terrain.elevation, ground.terrain.water == SEA
    downhill, lower = lower_neighbour(z)
    assert lower[~sea].all()
    # Follow every path at once: each round doubles the steps taken.
    target = np.where(sea.ravel(), np.arange(z.size), downhill.ravel())
    for _ in range(int(np.ceil(np.log2(z.size)))):
        target = target[target]
    assert sea.ravel()[target].all()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(st.integers(0, 10_000), st.integers(64, 400), st.integers(64, 400), st.sampled_from([3.0, 10.0, 12.5, 30.0]))
def test_no_seed_or_shape_leaves_a_pit(seed, rows, columns, pixel):
    ground = region((rows, columns), pixel, seed).ground()
    _, lower = lower_neighbour(ground.terrain.elevation)
    assert lower[ground.terrain.water != SEA].all()


@pytest.mark.slow
def test_a_region_two_hundred_kilometres_wide_drains_tile_by_tile():
    place = region((20_000, 20_000))
    for row, column in ((17_200, 3_000), (14_000, 9_000), (10_500, 700), (6_000, 15_000), (0, 19_000)):
        ground = place.ground((slice(row, row + 700), slice(column, column + 700)))
        _, lower = lower_neighbour(ground.terrain.elevation)
        inner = (slice(1, -1), slice(1, -1))
        assert lower[inner][ground.terrain.water[inner] != SEA].all()


def test_land_is_above_the_sea_and_rivers_are_the_lowest_land():
    ground = region((512, 512), seed=3).ground()
    land = ground.terrain.water != SEA
    assert ground.terrain.elevation[land].min() > 0
    assert ground.terrain.elevation[~land].max() < 0
    assert ground.terrain.relative[ground.terrain.water == LAND].min() > 0
    inland = (ground.terrain.water == RIVER) & (ground.terrain.shore > 1000)
    assert_array_equal(ground.terrain.relative[inland], 0)


def test_a_tile_equals_the_whole():
    place = region((420, 380), seed=5)
    whole = place.ground()
    for rows, columns in (
        (slice(0, 100), slice(0, 77)),
        (slice(133, 300), slice(201, 380)),
        (slice(419, 420), slice(5, 6)),
    ):
        tile = place.ground((rows, columns))
        for part, full in zip((*tile.terrain, *tile.cover), (*whole.terrain, *whole.cover), strict=True):
            assert_array_equal(part, full[rows, columns])
        assert_array_equal(tile.around[1:-1, 48:-48], whole.terrain.elevation[rows, columns])


def test_the_seed_is_everything():
    one, same, other = (region((128, 128), seed=s).ground() for s in (1, 1, 2))
    assert_array_equal(one.terrain.elevation, same.terrain.elevation)
    assert (one.terrain.elevation != other.terrain.elevation).mean() > 0.5


@pytest.mark.parametrize(("shape", "pixel"), [((20, 500), 10.0), ((500, 500), 0.5), ((500, 500), 1000.0)])
def test_a_region_out_of_bounds_is_refused(shape, pixel):
    with pytest.raises(InputError, match="got"):
        region(shape, pixel)


def test_the_region_lies_in_the_open_pacific():
    west, south, east, north = region((1500, 1500)).bbox
    assert 139 < west < east < 142
    assert 30 < south < north < 32


def test_a_window_beyond_the_region_is_refused():
    with pytest.raises(InputError, match="inside the region"):
        region((128, 128)).ground((slice(100, 200), slice(0, 50)))
