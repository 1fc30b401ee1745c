"""From evidence of change to damage classes: one hidden quantity, the share of the building that is damaged.

Given the share, every observation has a mean and a variance from physics; the classes are intervals of the share. Observations
are joined given the share, which is then summed over each class's interval.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CLASS_BOUNDS",
    "CLASS_NAMES",
    "NODES",
    "Evidence",
    "Likelihood",
    "Posterior",
    "joint_likelihood",
    "log_likelihoods",
    "posterior",
]

CLASS_NAMES = ("none", "minor", "major", "destroyed")

CLASS_BOUNDS = ((0.0, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 1.0))
"""Share damaged in each class. 0.2 and 0.5 are the loss ratios from which the Japanese certificates say 半壊 and 全壊; 0.05 is an
assumption: less does not show from above."""

PER_CLASS = 6
NODES: NDArray[np.float64] = np.concatenate(
    [low + (high - low) * (np.arange(PER_CLASS) + 0.5) / PER_CLASS for low, high in CLASS_BOUNDS]
)
"""Shares at which likelihoods are evaluated: the midpoints of six equal parts of each class, shape (24,)."""

OUTLIERS = 0.05
OUTLIER_WIDTH = 3.0
"""Share of observations taken to be three times as uncertain as modelled: a car park mapped as a house must not be certain."""


class Evidence(NamedTuple):
    """One kind of observation of n places.

    Attributes
    ----------
    value
        Observed value, shape (n,), NaN where not observed.
    mean, variance
        Expected value and variance at each share of `NODES`, shapes that broadcast to (n, 24).
    weight
        Exponent of the likelihood, 0..1: below 1 where several observations come from the same pixels.
    """

    value: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    weight: float = 1.0


class Posterior(NamedTuple):
    """What is known of n places.

    Attributes
    ----------
    classes
        Probability of none, minor, major, destroyed, shape (n, 4), rows sum to 1; NaN where not observed.
    share, lower, upper
        Expected damaged share and its 90 % interval, shape (n,), NaN where not observed.
    """

    classes: NDArray[np.float64]
    share: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


class Likelihood(NamedTuple):
    """Joint likelihood of all evidence of n places.

    Attributes
    ----------
    relative
        Likelihood of each share over the largest of its row, shape (n, 24).
    observed
        True where at least one kind of evidence is there, shape (n,).
    """

    relative: NDArray[np.float64]
    observed: NDArray[np.bool_]


def joint_likelihood(evidence: list[Evidence], count: int) -> Likelihood:
    """Return the likelihood of each share of damage given all evidence.

    Parameters
    ----------
    evidence
        Observations of the same places.
    count
        Number of places.
    """
    logarithm = np.zeros((count, NODES.size))
    observed = np.zeros(count, bool)
    for item in evidence:
        seen = np.isfinite(item.value) & np.isfinite(item.variance).all(axis=-1) & np.isfinite(item.mean).all(axis=-1)
        value = np.where(seen, item.value, 0.0)[:, None]
        mean, variance = (np.where(seen[:, None], v, fill) for v, fill in ((item.mean, 0.0), (item.variance, 1.0)))
        logarithm += np.where(seen[:, None], item.weight * _log_density(value, mean, variance), 0.0)
        observed |= seen
    largest = logarithm.max(axis=1)
    return Likelihood(np.exp(logarithm - largest[:, None]), observed)


def log_likelihoods(evidence: Evidence) -> NDArray[np.float64]:
    """Return the logarithm of the likelihood of each share for each value, shape (n, 24)."""
    return np.asarray(evidence.weight * _log_density(evidence.value[:, None], evidence.mean, evidence.variance))


def _log_density(
    value: NDArray[np.float64], mean: NDArray[np.float64], variance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the log density of a normal distribution of which a few per cent are three times as wide."""
    squared = np.square(value - mean) / variance
    usual = np.log(1.0 - OUTLIERS) - 0.5 * squared
    outlying = np.log(OUTLIERS / OUTLIER_WIDTH) - 0.5 * squared / OUTLIER_WIDTH**2
    return np.asarray(np.logaddexp(usual, outlying) - 0.5 * np.log(variance))


def posterior(likelihood: Likelihood, prior: NDArray[np.float64]) -> Posterior:
    """Return class probabilities and the damaged share by Bayes' rule; within a class all shares are equally likely before.

    Parameters
    ----------
    likelihood
        From `joint_likelihood`.
    prior
        Class shares, shape (4,).
    """
    joint = likelihood.relative * np.repeat(prior / PER_CLASS, PER_CLASS)
    joint /= joint.sum(axis=1, keepdims=True)
    joint[~likelihood.observed] = np.nan
    classes = joint.reshape(-1, 4, PER_CLASS).sum(axis=2)
    return Posterior(classes, joint @ NODES, _quantile(joint, 0.05), _quantile(joint, 0.95))


def _quantile(joint: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """Return the share below which `level` of the probability lies, linear within the cell of each node."""
    edges = np.concatenate(
        [[low + (high - low) * i / PER_CLASS for i in range(PER_CLASS)] for low, high in CLASS_BOUNDS]
    )
    edges = np.append(edges, 1.0)
    total = np.concatenate([np.zeros((len(joint), 1)), np.cumsum(joint, axis=1)], axis=1)
    cell = np.clip((total < level).sum(axis=1) - 1, 0, NODES.size - 1)
    rows = np.arange(len(joint))
    inside = np.clip((level - total[rows, cell]) / np.maximum(joint[rows, cell], 1e-300), 0.0, 1.0)
    return np.asarray(edges[cell] + inside * (edges[cell + 1] - edges[cell]))
