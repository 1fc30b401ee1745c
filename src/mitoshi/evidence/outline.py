"""Connected areas of one code as polygons in longitude and latitude (RFC 7946)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.sensors.footprint import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mitoshi.evidence.frame import Frame

__all__ = ["MAX_PIXELS", "MAX_POLYGONS", "outlines", "polygon_geometry", "thinning"]

MAX_PIXELS = 36_000_000  # larger scenes are traced on cells of 2 × 2, 4 × 4 … pixels
MAX_POLYGONS = 20_000  # the largest are kept; how many were left out is stated
FIRST = 1  # index of the first row and column in what rasterio is asked
AREA_DIGITS = 6  # significant digits of an area


def thinning(shape: tuple[int, int]) -> int:
    """Return the power of two by which a scene is thinned before it is traced.

    >>> thinning((20000, 20000))
    4
    """
    factor = 1
    while -(-shape[0] // factor) * -(-shape[1] // factor) > MAX_PIXELS:
        factor *= 2
    return factor


def outlines(
    mask: npt.NDArray[np.uint8], frame: Frame, factor: int, *, name: str, figures: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a GeoJSON FeatureCollection of the connected areas (edge neighbours) of a mask.

    Parameters
    ----------
    mask
        (y, x), 1 inside; cells of `factor` × `factor` pixels of the frame.
    frame
        The full-resolution grid. Without georeference the coordinates are pixel indices (column, row), and it is said.
    factor
        Thinning of the mask.
    name
        Of the layer.
    figures
        The run's figures, for whoever opens only this file.
    """
    from affine import Affine
    from rasterio.features import shapes

    kept, number = _largest(mask)
    # Pixel indices from 1: rasterio warns of a raster without a place where the transform is the identity.
    place = Affine.translation(FIRST, FIRST)
    found = shapes(kept, mask=kept.astype(bool), connectivity=4, transform=place) if number["kept"] else ()
    polygons = [shape for shape, _ in found]
    return {
        "type": "FeatureCollection",
        "features": [_feature(n, p) for n, p in enumerate(_placed(polygons, frame, factor), 1)],
        "mitoshi:layer": name,
        "mitoshi:coordinates": "longitude/latitude"
        if frame.georeferenced
        else "pixel indices (column, row from the upper left); no georeference",
        "mitoshi:resolution": {"coordinates_degree": 10.0**-DECIMALS, "area_significant_digits": AREA_DIGITS},
        "mitoshi:cell_pixels": factor,
        "mitoshi:polygons_left_out": number["left_out"],
        "mitoshi:cells_left_out": number["cells_left_out"],
        "mitoshi:figures": [dict(f) for f in figures],
    }


def _largest(mask: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], dict[str, int]]:
    """Return the mask with its MAX_POLYGONS largest areas; of equal ones the first in row-major order stay."""
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    if count <= MAX_POLYGONS:
        return mask, {"kept": int(count), "left_out": 0, "cells_left_out": 0}
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    order = np.argsort(-sizes, kind="stable")
    stays = np.zeros(count + 1, np.uint8)
    stays[1 + order[:MAX_POLYGONS]] = 1
    lost = order[MAX_POLYGONS:]
    return stays[labels], {"kept": MAX_POLYGONS, "left_out": int(lost.size), "cells_left_out": int(sizes[lost].sum())}


def _placed(
    polygons: list[dict[str, Any]], frame: Frame, factor: int
) -> list[tuple[dict[str, Any], float | None, int]]:
    """Return geometry, area in km2 (None without georeference) and pixels of each polygon."""
    rings = [(np.asarray(ring, dtype=float) - FIRST) * factor for p in polygons for ring in p["coordinates"]]
    if not rings:
        return []
    limits = np.array([frame.shape[1], frame.shape[0]], dtype=float)
    pixels = [np.minimum(ring, limits) for ring in rings]  # the last cells may reach beyond the scene
    ends = np.cumsum([len(r) for r in pixels])[:-1]
    places = np.split(frame.longitude_latitude(np.concatenate(pixels)), ends) if frame.georeferenced else pixels
    found, at = [], 0
    for polygon in polygons:
        count = len(polygon["coordinates"])
        cells = round(sum(abs(_shoelace(r)) * (1 if n == 0 else -1) for n, r in enumerate(pixels[at : at + count])))
        geometry, area = _geometry(places[at : at + count], georeferenced=frame.georeferenced)
        found.append((geometry, area, cells))
        at += count
    return found


