"""From rivers, rain, tides and buildings on a map to sources, edges and raised ground on a grid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError
from mitoshi.methods.hydraulics.shallow_water import (
    Edges,
    IncidentWave,
    Open,
    Rain,
    Source,
    Wall,
    WaterLevel,
    with_buildings,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mitoshi.applications.disaster.impact_grid import Grid
    from mitoshi.core.features import Features
    from mitoshi.core.quantity import Raster

__all__ = [
    "Boundaries",
    "LevelEdge",
    "bed_with_buildings",
    "cell_size_m",
    "edges_of",
    "filled",
    "gauge_cells",
    "rain_of",
    "sources_of",
]

Floats = NDArray[np.float64]
Boundaries = Literal["open", "wall"]
LevelEdge = Literal["level", "incident", "outside"]
MM_H = 1.0 / 3.6e6
"""Metres per second in a millimetre per hour."""
SIDES = ("north", "south", "west", "east")
WAVE_S = 1200.0
"""A level that runs through half its range in this time [s] is a wave, not a tide or surge."""
MOST_UNEVEN = 0.05
"""Largest relative change of a cell's side or area over a grid that is computed as if cells were equal."""


def cell_size_m(grid: Grid) -> tuple[float, float]:
    """Return the height and width of a cell [m].

    Parameters
    ----------
    grid
        Of the run; its cells are measured on the ellipsoid, at the centre.

    Raises
    ------
    InputError
        If the cells are not alike.
    """
    if grid.uneven > MOST_UNEVEN:
        raise InputError(
            f"cells of the grid differ by {grid.uneven:.0%} in true size over the area; give a smaller area, or elevation "
            "in a projection such as UTM"
        )
    return grid.cell_m


def sources_of(inflow: Features | None, grid: Grid, bed: Floats, duration_s: float) -> tuple[Source, ...]:
    """Return one source per name: its rows in time, on the cells that its geometry covers.

    Discharge is linear between its times and zero outside them; a single row is steady.

    Parameters
    ----------
    inflow
        Long table of hydrographs; None for none.
    grid
        Of the run.
    bed
        Elevation, NaN outside.
    duration_s
        Length of the run.

    Raises
    ------
    InputError
        If a hydrograph is missing values, negative, or outside the grid.
    """
    if inflow is None or not len(inflow):
        return ()
    found = []
    for name, rows in inflow.groupby("name", sort=True):
        ordered = rows.sort_values("time_s", kind="stable")
        times, flows = (np.asarray(ordered[c], dtype=np.float64) for c in ("time_s", "discharge_m3_s"))
        if not (np.isfinite(times).all() and np.isfinite(flows).all()):
            raise InputError(f"inflow {name!r} has rows without time or discharge; fill or remove them")
        if times.size == 1:
            times, flows = np.array([0.0, duration_s]), np.repeat(flows, 2)
        cells = _cells(ordered.geometry.iloc[0], grid)
        cells = cells[np.isfinite(bed[cells[:, 0], cells[:, 1]])]
        if not len(cells):
            raise InputError(f"inflow {name!r} lies outside the elevation; move it inside")
        found.append(Source(cells, times, flows))
    return tuple(found)


def rain_of(rain: Features | None, duration_s: float) -> Rain | None:
    """Return rain in m/s from a table in mm/h: each rate holds until the next time, the last until the end of the run.

    Raises
    ------
    InputError
        If a row misses its time or rate.
    """
    if rain is None or not len(rain):
        return None
    times, rates = _series(rain, "rate_mm_h", "rain")
    times = np.append(times, max(duration_s, float(times[-1])))
    return Rain(np.repeat(times, 2)[1:-1], np.repeat(rates * MM_H, 2))


