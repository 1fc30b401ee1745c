"""The smaller lists of the impact chain: people, facilities, waste, losses, and what was given and seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.impact_buildings import FeatureWater, expected_depth
from mitoshi.applications.disaster.impact_losses import LossRow
from mitoshi.applications.disaster.impact_population import ClassCounts, class_table
from mitoshi.applications.disaster.impact_roads import Network, piece_heads
from mitoshi.applications.disaster.impact_tables import table
from mitoshi.applications.disaster.impact_uncertainty import exceedance
from mitoshi.applications.disaster.impact_waste import WasteRow, site_area, total_range, whole_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mitoshi.applications.disaster.impact_grid import Grid
    from mitoshi.applications.disaster.impact_survey import Survey, Water
    from mitoshi.applications.disaster.impact_totals import Places
    from mitoshi.applications.disaster.impact_waters import Waters
    from mitoshi.core.features import Features

__all__ = [
    "DRY",
    "UNKNOWN",
    "WET",
    "Given",
    "facility_table",
    "given_rows",
    "given_table",
    "loss_table",
    "people_table",
    "waste_table",
]

DRY, WET, UNKNOWN = 0, 1, 2
MAPPED = 0.5
TOTAL = "range over all sets"


class Given(NamedTuple):
    """What was given of one theme, and how much of it the depth map saw.

    Attributes
    ----------
    theme
        Name of the data argument.
    given
        Whether it was given.
    amount, not_observed
        Features (people, for the population), and those of which not all was seen; NaN where not given.
    not_determined
        Those of the unseen for which no probability of water is known either.
    """

    theme: str
    given: bool
    amount: float
    not_observed: float
    not_determined: float = np.nan


def given_table(themes: Sequence[Given]) -> Features:
    """Return what was given and seen, one row per data argument."""
    import geopandas

    return geopandas.GeoDataFrame(
        {name: [getattr(g, name) for g in themes] for name in Given._fields},
    )


def people_table(counts: ClassCounts | None, source: str, length_m: float) -> Features:
    """Return people by depth class; no row where nothing is known of people.

    Parameters
    ----------
    counts
        Or None.
    source
        "population" or "occupants of buildings".
    length_m
        Over which errors are shared where nothing was observed.
    """
    import geopandas

    rows = [] if counts is None else class_table(counts, length_m)
    names = ("kind", "above", "below", "people", "people_lower", "people_upper", "at_least", "at_least_lower",
             "at_least_upper")  # fmt: skip
    columns: dict[str, Any] = {name: [getattr(r, name) for r in rows] for name in names}
    return geopandas.GeoDataFrame({**columns, "source": [source] * len(rows)})


def facility_table(facilities: Features, water: FeatureWater, outside: NDArray[np.bool_]) -> Features:
    """Return facilities with their depth and the probability that they stand in water; the state is what was seen."""
    import geopandas

    levels = water.mean
    chance = exceedance(levels, 0.0)
    state = np.where(water.observed, np.where(levels.level > 0, WET, DRY), UNKNOWN)
    columns: dict[str, Any] = {
        **{name: facilities[name].to_numpy() for name in ("id", "name", "facility", "capacity")},
        "state": state.astype(np.int64),
        "outside_map": outside,
        "wet_probability": chance,
        **expected_depth(water),
    }
    return geopandas.GeoDataFrame(columns, geometry=facilities.geometry.to_numpy(), crs=facilities.crs)


def waste_table(rows: list[WasteRow]) -> Features:
    """Return one row per set of units and way of counting, and a last row with the range over the sets that count all waste."""
    import geopandas

    sets = {s["id"]: s for s in table("waste")["sets"]}
    told = [
        (r.unit_set, r.basis, r.waste, r.lower, r.upper, r.unit_set in whole_sets(), sets[r.unit_set]["status"],
         sets[r.unit_set]["source"])
        for r in rows
    ]  # fmt: skip
    if rows:
        middle, lower, upper = total_range(rows)
        told.append((TOTAL, "all", middle, lower, upper, True, "derived", table("waste")["version"]))
    areas = [site_area(t[3], t[4]) for t in told]
    names = ("unit_set", "basis", "waste", "waste_lower", "waste_upper", "all_waste", "status", "source")
    columns: dict[str, Any] = {name: [t[n] for t in told] for n, name in enumerate(names)}
    columns |= {"site_area_lower": [a[0] for a in areas], "site_area_upper": [a[1] for a in areas]}
    return geopandas.GeoDataFrame(columns)


def loss_table(rows: list[LossRow], values: dict[str, float]) -> Features:
    """Return losses by item and table of rates, and rows for what the method counts but is not estimated here.

    Parameters
    ----------
    rows
        In units of the asset.
    values
        Yen per unit of "house" (m2) and "household"; 0 where not known, and then losses in yen are missing.
    """
    import geopandas

    told = {t["id"]: t for t in (*table("losses")["house"], *table("losses")["household"])}
    lines = [
        (r.item, r.rates, r.extent, r.extent_lower, r.extent_upper,
         *(v * values[r.item] if values[r.item] > 0 else np.nan for v in (r.extent, r.extent_lower, r.extent_upper)),
         float(r.not_counted), told[r.rates]["status"], told[r.rates]["source"])
        for r in rows
    ]  # fmt: skip
    nothing = (np.nan,) * 7
    if rows:
        lines += [(m["id"], "", *nothing, "not estimated", m["reason"]["ja"]) for m in table("losses")["not_estimated"]]
    names = ("item", "rates", "extent", "extent_lower", "extent_upper", "loss", "loss_lower", "loss_upper",
             "not_counted", "status", "source")  # fmt: skip
    return geopandas.GeoDataFrame({name: [line[n] for line in lines] for n, name in enumerate(names)})


def by_occupants(water: FeatureWater, occupants: NDArray[np.float64], grid: Grid, places: Places) -> ClassCounts | None:
    """Return people by depth class from the occupants of buildings; None where no building says.

    Parameters
    ----------
    water
        At the buildings.
    occupants
        Of each.
    grid
        The grid.
    places
        Row and column of each.
    """
    from mitoshi.applications.disaster.impact_population import people_of

    if not (occupants > 0).any():
        return None
    return people_of(water.mean, occupants, water.unseen, grid, places)


def _known(theme: str, amount: float, not_observed: float, not_determined: float) -> Given:
    return Given(theme, given=True, amount=amount, not_observed=not_observed, not_determined=not_determined)


def given_rows(
    water: Water,
    listed: dict[str, Features | None],
    districts: Features | None,
    network: Network | None,
    at: dict[str, FeatureWater],
    passes: tuple[Survey, Waters],
) -> list[Given]:
    """Return what was given and seen, one per data argument.

    Parameters
    ----------
    water
        The rasters.
    listed, at
        Buildings, facilities and settlements, and the water at those given.
    districts
        Areas to count by.
    network
        The roads.
    passes
        What the two passes over the rasters found.
    """
    found, people = passes[0], passes[1].people
    told = [_known("depth", *(float(found.cells[n]) for n in (0, 2, 3)))]
    for name, features in listed.items():
        if features is None:
            told.append(Given(name, given=False, amount=np.nan, not_observed=np.nan))
            continue
        unseen = [float(np.count_nonzero(~m)) for m in (at[name].observed, at[name].mean.observed)]
        told.append(_known(name, float(len(features)), *unseen))
    if people is None:
        told.append(Given("population", given=False, amount=np.nan, not_observed=np.nan))
    else:
        told.append(_known("population", people.everyone, people.not_observed, people.not_determined))
    buildings = listed["buildings"]
    if people is None and buildings is not None:
        occupants = buildings["occupants"].to_numpy(float)
        silent = np.count_nonzero(~(occupants >= 0))  # a negative number of people is none that is known
        if (occupants > 0).any() and silent:
            told.append(Given("occupants", given=True, amount=float(occupants.size), not_observed=float(silent)))
    unknown = passes[1].unknown_share
    if people is not None and unknown > 0:
        told.append(Given("population_count", given=True, amount=float(found.cells[1]), not_observed=unknown))
    unseen_roads, blank_roads = np.nan, np.nan
    if network is not None and found.roads is not None:
        heads = piece_heads(network, found.roads)
        unseen_roads, blank_roads = (float(np.count_nonzero(~m)) for m in (heads.seen, heads.determined))
    pieces = np.nan if network is None else float(network.graph.size)
    told.append(Given("roads", network is not None, pieces, unseen_roads, blank_roads))
    told.append(
        Given("districts", districts is not None, np.nan if districts is None else float(len(districts)), np.nan)
    )
    rasters = {
        "depth_uncertainty": water.uncertainty,
        "elevation": water.elevation,
        "flow_speed": water.speed,
        "water_probability": water.chance,
    }
    wet = (np.nan, np.nan) if water.uncertainty is None else (float(found.cells[1]), float(found.assumed))
    amounts = {"depth_uncertainty": wet}
    return told + [Given(n, r is not None, *amounts.get(n, (np.nan, np.nan))) for n, r in rasters.items()]
