"""Where a variable of a NetCDF file or Zarr store lies: its axes, its reference system and the edges of its cells.

The CF conventions (1.11, chapters 4 and 5) say it by coordinates of cell centres, by their bounds and by a grid mapping; GDAL and
rioxarray add a GeoTransform, which alone tells the size of the cells of a single row or column.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.core.errors import InputError, UnknownFileError
from mitoshi.core.text import Text
from mitoshi.sensors import guard
from mitoshi.sensors.datacube_crs import AxisUnits, crs_of
from mitoshi.sensors.placing import NO_CRS, check_fit
from mitoshi.sensors.transform_checks import check_transform

if TYPE_CHECKING:
    from affine import Affine
    from odc.geo.geobox import GeoBox

__all__ = ["Placement", "axes_of", "placement_of"]

Y_NAMES, X_NAMES = ("y", "lat", "latitude", "northing"), ("x", "lon", "longitude", "easting")
Y_STANDARD = ("latitude", "projection_y_coordinate", "grid_latitude", "projection_y_angular_coordinate")
X_STANDARD = ("longitude", "projection_x_coordinate", "grid_longitude", "projection_x_angular_coordinate")
SHIFTED = 0.01  # of a cell: a coordinate farther than this from the middle of its bounds is no centre
ONE_CELL = Text(
    "it has a single {axis} and neither bounds nor a GeoTransform state how large its cells are, so it has no place on the Earth",
    "{axis} が 1 つだけで、セルの大きさ（bounds または GeoTransform）の記載がないため、地球上の位置が決まりません",
)


class Placement(NamedTuple):
    """The grid of a variable, and why it has no place where it has none.

    Attributes
    ----------
    grid
        In pixel indices where there is no place.
    nowhere
        The reason, or None.
    """

    grid: GeoBox
    nowhere: Text | None = None


def axes_of(dataset: Any, variable: Any) -> tuple[str, str] | None:
    """Return the names of the dimensions along columns and along rows (y, x); None where the variable is no grid."""
    if variable.ndim < 2 or variable.dtype.kind not in "fiu":
        return None
    dims = [str(d) for d in variable.dims]
    y = next((d for d in dims if _is_axis(dataset, d, "Y", Y_NAMES, Y_STANDARD)), None)
    x = next((d for d in dims if d != y and _is_axis(dataset, d, "X", X_NAMES, X_STANDARD)), None)
    return None if y is None or x is None else (y, x)


def _is_axis(dataset: Any, dim: str, axis: str, names: tuple[str, ...], standard: tuple[str, ...]) -> bool:
    if dim.lower() in names:
        return True
    coordinate = dataset.variables.get(dim)
    if coordinate is None or dim.lower() in (*Y_NAMES, *X_NAMES):
        return False
    said = coordinate.attrs
    return said.get("axis") == axis or said.get("standard_name") in standard


def refuse_curvilinear(dataset: Any, name: str, file: str) -> None:
    """Refuse a variable whose latitudes and longitudes are two-dimensional.

    Raises
    ------
    UnknownFileError
        For a swath or a curvilinear grid.
    """
    dims = set(dataset[name].dims)
    for other, variable in dataset.variables.items():
        units = str(variable.attrs.get("units", "")).lower()
        latitude = units in {"degrees_north", "degree_north", "degrees_n"} or str(other).lower() in {"lat", "latitude"}
        if variable.ndim == 2 and set(variable.dims) <= dims and latitude:
            raise UnknownFileError(
                f"{file}: the latitudes and longitudes of {name!r} are two-dimensional; swaths are not read, nor curvilinear "
                "grids: warp it onto a regular grid first (gdalwarp -geoloc, cdo remapbil)"
            )


def placement_of(dataset: Any, name: str, axes: tuple[str, str], stated: str | None, file: str) -> Placement:
    """Return where a variable lies.

    Parameters
    ----------
    dataset
        Opened, with its coordinates as they are stored.
    name
        Of the variable.
    axes
        Names of its dimensions along columns and rows.
    stated
        Reference system that the user states, as ``EPSG:…`` or WKT, or None.
    file
        Name, for messages.

    Raises
    ------
    InputError
        If coordinates are uneven, in a unit that does not fit, or against the reference system.
    UnknownFileError
        For two-dimensional latitudes and longitudes.
    """
    from affine import Affine
    from odc.geo.geobox import GeoBox

    variable = dataset[name]
    shape = int(variable.sizes[axes[0]]), int(variable.sizes[axes[1]])
    guard.check_shape(shape, name)
    units = AxisUnits(*(str(dataset[d].attrs.get("units", "")) if d in dataset.variables else "" for d in axes))
    crs = crs_of(dataset, variable, axes, units, file)
    if stated is not None and crs is not None and crs.text != stated:
        raise InputError(
            f"{file}: the file says that its CRS is {crs.text[:60]}, '#crs=…' says another; leave '#crs' out, or correct the file"
        )
    nothing = GeoBox(shape, Affine.identity(), None)
    text = crs.text if crs is not None else stated
    # Without a CRS the coordinates are still looked at: uneven ones are no grid in any reference system.
    factors = crs.factors if crs is not None else units.factors(stated, None, file)
    own = _geotransform(dataset, variable)
    lines = [_line(dataset, axis, factor, file) for axis, factor in zip(axes, factors, strict=True)]
    if all(line is None for line in lines) and own is None:
        refuse_curvilinear(dataset, name, file)
        return Placement(nothing, None)
    placed = _affine(lines, own)
    if isinstance(placed, Text):
        return Placement(nothing, placed)
    if text is None:
        refuse_curvilinear(dataset, name, file)
        return Placement(nothing, NO_CRS)
    from pyproj import CRS

    check_transform(placed, shape, file)
    check_fit(placed, shape, CRS.from_user_input(text).is_geographic, file)
    return Placement(GeoBox(shape, placed, text))


class _Line(NamedTuple):
    """Cells along one axis: the outer edge of the first one, and their size; NaN where a single cell does not say it."""

    start: float
    step: float
    centre: float


def _line(dataset: Any, axis: str, factor: float, file: str) -> _Line | None:
    """Return the cells along an axis in units of the reference system; None where it has no coordinates."""
    if axis not in dataset.variables:
        return None
    centres = _decoded(dataset[axis]) * factor
    if not np.isfinite(centres).all():
        raise InputError(f"{file}: the coordinates {axis!r} have gaps (missing values); they give no regular grid")
    edges = _bounds(dataset, axis, len(centres), factor)
    if len(centres) > 1 and not _regular(centres):
        steps = np.abs(np.diff(centres))
        raise InputError(
            f"{file}: the coordinates {axis!r} are unevenly spaced (steps of {steps.min():.6g} to {steps.max():.6g}); warp it "
            "onto a regular grid first"
        )
    if edges is not None:
        return _Line(edges[0], (edges[1] - edges[0]) / len(centres), float(centres[0]))
    if len(centres) == 1:
        return _Line(math.nan, math.nan, float(centres[0]))
    step = float(centres[-1] - centres[0]) / (len(centres) - 1)
    return _Line(float(centres[0]) - step / 2, step, float(centres[0]))


def _bounds(dataset: Any, axis: str, count: int, factor: float) -> tuple[float, float] | None:
    """Return the outer edges of the first and the last cell where even, contiguous bounds state them."""
    name = dataset[axis].attrs.get("bounds")
    if name not in dataset.variables or dataset[name].shape != (count, 2):
        return None
    pairs = _decoded(dataset[name]) * factor
    if not np.isfinite(pairs).all():
        return None
    if count > 1 and (pairs[-1].mean() - pairs[0].mean()) * (pairs[0, 1] - pairs[0, 0]) < 0:
        pairs = pairs[:, ::-1]
    edges = np.append(pairs[:, 0], pairs[-1, 1])
    joined = np.abs(pairs[1:, 0] - pairs[:-1, 1]).max(initial=0.0) <= SHIFTED * abs(pairs[0, 1] - pairs[0, 0])
    return (float(edges[0]), float(edges[-1])) if joined and _regular(edges) else None


def _decoded(variable: Any) -> np.ndarray[Any, Any]:
    """Return coordinates in their unit: a packed coordinate is scaled as a variable is, and its fill is NaN."""
    stored = np.asarray(variable.values)
    values = stored.astype(np.float64)
    for key in ("_FillValue", "missing_value"):
        for mark in np.atleast_1d(variable.attrs.get(key, ())):
            values[stored == mark] = np.nan
    scale, offset = (float(variable.attrs.get(key, plain)) for key, plain in (("scale_factor", 1), ("add_offset", 0)))
    return values if (scale, offset) == (1.0, 0.0) else values * scale + offset


def _affine(lines: list[_Line | None], own: Affine | None) -> Affine | Text:
    """Return the transform of the cells, or the sentence that says what it lacks."""
    from affine import Affine

    if own is not None and all(line is None for line in lines):
        return own
    sides: list[tuple[float, float]] = []
    for line, step, label in zip(
        lines, (None, None) if own is None else (own.e, own.a), ("row", "column"), strict=True
    ):
        if line is None:
            return ONE_CELL.format(axis=label)
        if math.isfinite(line.step):
            sides.append((line.start, line.step))
        elif step:
            sides.append((line.centre - step / 2, step))
        else:
            return ONE_CELL.format(axis=label)
    (top, dy), (left, dx) = sides
    return Affine(dx, 0, left, 0, dy, top)


def _geotransform(dataset: Any, variable: Any) -> Affine | None:
    """Return the GeoTransform that the grid mapping states in GDAL's order, or None."""
    from affine import Affine

    from mitoshi.sensors.datacube_crs import mapping_of

    text = mapping_of(dataset, variable).get("GeoTransform")
    numbers = str(text).split() if isinstance(text, str) else [] if text is None else np.ravel(text).tolist()
    try:
        values = [float(number) for number in numbers]
    except ValueError:
        return None
    return Affine.from_gdal(*values) if len(values) == 6 and all(map(math.isfinite, values)) else None


def _regular(values: np.ndarray[Any, Any]) -> bool:
    step = (values[-1] - values[0]) / (len(values) - 1)
    # Coordinates of 32 bits are rounded to a few parts in 10 million of their size, which may be much of a step.
    rounding = 2 * float(np.spacing(np.float32(np.abs(values).max())))
    even = values[0] + step * np.arange(len(values))
    return bool(step != 0 and np.abs(values - even).max() <= max(1e-3 * abs(step), min(rounding, 0.3 * abs(step))))