def edges_of(
    water_level: Features | None,
    boundary: Boundaries,
    level_edge: LevelEdge = "level",
    still_m: float = 0.0,
    *,
    sea: bool = False,
) -> Edges:
    """Return the four edges: given water levels, else open or a wall.

    Parameters
    ----------
    water_level
        Levels in time by side, perhaps with the inward speed of the water outside; None for none.
    boundary
        Of the sides without a level.
    level_edge
        "level" keeps the level at the edge; "incident" sends it in as a wave and lets out what comes back; "outside" is still
        water of that level outside, and lets out what comes back.
    still_m
        Level before an incident wave [m].
    sea
        Whether the sea at that level lies outside the open sides.

    Raises
    ------
    InputError
        If a side has another name, a row misses a value, or one incident wave is to come in over several sides.
    """
    other = Open(still_m=still_m if sea else None) if boundary == "open" else Wall()
    edges: dict[str, Any] = dict.fromkeys(SIDES, other)
    if water_level is None or not len(water_level):
        return Edges(**edges)
    driven: dict[str, tuple[Floats, Floats]] = {}
    for side, rows in water_level.groupby(water_level["side"].fillna("none"), sort=True):
        if side not in SIDES:
            raise InputError(f"the side of a water level is north, south, east or west; got {side!r}")
        times, levels = driven[side] = _series(rows, "water_level_m", f"water level {side}")
        speeds = _speeds(rows, side)
        if level_edge == "level" and speeds is None:
            edges[side] = WaterLevel(times, levels)
        else:
            quiet = np.zeros(times.size) if level_edge == "outside" and speeds is None else speeds
            edges[side] = IncidentWave(times, levels, still_m, quiet)
    _refuse_copies(driven, level_edge)
    return Edges(**edges)


def _speeds(rows: Features, side: Any) -> Floats | None:
    """Return the inward speeds of a side in the order of its times, None where there are none."""
    if "speed_m_s" not in rows.columns or rows["speed_m_s"].isna().all():
        return None
    if rows["speed_m_s"].isna().any():
        raise InputError(f"water level {side} has a speed in some rows only; give it in all or in none")
    return _series(rows, "speed_m_s", f"speed {side}")[1]


def _refuse_copies(driven: dict[str, tuple[Floats, Floats]], level_edge: LevelEdge) -> None:
    """Refuse one record that moves on several sides: a wave comes from one side, and levels reflect each other's waves."""
    if level_edge == "outside":
        return
    seen: dict[tuple[bytes, bytes], str] = {}
    for side, (times, levels) in driven.items():
        first = seen.setdefault((times.tobytes(), levels.tobytes()), side)
        if first != side and np.ptp(levels) > 0 and _quick(times, levels, level_edge):
            raise InputError(
                f"the sides {first} and {side} have one and the same moving record, whose waves would add up; give it to the "
                "side that the wave comes from (the others let it out), or choose --level-edge outside (still water outside)"
            )


def _quick(times: Floats, levels: Floats, level_edge: LevelEdge) -> bool:
    """Return whether a record is a wave and no tide: it runs through half its range within `WAVE_S`."""
    if level_edge == "incident":
        return True
    span = 0.5 * float(np.ptp(levels))
    grid = np.arange(times[0], times[-1] + WAVE_S, 0.1 * WAVE_S) if times[-1] - times[0] < 1e4 * WAVE_S else times
    level = np.interp(np.union1d(grid, times), times, levels)
    clock = np.union1d(grid, times)
    later = np.interp(clock + WAVE_S, times, levels)
    return bool(np.abs(later - level).max() >= span)


def bed_with_buildings(bed: Floats, buildings: Features | None, grid: Grid, height_m: float) -> Floats:
    """Return the bed with the cells whose centre is in a building raised by `height_m`.

    Parameters
    ----------
    bed
        Elevation [m], (y, x).
    buildings
        Polygons; points have no area and raise nothing.
    grid
        Of the run.
    height_m
        How far a building rises [m]; 0 leaves the ground as it is.
    """
    if buildings is None or not len(buildings) or height_m == 0:
        return bed
    mask = np.zeros(bed.shape, dtype=bool)
    for geometry in buildings.geometry:
        if geometry is not None and geometry.geom_type in ("Polygon", "MultiPolygon"):
            cells = _centres_inside(geometry, grid)
            mask[cells[:, 0], cells[:, 1]] = True
    return with_buildings(bed, mask, height_m)


