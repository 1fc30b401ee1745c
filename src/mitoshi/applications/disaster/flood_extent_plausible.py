"""What speaks against water in a radar image whatever its darkness: level, height above drainage, slope; and walls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mitoshi.methods.sar.flood_survey import is_relative, polarisations, scale_of
from mitoshi.methods.sar.fuzzy import z_membership
from mitoshi.methods.statistics.windows import box_mean
from mitoshi.methods.terrain.slope import slope_of

if TYPE_CHECKING:
    from mitoshi.core.quantity import Raster
    from mitoshi.methods.sar.flood_survey import FloodSurvey

__all__ = ["double_bounce", "plausibility"]

HAND_RANGE = (5.0, 15.0)
"""Metres above drainage: full membership within the error of a global DEM, none from OPERA DSWx-S1's 15 m."""

SLOPE_RANGE = (5.0, 15.0)
"""Degrees; OPERA DSWx-S1 ends at 15. Below 5 a 10 m surface model's own noise decides, not the terrain."""

DOUBLE_BOUNCE_DB = {"co": -2.0, "cross": -9.0}
"""Mean backscatter above which walls answer, not the ground between them."""


def plausibility(
    after: Raster,
    index: NDArray[np.float32],
    elevation: Raster | None,
    surveyed: FloodSurvey,
    origin: tuple[int, int],
) -> NDArray[np.float32]:
    """Fuzzy product of backscatter bound, height above drainage and slope; 1 where nothing is known."""
    member = np.ones(index.shape, np.float32)
    if not is_relative(after):
        highest = scale_of(after, surveyed.weights).bounds[1]
        member *= z_membership(index, highest - 1.0, highest + 4.0)
    if elevation is None:
        return member
    steep = slope_of(elevation)
    if steep is not None:
        member *= z_membership(steep, *SLOPE_RANGE)
    if surveyed.hand is not None:
        rows = np.minimum((origin[0] + np.arange(index.shape[0])) // surveyed.hand_factor, surveyed.hand.shape[0] - 1)
        columns = np.minimum(
            (origin[1] + np.arange(index.shape[1])) // surveyed.hand_factor, surveyed.hand.shape[1] - 1
        )
        member *= z_membership(surveyed.hand, *HAND_RANGE)[rows[:, None], columns[None, :]]
    return member


def double_bounce(after: Raster, index: NDArray[np.float32], weights: tuple[float, ...]) -> NDArray[np.bool_] | bool:
    """Towns: brighter over 7 × 7 pixels than any ground; decidable in calibrated backscatter only."""
    if is_relative(after):
        return False
    walls = [DOUBLE_BOUNCE_DB["cross" if p in ("VH", "HV") else "co"] for p in polarisations(after)]
    limit = sum(share * wall for share, wall in zip(weights, walls, strict=True))
    hundredths = np.where(np.isfinite(index), np.clip(100.0 * index, -8000, 8000), -8000).astype(np.int16)
    return np.asarray(box_mean(hundredths, 7) > 100.0 * limit)
