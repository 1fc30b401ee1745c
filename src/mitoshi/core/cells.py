"""How large the cells of a grid truly are: one notion of width, height and area for every method.

A cell is measured on the ellipsoid of its reference system, wherever it lies: degrees shrink towards the poles, web-mercator
metres grow with them, and feet are not metres. What has no reference system on the Earth is measured in its own unit.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mitoshi.core.quantity import Raster

__all__ = [
    "CellSize",
    "areas_m2",
    "cell_attributes",
    "cell_sides_m",
    "cell_size",
    "measured",
    "pixel_side_m",
    "raster_areas_m2",
    "row_areas_m2",
]

Floats = NDArray[np.float64]
SEMI_MAJOR_M, FLATTENING = 6_378_137.0, 1 / 298.257223563  # WGS 84, NGA.STND.0036
PROBES = 9  # per axis, from which the variation over a grid is taken
ALIKE = 0.005  # relative change of a side over a grid below which its centre stands for all
NODE = 32  # cells between the nodes of the lattice on which sides that vary are measured
SAME_ROW = 1e-4  # relative change of the area along a row below which its cells are alike
MEAN_COLUMNS = 9  # columns over which the area of a row's cells is averaged


class CellSize(NamedTuple):
    """The true size of a grid's cells.

    Attributes
    ----------
    height, width
        Sides of the cell at the grid's centre [m], along a column and along a row.
    area
        Its area [m2]; less than height times width where the grid is sheared.
    uneven
        Largest relative change of a side or of the area over the grid.
    """

    height: float
    width: float
    area: float
    uneven: float


class _Earth(NamedTuple):
    """How a reference system becomes longitude and latitude, and on which ellipsoid they lie."""

    to_degrees: Any
    unit_rad: float
    semi_major: float
    flattening: float
    unit_m: float | None


@lru_cache(maxsize=64)
def _earth(text: str) -> _Earth:
    from pyproj import CRS, Transformer

    crs = CRS.from_user_input(text)
    bound = crs.source_crs if crs.is_bound and crs.source_crs is not None else crs
    bound = CRS.from_user_input(bound.sub_crs_list[0]) if bound.is_compound and bound.sub_crs_list else bound
    base = bound.geodetic_crs
    if base is None or bound.is_geocentric:
        unit = bound.axis_info[0].unit_conversion_factor if bound.axis_info else 1.0
        return _Earth(None, 0.0, SEMI_MAJOR_M, FLATTENING, float(unit))
    ellipsoid = base.ellipsoid
    round_earth = ellipsoid is None or not ellipsoid.inverse_flattening
    axis = SEMI_MAJOR_M if ellipsoid is None or round_earth else float(ellipsoid.semi_major_metre)
    flat = FLATTENING if ellipsoid is None or round_earth else 1.0 / float(ellipsoid.inverse_flattening)
    plain = bound.is_geographic and not bound.is_derived
    # Latitude and longitude may be in grads; PROJ gives degrees for projected systems.
    unit = float(bound.axis_info[0].unit_conversion_factor) if plain and bound.axis_info else math.radians(1.0)
    change = None if plain else Transformer.from_crs(bound, base, always_xy=True)
    return _Earth(change, unit, axis, flat, None)


def _text(crs: Any) -> str:
    return crs if isinstance(crs, str) else str(crs.to_wkt())


def measured(crs: Any, affine: Any, row: Any, column: Any) -> tuple[Floats, Floats, Floats]:
    """Return true height [m], width [m] and area [m2] of cells.

    Parameters
    ----------
    crs
        Of the grid: anything with `to_wkt`, or text.
    affine
        From (column, row) to the CRS.
    row, column
        Of the cells, of one shape; whole numbers are first corners, as in the affine.

    Returns
    -------
    Arrays of that shape; NaN where the reference system is not defined.

    Notes
    -----
    The sides of a cell through its centre are differences of positions in space (x, y, z), so that neither the antimeridian nor
    a pole is special; the area is that of the parallelogram which they span.
    """
    earth = _earth(_text(crs))
    y, x = np.broadcast_arrays(np.asarray(row, float) + 0.5, np.asarray(column, float) + 0.5)
    if earth.unit_m is not None:
        height, width = math.hypot(affine.b, affine.e) * earth.unit_m, math.hypot(affine.a, affine.d) * earth.unit_m
        area = abs(affine.a * affine.e - affine.b * affine.d) * earth.unit_m**2
        return np.full(y.shape, height), np.full(y.shape, width), np.full(y.shape, area)
    down = _place(earth, affine, y + 0.5, x) - _place(earth, affine, y - 0.5, x)
    right = _place(earth, affine, y, x + 0.5) - _place(earth, affine, y, x - 0.5)
    area = np.linalg.norm(np.cross(down, right), axis=-1)
    return np.linalg.norm(down, axis=-1), np.linalg.norm(right, axis=-1), area


def _place(earth: _Earth, affine: Any, row: Floats, column: Floats) -> Floats:
    """Return positions in space [m], (…, 3)."""
    x = affine.a * column + affine.b * row + affine.c
    y = affine.d * column + affine.e * row + affine.f
    if earth.to_degrees is None:
        longitude, latitude = x * earth.unit_rad, y * earth.unit_rad
    else:
        longitude, latitude = (np.asarray(v, float) * earth.unit_rad for v in earth.to_degrees.transform(x, y))
    eccentric = earth.flattening * (2.0 - earth.flattening)
    with np.errstate(invalid="ignore"):
        sine, cosine = np.sin(latitude), np.cos(latitude)
        normal = earth.semi_major / np.sqrt(1.0 - eccentric * sine**2)
        place = normal * cosine * np.cos(longitude), normal * cosine * np.sin(longitude)
    return np.stack([*place, normal * (1.0 - eccentric) * sine], axis=-1)


def cell_size(grid: Any) -> CellSize | None:
    """Return the size of a grid's cells; None without a reference system or where that is not defined.

    Parameters
    ----------
    grid
        With `crs`, `affine` and `shape`, such as a GeoBox.
    """
    if grid.crs is None:
        return None
    return _size(_text(grid.crs), tuple(float(v) for v in grid.affine[:6]), (int(grid.shape[0]), int(grid.shape[1])))


@lru_cache(maxsize=64)
def _size(crs: str, transform: tuple[float, ...], shape: tuple[int, int]) -> CellSize | None:
    from affine import Affine

    rows = np.concatenate([[(shape[0] - 1) / 2], np.repeat(np.linspace(0, max(0, shape[0] - 1), PROBES), PROBES)])
    columns = np.concatenate([[(shape[1] - 1) / 2], np.tile(np.linspace(0, max(0, shape[1] - 1), PROBES), PROBES)])
    sizes = np.stack(measured(crs, Affine(*transform), rows, columns))
    centre = sizes[:, 0]
    if not (np.isfinite(centre).all() and (centre > 0).all()):
        return None
    seen = sizes[:, np.isfinite(sizes).all(axis=0)]
    uneven = float(((seen.max(axis=1) - seen.min(axis=1)) / centre).max())
    return CellSize(float(centre[0]), float(centre[1]), float(centre[2]), uneven)


def pixel_side_m(grid: Any) -> float | None:
    """Return the side of a square as large as the cell at the grid's centre [m]; None without a reference system."""
    size = cell_size(grid)
    return None if size is None else math.sqrt(size.area)


