"""Errors of measured values against a reference: sums that are added block by block, and the robust spread of all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Differences", "differences", "median_absolute_deviation"]


@dataclass(frozen=True)
class Differences:
    """Sums over errors (estimate minus reference); those of two parts are added.

    Attributes
    ----------
    cells
        How many errors.
    total, squares, absolute
        Sums of error, squared error and absolute error.
    """

    cells: int = 0
    total: float = 0.0
    squares: float = 0.0
    absolute: float = 0.0

    def __add__(self, other: Differences) -> Differences:
        """Return the sums over both."""
        return Differences(
            self.cells + other.cells,
            self.total + other.total,
            self.squares + other.squares,
            self.absolute + other.absolute,
        )

    @property
    def bias(self) -> float:
        """Mean error; NaN without cells."""
        return self.total / self.cells if self.cells else math.nan

    @property
    def rmse(self) -> float:
        """Root mean square error; NaN without cells."""
        return math.sqrt(self.squares / self.cells) if self.cells else math.nan

    @property
    def mae(self) -> float:
        """Mean absolute error; NaN without cells."""
        return self.absolute / self.cells if self.cells else math.nan


def differences(error: NDArray[Any]) -> Differences:
    """Return the sums over an array of errors of any shape; NaN is left out.

    >>> differences(np.array([1.0, -3.0, np.nan])).rmse
    2.23606797749979
    """
    known = np.asarray(error, np.float64)
    known = known[np.isfinite(known)]
    return Differences(int(known.size), float(known.sum()), float(np.square(known).sum()), float(np.abs(known).sum()))


def median_absolute_deviation(error: NDArray[Any]) -> float:
    """Return the median distance from the median; NaN is left out, NaN without cells. Times 1.4826 it is a normal's sigma.

    >>> median_absolute_deviation(np.array([1.0, 2.0, 3.0, 4.0, 100.0]))
    1.0
    """
    known = error[np.isfinite(error)]
    if not known.size:
        return math.nan
    known -= np.median(known, overwrite_input=True)
    np.abs(known, out=known)
    return float(np.median(known, overwrite_input=True))
