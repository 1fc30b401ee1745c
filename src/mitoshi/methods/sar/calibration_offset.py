"""One difference of level between two calibrated dates over all of the land: calibration, soil moisture or snow, and no flood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["calibration_offset"]

LEAST_DB, MOST_DB = 1.0, 10.0
"""Size of a difference that is removed: calibrated products agree within 1 dB (Sentinel-1's radiometric accuracy, 3 sigma), and
ground that turns into water loses 8 to 10 dB. The second is an assumption."""

WIDEST_DB = 3.0
"""Interquartile range of the differences up to which they are one: looks of 4 × 4 pixels of unchanged ground scatter by 1.5 to
2 dB from speckle alone. An assumption."""

LEAST_LOOKS, LEAST_SHARE = 100, 0.1
"""Looks of land, and their share of what both dates observed, from which a median is taken."""


def calibration_offset(
    before: NDArray[np.float32], after: NDArray[np.float32], water_before: NDArray[Any], water_after: NDArray[Any]
) -> float:
    """Return the decibels by which the land is brighter before than after, where that is one number; else 0.

    Parameters
    ----------
    before, after
        Looks in dB, shape (y, x), NaN where not observed.
    water_before, water_after
        Level below which either date may show water [dB], broadcast to (y, x).

    Returns
    -------
    float
        Median of before less after over the looks that are land on both dates, in hundredths of a decibel; 0 where it is below
        `LEAST_DB` or above `MOST_DB`, where the differences scatter, or where there is too little land.

    >>> land = np.linspace(-12.0, -6.0, 400, dtype=np.float32).reshape(20, 20)
    >>> calibration_offset(land, land - np.float32(3.0), -16.0, -19.0)
    3.0
    """
    seen = np.isfinite(before) & np.isfinite(after)
    with np.errstate(invalid="ignore"):
        land = seen & (before > water_before) & (after > water_after)
    count = int(land.sum())
    if count < LEAST_LOOKS or count < LEAST_SHARE * seen.sum():
        return 0.0
    low, median, high = np.percentile((before - after)[land].astype(np.float64), (25.0, 50.0, 75.0))
    one = high - low <= WIDEST_DB and LEAST_DB <= abs(median) <= MOST_DB
    return round(float(median), 2) if one else 0.0
