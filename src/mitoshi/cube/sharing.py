"""Counts per cell on another grid: every count is shared out over the overlap of its cell, so that sums are conserved.

A count is taken as spread evenly over its cell. Cells of the target are quadrilaterals on the source's grid; neighbours have
common corners, also across windows, so nothing is counted twice or lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from mitoshi.cube.resample import needed, resample

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitoshi.cube.resample import Mapping

__all__ = ["share", "source_affine"]

SNAP = float(
    2**22
)  # parts of a source cell to which corners are rounded, which hides the last bits in which machines differ
LEAST = 1e-9  # share of a source cell that counts as seen


def share(
    read: Callable[[slice, slice], np.ndarray[Any, Any]], how: Mapping, rows: slice, columns: slice
) -> np.ndarray[Any, Any]:
    """Return a window of the target.

    Parameters
    ----------
    read
        Reads (layers, y, x) of a window of the source, floating; called once.
    how
        From `mitoshi.cube.resample.mapping`.
    rows, columns
        The window, with start and stop, step 1.

    Returns
    -------
    (layers, rows, columns), of the source's type: the sum of the shares of the observed source cells; NaN where none of them
    was observed.
    """
    if how.shift is not None:  # every cell is one of the source, whole
        return resample(read, how, rows, columns, "nearest", np.nan)
    height, width = how.source.shape
    node_x, node_y = how.nodes(rows, columns)
    window = needed(node_x, node_y, height, width)
    values = read(*window) if window is not None else read(slice(0, 0), slice(0, 0))
    out = np.full((len(values), rows.stop - rows.start, columns.stop - columns.start), np.nan, dtype=values.dtype)
    if window is None:
        return out
    origin = (rows.start, columns.start, window[0].start, window[1].start)
    _share(np.ascontiguousarray(values), node_x, node_y, how.step, origin, out)
    return out


def source_affine(how: Mapping) -> tuple[float, ...]:
    """Return the affine from target to source (column, row) at the middle of the target: exact where both grids have one CRS."""
    from mitoshi.cube.resample import source_pixels

    row, column = how.target.shape[0] / 2, how.target.shape[1] / 2
    x, y = source_pixels(how.target, how.source, np.array([column, column + 1, column]), np.array([row, row, row + 1]))
    a, b, d, e = x[1] - x[0], x[2] - x[0], y[1] - y[0], y[2] - y[0]
    return tuple(float(v) for v in (a, b, x[0] - a * column - b * row, d, e, y[0] - d * column - e * row))


@njit(cache=True, nogil=True)
def _corner(
    nodes: Any, at_y: int, at_x: int, step: int, first_row: int, first_column: int
) -> float:  # pragma: no cover
    """Return the coordinate of a corner between four nodes; the same from every window that has the corner."""
    row, column = at_y // step - first_row, at_x // step - first_column
    fy, fx = (at_y % step) / step, (at_x % step) / step
    value = nodes[row, column]
    if fx > 0.0:
        value = value * (1.0 - fx) + nodes[row, column + 1] * fx
    if fy > 0.0:
        low = nodes[row + 1, column]
        if fx > 0.0:
            low = low * (1.0 - fx) + nodes[row + 1, column + 1] * fx
        value = value * (1.0 - fy) + low * fy
    snapped: float = np.rint(value * SNAP) / SNAP
    return snapped


@njit(cache=True, nogil=True)
def _area(x: Any, y: Any, n: int) -> float:  # pragma: no cover
    total = 0.0
    for k in range(n):
        following = k + 1 if k + 1 < n else 0
        total += x[k] * y[following] - x[following] * y[k]
    return abs(0.5 * total)


@njit(cache=True, nogil=True)
def _clip(x: Any, y: Any, n: int, bound: float, keep: float, out_x: Any, out_y: Any) -> int:  # pragma: no cover
    """Keep the part of a polygon with keep · x ≤ keep · bound (Sutherland and Hodgman 1974); return its number of corners."""
    count = 0
    for k in range(n):
        following = k + 1 if k + 1 < n else 0
        here, there = keep * (x[k] - bound), keep * (x[following] - bound)
        if here <= 0.0:
            out_x[count], out_y[count] = x[k], y[k]
            count += 1
        if (here < 0.0 and there > 0.0) or (here > 0.0 and there < 0.0):
            part = here / (here - there)
            out_x[count], out_y[count] = bound, y[k] + part * (y[following] - y[k])
            count += 1
    return count


@njit(cache=True, nogil=True)
def _overlap(x: Any, y: Any, row: int, column: int, box: Any, work: Any) -> float:  # pragma: no cover
    """Return the area of a quadrilateral inside one source cell."""
    if box[4] > 0.0:  # parallel to the source's cells
        wide = min(box[1], column + 1.0) - max(box[0], float(column))
        high = min(box[3], row + 1.0) - max(box[2], float(row))
        return float(max(wide, 0.0) * max(high, 0.0))
    n = _clip(x, y, 4, float(column), -1.0, work[0], work[1])
    n = _clip(work[0], work[1], n, column + 1.0, 1.0, work[2], work[3])
    n = _clip(work[3], work[2], n, float(row), -1.0, work[1], work[0])
    n = _clip(work[1], work[0], n, row + 1.0, 1.0, work[3], work[2])
    return float(_area(work[2], work[3], n))


@njit(cache=True, nogil=True)
def _share(values: Any, node_x: Any, node_y: Any, step: int, origin: Any, out: Any) -> None:  # pragma: no cover
    row0, column0, top, left = origin
    first_row, first_column = row0 // step, column0 // step
    x, y, box, work = np.empty(4), np.empty(4), np.empty(5), np.empty((4, 16))
    total, seen = np.empty(values.shape[0]), np.empty(values.shape[0])
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            for k in range(4):
                at_y, at_x = row0 + i + (1 if k in (2, 3) else 0), column0 + j + (1 if k in (1, 2) else 0)
                x[k] = _corner(node_x, at_y, at_x, step, first_row, first_column)
                y[k] = _corner(node_y, at_y, at_x, step, first_row, first_column)
            box[0], box[1], box[2], box[3] = x.min(), x.max(), y.min(), y.max()
            if not (np.isfinite(box[0] + box[1]) and np.isfinite(box[2] + box[3])):
                continue
            upright = x[0] == x[3] and x[1] == x[2] and y[0] == y[1] and y[2] == y[3]
            turned = x[0] == x[1] and x[2] == x[3] and y[0] == y[3] and y[1] == y[2]
            box[4] = 1.0 if upright or turned else 0.0
            total[:], seen[:] = 0.0, 0.0
            for r in range(max(top, int(np.floor(box[2]))), min(top + values.shape[1], int(np.ceil(box[3])))):
                for c in range(max(left, int(np.floor(box[0]))), min(left + values.shape[2], int(np.ceil(box[1])))):
                    part = _overlap(x, y, r, c, box, work)
                    if part <= 0.0:
                        continue
                    for k in range(values.shape[0]):
                        value = values[k, r - top, c - left]
                        if value == value:
                            total[k] += part * value
                            seen[k] += part
            for k in range(values.shape[0]):
                # A sliver of a rounded corner is no observation.
                if seen[k] > LEAST * min(1.0, (box[1] - box[0]) * (box[3] - box[2])):
                    out[k, i, j] = total[k]
