"""Whether stated probabilities are kept, and a monotonic map that makes them so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

__all__ = [
    "Calibration",
    "Reliability",
    "apply_calibration",
    "empty_reliability",
    "expected_calibration_error",
    "fit_calibration",
]


class Calibration(NamedTuple):
    """A monotonic map from score to probability, linear between knots; constant outside.

    Attributes
    ----------
    score, probability
        Knots, ascending, shape (n,).
    """

    score: tuple[float, ...]
    probability: tuple[float, ...]


@dataclass(frozen=True)
class Reliability:
    """Stated probability and observed frequency by equal bins of probability; those of two parts are added.

    Attributes
    ----------
    cells
        Cells in each bin, (bins,).
    stated
        Sum of their probabilities.
    observed
        How many of them are true.
    """

    cells: NDArray[np.float64]
    stated: NDArray[np.float64]
    observed: NDArray[np.float64]

    def __add__(self, other: Reliability) -> Reliability:
        """Return the sums over both."""
        return Reliability(self.cells + other.cells, self.stated + other.stated, self.observed + other.observed)

    def with_cells(self, probability: NDArray[Any], truth: NDArray[Any]) -> Reliability:
        """Return the sums with further cells.

        Raises
        ------
        InputError
            If the shapes differ or a probability lies outside 0..1.
        """
        probability, truth = np.asarray(probability, np.float64).ravel(), np.asarray(truth).ravel().astype(np.float64)
        if probability.shape != truth.shape:
            raise InputError(f"probability and truth must match, got {probability.size} and {truth.size}")
        if probability.size and not (probability.min() >= 0.0 and probability.max() <= 1.0):
            raise InputError(
                f"a probability must lie in [0, 1], got {probability.min():g} to {probability.max():g}; is it in percent?"
            )
        bins = self.cells.size
        place = np.clip((probability * bins).astype(np.int64), 0, bins - 1)
        return self + Reliability(
            np.bincount(place, minlength=bins).astype(np.float64),
            np.bincount(place, probability, bins).astype(np.float64),
            np.bincount(place, truth, bins).astype(np.float64),
        )

    @property
    def error(self) -> float:
        """Expected calibration error; NaN without cells."""
        total = float(self.cells.sum())
        return float(np.abs(self.stated - self.observed).sum() / total) if total else float("nan")


def empty_reliability(bins: int = 10) -> Reliability:
    """Return the sums over no cell."""
    return Reliability(np.zeros(bins), np.zeros(bins), np.zeros(bins))


def expected_calibration_error(probability: NDArray[Any], truth: NDArray[Any], *, bins: int = 10) -> float:
    """Return the mean gap between stated probability and observed frequency.

    Parameters
    ----------
    probability
        0..1, any shape.
    truth
        True or False, same shape.
    bins
        Number of equal bins of probability.

    Returns
    -------
    float
        Sum over bins of (share of pixels) × |mean probability - observed frequency|.

    Raises
    ------
    InputError
        If the shapes differ or nothing is given.

    Notes
    -----
    Naeini, Cooper and Hauskrecht (2015), AAAI-29, eq. (1).

    >>> expected_calibration_error(np.array([0.25, 0.25, 0.25, 0.25]), np.array([True, False, False, False]))
    0.0
    """
    probability, truth = np.asarray(probability, dtype=np.float64), np.asarray(truth)
    if probability.size != truth.size or probability.size == 0:
        raise InputError(f"probability and truth must match and not be empty, got {probability.size} and {truth.size}")
    place = np.clip(probability.ravel(), 0.0, 1.0)
    return empty_reliability(bins).with_cells(place, truth).error


def fit_calibration(score: NDArray[Any], truth: NDArray[Any], *, knots: int = 16) -> Calibration:
    """Return the monotonic map from score to observed frequency.

    Parameters
    ----------
    score
        Any monotonic score, shape (n,).
    truth
        True or False, shape (n,).
    knots
        Number of equally filled bins.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        If there are fewer samples than knots.

    Notes
    -----
    Pool adjacent violators (Zadrozny and Elkan 2002) on equally filled bins.
    """
    score, truth = np.asarray(score, dtype=np.float64).ravel(), np.asarray(truth).ravel().astype(np.float64)
    if score.size < knots:
        raise InputError(f"{knots} knots need at least as many samples, got {score.size}")
    order = np.argsort(score, kind="stable")
    pools: list[list[float]] = []
    for part in np.array_split(order, knots):
        pools.append([float(score[part].mean()), float(truth[part].mean()), float(part.size)])
        while len(pools) > 1 and pools[-2][1] >= pools[-1][1]:
            (s2, p2, n2), (s1, p1, n1) = pools.pop(), pools.pop()
            pools.append([(s1 * n1 + s2 * n2) / (n1 + n2), (p1 * n1 + p2 * n2) / (n1 + n2), n1 + n2])
    return Calibration(tuple(p[0] for p in pools), tuple(p[1] for p in pools))


def apply_calibration(calibration: Calibration, score: NDArray[Any]) -> NDArray[np.float64]:
    """Return the calibrated probability of each score; any shape."""
    return np.asarray(np.interp(score, calibration.score, calibration.probability), dtype=np.float64)
