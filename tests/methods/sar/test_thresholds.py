"""Thresholds on mixtures whose best split is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mitoshi.core.errors import InputError
from mitoshi.methods.sar.thresholds import (
    expectation_maximisation_threshold,
    kittler_illingworth_threshold,
    otsu_threshold,
    split_at,
)

CENTRES = np.arange(-40.0, 10.0, 0.1)


def two_normals(dark, bright, dark_std=1.0, bright_std=1.0, share=0.5):
    def density(mean, std):
        return np.exp(-0.5 * ((CENTRES - mean) / std) ** 2) / std

    return share * density(dark, dark_std) + (1 - share) * density(bright, bright_std)


def bayes(dark, bright, dark_std, bright_std, share):
    """Where the two weighted densities cross, between the means."""
    between = CENTRES[(dark < CENTRES) & (bright > CENTRES)]
    one = share / dark_std * np.exp(-0.5 * ((between - dark) / dark_std) ** 2)
    other = (1 - share) / bright_std * np.exp(-0.5 * ((between - bright) / bright_std) ** 2)
    return between[np.argmin(np.abs(one - other))]


def test_otsu_of_equal_classes_is_the_midpoint():
    assert otsu_threshold(two_normals(-22.0, -10.0), CENTRES) == pytest.approx(-16.0, abs=0.1)


@pytest.mark.parametrize(("share", "stds"), [(0.5, (1.0, 1.0)), (0.1, (1.0, 2.0)), (0.03, (1.2, 1.8))])
def test_kittler_illingworth_finds_the_bayes_threshold(share, stds):
    counts = two_normals(-22.0, -10.0, *stds, share)
    assert kittler_illingworth_threshold(counts, CENTRES) == pytest.approx(bayes(-22.0, -10.0, *stds, share), abs=0.3)


def test_kittler_illingworth_has_no_threshold_for_two_spikes():
    counts = np.zeros_like(CENTRES)
    counts[[100, 300]] = 5.0
    assert np.isnan(kittler_illingworth_threshold(counts, CENTRES))


def test_expectation_maximisation_parts_three_known_classes():
    noise = np.random.default_rng(3)
    tile = np.concatenate([noise.normal(m, 6.0, 4000) for m in (60.0, 120.0, 180.0)]).round().astype(int)
    assert expectation_maximisation_threshold(tile) == pytest.approx(90.0, abs=3.0)


def test_moments_of_both_sides():
    split = split_at(two_normals(-22.0, -10.0, 1.0, 2.0, 0.25), CENTRES, -17.0)
    assert split.dark_mean == pytest.approx(-22.0, abs=0.05)
    assert split.bright_std == pytest.approx(2.0, abs=0.05)
    assert split.dark_share == pytest.approx(0.25, abs=0.01)
    assert split.ashman_d == pytest.approx(np.sqrt(2.0) * 12.0 / np.sqrt(5.0), rel=0.02)


def test_an_empty_histogram_is_refused():
    with pytest.raises(InputError, match="empty"):
        otsu_threshold(np.zeros(5), np.arange(5.0))


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.integers(0, 50), min_size=8, max_size=60).filter(lambda c: sum(x > 0 for x in c) > 1), st.integers(1, 9)
)
def test_counts_in_another_unit_give_the_same_threshold(counts, factor):
    counts = np.array(counts)
    centres = np.arange(len(counts), dtype=float)
    assert otsu_threshold(counts, centres) == otsu_threshold(counts * 2**factor, centres)
