"""The flood that the solver makes: its water comes from the rivers and the sea, is kept, and lies level where it stands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

from mitoshi.simulation import flood_depth, region, solve_flood, with_flood
from mitoshi.simulation.flood import LARGEST
from mitoshi.simulation.network import FLOOD_STAGE_M
from mitoshi.simulation.terrain import LAND


@pytest.fixture(scope="module")
def solved():
    place = with_flood(region((320, 320), seed=9))
    return place, place.ground()


def test_water_is_kept(solved):
    assert solved[0].flood.balance_error < 1e-6


def test_every_flooded_cell_is_connected_to_permanent_water(solved):
    _, ground = solved
    depth = flood_depth(ground)
    permanent = ground.terrain.water != LAND
    labels, _ = ndimage.label((depth > 0) | permanent, structure=np.ones((3, 3)))
    assert np.isin(labels[depth > 0], np.unique(labels[permanent])).all()
    assert not (depth[permanent] > 0).any()
    assert depth[depth > 0].min() >= np.float32(0.05)
    assert 0.02 < (depth > 0).mean() < 0.3


def test_the_flood_holds_less_than_what_came_in(solved):
    place, ground = solved
    inland = ground.terrain.shore > 400  # the surge's water comes from the sea
    stored = float(flood_depth(ground)[inland].sum()) * place.pixel_size**2
    came = sum(np.trapezoid(i.discharge_m3_s, i.time_s) for i in place.flood.inflows)
    assert 0 < stored < came


def test_the_surface_is_smooth_where_water_stands(solved):
    """Neighbouring flooded pixels differ by what a slope of 1 in 50 makes, all but a few at falls over levees."""
    place, ground = solved
    depth = flood_depth(ground)
    surface = np.where(depth > 0, ground.terrain.elevation + depth, np.nan)
    steps = np.abs(np.diff(surface, axis=1))
    steps = steps[np.isfinite(steps)]
    assert np.quantile(steps, 0.99) < 0.02 * place.pixel_size
    assert np.median(steps) < 0.02


def test_a_falling_flood_uncovers_its_shallows_first(solved):
    _, ground = solved
    full, half = flood_depth(ground), flood_depth(ground, 0.75)
    assert (half <= full).all()
    lowered = half > 0
    np.testing.assert_allclose(half[lowered], full[lowered] - 0.25 * FLOOD_STAGE_M, atol=1e-5)
    assert not (flood_depth(ground, 0.0) > 0).any() or full.max() > FLOOD_STAGE_M


def test_a_window_of_it_is_that_of_the_whole(solved):
    place, ground = solved
    part = place.ground((slice(200, 290), slice(100, 220)))
    assert_array_equal(flood_depth(part), flood_depth(ground)[200:290, 100:220])


def test_the_same_region_gives_the_same_bytes(solved):
    place, ground = solved
    again = solve_flood(replace(place, flood=None), ground)
    assert again.depth.tobytes() == place.flood.depth.tobytes()
    assert again.inflows == place.flood.inflows


def test_a_vast_region_keeps_the_analytic_flood():
    place = region((1600, 1600), seed=1)
    assert place.shape[0] * place.shape[1] > LARGEST
    assert with_flood(place) is place
