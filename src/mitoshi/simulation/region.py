"""A region of known truth: everything that sensors observe, and everything that can be compared with what is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.grid import BBox
from mitoshi.methods.sar.forward import FOREST, LAYOVER_REACH, URBAN
from mitoshi.simulation.cover import PLOT_M, Cover, cover, plot_building, road_lines
from mitoshi.simulation.network import FLOOD_STAGE_M, Network, build_network
from mitoshi.simulation.noise import key
from mitoshi.simulation.terrain import LAND, Terrain, terrain

if TYPE_CHECKING:
    from mitoshi.simulation.flood import SolvedFlood

    Array = np.ndarray[Any, Any]
    Window = tuple[slice, slice]

__all__ = ["Ground", "Region", "buildings", "flood_depth", "region", "roads", "unseen_cover"]

# A fictional land in the open Pacific, south of Japan, where there is only deep sea.
CRS = "EPSG:32654"
WEST_M, NORTH_M = 400_000.0, 3_500_000.0
SMALLEST = 64
SHALLOWEST_M = np.float32(0.05)
"""Depth from which ground counts as flooded by a solved flood."""


class Ground(NamedTuple):
    """One tile of a region.

    Attributes
    ----------
    origin
        First row and column in the region.
    terrain, cover
        See `mitoshi.simulation.terrain.Terrain` and `mitoshi.simulation.cover.Cover`.
    around
        (rows + 2, columns + 2 LAYOVER_REACH) elevation with a border, the edge repeated outside the region [m].
    peak
        (rows, columns) depth of the solved flood at its peak [m], or None for the analytic flood.
    """

    origin: tuple[int, int]
    terrain: Terrain
    cover: Cover
    around: Array
    peak: Array | None = None


@dataclass(frozen=True)
class Region:
    """A simulated coast: hills in the north, a plain with rivers, the sea in the south. Its tiles are made when asked for.

    Attributes
    ----------
    shape
        Rows and columns.
    pixel_size
        Pixel side [m].
    seed
        Everything follows from it.
    crs, west, north
        Where the region lies: UTM zone and its north-western corner [m].
    network
        The drainage network.
    flood
        The solved flood (`mitoshi.simulation.flood.with_flood`), or None for the analytic one.
    """

    shape: tuple[int, int]
    pixel_size: float
    seed: int
    crs: str
    west: float
    north: float
    network: Network
    flood: SolvedFlood | None = None

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients (a, b, c, d, e, f) of the grid."""
        return (self.pixel_size, 0.0, self.west, 0.0, -self.pixel_size, self.north)

    @property
    def bbox(self) -> BBox:
        """The region's box in degrees."""
        from pyproj import Transformer

        to_degrees = Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True)
        south = self.north - self.shape[0] * self.pixel_size
        east = self.west + self.shape[1] * self.pixel_size
        return BBox(*to_degrees.transform_bounds(self.west, south, east, self.north))

    def ground(self, window: Window | None = None) -> Ground:
        """Return one tile; the same pixels whichever window they are asked in.

        Parameters
        ----------
        window
            Slices of rows and columns with plain bounds inside the region; None is the whole region.

        Raises
        ------
        InputError
            If the window is empty or leaves the region.
        """
        rows, columns = window or (slice(0, self.shape[0]), slice(0, self.shape[1]))
        for part, size in ((rows, self.shape[0]), (columns, self.shape[1])):
            if not 0 <= part.start < part.stop <= size:
                raise InputError(
                    f"a window lies inside the region's {self.shape}, got {part.start}:{part.stop} of {size}"
                )
        top, left = max(0, rows.start - 1), max(0, columns.start - LAYOVER_REACH)
        bottom, right = min(self.shape[0], rows.stop + 1), min(self.shape[1], columns.stop + LAYOVER_REACH)
        wide = terrain(self.network, self.seed, (top, left), (bottom - top, right - left))
        inner = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
        tile = Terrain(*(np.ascontiguousarray(field[inner]) for field in wide))
        missing = ((top - rows.start + 1, rows.stop + 1 - bottom),
                   (left - columns.start + LAYOVER_REACH, columns.stop + LAYOVER_REACH - right))  # fmt: skip
        around = np.pad(wide.elevation, missing, mode="edge")
        near = np.ascontiguousarray(around[:, LAYOVER_REACH - 1 : around.shape[1] - LAYOVER_REACH + 1])
        origin = (rows.start, columns.start)
        peak = None if self.flood is None else self.flood.depth[rows, columns]
        return Ground(origin, tile, cover(tile, near, origin, self.shape[0], self.pixel_size, self.seed), around, peak)


