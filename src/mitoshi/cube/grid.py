"""Grids: of an array, of an item, for an area; and cropping to an area."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mitoshi.core.cells import pixel_side_m as pixel_size_m
from mitoshi.core.errors import InputError
from mitoshi.core.grid import BBox
from mitoshi.core.orientation import without_rotation

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pystac
    from odc.geo.geobox import GeoBox

__all__ = ["crop", "geobox_of", "grid_for", "pixel_size_m", "same_grid"]

MOST_PIXELS = 2**34
EDGE_POINTS = 32  # per side of an area, so that curved edges stay inside


def geobox_of(array: xr.DataArray) -> GeoBox | None:
    """Return the grid of an array; None where it has no georeference."""
    import odc.geo.xr  # noqa: F401 - registers the accessor

    found = array.odc.geobox
    return None if found is None or found.crs is None else found


def same_grid(one: GeoBox, other: GeoBox) -> bool:
    """Tell whether two grids are the same to a thousandth of a pixel."""
    if tuple(one.shape) != tuple(other.shape) or one.crs != other.crs:
        return False
    there = ~other.affine @ one.affine
    corners = np.array([there @ c for c in ((0, 0), (one.shape[1], 0), (0, one.shape[0]))])
    wanted = np.array([(0, 0), (one.shape[1], 0), (0, one.shape[0])])
    return bool(np.abs(corners - wanted).max() < 1e-3)


def _outline(area: BBox) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return longitude and latitude along the area's edge; east of 180° where it crosses the antimeridian."""
    east = area.east + (360.0 if area.crosses_antimeridian else 0.0)
    x, y = np.linspace(area.west, east, EDGE_POINTS), np.linspace(area.south, area.north, EDGE_POINTS)
    longitude = np.concatenate([x, np.full(EDGE_POINTS, east), x[::-1], np.full(EDGE_POINTS, area.west)])
    latitude = np.concatenate([np.full(EDGE_POINTS, area.south), y, np.full(EDGE_POINTS, area.north), y[::-1]])
    return longitude, latitude


def _window(grid: GeoBox, area: BBox) -> tuple[slice, slice]:
    """Return rows and columns of the grid that hold the area; they may reach beyond it.

    Raises
    ------
    InputError
        If the area cannot be expressed in the grid's CRS.
    """
    from odc.geo.geobox import GeoBox

    from mitoshi.cube.resample import source_pixels

    longitude, latitude = _outline(area)
    degrees = GeoBox((1, 1), type(grid.affine).identity(), "EPSG:4326")
    x, y = source_pixels(degrees, grid, longitude, latitude)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError(
            f"the area {tuple(area)} does not fit the grid's reference system {grid.crs}; give another area"
        )
    # A thousandth of a pixel is rounding, not area.
    rows = slice(int(np.floor(y.min() + 1e-3)), int(np.ceil(y.max() - 1e-3)))
    columns = slice(int(np.floor(x.min() + 1e-3)), int(np.ceil(x.max() - 1e-3)))
    return slice(rows.start, max(rows.stop, rows.start + 1)), slice(columns.start, max(columns.stop, columns.start + 1))


def crop(layers: Mapping[str, xr.DataArray | None], area: BBox) -> dict[str, xr.DataArray | None]:
    """Return each layer cut to the area on its own grid, lazily.

    Raises
    ------
    InputError
        If a layer has no georeference or does not touch the area.
    """
    cut: dict[str, xr.DataArray | None] = {}
    for name, layer in layers.items():
        if layer is None:
            cut[name] = None
            continue
        grid = geobox_of(layer)
        if grid is None:
            raise InputError(f"{name} has no georeference and cannot be cut to an area; leave the area out")
        rows, columns = _window(grid, area)
        y = slice(max(0, rows.start), min(grid.shape[0], rows.stop))
        x = slice(max(0, columns.start), min(grid.shape[1], columns.stop))
        if y.start >= y.stop or x.start >= x.stop:
            raise InputError(f"{name} does not touch the area {tuple(area)}; give another area or another file")
        cut[name] = layer.isel({layer.dims[-2]: y, layer.dims[-1]: x})
    return cut