def cell_attributes(grid: Any) -> dict[str, float | None]:
    """Return what an array's attributes say of its cells: the side of one of equal area, its height and its width [m]."""
    size = cell_size(grid)
    if size is None:
        return {"pixel_size_m": None}
    sides: dict[str, float | None] = {"cell_height_m": size.height, "cell_width_m": size.width}
    return {"pixel_size_m": math.sqrt(size.area), **sides, "cell_uneven": size.uneven}


def areas_m2(crs: Any, affine: Any, shape: tuple[int, int]) -> Floats:
    """Return the area of the cells of a grid [m2]: (rows, 1) where the cells of each row are alike, else (rows, columns).

    Cells are measured on a lattice whose nodes lie at most `NODE` cells apart, and interpolated between them: with 32 cells
    of 100 m the error is a millionth. A cell that is not on the Earth has no area.
    """
    nodes = [np.unique(np.append(np.arange(0, n, NODE), n - 1)).astype(float) for n in shape]
    lattice = measured(crs, affine, nodes[0][:, None], nodes[1][None, :])[2]
    rows, columns = (np.arange(n, dtype=float) for n in shape)
    if np.isfinite(lattice).all():
        mean = lattice.mean(axis=1)
        if float((np.ptp(lattice, axis=1) / mean).max()) <= SAME_ROW:
            return np.asarray(np.interp(rows, nodes[0], mean)[:, None], float)
    else:
        lattice = np.nan_to_num(lattice)
    across = np.stack([np.interp(columns, nodes[1], line) for line in lattice])
    place = np.interp(rows, nodes[0], np.arange(len(nodes[0]), dtype=float))
    lower = np.minimum(np.floor(place).astype(np.int64), max(0, len(nodes[0]) - 2))
    share = (place - lower)[:, None]
    upper = np.minimum(lower + 1, len(nodes[0]) - 1)
    areas = np.asarray(across[lower], float)
    areas *= 1.0 - share
    areas += across[upper] * share
    return areas


