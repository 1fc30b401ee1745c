"""Inundation by rivers, rain and tides: depth, speed, arrival and danger, with an ensemble's probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray

from mitoshi.applications.disaster import arguments_ja
from mitoshi.applications.disaster.impact_grid import grid_of
from mitoshi.applications.disaster.inundation_figures import figures, tally
from mitoshi.applications.disaster.inundation_forcing import (
    MM_H,
    Boundaries,
    LevelEdge,
    bed_with_buildings,
    cell_size_m,
    edges_of,
    filled,
    gauge_cells,
    rain_of,
    sources_of,
)
from mitoshi.applications.disaster.inundation_gauges import GaugeReadings, gauge_readings
from mitoshi.applications.disaster.inundation_layers import (
    FLOOD_PROBABILITY,
    HAZARD,
    Debris,
    arrival_layer,
    depth_layer,
    depth_uncertainty_layer,
    hazard_classes,
    layer_like,
    speed_layer,
)
from mitoshi.applications.disaster.inundation_records import assumed, check_coverage, check_sides
from mitoshi.applications.disaster.inundation_scenario import Ensemble, Mode, Scenario, Spread, doubt, run
from mitoshi.applications.disaster.inundation_steps import storage_steps
from mitoshi.core.errors import InputError
from mitoshi.core.feature_kinds import BUILDINGS, GAUGES, INFLOWS, RAINFALL, WATER_LEVELS
from mitoshi.core.features import Features
from mitoshi.core.method import method
from mitoshi.core.quantity import (
    ELEVATION,
    FLOW_SPEED,
    INFILTRATION,
    ROUGHNESS,
    WATER_DEPTH,
    Raster,
)
from mitoshi.core.requirement import Need
from mitoshi.core.support import Whole
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from mitoshi.methods.hydraulics.shallow_water import Flow

__all__ = ["Inundation", "inundation"]

Floats = NDArray[np.float64]


class Inundation(NamedTuple):
    """What a flood does.

    Attributes
    ----------
    maximum_depth
        Largest depth during the run [m], (y, x), NaN outside.
    maximum_depth_uncertainty
        Standard uncertainty of the maximum depth by the ensemble [m]; NaN everywhere with one member.
    final_depth
        Depth at the end of the run [m].
    maximum_speed
        Largest speed where the water was deeper than `wet_depth_m` [m/s].
    arrival_time
        First time at which the water was that deep [s]; NaN where it never was.
    hazard
        Danger to people on foot by depth and speed (Defra/EA FD2320).
    flood_probability
        Share of members that flood the cell; NaN everywhere with one member.
    gauge_readings
        Level, depth and speed at the gauges in time; empty without gauges.
    """

    maximum_depth: Annotated[
        Raster, depth_layer(Text("maximum depth", "最大浸水深"), 5.0, uncertainty="maximum_depth_uncertainty")
    ]
    maximum_depth_uncertainty: Annotated[Raster, depth_uncertainty_layer(1.0)]
    final_depth: Annotated[Raster, depth_layer(Text("depth at the end", "終了時の浸水深"), 5.0)]
    maximum_speed: Annotated[Raster, speed_layer(3.0)]
    arrival_time: Annotated[Raster, arrival_layer(Text("arrival time", "浸水到達時間"), 21600.0)]
    hazard: Annotated[Raster, HAZARD]
    flood_probability: Annotated[Raster, FLOOD_PROBABILITY]
    gauge_readings: GaugeReadings


@method(
    version="1.2.0",
    reference="doi:10.1016/j.jhydrol.2010.03.027 (Bates et al., local-inertial); doi:10.1029/2011WR011570 (de Almeida et al.); "
    "doi:10.1137/S1064827503431090 (Audusse et al., hydrostatic reconstruction); Defra/EA FD2320/TR2 table 13.1 (hazard)",
    support=Whole(bytes_per_pixel=300),
    title=Text("Inundation", "浸水予測"),
    ja=arguments_ja.INUNDATION,
    caveats=(
        Text(
            "The simulation knows no sewers, culverts, pumps or breaches that the elevation and the inflow do not contain.",
            "標高と流入条件に含まれない下水道、暗渠、ポンプ、破堤は考慮していません。",
        ),
        Text(
            "The ensemble varies what its spreads name, by assumed amounts. It does not cover what the model leaves out, and it "
            "runs on a coarser grid.",
            "アンサンブルは指定した要素を仮定した幅で変えたものです。モデルが扱わない要因は含まず、粗い格子で計算しています。",
        ),
        Text(
            "The local-inertial mode leaves out advection: use the full mode for dam breaks, steep streets and fast flow.",
            "局所慣性モードは移流項を省いています。破堤、急勾配の街路、速い流れには完全モードを使ってください。",
        ),
    ),
    tally=tally,
    figures=figures,
    steps=storage_steps,
    assumes=assumed,
)
def inundation(
    elevation: Annotated[Raster, ELEVATION, Need()],
    inflow: Annotated[Features, INFLOWS, Need()] | None = None,
    rain: Annotated[Features, RAINFALL, Need()] | None = None,
    water_level: Annotated[Features, WATER_LEVELS, Need()] | None = None,
    buildings: Annotated[Features, BUILDINGS, Need()] | None = None,
    roughness: Annotated[Raster, ROUGHNESS, Need()] | None = None,
    initial_depth: Annotated[Raster, WATER_DEPTH, Need("before", "2d")] | None = None,
    infiltration: Annotated[Raster, INFILTRATION, Need()] | None = None,
    gauges: Annotated[Features, GAUGES, Need()] | None = None,
    initial_speed_east: Annotated[Raster, FLOW_SPEED, Need("before", "2d")] | None = None,
    initial_speed_north: Annotated[Raster, FLOW_SPEED, Need("before", "2d")] | None = None,
    /,
    *,
    duration_h: Annotated[float, Gt(0.0), Le(720.0)] = 1.0,
    mode: Mode = "local-inertial",
    manning: Annotated[float, Gt(0.0), Le(1.0)] = 0.05,
    infiltration_mm_h: Annotated[float, Ge(0.0), Le(500.0)] = 0.0,
    boundary: Boundaries = "open",
    level_edge: LevelEdge = "level",
    gauge_interval_s: Annotated[float, Gt(0.0), Le(86400.0)] = 60.0,
    building_height_m: Annotated[float, Ge(0.0), Le(100.0)] = 3.0,
    wet_depth_m: Annotated[float, Gt(0.0), Le(1.0)] = 0.05,
    debris: Debris = "conservative",
    members: Annotated[int, Ge(1), Le(200)] = 6,
    seed: Annotated[int, Ge(0), Le(2**31 - 1)] = 0,
    ensemble_coarsening: Annotated[int, Ge(1), Le(16)] = 4,
    inflow_spread: Annotated[float, Ge(0.0), Le(2.0)] = 0.2,
    roughness_spread: Annotated[float, Ge(0.0), Le(2.0)] = 0.2,
    elevation_error_m: Annotated[float, Ge(0.0), Le(50.0)] = 0.2,
    elevation_error_length_m: Annotated[float, Gt(0.0), Le(1e5)] = 200.0,
    water_level_error_m: Annotated[float, Ge(0.0), Le(20.0)] = 0.1,
) -> Inundation:
    """Let water run over the ground, and say how deep, how fast, when, how dangerous and how likely.

    The shallow-water equations are solved on the grid of the elevation, in full (MUSCL-Hancock, HLLC, hydrostatic
    reconstruction) or without advection (local-inertial, several times as fast). Inflow is spread over the cells of its geometry,
    linear in time; rain falls everywhere, each rate until the next; water levels act on whole sides. Members of the ensemble take
    inflow, rain, roughness, water levels and elevation from distributions, on a grid `ensemble_coarsening` times as coarse;
    the depth's uncertainty is their root mean square difference from the unperturbed run on that grid.
    Hazard rating HR = d (v + 0.5) + DF, classes at 0.75, 1.25 and 2.0 m2/s.

    Parameters
    ----------
    elevation
        Ground [m]; missing is outside, behind a wall.
    inflow
        Hydrographs on points, lines or polygons; rows of one name are one hydrograph, a single row is steady.
    rain
        Rate in time; the last rate holds to the end.
    water_level
        Water surface in time on whole sides.
    buildings
        Polygons, raised by `building_height_m`.
    roughness
        Manning's n; where it is missing, `manning`.
    initial_depth
        Water at the start [m]; counts as permanent water where deeper than `wet_depth_m`. From the catalogue only what was mapped
        in the two days before the event is taken, never the flood itself.
    infiltration
        Capacity of the ground [mm/h]; where it is missing, `infiltration_mm_h`.
    gauges
        Points whose level, depth and speed are listed in time.
    initial_speed_east, initial_speed_north
        Speed of the water at the start [m/s]; missing is none.
    duration_h
        Length of the run.
    mode
        "local-inertial" for slow floods, "full" for fast ones.
    manning
        Manning's n where no map says otherwise.
    infiltration_mm_h
        Infiltration where no map says otherwise.
    boundary
        "open" lets water leave over sides without a water level, "wall" keeps it.
    level_edge
        What a water level does: "level" is kept at the edge (a gauge at a river or shore), "incident" comes in as a wave while
        what comes back leaves, "outside" is still water of that level outside, and what comes back leaves. Speeds in the table
        are those of the water outside.
    gauge_interval_s
        Time between two readings of the gauges.
    building_height_m
        How far buildings rise; 0 leaves them out.
    wet_depth_m
        Depth from which a cell counts as flooded.
    debris
        "conservative" adds the debris factor of FD2320 table 13.1 to the hazard rating.
    members
        Runs in all, the unperturbed one included; 1 makes no ensemble and gives no uncertainty.
    seed
        Of the ensemble.
    ensemble_coarsening
        Cells along one side of a cell of the members' grid.
    inflow_spread, roughness_spread
        Standard deviation of the logarithm of inflow and rain, and of roughness (assumed).
    elevation_error_m, elevation_error_length_m
        Standard deviation of the elevation's error, and the distance over which it is alike (assumed).
    water_level_error_m
        Standard deviation of the water levels (assumed).

    Returns
    -------
    Inundation
        Depth with uncertainty, speed, arrival, danger and probability.

    Raises
    ------
    InputError
        If there is no water to run, an inflow lies outside, or the grid has no scale.

    Notes
    -----
    Limits: one layer of water, no sewers, no pumps, no erosion. Cells have their true size on the ellipsoid at the grid's
    centre; a grid on which they differ by more than a twentieth is refused.
    """
    if all(given is None for given in (inflow, rain, water_level, initial_depth)):
        raise InputError("there is no water; give --inflow, --rain, --water-level or --initial-depth")
    grid, duration = grid_of(elevation), 3600.0 * duration_h
    ground = np.asarray(elevation.to_numpy(), dtype=np.float64)
    check_coverage({"inflow": inflow, "rain": rain, "water_level": water_level}, duration)
    check_sides(water_level, ground)
    start = np.nan_to_num(filled(initial_depth, 0.0, ground.shape))
    names, cells = gauge_cells(gauges, grid, ground)
    scenario = Scenario(
        bed=bed_with_buildings(ground, buildings, grid, building_height_m),
        cell_m=cell_size_m(grid),
        roughness=filled(roughness, manning, ground.shape),
        depth=np.maximum(start, 0.0),
        duration_s=duration,
        mode=mode,
        sources=sources_of(inflow, grid, ground, duration),
        rain=rain_of(rain, duration),
        edges=edges_of(water_level, boundary, level_edge),
        speed=(filled(initial_speed_east, 0.0, ground.shape), -filled(initial_speed_north, 0.0, ground.shape)),
        gauges=cells,
        gauge_interval_s=gauge_interval_s,
        infiltration_m_s=filled(infiltration, infiltration_mm_h, ground.shape) * MM_H,
        wet_depth_m=wet_depth_m,
    )
    flow = run(scenario)
    spread = Spread(inflow_spread, roughness_spread, elevation_error_m, elevation_error_length_m, water_level_error_m)
    spreads = doubt(scenario, spread, flow, members=members, seed=seed, coarsening=ensemble_coarsening)
    return _layers(flow, spreads, scenario, debris, elevation)._replace(gauge_readings=gauge_readings(names, flow))


def _layers(flow: Flow, spreads: Ensemble, scenario: Scenario, debris: Debris, like: Raster) -> Inundation:
    outside = ~np.isfinite(scenario.bed)
    before = ~outside & (scenario.depth >= scenario.wet_depth_m)
    codes = hazard_classes(
        flow.maximum_hazard, flow.maximum_depth, before, wet_depth_m=scenario.wet_depth_m, debris=debris
    )
    final = np.where(outside, np.nan, flow.state.depth)
    layers: tuple[NDArray[Any], ...] = (
        flow.maximum_depth, spreads.depth_uncertainty, final, flow.maximum_speed, flow.arrival_time_s, codes, spreads.probability,
    )  # fmt: skip
    outputs: tuple[Any, ...] = (*(layer_like(layer, like) for layer in layers), gauge_readings([], flow))
    return Inundation(*outputs)
