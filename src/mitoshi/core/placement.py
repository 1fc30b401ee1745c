"""Where arrays lie: those of one call lie on each other, and results lie where the data did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.core.quantity import Raster

__all__ = ["check_one_grid", "placed"]

HINT = "put them on one grid first (mitoshi.cube.align)"

CLOSE = 1e-3  # of a pixel


def check_one_grid(arrays: Mapping[str, Any]) -> None:
    """Refuse arrays and features that do not lie on each other.

    What states no place (no coordinates, no reference system) is taken to lie where the others do, but must have their shape.

    Parameters
    ----------
    arrays
        Rasters (…, y, x) and lists of features by name of the argument; None where not given.

    Raises
    ------
    InputError
        If two differ in shape, place or reference system.
    """
    rasters = {name: a for name, a in arrays.items() if a is not None and not hasattr(a, "columns")}
    for axis in ("y", "x"):
        _check_axis({name: a for name, a in rasters.items() if axis in a.dims}, axis)
    systems = {name: text for name, a in arrays.items() if a is not None and (text := _system(a))}
    (first, system), *others = systems.items() or [("", "")]
    for name, other in others:
        if other != system and not _same_system(system, other):
            raise InputError(
                f"{first} and {name} have different reference systems ({_named(system)}, {_named(other)}); {HINT}"
            )


def _check_axis(rasters: Mapping[str, Raster], axis: str) -> None:
    if not rasters:
        return
    (first, like), *others = rasters.items()
    for name, array in others:
        if array.sizes[axis] != like.sizes[axis]:
            raise InputError(f"{first} is {_size(like)} pixels and {name} is {_size(array)}; {HINT}")
    placed_ones = {name: np.asarray(a[axis], float) for name, a in rasters.items() if axis in a.coords}
    (first, along), *others_placed = placed_ones.items() or [("", np.empty(0))]
    for name, other in others_placed:
        step = abs(along[1] - along[0]) if len(along) > 1 else 0.0
        apart = float(np.abs(along - other).max()) if len(along) else 0.0
        if apart > CLOSE * step and apart > 0.0:
            raise InputError(
                f"{first} and {name} lie {apart:g} apart along {axis} (units of their reference system); {HINT}"
            )


def _size(array: Raster) -> str:
    return " by ".join(str(array.sizes[axis]) for axis in ("y", "x") if axis in array.dims)


def _system(array: Any) -> str:
    """Return the reference system of an array or of features as text; "" where none is stated."""
    if hasattr(array, "columns"):
        crs = getattr(array, "crs", None)
        return "" if crs is None else str(crs.to_wkt())
    held = array.coords.get("spatial_ref")
    return "" if held is None else str(held.attrs.get("crs_wkt", held.attrs.get("spatial_ref", "")))


def _same_system(one: str, other: str) -> bool:
    from pyproj import CRS

    first, second = CRS.from_wkt(one), CRS.from_wkt(other)
    return bool(first.equals(second, ignore_axis_order=True)) or first.to_2d().equals(
        second.to_2d(), ignore_axis_order=True
    )


def _named(system: str) -> str:
    from pyproj import CRS

    crs = CRS.from_wkt(system)
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else str(crs.name)


def placed(values: Raster, like: Raster | None, attrs: Mapping[str, str]) -> Raster:
    """Return a result with the coordinates and the reference system of the data, and with what it is.

    Parameters
    ----------
    values
        (…, y, x), as a method returned it; what it states itself stays.
    like
        A raster of the call, or None.
    attrs
        Quantity, units, name.
    """
    out = values.assign_attrs({**attrs, **values.attrs})
    if like is None or any(out.sizes.get(axis) != like.sizes.get(axis) for axis in ("y", "x")):
        return out
    coords = {n: like.coords[n] for n in ("y", "x", "spatial_ref") if n in like.coords and n not in out.coords}
    return out.assign_coords(coords) if coords else out
