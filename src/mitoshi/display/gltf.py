"""Buildings as solids of one glTF 2.0 binary: flat roofs, vertical walls, a colour and an identifier each.

Positions are metres relative to a centre in the Earth-centred, Earth-fixed frame (WGS 84), with glTF's y axis up: x stays, y is
the frame's z, and z is minus its y, as 3D Tiles 1.1 asks (clause 6.7.1.6.2).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["Mesh", "Solid", "centre_of", "earth_fixed", "glb", "mesh"]

SEMI_MAJOR, FLATTENING = 6378137.0, 1 / 298.257223563  # WGS 84
ECCENTRICITY2 = FLATTENING * (2 - FLATTENING)
FLOAT, UNSIGNED_BYTE, UNSIGNED_INT = 5126, 5121, 5125
ARRAY, ELEMENTS = 34962, 34963
MAGIC, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942


class Solid(NamedTuple):
    """One building: footprint in degrees, heights of its base and its roof [m], colour, and what a click on it tells."""

    footprint: Any
    base: float
    roof: float
    colour: tuple[int, int, int]
    told: dict[str, str]


class Mesh(NamedTuple):
    """Triangles (m, 3) of vertices (n, 3) relative to `centre` in the Earth-fixed frame; normal and building of each vertex."""

    centre: Floats
    positions: Floats
    normals: Floats
    building: npt.NDArray[np.int64]
    corners: npt.NDArray[np.int64]


def earth_fixed(longitude: Floats, latitude: Floats, height: Floats) -> Floats:
    """Return Earth-centred, Earth-fixed coordinates [m] of geodetic ones [degree, degree, m]; (…, 3).

    Source: EPSG guidance note 7-2, method 9602.

    >>> earth_fixed(np.array([0.0]), np.array([0.0]), np.array([10.0])).tolist()
    [[6378147.0, 0.0, 0.0]]
    """
    lam, phi = np.radians(longitude), np.radians(latitude)
    normal = SEMI_MAJOR / np.sqrt(1 - ECCENTRICITY2 * np.sin(phi) ** 2)
    x = (normal + height) * np.cos(phi) * np.cos(lam)
    y = (normal + height) * np.cos(phi) * np.sin(lam)
    z = (normal * (1 - ECCENTRICITY2) + height) * np.sin(phi)
    return np.stack([x, y, z], axis=-1)


def up(longitude: float, latitude: float) -> Floats:
    """Return the direction of the ellipsoid's normal."""
    lam, phi = np.radians(longitude), np.radians(latitude)
    return np.array([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])


def centre_of(solids: Sequence[Solid]) -> Floats:
    """Return the point to which the positions of these solids relate."""
    middle = np.mean([[s.footprint.centroid.x, s.footprint.centroid.y, s.base] for s in solids], axis=0)
    return earth_fixed(*(np.array(v) for v in middle))


def mesh(solids: Sequence[Solid]) -> Mesh:
    """Return the outer skin of the solids, without floors: roofs and walls, counter-clockwise seen from outside.

    Footprints of several parts give several prisms of one building; holes are courtyards.
    """
    centre = centre_of(solids)
    positions, normals, building, corners = [], [], [], []
    count = 0
    for number, solid in enumerate(solids):
        for polygon in getattr(solid.footprint, "geoms", [solid.footprint]):
            for points, directions, triangles in _prism(polygon, solid.base, solid.roof):
                positions.append(points - centre)
                normals.append(directions)
                building.append(np.full(len(points), number))
                corners.append(triangles + count)
                count += len(points)
    return Mesh(centre, *(np.concatenate(part) for part in (positions, normals, building, corners)))


def _prism(polygon: Any, base: float, roof: float) -> list[tuple[Floats, Floats, npt.NDArray[np.int64]]]:
    """Return roof and walls of one polygon: points, normals and triangles of each."""
    from shapely.geometry.polygon import orient

    shape = orient(polygon, 1.0)
    rings = [np.asarray(ring.coords)[:-1, :2] for ring in (shape.exterior, *shape.interiors)]
    rings = [ring for ring in rings if len(ring) >= 3]
    if not rings:
        return []
    outward = up(float(rings[0][:, 0].mean()), float(rings[0][:, 1].mean()))
    return [_roof(rings, roof, outward), *(_walls(ring, base, roof, outward) for ring in rings)]


def _roof(rings: list[Floats], height: float, outward: Floats) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    import mapbox_earcut

    flat = np.concatenate(rings)
    scale = np.array([np.cos(np.radians(flat[0, 1])), 1.0])
    ends = np.cumsum([len(r) for r in rings]).astype(np.uint32)
    cut = mapbox_earcut.triangulate_float64((flat - flat[0]) * scale * 1e5, ends).reshape(-1, 3).astype(np.int64)
    points = earth_fixed(flat[:, 0], flat[:, 1], np.full(len(flat), height))
    a, b, c = (points[cut[:, n]] for n in range(3))
    turned = np.einsum("ij,j->i", np.cross(b - a, c - a), outward) < 0
    cut[turned] = cut[turned][:, ::-1]
    return points, np.broadcast_to(outward, points.shape), cut


