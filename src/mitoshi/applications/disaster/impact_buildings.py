"""Buildings in the water: depth, certificate, insurance, loss rate, fragility and waste of each, with ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.impact_certificate import certificates, rules_apply
from mitoshi.applications.disaster.impact_fragility import STATES, curves_of, reached_state, state_probabilities
from mitoshi.applications.disaster.impact_losses import house_rate_range
from mitoshi.applications.disaster.impact_survey import BLOCK, Survey
from mitoshi.applications.disaster.impact_tables import table
from mitoshi.applications.disaster.impact_uncertainty import (
    HIGH,
    LOW,
    SHIFTS,
    Levels,
    exceedance,
    levels_of,
    possible_levels,
    shifted,
)
from mitoshi.applications.disaster.impact_waste import (
    Houses,
    WasteRow,
    by_certificate,
    by_flooding,
    waste_rows,
    whole_sets,
)
from mitoshi.core.errors import InputError
from mitoshi.core.places import inner_points

if TYPE_CHECKING:
    from mitoshi.applications.disaster.impact_grid import Grid
    from mitoshi.core.features import Features
    from mitoshi.methods.statistics.zonal import ZonalStatistics

__all__ = [
    "Assumptions",
    "FeatureWater",
    "Stock",
    "building_table",
    "expected_depth",
    "insured_depth",
    "stock_of",
    "water_at",
]

Floats = NDArray[np.float64]
COLLAPSED = 5
SIGMA, CHANCE, OBSERVED, GROUND = 1, 2, 3, 4  # layers of the survey

HIGHEST_FLOOR_M = 10.0
"""An assumption: houses on piles stand a storey or two above the ground; heights typed in centimetres lie beyond."""


class Assumptions(NamedTuple):
    """The parameters that buildings need; see `mitoshi.applications.disaster.impact.impact`."""

    floor_height_m: float
    certificate_rule: str
    breach: bool
    slope_class: str
    tsunami: bool


class FeatureWater(NamedTuple):
    """Water at features.

    Attributes
    ----------
    mean, shallowest
        Mean over the footprint, and at its shallowest point.
    deepest
        The deepest depth.
    expected
        Mean depth, no water being 0 where nothing was observed [m].
    unseen
        Not all observed: the levels are those of water that may be there.
    """

    mean: Levels
    shallowest: Levels
    deepest: Floats
    expected: Floats
    unseen: NDArray[np.bool_]

    @property
    def observed(self) -> NDArray[np.bool_]:
        """Where the water was seen, or seen to be none."""
        return np.asarray(self.mean.observed & ~self.unseen)

    def chance(self, threshold: Floats | float) -> Floats:
        """Return what each counts for among those deeper than a threshold: 1 or 0 where observed, else the probability."""
        return np.where(self.unseen, exceedance(self.mean, threshold), self.mean.level > threshold)


class Stock(NamedTuple):
    """What is taken for each building where the list is silent.

    Attributes
    ----------
    floor_height
        [m].
    floor_assumed
        Whether it was assumed.
    floor_area
        [m2]: as given, else footprint times storeys; NaN where neither is known.
    wooden
        Wooden or of unknown structure.
    """

    floor_height: Floats
    floor_assumed: NDArray[np.bool_]
    floor_area: Floats
    wooden: NDArray[np.bool_]


def water_at(geometry: NDArray[Any], statistics: ZonalStatistics, found: Survey, grid: Grid) -> FeatureWater:
    """Return the water at features. One of which less than half was seen is not observed.

    Parameters
    ----------
    geometry
        The features', in the grid's CRS.
    statistics
        Theirs from the survey.
    found
        The survey, for the water level nearby.
    grid
        The grid.
    """
    import shapely

    seen = (statistics.cells > 0) & (2 * statistics.seen[:, 0] >= statistics.cells)
    mean = np.where(seen, statistics.mean[:, 0], np.nan)
    lowest = np.where(seen, statistics.lowest[:, 0], np.nan)
    deepest = np.where(seen, statistics.highest[:, 0], np.nan)
    sigma, height = statistics.mean[:, SIGMA], np.full(mean.size, np.nan)
    if statistics.seen.shape[1] > GROUND:
        row, column = grid.pixels(inner_points(shapely.centroid(geometry)))
        block = (np.maximum(row, 0) // BLOCK, np.maximum(column, 0) // BLOCK)
        height = np.where(row >= 0, statistics.lowest[:, GROUND] - found.water_level[block], np.nan)
        sigma = np.where(np.isfinite(sigma), sigma, found.water_sigma[block])
    # Where a part of the footprint is wet, its shallowest point is at the water's edge.
    edge = np.where(deepest > 0, 0.0, height)
    unseen = seen & (statistics.lowest[:, OBSERVED] < 1)
    return FeatureWater(
        _where(unseen, _possible(statistics.mean[:, CHANCE], mean), levels_of(mean, sigma, height)),
        _where(
            unseen & (lowest > 0),
            _possible(statistics.lowest[:, CHANCE], lowest),
            levels_of(np.where(unseen, 0.0 * lowest, lowest), sigma, edge),
        ),
        deepest,
        mean,
        unseen,
    )


def _possible(chance: Floats, expected: Floats) -> Levels:
    """Return levels of probability and expected depth, no water being 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return possible_levels(chance, np.where(chance == 0, 0.0 * expected, expected / chance))


