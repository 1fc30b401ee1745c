"""Lists of features as GeoJSON pages and as vector tiles."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import numpy as np

from mitoshi.core.geometry_cost import made_valid
from mitoshi.display.feature_lists import mercator

if TYPE_CHECKING:
    from mitoshi.display.feature_lists import FeatureList

__all__ = ["encoded", "feature_collection"]

GEOJSON = "application/geo+json"
TILE_FEATURES, TILE_BYTES = 5000, 500_000
EXTENT, MARGIN = 4096, 64  # units of a tile's side, and of the strip around it
HALF_WORLD = math.pi * 6378137.0


def feature_collection(
    found: FeatureList, rows: np.ndarray[Any, Any], *, limit: int, offset: int = 0, address: str = ""
) -> bytes:
    """Return a page of features as GeoJSON.

    Parameters
    ----------
    found
        The list.
    rows
        The rows that are asked for.
    limit, offset
        How many, after how many.
    address
        Of this page, from which that of the next is made.
    """
    from shapely import to_geojson

    page = rows[offset : offset + limit]
    chosen = found.features.iloc[page]
    shapes = to_geojson(chosen.geometry.to_numpy())
    properties = _plain(chosen.drop(columns=chosen.geometry.name))
    body = ",".join(
        f'{{"type":"Feature","id":{int(row)},"geometry":{shape},"properties":{json.dumps(told, ensure_ascii=False)}}}'
        for row, shape, told in zip(page, shapes, properties, strict=True)
    )
    head: dict[str, Any] = {
        "type": "FeatureCollection",
        "title": found.title._asdict(),
        "numberMatched": len(rows),
        "numberReturned": len(page),
        "mitoshi:simulated": found.simulated,
        "mitoshi:columns": [
            {"name": c.name, "title": c.title._asdict(), "units": c.units, "description": c.doc} for c in found.columns
        ],
        "links": [],
    }
    if offset + limit < len(rows) and address:
        head["links"] = [{"rel": "next", "type": GEOJSON, "href": _next(address, offset + limit)}]
    return f'{json.dumps(head, ensure_ascii=False)[:-1]},"features":[{body}]}}'.encode()


def encoded(found: FeatureList, z: int, x: int, y: int) -> bytes:
    """Return one vector tile (Mapbox Vector Tile 2.1), clipped, and simplified to half its unit.

    Of more than 5000 features the largest are kept; a tile that is still too long loses its smaller half until it fits.
    """
    import mapbox_vector_tile
    from shapely import box, clip_by_rect, is_empty, simplify

    side = 2 * HALF_WORLD / 2**z
    west, north = -HALF_WORLD + x * side, HALF_WORLD - y * side
    bounds = (west, north - side, west + side, north)
    edge = side * MARGIN / EXTENT
    around = box(bounds[0] - edge, bounds[1] - edge, bounds[2] + edge, bounds[3] + edge)
    rows = found.within(*_degrees(around.bounds))
    if not len(rows):
        return b""
    shapes = mercator(found.features.geometry.to_numpy()[rows])
    rows, shapes = _largest(rows, shapes, TILE_FEATURES)
    shapes = simplify(clip_by_rect(_drawable(shapes), *around.bounds), side / EXTENT / 2)
    there = ~is_empty(shapes)
    rows, shapes = rows[there], shapes[there]
    while True:
        told = _plain(found.features.iloc[rows].drop(columns=found.features.geometry.name))
        layer = {
            "name": "features",
            "features": [
                {"geometry": g, "id": int(r), "properties": {k: v for k, v in p.items() if v is not None}}
                for r, g, p in zip(rows, shapes, told, strict=True)
            ],
        }
        tile: bytes = mapbox_vector_tile.encode([layer], default_options={"quantize_bounds": bounds, "extents": EXTENT})
        if len(tile) <= TILE_BYTES or len(rows) < 2:
            return tile
        rows, shapes = _largest(rows, shapes, len(rows) // 2)


def _next(address: str, offset: int) -> str:
    parts = urlsplit(address)
    asked = {**dict(parse_qsl(parts.query, keep_blank_values=True)), "offset": str(offset)}
    return urlunsplit(parts._replace(query=urlencode(asked)))


def _plain(table: Any) -> list[dict[str, Any]]:
    """Return rows as what JSON can say: no NaN, no infinity, no numpy."""
    columns = {}
    for name in table.columns:
        values = table[name]
        columns[str(name)] = [_value(v) for v in values.tolist()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)] or [
        {} for _ in range(len(table))
    ]


def _value(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    try:
        return None if value != value else str(value)
    except TypeError:
        return None


def _drawable(shapes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return shapes that can be clipped: valid, or where that costs too much, as the lines of their outlines."""
    from shapely import boundary

    valid, costly = made_valid(shapes)
    valid[costly] = boundary(shapes[costly])
    return valid


def _largest(
    rows: np.ndarray[Any, Any], shapes: np.ndarray[Any, Any], most: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the largest `most` of the shapes, in the order in which they stand."""
    from shapely import area, length

    if len(rows) <= most:
        return rows, shapes
    size = area(shapes) + length(shapes)
    kept = np.sort(np.argsort(-size, kind="stable")[:most])
    return rows[kept], shapes[kept]


def _degrees(bounds: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Return a box of Web Mercator metres in degrees."""
    radius = 6378137.0
    west, east = (math.degrees(v / radius) for v in (bounds[0], bounds[2]))
    south, north = (math.degrees(math.asin(math.tanh(v / radius))) for v in (bounds[1], bounds[3]))
    return max(west, -180.0), south, min(east, 180.0), north
