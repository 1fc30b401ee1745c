"""Reference systems of NetCDF and Zarr: the CF grid mapping, WKT, and the units of the coordinates against them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.sensors.placing import checked_crs
from mitoshi.sensors.units import canonical, metres_of

__all__ = ["AxisUnits", "CubeCRS", "crs_of", "mapping_of"]

HOLDERS = ("crs", "spatial_ref")  # names under which a grid mapping lies where the variable does not say its own
DEGREE = ("degree", "degrees", "degrees_north", "degree_north", "degrees_east", "degree_east")
DEGREES = frozenset(
    (*DEGREE, "degrees_n", "degree_n", "degreesn", "degreen", "degrees_e", "degree_e", "degreese", "degreee")
)
UNIT_FREE = frozenset({"", "1", "none", "unitless"})


class CubeCRS(NamedTuple):
    """A reference system, and by what the coordinates along (y, x) are multiplied to be in its units."""

    text: str
    factors: tuple[float, float]


class AxisUnits(NamedTuple):
    """Units of the coordinates along columns and rows, as written; empty where none."""

    y: str
    x: str

    def factors(self, crs: str | None, height: float | None, file: str) -> tuple[float, float]:
        """Return by what coordinates are multiplied to be in the units of a reference system.

        Parameters
        ----------
        crs
            ``EPSG:…`` or WKT; None leaves the coordinates alone.
        height
            Of the satellite over the ellipsoid [m], by which scanning angles become metres; None in any other projection.
        file
            Name, for messages.

        Raises
        ------
        InputError
            If a unit does not fit the reference system.
        """
        if crs is None:
            return 1.0, 1.0
        from pyproj import CRS

        system = CRS.from_user_input(crs)
        one = float(system.axis_info[0].unit_conversion_factor) if system.axis_info else 1.0
        geographic = bool(system.is_geographic)
        return _factor(self.y, one, height, file, geographic), _factor(self.x, one, height, file, geographic)


def _factor(units: str, one: float, height: float | None, file: str, geographic: bool) -> float:  # noqa: FBT001
    plain = units.strip().lower()
    unit = "degree" if plain in DEGREES else canonical(units)
    if plain in UNIT_FREE:
        return 1.0
    if geographic and unit in {"degree", "radian"}:
        return math.radians(1.0) / one if unit == "degree" else 1.0 / one
    if not geographic and unit == "radian" and height is not None:
        return height / one
    metres = None if unit is None else metres_of(unit)
    if not geographic and metres is not None:
        return 1.0 if math.isclose(metres, one) else metres / one
    kind = "degrees" if geographic else "a length"
    raise InputError(
        f"{file}: its coordinates are in {units[:40]!r} but its CRS is in {kind}; correct the units of the coordinates or the "
        "grid mapping"
    )


def mapping_of(dataset: Any, variable: Any) -> dict[str, Any]:
    """Return the attributes of a variable's grid mapping; empty where there is none."""
    named = str(variable.attrs.get("grid_mapping") or variable.encoding.get("grid_mapping") or "")
    for holder in (named.partition(":")[0].strip(), *HOLDERS):
        if holder and holder in dataset.variables:
            return {k: v.item() if np.ndim(v) and np.size(v) == 1 else v for k, v in dataset[holder].attrs.items()}
    return {}


def crs_of(dataset: Any, variable: Any, axes: tuple[str, str], units: AxisUnits, file: str) -> CubeCRS | None:
    """Return the reference system that the file states; None where it states none.

    Raises
    ------
    InputError
        If what it states is not understood, or coordinates are in a unit that does not fit it.
    """
    mapping = mapping_of(dataset, variable)
    text = mapping.get("crs_wkt") or mapping.get("spatial_ref")
    if text:
        stated = checked_crs(str(text), file)
    elif "grid_mapping_name" in mapping:
        stated = _of_cf(mapping, units, file)
    elif axes[0].lower() in {"lat", "latitude"} or units.y.strip().lower() in DEGREES - {"degree", "degrees"}:
        stated = "EPSG:4326"
    else:
        named = dataset.attrs.get("crs", dataset.attrs.get("epsg"))
        if named is None:
            return None
        plain = str(np.ravel(named)[0])
        stated = checked_crs(f"EPSG:{plain}" if plain.isdigit() else plain, file)
    return CubeCRS(stated, units.factors(stated, _satellite_height(stated), file))


def _satellite_height(text: str) -> float | None:
    """Return the height over the ellipsoid of a geostationary view [m]; None for any other projection."""
    from pyproj import CRS

    operation = CRS.from_user_input(text).coordinate_operation
    if operation is None or "Geostationary" not in operation.method_name:
        return None
    return next((float(p.value) for p in operation.params if p.name.lower() == "satellite height"), None)


def _of_cf(mapping: dict[str, Any], units: AxisUnits, file: str) -> str:
    """Return the reference system of a grid mapping without WKT; EPSG where it is that one or calls itself so."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    # False origins are in the unit of the coordinates (CF 1.11, appendix F); PROJ takes metres.
    metres = metres_of(canonical(units.x) or "") or 1.0
    scaled = {k: v * metres if k in {"false_easting", "false_northing"} else v for k, v in mapping.items()}
    try:
        crs = CRS.from_cf(scaled)
    except (CRSError, KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"{file}: its grid mapping {str(mapping['grid_mapping_name'])[:40]!r} is not understood ({type(error).__name__}); "
            "state its CRS in the attribute 'crs_wkt'"
        ) from None
    code = crs.to_epsg(min_confidence=20)
    same = code is not None and CRS.from_epsg(code).is_exact_same(crs)
    name = CRS.from_epsg(code).name if code is not None else ""
    if same or (name and name == mapping.get("projected_crs_name")):
        return f"EPSG:{code}"
    return str(crs.to_wkt())
