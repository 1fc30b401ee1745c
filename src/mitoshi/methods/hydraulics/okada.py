"""Displacement of the ground above a rectangular fault in an elastic half space (Okada 1985)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

__all__ = ["Displacement", "Fault", "displacement", "fault_frame_displacement"]

Floats = NDArray[np.float64]
POISSON = 0.25
"""Poisson's ratio of a solid whose Lamé constants are equal, as in Okada's checklist."""
VERTICAL = 3e-5
"""Cosine of the dip below which the limits for a vertical fault are used: nearer to it the general formulas lose their digits."""


class Displacement(NamedTuple):
    """Displacement of the surface [m], each of the points' shape.

    Attributes
    ----------
    x, y
        Horizontal: along strike and up dip in the fault's frame; east and north from `displacement`.
    up
        Vertical, positive upward.
    """

    x: Floats
    y: Floats
    up: Floats


class Fault(NamedTuple):
    """One rectangular segment.

    Attributes
    ----------
    east_m, north_m
        Centre of the top edge.
    depth_top_m
        Depth of the top edge.
    strike_deg
        Clockwise from north; the fault dips to the right of it.
    dip_deg
        From the horizontal, above 0 and up to 90.
    rake_deg
        Direction in which the hanging wall slips: 0 left-lateral, 90 thrust.
    length_m, width_m
        Along strike and down dip.
    slip_m, opening_m
        Along the rake, and across the fault.
    """

    east_m: float
    north_m: float
    depth_top_m: float
    strike_deg: float
    dip_deg: float
    rake_deg: float
    length_m: float
    width_m: float
    slip_m: float
    opening_m: float = 0.0


def displacement(east_m: Floats, north_m: Floats, fault: Fault, *, poisson: float = POISSON) -> Displacement:
    """Return the displacement of the surface by one fault segment.

    Parameters
    ----------
    east_m, north_m
        Points [m] of any one shape.
    fault
        The segment, in the same coordinates.
    poisson
        Poisson's ratio, 0 to 0.5.

    Returns
    -------
    Displacement
        East, north and up [m].

    Raises
    ------
    InputError
        If the fault reaches above the surface or has no size.

    Notes
    -----
    Y. Okada, Bull. Seismol. Soc. Am. 75, 1135-1154, 1985, eqs. (25)-(30). A flat, uniform, elastic half space: no topography,
    no layers, no water load.
    """
    _check(fault, poisson)
    strike, rake, dip = (math.radians(v) for v in (fault.strike_deg, fault.rake_deg, fault.dip_deg))
    de, dn = east_m - fault.east_m, north_m - fault.north_m
    along = de * math.sin(strike) + dn * math.cos(strike) + 0.5 * fault.length_m
    # Okada's origin lies above the bottom edge, and his y points up dip, to the left of strike.
    left = -de * math.cos(strike) + dn * math.sin(strike) + fault.width_m * math.cos(dip)
    depth = fault.depth_top_m + fault.width_m * math.sin(dip)
    slips = (fault.slip_m * math.cos(rake), fault.slip_m * math.sin(rake), fault.opening_m)
    moved = fault_frame_displacement(
        along, left, depth_m=depth, dip_deg=fault.dip_deg, length_m=fault.length_m, width_m=fault.width_m,
        slips_m=slips, poisson=poisson,
    )  # fmt: skip
    east = moved.x * math.sin(strike) - moved.y * math.cos(strike)
    north = moved.x * math.cos(strike) + moved.y * math.sin(strike)
    return Displacement(east, north, moved.up)


def fault_frame_displacement(
    x_m: Floats,
    y_m: Floats,
    *,
    depth_m: float,
    dip_deg: float,
    length_m: float,
    width_m: float,
    slips_m: tuple[float, float, float],
    poisson: float = POISSON,
) -> Displacement:
    """Return the displacement in Okada's own frame (his figure 1).

    Parameters
    ----------
    x_m, y_m
        Points: x along strike from the left end, y up dip, origin above the bottom edge.
    depth_m
        Depth of the bottom edge.
    dip_deg, length_m, width_m
        Of the fault.
    slips_m
        U1 (left-lateral), U2 (thrust) and U3 (opening).
    poisson
        Poisson's ratio.

    Returns
    -------
    Displacement
        Along x, along y and up [m].
    """
    dip = math.radians(dip_deg)
    sin, cos = math.sin(dip), math.cos(dip)
    cos = 0.0 if abs(cos) < VERTICAL else cos
    p = y_m * cos + depth_m * sin
    q = y_m * sin - depth_m * cos
    total = [np.zeros(np.broadcast_shapes(np.shape(x_m), np.shape(y_m))) for _ in range(3)]
    # Chinnery's notation, eq. (24): f(x, p) - f(x, p - W) - f(x - L, p) + f(x - L, p - W).
    for xi, eta, sign in (
        (x_m, p, 1.0), (x_m, p - width_m, -1.0), (x_m - length_m, p, -1.0), (x_m - length_m, p - width_m, 1.0),
    ):  # fmt: skip
        for axis, value in enumerate(_corner(xi, eta, q, sin, cos, slips_m, 1.0 - 2.0 * poisson)):
            total[axis] += sign * value
    return Displacement(*total)


def _corner(
    xi: Floats, eta: Floats, q: Floats, sin: float, cos: float, slips: tuple[float, float, float], ratio: float
) -> tuple[Floats, Floats, Floats]:
    """One term of eqs. (25) to (27), times slip over 2 pi; `ratio` is mu / (lambda + mu)."""
    r = np.sqrt(xi**2 + eta**2 + q**2)
    y, d = eta * cos + q * sin, eta * sin - q * cos
    # The paper's rules for singular points: a term whose denominator vanishes is zero, and ln(R + eta) becomes -ln(R - eta).
    r_xi, r_eta = _inverse(r + xi), _inverse(r + eta)
    log_eta = np.where(
        r + eta > 0, np.log(np.where(r + eta > 0, r + eta, 1.0)), -np.log(np.where(r > eta, r - eta, 1.0))
    )
    angle = np.where(q == 0, 0.0, np.arctan(xi * eta / np.where(q == 0, 1.0, q * r)))
    one, two, three, four, five = _integrals(xi, eta, q, r, y, d, sin, cos, ratio, log_eta)
    u1, u2, u3 = (u / (2.0 * math.pi) for u in slips)
    over = _inverse(r)
    strike_slip = (
        xi * q * over * r_eta + angle + one * sin,
        y * q * over * r_eta + q * cos * r_eta + two * sin,
        d * q * over * r_eta + q * sin * r_eta + four * sin,
    )
    dip_slip = (
        q * over - three * sin * cos,
        y * q * over * r_xi + cos * angle - one * sin * cos,
        d * q * over * r_xi + sin * angle - five * sin * cos,
    )
    opening = (
        q**2 * over * r_eta - three * sin**2,
        -d * q * over * r_xi - sin * (xi * q * over * r_eta - angle) - one * sin**2,
        y * q * over * r_xi + cos * (xi * q * over * r_eta - angle) - five * sin**2,
    )
    x, y_out, up = (
        -u1 * a - u2 * b + u3 * c for a, b, c in zip(strike_slip, dip_slip, opening, strict=True)
    )  # fmt: skip
    return x, y_out, up


def _integrals(
    xi: Floats, eta: Floats, q: Floats, r: Floats, y: Floats, d: Floats,
    sin: float, cos: float, ratio: float, log_eta: Floats,
) -> tuple[Floats, Floats, Floats, Floats, Floats]:  # fmt: skip
    """I1 to I5 of eqs. (28) and, for a vertical fault, (29)."""
    rd = r + d
    if cos == 0.0:
        one = -ratio / 2.0 * xi * q / rd**2
        three = ratio / 2.0 * (eta / rd + y * q / rd**2 - log_eta)
        four = -ratio * q / rd
        five = -ratio * xi * sin / rd
    else:
        big = np.sqrt(xi**2 + q**2)
        safe = np.where(xi == 0, 1.0, xi)
        inner = (eta * (big + q * cos) + big * (r + big) * sin) / (safe * (r + big) * cos)
        five = np.where(xi == 0, 0.0, ratio * 2.0 / cos * np.arctan(inner))
        four = ratio / cos * (np.log(rd) - sin * log_eta)
        three = ratio * (y / (cos * rd) - log_eta) + sin / cos * four
        one = ratio * (-xi / (cos * rd)) - sin / cos * five
    two = -ratio * log_eta - three
    return one, two, three, four, five


def _inverse(values: Floats) -> Floats:
    return np.where(values == 0, 0.0, 1.0 / np.where(values == 0, 1.0, values))


def _check(fault: Fault, poisson: float) -> None:
    if not all(math.isfinite(v) for v in fault):
        raise InputError("every number of a fault must be finite; fill the missing ones")
    if fault.depth_top_m < 0 or not (fault.length_m > 0 and fault.width_m > 0):
        raise InputError(
            f"a fault needs a depth of its top edge of at least 0 and a positive length and width, got "
            f"{fault.depth_top_m:g}, {fault.length_m:g} and {fault.width_m:g} m"
        )
    if not 0 < fault.dip_deg <= 90:
        raise InputError(f"the dip must lie above 0 and up to 90 degrees, got {fault.dip_deg:g}")
    if not 0 <= poisson < 0.5:
        raise InputError(f"Poisson's ratio must lie in [0, 0.5), got {poisson:g}")
