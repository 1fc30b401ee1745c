"""Longitudes: one meridian has many numbers (190, -170, 550), and all of them mean the same place."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["near_longitude", "span", "wrapped_longitude"]


def wrapped_longitude(longitude: Any) -> Any:
    """Return longitudes from -180 to 180 degrees; what lies there already stays as it is, 180 included.

    >>> float(wrapped_longitude(200.0)), float(wrapped_longitude(180.0)), float(wrapped_longitude(-190.0))
    (-160.0, 180.0, 170.0)
    """
    value = np.asarray(longitude, dtype=np.float64)
    return np.where(np.abs(value) <= 180.0, value, _rounded(value - 360.0 * np.floor((value + 180.0) / 360.0)))


def near_longitude(longitude: Any, middle: float) -> Any:
    """Return longitudes as the numbers nearest to `middle`, at most half a turn away.

    >>> float(near_longitude(-160.0, 200.0)), float(near_longitude(200.0, -160.0)), float(near_longitude(139.5, 139.0))
    (200.0, -160.0, 139.5)
    """
    value = np.asarray(longitude, dtype=np.float64)
    turns = np.round((middle - value) / 360.0)
    return np.where(turns == 0, value, _rounded(value + 360.0 * turns))


def span(west: Any, east: Any) -> tuple[float, float]:
    """Return the shortest arc that holds all arcs, from -180 to 180 degrees; west > east where it crosses the antimeridian.

    Parameters
    ----------
    west, east
        (n,) ends of arcs in any turn; west is not above east. An arc of a whole turn holds everything.

    >>> span([170.0, -179.0], [180.0, -170.0])
    (170.0, -170.0)
    >>> span([200.0], [200.5])
    (-160.0, -159.5)
    """
    start, end = np.atleast_1d(np.asarray(west, np.float64)), np.atleast_1d(np.asarray(east, np.float64))
    if (end - start).max() >= 360.0:
        return -180.0, 180.0
    if start.min() >= -180.0 and end.max() <= 180.0 and end.max() - start.min() <= 180.0:
        return float(start.min()), float(end.max())
    length = end - start
    first = np.mod(start, 360.0)
    order = np.argsort(first, kind="stable")
    first, last = first[order], np.maximum.accumulate((first + length)[order])
    if last[-1] - 360.0 >= first[0] and last.size == 1:
        return -180.0, 180.0
    # The gap behind each arc; behind the last one, that to the first one of the next turn.
    gaps = np.append(first[1:], first[0] + 360.0) - last
    widest = int(np.argmax(gaps))
    if gaps[widest] <= 0.0:
        return -180.0, 180.0
    begin, stop = first[(widest + 1) % first.size], last[widest]
    left, right = float(wrapped_longitude(begin)), float(wrapped_longitude(stop))
    # 180 and -180 are one meridian: the west end has the number of the hemisphere that lies east of it, and so on.
    return (-180.0 if left == 180.0 else left), (180.0 if right == -180.0 else right)


def _rounded(longitude: Any) -> Any:
    """Return longitudes without the last bits that adding a turn has made up; a billionth of a degree is a tenth of a mm."""
    return np.round(longitude, 10)