def grid_for(source: pystac.Item | xr.DataArray, area: BBox | None = None, resolution: float | None = None) -> GeoBox:
    """Return a grid for an area, on the pixels of an array or of an item.

    Parameters
    ----------
    source
        Gives reference system and pixel lattice. An item without a projection gives the UTM zone of the area's centre and
        its `gsd`; so does a geographic grid where a resolution is given.
    area
        What the grid covers; None keeps the source's own extent.
    resolution
        Pixel [m] instead of the source's; pixel edges then lie at multiples of it.

    Raises
    ------
    InputError
        If there is neither an area nor an extent, or the grid would be unreasonably large.
    """
    stated = geobox_of(source) if isinstance(source, xr.DataArray) else _item_grid(source)
    base = None if stated is None else without_rotation(stated)
    if base is not None and (resolution is None or not (base.crs is not None and base.crs.geographic)):
        if resolution is not None:
            return _regular_grid(base, area, resolution)
        return base if area is None else _shifted(base, *_window(base, area))
    wanted = area if area is not None or base is None else _extent(base)
    size = resolution if resolution is not None else _gsd(source)
    if wanted is None or size is None:
        lacking = "an area" if wanted is None else "a resolution in metres"
        raise InputError(f"there is no georeference to make a grid from; give {lacking}")
    return _metric_grid(wanted, size)


def _shifted(base: GeoBox, rows: slice, columns: slice) -> GeoBox:
    from odc.geo.geobox import GeoBox

    shape = rows.stop - rows.start, columns.stop - columns.start
    _check_size(shape)
    return GeoBox(shape, base.affine @ type(base.affine).translation(columns.start, rows.start), base.crs)


def _check_size(shape: tuple[int, int]) -> None:
    if shape[0] * shape[1] > MOST_PIXELS:
        raise InputError(
            f"the grid would have {shape[0]} x {shape[1]} pixels; give a smaller area or a coarser resolution"
        )


def _regular_grid(base: GeoBox, area: BBox | None, resolution: float) -> GeoBox:
    """Return a grid in the base's reference system with pixel edges at multiples of the resolution."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    unit = GeoBox((1, 1), Affine(resolution, 0, 0, 0, -resolution, 0), base.crs)
    if area is not None:
        return _shifted(unit, *_window(unit, area))
    box = base.extent.boundingbox
    rows = slice(int(np.floor(-box.top / resolution)), int(np.ceil(-box.bottom / resolution)))
    return _shifted(unit, rows, slice(int(np.floor(box.left / resolution)), int(np.ceil(box.right / resolution))))


def _metric_grid(area: BBox, resolution: float) -> GeoBox:
    from affine import Affine
    from odc.geo.geobox import GeoBox

    east = area.east + (360.0 if area.crosses_antimeridian else 0.0)
    longitude, latitude = ((area.west + east) / 2 + 180) % 360 - 180, (area.south + area.north) / 2
    zone = min(60, int((longitude + 180) // 6) + 1)
    crs = f"EPSG:{(32600 if latitude >= 0 else 32700) + zone}"
    unit = GeoBox((1, 1), Affine(resolution, 0, 0, 0, -resolution, 0), crs)
    return _shifted(unit, *_window(unit, area))


def _extent(grid: GeoBox) -> BBox:
    """Return the extent of a geographic grid; west > east where it reaches over the antimeridian."""
    rows, columns = grid.shape
    corners = np.array([grid.affine @ c for c in ((0, 0), (columns, 0), (0, rows), (columns, rows))])
    (west, south), (east, north) = corners.min(axis=0), corners.max(axis=0)
    if east - west >= 360:
        west, east = -180.0, 180.0
    wrapped = [v - 360 * np.floor((v + 180) / 360) if abs(v) > 180 else v for v in (west, east)]
    return BBox.checked((wrapped[0], max(-90.0, south), wrapped[1], min(90.0, north)))


def _item_grid(item: Any) -> GeoBox | None:
    """Return the grid an item states, of itself or of its finest asset."""
    stated = [_stated(item.properties, item.properties)]
    stated += [_stated(a.extra_fields, item.properties) for a in item.assets.values()]
    grids = [g for g in stated if g is not None]
    return min(grids, key=lambda g: abs(g.affine.a * g.affine.e - g.affine.b * g.affine.d), default=None)


def _stated(fields: Mapping[str, Any], fallback: Mapping[str, Any]) -> GeoBox | None:
    from affine import Affine
    from odc.geo.geobox import GeoBox

    code = fields.get("proj:code") or fields.get("proj:epsg") or fallback.get("proj:code") or fallback.get("proj:epsg")
    shape, transform = fields.get("proj:shape"), fields.get("proj:transform")
    if code is None or shape is None or transform is None or len(shape) != 2 or len(transform) < 6:
        return None
    crs = f"EPSG:{int(code)}" if isinstance(code, int | float) else str(code)
    return GeoBox((int(shape[0]), int(shape[1])), Affine(*transform[:6]), crs)


def _gsd(source: Any) -> float | None:
    found = getattr(source, "properties", {}).get("gsd")
    return None if found is None else float(found)
