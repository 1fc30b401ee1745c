"""Roads in the water: which pieces a car and a truck can pass, and with which probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.impact_uncertainty import Levels, exceedance, shifted
from mitoshi.core.vocabulary import word_of
from mitoshi.methods.networks.road_graph import RoadGraph, Samples, road_graph, sampled, with_stops

if TYPE_CHECKING:
    from mitoshi.applications.disaster.impact_grid import Grid
    from mitoshi.applications.disaster.impact_survey import RoadWater
    from mitoshi.core.features import Features

__all__ = [
    "IMPASSABLE",
    "PASSABLE",
    "UNKNOWN",
    "Network",
    "RoadHeads",
    "network_of",
    "no_roads",
    "piece_heads",
    "road_table",
    "states",
    "surely_closed",
]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

PASSABLE, IMPASSABLE, UNKNOWN = 0, 1, 2
SNAP_M = 0.5
"""Ends of roads closer than this are one junction."""

TWICE_GRAVITY = 2 * 9.80665


class Network(NamedTuple):
    """Roads as a graph on a plane in metres, with samples along them in the grid's CRS.

    Attributes
    ----------
    bridge, perhaps_bridge
        (pieces,) bridges, and pieces of which it is not known whether they are one.
    """

    graph: RoadGraph
    samples: Samples
    places: Floats
    bridge: Mask
    perhaps_bridge: Mask


class RoadHeads(NamedTuple):
    """Total head of the water on each piece of road.

    Attributes
    ----------
    levels
        Largest total head along the piece [m], with its uncertainty; -inf dry.
    seen
        Whether every sample within the scene was observed, and there is one.
    determined
        The same, or a probability of water is known where not.
    bridge
        Bridges: the depth below says nothing of the deck, they count as dry.
    perhaps_bridge
        Pieces that may be bridges: water on them closes them only if they are none, which is not known.
    """

    levels: Levels
    seen: Mask
    bridge: Mask
    perhaps_bridge: Mask
    determined: Mask


def network_of(roads: Features, grid: Grid, places: Floats, farthest_m: float) -> Network:
    """Return the graph of roads with a junction where each place joins its nearest road, and samples a pixel apart.

    Parameters
    ----------
    roads
        As declared.
    grid
        The grid.
    places
        (places, 2) settlements and facilities on the plane.
    farthest_m
        Places farther from every road join none.
    """
    lines, stops = with_stops(grid.plane(roads.geometry.to_numpy()), places, farthest_m)
    graph = road_graph(lines, SNAP_M, stops)
    samples = sampled(graph, grid.pixel_m)
    words = [None if v is None or v != v else word_of("bridge", v) or "unknown" for v in roads["bridge"]]
    bridge = np.array(words, object)[graph.source]
    return Network(graph, samples, grid.back(samples.points), bridge == "true", bridge == "unknown")


def no_roads() -> tuple[Network, RoadHeads]:
    """Return the network of no road: what is known of access where roads are not given."""
    graph = road_graph(np.zeros(0, object), SNAP_M)
    nothing, nowhere = np.zeros(0, bool), Levels(np.zeros(0), np.zeros(0))
    return (
        Network(graph, sampled(graph, 1.0), np.zeros((0, 2)), nothing, nothing),
        RoadHeads(nowhere, nothing, nothing, nothing, nothing),
    )


def piece_heads(network: Network, water: RoadWater) -> RoadHeads:
    """Return the water on each piece: the worst of its samples, as total head h + v² / 2g."""
    size = network.graph.size
    inside = water.row >= 0
    speed = np.nan_to_num(water.speed.astype(float))
    possible = ~np.isnan(water.level)
    there = (water.depth > 0) | possible
    head = np.where(there, np.where(possible, water.level, water.depth) + speed**2 / TWICE_GRAVITY, -np.inf)
    worst, spread = np.full(size, -np.inf), np.zeros(size)
    np.maximum.at(worst, network.samples.piece, np.where(inside, head, -np.inf))
    np.maximum.at(spread, network.samples.piece, np.nan_to_num(water.sigma.astype(float)))
    unknown = np.bincount(network.samples.piece[inside & np.isnan(water.depth)], minlength=size) > 0
    unseen = unknown | (np.bincount(network.samples.piece[inside & possible], minlength=size) > 0)
    any_inside = np.bincount(network.samples.piece[inside], minlength=size) > 0
    worst = np.where(network.bridge, -np.inf, worst)
    seen = (any_inside & ~unseen) | network.bridge
    determined = (any_inside & ~unknown) | network.bridge
    return RoadHeads(Levels(worst, spread), seen, network.bridge, network.perhaps_bridge, determined)


def closed(heads: RoadHeads, limit_m: float, shift: float = 0.0) -> Mask:
    """Return the pieces whose water reaches a vehicle's limit if depths are off by `shift` standard uncertainties."""
    return np.asarray(shifted(heads.levels, shift) >= limit_m)


def surely_closed(heads: RoadHeads, limit_m: float, shift: float = 0.0) -> Mask:
    """Return the pieces that are closed and of which it is known that they are no bridge."""
    return closed(heads, limit_m, shift) & ~heads.perhaps_bridge


def states(heads: RoadHeads, limit_m: float) -> NDArray[np.int64]:
    """Return passable, impassable or unknown per piece: water seen to be too deep closes a road though part of it is unseen."""
    open_pieces = heads.seen & ~closed(heads, limit_m)
    return np.where(surely_closed(heads, limit_m), IMPASSABLE, np.where(open_pieces, PASSABLE, UNKNOWN)).astype(
        np.int64
    )


def road_table(
    roads: Features, network: Network, heads: RoadHeads, grid: Grid, limits: tuple[float, float]
) -> Features:
    """Return one row per piece of road between junctions.

    Parameters
    ----------
    roads
        As declared.
    network, heads
        Their graph, and the water on it.
    grid
        The grid.
    limits
        Total head that stops a car, and a truck [m].
    """
    import geopandas
    import shapely

    graph = network.graph
    owner = np.repeat(np.arange(graph.size), np.diff(graph.begin))
    lines = shapely.linestrings(grid.back(graph.points), indices=owner) if graph.size else np.zeros(0, object)
    head = shifted(heads.levels, 0.0)
    columns: dict[str, Any] = {
        "id": roads["id"].to_numpy(object)[graph.source],
        "road_class": roads["road_class"].to_numpy(object)[graph.source],
        "piece": np.arange(graph.size),
        "length": graph.length,
        "bridge": heads.bridge,
        "total_head": np.where(heads.seen | (head > 0), head, np.nan),
    }
    for name, limit in zip(("car", "truck"), limits, strict=True):
        chance = 1.0 - exceedance(heads.levels, limit)
        columns[name] = states(heads, limit)
        known = ((columns[name] != UNKNOWN) | (heads.determined & ~heads.perhaps_bridge)) & ~heads.bridge
        columns[f"{name}_passable_probability"] = np.where(known, chance, np.nan)
    return geopandas.GeoDataFrame(columns, geometry=lines, crs=roads.crs)
