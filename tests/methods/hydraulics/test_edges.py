"""Edges against theory: levels on dry ground, waves that come in and go out, and steps that see what drives the water."""

from __future__ import annotations

import numpy as np
import pytest

from mitoshi.core.errors import InputError
from mitoshi.methods.hydraulics.shallow_water import (
    Domain,
    Edges,
    IncidentWave,
    Open,
    Rain,
    Source,
    State,
    Wall,
    WaterLevel,
    at_rest,
    dry,
    simulate,
)

G = 9.81
MODES = ("full", "local-inertial")


def flat(columns: int, edges: Edges, *, bed: float = 0.0, cell: float = 1.0, rows: int = 3) -> Domain:
    return Domain(np.full((rows, columns), bed), (cell, cell), 0.0, edges)


def inflow_m2_s(edge: object, mode: str) -> float:
    """Discharge per width over the west edge onto long, dry, flat ground."""
    domain = flat(300, Edges(west=edge, east=Open()))
    flow = simulate(domain, dry(domain), until_s=20.0, mode=mode)
    assert flow.balance.relative_error < 1e-13
    assert flow.balance.boundary == pytest.approx(flow.balance.final, rel=1e-12)
    return flow.balance.boundary / 3.0 / 20.0


@pytest.mark.parametrize("head", [0.5, 2.0])
def test_still_water_beside_dry_ground_flows_in_as_ritter_says(head: float) -> None:
    """Ritter 1892: q = 8/27 sqrt(g) H^1.5 through the place of the dam."""
    edge = IncidentWave((0.0,), (head,), speed_m_s=(0.0,))
    assert inflow_m2_s(edge, "full") == pytest.approx(8 / 27 * np.sqrt(G) * head**1.5, rel=0.01)


@pytest.mark.parametrize("head", [0.5, 2.0])
def test_a_level_beside_dry_ground_drives_critical_flow_under_its_head(head: float) -> None:
    """Broad-crested weir: q = (2/3)^1.5 sqrt(g) H^1.5, never g h^2 of one long step."""
    largest = (2 / 3) ** 1.5 * np.sqrt(G) * head**1.5
    assert inflow_m2_s(WaterLevel((0.0,), (head,)), "full") == pytest.approx(largest, rel=0.01)
    assert 0.0 < inflow_m2_s(WaterLevel((0.0,), (head,)), "local-inertial") <= largest * (1 + 1e-9)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("head", [0.5, 1.0, 2.0, 8.0])
def test_a_sudden_level_floods_a_slope_to_its_height(mode: str, head: float) -> None:
    """A beach of 1 in 250: the water ends on the level, and on its way its surface stays near the head (not g h^2)."""
    bed = np.broadcast_to(0.1 * np.arange(100), (3, 100)).copy()
    domain = Domain(bed, (25.0, 25.0), 0.05, Edges(west=WaterLevel((0.0,), (head,))))
    flow = simulate(domain, dry(domain), until_s=7200.0, mode=mode)
    assert flow.balance.relative_error < 1e-13
    assert flow.maximum_depth.max() <= 1.05 * head
    assert np.nanmax(np.where(flow.maximum_depth > 0.05, flow.maximum_surface, 0.0)) <= 1.1 * head + 0.05
    assert np.nanmax(flow.maximum_speed) <= 3.0 * np.sqrt(G * head)
    still = np.maximum(head - bed, 0.0).sum()
    assert flow.state.depth.sum() == pytest.approx(still, rel=0.06)


@pytest.mark.parametrize("mode", MODES)
def test_a_level_below_the_bed_lets_nothing_in_and_a_falling_one_takes_no_more_than_there_is(mode: str) -> None:
    edges = Edges(west=WaterLevel((0.0,), (-5.0,)))
    domain = flat(40, edges)
    flow = simulate(domain, dry(domain), until_s=60.0, mode=mode)
    assert flow.state.depth.max() == 0.0
    ebb = flat(40, Edges(west=WaterLevel((0.0, 1.0, 400.0), (1.0, -3.0, -3.0))))
    out = simulate(ebb, at_rest(ebb, 1.0), until_s=400.0, mode=mode)
    assert out.state.depth.min() >= 0.0
    assert out.balance.relative_error < 1e-13
    assert 0.0 < out.balance.final < 0.1 * out.balance.initial
    assert out.maximum_depth.max() <= 1.0 + 1e-9


def pulse(time: np.ndarray, height: float, *, middle: float = 20.0, width: float = 6.0) -> np.ndarray:
    return height * np.exp(-(((time - middle) / width) ** 2))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("side", ["west", "east", "north", "south"])
