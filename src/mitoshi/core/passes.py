"""The lowest passes between neighbouring cells of a grid, from ground that is finer than the cells.

A mean over a cell loses a levee that is narrower than the cell, and a maximum makes a wall of every parked car. What decides
whether water goes from one cell to the next is the highest ground on the lowest way between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mitoshi.core.quantity import PASSES

if TYPE_CHECKING:
    Heights = NDArray[np.float32]

__all__ = ["EAST", "SOUTH", "Passes", "lowest_passes", "ways_within"]

EAST, SOUTH = PASSES
"""Names of the coordinates that carry passes with an elevation on its grid."""


class Passes(NamedTuple):
    """Lowest passes to the neighbours.

    Attributes
    ----------
    east, south
        (rows, columns) height of the lowest pass to the eastern and to the southern neighbour [m]; NaN where none is known.
    """

    east: Heights
    south: Heights


def lowest_passes(ground: Heights, side: int) -> Passes:
    """Return the lowest passes between square cells.

    Parameters
    ----------
    ground
        (rows · side, columns · side) elevation [m]; NaN where it is missing.
    side
        Fine cells along a cell.

    Returns
    -------
    Passes
        (rows, columns); NaN where the ground of either cell is missing along all ways, and at the grid's end.

    Notes
    -----
    Of each cell the minimax ways from its lowest ground to all of its own ground are found (4-connected, priority flood); the
    pass to a neighbour is the lowest of the ways that meet across the common side. It is never below the lowest of all ways
    between the two lowest grounds, so a closed levee always holds; and it goes round a single obstacle.

    >>> levee = np.zeros((4, 12), np.float32)
    >>> levee[:, 5] = 3.0
    >>> lowest_passes(levee, 4).east
    array([[ 0.,  3., nan]], dtype=float32)
    >>> levee[2, 5] = 0.5  # a breach
    >>> lowest_passes(levee, 4).east
    array([[0. , 0.5, nan]], dtype=float32)
    """
    way = ways_within(ground, side)
    rows, columns = shape = ground.shape[0] // side, ground.shape[1] // side
    last = slice(side - 1, -1, side)
    east = _across(way[:, last], way[:, side::side], (rows, side, columns - 1), 1)
    south = _across(way[last], way[side::side], (rows - 1, columns, side), 2)
    return Passes(_padded(east, shape), _padded(south, shape))


def ways_within(ground: Heights, side: int) -> Heights:
    """Return the highest ground on the lowest way from the lowest ground of each cell, within the cell.

    Parameters
    ----------
    ground
        (rows · side, columns · side) elevation [m].
    side
        Fine cells along a cell.

    Returns
    -------
    (rows · side, columns · side), NaN where there is no ground or no way.
    """
    way = np.full(ground.shape, np.nan, np.float32)
    _ways(np.ascontiguousarray(ground, np.float32), side, way)
    return way


def _across(here: Heights, there: Heights, shape: tuple[int, int, int], axis: int) -> Heights:
    """Return the lowest of the ways that meet across each common side, whose places lie along an axis of the shape."""
    higher = np.maximum(here, there)  # NaN where either is missing
    higher = np.where(np.isnan(higher), np.float32(np.inf), higher).reshape(shape)
    lowest = higher.min(axis=axis)
    return np.where(np.isfinite(lowest), lowest, np.float32(np.nan))


def _padded(values: Heights, shape: tuple[int, int]) -> Heights:
    whole = np.full(shape, np.nan, np.float32)
    whole[: values.shape[0], : values.shape[1]] = values
    return whole


@njit(cache=True, nogil=True)
def _sift(heap: Any, keys: Any, size: int) -> None:
    """Let the last place of a heap of so many rise."""
    n = size - 1
    while n > 0 and keys[(n - 1) // 2] > keys[n]:
        up = (n - 1) // 2
        heap[up], heap[n] = heap[n], heap[up]
        keys[up], keys[n] = keys[n], keys[up]
        n = up


@njit(cache=True, nogil=True)
def _sink(heap: Any, keys: Any, size: int) -> None:
    """Take the first place off a heap of so many: it goes behind the last."""
    last = size - 1
    heap[0], heap[last] = heap[last], heap[0]
    keys[0], keys[last] = keys[last], keys[0]
    n = 0
    while 2 * n + 1 < last:
        m = 2 * n + 1
        if m + 1 < last and keys[m + 1] < keys[m]:
            m += 1
        if keys[n] <= keys[m]:
            return
        heap[n], heap[m] = heap[m], heap[n]
        keys[n], keys[m] = keys[m], keys[n]
        n = m


@njit(cache=True, nogil=True)
def _ways(ground, side, way):  # type: ignore[no-untyped-def]
    heap, keys = np.empty(side * side, np.int64), np.empty(side * side, np.float32)
    for top in range(0, ground.shape[0], side):
        for left in range(0, ground.shape[1], side):
            lowest, start = np.float32(np.inf), -1
            for n in range(side * side):
                z = ground[top + n // side, left + n % side]
                if z < lowest:  # false where it is missing
                    lowest, start = z, n
            if start < 0:
                continue
            way[top + start // side, left + start % side] = lowest
            heap[0], keys[0], size = start, lowest, 1
            while size > 0:
                place, height = heap[0], keys[0]
                _sink(heap, keys, size)
                size -= 1
                r, c = place // side, place % side
                for k in range(4):
                    y, x = r + (k == 0) - (k == 1), c + (k == 2) - (k == 3)
                    if y < 0 or y >= side or x < 0 or x >= side or not np.isnan(way[top + y, left + x]):
                        continue
                    z = ground[top + y, left + x]
                    if np.isnan(z):
                        continue
                    way[top + y, left + x] = max(height, z)
                    heap[size], keys[size] = y * side + x, max(height, z)
                    size += 1
                    _sift(heap, keys, size)
