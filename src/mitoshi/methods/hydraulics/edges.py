"""Edges and time series of a shallow-water run as arrays for the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError
from mitoshi.methods.hydraulics.domain import Boundary, Domain, IncidentWave, Open, Rain, WaterLevel
from mitoshi.methods.hydraulics.forcing import INCIDENT, LEVEL, NORMAL, OPEN, SEA, WALL
from mitoshi.methods.hydraulics.lanes import BARRIER, PAD

CROSSINGS = 10.0
"""Times that a wave crosses the grid while the sea outside an open edge draws its level back: a wave may run along that edge,
too, and must not be drawn down there."""
PULL_BESIDE = 0.02
"""The same as a share, without advection, beside a side that a wave comes in over. There the depth at the edge follows from this
share alone, so that other sides take all from the sea."""

__all__ = ["EdgeTables", "SeriesTable", "edge_codes", "extend_bed"]


class EdgeTables(NamedTuple):
    """What bounds every edge cell; rows north, south, west, east.

    Kind, number of the series of its level and of its speed (-1 without), slope or still level or pull of the sea outside, and
    room for what comes in.
    """

    kinds: NDArray[np.int64]
    series: NDArray[np.int64]
    speeds: NDArray[np.int64]
    values: NDArray[np.float64]
    incoming: NDArray[np.float64]


class SeriesTable:
    """Time series in one padded table; series 0 is the rain."""

    def __init__(self, rain: Rain | None) -> None:
        self.items: list[tuple[NDArray[np.float64], NDArray[np.float64], bool]] = []
        self.add((0.0,) if rain is None else rain.time_s, (0.0,) if rain is None else rain.rate_m_s, hold=False)

    def add(self, times: Any, values: Any, *, hold: bool) -> int:
        """Add a series and return its number; outside its times it holds its end value or is zero."""
        self.items.append((np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64), hold))
        return len(self.items) - 1

    def table(self) -> tuple[NDArray[Any], ...]:
        """Return times, values, lengths, hold flags and room for the values of one step and for their peaks."""
        sizes = np.array([times.size for times, _, _ in self.items])
        times, values = np.zeros((2, len(self.items), int(sizes.max())))
        for k, (t, v, _) in enumerate(self.items):
            times[k, : t.size], values[k, : t.size] = t, v
        hold = np.array([hold for _, _, hold in self.items])
        return times, values, sizes, hold, np.zeros(len(self.items)), np.zeros(len(self.items))


def edge_codes(domain: Domain, series: SeriesTable, mode: str) -> EdgeTables:
    """Return what bounds every edge cell; series of levels and speeds are added to `series`."""
    ny, nx = domain.shape
    kinds, numbers = np.zeros((2, 4, max(ny, nx)), np.int64)
    speeds = np.full((4, max(ny, nx)), -1, np.int64)
    values, incoming = np.zeros((2, 4, max(ny, nx)))
    known: dict[int, tuple[int, int]] = {}
    bottoms = (domain.bed[0], domain.bed[-1], domain.bed[:, 0], domain.bed[:, -1])
    for side, edge in enumerate(domain.edges):
        length = nx if side < 2 else ny
        cells: list[Any] = [edge] * length if not isinstance(edge, Sequence) else list(edge)
        if len(cells) != length:
            raise InputError(f"an edge given per cell needs {length} boundaries, got {len(cells)}")
        for k, cell in enumerate(cells):
            kinds[side, k], values[side, k] = _code(cell, float(bottoms[side][k]))
            if kinds[side, k] >= LEVEL:
                if id(cell) not in known:
                    known[id(cell)] = _added(cell, series)
                numbers[side, k], speeds[side, k] = known[id(cell)]
    for side, pull in enumerate(_pulls(kinds, domain.shape, mode)):
        values[side, kinds[side] == SEA] = pull
    return EdgeTables(kinds, numbers, speeds, values, incoming)


def _pulls(kinds: NDArray[np.int64], shape: tuple[int, int], mode: str) -> list[float]:
    """Return for each side the share at which the sea beyond it draws the water inside to its level."""
    ny, nx = shape
    if mode == "full":
        return [across / (CROSSINGS * max(shape) ** 2) for across in (ny, ny, nx, nx)]
    driven = [bool(np.isin(row, (LEVEL, INCIDENT)).any()) for row in kinds]
    beside = [any(driven[2:])] * 2 + [any(driven[:2])] * 2
    return [PULL_BESIDE if beside[side] and not driven[side ^ 1] else 1.0 for side in range(4)]


def _code(cell: Boundary, bottom: float) -> tuple[int, float]:
    """Return the kind of an edge cell and its number (see `EdgeTables`)."""
    if isinstance(cell, WaterLevel):
        return LEVEL, 0.0
    if isinstance(cell, IncidentWave):
        return INCIDENT, cell.still_m
    if not isinstance(cell, Open):
        return WALL, 0.0
    if cell.still_m is not None and bottom < cell.still_m:
        return SEA, 1.0
    return (OPEN, 0.0) if cell.slope is None else (NORMAL, cell.slope)


def _added(edge: Boundary, series: SeriesTable) -> tuple[int, int]:
    """Add the level of an edge, and the speed that it may have, to the series; return their numbers."""
    if isinstance(edge, Open):
        return series.add((0.0,), (edge.still_m,), hold=True), -1
    if not isinstance(edge, WaterLevel | IncidentWave):
        raise TypeError(f"{type(edge).__name__} has no water outside")
    level = series.add(edge.time_s, edge.level_m, hold=True)
    if isinstance(edge, WaterLevel) or edge.speed_m_s is None:
        return level, -1
    return level, series.add(edge.time_s, edge.speed_m_s, hold=True)


def extend_bed(bed: NDArray[np.float64], kinds: NDArray[np.int64], mode: str) -> None:
    """Bed of the ghost cells: mirrored at walls and level elsewhere; in the local-inertial mode a barrier but at water levels."""
    ny, nx = bed.shape[0] - 2 * PAD, bed.shape[1] - 2 * PAD
    for side in (2, 3, 0, 1):
        view = bed if side < 2 else bed.T
        length, across = (nx, ny) if side < 2 else (ny, nx)
        more = PAD if side < 2 and mode == "full" else 0
        kind = np.pad(kinds[side, :length], more, mode="edge")
        for g in range(1, PAD + 1):
            ghost = PAD - g if side % 2 == 0 else PAD + across + g - 1
            mirror = PAD + min(g, across) - 1 if side % 2 == 0 else PAD + across - min(g, across)
            beside = PAD if side % 2 == 0 else PAD + across - 1
            inner = slice(PAD - more, PAD + length + more)
            if mode == "full":
                view[ghost, inner] = np.where(kind == WALL, view[mirror, inner], view[beside, inner])
            else:
                view[ghost, inner] = np.where(kind == LEVEL, view[beside, inner], BARRIER)
