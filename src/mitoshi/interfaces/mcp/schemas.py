"""What a tool takes and what it answers, as JSON Schema 2020-12; that of a method is made from its signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mitoshi.core.describe import describe, json_schema
from mitoshi.core.standing import ADOPTED, TRIAL
from mitoshi.evidence.score.options import OPTIONS
from mitoshi.evidence.score.options import json_schema as json_schema_of
from mitoshi.workflows.requests import AREA, BUNDLE_ID, EVENT
from mitoshi.workflows.scoring import PRODUCT as SCORED
from mitoshi.workflows.scoring import WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mitoshi.core.method import Method

__all__ = [
    "DESCRIBED",
    "FOUND",
    "LANGUAGE",
    "LONGEST_WAIT",
    "OUTCOME",
    "VALUES",
    "closed",
    "run_inputs",
    "score_inputs",
    "waiting",
]

LONGEST_WAIT = 600
LANGUAGE: dict[str, Any] = {
    "type": "string",
    "enum": ["en", "ja"],
    "default": "en",
    "description": "Language of the answer's text; the structured content has both. 回答文の言語。",
}
TEXT: dict[str, Any] = {
    "type": "object",
    "required": ["en", "ja"],
    "properties": {"en": {"type": "string"}, "ja": {"type": "string"}},
}
TEXTS = {"type": "array", "items": TEXT}
WORDS = {"type": "string"}
MAYBE_WORDS = {"type": ["string", "null"]}
MAYBE_NUMBER = {"type": ["number", "null"]}
BOX = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}


def waiting(default: int) -> dict[str, Any]:
    """Return the schema of how long a call waits."""
    return {
        "type": "number",
        "minimum": 0,
        "maximum": LONGEST_WAIT,
        "default": default,
        "description": "Seconds to wait for the result; afterwards the answer names the job, which goes on. "
        "0 answers at once.",
    }


def closed(properties: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    """Return the schema of an object that has these properties and no others."""
    schema: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": dict(properties)}
    return {**schema, "required": list(required)} if required else schema


def run_inputs(method: Method[..., Any]) -> dict[str, Any]:
    """Return what the tool of a method takes: its data, its parameters, where, when, and how long the call waits."""
    described = describe(method)
    data = {d["name"]: _source(d) for d in described["data"]}
    parameters: dict[str, Any] = json_schema(method)["properties"]
    area = {
        **BOX,
        "description": "West, south, east, north in degrees: what is not given is looked up in the catalogue.",
    }
    event = {
        "type": "string",
        "format": "date-time",
        "description": "When it happened, ISO 8601, for data needed before or after it.",
    }
    how = {"wait_seconds": waiting(120), "language": LANGUAGE}
    return closed({**data, **parameters, AREA: area, EVENT: event, **how})


def _source(argument: dict[str, Any]) -> dict[str, Any]:
    needed = "" if argument["when"] == "any" else f" Needed {argument['when']} the event, within {argument['within']}."
    must = "Required unless an area is given." if argument["required"] else "Optional."
    kinds = " or ".join(argument["accepts"])
    said = (
        f"{argument['description']} {kinds} as catalogue:ID (see the tool search) or an https address.{needed} {must}"
    )
    one = {"type": "string", "pattern": "^(catalogue:.+|[Hh][Tt][Tt][Pp][Ss]?://.+)$", "maxLength": 2048}
    if argument["dates"] == 1:
        return {**one, "description": said.strip()}
    dates = f" A list of at least {argument['dates']} dates."
    return {"type": "array", "items": one, "minItems": argument["dates"], "description": f"{said}{dates}".strip()}


def score_inputs() -> dict[str, Any]:
    """Return what the tool `score` takes: a product, the options of a comparison, and how long the call waits."""
    bundle = "Id of a bundle, or its first 12 digits"
    file = "catalogue:ID (see the tool search) or an https address, with #key=value,… to describe the file."
    properties: dict[str, Any] = {SCORED: _file(f"What is scored: {bundle[0].lower()}{bundle[1:]}; {file}", whole=True)}
    for option in OPTIONS:
        if option.form != "source":
            properties[option.name] = json_schema_of(option)
            continue
        whole = option.name in WHOLE
        properties[option.name] = _file(f"{option.doc} {f'{bundle}; ' if whole else ''}{file}", whole=whole)
    how = {"wait_seconds": waiting(120), "language": LANGUAGE}
    return closed({**properties, **how}, (SCORED, "reference"))


def _file(said: str, *, whole: bool) -> dict[str, Any]:
    bundle = f"{BUNDLE_ID}|" if whole else ""
    pattern = f"^({bundle}catalogue:.+|[Hh][Tt][Tt][Pp][Ss]?://.+)$"
    return {"type": "string", "pattern": pattern, "maxLength": 2048, "description": said}


FIGURE = {
    "type": "object",
    "required": ["name", "title", "value", "lower", "upper", "units", "confidence", "reason"],
    "properties": {
        "name": WORDS,
        "title": TEXT,
        "value": {**MAYBE_NUMBER, "description": "null: could not be determined, see reason."},
        "lower": MAYBE_NUMBER,
        "upper": MAYBE_NUMBER,
        "units": WORDS,
        "confidence": {**MAYBE_NUMBER, "description": "Level of the interval lower to upper."},
        "reason": {"anyOf": [TEXT, {"type": "null"}], "description": "Why there is no interval or no value."},
        "resolution": {**MAYBE_NUMBER, "description": "Step to which value, lower and upper are recorded."},
    },
}
PRODUCT = {
    "type": "object",
    "required": ["name", "title", "units", "uncertainty", "item"],
    "properties": {
        "name": WORDS,
        "title": TEXT,
        "units": MAYBE_WORDS,
        "classes": {"type": "object", "additionalProperties": WORDS},
        "columns": {
            "type": "object",
            "additionalProperties": MAYBE_WORDS,
            "description": "Of a list, with their units.",
        },
        "uncertainty": {**WORDS, "description": "The product that holds it, or why there is none."},
        "item": {**MAYBE_WORDS, "description": "How a later call names the product as data: catalogue:ID."},
    },
}
VERDICT = {
    "type": "object",
    "required": ["status", "reasons"],
    "properties": {
        "status": {"type": "string", "enum": ["identical", "equivalent", "different", "unverifiable"]},
        "reasons": {"type": "array", "items": WORDS},
        "products": {"type": "array", "items": {"type": "object"}},
        "files": {"type": "array", "items": {"type": "object"}, "description": "The state of every file."},
        "not_checked": {"type": "array", "items": WORDS, "description": "What no recomputation can confirm."},
    },
}
# What has become of a run or a verification; what belongs to its result is there once it is successful.
OUTCOME: dict[str, Any] = {
    "type": "object",
    "required": ["job", "process", "status", "progress", "message"],
    "properties": {
        "job": WORDS,
        "process": WORDS,
        "status": {"type": "string", "enum": ["accepted", "running", "successful", "failed", "dismissed"]},
        "progress": {"type": "integer", "minimum": 0, "maximum": 100},
        "message": WORDS,
        "bundle": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "method": WORDS,
        "version": WORDS,
        "simulated": {"type": "boolean", "description": "Whether the result stands on simulated observations."},
        "figures": {"type": "array", "items": FIGURE},
        "products": {"type": "array", "items": PRODUCT},
        "assumptions": TEXTS,
        "choice": {**TEXTS, "description": "Which observations were taken, and why."},
        "caveats": TEXTS,
        "verify": {**WORDS, "description": "The command that runs everything again and compares."},
        "resources": {"type": "array", "items": WORDS},
        "verdict": VERDICT,
        "score": {"type": "object", "description": "Of a comparison: every number and the sums that it is made of."},
    },
}
ITEM = {
    "type": "object",
    "required": ["item", "collection", "bbox", "datetime", "start", "end", "quantities", "simulated"],
    "properties": {
        "item": {**WORDS, "description": "catalogue:ID, as a method takes it."},
        "collection": MAYBE_WORDS,
        "bbox": {"anyOf": [BOX, {"type": "null"}]},
        "datetime": MAYBE_WORDS,
        "start": MAYBE_WORDS,
        "end": MAYBE_WORDS,
        "quantities": {"type": "array", "items": WORDS},
        "simulated": {"type": "boolean"},
        "bundle": MAYBE_WORDS,
        "standing": {"enum": [ADOPTED, TRIAL, None]},
    },
}
FOUND: dict[str, Any] = {
    "type": "object",
    "required": ["items", "offset", "more"],
    "properties": {
        "items": {"type": "array", "items": ITEM},
        "offset": {"type": "integer"},
        "more": {"type": "boolean", "description": "Whether there are further items; ask again with a larger offset."},
    },
}
VALUE = {
    "type": "object",
    "required": ["layer", "title", "observed", "value", "units", "uncertainty", "reason"],
    "properties": {
        "layer": WORDS,
        "title": TEXT,
        "datetime": MAYBE_WORDS,
        "simulated": {"type": "boolean"},
        "observed": {"type": "boolean", "description": "false: see reason."},
        "value": MAYBE_NUMBER,
        "units": MAYBE_WORDS,
        "class": {"type": ["object", "null"]},
        "uncertainty": {
            "type": ["object", "null"],
            "properties": {
                "kind": {"type": "string", "enum": ["standard_uncertainty", "probability", "interval"]},
                "value": MAYBE_NUMBER,
                "units": MAYBE_WORDS,
            },
        },
        "noUncertainty": {"anyOf": [TEXT, {"type": "null"}], "description": "Why there is no uncertainty."},
        "reason": {"anyOf": [TEXT, {"type": "null"}], "description": "Why there is no value."},
    },
}
VALUES: dict[str, Any] = {
    "type": "object",
    "required": ["item", "lon", "lat", "values"],
    "properties": {
        "item": WORDS,
        "lon": {"type": "number"},
        "lat": {"type": "number"},
        "values": {"type": "array", "items": VALUE},
    },
}
DESCRIBED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "methods": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "tool", "version", "title", "reference"],
                "properties": {"name": WORDS, "tool": WORDS, "version": WORDS, "title": TEXT, "reference": WORDS},
            },
        },
        "method": {"type": "object", "required": ["name", "version", "data", "parameters", "outputs"]},
    },
}
