"""Bare soil in one image: where red outshines green, the plant cover is gone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SMOOTHING", "binomial_mean", "red_over_green"]

SMOOTHING = 4
"""Passes of (1 2 1) / 4 along rows and columns: a standard deviation of 1.4 pixels."""

COUNT, REFLECTANCE = 1.0, 1e-4


def red_over_green(red: NDArray[Any], green: NDArray[Any], *, counts: bool) -> NDArray[np.float32]:
    """Return the natural logarithm of red over green, NaN where either is missing or negative.

    Parameters
    ----------
    red, green
        Same shape; digital numbers or reflectance.
    counts
        Whether they are digital numbers: then 1 is added to both, else 0.0001, so that darkness has a ratio of 1 and not any.

    Notes
    -----
    Leaves reflect green more than red (log ratio below 0), bare soil and rock red more than green. Shade dims both alike, so the
    ratio holds on slopes that face away from the sun, where brightness does not.

    >>> float(np.round(red_over_green(np.array([99.0]), np.array([49.0]), counts=True)[0], 3))
    0.693
    """
    least = np.float32(COUNT if counts else REFLECTANCE)
    one, other = (np.asarray(band, np.float32) for band in (red, green))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.log((one + least) / (other + least))
        return np.where((one >= 0) & (other >= 0), ratio, np.float32(np.nan)).astype(np.float32)


def binomial_mean(values: NDArray[np.float32], passes: int) -> NDArray[np.float32]:
    """Return the binomially weighted mean of what was observed around each pixel, NaN where the pixel itself is missing.

    Parameters
    ----------
    values
        Shape (y, x), NaN where missing.
    passes
        How often (1 2 1) / 4 is applied along each axis; pixels up to so many away count.

    >>> binomial_mean(np.array([[0.0, 4.0, np.nan]], np.float32), 1).round(2).tolist()
    [[1.33, 2.67, nan]]
    """
    seen = np.isfinite(values)
    total, weight = np.where(seen, values, np.float32(0.0)), seen.astype(np.float32)
    for _ in range(passes):
        total, weight = _pass(total), _pass(weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(seen, total / weight, np.float32(np.nan)).astype(np.float32)


def _pass(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Apply (1 2 1) / 4 along both axes; outside the array there is nothing."""
    quarter = np.float32(0.25)
    padded = np.pad(values, 1)
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) * quarter
    return np.asarray((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) * quarter, np.float32)
