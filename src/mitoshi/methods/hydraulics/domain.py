"""What a shallow-water run is given and what it returns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

__all__ = [
    "Boundary",
    "Domain",
    "Edges",
    "Flow",
    "IncidentWave",
    "MassBalance",
    "Open",
    "Rain",
    "Source",
    "State",
    "Wall",
    "WaterLevel",
    "at_rest",
    "dry",
    "with_buildings",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Wall:
    """A wall without friction: nothing passes."""


@dataclass(frozen=True)
class Open:
    """Water leaves: without reflection (`slope` None: zero gradient), or at the normal depth of a bed slope [m/m].

    Attributes
    ----------
    slope
        Of the bed beyond the edge [m/m].
    still_m
        Level of a sea outside [m]: where the bed of the edge lies below it, waves leave and the water returns to this level;
        where the bed is higher, and everywhere with None, nothing is known of what lies outside.
    """

    slope: float | None = None
    still_m: float | None = None

    def __post_init__(self) -> None:
        if self.still_m is not None and (self.slope is not None or not math.isfinite(self.still_m)):
            raise InputError(
                f"an open edge has a slope or a finite level of the sea outside, got {self.slope} and {self.still_m}"
            )
        if self.slope is not None and not self.slope > 0:
            raise InputError(f"the slope of an open edge must be positive or None, got {self.slope:g}")


@dataclass(frozen=True)
class WaterLevel:
    """A water surface elevation that an edge keeps (tide, reservoir): linear between the times, constant outside them.

    The edge reflects what arrives at it from inside. Inflow is at most what still water of that level drives.

    Attributes
    ----------
    time_s, level_m
        Shape (n,), times not falling.
    """

    time_s: Sequence[float] | Floats
    level_m: Sequence[float] | Floats

    def __post_init__(self) -> None:
        checked_series(self.time_s, self.level_m, "water level")


@dataclass(frozen=True)
class IncidentWave:
    """A wave that comes in over an edge, which lets out what arrives from inside (incoming characteristic given).

    Attributes
    ----------
    time_s, level_m
        Surface of the incoming wave, without what comes back, shape (n,); linear between the times, constant outside them.
    still_m
        Level before the wave [m], for its speed where `speed_m_s` is None: a simple wave straight across the edge.
    speed_m_s
        Speed of the water outside, inward [m s-1], shape (n,); zeros are still water outside (a tide, a radiating edge).
    """

    time_s: Sequence[float] | Floats
    level_m: Sequence[float] | Floats
    still_m: float = 0.0
    speed_m_s: Sequence[float] | Floats | None = None

    def __post_init__(self) -> None:
        checked_series(self.time_s, self.level_m, "incident wave")
        if self.speed_m_s is not None:
            checked_series(self.time_s, self.speed_m_s, "speed of the incident wave")
        if not math.isfinite(self.still_m):
            raise InputError(f"the still level of an incident wave must be finite, got {self.still_m}")


Boundary = Wall | Open | WaterLevel | IncidentWave


class Edges(NamedTuple):
    """The four edges. Each is one boundary, or a sequence with one boundary per cell along the edge."""

    north: Boundary | Sequence[Boundary] = Wall()
    south: Boundary | Sequence[Boundary] = Wall()
    west: Boundary | Sequence[Boundary] = Wall()
    east: Boundary | Sequence[Boundary] = Wall()


@dataclass(frozen=True)
class Domain:
    """The ground that the water runs over.

    Attributes
    ----------
    bed
        Elevation [m], shape (y, x), row 0 in the north; NaN is outside the domain, behind a wall.
    cell_m
        Cell size (dy, dx) [m].
    roughness
        Manning's n [s m^-1/3], a number or shape (y, x).
    edges
        What bounds the grid; a mapping with the names of the edges serves as well.
    """

    bed: Floats
    cell_m: tuple[float, float]
    roughness: float | Floats = 0.03
    edges: Edges | dict[str, Any] = field(default_factory=Edges)

    def __post_init__(self) -> None:
        bed = np.ascontiguousarray(self.bed, dtype=np.float64)
        if bed.ndim != 2 or min(bed.shape) < 1 or not np.isfinite(bed).any():
            raise InputError(f"the bed must be a grid with at least one finite cell, got shape {bed.shape}")
        if np.isinf(bed).any() or np.nanmax(np.abs(bed)) > 2.0e4:
            raise InputError("bed elevations must lie within 20,000 m of zero; is the no-data value not set to NaN?")
        dy, dx = self.cell_m
        if not (dy > 0 and dx > 0 and math.isfinite(dy * dx)):
            raise InputError(f"cell sizes must be positive metres, got {self.cell_m}")
        roughness = np.asarray(self.roughness, dtype=np.float64)
        if roughness.ndim and roughness.shape != bed.shape:
            raise InputError(f"roughness has shape {roughness.shape}, the bed {bed.shape}; give one grid for both")
        known = np.broadcast_to(roughness, bed.shape)[np.isfinite(bed)]
        if not (np.isfinite(known).all() and (known >= 0).all()):
            raise InputError("roughness (Manning's n) must be finite and not negative wherever there is a bed")
        object.__setattr__(self, "bed", bed)
        object.__setattr__(self, "edges", self.edges if isinstance(self.edges, Edges) else Edges(**self.edges))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.bed.shape[0]), int(self.bed.shape[1])


@dataclass(frozen=True)
class State:
    """The water at one time, and what was highest until then: all that a run needs to go on.

    Attributes
    ----------
    depth
        [m], shape (y, x); 0 outside the domain.
    discharge_x, discharge_y
        Discharge per width [m2 s-1] at cell centres, eastward and toward higher rows, shape (y, x).
    time_s
        Seconds since the start.
    face_x, face_y
        Discharge per width on the cell faces, shapes (y, x + 1) and (y + 1, x); local-inertial mode only.
    maximum_depth, maximum_speed, maximum_hazard
        Running maxima [m, m s-1, m2 s-1].
    arrival_time_s
        First time at which the depth exceeded the wet depth; NaN where it never did.
    """

    depth: Floats
    discharge_x: Floats
    discharge_y: Floats
    time_s: float = 0.0
    face_x: Floats | None = None
    face_y: Floats | None = None
    maximum_depth: Floats | None = None
    maximum_speed: Floats | None = None
    maximum_hazard: Floats | None = None
    arrival_time_s: Floats | None = None


@dataclass(frozen=True)
class Source:
    """Water let in over some cells: the discharge is spread evenly, linear in time, zero outside the times given.

    Attributes
    ----------
    cells
        Row and column of each cell, shape (n, 2).
    time_s, discharge_m3_s
        Shape (m,); a negative discharge is not allowed.
    """

    cells: NDArray[np.int64] | Sequence[tuple[int, int]]
    time_s: Sequence[float] | Floats
    discharge_m3_s: Sequence[float] | Floats

    def __post_init__(self) -> None:
        checked_series(self.time_s, self.discharge_m3_s, "discharge")
        if np.min(np.asarray(self.discharge_m3_s)) < 0:
            raise InputError(
                "a source's discharge must not be negative; use infiltration or an open edge to take water out"
            )


@dataclass(frozen=True)
class Rain:
    """Rain on every cell: rate [m s-1], linear in time, zero outside the times given. Shapes (m,)."""

    time_s: Sequence[float] | Floats
    rate_m_s: Sequence[float] | Floats

    def __post_init__(self) -> None:
        checked_series(self.time_s, self.rate_m_s, "rain")
        if np.min(np.asarray(self.rate_m_s)) < 0:
            raise InputError("rain must not be negative; use infiltration to take water out")


class MassBalance(NamedTuple):
    """Volumes of one run [m3]; `relative_error` = |final - expected| / (initial + all that came in)."""

    initial: float
    inflow: float
    rain: float
    infiltration: float
    boundary: float
    final: float
    relative_error: float


class Flow(NamedTuple):
    """What a run returns.

    Grids have shape (y, x) and are NaN outside the domain; `maximum_surface` is NaN also where it never was wet, `arrival_time_s`
    where the depth never exceeded the wet depth. Gauges have shape (times, gauges), linear in time between the steps; their
    speeds run east and toward higher rows [m s-1], 0 where it is dry.
    """

    state: State
    maximum_depth: Floats
    maximum_surface: Floats
    maximum_speed: Floats
    maximum_hazard: Floats
    arrival_time_s: Floats
    gauge_time_s: Floats
    gauge_surface: Floats
    gauge_depth: Floats
    balance: MassBalance
    steps: int
    gauge_speed_x: Floats
    gauge_speed_y: Floats


def checked_series(times: Sequence[float] | Floats, values: Sequence[float] | Floats, name: str) -> None:
    """Refuse a time series that is empty, ragged, not finite or not in order.

    Raises
    ------
    InputError
        Naming the series.
    """
    t, v = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if t.ndim != 1 or t.shape != v.shape or t.size == 0:
        raise InputError(
            f"the {name} series needs as many times as values and at least one, got {t.shape} and {v.shape}"
        )
    if not (np.isfinite(t).all() and np.isfinite(v).all() and (np.diff(t) >= 0).all()):
        raise InputError(f"the {name} series must be finite with times that do not fall")


def dry(domain: Domain) -> State:
    """Return a state without water.

    Parameters
    ----------
    domain
        Gives the shape.

    Returns
    -------
    State
        At time 0.
    """
    return State(np.zeros(domain.shape), np.zeros(domain.shape), np.zeros(domain.shape))


def at_rest(domain: Domain, level_m: float | Floats) -> State:
    """Return still water up to one level.

    Parameters
    ----------
    domain
        Gives bed and shape.
    level_m
        Elevation of the water surface [m], a number or shape (y, x).

    Returns
    -------
    State
        At time 0.
    """
    depth = np.maximum(np.nan_to_num(level_m - domain.bed, nan=0.0), 0.0)
    return State(depth, np.zeros(domain.shape), np.zeros(domain.shape))


def with_buildings(bed: Floats, mask: NDArray[np.bool_], height_m: float) -> Floats:
    """Return the bed with buildings as raised ground.

    Parameters
    ----------
    bed
        Elevation [m], shape (y, x).
    mask
        True where a building stands, shape (y, x).
    height_m
        How far the building rises above its ground [m].

    Returns
    -------
    NDArray[np.float64]
        Shape (y, x). Water deeper than the height runs over the roof; use NaN for walls that nothing passes.
    """
    return np.where(mask, bed + height_m, bed)
