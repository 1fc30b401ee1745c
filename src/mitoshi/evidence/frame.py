"""The grid of a run: which one, which part of it, and how large its cells are on the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.orientation import without_rotation

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from odc.geo.geobox import GeoBox

    from mitoshi.core.grid import BBox
    from mitoshi.core.quantity import Raster

__all__ = ["Frame", "frame_of"]

MOST_PIXELS = 2**34
EDGE_POINTS = 33  # along each side of a grid, so that curved edges stay inside


@dataclass(frozen=True)
class Frame:
    """The pixels of a run.

    Attributes
    ----------
    geobox
        The grid; without a CRS it counts pixels.
    """

    geobox: GeoBox

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return int(self.geobox.shape[0]), int(self.geobox.shape[1])

    @property
    def georeferenced(self) -> bool:
        """Whether the grid has a CRS."""
        return self.geobox.crs is not None

    @cached_property
    def transform(self) -> tuple[float, ...]:
        """(a, b, c, d, e, f) of the affine from (column, row) to the CRS."""
        return tuple(float(v) for v in self.geobox.affine[:6])

    @cached_property
    def crs_text(self) -> str | None:
        """``EPSG:n`` where there is such a code, else WKT 2; None without georeference."""
        if self.geobox.crs is None:
            return None
        code = self.geobox.crs.to_epsg()
        return f"EPSG:{code}" if code is not None else str(self.geobox.crs.to_wkt())

    @cached_property
    def wkt(self) -> str:
        """The CRS as WKT 2; empty without georeference."""
        return "" if self.geobox.crs is None else str(self.geobox.crs.to_wkt())

    def described(self) -> dict[str, Any]:
        """Return the grid as plain data for the record."""
        return {"shape": list(self.shape), "crs": self.crs_text, "transform": list(self.transform)}

    def longitude_latitude(self, pixels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return (longitude, latitude) in degrees of (column, row) pairs; rows and columns count pixel edges.

        Parameters
        ----------
        pixels
            (n, 2) columns and rows.
        """
        a, b, c, d, e, f = self.transform
        easting = a * pixels[:, 0] + b * pixels[:, 1] + c
        northing = d * pixels[:, 0] + e * pixels[:, 1] + f
        if self.geobox.crs is None or self.geobox.crs.geographic:
            return np.column_stack([easting, northing])
        longitude, latitude = _to_degrees(self.geobox.crs.to_wkt()).transform(easting, northing)
        return np.column_stack([longitude, latitude])

    def cell_areas_m2(self, row: int, column: int, height: int, width: int) -> npt.NDArray[np.float64]:
        """Return the area on the ellipsoid of the cells of a rectangle, in m2; NaN without georeference.

        Returns
        -------
        (height, 1) where the cells of a row are alike, else (height, width); (1, 1) without georeference.
        """
        if not self.georeferenced:
            return np.full((1, 1), math.nan)
        from affine import Affine

        from mitoshi.core.cells import areas_m2

        return areas_m2(self.geobox.crs, self.geobox.affine @ Affine.translation(column, row), (height, width))


def _to_degrees(wkt: str) -> Any:
    from pyproj import CRS, Transformer

    return Transformer.from_crs(CRS.from_wkt(wkt), "EPSG:4326", always_xy=True)


def frame_of(arrays: Sequence[Raster], area: BBox | None, argument: str) -> Frame:
    """Return the grid of a run, north-up: the area on the pixel lattice of the first array, or what all of them cover.

    What lies beyond an array was not seen by it.

    Raises
    ------
    InputError
        If an area is given, or several arrays, but one has no georeference.
    """
    import odc.geo.xr  # noqa: F401 - registers the accessor

    array = arrays[0]
    geobox = array.odc.geobox
    if geobox is None:
        raise InputError(f"{argument} has no regular grid; give a raster with evenly spaced coordinates")
    if area is None:
        return Frame(_united([a.odc.geobox for a in arrays], argument))
    if geobox.crs is None:
        raise InputError(f"{argument} has no georeference, so an area cannot crop it; leave --area out")
    from mitoshi.cube import grid_for

    grid = grid_for(array, area)
    base = without_rotation(geobox)
    column, row = ~base.affine @ (grid.affine.c, grid.affine.f)
    inside = -grid.shape[1] < round(column) < base.shape[1] and -grid.shape[0] < round(row) < base.shape[0]
    if not inside:
        raise InputError(f"{argument} does not touch the area {tuple(area)}; give another area or another file")
    return Frame(grid)


def _united(grids: Sequence[Any], argument: str) -> GeoBox:
    """Return the first grid, north-up, enlarged in whole pixels until it holds the others."""
    from odc.geo.geobox import GeoBox

    base = without_rotation(grids[0])
    if len(grids) == 1 or all(g == grids[0] for g in grids):
        return base
    if base.crs is None or any(g is None or g.crs is None for g in grids):
        raise InputError(
            f"{argument} was given several files of which not all have a georeference; give one, or add it"
        )
    edges = [np.array([~base.affine @ point for point in _outline(g, base)]) for g in grids if g is not None]
    low = np.floor(np.vstack(edges).min(axis=0) + 1e-3).astype(int)
    high = np.ceil(np.vstack(edges).max(axis=0) - 1e-3).astype(int)
    left, top, right, bottom = (int(v) for v in (*low, *high))
    if (bottom - top) * (right - left) > MOST_PIXELS:
        raise InputError(f"the files of {argument} lie too far apart for one grid; give an --area")
    from affine import Affine

    return GeoBox((bottom - top, right - left), base.affine @ Affine.translation(left, top), base.crs)


def _outline(grid: Any, base: Any) -> npt.NDArray[np.float64]:
    """Return points along the edge of a grid in the reference system of another."""
    from pyproj import Transformer

    height, width = grid.shape
    along, zero = np.linspace(0, 1, EDGE_POINTS), np.zeros(EDGE_POINTS)
    columns = width * np.concatenate([along, along, zero, zero + 1])
    rows = height * np.concatenate([zero, zero + 1, along, along])
    a, b, c, d, e, f = grid.affine[:6]
    x, y = a * columns + b * rows + c, d * columns + e * rows + f
    if grid.crs != base.crs:
        x, y = Transformer.from_crs(grid.crs.to_wkt(), base.crs.to_wkt(), always_xy=True).transform(x, y)
    return np.column_stack([x, y])
