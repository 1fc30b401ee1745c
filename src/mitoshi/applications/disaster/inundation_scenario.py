"""A flood to be simulated, as arrays: what the methods, a simulation and a notebook share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.methods.hydraulics.shallow_water import (
    Domain,
    Edges,
    Flow,
    IncidentWave,
    Rain,
    Source,
    State,
    WaterLevel,
    simulate,
)

__all__ = ["Ensemble", "Mode", "Scenario", "Spread", "doubt", "ensemble", "run"]

Floats = NDArray[np.float64]
Mode = Literal["local-inertial", "full"]


@dataclass(frozen=True)
class Scenario:
    """Ground, water at the start and what drives it.

    Attributes
    ----------
    bed
        Elevation [m], shape (y, x), row 0 in the north; NaN is outside.
    cell_m
        Cell size (dy, dx) [m].
    roughness
        Manning's n [s m^-1/3], a number or (y, x).
    depth
        Water at the start [m], (y, x).
    duration_s
        Length of the run [s].
    mode
        "local-inertial" or "full".
    sources, rain, edges
        Inflow, rain and the four edges.
    infiltration_m_s
        Capacity of the ground [m s-1], a number or (y, x).
    wet_depth_m
        Depth from which a cell counts as flooded.
    displacement
        How far an earthquake has raised the surface in `depth` [m], a number or (y, x).
    speed
        Speed of the water at the start, eastward and toward higher rows [m/s], each a number or (y, x).
    gauges
        Row and column of each gauge, (n, 2).
    gauge_interval_s
        Time between two readings of the gauges [s].
    """

    bed: Floats
    cell_m: tuple[float, float]
    roughness: float | Floats
    depth: Floats
    duration_s: float
    mode: Mode = "local-inertial"
    sources: tuple[Source, ...] = ()
    rain: Rain | None = None
    edges: Edges = field(default_factory=Edges)
    infiltration_m_s: float | Floats = 0.0
    wet_depth_m: float = 0.05
    displacement: float | Floats = 0.0
    speed: tuple[float | Floats, float | Floats] = (0.0, 0.0)
    gauges: NDArray[np.int64] | None = None
    gauge_interval_s: float = 60.0


class Spread(NamedTuple):
    """Standard deviations of what is not known well.

    Attributes
    ----------
    forcing
        Of the logarithm of inflow, rain and the displacement by an earthquake (0.2 is about 20 %).
    roughness
        Of the logarithm of Manning's n.
    elevation_m
        Of the elevation [m].
    elevation_length_m
        Distance over which errors of the elevation are alike [m].
    water_level_m
        Of the water levels at the edges [m].
    """

    forcing: float = 0.0
    roughness: float = 0.0
    elevation_m: float = 0.0
    elevation_length_m: float = 500.0
    water_level_m: float = 0.0


class Ensemble(NamedTuple):
    """What the members of an ensemble say.

    Attributes
    ----------
    depth_uncertainty
        Root mean square difference of the members' maximum depth from that of the unperturbed run [m], (y, x).
    probability
        Share of the members, and of the unperturbed run, that flood the cell, (y, x).
    """

    depth_uncertainty: Floats
    probability: Floats


def run(scenario: Scenario) -> Flow:
    """Simulate a scenario.

    Parameters
    ----------
    scenario
        What to simulate.

    Returns
    -------
    Flow
        End state, maxima and mass balance.
    """
    domain = Domain(scenario.bed, scenario.cell_m, scenario.roughness, scenario.edges)
    depth = np.where(np.isfinite(domain.bed), scenario.depth, 0.0)
    state = State(depth, depth * scenario.speed[0], depth * scenario.speed[1])
    gauges = scenario.gauges if scenario.gauges is not None and len(scenario.gauges) else None
    return simulate(
        domain, state, until_s=scenario.duration_s, mode=scenario.mode, sources=scenario.sources, rain=scenario.rain,
        infiltration_m_s=scenario.infiltration_m_s, wet_depth_m=scenario.wet_depth_m,
        gauges=gauges, gauge_interval_s=None if gauges is None else scenario.gauge_interval_s,
    )  # fmt: skip


def doubt(scenario: Scenario, spread: Spread, flow: Flow, *, members: int, seed: int, coarsening: int) -> Ensemble:
    """Return what an ensemble says of a run, NaN everywhere where the run is its only member.

    Parameters
    ----------
    scenario, flow
        The unperturbed run and its result.
    spread, seed, coarsening
        As for `ensemble`.
    members
        Runs in all, the unperturbed one included.
    """
    if members < 2:
        return Ensemble(*np.full((2, *scenario.bed.shape), np.nan))
    flooded = flow.maximum_depth >= scenario.wet_depth_m
    return ensemble(scenario, spread, flooded, members=members - 1, seed=seed, coarsening=coarsening)


def ensemble(
    scenario: Scenario, spread: Spread, flooded: NDArray[np.bool_], *, members: int, seed: int, coarsening: int = 2
) -> Ensemble:
    """Simulate perturbed members on a coarser grid and return how much they differ.

    Parameters
    ----------
    scenario
        The unperturbed run, on the full grid.
    spread
        How far each member may be off.
    flooded
        Where the unperturbed run floods the full grid, (y, x).
    members
        Number of perturbed members, at least 1.
    seed
        Of the perturbations.
    coarsening
        Cells of the full grid along one side of a cell of the members' grid; 1 keeps the full grid. A member costs
        1 / coarsening^3 of the full run.

    Returns
    -------
    Ensemble
        On the full grid.

    Notes
    -----
    Members and the run they are compared with are on the same coarse grid, so the difference between the grids is not taken for
    uncertainty, nor is it included in it: a member changes the full grid's flood only where it floods what the coarse run leaves
    dry, or leaves dry what that floods.
    """
    base = replace(coarser(scenario, coarsening), gauges=None)
    noise = np.random.default_rng(seed)
    control = run(base).maximum_depth
    wet = control >= base.wet_depth_m
    squares, gained, lost = np.zeros((3, *base.bed.shape))
    for _ in range(members):
        depth = run(perturbed(base, spread, noise)).maximum_depth
        squares += np.nan_to_num(depth - control) ** 2
        gained += (depth >= base.wet_depth_m) & ~wet
        lost += wet & ~(depth >= base.wet_depth_m)
    squares, gained, lost = (_finer(layer, coarsening, flooded.shape) for layer in (squares, gained, lost))
    probability = np.where(flooded, members + 1 - lost, gained) / (members + 1)
    uncertainty = np.where(flooded | (gained > 0), np.sqrt(squares / members), 0.0)
    outside = ~np.isfinite(scenario.bed)
    return Ensemble(np.where(outside, np.nan, uncertainty), np.where(outside, np.nan, probability))


def perturbed(scenario: Scenario, spread: Spread, noise: np.random.Generator) -> Scenario:
    """Return one member: forcing and roughness times lognormal factors, elevation and water levels plus normal errors."""
    flow, rough = (float(np.exp(s * noise.standard_normal())) for s in (spread.forcing, spread.roughness))
    shift = float(spread.water_level_m * noise.standard_normal())
    length = spread.elevation_length_m / float(np.sqrt(np.prod(scenario.cell_m)))
    error = spread.elevation_m * correlated(scenario.bed.shape, length, noise)
    # What is known of standing water is its surface, not its bed.
    depth = np.where(
        scenario.depth > 0, np.maximum(scenario.depth - error + (flow - 1.0) * scenario.displacement, 0.0), 0.0
    )
    sources = tuple(replace(s, discharge_m3_s=np.asarray(s.discharge_m3_s) * flow) for s in scenario.sources)
    rain = scenario.rain and replace(scenario.rain, rate_m_s=np.asarray(scenario.rain.rate_m_s) * flow)
    edges = Edges(
        *(
            replace(e, level_m=np.asarray(e.level_m) + shift) if isinstance(e, WaterLevel | IncidentWave) else e
            for e in scenario.edges
        )
    )
    return replace(
        scenario, bed=scenario.bed + error, depth=depth, roughness=scenario.roughness * rough,
        sources=sources, rain=rain, edges=edges,
    )  # fmt: skip


def correlated(shape: tuple[int, ...], length: float, noise: np.random.Generator) -> Floats:
    """Return standard normal noise (y, x), alike over `length` cells: bilinear between independent nodes, of variance 1."""
    length = max(length, 1.0)
    nodes = noise.standard_normal(tuple(int(n / length) + 2 for n in shape))
    (low_y, part_y), (low_x, part_x) = (_between(n, length) for n in shape)
    total, weight = np.zeros(shape), np.zeros(shape)
    for rows, down in ((low_y, 1.0 - part_y), (low_y + 1, part_y)):
        for columns, across in ((low_x, 1.0 - part_x), (low_x + 1, part_x)):
            w = down[:, None] * across[None, :]
            total += w * nodes[rows[:, None], columns[None, :]]
            weight += w**2
    return np.asarray(total / np.sqrt(weight))


def coarser(scenario: Scenario, factor: int) -> Scenario:
    """Return the scenario on cells `factor` times as long: means of what is inside, edges and forcing as they were."""
    if factor == 1:
        return scenario
    bed = _blocks(scenario.bed, factor)
    inside = np.isfinite(scenario.bed)

    def mean(values: float | Floats) -> float | Floats:
        if np.ndim(values) == 0:
            return values
        known = _blocks(np.where(inside, values, np.nan), factor)
        return np.where(np.isfinite(known), known, 0.0)

    sources = tuple(
        replace(s, cells=np.unique(np.asarray(s.cells, dtype=np.int64).reshape(-1, 2) // factor, axis=0))
        for s in scenario.sources
    )
    cell = (scenario.cell_m[0] * factor, scenario.cell_m[1] * factor)
    return replace(
        scenario, bed=bed, cell_m=cell, roughness=mean(scenario.roughness), sources=sources,
        depth=np.asarray(mean(scenario.depth)), infiltration_m_s=mean(scenario.infiltration_m_s),
        displacement=mean(scenario.displacement), speed=(mean(scenario.speed[0]), mean(scenario.speed[1])),
    )  # fmt: skip


def _blocks(values: Floats, factor: int) -> Floats:
    """Return means of `factor` x `factor` blocks of what is not NaN."""
    rows, columns = (-(-n // factor) for n in values.shape)
    padded = np.full((rows * factor, columns * factor), np.nan)
    padded[: values.shape[0], : values.shape[1]] = values
    cut = padded.reshape(rows, factor, columns, factor)
    known = np.isfinite(cut)
    count = known.sum(axis=(1, 3))
    sums = np.where(known, cut, 0.0).sum(axis=(1, 3))
    return np.where(count > 0, sums / np.maximum(count, 1), np.nan)


def _finer(values: Floats, factor: int, shape: tuple[int, ...]) -> Floats:
    return np.asarray(values.repeat(factor, 0).repeat(factor, 1)[: shape[0], : shape[1]])


def _between(count: int, length: float) -> tuple[NDArray[np.int64], Floats]:
    place = np.arange(count) / length
    low = place.astype(np.int64)
    return low, place - low
