"""The flood of a simulated region, made by the shallow-water solver: rivers swell, levees are overtopped, canals carry it on.

The plain is solved on a coarser grid with the local-inertial equations, rivers swelling at the foot of the hills against a storm
surge in the sea. The surface at the end of the run, which is one moment and no envelope, is laid over the full terrain: what lies
below it and is joined to a river, a canal or the sea is flooded.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.simulation.network import FLOOD_STAGE_M, PLAIN_SHARE, PLAIN_SLOPE
from mitoshi.simulation.noise import key, uniform
from mitoshi.simulation.region import SHALLOWEST_M
from mitoshi.simulation.terrain import CANAL, LAND, RIVER, SEA, SURGE_M

if TYPE_CHECKING:
    from mitoshi.simulation.region import Ground, Region

    Array = np.ndarray[Any, Any]

__all__ = ["LARGEST", "Inflow", "SolvedFlood", "solve_flood", "with_flood"]

LARGEST = 2_250_000
"""Pixels of the largest region whose flood is solved; larger ones keep the analytic flood."""

CELLS = 40_000
"""Of the solver's grid, at most."""
RIVER_BED_M, CANAL_BED_M, SEA_BED_M = 3.0, 1.0, 4.0
"""Depth of the beds below normal water; the sea is no deeper to the solver, which spares it small steps."""

CHANNEL_ROUGHNESS, LAND_ROUGHNESS = 0.030, 0.050
RISE_S, LONGEST_S, SHORTEST_S = 3600.0, 5 * 3600.0, 2 * 3600.0
LONG_REGION_M = 10_000.0
SURPLUS = 2.0
"""Peak discharge over that which fills the channel to the flood's stage."""


class Inflow(NamedTuple):
    """The hydrograph of one river where it leaves the hills.

    Attributes
    ----------
    name
        Of the river.
    x, y
        Where, in the region's CRS [m].
    time_s, discharge_m3_s
        Seconds since the river began to swell, and discharge.
    """

    name: str
    x: float
    y: float
    time_s: tuple[float, ...]
    discharge_m3_s: tuple[float, ...]


class SolvedFlood(NamedTuple):
    """A solved flood.

    Attributes
    ----------
    depth
        (rows, columns) at the peak over ground that is dry in normal times [m], float32; 0 elsewhere.
    inflows
        What drove it.
    balance_error
        Relative error of the water's volume in the run.
    """

    depth: Array
    inflows: tuple[Inflow, ...]
    balance_error: float


def with_flood(place: Region, ground: Ground | None = None) -> Region:
    """Return the region with its flood solved, or as it is where it is larger than `LARGEST`.

    Parameters
    ----------
    place
        The region.
    ground
        The whole region's ground, where it is at hand.
    """
    if place.flood is not None or place.shape[0] * place.shape[1] > LARGEST:
        return place
    return replace(place, flood=solve_flood(place, ground or place.ground()))


def solve_flood(place: Region, ground: Ground) -> SolvedFlood:
    """Return the flood of a region at its peak.

    Parameters
    ----------
    place
        The region.
    ground
        All of its ground.

    Returns
    -------
    SolvedFlood
        The same bytes for the same region, on any number of threads.
    """
    from mitoshi.methods.hydraulics.shallow_water import Domain, Edges, Source, State, WaterLevel, simulate

    first, last = _rows(place)
    factor = _factor((last - first, place.shape[1]))
    window = slice(first, last)
    terrain = ground.terrain
    water = terrain.water[window]
    normal = np.where(water == SEA, 0.0, terrain.elevation[window].astype(np.float64))
    depth = np.select([water == SEA, water == RIVER, water == CANAL], [SEA_BED_M, RIVER_BED_M, CANAL_BED_M], 0.0)
    bed = _blocks(normal - depth, factor)
    rough = _blocks(np.where(water == LAND, LAND_ROUGHNESS, CHANNEL_ROUGHNESS), factor)
    wet = _blocks((water != LAND).astype(np.float64), factor)
    level = np.where(wet > 0, _blocks(np.where(water != LAND, normal, 0.0), factor) / np.maximum(wet, 1e-9), -np.inf)
    size = factor * place.pixel_size
    duration = min(LONGEST_S, max(SHORTEST_S, LONGEST_S * place.shape[0] * place.pixel_size / LONG_REGION_M))
    inflows, sources = [], []
    for inflow, cells in _inflows(place, first, factor, bed.shape, duration):
        inflows.append(inflow)
        sources.append(Source(cells, inflow.time_s, inflow.discharge_m3_s))
    surge = WaterLevel((0.0, RISE_S), (0.0, SURGE_M))
    domain = Domain(bed, (size, size), rough, Edges(south=surge))
    still = np.maximum(level - bed, 0.0)
    nothing = np.zeros(bed.shape)
    flow = simulate(
        domain,
        State(still, nothing, nothing.copy()),
        until_s=duration,
        mode="local-inertial",
        sources=sources,
        maxima="none",
    )
    surface = np.where(flow.state.depth > SHALLOWEST_M, bed + flow.state.depth, np.nan)
    flooded = np.zeros(place.shape, np.float32)
    flooded[window] = _laid_over(surface, factor, terrain.elevation[window], water)
    return SolvedFlood(flooded, tuple(inflows), float(flow.balance.relative_error))


