"""Series in time, ghost cells and sources for the shallow-water kernels."""

from __future__ import annotations

from numba import njit

from mitoshi.methods.hydraulics.lanes import DRY, PAD

__all__ = ["LEVEL", "NORMAL", "OPEN", "WALL", "add_sources", "fill_full", "fill_inertial", "series_now"]

WALL, OPEN, NORMAL, LEVEL = 0, 1, 2, 3


@njit(cache=True, nogil=True)
def series_now(times, values, sizes, hold, t, now):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Evaluate every series at time t; outside its times a series holds its end value or is zero."""
    for k in range(sizes.size):
        n = sizes[k]
        last, above = -1, n
        while above - last > 1:
            middle = (last + above) // 2
            if times[k, middle] <= t:
                last = middle
            else:
                above = middle
        if last < 0:
            now[k] = values[k, 0] if hold[k] else 0.0
        elif last == n - 1:
            now[k] = values[k, n - 1] if hold[k] or times[k, n - 1] == t else 0.0
        else:
            span = times[k, last + 1] - times[k, last]
            now[k] = values[k, last] + (values[k, last + 1] - values[k, last]) * ((t - times[k, last]) / span)


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
def _ghost(u, z, kind, level, ghost, inner, beyond, normal):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Set one ghost cell; `inner` is the cell it copies, `beyond` the next one inward, `normal` the discharge across the edge."""
    h = u[0, inner[0], inner[1]]
    across, along = u[normal, inner[0], inner[1]], u[3 - normal, inner[0], inner[1]]
    row, col = ghost
    if kind == LEVEL:
        depth = max(0.0, level - z[row, col])
        u[0, row, col] = depth
        u[normal, row, col] = across / h * depth if h > DRY else 0.0
        u[3 - normal, row, col] = 0.0
        return
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
def fill_full(u, z, kinds, series, now, ny, nx):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Set the ghost cells of the full mode; `kinds` and `series` have one row per edge: north, south, west, east."""
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
            level = now[series[side, k]] if kind == LEVEL else 0.0
            for g in range(1, PAD + 1):
                ghost = first - g * inward
                inner = first + (min(g, across) - 1) * inward if kind == WALL else first
                if side < 2:
                    _ghost(u, z, kind, level, (ghost, c), (inner, c), (second, c), 2)
                else:
                    _ghost(u, z, kind, level, (c, ghost), (c, inner), (c, second), 1)


@njit(cache=True, nogil=True, error_model="numpy")
def fill_inertial(u, z, kinds, series, now, ny, nx):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Set the ghost depths of water-level edges and repeat the edge's discharge beyond it (local-inertial mode)."""
    for k in range(nx):
        if kinds[0, k] == LEVEL:
            u[0, PAD - 1, PAD + k] = max(0.0, now[series[0, k]] - z[PAD - 1, PAD + k])
        if kinds[1, k] == LEVEL:
            u[0, PAD + ny, PAD + k] = max(0.0, now[series[1, k]] - z[PAD + ny, PAD + k])
        u[2, PAD - 1, PAD + k] = u[2, PAD, PAD + k]
        u[2, PAD + ny + 1, PAD + k] = u[2, PAD + ny, PAD + k]
    for k in range(ny):
        if kinds[2, k] == LEVEL:
            u[0, PAD + k, PAD - 1] = max(0.0, now[series[2, k]] - z[PAD + k, PAD - 1])
        if kinds[3, k] == LEVEL:
            u[0, PAD + k, PAD + nx] = max(0.0, now[series[3, k]] - z[PAD + k, PAD + nx])
        u[1, PAD + k, PAD - 1] = u[1, PAD + k, PAD]
        u[1, PAD + k, PAD + nx + 1] = u[1, PAD + k, PAD + nx]
