"""Bounded growing and clean-up against plain definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mitoshi.core.errors import InputError
from mitoshi.methods.sar.fuzzy import z_membership
from mitoshi.methods.sar.multilook import decibel_index, relative_index, relative_samples
from mitoshi.methods.sar.region_growing import grow, remove_small

EIGHT = np.ones((3, 3), bool)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(0, 6))
def test_growing_is_geodesic_dilation(seed, steps):
    noise = np.random.default_rng(seed)
    tolerated = noise.random((24, 31)) < 0.6
    seeds = tolerated & (noise.random((24, 31)) < 0.05)
    expected = ndimage.binary_dilation(seeds, EIGHT, iterations=steps, mask=tolerated) if steps else seeds
    np.testing.assert_array_equal(grow(seeds, tolerated, steps), expected | seeds)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 9))
def test_small_segments_go_and_others_stay(seed, least):
    mask = np.random.default_rng(seed).random((23, 29)) < 0.35
    labels, count = ndimage.label(mask, EIGHT)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    np.testing.assert_array_equal(remove_small(mask, least), mask & (sizes[labels] >= least))


def test_wrong_steps_and_sizes_are_refused():
    with pytest.raises(InputError, match="steps"):
        grow(np.zeros((3, 3), bool), np.zeros((3, 3), bool), -1)
    with pytest.raises(InputError, match="segment"):
        remove_small(np.zeros((3, 3), bool), 0)
    with pytest.raises(InputError, match="full < none"):
        z_membership(np.zeros(3), 1.0, 1.0)


def test_the_index_averages_power_not_decibels():
    power = np.full((1, 5, 5), 0.01, np.float32)
    power[0, 2, 2] = 1.0
    expected = 10.0 * np.log10((8 * 0.01 + 1.0) / 9.0)
    assert decibel_index(power)[2, 2] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 2), (1, 1, 6), (2, 9, 7)])
def test_the_index_is_the_mean_of_the_observed_neighbours_up_to_the_edge(shape):
    draw = np.random.default_rng(2)
    power = draw.gamma(4.0, 0.05, shape).astype(np.float32)
    for value in (np.nan, 0.0, -1.0, np.inf):
        power[draw.random(shape) < 0.05] = value
    good = (power > 0) & np.isfinite(power)
    padded = [np.pad(np.where(good, v, 0.0).astype(float), ((0, 0), (1, 1), (1, 1))) for v in (power, 1.0)]
    sums = [sum(p[:, i : i + shape[1], j : j + shape[2]] for i in range(3) for j in range(3)) for p in padded]
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.where(good, 10.0 * np.log10(sums[0] / sums[1]), np.nan).mean(axis=0)
    np.testing.assert_allclose(decibel_index(power), expected, rtol=1e-5)


def test_missing_and_fill_are_not_observed():
    image = np.random.default_rng(1).integers(1, 255, (1, 20, 20)).astype(np.float32)
    image[0, :6, :6] = 255.0
    image[0, 17, 3] = np.nan
    index = relative_index(image)
    assert np.isnan(index[:3, :3]).all()
    assert np.isnan(index[17, 3])
    assert np.isfinite(index[8:14, 8:14]).all()


def test_fill_behind_a_slanted_edge_is_not_dark_water():
    image = np.random.default_rng(1).integers(1, 255, (1, 60, 60)).astype(np.float32)
    row, column = np.mgrid[:60, :60]
    for slope in (1.0, 0.4, 2.5):
        beyond = row - 30 < slope * (column - 30)
        scene = np.where(beyond, 0.0, image[0])[None]
        missing, inner = np.isnan(relative_index(scene)), np.zeros((60, 60), bool)
        inner[12:48, 12:48] = True  # not the tips between the edge and that of the scene
        assert (beyond & inner).sum() > 100
        assert missing[beyond & inner].all()
        assert not missing[~beyond].any()


def test_zero_is_the_darkest_grey_unless_nothing_else_is_near():
    image = np.random.default_rng(1).integers(1, 60, (1, 40, 40)).astype(np.float32)
    image[0, 20:25, 20:28] = 0.0  # clipped water
    image[0, :9, :12] = 0.0  # fill in the corner
    image[0, 30:, 35:] = 0.0  # fill that the edge cuts
    index = relative_index(image)
    assert np.isnan(index[:9, :12]).all()
    assert np.isnan(index[30:, 35:]).all()
    assert np.isfinite(index[9:30]).all()
    assert index[22, 24] == 0.0
    padded = image[0, 18:21, 18:21]
    assert index[19, 19] == pytest.approx(padded.mean(), rel=1e-6)
    samples = relative_samples(image)
    assert np.isnan(samples[:2, :3]).all()
    assert samples[5, 5] == pytest.approx(image[0, 20:24, 20:24].mean(), abs=1e-5)
