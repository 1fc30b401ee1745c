"""The full mode: one step over the active tiles, and the march in time."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from mitoshi.methods.hydraulics.envelopes import envelope, sample
from mitoshi.methods.hydraulics.forcing import add_sources, fill_full, series_now
from mitoshi.methods.hydraulics.godunov_rows import (
    DEEPEST,
    FLUX_LINES,
    OUT,
    PREV,
    PRIMITIVE_LINES,
    SPEED,
    TH,
    WORK_LINES,
    E,
    N,
    W,
    drain,
    faces,
    fluxes_x,
    fluxes_y,
    friction,
    keep_south,
    limits,
    load,
    mass_x,
    mass_y,
    resist,
    speeds,
    update,
)
from mitoshi.methods.hydraulics.lanes import PAD, STRIDE, inverse_cube_root
from mitoshi.methods.hydraulics.step_length import step_length
from mitoshi.methods.hydraulics.tiles import active_tiles

__all__ = ["march_full"]

S = STRIDE
FULL = True


@njit(cache=True, nogil=True, error_model="numpy")
def _special(b, left, right, first, n, faces, row, normal):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Mirror the flow at inner walls and set the normal depth at open edges, on the two states of each such face.

    Kinds: 0 wall on the right, 1 wall on the left, 2 normal depth with the outside on the right, 3 on the left.
    """
    pointer, columns, kinds, values = faces[0], faces[1], faces[2], faces[3]
    for k in range(pointer[row], pointer[row + 1]):
        i = columns[k] - first
        if i < 1 or i >= n - 2:
            continue
        kind = kinds[k]
        source, target, sign = (left, right, 1.0) if kind % 2 == 0 else (right, left, -1.0)
        i_source = i + (1 if source == W else 0)
        i_target = i + (1 if target == W else 0)
        for line in range(4):
            b[target + line * S + i_target] = b[source + line * S + i_source]
        if kind < 2:
            b[target + normal * S + i_target] = -b[source + normal * S + i_source]
            continue
        h = b[source + i_source]
        root = inverse_cube_root(max(h, 1e-12))
        # values: square root of the slope over n
        outward = sign * values[k] / (root * root)
        b[source + normal * S + i_source] = outward
        b[target + normal * S + i_target] = outward


@njit(cache=True, nogil=True, error_model="numpy")
def _edge_limits(f, n, row, top, bottom, west, east):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Ghost cells are not drained: what they give is not limited."""
    if row < top or row >= bottom:
        for i in range(n):
            f[TH + i] = 1.0
    if west:
        for i in range(PAD):
            f[TH + i] = 1.0
    if east:
        for i in range(n - PAD, n):
            f[TH + i] = 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _over_edges(north, here, above, n, outer):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Sum what came over the edges that a row touches [m]; `outer` says whether it is at the north, south, west, east one."""
    came = 0.0
    if outer[2]:
        came += mass_x(here, PAD - 1)
    if outer[3]:
        came -= mass_x(here, n - PAD - 1)
    if outer[0]:
        for i in range(PAD, n - PAD):
            came += mass_y(north, here, i)
    if outer[1]:
        for i in range(PAD, n - PAD):
            came -= mass_y(here, above, i)
    return came


@njit(cache=True, nogil=True, error_model="numpy")
def _store(b, new, envelopes, p, x0, x1, time, wet_depth, tracks):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Write a finished row, and raise the running maxima where they are tracked."""
    for k in range(3):
        new[k, p, x0:x1] = b[OUT + k * S + PAD : OUT + k * S + PAD + x1 - x0]
    if tracks:
        envelope(
            new[0, p, x0:x1], new[1, p, x0:x1], new[2, p, x0:x1],
            envelopes[0, p, x0:x1], envelopes[1, p, x0:x1], envelopes[2, p, x0:x1], envelopes[3, p, x0:x1],
            time, wet_depth,
        )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _extremes(b, n):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Find the fastest wave [1/s] and the deepest water [m] of a tile; a wave that is no number stays."""
    fastest, deepest = 0.0, 0.0
    for i in range(PAD, n - PAD):
        fastest = fastest if b[SPEED + i] <= fastest else b[SPEED + i]
        deepest = max(deepest, b[DEEPEST + i])
    return fastest, deepest


