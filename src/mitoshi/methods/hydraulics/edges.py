"""Edges and time series of a shallow-water run as arrays for the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError
from mitoshi.methods.hydraulics.domain import Domain, Open, Rain, WaterLevel
from mitoshi.methods.hydraulics.forcing import LEVEL, NORMAL, OPEN, WALL
from mitoshi.methods.hydraulics.lanes import BARRIER, PAD

__all__ = ["SeriesTable", "edge_codes", "extend_bed"]


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
        """Return times, values, lengths, hold flags and room for the values at one time."""
        sizes = np.array([times.size for times, _, _ in self.items])
        times, values = np.zeros((2, len(self.items), int(sizes.max())))
        for k, (t, v, _) in enumerate(self.items):
            times[k, : t.size], values[k, : t.size] = t, v
        hold = np.array([hold for _, _, hold in self.items])
        return times, values, sizes, hold, np.zeros(len(self.items))


def edge_codes(domain: Domain, series: SeriesTable) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Kind, series and slope of every edge cell; rows north, south, west, east."""
    ny, nx = domain.shape
    kinds, numbers = np.zeros((2, 4, max(ny, nx)), np.int64)
    slopes = np.zeros((4, max(ny, nx)))
    known: dict[int, int] = {}
    for side, edge in enumerate(domain.edges):
        length = nx if side < 2 else ny
        cells = [edge] * length if not isinstance(edge, Sequence) else list(edge)
        if len(cells) != length:
            raise InputError(f"an edge given per cell needs {length} boundaries, got {len(cells)}")
        for k, cell in enumerate(cells):
            if isinstance(cell, WaterLevel):
                if id(cell) not in known:
                    known[id(cell)] = series.add(cell.time_s, cell.level_m, hold=True)
                kinds[side, k], numbers[side, k] = LEVEL, known[id(cell)]
            elif isinstance(cell, Open):
                kinds[side, k] = OPEN if cell.slope is None else NORMAL
                slopes[side, k] = 0.0 if cell.slope is None else cell.slope
            else:
                kinds[side, k] = WALL
    return kinds, numbers, slopes


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
