"""Counts per district: buildings in the water and people, with ranges and with what was not observed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.impact_tables import table
from mitoshi.applications.disaster.impact_uncertainty import HIGH, LOW, shifted
from mitoshi.core.errors import InputError
from mitoshi.core.geometry_cost import made_valid
from mitoshi.core.places import finite_places
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from mitoshi.applications.disaster.impact_buildings import FeatureWater
    from mitoshi.applications.disaster.impact_waters import DistrictPeople, Waters
    from mitoshi.core.features import Features

__all__ = ["OUTSIDE", "district_of", "district_table"]

Floats = NDArray[np.float64]
GIVEN = frozenset({"buildings", "not_observed", "not_determined"})
OUTSIDE = Text("outside all districts", "いずれの地区にも属さない")


def district_of(geometry: NDArray[Any], districts: NDArray[Any]) -> NDArray[np.int64]:
    """Return the position of the district that each feature's inner point lies in; the number of districts where in none.

    Where districts overlap, the first counts, so that every feature counts once.

    Raises
    ------
    InputError
        If a district crosses itself too often to say what lies in it.
    """
    import shapely

    areas, costly = made_valid(districts)
    if costly.any():
        raise InputError(
            f"district {int(np.flatnonzero(costly)[0]) + 1} crosses itself in too many places to say what lies in it; "
            "correct its outline, or make it valid in a GIS first"
        )
    tree = shapely.STRtree(areas)
    known = np.flatnonzero(finite_places(geometry))
    feature, district = tree.query(shapely.point_on_surface(geometry[known]), predicate="intersects")
    found = np.full(len(geometry), len(districts), np.int64)
    np.minimum.at(found, known[feature], district)
    return found


def district_table(
    districts: Features,
    members: NDArray[np.int64],
    water: FeatureWater | None,
    floor_height: Floats | None,
    found: Waters,
) -> Features:
    """Return one row per district and a last one, without area, for what lies in none: the rows sum to the total.

    Parameters
    ----------
    districts
        As declared.
    members
        District of each building, from `district_of`.
    water, floor_height
        Of the buildings; None where buildings are not given, and then their counts are missing.
    found
        The second pass, for people.
    """
    import geopandas
    import shapely

    size = len(districts) + 1
    columns: dict[str, Any] = {
        "id": [*districts["id"], None],
        "name": [*districts["name"], OUTSIDE.ja],
        "outside": np.arange(size) == size - 1,
    }
    columns |= _building_counts(members, water, floor_height, size)
    columns |= _people(found, size)
    geometry = [*districts.geometry.to_numpy(), shapely.Polygon()]
    return geopandas.GeoDataFrame(columns, geometry=geometry, crs=districts.crs)


def _building_counts(
    members: NDArray[np.int64], water: FeatureWater | None, floor_height: Floats | None, size: int
) -> dict[str, Floats]:
    """Return counts with ranges under an error that is common to the district."""

    def per(weight: Any) -> Floats:
        return np.bincount(members, np.asarray(weight, float), minlength=size).astype(np.float64)

    insured = table("limits")["insured_depth_m"]["value"]
    thresholds: dict[str, Any] = {"wet": 0.0, "above_floor": floor_height, "over_45cm": insured}
    ends = {"_lower": LOW, "_upper": HIGH}
    if water is None:
        names = ["buildings", "not_observed", "not_determined", *(n + e for n in thresholds for e in ("", *ends))]
        return dict.fromkeys(names, np.full(size, np.nan))
    levels = water.mean
    counts = {
        "buildings": per(np.ones(levels.level.size)),
        "not_observed": per(~water.observed),
        "not_determined": per(~levels.observed),
    }
    for name, threshold in thresholds.items():
        counts[name] = value = per(water.chance(threshold))
        low, high = (per(shifted(levels, shift) > threshold) for shift in ends.values())
        counts |= {f"{name}_lower": np.minimum(low, value), f"{name}_upper": np.maximum(high, value)}
    # Of a district of which nothing is known no number is: 0 would read as dry.
    blank = (counts["buildings"] > 0) & (counts["not_determined"] == counts["buildings"])
    return {n: v if n in GIVEN else np.where(blank, np.nan, v) for n, v in counts.items()}


def _people(found: Waters, size: int) -> dict[str, Floats]:
    names = ("population", "flooded_population", "flooded_population_lower", "flooded_population_upper",
             "population_not_observed", "population_not_determined")  # fmt: skip
    if found.districts is None or found.people is None:
        return dict.fromkeys(names, np.full(size, np.nan))
    whole, unseen = found.people.people, found.people.unseen
    more = (0.0, 0.0, 0.0) if unseen is None else (unseen.expected[0], unseen.likely[0], unseen.possible[0])
    totals = [found.people.everyone, *(whole[k, 1:-1].sum() + more[k] for k in range(3)), found.people.not_observed,
              found.people.not_determined]  # fmt: skip
    return {n: _with_rest(v, float(t)) for n, v, t in zip(names, _fields(found.districts), totals, strict=True)}


def _fields(people: DistrictPeople) -> tuple[Floats, ...]:
    return tuple(people)


def _with_rest(inside: Floats, total: float) -> Floats:
    rest = total - float(inside.sum())
    # Differences of large sums: what is left of nothing is nothing.
    return np.append(inside, rest if rest > 1e-9 * max(total, 1.0) else 0.0)
