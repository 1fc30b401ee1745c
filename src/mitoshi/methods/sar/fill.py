"""What in calibrated backscatter is no measurement: fill values that nobody declared, and the noise of a swath's border."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from mitoshi.methods.statistics.windows import box_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["REACH", "observed_power"]

LEAST_POWER = 1e-6
"""Linear, -60 dB: below any single pixel. The weakest of 4 million pixels of the eight Sen1Floods11 chips of six countries, of
which noise was subtracted, are -48.3 dB in VV and -57.3 dB in VH. Fill of -99 dB or of 1e-10 lies below."""

FLOOR_DB = -36.0
"""Mean of decibels over 7 × 7 pixels in VV or HH below which nothing was received. Sentinel-1's noise lies at -22 dB (noise
equivalent sigma nought, IW); with noise subtracted the darkest window of water in the same eight chips is at -29.0 dB (India),
the next at -27.3 dB (Spain). Cross-polarisation goes to -40.2 dB and to constants of its processor, and has no such floor."""

FLOOR_WINDOW = 7
CONSTANT_WINDOW = 5
"""Pixels along a square of one and the same value: speckle never repeats itself. In the eight chips not even 3 × 3 pixels do."""

CROSS = ("VH", "HV")
REACH = 2 * (FLOOR_WINDOW // 2)
"""Pixels on each side that `observed_power` looks at."""


def observed_power(power: NDArray[Any], polarisations: Sequence[str]) -> NDArray[np.float32]:
    """Return the backscatter with NaN where it is fill or nothing but noise below the instrument's own.

    Parameters
    ----------
    power
        Linear calibrated backscatter, shape (polarisation, y, x), NaN where not observed.
    polarisations
        Their names. The floor and constant patches are told from VV and HH; of cross-polarisation alone constants are.

    Returns
    -------
    NDArray[np.float32]
        Same shape; a pixel that is fill in one polarisation is NaN in all.

    Notes
    -----
    Three rules: a pixel below `LEAST_POWER`; a pixel below `FLOOR_DB` in a 7 × 7 window whose mean is below it; and any 5 × 5
    window of one value.
    """
    values = np.asarray(power, dtype=np.float32)
    fill = ((values > 0.0) & (values < LEAST_POWER)).any(axis=0)
    co = [band for band, name in zip(values, polarisations, strict=True) if name not in CROSS]
    for band in co or list(values):
        fill |= _constant(band)
    for band in co:
        fill |= _below_floor(band)
    return np.where(fill, np.float32(np.nan), values) if fill.any() else values


def _below_floor(band: NDArray[np.float32]) -> NDArray[np.bool_] | bool:
    """Return the pixels below the floor that lie in a window whose mean is."""
    weak = (band > 0.0) & (band < np.float32(10.0 ** (FLOOR_DB / 10.0)))
    if not weak.any():
        return False
    seen = np.isfinite(band) & (band >= LEAST_POWER)
    with np.errstate(invalid="ignore", divide="ignore"):
        hundredths = np.where(seen, np.rint(1000.0 * np.log10(np.where(seen, band, 1.0))), 0.0).astype(np.int16)
    total, count = box_sum(hundredths, FLOOR_WINDOW), box_sum(seen.astype(np.uint8), FLOOR_WINDOW)
    below = (count > 0) & (total < 100.0 * FLOOR_DB * count)
    return weak & seen & _widened(below, FLOOR_WINDOW)


def _constant(band: NDArray[np.float32]) -> NDArray[np.bool_] | bool:
    """Return the pixels that lie in a window of nothing but one value."""
    rows, columns = (n - CONSTANT_WINDOW + 1 for n in band.shape)
    if min(rows, columns) < 1:
        return False
    same = np.ones((band.shape[0], columns), bool)
    for shift in range(1, CONSTANT_WINDOW):
        same &= band[:, shift : shift + columns] == band[:, :columns]
    if not same.any():
        return False
    corner = same[:rows].copy()
    for shift in range(1, CONSTANT_WINDOW):
        corner &= same[shift : shift + rows] & (band[shift : shift + rows, :columns] == band[:rows, :columns])
    centres = np.zeros(band.shape, bool)
    half = CONSTANT_WINDOW // 2
    centres[half : half + rows, half : half + columns] = corner
    return _widened(centres, CONSTANT_WINDOW)


def _widened(centres: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """Return the union of the windows around the centres."""
    if not centres.any():
        return centres
    return np.asarray(maximum_filter(centres.astype(np.uint8), width, mode="constant") > 0)
