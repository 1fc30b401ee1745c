"""The padded layout of a shallow-water grid: tiles, ghost cells and faces with a rule of their own."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mitoshi.methods.hydraulics.lanes import PAD, TILE_WIDTH

__all__ = ["Faces", "Tiling", "active_tiles", "pad", "special_faces", "tiling"]


class Tiling(NamedTuple):
    """Boxes (y0, y1, x0, x1) in padded cells, row by row of tiles; `shape` counts tiles down and across."""

    boxes: NDArray[np.int64]
    shape: tuple[int, int]


class Faces(NamedTuple):
    """Faces with a rule of their own, by row: start of each row, column of the cell before the face, kind, value.

    `places` are side and number of the edge cell, where `incoming` says what comes in.
    """

    pointer: NDArray[np.int64]
    columns: NDArray[np.int64]
    kinds: NDArray[np.int64]
    values: NDArray[np.float64]
    places: NDArray[np.int64]
    incoming: NDArray[np.float64]


def tiling(ny: int, nx: int) -> Tiling:
    """Cut a grid into tiles; the cut depends on the grid alone, so that sums by tile do not depend on the threads."""
    down = 1 if ny < 16 else max(2, 2 * round(ny / 80))
    across = -(-nx // TILE_WIDTH)
    rows, columns = cuts(ny, min(down, ny)), cuts(nx, across)
    boxes = [(y0, y1, x0, x1) for y0, y1 in rows for x0, x1 in columns]
    return Tiling(np.array(boxes, dtype=np.int64) + PAD, (len(rows), len(columns)))


def cuts(length: int, parts: int) -> list[tuple[int, int]]:
    """Cut a length into parts that differ by at most one cell."""
    marks = [length * k // parts for k in range(parts + 1)]
    return list(pairwise(marks))


def pad(grid: NDArray[Any], fill: float) -> NDArray[np.float64]:
    """Return the grid within PAD ghost cells of one value."""
    return np.pad(np.asarray(grid, dtype=np.float64), PAD, constant_values=fill)


def special_faces(
    entries: list[tuple[NDArray[np.int64], NDArray[np.int64], int, NDArray[np.float64], NDArray[np.int64]]],
    rows: int,
    incoming: NDArray[np.float64],
) -> Faces:
    """Sort (row, column, kind, value, place) entries by row."""
    row = np.concatenate([np.zeros(0, np.int64), *(entry[0] for entry in entries)])
    column = np.concatenate([np.zeros(0, np.int64), *(entry[1] for entry in entries)])
    kind = np.concatenate([np.zeros(0, np.int64), *(np.full(entry[0].size, entry[2], np.int64) for entry in entries)])
    value = np.concatenate([np.zeros(0), *(entry[3] for entry in entries)])
    place = np.concatenate([np.zeros((0, 2), np.int64), *(entry[4] for entry in entries)])
    order = np.lexsort((column, row))
    pointer = np.searchsorted(row[order], np.arange(rows + 1)).astype(np.int64)
    return Faces(pointer, column[order], kind[order], value[order], place[order], incoming)


@njit(cache=True, nogil=True)
def active_tiles(wet, always, shape, rainy, active):  # type: ignore[no-untyped-def]  # pragma: no cover
    """List the tiles that hold water, touch one that does, or get some; returns how many.

    `wet` counts down from 2 after a tile's last water: both time levels must be dry before a tile may rest.
    """
    down, across = shape
    count = 0
    for y in range(down):
        for x in range(across):
            tile = y * across + x
            works = rainy or always[tile]
            for yy in range(max(0, y - 1), min(down, y + 2)):
                for xx in range(max(0, x - 1), min(across, x + 2)):
                    works = works or wet[yy * across + xx] > 0
            if works:
                active[count] = tile
                count += 1
    return count
