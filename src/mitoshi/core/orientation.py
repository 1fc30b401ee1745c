"""Which way up a grid is: row 0 in the north and column 0 in the west, whatever the file's order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

__all__ = ["Upright", "upright", "without_rotation"]

STRAIGHT = 1e-9  # of a pixel's side, over which an axis may lean before the grid is called rotated


class Upright(NamedTuple):
    """A grid with row 0 in the north, and how the file's rows and columns come onto it.

    Attributes
    ----------
    grid
        Of the same cells.
    rows, columns
        Whether rows, and columns, run the other way in the file.
    """

    grid: GeoBox
    rows: bool
    columns: bool


def upright(grid: GeoBox) -> Upright:
    """Return the grid with row 0 in the north and column 0 in the west; one that is rotated or has no CRS stays as it is.

    Parameters
    ----------
    grid
        As the file states it; south-up where a row's number grows northwards.
    """
    t = grid.affine
    if grid.crs is None or _rotated(grid) or (t.e < 0 < t.a):
        return Upright(grid, rows=False, columns=False)
    from affine import Affine
    from odc.geo.geobox import GeoBox

    rows, columns = bool(t.e > 0), bool(t.a < 0)
    top = t.f + (t.e * grid.shape[0] if rows else 0.0)
    left = t.c + (t.a * grid.shape[1] if columns else 0.0)
    turned = GeoBox(grid.shape, Affine(abs(t.a), 0.0, left, 0.0, -abs(t.e), top), grid.crs)
    return Upright(turned, rows, columns)


def _rotated(grid: GeoBox) -> bool:
    t = grid.affine
    return max(abs(t.b), abs(t.d)) > STRAIGHT * max(abs(t.a), abs(t.e))


def without_rotation(grid: GeoBox) -> GeoBox:
    """Return a north-up grid with cells of the same size that holds a rotated or sheared one; any other is returned upright."""
    if grid.crs is None or not _rotated(grid):
        return upright(grid).grid
    from affine import Affine
    from odc.geo.geobox import GeoBox

    rows, columns = grid.shape
    x, y = zip(*(grid.affine @ c for c in ((0, 0), (columns, 0), (0, rows), (columns, rows))), strict=True)
    side = math.sqrt(abs(grid.affine.determinant))
    shape = math.ceil((max(y) - min(y)) / side - STRAIGHT), math.ceil((max(x) - min(x)) / side - STRAIGHT)
    return GeoBox(shape, Affine(side, 0.0, min(x), 0.0, -side, max(y)), grid.crs)
