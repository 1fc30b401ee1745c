"""What gauges in a flood or tsunami simulation read: level, depth and speed in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from mitoshi.applications.disaster.inundation_layers import CONTROL_RUN
from mitoshi.core.features import Column, Features
from mitoshi.core.product import Listed
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mitoshi.methods.hydraulics.shallow_water import Flow

__all__ = ["GaugeReadings", "gauge_readings"]

GaugeReadings = Annotated[
    Features,
    Listed(
        Text("readings of the gauges", "観測点の時系列"),
        (
            Column("name", "str", Text("name", "名称")),
            Column("time_s", "float", Text("time since the start", "開始からの時間"), "s", resolution=0.001),
            Column(
                "water_level_m", "float", Text("water level", "水位"), "m", resolution=0.0001,
                doc="Above the elevation's datum; missing where it is dry.",
            ),
            Column("depth_m", "float", Text("depth", "水深"), "m", resolution=0.0001),
            Column("speed_east_m_s", "float", Text("eastward speed", "東向き流速"), "m s-1", resolution=0.001),
            Column("speed_north_m_s", "float", Text("northward speed", "北向き流速"), "m s-1", resolution=0.001),
        ),
        no_uncertainty=CONTROL_RUN,
    ),
]  # fmt: skip
"""A table with one row per gauge and time; empty without gauges."""


def gauge_readings(names: Sequence[str], flow: Flow) -> Features:
    """Return the readings, ordered by gauge and time.

    Parameters
    ----------
    names
        Of the gauges, in the order of the run's.
    flow
        The run; rows run from north to south.
    """
    import geopandas

    times = flow.gauge_time_s.size if names else 0
    depth = flow.gauge_depth.T.ravel()[: times * len(names)]
    level = np.where(depth > 0, flow.gauge_surface.T.ravel()[: depth.size], np.nan)
    return geopandas.GeoDataFrame(
        {
            "name": np.repeat(np.array(list(names), object), times),
            "time_s": np.tile(flow.gauge_time_s[:times], len(names)),
            "water_level_m": level,
            "depth_m": depth,
            "speed_east_m_s": flow.gauge_speed_x.T.ravel()[: depth.size],
            "speed_north_m_s": -flow.gauge_speed_y.T.ravel()[: depth.size],
        }
    )
