"""Row kernels of the full mode: MUSCL-Hancock, HLLC and hydrostatic reconstruction.

Audusse, Bouchut, Bristeau, Klein & Perthame (2004), SIAM J. Sci. Comput. 25, 2050: hydrostatic reconstruction at a face and
the centred source term of second order. Toro (2001), Shock-Capturing Methods for Free-Surface Shallow Flows: HLLC with its
wave speeds, also beside dry bed, and MUSCL-Hancock.
"""

from __future__ import annotations

import math

from numba import njit

from mitoshi.methods.hydraulics.lanes import DRY, GRAVITY, STRIDE, inverse_cube_root, minmod

__all__ = [
    "FLUX_LINES",
    "OUT",
    "PRIMITIVE_LINES",
    "WORK_LINES",
    "drain",
    "faces",
    "fluxes_x",
    "fluxes_y",
    "friction",
    "keep_south",
    "limits",
    "load",
    "mass_x",
    "mass_y",
    "resist",
    "speeds",
    "update",
]

S = STRIDE
# Lines of one row of primitive variables (three rows are held).
H, ETA, U, V, DAMP = (k * S for k in range(5))
PRIMITIVE_LINES = 5
# Face states of the row in hand: depth, bed, velocity x, velocity y.
FIXED = 0
E, W, N, SO, PREV = FIXED, FIXED + 4 * S, FIXED + 8 * S, FIXED + 12 * S, FIXED + 16 * S
SX, SY, XL, XR = FIXED + 20 * S, FIXED + 21 * S, FIXED + 22 * S, FIXED + 23 * S
OUT = FIXED + 24 * S
SPEED, DEEPEST = FIXED + 27 * S, FIXED + 28 * S
# Fluxes of one row (four rows are held): mass and transverse momentum through the east and the north face, ...
FLUX_LINES = 8
XM, XT, YM, YT, YL, NX, NY, TH = (k * S for k in range(FLUX_LINES))
WORK_LINES = 29


@njit(cache=True, nogil=True, error_model="numpy")
def load(p, h, hu, hv, z):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Read one row of the state into primitive variables."""
    for i in range(min(h.size, S)):
        depth = h[i]
        inverse = 1.0 / depth
        inverse = inverse if depth > DRY else 0.0
        p[H + i] = depth
        p[U + i] = hu[i] * inverse
    for i in range(min(h.size, S)):
        depth = h[i]
        inverse = 1.0 / depth
        inverse = inverse if depth > DRY else 0.0
        p[ETA + i] = depth + z[i]
        p[V + i] = hv[i] * inverse


@njit(cache=True, nogil=True, error_model="numpy")
def resist(p, n2, half_dt):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Find what friction leaves of each cell's velocity after half a step."""
    for i in range(min(n2.size, S)):
        u, v = p[U + i], p[V + i]
        root = inverse_cube_root(max(p[H + i], DRY))
        square = root * root
        p[DAMP + i] = 1.0 / (1.0 + half_dt * GRAVITY * max(n2[i], 0.0) * math.sqrt(u * u + v * v) * (square * square))


@njit(cache=True, nogil=True, error_model="numpy")
def faces(b, pn, pc, ps, n, dtx, dty, sharpness):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Reconstruct one row, advance it by half a step and write its four face states and source terms."""
    half_g = 0.5 * GRAVITY
    for k in range(min(n, S) - 2):
        i = k + 1
        h, eta, u, v = pc[H + i], pc[ETA + i], pc[U + i], pc[V + i]
        hw, he, hn, hs = pc[H + i - 1], pc[H + i + 1], pn[H + i], ps[H + i]
        flow_x = 1.0 if min(min(hw, he), h) > DRY else 0.0
        flow_y = 1.0 if min(min(hn, hs), h) > DRY else 0.0
        hx = 0.5 * flow_x * minmod(h - hw, he - h, sharpness)
        hy = 0.5 * flow_y * minmod(h - hn, hs - h, sharpness)
        ex = 0.5 * flow_x * minmod(eta - pc[ETA + i - 1], pc[ETA + i + 1] - eta, sharpness)
        ey = 0.5 * flow_y * minmod(eta - pn[ETA + i], ps[ETA + i] - eta, sharpness)
        ux = 0.5 * flow_x * minmod(u - pc[U + i - 1], pc[U + i + 1] - u, sharpness)
        uy = 0.5 * flow_y * minmod(u - pn[U + i], ps[U + i] - u, sharpness)
        vx = 0.5 * flow_x * minmod(v - pc[V + i - 1], pc[V + i + 1] - v, sharpness)
        vy = 0.5 * flow_y * minmod(v - pn[V + i], ps[V + i] - v, sharpness)
        # Half a step with the equations in primitive form: at rest every term is zero.
        damp = pc[DAMP + i]
        dh = -0.5 * (
            dtx * ((h + hx) * (u + ux) - (h - hx) * (u - ux)) + dty * ((h + hy) * (v + vy) - (h - hy) * (v - vy))
        )
        du = (u - (dtx * (u * ux + GRAVITY * ex) + dty * v * uy)) * damp - u
        dv = (v - (dtx * u * vx + dty * (v * vy + GRAVITY * ey))) * damp - v
        ze, zw, zn, zs = eta - h + (ex - hx), eta - h - (ex - hx), eta - h + (hy - ey), eta - h - (hy - ey)
        east, west = max(h + hx + dh, 0.0), max(h - hx + dh, 0.0)
        north, south = max(h - hy + dh, 0.0), max(h + hy + dh, 0.0)
        b[SX + i] = half_g * (east + west) * (zw - ze)
        b[SY + i] = half_g * (north + south) * (zn - zs)
        b[E + i], b[E + S + i], b[E + 2 * S + i], b[E + 3 * S + i] = east, ze, u + ux + du, v + vx + dv
        b[W + i], b[W + S + i], b[W + 2 * S + i], b[W + 3 * S + i] = west, zw, u - ux + du, v - vx + dv
        b[N + i], b[N + S + i], b[N + 2 * S + i], b[N + 3 * S + i] = north, zn, u - uy + du, v - vy + dv
        b[SO + i], b[SO + S + i], b[SO + 2 * S + i], b[SO + 3 * S + i] = south, zs, u + uy + du, v + vy + dv


@njit(cache=True, nogil=True, error_model="numpy")
def keep_south(b, n):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Keep the southern face states of the row for the next row's northern fluxes."""
    for k in range(4):
        for i in range(min(n, S)):
            b[PREV + k * S + i] = b[SO + k * S + i]


