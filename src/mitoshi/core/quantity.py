"""Quantities: what an array means, in which unit, under which CF standard name.

Arrays carry ``attrs["quantity"]`` (a name from this page) and ``attrs["units"]``. `as_declared` checks and converts:
decibels where linear power is declared become linear, metres where degrees are declared are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, cast

import numpy as np
import xarray as xr

from mitoshi.core.errors import QuantityError, misspelt
from mitoshi.core.text import Text

Raster: TypeAlias = xr.DataArray

PASSES = ("pass_east", "pass_south")
"""Coordinates that carry the lowest passes between an elevation's cells, in its unit (`mitoshi.core.passes`)."""

__all__ = [
    "BACKSCATTER",
    "BETA0",
    "BRIGHTNESS_TEMPERATURE",
    "BUILT_UP",
    "CLOUD_MASK",
    "COHERENCE",
    "DIGITAL_NUMBER",
    "DURATION",
    "ELEVATION",
    "ELEVATION_CHANGE",
    "FLOOD_EXTENT",
    "FLOW_SPEED",
    "GAMMA0",
    "HEIGHT_UNCERTAINTY",
    "INCIDENCE_ANGLE",
    "INFILTRATION",
    "LAND_COVER",
    "OPTICAL",
    "PASSES",
    "POPULATION",
    "PROBABILITY",
    "QUALITY",
    "QUANTITIES",
    "RELATIVE_BACKSCATTER",
    "ROUGHNESS",
    "SIGMA0",
    "SURFACE_DISPLACEMENT",
    "SURFACE_REFLECTANCE",
    "SURFACE_TEMPERATURE",
    "TOA_REFLECTANCE",
    "VALUE",
    "WATER_DEPTH",
    "WATER_OCCURRENCE",
    "WATER_SURFACE",
    "Quantity",
    "Raster",
    "area_of_density",
    "as_declared",
    "factor",
    "from_db",
    "quantity",
    "to_db",
]

DECIBEL_UNITS = frozenset({"dB", "decibel", "decibels"})


@dataclass(frozen=True)
class Quantity:
    """A physical quantity.

    Attributes
    ----------
    name
        The field's word, as in ``attrs["quantity"]``.
    units
        Canonical unit, CF spelling (UDUNITS); "1" is dimensionless.
    title
        The words of the glossary.
    standard_name
        CF standard name, or None where the CF table has none.
    power
        True where a decibel value means ``10 log10`` of this quantity.
    members
        For a family (such as backscatter): the quantities that may stand for it.
    extensive
        True where a value is a count of what lies in its cell: sums mean something, and another grid shares counts out by area.
    """

    name: str
    units: str
    title: Text
    standard_name: str | None = None
    power: bool = False
    members: tuple[str, ...] = ()
    extensive: bool = False

    def accepts(self, name: str) -> bool:
        """Tell whether an array of quantity `name` may stand where this one is declared."""
        return name == self.name or name in self.members


