"""Landslides in one image, on scenes of which every pixel is known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from mitoshi.applications.disaster.landslide_optical import (
    NOT_OBSERVABLE,
    SLIDE,
    STABLE,
    figures,
    landslide_optical,
    tally,
)
from mitoshi.core.errors import InputError
from mitoshi.methods.optical.bare_soil import binomial_mean, red_over_green

FOREST, SOIL = (40.0, 50.0, 30.0), (110.0, 85.0, 55.0)
SIDE = 60


def image(shade=1.0, names=("red", "green", "blue")):
    """Return forest with a square of bare soil, under light that may differ from place to place."""
    values = np.empty((3, SIDE, SIDE))
    values[:] = np.array(FOREST)[:, None, None]
    values[:, 20:40, 20:40] = np.array(SOIL)[:, None, None]
    values = np.maximum(values * shade, 1.0)
    coords = {
        "band": list(names),
        "y": 9000.0 - 3.0 * (np.arange(SIDE) + 0.5),
        "x": 2000.0 + 3.0 * (np.arange(SIDE) + 0.5),
    }
    attrs = {"quantity": "digital_number", "units": "1", "pixel_size_m": 3.0}
    return xr.DataArray(values.astype("float32"), dims=("band", "y", "x"), coords=coords, attrs=attrs)


def beside(values, quantity):
    like = image()
    attrs = {"quantity": quantity, "units": "m" if quantity == "elevation" else "1", "pixel_size_m": 3.0}
    return xr.DataArray(values.astype("float32"), dims=("y", "x"), coords={"y": like["y"], "x": like["x"]}, attrs=attrs)


def test_soil_is_told_from_forest_in_sun_and_shade():
    shade = np.linspace(1.0, 0.4, SIDE)[None, :]
    codes = np.asarray(landslide_optical(image(shade)).landslide)
    truth = np.zeros((SIDE, SIDE), bool)
    truth[20:40, 20:40] = True
    assert ((codes == SLIDE) & truth).sum() / ((codes == SLIDE) | truth).sum() > 0.85
    assert (codes[:15] == STABLE).all()


def test_flat_ground_and_water_are_no_landslides():
    rows = np.arange(SIDE)[:, None] * np.ones(SIDE)
    field = landslide_optical(image(), beside(rows * 0.0, "elevation"), soil_steepness=10.0)
    slope = landslide_optical(image(), beside(rows * 3.0, "elevation"), soil_steepness=10.0)
    assert (np.asarray(field.landslide) == STABLE).all()
    assert (np.asarray(slope.landslide)[25:35, 25:35] == SLIDE).all()
    wet = landslide_optical(image(), None, beside(np.ones((SIDE, SIDE)), "flood_extent"))
    assert (np.asarray(wet.landslide) == STABLE).all()


def test_the_odds_are_those_of_the_logistic_law():
    chance = np.asarray(landslide_optical(image()).landslide_probability)
    expected = [1 / (1 + np.exp(-28.0 * (np.log((c[0] + 1) / (c[1] + 1)) - 0.062))) for c in (SOIL, FOREST)]
    np.testing.assert_allclose([chance[30, 30], chance[5, 5]], expected, atol=1e-5)


def test_what_was_not_seen_is_not_observable():
    holed = image()
    holed[:, :10] = 0.0
    result = landslide_optical(holed)
    assert (np.asarray(result.landslide)[:10] == NOT_OBSERVABLE).all()
    assert np.isfinite(np.asarray(result.landslide_probability)[10:]).all()
    totals = tally(result, 9.0)
    assert totals["not_observable"] == 600
    found = {f.name: f for f in figures(totals, {})}
    assert found["landslide_area"].value == pytest.approx(400 * 9.0, rel=0.04)  # smoothing rounds the corners off
    assert found["landslide_area"].lower <= found["landslide_area"].value <= found["landslide_area"].upper
    assert found["not_observable_share"].value == pytest.approx(100 / 6)


def test_bands_must_be_named():
    with pytest.raises(InputError, match="red and a green band"):
        landslide_optical(image(names=("1", "2", "3")))
    with pytest.raises(InputError, match="slope_low_deg"):
        landslide_optical(image(), slope_low_deg=20.0)


def test_the_binomial_mean_weighs_what_was_seen():
    values = np.zeros((9, 9), np.float32)
    values[4, 4] = 256.0
    once = binomial_mean(values, 1)
    np.testing.assert_allclose(once[3:6, 3:6], np.outer([16, 32, 16], [1, 2, 1]))
    assert binomial_mean(np.full((5, 5), 3.0, np.float32), 4) == pytest.approx(3.0)
    assert np.isnan(red_over_green(np.array([-1.0]), np.array([1.0]), counts=False))[0]


CLOUD, BLACK = (235.0, 232.0, 228.0), (6.0, 3.0, 2.0)


@pytest.mark.parametrize("patch", [CLOUD, BLACK], ids=["cloud", "black shadow"])
def test_cloud_and_black_shadow_are_not_observable(patch):
    hidden = image()
    hidden[:, 42:58, 5:30] = np.array(patch)[:, None, None]
    result = landslide_optical(hidden)
    codes = np.asarray(result.landslide)
    assert (codes[42:58, 5:30] == NOT_OBSERVABLE).all()
    assert np.isnan(np.asarray(result.landslide_probability)[42:58, 5:30]).all()
    assert (codes[22:30, 32:38] == SLIDE).all()
    assert (codes[:8] == STABLE).all()


def test_bare_ground_is_no_sign_where_nothing_grows():
    desert = image()
    desert[:] = np.array(SOIL)[:, None, None] + np.random.default_rng(2).normal(0, 3, (3, SIDE, SIDE))
    desert[:, :5] = np.array(FOREST)[:, None, None]
    result = landslide_optical(desert)
    codes = np.asarray(result.landslide)
    assert (codes[10:] == NOT_OBSERVABLE).all()
    assert (codes[:3] == STABLE).all()
    found = {f.name: f.value for f in figures(tally(result, 9.0), {})}
    assert found["landslide_area"] == 0.0
    assert found["not_observable_share"] > 85.0
    asked = np.asarray(landslide_optical(desert, least_plants=0.0).landslide)
    assert (asked[10:] == SLIDE).all()


def test_a_given_mask_is_not_observable():
    mask = np.zeros((SIDE, SIDE))
    mask[25:35, 25:35] = 1.0
    codes = np.asarray(landslide_optical(image(), None, None, beside(mask, "cloud_mask")).landslide)
    assert (codes[25:35, 25:35] == NOT_OBSERVABLE).all()
    assert (codes[30, 21:24] == SLIDE).all()


def test_an_empty_image_is_named():
    for empty in (image() * 0.0, image() * np.nan):
        with pytest.raises(InputError, match="--after-optical holds no observed pixel"):
            landslide_optical(empty.assign_attrs(image().attrs))
