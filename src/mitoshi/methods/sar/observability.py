"""Where a radar cannot tell water from dry ground: among walls, under trees, and on faces turned towards or away from it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["RAY_REACH", "layover_or_shadow", "near_walls"]

RAY_REACH = 48
"""Pixels along a ray within which one place may hide another or be laid over it."""

WALL_REACH_M = 15.0
"""Metres from a built-up pixel within which its walls answer. The layover of a wall of height h reaches h / tan(incidence)
towards the radar: 15 m for a house of 9 m at 31 degrees, the near edge of Sentinel-1's wide swath."""

WIDEST = 24
"""Pixels to which `WALL_REACH_M` is cut on fine grids."""


def near_walls(built: NDArray[np.bool_], pixel_m: float) -> NDArray[np.bool_]:
    """Return built-up pixels, and those whose centre lies within `WALL_REACH_M` of one in a block of 3 × 3 and more.

    A line of one or two pixels is a road, whose surroundings are seen.

    Parameters
    ----------
    built
        Built-up pixels, shape (y, x).
    pixel_m
        Side of a pixel [m].

    Returns
    -------
    NDArray[np.bool_]
        Shape (y, x). A pixel depends on those at most 26 rows and columns away.

    >>> near_walls(np.array([[False, True, False]] * 3), 10.0)[1].tolist()
    [False, True, False]
    """
    from scipy import ndimage

    reach = min(int(WALL_REACH_M / pixel_m), WIDEST)
    if reach < 1 or not built.any():
        return built
    down, across = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = np.hypot(down, across) * pixel_m <= WALL_REACH_M
    blocks = ndimage.binary_opening(built, np.ones((3, 3)))
    return np.asarray(built | ndimage.binary_dilation(blocks, disk))


def layover_or_shadow(
    elevation: NDArray[Any], pixel_m: tuple[float, float], look_azimuth_deg: float, incidence_deg: float
) -> NDArray[np.bool_]:
    """Return the pixels in layover or in shadow of a radar that looks in a known direction.

    Parameters
    ----------
    elevation
        Heights [m], shape (y, x), rows running southward; a pair of places of which one is missing hides nothing.
    pixel_m
        Height and width of a pixel [m].
    look_azimuth_deg
        Direction in which the radar looks over the ground, clockwise from the grid's north.
    incidence_deg
        Angle between the vertical and the direction to the radar, between 0 and 90.

    Returns
    -------
    NDArray[np.bool_]
        Shape (y, x). A pixel depends on those at most `RAY_REACH` away.

    Notes
    -----
    At ground distance g farther from the radar the slant range grows by ``g sin(t) - z cos(t)``: a place is laid over where
    another one farther away lies no farther in range, or a nearer one no nearer. It is in shadow where a nearer place rises above
    the ray, ``z(near) - z > g / tan(t)``. The ray is sampled every pixel at the nearest pixel's height.
    """
    angle = math.radians(incidence_deg)
    azimuth = math.radians(look_azimuth_deg)
    # Steps of one pixel along the ray, away from the radar, in rows and columns.
    down, right = -math.cos(azimuth) / pixel_m[0], math.sin(azimuth) / pixel_m[1]
    longest = max(abs(down), abs(right))
    out = np.zeros(elevation.shape, np.bool_)
    _rays(
        np.asarray(elevation, np.float32), down / longest, right / longest, 1.0 / longest,
        math.sin(angle), math.cos(angle), out,
    )  # fmt: skip
    return out


@njit(cache=True, nogil=True)
def _rays(z, down, right, step, sine, cosine, out):  # type: ignore[no-untyped-def]
    rows, columns = out.shape
    for r in range(rows):
        for c in range(columns):
            own = np.float64(z[r, c])
            for n in range(1, RAY_REACH + 1):
                away, up = n * step * sine, n * step * cosine
                for side in (1, -1):
                    y, x = r + int(np.rint(side * n * down)), c + int(np.rint(side * n * right))
                    if y < 0 or y >= rows or x < 0 or x >= columns:
                        continue
                    rise = np.float64(z[y, x]) - own
                    if side > 0:
                        out[r, c] |= rise * cosine >= away
                    else:
                        out[r, c] |= -rise * cosine >= away or rise * sine > up
                if out[r, c]:
                    break
