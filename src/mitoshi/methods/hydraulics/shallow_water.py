"""Two-dimensional shallow water: floods, dam breaks and tsunami run-up over a raster of bed elevation.

Two modes. `full` solves the shallow-water equations with shocks (MUSCL-Hancock, HLLC, hydrostatic reconstruction);
`local-inertial` leaves out advection (Bates 2010, de Almeida 2012) and is several times faster on slow floods. Both keep a
lake at rest, never give a negative depth, and keep the mass. See docs/hydraulics.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError, RunError
from mitoshi.methods.hydraulics.domain import (
    Boundary,
    Domain,
    Edges,
    Flow,
    IncidentWave,
    MassBalance,
    Open,
    Rain,
    Source,
    State,
    Wall,
    WaterLevel,
    at_rest,
    dry,
    with_buildings,
)
from mitoshi.methods.hydraulics.march import March, Settings

__all__ = [
    "Boundary",
    "Domain",
    "Edges",
    "Flow",
    "IncidentWave",
    "MassBalance",
    "Open",
    "Rain",
    "Source",
    "State",
    "Wall",
    "WaterLevel",
    "at_rest",
    "dry",
    "simulate",
    "with_buildings",
]

COURANT = {"full": 0.45, "local-inertial": 0.7}


def simulate(
    domain: Domain,
    state: State,
    *,
    until_s: float,
    mode: Literal["full", "local-inertial"] = "full",
    sources: Sequence[Source] = (),
    rain: Rain | None = None,
    infiltration_m_s: float | NDArray[np.float64] = 0.0,
    courant: float | None = None,
    threads: int | None = None,
    gauges: NDArray[np.int64] | Sequence[tuple[int, int]] | None = None,
    gauge_interval_s: float | None = None,
    wet_depth_m: float = 0.05,
    on_snapshot: Callable[[State], None] | None = None,
    snapshot_interval_s: float | None = None,
    sharpness: float = 1.5,
    maxima: Literal["every-step", "none"] = "every-step",
) -> Flow:
    """Let the water run until a time.

    Parameters
    ----------
    domain
        Bed, cell size, roughness and edges.
    state
        The water at the start; its `time_s` is the time of the first step.
    until_s
        End of the run [s], after the state's time.
    mode
        "full" (shocks, fast flow, tsunami) or "local-inertial" (slow floods over large areas).
    sources
        Water let in over cells.
    rain
        On every cell.
    infiltration_m_s
        Capacity of the ground [m s-1], a number or shape (y, x); takes no more water than there is.
    courant
        Courant number; 0.45 (full, at most 0.5) or 0.7 (local-inertial, at most 1) where None.
    threads
        Threads to use; None leaves numba's number. The result does not depend on it.
    gauges
        Row and column of each gauge, shape (n, 2).
    gauge_interval_s
        Sampling interval of the gauges [s].
    wet_depth_m
        Depth from which a cell counts as reached by the water and its speed and hazard count [m].
    on_snapshot
        Called with the state at the first step at or after each multiple of `snapshot_interval_s`. Snapshots do not change the
        steps: a run that starts from one gives the same bytes as the run that wrote it.
    snapshot_interval_s
        [s].
    sharpness
        Generalised minmod parameter of the full mode, 1 (smooth) to 2 (sharp).
    maxima
        "none" saves the time of the running maxima, which then stay as in `state`.

    Returns
    -------
    Flow
        End state, running maxima, gauges and mass balance of this run.

    Raises
    ------
    InputError
        If the arguments do not fit each other.
    RunError
        If the solution is no longer finite.

    Notes
    -----
    Hazard is depth x (speed + 0.5) [m2 s-1]: the flood hazard rating d (v + 0.5) + DF of Defra/Environment Agency (2006), FD2320
    and FD2321, without its debris term DF. Grids of up to 5000 cells run on one thread.
    """
    limit = 0.5 if mode == "full" else 1.0
    if mode not in COURANT:
        raise InputError(f"the mode must be 'full' or 'local-inertial', got {mode!r}")
    courant = COURANT[mode] if courant is None else courant
    if not 0 < courant <= limit:
        raise InputError(f"the Courant number of the {mode} mode must lie in (0, {limit:g}], got {courant:g}")
    if not (math.isfinite(until_s) and until_s >= state.time_s):
        raise InputError(f"the run must end after its start at {state.time_s:g} s, got until_s={until_s:g}")
    if (gauges is None) != (gauge_interval_s is None) or (gauge_interval_s is not None and not gauge_interval_s > 0):
        raise InputError("give gauges and a positive gauge_interval_s together, or neither")
    if (on_snapshot is None) != (snapshot_interval_s is None) or (
        snapshot_interval_s is not None and not snapshot_interval_s > 0
    ):
        raise InputError("give on_snapshot and a positive snapshot_interval_s together, or neither")
    settings = Settings(mode, courant, sharpness, wet_depth_m, maxima == "every-step")
    march = March(domain, state, settings, sources, rain, infiltration_m_s, gauges, gauge_interval_s, until_s)
    while march.time_s < until_s:
        leg = until_s
        if snapshot_interval_s is not None:
            leg = min(until_s, (math.floor(march.time_s / snapshot_interval_s) + 1) * snapshot_interval_s)
        march.advance(leg, threads)
        if not march.finite:
            raise RunError(
                f"the water is no longer finite at {march.time_s:g} s; lower the Courant number or check the bed"
            )
        if on_snapshot is not None and march.time_s < until_s:
            on_snapshot(march.state())
    return march.flow()
