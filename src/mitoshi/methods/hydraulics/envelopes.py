"""Running maxima and gauges of the shallow-water kernels."""

from __future__ import annotations

import math

from numba import njit

from mitoshi.methods.hydraulics.lanes import DRY

__all__ = ["envelope", "sample"]


@njit(cache=True, nogil=True, error_model="numpy")
def envelope(h, hu, hv, depth, speed, hazard, arrival, t, wet_depth):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Raise the running maxima of one row of cells; speed and hazard count where the depth exceeds `wet_depth`."""
    for i in range(h.size):
        depth[i] = max(depth[i], h[i])
    for i in range(h.size):
        first = t if h[i] > wet_depth else math.inf
        arrival[i] = min(arrival[i], first)
    for i in range(h.size):
        flow = math.sqrt(hu[i] * hu[i] + hv[i] * hv[i])
        v = flow / max(h[i], DRY)
        v = v if h[i] > wet_depth else 0.0
        speed[i] = max(speed[i], v)
    for i in range(h.size):
        flow = math.sqrt(hu[i] * hu[i] + hv[i] * hv[i])
        danger = flow + 0.5 * h[i]
        danger = danger if h[i] > wet_depth else 0.0
        hazard[i] = max(hazard[i], danger)


@njit(cache=True, nogil=True, error_model="numpy")
def _gauge(u, row, column, field, full):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Depth (field 0) or discharge along x or y (1, 2) at the centre of a cell."""
    if field == 0 or full:
        return u[field, row, column]
    if field == 1:
        return 0.5 * (u[1, row, column] + u[1, row, column + 1])
    return 0.5 * (u[2, row, column] + u[2, row + 1, column])


@njit(cache=True, nogil=True, error_model="numpy")
def sample(u, rows, columns, before, out, taken, t0, t1, full):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Store the gauges' depths and discharges for every sampling time in (t0, t1], linear in time; returns how many by now."""
    count = rows.size
    while taken < out.shape[0] and out[taken, 0] <= t1:
        weight = (out[taken, 0] - t0) / (t1 - t0)
        for field in range(3):
            for k in range(count):
                value = _gauge(u, rows[k], columns[k], field, full)
                out[taken, 1 + field * count + k] = before[field, k] + (value - before[field, k]) * weight
        taken += 1
    for field in range(3):
        for k in range(count):
            before[field, k] = _gauge(u, rows[k], columns[k], field, full)
    return taken
