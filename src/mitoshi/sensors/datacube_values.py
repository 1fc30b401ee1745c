"""Stored numbers of a NetCDF or Zarr variable, and what the variable's attributes say that they mean.

The NetCDF Users Guide, appendix A (attribute conventions): ``_FillValue`` and ``missing_value`` mark what is absent; what lies
outside ``valid_range``, ``valid_min`` or ``valid_max`` is absent too; these are stored numbers, unless they are of the wider type
of ``scale_factor``; ``_Unsigned`` says that the bits of signed integers are unsigned; without a ``_FillValue``, the library's
default one is what was never written.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.sensors import guard
from mitoshi.sensors.datacube_checks import open_cube
from mitoshi.sensors.header import Band

if TYPE_CHECKING:
    from mitoshi.sensors.lazy import Check, Decode

__all__ = ["Valid", "VariableReader", "band_of", "valid_of"]

DEFAULT_FILL = {"f4": 9.9692099683868690e36, "f8": 9.9692099683868690e36, "i2": -32767.0, "i4": -2147483647.0}
DEFAULT_FILL |= {"u2": 65535.0, "u4": 4294967295.0}


@dataclass(frozen=True)
class Valid:
    """Lowest and highest stored number that is a measurement."""

    low: float = -math.inf
    high: float = math.inf

    def hidden(self, stored: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
        """Return True where stored numbers lie outside; None where there is no bound."""
        if self.low == -math.inf and self.high == math.inf:
            return None
        if stored.dtype.kind == "f":  # bounds are written in more digits than the numbers have
            low, high = (stored.dtype.type(bound) for bound in (self.low, self.high))
            return np.asarray((stored < low) | (stored > high))
        return np.asarray((stored < self.low) | (stored > self.high))


@dataclass(frozen=True)
class VariableReader:
    """One variable at one time step.

    Attributes
    ----------
    path, engine
        The file and how xarray opens it.
    variable
        Name.
    axes
        Names of its dimensions along columns and rows (y, x).
    index
        Chosen index of every other dimension.
    shape
        (rows, columns).
    valid
        Which stored numbers are measurements.
    decode
        How they become physical ones; None keeps codes as they are.
    dtype
        Of the result.
    fill
        What a code that is no measurement becomes where `decode` is None.
    check
        Refuses values that the quantity cannot have, or None.
    """

    path: str
    engine: str
    variable: str
    axes: tuple[str, str]
    index: tuple[tuple[str, int], ...]
    shape: tuple[int, int]
    valid: Valid = Valid()
    decode: Decode | None = None
    dtype: str = "float32"
    fill: int = 0
    check: Check | None = None

    def read(self, y: slice, x: slice) -> np.ndarray[Any, Any]:
        """Return one window.

        Raises
        ------
        InputError
            If the file is damaged, or a value is beyond what the quantity can be.
        """
        with open_cube(Path(self.path), self.engine) as dataset:
            window = dict(self.index) | {self.axes[0]: y, self.axes[1]: x}
            try:
                stored = _bits(dataset[self.variable].isel(window).transpose(*self.axes))
            except Exception as error:  # of a chunk that cannot be decoded, every library raises something else
                raise InputError(
                    f"{Path(self.path).name}: the values of {self.variable!r} are damaged or cut short; fetch it again "
                    f"({guard.one_line(error)[:80]})"
                ) from None
        hidden = self.valid.hidden(stored)
        values = stored if self.decode is None else self.decode(stored.copy())
        if hidden is not None:
            values = np.where(hidden, values.dtype.type(self.fill if self.decode is None else np.nan), values)
        return values if self.check is None else self.check(values, stored)


def _bits(variable: Any) -> np.ndarray[Any, Any]:
    """Return stored numbers in this machine's byte order, unsigned where the file says so."""
    stored = np.asarray(variable.to_numpy())
    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    turned = _signs(variable)
    return stored if turned is None else stored.view(f"{turned}{stored.dtype.itemsize}")