def _walls(ring: Floats, base: float, roof: float, outward: Floats) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Return the walls above one ring: shells run counter-clockwise and holes clockwise, so that outside is on the right."""
    n = len(ring)
    low = earth_fixed(ring[:, 0], ring[:, 1], np.full(n, base))
    high = earth_fixed(ring[:, 0], ring[:, 1], np.full(n, roof))
    after = np.roll(np.arange(n), -1)
    points = np.stack([low, low[after], high[after], high], axis=1)  # four corners of each wall
    facing = np.cross(low[after] - low, outward)
    facing /= np.maximum(np.linalg.norm(facing, axis=1, keepdims=True), 1e-12)
    first = 4 * np.arange(n)[:, None]
    triangles = np.concatenate([first + np.array([0, 1, 2]), first + np.array([0, 2, 3])])
    return points.reshape(-1, 3), np.repeat(facing, 4, axis=0), triangles


def glb(solids: Sequence[Solid]) -> bytes:
    """Return the solids as one glTF binary; its positions relate to `centre_of` them.

    A click on a building tells what its `Solid.told` says (EXT_mesh_features, EXT_structural_metadata). Same solids, same bytes.
    """
    made = mesh(solids)
    upright = [_y_up(v).astype("<f4") for v in (made.positions, made.normals)]
    colours = np.array([[*s.colour, 255] for s in solids], np.uint8)[made.building]
    file = _File()
    attributes = {
        "POSITION": file.accessor(upright[0], "VEC3", FLOAT, ARRAY, bounds=True),
        "NORMAL": file.accessor(upright[1], "VEC3", FLOAT, ARRAY),
        "COLOR_0": file.accessor(_linear(colours), "VEC4", UNSIGNED_BYTE, ARRAY, normalized=True),
        "_FEATURE_ID_0": file.accessor(made.building.astype("<f4"), "SCALAR", FLOAT, ARRAY),
    }
    indices = file.accessor(made.corners.astype("<u4").ravel(), "SCALAR", UNSIGNED_INT, ELEMENTS)
    feature = {"featureIds": [{"featureCount": len(solids), "attribute": 0, "propertyTable": 0}]}
    primitive = {
        "attributes": attributes,
        "indices": indices,
        "material": 0,
        "extensions": {"EXT_mesh_features": feature},
    }
    document = {
        "asset": {"version": "2.0", "generator": "mitoshi"},
        "extensionsUsed": ["EXT_mesh_features", "EXT_structural_metadata"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [{"pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}}],
        "extensions": {"EXT_structural_metadata": _metadata(file, solids)},
    }
    return file.packed(document)


def _y_up(vectors: Floats) -> Floats:
    return np.stack([vectors[:, 0], vectors[:, 2], -vectors[:, 1]], axis=1)


def _linear(colours: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return sRGB colours as the linear ones that glTF's vertex colours are (IEC 61966-2-1)."""
    value = colours[:, :3] / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.column_stack([np.rint(255 * linear).astype(np.uint8), colours[:, 3]])


def _metadata(file: _File, solids: Sequence[Solid]) -> dict[str, Any]:
    names = sorted({name for solid in solids for name in solid.told})
    properties = {}
    for name in names:
        texts = [solid.told.get(name, "").encode() for solid in solids]
        ends = np.cumsum([0, *(len(t) for t in texts)]).astype("<u4")
        values = file.view(b"".join(texts) or b"\0", None)
        properties[name] = {"values": values, "stringOffsets": file.view(ends.tobytes(), None)}
        properties[name]["stringOffsetType"] = "UINT32"  # type: ignore[assignment]
    schema = {"id": "mitoshi", "classes": {"building": {"properties": {n: {"type": "STRING"} for n in names}}}}
    return {
        "schema": schema,
        "propertyTables": [{"class": "building", "count": len(solids), "properties": properties}],
    }


class _File:
    """The binary chunk while it is filled, with its views and accessors."""

    def __init__(self) -> None:
        self._body = bytearray()
        self._views: list[dict[str, Any]] = []
        self._accessors: list[dict[str, Any]] = []

    def view(self, data: bytes, target: int | None) -> int:
        """Add bytes, aligned to eight, and return the number of their view."""
        self._body += b"\0" * (-len(self._body) % 8)
        found: dict[str, Any] = {"buffer": 0, "byteOffset": len(self._body), "byteLength": len(data)}
        if target is not None:
            found["target"] = target
        self._body += data
        self._views.append(found)
        return len(self._views) - 1

    def accessor(self, values: npt.NDArray[Any], shape: str, component: int, target: int, **said: bool) -> int:
        """Add an array and return the number of its accessor."""
        found: dict[str, Any] = {
            "bufferView": self.view(np.ascontiguousarray(values).tobytes(), target),
            "componentType": component,
            "count": len(values),
            "type": shape,
        }
        if said.get("normalized"):
            found["normalized"] = True
        if said.get("bounds"):
            found |= {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}
        self._accessors.append(found)
        return len(self._accessors) - 1

    def packed(self, document: dict[str, Any]) -> bytes:
        """Return the whole file (glTF 2.0, clause 4.4)."""
        body = bytes(self._body) + b"\0" * (-len(self._body) % 8)
        whole = {
            **document,
            "buffers": [{"byteLength": len(body)}],
            "bufferViews": self._views,
            "accessors": self._accessors,
        }
        head = json.dumps(whole, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        head += b" " * (-(28 + len(head)) % 8)  # after 12 bytes of header and 8 of each chunk's, the body is aligned
        parts = [
            np.array([MAGIC, 2, 12 + 8 + len(head) + 8 + len(body)], "<u4").tobytes(),
            np.array([len(head), JSON_CHUNK], "<u4").tobytes(),
            head,
            np.array([len(body), BINARY_CHUNK], "<u4").tobytes(),
            body,
        ]
        return b"".join(parts)
