"""How many are in the water in all: seen and unseen together, with a range, and how many of them nothing is known of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.impact_tables import table
from mitoshi.applications.disaster.impact_uncertainty import Levels, counted, exceedance
from mitoshi.applications.disaster.impact_unseen import add_unseen, empty_unseen, spreads

if TYPE_CHECKING:
    from mitoshi.applications.disaster.impact_buildings import FeatureWater
    from mitoshi.applications.disaster.impact_grid import Grid
    from mitoshi.applications.disaster.impact_population import ClassCounts
    from mitoshi.core.features import Features

__all__ = ["Places", "building_totals", "outside_map", "people_totals", "places_of", "totals_table"]

Floats = NDArray[np.float64]
Places = tuple[NDArray[np.int64], NDArray[np.int64]]
NAMES = (
    "name", "value", "value_lower", "value_upper", "value_most", "value_unseen", "amount", "not_observed", "not_determined",
)  # fmt: skip


def places_of(features: Features, grid: Grid) -> Places:
    """Return row and column of the pixel in the middle of each feature; -1 outside."""
    import shapely

    from mitoshi.core.places import inner_points

    return grid.pixels(inner_points(shapely.centroid(features.geometry.to_numpy())))


def outside_map(features: Features, grid: Grid) -> NDArray[np.bool_]:
    """Return which features have their inner point outside the grid, or no place at all, (features,)."""
    from mitoshi.core.places import inner_points

    return np.asarray(grid.pixels(inner_points(features.geometry.to_numpy()))[0] < 0)


def building_totals(
    water: FeatureWater,
    floor_height: Floats,
    grid: Grid,
    places: Places,
    length_m: float,
    outside: NDArray[np.bool_],
) -> list[Any]:
    """Return a row each for buildings in water, flooded above the floor, and in more than 45 cm.

    Parameters
    ----------
    water
        At the buildings.
    floor_height
        [m].
    grid, places
        The grid, and row and column of each.
    length_m
        Over which errors are shared where nothing was observed.
    outside
        (buildings,) from `outside_map`.
    """
    thresholds: dict[str, Any] = {
        "flooded_buildings": 0.0,
        "above_floor_buildings": floor_height,
        "insured_buildings": table("limits")["insured_depth_m"]["value"],
    }
    seen = Levels(np.where(water.unseen, np.nan, water.mean.level), water.mean.sigma)
    there = np.flatnonzero(water.unseen & (places[0] >= 0))
    chance = np.stack([exceedance(water.mean, t)[there] for t in thresholds.values()])
    unseen = empty_unseen(len(thresholds), grid)
    add_unseen(unseen, chance, np.ones(there.size), places[0][there], places[1][there])
    told = spreads(unseen, length_m)
    known = (float(water.unseen.size), *(float(np.count_nonzero(~m)) for m in (water.observed, water.mean.observed)))
    blank = float(np.count_nonzero(~water.mean.observed & ~outside))
    rows = []
    for n, (name, threshold) in enumerate(thresholds.items()):
        ends = np.array(counted(seen, threshold)) + np.array([v[n] for v in told])
        rows.append((name, *ends, ends.max() + blank, told.value[n], *known))
    return rows


def people_totals(people: Features, counts: ClassCounts | None, outside: float = 0.0) -> list[Any]:
    """Return the row of people in water; none where nothing is known of people.

    Parameters
    ----------
    people
        The table by depth class.
    counts
        What it is made of.
    outside
        People of no determined depth who live outside the depth map.
    """
    if counts is None:
        return []
    wet = people[people["kind"] == "depth"].iloc[0]
    ends = [float(wet[f"at_least{end}"]) for end in ("", "_lower", "_upper")]
    unseen = 0.0 if counts.unseen is None else float(counts.unseen.expected[0])
    most = max(ends) + max(counts.not_determined - outside, 0.0)
    return [("affected_population", *ends, most, unseen, counts.everyone, counts.not_observed, counts.not_determined)]


def totals_table(rows: list[Any]) -> Features:
    """Return the list of totals."""
    import geopandas

    ordered = [(r[0], r[1], min(r[2], r[1]), max(r[3], r[1]), *r[4:]) for r in rows]
    return geopandas.GeoDataFrame({name: [row[n] for row in ordered] for n, name in enumerate(NAMES)})
