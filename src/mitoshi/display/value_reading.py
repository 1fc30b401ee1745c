"""Values of rasters at a place and over an area, with what is known of their uncertainty, in the units of the product."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.core.longitude import near_longitude
from mitoshi.core.quantity import from_db
from mitoshi.core.text import Text
from mitoshi.display.legend import Classes
from mitoshi.display.raster_places import from_degrees, middle_longitude, pixels_of
from mitoshi.sensors import guard

if TYPE_CHECKING:
    import numpy.typing as npt

    from mitoshi.display.rasters import Band, Raster

__all__ = ["MOST_PIXELS", "Cells", "cells_within", "statistics", "values_at"]

MOST_PIXELS = 4_000_000
AREA_BLOCKS = 16  # per axis: blocks of cells whose mean area on the ellipsoid is measured
SIDE_CUTS = 16  # pieces of a side as long as the area, where it is taken to another reference system
MOST_CUTS = 10_000  # such pieces of all sides together
CUTS = 4  # pieces of each side of such a block
PERCENTILES = (5, 25, 50, 75, 95)

OUTSIDE = Text("outside of this layer", "このレイヤの範囲外です")
NO_VALUE = Text("no value here: not observed, or not computed", "値がありません（未観測、または計算対象外）")


class Cells(NamedTuple):
    """The cells of a raster that lie in an area.

    Attributes
    ----------
    values
        Of the cells whose centre lies in the area, NaN or the nodata code where not observed; (n,).
    areas
        Of the cells on the ellipsoid [m2]; (n,).
    step
        Every so many rows and columns were read: 1 means all.
    touched
        Whether the area is smaller than a cell, so that the cells it touches stand for it.
    window
        First row and column and shape of what was read, to tell whether two rasters gave the same cells.
    """

    values: npt.NDArray[Any]
    areas: npt.NDArray[np.float64]
    step: int
    touched: bool
    window: tuple[int, ...]


def values_at(raster: Raster, longitude: float, latitude: float) -> list[float] | None:
    """Return the value of each band at a place, NaN where not observed; None where the raster does not reach.

    Raises
    ------
    InputError
        If a file is damaged.
    """
    found = []
    for number, band in enumerate(raster.bands):
        with guard.open_raster(band.location) as dataset:
            place = _pixel(dataset, longitude, latitude)
            if place is None:
                return None
            stored, hidden = _read(dataset, band, (*place, 1, 1), 1)
        found.append(float(raster.values(stored, number, hidden)[0, 0]))
    return found


def _pixel(dataset: Any, longitude: float, latitude: float) -> tuple[int, int] | None:
    if dataset.crs is None:
        return None
    row, column = (float(place) for place in pixels_of(dataset, longitude, latitude))
    inside = 0 <= row < dataset.height and 0 <= column < dataset.width
    return (int(row), int(column)) if inside else None


def _read(
    dataset: Any, band: Band, window: tuple[int, int, int, int], step: int
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
    """Return the stored numbers of a window, every `step`-th of them, and where the file's mask hides them, or None.

    The window is given as first row, first column, rows, columns.
    """
    from rasterio.errors import RasterioError
    from rasterio.windows import Window

    from mitoshi.core.errors import InputError

    row, column, rows, columns = window
    part = {"window": Window(column, row, columns, rows), "out_shape": (-(-rows // step), -(-columns // step))}
    try:
        stored: npt.NDArray[Any] = dataset.read(band.number, **part)
        hidden = band.hidden(dataset, **part)
    except (RasterioError, MemoryError) as error:
        raise InputError(f"the file is damaged or cut short; fetch it again ({type(error).__name__})") from None
    return stored, hidden


def cells_within(raster: Raster, shape: Any) -> Cells | None:
    """Return the cells of a raster's first band in an area; None where the raster does not reach.

    Parameters
    ----------
    raster
        Of one band.
    shape
        A shapely polygon in degrees.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    from affine import Affine
    from rasterio.features import geometry_mask

    band = raster.bands[0]
    with guard.open_raster(band.location) as dataset:
        if dataset.crs is None:
            return None
        outline = _projected(shape, dataset.crs, middle_longitude(dataset))
        window = _window(dataset, outline)
        if window is None:
            return None
        row, column, rows, columns = window
        step = max(1, math.ceil(math.sqrt(rows * columns / MOST_PIXELS)))
        stored, hidden = _read(dataset, band, window, step)
        lattice = (
            dataset.transform
            * Affine.translation(column, row)
            * Affine.scale(columns / stored.shape[1], rows / stored.shape[0])
        )
        grid = (dataset.crs.to_wkt(), dataset.transform)
    inside = geometry_mask([outline], stored.shape, lattice, invert=True)
    touched = not inside.any()
    if touched:
        inside = geometry_mask([outline], stored.shape, lattice, invert=True, all_touched=True)
    if not inside.any():
        return None
    scale = rows * columns / stored.size
    areas = _areas(grid, window, stored.shape)[inside] * scale
    return Cells(raster.values(stored, 0, hidden)[inside], areas, step, touched, (*window, step))


