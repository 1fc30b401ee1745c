"""Who and what is in the water, and what it takes: the impact chain from a depth map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt, Le

from mitoshi.applications.disaster import arguments_ja
from mitoshi.applications.disaster import impact_columns as columns
from mitoshi.applications.disaster.impact_access import access_of, centres, route_table, settlement_table
from mitoshi.applications.disaster.impact_buildings import (
    Assumptions,
    FeatureWater,
    Stock,
    building_table,
    stock_of,
    water_at,
)
from mitoshi.applications.disaster.impact_copies import copy_rows, overlap_rows, without_copies
from mitoshi.applications.disaster.impact_districts import district_of, district_table
from mitoshi.applications.disaster.impact_figures import figures, tally
from mitoshi.applications.disaster.impact_grid import Grid, grid_of
from mitoshi.applications.disaster.impact_lists import (
    by_occupants,
    facility_table,
    given_rows,
    given_table,
    loss_table,
    people_table,
    waste_table,
)
from mitoshi.applications.disaster.impact_losses import loss_rows
from mitoshi.applications.disaster.impact_outputs import Impact
from mitoshi.applications.disaster.impact_pumps import PumpPlan, pump_table
from mitoshi.applications.disaster.impact_roads import Network, network_of, no_roads, piece_heads, road_table
from mitoshi.applications.disaster.impact_survey import Survey, Water, survey
from mitoshi.applications.disaster.impact_totals import (
    building_totals,
    outside_map,
    people_totals,
    places_of,
    totals_table,
)
from mitoshi.applications.disaster.impact_waters import Waters, waters
from mitoshi.core import feature_kinds as kinds
from mitoshi.core.features import Features
from mitoshi.core.method import method
from mitoshi.core.quantity import (
    ELEVATION,
    FLOW_SPEED,
    HEIGHT_UNCERTAINTY,
    POPULATION,
    PROBABILITY,
    WATER_DEPTH,
    Raster,
)
from mitoshi.core.requirement import Need
from mitoshi.core.support import Whole
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Impact", "impact"]


@method(
    version="1.1.0",
    reference="内閣府 災害に係る住家の被害認定基準運用指針; 国土交通省 水害統計; 環境省 災害廃棄物対策指針; "
    "Suppasri et al. 2013, Natural Hazards 66, 319-341; TRID 01603146 (trafficability of inundated roads)",
    support=Whole(),
    title=Text("Impact of a flood", "浸水の被害推定"),
    ja=arguments_ja.IMPACT,
    caveats=(
        Text(
            "Ranges assume that depths are off by a common error of up to 1.645 standard uncertainties. The flood map's own "
            "error is not in them, except that dry ground near water counts at the upper end where elevation is given.",
            "幅は、浸水深が標準不確かさの1.645倍まで一様にずれるとした90 %の幅です。浸水域そのものの誤りは含みません。"
            "ただし標高データがある場合、水面近くの低い土地は上限に含めます。",
        ),
        Text(
            "What stands where nothing was observed counts by its probability of water, in ranges with an error that is shared "
            "over a distance; false or missed flood in the map is not in them.",
            "観測できなかった場所の人と建物は、水のある確率で数えます。範囲は、近い場所ほど誤差が共通であるとした90 %の幅で、"
            "浸水域の誤りは含みません。",
        ),
        Text(
            "Damage certificate classes are a guide by depth; the municipality decides.",
            "罹災証明の区分は浸水深による目安です。認定は市町村が行います。",
        ),
        Text(
            "A bridge counts as passable: the water below says nothing of its deck; where it is not known whether a road "
            "in water is a bridge, its state is unknown. Other reasons for closure are not known.",
            "橋梁は通行可能として扱います（橋面や橋の損傷は分かりません）。橋梁か否かが不明な浸水区間の通行可否は不明とします。"
            "浸水以外の通行止めは含みません。",
        ),
        Text(
            "Pump trucks are those that drain each segment in the time given, without gravity or fixed pumps (MLIT has 355).",
            "排水ポンプ車は各湛水域を所定の時間で排水する台数です。自然排水や排水機場は見込みません（国土交通省の保有は355台）。",
        ),
        Text(
            "Where the depth comes without its uncertainty, that of the parameter assumed_uncertainty is taken.",
            "浸水深に不確かさが付いていない場合は、パラメーター assumed_uncertainty の値を仮定します。",
        ),
        Text(
            "Some tables of losses are unconfirmed; the status column says which.",
            "被害額の表には未確認のものがあります（確認状況の欄に示します）。",
        ),
    ),
    tally=tally,
    figures=figures,
)
def impact(
    depth: Annotated[Raster, WATER_DEPTH, Need()],
    depth_uncertainty: Annotated[Raster, HEIGHT_UNCERTAINTY, Need()] | None = None,
    buildings: Annotated[Features, kinds.BUILDINGS, Need()] | None = None,
    population: Annotated[Raster, POPULATION, Need()] | None = None,
    roads: Annotated[Features, kinds.ROADS, Need()] | None = None,
    facilities: Annotated[Features, kinds.FACILITIES, Need()] | None = None,
    settlements: Annotated[Features, kinds.SETTLEMENTS, Need()] | None = None,
    districts: Annotated[Features, kinds.DISTRICTS, Need()] | None = None,
    elevation: Annotated[Raster, ELEVATION, Need()] | None = None,
    flow_speed: Annotated[Raster, FLOW_SPEED, Need()] | None = None,
    water_probability: Annotated[Raster, PROBABILITY, Need()] | None = None,
    /,
    *,
    hazard: Literal["flood", "tsunami"] = "flood",
    flooding: Literal["levee_breach", "inland"] = "levee_breach",
    certificate_rule: Literal["six_classes", "notice_2018"] = "six_classes",
    assumed_uncertainty: Annotated[float, Ge(0.0), Le(10.0)] = 0.5,
    error_length: Annotated[float, Gt(0.0), Le(1e6)] = 175.0,
    floor_height: Annotated[float, Ge(0.0), Le(5.0)] = 0.5,
    slope_class: Literal["all", "A", "B", "C"] = "all",
    house_value: Annotated[float, Ge(0.0), Le(1e8)] = 0.0,
    household_value: Annotated[float, Ge(0.0), Le(1e9)] = 0.0,
    car_limit: Annotated[float, Gt(0.0), Le(2.0)] = 0.3,
    truck_limit: Annotated[float, Gt(0.0), Le(3.0)] = 0.6,
    vehicle: Literal["car", "truck"] = "car",
    road_distance: Annotated[float, Gt(0.0), Le(5000.0)] = 300.0,
    pump_capacity: Annotated[float, Gt(0.0), Le(600.0)] = 30.0,
    pump_efficiency: Annotated[float, Gt(0.0), Le(1.0)] = 1.0,
    pump_hours: Annotated[float, Gt(0.0), Le(2400.0)] = 24.0,
    pump_inflow: Annotated[float, Ge(0.0), Le(10000.0)] = 0.0,
    pump_reach: Annotated[float, Gt(0.0), Le(500.0)] = 50.0,
    least_volume: Annotated[float, Ge(0.0), Le(1e9)] = 3000.0,
) -> Impact:
    """Estimate what a flood means from its depth.

    The rasters are read once by bands of rows (the depth twice). A building's depth is the mean over the pixels whose centre lies
    in its footprint (or the pixel it lies in), its certificate class by the depth above the floor at the shallowest of them.
    Probabilities take the depth as normally distributed about its value; ranges shift all depths by ±1.645 standard uncertainties
    together. Roads are cut at junctions and where a settlement or facility joins; a piece is closed where the total head
    h + v²/2g anywhere along it reaches the vehicle's limit. A settlement is cut off where no open piece leads to a hospital, a
    depot or out of the scene. Pump trucks are n ≥ (V/T + Q)/(q η) per connected segment of water. What is not given stays
    unknown.

    Parameters
    ----------
    depth
        Water above ground [m]: 0 dry, NaN not observed.
    depth_uncertainty
        Its standard uncertainty [m] where wet.
    buildings
        Footprints or points; copies of an earlier footprint that say the same are left out and counted. Missing structure
        counts as wooden, missing floor height as `floor_height`, missing floor area as footprint times storeys where these are
        known.
    population
        People per cell; without it the occupants of buildings are counted where given.
    roads
        Lines that share a vertex where they join.
    facilities
        Hospitals, shelters, depots and others.
    settlements
        Points or areas whose access is asked for.
    districts
        Areas to count by.
    elevation
        Ground [m]; tells how high dry ground stands above the water nearby, for the upper ends of ranges.
    flow_speed
        Speed of the water [m s-1]; adds v²/2g to the depth on roads.
    water_probability
        P(water): 1 seen flooded, 0 dry, between where nothing was observed, NaN not determined; there `depth` is that given
        water. What stands there counts by its probability.
    hazard
        "tsunami" adds the fragility of buildings (Suppasri et al. 2013).
    flooding
        "levee_breach": certificate classes by depth; "inland": houses flooded above the floor are to be surveyed.
    certificate_rule
        "six_classes" of the present guideline, or the notice of July 2018 with three.
    assumed_uncertainty
        Standard uncertainty of depth [m] where none is given: an assumption.
    error_length
        Distance over which errors of the water's level are shared where nothing was observed [m]: correlated by exp(-d / length).
        The longer, the wider the ranges of people and buildings. The default was chosen on thirty simulated regions whose
        elevation errs over 165 m (benchmarks/people_in_water.py); errors of real elevation models may reach farther.
    floor_height
        Height of the ground floor above ground [m] where a building does not say (水害ハザードマップ作成の手引き).
    slope_class
        Of the ground for loss rates: A below 1/1000, B, C from 1/500; "all" ranges over the three.
    house_value
        Value of a house per m2 of floor [JPY]; 0 is unknown, and then losses are in m2 alone.
    household_value
        Household goods per household [JPY]; 0 is unknown.
    car_limit, truck_limit
        Total head of water that stops an ordinary car, and an emergency truck [m].
    vehicle
        By which settlements must be reached.
    road_distance
        Farthest that a settlement or facility may lie from a road to be joined to it [m].
    pump_capacity
        Of one truck [m3/min].
    pump_efficiency
        Share of it that is reached; 1 is the rated capacity.
    pump_hours
        Time allowed for drainage [h].
    pump_inflow
        Water that still comes into each segment [m3/s].
    pump_reach
        How far from the road a hose reaches [m].
    least_volume
        Segments with less water are not listed [m3]; 3000 is ten 25 m pools.

    Returns
    -------
    Impact
        Lists with ranges.

    Raises
    ------
    InputError
        If the depth does not say how large its pixels are.
    """
    grid = grid_of(depth)
    water = Water(depth, depth_uncertainty, assumed_uncertainty, flow_speed, elevation, population, water_probability)
    joining = np.concatenate([centres(settlements, grid), centres(facilities, grid)])
    network = None if roads is None else network_of(roads, grid, joining, road_distance)
    buildings, copies = (None, (0, 0)) if buildings is None else without_copies(buildings, grid)
    listed = {"buildings": buildings, "facilities": facilities, "settlements": settlements}
    found = survey(
        water,
        grid,
        {name: f.geometry.to_numpy() for name, f in listed.items() if f is not None},
        None if network is None else network.places,
        truck_head_m=truck_limit,
        reach_m=pump_reach,
    )
    second = waters(water, grid, found, None if districts is None else districts.geometry.to_numpy())
    at = {
        name: water_at(f.geometry.to_numpy(), found.features[name], found, grid)
        for name, f in listed.items()
        if f is not None
    }
    assumed = Assumptions(floor_height, certificate_rule, flooding == "levee_breach", slope_class, hazard == "tsunami")
    stock = None if buildings is None else stock_of(buildings, grid, floor_height)
    repeated = copy_rows(copies, buildings) + overlap_rows(districts, buildings, grid)
    plan = PumpPlan(pump_hours, pump_inflow, pump_capacity, pump_efficiency, least_volume)
    crs = None if grid.crs is None else str(grid.crs)
    places = None if buildings is None else places_of(buildings, grid)
    outside = np.zeros(0, bool) if buildings is None else outside_map(buildings, grid)
    houses = _houses(buildings, at, stock, assumed, {"house": house_value, "household": household_value}, outside)
    limits = (car_limit, truck_limit)
    ways = _ways(roads, facilities, settlements, network, found, at, grid, limits, vehicle, road_distance)
    counts, source = second.people, "population"
    if counts is None and buildings is not None and places is not None:
        occupants = buildings["occupants"].to_numpy(float)
        counts, source = by_occupants(at["buildings"], occupants, grid, places), "occupants of buildings"
    people = people_table(counts, source, error_length)
    totals = people_totals(people, counts, _people_outside(source, buildings, outside))
    if stock is not None and places is not None:
        totals += building_totals(at["buildings"], stock.floor_height, grid, places, error_length, outside)
    return Impact(
        buildings=houses[0],
        people=people,
        districts=_districts(districts, buildings, at, stock, second),
        roads=ways[0],
        settlements=ways[1],
        routes=ways[2],
        facilities=_empty(columns.FACILITIES, crs)
        if facilities is None
        else facility_table(facilities, at["facilities"], outside_map(facilities, grid)),
        pumps=pump_table(second.segments, found.roads, grid, plan, crs),
        waste=houses[1],
        losses=houses[2],
        totals=totals_table(totals),
        given=given_table(given_rows(water, listed, districts, network, at, (found, second)) + repeated),
    )


def _people_outside(source: str, buildings: Features | None, outside: NDArray[np.bool_]) -> float:
    """Return the occupants of buildings outside the depth map; 0 where people are counted by a raster on its grid."""
    if source == "population" or buildings is None:
        return 0.0
    occupants = buildings["occupants"].to_numpy(float)
    return float(occupants[outside & (occupants > 0)].sum())


def _empty(listed: tuple[Any, ...], crs: Any, *, placed: bool = True) -> Features:
    """Return a list without rows."""
    import geopandas

    dtypes = {"float": float, "int": np.int64, "bool": bool, "str": object}
    table = {c.name: np.zeros(0, dtypes[c.dtype]) for c in listed}
    return geopandas.GeoDataFrame(table, geometry=[], crs=crs) if placed else geopandas.GeoDataFrame(table)


def _houses(
    buildings: Features | None,
    at: dict[str, FeatureWater],
    stock: Stock | None,
    assumed: Assumptions,
    values: dict[str, float],
    outside: NDArray[np.bool_],
) -> tuple[Features, Features, Features]:
    """Return buildings, waste and losses."""
    if buildings is None or stock is None:
        return (
            _empty(columns.BUILDINGS, None),
            _empty(columns.WASTE, None, placed=False),
            _empty(columns.LOSSES, None, placed=False),
        )
    water = at["buildings"]
    table, rows = building_table(buildings, water, stock, assumed, outside)
    lived_in = np.array([u in (None, "residential", "unknown") for u in buildings["use"]], float)
    losses = loss_rows(water.mean, stock.floor_height, stock.floor_area, lived_in, assumed.slope_class)
    return table, waste_table(rows), loss_table(losses, values)


def _districts(
    districts: Features | None,
    buildings: Features | None,
    at: dict[str, FeatureWater],
    stock: Stock | None,
    found: Waters,
) -> Features:
    if districts is None:
        return _empty(columns.DISTRICTS, None)
    if buildings is None or stock is None:
        return district_table(districts, np.zeros(0, np.int64), None, None, found)
    members = district_of(buildings.geometry.to_numpy(), districts.geometry.to_numpy())
    return district_table(districts, members, at["buildings"], stock.floor_height, found)


def _ways(
    roads: Features | None,
    facilities: Features | None,
    settlements: Features | None,
    network: Network | None,
    found: Survey,
    at: dict[str, FeatureWater],
    grid: Grid,
    limits: tuple[float, float],
    vehicle: str,
    farthest_m: float,
) -> tuple[Features, Features, Features]:
    """Return roads, settlements and routes."""
    if roads is None or network is None or found.roads is None:
        (network, heads), told = no_roads(), _empty(columns.ROADS, None)
    else:
        heads = piece_heads(network, found.roads)
        told = road_table(roads, network, heads, grid, limits)
    if settlements is None:
        return told, _empty(columns.SETTLEMENTS, None), _empty(columns.ROUTES, None)
    limit = limits[0] if vehicle == "car" else limits[1]
    # A hospital in the water helps nobody; one that was not observed may.
    usable: NDArray[np.bool_] = np.zeros(0, bool) if facilities is None else ~(at["facilities"].mean.level > 0)
    access = access_of(network, grid, settlements, facilities, usable, farthest_m)
    return (
        told,
        settlement_table(settlements, network, heads, access, limit),
        route_table(settlements, facilities, network, heads, access, grid, limit),
    )
