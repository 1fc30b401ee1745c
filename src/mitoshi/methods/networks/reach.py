"""What hangs together in a road graph, and the shortest ways through it, when some pieces are closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mitoshi.methods.networks.road_graph import RoadGraph

__all__ = ["Ways", "components", "nearest_nodes", "path", "reached", "ways_to"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Ways(NamedTuple):
    """Shortest ways from every node to the nearest of some goals.

    Attributes
    ----------
    length
        (nodes,) length of the way, inf where there is none.
    towards
        (nodes,) next node on the way, -1 at goals and where there is none.
    goal
        (nodes,) node of the goal reached, -1 where there is none.
    piece
        (nodes,) piece of road taken to the next node, -1 where there is none.
    """

    length: Floats
    towards: Integers
    goal: Integers
    piece: Integers


def _matrix(graph: RoadGraph, open_pieces: Mask) -> tuple[Any, Any]:
    """Return the adjacency of the open pieces: length, and the piece of each entry; of parallel pieces the shortest."""
    from scipy.sparse import csr_matrix

    nodes = len(graph.nodes)
    kept = np.flatnonzero(open_pieces & (graph.start != graph.end))
    low = np.minimum(graph.start[kept], graph.end[kept])
    high = np.maximum(graph.start[kept], graph.end[kept])
    order = np.lexsort((kept, graph.length[kept], high, low))
    kept, low, high = kept[order], low[order], high[order]
    shortest = np.ones(kept.size, bool)
    shortest[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    kept, low, high = kept[shortest], low[shortest], high[shortest]
    # A zero in a sparse graph means no edge.
    length = np.maximum(graph.length[kept], 1e-9)
    ends = (np.concatenate([low, high]), np.concatenate([high, low]))
    lengths = csr_matrix((np.tile(length, 2), ends), shape=(nodes, nodes))
    pieces = csr_matrix((np.tile(kept + 1, 2), ends), shape=(nodes, nodes))
    return lengths, pieces


def components(graph: RoadGraph, open_pieces: Mask) -> Integers:
    """Return the connected component of every node, (nodes,), by open pieces alone.

    Parameters
    ----------
    graph
        The graph.
    open_pieces
        (pieces,) true where a piece may be used.
    """
    from scipy.sparse.csgraph import connected_components

    if len(graph.nodes) == 0:
        return np.zeros(0, np.int64)
    lengths, _ = _matrix(graph, open_pieces)
    return np.asarray(connected_components(lengths, directed=False)[1], np.int64)


def reached(graph: RoadGraph, open_pieces: Mask, goals: Integers) -> Mask:
    """Return which nodes hang together with at least one of the goals by open pieces, (nodes,)."""
    found = components(graph, open_pieces)
    return np.asarray(np.isin(found, found[goals]))


def ways_to(graph: RoadGraph, open_pieces: Mask, goals: Integers) -> Ways:
    """Return the shortest open way from every node to its nearest goal (Dijkstra).

    Parameters
    ----------
    graph
        The graph.
    open_pieces
        (pieces,) true where a piece may be used.
    goals
        (goals,) nodes.
    """
    from scipy.sparse.csgraph import dijkstra

    nodes = len(graph.nodes)
    if nodes == 0 or goals.size == 0:
        nowhere = np.full(nodes, -1, np.int64)
        return Ways(np.full(nodes, np.inf), nowhere, nowhere.copy(), nowhere.copy())
    lengths, pieces = _matrix(graph, open_pieces)
    length, before, goal = dijkstra(
        lengths, directed=False, indices=np.unique(goals), min_only=True, return_predecessors=True
    )
    towards = np.where(before < 0, -1, before).astype(np.int64)
    going = np.flatnonzero(towards >= 0)
    piece = np.full(nodes, -1, np.int64)
    if going.size:
        piece[going] = np.asarray(pieces[going, towards[going]]).reshape(-1) - 1
    return Ways(length, towards, np.where(goal < 0, -1, goal).astype(np.int64), piece)


def path(graph: RoadGraph, ways: Ways, node: int) -> Floats:
    """Return the coordinates of the way from a node to its goal, (vertices, 2); empty where there is none or none is needed."""
    parts: list[Floats] = []
    while ways.towards[node] >= 0:
        piece = ways.piece[node]
        along = graph.points[graph.begin[piece] : graph.begin[piece + 1]]
        along = along if graph.start[piece] == node else along[::-1]
        parts.append(along if not parts else along[1:])
        node = int(ways.towards[node])
    return np.concatenate(parts) if parts else np.zeros((0, 2))


def nearest_nodes(graph: RoadGraph, points: Floats, farthest: float) -> Integers:
    """Return the node nearest to each point, (points,); -1 where none lies within `farthest`."""
    from scipy.spatial import cKDTree

    if len(graph.nodes) == 0 or len(points) == 0:
        return np.full(len(points), -1, np.int64)
    known = np.isfinite(points).all(axis=1)
    found = np.full(len(points), -1, np.int64)
    distance, node = cKDTree(graph.nodes).query(points[known], distance_upper_bound=np.nextafter(farthest, np.inf))
    found[known] = np.where(np.isfinite(distance), node, -1)
    return found
