"""Tsunami: from the displaced sea surface or the fault to the run-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray

from mitoshi.applications.disaster import arguments_ja
from mitoshi.applications.disaster.impact_grid import grid_of
from mitoshi.applications.disaster.inundation_forcing import (
    Boundaries,
    LevelEdge,
    bed_with_buildings,
    cell_size_m,
    edges_of,
    filled,
    gauge_cells,
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
from mitoshi.applications.disaster.tsunami_figures import figures, tally
from mitoshi.applications.disaster.tsunami_source import sea_cells, uplift
from mitoshi.core.errors import InputError
from mitoshi.core.feature_kinds import BUILDINGS, FAULTS, GAUGES, WATER_LEVELS
from mitoshi.core.features import Features
from mitoshi.core.method import method
from mitoshi.core.product import Measured
from mitoshi.core.quantity import (
    ELEVATION,
    ROUGHNESS,
    SURFACE_DISPLACEMENT,
    WATER_SURFACE,
    Raster,
)
from mitoshi.core.requirement import Need
from mitoshi.core.support import Whole
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from mitoshi.methods.hydraulics.shallow_water import Flow

__all__ = ["Tsunami", "tsunami"]

Floats = NDArray[np.float64]


class Tsunami(NamedTuple):
    """What a tsunami does.

    Attributes
    ----------
    maximum_depth
        Largest depth over land [m], (y, x); NaN over the sea and outside.
    maximum_depth_uncertainty
        Its standard uncertainty by the ensemble [m]; NaN everywhere with one member.
    maximum_surface
        Highest water surface above the elevation's datum [m]: wave height over the sea, run-up on land; NaN where always dry.
    arrival_time
        First time at which land was wet [s]; NaN over the sea and where it never was.
    maximum_speed
        Largest speed where the water was deeper than `wet_depth_m` [m/s].
    hazard
        Danger to people on foot by depth and speed (Defra/EA FD2320).
    flood_probability
        Share of members that flood the cell; NaN everywhere with one member.
    gauge_readings
        Level, depth and speed at the gauges in time; empty without gauges.
    """

    maximum_depth: Annotated[
        Raster,
        depth_layer(Text("maximum depth over land", "陸上の最大浸水深"), 10.0, uncertainty="maximum_depth_uncertainty"),
    ]
    maximum_depth_uncertainty: Annotated[Raster, depth_uncertainty_layer(2.0)]
    maximum_surface: Annotated[
        Raster,
        Measured(
            Text("highest water surface", "最大水位"),
            WATER_SURFACE,
            0.0001,
            no_uncertainty=Text(
                "the depth's uncertainty is that of the surface over land", "陸上では浸水深の不確かさが水位の不確かさ"
            ),
            limits=(0.0, 15.0),
            colours="magma_r",
        ),
    ]
    arrival_time: Annotated[Raster, arrival_layer(Text("arrival time on land", "陸上到達時間"), 3600.0)]
    maximum_speed: Annotated[Raster, speed_layer(10.0)]
    hazard: Annotated[Raster, HAZARD]
    flood_probability: Annotated[Raster, FLOOD_PROBABILITY]
    gauge_readings: GaugeReadings


@method(
    version="1.2.0",
    reference="doi:10.1785/BSSA0750041135 (Okada 1985); doi:10.1137/S1064827503431090 (Audusse et al., hydrostatic "
    "reconstruction); Defra/EA FD2320/TR2 table 13.1 (hazard)",
    support=Whole(bytes_per_pixel=300),
    title=Text("Tsunami inundation", "津波浸水予測"),
    ja=arguments_ja.TSUNAMI,
    caveats=(
        Text(
            "The shallow-water equations have no dispersion: short waves and bores over deep water come out too steep.",
            "浅水方程式は分散性を含みません。短い波や深い水域での段波は実際より急になります。",
        ),
        Text(
            "Run-up on cliffs and in narrow valleys is too low on a coarse grid. The finest grid decides the local height.",
            "粗い格子では、崖や狭い谷の遡上高は過小になります。局地的な高さは最も細かい格子で決まります。",
        ),
        Text(
            "The fault is a uniform slip in a uniform half space; real slip is uneven. The ensemble varies its size alone.",
            "断層は一様な半無限弾性体中の一様すべりです。実際のすべりは不均質です。アンサンブルは規模のみを変えます。",
        ),
    ),
    tally=tally,
    figures=figures,
    steps=storage_steps,
    assumes=assumed,
)
def tsunami(
    elevation: Annotated[Raster, ELEVATION, Need()],
    initial_surface: Annotated[Raster, SURFACE_DISPLACEMENT, Need()] | None = None,
    fault: Annotated[Features, FAULTS, Need()] | None = None,
    water_level: Annotated[Features, WATER_LEVELS, Need()] | None = None,
    buildings: Annotated[Features, BUILDINGS, Need()] | None = None,
    roughness: Annotated[Raster, ROUGHNESS, Need()] | None = None,
    gauges: Annotated[Features, GAUGES, Need()] | None = None,
    /,
    *,
    duration_h: Annotated[float, Gt(0.0), Le(72.0)] = 1.0,
    sea_level_m: Annotated[float, Ge(-20.0), Le(20.0)] = 0.0,
    mode: Mode = "full",
    manning: Annotated[float, Gt(0.0), Le(1.0)] = 0.025,
    boundary: Boundaries = "open",
    level_edge: LevelEdge = "incident",
    gauge_interval_s: Annotated[float, Gt(0.0), Le(86400.0)] = 60.0,
    building_height_m: Annotated[float, Ge(0.0), Le(100.0)] = 0.0,
    wet_depth_m: Annotated[float, Gt(0.0), Le(1.0)] = 0.05,
    debris: Debris = "conservative",
    members: Annotated[int, Ge(1), Le(200)] = 6,
    seed: Annotated[int, Ge(0), Le(2**31 - 1)] = 0,
    ensemble_coarsening: Annotated[int, Ge(1), Le(16)] = 4,
    displacement_spread: Annotated[float, Ge(0.0), Le(2.0)] = 0.3,
    roughness_spread: Annotated[float, Ge(0.0), Le(2.0)] = 0.2,
    elevation_error_m: Annotated[float, Ge(0.0), Le(50.0)] = 0.5,
    elevation_error_length_m: Annotated[float, Gt(0.0), Le(1e5)] = 500.0,
    water_level_error_m: Annotated[float, Ge(0.0), Le(20.0)] = 0.2,
) -> Tsunami:
    """Let the displaced sea run over the bed and up the land.

    The sea is what lies below `sea_level_m` and is joined to the grid's edge. Its surface starts displaced: by
    `initial_surface` where it is given, else by the uplift of the faults (Okada 1985); the faults move the ground in either case.
    The shallow-water equations then carry the wave (full mode: MUSCL-Hancock, HLLC, hydrostatic reconstruction). A wave may also
    come in over whole sides (`water_level`). Members of the ensemble scale displacement and roughness and err in elevation and
    water levels, on a grid `ensemble_coarsening` times as coarse.

    Parameters
    ----------
    elevation
        Topography and bathymetry before the earthquake [m], positive upward; missing is outside, behind a wall.
    initial_surface
        Displacement of the sea surface [m]; missing is none.
    fault
        Segments; longitude and latitude of the centre of the top edge.
    water_level
        Water surface in time on whole sides.
    buildings
        Polygons, raised by `building_height_m`.
    roughness
        Manning's n; where it is missing, `manning`.
    gauges
        Points whose level, depth and speed are listed in time.
    duration_h
        Length of the run.
    sea_level_m
        Still water level in the elevation's datum (tide).
    mode
        "full" resolves bores; "local-inertial" is faster and does not.
    manning
        Manning's n where no map says otherwise.
    boundary
        "open" lets waves leave over sides without a water level, where the sea returns to `sea_level_m`; "wall" throws them back.
    level_edge
        "incident" sends the levels in as a wave and lets out what comes back; "outside" takes them for still water outside (a
        harbour, a tide), which lets it out, too; "level" keeps them at the edge (a gauge on the shore), which throws it back.
        Speeds in the table are those of the water outside.
    gauge_interval_s
        Time between two readings of the gauges.
    building_height_m
        How far buildings rise; 0 leaves them out: most timber houses do not withstand a tsunami.
    wet_depth_m
        Depth from which land counts as flooded.
    debris
        "conservative" adds the debris factor of FD2320 table 13.1 to the hazard rating.
    members
        Runs in all, the unperturbed one included; 1 makes no ensemble and gives no uncertainty.
    seed
        Of the ensemble.
    ensemble_coarsening
        Cells along one side of a cell of the members' grid.
    displacement_spread, roughness_spread
        Standard deviation of the logarithm of the displacement and of roughness (assumed).
    elevation_error_m, elevation_error_length_m
        Standard deviation of the elevation's error, and the distance over which it is alike (assumed).
    water_level_error_m
        Standard deviation of the water levels at the sides (assumed).

    Returns
    -------
    Tsunami
        Depth with uncertainty, highest surface, arrival, speed, danger and probability.

    Raises
    ------
    InputError
        If nothing moves the sea, a fault is impossible, or the grid has no scale.

    Notes
    -----
    Limits: no dispersion, no breaking but as a bore, no bed change by the flow. Cells have their true size on the
    ellipsoid at the grid's centre; a grid on which they differ by more than a twentieth is refused; no rotation of the Earth.
    """
    if initial_surface is None and fault is None and water_level is None:
        raise InputError("nothing moves the sea; give --initial-surface, --fault or --water-level")
    grid = grid_of(elevation)
    before = np.asarray(elevation.to_numpy(), dtype=np.float64)
    check_coverage({"water_level": water_level}, 3600.0 * duration_h)
    check_sides(water_level, before)
    lifted = np.zeros(before.shape) if fault is None or not len(fault) else uplift(fault, grid)
    raised = lifted if initial_surface is None else np.nan_to_num(np.asarray(initial_surface.to_numpy(), np.float64))
    sea = sea_cells(before, sea_level_m)
    bed = before + lifted
    names, cells = gauge_cells(gauges, grid, bed)
    scenario = Scenario(
        bed=bed_with_buildings(bed, buildings, grid, building_height_m),
        cell_m=cell_size_m(grid),
        roughness=filled(roughness, manning, before.shape),
        depth=np.where(sea, np.maximum(sea_level_m + raised - bed, 0.0), 0.0),
        duration_s=3600.0 * duration_h,
        mode=mode,
        edges=edges_of(water_level, boundary, level_edge, sea_level_m, sea=True),
        gauges=cells,
        gauge_interval_s=gauge_interval_s,
        wet_depth_m=wet_depth_m,
        displacement=np.where(sea, raised, 0.0),
    )
    flow = run(scenario)
    spread = Spread(
        displacement_spread, roughness_spread, elevation_error_m, elevation_error_length_m, water_level_error_m
    )
    spreads = doubt(scenario, spread, flow, members=members, seed=seed, coarsening=ensemble_coarsening)
    return _layers(flow, spreads, scenario, sea, debris, elevation)._replace(gauge_readings=gauge_readings(names, flow))


def _layers(
    flow: Flow, spreads: Ensemble, scenario: Scenario, sea: NDArray[np.bool_], debris: Debris, like: Raster
) -> Tsunami:
    codes = hazard_classes(
        flow.maximum_hazard, flow.maximum_depth, sea, wet_depth_m=scenario.wet_depth_m, debris=debris
    )
    layers: tuple[NDArray[Any], ...] = (
        np.where(sea, np.nan, flow.maximum_depth),
        np.where(sea, np.nan, spreads.depth_uncertainty),
        np.where(flow.maximum_depth >= scenario.wet_depth_m, flow.maximum_surface, np.nan),
        np.where(sea, np.nan, flow.arrival_time_s),
        flow.maximum_speed,
        codes,
        np.where(sea, np.nan, spreads.probability),
    )
    outputs: tuple[Any, ...] = (*(layer_like(layer, like) for layer in layers), gauge_readings([], flow))
    return Tsunami(*outputs)
