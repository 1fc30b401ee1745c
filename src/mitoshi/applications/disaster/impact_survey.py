"""One pass over the rasters, band by band: what is known of the water at features, road samples, people and districts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mitoshi.applications.disaster.flood_depth_plausible import check_deepest
from mitoshi.applications.disaster.impact_uncertainty import possible_levels
from mitoshi.methods.statistics.zonal import (
    BAND_ROWS,
    ZonalStatistics,
    bands,
    empty_statistics,
    gather,
    shapes_of,
    update,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mitoshi.applications.disaster.impact_grid import Grid
    from mitoshi.core.quantity import Raster

__all__ = ["BLOCK", "RoadWater", "Survey", "Water", "WaterBand", "survey", "water_bands", "window"]

Floats = NDArray[np.float64]
Places = NDArray[np.int32]
BLOCK = 32
"""Pixels of a side of the blocks whose water level tells how high nearby dry ground stands above the water."""


FAINT = 0.0015
"""Where nothing was observed, the least probability of `disaster.flood-depth` (0.001) means that no water comes: it counts as
none, or a hundred thousand people of whom nobody is in water would make a hundred."""


class Water(NamedTuple):
    """The rasters that tell of the water, all on one grid; None where not given.

    Attributes
    ----------
    depth
        [m], 0 dry, NaN not observed.
    uncertainty
        Its standard uncertainty [m].
    assumed_uncertainty
        Taken on wet pixels without one [m].
    speed
        Flow speed [m s-1].
    elevation
        Ground [m].
    population
        People per cell.
    chance
        P(water): 1 seen wet, 0 seen dry, between where nothing was observed; there the depth is that given water.
    """

    depth: Raster
    uncertainty: Raster | None
    assumed_uncertainty: float
    speed: Raster | None = None
    elevation: Raster | None = None
    population: Raster | None = None
    chance: Raster | None = None


class WaterBand(NamedTuple):
    """Rows of the scene from `first` to `last`.

    Attributes
    ----------
    first, last
        Rows, half open.
    wide
        Depth with a halo of rows [m]: 0 dry, NaN not determined; where nothing was observed, that of the middle of what may be.
    depth
        The same without the halo.
    sigma
        Its standard uncertainty on wet pixels and where nothing was observed [m], NaN elsewhere.
    level
        Where nothing was observed, the level of the water that may be there above the ground [m], else NaN; of no size where no
        probability is given.
    chance
        There, the probability of water.
    """

    first: int
    last: int
    wide: NDArray[np.float32]
    depth: NDArray[np.float32]
    sigma: NDArray[np.float32]
    level: NDArray[np.float32]
    chance: NDArray[np.float32]

    @property
    def unseen(self) -> NDArray[np.bool_]:
        """Where nothing was observed and a probability is known."""
        return np.asarray(~np.isnan(self.level) if self.level.size else np.zeros(self.depth.shape, bool))

    @property
    def observed(self) -> NDArray[np.float32]:
        """Depth where it was observed, NaN elsewhere [m]."""
        return np.where(self.unseen, np.float32(np.nan), self.depth) if self.level.size else self.depth

    @property
    def expected(self) -> NDArray[np.float32]:
        """Depth where it was observed, else the depth that is expected, no water being 0 [m]."""
        if not self.level.size:
            return self.depth
        found, there = self.depth.copy(), self.unseen
        level, sigma, chance = (np.asarray(v[there], float) for v in (self.level, self.sigma, self.chance))
        found[there] = level * chance + sigma * np.exp(-0.5 * (level / sigma) ** 2) / np.sqrt(2 * np.pi)
        return found


class RoadWater(NamedTuple):
    """Water at road samples; NaN outside the raster and where not observed.

    Attributes
    ----------
    row, column
        Pixel of each sample, -1 outside.
    depth, sigma, speed
        There.
    near_depth, near_row, near_column
        The deepest pixel within the hose's reach of a sample that trucks can stand on; -inf and -1 where there is none.
    level
        Level of the water that may be there where nothing was observed, NaN elsewhere.
    """

    row: Places
    column: Places
    depth: NDArray[np.float32]
    sigma: NDArray[np.float32]
    speed: NDArray[np.float32]
    near_depth: NDArray[np.float32]
    near_row: Places
    near_column: Places
    level: NDArray[np.float32]


class Survey(NamedTuple):
    """What one pass found.

    Attributes
    ----------
    features
        Statistics of expected depth, uncertainty on wet observed pixels, P(water), whether observed, and ground per list of
        features.
    roads
        Water at road samples.
    water_level, water_sigma
        (block rows, block columns) mean elevation of the water's surface and its uncertainty; NaN without water or elevation.
    cells
        Pixels: all, seen wet, not observed, and of these not determined.
    assumed
        Wet pixels whose uncertainty was given but holds none there.
    """

    features: dict[str, ZonalStatistics]
    roads: RoadWater | None
    water_level: Floats
    water_sigma: Floats
    cells: tuple[int, int, int, int]
    assumed: int = 0


def water_bands(water: Water, shape: tuple[int, int], halo: int = 0) -> Iterator[WaterBand]:
    """Yield the water by bands of rows, the depth with `halo` rows around (fewer at the edges)."""
    nothing = np.zeros((0, 0), np.float32)
    for first, last in bands(shape, BAND_ROWS):
        top = max(0, first - halo)
        depth = window(water.depth, top, min(shape[0], last + halo)).copy()
        core = slice(first - top, last - top)
        if water.chance is None:
            sigma = _sigma(water, depth[core], first, last)
            yield WaterBand(first, last, depth, depth[core], sigma, nothing, nothing)
            continue
        chance = window(water.chance, top, min(shape[0], last + halo)).copy()
        there = (chance > 0) & (chance < 1)
        depth[(chance == 0) & ~np.isnan(depth)] = 0.0
        depth[np.isnan(chance)] = np.nan
        faint = there & (chance < FAINT)
        chance[faint] = depth[faint] = 0.0
        possible = possible_levels(chance[there].astype(float), depth[there].astype(float))
        level, spread = np.full(depth.shape, np.nan, np.float32), np.full(depth.shape, np.nan, np.float32)
        level[there], spread[there] = possible.level, possible.sigma
        depth[there] = np.maximum(level[there], 0.0)
        sigma = np.where(np.isnan(level[core]), _sigma(water, depth[core], first, last), spread[core])
        yield WaterBand(first, last, depth, depth[core], sigma, level[core], chance[core])


def window(raster: Raster, first: int, last: int) -> NDArray[np.float32]:
    """Return some rows of a raster."""
    return np.asarray(raster.isel(y=slice(first, last)).to_numpy(), np.float32)


def _sigma(water: Water, depth: NDArray[np.float32], first: int, last: int) -> NDArray[np.float32]:
    """Return the standard uncertainty on wet pixels, NaN elsewhere."""
    given = None if water.uncertainty is None else window(water.uncertainty, first, last)
    return np.asarray(
        _spread(depth, np.zeros((0, 0), np.float32) if given is None else given, water.assumed_uncertainty)
    )


@njit(cache=True)
def _spread(depth: Any, given: Any, assumed: float) -> Any:  # pragma: no cover
    found = np.full(depth.shape, np.nan, np.float32)
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            if depth[row, column] > 0:
                known = given.size > 0 and given[row, column] > 0
                found[row, column] = given[row, column] if known else assumed
    return found


def survey(
    water: Water,
    grid: Grid,
    features: Mapping[str, NDArray[Any]],
    samples: Floats | None,
    *,
    truck_head_m: float,
    reach_m: float,
) -> Survey:
    """Read the rasters once and measure everything.

    Parameters
    ----------
    water
        The rasters.
    grid
        Their grid.
    features
        Geometries per list, in the grid's CRS.
    samples
        (samples, 2) points along roads.
    truck_head_m
        Total head below which a truck can stand.
    reach_m
        How far from there a pump's hose reaches.

    Raises
    ------
    InputError
        If the depth is deeper than any flood.
    """
    shapes = {name: shapes_of(geometry, grid.affine, grid.shape) for name, geometry in features.items()}
    layers = 5 if water.elevation is not None else 4
    found = {name: empty_statistics(s, layers) for name, s in shapes.items()}
    roads = None if samples is None else _roads(grid, samples)
    blocks = np.zeros((3, -(-grid.shape[0] // BLOCK), -(-grid.shape[1] // BLOCK)))
    near = tuple(max(1, round(reach_m / side)) for side in grid.cell_m)
    cells, assumed, deepest = np.zeros(4, np.int64), 0, 0.0
    for band in water_bands(water, grid.shape, 0 if roads is None else near[0]):
        ground = None if water.elevation is None else window(water.elevation, band.first, band.last)
        stack = _layers(band, ground)
        for name, statistics in found.items():
            update(statistics, shapes[name], stack, band.first)
        seen = band.observed
        cells += np.array([seen.size, *(np.count_nonzero(m) for m in (seen > 0, np.isnan(seen), np.isnan(band.depth)))])
        deepest = max(deepest, float(np.fmax.reduce(seen, axis=None, initial=np.float32(0.0))))
        if water.uncertainty is not None:
            given = window(water.uncertainty, band.first, band.last)
            assumed += int(np.count_nonzero((seen > 0) & ~(given > 0)))
        if ground is not None:
            _add_blocks(seen, band.sigma, ground, blocks[:, band.first // BLOCK :])
        if roads is not None:
            _add_roads(roads, water, band, (near[0], near[1]), truck_head_m)
    check_deepest(deepest)
    level, spread = _levels(blocks)
    return Survey(found, roads, level, spread, (int(cells[0]), int(cells[1]), int(cells[2]), int(cells[3])), assumed)


def _layers(band: WaterBand, ground: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Return expected depth, uncertainty where seen wet, P(water), whether observed, and ground."""
    expected, seen = band.expected, band.observed
    chance = np.where(np.isnan(seen), band.chance if band.chance.size else np.float32(np.nan), seen > 0)
    chance = np.where(np.isnan(expected), np.float32(np.nan), chance)
    observed = np.where(np.isnan(expected), np.float32(np.nan), ~np.isnan(seen))
    stack = np.empty((4 if ground is None else 5, *seen.shape), np.float32)
    stack[0], stack[1], stack[2], stack[3] = (
        expected,
        np.where(seen > 0, band.sigma, np.float32(np.nan)),
        chance,
        observed,
    )
    if ground is not None:
        stack[4] = ground
    return stack


