"""Two observers of one state: their probabilities joined by Bayes' rule, with errors that they share and time between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.methods.statistics.logistic import probability

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

__all__ = ["CERTAIN", "evidence_of", "evidence_weights", "joined", "persistence", "relaxed"]

CERTAIN = 0.001
"""A probability beyond 0.001 or 0.999 counts as that: probabilities are stored in steps of 0.001, and 0 would be a proof."""


def evidence_of(chance: Floats, prior: float) -> Floats:
    """Return the logarithm of the likelihood ratio that a probability rests on: its log-odds less those of the prior.

    Parameters
    ----------
    chance
        Probability of the state, any shape; NaN stays NaN.
    prior
        Its probability before anything was observed.

    >>> evidence_of(np.array([0.5, 0.9], np.float32), 0.5).round(3).tolist()
    [0.0, 2.197000026702881]
    """
    bounded = np.clip(np.asarray(chance, np.float32), np.float32(CERTAIN), np.float32(1.0 - CERTAIN))
    return np.log(bounded / (np.float32(1.0) - bounded)) - np.float32(np.log(prior / (1.0 - prior)))


def persistence(hours: float, half_life: float) -> float:
    """Return the share of places whose state is still that of some hours ago, beyond what chance would make equal: 2^(-t / T).

    >>> persistence(96.0, 96.0)
    0.5
    """
    return float(0.5 ** (abs(hours) / half_life))


def relaxed(evidence: Floats, kept: float, prior: float) -> Floats:
    """Return what evidence of another time says of the state now.

    Parameters
    ----------
    evidence
        Logarithm of the likelihood ratio about the state at the time of the observation.
    kept
        Probability that nothing happened since, from `persistence`; otherwise the state was drawn anew from the prior.
    prior
        Probability of the state.

    Notes
    -----
    A Markov process of two states (random telegraph): P(now | observation) = kept P(then | observation) + (1 - kept) prior,
    forwards and backwards in time alike. As a likelihood ratio: L' = ((kept + r p) L + r (1 - p)) / (r p L + 1 - r p) with
    r = 1 - kept. Evidence is never more than log((kept + r p) / (r p)), nor less than log(r (1 - p) / (1 - r p)).

    >>> relaxed(np.array([4.0], np.float32), 1.0, 0.5).tolist(), relaxed(np.array([4.0], np.float32), 0.0, 0.5).tolist()
    ([4.0], [0.0])
    """
    if kept == 1.0:
        return evidence
    drawn = 1.0 - kept
    ratio = np.exp(evidence)
    above = np.float32(kept + drawn * prior) * ratio + np.float32(drawn * (1.0 - prior))
    below = np.float32(drawn * prior) * ratio + np.float32(1.0 - drawn * prior)
    return np.asarray(np.log(above / below), np.float32)


def evidence_weights(strength_ratio: float, shared_error: float) -> tuple[float, float]:
    """Return the weights of two observers' evidence, of which the best linear sum is made.

    Parameters
    ----------
    strength_ratio
        Strength of the first over that of the second: how many standard deviations of its evidence lie between the two states.
    shared_error
        Correlation of their evidence where the state is the same, 0 to below 1; 0 is independence.

    Returns
    -------
    tuple of float
        (1, 1) where errors are independent: Bayes' rule. An observer whose strength over the other's is below `shared_error`
        adds nothing that is not error, and has weight 0; the other then has 1.

    Raises
    ------
    InputError
        If the correlation or the ratio is out of bounds.

    Notes
    -----
    Evidence x of both is normal with means ± d / 2, standard deviations 1 and correlation r. The logarithm of the joint
    likelihood ratio is d' S^-1 x = ((1 - r / k) L1 + (1 - r k) L2) / (1 - r²) with the single ones L = d x and k = d1 / d2. For
    equal strengths both weights are 1 / (1 + r): two observers that err alike are one.

    >>> evidence_weights(1.0, 0.0), evidence_weights(1.0, 0.25), evidence_weights(0.3, 0.5)
    ((1.0, 1.0), (0.8, 0.8), (0.0, 1.0))
    """
    if not 0.0 <= shared_error < 1.0 or not strength_ratio > 0.0:
        raise InputError(
            f"the shared error must lie in [0, 1) and the strength ratio above 0, got {shared_error:g} and {strength_ratio:g}"
        )
    first = (1.0 - shared_error / strength_ratio) / (1.0 - shared_error**2)
    second = (1.0 - shared_error * strength_ratio) / (1.0 - shared_error**2)
    if first <= 0.0:
        return 0.0, 1.0
    return (1.0, 0.0) if second <= 0.0 else (first, second)


def joined(one: Floats, other: Floats, weights: tuple[float, float], prior: float) -> Floats:
    """Return the probability of the state from the evidence of two observers; NaN where either is missing.

    Parameters
    ----------
    one, other
        Logarithms of likelihood ratios, same shape.
    weights
        From `evidence_weights`.
    prior
        Probability of the state before anything was observed.
    """
    total = np.float32(weights[0]) * one + np.float32(weights[1]) * other
    return probability(np.asarray(total + np.float32(np.log(prior / (1.0 - prior))), np.float32))
