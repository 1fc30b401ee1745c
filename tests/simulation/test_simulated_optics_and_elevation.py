"""Optical passes with the asked cloud, and an elevation model with the asked error."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mitoshi.simulation import OpticalPass, elevation_model, observe_optical, region, water_occurrence


@pytest.fixture(scope="module")
def scene():
    place = region((700, 700), seed=21)
    return place, place.ground()


@pytest.mark.parametrize("share", [0.1, 0.4, 0.8])
def test_the_cloud_covers_what_is_asked(scene, share):
    view = observe_optical(*scene, OpticalPass("2026-09-24T01:26:00Z", share))
    assert (view.scene_class == 9).mean() == pytest.approx(share, abs=0.03)


def test_clouds_are_white_and_their_shadows_dark(scene):
    place, ground = scene
    view = observe_optical(place, ground, OpticalPass("2026-09-24T01:26:00Z", 0.3))
    red = view.reflectance[2]
    forest = ground.cover.kind == 6
    clear, cloud, shadow = (
        red[forest & mask] for mask in (view.scene_class == 4, view.scene_class == 9, view.scene_class == 3)
    )
    assert cloud.mean() > 10 * clear.mean()
    assert shadow.mean() < 0.8 * clear.mean()


def test_the_water_index_finds_the_flood_where_the_sky_is_clear(scene):
    place, ground = scene
    view = observe_optical(place, ground, OpticalPass("2026-10-13T01:26:00Z", 0.2, flood=1.0))
    green, swir = view.reflectance[1], view.reflectance[4]
    clear = ~np.isin(view.scene_class, (3, 9))
    wet = view.scene_class == 6
    assert ((green > swir)[clear] == wet[clear]).mean() > 0.97


def test_optical_and_elevation_tiles_equal_the_whole(scene):
    place, ground = scene
    passage = OpticalPass("2026-09-24T01:26:00Z", 0.4, flood=0.5)
    window = (slice(300, 431), slice(77, 400))
    tile = place.ground(window)
    whole, part = observe_optical(place, ground, passage), observe_optical(place, tile, passage)
    assert_array_equal(part.reflectance, whole.reflectance[:, window[0], window[1]])
    assert_array_equal(part.scene_class, whole.scene_class[window])
    assert_array_equal(elevation_model(place, tile), elevation_model(place, ground)[window])


@pytest.mark.parametrize("rmse", [0.3, 2.0])
def test_the_elevation_error_is_as_large_as_asked_and_correlated(scene, rmse):
    place, ground = scene
    land = ground.terrain.shore >= 0
    error = np.where(land, elevation_model(place, ground, rmse) - ground.terrain.elevation, np.nan)
    assert np.sqrt(np.nanmean(error**2)) == pytest.approx(rmse, rel=0.12)
    assert abs(np.nanmean(error)) < 0.2 * rmse
    inland = error[:500]
    assert np.corrcoef(inland[:, 1:].ravel(), inland[:, :-1].ravel())[0, 1] > 0.9
    assert abs(np.corrcoef(inland[:, 100:].ravel(), inland[:, :-100].ravel())[0, 1]) < 0.15


def test_water_occurrence_is_high_on_permanent_water_alone(scene):
    _, ground = scene
    share = water_occurrence(ground)
    assert_array_equal(share > 0.9, ground.cover.kind < 2)
    assert share.min() >= 0
    assert share.max() <= 1
