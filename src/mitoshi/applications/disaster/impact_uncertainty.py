"""Depths with errors that are common to a whole flood: exceedance probabilities, and counts with a range that covers them.

The depth of a feature is uncertain by its standard uncertainty. Most of that error is shared by neighbours (the elevation model's
bias, the level of the water's surface), so counts do not average it away. Ranges shift all depths together by ±1.645 standard
uncertainties: the 90 % range if the error were wholly common, wider than the truth if part of it is independent.

Ground that was not observed has water with a probability. `possible_levels` writes probability and depth given water as one level
with one uncertainty, which is below the ground where water is unlikely: everything above then holds for it too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

__all__ = [
    "HIGH",
    "LOW",
    "QUANTILES",
    "SHIFTS",
    "CountRange",
    "Levels",
    "counted",
    "exceedance",
    "levels_of",
    "possible_levels",
    "shifted",
]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

STEP = 1e-4
LEAST_CHANCE = 5e-4  # half of the step in which probabilities are stored
HIGH: float = float(ndtri(0.95))
LOW: float = -HIGH
SHIFTS = (0.0, LOW, HIGH)
"""The estimate and the ends of its 90 % range, in standard uncertainties."""

QUANTILES: tuple[float, ...] = tuple(float(ndtri((n + 0.5) / 10)) for n in range(10))
"""Ten equally likely common errors, for what is no simple count."""


class Levels(NamedTuple):
    """Height of the water above the ground of each feature, and its standard uncertainty.

    Attributes
    ----------
    level
        Depth [m]; at most 0 where mapped dry: minus the height above the nearby water where known, else -inf. NaN not observed.
    sigma
        Standard uncertainty [m], 0 or more.
    """

    level: Floats
    sigma: Floats

    @property
    def observed(self) -> Mask:
        """Where there is a depth, be it zero."""
        return np.asarray(~np.isnan(self.level))

    @property
    def depth(self) -> Floats:
        """Depth [m], 0 where dry."""
        return np.maximum(self.level, 0.0)


def levels_of(depth: Floats, sigma: Floats, height_above_water: Floats | None = None) -> Levels:
    """Return levels from mapped depths.

    Parameters
    ----------
    depth
        Mapped depth [m], 0 dry, NaN not observed.
    sigma
        Standard uncertainty [m].
    height_above_water
        Height of dry ground above the nearby water [m], NaN where there is none nearby.
    """
    dry = np.full(depth.shape, -np.inf)
    if height_above_water is not None:
        dry = np.where(np.isfinite(height_above_water), -np.maximum(height_above_water, 0.0), dry)
    level = np.where(np.isnan(depth), np.nan, np.where(depth > 0, depth, dry))
    # To a tenth of a millimetre: 0.3 m of a float32 raster is not above a floor of 0.3 m.
    level = np.where(level > STEP, np.round(level, 4), level)
    return Levels(level, np.where(np.isfinite(sigma), np.maximum(sigma, 0.0), 0.0))


def possible_levels(chance: Floats, depth: Floats) -> Levels:
    """Return the level of water that may be there or not.

    Parameters
    ----------
    chance
        P(water), 0 to 1.
    depth
        Expected depth given water [m]; NaN is not determined.

    Notes
    -----
    The normal level L with P(L > 0) = p and E[L | L > 0] = d: with z the normal quantile of p and φ the normal density, its
    uncertainty is d / (z + φ(z)/p) and its mean z times that. The uncertainty of the depth given water is so that of the same
    level, and needs no third number.
    """
    bounded = np.clip(chance, LEAST_CHANCE, 1.0 - LEAST_CHANCE)
    quantile = ndtri(bounded)
    density = np.exp(-0.5 * quantile**2) / np.sqrt(2.0 * np.pi)
    # Water that may be there has a depth, however small: its probability must not be lost.
    sigma = np.maximum(depth, STEP) / (quantile + density / bounded)
    return Levels(quantile * sigma, np.where(np.isfinite(sigma), sigma, 0.0))


def shifted(levels: Levels, shift: float) -> Floats:
    """Return the depth if all were off by `shift` standard uncertainties [m]; 0 dry, NaN not observed."""
    return np.maximum(levels.level + shift * levels.sigma, 0.0)


def exceedance(levels: Levels, threshold: Floats | float) -> Floats:
    """Return P(depth > threshold), 0..1; NaN where not observed.

    Dry ground of which nothing more is known is dry: the map's own error is told by the flood map.
    """
    gap = levels.level - threshold
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(levels.sigma > 0, gap / levels.sigma, np.where(gap > 0, np.inf, -np.inf))
    return np.where(np.isnan(levels.level), np.nan, ndtr(score))


class CountRange(NamedTuple):
    """How many, and the 90 % range under a common error."""

    value: float
    lower: float
    upper: float


def counted(
    levels: Levels, threshold: Floats | float, where: Mask | None = None, weight: Floats | None = None
) -> CountRange:
    """Count features deeper than a threshold.

    Parameters
    ----------
    levels
        Of the features.
    threshold
        [m]; the count is of depth > threshold.
    where
        Features to count; all if None.
    weight
        What each counts for; 1 if None.
    """
    value, lower, upper = (_sum(shifted(levels, shift) > threshold, where, weight) for shift in SHIFTS)
    return CountRange(value, lower, upper)


def _sum(hit: Mask, where: Mask | None, weight: Floats | None) -> float:
    kept = hit if where is None else hit & where
    return float(kept.sum()) if weight is None else float(weight[kept & np.isfinite(weight)].sum())
