"""How long the next step may be: the waves inside, what the edges impose, and what sources and rain add during it."""

from __future__ import annotations

import math

from numba import njit

from mitoshi.methods.hydraulics.edge_states import INCIDENT, LEVEL, edge_state
from mitoshi.methods.hydraulics.forcing import edge_cell
from mitoshi.methods.hydraulics.lanes import DRY, GRAVITY, PAD

__all__ = ["step_length"]

RAIN_STEP_M = 0.01
"""Most rain in one step [m]."""


@njit(cache=True, nogil=True, error_model="numpy")
def _series_peak(times, values, sizes, hold, t0, t1, peak):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Largest value of every series from t0 to t1."""
    for k in range(sizes.size):
        n = sizes[k]
        first, last = times[k, 0], times[k, n - 1]
        highest = -math.inf if hold[k] else 0.0
        low = 0
        above = n
        while above - low > 0:
            middle = (low + above) // 2
            if times[k, middle] < t0:
                low = middle + 1
            else:
                above = middle
        # `low` is the first time at or after t0.
        i = low
        while i < n and times[k, i] <= t1:
            highest = max(highest, values[k, i])
            i += 1
        for t in (t0, t1):
            if t < first:
                highest = max(highest, values[k, 0]) if hold[k] else highest
            elif t >= last:
                highest = max(highest, values[k, n - 1]) if hold[k] or t == last else highest
            else:
                j = low if t == t0 else i
                if 0 < j < n and times[k, j] > times[k, j - 1]:
                    part = (t - times[k, j - 1]) / (times[k, j] - times[k, j - 1])
                    highest = max(highest, values[k, j - 1] + (values[k, j] - values[k, j - 1]) * part)
        peak[k] = highest


@njit(cache=True, nogil=True, error_model="numpy")
def _edge_wave(u, z, edges, peak, size, full):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fastest wave [1/s] that the levels at the edges impose."""
    kinds, series, speeds, still = edges[0], edges[1], edges[2], edges[3]
    ny, nx = u.shape[1] - 2 * PAD, u.shape[2] - 2 * PAD
    fastest = 0.0
    for side in range(4):
        length = size[0] if side < 2 else size[1]
        for k in range(nx if side < 2 else ny):
            kind = kinds[side, k]
            if kind < LEVEL:
                continue
            row, column = edge_cell(side, k, ny, nx)
            depth = max(0.0, peak[series[side, k]] - z[row, column])
            if not full:
                fastest = max(fastest, math.sqrt(GRAVITY * depth) / min(size[0], size[1]))
                continue
            h = u[0, row, column]
            sign = 1.0 if side % 2 == 0 else -1.0
            inward = sign * u[2 if side < 2 else 1, row, column] / h if h > DRY else 0.0
            given = peak[speeds[side, k]] if speeds[side, k] >= 0 else math.nan
            before = still[side, k] - z[row, column] if kind == INCIDENT else still[side, k]
            at_edge, speed = edge_state(kind, h, inward, depth, before, given)
            fastest = max(fastest, (math.fabs(speed) + math.sqrt(GRAVITY * at_edge)) / length)
    return fastest


@njit(cache=True, nogil=True, error_model="numpy")
def _source_step(depth, sources, peak, dt, reach):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Longest step up to `dt` in which no source cell gets so deep that its wave runs further than `reach` [m]."""
    rows, columns, series, share = sources
    for k in range(rows.size):
        h, rate = depth[rows[k], columns[k]], peak[series[k]] * share[k]
        if rate * dt <= 0.0 or dt * math.sqrt(GRAVITY * (h + rate * dt)) <= reach:
            continue
        low, high = 0.0, dt
        for _ in range(20):
            middle = 0.5 * (low + high)
            if middle * math.sqrt(GRAVITY * (h + rate * middle)) <= reach:
                low = middle
            else:
                high = middle
        dt = low
    return dt


@njit(cache=True, nogil=True, error_model="numpy")
def step_length(u, z, edges, series, sources, numbers, march, driven, full):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Length of the step from march[0] [s]; `driven` says whether any edge has a level."""
    t, courant = march[0], march[3]
    dt = courant / march[4] if march[4] > 0.0 else march[2] - t
    dt = min(dt, numbers[5])
    peak = series[5]
    _series_peak(series[0], series[1], series[2], series[3], t, t + dt, peak)
    if driven:
        fastest = _edge_wave(u, z, edges, peak, numbers, full)
        dt = min(dt, courant / fastest) if fastest > 0.0 else dt
    dt = min(dt, RAIN_STEP_M / peak[0]) if peak[0] > 0.0 else dt
    # A source acts on one cell or few: its wave may run as far in a step as any other.
    return _source_step(u[0], sources, peak, dt, courant * min(numbers[0], numbers[1]))
