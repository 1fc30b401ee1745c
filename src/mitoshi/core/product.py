"""How an output becomes a layer that people look at and machines read, and the figures drawn from it.

An output of a method is one field of its NamedTuple, annotated with `Coded` (classes), `Measured` (a quantity with its storage
resolution) or `Listed` (features or a table), and with what is known of its uncertainty: the name of the field that holds it, or
the reason why there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mitoshi.core.features import Column
    from mitoshi.core.quantity import Quantity
    from mitoshi.core.text import Text

__all__ = ["Coded", "CodedClass", "Figure", "Listed", "Measured"]


class CodedClass(NamedTuple):
    """One class of a coded layer: its code, its words and its colour as ``#rrggbb``."""

    code: int
    title: Text
    colour: str


@dataclass(frozen=True)
class Coded:
    """A layer of classes, stored as uint8.

    Attributes
    ----------
    title
        The layer's name on maps.
    classes
        Every code that may occur, the nodata code included.
    nodata
        The code of what could not be observed.
    uncertainty
        Name of the output that holds this one's uncertainty, or None.
    no_uncertainty
        Why there is none, where `uncertainty` is None.
    outline
        The code whose connected areas are drawn as polygons in ``<field>.geojson``, or None.
    quantity
        What the codes mean to a method that takes them as data, or None.
    """

    title: Text
    classes: tuple[CodedClass, ...]
    nodata: int = 255
    uncertainty: str | None = None
    no_uncertainty: Text | None = None
    outline: int | None = None
    quantity: Quantity | None = None


@dataclass(frozen=True)
class Measured:
    """A layer of a quantity, stored as float32 rounded to `resolution`; NaN where there is no value.

    Attributes
    ----------
    title
        The layer's name on maps.
    quantity
        What it is; gives the unit.
    resolution
        Step to which stored values are rounded, in the quantity's unit; a method may scale it to the problem (`Method.fitted`).
    uncertainty
        Name of the output that holds the standard uncertainty, or None.
    no_uncertainty
        Why there is none (for example: it is itself the uncertainty of another output).
    limits
        Lowest and highest value of the colour scale.
    colours
        Name of a matplotlib colour map.
    """

    title: Text
    quantity: Quantity
    resolution: float
    uncertainty: str | None = None
    no_uncertainty: Text | None = None
    limits: tuple[float, float] = (0.0, 1.0)
    colours: str = "viridis"


@dataclass(frozen=True)
class Listed:
    """A list of features or a plain table, stored as (Geo)Parquet in ``<field>.parquet``.

    Attributes
    ----------
    title
        The list's name.
    columns
        Its columns in their order.
    geometry
        Shapely types that may occur; () for a table without geometry.
    uncertainty
        Where the uncertainty stands: the columns or the other output that hold it; "" where there is none.
    no_uncertainty
        Why there is none, where `uncertainty` is "".
    class_column
        An "int" column by whose codes features are drawn, or "".
    classes
        Words and colours of those codes.
    """

    title: Text
    columns: tuple[Column, ...]
    geometry: tuple[str, ...] = ()
    uncertainty: str = ""
    no_uncertainty: Text | None = None
    class_column: str = ""
    classes: tuple[CodedClass, ...] = ()


class Figure(NamedTuple):
    """One number of a report, with its interval.

    Attributes
    ----------
    name
        Machine name, such as ``flooded_area``.
    title
        Words for people.
    value, lower, upper
        The estimate and its interval; lower and upper are None only where `reason` says why.
    units
        CF spelling, such as ``km2``.
    confidence
        Probability that the interval covers the truth, such as 0.9; None where there is no interval.
    reason
        Why there is no interval (for example: a count of pixels is exact).
    resolution
        Step to which value and bounds are recorded, in `units`; None takes that of the units or of seven significant digits
        (`mitoshi.core.resolution`), whichever is finer.
    """

    name: str
    title: Text
    value: float
    lower: float | None
    upper: float | None
    units: str
    confidence: float | None = None
    reason: Text | None = None
    resolution: float | None = None
