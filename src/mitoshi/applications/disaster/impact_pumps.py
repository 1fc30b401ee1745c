"""Pump trucks: how many drain a flooded segment in a given time, how long they take, and where they can stand.

n >= (V / T + Q) / (q eta): volume V, time T, inflow Q, capacity q, efficiency eta.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.applications.disaster.impact_tables import table

if TYPE_CHECKING:
    from mitoshi.applications.disaster.impact_grid import Grid
    from mitoshi.applications.disaster.impact_segments import Segments
    from mitoshi.applications.disaster.impact_survey import RoadWater
    from mitoshi.core.features import Features

__all__ = ["BY_ROAD", "NO_ROAD", "ROADS_UNKNOWN", "PumpPlan", "drainage_time", "places", "pump_table", "trucks_needed"]

BY_ROAD, NO_ROAD, ROADS_UNKNOWN = 0, 1, 2


class PumpPlan(NamedTuple):
    """Parameters of the pumping.

    Attributes
    ----------
    hours
        Time allowed.
    inflow_m3_s
        Water that still comes into each segment.
    capacity_m3_min
        Of one truck.
    efficiency
        Share of its capacity that it reaches.
    least_volume_m3
        Segments with less are not listed.
    """

    hours: float
    inflow_m3_s: float
    capacity_m3_min: float
    efficiency: float
    least_volume_m3: float


def trucks_needed(volume_m3: float, plan: PumpPlan) -> int:
    """Return the number of pump trucks that drain a volume in the time allowed."""
    if volume_m3 <= 0:
        return 0
    rate = plan.capacity_m3_min / 60.0 * plan.efficiency
    needed = (volume_m3 / (plan.hours * 3600.0) + plan.inflow_m3_s) / rate
    # Rounding must not ask for one truck more than the arithmetic.
    return max(1, math.ceil(round(needed, 9)))


def drainage_time(volume_m3: float, trucks: int, plan: PumpPlan) -> float:
    """Return the hours that `trucks` need; inf where the inflow is at least what they pump."""
    net = trucks * plan.capacity_m3_min / 60.0 * plan.efficiency - plan.inflow_m3_s
    if volume_m3 <= 0:
        return 0.0
    return volume_m3 / net / 3600.0 if net > 0 else math.inf


def places(roads: RoadWater | None) -> np.ndarray[Any, Any]:
    """Return the road samples from which a hose reaches water deep enough for a pump."""
    if roads is None:
        return np.zeros(0, np.int64)
    return np.flatnonzero(roads.near_depth >= table("limits")["pump"]["least_depth_m"])


def pump_table(segments: Segments, roads: RoadWater | None, grid: Grid, plan: PumpPlan, crs: Any) -> Features:
    """Return one row per flooded segment, the largest first.

    Parameters
    ----------
    segments
        Flooded segments, queried at the pixels near `places`.
    roads
        Water at and near road samples; None where roads are not given.
    grid
        The grid.
    plan
        Parameters.
    crs
        Of the points.
    """
    import geopandas

    chosen = np.flatnonzero(segments.volume_m3 >= plan.least_volume_m3)
    row, column, depth, access = _best_places(segments, roads, chosen)
    volumes = (segments.volume_m3[chosen], segments.volume_lower[chosen], segments.volume_upper[chosen])
    trucks = [np.array([trucks_needed(v, plan) for v in volume], np.int64) for volume in volumes]
    hours = [_hours(volume, trucks[0], plan) for volume in volumes]
    columns: dict[str, Any] = {
        "segment": chosen + 1,
        "volume": volumes[0],
        "volume_lower": volumes[1],
        "volume_upper": volumes[2],
        "area": segments.area_m2[chosen],
        "deepest": segments.depth_m[chosen],
        "pump_trucks": trucks[0],
        "pump_trucks_lower": trucks[1],
        "pump_trucks_upper": trucks[2],
        "drainage_time": hours[0],
        "drainage_time_lower": hours[1],
        "drainage_time_upper": hours[2],
        "place_depth": depth,
        "place_access": access,
        "deep_enough": depth >= table("limits")["pump"]["least_depth_m"],
    }
    x, y = grid.centre(row, column)
    return geopandas.GeoDataFrame(columns, geometry=geopandas.points_from_xy(x, y), crs=crs)


def _hours(volume: Any, trucks: Any, plan: PumpPlan) -> Any:
    found = np.array([drainage_time(v, int(n), plan) for v, n in zip(volume, trucks, strict=True)])
    return np.where(np.isfinite(found), found, np.nan)


def _best_places(segments: Segments, roads: RoadWater | None, chosen: Any) -> tuple[Any, Any, Any, Any]:
    """Return row, column and depth of the deepest water in a hose's reach of a road, or of the deepest of all; and which."""
    row, column, depth = segments.row.copy(), segments.column.copy(), segments.depth_m.copy()
    access = np.full(row.size, ROADS_UNKNOWN if roads is None else NO_ROAD, np.int64)
    if roads is not None:
        sample = places(roads)
        order = np.lexsort((sample, -roads.near_depth[sample]))
        owner, first = np.unique(segments.of_query[order], return_index=True)
        best = sample[order[first[owner >= 0]]]
        owner = owner[owner >= 0]
        row[owner], column[owner] = roads.near_row[best], roads.near_column[best]
        depth[owner] = roads.near_depth[best]
        access[owner] = BY_ROAD
    return row[chosen], column[chosen], depth[chosen], access[chosen]
