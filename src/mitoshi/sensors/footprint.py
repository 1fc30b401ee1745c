"""Footprints in longitude and latitude, cut at the antimeridian as GeoJSON (RFC 7946, section 3.1.9) asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odc.geo.geobox import GeoBox

__all__ = ["footprint", "footprint_of_grid"]

EDGE_POINTS = 5  # per side: a UTM edge is slightly curved in longitude and latitude


def footprint(ring: Sequence[tuple[float, float]]) -> tuple[dict[str, Any], list[float]]:
    """Return GeoJSON geometry and bbox of a ring of (longitude, latitude) in degrees.

    Steps of more than 180° of longitude mean that the ring crosses the antimeridian: it is cut there into a MultiPolygon, and
    the bbox has west > east.

    >>> footprint([(179, 10), (-179, 10), (-179, 12), (179, 12)])[1]
    [179.0, 10.0, -179.0, 12.0]
    """
    from shapely import affinity
    from shapely.geometry import Polygon, box, mapping
    from shapely.geometry.polygon import orient

    # The smallest doubles between neighbours a hair apart (round-off of a reprojection) are not worth keeping.
    polygon = Polygon(_unwrapped([(round(lon, 7), round(lat, 7)) for lon, lat in ring]))
    if not polygon.is_valid:
        polygon = polygon.convex_hull
    west, south, east, north = (round(bound, 7) for bound in polygon.bounds)
    if polygon.geom_type != "Polygon":
        return _rounded(mapping(polygon)), [west, south, east, north]
    if west >= -180 and east <= 180:
        return _rounded(mapping(orient(polygon))), [west, south, east, north]
    shift = 360 if west < -180 else 0
    polygon = affinity.translate(polygon, xoff=shift)
    west, east = west + shift, east + shift
    parts = [
        polygon.intersection(box(-180, -90, 180, 90)),
        affinity.translate(polygon.intersection(box(180, -90, 540, 90)), xoff=-360),
    ]
    rings = [list(orient(part).exterior.coords) for part in parts if part.geom_type == "Polygon" and part.area > 0]
    geometry = {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}
    return _rounded(geometry), [round(west, 7), south, round(east - 360, 7), north]


def _unwrapped(ring: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    out = [(float(ring[0][0]), float(ring[0][1]))]
    for lon, lat in ring[1:]:
        step = (lon - out[-1][0] + 180) % 360 - 180
        out.append((out[-1][0] + step, float(lat)))
    return out


def _rounded(geometry: dict[str, Any]) -> dict[str, Any]:
    def walk(value: Any) -> Any:
        return [walk(v) for v in value] if isinstance(value, (list, tuple)) else round(float(value), 7)

    return {"type": geometry["type"], "coordinates": walk(geometry["coordinates"])}


def footprint_of_grid(grid: GeoBox) -> tuple[dict[str, Any], list[float]] | None:
    """Return the footprint of a grid; None without a CRS or where it cannot be projected."""
    if grid.crs is None:
        return None
    import numpy as np
    from pyproj import Transformer

    rows, columns = grid.shape
    side = np.linspace(0, 1, EDGE_POINTS, endpoint=False)
    if grid.crs.geographic:
        side = side[:1]
    zero, one = np.zeros_like(side), np.ones_like(side)
    # Counter-clockwise on a north-up grid: down the west side, along the south, up the east, back along the north.
    u = np.concatenate([zero, side, one, 1 - side]) * columns
    v = np.concatenate([side, one, 1 - side, zero]) * rows
    t = grid.affine
    easting, northing = t.a * u + t.b * v + t.c, t.d * u + t.e * v + t.f
    transformer = Transformer.from_crs(grid.crs.proj, 4326, always_xy=True)
    lon, lat = transformer.transform(easting, northing)
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return None
    lat = np.clip(lat, -90, 90)
    return footprint(list(zip(lon.tolist(), lat.tolist(), strict=True)))
