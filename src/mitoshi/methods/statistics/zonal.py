"""Raster values at features: sums, means and extremes inside polygons, and values at points, by bands of rows.

A pixel belongs to a polygon when its centre lies inside (even-odd rule over all rings, half open, so polygons that share a side
share no pixel). A polygon without any pixel centre, and a point, takes the pixel it lies in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mitoshi.core.places import finite_places, inner_points

if TYPE_CHECKING:
    from collections.abc import Iterator

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

__all__ = ["BAND_ROWS", "Shapes", "ZonalStatistics", "bands", "empty_statistics", "gather", "shapes_of", "update"]

BAND_ROWS = 512
"""Rows read at once: the block height of the rasters that this house writes."""


class Shapes(NamedTuple):
    """Polygons in pixel coordinates, packed: a pixel's centre is at whole numbers and a half.

    Attributes
    ----------
    columns, rows
        (vertices,) coordinates of all rings, one after the other.
    rings
        (rings + 1,) where each ring begins.
    owners
        (shapes + 1,) where each shape's rings begin.
    first, last
        (shapes,) rows that a shape may touch, half open, within the raster.
    pixel
        (shapes, 2) row and column of the pixel that a shape without a pixel centre takes; -1 where it has centres, -2 outside.
    """

    columns: Floats
    rows: Floats
    rings: Integers
    owners: Integers
    first: Integers
    last: Integers
    pixel: Integers

    @property
    def size(self) -> int:
        """Number of shapes."""
        return int(self.first.size)


class ZonalStatistics(NamedTuple):
    """What is known of the pixels of each shape, for a stack of layers; all of shape (shapes, layers) but `cells`.

    Attributes
    ----------
    cells
        (shapes,) pixels inside, seen or not.
    seen
        Pixels that are not NaN.
    total
        Sum over the seen pixels.
    lowest, highest
        Extremes over the seen pixels; inf and -inf where there is none.
    """

    cells: Integers
    seen: Integers
    total: Floats
    lowest: Floats
    highest: Floats

    @property
    def mean(self) -> Floats:
        """Mean over the seen pixels; NaN where there is none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(self.seen > 0, self.total / self.seen, np.nan))


def bands(shape: tuple[int, int], rows: int = BAND_ROWS) -> Iterator[tuple[int, int]]:
    """Yield first and last row (half open) of the bands of a raster."""
    for first in range(0, shape[0], rows):
        yield first, min(first + rows, shape[0])


def shapes_of(geometry: NDArray[Any], affine: Any, shape: tuple[int, int]) -> Shapes:
    """Pack geometries for `update`.

    Parameters
    ----------
    geometry
        (shapes,) shapely geometries of any type in the raster's CRS; polygons count by area, others by their pixel.
    affine
        Of the raster: pixel to CRS.
    shape
        Rows and columns of the raster.
    """
    import shapely

    inverse = ~affine

    def moved(points: NDArray[np.float64]) -> NDArray[np.float64]:
        columns = inverse.a * points[:, 0] + inverse.b * points[:, 1] + inverse.c
        rows = inverse.d * points[:, 0] + inverse.e * points[:, 1] + inverse.f
        return np.stack([columns, rows], axis=1)

    with np.errstate(invalid="ignore"):
        pixels = np.asarray(shapely.transform(np.asarray(geometry, object), moved), object)
    parts, owner = shapely.get_parts(pixels, return_index=True)
    areal = shapely.get_type_id(parts) == 3
    rings, part = shapely.get_rings(parts[areal], return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    owners = np.searchsorted(owner[areal][part], np.arange(pixels.size + 1)).astype(np.int64)
    starts = np.searchsorted(ring, np.arange(len(rings) + 1)).astype(np.int64)
    bounds = shapely.bounds(pixels).reshape(-1, 4)
    low = np.clip(np.nan_to_num(np.floor(bounds[:, 1])), 0, shape[0]).astype(np.int64)
    high = np.clip(np.nan_to_num(np.ceil(bounds[:, 3])), 0, shape[0]).astype(np.int64)
    columns, rows = np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1])
    count = np.zeros(pixels.size, np.int64)
    _count(columns, rows, starts, owners, low, high, shape[1], count)
    pixel = _pixels_of(pixels, count, shape)
    return Shapes(columns, rows, starts, owners, low, high, pixel)


def _pixels_of(pixels: NDArray[Any], count: Integers, shape: tuple[int, int]) -> Integers:
    pixel = np.full((pixels.size, 2), -1, np.int64)
    # GEOS puts the inner point of a place that is not finite at (0 0), which is a pixel: such a place is nowhere.
    finite = finite_places(pixels)
    pixel[~finite] = -2
    small = np.flatnonzero((count == 0) & finite)
    column, row = np.floor(inner_points(pixels[small])).T
    within = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    pixel[small, 0] = np.where(within, row, -2).astype(np.int64)
    pixel[small, 1] = np.where(within, column, -2).astype(np.int64)
    return pixel


