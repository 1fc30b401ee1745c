"""Footprints in longitude and latitude, cut at the antimeridian as GeoJSON (RFC 7946, section 3.1.9) asks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odc.geo.geobox import GeoBox

__all__ = ["DECIMALS", "footprint", "footprint_of_grid", "rounded_coordinates"]

DECIMALS = 7  # of a degree: one centimetre
EDGE_POINTS = 9  # per side: a UTM edge is slightly curved in longitude and latitude
LATTICE = 129  # places per axis at which a view beyond the limb of the Earth is looked at


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
    if east - west >= 360:
        west, east = -180.0, 180.0
        return _rounded(mapping(box(west, south, east, north))), [west, south, east, north]
    if west >= 180 or west < -180:  # the same meridians by their usual numbers
        turns = -360 * math.floor((west + 180) / 360)
        polygon = affinity.translate(polygon, xoff=turns)
        west, east = round(west + turns, 7), round(east + turns, 7)
    if polygon.geom_type != "Polygon":
        return _rounded(mapping(polygon)), [west, south, east, north]
    if west >= -180 and east <= 180:
        return _rounded(mapping(orient(polygon))), [west, south, east, north]
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


def rounded_coordinates(value: Any) -> Any:
    """Return coordinates, a bbox or a GeoJSON geometry with every number rounded to 1e-7; None stays None."""
    if isinstance(value, dict):
        return {k: v if k == "type" else rounded_coordinates(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded_coordinates(v) for v in value]
    return None if value is None else round(float(value), DECIMALS)


def _rounded(geometry: dict[str, Any]) -> dict[str, Any]:
    return {"type": geometry["type"], "coordinates": rounded_coordinates(geometry["coordinates"])}


def footprint_of_grid(grid: GeoBox) -> tuple[dict[str, Any], list[float]] | None:
    """Return the footprint of a grid; None without a CRS or where it cannot be projected."""
    if grid.crs is None:
        return None
    import numpy as np
    from pyproj import Transformer

    rows, columns = grid.shape
    side = np.linspace(0, 1, EDGE_POINTS, endpoint=False)
    if grid.crs.geographic and abs(grid.affine.a) * columns + abs(grid.affine.b) * rows < 170:
        side = side[:1]  # corners suffice, and no step between them is half a turn
    zero, one = np.zeros_like(side), np.ones_like(side)
    # Counter-clockwise on a north-up grid: down the west side, along the south, up the east, back along the north.
    u = np.concatenate([zero, side, one, 1 - side]) * columns
    v = np.concatenate([side, one, 1 - side, zero]) * rows
    t = grid.affine
    easting, northing = t.a * u + t.b * v + t.c, t.d * u + t.e * v + t.f
    transformer = Transformer.from_crs(grid.crs.proj, 4326, always_xy=True)
    lon, lat = transformer.transform(easting, northing)
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return _disk(grid, transformer)
    lat = np.clip(lat, -90, 90)
    pole = _pole_inside(grid, transformer)
    if pole is not None:
        return _cap(lon, lat, pole)
    return footprint(list(zip(lon.tolist(), lat.tolist(), strict=True)))


def _disk(grid: GeoBox, transformer: Any) -> tuple[dict[str, Any], list[float]] | None:
    """Return the box of the places that a grid sees which reaches beyond the Earth's limb; None where it sees none."""
    import numpy as np

    from mitoshi.core.longitude import span

    v, u = (part.ravel() for part in np.meshgrid(*(np.linspace(0, n, LATTICE) for n in grid.shape), indexing="ij"))
    t = grid.affine
    lon, lat = transformer.transform(t.a * u + t.b * v + t.c, t.d * u + t.e * v + t.f)
    seen = np.isfinite(lon) & np.isfinite(lat)
    if not seen.any():
        return None
    west, east = span(lon[seen], lon[seen])
    south, north = float(lat[seen].min()), float(lat[seen].max())
    east = east + 360.0 if east < west else east
    middle = (west + east) / 2
    return footprint([(west, south), (middle, south), (east, south), (east, north), (middle, north), (west, north)])


def _pole_inside(grid: GeoBox, transformer: Any) -> float | None:
    """Return the latitude of the pole that lies inside a projected grid; None where none does."""
    if grid.crs is None or grid.crs.geographic:
        return None
    for latitude in (90.0, -90.0):
        x, y = transformer.transform(0.0, latitude, direction="INVERSE")
        if not (math.isfinite(x) and math.isfinite(y)):
            continue
        column, row = ~grid.affine @ (x, y)
        back = transformer.transform(x, y)[1]
        if 0 <= row <= grid.shape[0] and 0 <= column <= grid.shape[1] and abs(back - latitude) < 1e-6:
            return latitude
    return None


def _cap(lon: Any, lat: Any, pole: float) -> tuple[dict[str, Any], list[float]]:
    """Return the footprint of a grid around a pole, which has every longitude."""
    import numpy as np

    order = np.argsort(lon, kind="stable")
    longitude, latitude = np.asarray(lon)[order], np.asarray(lat)[order]
    seam = float(np.interp(180.0, [longitude[-1], longitude[0] + 360.0], [latitude[-1], latitude[0]]))
    rim = [(-180.0, seam), *zip(longitude.tolist(), latitude.tolist(), strict=True), (180.0, seam)]
    ring = [*rim, (180.0, pole), (-180.0, pole), rim[0]]
    ring = ring if pole > 0 else ring[::-1]
    edge = float(latitude.min() if pole > 0 else latitude.max())
    bbox = [-180.0, min(edge, pole), 180.0, max(edge, pole)]
    return _rounded({"type": "Polygon", "coordinates": [ring]}), [round(v, 7) for v in bbox]