@njit(cache=True, nogil=True, error_model="numpy")
def hllc(hl, zl, ul, tl, hr, zr, ur, tr):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return the mass flux, the normal momentum flux seen from the left and from the right, and the transverse one."""
    top = max(zl, zr)
    left, right = max(0.0, hl + zl - top), max(0.0, hr + zr - top)
    cl, cr = math.sqrt(GRAVITY * left), math.sqrt(GRAVITY * right)
    u_star, c_star = 0.5 * (ul + ur) + cl - cr, 0.5 * (cl + cr) + 0.25 * (ul - ur)
    sl, sr = min(ul - cl, u_star - c_star), max(ur + cr, u_star + c_star)
    sl = sl if left > 0.0 else ur - 2.0 * cr
    sr = sr if right > 0.0 else ul + 2.0 * cl
    sl, sr = min(sl, 0.0), max(sr, 0.0)
    wet = max(left, right) > 0.0
    weight = 1.0 / (sr - sl)
    weight = weight if wet and sr > sl else 0.0
    ql, qr = left * ul, right * ur
    half_g = 0.5 * GRAVITY
    pl, pr = half_g * left * left, half_g * right * right
    mass = (sr * ql - sl * qr + sl * sr * (right - left)) * weight
    momentum = (sr * (ql * ul + pl) - sl * (qr * ur + pr) + sl * sr * (qr - ql)) * weight
    transverse = mass * (tl if mass >= 0.0 else tr)
    return mass, momentum + (half_g * hl * hl - pl), momentum + (half_g * hr * hr - pr), transverse


@njit(cache=True, nogil=True, error_model="numpy")
def fluxes_x(b, f, n, dtx):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fluxes through the east faces of one row, and its change of x momentum."""
    for k in range(min(n, S) - 3):
        i = k + 1
        hl, zl, ul, tl = b[E + i], b[E + S + i], b[E + 2 * S + i], b[E + 3 * S + i]
        hr, zr, ur, tr = b[W + i + 1], b[W + S + i + 1], b[W + 2 * S + i + 1], b[W + 3 * S + i + 1]
        mass, low, high, transverse = hllc(hl, zl, ul, tl, hr, zr, ur, tr)
        f[XM + i], f[XT + i] = dtx * mass, dtx * transverse
        b[XL + i], b[XR + i] = low, high
    for k in range(min(n, S) - 4):
        i = k + 2
        f[NX + i] = dtx * (b[SX + i] - (b[XL + i] - b[XR + i - 1]))


