"""Where features lie: an inner point of each, unknown where a geometry is missing, empty or not finite."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["finite_places", "inner_points"]


def finite_places(geometry: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which geometries have a finite place, (geometries,)."""
    import shapely

    return np.asarray(np.isfinite(shapely.bounds(np.asarray(geometry, object)).reshape(-1, 4)).all(axis=1))


def inner_points(geometry: NDArray[Any]) -> NDArray[np.float64]:
    """Return x and y of a point on each geometry, (geometries, 2); NaN where it has no finite place.

    GEOS puts the inner point of coordinates that are not finite at (0 0), which may be a place in the data.
    """
    import shapely

    shapes = np.asarray(geometry, object)
    known = finite_places(shapes)
    points = np.full((shapes.size, 2), np.nan)
    points[known] = shapely.get_coordinates(shapely.point_on_surface(shapes[known]))
    return points