def _shoelace(ring: npt.NDArray[np.float64]) -> float:
    x, y = ring[:, 0] - ring[0, 0], ring[:, 1] - ring[0, 1]
    return float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2


def _geometry(rings: Sequence[npt.NDArray[np.float64]], *, georeferenced: bool) -> tuple[dict[str, Any], float | None]:
    if not georeferenced:
        return {"type": "Polygon", "coordinates": [r.tolist() for r in rings]}, None
    from pyproj import Geod

    ellipsoid = Geod(ellps="WGS84")
    signed = [abs(ellipsoid.polygon_area_perimeter(r[:, 0], r[:, 1])[0]) for r in rings]
    area = (signed[0] - sum(signed[1:])) / 1e6
    return polygon_geometry(rings)[0], area


def polygon_geometry(
    rings: Sequence[npt.NDArray[np.float64]],
) -> tuple[dict[str, Any], npt.NDArray[np.float64]]:
    """Return a GeoJSON geometry of rings in longitude and latitude, cut at the antimeridian, and the unwrapped longitudes.

    Parameters
    ----------
    rings
        (n, 2) each, closed; the exterior first; steps between vertices below 180° of longitude.
    """
    unwrapped = [_unwrapped(r, rings[0][0, 0]) for r in rings]
    longitudes = unwrapped[0][:, 0]
    if longitudes.min() < -180.0 or longitudes.max() > 180.0:
        return _split(unwrapped), longitudes
    return {"type": "Polygon", "coordinates": _oriented(unwrapped)}, longitudes


def _unwrapped(ring: npt.NDArray[np.float64], origin: float) -> npt.NDArray[np.float64]:
    """Return the ring without jumps of 360°, its first vertex within half a turn of `origin`."""
    longitudes = np.unwrap(ring[:, 0], period=360.0)
    return np.column_stack([longitudes + 360.0 * np.round((origin - longitudes[0]) / 360.0), ring[:, 1]])


def _oriented(rings: Sequence[npt.NDArray[np.float64]]) -> list[list[list[float]]]:
    """Return rings with the exterior counter-clockwise and holes clockwise, rounded."""
    turned = [r if (_shoelace(r) > 0) == (n == 0) else r[::-1] for n, r in enumerate(rings)]
    return [np.round(r, DECIMALS).tolist() for r in turned]


def _split(rings: Sequence[npt.NDArray[np.float64]]) -> dict[str, Any]:
    """Cut a polygon that crosses the antimeridian into parts on either side (RFC 7946, section 3.1.9)."""
    from shapely import Polygon, box
    from shapely.affinity import translate

    whole = Polygon(rings[0], rings[1:])
    parts: list[list[list[list[float]]]] = []
    for turn in (-360.0, 0.0, 360.0):
        piece = translate(whole.intersection(box(-180.0 + turn, -90.0, 180.0 + turn, 90.0)), xoff=-turn)
        whole_parts = [p for p in getattr(piece, "geoms", [piece]) if p.geom_type == "Polygon" and not p.is_empty]
        parts += [_oriented([np.asarray(r.coords) for r in (p.exterior, *p.interiors)]) for p in whole_parts]
    return {"type": "MultiPolygon", "coordinates": parts}


def _feature(number: int, placed: tuple[dict[str, Any], float | None, int]) -> dict[str, Any]:
    geometry, area, pixels = placed
    properties = (
        {"pixels": pixels} if area is None else {"pixels": pixels, "area_km2": float(f"{area:.{AREA_DIGITS}g}")}
    )
    return {"type": "Feature", "id": number, "geometry": geometry, "properties": properties}