def _projected(shape: Any, crs: Any, middle: float | None = None) -> Any:
    """Return a polygon in degrees in another reference system, its sides cut so that they stay where they are.

    In degrees it lies in the turn of the raster's middle.
    """
    import shapely

    west, south, east, north = shape.bounds
    longest = max((east - west) / SIDE_CUTS, (north - south) / SIDE_CUTS, shapely.length(shape) / MOST_CUTS, 1e-10)
    transformer = from_degrees(crs.to_wkt())

    def taken(polygon: Any) -> Any:
        # Ring by ring: GEOS would check each polygon that it cuts for validity, in n² steps.
        rings = shapely.segmentize(shapely.get_rings(polygon), longest)
        moved = shapely.transform(rings, lambda c: np.column_stack(transformer.transform(c[:, 0], c[:, 1])))
        if middle is not None:
            centre = float(shapely.bounds(moved[0])[[0, 2]].mean())
            turn = float(near_longitude(centre, middle)) - centre
            moved = shapely.transform(moved, lambda c: c + np.array([turn, 0.0]))
        return shapely.polygons(moved[0], moved[1:])

    parts = [
        taken(part)
        for part in shapely.get_parts(shapely.get_parts(shape))
        if part.geom_type == "Polygon" and not part.is_empty
    ]
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)


def _window(dataset: Any, outline: Any) -> tuple[int, int, int, int] | None:
    """Return first row, first column, rows and columns of what the outline's box covers; None where nothing."""
    left, bottom, right, top = outline.bounds
    if not all(map(math.isfinite, (left, bottom, right, top))):
        return None
    corners = [~dataset.transform * corner for corner in ((left, bottom), (left, top), (right, bottom), (right, top))]
    columns, rows = zip(*corners, strict=True)
    first_row, last_row = max(0, math.floor(min(rows))), min(dataset.height, math.ceil(max(rows)))
    first_column, last_column = max(0, math.floor(min(columns))), min(dataset.width, math.ceil(max(columns)))
    if first_row >= last_row or first_column >= last_column:
        return None
    return first_row, first_column, last_row - first_row, last_column - first_column


def _areas(grid: tuple[str, Any], window: tuple[int, int, int, int], shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return the mean area of the full-resolution cells under each pixel that was read [m2].

    Blocks of pixels are measured on the ellipsoid as geodesic polygons, so that neither degrees nor the scale of a map
    projection distorts them.
    """
    from pyproj import CRS, Geod, Transformer

    wkt, transform = grid
    row, column, rows, columns = window
    down, across = _edges(shape[0]), _edges(shape[1])
    corners = np.meshgrid(_cut(across) * columns / shape[1] + column, _cut(down) * rows / shape[0] + row)
    places = Transformer.from_crs(CRS.from_wkt(wkt), "EPSG:4326", always_xy=True).transform(*(transform * corners))
    out, geod = np.empty(shape, np.float64), Geod(ellps="WGS84")
    for i, (top, bottom) in enumerate(pairwise(down)):
        for j, (left, right) in enumerate(pairwise(across)):
            y, x = _ring(CUTS)
            outline = [lattice[i * CUTS + y, j * CUTS + x] for lattice in places]
            cells = (bottom - top) * rows / shape[0] * (right - left) * columns / shape[1]
            out[top:bottom, left:right] = abs(geod.polygon_area_perimeter(*outline)[0]) / cells
    return out


def _edges(size: int) -> list[int]:
    return sorted({size * n // AREA_BLOCKS for n in range(AREA_BLOCKS + 1)})


def _cut(edges: list[int]) -> npt.NDArray[np.float64]:
    """Return the edges with `CUTS` - 1 places between each two."""
    places = np.arange((len(edges) - 1) * CUTS + 1) / CUTS
    return np.asarray(np.interp(places, np.arange(len(edges)), np.asarray(edges, float)))


def _ring(side: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return rows and columns around a square of `side` steps."""
    forth, back = np.arange(side), np.arange(side, 0, -1)
    low, high = np.zeros(side, np.intp), np.full(side, side)
    return np.concatenate([low, forth, high, back]), np.concatenate([forth, high, back, low])


def statistics(raster: Raster, cells: Cells) -> dict[str, Any]:
    """Return the distribution of a raster's values over the cells of an area, each weighted by its area."""
    style = raster.style
    hidden = _hidden(raster, cells.values)
    seen, areas = cells.values[~hidden], cells.areas[~hidden]
    told: dict[str, Any] = {
        "count": int(seen.size), "cells": int(hidden.size), "seen_area_m2": float(areas.sum()), "mean": None,
        "standard_deviation": None, "minimum": None, "maximum": None, "percentiles": {}, "classes": [],
        "decimation": cells.step, "touched": cells.touched,
    }  # fmt: skip
    if not seen.size:
        return told
    if isinstance(style, Classes):
        told["classes"] = [
            {
                "code": c.code,
                "title": c.title._asdict(),
                "colour": c.colour,
                "share": float(part / areas.sum()),
                "area_m2": part,
            }
            for c in style.entries
            if c.code != style.nodata and (part := float(areas[seen == c.code].sum())) > 0
        ]
        return told
    values = seen.astype(np.float64)
    told |= {
        "mean": _mean(raster, values, areas),
        "standard_deviation": float(np.sqrt(np.average((values - np.average(values, weights=areas)) ** 2, weights=areas))),
        "minimum": float(values.min()), "maximum": float(values.max()),
        "percentiles": {str(p): float(v) for p, v in zip(PERCENTILES, np.percentile(values, PERCENTILES), strict=True)},
    }  # fmt: skip
    return told


def _hidden(raster: Raster, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell which cells were not observed."""
    style = raster.style
    unseen = np.asarray(~np.isfinite(values))
    if not isinstance(style, Classes):
        return unseen
    nodata = style.nodata if raster.output is not None else style.bare
    return unseen if nodata is None else unseen | np.asarray(values == nodata)


def _mean(raster: Raster, values: npt.NDArray[np.float64], areas: npt.NDArray[np.float64]) -> float:
    """Return the area-weighted mean; that of backscatter is the mean power, told in dB."""
    if raster.units == "dB":
        return float(10 * np.log10(np.average(from_db(values), weights=areas)))
    return float(np.average(values, weights=areas))
