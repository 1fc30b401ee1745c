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
        last = -1
        while last + 1 < n and times[k, last + 1] <= t:
            last += 1
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
def _ghost(u, z, kind, level, row, col, inner_row, inner_col, normal):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Set one ghost cell from an inner cell; `normal` is the index of the discharge across the edge."""
    h = u[0, inner_row, inner_col]
    across, along = u[normal, inner_row, inner_col], u[3 - normal, inner_row, inner_col]
    if kind == WALL:
        u[0, row, col], u[normal, row, col], u[3 - normal, row, col] = h, -across, along
    elif kind == LEVEL:
        depth = max(0.0, level - z[row, col])
        u[0, row, col] = depth
        u[normal, row, col] = across / h * depth if h > DRY else 0.0
        u[3 - normal, row, col] = 0.0
    else:
        u[0, row, col], u[normal, row, col], u[3 - normal, row, col] = h, across, along


@njit(cache=True, nogil=True, error_model="numpy")
def fill_full(u, z, kinds, series, now, ny, nx):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Set the ghost cells of the full mode; `kinds` and `series` have one row per edge: north, south, west, east."""
    for side in range(4):
        count = nx if side < 2 else ny
        across = ny if side < 2 else nx
        for k in range(count):
            kind = kinds[side, k]
            level = now[series[side, k]] if kind == LEVEL else 0.0
            for g in range(1, PAD + 1):
                reach = min(g, across) if kind == WALL else 1
                ghost = PAD - g if side % 2 == 0 else PAD + across + g - 1
                inner = PAD + reach - 1 if side % 2 == 0 else PAD + across - reach
                if side < 2:
                    _ghost(u, z, kind, level, ghost, PAD + k, inner, PAD + k, 2)
                else:
                    _ghost(u, z, kind, level, PAD + k, ghost, PAD + k, inner, 1)


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
