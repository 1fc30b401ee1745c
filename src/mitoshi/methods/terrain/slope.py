"""Terrain slope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from mitoshi.core.quantity import Raster

__all__ = ["slope", "slope_of"]


def slope(elevation: NDArray[Any], *, pixel_size: float | tuple[Any, Any]) -> NDArray[np.float32]:
    """Return the steepest slope.

    Parameters
    ----------
    elevation
        Metres, shape (y, x), NaN where missing.
    pixel_size
        Cell side in metres, or true height and width of the cells: numbers, or arrays that broadcast to (y, x).

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
    >>> float(slope(np.outer(np.ones(3), np.arange(3.0)), pixel_size=(7.0, 1.0))[1, 1])
    45.0
    """
    height, width = pixel_size if isinstance(pixel_size, tuple) else (pixel_size, pixel_size)
    if not (np.all(np.asarray(height) > 0) and np.all(np.asarray(width) > 0)):
        raise InputError(f"pixel_size must be positive, got {np.min(height):g} m x {np.min(width):g} m")
    heights = np.asarray(elevation, dtype=np.float32)
    if min(heights.shape) < 2:
        raise InputError(f"a slope needs two cells in each direction, got shape {heights.shape}")
    if np.ndim(height) or np.ndim(width):
        down, right = np.gradient(heights)
        down, right = down / np.asarray(height, np.float32), right / np.asarray(width, np.float32)
    else:
        down, right = np.gradient(heights, np.float32(height), np.float32(width))
    steep: NDArray[np.float32] = np.degrees(np.arctan(np.sqrt(down**2 + right**2))).astype(np.float32)
    return steep


def slope_of(elevation: Raster) -> NDArray[np.float32] | None:
    """Return the slope of an elevation by the true size of its cells; None where it does not say how large they are."""
    from mitoshi.core.cells import cell_sides_m

    sides = cell_sides_m(elevation)
    return None if sides is None else slope(elevation.to_numpy(), pixel_size=sides)
