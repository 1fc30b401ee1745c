"""Exact windows, tree ensembles, logistic models and calibration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mitoshi.core.errors import InputError
from mitoshi.methods.statistics.calibration import apply_calibration, expected_calibration_error, fit_calibration
from mitoshi.methods.statistics.logistic import LogisticModel, log_odds, probability
from mitoshi.methods.statistics.trees import ensemble_from_json, score
from mitoshi.methods.statistics.windows import box_mean, box_sum


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([1, 3, 7, 15]))
def test_box_sum_is_the_sum_over_the_window(seed, width):
    values = np.random.default_rng(seed).integers(-8000, 8000, (17, 22)).astype(np.int16)
    half = width // 2
    expected = [
        [
            int(values[max(r - half, 0) : r + half + 1, max(c - half, 0) : c + half + 1].sum(dtype=int))
            for c in range(22)
        ]
        for r in range(17)
    ]
    np.testing.assert_array_equal(box_sum(values, width), expected)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(0, 30), st.integers(0, 30))
def test_box_mean_of_a_part_is_that_of_the_whole(seed, row, column):
    values = np.random.default_rng(seed).integers(-8000, 8000, (80, 80)).astype(np.int16)
    part = box_mean(values[row : row + 50, column : column + 50], 15)
    np.testing.assert_array_equal(part[7:-7, 7:-7], box_mean(values, 15)[row + 7 : row + 43, column + 7 : column + 43])


def test_even_windows_are_refused():
    with pytest.raises(ValueError, match="odd"):
        box_sum(np.ones((3, 3), np.int16), 4)


def test_trees_answer_as_written():
    trees = [
        {"f": "a", "t": 5, "l": {"v": -1.0}, "r": {"f": "b", "t": 0, "l": {"v": 2.0}, "r": {"v": 3.0}}},
        {"v": 0.5},
    ]
    ensemble = ensemble_from_json(("a", "b"), trees)
    features = np.array([[[5, 6, 6, 9]], [[0, 0, 1, 9]]], np.int16)
    wanted = np.array([[True, True, True, False]])
    np.testing.assert_array_equal(score(ensemble, features, wanted), [[-0.5, 2.5, 3.5, -np.inf]])


def test_a_tree_with_an_unknown_feature_is_refused():
    with pytest.raises(InputError, match="asks for feature 'c'"):
        ensemble_from_json(("a",), [{"f": "c", "t": 0, "l": {"v": 0.0}, "r": {"v": 0.0}}])


def test_the_logistic_model_is_its_formula():
    model = LogisticModel(0.5, {"a": 2.0, "b": -1.0}, 1000)
    found = log_odds(model, {"a": np.array([500, 5000], np.int16), "b": np.array([0, -5000], np.int16)})
    np.testing.assert_allclose(found, [1.5, 3.5], rtol=1e-6)
    np.testing.assert_allclose(probability(found), 1 / (1 + np.exp(-found)), rtol=1e-6)


def test_honest_probabilities_have_no_calibration_error_and_bold_ones_do():
    noise = np.random.default_rng(2)
    chance = noise.random(200_000)
    truth = noise.random(200_000) < chance
    assert expected_calibration_error(chance, truth) < 0.01
    assert expected_calibration_error(np.ones(1000), np.zeros(1000)) == 1.0
    bold = np.clip(2 * chance - 0.5, 0, 1)
    mapped = apply_calibration(fit_calibration(bold, truth), bold)
    assert expected_calibration_error(mapped, truth) < 0.02 < expected_calibration_error(bold, truth)
