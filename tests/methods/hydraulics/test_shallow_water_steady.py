"""Steady flow over a bump and Thacker's turning surface: transitions and moving shores against exact solutions."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from mitoshi.methods.hydraulics.shallow_water import Domain, Edges, Source, State, WaterLevel, at_rest, simulate

G = 9.81


def over_a_bump(discharge: float, level: float, cells: int = 250) -> tuple[np.ndarray, np.ndarray, State]:
    """Goutal & Maurel (1997): a channel of 25 m with a bump of 0.2 m, discharge upstream [m2/s], level downstream [m]."""
    dx = 25.0 / cells
    x = (np.arange(cells) + 0.5) * dx
    bed = np.maximum(0.0, 0.2 - 0.05 * (x - 10.0) ** 2)
    domain = Domain(np.broadcast_to(bed, (3, cells)).copy(), (dx, dx), 0.0, Edges(east=WaterLevel((0.0,), (level,))))
    source = Source([(row, 0) for row in range(3)], (0.0, 1e9), (discharge * 3 * dx,) * 2)
    flow = simulate(domain, at_rest(domain, level), until_s=300.0, sources=[source])
    return x, bed, flow.state


def test_subcritical_flow_over_a_bump_keeps_its_head() -> None:
    _, bed, state = over_a_bump(4.42, 2.0)
    head = 2.0 + 4.42**2 / (2 * G * 2.0**2)
    exact = np.array([brentq(lambda h, z=z: h + z + 4.42**2 / (2 * G * h * h) - head, 1.2, 3.0) for z in bed])
    assert np.abs(state.depth[1] - exact)[10:].mean() < 1e-4
    assert np.abs(state.discharge_x[1, 10:] - 4.42).max() < 0.01


def test_transcritical_flow_is_critical_on_the_crest_and_jumps_back() -> None:
    x, bed, state = over_a_bump(0.18, 0.33)
    q, depth = state.discharge_x[1], state.depth[1]
    assert np.median(np.abs(q[10:] - 0.18)) < 1e-4
    critical = (0.18**2 / G) ** (1 / 3)
    head = 0.2 + 1.5 * critical
    upstream = brentq(lambda h: h + 0.18**2 / (2 * G * h * h) - head, critical * 1.01, 2.0)
    assert np.abs(depth[(x > 2) & (x < 7)] - upstream).max() < 2e-3
    supercritical = (x > 10.5) & (x < 11.2)
    exact = np.array(
        [brentq(lambda h, z=z: h + z + 0.18**2 / (2 * G * h * h) - head, 0.02, critical) for z in bed[supercritical]]
    )
    assert np.abs(depth[supercritical] - exact).max() < 3e-3
    assert np.abs(depth[x > 14] - 0.33).max() < 1e-3


def thacker(cells: int) -> float:
    """Return the L1 error after one turn, over the volume (Thacker 1981; Delestre et al. 2013, section 4.2.2)."""
    side, a, h0, eta = 4.0, 1.0, 0.1, 0.5
    turn = np.sqrt(2 * G * h0) / a
    dx = side / cells
    x = (np.arange(cells) + 0.5) * dx - side / 2
    east, south = np.meshgrid(x, x)
    bed = -h0 * (1 - (east**2 + south**2) / a**2)
    depth = np.maximum(eta * h0 / a**2 * (2 * east - eta) - bed, 0.0)
    start = State(depth, 0 * depth, depth * eta * turn)
    flow = simulate(Domain(bed, (dx, dx), 0.0), start, until_s=2 * np.pi / turn)
    assert flow.balance.relative_error < 1e-12
    assert flow.state.depth.min() >= 0.0
    return float(np.abs(flow.state.depth - depth).sum() / depth.sum())


def test_thackers_turning_surface_returns_and_converges() -> None:
    coarse, fine = thacker(50), thacker(100)
    assert fine < 0.02
    assert np.log2(coarse / fine) > 1.5
