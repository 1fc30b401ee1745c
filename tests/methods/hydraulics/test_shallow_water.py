"""The solver against laws and analytic solutions: rest, mass, order, dam break, uniform flow, restart, threads."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from mitoshi.core.errors import InputError
from mitoshi.methods.hydraulics.shallow_water import (
    Domain,
    Edges,
    Open,
    Rain,
    Source,
    State,
    WaterLevel,
    at_rest,
    dry,
    simulate,
    with_buildings,
)

G = 9.81
MODES = ("full", "local-inertial")


def rough_bed(seed: int, shape: tuple[int, int] = (37, 61), height: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.0, height, shape)


def same_bytes(a: State, b: State) -> bool:
    names = (
        "depth",
        "discharge_x",
        "discharge_y",
        "face_x",
        "face_y",
        "maximum_depth",
        "maximum_speed",
        "maximum_hazard",
        "arrival_time_s",
    )
    pairs = [(getattr(a, name), getattr(b, name)) for name in names]
    return all((p is None and q is None) or p.tobytes() == q.tobytes() for p, q in pairs) and a.time_s == b.time_s


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("height", [1.0, 2.0])
def test_a_lake_over_a_rough_bed_stays_at_rest(mode: str, height: float) -> None:
    bed = rough_bed(1, height=height)
    bed[10:14, 20:25] = np.nan
    domain = Domain(bed, (1.0, 1.5), 0.0, Edges(east=WaterLevel((0.0,), (1.3,)), south=Open()))
    lake = at_rest(domain, 1.3)
    end = simulate(domain, lake, until_s=60.0, mode=mode).state
    assert np.abs(end.depth - lake.depth).max() < 1e-13
    assert max(np.abs(end.discharge_x).max(), np.abs(end.discharge_y).max()) < 1e-13


@pytest.mark.parametrize("mode", MODES)
def test_rain_on_a_lake_raises_it_by_its_depth_and_keeps_it_at_rest(mode: str) -> None:
    domain = Domain(rough_bed(2, height=1.0), (2.0, 2.0), 0.03)
    rain = Rain((0.0, 60.0), (1e-4, 1e-4))
    flow = simulate(domain, at_rest(domain, 1.3), until_s=90.0, mode=mode, rain=rain)
    assert flow.balance.rain == pytest.approx(60.0 * 1e-4 * domain.bed.size * 4.0, rel=0.02)
    assert flow.balance.relative_error < 1e-13
    surface = flow.state.depth + domain.bed
    assert np.ptp(surface) < 1e-12
    assert surface.mean() - 1.3 == pytest.approx(flow.balance.rain / (domain.bed.size * 4.0), rel=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_infiltration_takes_its_capacity_and_no_more_than_there_is(mode: str) -> None:
    domain = Domain(np.zeros((20, 20)), (1.0, 1.0), 0.03)
    capacity = np.full(domain.shape, 1e-3)
    some = simulate(domain, at_rest(domain, 0.1), until_s=50.0, mode=mode, infiltration_m_s=capacity)
    assert some.state.depth == pytest.approx(np.full(domain.shape, 0.05), abs=1e-12)
    assert some.balance.infiltration == pytest.approx(0.05 * 400, rel=1e-12)
    everything = simulate(domain, at_rest(domain, 0.1), until_s=200.0, mode=mode, infiltration_m_s=1e-3)
    assert everything.state.depth.max() == 0.0
    assert everything.balance.infiltration == pytest.approx(40.0, rel=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_mass_is_kept_when_everything_happens_at_once(mode: str) -> None:
    bed = rough_bed(3, (50, 60), 3.0) + np.linspace(4.0, 0.0, 60)
    bed[20:24, 30:33] = np.nan
    edges = Edges(east=Open(0.01), west=WaterLevel((0.0, 50.0, 100.0), (4.0, 6.5, 5.0)), north=Open())
    domain = Domain(bed, (5.0, 4.0), 0.04, edges)
    source = Source([(5, 5), (6, 5)], (0.0, 30.0, 60.0), (0.0, 40.0, 0.0))
    tolerance = 1e-12 if mode == "full" else 1e-6
    depth = np.where(np.arange(60) < 20, np.maximum(7.0 - bed, 0.0), 0.0)
    depth[np.isnan(bed)] = 0.0
    start = State(depth, 0 * depth, 0 * depth)
    flow = simulate(
        domain,
        start,
        until_s=200.0,
        mode=mode,
        sources=[source],
        rain=Rain((0.0, 100.0), (1e-5, 1e-5)),
        infiltration_m_s=2e-6,
    )
    assert flow.balance.inflow == pytest.approx(40.0 * 30.0, rel=0.01)
    assert flow.balance.relative_error < tolerance
    assert flow.state.depth.min() >= 0.0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("roughness", [0.0, 0.04])
def test_nothing_leaks_through_walls(mode: str, roughness: float) -> None:
    bed = rough_bed(4, (30, 30), 2.0)
    bed[10:15, 12:13] = np.nan
    depth = np.where(np.add.outer(np.arange(30), np.arange(30)) < 25, 3.0, 0.0) * np.isfinite(bed)
    flow = simulate(Domain(bed, (1.0, 1.0), roughness), State(depth, 0 * depth, 0 * depth), until_s=30.0, mode=mode)
    assert abs(flow.balance.boundary) <= 1e-12 * flow.balance.initial
    assert flow.balance.relative_error <= 1e-12


def ritter(x: np.ndarray, t: float, h: float) -> np.ndarray:
    c, xi = np.sqrt(G * h), x / t
    return np.where(xi <= -c, h, np.where(xi >= 2 * c, 0.0, (2 * c - xi) ** 2 / (9 * G)))


def stoker(x: np.ndarray, t: float, hl: float, hr: float) -> np.ndarray:
    c, xi = np.sqrt(G * hl), x / t
    jump = lambda h: 2 * (c - np.sqrt(G * h)) - (h - hr) * np.sqrt(G * (h + hr) / (2 * h * hr))  # noqa: E731
    h = brentq(jump, hr, hl)
    u = 2 * (c - np.sqrt(G * h))
    shock = h * u / (h - hr)
    fan = (2 * c - xi) ** 2 / (9 * G)
    return np.where(xi <= -c, hl, np.where(xi <= u - np.sqrt(G * h), fan, np.where(xi <= shock, h, hr)))


@pytest.mark.parametrize(("downstream", "largest"), [(0.5, 0.0018), (0.0, 0.0027)])
@pytest.mark.parametrize("turned", [False, True])
def test_dam_break_on_400_by_40_cells(downstream: float, largest: float, turned: bool) -> None:
    """400 m x 40 m in cells of 1 m, 2 m of water over 0.5 m or over dry bed, no friction, t = 20 s (Stoker 1957, Ritter 1892)."""
    x = np.arange(400) - 199.5
    depth = np.broadcast_to(np.where(x < 0, 2.0, downstream), (40, 400)).copy()
    depth = np.ascontiguousarray(depth.T) if turned else depth
    domain = Domain(np.zeros(depth.shape), (1.0, 1.0), 0.0)
    flow = simulate(domain, State(depth, 0 * depth, 0 * depth), until_s=20.0, threads=1)
    found = flow.state.depth.T if turned else flow.state.depth
    exact = stoker(x, 20.0, 2.0, downstream) if downstream else ritter(x, 20.0, 2.0)
    assert np.abs(found - exact).mean() <= largest
    assert flow.balance.relative_error <= 1e-12
    assert abs(flow.balance.boundary) <= 1e-12 * flow.balance.initial
    assert np.ptp(found, axis=0).max() < 1e-12


def simple_wave(x: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
    """A right-going simple wave: u - 2c constant, u + c carried with itself (exact until it breaks)."""
    c0, length = np.sqrt(G * 2.0), 200.0
    profile = lambda s: c0 * (1.0 + 0.01 * np.exp(-(((s - 60.0) / 12.0) ** 2)))  # noqa: E731
    start = x - 3 * c0 * t + 2 * c0 * t
    for _ in range(200):
        start = x - (3 * profile(start) - 2 * c0) * t
    c = profile(start)
    assert np.all(np.abs(x) < 2 * length)
    return c**2 / G, 2 * (c - c0)


def cell_means(n: int, t: float) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(5)
    dx = 200.0 / n
    centers = (np.arange(n) + 0.5) * dx
    h, q = np.zeros(n), np.zeros(n)
    for node, weight in zip(nodes, weights, strict=True):
        depth, speed = simple_wave(centers + 0.5 * dx * node, t)
        h, q = h + 0.5 * weight * depth, q + 0.5 * weight * depth * speed
    return h, q


def test_a_smooth_wave_converges_with_order_above_1_8() -> None:
    """L1 of depth, nonlinear simple wave over a flat bed before it breaks, 100 to 400 cells along the wave."""
    errors = []
    for n in (100, 200, 400):
        h, q = (np.broadcast_to(grid, (4, n)).copy() for grid in cell_means(n, 0.0))
        domain = Domain(np.zeros((4, n)), (200.0 / n, 200.0 / n), 0.0)
        end = simulate(domain, State(h, q, 0 * q), until_s=15.0).state
        errors.append(np.abs(end.depth[0] - cell_means(n, 15.0)[0]).mean())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders.min() >= 1.8


@pytest.mark.parametrize("mode", MODES)
def test_uniform_flow_has_mannings_depth(mode: str) -> None:
    """1 m2/s down a slope of 0.002 with n = 0.03: h = (q n / sqrt(S))^(3/5)."""
    slope, n, q = 0.002, 0.03, 1.0
    normal = (q * n / np.sqrt(slope)) ** 0.6
    bed = np.broadcast_to(-slope * 10.0 * np.arange(100), (3, 100)).copy()
    domain = Domain(bed, (10.0, 10.0), n, Edges(east=Open(slope)))
    source = Source([(r, 0) for r in range(3)], (0.0, 1e9), (q * 30.0, q * 30.0))
    flow = simulate(domain, dry(domain), until_s=4000.0, mode=mode, sources=[source])
    assert flow.state.depth[:, 20:80] == pytest.approx(np.full((3, 60), normal), rel=2e-3)
    assert flow.state.discharge_x[:, 20:80] == pytest.approx(np.full((3, 60), q), rel=1e-3)


@pytest.mark.parametrize("mode", MODES)
def test_threads_and_restart_leave_every_byte_as_it_is(mode: str) -> None:
    bed = rough_bed(5, (90, 70), 1.0) + np.linspace(2.0, 0.0, 70)
    edges = Edges(east=Open(0.01), north=WaterLevel((0.0, 10.0), (1.0, 2.2)))
    domain = Domain(bed, (2.0, 2.0), 0.04, edges)
    source = Source([(40, 3)], (0.0, 3.0, 8.0), (0.0, 20.0, 5.0))

    def run(state: State, **more: object) -> State:
        return simulate(domain, state, until_s=10.0, mode=mode, sources=[source], infiltration_m_s=1e-5, **more).state

    snapshots: list[State] = []
    whole = run(dry(domain), threads=1)
    assert same_bytes(whole, run(dry(domain), threads=2, on_snapshot=snapshots.append, snapshot_interval_s=3.0))
    assert len(snapshots) == 3
    for snapshot in snapshots:
        assert same_bytes(whole, run(snapshot, threads=2))


@pytest.mark.parametrize("mode", MODES)
def test_water_level_edge_fills_a_basin_and_gauges_follow(mode: str) -> None:
    domain = Domain(np.zeros((4, 40)), (5.0, 5.0), 0.03, Edges(west=WaterLevel((0.0, 2000.0), (1.0, 1.5))))
    flow = simulate(domain, at_rest(domain, 1.0), until_s=3000.0, mode=mode, gauges=[(1, 39)], gauge_interval_s=50.0)
    assert flow.state.depth == pytest.approx(np.full((4, 40), 1.5), abs=0.02)
    assert flow.gauge_time_s.tolist() == [50.0 * k for k in range(61)]
    assert flow.gauge_surface[0, 0] == 1.0
    assert flow.gauge_surface[-1, 0] == pytest.approx(1.5, abs=0.02)
    assert flow.balance.boundary == pytest.approx(0.5 * 4 * 40 * 25, rel=0.02)


def test_an_open_edge_lets_a_wave_out() -> None:
    x = 2.0 * np.arange(200) + 1.0
    bump = 0.05 * np.exp(-(((x - 200.0) / 20.0) ** 2))
    domain = Domain(np.zeros((4, 200)), (2.0, 2.0), 0.0, Edges(west=Open(), east=Open()))
    start = at_rest(domain, 2.0 + np.broadcast_to(bump, (4, 200)))
    end = simulate(domain, start, until_s=90.0).state
    assert np.abs(end.depth - 2.0).max() < 0.02 * 0.05


def test_walls_inside_and_buildings_keep_water_out() -> None:
    bed = np.zeros((40, 60))
    house = np.zeros(bed.shape, bool)
    house[15:25, 30:40] = True
    depth = np.where(np.arange(60) < 20, 2.0, 0.0) * np.ones((40, 1))
    raised = Domain(with_buildings(bed, house, 10.0), (1.0, 1.0), 0.03)
    walled = Domain(np.where(house, np.nan, bed), (1.0, 1.0), 0.03)
    for mode in MODES:
        for domain in (raised, walled):
            flow = simulate(domain, State(depth, 0 * depth, 0 * depth), until_s=20.0, mode=mode)
            assert flow.state.depth[house].max() == 0.0
            assert flow.balance.relative_error < 1e-12
            assert np.nanmax(flow.maximum_depth[:, 28]) > 0.5
    assert np.isnan(flow.maximum_depth[house]).all()


def test_maxima_and_arrival_of_the_dry_dam_break() -> None:
    """The front runs at most at 2 sqrt(g h); the hazard of still water is half its depth."""
    x = np.arange(400) - 199.5
    depth = np.broadcast_to(np.where(x < 0, 2.0, 0.0), (4, 400)).copy()
    domain = Domain(np.zeros(depth.shape), (1.0, 1.0), 0.0)
    flow = simulate(domain, State(depth, 0 * depth, 0 * depth), until_s=15.0)
    arrival = flow.arrival_time_s[0, 210:280]
    assert (np.diff(arrival) >= 0).all()
    assert (arrival >= (x[210:280] - 1.0) / (2 * np.sqrt(G * 2.0))).all()
    assert flow.maximum_hazard[0, 0] == 1.0
    assert np.nanmax(flow.maximum_speed) <= 2 * np.sqrt(G * 2.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": "fast"}, "the mode must be"),
        ({"courant": 0.9}, "Courant number"),
        ({"until_s": -1.0}, "must end after its start"),
        ({"gauges": [(0, 0)]}, "gauge_interval_s"),
        ({"gauges": [(99, 0)], "gauge_interval_s": 1.0}, "outside the grid"),
        ({"infiltration_m_s": -1.0}, "infiltration"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, object], message: str) -> None:
    domain = Domain(np.zeros((5, 5)), (1.0, 1.0))
    with pytest.raises(InputError, match=message):
        simulate(domain, dry(domain), **{"until_s": 1.0, **change})  # type: ignore[arg-type]
