"""Drainage of a terrain: depressions filled, every cell linked to the one it drains to, upstream counts.

A drainage tree is held as `Drainage`: flat index of each cell's downstream neighbour and an order in which every cell comes
after its downstream neighbour. All loops run in that order, so results do not depend on threads or tiles.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mitoshi.core.errors import InputError
from mitoshi.methods.terrain.priority_flood import OUTLET, neighbours, priority_flood

__all__ = ["Drainage", "drainage", "drainage_from_d8", "upstream_area", "upstream_cells"]

# ESRI D8 codes: 1 east, then clockwise; each with (row, column) step.
D8_STEPS = {1: (0, 1), 2: (1, 1), 4: (1, 0), 8: (1, -1), 16: (0, -1), 32: (-1, -1), 64: (-1, 0), 128: (-1, 1)}
D8_PIT = 0
D8_MISSING = 247


class Drainage(NamedTuple):
    """Where every cell drains.

    Attributes
    ----------
    downstream
        Flat index of the next cell downstream, shape (y, x), int32; -1 at outlets and where elevation is missing.
    order
        Flat indices of the observed cells, each after its downstream cell, shape (n,), int32.
    """

    downstream: NDArray[np.int32]
    order: NDArray[np.int32]


def drainage(elevation: NDArray[Any], *, cell: tuple[float, float] = (1.0, 1.0)) -> Drainage:
    """Return the drainage of a terrain whose rim and whose borders to missing cells are open.

    Parameters
    ----------
    elevation
        Metres, shape (y, x), NaN where missing.
    cell
        Height and width of a cell in any one unit; just their ratio matters.

    Returns
    -------
    Drainage
        Every observed cell reaches an outlet.

    Raises
    ------
    InputError
        If the array is not 2-D.

    Notes
    -----
    Priority flood from the outlets inward (Barnes, Lehman and Mulla 2014, Computers & Geosciences 62, algorithm 3). Cells outside
    depressions then drain to their steepest lower neighbour (O'Callaghan and Mark 1984); cells in depressions and flats drain to
    the cell from which the flood reached them. Ties keep the first neighbour, east then clockwise.
    """
    heights = np.ascontiguousarray(elevation, dtype=np.float64)
    if heights.ndim != 2:
        raise InputError(f"elevation must have dims (y, x), got shape {heights.shape}")
    down, right = float(cell[0]) / float(cell[1]), 1.0
    diagonal = float(np.hypot(down, right))
    lengths = np.array([right, diagonal, down, diagonal] * 2)
    flood = priority_flood(heights)
    width = flood.ground.shape[1]
    downstream = _steepest(flood.filled, flood.ground, flood.source, neighbours(width), lengths)
    rows, columns = np.divmod(flood.order, np.int32(width))
    return Drainage(downstream, (rows - 1) * np.int32(heights.shape[1]) + columns - 1)


def drainage_from_d8(directions: NDArray[np.uint8]) -> Drainage:
    """Return the drainage given by ESRI D8 codes.

    Parameters
    ----------
    directions
        1 east, 2 south-east, 4 south … 128 north-east; 0 an outlet; 247 missing. Shape (y, x).

    Returns
    -------
    Drainage
        Cells that point out of the array are outlets.

    Raises
    ------
    InputError
        If a code is unknown or the directions run in a circle.
    """
    known = np.isin(directions, [*D8_STEPS, D8_PIT, D8_MISSING])
    if not known.all():
        raise InputError(f"D8 codes are 0, 1, 2, 4 … 128 and 247, got {int(directions[~known][0])}")
    rows, columns = np.indices(directions.shape)
    step_rows, step_columns = np.zeros(256, np.int64), np.zeros(256, np.int64)
    for code, (row, column) in D8_STEPS.items():
        step_rows[code], step_columns[code] = row, column
    to_row, to_column = rows + step_rows[directions], columns + step_columns[directions]
    inside = (to_row >= 0) & (to_row < directions.shape[0]) & (to_column >= 0) & (to_column < directions.shape[1])
    flows = inside & (directions != D8_PIT) & (directions != D8_MISSING)
    flows[flows] = directions[to_row[flows], to_column[flows]] != D8_MISSING
    downstream = np.where(flows, to_row * directions.shape[1] + to_column, -1).astype(np.int32)
    observed = directions != D8_MISSING
    order = _downstream_first(downstream.ravel(), observed.ravel())
    if order.size != int(observed.sum()):
        raise InputError("the D8 directions run in a circle; fill the terrain first")
    return Drainage(downstream, order)


def upstream_cells(tree: Drainage) -> NDArray[np.int32]:
    """Return how many cells drain through each cell, itself included; 0 where missing. Shape (y, x)."""
    counts = np.zeros(tree.downstream.size, np.int32)
    counts[tree.order] = 1
    _accumulate(tree.downstream.ravel(), tree.order, counts)
    return counts.reshape(tree.downstream.shape)


def upstream_area(tree: Drainage, areas: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area that drains through each cell, its own included; 0 where missing. Shape (y, x).

    Parameters
    ----------
    tree
        From `drainage`.
    areas
        Of the cells, which broadcasts to (y, x).
    """
    total = np.zeros(tree.downstream.size, np.float64)
    total[tree.order] = np.broadcast_to(areas, tree.downstream.shape).ravel()[tree.order]
    _accumulate(tree.downstream.ravel(), tree.order, total)
    return total.reshape(tree.downstream.shape)


@njit(cache=True, nogil=True)
def _accumulate(downstream, order, counts):  # type: ignore[no-untyped-def]  # pragma: no cover
    for i in range(order.size - 1, -1, -1):
        cell = order[i]
        if downstream[cell] >= 0:
            counts[downstream[cell]] += counts[cell]


@njit(cache=True, nogil=True)
def _downstream_first(downstream, observed):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Kahn's sort from the ridges down, reversed."""
    inflows = np.zeros(downstream.size, np.int32)
    for cell in range(downstream.size):
        if observed[cell] and downstream[cell] >= 0:
            inflows[downstream[cell]] += 1
    order = np.empty(downstream.size, np.int32)
    filled = 0
    for cell in range(downstream.size):
        if observed[cell] and inflows[cell] == 0:
            order[filled] = cell
            filled += 1
    done = 0
    while done < filled:
        target = downstream[order[done]]
        done += 1
        if target >= 0:
            inflows[target] -= 1
            if inflows[target] == 0:
                order[filled] = target
                filled += 1
    return order[:filled][::-1].copy()


@njit(cache=True, nogil=True)
def _steepest(filled, heights, source, steps, lengths):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return where every cell drains, all arrays framed by one cell: flat index without the frame, -1 at outlets."""
    rows, columns = filled.shape[0] - 2, filled.shape[1] - 2
    level, ground = filled.ravel(), heights.ravel()
    downstream = np.full((rows, columns), -1, np.int32)
    for row in range(rows):
        for column in range(columns):
            cell = (row + 1) * (columns + 2) + column + 1
            if source[cell] == OUTLET:
                continue
            target = cell - steps[source[cell]]
            if level[cell] == ground[cell]:
                best = 0.0
                for k in range(8):
                    fall = (ground[cell] - level[cell + steps[k]]) / lengths[k]
                    if fall > best:
                        best, target = fall, cell + steps[k]
            downstream[row, column] = (target // (columns + 2) - 1) * columns + target % (columns + 2) - 1
    return downstream