def _roads(grid: Grid, samples: Floats) -> RoadWater:
    row, column = (p.astype(np.int32) for p in grid.pixels(samples))
    depth, sigma, speed = (np.full(row.size, np.nan, np.float32) for _ in range(3))
    nowhere = np.full(row.size, -1, np.int32)
    return RoadWater(
        row, column, depth, sigma, speed, np.full(row.size, -np.inf, np.float32), nowhere, nowhere.copy(), depth.copy()
    )


def _add_roads(roads: RoadWater, water: Water, band: WaterBand, near: tuple[int, int], truck_head_m: float) -> None:
    """Write what one band says of the road samples on it."""
    first, last = band.first, band.last
    gather(band.depth, first, roads.row, roads.column, roads.depth)
    gather(band.sigma, first, roads.row, roads.column, roads.sigma)
    if band.level.size:
        gather(band.level, first, roads.row, roads.column, roads.level)
    if water.speed is not None:
        gather(window(water.speed, first, last), first, roads.row, roads.column, roads.speed)
    here = np.flatnonzero((roads.row >= first) & (roads.row < last))
    speed = np.nan_to_num(roads.speed[here])
    stands = here[np.isnan(roads.level[here]) & (roads.depth[here] + speed**2 / 19.62 < truck_head_m)]
    _deepest_near(
        band.wide,
        max(0, first - near[0]),
        stands,
        roads.row,
        roads.column,
        near,
        roads.near_depth,
        roads.near_row,
        roads.near_column,
    )


