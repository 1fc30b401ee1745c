"""Terrain that drains: the lower envelope of the valleys of a channel network.

Each channel's valley is a surface on which, from every cell, one of the eight neighbours is lower, all the way to a cell of the
next larger channel. The lower envelope of such surfaces has the same property: where channel i is the lowest at p, its next
cell q has ``z(q) <= z_i(q) < z_i(p) = z(p)``. So every land cell of a region has a descending D8 path to the sea, by
construction, at any size, and each tile is computed from the network's tables alone.

Elevation is that of the ground, and of the normal water level on rivers. Levees are open where canals pass, so that the land
behind them drains, and floods, through the canals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from mitoshi.simulation.network import SLANT, Network
from mitoshi.simulation.noise import key, value_noise

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

__all__ = ["CANAL", "LAND", "RIVER", "SEA", "SURGE_M", "Terrain", "terrain"]

LAND, SEA, RIVER, CANAL = 0, 1, 2, 3
SURGE_M = 1.0  # the sea's level during the flood, about that of the rivers at their mouths
BEACH_SLOPE = 0.012
BEACH_M, CLIFF_SLOPE = 350.0, 0.3  # inland of the beach the coast drains to the rivers
SEABED_SLOPE = 0.012
DEEPEST_M = 60.0
LEVEE_M = 30.0
WALL_SLOPE = 0.3


class Terrain(NamedTuple):
    """One tile of terrain, every field (rows, columns).

    Attributes
    ----------
    elevation
        Ground, or normal water level on rivers; negative on the sea's floor [m], float32.
    water
        `LAND`, `SEA`, `RIVER` or `CANAL`, uint8.
    relative
        Height above the normal water of the river of the same valley [m], float32.
    stage
        Height of the full flood above that same water [m], float32. A storm surge meets it at the shore.
    shore, bank
        Distance north of the coastline and from the nearest river's bank, negative on the water [m], float32.
    """

    elevation: Array
    water: Array
    relative: Array
    stage: Array
    shore: Array
    bank: Array


@njit(nogil=True, cache=True)
def _tributary_side(y, x, m, reach, apart, rise, side, stream):  # type: ignore[no-untyped-def]
    """Return the height of a tributary's valley at a place, and whether the place lies in its channel."""
    away = abs(y - m) - reach
    if away <= 0.0:
        return rise, True
    rough = min(1.0, max(0.0, (side - 0.02) / 0.05))
    broad = value_noise(y / 700.0, x / 700.0, stream) if rough > 0.0 else 0.0
    wall = WALL_SLOPE * max(0.0, away - 0.75 * apart)  # the front of the hills, beside the last valley of the plain
    return rise + side * (away + 0.12 * broad * rough * min(away, 400.0)) + wall, False


@njit(nogil=True, cache=True)
def _gully_side(y, ub, pixel, gap, gully, middle, fine):  # type: ignore[no-untyped-def]
    """Return the height of a gully's valley at a place; `gully` is one row of `Network.gully`."""
    along = abs(y - gully[1])
    away = max(0.0, abs(ub - gully[0] - gully[5] * along) - 1.05 * pixel)
    crest = away + 0.22 * middle * min(away, 200.0) + 3.0 * fine * min(1.0, away / 40.0)
    crest += max(0.0, away - gap)  # beyond its own slopes a gully shapes nothing
    return gully[2] + gully[3] * along + gully[4] * crest


@njit(nogil=True, cache=True)
def _tributaries(y, x, lowest, banded, pixel, apart, first, i, t, path, rise, side, stream):  # type: ignore[no-untyped-def]
    """Return the lowest tributary valley below `lowest`, and what is there: -1 nothing lower, else `LAND` or `CANAL`."""
    found = -1
    reach = max(1.5 * pixel, 12.0)
    for j in range(max(0, first), min(path.shape[0], first + 3)):
        m = path[j, i] * (1.0 - t) + path[j, i + 1] * t
        if banded and abs(y - m) > reach + pixel:
            continue
        bed = rise[j, i] * (1.0 - t) + rise[j, i + 1] * t
        if bed >= lowest:
            continue
        slope = side[j, i] * (1.0 - t) + side[j, i + 1] * t
        height, inside = _tributary_side(y, x, m, reach, apart, bed, slope, stream)
        if height < lowest:
            lowest, found = height, CANAL if inside and j % 3 == 0 and slope < 0.05 else LAND
    return lowest, found


