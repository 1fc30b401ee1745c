"""Window sums of whole numbers: exact, so a tile gives the same bits as the whole scene.

Floating-point running sums depend on where they start; sums of integers do not. Layers are therefore quantised first
(0.01 dB), and every box mean here is one integer sum divided by one integer count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["box_mean", "box_sum"]


def box_sum(values: NDArray[Any], width: int) -> NDArray[np.int32]:
    """Return the sum over the `width` × `width` window around each pixel, cut at the array's edge.

    Parameters
    ----------
    values
        Integers, shape (y, x); the largest sum must fit 31 bits.
    width
        Odd window side in pixels.

    Returns
    -------
    NDArray[np.int32]
        Shape (y, x).

    Raises
    ------
    ValueError
        If `width` is even or not positive.

    >>> box_sum(np.ones((3, 3), np.int16), 3)
    array([[4, 6, 4],
           [6, 9, 6],
           [4, 6, 4]], dtype=int32)
    """
    if width < 1 or width % 2 == 0:
        raise ValueError(f"a window has an odd side, got {width}")
    out = np.empty(values.shape, np.int32)
    _sums(values, width // 2, out)
    return out


def box_mean(values: NDArray[Any], width: int) -> NDArray[np.int16]:
    """Return the mean over the window, rounded down to a whole number; cut at the array's edge.

    Parameters
    ----------
    values
        Integers within ±32767, shape (y, x).
    width
        Odd window side in pixels.

    Returns
    -------
    NDArray[np.int16]
        Shape (y, x).

    Raises
    ------
    ValueError
        If `width` is even or not positive.
    """
    if width < 1 or width % 2 == 0:
        raise ValueError(f"a window has an odd side, got {width}")
    out = np.empty(values.shape, np.int16)
    _means(values, width // 2, out)
    return out


@njit(cache=True, nogil=True)
def _next_columns(values, half, row, columns):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Move the column sums to the window around `row`."""
    rows, width = values.shape
    if row == 0:
        columns[:] = 0
        for r in range(min(half + 1, rows)):
            for c in range(width):
                columns[c] += values[r, c]
        return
    if row + half < rows:
        for c in range(width):
            columns[c] += values[row + half, c]
    if row - half - 1 >= 0:
        for c in range(width):
            columns[c] -= values[row - half - 1, c]


@njit(cache=True, nogil=True)
def _row_sums(columns, half, line):  # type: ignore[no-untyped-def]  # pragma: no cover
    width = columns.size
    total = np.int32(0)
    for c in range(min(half, width)):
        total += columns[c]
    for c in range(width):
        if c + half < width:
            total += columns[c + half]
        if c - half - 1 >= 0:
            total -= columns[c - half - 1]
        line[c] = total


@njit(cache=True, nogil=True)
def _sums(values, half, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    columns = np.zeros(values.shape[1], np.int32)
    for row in range(values.shape[0]):
        _next_columns(values, half, row, columns)
        _row_sums(columns, half, out[row])


@njit(cache=True, nogil=True)
def _means(values, half, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    rows, width = values.shape
    columns = np.zeros(width, np.int32)
    line = np.empty(width, np.int32)
    inverse = np.empty(width, np.float64)
    for row in range(rows):
        _next_columns(values, half, row, columns)
        _row_sums(columns, half, line)
        high = min(row + half, rows - 1) - max(row - half, 0) + 1
        for c in range(width):
            inverse[c] = high * (min(c + half, width - 1) - max(c - half, 0) + 1)
        for c in range(width):
            out[row, c] = np.int16(np.floor(line[c] / inverse[c]))
