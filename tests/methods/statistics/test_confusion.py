"""Confusion, probability, coverage, distance and patches against numbers by hand and against other computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage, stats

from mitoshi.core.errors import InputError
from mitoshi.methods.statistics.confusion import (
    class_agreement,
    cohens_kappa,
    confusion_matrix,
    overall_accuracy,
    two_classes,
)
from mitoshi.methods.statistics.coverage import LEVELS, empty_coverage, interval_coverage, wilson_interval
from mitoshi.methods.statistics.differences import Differences, differences, median_absolute_deviation
from mitoshi.methods.statistics.distance_bands import BANDS, MARGIN, boundary_bands
from mitoshi.methods.statistics.patches import SIZES, patch_counts
from mitoshi.methods.statistics.probability_scores import brier_score, empty_tally, roc_auc, tally_probabilities

# Congalton and Green, "Assessing the accuracy of remotely sensed data", table of four classes: rows map, columns reference.
CONGALTON = np.array([[65, 4, 22, 24], [6, 81, 5, 8], [0, 11, 85, 19], [4, 7, 3, 90]], float)


def test_the_textbook_matrix_of_congalton():
    """Overall accuracy 74 %, producer's 87 % and user's 57 % of deciduous, kappa 0.65: as printed."""
    assert overall_accuracy(CONGALTON) == pytest.approx(321 / 434)
    deciduous = class_agreement(CONGALTON, 0)
    assert deciduous.recall == pytest.approx(65 / 75)
    assert deciduous.precision == pytest.approx(65 / 115)
    assert cohens_kappa(CONGALTON) == pytest.approx(0.65, abs=0.005)


def test_counts_and_areas_by_hand():
    mapped, reference = np.array([[1, 1, 0], [2, 0, 2]]), np.array([[1, 0, 0], [2, 1, 1]])
    counts = confusion_matrix(mapped, reference, 3)
    np.testing.assert_array_equal(counts, [[1, 1, 0], [1, 1, 0], [0, 1, 1]])
    areas = confusion_matrix(mapped, reference, 3, np.array([[2.0], [10.0]]))
    np.testing.assert_array_equal(areas, [[2, 10, 0], [2, 2, 0], [0, 10, 10]])
    two = two_classes(counts, np.array([False, True, True]))
    np.testing.assert_array_equal(two, [[1, 1], [1, 3]])
    with pytest.raises(InputError, match="one shape"):
        confusion_matrix(mapped, reference[:1], 3)
    with pytest.raises(InputError, match="got number 2"):
        confusion_matrix(mapped, reference, 2)


def test_nothing_compared_is_undefined_not_zero():
    empty = np.zeros((2, 2))
    assert math.isnan(overall_accuracy(empty))
    assert all(math.isnan(v) for v in class_agreement(empty, 1)[:4])
    assert math.isnan(cohens_kappa(np.array([[9.0, 0.0], [0.0, 0.0]])))


def test_probabilities_that_come_true_as_often_as_stated():
    rng = np.random.default_rng(4)
    chance = np.round(rng.beta(0.4, 0.7, 400_000), 3)
    truth = rng.random(chance.size) < chance
    half = chance.size // 2
    parts = tally_probabilities(chance[:half], truth[:half]) + tally_probabilities(chance[half:], truth[half:])
    assert parts.reliability.error < 0.003
    np.testing.assert_allclose(
        parts.reliability.observed / parts.reliability.cells,
        parts.reliability.stated / parts.reliability.cells,
        atol=0.012,
    )
    # A calibrated forecast's expected Brier score is the mean of p (1 - p).
    assert brier_score(parts) == pytest.approx(float((chance * (1 - chance)).mean()), abs=0.002)
    # Mann and Whitney's U over all pairs is another way to the same area.
    u = stats.mannwhitneyu(chance[truth][:3000], chance[~truth][:3000]).statistic
    few = tally_probabilities(
        np.r_[chance[truth][:3000], chance[~truth][:3000]], np.r_[np.ones(3000, bool), np.zeros(3000, bool)]
    )
    assert roc_auc(few) == pytest.approx(u / 9_000_000, abs=1e-12)


def test_probabilities_must_be_probabilities():
    with pytest.raises(InputError, match="percent"):
        tally_probabilities(np.array([50.0]), np.array([True]))
    assert math.isnan(roc_auc(empty_tally()))
    assert math.isnan(brier_score(empty_tally()))


def test_gaussian_errors_are_covered_as_stated():
    rng = np.random.default_rng(7)
    spread = rng.uniform(0.2, 3.0, 40_000)
    error = rng.normal(0.0, spread)
    error[:5], spread[5:9] = np.nan, np.nan
    half = interval_coverage(error[:20_000], spread[:20_000]) + interval_coverage(error[20_000:], spread[20_000:])
    assert half.cells == 40_000 - 9
    for level, share in zip(LEVELS, half.shares, strict=True):
        assert abs(share - level) < 4 * math.sqrt(level * (1 - level) / half.cells)
    assert half.spread_over_skill == pytest.approx(1.0, abs=0.02)
    halved = interval_coverage(error, spread / 2)
    assert halved.shares[2] == pytest.approx(2 * stats.norm.cdf(1.6449 / 2) - 1, abs=0.01)
    assert math.isnan(empty_coverage().shares[0])


def test_wilson_interval_against_scipy():
    for successes, trials, level in ((0, 5, 0.9), (3, 3, 0.9), (8, 10, 0.95), (70, 200, 0.99)):
        expected = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
        assert wilson_interval(successes, trials, level) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_differences_add_up():
    error = np.random.default_rng(1).normal(0.3, 2.0, 1001)
    error[7] = np.nan
    known = error[np.isfinite(error)]
    both = differences(error[:400]) + differences(error[400:])
    assert (both.bias, both.rmse, both.mae) == pytest.approx(
        (known.mean(), math.sqrt((known**2).mean()), np.abs(known).mean())
    )
    assert median_absolute_deviation(error) == pytest.approx(stats.median_abs_deviation(known))
    assert math.isnan(Differences().rmse)


def test_bands_are_those_of_the_euclidean_distance():
    rng = np.random.default_rng(2)
    codes = (ndimage.gaussian_filter(rng.normal(size=(120, 150)), 6) > 0.02).astype(np.uint8)
    codes[40:50, 20:60] = 9
    expected = np.full(codes.shape, 255)
    for kind in (0, 1):
        away = ndimage.distance_transform_edt(codes != 1 - kind) - 0.5
        band = np.searchsorted([upper for _, upper in BANDS[:-1]], away)
        expected[codes == kind] = band[codes == kind]
    np.testing.assert_array_equal(boundary_bands(codes), expected)


def test_bands_of_a_part_are_those_of_the_whole():
    codes = (ndimage.gaussian_filter(np.random.default_rng(3).normal(size=(90, 80)), 4) > 0).astype(np.uint8)
    part = boundary_bands(codes[20 - MARGIN : 60 + MARGIN])[MARGIN:-MARGIN]
    np.testing.assert_array_equal(part, boundary_bands(codes)[20:60])


def test_one_class_alone_has_no_boundary():
    assert (boundary_bands(np.ones((5, 6), np.uint8)) == len(BANDS) - 1).all()


def test_patches_by_size():
    mask = np.zeros((700, 1500), bool)
    mask[0, 0] = mask[3, 3] = mask[4, 4] = True  # one alone, and two that touch at a corner
    mask[100:110, 0:10] = True
    mask[500:540, 0:40] = True  # over the seam of the blocks in which cells are counted
    found = patch_counts(mask)
    assert found.patches == (1, 1, 1, 0, 1)
    assert found.cells == (1, 2, 100, 0, 1600)
    assert len(found.patches) == len(SIZES) + 1
    assert (found + found).cells == (2, 4, 200, 0, 3200)
