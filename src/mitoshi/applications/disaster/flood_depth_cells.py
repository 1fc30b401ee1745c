"""The flood's pieces in square cells, and the heights along their edge: what `disaster.flood-depth` reads from a block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

if TYPE_CHECKING:
    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

__all__ = [
    "DRY",
    "FLOODED",
    "PERMANENT",
    "UNSEEN",
    "Edge",
    "Pieces",
    "codes_of",
    "edge_heights",
    "label_cells",
    "pairs",
    "pieces",
    "touching",
    "usable_edges",
]

DRY, FLOODED, PERMANENT, UNSEEN = 0, 1, 2, 255
ISLAND_M2 = 100_000.0
"""Dry specks below this size are taken for gaps of the map, not for islands (Betterle and Salamon 2024 close 0.01 km2)."""

STRETCH = 8
"""Pixels along a side of the squares in which edge heights are averaged."""

FLAT_M = 0.05
"""Standard deviation of an edge's height on perfectly flat ground."""


class Pieces(NamedTuple):
    """Connected water of each cell; a piece lies in one cell.

    Attributes
    ----------
    label
        (rows, columns) number of the piece within its cell, -1 where there is none; int16.
    first
        (cell rows, cell columns) number of the cell's first piece among all.
    number
        (cell rows, cell columns) pieces of the cell.
    """

    label: NDArray[np.int16]
    first: Integers
    number: Integers


class Edge(NamedTuple):
    """Heights of the water's edge, averaged over stretches of a piece.

    Attributes
    ----------
    piece
        (samples,) number of the piece in the block.
    down, across
        (samples,) place in the block [pixels].
    height
        (samples,) mean height of the edge [m].
    variance
        (samples,) of that height within the stretch [m2].
    """

    piece: Integers
    down: Floats
    across: Floats
    height: Floats
    variance: Floats


def codes_of(flood: NDArray[Any]) -> NDArray[np.uint8]:
    """Return uint8 codes of a flood extent: 0 dry, 1 flooded, 2 permanent water, 255 not observable (NaN and all else)."""
    codes = np.full(flood.shape, UNSEEN, np.uint8)
    for code in (DRY, FLOODED, PERMANENT):
        codes[flood == code] = code
    return codes


