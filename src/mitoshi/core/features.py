"""Features: things with a place and attributes (buildings, roads, gauges), and the kinds of them that methods ask for.

In a method they are a `geopandas.GeoDataFrame` in the CRS of the run's grid; a kind without geometry is a plain table in the same
type. Every declared column exists: one that the source lacks is all missing (NaN or None). Missing stays missing.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from mitoshi.core.errors import QuantityError, misspelt

if TYPE_CHECKING:
    import geopandas

    from mitoshi.core.text import Text

    Features: TypeAlias = geopandas.GeoDataFrame
else:
    Features = object  # geopandas takes half a second to import; only what reads or computes features needs it

__all__ = ["Column", "FeatureKind", "Features", "features_as_declared"]

Dtype = Literal["float", "int", "str", "bool"]
EXACT_INTEGER = 2**53
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "不明", "―", "ー"})
TRUE, FALSE = frozenset({"true", "t", "yes", "y", "1", "1.0"}), frozenset({"false", "f", "no", "n", "0", "0.0"})


@dataclass(frozen=True)
class Column:
    """One attribute of a kind of features, or of a listed output.

    Attributes
    ----------
    name
        As in files, ``snake_case``; the unit is part of the name where it is not SI.
    dtype
        "float" (missing is NaN), "int" (never missing), "str" (missing is None) or "bool" (never missing).
    title
        Words for people.
    units
        CF spelling; "1" for numbers without a unit, None for text.
    required
        Whether a source must have it.
    doc
        What it means.
    resolution
        Step to which stored values of an output are rounded; None keeps six significant digits.
    """

    name: str
    dtype: Dtype
    title: Text
    units: str | None = None
    required: bool = False
    doc: str = ""
    resolution: float | None = None


@dataclass(frozen=True)
class FeatureKind:
    """A kind of features that a data argument asks for.

    Attributes
    ----------
    name
        The field's word, as in ``#quantity=buildings``.
    title
        Words for people.
    geometry
        Shapely types that may occur; () for a table without geometry.
    columns
        Attributes a method may rely on.
    """

    name: str
    title: Text
    geometry: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def members(self) -> tuple[str, ...]:
        """No kind stands for another."""
        return ()

    @property
    def units(self) -> str:
        """Features as a whole have no unit; their columns do."""
        return "1"

    @property
    def power(self) -> bool:
        """Features are never backscatter."""
        return False

    def accepts(self, name: str) -> bool:
        """Tell whether features of the kind `name` may stand where this one is declared."""
        return name == self.name


def features_as_declared(features: Features, kind: FeatureKind, argument: str) -> Features:
    """Return features with the declared columns in their declared types, the others left as they are.

    Parameters
    ----------
    features
        As read, or as a caller made them.
    kind
        What the method asks for.
    argument
        The caller's name for them, used in messages.

    Raises
    ------
    QuantityError
        If a required column is missing, a value cannot be read, or a geometry is of another type.
    """
    import geopandas

    if not hasattr(features, "columns") or not hasattr(features, "assign"):
        raise QuantityError(f"{argument} must be features ({kind.name}), got {type(features).__name__}")
    from mitoshi.core.vocabulary import understood

    features = understood(features, kind).features
    found = {}
    for column in kind.columns:
        if column.name in features.columns:
            found[column.name] = number_values(features[column.name], column, argument)
        elif column.required:
            raise QuantityError(
                f"{argument} has no column {column.name!r}; {misspelt('column', column.name, map(str, features.columns))}"
            )
        else:
            found[column.name] = _missing(column, len(features))
    if kind.geometry:
        _check_geometry(features, kind, argument)
    elif not isinstance(features, geopandas.GeoDataFrame):
        features = geopandas.GeoDataFrame(features)
    return features.assign(**{n: _indexed(values, features) for n, values in found.items()})


def _missing(column: Column, count: int) -> Any:
    if column.dtype == "str":
        return _objects([None] * count)
    return np.full(count, np.nan)


def number_values(series: Any, column: Column, argument: str) -> Any:
    import pandas as pd

    if column.dtype == "str":
        return _objects([_text(v) for v in series])
    if column.dtype == "bool" or series.dtype == bool:
        return np.array([_truth(v) for v in series], float)
    if series.dtype.kind not in "iuf":
        series = series.map(_plain_number)
    numbers = pd.to_numeric(series, errors="coerce").to_numpy(float, na_value=np.nan)
    bad = np.isnan(numbers) & ~series.isna().to_numpy()
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise QuantityError(
            f"{argument}: {column.name} of row {row + 1} is {str(series.iloc[row])[:40]!r}, which is no number; "
            "write it with a decimal point and without separators, or leave it empty"
        )
    if column.required and np.isnan(numbers).any():
        row = int(np.flatnonzero(np.isnan(numbers))[0])
        raise QuantityError(f"{argument}: {column.name} of row {row + 1} is missing; every row needs one")
    return numbers


def _indexed(values: Any, features: Features) -> Any:
    return values.set_axis(features.index) if hasattr(values, "set_axis") else values


def _objects(values: list[str | None]) -> Any:
    """Return text as objects: as a text type of its own, pandas would make None a float, and missing would be no word."""
    import pandas as pd

    return pd.Series(values, dtype=object)


def _plain_number(value: Any) -> Any:
    """Return text in ASCII digits, None where it says that there is no value; other values as they are."""
    if not isinstance(value, str):
        return value
    text = unicodedata.normalize("NFKC", value).strip()
    return None if text.lower() in MISSING else text


def _text(value: Any) -> str | None:
    """Return a value as text; a whole number is written without decimals, as before a missing neighbour made it a float."""
    import pandas as pd

    if value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value))):
        return None
    if isinstance(value, float | np.floating) and float(value).is_integer() and abs(float(value)) < EXACT_INTEGER:
        return str(int(value))
    return str(value)


def _truth(value: Any) -> float:
    text = str(value).strip().lower()
    return 1.0 if text in TRUE else 0.0 if text in FALSE else float("nan")


def _check_geometry(features: Features, kind: FeatureKind, argument: str) -> None:
    if not hasattr(features, "geom_type") or getattr(features, "_geometry_column_name", None) not in features.columns:
        raise QuantityError(
            f"{argument} has no geometry; {kind.name} are {' or '.join(kind.geometry)} (a table "
            "gives columns longitude and latitude, 経度 and 緯度, or wkt)"
        )
    for other in sorted({str(t) for t in features.geom_type.dropna().unique()} - set(kind.geometry)):
        raise QuantityError(f"{argument} holds {other} geometries; {kind.name} are {' or '.join(kind.geometry)}")
    if features.geometry.isna().any():
        raise QuantityError(f"{argument} holds rows without geometry; remove them or give them a place")
