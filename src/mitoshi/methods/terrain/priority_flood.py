"""Priority flood: the order in which rising water reaches the cells of a terrain, from its outlets inward.

Cells come by level, those of one level by their place in the array. The queue is exact and has no comparisons: all cells are
sorted once, and a cell that waits is a bit at its place in that order. Cells below the present level lie in a depression and wait
in a second set by their place in the array; the two are merged where levels are equal. The result is that of a heap of (level,
place), cell by cell.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["OUTLET", "Flooded", "neighbours", "priority_flood"]

OUTLET = 255


class Flooded(NamedTuple):
    """A flooded terrain, framed by one cell on every side that is never reached.

    Attributes
    ----------
    ground
        Metres, shape (y + 2, x + 2); NaN in the frame and where missing.
    filled
        Level at which water leaves each cell, metres, shape (y + 2, x + 2); NaN in the frame and where missing.
    source
        Which neighbour's water came to each cell, as the step from that neighbour, 0 east, then clockwise; 255 at outlets and
        where missing, shape (cells,).
    order
        Flat indices (in the frame) of the observed cells as the water reached them, shape (n,).
    """

    ground: NDArray[np.float64]
    filled: NDArray[np.float64]
    source: NDArray[np.uint8]
    order: NDArray[np.int32]


def priority_flood(heights: NDArray[np.float64]) -> Flooded:
    """Return the terrain filled to its lowest outlets, and how the water came. The rim and cells beside missing ones are open.

    Parameters
    ----------
    heights
        Metres, shape (y, x), NaN where missing.

    Notes
    -----
    Barnes, Lehman and Mulla (2014), Computers & Geosciences 62, algorithm 3, with depressions kept out of the main queue as in
    their algorithm 2. Ties go to the smaller row, then the smaller column.
    """
    framed = np.pad(heights + 0.0, 1, constant_values=np.nan)  # -0 counts as 0
    ranked = _sorted_cells(framed.ravel())
    source = np.full(framed.size, OUTLET, np.uint8)
    order = np.empty(ranked.size, np.int32)
    filled, steps = framed.ravel().copy(), neighbours(framed.shape[1])
    _rise(framed.ravel(), ranked, steps, _empty_set(ranked.size), _empty_set(framed.size), filled, source, order)
    return Flooded(framed, filled.reshape(framed.shape), source, order)


def neighbours(width: int) -> NDArray[np.int64]:
    """Return the steps to the eight neighbours, east then clockwise."""
    return np.array([1, width + 1, width, width - 1, -1, -width - 1, -width, -width + 1])


def _sorted_cells(heights: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return the observed cells by height, then by place."""
    cells = np.flatnonzero(~np.isnan(heights)).astype(np.int32)
    values = heights[cells]
    short = values.astype(np.float32)
    if not (short == values).all():
        return cells[np.argsort(values, kind="stable")]
    del values  # of a large piece every array counts
    ranked: NDArray[np.int32] = _by_radix(short.view(np.uint32), cells)
    return ranked


@njit(cache=True, nogil=True)
def _by_radix(bits, cells):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return the cells by the 32-bit floats whose bits are given, those of equal height in their order: three passes of 11 bits.

    Both arrays are overwritten.
    """
    size, sign = bits.size, np.uint32(1 << 31)
    if size == 0:
        return cells
    counts = np.zeros((3, 2048), np.int64)
    for n in range(size):
        key = ~bits[n] if bits[n] & sign else bits[n] | sign  # whole numbers in the order of the heights
        bits[n] = key
        for turn in range(3):
            counts[turn, (key >> np.uint32(11 * turn)) & np.uint32(2047)] += 1
    other_bits, other_cells = np.empty_like(bits), np.empty_like(cells)
    for turn in range(3):
        shift, begin = np.uint32(11 * turn), 0
        if counts[turn, (bits[0] >> shift) & np.uint32(2047)] == size:
            continue  # all alike
        for digit in range(2048):
            count = counts[turn, digit]
            counts[turn, digit] = begin
            begin += count
        for n in range(size):
            digit = (bits[n] >> shift) & np.uint32(2047)
            place = counts[turn, digit]
            counts[turn, digit] = place + 1
            other_bits[place], other_cells[place] = bits[n], cells[n]
        bits, other_bits = other_bits, bits
        cells, other_cells = other_cells, cells
    return cells


def _empty_set(size: int) -> tuple[NDArray[np.uint64], tuple[int, ...]]:
    """Return a set of whole numbers below `size`, at most 2^36: six levels of 64 bits a word, and where each begins."""
    sizes = [max(1, -(-size // 64**k)) for k in range(1, 7)]
    starts = np.cumsum([0, *sizes])
    return np.zeros(starts[-1], np.uint64), tuple(int(start) for start in starts[:-1])


@njit(cache=True, nogil=True, inline="always")
def _lowest_bit(word):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return the position of the lowest bit that is set."""
    word &= ~word + np.uint64(1)
    n = 0
    if word & np.uint64(0xFFFFFFFF00000000):
        n += 32
    if word & np.uint64(0xFFFF0000FFFF0000):
        n += 16
    if word & np.uint64(0xFF00FF00FF00FF00):
        n += 8
    if word & np.uint64(0xF0F0F0F0F0F0F0F0):
        n += 4
    if word & np.uint64(0xCCCCCCCCCCCCCCCC):
        n += 2
    if word & np.uint64(0xAAAAAAAAAAAAAAAA):
        n += 1
    return n