@njit(cache=True, nogil=True, error_model="numpy")
def fluxes_y(b, f, n, dty):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fluxes through the north faces of one row."""
    for k in range(min(n, S) - 2):
        i = k + 1
        hl, zl, tl, ul = b[PREV + i], b[PREV + S + i], b[PREV + 2 * S + i], b[PREV + 3 * S + i]
        hr, zr, tr, ur = b[N + i], b[N + S + i], b[N + 2 * S + i], b[N + 3 * S + i]
        mass, low, high, transverse = hllc(hl, zl, ul, tl, hr, zr, ur, tr)
        f[YM + i], f[YT + i] = dty * mass, dty * transverse
        f[YL + i] = low
        f[NY + i] = high + b[SY + i]


@njit(cache=True, nogil=True, error_model="numpy")
def limits(f, fs, n, h):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Share of its outflow that each cell of a row can pay from the water it holds (draining limiter)."""
    for k in range(min(n, S) - 4):
        i = k + 2
        out = max(f[XM + i], 0.0) + max(-f[XM + i - 1], 0.0) + max(fs[YM + i], 0.0) + max(-f[YM + i], 0.0)
        share = h[i] / out
        f[TH + i] = share if out > h[i] else 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def mass_x(f, i):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Depth that leaves cell i eastward in this step [m], after the draining limiter."""
    flux, here, there = f[XM + i], f[TH + i], f[TH + i + 1]
    return flux * (here if flux >= 0.0 else there)


@njit(cache=True, nogil=True, error_model="numpy")
def mass_y(fn, f, i):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Depth that enters cell i of the row from the north in this step [m], after the draining limiter."""
    flux, there, here = f[YM + i], fn[TH + i], f[TH + i]
    return flux * (there if flux >= 0.0 else here)


@njit(cache=True, nogil=True, error_model="numpy")
def update(b, fn, f, fs, n, h, hu, hv, dty):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Sum the limited fluxes of one row into the new depth and discharges."""
    for k in range(min(n, S) - 6):
        i = k + 3
        xe, xw, yn, ys = f[XM + i], f[XM + i - 1], f[YM + i], fs[YM + i]
        here, east, west, north, south = (
            f[TH + i],
            f[TH + i + 1],
            f[TH + i - 1],
            fn[TH + i],
            fs[TH + i],
        )
        xe_share = here if xe >= 0.0 else east
        xw_share = west if xw >= 0.0 else here
        yn_share = north if yn >= 0.0 else here
        ys_share = here if ys >= 0.0 else south
        depth = h[i] - (xe * xe_share - xw * xw_share) - (ys * ys_share - yn * yn_share)
        b[OUT + i] = 0.0 if depth < 0.0 else depth
        b[OUT + S + i] = hu[i] + f[NX + i] - (fs[YT + i] * ys_share - f[YT + i] * yn_share)
        b[OUT + 2 * S + i] = hv[i] + dty * (f[NY + i] - fs[YL + i]) - (f[XT + i] * xe_share - f[XT + i - 1] * xw_share)


@njit(cache=True, nogil=True, error_model="numpy")
def drain(b, n, n2, capacity, rain, dt):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add rain [m], take infiltration of at most `capacity` [m s-1], and return the depth that infiltrated, summed [m]."""
    total = 0.0
    for k in range(min(n, S) - 6):
        i = k + 3
        depth = b[OUT + i] + (rain if n2[i] >= 0.0 else 0.0)
        lost = min(depth, capacity[i] * dt)
        b[OUT + i] = depth - lost
        total += lost
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def friction(b, n, n2, dt):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Manning friction, implicit in the new discharge: q' (1 + dt g n2 |q'| h^(-7/3)) = q, solved for |q'|."""
    for k in range(min(n, S) - 6):
        i = k + 3
        hu, hv = b[OUT + S + i], b[OUT + 2 * S + i]
        root = inverse_cube_root(max(b[OUT + i], DRY))
        cube = root * root * root
        a = dt * GRAVITY * max(n2[i], 0.0) * math.sqrt(hu * hu + hv * hv) * (root * cube * cube)
        factor = 2.0 / (1.0 + math.sqrt(1.0 + 4.0 * a))
        b[OUT + S + i] = hu * factor
        b[OUT + 2 * S + i] = hv * factor


@njit(cache=True, nogil=True, error_model="numpy")
def speeds(b, n, inverse_dx, inverse_dy, thin):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Stop the flow of dry cells, calm that of thin films, and note the fastest wave [1/s] and the deepest water per column."""
    for k in range(min(n, S) - 6):
        i = k + 3
        h, hu, hv = b[OUT + i], b[OUT + S + i], b[OUT + 2 * S + i]
        square = h * h
        # Kurganov & Petrova (2007), Commun. Math. Sci. 5, 133: desingularised velocity.
        calm = 2.0 * square / (square + max(square, thin * thin))
        hu, hv = hu * calm, hv * calm
        hu, hv = hu if h > DRY else 0.0, hv if h > DRY else 0.0
        b[OUT + S + i], b[OUT + 2 * S + i] = hu, hv
        inverse = 1.0 / h
        inverse = inverse if h > DRY else 0.0
        c = math.sqrt(GRAVITY * h)
        fastest = max((math.fabs(hu) * inverse + c) * inverse_dx, (math.fabs(hv) * inverse + c) * inverse_dy)
        # Written so that a NaN stays.
        so_far = b[SPEED + i]
        b[SPEED + i] = so_far if fastest <= so_far else fastest
        b[DEEPEST + i] = max(b[DEEPEST + i], h)
