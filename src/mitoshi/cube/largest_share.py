"""Codes on another grid: each cell takes the code that has the largest share of it, and says whether it is mixed.

The share is counted at points spread evenly over the cell. Where the cells of the target hold whole cells of the source, there is
one point in each of these and the share is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from mitoshi.cube.resample import between, needed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitoshi.cube.resample import Mapping

__all__ = ["MISSING", "Shared", "largest_of_blocks", "largest_share", "point_count"]

MISSING = 255
LEAST_POINTS, MOST_POINTS = 5, 15  # per axis
WHOLE = 1e-3  # by how much a ratio may differ from a whole number


class Shared(NamedTuple):
    """Codes of a window.

    Attributes
    ----------
    codes
        The code with the largest share, the lowest of equal ones; `MISSING` where less than half of the cell has a code.
    mixed
        Whether the cell holds several codes.
    """

    codes: np.ndarray[Any, np.dtype[np.uint8]]
    mixed: np.ndarray[Any, np.dtype[np.bool_]]


def point_count(step: float) -> int:
    """Return how many points per axis a cell of the target is sampled at, by its side in cells of the source.

    >>> point_count(10.0), point_count(1.0), point_count(3.4)
    (10, 5, 7)
    """
    whole = round(step)
    if abs(step - whole) < WHOLE * step and 1 < whole <= MOST_POINTS:
        return whole
    return min(MOST_POINTS, max(LEAST_POINTS, 2 * round(step) + 1))


def largest_share(
    read: Callable[[slice, slice], np.ndarray[Any, Any]],
    how: Mapping,
    points: int,
    rows: slice,
    columns: slice,
) -> Shared:
    """Return a window of the target.

    Parameters
    ----------
    read
        Reads (y, x) codes below 32, or `MISSING`, of a window of the source; not called where the window lies beside it.
    how
        From `mitoshi.cube.resample.mapping`.
    points
        Per axis and cell.
    rows, columns
        The window, with start and stop, step 1.
    """
    height, width = how.source.shape
    node_x, node_y = how.nodes(rows, columns)
    window = needed(node_x, node_y, height, width)
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    codes, mixed = np.full(shape, MISSING, np.uint8), np.zeros(shape, np.bool_)
    if window is not None:
        values = np.ascontiguousarray(read(*window), np.uint8)
        origin = (rows.start, columns.start, window[0].start, window[1].start)
        _vote(values, node_x, node_y, how.step, points, origin, (height, width), codes, mixed)
    return Shared(codes, mixed)


def largest_of_blocks(fine: np.ndarray[Any, Any], points: int) -> Shared:
    """Return the largest share over blocks of `points` × `points` codes below 32, or `MISSING`."""
    shape = (fine.shape[0] // points, fine.shape[1] // points)
    codes, mixed = np.full(shape, MISSING, np.uint8), np.zeros(shape, np.bool_)
    _vote_blocks(np.ascontiguousarray(fine, np.uint8), points, codes, mixed)
    return Shared(codes, mixed)


@njit(inline="always")
def _decided(votes: Any, points: int) -> tuple[int, bool]:
    """Return the code with most votes, `MISSING` where fewer than half of the points have one, and whether there are several."""
    best, most, total, kinds = MISSING, 0, 0, 0
    for k in range(votes.size):
        if votes[k] > 0:
            kinds += 1
            total += votes[k]
            if votes[k] > most:
                best, most = k, votes[k]
    return (best if 2 * total >= points * points else MISSING), kinds > 1


@njit(cache=True, nogil=True)
def _vote_blocks(fine: Any, points: int, codes: Any, mixed: Any) -> None:  # pragma: no cover
    votes = np.zeros(32, np.int32)
    for i in range(codes.shape[0]):
        for j in range(codes.shape[1]):
            votes[:] = 0
            for a in range(points):
                for b in range(points):
                    code = fine[i * points + a, j * points + b]
                    if code < 32:
                        votes[code] += 1
            codes[i, j], mixed[i, j] = _decided(votes, points)


@njit(cache=True, nogil=True)
def _vote(
    values: Any, node_x: Any, node_y: Any, step: int, points: int, origin: Any, size: Any, codes: Any, mixed: Any
) -> None:  # pragma: no cover
    row0, column0, top, left = origin
    first_row, first_column = row0 // step, column0 // step
    part = 1.0 / step
    places = (np.arange(points) + 0.5) / points
    votes = np.zeros(32, np.int32)
    for i in range(codes.shape[0]):
        for j in range(codes.shape[1]):
            votes[:] = 0
            for a in range(points):
                y = (row0 + i + places[a]) * part
                cell_y = int(y)
                for b in range(points):
                    x = (column0 + j + places[b]) * part
                    cell_x = int(x)
                    sx = between(node_x, cell_y - first_row, cell_x - first_column, y - cell_y, x - cell_x)
                    sy = between(node_y, cell_y - first_row, cell_x - first_column, y - cell_y, x - cell_x)
                    if sx >= 0.0 and sy >= 0.0 and sx < size[1] and sy < size[0]:
                        code = values[int(sy) - top, int(sx) - left]
                        if code < 32:
                            votes[code] += 1
            codes[i, j], mixed[i, j] = _decided(votes, points)
