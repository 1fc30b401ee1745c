"""Longitudes: one meridian has many numbers (190, -170, 550), and all of them mean the same place."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["near_longitude", "wrapped_longitude"]


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


def _rounded(longitude: Any) -> Any:
    """Return longitudes without the last bits that adding a turn has made up; a billionth of a degree is a tenth of a mm."""
    return np.round(longitude, 10)
