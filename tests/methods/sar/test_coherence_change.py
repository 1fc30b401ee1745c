"""Coherence estimates against simulated interferograms; speckle statistics against simulated speckle."""

from __future__ import annotations

import numpy as np
import pytest

from mitoshi.core.errors import InputError
from mitoshi.methods.sar.coherence_change import (
    coherence_estimate_mean,
    coherence_estimate_variance,
    coherence_from_estimate,
    natural_coherence_ratio,
    ratio_change,
)


def estimates(coherence, looks, count=20_000, seed=1):
    """Sample coherence of circular Gaussian pairs of the given true coherence."""
    draw = np.random.default_rng(seed)

    def circular():
        return (draw.normal(size=(count, looks)) + 1j * draw.normal(size=(count, looks))) / np.sqrt(2)

    first, other = circular(), circular()
    second = coherence * first + np.sqrt(1 - coherence**2) * other
    product = (first * second.conj()).sum(axis=1)
    return np.abs(product) / np.sqrt((np.abs(first) ** 2).sum(axis=1) * (np.abs(second) ** 2).sum(axis=1))


@pytest.mark.parametrize("looks", [6, 12, 40])
@pytest.mark.parametrize("coherence", [0.0, 0.2, 0.5, 0.8, 0.95])
def test_the_mean_is_that_of_simulated_estimates(coherence, looks):
    assert coherence_estimate_mean(coherence, looks) == pytest.approx(estimates(coherence, looks).mean(), abs=0.03)


@pytest.mark.parametrize("looks", [6, 12, 40])
@pytest.mark.parametrize("coherence", [0.0, 0.2, 0.5, 0.8])
def test_the_variance_is_that_of_simulated_estimates(coherence, looks):
    simulated = estimates(coherence, looks).var()
    assert coherence_estimate_variance(coherence, looks) == pytest.approx(simulated, rel=0.3)


def test_the_inverse_undoes_the_bias():
    true = np.linspace(0.0, 1.0, 11)
    np.testing.assert_allclose(coherence_from_estimate(coherence_estimate_mean(true, 8.0), 8.0), true, atol=1e-6)
    assert coherence_from_estimate(np.array([0.05]), 8.0)[0] == 0.0


def test_the_natural_ratio_survives_damage_on_a_third_of_the_scene():
    draw = np.random.default_rng(2)
    before = draw.uniform(0.5, 0.9, (100, 100))
    across = 0.8 * before
    across[:33] *= draw.uniform(0, 0.5, (33, 100))
    across[50, 50] = np.nan
    assert natural_coherence_ratio(before, across) == pytest.approx(0.8, abs=0.01)


def test_without_coherent_ground_nothing_is_known_of_natural_change():
    assert natural_coherence_ratio(np.full((5, 5), 0.1), np.full((5, 5), 0.1)) == 1.0


def test_the_variance_of_a_ratio_is_that_of_speckle():
    draw = np.random.default_rng(3)
    decibel = 10 * np.log10(draw.gamma(5.0, size=200_000) / draw.gamma(9.0, size=200_000))
    assert ratio_change(5.0, 9.0) == pytest.approx(decibel.var(), rel=0.02)


def test_looks_below_one_are_refused():
    with pytest.raises(InputError, match="looks"):
        coherence_estimate_mean(0.5, 0.5)
    with pytest.raises(InputError, match="looks"):
        ratio_change(0.0, 1.0)