def _where(there: NDArray[np.bool_], one: Levels, other: Levels) -> Levels:
    return Levels(np.where(there, one.level, other.level), np.where(there, one.sigma, other.sigma))


def stock_of(buildings: Features, grid: Grid, floor_height_m: float) -> Stock:
    """Return what the list says of each building, and what is assumed where it is silent."""
    import shapely

    given = buildings["floor_height_m"].to_numpy(float)
    if (too_high := given > HIGHEST_FLOOR_M).any():
        raise InputError(
            f"floor_height_m is up to {given[too_high].max():g} m in {too_high.sum()} of {given.size} buildings, more than any "
            f"ground floor ({HIGHEST_FLOOR_M:g} m); give it in metres, not centimetres"
        )
    footprint = shapely.area(grid.plane(buildings.geometry.to_numpy()))
    footprint = np.where(footprint > 0, footprint, np.nan)
    area = buildings["floor_area_m2"].to_numpy(float)
    area = np.where(area > 0, area, footprint * buildings["storeys"].to_numpy(float))
    wooden = np.array([s in (None, "wood", "unknown") for s in buildings["structure"]], bool)
    return Stock(np.where(given >= 0, given, floor_height_m), ~(given >= 0), np.where(area > 0, area, np.nan), wooden)


def insured_depth(floor_height: Floats) -> Floats:
    """Return the depth above ground from which flood insurance pays [m]: above the floor, or more than 45 cm."""
    return np.minimum(floor_height, float(table("limits")["insured_depth_m"]["value"]))


def building_table(
    buildings: Features, water: FeatureWater, stock: Stock, assumed: Assumptions, outside: NDArray[np.bool_]
) -> tuple[Features, list[WasteRow]]:
    """Return the list of buildings, and the rows of waste.

    Parameters
    ----------
    buildings
        As declared.
    water
        At their footprints.
    stock
        From `stock_of`.
    assumed
        Parameters.
    outside
        (buildings,) whether each lies outside the depth map.
    """
    import geopandas

    mean, floor = water.mean, stock.floor_height
    insured_from = insured_depth(floor)
    covered = rules_apply(buildings["structure"].to_numpy(object), buildings["storeys"].to_numpy(float))
    paper = certificates(water.shallowest, floor, covered, assumed.certificate_rule, breach=assumed.breach)
    rate = house_rate_range(mean, floor, assumed.slope_class)
    rows, tonnes = _waste(mean, paper, stock)
    columns: dict[str, Any] = {
        "id": buildings["id"].to_numpy(object),
        "structure": buildings["structure"].to_numpy(object),
        "observed": water.observed,
        "estimated": water.unseen,
        "outside_map": outside,
        **expected_depth(water),
        **_ranged("shallowest_depth", water.shallowest),
        "floor_height": floor,
        "floor_height_assumed": stock.floor_assumed,
        **_ranged("depth_above_floor", mean, floor),
        "wet_probability": exceedance(mean, 0.0),
        "above_floor_probability": exceedance(mean, floor),
        "over_45cm_probability": exceedance(mean, table("limits")["insured_depth_m"]["value"]),
        "insured": water.observed & (mean.level > insured_from),
        "insured_probability": exceedance(mean, insured_from),
        "certificate": paper.code,
        "certificate_lower": np.minimum(paper.lower, paper.upper),
        "certificate_upper": paper.upper,
        "floor_area": stock.floor_area,
        "loss_rate": rate[0],
        "loss_rate_lower": rate[1],
        "loss_rate_upper": rate[2],
        "waste": tonnes[0],
        "waste_lower": tonnes[1],
        "waste_upper": tonnes[2],
        **_fragility(buildings, mean, tsunami=assumed.tsunami),
    }
    return geopandas.GeoDataFrame(columns, geometry=buildings.geometry.to_numpy(), crs=buildings.crs), rows