def region(
    shape: tuple[int, int] = (1500, 1500),
    pixel_size: float = 10.0,
    seed: int = 1,
    *,
    crs: str = CRS,
    west: float = WEST_M,
    north: float = NORTH_M,
) -> Region:
    """Return a simulated region.

    Parameters
    ----------
    shape
        Rows and columns, each at least 64.
    pixel_size
        Pixel side [m], 2 to 100.
    seed
        Seed of everything.
    crs, west, north
        Coordinate system in metres and the north-western corner.

    Raises
    ------
    InputError
        If the shape or the pixel size is out of bounds.

    Examples
    --------
    >>> small = region((96, 128), seed=7)
    >>> bool(small.ground().terrain.elevation.max() > 5)
    True
    """
    if min(shape) < SMALLEST:
        raise InputError(f"a region has at least {SMALLEST} rows and columns, got {shape[0]} x {shape[1]}")
    if not 2.0 <= pixel_size <= 100.0:
        raise InputError(f"the pixel size must lie in [2, 100] m, got {pixel_size:g}")
    return Region(shape, pixel_size, seed, crs, west, north, build_network(shape, pixel_size, seed))


def flood_depth(ground: Ground, share: float = 1.0) -> Array:
    """Return the depth of flood water over land that is dry in normal times.

    Parameters
    ----------
    ground
        One tile.
    share
        Height of the flood as a share of the full one: 1 at the peak, 0 for none.

    Returns
    -------
    float32 (rows, columns) [m]; 0 on dry land and on permanent water.

    Notes
    -----
    Analytic flood: the water's surface stands `share` times the stage above the normal water of the cell's river, level across
    its valley. A cell is flooded where the surface lies above the ground. As height above the river falls along every drainage
    path faster than the stage changes, each flooded cell is connected to its river, which the tests check.

    Solved flood: the solver's depth at the peak, less ``1 - share`` of the stage; shallower than 0.05 m is dry.
    """
    if ground.peak is not None:
        lowered = ground.peak - np.float32((1.0 - share) * FLOOD_STAGE_M)
        return np.where(lowered >= SHALLOWEST_M, lowered, np.float32(0.0))
    depth = share * ground.terrain.stage - ground.terrain.relative
    flooded: Array = np.where((ground.terrain.water == LAND) & (depth > 0), depth, 0).astype(np.float32)
    return flooded


def unseen_cover(ground: Ground) -> Array:
    """Return where land cover hides a flood from a C-band radar: buildings and forest, bool (rows, columns)."""
    hidden: Array = (ground.cover.kind == URBAN) | (ground.cover.kind == FOREST)
    return hidden


def buildings(place: Region, ground: Ground) -> Array:
    """Return the buildings whose plot's centre lies in a built-up cell of the tile.

    Parameters
    ----------
    place, ground
        The region and one of its tiles.

    Returns
    -------
    float64 (buildings, 5): west, south, east, north in the region's CRS [m] and height [m].
    """
    size, stream = place.pixel_size, key(place.seed, "plots")
    rows, columns = ground.cover.kind.shape
    north = (place.shape[0] - ground.origin[0]) * size
    first_j, last_j = int(np.floor((north - rows * size) / PLOT_M)), int(np.ceil(north / PLOT_M))
    left = ground.origin[1] * size
    found = []
    for j in range(first_j, last_j):
        r = int(np.floor((north - (j + 0.5) * PLOT_M) / size))
        if not 0 <= r < rows:
            continue
        i = np.arange(int(np.floor(left / PLOT_M)), int(np.ceil((left + columns * size) / PLOT_M)))
        c = np.floor(((i + 0.5) * PLOT_M - left) / size).astype(int)
        built = (c >= 0) & (c < columns)
        built[built] = ground.cover.kind[r, c[built]] == URBAN
        found += [plot_building(j, int(n), stream) for n in i[built]]
    table = np.array([b for b in found if b[4] > 0]).reshape(-1, 5)
    south = place.north - place.shape[0] * size
    placed: Array = table + np.array([place.west, south, place.west, south, 0.0])
    return placed


def roads(place: Region) -> list[Array]:
    """Return the main roads' centre lines in the region's CRS, each (points, 2)."""
    size = place.pixel_size
    south = place.north - place.shape[0] * size
    lines = road_lines(place.shape[1] * size, place.shape[0] * size, place.seed)
    return [line + np.array([place.west, south]) for line in lines]
