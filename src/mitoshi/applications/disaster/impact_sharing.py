"""What sharing counts out over cells leaves open: where in a cell of the population its people are, and where the water ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mitoshi.core.quantity import Raster

__all__ = ["NORMAL_90", "Shares", "add_shares", "empty_shares", "half_width", "unknown_share"]

Floats = NDArray[np.float64]
NORMAL_90 = 1.6448536269514722
EDGE_90 = 0.45  # pixels: 90 % of an edge that lies evenly anywhere within half a pixel of where it is drawn
WET, ALL, EDGE = range(3)


class Shares(NamedTuple):
    """People by cell of the population's own grid.

    Attributes
    ----------
    affine
        From (column, row) of the run's grid to that of the population.
    first
        Row and column of the population's cell at which `people` begins.
    people
        (3, rows, columns) in water, of all observed, and on pixels beside the water's edge.
    cells
        Wet pixels, and those of them without a count.
    """

    affine: tuple[float, ...] | None
    first: tuple[int, int]
    people: Floats
    cells: NDArray[np.int64]


def empty_shares(population: Raster, shape: tuple[int, int]) -> Shares:
    """Return counts of nobody, for a population that was put on the run's grid or was on it."""
    affine = population.attrs.get("shared_from")
    if affine is None:
        return Shares(None, (0, 0), np.zeros((3, 1, 1)), np.zeros(2, np.int64))
    a, b, c, d, e, f = (float(v) for v in affine)
    if abs(a * e - b * d) >= 1.0:  # cells finer than pixels: a pixel holds whole cells
        return Shares((0.0,) * 6, (0, 0), np.zeros((3, 1, 1)), np.zeros(2, np.int64))
    corners = np.array([(0, 0), (shape[1], 0), (0, shape[0]), (shape[1], shape[0])], float)
    x, y = a * corners[:, 0] + b * corners[:, 1] + c, d * corners[:, 0] + e * corners[:, 1] + f
    first = int(np.floor(y.min())), int(np.floor(x.min()))
    size = int(np.ceil(y.max())) - first[0] + 1, int(np.ceil(x.max())) - first[1] + 1
    return Shares((a, b, c, d, e, f), first, np.zeros((3, *size)), np.zeros(2, np.int64))


def add_shares(shares: Shares, depth: NDArray[Any], people: NDArray[Any], first: int) -> None:
    """Add the people of one band, in place; depth has a row more on both sides where the scene goes on.

    Parameters
    ----------
    shares
        So far.
    depth
        (rows + halo, columns) depth [m], 0 dry, NaN not observed.
    people
        (rows, columns) people per pixel; NaN is nobody known.
    first
        Row of the scene at which the band begins.
    """
    above = 1 if first > 0 else 0
    wet = depth[above : above + people.shape[0]] > 0
    shares.cells[:] += np.count_nonzero(wet), np.count_nonzero(wet & np.isnan(people))
    if shares.affine is not None:
        _add(shares.people, np.array(shares.affine), *shares.first, depth, people, above, first)


def half_width(shares: Shares) -> float:
    """Return half of the 90 % range of the people in water that sharing out leaves open.

    Notes
    -----
    A cell of N people with the share f in water holds N f of them in water with a variance of up to N² f (1 - f): that of people
    who all live in one place. Cells are independent of each other. The water's edge as drawn by pixels lies within half a pixel
    of the true one, everywhere on the same side at worst.
    """
    if shares.affine is None:
        return 0.0
    wet, everyone, edge = shares.people
    clustered = float(np.sqrt((wet * np.maximum(everyone - wet, 0.0)).sum()))
    if shares.people.shape[1:] == (1, 1) and not any(shares.affine):
        clustered = 0.0
    return NORMAL_90 * clustered + EDGE_90 * 0.5 * float(edge.sum())


def unknown_share(shares: Shares) -> float:
    """Return the share of the wet pixels of which the population has no count; NaN without water."""
    wet, unknown = shares.cells
    return float(unknown) / float(wet) if wet else float("nan")


@njit(cache=True)
def _add(
    found: Any, affine: Any, row0: int, column0: int, depth: Any, people: Any, above: int, first: int
) -> None:  # pragma: no cover
    height, width = people.shape
    for i in range(height):
        for j in range(width):
            here, water = people[i, j], depth[i + above, j]
            if not here > 0 or water != water:
                continue
            c, r = j + 0.5, first + i + 0.5
            x = int(np.floor(affine[0] * c + affine[1] * r + affine[2])) - column0
            y = int(np.floor(affine[3] * c + affine[4] * r + affine[5])) - row0
            x, y = min(max(x, 0), found.shape[2] - 1), min(max(y, 0), found.shape[1] - 1)
            wet = water > 0
            found[1, y, x] += here
            if wet:
                found[0, y, x] += here
            at_edge = False
            for k in range(4):
                p = i + above + (1 if k == 0 else -1 if k == 1 else 0)
                q = j + (1 if k == 2 else -1 if k == 3 else 0)
                if 0 <= p < depth.shape[0] and 0 <= q < width:
                    beside = depth[p, q]
                    if beside == beside and (beside > 0) != wet:
                        at_edge = True
            if at_edge:
                found[2, y, x] += here
