"""From a domain and a state to the arrays of the kernels, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError
from mitoshi.methods.hydraulics.domain import Domain, Flow, MassBalance, Rain, Source, State
from mitoshi.methods.hydraulics.edges import SeriesTable, edge_codes, extend_bed
from mitoshi.methods.hydraulics.forcing import INCIDENT, LEVEL, NORMAL, OPEN, SEA
from mitoshi.methods.hydraulics.godunov import march_full
from mitoshi.methods.hydraulics.inertial import march_inertial
from mitoshi.methods.hydraulics.lanes import BARRIER, DRY, GRAVITY, PAD
from mitoshi.methods.hydraulics.tiles import Faces, pad, special_faces, tiling

__all__ = ["March", "Settings"]

CORE = (slice(PAD, -PAD), slice(PAD, -PAD))
THIN = 1.0e-5
"""Depth below which the velocity is calmed [m]."""
STEP_DEPTH = 0.05
"""The step is never longer than over water of this depth [m], so that a dry grid does not swallow a hydrograph in one step."""
CORNER_COURANT = 0.6
"""Largest Courant number of the local-inertial mode with incident waves: corners between two such edges ring at 0.7."""
STEPS_PER_CALL = 2000.0
WORTH_THREADS = 5000
"""Cells from which a second thread saves more time than waiting for it costs."""


class Settings(NamedTuple):
    """How to run."""

    mode: str
    courant: float
    sharpness: float
    wet_depth_m: float
    tracks: bool


class March:
    """A run in progress: the padded arrays, the clock and the sums."""

    def __init__(
        self,
        domain: Domain,
        state: State,
        settings: Settings,
        sources: Sequence[Source],
        rain: Rain | None,
        infiltration_m_s: float | NDArray[np.float64],
        gauges: NDArray[np.int64] | Sequence[tuple[int, int]] | None,
        gauge_interval_s: float | None,
        until_s: float,
    ) -> None:
        self.domain, self.settings = domain, settings
        self.inside = np.isfinite(domain.bed)
        self.area = domain.cell_m[0] * domain.cell_m[1]
        self.series = SeriesTable(rain)
        self.edges = edge_codes(domain, self.series, settings.mode)
        self.fixed = self._fixed(infiltration_m_s)
        self.u = self._buffers(state)
        self.envelopes = self._envelopes(state)
        self.xfaces, self.yfaces = self._faces()
        self.tiling = tiling(*domain.shape)
        self.sources = self._sources(sources)
        self.layout = self._layout()
        self.gauges = _gauges(domain, state, gauges, gauge_interval_s, until_s)
        self.table = self.series.table()
        self.held = 0
        self.initial = self._volume()
        full = settings.mode == "full"
        self.march = march_full if full else march_inertial
        longest = settings.courant * min(domain.cell_m) / math.sqrt(GRAVITY * STEP_DEPTH)
        self.numbers = np.array([*domain.cell_m, settings.sharpness, THIN, settings.wet_depth_m, longest])
        drains = rain is not None or bool((self.fixed[2] > 0).any())
        driven = bool((self.edges.kinds >= LEVEL).any())
        self.flags = np.array([drains, bool((self.fixed[1] > 0).any()), settings.tracks, driven])
        fastest = self._fastest_full() if full else self._fastest_inertial()
        courant = settings.courant
        if not full and bool((self.edges.kinds >= INCIDENT).any()):
            courant = min(courant, CORNER_COURANT)
        self.clock = np.array([state.time_s, state.time_s, until_s, courant, fastest, 0.0, 0.0, 0.0, 0.0, 0.0])
        self.clock[8] = _first_sample(self.gauges[3], state.time_s)

    @property
    def time_s(self) -> float:
        """Seconds since the start."""
        return float(self.clock[0])

    @property
    def finite(self) -> bool:
        """Whether the last step's wave speeds were finite."""
        return bool(np.isfinite(self.clock[4]))

    def advance(self, leg_s: float, threads: int | None) -> None:
        """Step until the first time at or after `leg_s`."""
        before = numba.get_num_threads()
        wanted = before if threads is None else min(threads, _available_threads())
        numba.set_num_threads(wanted if self.inside.size >= WORTH_THREADS else 1)
        try:
            while self.time_s < leg_s and self.finite:
                self.clock[1], self.clock[9] = leg_s, self.clock[7] + STEPS_PER_CALL
                self.held = self.march(
                    self.u, self.fixed, self.envelopes, self.tiling.boxes, self.tiling.shape, self.layout,
                    tuple(self.xfaces), tuple(self.yfaces), tuple(self.edges), self.table, self.sources,
                    self.gauges, self.numbers, self.flags, self.clock, numba.get_num_threads(), self.held,
                )  # fmt: skip
        finally:
            numba.set_num_threads(before)

    def state(self) -> State:
        """Return a copy of the water and the running maxima."""
        h, hu, hv = (np.ascontiguousarray(self.u[self.held, k][CORE]) for k in range(3))
        face_x, face_y = None, None
        if self.settings.mode != "full":
            ny, nx = self.domain.shape
            face_x = self.u[self.held, 1, PAD : PAD + ny, PAD : PAD + nx + 1].copy()
            face_y = self.u[self.held, 2, PAD : PAD + ny + 1, PAD : PAD + nx].copy()
            hu, hv = 0.5 * (face_x[:, 1:] + face_x[:, :-1]), 0.5 * (face_y[1:] + face_y[:-1])
        highest, speed, hazard, arrival = self._maxima()
        return State(h, hu, hv, self.time_s, face_x, face_y, highest, speed, hazard, arrival)

    def flow(self) -> Flow:
        """Return the end state, the maxima, the gauges and the balance."""
        highest, speed, hazard, arrival = (np.where(self.inside, grid, np.nan) for grid in self._maxima())
        samples = self.gauges[3][: int(self.clock[8])]
        bed = self.domain.bed[self.gauges[0] - PAD, self.gauges[1] - PAD]
        depth, flow_x, flow_y = np.split(samples[:, 1:], 3, axis=1)
        inverse = np.where(depth > DRY, 1.0 / np.where(depth > DRY, depth, 1.0), 0.0)
        surface = highest + self.domain.bed
        surface[highest <= 0] = np.nan
        balance, steps = self.balance(), int(self.clock[7])
        return Flow(
            self.state(), highest, surface, speed, hazard, arrival, samples[:, 0], depth + bed, depth, balance, steps,
            flow_x * inverse, flow_y * inverse,
        )  # fmt: skip

    def balance(self) -> MassBalance:
        """Return the volumes of this run."""
        area = self.area
        inflow = float(self.clock[5]) * area
        rain = float(self.clock[6]) * area * int(self.inside.sum())
        boundary = math.fsum(self.layout[0][:, 2]) * area
        infiltration = math.fsum(self.layout[0][:, 3]) * area
        final = self._volume()
        expected = math.fsum((self.initial, inflow, rain, boundary, -infiltration))
        scale = max(self.initial + inflow + rain + max(boundary, 0.0), final)
        error = abs(final - expected) / scale if scale > 0 else 0.0
        return MassBalance(self.initial, inflow, rain, infiltration, boundary, final, error)

    def _maxima(self) -> tuple[NDArray[np.float64], ...]:
        highest, speed, hazard, arrival = (grid[CORE].copy() for grid in self.envelopes)
        arrival[np.isinf(arrival)] = np.nan
        return highest, speed, hazard, arrival

    def _volume(self) -> float:
        return math.fsum(self.u[self.held, 0][CORE].ravel()) * self.area

    def _fixed(self, infiltration_m_s: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """Bed, squared roughness (negative outside the domain) and infiltration capacity, padded."""
        bed = np.where(self.inside, self.domain.bed, BARRIER)
        capacity = np.asarray(infiltration_m_s, dtype=np.float64)
        if capacity.ndim and capacity.shape != self.domain.shape:
            raise InputError(
                f"infiltration has shape {capacity.shape}, the bed {self.domain.shape}; give one grid for both"
            )
        capacity = np.where(self.inside, capacity, 0.0)
        if not (np.isfinite(capacity).all() and (capacity >= 0).all()):
            raise InputError("the infiltration capacity must be finite and not negative wherever there is a bed")
        n2 = np.where(self.inside, np.square(self.domain.roughness), -1.0)
        # Ghost cells mirror the roughness too, or half a step of friction would leak through a wall.
        fixed = np.stack([pad(bed, BARRIER), np.pad(n2, PAD, mode="edge"), pad(capacity, 0.0)])
        extend_bed(fixed[0], self.edges.kinds, self.settings.mode)
        return fixed

    def _buffers(self, state: State) -> NDArray[np.float64]:
        grids = (state.depth, state.discharge_x, state.discharge_y)
        for grid in grids:
            if grid.shape != self.domain.shape:
                raise InputError(f"the state has shape {grid.shape}, the bed {self.domain.shape}")
            if not np.isfinite(grid).all():
                raise InputError("the state must be finite everywhere; depth is 0 where there is no water")
        if (state.depth < 0).any():
            raise InputError("the state's depth must not be negative")
        if (state.depth[~self.inside] > 0).any():
            raise InputError("the state has water where the bed is NaN, outside the domain")
        u = np.zeros((2, 3, state.depth.shape[0] + 2 * PAD, state.depth.shape[1] + 2 * PAD))
        for k, grid in enumerate(grids):
            u[:, k, *CORE] = grid
        if self.settings.mode != "full":
            ny, nx = self.domain.shape
            u[:, 1, PAD : PAD + ny, PAD : PAD + nx + 1] = _on_faces(state.face_x, state.discharge_x, 1)
            u[:, 2, PAD : PAD + ny + 1, PAD : PAD + nx] = _on_faces(state.face_y, state.discharge_y, 0)
        return u

    def _envelopes(self, state: State) -> NDArray[np.float64]:
        wet = state.depth > self.settings.wet_depth_m
        speed = np.hypot(state.discharge_x, state.discharge_y) / np.maximum(state.depth, DRY)
        speed = np.where(wet, speed, 0.0)
        arrival = np.where(wet, state.time_s, np.inf)
        if state.arrival_time_s is not None:
            arrival = np.where(np.isnan(state.arrival_time_s), np.inf, state.arrival_time_s)
        starts = (
            (state.maximum_depth, state.depth),
            (state.maximum_speed, speed),
            (state.maximum_hazard, np.where(wet, (speed + 0.5) * state.depth, 0.0)),
        )
        return np.stack(
            [*(pad(start if known is None else known, 0.0) for known, start in starts), pad(arrival, np.inf)]
        )

    def _faces(self) -> tuple[Faces, Faces]:
        """Faces at inner walls (kinds 0, 1) and at edges (from 2 on; see `inertial`)."""
        wall = np.pad(~self.inside, PAD)
        x: list[Any] = []
        y: list[Any] = []
        inner = np.zeros_like(wall)
        inner[CORE] = True
        for entries, before, after, both in (
            (x, wall[:, :-1], wall[:, 1:], inner[:, :-1] & inner[:, 1:]),
            (y, wall[:-1], wall[1:], inner[:-1] & inner[1:]),
        ):
            for kind, marks in enumerate((~before & after & both, before & ~after & both)):
                row, column = np.nonzero(marks)
                # A face between two rows is stored with the lower row.
                entries.append(
                    (row + (entries is y), column, kind, np.zeros(row.size), np.zeros((row.size, 2), np.int64))
                )
        if self.settings.mode != "full":
            x, y = [], []
        n = np.sqrt(np.maximum(self.fixed[1], 0.0))
        ny, nx = self.domain.shape
        rules = {NORMAL: 0} if self.settings.mode == "full" else {NORMAL: 0, OPEN: 2, INCIDENT: 4, SEA: 4, LEVEL: 6}
        for side, rule in [(side, rule) for side in range(4) for rule in rules]:
            along = np.nonzero(self.edges.kinds[side] == rule)[0]
            rows = PAD + along if side > 1 else np.full(along.size, PAD if side == 0 else PAD + ny - 1)
            columns = PAD + along if side < 2 else np.full(along.size, PAD if side == 2 else PAD + nx - 1)
            inside = ~wall[rows, columns]
            along, rows, columns = along[inside], rows[inside], columns[inside]
            with np.errstate(divide="ignore", invalid="ignore"):
                roots = np.sqrt(self.edges.values[side, along]) if rule == NORMAL else np.zeros(rows.size)
                values = roots / n[rows, columns] if rule == NORMAL else roots
            if rule in (INCIDENT, SEA):
                values = self.edges.values[side, along] if rule == SEA else np.ones(along.size)
            if not np.isfinite(values).all():
                raise InputError("an open edge at normal depth needs roughness above zero beside it")
            kind = (3 if side % 2 == 0 else 2) + rules[rule]
            places = np.stack([np.full(along.size, side), along], axis=1)
            # The full mode names an x face by the cell before it, the local-inertial mode by the cell after it.
            shift = int(side == 3) if self.settings.mode != "full" else -int(side == 2)
            if side < 2:
                y.append((rows + (side == 1), columns, kind, values, places))
            else:
                x.append((rows, columns + shift, kind, values, places))
        rows_padded = wall.shape[0]
        incoming = self.edges.incoming
        return special_faces(x, rows_padded, incoming), special_faces(y, rows_padded, incoming)

    def _sources(self, sources: Sequence[Source]) -> tuple[NDArray[Any], ...]:
        rows, columns, series, share = [], [], [], []
        for source in sources:
            cells = np.asarray(source.cells, dtype=np.int64).reshape(-1, 2)
            _check_cells(self.domain, cells, "a source")
            if not self.inside[cells[:, 0], cells[:, 1]].all():
                raise InputError("a source lies where the bed is NaN, outside the domain")
            number = self.series.add(source.time_s, source.discharge_m3_s, hold=False)
            rows.append(cells[:, 0] + PAD)
            columns.append(cells[:, 1] + PAD)
            series.append(np.full(len(cells), number))
            share.append(np.full(len(cells), 1.0 / (len(cells) * self.area)))
        empty = np.zeros(0, np.int64)
        return (
            np.concatenate([empty, *rows]),
            np.concatenate([empty, *columns]),
            np.concatenate([empty, *series]),
            np.concatenate([np.zeros(0), *share]),
        )

    def _layout(self) -> tuple[NDArray[Any], ...]:
        boxes = self.tiling.boxes
        h = self.u[0, 0]
        wet = np.array([2 if (h[y0:y1, x0:x1] > 0).any() else 0 for y0, y1, x0, x1 in boxes], dtype=np.int64)
        # A source's water may run into the next tile in the step that brings it.
        fed = np.zeros(h.shape, bool)
        for down, across in np.ndindex(3, 3):
            fed[self.sources[0] + down - 1, self.sources[1] + across - 1] = True
        driven = self.edges.kinds >= LEVEL
        fed[PAD, PAD:-PAD] |= driven[0, : self.domain.shape[1]]
        fed[-PAD - 1, PAD:-PAD] |= driven[1, : self.domain.shape[1]]
        fed[PAD:-PAD, PAD] |= driven[2, : self.domain.shape[0]]
        fed[PAD:-PAD, -PAD - 1] |= driven[3, : self.domain.shape[0]]
        always = np.array([fed[y0:y1, x0:x1].any() for y0, y1, x0, x1 in boxes])
        return np.zeros((len(boxes), 4)), wet, np.zeros(len(boxes), np.int64), always

    def _fastest_full(self) -> float:
        """Fastest wave [1/s], bit for bit as the kernel finds it."""
        h, hu, hv = (self.u[0, k][CORE] for k in range(3))
        inverse = np.where(h > DRY, 1.0 / np.where(h > DRY, h, 1.0), 0.0)
        c = np.sqrt(GRAVITY * h)
        dy, dx = self.domain.cell_m
        return float(np.maximum((np.abs(hu) * inverse + c) * (1.0 / dx), (np.abs(hv) * inverse + c) * (1.0 / dy)).max())

    def _fastest_inertial(self) -> float:
        return math.sqrt(GRAVITY * float(self.u[0, 0][CORE].max())) / min(self.domain.cell_m)


def _on_faces(faces: NDArray[np.float64] | None, centers: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Discharge on the faces along an axis: as stored, or the mean of the two cells, zero on the edges."""
    if faces is not None:
        return faces
    low, high = np.delete(centers, -1, axis), np.delete(centers, 0, axis)
    width = [(0, 0), (0, 0)]
    width[axis] = (1, 1)
    return np.pad(0.5 * (low + high), width)


def _available_threads() -> int:
    return int(getattr(numba.config, "NUMBA_NUM_THREADS", 1))


def _check_cells(domain: Domain, cells: NDArray[np.int64], what: str) -> None:
    if cells.size and not ((cells >= 0).all() and (cells < np.array(domain.shape)).all()):
        raise InputError(f"{what} lies outside the grid of {domain.shape[0]} rows and {domain.shape[1]} columns")


def _gauges(
    domain: Domain,
    state: State,
    gauges: NDArray[np.int64] | Sequence[tuple[int, int]] | None,
    interval_s: float | None,
    until_s: float,
) -> tuple[NDArray[Any], ...]:
    """Rows, columns, last depths and discharges, and a table of sampling times, depths and discharges."""
    cells = np.zeros((0, 2), np.int64) if gauges is None else np.asarray(gauges, dtype=np.int64).reshape(-1, 2)
    _check_cells(domain, cells, "a gauge")
    grids = (state.depth, state.discharge_x, state.discharge_y)
    before = np.stack([grid[cells[:, 0], cells[:, 1]].astype(np.float64) for grid in grids])
    times: NDArray[np.float64] = np.zeros(0)
    if interval_s is not None:
        first, last = math.ceil(state.time_s / interval_s), math.floor(until_s / interval_s)
        times = np.arange(first, last + 1, dtype=np.float64) * interval_s
    table = np.zeros((times.size, 1 + 3 * len(cells)))
    table[:, 0] = times
    table[times == state.time_s, 1:] = before.ravel()
    return cells[:, 0] + PAD, cells[:, 1] + PAD, before, table


def _first_sample(table: NDArray[np.float64], time_s: float) -> int:
    return int((table[:, 0] <= time_s).sum())
