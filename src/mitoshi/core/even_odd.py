"""What a polygon that crosses or overlaps itself encloses, by the even-odd rule."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["even_odd"]


def even_odd(shape: Any) -> Any:
    """Return a valid polygon or multipolygon of what a shape encloses; an empty one where it encloses nothing.

    Each ring encloses what it encircles an odd number of times; holes are taken from their shell, and parts are joined.

    Parameters
    ----------
    shape
        Polygon or MultiPolygon of shapely.

    >>> import shapely
    >>> even_odd(shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])).area
    2.0
    """
    import shapely

    parts = []
    for part in shapely.get_parts(shape):
        holes = [_enclosed(ring) for ring in part.interiors]
        parts.append(shapely.difference(_enclosed(part.exterior), shapely.union_all(holes)))
    polygons = [p for p in shapely.get_parts(shapely.get_parts(shapely.union_all(parts))) if p.geom_type == "Polygon"]
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def _enclosed(ring: Any) -> Any:
    """Return the faces between the lines of a ring that it encircles an odd number of times."""
    import shapely

    corners = shapely.get_coordinates(ring)
    faces = shapely.get_parts(shapely.polygonize([shapely.unary_union(shapely.LineString(corners))]))
    within = [face for face in faces if _encircled(shapely.get_coordinates(shapely.point_on_surface(face))[0], corners)]
    return shapely.union_all(within)


def _encircled(point: Any, corners: Any) -> bool:
    """Return whether a ray from a point to the east crosses a ring an odd number of times."""
    x, y = point
    (x1, y1), (x2, y2) = corners[:-1].T, corners[1:].T
    spans = (y1 > y) != (y2 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        east = x < (x2 - x1) * (y - y1) / (y2 - y1) + x1
    return bool(np.count_nonzero(spans & east) % 2)
