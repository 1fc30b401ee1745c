"""A logistic model on whole-number features: few numbers, readable, and steady outside the place it was learnt in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LogisticModel", "log_odds", "probability"]


class LogisticModel(NamedTuple):
    """Log-odds = intercept + sum of slope × feature / 1000, features cut at ±`limit`.

    Attributes
    ----------
    intercept
        Log-odds where every feature is zero.
    slopes
        Per feature name.
    limit
        Largest feature value that still counts.
    """

    intercept: float
    slopes: Mapping[str, float]
    limit: int


def log_odds(model: LogisticModel, features: Mapping[str, NDArray[np.int16]]) -> NDArray[np.float32]:
    """Return the model's log-odds; same shape as the features.

    Raises
    ------
    InputError
        If a feature is missing.
    """
    missing = [name for name in model.slopes if name not in features]
    if missing:
        raise InputError(f"the model needs the features {', '.join(missing)}; given are {', '.join(features)}")
    shape = next(iter(features.values())).shape
    total = np.full(shape, model.intercept, np.float32)
    for name, slope in model.slopes.items():
        total += np.float32(slope / 1000.0) * np.clip(features[name], -model.limit, model.limit)
    return total


def probability(score: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of given log-odds, 1 / (1 + exp(-score)).

    >>> float(probability(np.float32(0.0)))
    0.5
    """
    return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(score, dtype=np.float32))), dtype=np.float32)
