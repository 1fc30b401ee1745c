"""The radar's forward model against its published statistics and against geometry."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from mitoshi.core.quantity import to_db
from mitoshi.methods.sar.forward import (
    FOREST,
    LAYOVER_REACH,
    PADDY,
    SCATTERERS,
    URBAN,
    WATER,
    Look,
    add_speckle,
    layover_and_shadow,
    local_incidence,
    mean_gamma0,
    speckle_quantiles,
)

WEST_LOOK = Look(38.0, 0.0, -1.0, 0.0)  # the radar stands in the west


def scene(kind, depth=0.0, incidence=38.0, wind=0.0, texture=0.0):
    shape = (1, 1)
    full = lambda v: np.full(shape, v, np.float32)  # noqa: E731
    return to_db(
        mean_gamma0(
            np.full(shape, kind, np.uint8),
            np.array([incidence]),
            full(incidence),
            full(depth),
            full(texture),
            full(wind),
            full(0),
        )[:, 0, 0].astype(float)
    )


@pytest.mark.parametrize("kind", range(len(SCATTERERS)))
def test_levels_and_slopes_are_those_of_the_table(kind):
    entry = SCATTERERS[kind]
    assert_allclose(scene(kind), (entry.vv_db, entry.vh_db), atol=1e-4)
    assert_allclose(scene(kind, incidence=43.0) - scene(kind), 5 * entry.slope_db, atol=1e-4)
    assert_allclose(scene(kind, texture=1.0) - scene(kind), entry.texture_db, atol=1e-4)


def test_a_deep_flood_turns_open_land_into_water_and_brightens_forest_and_towns():
    assert_allclose(scene(PADDY, depth=1.0), scene(WATER), atol=1e-4)
    assert_allclose(scene(FOREST, depth=2.0)[0] - scene(FOREST)[0], 2.5, atol=1e-4)
    assert_allclose(scene(URBAN, depth=2.0)[0] - scene(URBAN)[0], 1.5, atol=1e-4)


def test_water_shallower_than_the_stubble_mixes_power():
    half = 0.5 * SCATTERERS[PADDY].canopy_m
    expected = 0.5 * (10 ** (scene(PADDY) / 10) + 10 ** (scene(WATER) / 10))
    assert_allclose(10 ** (scene(PADDY, depth=half) / 10), expected, rtol=1e-4)


def test_wind_roughens_water_and_nothing_else():
    assert_allclose(scene(WATER, wind=4.0) - scene(WATER), (4.0, 2.0), atol=1e-4)
    assert_allclose(scene(PADDY, wind=4.0), scene(PADDY), atol=1e-6)


@pytest.mark.parametrize("looks", [1.0, 4.4, 20.0])
def test_speckle_follows_the_gamma_distribution(looks):
    chance = np.random.default_rng(1).uniform(size=(1000, 1000))
    speckle = add_speckle(np.ones((1000, 1000), np.float32), chance, speckle_quantiles(looks), 0.0).astype(float)
    assert speckle.mean() == pytest.approx(1.0, abs=5 / np.sqrt(looks) / 1000)
    assert speckle.mean() ** 2 / speckle.var() == pytest.approx(looks, rel=0.02)
    distance = stats.kstest(speckle.ravel()[::37], stats.gamma(looks, scale=1 / looks).cdf)
    assert distance.pvalue > 0.01


def test_noise_adds_to_the_mean_and_carries_speckle():
    chance = np.random.default_rng(2).uniform(size=(500, 500))
    measured = add_speckle(np.full((500, 500), 0.003, np.float32), chance, speckle_quantiles(4.4), 0.002)
    assert measured.mean() == pytest.approx(0.005, rel=0.01)


def test_local_incidence_of_planes():
    x = np.arange(12) * 10.0
    for slope, expected in ((0.0, 38.0), (np.tan(np.deg2rad(20)), 18.0), (-np.tan(np.deg2rad(20)), 58.0)):
        plane = np.broadcast_to(slope * x, (8, 12)).astype(np.float32)
        angle = local_incidence(plane, 10.0, WEST_LOOK, np.arange(10) * 10.0)
        assert_allclose(angle, expected, atol=0.01)


def test_incidence_grows_away_from_the_radar():
    flat = np.zeros((3, 102), np.float32)
    angle = local_incidence(flat, 1000.0, Look(30.0, 6e-5, -1.0, 0.0), np.arange(100) * 1000.0)
    assert_allclose(angle[0], 30.0 + 0.06 * np.arange(100), atol=1e-3)


def ridge(height, half_width, columns=60):
    x = np.arange(columns + 2 * LAYOVER_REACH) - (columns // 2 + LAYOVER_REACH)
    return np.clip(height * (1 - abs(x) / half_width), 0, None)[None].astype(np.float32)


def test_a_ridge_steeper_than_the_incidence_angle_lays_over_on_the_radar_side():
    z = ridge(100.0, 10.0)  # slopes of 45 degrees, 38 degrees incidence
    layover, shadow = layover_and_shadow(z, 10.0, WEST_LOOK, np.arange(60) * 10.0)
    assert layover[0, 21:30].all()  # the western slope
    assert not layover[0, 33:].any()  # beyond the crest's own range
    assert not shadow.any()
    mirrored, _ = layover_and_shadow(z, 10.0, WEST_LOOK._replace(east=1.0), np.arange(60) * 10.0)
    assert_allclose(mirrored[0, 1:], layover[0, 1:][::-1])


def test_a_wall_throws_a_shadow_of_its_height_times_the_tangent():
    z = np.zeros((1, 60 + 2 * LAYOVER_REACH), np.float32)
    z[0, LAYOVER_REACH + 10] = 100.0
    _, shadow = layover_and_shadow(z, 10.0, WEST_LOOK, np.arange(60) * 10.0)
    reach = 100.0 * np.tan(np.deg2rad(38.0)) / 10.0  # 7.8 pixels
    assert_allclose(np.flatnonzero(shadow[0]), np.arange(11, 11 + int(reach)))


def test_gentle_land_is_seen_everywhere():
    layover, shadow = layover_and_shadow(ridge(100.0, 30.0), 10.0, WEST_LOOK, np.arange(60) * 10.0)
    assert not layover.any()
    assert not shadow.any()


def test_dark_land_and_water_stand_within_the_bounds_of_the_operational_algorithm():
    for kind in (WATER, 0, 2, 3):
        assert -28 <= SCATTERERS[kind].vv_db <= -11
        assert -30 <= SCATTERERS[kind].vh_db <= -18
    assert SCATTERERS[3].vv_db < -14.6  # a radar takes tarmac for water
