"""Storage steps of simulated floods, scaled to the problem: a flume needs finer ones than an ocean."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.applications.disaster.impact_grid import grid_of
from mitoshi.applications.disaster.inundation_records import records

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["storage_steps"]

DEPTH_M, SPEED_M_S, TIME_S, RECORD_S = 1.0e-4, 1.0e-3, 0.1, 1.0e-3
"""Steps of a problem of a metre and more: depth and level, speed, arrival, and the time of gauge readings."""
FINEST_M = 1.0e-7
GRAVITY = 9.81


def storage_steps(data: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, float]:
    """Return the storage step of each output, a power of ten decided by the inputs alone.

    Parameters
    ----------
    data
        Data arguments by name.
    parameters
        Of the run.

    Returns
    -------
    dict
        Output, or output and column with a dot between, to step. The length L of the problem is its depth or its cell, whichever
        is larger; depth is stored to at most L / 10,000, speed to sqrt(g L) / 1,000, arrival to a ten-thousandth of the run.
        Never coarser than for a metre, never finer than single precision at the heights of the elevation.
    """
    bed = np.asarray(data["elevation"].to_numpy(), dtype=np.float64)
    length = max(*grid_of(data["elevation"]).cell_m, _depth_scale(data, parameters, bed))
    if not (math.isfinite(length) and length > 0.0):
        return {}
    depth = max(_decade(1e-4 * length, DEPTH_M), FINEST_M)
    heights = np.abs(bed[np.isfinite(bed)])
    precise = _decade_above(float(np.spacing(np.float32(heights.max(initial=length)))))
    level = min(max(depth, precise), DEPTH_M)
    speed = _decade(1e-3 * math.sqrt(GRAVITY * length), SPEED_M_S)
    return {
        "maximum_depth": depth,
        "maximum_depth_uncertainty": depth,
        "final_depth": depth,
        "maximum_surface": level,
        "maximum_speed": speed,
        "arrival_time": _decade(1e-4 * 3600.0 * parameters["duration_h"], TIME_S),
        "gauge_readings.time_s": _decade(1e-3 * parameters["gauge_interval_s"], RECORD_S),
        "gauge_readings.water_level_m": level,
        "gauge_readings.depth_m": depth,
        "gauge_readings.speed_east_m_s": speed,
        "gauge_readings.speed_north_m_s": speed,
    }


def _depth_scale(data: Mapping[str, Any], parameters: Mapping[str, Any], bed: Any) -> float:
    """Return about the largest depth that the inputs can give [m]; infinite where a fault moves the sea."""
    if data.get("fault") is not None and len(data["fault"]):
        return math.inf
    known = bed[np.isfinite(bed)]
    if not known.size:
        return math.inf
    lowest, relief = float(known.min()), float(np.ptp(known))
    given = [_highest(data.get(name)) for name in ("initial_depth", "initial_surface")]
    if "sea_level_m" in parameters:
        given.append(parameters["sea_level_m"] - lowest)
    area = float(np.prod(grid_of(data["elevation"]).cell_m)) * known.size
    for record in records(data):
        if record.kind == "level":
            given.append(float(np.nanmax(record.values)) - lowest)
            continue
        seconds = 3600.0 * parameters["duration_h"]
        most = float(np.nanmax(record.values)) * seconds
        given.append(relief + (most / area if record.kind == "inflow" else most / 3.6e6))
    return max(given)


def _highest(layer: Any) -> float:
    if layer is None:
        return 0.0
    values = np.abs(np.asarray(layer.to_numpy(), dtype=np.float64))
    return float(values[np.isfinite(values)].max(initial=0.0))


def _decade(step: float, most: float) -> float:
    """Return the power of ten at or below a step, at most `most`."""
    return min(float(f"1e{math.floor(math.log10(step) + 1e-9)}"), most)


def _decade_above(step: float) -> float:
    return float(f"1e{math.ceil(math.log10(step) - 1e-9)}")
