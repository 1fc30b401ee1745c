"""What is checked of a raster's GeoTransform: six numbers of a file, of which any may be anything."""

from __future__ import annotations

import math
from typing import Any

from mitoshi.core.errors import InputError

__all__ = ["check_transform"]

FARTHEST = 1e8  # units of any coordinate system in use, feet and web mercator included
FINEST, COARSEST = 1e-10, 1e7  # side of a pixel, in degrees or metres: 10 µm to a planet


def check_transform(transform: Any, shape: tuple[int, int], name: str) -> None:
    """Refuse a GeoTransform whose pixels have no place or no area.

    Raises
    ------
    InputError
        If a number is not finite or beyond any coordinate system, or the pixels are degenerate.
    """
    numbers = [float(v) for v in tuple(transform)[:6]]
    if not all(math.isfinite(v) for v in numbers):
        raise InputError(f"{name} states a GeoTransform that is not finite; georeference it again")
    a, b, c, d, e, f = numbers
    rows, columns = shape
    corners = [(c + a * x + b * y, f + d * x + e * y) for x in (0, columns) for y in (0, rows)]
    if any(abs(v) > FARTHEST for corner in corners for v in corner):
        raise InputError(f"{name} states a GeoTransform beyond any coordinate system; georeference it again")
    across, down = math.hypot(a, d), math.hypot(b, e)
    if not (FINEST <= across <= COARSEST and FINEST <= down <= COARSEST) or abs(a * e - b * d) < 1e-6 * across * down:
        raise InputError(f"{name} states a GeoTransform with pixels that have no area; georeference it again")
