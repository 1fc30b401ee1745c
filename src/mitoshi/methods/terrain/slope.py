"""Terrain slope."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

__all__ = ["slope"]


def slope(elevation: NDArray[Any], *, pixel_size: float) -> NDArray[np.float32]:
    """Return the steepest slope.

    Parameters
    ----------
    elevation
        Metres, shape (y, x), NaN where missing.
    pixel_size
        Cell side in metres.

    Returns
    -------
    NDArray[np.float32]
        Degrees from the horizontal, shape (y, x); NaN where a neighbour is missing. At the array's edge one-sided differences.

    Raises
    ------
    InputError
        If `pixel_size` is not positive or a side is shorter than two cells.

    Notes
    -----
    Central differences: arctan sqrt((dz/dx)² + (dz/dy)²), Zevenbergen and Thorne (1987) eqs. (9), (10).

    >>> float(slope(np.outer(np.ones(3), np.arange(3.0)), pixel_size=1.0)[1, 1])
    45.0
    """
    if not pixel_size > 0:
        raise InputError(f"pixel_size must be positive, got {pixel_size:g} m")
    heights = np.asarray(elevation, dtype=np.float32)
    if min(heights.shape) < 2:
        raise InputError(f"a slope needs two cells in each direction, got shape {heights.shape}")
    down, right = np.gradient(heights, np.float32(pixel_size))
    steep: NDArray[np.float32] = np.degrees(np.arctan(np.sqrt(down**2 + right**2))).astype(np.float32)
    return steep
