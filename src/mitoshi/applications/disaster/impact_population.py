"""People by depth class, with the range under a common error of depth, and the people of whom nothing was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mitoshi.applications.disaster.impact_tables import table
from mitoshi.applications.disaster.impact_uncertainty import HIGH, LOW, QUANTILES, Levels, exceedance
from mitoshi.applications.disaster.impact_unseen import (
    LIKELY,
    UNLIKELY,
    Spread,
    Unseen,
    add_unseen,
    empty_unseen,
    spreads,
)

if TYPE_CHECKING:
    from mitoshi.applications.disaster.impact_grid import Grid
    from mitoshi.applications.disaster.impact_survey import WaterBand

__all__ = [
    "ClassCounts", "NearWater", "add_people", "add_unseen_people", "class_edges", "class_table", "empty_counts",
    "people_layers", "people_of", "seen_people",
]  # fmt: skip

Floats = NDArray[np.float64]
SHIFTS = np.array([0.0, LOW, HIGH, *QUANTILES])


class ClassCounts(NamedTuple):
    """People per common error and depth class.

    Attributes
    ----------
    people
        (shifts, classes + 2): dry, the depth classes, not observed.
    edges
        (classes - 1,) depths between the classes [m].
    half_width
        Half of the 90 % range of the people in water that sharing their counts out over pixels leaves open.
    unseen
        People where nothing was observed and the probability of water is known, for the depths 0 and `edges`; None where no
        probability is given. They are not among `people`.
    """

    people: Floats
    edges: Floats
    half_width: float = 0.0
    unseen: Unseen | None = None

    @property
    def not_determined(self) -> float:
        """People of whom nothing is known."""
        return float(self.people[0, -1])

    @property
    def not_observed(self) -> float:
        """People whose ground was not observed."""
        return self.not_determined + (0.0 if self.unseen is None else float(self.unseen.weight[0]))

    @property
    def everyone(self) -> float:
        """All people."""
        return float(self.people[0, :-1].sum()) + self.not_observed


def class_edges() -> Floats:
    """Return the depths between the eight classes of the detailed hazard map [m]."""
    return np.asarray(table("limits")["depth_classes_m"]["values"], float)


def empty_counts(grid: Grid | None = None) -> ClassCounts:
    """Return counts of nobody; with a grid, also of those where nothing was observed."""
    edges = class_edges()
    unseen = None if grid is None else empty_unseen(edges.size + 1, grid)
    return ClassCounts(np.zeros((SHIFTS.size, edges.size + 3)), edges, unseen=unseen)


def add_unseen_people(counts: ClassCounts, band: WaterBand, people: NDArray[Any]) -> None:
    """Add the people of one band where nothing was observed and a probability of water is known, in place.

    Parameters
    ----------
    counts
        So far, made with a grid.
    band
        The water.
    people
        (rows, columns) people per cell; NaN is nobody known.
    """
    if counts.unseen is None:
        return
    row, column = np.nonzero(band.unseen & (people > 0))
    levels = Levels(band.level[row, column].astype(float), band.sigma[row, column].astype(float))
    chance = _by_depth(counts.edges, levels)
    add_unseen(counts.unseen, chance, people[row, column].astype(float), row + band.first, column)


def seen_people(band: WaterBand, people: NDArray[Any]) -> NDArray[Any]:
    """Return people per cell without those that `add_unseen_people` counts."""
    return np.where(band.unseen, np.float32(0.0), people) if band.level.size else people


def _by_depth(edges: Floats, levels: Levels) -> Floats:
    return np.stack([exceedance(levels, t) for t in (0.0, *edges)])


class NearWater(NamedTuple):
    """Ground and the water level nearby, for people on dry ground that would be wet under an error.

    Attributes
    ----------
    ground
        (rows, columns) of the band [m]; of no size where elevation is not given.
    level, sigma
        (block rows, block columns) of the scene: elevation of the water's surface and its uncertainty [m].
    block
        Pixels of a side of a block.
    first
        Row of the scene at which the band begins.
    """

    ground: NDArray[Any]
    level: Floats
    sigma: Floats
    block: int
    first: int


NOBODY = Levels(np.zeros(0), np.zeros(0))
NOWHERE = NearWater(np.zeros((0, 0), np.float32), np.zeros((0, 0)), np.zeros((0, 0)), 1, 0)


def add_people(
    counts: ClassCounts, depth: NDArray[Any], sigma: NDArray[Any], people: NDArray[Any], near: NearWater = NOWHERE
) -> None:
    """Add the people of one band, in place.

    Parameters
    ----------
    counts
        So far.
    depth, sigma
        (rows, columns) depth [m], 0 dry, NaN not observed, and its standard uncertainty on wet pixels.
    people
        (rows, columns) people per cell; NaN is nobody known.
    near
        Water level near dry ground.
    """
    _add(counts.people, counts.edges, SHIFTS, depth, sigma, people, *near)


def people_of(
    levels: Levels,
    people: Floats,
    unseen: NDArray[np.bool_] | None = None,
    grid: Grid | None = None,
    places: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> ClassCounts:
    """Return counts of people known by building instead of by cell.

    Parameters
    ----------
    levels
        At the buildings.
    people
        In each.
    unseen
        Buildings not observed, whose levels are those of water that may be there; None for none.
    grid, places
        The grid, and row and column of each building; asked for with `unseen`.
    """
    apart = unseen is not None and grid is not None and places is not None
    counts = empty_counts(grid if apart else None)
    if unseen is not None and counts.unseen is not None and places is not None:
        there = unseen & (people > 0) & (places[0] >= 0)
        chosen = Levels(levels.level[there], levels.sigma[there])
        add_unseen(counts.unseen, _by_depth(counts.edges, chosen), people[there], places[0][there], places[1][there])
        people = np.where(there, 0.0, people)
    depth = np.where(np.isnan(levels.level), np.nan, levels.depth)
    height = np.where(levels.level <= 0, -levels.level, np.inf)
    # One block per building, whose water stands at zero.
    near = NearWater(height[None, :], np.zeros((1, height.size)), levels.sigma[None, :], 1, 0)
    add_people(counts, depth[None, :], levels.sigma[None, :], people[None, :], near)
    return counts


def people_layers(band: WaterBand, people: NDArray[Any], near: NearWater = NOWHERE) -> NDArray[np.float32]:
    """Return people per cell, (6, rows, columns).

    All, in water at the estimate and at both ends of the range, not observed, and of these without any estimate. Where nothing
    was observed the estimate is the expected number, and errors are common to all that is added up.
    """
    seen = np.asarray(_layers(band.depth, band.sigma, seen_people(band, people), *near))
    found = np.concatenate([seen, seen[4:]])
    row, column = np.nonzero(band.unseen & (people > 0))
    levels = (
        Levels(band.level[row, column].astype(float), band.sigma[row, column].astype(float)) if row.size else NOBODY
    )
    chance, here = exceedance(levels, 0.0), people[row, column]
    for layer, share in enumerate((1.0, chance, chance > LIKELY, chance > UNLIKELY, 1.0)):
        found[layer, row, column] = here * share
    return found


@njit(cache=True)
def _margin(
    row: int, column: int, ground: Any, level: Any, sigma: Any, block: int, first: int
) -> tuple[float, float]:  # pragma: no cover
    """Return the height of dry ground above the water nearby and its uncertainty; infinite where there is none."""
    if ground.size == 0:
        return np.inf, 0.0
    r, c = (first + row) // block, column // block
    height = ground[row, column] - level[r, c]
    if height != height:
        return np.inf, 0.0
    return max(height, 0.0), sigma[r, c]


@njit(cache=True)
def _add(
    counts: Any, edges: Any, shifts: Any, depth: Any, sigma: Any, people: Any, ground: Any, level: Any, level_sigma: Any,
    block: int, first: int,
) -> None:  # fmt: skip  # pragma: no cover
    last = counts.shape[1] - 1
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            here, water = people[row, column], float(depth[row, column])
            if not here > 0:
                continue
            if water != water:
                for k in range(shifts.size):
                    counts[k, last] += here
                continue
            spread = float(sigma[row, column])
            if water <= 0:
                height, spread = _margin(row, column, ground, level, level_sigma, block, first)
                water = -height
            spread = spread if spread == spread else 0.0
            for k in range(shifts.size):
                value = water + shifts[k] * spread
                place = 0
                if value > 0:
                    place = 1
                    while place <= edges.size and value >= edges[place - 1]:
                        place += 1
                counts[k, place] += here


@njit(cache=True)
def _layers(
    depth: Any, sigma: Any, people: Any, ground: Any, level: Any, level_sigma: Any, block: int, first: int
) -> Any:  # pragma: no cover
    found = np.zeros((5, *depth.shape), np.float32)
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            here, water = people[row, column], depth[row, column]
            if not here > 0:
                continue
            found[0, row, column] = here
            if water > 0:
                found[1, row, column] = here
                found[3, row, column] = here
                if not water + LOW * sigma[row, column] <= 0:
                    found[2, row, column] = here
            elif water != water:
                found[4, row, column] = here
            else:
                height, spread = _margin(row, column, ground, level, level_sigma, block, first)
                if HIGH * spread - height > 0:
                    found[3, row, column] = here
    return found


class ClassRow(NamedTuple):
    """One row of the table of people.

    Attributes
    ----------
    kind
        "dry", "depth" or "not_observed"; where probabilities are given the last is "not_determined".
    above, below
        Bounds of the class [m]; NaN where there is none.
    people, people_lower, people_upper
        In the class.
    at_least, at_least_lower, at_least_upper
        In this and all deeper classes.
    """

    kind: str
    above: float
    below: float
    people: float
    people_lower: float
    people_upper: float
    at_least: float
    at_least_lower: float
    at_least_upper: float


def class_table(counts: ClassCounts, length_m: float) -> list[ClassRow]:
    """Return the table: dry, the depth classes from shallow to deep, and not observed.

    People where nothing was observed and the probability of water is known count in the classes by their expected number, and
    the ends of both ranges are added, as if both errors were one; the last row holds only those of whom nothing is known.

    Parameters
    ----------
    counts
        Of everyone.
    length_m
        Over which errors are shared where nothing was observed, see `mitoshi.applications.disaster.impact_unseen.spreads`.
    """
    people, edges = counts.people, counts.edges
    bounds = np.concatenate([[0.0], edges, [np.nan]])
    deeper = np.cumsum(people[:, -2:0:-1], axis=1)[:, ::-1]
    rows = [_row("dry", np.nan, np.nan, people[:, 0], np.full(len(SHIFTS), np.nan))]
    rows += [_row("depth", bounds[n], bounds[n + 1], people[:, n + 1], deeper[:, n]) for n in range(edges.size + 1)]
    rows = _with_unseen(rows, counts.unseen, length_m)
    rows[:2] = _widened(rows[0], rows[1], counts.half_width)
    kind = "not_observed" if counts.unseen is None else "not_determined"
    return [*rows, _row(kind, np.nan, np.nan, people[:, -1], np.full(len(SHIFTS), np.nan))]


def _with_unseen(rows: list[ClassRow], unseen: Unseen | None, length_m: float) -> list[ClassRow]:
    """Return the rows with those added of whom nothing was observed."""
    if unseen is None or not unseen.weight[0] > 0:
        return rows
    size = len(rows) - 1
    deeper = np.eye(size)
    classes = deeper - np.eye(size, k=1)
    told = spreads(unseen, length_m, np.concatenate([classes, deeper]))
    dry = float(unseen.weight[0])
    wet = [float(v[size]) for v in told]
    least, most = dry - wet[2], dry - wet[1]
    found = [_added(rows[0], (dry - wet[0], least, most), (np.nan,) * 3)]
    return found + [_added(row, _ends(told, n), _ends(told, size + n)) for n, row in enumerate(rows[1:])]


def _ends(told: Spread, n: int) -> tuple[float, float, float]:
    return float(told.value[n]), float(told.lower[n]), float(told.upper[n])


def _added(row: ClassRow, people: tuple[float, ...], deeper: tuple[float, ...]) -> ClassRow:
    return row._replace(
        people=row.people + people[0], people_lower=row.people_lower + people[1], people_upper=row.people_upper + people[2],
        at_least=row.at_least + deeper[0], at_least_lower=row.at_least_lower + deeper[1],
        at_least_upper=row.at_least_upper + deeper[2],
    )  # fmt: skip


def _widened(dry: ClassRow, wet: ClassRow, half_width: float) -> list[ClassRow]:
    """Return the rows of the dry and of all in water with ranges that are wider by what sharing counts out leaves open.

    Independent of the error of depth, so the two are added as squares.
    """
    if not half_width > 0:
        return [dry, wet]
    low, high = wet.at_least_lower - wet.at_least, wet.at_least_upper - wet.at_least
    everyone = dry.people + wet.at_least
    least = max(0.0, wet.at_least - np.hypot(low, half_width))
    most = min(everyone, wet.at_least + np.hypot(high, half_width))
    return [
        dry._replace(people_lower=everyone - most, people_upper=everyone - least),
        wet._replace(at_least_lower=least, at_least_upper=most),
    ]


def _row(kind: str, above: float, below: float, people: Floats, deeper: Floats) -> ClassRow:
    return ClassRow(
        kind, float(above), float(below), float(people[0]), float(people.min()), float(people.max()), float(deeper[0]),
        float(deeper[1]), float(deeper[2]),
    )  # fmt: skip
