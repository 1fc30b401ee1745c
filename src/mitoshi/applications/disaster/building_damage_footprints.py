"""Which pixels of a grid belong to which footprint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.core.quantity import Raster

__all__ = ["Cells", "blocks_of", "cells_of", "in_pixels", "outside_images"]

OUTSIDE = Text(
    "{outside} of {given} buildings lie outside the images: they are not observed, and whether they are damaged is unknown",
    "建物 {given} 棟のうち {outside} 棟は画像の範囲外にあります。これらは未観測とし、被害の有無は不明です",
)


class Cells(NamedTuple):
    """Pixels of n objects, one object after the other.

    Attributes
    ----------
    rows, columns
        Shape (pixels,).
    starts
        Where each object begins, and the end; shape (n + 1,).
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    starts: NDArray[np.int64]

    def means(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return each object's mean of a (y, x) array; missing pixels are left out, NaN where less than half was seen."""
        picked = values[self.rows, self.columns].astype(np.float64)
        owner = np.repeat(np.arange(self.starts.size - 1), np.diff(self.starts))
        seen = np.isfinite(picked)
        count = np.bincount(owner[seen], minlength=self.starts.size - 1)
        total = np.bincount(owner[seen], picked[seen], minlength=self.starts.size - 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(2 * count >= np.maximum(np.diff(self.starts), 1), total / count, np.nan))


def in_pixels(geometry: Any, like: Raster) -> NDArray[Any]:
    """Return geometries in pixel coordinates of a raster: column, row, with pixel centres at whole numbers and a half.

    Parameters
    ----------
    geometry
        Array of shapely geometries in the raster's CRS.
    like
        Raster with coordinates y and x at pixel centres.
    """
    import shapely

    x, y = like["x"].to_numpy().astype(float), like["y"].to_numpy().astype(float)
    step_x = x[1] - x[0] if x.size > 1 else 1.0
    step_y = y[1] - y[0] if y.size > 1 else 1.0

    def moved(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([(points[:, 0] - x[0]) / step_x + 0.5, (points[:, 1] - y[0]) / step_y + 0.5], axis=1)

    return np.asarray(shapely.transform(np.asarray(geometry, object), moved))


def outside_images(data: Mapping[str, Any], parameters: Mapping[str, Any]) -> tuple[Text, ...]:
    """Return how many footprints lie outside the images altogether; nothing where all reach into them.

    Parameters
    ----------
    data
        Data arguments by name, on one grid; footprints without a place count as neither.
    parameters
        Not used.
    """
    import shapely

    del parameters
    footprints = data["footprints"]
    like = next((a for n, a in data.items() if n != "footprints" and a is not None), None)
    if like is None or not len(footprints):
        return ()
    left, top, right, bottom = shapely.bounds(in_pixels(footprints.geometry.to_numpy(), like)).T
    with np.errstate(invalid="ignore"):
        outside = (right <= 0) | (bottom <= 0) | (left >= like.sizes["x"]) | (top >= like.sizes["y"])
    count = int(outside.sum())
    return (OUTSIDE.format(outside=count, given=len(footprints)),) if count else ()


def blocks_of(shapes: NDArray[Any], shape: tuple[int, int], size: int) -> tuple[NDArray[np.int64], int]:
    """Return the block in which the centre of each footprint lies, and how far the largest reaches out from its centre.

    Parameters
    ----------
    shapes
        Geometries in pixel coordinates.
    shape
        Rows and columns of the scene; a centre outside counts to the nearest block.
    size
        Side of a block in pixels; blocks are numbered row by row.
    """
    import shapely

    if len(shapes) == 0:
        return np.zeros(0, np.int64), 0
    bounds = np.nan_to_num(shapely.bounds(shapes))
    half = (bounds[:, 2:] - bounds[:, :2]) / 2.0
    centre = bounds[:, :2] + half
    column, row = (np.clip(centre[:, n], 0, shape[1 - n] - 1) // size for n in (0, 1))
    across = -(-shape[1] // size)
    return (row * across + column).astype(np.int64), int(np.ceil(half.max()))


def cells_of(shapes: NDArray[Any], first: tuple[int, int], shape: tuple[int, int]) -> Cells:
    """Return the pixels whose centres lie in each shape; a shape smaller than a pixel gets the pixel of its centroid.

    A missing or empty geometry has no place and gets none.

    Parameters
    ----------
    shapes
        Geometries in pixel coordinates of the whole raster.
    first
        Row and column of the whole raster at which the window begins.
    shape
        Rows and columns of the window; what lies outside is left out.
    """
    import shapely

    shapely.prepare(shapes)
    rows: list[NDArray[np.int64]] = []
    columns: list[NDArray[np.int64]] = []
    for geometry, box in zip(shapes, shapely.bounds(shapes), strict=True):
        placed = bool(np.isfinite(box).all())
        row, column = _inside(geometry, box) if placed else (np.zeros(0, np.int64),) * 2
        if row.size == 0 and placed:
            centre = geometry.centroid
            row, column = np.array([int(np.floor(centre.y))]), np.array([int(np.floor(centre.x))])
        row, column = row - first[0], column - first[1]
        kept = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
        rows.append(row[kept])
        columns.append(column[kept])
    starts = np.concatenate([[0], np.cumsum([r.size for r in rows])]).astype(np.int64)
    empty = np.zeros(0, np.int64)
    return Cells(np.concatenate([empty, *rows]), np.concatenate([empty, *columns]), starts)


def _inside(geometry: Any, box: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    import shapely

    row = np.arange(int(np.floor(box[1])), int(np.ceil(box[3])) + 1)
    column = np.arange(int(np.floor(box[0])), int(np.ceil(box[2])) + 1)
    inside = np.nonzero(shapely.contains_xy(geometry, column[None, :] + 0.5, row[:, None] + 0.5))
    return row[inside[0]], column[inside[1]]
