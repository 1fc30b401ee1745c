"""The grid of web map tiles: Web Mercator (EPSG:3857), a square of 256 pixels at level 0 (OGC 17-083r4, WebMercatorQuad)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pystac

__all__ = ["DEEPEST", "HALF_WORLD", "TILE_SIDE", "deepest_level", "degrees_of", "metres_of"]

HALF_WORLD = math.pi * 6378137.0
TILE_SIDE = 256
DEEPEST = 22
UNKNOWN_LEVEL = 14  # where an item does not say how fine it is: 10 m at the equator


def metres_of(z: int, x: int, y: int) -> tuple[float, float, float, float]:
    """Return west, south, east, north of a tile in Web Mercator metres.

    >>> [round(v) for v in metres_of(1, 0, 0)]
    [-20037508, 0, 0, 20037508]
    """
    side = 2 * HALF_WORLD / 2**z
    return -HALF_WORLD + x * side, HALF_WORLD - (y + 1) * side, -HALF_WORLD + (x + 1) * side, HALF_WORLD - y * side


def degrees_of(z: int, x: int, y: int) -> tuple[float, float, float, float]:
    """Return west, south, east, north of a tile in degrees.

    >>> [round(v, 4) for v in degrees_of(0, 0, 0)]
    [-180.0, -85.0511, 180.0, 85.0511]
    """
    west, south, east, north = metres_of(z, x, y)
    longitudes = (math.degrees(v / 6378137.0) for v in (west, east))
    latitudes = (math.degrees(math.asin(math.tanh(v / 6378137.0))) for v in (south, north))
    (w, e), (s, n) = longitudes, latitudes
    return w, s, e, n


def deepest_level(item: pystac.Item) -> int:
    """Return the level at which a tile's pixels are as fine as those of an item; finer levels show nothing new."""
    gsd, box = item.properties.get("gsd"), item.bbox
    transform = item.properties.get("proj:transform")
    if gsd is None and transform is not None and str(item.properties.get("proj:code", "")).startswith("EPSG:32"):
        gsd = abs(float(transform[0]))
    if not gsd or box is None:
        return UNKNOWN_LEVEL
    latitude = math.radians(min(85.0, abs(box[1] + box[3]) / 2))
    coarsest = 2 * HALF_WORLD / TILE_SIDE * math.cos(latitude)
    return min(DEEPEST, max(0, math.ceil(math.log2(coarsest / float(gsd)))))