SIGMA0 = Quantity(
    "sigma0",
    "1",
    Text("backscatter coefficient sigma nought", "後方散乱係数 σ⁰"),
    "surface_backwards_scattering_coefficient_of_radar_wave",
    power=True,
)
GAMMA0 = Quantity("gamma0", "1", Text("backscatter coefficient gamma nought", "後方散乱係数 γ⁰"), power=True)
BETA0 = Quantity("beta0", "1", Text("radar brightness beta nought", "レーダー輝度 β⁰"), power=True)
RELATIVE_BACKSCATTER = Quantity(
    "relative_backscatter", "1", Text("relative, uncalibrated backscatter", "相対後方散乱（未校正）"), power=True
)
BACKSCATTER = Quantity(
    "backscatter",
    "1",
    Text("backscatter", "後方散乱"),
    power=True,
    members=("gamma0", "sigma0", "beta0", "relative_backscatter"),
)
INCIDENCE_ANGLE = Quantity("incidence_angle", "degree", Text("incidence angle", "入射角"), "angle_of_incidence")
SURFACE_REFLECTANCE = Quantity(
    "surface_reflectance", "1", Text("surface reflectance", "地表面反射率"), "surface_bidirectional_reflectance"
)
TOA_REFLECTANCE = Quantity(
    "toa_reflectance", "1", Text("top-of-atmosphere reflectance", "大気上端反射率"), "toa_bidirectional_reflectance"
)
SURFACE_TEMPERATURE = Quantity(
    "surface_temperature", "K", Text("land surface temperature", "地表面温度"), "surface_temperature"
)
BRIGHTNESS_TEMPERATURE = Quantity(
    "brightness_temperature", "K", Text("brightness temperature", "輝度温度"), "toa_brightness_temperature"
)
ELEVATION = Quantity("elevation", "m", Text("elevation", "標高データ"), "surface_altitude")
WATER_OCCURRENCE = Quantity("water_occurrence", "1", Text("share of time under water", "水面出現率"))
LAND_COVER = Quantity("land_cover", "1", Text("land cover", "土地被覆"), "land_cover_lccs")
BUILT_UP = Quantity("built_up_share", "1", Text("share covered by buildings", "建物の占める割合"))
POPULATION = Quantity("population", "1", Text("population per cell", "人口"), extensive=True)
QUALITY = Quantity("quality", "1", Text("quality flags", "品質フラグ"), "quality_flag")
CLOUD_MASK = Quantity(
    "cloud_mask", "1", Text("cloud mask (0 clear, other hidden)", "雲マスク（0は晴れ、0以外は観測不能）")
)
PROBABILITY = Quantity("probability", "1", Text("probability", "確率"))
FLOOD_EXTENT = Quantity("flood_extent", "1", Text("flood extent (0 dry, 1 flooded, 2 permanent water)", "浸水域"))
WATER_DEPTH = Quantity("water_depth", "m", Text("water depth", "浸水深"), "flood_water_thickness")
WATER_SURFACE = Quantity(
    "water_surface_elevation",
    "m",
    Text("water surface elevation", "水面標高"),
    "water_surface_height_above_reference_datum",
)
FLOW_SPEED = Quantity("flow_speed", "m s-1", Text("flow speed", "流速"), "flood_water_speed")
ROUGHNESS = Quantity("manning_roughness", "s m-0.333333", Text("Manning roughness", "マニングの粗度係数"))
DURATION = Quantity("elapsed_time", "s", Text("elapsed time", "経過時間"))
SURFACE_DISPLACEMENT = Quantity(
    "surface_displacement", "m", Text("initial displacement of the sea surface", "初期水位変動")
)
COHERENCE = Quantity("coherence", "1", Text("interferometric coherence", "干渉コヒーレンス"))
ELEVATION_CHANGE = Quantity("elevation_change", "m", Text("elevation change", "標高変化"))
INFILTRATION = Quantity("infiltration_rate", "mm h-1", Text("infiltration rate", "浸透能"))
HEIGHT_UNCERTAINTY = Quantity(
    "standard_uncertainty_m", "m", Text("standard uncertainty of a height", "高さの標準不確かさ")
)
DIGITAL_NUMBER = Quantity("digital_number", "1", Text("uncalibrated image brightness", "画像の画素値（未校正）"))
OPTICAL = Quantity(
    "optical",
    "1",
    Text("optical image", "光学画像"),
    members=("surface_reflectance", "toa_reflectance", "digital_number"),
)
VALUE = Quantity("value", "1", Text("value of unstated meaning", "値（意味の記載なし）"))

QUANTITIES: dict[str, Quantity] = {q.name: q for q in tuple(globals().values()) if isinstance(q, Quantity)}


def quantity(name: str) -> Quantity:
    """Return the quantity called `name`.

    Raises
    ------
    QuantityError
        If no quantity has this name; the message lists the known ones.
    """
    if name not in QUANTITIES:
        raise QuantityError(misspelt("quantity", name, QUANTITIES))
    return QUANTITIES[name]


