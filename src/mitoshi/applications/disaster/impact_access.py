"""Settlements cut off, and the passable ways from settlements to hospitals and shelters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.impact_roads import Network, RoadHeads, closed, surely_closed
from mitoshi.applications.disaster.impact_uncertainty import HIGH, LOW, QUANTILES, exceedance
from mitoshi.core.places import inner_points
from mitoshi.methods.networks.reach import Ways, nearest_nodes, path, reached, ways_to

if TYPE_CHECKING:
    from mitoshi.applications.disaster.impact_grid import Grid
    from mitoshi.core.features import Features

__all__ = [
    "CONNECTED",
    "CUT_OFF",
    "UNKNOWN",
    "Access",
    "access_of",
    "centres",
    "outside_nodes",
    "route_table",
    "settlement_table",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

CONNECTED, CUT_OFF, UNKNOWN = 0, 1, 2
HELP = ("hospital", "depot")
GOALS = ("hospital", "shelter")


class Access(NamedTuple):
    """Where settlements and facilities join the roads.

    Attributes
    ----------
    settlement, facility
        Node of each, -1 where no road is near.
    outside
        Nodes at or beyond the edge of the scene.
    usable
        Facilities that are not in the water.
    kind
        Kind of each facility.
    """

    settlement: Integers
    facility: Integers
    outside: Integers
    usable: Mask
    kind: NDArray[np.object_]

    def nodes(self, *kinds: str) -> Integers:
        """Return the nodes of usable facilities of some kinds."""
        chosen = np.isin(self.kind.astype(str), kinds) & self.usable & (self.facility >= 0)
        return np.unique(self.facility[chosen])

    def nodes_of_unknown_kind(self) -> Integers:
        """Return the nodes of usable facilities of which nobody says what they are."""
        unknown = np.array([k is None or k != k or k == "unknown" for k in self.kind], bool)
        return np.unique(self.facility[unknown & self.usable & (self.facility >= 0)])


def outside_nodes(network: Network, grid: Grid) -> Integers:
    """Return the nodes in the outermost pixels of the scene and beyond: where roads lead out of it."""
    row, column = grid.pixels(grid.back(network.graph.nodes))
    edge = (row <= 0) | (column <= 0) | (row >= grid.shape[0] - 1) | (column >= grid.shape[1] - 1)
    return np.flatnonzero(edge)


def centres(features: Features | None, grid: Grid) -> Floats:
    """Return an inner point of each feature on the plane."""
    if features is None or len(features) == 0:
        return np.zeros((0, 2))
    return inner_points(grid.plane(features.geometry.to_numpy()))


def access_of(
    network: Network, grid: Grid, settlements: Features, facilities: Features | None, usable: Mask, farthest_m: float
) -> Access:
    """Join settlements and facilities to their junctions.

    Parameters
    ----------
    network
        The roads.
    grid
        The grid.
    settlements, facilities
        As declared.
    usable
        (facilities,) not in the water.
    farthest_m
        From a road.
    """
    kind = np.zeros(0, object) if facilities is None else facilities["facility"].to_numpy(object)
    return Access(
        nearest_nodes(network.graph, centres(settlements, grid), farthest_m),
        nearest_nodes(network.graph, centres(facilities, grid), farthest_m),
        outside_nodes(network, grid),
        usable,
        kind,
    )


def cut_off(network: Network, heads: RoadHeads, access: Access, limit_m: float) -> tuple[Integers, Floats]:
    """Return state and probability of being cut off, per settlement.

    Connected: pieces seen to be passable lead to a hospital or depot that is not in the water, or out of the scene. Cut off: not
    even the pieces of which nothing is known would, nor any way to a facility of unknown kind, which may be a hospital. Unknown:
    only these would, or the data never joined the settlement. The probability is the share of ten equally likely common errors
    of depth that cut it off, pieces that are unseen or may be bridges being open.
    """
    graph, at = network.graph, access.settlement
    goals = np.union1d(access.nodes(*HELP), access.outside)
    possible = np.union1d(goals, access.nodes_of_unknown_kind())
    size = at.size
    if goals.size == 0 or graph.size == 0:
        return np.full(size, UNKNOWN, np.int64), np.full(size, np.nan)
    joined = (at >= 0) & reached(graph, np.ones(graph.size, bool), goals)[at]
    surely = joined & reached(graph, heads.seen & ~closed(heads, limit_m), goals)[at]
    perhaps = joined & reached(graph, ~surely_closed(heads, limit_m), possible)[at]
    state = np.where(surely, CONNECTED, np.where(joined & ~perhaps, CUT_OFF, UNKNOWN))
    shares = [~reached(graph, ~surely_closed(heads, limit_m, s), goals)[at] for s in QUANTILES]
    chance = np.where(joined & (state != UNKNOWN), np.mean(shares, axis=0), np.nan)
    return state.astype(np.int64), chance


def settlement_table(
    settlements: Features, network: Network, heads: RoadHeads, access: Access, limit_m: float
) -> Features:
    """Return one row per settlement: cut off or not, and the lengths of passable ways.

    Parameters
    ----------
    settlements
        As declared.
    network, heads, access
        Roads, the water on them, and who joins where.
    limit_m
        Total head that stops the vehicle.
    """
    import geopandas

    state, chance = cut_off(network, heads, access, limit_m)
    columns: dict[str, Any] = {
        "id": settlements["id"].to_numpy(object),
        "name": settlements["name"].to_numpy(object),
        "population": settlements["population"].to_numpy(float),
        "state": state,
        "cut_off_probability": chance,
        "near_road": access.settlement >= 0,
    }
    for goal in GOALS:
        for end, shift in {"": 0.0, "_lower": LOW, "_upper": HIGH}.items():
            open_pieces = heads.seen & ~closed(heads, limit_m, shift)
            columns[f"{goal}_distance{end}"] = _distance(network, open_pieces, access, goal)
        columns[f"{goal}_distance_before"] = _distance(network, np.ones(network.graph.size, bool), access, goal)
    return geopandas.GeoDataFrame(columns, geometry=settlements.geometry.to_numpy(), crs=settlements.crs)


def _distance(network: Network, open_pieces: Mask, access: Access, goal: str) -> Floats:
    """Return the length of the shortest way to a goal [m]; NaN where there is none."""
    length = ways_to(network.graph, open_pieces, access.nodes(goal)).length
    found = np.full(access.settlement.size, np.nan)
    joined = access.settlement >= 0
    found[joined] = length[access.settlement[joined]]
    return np.where(np.isfinite(found), found, np.nan)


def route_table(
    settlements: Features,
    facilities: Features | None,
    network: Network,
    heads: RoadHeads,
    access: Access,
    grid: Grid,
    limit_m: float,
) -> Features:
    """Return the passable ways as lines, from each settlement to its nearest hospital and shelter.

    Parameters
    ----------
    settlements, facilities
        As declared.
    network, heads, access
        Roads, the water on them, and who joins where.
    grid
        The grid.
    limit_m
        Total head that stops the vehicle.
    """
    import geopandas
    import shapely

    open_pieces = heads.seen & ~closed(heads, limit_m)
    chance = 1.0 - exceedance(heads.levels, limit_m)
    rows: list[tuple[Any, ...]] = []
    lines: list[Any] = []
    homes, goals_at = centres(settlements, grid), centres(facilities, grid)
    names = ("settlement_id", "settlement", "goal", "goal_id", "goal_name", "length", "open_probability")
    if facilities is None:
        return geopandas.GeoDataFrame({n: [] for n in names}, geometry=[], crs=settlements.crs)
    for goal in GOALS:
        ways = ways_to(network.graph, open_pieces, access.nodes(goal))
        for n, node in enumerate(access.settlement):
            if node < 0 or not np.isfinite(ways.length[node]):
                continue
            place = _facility_at(access, goal, int(ways.goal[node]))
            line = np.concatenate([homes[n : n + 1], path(network.graph, ways, int(node)), goals_at[place : place + 1]])
            line = line[np.append(True, (np.diff(line, axis=0) != 0).any(axis=1))]
            if len(line) < 2:
                continue
            told, known = settlements.iloc[n], facilities.iloc[place]
            rows.append((told["id"], told["name"], goal, known["id"], known["name"], float(ways.length[node]),
                         _least(chance, ways, int(node))))  # fmt: skip
            lines.append(shapely.LineString(grid.back(line)))
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {n: [] for n in names}
    return geopandas.GeoDataFrame(columns, geometry=lines, crs=settlements.crs)


def _facility_at(access: Access, goal: str, node: int) -> int:
    return int(np.flatnonzero((access.facility == node) & (access.kind == goal) & access.usable)[0])


def _least(chance: Floats, ways: Ways, node: int) -> float:
    """Return the probability that a whole way is open: under a common error that of its worst piece."""
    least = 1.0
    while ways.towards[node] >= 0:
        least = min(least, float(chance[ways.piece[node]]))
        node = int(ways.towards[node])
    return least
