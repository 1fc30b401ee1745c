"""Cloud and darkness in pictures of which every pixel is known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from mitoshi.methods.optical.cover import COVER_MARGIN, cover_of, covered, dark, masked

SIDE = 60
GROUND = np.array([90.0, 110.0, 70.0])[:, None, None]


def scene(patch=None, side=30, texture=15.0):
    values = np.broadcast_to(GROUND, (3, SIDE, SIDE)) + np.random.default_rng(5).normal(0, texture, (3, SIDE, SIDE))
    if patch is not None:
        values[:, 15 : 15 + side, 15 : 15 + side] = np.array(patch)[:, None, None]
    return values.astype(np.float32)


def test_a_cloud_is_hidden_with_its_edge_and_nothing_farther():
    hidden = covered(scene((235.0, 232.0, 228.0)), counts=True)
    assert hidden[15:45, 15:45].all()
    assert not hidden[: 15 - COVER_MARGIN].any()
    assert not hidden[45 + COVER_MARGIN :].any()


@pytest.mark.parametrize(
    ("patch", "side"),
    [
        ((235.0, 232.0, 228.0), 6),
        ((235.0, 190.0, 120.0), 30),
        ((140.0, 138.0, 141.0), 30),
        ((2350.0, 2320.0, 2280.0), 30),
    ],
    ids=["a roof", "sand", "grey ground", "counts of another scale"],
)
def test_what_is_small_coloured_dim_or_of_another_scale_is_no_cloud(patch, side):
    assert not covered(scene(patch, side), counts=True).any()


def test_reflectance_has_a_scale_of_its_own():
    cloud = scene((235.0, 232.0, 228.0)) / 400.0
    assert covered(cloud, counts=False)[20:40, 20:40].all()
    assert not covered(cloud / 3.0, counts=False).any()


def test_lightless_shadow_is_hidden_and_dim_ground_is_not():
    assert covered(scene((4.0, 5.0, 3.0)), counts=True)[20:40, 20:40].all()
    assert not covered(scene((30.0, 34.0, 26.0)), counts=True).any()
    assert dark(scene((4.0, 5.0, 3.0)), counts=True).sum() == 900


def test_fill_is_missing_and_hides_nothing_beside_it():
    values = scene((0.0, 0.0, 0.0))
    image = xr.DataArray(values, dims=("band", "y", "x"), attrs={"quantity": "digital_number"})
    assert not cover_of(image).any()


def test_one_band_shows_no_cloud():
    assert not covered(scene((235.0, 232.0, 228.0))[:1], counts=True).any()


def test_a_mask_hides_where_it_is_not_zero_or_says_nothing():
    assert masked(xr.DataArray([[0.0, 1.0, np.nan, 2.0]])).tolist() == [[False, True, True, True]]