def test_a_wave_comes_in_turns_at_a_wall_and_leaves(mode: str, side: str) -> None:
    """The wave arrives as it was sent (linear theory), doubles at the wall, and less than 3 % of it comes back at the edge."""
    time = np.arange(0.0, 200.0, 0.5)
    record = IncidentWave(time, pulse(time, 0.02))
    opposite = {"west": "east", "east": "west", "north": "south", "south": "north"}[side]
    edges = Edges(**{side: record, opposite: Wall()})
    along = side in ("west", "east")
    bed = np.full((3, 200) if along else (200, 3), -4.0)
    place = {"west": (1, 100), "east": (1, 99), "north": (100, 1), "south": (99, 1)}[side]
    end = {"west": (1, 199), "east": (1, 0), "north": (199, 1), "south": (0, 1)}[side]
    domain = Domain(bed, (1.0, 1.0), 0.0, edges)
    flow = simulate(domain, at_rest(domain, 0.0), until_s=160.0, mode=mode, gauges=[place, end], gauge_interval_s=0.5)
    clock, middle, wall = flow.gauge_time_s, flow.gauge_surface[:, 0], flow.gauge_surface[:, 1]
    arrival = 100.5 / np.sqrt(G * 4.0)
    np.testing.assert_allclose(
        middle[clock < 36.0], pulse(clock[clock < 36.0], 0.02, middle=20.0 + arrival), atol=0.0006
    )
    assert wall.max() == pytest.approx(0.04, rel=0.03)
    assert np.abs(middle[clock > 90.0]).max() < 0.03 * 0.02
    inward = flow.gauge_speed_x[:, 0] if along else flow.gauge_speed_y[:, 0]
    sign = 1.0 if side in ("west", "north") else -1.0
    assert (sign * inward).max() == pytest.approx(0.02 * np.sqrt(G / 4.0), rel=0.03)


def test_an_absorbing_edge_is_as_good_as_a_longer_domain() -> None:
    """Independent truth: the same wave started inside a domain so long that nothing comes back from its end."""
    x = np.arange(900) + 0.5
    hump = 0.05 * np.exp(-(((x - 700.0) / 15.0) ** 2))
    long = flat(900, Edges(), bed=-4.0)
    short = flat(300, Edges(west=IncidentWave((0.0,), (0.0,), speed_m_s=(0.0,))), bed=-4.0)
    args = {"until_s": 120.0, "gauge_interval_s": 1.0}
    far = simulate(long, at_rest(long, np.tile(hump, (3, 1))), gauges=[(1, 650)], **args)
    near = simulate(short, at_rest(short, np.tile(hump[600:], (3, 1))), gauges=[(1, 50)], **args)
    assert np.abs(far.gauge_surface - near.gauge_surface).max() < 0.02 * 0.05


@pytest.mark.parametrize("mode", MODES)
def test_a_slow_tide_over_still_water_outside_is_followed(mode: str) -> None:
    """A basin short against the tide: its level is that of the sea outside."""
    time = np.linspace(0.0, 4000.0, 81)
    tide = 0.5 * np.sin(2 * np.pi * time / 4000.0)
    domain = flat(20, Edges(west=IncidentWave(time, tide, speed_m_s=np.zeros(time.size))), bed=-4.0, cell=5.0)
    flow = simulate(domain, at_rest(domain, 0.0), until_s=4000.0, mode=mode, gauges=[(1, 15)], gauge_interval_s=50.0)
    np.testing.assert_allclose(flow.gauge_surface[:, 0], tide, atol=0.02)


