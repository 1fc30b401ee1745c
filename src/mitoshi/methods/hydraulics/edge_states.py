"""What an edge lets in: the water beside a level, an incident wave and an outflow, by the characteristics of the flow.

The shallow-water equations carry u + 2 c inward and u - 2 c outward over an edge (u inward, c = sqrt(g h)); a subcritical edge is
given the first and takes the second from inside. An edge that fixes the level reflects what arrives at it; one that fixes the
incoming characteristic lets it pass. Without advection (local-inertial) the characteristics are q +- 2/3 sqrt(g) h^1.5.
"""

from __future__ import annotations

import math

from numba import njit

from mitoshi.methods.hydraulics.lanes import DRY, GRAVITY

__all__ = ["CRITICAL", "INCIDENT", "LEVEL", "SEA", "edge_state", "incoming_discharge", "sea_discharge"]

LEVEL, INCIDENT, SEA = 3, 4, 5

CRITICAL = (2.0 / 3.0) ** 1.5
"""Largest discharge per width from still water of depth H, over sqrt(g) H^1.5: critical flow under the head H."""


@njit(cache=True, nogil=True, error_model="numpy")
def _outflow_state(h, u, c):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Depth and inward speed where nothing outside holds the water back: as inside, or critical."""
    if u < -c:
        return h, u
    critical = (2.0 * c - u) / 3.0
    return critical * critical / GRAVITY, -critical


@njit(cache=True, nogil=True, error_model="numpy")
def level_state(h, u, depth):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Depth and inward speed at an edge with water of a given depth outside; `h` and `u` are those inside.

    The speed follows from the outgoing characteristic. Inflow beyond what still water of that depth can drive becomes critical
    flow under the head that it has.
    """
    edge = math.sqrt(GRAVITY * depth)
    if h <= DRY:
        critical = math.sqrt(GRAVITY * depth * (2.0 / 3.0))
        return depth * (2.0 / 3.0), critical
    c = math.sqrt(GRAVITY * h)
    speed = u + 2.0 * (edge - c)
    if speed > CRITICAL * edge:
        critical = math.sqrt(GRAVITY * depth * (2.0 / 3.0))
        return depth * (2.0 / 3.0), critical
    if speed < -edge:
        return _outflow_state(h, u, c)
    return depth, speed


@njit(cache=True, nogil=True, error_model="numpy")
def incoming_speed(depth, still, speed):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Incoming characteristic u + 2 c of water of a given depth; a NaN speed is that of a wave over the depth `still`.

    The wave is a simple wave, u = 2 (c - c0); from a speed of c0 on (depth 2.25 times the still one) it grows no more, so that
    over a dry edge it is the still water of a reservoir.
    """
    if depth <= 0.0:
        return 0.0
    c = math.sqrt(GRAVITY * depth)
    if not math.isnan(speed):
        return speed + 2.0 * c
    before = math.sqrt(GRAVITY * max(still, 0.0))
    return min(2.0 * (c - before), before) + 2.0 * c


@njit(cache=True, nogil=True, error_model="numpy")
def incident_state(h, u, incoming):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Depth and inward speed at an edge with a given incoming characteristic u + 2 c; `h` and `u` are those inside."""
    if h <= DRY:
        critical = max(incoming, 0.0) / 3.0
        return critical * critical / GRAVITY, critical
    c = math.sqrt(GRAVITY * h)
    outgoing = u - 2.0 * c
    speed, edge = 0.5 * (incoming + outgoing), 0.25 * (incoming - outgoing)
    if speed > edge:
        critical = incoming / 3.0
        return critical * critical / GRAVITY, critical
    if speed < -edge:
        return _outflow_state(h, u, c)
    return edge * edge / GRAVITY, speed


@njit(cache=True, nogil=True, error_model="numpy")
def edge_state(kind, h, u, depth, still, speed):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Depth and inward speed at an edge; `depth` is that of the water outside, `h` and `u` are those inside.

    `still` is the depth before an incident wave. For the sea beyond an open edge it is the share at which the incoming
    characteristic is drawn from that inside, which a wave along the edge has, too, to that of the sea at rest: a share of one
    would draw such a wave down as it runs, none would let the mean level drift.
    """
    if kind == LEVEL:
        return level_state(h, u, depth)
    if kind == INCIDENT:
        return incident_state(h, u, incoming_speed(depth, still, speed))
    inside = u + 2.0 * math.sqrt(GRAVITY * h)
    return incident_state(h, u, inside + still * (2.0 * math.sqrt(GRAVITY * depth) - inside))


@njit(cache=True, nogil=True, error_model="numpy")
def sea_discharge(h, before, incoming, pull, ratio):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Inward discharge over an open edge before the sea, without advection; `before` is that of the next face inward.

    `incoming` and `pull` are the sea's characteristic and its share (see `edge_state`); a share of one serves an incident wave.
    Implicit in the depth beside the edge, or corners with two such edges would ring; `ratio` is step over cell.
    """
    c = math.sqrt(GRAVITY * h)
    own = 2.0 / 3.0 * h * c
    implicit = 0.5 * pull * c * ratio
    explicit = 0.5 * (before - own + (1.0 - pull) * (before + own) + pull * incoming)
    return (explicit + implicit * before) / (1.0 + implicit)


@njit(cache=True, nogil=True, error_model="numpy")
def incoming_discharge(depth, still, speed):  # type: ignore[no-untyped-def]  # pragma: no cover
    """As `incoming_speed` for the equations without advection: q + 2/3 sqrt(g) h^1.5."""
    if depth <= 0.0:
        return 0.0
    own = 2.0 / 3.0 * depth * math.sqrt(GRAVITY * depth)
    if not math.isnan(speed):
        return speed * depth + own
    quiet = max(still, 0.0)
    c = math.sqrt(GRAVITY * quiet)
    return min(own - 2.0 / 3.0 * quiet * c, depth * c) + own
