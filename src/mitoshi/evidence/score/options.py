"""The options of a comparison, declared once: the command line, the HTTP process and the MCP tool are made from these."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

from mitoshi.core.errors import ParameterError
from mitoshi.evidence.score.result import Settings

__all__ = ["OPTIONS", "Option", "json_schema", "settings_of"]

Form = Literal["source", "text", "codes", "choice", "number", "flag", "truths"]
LONGEST = 2048  # characters of a text
MOST_CODES, MOST_TRUTHS = 256, 64


class Option(NamedTuple):
    """One option.

    Attributes
    ----------
    name
        As users write it, with ``_`` where the command line has ``-``.
    field
        Of `Settings`.
    form
        What it takes: a source is a raster or vector file with its description, codes are whole numbers, truths are numbers by
        the name of a figure.
    doc
        One sentence.
    metavar
        Of the command line.
    choices
        Of a choice.
    lower, upper
        Of a number; the lower bound is excluded, both included where they are infinite.
    default
        Of a choice or a number; None where it follows from the data.
    flag
        Name on the command line where it is another one.
    """

    name: str
    field: str
    form: Form
    doc: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    lower: float = -math.inf
    upper: float = math.inf
    default: str | float | None = None
    flag: str = ""


OPTIONS = (
    Option(
        "reference",
        "reference",
        "source",
        "Raster, polygons or points that count as true; '#key=value' describes it.",
        "FILE",
    ),
    Option(
        "output",
        "product",
        "text",
        "Product of a bundle.  [default: the first coded, measured or listed one; of damage scored by a list, the buildings]",
        "NAME",
        flag="product",
    ),
    Option(
        "kind",
        "kind",
        "choice",
        "How they are compared.  [default: by its content]",
        choices=("coded", "probability", "measured", "listed"),
    ),
    Option(
        "map",
        "mapping",
        "text",
        "What the reference's codes mean, such as 1=1,2=1,255=none.",
        "CODE=CLASS,…",
    ),
    Option("product_map", "product_map", "text", "What the product's codes mean.", "CODE=CLASS,…"),
    Option("positive", "positive", "codes", "Classes that together are what is looked for.", "CODE,…"),
    Option(
        "uncertainty",
        "uncertainty",
        "source",
        "Probability or standard uncertainty of a product that is no bundle.",
        "FILE",
    ),
    Option(
        "reference_area",
        "reference_area",
        "source",
        "Polygons inside which the polygons of the reference are complete.",
        "FILE",
    ),
    Option("column", "column", "text", "Column of the reference that holds the class or the measured value.", "NAME"),
    Option("product_column", "product_column", "text", "Column of a product of features that holds the class.", "NAME"),
    Option("ordered", "ordered", "flag", "Codes are in an order, such as degrees of damage: weighted kappa, too."),
    Option("zones", "zones", "source", "Polygons or raster of codes by which agreement is given, too.", "FILE"),
    Option("zone_column", "zone_column", "text", "Column that names the zones.", "NAME"),
    Option("baseline", "baseline", "source", "Another product, compared in the same way and shown beside.", "FILE"),
    Option("match", "matching", "choice", "How lists are matched.", choices=("iou", "centroid"), default="iou"),
    Option("overlap", "overlap", "number", "Least IoU of a match.", lower=0.0, upper=1.0, default=0.5),
    Option(
        "threshold",
        "threshold",
        "number",
        "From which a probability counts as positive.",
        lower=0.0,
        upper=1.0,
        default=0.5,
    ),
    Option(
        "at_least",
        "at_least",
        "number",
        "Compare measured values where product or reference reaches this.",
        "VALUE",
    ),
    Option("truth", "truths", "truths", "True value of a bundle's figure; may be repeated.", "FIGURE=VALUE"),
)
"""In the order in which they are shown."""


def json_schema(option: Option) -> dict[str, Any]:
    """Return the JSON Schema of an option's value; that of a source is the interface's own."""
    said: dict[str, Any] = {
        "description": option.doc,
        **({} if option.default is None else {"default": option.default}),
    }
    forms: dict[Form, dict[str, Any]] = {
        "source": {"type": "string", "minLength": 1, "maxLength": LONGEST},
        "text": {"type": "string", "minLength": 1, "maxLength": LONGEST},
        "codes": {"type": "array", "items": {"type": "integer"}, "maxItems": MOST_CODES},
        "choice": {"type": "string", "enum": list(option.choices)},
        "number": {"type": "number"},
        "flag": {"type": "boolean", "default": False},
        "truths": {"type": "object", "additionalProperties": {"type": "number"}, "maxProperties": MOST_TRUTHS},
    }
    bounds = {"exclusiveMinimum": option.lower} if math.isfinite(option.lower) else {}
    bounds |= {"maximum": option.upper} if math.isfinite(option.upper) else {}
    return {**forms[option.form], **(bounds if option.form == "number" else {}), **said}


def settings_of(values: dict[str, Any]) -> Settings:
    """Return the settings that options stand for, each checked.

    Parameters
    ----------
    values
        By the options' names, as JSON has them; those left out take their defaults.

    Raises
    ------
    ParameterError
        If a value does not fit.
    """
    chosen = {o.field: _value(o, values[o.name]) for o in OPTIONS if values.get(o.name) is not None}
    return Settings(**{"reference": "", **chosen})


def _value(option: Option, value: Any) -> Any:
    """Return a value as `Settings` takes it."""
    checks = {"codes": _codes, "choice": _choice, "number": _number, "flag": _flag, "truths": _truths}
    return checks.get(option.form, _text)(option, value)


def _text(option: Option, value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST or not value.isprintable():
        raise ParameterError(f"{option.name} must be a text of 1 to {LONGEST} characters, got {_shown(value)}")
    return value.strip()


def _codes(option: Option, value: Any) -> tuple[int, ...]:
    whole = isinstance(value, list | tuple) and all(isinstance(v, int) and not isinstance(v, bool) for v in value)
    if not whole or len(value) > MOST_CODES:
        raise ParameterError(f"{option.name} must be a list of at most {MOST_CODES} codes, got {_shown(value)}")
    return tuple(value)


def _choice(option: Option, value: Any) -> str:
    if value not in option.choices:
        raise ParameterError(f"{option.name} must be one of {', '.join(option.choices)}, got {_shown(value)}")
    return str(value)


def _number(option: Option, value: Any) -> float:
    if not _is_number(value) or (math.isfinite(option.lower) and not option.lower < value <= option.upper):
        within = f" above {option.lower:g}, at most {option.upper:g}" if math.isfinite(option.lower) else ""
        raise ParameterError(f"{option.name} must be a finite number{within}, got {_shown(value)}")
    return float(value)


def _flag(option: Option, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ParameterError(f"{option.name} must be true or false, got {_shown(value)}")
    return value


def _truths(option: Option, value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or len(value) > MOST_TRUTHS or not all(map(_is_number, value.values())):
        raise ParameterError(f"{option.name} must be at most {MOST_TRUTHS} numbers by figure, got {_shown(value)}")
    return {str(name)[:LONGEST]: float(number) for name, number in value.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2.0**63


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
