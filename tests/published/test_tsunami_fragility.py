"""Suppasri et al. 2013, Natural Hazards 66: fragility of buildings in the 2011 tsunami, table 3."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import lognorm

from mitoshi.applications.disaster.impact_fragility import curves_of, reached_state, state_probabilities

UNKNOWN = np.array([np.nan])


def reached(depth, structure=None, storeys=np.nan):
    curves = curves_of(np.array([structure], object), np.array([storeys]))
    return reached_state(np.array([float(depth)]), curves)[0]


def test_two_metres_of_water_and_a_wooden_house():
    found = reached(2.0)
    assert found[4] == pytest.approx(0.44, abs=0.005)
    assert found[5] == pytest.approx(0.16, abs=0.005)


def test_the_curve_is_the_lognormal_distribution_of_depth():
    for depth in (0.3, 1.0, 4.0):
        assert reached(depth, "reinforced_concrete")[3] == pytest.approx(
            lognorm(0.7522, scale=np.exp(0.9423)).cdf(depth)
        )


def test_concrete_outlives_wood():
    assert (reached(3.0, "reinforced_concrete")[3:] < reached(3.0, "wood")[3:]).all()
    assert reached(3.0, "reinforced_concrete")[5] < 0.05


def test_storeys_matter_for_collapse_of_wooden_houses_alone():
    one, two = reached(3.0, "wood", 1), reached(3.0, "wood", 2)
    assert (one[4:] > two[4:]).all()
    np.testing.assert_array_equal(one[:4], two[:4])
    np.testing.assert_array_equal(reached(3.0, "steel", 1), reached(3.0, "steel", 2))


def test_states_are_probabilities_even_where_curves_cross():
    depth = np.array([0.0, 0.01, 0.5, 2.0, 10.0, np.nan])
    curves = curves_of(np.array(["wood"] * 6, object), np.ones(6))
    at_least = reached_state(depth, curves)
    states = state_probabilities(at_least)
    assert (at_least[0] == 0).all()
    assert np.isnan(states[-1]).all()
    assert (states[:-1] >= 0).all()
    assert (states[:-1].sum(axis=1) <= 1 + 1e-6).all()
    crossing = np.array([[0.9, 0.5, 0.6, 0.3, 0.2, 0.1]])
    np.testing.assert_allclose(state_probabilities(crossing), [[0.4, 0.0, 0.3, 0.1, 0.1, 0.1]])