@pytest.mark.parametrize("mode", MODES)
def test_a_harbour_forced_from_all_its_open_sides_does_not_ring_up(mode: str) -> None:
    """A level at three sides holds them and reflects at each; still water outside lets the waves out: no higher than at a wall."""
    time = np.arange(0.0, 300.0, 1.0)
    record = 0.5 * np.sin(2 * np.pi * time / 19.0)
    highest = {}
    for name, edge in (
        ("level", WaterLevel(time, record)),
        ("incident", IncidentWave(time, record, speed_m_s=np.zeros(time.size))),
    ):
        domain = Domain(np.full((30, 30), -10.0), (5.0, 5.0), 0.0, Edges(north=edge, west=edge, south=edge))
        flow = simulate(domain, at_rest(domain, 0.0), until_s=300.0, mode=mode)
        highest[name] = float(flow.maximum_surface.max())
    assert highest["incident"] < 2.0 * 0.5
    assert highest["level"] > 1.2 * highest["incident"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("still", [0.0, 1.3])
def test_a_lake_stays_at_rest_beside_an_absorbing_edge(mode: str, still: float) -> None:
    bed = np.random.default_rng(3).uniform(still - 1.0, still + 0.5, (12, 17))
    bed[0, 3] = np.nan
    quiet = IncidentWave((0.0,), (still,), still_m=still)
    domain = Domain(
        bed, (1.0, 1.5), 0.03, Edges(quiet, quiet, IncidentWave((0.0,), (still,), speed_m_s=(0.0,)), Wall())
    )
    lake = at_rest(domain, still)
    end = simulate(domain, lake, until_s=60.0, mode=mode).state
    assert np.abs(end.depth - lake.depth).max() < 1e-13
    assert max(np.abs(end.discharge_x).max(), np.abs(end.discharge_y).max()) < 1e-12


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("discharge", [1.0, 1000.0])
def test_a_flash_of_inflow_on_dry_ground_counts_whole_and_stays_in_bounds(mode: str, discharge: float) -> None:
    """A storm of 3 s on 5 m cells, where a step over dry ground would be 7 s: its volume is exact, and no cell explodes."""
    domain = Domain(np.zeros((21, 21)), (5.0, 5.0), 0.03)
    source = Source([(10, 10)], (1.0, 4.0), (discharge, discharge))
    flow = simulate(domain, dry(domain), until_s=60.0, mode=mode, sources=[source])
    assert flow.balance.inflow == pytest.approx(3.0 * discharge, rel=1e-9)
    assert flow.balance.relative_error < 1e-13
    assert flow.maximum_depth.max() < 1.2 * (discharge / 5.0 / 4.0) ** (2 / 3)
    if mode == "full":
        assert np.nanmax(flow.maximum_speed) < 3.0 * np.sqrt(G * max(flow.maximum_depth.max(), 0.05))


@pytest.mark.parametrize("mode", MODES)
def test_a_cloudburst_shorter_than_a_step_falls_whole(mode: str) -> None:
    domain = Domain(np.zeros((4, 4)), (100.0, 100.0), 0.03)
    flow = simulate(domain, dry(domain), until_s=1000.0, mode=mode, rain=Rain((200.0, 210.0), (1e-3, 1e-3)))
    assert flow.state.depth == pytest.approx(np.full((4, 4), 0.01), rel=1e-9)


@pytest.mark.parametrize("shape", [(1, 30), (30, 1), (1, 1)])
@pytest.mark.parametrize("mode", MODES)
def test_single_rows_columns_and_cells_fill_to_the_level(shape: tuple[int, int], mode: str) -> None:
    edges = Edges(**{"west" if shape[0] == 1 else "north": WaterLevel((0.0,), (1.0,))})
    domain = Domain(np.zeros(shape), (5.0, 5.0), 0.1, edges)
    flow = simulate(domain, dry(domain), until_s=3000.0, mode=mode)
    assert flow.state.depth == pytest.approx(np.ones(shape), abs=0.05)
    assert flow.balance.relative_error < 1e-13


@pytest.mark.parametrize("mode", MODES)
def test_water_that_starts_with_a_speed_runs_on_with_it(mode: str) -> None:
    """A uniform current between still edges keeps its discharge until its ends are felt; gauges tell depth and speed."""
    domain = Domain(np.zeros((3, 100)), (5.0, 5.0), 0.0, Edges(west=Open(), east=Open()))
    speed = np.full(domain.shape, 2.0 * 0.4)
    flow = simulate(
        domain, State(np.full(domain.shape, 2.0), speed, 0 * speed), until_s=10.0, mode=mode,
        gauges=[(1, 50)], gauge_interval_s=5.0,
    )  # fmt: skip
    np.testing.assert_allclose(flow.gauge_speed_x, 0.4, rtol=1e-9)
    np.testing.assert_allclose(flow.gauge_depth, 2.0, rtol=1e-9)


@pytest.mark.parametrize("values", [(0.0, np.nan), (0.0, np.inf), (0.0,)])
def test_edge_series_with_gaps_are_refused(values: tuple[float, ...]) -> None:
    for edge in (WaterLevel, IncidentWave):
        with pytest.raises(InputError, match="series"):
            edge((0.0, 1.0), values)
    with pytest.raises(InputError, match="do not fall"):
        IncidentWave((1.0, 0.0), (0.0, 0.0))
