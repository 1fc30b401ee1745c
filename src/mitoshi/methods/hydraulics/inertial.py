"""The local-inertial mode: one step over the active tiles, and the march in time."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from mitoshi.methods.hydraulics.edge_states import sea_discharge
from mitoshi.methods.hydraulics.envelopes import envelope, sample
from mitoshi.methods.hydraulics.forcing import add_sources, fill_inertial, series_now
from mitoshi.methods.hydraulics.inertial_rows import (
    CENTER_X,
    CENTER_Y,
    DEEPEST,
    DEPTH,
    ETA,
    OLD_X,
    OLD_Y,
    OUT_SOUTH,
    OUT_X,
    OUT_Y,
    QX,
    QY,
    RING_LINES,
    SHARE,
    WORK_LINES,
    Z,
    deepen,
    drain,
    flow_x,
    flow_y,
    limits,
    load,
    update,
)
from mitoshi.methods.hydraulics.lanes import GRAVITY, PAD, STRIDE, inverse_cube_root
from mitoshi.methods.hydraulics.step_length import step_length
from mitoshi.methods.hydraulics.tiles import active_tiles

__all__ = ["march_inertial"]

S = STRIDE
FULL = False


@njit(cache=True, nogil=True, error_model="numpy")
def _over_edge(kind, value, h, inward, own, incoming, ratio):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Discharge over an edge; even kinds leave the high side.

    Kinds: 2, 3 normal depth; 4, 5 as on the next face inward, `inward`; 6, 7 an incident wave, or the sea, whose share is
    `value`; 8, 9 a level, whose discharge `own` is already known and let in up to a limit.
    """
    sign = 1.0 if kind % 2 == 0 else -1.0
    if kind >= 8:
        return -sign * min(-sign * own, incoming)
    if kind >= 6:
        return -sign * sea_discharge(h, -sign * inward, incoming, value, ratio)
    if kind >= 4:
        return sign * max(0.0, sign * inward)
    if not h > 0.0:
        return 0.0
    root = inverse_cube_root(h)
    return sign * value * h / (root * root)


@njit(cache=True, nogil=True, error_model="numpy")
def _edges_x(f, first, n, faces, row, dt_dx):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Set the discharge over west and east edges."""
    pointer, columns, kinds, values, places, incoming = faces
    for k in range(pointer[row], pointer[row + 1]):
        i = columns[k] - first
        if 2 <= i < n - 2:
            inner = i - 1 if kinds[k] % 2 == 0 else i
            beyond = i - 1 if kinds[k] % 2 == 0 else i + 1
            h = max(f[ETA + inner] - f[Z + inner], 0.0)
            given = incoming[places[k, 0], places[k, 1]]
            f[QX + i] = _over_edge(kinds[k], values[k], h, f[OLD_X + beyond], f[QX + i], given, dt_dx)


@njit(cache=True, nogil=True, error_model="numpy")
def _edges_y(fn, f, fs, first, n, faces, row, dt_dy):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Set the discharge over north and south edges."""
    pointer, columns, kinds, values, places, incoming = faces
    for k in range(pointer[row], pointer[row + 1]):
        i = columns[k] - first
        if 2 <= i < n - 2:
            inner, beyond = (fn, fn) if kinds[k] % 2 == 0 else (f, fs)
            h = max(inner[ETA + i] - inner[Z + i], 0.0)
            given = incoming[places[k, 0], places[k, 1]]
            f[QY + i] = _over_edge(kinds[k], values[k], h, beyond[OLD_Y + i], f[QY + i], given, dt_dy)


@njit(cache=True, nogil=True, error_model="numpy")
def _edge_limits(f, n, row, top, bottom, west, east):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Ghost cells are not drained: what they give is not limited."""
    if row < top or row >= bottom:
        for i in range(n):
            f[SHARE + i] = 1.0
    if west:
        for i in range(PAD):
            f[SHARE + i] = 1.0
    if east:
        for i in range(n - PAD, n):
            f[SHARE + i] = 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _store(b, new, p, x0, x1, east, bottom):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Write one row; the last column and the last row also write the discharge over the edge."""
    for x in range(x0, x1):
        new[0, p, x] = b[DEPTH + PAD + x - x0]
    for x in range(x0, x1 + 1 if east else x1):
        new[1, p, x] = b[OUT_X + PAD + x - x0]
    for x in range(x0, x1):
        new[2, p, x] = b[OUT_Y + PAD + x - x0]
    if bottom:
        for x in range(x0, x1):
            new[2, p + 1, x] = b[OUT_SOUTH + PAD + x - x0]