@njit(cache=True, nogil=True)
def _add(words, starts, number):  # type: ignore[no-untyped-def]  # pragma: no cover
    for start in starts:
        word, bit = start + (number >> 6), np.uint64(1) << np.uint64(number & 63)
        before = words[word]
        words[word] = before | bit
        if before:
            return
        number >>= 6


@njit(cache=True, nogil=True)
def _remove(words, starts, number):  # type: ignore[no-untyped-def]  # pragma: no cover
    for start in starts:
        word = start + (number >> 6)
        words[word] &= ~(np.uint64(1) << np.uint64(number & 63))
        if words[word]:
            return
        number >>= 6


@njit(cache=True, nogil=True)
def _smallest(words, starts):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return the smallest number in the set, -1 where it is empty."""
    if words[starts[5]] == 0:
        return -1
    n = 0
    for start in (starts[5], starts[4], starts[3], starts[2], starts[1], starts[0]):
        n = (n << 6) + _lowest_bit(words[start + n])
    return n


@njit(cache=True, nogil=True)
def _rise(heights, ranked, steps, slope_set, pit_set, filled, source, order):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Let the water rise; `source` holds the step by which it came.

    What waits is known by its place in the order of heights, so a neighbour costs one look into one array.
    """
    (slopes, slope_starts), (pits, pit_starts) = slope_set, pit_set
    place = np.full(heights.size, -1, np.int32)  # -1 where the water has been, or cannot go
    for n in range(ranked.size):
        place[ranked[n]] = n
    for n in range(ranked.size):
        cell = ranked[n]
        for step in steps:
            if np.isnan(heights[cell + step]):
                _add(slopes, slope_starts, np.int64(n))
                break
    _withdraw(place, ranked, slopes)
    level, lowest = -np.inf, np.int64(0)  # of the water, and the first place in the order at this level
    for done in range(order.size):
        nearest, pit = _smallest(slopes, slope_starts), _smallest(pits, pit_starts)
        cell = np.int64(ranked[nearest]) if nearest >= 0 else np.int64(-1)
        if pit >= 0 and (cell < 0 or heights[cell] > level or pit < cell):
            cell = np.int64(pit)
            _remove(pits, pit_starts, cell)
        else:
            _remove(slopes, slope_starts, np.int64(nearest))
            if heights[cell] > level:
                level, lowest = heights[cell], np.int64(nearest)
                while lowest > 0 and heights[ranked[lowest - 1]] == level:
                    lowest -= 1
        order[done] = cell
        for k in range(8):
            other = cell + steps[k]
            rank = np.int64(place[other])
            if rank < 0:
                continue
            place[other] = -1
            source[other] = k
            if rank < lowest:
                filled[other] = level
                _add(pits, pit_starts, other)
            else:
                _add(slopes, slope_starts, rank)


@njit(cache=True, nogil=True)
def _withdraw(place, ranked, waiting):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Mark the cells that wait as reached."""
    for n in range(ranked.size):
        if waiting[n >> 6] >> np.uint64(n & 63) & np.uint64(1):
            place[ranked[n]] = -1
