"""A layer's columns as the properties of SIP4D-ZIP: those that receivers know under their names, then all others under ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.core.errors import InputError, misspelt
from mitoshi.handover.layers import heading, values_of
from mitoshi.handover.sip4d.geodata import PROPERTY_NAME
from mitoshi.handover.sip4d.serial import encoded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mitoshi.core.features import Column
    from mitoshi.handover.layers import LayerForHandover
    from mitoshi.handover.sip4d.codes import Attribute, InformationCode

__all__ = ["Properties", "properties_of"]

TYPE_OF = {"float": "Double", "int": "Integer", "str": "String", "bool": "List"}
TRUTH = {"true": "はい", "false": "いいえ"}
UNKNOWN = "不明"


class Properties(NamedTuple):
    """The properties of all features.

    Attributes
    ----------
    definitions
        One entry of ``columns`` per property.
    values
        Property → JSON text of each row.
    """

    definitions: tuple[Mapping[str, Any], ...]
    values: Mapping[str, list[str]]

    def lines(self, rows: Sequence[int]) -> list[str]:
        """Return the JSON object of each row."""
        names = [f'"{name}":' for name in self.values]
        columns = [[values[r] for r in rows] for values in self.values.values()]
        if not columns:
            return ["{}"] * len(rows)
        return ["{" + ",".join(map("".join, zip(names, row, strict=True))) + "}" for row in zip(*columns, strict=True)]

    def as_written(self, name: str, value: Any) -> Any:
        """Return a value of a legend as the property holds it."""
        kind = next((d["type"] for d in self.definitions if d["name"] == name), None)
        if kind is None:
            raise InputError(f"legend: {misspelt('column', name, self.values)}")
        if kind == "Double":
            return float(value)
        if kind == "Integer":
            return int(value)
        return str(value).lower() if isinstance(value, bool) else str(value)


def properties_of(layer: LayerForHandover, name: str, known: InformationCode) -> Properties:
    """Return the properties of a layer.

    Parameters
    ----------
    layer
        Features and the columns to hand over.
    name
        Of the layer, for messages.
    known
        Its information code.

    Raises
    ------
    InputError
        If an attribute is unknown, a value is none that the code allows, or a column's name is no property name.
    """
    columns = {c.name: c for c in layer.columns}
    for asked in {*layer.attributes, *layer.constants, *layer.values}:
        if known.attribute(asked) is None:
            others = misspelt("attribute", asked, (a.name for a in known.attributes))
            raise InputError(f"layer {name!r}, code {known.code}: {others}")
    definitions: list[Mapping[str, Any]] = []
    values: dict[str, list[str]] = {}
    for attribute in known.attributes:
        answer = _answer(attribute, layer, columns, name)
        if answer is not None:
            definitions.append(_known(attribute))
            values[attribute.name] = encoded(answer)
    for column in layer.columns:
        if column.name in values:
            continue
        if not PROPERTY_NAME.fullmatch(column.name):
            raise InputError(f"layer {name!r}: column {column.name!r} is no property name; use a–z, 0–9 and _ only")
        definitions.append(_own(column))
        given = values_of(layer, column)
        values[column.name] = encoded([str(v).lower() if isinstance(v, bool) else v for v in given])
    if not definitions:
        raise InputError(f"layer {name!r} declares no column; SIP4D-ZIP needs at least one")
    return Properties(tuple(definitions), values)


def _known(attribute: Attribute) -> dict[str, Any]:
    words = {"name": attribute.name, "jname": attribute.title.ja, "connid": attribute.name, "show": True}
    listed = list(attribute.choices.values())
    lists = {"num_key": len(listed), "key_list": listed, "value_list": listed} if listed else {}
    return {**words, "description": attribute.title.en, "type": attribute.kind, **lists}


def _own(column: Column) -> dict[str, Any]:
    words, kind = heading(column), TYPE_OF[column.dtype]
    keys = {"num_key": 2, "key_list": list(TRUTH), "value_list": list(TRUTH.values())} if kind == "List" else {}
    said = f"{words.en}. {column.doc}" if column.doc else words.en
    return {"name": column.name, "jname": words.ja, "show": True, "description": said, "type": kind, **keys}


def _answer(
    attribute: Attribute, layer: LayerForHandover, columns: Mapping[str, Column], name: str
) -> list[Any] | None:
    """Return the values of a known attribute, or None where nothing answers it and nothing must."""
    rows = len(layer.features)
    if attribute.name in layer.constants:
        return [_fitting(layer.constants[attribute.name], attribute, layer, name)] * rows
    source = layer.attributes.get(attribute.name, attribute.name)
    if source not in columns:
        if attribute.name in layer.attributes:
            raise InputError(f"layer {name!r}: {misspelt('column', source, columns)}")
        return [_missing(attribute)] * rows if attribute.declared else None
    known: dict[Any, Any] = {}
    answers = []
    for value in values_of(layer, columns[source]):
        if value not in known:
            known[value] = _fitting(value, attribute, layer, name)
        answers.append(known[value])
    return answers


def _missing(attribute: Attribute) -> str | None:
    """Return what stands where nothing is known."""
    if attribute.choices:
        return attribute.choices.get("unknown")
    return UNKNOWN if attribute.declared and attribute.kind == "String" and not attribute.pattern else None


def _fitting(value: Any, attribute: Attribute, layer: LayerForHandover, name: str) -> Any:
    """Return a value as the attribute demands it."""
    if value is None:
        return _missing(attribute)
    translated = layer.values.get(attribute.name, {}).get(str(value), value)
    if attribute.kind == "Integer":
        return round(float(translated))
    text = str(translated)
    if attribute.choices:
        text = attribute.choices.get(text, text)
        if text not in attribute.choices.values():
            raise InputError(f"layer {name!r}: {misspelt(attribute.name, text, attribute.choices)}")
    elif attribute.pattern and not re.fullmatch(attribute.pattern, text):
        raise InputError(f"layer {name!r}: {attribute.name} is {text!r}; it must have the form {attribute.pattern}")
    return text
