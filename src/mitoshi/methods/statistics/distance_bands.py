"""How far a cell lies from the boundary of the reference's class, in bands: errors at the edge are of another kind."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["BANDS", "MARGIN", "boundary_bands"]

BANDS = ((0.0, 1.0), (1.0, 2.0), (2.0, 5.0), (5.0, 10.0), (10.0, math.inf))
"""Lower and upper distance of each band, in cells; the upper bound belongs to the band."""

MARGIN = 11
"""Cells beyond a window that decide on the bands inside it."""

UPPER = np.array([upper for _, upper in BANDS[:-1]])


def boundary_bands(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the band of each cell's distance from the boundary of its class.

    The distance is from the cell's centre to the centre of the nearest cell of the other class, less half a cell: the next
    neighbours of the boundary are half a cell away from it.

    Parameters
    ----------
    codes
        0 and 1 of the two classes, any other number where the reference says nothing, shape (y, x).

    Returns
    -------
    NDArray[np.uint8]
        Index into `BANDS`, same shape; where the reference says nothing, 255.

    Examples
    --------
    >>> boundary_bands(np.array([[0, 0, 0, 1, 1]], np.uint8)).tolist()
    [[2, 1, 0, 0, 1]]
    """
    given = np.ascontiguousarray(codes, np.uint8)
    down = np.empty((2, *given.shape), np.uint8)
    out = np.empty(given.shape, np.uint8)
    _vertical(given, down)
    _nearest(given, down, np.square(UPPER + 0.5), out)
    return out


@njit(cache=True, nogil=True)
def _vertical(codes: Any, down: Any) -> None:  # pragma: no cover
    """Write the distance along the column to the next cell of each class, at most `MARGIN` + 1."""
    rows, columns = codes.shape
    far = MARGIN + 1
    for kind in range(2):
        for c in range(columns):
            gap = far
            for r in range(rows):
                gap = 0 if codes[r, c] == kind else min(far, gap + 1)
                down[kind, r, c] = gap
            gap = far
            for r in range(rows - 1, -1, -1):
                gap = 0 if codes[r, c] == kind else min(far, gap + 1)
                if gap < down[kind, r, c]:
                    down[kind, r, c] = gap


@njit(cache=True, nogil=True)
def _nearest(codes: Any, down: Any, limits: Any, out: Any) -> None:  # pragma: no cover
    """Write the band of the distance to the nearest cell of the other class."""
    rows, columns = codes.shape
    for r in range(rows):
        for c in range(columns):
            if codes[r, c] > 1:
                out[r, c] = 255
                continue
            other = 1 - codes[r, c]
            best = (MARGIN + 1) ** 2
            for k in range(max(0, c - MARGIN), min(columns, c + MARGIN + 1)):
                gap = down[other, r, k]
                if gap <= MARGIN:
                    best = min(best, int(gap) * int(gap) + (k - c) * (k - c))
            band = 0
            while band < limits.size and best > limits[band]:
                band += 1
            out[r, c] = band
