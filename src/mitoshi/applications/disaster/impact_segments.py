"""Connected flooded segments of a raster too large for memory: labelled row by row, with volume, area and deepest point.

Pixels hang together across sides, not corners: a levee one pixel wide parts the waters on its sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Band", "Segments", "segments_of"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
CELLS, AREA, VOLUME, LOWER, UPPER, DEPTH, ROW, COLUMN = range(8)
FIELDS = 8
FIRST_ROOM = 4096


class Band(NamedTuple):
    """Rows of a raster, in order.

    Attributes
    ----------
    first
        Row at which it begins.
    depth, sigma
        (rows, columns) depth [m], 0 dry, NaN not observed; its standard uncertainty.
    """

    first: int
    depth: NDArray[np.float32]
    sigma: NDArray[np.float32]


class Segments(NamedTuple):
    """Flooded segments, the largest volume first.

    Attributes
    ----------
    cells, area_m2
        Size.
    volume_m3, volume_lower, volume_upper
        Water, and its range under a common error of depth.
    depth_m, row, column
        The deepest pixel.
    of_query
        (queries,) segment at each queried pixel, -1 where dry.
    """

    cells: Integers
    area_m2: Floats
    volume_m3: Floats
    volume_lower: Floats
    volume_upper: Floats
    depth_m: Floats
    row: Integers
    column: Integers
    of_query: Integers


def segments_of(
    bands: Iterable[Band], width: int, cell_area_m2: Floats, shift: float, query: tuple[Integers, Integers]
) -> Segments:
    """Label the flooded pixels.

    Parameters
    ----------
    bands
        All rows in order.
    width
        Columns of the raster.
    cell_area_m2
        (rows,) area of the pixels of each row.
    shift
        Standard uncertainties of the range's ends.
    query
        Rows and columns of pixels whose segment is asked for.
    """
    order = np.lexsort((query[1], query[0]))
    rows, columns = query[0][order], query[1][order]
    found = np.full(rows.size, -1, np.int64)
    parent, told = np.zeros(FIRST_ROOM, np.int64), np.zeros((FIRST_ROOM, FIELDS))
    above, count = np.full(width, -1, np.int64), 0
    for band in bands:
        row = 0
        while row < band.depth.shape[0]:
            if parent.size - count <= width:
                room = max(2 * parent.size, count + 2 * width)
                parent, told = _grown(parent, room), _grown(told, room)
            row, count = _label(
                band.depth,
                band.sigma,
                band.first,
                row,
                cell_area_m2,
                shift,
                above,
                parent,
                told,
                count,
                rows,
                columns,
                found,
            )
    return _ordered(parent[:count], told[:count], found, order)


def _grown(array: NDArray[Any], room: int) -> NDArray[Any]:
    larger = np.zeros((room, *array.shape[1:]), array.dtype)
    larger[: array.shape[0]] = array
    return larger


def _ordered(parent: Integers, told: Floats, found: Integers, order: Integers) -> Segments:
    root = _roots(parent)
    tops = np.flatnonzero(root == np.arange(root.size))
    ranked = tops[np.lexsort((tops, -told[tops, VOLUME]))]
    rank = np.full(root.size + 1, -1, np.int64)
    rank[ranked] = np.arange(ranked.size)
    of_query = np.full(order.size, -1, np.int64)
    of_query[order] = rank[np.where(found >= 0, root[found] if root.size else -1, -1)]
    kept = told[ranked]
    return Segments(
        kept[:, CELLS].astype(np.int64), kept[:, AREA], kept[:, VOLUME], kept[:, LOWER], kept[:, UPPER], kept[:, DEPTH],
        kept[:, ROW].astype(np.int64), kept[:, COLUMN].astype(np.int64), of_query,
    )  # fmt: skip


@njit(cache=True)
def _root(parent: Any, n: int) -> int:  # pragma: no cover
    while parent[n] != n:
        parent[n] = parent[parent[n]]
        n = parent[n]
    return n


@njit(cache=True)
def _roots(parent: Any) -> Any:  # pragma: no cover
    found = np.empty_like(parent)
    for n in range(parent.size):
        found[n] = _root(parent, n)
    return found


@njit(cache=True)
def _join(parent: Any, told: Any, one: int, other: int) -> int:  # pragma: no cover
    """Join two segments and their totals; the older label stays."""
    a, b = _root(parent, one), _root(parent, other)
    if a == b:
        return a
    if b < a:
        a, b = b, a
    parent[b] = a
    for k in range(5):
        told[a, k] += told[b, k]
    if told[b, 5] > told[a, 5]:
        for k in range(5, 8):
            told[a, k] = told[b, k]
    return a


@njit(cache=True)
def _label(
    depth: Any, sigma: Any, first: int, begin: int, area: Any, shift: float, above: Any, parent: Any, told: Any, count: int,
    rows: Any, columns: Any, found: Any,
) -> tuple[int, int]:  # fmt: skip  # pragma: no cover
    """Label rows until all are done or room for labels runs out; return the next row and the number of labels."""
    height, width = depth.shape
    for row in range(begin, height):
        if parent.size - count <= width:
            return row, count
        cell = area[first + row]
        left = -1
        for column in range(width):
            water = depth[row, column]
            if not water > 0:
                above[column] = -1
                left = -1
                continue
            label = left
            if above[column] >= 0:
                label = above[column] if left < 0 else _join(parent, told, left, above[column])
            if label < 0:
                label = count
                parent[label] = label
                count += 1
            label = _root(parent, label)
            spread = sigma[row, column] if sigma[row, column] == sigma[row, column] else 0.0
            told[label, 0] += 1
            told[label, 1] += cell
            told[label, 2] += water * cell
            told[label, 3] += max(0.0, water - shift * spread) * cell
            told[label, 4] += (water + shift * spread) * cell
            if water > told[label, 5]:
                told[label, 5] = water
                told[label, 6] = first + row
                told[label, 7] = column
            above[column] = label
            left = label
        n = np.searchsorted(rows, first + row)
        while n < rows.size and rows[n] == first + row:
            found[n] = above[columns[n]]
            n += 1
    return height, count
