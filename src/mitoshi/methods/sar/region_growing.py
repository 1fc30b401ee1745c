"""Region growing and clean-up with bounded reach, so that a tile decides as the whole scene would."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

__all__ = ["GROWTH_STEPS", "SMALLEST_SEGMENT", "grow", "mapped", "remove_small"]

GROWTH_STEPS = 8
GROWTH_TOLERANCE = 0.8
"""Pixels join a segment down to this share of the threshold (OPERA DSWx-S1 grows from 0.81 to 0.51)."""

SMALLEST_SEGMENT = 8
"""Pixels: less than 0.1 ha at 10 m is speckle (HydroSAR drops 3 pixels of 30 m, which is more)."""


def mapped(chance: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Return the pixels above a threshold, grown into likely neighbours, without small segments and small holes.

    Parameters
    ----------
    chance
        Probability, shape (y, x), no NaN.
    threshold
        Probability of a seed.

    Returns
    -------
    NDArray[np.bool_]
        Shape (y, x). Depends on pixels at most GROWTH_STEPS + 2 × SMALLEST_SEGMENT away.
    """
    seeds = remove_small(chance >= threshold, SMALLEST_SEGMENT)
    grown = grow(seeds, chance >= GROWTH_TOLERANCE * threshold, GROWTH_STEPS)
    return ~remove_small(~grown, SMALLEST_SEGMENT)


def grow(seeds: NDArray[np.bool_], tolerated: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """Return the seeds grown into tolerated pixels by at most `steps` 8-connected steps.

    Parameters
    ----------
    seeds
        Certain pixels, shape (y, x).
    tolerated
        Pixels that may join, shape (y, x).
    steps
        Largest number of steps; also the reach of this function in pixels.

    Returns
    -------
    NDArray[np.bool_]
        Shape (y, x).

    Raises
    ------
    InputError
        If `steps` is negative or the shapes differ.

    Notes
    -----
    Geodesic dilation: d(k) = dilate(d(k-1)) and tolerated, d(0) = seeds. Each layer is the front of the one before.
    """
    if steps < 0 or seeds.shape != tolerated.shape:
        raise InputError(
            f"steps must not be negative and shapes must match, got {steps}, {seeds.shape}, {tolerated.shape}"
        )
    grown = seeds.copy()
    _grow(grown, tolerated, steps)
    return grown


@njit(cache=True, nogil=True)
def _grow(grown, tolerated, steps):  # type: ignore[no-untyped-def]  # pragma: no cover
    rows, columns = grown.shape
    front = np.flatnonzero(grown).astype(np.int32)
    for _ in range(steps):
        reached = np.empty(8 * front.size, np.int32)
        count = 0
        for cell in front:
            row, column = cell // columns, cell % columns
            for r in range(max(row - 1, 0), min(row + 2, rows)):
                for c in range(max(column - 1, 0), min(column + 2, columns)):
                    if tolerated[r, c] and not grown[r, c]:
                        grown[r, c] = True
                        reached[count] = r * columns + c
                        count += 1
        front = reached[:count].copy()


def remove_small(mask: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Return the mask without 8-connected segments of fewer than `least` pixels.

    Parameters
    ----------
    mask
        Shape (y, x).
    least
        Smallest segment kept; a smaller one reaches at most `least` - 2 pixels from any of its pixels.

    Returns
    -------
    NDArray[np.bool_]
        Shape (y, x).

    Raises
    ------
    InputError
        If `least` is below 1.
    """
    if least < 1:
        raise InputError(f"the smallest segment has at least 1 pixel, got {least}")
    kept = mask.copy()
    _remove(mask, least, kept)
    return kept


@njit(cache=True, nogil=True)
def _remove(mask, least, kept):  # type: ignore[no-untyped-def]  # pragma: no cover
    rows, columns = mask.shape
    seen = np.zeros((rows, columns), np.bool_)
    stack = np.empty(mask.size, np.int32)
    for first in range(mask.size):
        if not mask[first // columns, first % columns] or seen[first // columns, first % columns]:
            continue
        seen[first // columns, first % columns] = True
        stack[0] = first
        count, done = 1, 0
        while done < count:
            row, column = stack[done] // columns, stack[done] % columns
            done += 1
            for r in range(max(row - 1, 0), min(row + 2, rows)):
                for c in range(max(column - 1, 0), min(column + 2, columns)):
                    if mask[r, c] and not seen[r, c]:
                        seen[r, c] = True
                        stack[count] = r * columns + c
                        count += 1
        if count < least:
            for i in range(count):
                kept[stack[i] // columns, stack[i] % columns] = False