def _signs(variable: Any) -> str | None:
    """Return the kind of integers, "u" or "i", that the bits mean where it is another than the stored one."""
    said = str(variable.attrs.get("_Unsigned", "")).lower()
    if variable.dtype.kind == "i" and said == "true":
        return "u"
    return "i" if variable.dtype.kind == "u" and said == "false" else None


def band_of(number: int, name: str, variable: Any, *, filled: bool) -> Band:
    """Return what a variable says of its numbers, as of a band of a raster.

    Parameters
    ----------
    number
        From 1.
    name
        Of the variable.
    variable
        As it is stored, not decoded.
    filled
        Whether the format has a default fill value, as NetCDF does.
    """
    said = variable.attrs
    marks = [*_numbers(said, "_FillValue", name), *_numbers(said, "missing_value", name)]
    kind = f"{variable.dtype.kind}{variable.dtype.itemsize}"
    if filled and "_FillValue" not in said and kind in DEFAULT_FILL and _signs(variable) is None:
        marks.append(DEFAULT_FILL[kind])
    turned = _signs(variable)
    if turned is not None:
        marks = [float(np.array([int(m)], variable.dtype).view(f"{turned}{variable.dtype.itemsize}")[0]) for m in marks]
    scale, offset = _one(said, "scale_factor", 1.0, name), _one(said, "add_offset", 0.0, name)
    unit = str(said.get("units", "")).strip()
    dtype = variable.dtype if turned is None else np.dtype(f"{turned}{variable.dtype.itemsize}")
    return Band(
        number=number,
        dtype=str(dtype.newbyteorder("=")),
        nodata=marks[0] if marks else None,
        missing=tuple(marks[1:]),
        scale=scale,
        offset=offset,
        unit=unit or None,
        colour="gray",
        name=name,
    )


def valid_of(name: str, variable: Any) -> Valid:
    """Return which stored numbers are measurements.

    Raises
    ------
    InputError
        If the bounds are no numbers.
    """
    said = variable.attrs
    low, high = -math.inf, math.inf
    pair = _numbers(said, "valid_range", name)
    if len(pair) == 2:
        low, high = pair
    low, high = _one(said, "valid_min", low, name), _one(said, "valid_max", high, name)
    if _in_physical_units(said, variable):
        scale, offset = _one(said, "scale_factor", 1.0, name), _one(said, "add_offset", 0.0, name)
        low, high = sorted(((low - offset) / scale, (high - offset) / scale))
    elif (turned := _signs(variable)) is not None:
        low, high = (
            float(np.array([int(v)], variable.dtype).view(f"{turned}{variable.dtype.itemsize}")[0])
            if math.isfinite(v) and np.iinfo(variable.dtype).min <= v <= np.iinfo(variable.dtype).max
            else v
            for v in (low, high)
        )
    if low > high:
        raise InputError(f"{name}: its valid range ends below its start ({low:g} to {high:g}); correct the file")
    return Valid(low, high)


def _in_physical_units(said: Any, variable: Any) -> bool:
    """Return whether valid bounds are unpacked values: of the type of the factors, wider than the stored one."""
    factors = [np.asarray(said[key]).dtype for key in ("scale_factor", "add_offset") if key in said]
    bounds = [np.asarray(said[key]).dtype for key in ("valid_range", "valid_min", "valid_max") if key in said]
    kinds = {*factors, *bounds}
    if not factors or not bounds or any(kind.kind != "f" for kind in kinds):
        return False
    return bool(variable.dtype.kind in "iu" or min(kind.itemsize for kind in kinds) > variable.dtype.itemsize)


def _numbers(said: Any, key: str, name: str) -> list[float]:
    if key not in said:
        return []
    try:
        return [float(v) for v in np.ravel(said[key]).tolist()]
    except (TypeError, ValueError):
        raise InputError(
            f"{name}: its attribute {key} is no number, got {str(said[key])[:40]!r}; correct the file"
        ) from None


def _one(said: Any, key: str, absent: float, name: str) -> float:
    numbers = _numbers(said, key, name)
    return numbers[0] if numbers else absent
