"""Joining two probabilities: textbook numbers, the exact density ratio of normal errors, and the exact two-state process."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal, norm

from mitoshi.core.errors import InputError
from mitoshi.methods.statistics.fusion import evidence_of, evidence_weights, joined, persistence, relaxed
from mitoshi.methods.statistics.logistic import probability


def single(value):
    return np.array([value], np.float32)


def test_the_textbook_of_two_positive_tests():
    """Prevalence 1 %, 80 % of the ill and 9.6 % of the healthy test positive (Eddy 1982): 7.8 % after one test, 41 % after two."""
    prior, ratio = 0.01, 0.8 / 0.096
    once = prior * ratio / (prior * ratio + 1.0 - prior)
    assert once == pytest.approx(0.078, abs=0.0005)
    twice = 0.01 * 0.8**2 / (0.01 * 0.8**2 + 0.99 * 0.096**2)
    evidence = evidence_of(single(once), prior)
    assert_allclose(evidence, np.log(ratio), atol=1e-5)
    assert_allclose(joined(evidence, evidence, (1.0, 1.0), prior), twice, atol=1e-5)


@pytest.mark.parametrize(
    ("first", "second", "shared"), [(1.0, 1.0, 0.3), (1.0, 2.0, 0.4), (2.5, 1.5, 0.2), (1.2, 2.0, 0.0)]
)
def test_weights_give_the_exact_likelihood_ratio_of_correlated_normal_errors(first, second, shared):
    distances, covariance = np.array([first, second]), np.array([[1.0, shared], [shared, 1.0]])
    wet, dry = (multivariate_normal(sign * distances / 2.0, covariance) for sign in (1.0, -1.0))
    for seen in np.random.default_rng(3).normal(size=(20, 2)):
        exact = wet.logpdf(seen) - dry.logpdf(seen)
        alone = [norm.logpdf(x, d / 2.0) - norm.logpdf(x, -d / 2.0) for x, d in zip(seen, distances, strict=True)]
        assert_allclose(np.dot(evidence_weights(first / second, shared), alone), exact, atol=1e-9)


def test_two_observers_that_err_alike_are_one():
    evidence = evidence_of(single(0.9), 0.5)
    assert_allclose(joined(evidence, evidence, evidence_weights(1.0, 0.9999), 0.5), 0.9, atol=1e-3)


@pytest.mark.parametrize("shared", [0.1, 0.45, 0.9])
def test_weights_meet_where_the_weaker_begins_to_count(shared):
    """At the point where its weight becomes 0 the stronger one stands alone with weight 1; exchange exchanges them."""
    assert evidence_weights(shared, shared) == (0.0, 1.0)
    assert_allclose(evidence_weights(shared * 1.0001, shared), (0.0, 1.0), atol=6e-4)
    assert_allclose(evidence_weights(1.7, shared), evidence_weights(1.0 / 1.7, shared)[::-1], atol=1e-12)


@pytest.mark.parametrize("prior", [0.1, 0.5, 0.8])
def test_time_is_that_of_the_exact_two_state_process(prior):
    """A chain of hourly steps whose states persist 2^(-1/30) an hour, against its matrix to the power of the hours."""
    step = persistence(1.0, 30.0)
    move = step * np.eye(2) + (1.0 - step) * np.array([[1.0 - prior, prior]] * 2)
    for hours in (1, 30, 200):
        later = np.linalg.matrix_power(move, hours)
        for seen in (0.02, 0.4, 0.97):
            exact = (np.array([1.0 - seen, seen]) @ later)[1]
            then = relaxed(evidence_of(single(seen), prior), persistence(hours, 30.0), prior)
            assert_allclose(probability(then + np.float32(np.log(prior / (1.0 - prior)))), exact, atol=2e-6)


def test_missing_stays_missing_and_certainty_is_bounded():
    evidence = evidence_of(np.array([np.nan, 0.0, 1.0], np.float32), 0.5)
    assert np.isnan(evidence[0])
    assert_allclose(probability(evidence[1:]), [0.001, 0.999], atol=1e-6)
    assert np.isnan(relaxed(evidence, 0.5, 0.5)[0])


@pytest.mark.parametrize(("ratio", "shared"), [(0.0, 0.5), (1.0, 1.0), (1.0, -0.1), (float("nan"), 0.2)])
def test_impossible_errors_are_refused(ratio, shared):
    with pytest.raises(InputError, match="shared error must lie"):
        evidence_weights(ratio, shared)
