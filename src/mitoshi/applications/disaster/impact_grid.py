"""The grid of a run in metres: cell areas, and a plane on which lengths are measured."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from mitoshi.core.quantity import Raster

__all__ = ["Grid", "grid_of"]

Floats = NDArray[np.float64]
EQUATOR, FLATTENING = 6_378_137.0, 1 / 298.257223563


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
    """

    affine: Any
    shape: tuple[int, int]
    crs: Any
    pixel_m: float
    scale: tuple[float, float]
    cell_area_m2: Floats

    def plane(self, geometry: NDArray[Any]) -> NDArray[Any]:
        """Return geometries on a plane in metres."""
        import shapely

        return np.asarray(shapely.transform(np.asarray(geometry, object), lambda p: p * np.array(self.scale)), object)

    def back(self, points: Floats) -> Floats:
        """Return points of the plane in the CRS."""
        return np.asarray(points / np.array(self.scale))

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
    side = math.sqrt(abs(affine.determinant))
    if box.crs is not None and box.crs.geographic:
        latitude = affine.f + affine.e * shape[0] / 2 + affine.d * shape[1] / 2
        scale = _metres_per_degree(latitude)
        rows = affine.f + affine.e * (np.arange(shape[0]) + 0.5)
        across, along = _metres_per_degree(rows)
        return Grid(affine, shape, box.crs, side * math.sqrt(float(scale[0] * scale[1])), (float(scale[0]), float(scale[1])),
                    side**2 * across * along)  # fmt: skip
    pixel = raster.attrs.get("pixel_size_m") or (side if box.crs is not None else None)
    if not pixel or not math.isfinite(pixel):
        raise InputError("depth does not say how large its pixels are; give a georeferenced file")
    return Grid(
        affine, shape, box.crs, float(pixel), (pixel / side, pixel / side), np.full(shape[0], float(pixel) ** 2)
    )


def _metres_per_degree(latitude: Any) -> tuple[Any, Any]:
    """Return metres per degree of longitude and of latitude on the WGS84 ellipsoid."""
    eccentric = FLATTENING * (2 - FLATTENING)
    phi = np.radians(latitude)
    base = 1 - eccentric * np.sin(phi) ** 2
    degree = math.pi / 180
    return degree * EQUATOR * np.cos(phi) / np.sqrt(base), degree * EQUATOR * (1 - eccentric) / base**1.5
