"""The absolute level of open water at one incidence angle: calm water is darker the more obliquely the radar looks.

Level water at C band in co-polarisation loses about 0.4 dB of sigma nought per degree: 7 dB from the near to the far edge of
Sentinel-1's wide swath, more than the distance between dark land and water. Levels that are known once (thresholds, class means)
hold everywhere after the backscatter is brought to one angle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CO_SLOPE", "CROSS_SLOPE", "REFERENCE_DEG", "SWATH_DEG", "WaterSlopes", "level_shift", "weighted_shift"]

REFERENCE_DEG = 38.0
"""Degrees: the middle of Sentinel-1's wide swath, at which thresholds and class means of gamma nought are taken to hold."""

SWATH_DEG = (29.0, 46.0)
"""Degrees: the wide swath (IW) of Sentinel-1. Angles beyond it are taken for its ends: as local angles they are those of steep
faces, on which no water lies level, and the slope was not measured there."""

CO_SLOPE = -0.394
"""dB of sigma nought per degree over open water in VV: Bauer-Marschallinger et al. (2022), doi:10.3390/rs14153673, as in the
flood monitoring of the Copernicus Emergency Management Service (-0.394181 dB per degree of projected local incidence)."""

CROSS_SLOPE = 0.0
"""An assumption: over calm water VH lies at the noise of the instrument, which does not follow the slope of the surface."""


class WaterSlopes(NamedTuple):
    """Change of open water's sigma nought with the incidence angle [dB per degree], co- and cross-polarised."""

    co: float = CO_SLOPE
    cross: float = CROSS_SLOPE


def level_shift(quantity: str, incidence_deg: NDArray[Any] | float, slope: float) -> NDArray[np.float32]:
    """Return what brings backscatter in decibels to gamma nought of level water at `REFERENCE_DEG`.

    Parameters
    ----------
    quantity
        What the decibels are: gamma0, sigma0 or beta0.
    incidence_deg
        Incidence angle [degree], one or of any shape; NaN, 0 and below, 90 and above are unknown.
    slope
        Change of sigma nought over open water [dB per degree].

    Returns
    -------
    NDArray[np.float32]
        Decibels to add, shape of `incidence_deg`; NaN where the angle is not known.

    Raises
    ------
    InputError
        If the quantity is not calibrated.

    Notes
    -----
    sigma0 = gamma0 cos θ = beta0 sin θ; sigma0(38°) = sigma0(θ) - slope (θ - 38°), all in dB.

    >>> float(level_shift("gamma0", 38.0, -0.394))
    0.0
    >>> round(float(level_shift("sigma0", 30.0, -0.4) - level_shift("sigma0", 40.0, -0.4)), 3)
    -4.0
    """
    angle = np.asarray(incidence_deg, dtype=np.float64)
    known = np.where((angle > 0.0) & (angle < 90.0), np.clip(angle, *SWATH_DEG), np.nan)
    ratio = {"gamma0": np.cos(np.deg2rad(known)), "sigma0": np.ones_like(known), "beta0": np.sin(np.deg2rad(known))}
    if quantity not in ratio:
        raise InputError(f"{quantity} has no absolute level; give gamma0, sigma0 or beta0 with an incidence angle")
    to_gamma = 10.0 * np.log10(ratio[quantity] / np.cos(np.deg2rad(REFERENCE_DEG)))
    return np.asarray(to_gamma - slope * (known - REFERENCE_DEG), dtype=np.float32)


def weighted_shift(
    quantity: str,
    polarisations: Sequence[str],
    weights: Sequence[float],
    incidence_deg: NDArray[Any] | float,
    slopes: WaterSlopes,
) -> NDArray[np.float32]:
    """Return the shift of the weighted mean of polarisations in decibels; parameters as for `level_shift`."""
    crossed = sum(share for name, share in zip(polarisations, weights, strict=True) if name in ("VH", "HV"))
    slope = slopes.cross * crossed + slopes.co * (sum(weights) - crossed)
    return level_shift(quantity, incidence_deg, slope)
