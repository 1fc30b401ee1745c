"""A road graph from lines: junctions where lines share a vertex, pieces of road between them.

Lines that merely cross are not joined: one passes over the other. Data whose lines end at junctions, or share a vertex there
(OpenStreetMap, 数値地図, DRM), need nothing more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

__all__ = ["RoadGraph", "Samples", "road_graph", "sampled", "with_stops"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class RoadGraph(NamedTuple):
    """Junctions and pieces of road.

    Attributes
    ----------
    nodes
        (nodes, 2) coordinates of junctions and ends.
    start, end
        (pieces,) node at either end.
    source
        (pieces,) position of the line that the piece is cut from.
    length
        (pieces,) length in the units of the coordinates.
    points
        (vertices, 2) coordinates of all pieces, one after the other.
    begin
        (pieces + 1,) where each piece begins in `points`.
    """

    nodes: Floats
    start: Integers
    end: Integers
    source: Integers
    length: Floats
    points: Floats
    begin: Integers

    @property
    def size(self) -> int:
        """Number of pieces."""
        return int(self.start.size)


class Samples(NamedTuple):
    """Points along the pieces of a graph.

    Attributes
    ----------
    points
        (samples, 2) coordinates.
    piece
        (samples,) the piece that each lies on, ascending.
    """

    points: Floats
    piece: Integers


def with_stops(lines: NDArray[Any], points: Floats, farthest: float) -> tuple[NDArray[Any], Floats]:
    """Return lines with a vertex where each point joins its nearest line, and these places.

    Parameters
    ----------
    lines
        (lines,) shapely LineStrings or MultiLineStrings; multiple ones come back as their parts do, in order.
    points
        (points, 2) places off the road, such as villages.
    farthest
        Points farther from every line join none.

    Returns
    -------
    lines
        (lines,) with the new vertices.
    stops
        (joined, 2) where points join; to be given to `road_graph`.
    """
    import shapely

    lines = np.asarray(lines, object).copy()
    parts, source = shapely.get_parts(lines, return_index=True)
    if len(parts) == 0 or len(points) == 0:
        return lines, np.zeros((0, 2))
    places = shapely.points(points[np.isfinite(points).all(axis=1)])
    which, near = shapely.STRtree(parts).query_nearest(places, max_distance=farthest, all_matches=False)
    along = shapely.line_locate_point(parts[near], places[which])
    stops = shapely.get_coordinates(shapely.line_interpolate_point(parts[near], along))
    for part in np.unique(near):
        parts[part] = _with_vertices(parts[part], along[near == part], stops[near == part])
    for line in np.unique(source[near]):
        mine = parts[source == line]
        lines[line] = mine[0] if len(mine) == 1 else shapely.multilinestrings(mine)
    return lines, stops


def _with_vertices(line: Any, along: Floats, stops: Floats) -> Any:
    """Insert vertices into one line at given distances along it."""
    import shapely

    points = shapely.get_coordinates(line)
    reached = np.append(0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T)))
    order = np.argsort(np.append(reached, along), kind="stable")
    return shapely.linestrings(np.concatenate([points, stops])[order])


def road_graph(lines: NDArray[Any], tolerance: float, stops: Floats | None = None) -> RoadGraph:
    """Build the graph of lines.

    Parameters
    ----------
    lines
        (lines,) shapely LineStrings or MultiLineStrings.
    tolerance
        Vertices closer than about this are one; units of the coordinates.
    stops
        (stops, 2) vertices that are junctions though only one line has them, see `with_stops`.

    Raises
    ------
    InputError
        If the tolerance is not positive.
    """
    import shapely

    if not tolerance > 0:
        raise InputError(f"the snapping tolerance of a road graph must be positive, got {tolerance:g}")
    parts, source = shapely.get_parts(np.asarray(lines, object), return_index=True)
    points, part = shapely.get_coordinates(parts, return_index=True)
    keys = np.rint(points / tolerance).astype(np.int64)
    points, part, keys = _without_repeats(points, part, keys)
    if part.size == 0:
        none = np.zeros(0, np.int64)
        return RoadGraph(np.zeros((0, 2)), none, none, none, np.zeros(0), np.zeros((0, 2)), np.zeros(1, np.int64))
    _, place, times = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    place = place.reshape(-1)
    ends = np.ones(part.size + 1, bool)
    ends[1:-1] = part[1:] != part[:-1]
    first, last = ends[:-1], ends[1:]
    junction = (times[place] > 1) | first | last
    if stops is not None and len(stops):
        kept = {tuple(k) for k in np.rint(stops / tolerance).astype(np.int64).tolist()}
        junction |= np.array([tuple(k) in kept for k in keys.tolist()], bool)
    return _cut(points, place, source[part], junction, first)


def _without_repeats(points: Floats, part: Integers, keys: Integers) -> tuple[Floats, Integers, Integers]:
    """Leave out vertices that repeat the one before, and parts of a single vertex."""
    kept = np.ones(part.size, bool)
    kept[1:] = (part[1:] != part[:-1]) | (keys[1:] != keys[:-1]).any(axis=1)
    points, part, keys = points[kept], part[kept], keys[kept]
    enough = np.bincount(part, minlength=1)[part] > 1 if part.size else np.zeros(0, bool)
    return points[enough], part[enough], keys[enough]


def _cut(
    points: Floats, place: Integers, line: Integers, junction: NDArray[np.bool_], first: NDArray[np.bool_]
) -> RoadGraph:
    """Cut lines at junctions: an inner junction ends one piece and begins the next."""
    inner = junction & ~first
    inner[np.append(np.flatnonzero(first)[1:] - 1, points.shape[0] - 1)] = False
    repeats = 1 + inner.astype(np.int64)
    index = np.repeat(np.arange(points.shape[0]), repeats)
    again = np.zeros(index.size, bool)
    again[1:] = index[1:] == index[:-1]
    starts = again | first[index]
    begin = np.append(np.flatnonzero(starts), index.size).astype(np.int64)
    nodes, number = np.unique(place[junction], return_inverse=True)
    node_of = np.zeros(int(place.max()) + 1, np.int64)
    node_of[nodes] = np.arange(nodes.size)
    coordinates = np.zeros((nodes.size, 2))
    coordinates[number.reshape(-1)[::-1]] = points[junction][::-1]
    pieces = points[index]
    steps = np.hypot(*np.diff(pieces, axis=0).T)
    steps[begin[1:-1] - 1] = 0.0
    owner = np.repeat(np.arange(begin.size - 1), np.diff(begin))
    length = np.bincount(owner[1:], steps, minlength=begin.size - 1).astype(np.float64)
    return RoadGraph(
        coordinates,
        node_of[place[index[begin[:-1]]]],
        node_of[place[index[begin[1:] - 1]]],
        line[index[begin[:-1]]].astype(np.int64),
        length,
        pieces,
        begin,
    )


def sampled(graph: RoadGraph, step: float) -> Samples:
    """Return points along every piece at most `step` apart, both ends included.

    Parameters
    ----------
    graph
        The graph.
    step
        Units of the coordinates.
    """
    import shapely

    if graph.size == 0:
        return Samples(np.zeros((0, 2)), np.zeros(0, np.int64))
    owner = np.repeat(np.arange(graph.size), np.diff(graph.begin))
    lines = shapely.linestrings(graph.points, indices=owner)
    points, piece = shapely.get_coordinates(shapely.segmentize(lines, step), return_index=True)
    return Samples(points, piece.astype(np.int64))
