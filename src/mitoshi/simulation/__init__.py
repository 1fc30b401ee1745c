"""A simulated coast of known truth, observed by simulated sensors: data of the demo, truth of property and scale tests."""

from mitoshi.simulation.archive import EVENT, Plan, default_plan, write_region
from mitoshi.simulation.exposure import Exposure, exposure, write_exposure
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
    "OpticalPass",
    "Pair",
    "Plan",
    "RadarPass",
    "Region",
    "buildings",
    "default_plan",
    "elevation_model",
    "exposure",
    "flood_depth",
    "observe_optical",
    "observe_radar",
    "region",
    "roads",
    "unobservable",
    "water_occurrence",
    "write_exposure",
    "write_pair",
    "write_region",
]