@njit(cache=True, nogil=True, error_model="numpy")
def _came(b, n, dt_dx, dt_dy, west, east, top, bottom):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Depth that came in over the edges along one row, summed [m]."""
    came = 0.0
    if west:
        came += dt_dx * b[OUT_X + PAD]
    if east:
        came -= dt_dx * b[OUT_X + n - PAD]
    if top:
        for i in range(PAD, n - PAD):
            came += dt_dy * b[OUT_Y + i]
    if bottom:
        for i in range(PAD, n - PAD):
            came -= dt_dy * b[OUT_SOUTH + i]
    return came


@njit(cache=True, nogil=True, error_model="numpy")
def _tile(b, ring, u, new, fixed, envelopes, box, xfaces, yfaces, out, dt, t, rain, numbers, flags):  # type: ignore[no-untyped-def]  # pragma: no cover  # fmt: skip
    """Advance one tile by one step; `out` as in the full mode."""
    y0, y1, x0, x1 = box[0], box[1], box[2], box[3]
    dt_dy, dt_dx = dt / numbers[0], dt / numbers[1]
    top, bottom = PAD, u.shape[1] - PAD
    west, east = x0 == PAD, x1 == u.shape[2] - PAD
    a, z1 = x0 - PAD, x1 + PAD
    n = z1 - a
    b[DEEPEST : DEEPEST + n] = 0.0
    came, lost = 0.0, 0.0
    for r in range(y0 - 2, y1 + 3):
        load(ring[r % 5], u[0, r, a:z1], u[1, r, a:z1], u[2, r, a:z1], fixed[0, r, a:z1], fixed[1, r, a:z1])
        q = r - 1
        if q < y0 - 1:
            continue
        f, fn, fs = ring[q % 5], ring[(q - 1) % 5], ring[(q + 1) % 5]
        flow_x(f, fs, n, dt_dx, dt)
        flow_y(fn, f, fs, n, dt_dy, dt)
        _edges_x(f, a, n, xfaces, q, dt_dx)
        _edges_y(fn, f, fs, a, n, yfaces, q, dt_dy)
        if q < y0:
            continue
        limits(fn, f, n, u[0, q - 1, a:z1], dt_dx, dt_dy)
        _edge_limits(fn, n, q - 1, top, bottom, west, east)
        p = q - 2
        if p < y0:
            continue
        update(b, ring[(p - 1) % 5], ring[p % 5], fn, n, u[0, p, a:z1], dt_dx, dt_dy)
        came += _came(b, n, dt_dx, dt_dy, west, east, p == top, p == bottom - 1)
        if flags[0]:
            lost += drain(b, n, fixed[1, p, a:z1], fixed[2, p, a:z1], rain * dt, dt)
        deepen(b, n)
        _store(b, new, p, x0, x1, east, p == bottom - 1)
        if flags[2]:
            m = PAD + x1 - x0
            envelope(
                b[DEPTH + PAD : DEPTH + m], b[CENTER_X + PAD : CENTER_X + m], b[CENTER_Y + PAD : CENTER_Y + m],
                envelopes[0, p, x0:x1], envelopes[1, p, x0:x1], envelopes[2, p, x0:x1], envelopes[3, p, x0:x1],
                t + dt, numbers[4],
            )  # fmt: skip
    deepest = 0.0
    for i in range(PAD, n - PAD):
        deepest = deepest if b[DEEPEST + i] <= deepest else b[DEEPEST + i]
    out[0], out[1] = math.sqrt(GRAVITY * deepest) / min(numbers[0], numbers[1]), deepest
    out[2] += came
    out[3] += lost


@njit(cache=True, nogil=True, error_model="numpy", parallel=True)
def _step(  # type: ignore[no-untyped-def]  # pragma: no cover
    work, ring, u, new, fixed, envelopes, boxes, active, count, xfaces, yfaces, out, dt, t, rain, numbers, flags
):
    """Advance the active tiles; each worker takes a run of them."""
    workers = work.shape[0]
    for w in prange(workers):
        for k in range(count * w // workers, count * (w + 1) // workers):
            tile = active[k]
            _tile(
                work[w], ring[w], u, new, fixed, envelopes, boxes[tile], xfaces, yfaces, out[tile], dt, t, rain, numbers, flags
            )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def march_inertial(  # type: ignore[no-untyped-def]  # pragma: no cover
    u,
    fixed,
    envelopes,
    boxes,
    shape,
    layout,
    xfaces,
    yfaces,
    edges,
    series,
    sources,
    gauges,
    numbers,
    flags,
    march,
    workers,
    a,
):
    """Step as `march_full` does, in the local-inertial mode."""
    ny, nx = u.shape[2] - 2 * PAD, u.shape[3] - 2 * PAD
    work, ring = np.zeros((workers, WORK_LINES * S)), np.zeros((workers, 5, RING_LINES * S))
    out, wet, active, always = layout
    while march[0] < march[1] and march[7] < march[9]:
        t = march[0]
        dt = step_length(u[a], fixed[0], edges, series, sources, numbers, march, flags[3], FULL)
        last = dt >= march[2] - t
        if last:
            dt = march[2] - t
        series_now(series[0], series[1], series[2], series[3], t, dt, series[4])
        march[5] += add_sources(u[a, 0], sources[0], sources[1], sources[2], sources[3], series[4], dt)
        rain = series[4][0]
        march[6] += rain * dt
        fill_inertial(u[a], fixed[0], edges, series[4], ny, nx)
        count = active_tiles(wet, always, shape, rain > 0.0, active)
        _step(
            work, ring, u[a], u[1 - a], fixed, envelopes, boxes, active, count, xfaces, yfaces, out, dt, t, rain, numbers, flags
        )  # fmt: skip
        a = 1 - a
        fastest = 0.0
        for k in range(count):
            tile = active[k]
            fastest = fastest if out[tile, 0] <= fastest else out[tile, 0]
            wet[tile] = 2 if out[tile, 1] > 0.0 else max(wet[tile] - 1, 0)
        march[0] = march[2] if last else t + dt
        march[4] = fastest
        march[7] += 1.0
        if not fastest < np.inf:
            break
        march[8] = sample(u[a], gauges[0], gauges[1], gauges[2], gauges[3], int(march[8]), t, march[0], FULL)
    return a
