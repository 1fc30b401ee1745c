"""A list of buildings as a tree of tiles: 3D Tiles 1.1 with a glTF binary in every leaf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.display.gltf import Solid, centre_of, earth_fixed, glb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mitoshi.display.feature_lists import FeatureList

__all__ = ["FOUNDATION_M", "STOREY_HEIGHT_M", "BuildingTiles", "Node", "heights", "tiles_of"]

STOREY_HEIGHT_M = 3.0  # an assumption, told in the tileset; no source gives the height of a storey that nobody measured
FOUNDATION_M = 2.0  # walls go on below the ground, so that no house floats on a slope
LEAF = 1000  # buildings
DEEPEST = 12
PLAIN = (201, 196, 184)
HEIGHTS = ("height_m", "measured_height_m", "height")
TOLD = 12  # columns that a click shows


class Node(NamedTuple):
    """One tile of the tree: its rows (of a leaf), its children, and (west, south, east, north, lowest, highest)."""

    rows: np.ndarray[Any, Any]
    children: tuple[Node, ...]
    region: tuple[float, float, float, float, float, float]


class BuildingTiles(NamedTuple):
    """A tree with its leaves in order, and what every building needs to be drawn."""

    root: Node
    leaves: tuple[Node, ...]
    solids: tuple[Solid, ...]
    assumed: int

    def tileset(self) -> dict[str, Any]:
        """Return the tileset document; leaves are called ``0.glb`` and so on."""
        number = {id(leaf): n for n, leaf in enumerate(self.leaves)}
        said = {"mitoshi": {"assumed_heights": self.assumed, "storey_height_m": STOREY_HEIGHT_M,
                            "heights": "as the elevation model gives them, taken as ellipsoidal"}}  # fmt: skip
        return {
            "asset": {"version": "1.1", "extras": said},
            "geometricError": _extent(self.root.region),
            "root": {**self._tile(self.root, number), "refine": "ADD"},
        }

    def _tile(self, node: Node, number: dict[int, int]) -> dict[str, Any]:
        west, south, east, north = np.radians(node.region[:4]).tolist()
        tile: dict[str, Any] = {
            "boundingVolume": {"region": [west, south, east, north, node.region[4], node.region[5]]},
            "geometricError": _extent(node.region) / 8 if node.children else 0.0,
        }
        if node.children:
            return {**tile, "children": [self._tile(child, number) for child in node.children]}
        centre = centre_of([self.solids[row] for row in node.rows])
        shift = [1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0, 0, *centre.tolist(), 1.0]
        return {**tile, "transform": shift, "content": {"uri": f"{number[id(node)]}.glb"}}

    def content(self, leaf: int) -> bytes:
        """Return the glTF binary of a leaf."""
        return glb([self.solids[row] for row in self.leaves[leaf].rows])


def _extent(region: tuple[float, ...]) -> float:
    corners = earth_fixed(np.array([region[0], region[2]]), np.array([region[1], region[3]]), np.zeros(2))
    return float(np.linalg.norm(corners[1] - corners[0]))


def heights(found: FeatureList, storeys: dict[str, float]) -> tuple[np.ndarray[Any, Any], int]:
    """Return the height of every building [m], and of how many it was assumed from storeys or altogether.

    Parameters
    ----------
    found
        The list.
    storeys
        Storeys by identifier, for lists that do not hold them.
    """
    rows = found.features
    known = np.full(len(rows), np.nan)
    for name in HEIGHTS:
        if name in rows:
            known = np.where(np.isfinite(known), known, rows[name].to_numpy(float, na_value=np.nan))
    measured = np.isfinite(known) & (known > 0)
    floors = rows["storeys"].to_numpy(float, na_value=np.nan) if "storeys" in rows else np.full(len(rows), np.nan)
    if storeys and "id" in rows:
        other = np.array([storeys.get(str(i), np.nan) for i in rows["id"]])
        floors = np.where(np.isfinite(floors), floors, other)
    assumed = STOREY_HEIGHT_M * np.where(np.isfinite(floors) & (floors >= 1), floors, 1.0)
    return np.where(measured, known, assumed), int((~measured).sum())


def tiles_of(found: FeatureList, ground: np.ndarray[Any, Any], storeys: dict[str, float]) -> BuildingTiles:
    """Return the tiles of a list of footprints.

    Parameters
    ----------
    found
        The list; rows that are no polygons are left out.
    ground
        Height of the ground at every row [m].
    storeys
        See `heights`.
    """
    high, assumed = heights(found, storeys)
    shapes = found.features.geometry.to_numpy()
    kept = np.array([s.geom_type in ("Polygon", "MultiPolygon") for s in shapes], bool)
    rows = np.flatnonzero(kept)
    colours = _colours(found)
    told = _told(found)
    solids = tuple(
        Solid(shapes[r], float(ground[r]) - FOUNDATION_M, float(ground[r] + high[r]), colours[r], told[r]) for r in rows
    )
    boxes = np.array([s.footprint.bounds for s in solids]).reshape(-1, 4)
    spans = np.array([(s.base, s.roof) for s in solids]).reshape(-1, 2)
    root = _node(np.arange(len(solids)), boxes, spans, 0)
    return BuildingTiles(root, tuple(_leaves(root)), solids, assumed)


def _node(rows: np.ndarray[Any, Any], boxes: np.ndarray[Any, Any], spans: np.ndarray[Any, Any], depth: int) -> Node:
    west, south = (float(v) for v in boxes[rows, :2].min(axis=0))
    east, north = (float(v) for v in boxes[rows, 2:].max(axis=0))
    region = (west, south, east, north, float(spans[rows, 0].min()), float(spans[rows, 1].max()))
    if len(rows) <= LEAF or depth >= DEEPEST:
        return Node(rows, (), region)
    middle = (boxes[rows, :2] + boxes[rows, 2:]) / 2
    right, upper = middle[:, 0] > (west + east) / 2, middle[:, 1] > (south + north) / 2
    quarters = [rows[(right == r) & (upper == u)] for r in (False, True) for u in (False, True)]
    return Node(rows[:0], tuple(_node(q, boxes, spans, depth + 1) for q in quarters if len(q)), region)


def _leaves(node: Node) -> Sequence[Node]:
    return [node] if not node.children else [leaf for child in node.children for leaf in _leaves(child)]


def _colours(found: FeatureList) -> list[tuple[int, int, int]]:
    legend = found.legend
    if legend is None or legend.column not in found.features:
        return [PLAIN] * len(found.features)
    values = found.features[legend.column].to_numpy(float, na_value=np.nan)
    known = {code: _rgb(colour) for code, colour in legend.colours.items()}
    return [known.get(int(v), PLAIN) if np.isfinite(v) else PLAIN for v in values]


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _told(found: FeatureList) -> list[dict[str, str]]:
    """Return what a click on each building tells: the first columns, as text."""
    table = found.features.drop(columns=found.features.geometry.name).iloc[:, :TOLD]
    told = [dict[str, str]() for _ in range(len(table))]
    for name in table.columns:
        for row, value in enumerate(table[name].tolist()):
            if value is not None and value == value:
                told[row][str(name)] = f"{value:.6g}" if isinstance(value, float) else str(value)
    return told
