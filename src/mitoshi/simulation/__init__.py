"""A simulated coast of known truth, observed by simulated sensors: data of the demo, truth of property and scale tests."""

from mitoshi.simulation.archive import EVENT, Plan, default_plan, write_region
from mitoshi.simulation.exposure import Exposure, exposure, write_exposure
from mitoshi.simulation.flood import Inflow, SolvedFlood, solve_flood, with_flood
from mitoshi.simulation.observe import (
    OpticalPass,
    RadarPass,
    elevation_model,
    observe_optical,
    observe_radar,
    unobservable,
    water_occurrence,
)
from mitoshi.simulation.pair import Pair, write_pair
from mitoshi.simulation.region import Ground, Region, buildings, flood_depth, region, roads

__all__ = [
    "EVENT",
    "Exposure",
    "Ground",
    "Inflow",
    "OpticalPass",
    "Pair",
    "Plan",
    "RadarPass",
    "Region",
    "SolvedFlood",
    "buildings",
    "default_plan",
    "elevation_model",
    "exposure",
    "flood_depth",
    "observe_optical",
    "observe_radar",
    "region",
    "roads",
    "solve_flood",
    "unobservable",
    "water_occurrence",
    "with_flood",
    "write_exposure",
    "write_pair",
    "write_region",
]
