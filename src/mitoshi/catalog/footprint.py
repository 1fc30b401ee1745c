"""Footprints on a sphere: checked, cut at the antimeridian, compared with an area."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.geometry_cost import check_contacts
from mitoshi.core.grid import BBox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["area_geometry", "checked_geometry", "coverage", "intersecting", "overlap"]

WIDEST = 180.0  # degrees; a longer edge means a ring that was not cut at the antimeridian (RFC 7946, 3.1.9)
BEYOND = 0.1  # degrees by which rasters may reach over the edge of the map: half a pixel, in practice


def checked_geometry(geometry: Mapping[str, Any] | None, stated: Sequence[float] | None) -> tuple[Any, BBox]:
    """Return the footprint as a valid shapely geometry, cut at the antimeridian, and its bounding box.

    Parameters
    ----------
    geometry
        GeoJSON geometry in longitude and latitude [degree].
    stated
        The item's own bbox (4 or 6 numbers), which must agree with the geometry.

    Raises
    ------
    InputError
        If there is no geometry, or it is not on the Earth, crosses itself, or disagrees with the bbox.
    """
    import shapely

    if geometry is None:
        raise InputError("no geometry, so no search would find it; give a georeferenced product")
    try:
        found = shapely.force_2d(shapely.geometry.shape(geometry))
    except (ValueError, TypeError, KeyError, AttributeError, shapely.errors.ShapelyError) as error:
        raise InputError(f"geometry is no GeoJSON geometry: {type(error).__name__}; mend the item") from error
    coordinates = shapely.get_coordinates(found)
    if not len(coordinates) or not np.isfinite(coordinates).all() or found.geom_type == "GeometryCollection":
        raise InputError("geometry is empty, not finite or a collection; mend the item")
    if np.abs(coordinates[:, 0]).max() > 360 or np.abs(coordinates[:, 1]).max() > 90 + 1e-6:
        raise InputError("geometry is not on the Earth; give longitude and latitude in degrees")
    box = None if stated is None else _stated_box(stated)
    found = _cut(found, box)
    if not shapely.is_valid(found):
        raise InputError(f"geometry is invalid ({shapely.is_valid_reason(found)}); mend the item")
    bounds = _bounds(found)
    if box is not None and not box.intersects(bounds):
        raise InputError(f"bbox {tuple(box)} disagrees with the geometry's {tuple(bounds)}; mend the item")
    return found, bounds


def _stated_box(values: Sequence[float]) -> BBox:
    if not isinstance(values, list | tuple) or len(values) not in (4, 6):
        raise InputError("bbox must be 4 or 6 numbers; mend the item")
    four = values if len(values) == 4 else [values[0], values[1], values[3], values[4]]
    try:
        numbers = [float(v) for v in four]
    except (TypeError, ValueError):
        raise InputError("bbox must be numbers; mend the item") from None
    for place, edge in enumerate((180.0, 90.0, 180.0, 90.0)):
        if edge < abs(numbers[place]) <= edge + BEYOND:
            numbers[place] = float(np.copysign(edge, numbers[place]))
    return BBox.checked(numbers)


def _rings(geometry: Any) -> list[np.ndarray[Any, Any]]:
    """Return the coordinates of every line and ring."""
    import shapely

    parts = shapely.get_parts(geometry)
    lines = [ring for part in parts for ring in (shapely.get_rings(part) if part.geom_type == "Polygon" else [part])]
    return [shapely.get_coordinates(line) for line in lines]


def _longest_edge(geometry: Any) -> float:
    steps = [np.abs(np.diff(ring[:, 0])).max() for ring in _rings(geometry) if len(ring) > 1]
    return float(max(steps, default=0.0))


def _is_global(geometry: Any) -> bool:
    west, _, east, _ = geometry.bounds
    return bool(west <= -180 + 1e-6 and east >= 180 - 1e-6)


def _cut(geometry: Any, box: BBox | None) -> Any:
    """Return a geometry whose rings stay within -180..180, cutting those that cross the antimeridian."""
    import shapely

    west, _, east, _ = geometry.bounds
    beyond = west < -180 - 1e-9 or east > 180 + 1e-9
    if not beyond and _longest_edge(geometry) <= WIDEST:
        return geometry
    unrolled = shapely.transform(geometry, lambda c: np.column_stack([np.mod(c[:, 0], 360.0), c[:, 1]]))
    sound = bool(shapely.is_valid(unrolled)) and _longest_edge(unrolled) <= WIDEST
    if not sound and not beyond and _is_global(geometry):
        return geometry
    told = beyond or (box is not None and (box.crosses_antimeridian or box.east - box.west >= 360 - 1e-6))
    if not sound or not told:
        raise InputError(
            f"geometry has an edge of {_longest_edge(geometry):.0f} degrees of longitude; "
            "cut it at the antimeridian (RFC 7946, 3.1.9)"
        )
    if shapely.get_dimensions(unrolled) == 1:
        check_contacts(unrolled)  # a line may be valid and cross itself
    east_part = shapely.intersection(unrolled, shapely.box(0, -90, 180, 90))
    west_part = shapely.intersection(unrolled, shapely.box(180, -90, 360, 90))
    moved = shapely.transform(west_part, lambda c: c - [360.0, 0.0])
    solid = {"Polygon": 2, "MultiPolygon": 2, "LineString": 1, "MultiLineString": 1}.get(geometry.geom_type, 0)
    parts = [*shapely.get_parts(east_part), *shapely.get_parts(moved)]
    return shapely.union_all([p for p in parts if shapely.get_dimensions(p) == solid])


def _bounds(geometry: Any) -> BBox:
    """Return the bounding box; west > east where the parts meet at the antimeridian."""
    import shapely

    west, south, east, north = (float(v) for v in geometry.bounds)
    parts = shapely.bounds(shapely.get_parts(geometry))
    straddling = bool(((parts[:, 0] < 0) & (parts[:, 2] > 0)).any())
    if east < 180 - 1e-6 or west > -180 + 1e-6 or straddling:
        return BBox(west, south, east, north)
    eastern = parts[parts[:, 0] >= 0]
    western = parts[parts[:, 2] <= 0]
    if not len(eastern) or not len(western):
        return BBox(west, south, east, north)
    return BBox(float(eastern[:, 0].min()), south, float(western[:, 2].max()), north)


def area_geometry(area: BBox) -> Any:
    """Return the area as a shapely geometry: one box, or two where it crosses the antimeridian."""
    import shapely

    return shapely.union_all([shapely.box(*box) for box in area.split()])


def intersecting(wkb: Any, other: Any) -> np.ndarray[Any, Any]:
    """Return which of the WKB footprints share a point with `other`."""
    import shapely

    shapely.prepare(other)
    found: np.ndarray[Any, Any] = shapely.intersects(other, shapely.from_wkb(wkb))
    return found


def overlap(geometry: Mapping[str, Any] | None, area: BBox) -> Any:
    """Return the part of the area under a GeoJSON footprint, as a shapely geometry; empty where there is none."""
    import shapely

    if geometry is None:
        return shapely.Polygon()
    return shapely.intersection(area_geometry(area), shapely.geometry.shape(geometry))


def coverage(part: Any, area: BBox) -> float:
    """Return the share of the area (0 to 1) under `part`, weighted by the cosine of latitude; a point or line is 0 or 1."""
    import shapely

    whole = area_geometry(area)
    if whole.area == 0:
        return 1.0 if not part.is_empty else 0.0

    def equal_area(geometry: Any) -> float:
        # Lambert's cylindrical equal-area projection: x = longitude, y = sin(latitude).
        return float(
            shapely.transform(geometry, lambda c: np.column_stack([c[:, 0], np.sin(np.radians(c[:, 1]))])).area
        )

    return min(1.0, equal_area(part) / equal_area(whole))
