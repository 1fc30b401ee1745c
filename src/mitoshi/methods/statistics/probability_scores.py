"""How good stated probabilities are, from histograms that are added block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mitoshi.methods.statistics.calibration import Reliability, empty_reliability

__all__ = ["FINE_BINS", "ProbabilityTally", "brier_score", "empty_tally", "roc_auc", "tally_probabilities"]

FINE_BINS = 10_000
"""Bins of the histograms for the area under the ROC curve: whole steps of probabilities stored to 0.0001 or coarser."""

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ProbabilityTally:
    """Sums over cells with a probability and a reference; those of two parts are added field by field.

    Attributes
    ----------
    reliability
        Stated and observed by bin of probability.
    squares
        Sum of (probability - outcome)².
    events, others
        Histograms of the probability where the reference is positive, and where it is not, (FINE_BINS + 1,).
    """

    reliability: Reliability
    squares: float
    events: Integers
    others: Integers

    def __add__(self, other: ProbabilityTally) -> ProbabilityTally:
        """Return the sums over both."""
        return ProbabilityTally(
            self.reliability + other.reliability,
            self.squares + other.squares,
            self.events + other.events,
            self.others + other.others,
        )


def empty_tally(bins: int = 10) -> ProbabilityTally:
    """Return the sums over no cell."""
    none = np.zeros(FINE_BINS + 1, np.int64)
    return ProbabilityTally(empty_reliability(bins), 0.0, none, none.copy())


def tally_probabilities(probability: NDArray[Any], truth: NDArray[Any], *, bins: int = 10) -> ProbabilityTally:
    """Return the sums over some cells.

    Parameters
    ----------
    probability
        0..1, any shape, without NaN.
    truth
        True or False, same shape.
    bins
        Of the reliability table.

    Raises
    ------
    InputError
        If a probability lies outside 0..1, or the shapes differ.
    """
    chance = np.asarray(probability, np.float64).ravel()
    outcome = np.asarray(truth, bool).ravel()
    reliability = empty_reliability(bins).with_cells(chance, outcome)
    step = np.rint(chance * FINE_BINS).astype(np.intp)
    size = FINE_BINS + 1
    return ProbabilityTally(
        reliability,
        float(np.square(chance - outcome).sum()),
        np.bincount(step[outcome], minlength=size).astype(np.int64),
        np.bincount(step[~outcome], minlength=size).astype(np.int64),
    )


def brier_score(tally: ProbabilityTally) -> float:
    """Return the mean squared difference of probability and outcome (Brier 1950); NaN without cells.

    >>> brier_score(tally_probabilities(np.array([0.5, 1.0]), np.array([True, True])))
    0.125
    """
    count = int(tally.reliability.cells.sum())
    return tally.squares / count if count else float("nan")


def roc_auc(tally: ProbabilityTally) -> float:
    """Return the probability that a positive cell has the higher probability, ties counted half; NaN without both kinds.

    Exact for probabilities in steps of 1 / `FINE_BINS` or of a multiple; others are first rounded to that step.

    >>> roc_auc(tally_probabilities(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True])))
    0.875
    """
    events, others = tally.events.astype(np.float64), tally.others.astype(np.float64)
    pairs = float(events.sum() * others.sum())
    below = np.cumsum(others) - others
    return float(events @ (below + 0.5 * others)) / pairs if pairs else float("nan")
