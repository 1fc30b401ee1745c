"""Optical change against images whose relation is known."""

from __future__ import annotations

import numpy as np
import pytest

from mitoshi.core.errors import InputError
from mitoshi.methods.optical.change import brightness, edges, fine_detail, object_change, radiometry

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
    change = object_change(brightness(image), 3 * brightness(image) + 40, block(10, 40), reach=0)
    assert change.correlation[0] == pytest.approx(1.0, abs=1e-5)
    assert change.edges[0] == pytest.approx(1.0, abs=1e-5)
    assert change.grain[0] == pytest.approx(0.0, abs=1e-3)


def test_a_shifted_image_is_found_again_within_reach():
    image = brightness(pattern(2))
    moved = np.roll(image, (2, -1), axis=(0, 1))
    near, far = (object_change(image, moved, block(10, 40), reach=reach) for reach in (1, 2))
    assert far.correlation[0] == pytest.approx(1.0, abs=1e-6)
    assert far.edges[0] == pytest.approx(1.0, abs=1e-6)
    assert near.correlation[0] < 0.2
    assert near.edges[0] < 0.5  # gradients reach over three pixels, so those of a pixel off overlap


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_correlation_falls_by_the_share_that_is_replaced(share):
    before, after = pattern(3, 1)[0], pattern(3, 1)[0]
    replaced = np.random.default_rng(4).uniform(size=(SIDE, SIDE)) < share
    after[replaced] = pattern(5, 1)[0][replaced]
    assert object_change(before, after, block(0, SIDE), reach=0).correlation[0] == pytest.approx(1 - share, abs=0.05)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_edges_fall_by_the_share_that_is_rebuilt_and_not_by_its_brightness(share):
    before, after = pattern(3, 1)[0], pattern(3, 1)[0]
    last = round(share * SIDE)
    after[:last] = pattern(5, 1)[0][:last]
    whole = block(0, SIDE)
    assert object_change(before, after, whole, reach=0).edges[0] == pytest.approx(1 - share, abs=0.05)
    brighter = after + np.where(np.arange(SIDE) < 1, 0, 50)[:, None].astype("float32")
    inner = block(3, SIDE)
    plain, lit = (object_change(before, image, inner, reach=0).edges[0] for image in (after, brighter))
    assert lit == pytest.approx(plain, abs=1e-3)


def test_a_ramp_is_an_edge_everywhere_and_has_no_detail():
    ramp = np.add.outer(3 * np.arange(9.0), 2 * np.arange(9.0)).astype("float32")
    down, right = edges(ramp)
    np.testing.assert_allclose(down[1:-1, 1:-1], 3.0)  # per pixel
    np.testing.assert_allclose(right[1:-1, 1:-1], 2.0)
    assert np.isnan(down[0]).all()
    assert np.isnan(edges(ramp[:2])[0]).all()
    np.testing.assert_allclose(fine_detail(ramp)[1:-1, 1:-1], 0.0, atol=1e-5)


def test_grain_counts_against_contrast():
    """White noise has 8/9 of its variance in fine detail; added to a smooth scene it raises detail more than contrast."""
    smooth = (10 * np.sin(np.arange(SIDE) / 9.0)[:, None] * np.ones(SIDE)).astype("float32")
    noise = pattern(6, 1)[0]
    cells = block(10, 40)
    assert object_change(noise, 2 * noise, cells, reach=0).grain[0] == pytest.approx(0.0, abs=1e-4)
    inside = slice(10, 40)
    one, other = (smooth + 0.5 * noise), (smooth + noise)
    expected = np.log(4.0) - np.log(other[inside, inside].var() / one[inside, inside].var())
    assert object_change(one, other, cells, reach=0).grain[0] == pytest.approx(expected, abs=0.15)


def test_an_object_seen_by_less_than_half_is_not_observed():
    before, after = brightness(pattern(7)), brightness(pattern(8))
    after[:28] = np.nan
    change = object_change(before, after, block(10, 40), reach=1)
    assert np.isnan(change.correlation[0])
    assert np.isnan(change.edges[0])
    assert np.isnan(change.grain[0])
    assert change.pixels[0] == 12 * 30
    holed = pattern(8)
    holed[1, 0, 0] = np.nan
    assert np.isnan(brightness(holed)[0, 0])


def test_a_constant_band_has_no_scale():
    with pytest.raises(InputError, match="constant"):
        radiometry(np.ones((1, 50)))
