"""The grid of a run in metres: cell areas, and a plane on which lengths are measured."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.cells import cell_size, measured, row_areas_m2
from mitoshi.core.errors import InputError
from mitoshi.core.longitude import near_longitude

if TYPE_CHECKING:
    from mitoshi.core.quantity import Raster

__all__ = ["Grid", "grid_of"]

Floats = NDArray[np.float64]
FARTHEST_M = 285_000.0  # from the central meridian, where lengths are 0.1 % too long


class Grid(NamedTuple):
    """Where pixels lie and how large they are.

    Attributes
    ----------
    affine
        Pixel to CRS.
    shape
        Rows and columns.
    crs
        Of the grid; None without georeference.
    pixel_m
        Side of a pixel in metres at the scene's centre.
    scale
        Metres per unit of the CRS, along x and along y, at the scene's centre.
    cell_area_m2
        (rows,) area of the pixels of each row.
    uneven
        Largest relative change of a side or of the area over the grid.
    """

    affine: Any
    shape: tuple[int, int]
    crs: Any
    pixel_m: float
    scale: tuple[float, float]
    cell_area_m2: Floats
    uneven: float = 0.0

    @property
    def cell_m(self) -> tuple[float, float]:
        """Height and width of a cell at the scene's centre [m]."""
        a, b, _, d, e, _ = self.affine[:6]
        x, y = self.scale
        return math.hypot(e * y, b * x), math.hypot(a * x, d * y)

    def plane(self, geometry: NDArray[Any]) -> NDArray[Any]:
        """Return geometries on a plane in metres: the transverse Mercator projection about the grid's central meridian.

        Its lengths are true there and by x^2 / 2 R^2 too long at a distance x: 0.1 % at `FARTHEST_M`.

        Raises
        ------
        InputError
            If the grid reaches farther.
        """
        import shapely

        change = None if self.crs is None else _to_plane(self.crs.to_wkt(), self._middle())
        if change is None:
            return np.asarray(
                shapely.transform(np.asarray(geometry, object), lambda p: p * np.array(self.scale)), object
            )
        x, y = (np.array([0, 1, 0, 1, 0, 1]) * self.shape[1], np.array([0, 0, 0.5, 0.5, 1, 1]) * self.shape[0])
        corners = change.transform(*(self.affine @ (x, y)))[0]
        if not np.abs(corners).max() <= FARTHEST_M:
            raise InputError(
                f"the grid reaches {np.abs(corners).max() / 1000:.0f} km from its central meridian, where lengths on a plane "
                f"are no longer true; give an area of at most {2 * FARTHEST_M / 1000:.0f} km from west to east"
            )
        return np.asarray(
            shapely.transform(
                np.asarray(geometry, object), lambda p: np.column_stack(change.transform(p[:, 0], p[:, 1]))
            ),
            object,
        )

    def back(self, points: Floats) -> Floats:
        """Return points of the plane in the CRS."""
        if self.crs is None:
            return np.asarray(points / np.array(self.scale))
        x, y = _to_plane(self.crs.to_wkt(), self._middle()).transform(points[:, 0], points[:, 1], direction="INVERSE")
        if self.crs.geographic:
            x = near_longitude(x, self._middle()[0])
        return np.column_stack([x, y])

    def _middle(self) -> tuple[float, float]:
        """Return the grid's centre in the CRS."""
        x, y = self.affine @ (self.shape[1] / 2, self.shape[0] / 2)
        return float(x), float(y)

    def pixels(self, points: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return row and column of points in the CRS; -1 for both where outside."""
        inverse = ~self.affine
        column = np.floor(inverse.a * points[:, 0] + inverse.b * points[:, 1] + inverse.c)
        row = np.floor(inverse.d * points[:, 0] + inverse.e * points[:, 1] + inverse.f)
        inside = (row >= 0) & (row < self.shape[0]) & (column >= 0) & (column < self.shape[1])
        return np.where(inside, row, -1).astype(np.int64), np.where(inside, column, -1).astype(np.int64)

    def centre(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return the coordinates of pixel centres."""
        x = self.affine.a * (column + 0.5) + self.affine.b * (row + 0.5) + self.affine.c
        y = self.affine.d * (column + 0.5) + self.affine.e * (row + 0.5) + self.affine.f
        return x, y


@lru_cache(maxsize=16)
def _to_plane(wkt: str, middle: tuple[float, float]) -> Any:
    """Return the transformation from a CRS to a plane about the meridian of a place in it."""
    from pyproj import CRS, Transformer

    crs = CRS.from_wkt(wkt).to_2d()
    base = crs.geodetic_crs or crs
    longitude, latitude = Transformer.from_crs(crs, base, always_xy=True).transform(*middle)
    ellipsoid = base.ellipsoid
    figure = "+ellps=WGS84" if ellipsoid is None else f"+a={ellipsoid.semi_major_metre} +b={ellipsoid.semi_minor_metre}"
    plane = CRS.from_proj4(f"+proj=tmerc +lon_0={longitude} +lat_0={latitude} +k=1 {figure} +units=m +no_defs")
    return Transformer.from_crs(crs, plane, always_xy=True)  # of one ellipsoid and no datum: nothing is shifted


def grid_of(raster: Raster) -> Grid:
    """Return the grid of a raster.

    Raises
    ------
    InputError
        If neither its CRS nor its attributes say how large a pixel is.
    """
    import odc.geo.xr  # noqa: F401

    box = raster.odc.geobox
    affine, shape = box.affine, (int(raster.shape[-2]), int(raster.shape[-1]))
    size = None if box.crs is None else cell_size(box)
    if size is not None:
        scale = _metres_per_unit(box, math.sqrt(abs(affine.determinant)))
        return Grid(
            affine, shape, box.crs, math.sqrt(size.area), scale, row_areas_m2(box.crs, affine, shape), size.uneven
        )
    side = math.sqrt(abs(affine.determinant))
    pixel = raster.attrs.get("pixel_size_m")
    if not pixel or not math.isfinite(pixel):
        raise InputError("depth does not say how large its pixels are; give a georeferenced file")
    return Grid(
        affine, shape, box.crs, float(pixel), (pixel / side, pixel / side), np.full(shape[0], float(pixel) ** 2), 0.0
    )


def _metres_per_unit(box: Any, step: float) -> tuple[float, float]:
    """Return metres per unit of the CRS along x and along y, at the grid's centre."""
    from affine import Affine

    x, y = box.affine @ (box.shape[1] / 2, box.shape[0] / 2)
    height, width, _ = measured(box.crs, Affine(step, 0.0, x - step / 2, 0.0, -step, y + step / 2), 0, 0)
    return float(width) / step, float(height) / step