def _series(table: Features, column: str, what: str) -> tuple[Floats, Floats]:
    ordered = table.sort_values("time_s", kind="stable")
    times, values = (np.asarray(ordered[c], dtype=np.float64) for c in ("time_s", column))
    if not (np.isfinite(times).all() and np.isfinite(values).all()):
        raise InputError(f"{what} has rows without time or value; fill or remove them")
    return times, values


def filled(raster: Raster | None, value: float, shape: tuple[int, ...]) -> Floats:
    """Return the raster's values, `value` where there are none."""
    if raster is None:
        return np.full(shape, value)
    values = np.asarray(raster.to_numpy(), dtype=np.float64)
    return np.where(np.isfinite(values), values, value)


def gauge_cells(gauges: Features | None, grid: Grid, bed: Floats) -> tuple[list[str], NDArray[np.int64]]:
    """Return names and cells, (n, 2), of the gauges; names that occur again are numbered.

    Raises
    ------
    InputError
        If one lies outside the elevation.
    """
    if gauges is None or not len(gauges):
        return [], np.zeros((0, 2), np.int64)
    count = gauges.groupby("name", sort=False).cumcount()
    names = [f"{name} ({n + 1})" if n else str(name) for name, n in zip(gauges["name"], count, strict=True)]
    points = np.array([(p.x, p.y) for p in gauges.geometry.centroid])
    cells = np.stack(grid.pixels(points), axis=1)
    for name, (row, column) in zip(names, cells, strict=True):
        if row < 0 or not np.isfinite(bed[row, column]):
            raise InputError(f"gauge {name!r} lies outside the elevation; move it inside")
    return names, cells


def _cells(geometry: Any, grid: Grid) -> NDArray[np.int64]:
    """Return row and column of the cells of a point, along a line, or with their centre in a polygon."""
    import shapely

    if geometry is None or geometry.is_empty:
        return np.zeros((0, 2), np.int64)
    if "Polygon" in geometry.geom_type:
        inside = _centres_inside(geometry, grid)
        if len(inside):
            return inside
        geometry = geometry.representative_point()
    step = 0.5 * min(math.hypot(grid.affine.a, grid.affine.d), math.hypot(grid.affine.b, grid.affine.e))
    dense = shapely.segmentize(geometry, step) if "Line" in geometry.geom_type else geometry
    row, column = grid.pixels(shapely.get_coordinates(dense))
    return np.unique(np.stack([row, column], axis=1)[row >= 0], axis=0)


def _centres_inside(geometry: Any, grid: Grid) -> NDArray[np.int64]:
    import shapely

    corners = np.array(_corners(geometry.bounds))
    inverse = ~grid.affine
    column = inverse.a * corners[:, 0] + inverse.b * corners[:, 1] + inverse.c
    row = inverse.d * corners[:, 0] + inverse.e * corners[:, 1] + inverse.f
    low, high = (np.floor(f([row, column], axis=1)).astype(np.int64) for f in (np.min, np.max))
    low, high = np.maximum(low, 0), np.minimum(high, np.array(grid.shape) - 1)
    rows, columns = np.mgrid[low[0] : high[0] + 1, low[1] : high[1] + 1]
    hit = shapely.contains_xy(geometry, *grid.centre(rows, columns))
    return np.stack([rows[hit], columns[hit]], axis=1)


def _corners(bounds: Sequence[float]) -> list[tuple[float, float]]:
    west, south, east, north = bounds
    return [(west, south), (west, north), (east, south), (east, north)]
