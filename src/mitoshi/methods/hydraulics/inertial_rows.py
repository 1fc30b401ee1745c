"""Row kernels of the local-inertial mode.

Bates, Horritt & Fewtrell (2010), J. Hydrol. 387, 33: the local-inertial equation. de Almeida, Bates, Freer & Souvignet (2012),
Water Resour. Res. 48, W05528: the weight theta. de Almeida & Bates (2013), Water Resour. Res. 49, 4833: friction by the length
of the discharge vector.
Discharges live on faces: qx of cell i on its west face, qy on its north face.
"""

from __future__ import annotations

import math

from numba import njit

from mitoshi.methods.hydraulics.lanes import GRAVITY, STRIDE, inverse_cube_root

__all__ = [
    "CENTER_X",
    "CENTER_Y",
    "DEEPEST",
    "DEPTH",
    "ETA",
    "OLD_X",
    "OLD_Y",
    "OUT_SOUTH",
    "OUT_X",
    "OUT_Y",
    "QX",
    "QY",
    "RING_LINES",
    "SHARE",
    "WORK_LINES",
    "Z",
    "deepen",
    "drain",
    "flow_x",
    "flow_y",
    "limits",
    "load",
    "update",
]

S = STRIDE
# One row (five are held): old surface, bed, old discharges, squared roughness; new discharges and the draining limiter.
RING_LINES = 8
ETA, Z, OLD_X, OLD_Y, N2, QX, QY, SHARE = (k * S for k in range(RING_LINES))
DEPTH, OUT_X, OUT_Y, OUT_SOUTH, CENTER_X, CENTER_Y, DEEPEST = (k * S for k in range(7))
WORK_LINES = 7
THETA = 0.9
"""Weight of the face's own discharge; the rest comes from its two neighbours."""
SHALLOW = 1.0e-5
"""Depth of flow on a face below which nothing flows [m]."""


@njit(cache=True, nogil=True, error_model="numpy")
def load(f, h, qx, qy, z, n2):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Read one row of the old state."""
    n = min(h.size, S)
    for i in range(n):
        f[ETA + i] = h[i] + z[i]
    for i in range(n):
        f[Z + i] = z[i]
    for i in range(n):
        f[OLD_X + i] = qx[i]
    for i in range(n):
        f[OLD_Y + i] = qy[i]
    for i in range(n):
        f[N2 + i] = max(n2[i], 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _discharge(eta_a, eta_b, z_a, z_b, q, q_a, q_b, across, n2, dt_dx, dt):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return the new discharge on a face between cells a and b."""
    depth = max(eta_a, eta_b) - max(z_a, z_b)
    flows = depth > SHALLOW
    depth = max(depth, SHALLOW)
    root = inverse_cube_root(depth)
    cube = root * root * root
    drag = dt * GRAVITY * n2 * math.sqrt(q * q + across * across) * (root * cube * cube)
    push = THETA * q + 0.5 * (1.0 - THETA) * (q_a + q_b) - GRAVITY * depth * dt_dx * (eta_b - eta_a)
    new = push / (1.0 + drag)
    return new if flows else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def flow_x(f, fs, n, dt_dx, dt):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Find the new discharges on the west faces of a row; `fs` is the row to the south, for the discharge across."""
    for k in range(min(n, S) - 2):
        i = k + 1
        q, q_a, q_b = f[OLD_X + i], f[OLD_X + i - 1], f[OLD_X + i + 1]
        across = 0.25 * ((f[OLD_Y + i] + f[OLD_Y + i - 1]) + (fs[OLD_Y + i] + fs[OLD_Y + i - 1]))
        n2 = 0.5 * (f[N2 + i] + f[N2 + i - 1])
        eta_a, eta_b, z_a, z_b = f[ETA + i - 1], f[ETA + i], f[Z + i - 1], f[Z + i]
        f[QX + i] = _discharge(eta_a, eta_b, z_a, z_b, q, q_a, q_b, across, n2, dt_dx, dt)


@njit(cache=True, nogil=True, error_model="numpy")
def flow_y(fn, f, fs, n, dt_dy, dt):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Find the new discharges on the north faces of a row."""
    for k in range(min(n, S) - 2):
        i = k + 1
        q, q_a, q_b = f[OLD_Y + i], fn[OLD_Y + i], fs[OLD_Y + i]
        across = 0.25 * ((f[OLD_X + i] + f[OLD_X + i + 1]) + (fn[OLD_X + i] + fn[OLD_X + i + 1]))
        n2 = 0.5 * (f[N2 + i] + fn[N2 + i])
        eta_a, eta_b, z_a, z_b = fn[ETA + i], f[ETA + i], fn[Z + i], f[Z + i]
        f[QY + i] = _discharge(eta_a, eta_b, z_a, z_b, q, q_a, q_b, across, n2, dt_dy, dt)


@njit(cache=True, nogil=True, error_model="numpy")
def limits(f, fs, n, h, dt_dx, dt_dy):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Share of its outflow that each cell of a row can pay from the water it holds (draining limiter)."""
    for k in range(min(n, S) - 3):
        i = k + 1
        out_x = max(f[QX + i + 1], 0.0) + max(-f[QX + i], 0.0)
        out_y = max(fs[QY + i], 0.0) + max(-f[QY + i], 0.0)
        out = dt_dx * out_x + dt_dy * out_y
        share = h[i] / out
        f[SHARE + i] = share if out > h[i] else 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def update(b, fn, f, fs, n, h, dt_dx, dt_dy):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Limit the discharges of one row and sum them into its new depth."""
    for k in range(min(n, S) - 4):
        i = k + 2
        qw, qe, qn, qs = f[QX + i], f[QX + i + 1], f[QY + i], fs[QY + i]
        here, west, east, north, south = (
            f[SHARE + i], f[SHARE + i - 1], f[SHARE + i + 1], fn[SHARE + i], fs[SHARE + i],
        )  # fmt: skip
        qw = qw * (west if qw >= 0.0 else here)
        qe = qe * (here if qe >= 0.0 else east)
        qn = qn * (north if qn >= 0.0 else here)
        qs = qs * (here if qs >= 0.0 else south)
        b[OUT_X + i], b[OUT_Y + i], b[OUT_SOUTH + i] = qw, qn, qs
        b[CENTER_X + i], b[CENTER_Y + i] = 0.5 * (qw + qe), 0.5 * (qn + qs)
        depth = h[i] - dt_dx * (qe - qw) - dt_dy * (qs - qn)
        # Written so that a NaN stays.
        b[DEPTH + i] = 0.0 if depth < 0.0 else depth


@njit(cache=True, nogil=True, error_model="numpy")
def drain(b, n, n2, capacity, rain, dt):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add rain [m], take infiltration of at most `capacity` [m s-1], and return the depth that infiltrated, summed [m]."""
    total = 0.0
    for k in range(min(n, S) - 6):
        i = k + 3
        depth = b[DEPTH + i] + (rain if n2[i] >= 0.0 else 0.0)
        lost = min(depth, capacity[i] * dt)
        b[DEPTH + i] = depth - lost
        total += lost
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def deepen(b, n):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Note the deepest water per column of the tile [m]."""
    for k in range(min(n, S) - 6):
        i = k + 3
        depth = b[DEPTH + i]
        so_far = b[DEEPEST + i]
        b[DEEPEST + i] = so_far if depth <= so_far else depth
