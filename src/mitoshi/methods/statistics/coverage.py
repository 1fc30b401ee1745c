"""Whether stated uncertainties are right: coverage of intervals, spread against skill, and the interval of a share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEVELS", "Coverage", "empty_coverage", "interval_coverage", "normal_quantile", "wilson_interval"]

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Probabilities of the central intervals that are looked at."""


def normal_quantile(level: float) -> float:
    """Return how many standard uncertainties the half width of a central normal interval is.

    >>> round(normal_quantile(0.9), 4)
    1.6449
    """
    from statistics import NormalDist

    return NormalDist().inv_cdf(0.5 + level / 2.0)


@dataclass(frozen=True)
class Coverage:
    """Sums over cells with an error and its standard uncertainty; those of two parts are added.

    Attributes
    ----------
    cells
        How many.
    inside
        How many of them lie inside the interval of each of `LEVELS`.
    variance
        Sum of the squared standard uncertainties.
    squares
        Sum of the squared errors of the same cells.
    """

    cells: int
    inside: tuple[int, ...]
    variance: float
    squares: float

    def __add__(self, other: Coverage) -> Coverage:
        """Return the sums over both."""
        inside = tuple(a + b for a, b in zip(self.inside, other.inside, strict=True))
        return Coverage(self.cells + other.cells, inside, self.variance + other.variance, self.squares + other.squares)

    @property
    def shares(self) -> tuple[float, ...]:
        """Share inside the interval of each of `LEVELS`; NaN without cells."""
        return tuple(n / self.cells if self.cells else math.nan for n in self.inside)

    @property
    def spread_over_skill(self) -> float:
        """Root mean variance over root mean square error: 1 is right, less is overconfident; NaN without error."""
        return math.sqrt(self.variance / self.squares) if self.squares > 0 else math.nan


def empty_coverage() -> Coverage:
    """Return the sums over no cell."""
    return Coverage(0, (0,) * len(LEVELS), 0.0, 0.0)


def interval_coverage(error: NDArray[Any], standard_uncertainty: NDArray[Any]) -> Coverage:
    """Return the coverage of central intervals of normal errors.

    Parameters
    ----------
    error
        Estimate minus truth, any shape; NaN is left out.
    standard_uncertainty
        Same shape and unit, not negative; NaN is left out.

    Examples
    --------
    >>> interval_coverage(np.array([0.0, 1.0, 1.7]), np.ones(3)).inside
    (1, 2, 2, 3)
    """
    known = np.isfinite(error) & np.isfinite(standard_uncertainty)
    off = np.abs(np.asarray(error, np.float64)[known])
    spread = np.asarray(standard_uncertainty, np.float64)[known]
    inside = tuple(int((off <= normal_quantile(level) * spread).sum()) for level in LEVELS)
    return Coverage(int(off.size), inside, float(np.square(spread).sum()), float(np.square(off).sum()))


def wilson_interval(successes: int, trials: int, level: float = 0.9) -> tuple[float, float]:
    """Return the interval of a share of independent trials; (0, 1) where there was none.

    Notes
    -----
    Wilson (1927), doi:10.1080/01621459.1927.10502953.

    >>> tuple(round(v, 3) for v in wilson_interval(8, 10, 0.95))
    (0.49, 0.943)
    """
    if trials == 0:
        return 0.0, 1.0
    z = normal_quantile(level)
    share = successes / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    return max(0.0, middle - half), min(1.0, middle + half)