def to_db(power: Any) -> Any:
    """Return ``10 log10(power)`` in decibels; zero and negative power become NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        decibel = 10.0 * np.log10(power)
    return decibel.where(power > 0) if hasattr(decibel, "where") else np.where(power > 0, decibel, np.nan)


def from_db(decibel: Any) -> Any:
    """Return linear power ``10^(dB/10)``."""
    return np.power(10.0, np.divide(decibel, 10.0, dtype=getattr(decibel, "dtype", None)))


@cache
def factor(units: str, declared: str) -> tuple[float, float]:
    """Return scale and offset that turn `units` into `declared`.

    Raises
    ------
    QuantityError
        If the units have different dimensions, or one is not understood.
    """
    import pint

    registry: Any = pint.application_registry
    try:
        zero, one = (registry.Quantity(v, _pint(units)).to(_pint(declared)).magnitude for v in (0.0, 1.0))
    except Exception as error:
        raise QuantityError(
            f"units {units!r} cannot be turned into {declared!r}; give the values in {declared!r}"
        ) from error
    return float(one - zero), float(zero)


def _pint(units: str) -> str:
    return {"1": "", "degrees": "degree", "%": "percent", "Celsius": "degC"}.get(units, units)


COUNTED = re.compile(
    r"\b(people|persons?|pers|inhabitants?|inhab|residents?|population|pop|capita|counts?|ind|individuals)\b|人口|人|名",
    re.IGNORECASE,
)
PER_CELL = re.compile(r"(/|\bper\b)\s*(grid\s*)?(cell|pixel|mesh)\b|/?(メッシュ|セル|画素)", re.IGNORECASE)
AREAS_M2 = {"km": 1e6, "ha": 1e4, "hectare": 1e4, "m": 1.0, "mi": 2_589_988.110336, "acre": 4046.8564224}
PER_AREA = re.compile(
    r"^1?\s*(?:/|per)?\s*(?:(?P<square>sq\.?|square)\s*)?(?P<unit>km|kilomet(?:re|er)s?|m|met(?:re|er)s?|ha|hectares?|mi|miles?|acres?)"
    r"(?P<power>\s*(?:\^|\*\*)?\s*[-−⁻]?\s*[12²])?$",
    re.IGNORECASE,
)


def area_of_density(units: str) -> float | None:
    """Return the area in m2 to which a count per area refers; None where the unit is that of a count per cell.

    Raises
    ------
    QuantityError
        If the unit is neither.

    >>> area_of_density("people km-2"), area_of_density("persons/ha"), area_of_density("人/km²"), area_of_density("people")
    (1000000.0, 10000.0, 1000000.0, None)
    """
    bare = PER_CELL.sub("", COUNTED.sub("", units.strip())).strip(" .()[]")
    if bare in {"", "1", "-", "none", "None", "count"}:
        return None
    found = PER_AREA.match(bare.replace("⁻²", "-2"))
    if found is None:
        raise QuantityError(f"units {units!r} are no count per cell or per area; give 'people' or 'people/km2'")
    name = re.sub(r"^kilomet.*", "km", re.sub(r"^met.*", "m", re.sub(r"^mile.*", "mi", found["unit"].lower())))
    name = name if name in AREAS_M2 else name.rstrip("s")
    inverse = "/" in bare or "per" in bare.lower() or re.search("[-−⁻]", bare) is not None
    squared = bool(found["square"]) or name in {"ha", "hectare", "acre"} or re.search("[2²]", found["power"] or "")
    if not (inverse and squared):
        raise QuantityError(f"units {units!r} are no count per cell or per area; give 'people' or 'people/km2'")
    return AREAS_M2[name]


def as_declared(array: Raster, declared: Quantity, argument: str) -> Raster:
    """Return `array` in the declared quantity's unit.

    Parameters
    ----------
    array
        Any shape; ``attrs["units"]`` is required, ``attrs["quantity"]`` is checked where present.
    declared
        What the method asks for.
    argument
        The caller's name for the array, used in messages.

    Raises
    ------
    QuantityError
        If the quantity is another one, the unit is missing, or the unit has another dimension.
    """
    name = array.attrs.get("quantity", declared.name)
    if not declared.accepts(name):
        wanted = " or ".join(declared.members or (declared.name,))
        raise QuantityError(
            f"{argument} must be {wanted}, got {name}; give another file or describe it with '#quantity=…'"
        )
    units = array.attrs.get("units")
    if units is None:
        raise QuantityError(f"{argument} has no units; set attrs['units'], for example {declared.units!r}")
    kept = declared.name if not declared.members else name
    if declared.extensive and area_of_density(str(units)) is None:
        units = declared.units
        array = array.assign_attrs(units=units)
    if units == declared.units:
        return array if array.attrs.get("quantity") == kept else array.assign_attrs(quantity=kept)
    if units in DECIBEL_UNITS:
        if not declared.power:
            raise QuantityError(f"{argument} is in dB but {declared.name} is in {declared.units!r}; dB fits power only")
        converted = from_db(array)
    else:
        scale, offset = factor(units, declared.units)
        converted = array * array.dtype.type(scale) + array.dtype.type(offset)
        passes = {n: array[n] * np.float32(scale) + np.float32(offset) for n in PASSES if n in array.coords}
        converted = converted.assign_coords({n: (p.dims, p.to_numpy()) for n, p in passes.items()})
    return cast("Raster", converted.assign_attrs({**array.attrs, "units": declared.units, "quantity": kept}))
