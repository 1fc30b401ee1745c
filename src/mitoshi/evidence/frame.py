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
    import numpy.typing as npt
    from odc.geo.geobox import GeoBox

    from mitoshi.core.grid import BBox
    from mitoshi.core.quantity import Raster

__all__ = ["Frame", "frame_of"]


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


def frame_of(array: Raster, area: BBox | None, argument: str) -> Frame:
    """Return an array's own grid, north-up, or the area on its pixel lattice; what lies beyond the array was not seen.

    Raises
    ------
    InputError
        If an area is given but the array has no georeference.
    """
    import odc.geo.xr  # noqa: F401 - registers the accessor

    geobox = array.odc.geobox
    if geobox is None:
        raise InputError(f"{argument} has no regular grid; give a raster with evenly spaced coordinates")
    if area is None:
        return Frame(without_rotation(geobox))
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
