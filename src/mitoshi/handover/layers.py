"""What is handed over: layers with words in both languages, and the circumstances that every file states."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError, misspelt
from mitoshi.core.text import Text
from mitoshi.evidence.wording import JST, units

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from mitoshi.core.features import Column, Features

__all__ = [
    "Context",
    "Issuer",
    "LayerForHandover",
    "Legend",
    "LegendClass",
    "dictionary",
    "geometries",
    "heading",
    "local",
    "values_of",
]

NOBODY = "not-set@example.invalid"


@dataclass(frozen=True)
class LegendClass:
    """One class of a legend: the value of the column, its words, its colour as ``#rrggbb``."""

    value: str | int | float
    title: Text
    colour: str


@dataclass(frozen=True)
class Legend:
    """Which column's values are drawn in which colour."""

    column: str
    classes: tuple[LegendClass, ...]


@dataclass(frozen=True)
class LayerForHandover:
    """One layer, or a table where the features have no geometry.

    Attributes
    ----------
    title
        Words for people.
    features
        With a CRS; only the declared columns are handed over.
    columns
        Machine name, type, unit and words of each.
    code
        Information code of SIP4D-ZIP, such as ``01-008-03``.
    attributes
        SIP4D attribute → the column that answers it. A column with the attribute's own name answers without being named here.
    constants
        SIP4D attribute → one value for all features.
    values
        SIP4D attribute → value of the column → value that SIP4D knows (its Japanese word or its key).
    category
        Category of the metadata; "" takes the code's.
    legend
        Classes and colours, or None.
    colour
        Of all features where there is no legend.
    note
        What a receiver must know of this layer, or None.
    observed
        When the world was so; None takes the context's time.
    packaged
        Whether a SIP4D-ZIP is written of it.
    """

    title: Text
    features: Features
    columns: tuple[Column, ...]
    code: str = "99-999-99"
    attributes: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str | int] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    category: str = ""
    legend: Legend | None = None
    colour: str = "#1f78b4"
    note: Text | None = None
    observed: datetime | None = None
    packaged: bool = True


@dataclass(frozen=True)
class Issuer:
    """Who answers for what is handed over; nobody by default, and then packages are marked as a test.

    Attributes
    ----------
    name, mail
        Of the organisation.
    openness
        One of the three degrees of SIP4D-ZIP.
    licence
        One of its licences.
    credit
        Whom to name.
    """

    name: str = "発信者未設定（mitoshi）"
    mail: str = NOBODY
    openness: str = "災害対応機関のみ公開可能"
    licence: str = "other-closed"
    credit: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        """Whether somebody answers."""
        return self.mail != NOBODY


@dataclass(frozen=True)
class Context:
    """What every file of a handover states.

    Attributes
    ----------
    event
        Name of the disaster.
    time
        When the handover was made, as the caller tells it.
    simulated
        Whether any input is simulated.
    issuer
        Who answers for it.
    event_id
        Identifier of the disaster at the receiver, or "".
    report
        Number of the report, or None.
    evidence
        Identifiers of the evidence bundles.
    """

    event: Text
    time: datetime
    simulated: bool
    issuer: Issuer = Issuer()
    event_id: str = ""
    report: int | None = None
    evidence: tuple[str, ...] = ()

    @property
    def test_flag(self) -> str:
        """How receivers must take it: 訓練 for simulated data, 試験 where nobody answers for it, else 通常."""
        return "訓練" if self.simulated else "通常" if self.issuer.named else "試験"


def local(time: datetime) -> str:
    """Return a time as SIP4D-ZIP writes it in its metadata: Japan Standard Time without a zone.

    >>> local(datetime(2026, 11, 22, 12, 5, tzinfo=UTC))
    '2026-11-22T21:05:00'
    """
    known = time.replace(tzinfo=UTC) if time.tzinfo is None else time
    return f"{known.astimezone(JST):%Y-%m-%dT%H:%M:%S}"


def heading(column: Column) -> Text:
    """Return a column's words with its unit.

    >>> from mitoshi.core.features import Column
    >>> heading(Column("depth_m", "float", Text("depth", "浸水深"), "m"))
    Text(en='depth [m]', ja='浸水深（m）')
    """
    unit = units(column.units) if column.units else ""
    return Text(f"{column.title.en} [{unit}]", f"{column.title.ja}（{unit}）") if unit else column.title


def values_of(layer: LayerForHandover, column: Column) -> list[Any]:
    """Return a column as Python values: str, int, float or bool, None where it is missing.

    Raises
    ------
    InputError
        If the features lack the column.
    """
    if column.name not in layer.features.columns:
        names = [str(c) for c in layer.features.columns]
        raise InputError(f"layer {layer.title.en!r}: {misspelt('column', column.name, names)}")
    given = layer.features[column.name]
    if column.dtype == "str":
        return [None if v is None or v != v else str(v) for v in given.tolist()]
    numbers: npt.NDArray[np.float64] = np.asarray(given.to_numpy(dtype=float, na_value=np.nan), float)
    kind = {"int": int, "bool": bool, "float": float}[column.dtype]
    known = np.isfinite(numbers)
    rounded = np.rint(numbers) if column.dtype == "int" else numbers
    return [kind(v) if k else None for v, k in zip(rounded.tolist(), known.tolist(), strict=True)]


def geometries(layer: LayerForHandover, name: str) -> Any:
    """Return the geometries in longitude and latitude as a numpy array without heights, or None for a plain table.

    Raises
    ------
    InputError
        If there are geometries without a CRS.
    """
    import shapely

    features = layer.features
    if getattr(features, "_geometry_column_name", None) not in features.columns:
        return None
    if features.crs is None:
        raise InputError(f"layer {name!r} has geometries without a CRS; set it")
    degrees = features.geometry if features.crs.to_epsg() == 4326 else features.geometry.to_crs(4326)
    flat = shapely.force_2d(degrees.to_numpy())
    return np.where(shapely.is_missing(flat) | shapely.is_empty(flat), None, flat)


def dictionary(layers: Mapping[str, LayerForHandover]) -> list[dict[str, str]]:
    """Return one row per column of every layer: what it means, in both languages."""
    return [
        {
            "layer": name,
            "layer_en": layer.title.en,
            "layer_ja": layer.title.ja,
            "column": column.name,
            "type": column.dtype,
            "units": column.units or "",
            "en": column.title.en,
            "ja": column.title.ja,
            "meaning": column.doc,
        }
        for name, layer in layers.items()
        for column in layer.columns
    ]
