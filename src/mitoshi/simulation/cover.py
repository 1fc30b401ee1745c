"""Land cover, texture, buildings, roads and population of one tile, each a function of place and seed alone.

Cover is an index into `mitoshi.methods.sar.forward.SCATTERERS`. Smooth dark ground (airfields, car parks, bare
fields) is there on purpose: a radar takes it for water.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from mitoshi.methods.sar.forward import BARE, FOREST, GRASS, OPEN_SEA, PADDY, ROAD, TARMAC, URBAN, WATER
from mitoshi.simulation.noise import fractal, key, uniform, value_noise
from mitoshi.simulation.terrain import LAND, SEA, Terrain

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

__all__ = ["PLOT_M", "Cover", "cover", "plot_building", "road_lines"]

PLOT_M = 20.0
PARCEL_M = (110.0, 55.0)
ROAD_SPACING_M = (2600.0, 2300.0)
ROAD_HALF_WIDTH_M = 6.0
AIRFIELD_M = 6000.0  # one lattice cell, which may hold one airfield
TOWN_M = 1500.0


class Cover(NamedTuple):
    """One tile of land cover, every field (rows, columns).

    Attributes
    ----------
    kind
        Index into `SCATTERERS`, uint8.
    texture
        Standard normal deviation of the place, float32.
    building_height
        Height above ground [m], 0 outside buildings, float32.
    population
        Residents of the cell, float32.
    """

    kind: Array
    texture: Array
    building_height: Array
    population: Array


@njit(nogil=True, cache=True)
def _road(x: float, y: float, stream: np.uint64) -> bool:
    across = (np.floor(y / ROAD_SPACING_M[1]) + 0.5) * ROAD_SPACING_M[1] + _bend(
        x, np.floor(y / ROAD_SPACING_M[1]), stream
    )
    along = (np.floor(x / ROAD_SPACING_M[0]) + 0.5) * ROAD_SPACING_M[0] + _bend(
        y, -9.0 - np.floor(x / ROAD_SPACING_M[0]), stream
    )
    return bool(abs(y - across) < ROAD_HALF_WIDTH_M or abs(x - along) < ROAD_HALF_WIDTH_M)


@njit(nogil=True, cache=True)
def _bend(s: float, line: float, stream: np.uint64) -> float:
    """Return how far a road leaves its straight line."""
    return 500.0 * value_noise(7.3 * line, s / 2500.0, stream)


@njit(nogil=True, cache=True)
def _airfield(x: float, y: float, stream: np.uint64) -> bool:
    j, i = int(np.floor(y / AIRFIELD_M)), int(np.floor(x / AIRFIELD_M))
    if uniform(j, i, stream) > 0.7:
        return False
    dx = x - (i + 0.35 + 0.3 * uniform(j, i, stream + np.uint64(1))) * AIRFIELD_M
    dy = y - (j + 0.35 + 0.3 * uniform(j, i, stream + np.uint64(2))) * AIRFIELD_M
    if uniform(j, i, stream + np.uint64(3)) < 0.5:
        dx, dy = dy, dx
    return bool((abs(dx) < 1000.0 and abs(dy) < 30.0) or (abs(dx) < 250.0 and 110.0 < dy < 320.0))


@njit(nogil=True, cache=True)
def plot_building(j: int, i: int, stream: np.uint64) -> tuple[float, float, float, float, float]:
    """Return (x0, y0, x1, y1, height) of the building on one plot [m]; height 0 where it is empty."""
    if uniform(j, i, stream) > 0.72:
        return 0.0, 0.0, 0.0, 0.0, 0.0
    w = 9.0 + 7.0 * uniform(j, i, stream + np.uint64(1))
    d = 9.0 + 7.0 * uniform(j, i, stream + np.uint64(2))
    x0 = i * PLOT_M + (PLOT_M - w) * uniform(j, i, stream + np.uint64(3))
    y0 = j * PLOT_M + (PLOT_M - d) * uniform(j, i, stream + np.uint64(4))
    centre = value_noise(j * PLOT_M / 600.0, i * PLOT_M / 600.0, stream + np.uint64(5))
    tall = 1.0 + 5.0 * max(0.0, centre - 0.35)
    height = (4.5 + 4.0 * uniform(j, i, stream + np.uint64(6))) * tall
    return x0, y0, x0 + w, y0 + d, height


@njit(nogil=True, cache=True)
def _kind(x, y, water, relative, shore, bank, slope, stream):  # type: ignore[no-untyped-def]
    """Return the scatterer of one place."""
    if water != LAND:
        return OPEN_SEA if water == SEA else WATER
    if shore < 45.0 + 30.0 * value_noise(y / 200.0, x / 200.0, stream):
        return BARE
    if bank < 40.0:
        bar = value_noise(y / 150.0, x / 150.0, stream + np.uint64(3))
        return BARE if bar > 0.45 else (FOREST if bar < -0.62 else GRASS)
    if slope > 0.21 or relative > 44.0:
        return FOREST  # whatever the noise below: its three octaves stay within 3.6 standard deviations
    wild = fractal(y / 900.0, x / 900.0, stream + np.uint64(1), 3, 0.5)
    if slope > 0.10 + 0.03 * wild or relative > 22.0 + 6.0 * wild:
        return FOREST
    if _road(x, y, stream + np.uint64(2)):
        return ROAD
    if slope < 0.02 and _airfield(x, y, stream + np.uint64(4)):
        return TARMAC
    town = fractal(y / TOWN_M, x / TOWN_M, stream + np.uint64(10), 4, 0.45) + 0.04 * min(relative, 8.0)
    if town > 1.35 and slope < 0.08:
        return URBAN
    return _parcel_kind(x, y, wild, relative, stream + np.uint64(20))


@njit(nogil=True, cache=True)
def _parcel_kind(x, y, wild, relative, stream):  # type: ignore[no-untyped-def]
    """Return what grows on the parcel of a place: paddies low down, grass and woods higher up."""
    j, i = int(np.floor(y / PARCEL_M[1])), int(np.floor(x / PARCEL_M[0]))
    chance = uniform(j, i, stream)
    upland = min(1.0, max(0.0, (relative - 5.0) / 8.0))
    if chance < 0.04:
        return BARE
    if chance < 0.05:
        return TARMAC
    if chance < 0.16 + 0.35 * upland:
        return GRASS
    if wild > 1.25 - 1.2 * upland:
        return FOREST
    return PADDY


@njit(nogil=True, cache=True)
def _normal(j: int, i: int, stream: np.uint64) -> float:
    """Return a nearly normal deviate of unit variance for one lattice place."""
    total = uniform(j, i, stream) + uniform(j, i, stream + np.uint64(1)) + uniform(j, i, stream + np.uint64(2))
    return (total - 1.5) * 2.0


@njit(nogil=True, cache=True)
def _texture(x, y, row, column, kind, stream):  # type: ignore[no-untyped-def]
    smooth = value_noise(y / 120.0, x / 120.0, stream) * 2.33  # unit variance
    if kind == URBAN:
        return 0.5 * smooth + 0.87 * _normal(row, column, stream + np.uint64(1))
    if kind in (PADDY, GRASS, BARE, TARMAC):
        j, i = int(np.floor(y / PARCEL_M[1])), int(np.floor(x / PARCEL_M[0]))
        return 0.5 * smooth + 0.87 * _normal(j, i, stream + np.uint64(4))
    return smooth


@njit(nogil=True, cache=True)
def _cover(  # type: ignore[no-untyped-def]
    row0, column0, rows, pixel, z, water, relative, shore, bank, stream, plots, kinds, texture, height, people
):
    for r in range(kinds.shape[0]):
        y = (rows - row0 - r - 0.5) * pixel
        for c in range(kinds.shape[1]):
            x = (column0 + c + 0.5) * pixel
            zx = (z[r + 1, c + 2] - z[r + 1, c]) / (2.0 * pixel)
            zy = (z[r, c + 1] - z[r + 2, c + 1]) / (2.0 * pixel)
            slope = np.sqrt(zx * zx + zy * zy)
            kind = _kind(x, y, water[r, c], relative[r, c], shore[r, c], bank[r, c], slope, stream)
            kinds[r, c] = kind
            texture[r, c] = _texture(x, y, row0 + r, column0 + c, kind, stream + np.uint64(40))
            height[r, c], people[r, c] = 0.0, 0.0
            if kind == URBAN:
                x0, y0, x1, y1, h = plot_building(int(np.floor(y / PLOT_M)), int(np.floor(x / PLOT_M)), plots)
                if x0 <= x < x1 and y0 <= y < y1:
                    height[r, c] = h
                # Floors of 3 m, 40 m2 a head; a plot's building covers (x1 - x0)(y1 - y0) of PLOT_M squared.
                people[r, c] = (
                    (x1 - x0) * (y1 - y0) / (PLOT_M * PLOT_M) * max(1.0, h / 3.0) * pixel * pixel / 40.0 * (h > 0)
                )


def cover(ground: Terrain, bordered: Array, origin: tuple[int, int], rows: int, pixel: float, seed: int) -> Cover:
    """Return the land cover of one tile.

    Parameters
    ----------
    ground
        The tile's terrain.
    bordered
        Its elevation with a border of one pixel.
    origin
        First row and column in the region.
    rows
        Rows of the region.
    pixel
        Pixel side [m].
    seed
        The region's seed.
    """
    shape = ground.elevation.shape
    kinds = np.empty(shape, np.uint8)
    texture, height, people = (np.empty(shape, np.float32) for _ in range(3))
    _cover(
        origin[0], origin[1], rows, pixel, bordered, ground.water, ground.relative, ground.shore, ground.bank,
        key(seed, "cover"), key(seed, "plots"), kinds, texture, height, people,
    )  # fmt: skip
    return Cover(kinds, texture, height, people)


def road_lines(width: float, length: float, seed: int, step: float = 100.0) -> list[Array]:
    """Return the centre lines of the main roads as (points, 2) arrays of x and y [m] from the south-western corner.

    Parameters
    ----------
    width, length
        The region's size [m].
    seed
        The region's seed.
    step
        Distance between points [m].
    """
    stream = key(seed, "cover") + np.uint64(2)
    lines = []
    for i in range(int(np.ceil(length / ROAD_SPACING_M[1]))):
        x = np.arange(0.0, width + step, step)
        y = (i + 0.5) * ROAD_SPACING_M[1] + np.array([_bend(float(v), float(i), stream) for v in x])
        lines.append(np.stack([x, y], axis=1))
    for i in range(int(np.ceil(width / ROAD_SPACING_M[0]))):
        y = np.arange(0.0, length + step, step)
        x = (i + 0.5) * ROAD_SPACING_M[0] + np.array([_bend(float(v), -9.0 - i, stream) for v in y])
        lines.append(np.stack([x, y], axis=1))
    return lines