def raster_areas_m2(raster: Raster, side_m: float) -> Floats:
    """Return the area of a raster's cells [m2], as `areas_m2`; squares of a side for one without a reference system.

    Parameters
    ----------
    raster
        (…, y, x).
    side_m
        Of its cells where it has no place on the Earth.
    """
    import odc.geo.xr  # noqa: F401 - registers the accessor

    box = raster.odc.geobox if min(raster.shape[-2:]) > 1 else None
    if box is None or box.crs is None:
        return np.full((int(raster.shape[-2]), 1), side_m**2)
    return areas_m2(box.crs, box.affine, (int(box.shape[0]), int(box.shape[1])))


def row_areas_m2(crs: Any, affine: Any, shape: tuple[int, int]) -> Floats:
    """Return the mean area of the cells of each row [m2], (rows,)."""
    columns = np.unique(np.linspace(0, shape[1] - 1, min(shape[1], MEAN_COLUMNS)))
    rows = np.arange(shape[0], dtype=float)
    if shape[0] > PROBES * NODE:
        # Sides change smoothly from row to row: every cell of a coarse lattice is measured, and rows between are interpolated.
        nodes = np.unique(np.append(np.arange(0, shape[0], NODE), shape[0] - 1)).astype(float)
        areas = measured(crs, affine, nodes[:, None], columns[None, :])[2]
        return np.asarray(np.interp(rows, nodes, np.nanmean(areas, axis=1)), float)
    return np.asarray(np.nanmean(measured(crs, affine, rows[:, None], columns[None, :])[2], axis=1), float)


def cell_sides_m(raster: Raster) -> tuple[Any, Any] | None:
    """Return height and width of a raster's cells [m]: two numbers, or arrays that broadcast to (rows, columns).

    Cells that are alike all over the scene have the size of its centre. Others are measured where they lie, in a way that does
    not depend on the window that is read.

    Parameters
    ----------
    raster
        With the attributes of `cell_attributes`; those of a raster that just gives ``pixel_size_m`` are squares.

    Returns
    -------
    None where the raster does not say how large its cells are.
    """
    attrs = raster.attrs
    height, width = attrs.get("cell_height_m"), attrs.get("cell_width_m")
    if height is None or width is None:
        side = attrs.get("pixel_size_m")
        return (float(side), float(side)) if side else None
    if float(attrs.get("cell_uneven", 0.0)) <= ALIKE:
        return float(height), float(width)
    return _varying(raster) or (float(height), float(width))


def _varying(raster: Raster) -> tuple[Floats, Floats] | None:
    """Return sides measured at the raster's coordinates; None where it has none."""
    from affine import Affine

    names = raster.dims[-2:]
    if any(name not in raster.coords for name in names) or min(raster.shape[-2:]) < 2:
        return None
    import odc.geo.xr  # noqa: F401 - registers the accessor

    crs = raster.odc.crs
    if crs is None:
        return None
    y, x = (np.asarray(raster[name].values, float) for name in names)
    # The steps of a window differ in their last bits from those of the scene; nodes and sizes must not.
    dy, dx = (float(f"{v[1] - v[0]:.7g}") for v in (y, x))
    ny, nx = (math.copysign(2.0 ** round(math.log2(abs(step))), step) for step in (dy, dx))
    row, column = _nodes(y, ny), _nodes(x, nx)
    if crs.geographic:
        column = (column[0][:1], np.zeros(1, np.int64), np.zeros(1))
    sides = measured(crs, Affine(nx, 0.0, 0.0, 0.0, ny, 0.0), row[0][:, None] - 0.5, column[0][None, :] - 0.5)[:2]
    # The last bits of sines depend on where in an array they stand.
    digits = 5 - math.floor(math.log10(max(1e-9, abs(nx / dx) * float(raster.attrs["cell_width_m"]))))
    down, across = (np.round(side, digits) for side in sides)
    return _between(down, row, column) * (dy / ny), _between(across, row, column) * (dx / nx)


def _nodes(places: Floats, step: float) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Return the nodes around the places in steps from zero, the lower node of each place, and its share of the way on."""
    at = places / (step * NODE)
    lower = np.floor(at).astype(np.int64)
    first = int(lower.min())
    nodes = np.arange(first, int(lower.max()) + 2, dtype=np.float64) * NODE
    return nodes, lower - first, np.asarray(at - lower, float)


def _between(values: Floats, row: tuple[Any, ...], column: tuple[Any, ...]) -> Floats:
    across = values[:, column[1]]
    if values.shape[1] > 1:
        across = across * (1.0 - column[2]) + values[:, column[1] + 1] * column[2]
    share = row[2][:, None]
    return np.asarray(across[row[1]] * (1.0 - share) + across[row[1] + 1] * share, float)