def _ranged(name: str, levels: Levels, above: Floats | float = 0.0) -> dict[str, Floats]:
    """Return depth above something with its 90 % range, 0 where dry."""
    told = {"": 0.0, "_lower": LOW, "_upper": HIGH}
    return {name + end: np.maximum(shifted(levels, shift) - above, 0.0) for end, shift in told.items()}


def expected_depth(water: FeatureWater) -> dict[str, Floats]:
    """Return the mean depth with its 90 % range [m]; where nothing was observed the mean counts no water as 0."""
    told = _ranged("depth", water.mean)
    told["depth"] = np.where(water.unseen, water.expected, told["depth"])
    told["depth_lower"] = np.minimum(told["depth_lower"], told["depth"])
    told["depth_upper"] = np.maximum(told["depth_upper"], told["depth"])
    return told


def _waste(mean: Levels, paper: Any, stock: Stock) -> tuple[list[WasteRow], tuple[Floats, Floats, Floats]]:
    houses = Houses(stock.floor_area, stock.wooden)
    low, middle, high = (by_flooding(shifted(mean, s), stock.floor_height) for s in (LOW, 0.0, HIGH))
    flooding = (middle, low, high)
    classes = tuple(by_certificate(c, f) for c, f in zip((paper.code, paper.lower, paper.upper), flooding, strict=True))
    told = [*waste_rows("certificate", (classes[0], classes[1], classes[2]), houses)]
    told += waste_rows("flooding", flooding, houses)
    each = np.stack([t for row, t in told if row.unit_set in whole_sets()])
    unseen = np.where(mean.observed, 0.0, np.nan)
    return [row for row, _ in told], (
        each[:, 0].mean(axis=0) + unseen,
        each.min(axis=(0, 1)) + unseen,
        each.max(axis=(0, 1)) + unseen,
    )


def _fragility(buildings: Features, mean: Levels, *, tsunami: bool) -> dict[str, Any]:
    """Return tsunami damage states; missing where the water is no tsunami's."""
    size = len(buildings)
    if not tsunami:
        missing = {f"damage_state_{k}": np.full(size, np.nan) for k in range(1, STATES + 1)}
        collapse = dict.fromkeys(("collapse_probability", "collapse_probability_lower", "collapse_probability_upper"))
        return {**missing, **{name: np.full(size, np.nan) for name in collapse}}
    curves = curves_of(buildings["structure"].to_numpy(object), buildings["storeys"].to_numpy(float))
    reached = [reached_state(shifted(mean, s), curves) for s in SHIFTS]
    states = state_probabilities(reached[0])
    return {
        **{f"damage_state_{k + 1}": states[:, k] for k in range(STATES)},
        "collapse_probability": reached[0][:, COLLAPSED - 1],
        "collapse_probability_lower": reached[1][:, COLLAPSED - 1],
        "collapse_probability_upper": reached[2][:, COLLAPSED - 1],
    }