@njit(cache=True)
def _deepest_near(
    wide: Any,
    origin: int,
    samples: Any,
    row: Any,
    column: Any,
    reach: tuple[int, int],
    depth: Any,
    near_row: Any,
    near_column: Any,
) -> None:  # pragma: no cover
    high, broad = reach
    for n in samples:
        r0, c0 = row[n] - origin, column[n]
        for r in range(max(0, r0 - high), min(wide.shape[0], r0 + high + 1)):
            for c in range(max(0, c0 - broad), min(wide.shape[1], c0 + broad + 1)):
                within = ((r - r0) * broad) ** 2 + ((c - c0) * high) ** 2 <= (high * broad) ** 2
                if within and wide[r, c] > 0 and wide[r, c] > depth[n]:
                    depth[n] = wide[r, c]
                    near_row[n] = r + origin
                    near_column[n] = c


@njit(cache=True)
def _add_blocks(depth: Any, sigma: Any, ground: Any, blocks: Any) -> None:  # pragma: no cover
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            if depth[row, column] > 0 and ground[row, column] == ground[row, column]:
                r, c = row // BLOCK, column // BLOCK
                blocks[0, r, c] += 1
                blocks[1, r, c] += depth[row, column] + ground[row, column]
                blocks[2, r, c] += sigma[row, column]


def _levels(blocks: Floats) -> tuple[Floats, Floats]:
    """Return mean water level and uncertainty over each block and the eight around it."""
    padded = np.pad(blocks, ((0, 0), (1, 1), (1, 1)))
    rows, columns = blocks.shape[1:]
    around = np.zeros_like(blocks)
    for r in range(3):
        for c in range(3):
            around += padded[:, r : r + rows, c : c + columns]
    with np.errstate(invalid="ignore"):
        return around[1] / around[0], around[2] / around[0]
