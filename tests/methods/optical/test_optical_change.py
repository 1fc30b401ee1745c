"""Optical change against images whose relation is known."""

from __future__ import annotations

import numpy as np
import pytest

from mitoshi.core.errors import InputError
from mitoshi.methods.optical.change import brightness, fine_detail, object_change, radiometry

SIDE = 60


def pattern(seed, bands=3):
    return np.random.default_rng(seed).normal(size=(bands, SIDE, SIDE)).astype("float32")


def block(first, last):
    rows, columns = (v.ravel() for v in np.mgrid[first:last, first:last])
    return rows, columns, np.array([0, rows.size])


def scaled(image):
    return radiometry(image.reshape(image.shape[0], -1)).normalised(image)


def test_gain_and_offset_fall_away():
    image = pattern(1)
    other = image * np.array([2.0, 0.5, 9.0], "float32")[:, None, None] + 40
    np.testing.assert_allclose(scaled(other), scaled(image), atol=1e-4)
    change = object_change(scaled(image), scaled(other), block(10, 40), reach=0)
    assert change.correlation[0] == pytest.approx(1.0, abs=1e-5)
    assert change.colour[0] == pytest.approx(0.0, abs=1e-4)
    assert change.texture[0] == pytest.approx(0.0, abs=1e-3)


def test_a_shifted_image_is_found_again_within_reach():
    image = pattern(2)
    moved = np.roll(image, (2, -1), axis=(1, 2))
    assert object_change(image, moved, block(10, 40), reach=2).correlation[0] == pytest.approx(1.0, abs=1e-6)
    assert object_change(image, moved, block(10, 40), reach=1).correlation[0] < 0.2


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_correlation_falls_by_the_share_that_is_replaced(share):
    before, after = pattern(3, 1), pattern(3, 1)
    replaced = np.random.default_rng(4).uniform(size=(SIDE, SIDE)) < share
    after[:, replaced] = pattern(5, 1)[:, replaced]
    assert object_change(before, after, block(0, SIDE), reach=0).correlation[0] == pytest.approx(1 - share, abs=0.05)


def test_grain_raises_detail_but_a_ramp_has_none():
    ramp = np.add.outer(np.arange(9.0), 2 * np.arange(9.0)).astype("float32")
    np.testing.assert_allclose(fine_detail(ramp)[1:-1, 1:-1], 0.0, atol=1e-5)
    before = pattern(6, 1)
    change = object_change(before, 2 * before, block(10, 40), reach=0)
    assert change.texture[0] == pytest.approx(np.log(4.0), abs=1e-4)


def test_an_object_seen_by_less_than_half_is_not_observed():
    before, after = pattern(7), pattern(8)
    after[:, :28] = np.nan
    change = object_change(before, after, block(10, 40), reach=1)
    assert np.isnan(change.correlation[0])
    assert np.isnan(change.texture[0])
    assert change.pixels[0] == 12 * 30
    assert np.isnan(brightness(after)[0, 0])


def test_a_constant_band_has_no_scale():
    with pytest.raises(InputError, match="constant"):
        radiometry(np.ones((1, 50)))
