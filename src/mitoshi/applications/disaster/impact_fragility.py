"""Tsunami fragility: probability of damage states 1 to 6 by depth and structure (Suppasri et al. 2013, table 3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from mitoshi.applications.disaster.impact_tables import table

__all__ = ["STATES", "curves_of", "reached_state", "state_probabilities"]

Floats = NDArray[np.float64]
STATES = 6


def curves_of(structure: NDArray[np.object_], storeys: Floats) -> Floats:
    """Return mean and standard deviation of ln(depth) per building and damage state, (buildings, 6, 2).

    Unknown structures take the wooden curves; wooden houses of one or two storeys their own for states 5 and 6.
    """
    told = table("fragility")
    known = {name: np.asarray(curve) for name, curve in told["curves"].items()}
    wood = known["wood"]
    found = np.array([known.get(s, wood) for s in structure]).reshape(len(structure), STATES, 2)
    wooden = np.array([s == "wood" for s in structure], bool)
    for count, states in told["wood_by_storeys"].items():
        chosen = wooden & (storeys == float(count))
        for state, pair in states.items():
            found[chosen, int(state) - 1] = pair
    return np.asarray(found, float)


def reached_state(depth: Floats, curves: Floats) -> Floats:
    """Return P(damage state >= k), (buildings, 6): the lognormal distribution of depth [m]; 0 where dry, NaN not observed."""
    with np.errstate(divide="ignore"):
        score = (np.log(depth)[:, None] - curves[:, :, 0]) / curves[:, :, 1]
    return np.asarray(ndtr(score))


def state_probabilities(reached: Floats) -> Floats:
    """Return P(damage state = k), (buildings, 6); where curves cross the difference is cut at zero."""
    beyond = np.concatenate([reached[:, 1:], np.zeros((len(reached), 1))], axis=1)
    return np.asarray(np.maximum(reached - beyond, 0.0))