def _rows(place: Region) -> tuple[int, int]:
    """Return the rows that are solved: from the foot of the hills to a little beyond the coast."""
    rows, size = place.shape[0], place.pixel_size
    first = int(rows * (1.0 - PLAIN_SHARE - 0.06))
    seaward = int(np.floor(place.network.coast.min() / size)) - 8
    return first, rows - max(0, seaward)


def _factor(shape: tuple[int, int]) -> int:
    factor = 2
    while -(-shape[0] // factor) * -(-shape[1] // factor) > CELLS:
        factor += 1
    return factor


def _blocks(values: Array, factor: int) -> Array:
    """Return means of `factor` × `factor` blocks, the last row and column repeated to fill them."""
    rows, columns = (-(-n // factor) * factor for n in values.shape)
    padded = np.pad(values, ((0, rows - values.shape[0]), (0, columns - values.shape[1])), mode="edge")
    result: Array = padded.reshape(rows // factor, factor, columns // factor, factor).mean(axis=(1, 3))
    return result


def _inflows(
    place: Region, first: int, factor: int, shape: tuple[int, int], duration: float
) -> list[tuple[Inflow, Array]]:
    """Return each river's hydrograph with the solver's cells that it enters by."""
    found = []
    size, net = place.pixel_size, place.network
    row = first + 2 * factor
    n = place.shape[0] - 1 - row
    for k in range(net.axis.shape[0]):
        x, half = float(net.axis[k, n]), float(net.half_width[k, n])
        columns = np.unique(np.clip(np.arange(x - half, x + half, size) / size / factor, 0, shape[1] - 1).astype(int))
        cells = np.stack([np.full(columns.size, 2), columns], axis=1)
        stage = FLOOD_STAGE_M * (0.9 + 0.2 * uniform(k, 4, key(place.seed, "river")))
        full = 2.0 * half * (RIVER_BED_M + stage) ** (5.0 / 3.0) * PLAIN_SLOPE**0.5 / CHANNEL_ROUGHNESS  # Manning
        peak = round(SURPLUS * full, 0)
        times = (0.0, RISE_S, duration)
        place_x, place_y = place.west + x, place.north - (row + 0.5) * size
        found.append((Inflow(f"river {k + 1}", place_x, place_y, times, (round(0.1 * peak), peak, peak)), cells))
    return found


def _laid_over(surface: Array, factor: int, elevation: Array, water: Array) -> Array:
    """Return depth on the full terrain below a coarse surface, where it is joined to permanent water."""
    from scipy import ndimage

    level = _interpolated(surface, factor, elevation.shape)
    below = (water == LAND) & (level - elevation >= SHALLOWEST_M)
    labels, count = ndimage.label(below | (water != LAND), np.ones((3, 3)))
    joined = np.zeros(count + 1, bool)
    joined[np.unique(labels[water != LAND])] = True
    joined[0] = False
    result: Array = np.where(below & joined[labels], level - elevation, 0.0).astype(np.float32)
    return result


def _interpolated(surface: Array, factor: int, shape: tuple[int, ...]) -> Array:
    """Return the surface at pixels, bilinear between the wet cells among the four around; NaN where none is wet."""
    wet = np.isfinite(surface)
    filled = np.where(wet, surface, 0.0)
    places = [np.clip((np.arange(n) + 0.5) / factor - 0.5, 0, m - 1) for n, m in zip(shape, surface.shape, strict=True)]
    low = [np.minimum(p.astype(int), m - 1) for p, m in zip(places, surface.shape, strict=True)]
    high = [np.minimum(p + 1, m - 1) for p, m in zip(low, surface.shape, strict=True)]
    part = [p - q for p, q in zip(places, low, strict=True)]
    total, weight = np.zeros(shape), np.zeros(shape)
    for rows, down in ((low[0], 1.0 - part[0]), (high[0], part[0])):
        for columns, across in ((low[1], 1.0 - part[1]), (high[1], part[1])):
            w = down[:, None] * across[None, :]
            total += w * filled[rows[:, None], columns[None, :]]
            weight += w * wet[rows[:, None], columns[None, :]]
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Array = np.where(weight > 0, total / weight, np.nan)
    return result