@njit(nogil=True, cache=True)
def _gullies(y, x, ub, lowest, pixel, gap, first, gully, stream):  # type: ignore[no-untyped-def]
    """Return the lowest gully's valley below `lowest`, and whether there is one."""
    found = False
    middle, fine = np.nan, 0.0
    near = int(ub / gap)
    for j in range(max(0, first), min(gully.shape[0], first + 3)):
        for n in range(max(0, near - 2), min(gully.shape[1], near + 2)):
            if gully[j, n, 3] == 0.0 or gully[j, n, 2] + gully[j, n, 3] * abs(y - gully[j, n, 1]) >= lowest:
                continue
            if np.isnan(middle):
                middle = value_noise(y / 400.0, x / 400.0, stream + np.uint64(1))
                fine = value_noise(y / max(60.0, 6.0 * pixel), x / max(60.0, 6.0 * pixel), stream + np.uint64(2))
            height = _gully_side(y, ub, pixel, gap, gully[j, n], middle, fine)
            if height < lowest:
                lowest, found = height, True
    return lowest, found


@njit(nogil=True, cache=True)
def _cell(  # type: ignore[no-untyped-def]
    x, y, n, pixel, spacing, axis, half, levee, apart, step, path, rise, side, floor, gap, gully, stream
):
    """Return height above the river, the river's index, kind of water and distance from the nearest bank."""
    lowest, owner, water, bank = np.inf, -1, LAND, np.inf
    band = max(LEVEE_M, 3.0 * pixel)
    own = min(axis.shape[0] - 1, int(x / spacing))
    for k in (own, own - 1, own + 1):
        if k < 0 or k >= axis.shape[0]:
            continue
        offset = x - axis[k, n]
        ub = abs(offset) - half[k, n]
        bank = min(bank, ub)
        if ub <= 0.0:
            return 0.0, k, RIVER, ub
        banded = ub < band
        height = levee[k, n] * (0.15 + 0.85 * ub / band)
        if banded and height < lowest:
            lowest, owner, water = height, k, LAND
        s = 1 if offset > 0.0 else 0
        i = int(ub / step)
        if i >= path.shape[3] - 1:
            continue
        first = int(np.floor((y - SLANT * ub) / apart)) - 1
        if floor[k, s, min(max(0, first + 1), path.shape[2] - 1), i] >= lowest:
            continue
        lowest, found = _tributaries(
            y, x, lowest, banded, pixel, apart, first, i, ub / step - i, path[k, s], rise[k, s], side[k, s], stream
        )  # fmt: skip
        if found >= 0:
            owner, water = k, found
        if not banded:
            lowest, carved = _gullies(y, x, ub, lowest, pixel, gap, first, gully[k, s], stream)
            if carved:
                owner, water = k, LAND
    return lowest, owner, water, bank


@njit(nogil=True, cache=True)
def _terrain(  # type: ignore[no-untyped-def]
    row0, column0, rows, pixel, coast, bed, spacing, axis, half, levee, stages, apart, step, path, rise, side, floor, gap, gully,
    stream, elevation, water, relative, stage, shore, bank,
):  # fmt: skip
    for r in range(elevation.shape[0]):
        n = rows - 1 - (row0 + r)
        y = (n + 0.5) * pixel
        for c in range(elevation.shape[1]):
            x = (column0 + c + 0.5) * pixel
            e = y - coast[column0 + c]
            shore[r, c] = e
            if e < 0.0:
                elevation[r, c] = -min(DEEPEST_M, 0.3 - SEABED_SLOPE * e)
                water[r, c], relative[r, c], stage[r, c], bank[r, c] = SEA, 0.0, SURGE_M, e
                continue
            height, owner, kind, distance = _cell(
                x, y, n, pixel, spacing, axis, half, levee, apart, step, path, rise, side, floor, gap, gully, stream
            )
            beach = 0.05 + BEACH_SLOPE * e + CLIFF_SLOPE * max(0.0, e - BEACH_M)
            bank[r, c] = distance
            if beach < bed[n] + height:
                elevation[r, c], relative[r, c], stage[r, c] = beach, beach - bed[n], stages[owner, n]
                water[r, c] = RIVER if kind == RIVER else LAND
                continue
            elevation[r, c], relative[r, c], stage[r, c] = bed[n] + height, height, stages[owner, n]
            water[r, c] = kind


def terrain(network: Network, seed: int, origin: tuple[int, int], shape: tuple[int, int]) -> Terrain:
    """Return one tile of terrain.

    Parameters
    ----------
    network
        From `build_network`.
    seed
        The region's seed.
    origin, shape
        First row and column of the tile in the region, and its size.
    """
    elevation, relative, stage, shore, bank = (np.empty(shape, np.float32) for _ in range(5))
    water = np.empty(shape, np.uint8)
    w = network
    _terrain(
        origin[0], origin[1], w.bed.size, w.pixel, w.coast, w.bed, w.spacing, w.axis, w.half_width, w.levee, w.stage,
        w.tributary_spacing, w.step, w.path, w.rise, w.side, w.floor, w.gully_spacing, w.gully, key(seed, "roughness"),
        elevation, water, relative, stage, shore, bank,
    )  # fmt: skip
    return Terrain(elevation, water, relative, stage, shore, bank)
