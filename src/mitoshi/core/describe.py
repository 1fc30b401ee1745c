"""One description of a method, made from its signature: every interface shows this and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mitoshi.core.features import FeatureKind
from mitoshi.core.product import Coded, Listed, Measured

if TYPE_CHECKING:
    from mitoshi.core.features import Column
    from mitoshi.core.method import DataArgument, Method, Output, Parameter

__all__ = ["describe", "json_schema"]

JSON_TYPES = {float: "number", int: "integer", str: "string", bool: "boolean"}


def describe(method: Method[..., Any]) -> dict[str, Any]:
    """Return the method as plain data: title, version, source, data arguments, parameters, outputs, caveats."""
    return {
        "name": method.name,
        "version": method.version,
        "title": method.title._asdict(),
        "reference": method.reference,
        "description": method.doc,
        "support": type(method.support).__name__.lower(),
        "margin": method.support.margin,
        "data": [_data(d) for d in method.data],
        "parameters": [_parameter(p) for p in method.parameters],
        "outputs": [_output(o) for o in method.outputs],
        "caveats": [c._asdict() for c in method.caveats],
    }


def json_schema(method: Method[..., Any]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the method's parameters; unknown names are not allowed."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {p.name: _schema(p) for p in method.parameters},
    }


def _schema(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": JSON_TYPES[parameter.type],
        "description": parameter.doc,
        "default": parameter.default,
    }
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.lower is not None:
        schema["exclusiveMinimum" if parameter.lower_open else "minimum"] = parameter.lower
    if parameter.upper is not None:
        schema["exclusiveMaximum" if parameter.upper_open else "maximum"] = parameter.upper
    return schema


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {"name": parameter.name, **_schema(parameter), "text": parameter.text._asdict()}


def _data(argument: DataArgument) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": argument.name,
        "required": argument.required,
        "quantity": argument.quantity.name,
        "accepts": list(argument.quantity.members or (argument.quantity.name,)),
        "units": argument.quantity.units,
        "when": argument.need.when,
        "within": None if argument.need.when == "any" else argument.need.within,
        "resolution_m": argument.need.resolution,
        "dates": argument.need.dates,
        "gap": argument.need.gap or None,
        "description": argument.doc,
        "text": argument.text._asdict(),
    }
    if isinstance(argument.quantity, FeatureKind):
        described |= {"geometry": list(argument.quantity.geometry), "columns": _columns(argument.quantity.columns)}
    return described


def _columns(columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    return [
        {
            "name": c.name,
            "type": c.dtype,
            "title": c.title._asdict(),
            "units": c.units,
            "required": c.required,
            "description": c.doc,
        }
        for c in columns
    ]


def _output(output: Output) -> dict[str, Any]:
    layer = output.layer
    if isinstance(layer, Listed):
        return {
            "name": output.name,
            "file": f"{output.name}.parquet",
            "title": layer.title._asdict(),
            "type": "features" if layer.geometry else "table",
            "geometry": list(layer.geometry),
            "columns": _columns(layer.columns),
            "uncertainty": _uncertainty(layer),
            "description": output.doc,
        }
    stored: dict[str, Any] = {"name": output.name, "file": f"{output.name}.tif", "title": layer.title._asdict()}
    if isinstance(layer, Coded):
        stored |= {"type": "uint8", "classes": {c.code: c.title._asdict() for c in layer.classes}}
    else:
        stored |= {"type": "float32", "units": layer.quantity.units, "resolution": layer.resolution}
    stored["uncertainty"] = _uncertainty(layer)
    stored["description"] = output.doc
    return stored


def _uncertainty(layer: Coded | Measured | Listed) -> str:
    """Return where the uncertainty stands, or why there is none."""
    return layer.uncertainty or (layer.no_uncertainty.en if layer.no_uncertainty else "")
