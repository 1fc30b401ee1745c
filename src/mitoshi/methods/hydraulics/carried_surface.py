"""Water that is carried into ground that was not seen: where it may come, over what barrier, and how high it stands there.

The surface of the water that was seen goes on as the same membrane (`mitoshi.methods.hydraulics.water_surface`) over the ground
that it can reach. What was seen stays as it is; every draw of its surface is continued by a draw of the membrane, so the
uncertainty that neighbouring shores have in common is not averaged away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mitoshi.methods.hydraulics.water_surface import (
    SAMPLES,
    SEED,
    Lattice,
    WaterSurface,
    bilinear_weights,
    draws_of,
    solved,
    stiffness_of,
    with_data,
)

if TYPE_CHECKING:
    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

__all__ = ["BOUND", "Contact", "DryGround", "Reach", "Ways", "carry_water_surface", "reach_of"]

TIE_M = 0.05
"""Standard deviation between the surface on both sides of the line where what was seen ends."""

FREE_M = 50.0
"""Standard deviation of the carried level before any contact."""

ROUNDS = 8
BOUND = 3.0
"""Standard deviations above the carried level up to which ground may be reached."""


class Contact(NamedTuple):
    """Where the water that was seen touches ground that was not.

    Attributes
    ----------
    piece
        (contacts,) the unseen piece.
    across, down
        (contacts,) place in its cell, 0..1 from the west and from the north.
    level
        (contacts,) of the water that was seen [m].
    draws
        (contacts, draws) deviations of that level, a draw of the field in each column [m].
    """

    piece: Integers
    across: Floats
    down: Floats
    level: Floats
    draws: Floats


class DryGround(NamedTuple):
    """Ground beside the unseen that was seen to be dry: were water there, it would stand lower.

    Attributes
    ----------
    piece
        (samples,) the unseen piece beside it.
    across, down
        (samples,) place in its cell, 0..1 from the west and from the north.
    height
        (samples,) of the ground [m].
    deviation
        (samples,) standard deviation of that height against the surface beside it [m].
    weight
        (samples,) how many independent heights a sample stands for.
    """

    piece: Integers
    across: Floats
    down: Floats
    height: Floats
    deviation: Floats
    weight: Floats


class Ways(NamedTuple):
    """Heights that ways have to pass between places, (rows, columns) each [m].

    Attributes
    ----------
    entry
        Lowest pass from the water that touches the place; minus infinity where none is known.
    east, south
        Lowest pass to the eastern and to the southern place; NaN where none is known.
    """

    entry: NDArray[np.float32]
    east: NDArray[np.float32]
    south: NDArray[np.float32]


class Reach(NamedTuple):
    """Which ground water can come to, (rows, columns) each.

    Attributes
    ----------
    reached
        Whether a barrier on the way stands no more than three standard deviations above the water.
    barrier
        Highest ground on the lowest way from the water [m], that of the place included; infinite where not reached.
    """

    reached: NDArray[np.bool_]
    barrier: NDArray[np.float32]


def carry_water_surface(lattice: Lattice, contact: Contact, dry: DryGround, roughness: float) -> WaterSurface:
    """Return the surface over ground that was not seen, continued from its contacts.

    Parameters
    ----------
    lattice
        The unseen pieces that water can reach.
    contact
        Where they touch the water that was seen.
    dry
        Where they touch ground that was seen to be dry.
    roughness
        Standard deviation of the surface's difference across a cell [m].

    Returns
    -------
    WaterSurface

    Notes
    -----
    The mode of the membrane tied to the contacts, under a probit likelihood Φ((z - h) / σ) of staying below each dry ground
    (Newton steps; Rasmussen and Williams 2006, eq. 3.16). A draw is the membrane's own draw about the mode, tied to the same
    draw of the water seen.
    """
    size = lattice.place.size
    spread = np.full(size, FREE_M)
    basis = bilinear_weights(np.concatenate([contact.across, dry.across]), np.concatenate([contact.down, dry.down]))
    columns = lattice.corners[np.concatenate([contact.piece, dry.piece])]
    stiffness = stiffness_of(lattice, 1.0 / roughness**2)
    datum = float(contact.level.mean())
    tied = len(contact.piece)
    weight = np.concatenate([np.full(tied, 1.0 / TIE_M**2), np.zeros(len(dry.piece))])
    height = np.concatenate([contact.level, dry.height]) - datum
    level = np.zeros((size, 1))
    for _ in range(ROUNDS):
        matrix, seen = with_data(stiffness, basis, columns, weight, spread)
        level = solved(matrix, np.asarray(seen.T @ (weight * height))[:, None], level)
        there = (basis[tied:] * level[columns[tied:], 0]).sum(axis=1)
        weight[tied:], height[tied:] = _below(there, dry.height - datum, dry)
    right = draws_of(lattice, seen, weight, 1.0 / roughness**2, spread, SEED + 1)  # not those of the water seen
    pull = np.zeros((len(weight), SAMPLES))
    pull[:tied] = weight[:tied, None] * contact.draws
    right += np.asarray(seen.T @ pull)
    draws = solved(with_data(stiffness, basis, columns, weight, spread)[0], right, np.zeros((size, SAMPLES)))
    return WaterSurface(level[:, 0] + datum, np.sqrt((draws**2).mean(axis=1)), draws)


def _below(level: Floats, ground: Floats, dry: DryGround) -> tuple[Floats, Floats]:
    """Return weight and height of the Gaussian that touches the likelihood of a level below the ground."""
    from scipy.special import log_ndtr

    room = (ground - level) / dry.deviation
    hazard = np.exp(-0.5 * room**2 - log_ndtr(room)) / np.sqrt(2.0 * np.pi)
    bend = np.maximum(hazard * (hazard + room), 1e-9)
    return dry.weight * bend / dry.deviation**2, level - dry.deviation * hazard / bend


def reach_of(
    ground: NDArray[np.float32],
    level: NDArray[np.float32],
    spread: NDArray[np.float32],
    growth: float,
    ways: Ways | None = None,
) -> Reach:
    """Return where water can come from the places at which it was seen.

    Parameters
    ----------
    ground
        (rows, columns) lowest elevation of each place that was not seen [m]; NaN where water cannot be carried: what was seen, or
        has no elevation.
    level, spread
        (rows, columns) of the water that touches the place, and its standard deviation [m]; NaN where none does.
    growth
        Variance that the level gains from one place to the next [m2].
    ways
        Passes between the places, where levees narrower than a place are known.

    Notes
    -----
    Priority flood (Barnes, Lehman and Mulla 2014, doi:10.1016/j.cageo.2013.04.024): places are taken in the order of the highest
    ground on the way to them, so the first way found is the lowest.
    """
    barrier = np.full(ground.shape, np.inf, np.float32)
    if ways is None:
        unknown = np.full(ground.shape, np.nan, np.float32)
        ways = Ways(np.full(ground.shape, -np.inf, np.float32), unknown, unknown)
    heights, levels, spreads, entry, east, south = (
        np.ascontiguousarray(a, np.float32) for a in (ground, level, spread, *ways)
    )
    _flood(heights, levels, spreads, entry, east, south, growth, barrier)
    return Reach(np.isfinite(barrier), barrier)


@njit(cache=True, nogil=True)
def _push(heap: Any, keys: Any, size: int, place: int, key: float) -> int:
    """Add a place to the heap, the lowest key first and of equal keys the lowest place; return the new size."""
    n = size
    heap[n], keys[n] = place, key
    while n > 0:
        up = (n - 1) // 2
        if keys[up] < keys[n] or (keys[up] == keys[n] and heap[up] <= heap[n]):
            break
        heap[up], heap[n] = heap[n], heap[up]
        keys[up], keys[n] = keys[n], keys[up]
        n = up
    return size + 1


@njit(cache=True, nogil=True)
def _pop(heap: Any, keys: Any, size: int) -> int:
    """Take the first place from the heap, leaving it at the end; return the new size."""
    size -= 1
    heap[0], heap[size] = heap[size], heap[0]
    keys[0], keys[size] = keys[size], keys[0]
    n = 0
    while True:
        low = n
        for m in (2 * n + 1, 2 * n + 2):
            if m < size and (keys[m] < keys[low] or (keys[m] == keys[low] and heap[m] < heap[low])):
                low = m
        if low == n:
            return size
        heap[low], heap[n] = heap[n], heap[low]
        keys[low], keys[n] = keys[n], keys[low]
        n = low


@njit(cache=True, nogil=True)
def _over(east, south, r, c, y, x):  # type: ignore[no-untyped-def]
    """Return the pass between two neighbours, minus infinity where none is known."""
    height = south[min(r, y), c] if x == c else east[r, min(c, x)]
    return np.float32(-np.inf) if np.isnan(height) else height


@njit(cache=True, nogil=True)
def _flood(ground, level, spread, entry, east, south, growth, barrier):  # type: ignore[no-untyped-def]
    rows, columns = ground.shape
    heap, keys = np.empty(rows * columns, np.int64), np.empty(rows * columns, np.float32)
    source, variance = np.empty(rows * columns, np.float32), np.empty(rows * columns, np.float32)
    size = 0
    for place in range(rows * columns):
        r, c = place // columns, place % columns
        if max(entry[r, c], ground[r, c]) <= level[r, c] + BOUND * spread[r, c] and np.isfinite(ground[r, c]):
            barrier[r, c] = max(entry[r, c], ground[r, c])
            source[place], variance[place] = level[r, c], spread[r, c] ** 2
            size = _push(heap, keys, size, place, barrier[r, c])
    while size > 0:
        size = _pop(heap, keys, size)
        place = heap[size]
        r, c = place // columns, place % columns
        for n in range(4):
            y, x = r + (n == 0) - (n == 1), c + (n == 2) - (n == 3)
            if y < 0 or y >= rows or x < 0 or x >= columns or barrier[y, x] < np.inf or not np.isfinite(ground[y, x]):
                continue
            highest = max(barrier[r, c], ground[y, x], _over(east, south, r, c, y, x))
            if highest > source[place] + BOUND * np.sqrt(variance[place] + growth):
                continue
            there = y * columns + x
            barrier[y, x], source[there], variance[there] = highest, source[place], variance[place] + growth
            size = _push(heap, keys, size, there, highest)
