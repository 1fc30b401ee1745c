"""Series in time, ghost cells and sources for the shallow-water kernels."""

from __future__ import annotations

import math

from numba import njit

from mitoshi.methods.hydraulics.edge_states import CRITICAL, INCIDENT, LEVEL, SEA, edge_state, incoming_discharge
from mitoshi.methods.hydraulics.lanes import DRY, GRAVITY, PAD

__all__ = [
    "INCIDENT",
    "LEVEL",
    "NORMAL",
    "OPEN",
    "SEA",
    "WALL",
    "add_sources",
    "edge_cell",
    "fill_full",
    "fill_inertial",
    "series_now",
]

WALL, OPEN, NORMAL = 0, 1, 2


@njit(cache=True, nogil=True)
def edge_cell(side, k, ny, nx):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Row and column of the k-th cell along an edge; north, south, west, east."""
    row = PAD + k if side > 1 else (PAD if side == 0 else PAD + ny - 1)
    return row, PAD + k if side < 2 else (PAD if side == 2 else PAD + nx - 1)


@njit(cache=True, nogil=True)
def _integral(times, values, n, t0, t1):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Integral from t0 to t1 of a series, linear between its times and zero outside them."""
    low, above = 0, n
    while above - low > 0:
        middle = (low + above) // 2
        if times[middle] <= t0:
            low = middle + 1
        else:
            above = middle
    total = 0.0
    for i in range(max(low, 1), n):
        if times[i - 1] >= t1:
            break
        span = times[i] - times[i - 1]
        a, b = max(t0, times[i - 1]), min(t1, times[i])
        if span > 0.0 and b > a:
            middle = 0.5 * (a + b) - times[i - 1]
            total += (values[i - 1] + (values[i] - values[i - 1]) * (middle / span)) * (b - a)
    return total


@njit(cache=True, nogil=True)
def series_now(times, values, sizes, hold, t, dt, now):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Evaluate every series for the step from t: one that holds its end values in the middle, others by their mean."""
    half = t + 0.5 * dt
    for k in range(sizes.size):
        n = sizes[k]
        if not hold[k]:
            now[k] = _integral(times[k], values[k], n, t, t + dt) / dt
            continue
        last, above = -1, n
        while above - last > 1:
            middle = (last + above) // 2
            if times[k, middle] <= half:
                last = middle
            else:
                above = middle
        if last < 0:
            now[k] = values[k, 0]
        elif last == n - 1:
            now[k] = values[k, n - 1]
        else:
            span = times[k, last + 1] - times[k, last]
            now[k] = values[k, last] + (values[k, last + 1] - values[k, last]) * ((half - times[k, last]) / span)


@njit(cache=True, nogil=True, error_model="numpy")
def add_sources(depth, rows, columns, series, share, now, dt):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add the step's inflow to the depth of the source cells and return its depth, summed [m]."""
    total = 0.0
    for k in range(rows.size):
        added = now[series[k]] * share[k] * dt
        depth[rows[k], columns[k]] += added
        total += added
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _driven(u, z, kind, drive, sign, ghost, inner, normal):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Set one ghost cell of an edge with water outside; `sign` is that of the inward direction."""
    level, still, speed = drive
    h, across = u[0, inner[0], inner[1]], u[normal, inner[0], inner[1]]
    inward = sign * across / h if h > DRY else 0.0
    row, col = ghost
    before = still - z[row, col] if kind == INCIDENT else still
    at_edge, speed = edge_state(kind, h, inward, max(0.0, level - z[row, col]), before, speed)
    # A wave along the sea's edge must find beside it a cell that moves as it does; water from elsewhere comes in straight.
    along = u[3 - normal, inner[0], inner[1]] * (at_edge / h) if kind == SEA and h > DRY else 0.0
    u[0, row, col], u[normal, row, col], u[3 - normal, row, col] = at_edge, sign * speed * at_edge, along


@njit(cache=True, nogil=True, error_model="numpy")
def _ghost(u, z, kind, ghost, inner, beyond, normal):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Set one ghost cell; `inner` is the cell it copies, `beyond` the next one inward, `normal` the discharge across the edge."""
    h = u[0, inner[0], inner[1]]
    across, along = u[normal, inner[0], inner[1]], u[3 - normal, inner[0], inner[1]]
    row, col = ghost
    if kind == OPEN:
        # A cell deeper than the next one inward would draw itself down from rest: let out no more than what can follow.
        before = u[0, beyond[0], beyond[1]]
        depth = min(h, before) if before > DRY else h
        z[row, col] = h + z[inner[0], inner[1]] - depth
        share = depth / h if h > DRY else 0.0
        u[0, row, col], u[normal, row, col], u[3 - normal, row, col] = depth, across * share, along * share
        return
    sign = -1.0 if kind == WALL else 1.0
    u[0, row, col], u[normal, row, col], u[3 - normal, row, col] = h, sign * across, along


