"""GeoJSON lines of many features at once: single geometries, decimal positions, exteriors counter-clockwise."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from mitoshi.handover.sip4d.codes import Geometry

__all__ = ["TYPES", "encoded", "feature_lines", "split"]

DECIMALS = 7  # of a degree: a centimetre
TYPES: dict[Geometry, str] = {"point": "Point", "line": "LineString", "polygon": "Polygon"}
IDENTIFIERS = {"point": (0,), "line": (1, 2), "polygon": (3,)}
COLLECTIONS = (4, 5, 6, 7)


def split(geometry: Any) -> dict[Geometry, tuple[Any, npt.NDArray[np.int64]]]:
    """Return the single parts of geometries by type: the parts, and the row each came from.

    Parameters
    ----------
    geometry
        Array of shapely geometries, None where missing.
    """
    import shapely

    rows = np.flatnonzero(~shapely.is_missing(geometry))
    parts = geometry[rows]
    while np.isin(shapely.get_type_id(parts), COLLECTIONS).any():
        parts, index = shapely.get_parts(parts, return_index=True)
        rows = rows[index]
    filled = ~shapely.is_empty(parts)
    parts, rows = parts[filled], rows[filled]
    kinds = shapely.get_type_id(parts)
    found: dict[Geometry, tuple[Any, npt.NDArray[np.int64]]] = {}
    for shape, identifiers in IDENTIFIERS.items():
        chosen = np.isin(kinds, identifiers)
        if chosen.any():
            found[shape] = parts[chosen], rows[chosen]  # type: ignore[index]
    return found


def encoded(values: Sequence[Any]) -> list[str]:
    """Return values as JSON texts; what is missing is null."""
    kinds = {type(v) for v in values} - {type(None)}
    if kinds <= {float} or kinds <= {int}:
        return ["null" if v is None else repr(v) for v in values]
    known: dict[Any, str] = {}
    return [known.get(v) or known.setdefault(v, _text(v)) for v in values]


def _text(value: Any) -> str:
    whole = value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
    return json.dumps(whole, ensure_ascii=False, allow_nan=False)


def feature_lines(shape: Geometry, parts: Any, properties: Sequence[str]) -> list[str]:
    """Return one GeoJSON feature per part.

    Parameters
    ----------
    shape
        Of all parts.
    parts
        Single geometries in longitude and latitude.
    properties
        JSON object of each.
    """
    head = f'{{"type":"Feature","geometry":{{"type":"{TYPES[shape]}","coordinates":'
    return [f'{head}{c}}},"properties":{p}}}' for c, p in zip(_coordinates(shape, parts), properties, strict=True)]


def _coordinates(shape: Geometry, parts: Any) -> list[str]:
    import shapely

    _, positions, offsets = shapely.to_ragged_array(parts, include_z=False)
    rounded = np.round(positions, DECIMALS) + 0.0
    if shape == "polygon":
        rounded = _turned(rounded, offsets[0], offsets[1])
    words = [f"[{x!r},{y!r}]" for x, y in rounded.tolist()]
    if shape == "point":
        return words
    lines = ["[" + ",".join(words[a:b]) + "]" for a, b in _pairs(offsets[0])]
    if shape == "line":
        return lines
    return ["[" + ",".join(lines[a:b]) + "]" for a, b in _pairs(offsets[1])]


def _pairs(offsets: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    return list(pairwise(offsets.tolist()))


def _turned(
    positions: npt.NDArray[np.float64], rings: npt.NDArray[np.int64], polygons: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the positions with every exterior counter-clockwise and every hole clockwise (RFC 7946)."""
    turned = positions.copy()
    exterior = np.zeros(len(rings) - 1, bool)
    exterior[polygons[:-1]] = True
    following = np.minimum(np.arange(len(positions)) + 1, len(positions) - 1)
    cross = positions[:, 0] * positions[following, 1] - positions[following, 0] * positions[:, 1]
    cross[rings[1:] - 1] = 0.0  # from the end of one ring to the start of the next
    area = np.add.reduceat(cross, rings[:-1])
    for ring in np.flatnonzero((area > 0) != exterior):
        a, b = rings[ring], rings[ring + 1]
        turned[a:b] = positions[a:b][::-1]
    return turned