@njit(cache=True, nogil=True, error_model="numpy")
def _tile(b, prim, flux, u, new, fixed, envelopes, box, xfaces, yfaces, out, dt, t, rain, numbers, flags):  # type: ignore[no-untyped-def]  # pragma: no cover  # fmt: skip
    """Advance one tile by one step.

    `out` takes the fastest wave [1/s] and the deepest water [m], and adds up what came over the edges and what infiltrated [m].
    """
    y0, y1, x0, x1 = box[0], box[1], box[2], box[3]
    dy, dx, sharpness, thin, wet_depth = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    drains, rubs, tracks = flags[0], flags[1], flags[2]
    top, bottom = PAD, u.shape[1] - PAD
    west, east = x0 == PAD, x1 == u.shape[2] - PAD
    a, z1 = x0 - PAD, x1 + PAD
    n = z1 - a
    dtx, dty = dt / dx, dt / dy
    b[SPEED : SPEED + n] = 0.0
    b[DEEPEST : DEEPEST + n] = 0.0
    came, lost = 0.0, 0.0
    for r in range(y0 - 3, y1 + 3):
        load(prim[r % 3], u[0, r, a:z1], u[1, r, a:z1], u[2, r, a:z1], fixed[0, r, a:z1])
        if rubs:
            resist(prim[r % 3], fixed[1, r, a:z1], 0.5 * dt)
        q = r - 1
        if q < y0 - 2:
            continue
        keep_south(b, n)
        faces(b, prim[(q - 1) % 3], prim[q % 3], prim[(q + 1) % 3], n, dtx, dty, sharpness)
        if q < y0 - 1:
            continue
        ring, above = flux[q % 4], flux[(q - 1) % 4]
        _special(b, E, W, a, n, xfaces, q, 2)
        _special(b, PREV, N, a, n, yfaces, q, 3)
        fluxes_x(b, ring, n, dtx)
        fluxes_y(b, ring, n, dty)
        if q < y0:
            continue
        limits(above, ring, n, u[0, q - 1, a:z1])
        _edge_limits(above, n, q - 1, top, bottom, west, east)
        p = q - 2
        if p < y0:
            continue
        here, north = flux[p % 4], flux[(p - 1) % 4]
        update(b, north, here, above, n, u[0, p, a:z1], u[1, p, a:z1], u[2, p, a:z1], dty)
        came += _over_edges(north, here, above, n, (p == top, p == bottom - 1, west, east))
        if drains:
            lost += drain(b, n, fixed[1, p, a:z1], fixed[2, p, a:z1], rain * dt, dt)
        if rubs:
            friction(b, n, fixed[1, p, a:z1], dt)
        speeds(b, n, 1.0 / dx, 1.0 / dy, thin)
        _store(b, new, envelopes, p, x0, x1, t + dt, wet_depth, tracks)
    out[0], out[1] = _extremes(b, n)
    out[2] += came
    out[3] += lost


@njit(cache=True, nogil=True, error_model="numpy", parallel=True)
def _step(  # type: ignore[no-untyped-def]  # pragma: no cover
    work, prim, flux, u, new, fixed, envelopes, boxes, active, count, xfaces, yfaces, out, dt, t, rain, numbers, flags
):
    """Advance the active tiles; each worker takes a run of them."""
    workers = work.shape[0]
    for w in prange(workers):
        for k in range(count * w // workers, count * (w + 1) // workers):
            tile = active[k]
            _tile(
                work[w], prim[w], flux[w], u, new, fixed, envelopes, boxes[tile], xfaces, yfaces, out[tile],
                dt, t, rain, numbers, flags,
            )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def march_full(  # type: ignore[no-untyped-def]  # pragma: no cover
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
    """Step from march[0] until march[1]; returns which of the two buffers holds the water.

    `march`: time, end of this leg, end of the run, Courant number, fastest wave [1/s], depth let in by sources, depth of rain
    per cell, steps, gauge samples taken, step at which to return. The step is cut only at the end of the run; a leg ends at the
    first step at or after its end.
    """
    ny, nx = u.shape[2] - 2 * PAD, u.shape[3] - 2 * PAD
    work = np.zeros((workers, WORK_LINES * S))
    prim, flux = np.ones((workers, 3, PRIMITIVE_LINES * S)), np.zeros((workers, 4, FLUX_LINES * S))
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
        fill_full(u[a], fixed[0], edges, series[4], ny, nx)
        count = active_tiles(wet, always, shape, rain > 0.0, active)
        _step(
            work, prim, flux, u[a], u[1 - a], fixed, envelopes, boxes, active, count, xfaces, yfaces, out,
            dt, t, rain, numbers, flags,
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