@njit(cache=True, nogil=True)
def _label_cells(codes, top, left, cell, label, count):  # type: ignore[no-untyped-def]
    """Label the 4-connected water of every cell that holds flood, in raster order."""
    rows, columns = codes.shape
    stack = np.empty((cell * cell, 2), np.int32)
    for i in range(count.shape[0]):
        r0, r1 = max(0, (top // cell + i) * cell - top), min(rows, (top // cell + i + 1) * cell - top)
        for j in range(count.shape[1]):
            c0, c1 = max(0, (left // cell + j) * cell - left), min(columns, (left // cell + j + 1) * cell - left)
            flooded = False
            for r in range(r0, r1):
                for c in range(c0, c1):
                    flooded |= codes[r, c] == FLOODED
            if not flooded:
                continue
            found = 0
            for r in range(r0, r1):
                for c in range(c0, c1):
                    if label[r, c] >= 0 or (codes[r, c] != FLOODED and codes[r, c] != PERMANENT):
                        continue
                    label[r, c] = found
                    stack[0, 0], stack[0, 1], size = r, c, 1
                    while size > 0:
                        size -= 1
                        y, x = stack[size, 0], stack[size, 1]
                        for n in range(4):
                            v, u = y + (n == 0) - (n == 1), x + (n == 2) - (n == 3)
                            if v < r0 or v >= r1 or u < c0 or u >= c1 or label[v, u] >= 0:
                                continue
                            if codes[v, u] == FLOODED or codes[v, u] == PERMANENT:
                                label[v, u] = found
                                stack[size, 0], stack[size, 1] = v, u
                                size += 1
                    found += 1
            count[i, j] = found


def label_cells(codes: NDArray[np.uint8], origin: tuple[int, int], cell: int) -> Pieces:
    """Return the pieces of a window of a scene.

    Parameters
    ----------
    codes
        (rows, columns), from `codes_of`.
    origin
        Row and column of the window's first pixel in the scene; cells are counted from the scene's origin.
    cell
        Side of a cell [pixels].

    Returns
    -------
    Pieces
        Flooded and permanent water of the cells that hold any flood, 4-connected within the cell. Numbers of a cell that lies
        whole in the window are the same whatever the window.
    """
    top, left = origin
    shape = tuple(-(-(start % cell + size) // cell) for start, size in zip(origin, codes.shape, strict=True))
    label = np.full(codes.shape, -1, np.int16)
    count = np.zeros(shape, np.int64)
    _label_cells(codes, top, left, cell, label, count)
    first = np.concatenate([[0], np.cumsum(count.ravel())[:-1]]).reshape(shape)
    return Pieces(label, first, count)


def pieces(found: Pieces, origin: tuple[int, int], cell: int) -> NDArray[np.int32]:
    """Return the number of each pixel's piece among all of the window, -1 where there is none; (rows, columns)."""
    rows, columns = (
        (start % cell + np.arange(size)) // cell for start, size in zip(origin, found.label.shape, strict=True)
    )
    first = found.first.astype(np.int32)
    return np.where(found.label >= 0, first[rows[:, None], columns[None, :]] + found.label, np.int32(-1))


def touching(piece: NDArray[np.int32], side: int) -> tuple[Integers, Integers]:
    """Return pairs of pieces that touch across a cell's side, (n, 2) eastward and (n, 2) southward."""
    right = np.arange(side, piece.shape[1], side)
    below = np.arange(side, piece.shape[0], side)
    return (
        pairs(piece[:, right - 1].ravel(), piece[:, right].ravel()),
        pairs(piece[below - 1].ravel(), piece[below].ravel()),
    )


def pairs(one: NDArray[Any], other: NDArray[Any]) -> Integers:
    """Return the different pairs, (n, 2), of two lists of which both members are pieces (not -1)."""
    both = (one >= 0) & (other >= 0)
    return np.unique(np.stack([one[both], other[both]], axis=1), axis=0)


@njit(cache=True, nogil=True)
def _edges(codes, usable, piece, heights, datum, cell, sums):  # type: ignore[no-untyped-def]
    """Sum the edge heights between flooded and dry pixels over stretches; weights by how well the two heights agree."""
    rows, columns = codes.shape
    across = cell // STRETCH
    for r in range(rows):
        for c in range(columns):
            if codes[r, c] != FLOODED or not usable[r, c]:
                continue
            wet = np.float64(heights[r, c]) - datum
            for n in range(4):
                y, x = r + (n == 0) - (n == 1), c + (n == 2) - (n == 3)
                if y < 0 or y >= rows or x < 0 or x >= columns or codes[y, x] != DRY or not usable[y, x]:
                    continue
                dry = np.float64(heights[y, x]) - datum
                if not (np.isfinite(wet) and np.isfinite(dry)):
                    continue
                step = (dry - wet) ** 2 / 12.0  # the surface lies between the two, anywhere
                weight = 1.0 / (FLAT_M**2 + step)
                z = 0.5 * (wet + dry)
                key = piece[r, c] * across * across + (r % cell) // STRETCH * across + (c % cell) // STRETCH
                sums[key, 0] += weight
                sums[key, 1] += weight * z
                sums[key, 2] += weight * z * z
                sums[key, 3] += weight * 0.5 * (r + y)
                sums[key, 4] += weight * 0.5 * (c + x)
                sums[key, 5] += weight * step


def edge_heights(
    codes: NDArray[np.uint8],
    usable: NDArray[np.bool_],
    piece: NDArray[np.int32],
    heights: NDArray[np.float32],
    cell: int,
    count: int,
) -> Edge:
    """Return the heights of the edge between flooded and dry pixels.

    Parameters
    ----------
    codes
        (rows, columns) of a block that begins at a cell's corner.
    usable
        Pixels whose edge is that of the water: not beside what could not be seen, no speck of dry.
    piece
        (rows, columns) from `pieces`.
    heights
        (rows, columns) elevation [m].
    cell
        Side of a cell, a multiple of `STRETCH`.
    count
        Number of pieces.
    """
    sums = np.zeros((count * (cell // STRETCH) ** 2, 6))
    known = heights[np.isfinite(heights)]
    datum = float(known.mean(dtype=np.float64)) if known.size else 0.0
    _edges(codes, usable, piece, heights, datum, cell, sums)
    keys = np.flatnonzero(sums[:, 0] > 0)
    weight, z, square, down, across, step = sums[keys].T
    mean = z / weight
    variance = np.maximum(square / weight - mean**2, 0.0) + step / weight
    return Edge(keys // (cell // STRETCH) ** 2, down / weight + 0.5, across / weight + 0.5, mean + datum, variance)


def usable_edges(codes: NDArray[np.uint8], pixel_m2: float) -> NDArray[np.bool_]:
    """Return pixels whose edge is that of the water: two pixels from what was not seen, one from permanent water, no speck."""
    from scipy import ndimage

    unseen = ndimage.binary_dilation(codes == UNSEEN, iterations=2)
    permanent = ndimage.binary_dilation(codes == 2, np.ones((3, 3)))
    islands, count = ndimage.label(codes == DRY)
    size = np.bincount(islands.ravel(), minlength=count + 1)
    small = size * pixel_m2 < ISLAND_M2
    for rim in (islands[0], islands[-1], islands[:, 0], islands[:, -1]):
        small[rim] = False  # may go on in the next block
    small[0] = False
    return np.asarray(~(unseen | permanent | small[islands]))