def empty_statistics(shapes: Shapes, layers: int) -> ZonalStatistics:
    """Return the statistics of no pixel, for `update` to fill."""
    size = (shapes.size, layers)
    return ZonalStatistics(
        np.zeros(shapes.size, np.int64),
        np.zeros(size, np.int64),
        np.zeros(size),
        np.full(size, np.inf),
        np.full(size, -np.inf),
    )


def update(statistics: ZonalStatistics, shapes: Shapes, layers: NDArray[np.float32], first: int) -> None:
    """Add the pixels of one band to the statistics, in place. Bands come in order, each row once.

    Parameters
    ----------
    statistics
        From `empty_statistics`.
    shapes
        The same shapes.
    layers
        (layers, rows, columns) of the band, NaN where not seen.
    first
        Row of the raster at which the band begins.
    """
    stack = np.ascontiguousarray(layers, np.float32)
    _update(*shapes, stack, first, *statistics)


@njit(cache=True)
def _crossings(
    columns: Any, rows: Any, rings: Any, begin: int, end: int, row: float, found: Any
) -> int:  # pragma: no cover
    """Write the sorted columns at which the sides of a shape cross a row, and return how many."""
    count = 0
    for ring in range(begin, end):
        for n in range(rings[ring], rings[ring + 1] - 1):
            y0, y1 = rows[n], rows[n + 1]
            if (y0 <= row) != (y1 <= row):
                found[count] = columns[n] + (row - y0) / (y1 - y0) * (columns[n + 1] - columns[n])
                count += 1
    found[:count].sort()
    return count


@njit(cache=True)
def _room(rings: Any, owners: Any) -> int:  # pragma: no cover
    """Return the largest number of vertices of one shape."""
    most = 1
    for n in range(owners.size - 1):
        most = max(most, rings[owners[n + 1]] - rings[owners[n]])
    return most


@njit(cache=True)
def _count(
    columns: Any, rows: Any, rings: Any, owners: Any, first: Any, last: Any, width: int, count: Any
) -> None:  # pragma: no cover
    found = np.empty(_room(rings, owners))
    for n in range(count.size):
        for row in range(first[n], last[n]):
            crossings = _crossings(columns, rows, rings, owners[n], owners[n + 1], row + 0.5, found)
            for k in range(0, crossings - 1, 2):
                start = max(0, int(np.ceil(found[k] - 0.5)))
                stop = min(width, int(np.ceil(found[k + 1] - 0.5)))
                count[n] += max(0, stop - start)


@njit(cache=True)
def _take(
    stack: Any, row: int, start: int, stop: int, n: int, cells: Any, seen: Any, total: Any, lowest: Any, highest: Any
) -> None:  # pragma: no cover
    """Add the pixels of one row from `start` up to `stop`."""
    cells[n] += stop - start
    for k in range(stack.shape[0]):
        count, added, low, high = 0, 0.0, np.inf, -np.inf
        for column in range(start, stop):
            value = stack[k, row, column]
            if value == value:
                count += 1
                added += value
                low = min(low, value)
                high = max(high, value)
        seen[n, k] += count
        total[n, k] += added
        lowest[n, k] = min(lowest[n, k], low)
        highest[n, k] = max(highest[n, k], high)


@njit(cache=True)
def _update(
    columns: Any,
    rows: Any,
    rings: Any,
    owners: Any,
    first: Any,
    last: Any,
    pixel: Any,
    stack: Any,
    origin: int,
    cells: Any,
    seen: Any,
    total: Any,
    lowest: Any,
    highest: Any,
) -> None:  # pragma: no cover
    height, width = stack.shape[1], stack.shape[2]
    found = np.empty(_room(rings, owners))
    for n in range(first.size):
        if pixel[n, 0] != -1:
            row, column = pixel[n, 0] - origin, pixel[n, 1]
            if pixel[n, 0] >= 0 and 0 <= row < height:
                _take(stack, row, column, column + 1, n, cells, seen, total, lowest, highest)
            continue
        for row in range(max(first[n], origin), min(last[n], origin + height)):
            crossings = _crossings(columns, rows, rings, owners[n], owners[n + 1], row + 0.5, found)
            for k in range(0, crossings - 1, 2):
                start = max(0, int(np.ceil(found[k] - 0.5)))
                stop = min(width, int(np.ceil(found[k + 1] - 0.5)))
                if start < stop:
                    _take(stack, row - origin, start, stop, n, cells, seen, total, lowest, highest)


def gather(
    band: NDArray[np.float32], first: int, rows: NDArray[Any], columns: NDArray[Any], into: NDArray[np.float32]
) -> None:
    """Write the values of one band at points into `into`, in place.

    Parameters
    ----------
    band
        (rows, columns) of the band.
    first
        Row of the raster at which it begins.
    rows, columns
        (points,) pixel of each point; outside the raster is negative.
    into
        (points,) result so far.
    """
    inside = np.flatnonzero((rows >= first) & (rows < first + band.shape[0]) & (columns >= 0))
    into[inside] = band[rows[inside] - first, columns[inside]]