@njit(cache=True, nogil=True, error_model="numpy")
def fill_full(u, z, edges, now, ny, nx):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Set the ghost cells of the full mode; `edges` are tables with one row per edge: north, south, west, east."""
    kinds, series, speeds, stills = edges[0], edges[1], edges[2], edges[3]
    for side in (2, 3, 0, 1):
        count, across = (nx, ny) if side < 2 else (ny, nx)
        # Positions across the edge: the first cell inside, and the direction inward.
        first, inward = (PAD, 1) if side % 2 == 0 else (PAD + across - 1, -1)
        second = first + inward if across > 1 else first
        # Rows beyond the north and south edges take in the corners, so that walls meet in them as everywhere else.
        more = PAD if side < 2 else 0
        for c in range(PAD - more, PAD + count + more):
            k = min(max(c - PAD, 0), count - 1)
            kind = kinds[side, k]
            speed = now[speeds[side, k]] if speeds[side, k] >= 0 else math.nan
            drive = (now[series[side, k]], stills[side, k], speed)
            for g in range(1, PAD + 1):
                ghost = first - g * inward
                inner = first + (min(g, across) - 1) * inward if kind == WALL else first
                if kind >= LEVEL:
                    if side < 2:
                        _driven(u, z, kind, drive, float(inward), (ghost, c), (inner, c), 2)
                    else:
                        _driven(u, z, kind, drive, float(inward), (c, ghost), (c, inner), 1)
                elif side < 2:
                    _ghost(u, z, kind, (ghost, c), (inner, c), (second, c), 2)
                else:
                    _ghost(u, z, kind, (c, ghost), (c, inner), (c, second), 1)


@njit(cache=True, nogil=True, error_model="numpy")
def fill_inertial(u, z, edges, now, ny, nx):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Set the ghost depths of water-level edges and what edges let in, and repeat the edge's discharge beyond it.

    `edges[4]` takes the incoming characteristic of an incident wave, or the most that a level drives in [m2/s].
    """
    kinds, series, speeds, stills, incoming = edges[0], edges[1], edges[2], edges[3], edges[4]
    for side in range(4):
        for k in range(nx if side < 2 else ny):
            kind = kinds[side, k]
            if kind < LEVEL:
                continue
            row, column = edge_cell(side, k, ny, nx)
            bed = z[row, column]
            depth = max(0.0, now[series[side, k]] - bed)
            if kind == LEVEL:
                incoming[side, k] = CRITICAL * depth * math.sqrt(GRAVITY * depth)
                outer = row if side > 1 else (row - 1 if side == 0 else row + 1)
                beside = column if side < 2 else (column - 1 if side == 2 else column + 1)
                u[0, outer, beside] = depth
            else:
                speed = now[speeds[side, k]] if speeds[side, k] >= 0 else (math.nan if kind == INCIDENT else 0.0)
                incoming[side, k] = incoming_discharge(depth, stills[side, k] - bed, speed)
    for k in range(nx):
        u[2, PAD - 1, PAD + k] = u[2, PAD, PAD + k]
        u[2, PAD + ny + 1, PAD + k] = u[2, PAD + ny, PAD + k]
    for k in range(ny):
        u[1, PAD + k, PAD - 1] = u[1, PAD + k, PAD]
        u[1, PAD + k, PAD + nx + 1] = u[1, PAD + k, PAD + nx]
