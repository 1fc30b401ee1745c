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
def sample(depth, rows, columns, before, out, taken, t0, t1):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Store the gauges' depths for every sampling time in (t0, t1], linear in time; returns how many are stored by now."""
    while taken < out.shape[0] and out[taken, 0] <= t1:
        weight = (out[taken, 0] - t0) / (t1 - t0)
        for k in range(rows.size):
            out[taken, 1 + k] = before[k] + (depth[rows[k], columns[k]] - before[k]) * weight
        taken += 1
    for k in range(rows.size):
        before[k] = depth[rows[k], columns[k]]
    return taken
