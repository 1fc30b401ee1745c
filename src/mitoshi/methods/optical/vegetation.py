"""Vegetation indices and their change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ndvi", "red_and_near_infrared", "relative_ndvi_change"]

RED = ("red", "B04", "B4", "SR_B4")
NEAR_INFRARED = ("nir", "nir08", "B08", "B8A", "B8", "B05", "B5", "SR_B5")
"""Names of sensors' bands; the first that is there counts, so B05 is only near infrared where there is no Sentinel-2 band 8."""


def red_and_near_infrared(names: Sequence[str]) -> tuple[int, int]:
    """Return the positions of the red and the near-infrared band.

    Parameters
    ----------
    names
        Names of the bands in their order.

    Raises
    ------
    InputError
        If there is no red or no near-infrared band.

    >>> red_and_near_infrared(["B02", "B03", "B04", "B08"])
    (2, 3)
    """
    known = list(names)
    found = [next((known.index(n) for n in wanted if n in known), None) for wanted in (RED, NEAR_INFRARED)]
    if found[0] is None or found[1] is None:
        raise InputError(
            f"optical landslide mapping needs a red and a near-infrared band, got {', '.join(known) or 'bands without names'}; "
            f"name them red and nir"
        )
    return found[0], found[1]


def ndvi(red: NDArray[np.float32], near_infrared: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the normalised difference vegetation index (NIR - R) / (NIR + R), NaN where the sum is not positive.

    >>> ndvi(np.array([0.25], np.float32), np.array([0.75], np.float32))
    array([0.5], dtype=float32)
    """
    total = near_infrared + red
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, (near_infrared - red) / total, np.float32(np.nan)).astype(np.float32)


def relative_ndvi_change(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rdNDVI, the change of NDVI relative to its level.

    Parameters
    ----------
    before, after
        NDVI of the two dates, same shape, NaN where missing.

    Returns
    -------
    NDArray[np.float32]
        (after - before) / sqrt(after + before); negative where vegetation was lost. NaN where the sum is below 0.1: ground that
        was bare on both dates does not tell.

    Notes
    -----
    The form used for landslides and burns (Scheip and Wegmann 2021, NHESS 21, HazMapper); the formula is from memory and
    unconfirmed.
    """
    total = before + after
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total >= 0.1, (after - before) / np.sqrt(total), np.float32(np.nan)).astype(np.float32)
