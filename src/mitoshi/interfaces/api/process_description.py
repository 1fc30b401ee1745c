"""A method as an OGC API process: made from its signature, in English or Japanese; and `verify`, which every bundle has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mitoshi.core.describe import describe, json_schema
from mitoshi.core.product import Coded, Listed
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from mitoshi.core.method import DataArgument, Method, Output, Parameter
    from mitoshi.core.text import Language

__all__ = [
    "BUNDLE",
    "FIGURES",
    "VERDICT",
    "VERIFY",
    "description",
    "link",
    "source_schema",
    "summary",
    "verify_description",
]

VERIFY = "verify"  # the process that runs a bundle again
VERIFY_VERSION = "1.0.0"
BUNDLE, FIGURES, VERDICT = "bundle", "figures", "verdict"
RELATION = "http://www.opengis.net/def/rel/ogc/1.0"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
PARQUET = "application/vnd.apache.parquet"
HEXADECIMAL = "^[0-9a-f]{12,64}$"

SAID = Text("Run a bundle again and compare", "証拠バンドルの再計算と照合")
SAID_LONG = Text(
    "Checks the seal of an evidence bundle, runs it again from its inputs and compares: identical, equivalent, different or "
    "unverifiable, with the reasons.",
    "証拠バンドルの封印を確かめ、入力から計算し直して比べます。同一・同等・相違・検証不能のいずれかを理由とともに返します。",
)
VERDICT_TITLE = Text("verdict", "判定")
BUNDLE_TITLE = Text("evidence bundle", "証拠バンドル")
FIGURES_TITLE = Text("figures with their intervals", "信頼区間つきの数値")
AREA_TITLE = Text("area", "対象域")
EVENT_TITLE = Text("time of the event", "発災時刻")
AREA_SAID = Text(
    "West, south, east, north in degrees; data arguments that are left out are looked up in the catalogue.",
    "西・南・東・北（度）。省いたデータはカタログから探します。",
)
EVENT_SAID = Text(
    "Time of the event, for data that is needed before or after it.", "事象の前後のデータを探すときに用いる時刻。"
)
NEEDED = {
    "before": Text(" Before the event.", "（事象前）"),
    "after": Text(" After the event.", "（事象後）"),
    "any": Text("", ""),
}
OPTIONAL = Text(" Optional.", "（省略可）")


def link(href: str, rel: str, title: str = "", kind: str = "application/json") -> dict[str, str]:
    """Return a link; `rel` names of OGC are given without their address, as ``ogc:execute``."""
    full = f"{RELATION}/{rel.removeprefix('ogc:')}" if rel.startswith("ogc:") else rel
    return {"href": href, "rel": full, "type": kind, **({"title": title} if title else {})}


def summary(method: Method[..., Any], language: Language, root: str) -> dict[str, Any]:
    """Return the process summary of a method.

    Parameters
    ----------
    method
        A declared method.
    language
        Of titles and words for people.
    root
        Address of the service's OGC part, without a slash at its end.
    """
    here = f"{root}/processes/{method.name}"
    return {
        "id": method.name,
        "version": method.version,
        "title": method.title.in_(language),
        "description": _lead(method.doc),
        "keywords": _keywords(method),
        "metadata": _metadata(method.reference),
        "jobControlOptions": ["sync-execute", "async-execute", "dismiss"],
        "outputTransmission": ["reference"],
        "links": [
            link(here, "self", method.title.in_(language)),
            link(f"{here}/execution", "ogc:execute", kind="application/json"),
            link(f"{root}/jobs?processID={method.name}", "ogc:job-list"),
        ],
        "mitoshi:title": method.title._asdict(),
    }


def description(method: Method[..., Any], language: Language, root: str) -> dict[str, Any]:
    """Return the process description of a method: its summary, inputs and outputs; see `summary`."""
    told, properties = describe(method), json_schema(method)["properties"]
    inputs = {d.name: _data_input(d, language) for d in method.data}
    inputs |= {p.name: _parameter_input(p, properties[p.name], language) for p in method.parameters}
    inputs |= {"area": _area_input(language), "event": _event_input(language)}
    outputs = {o.name: _output(o, language) for o in method.outputs}
    outputs |= {FIGURES: _figures_output(language), BUNDLE: _bundle_output(language)}
    return {
        **summary(method, language, root),
        "inputs": inputs,
        "outputs": outputs,
        "mitoshi:data": told["data"],
        "mitoshi:parameters": told["parameters"],
        "mitoshi:outputs": told["outputs"],
        "mitoshi:caveats": told["caveats"],
        "mitoshi:reference": method.reference,
    }


def verify_description(language: Language, root: str, *, brief: bool = False) -> dict[str, Any]:
    """Return the process description of `verify`, or only its summary; see `summary`."""
    here = f"{root}/processes/{VERIFY}"
    short: dict[str, Any] = {
        "id": VERIFY,
        "version": VERIFY_VERSION,
        "title": SAID.in_(language),
        "description": SAID_LONG.in_(language),
        "keywords": ["evidence", "reproducibility"],
        "jobControlOptions": ["sync-execute", "async-execute", "dismiss"],
        "outputTransmission": ["value"],
        "links": [link(here, "self", SAID.in_(language)), link(f"{here}/execution", "ogc:execute")],
        "mitoshi:title": SAID._asdict(),
    }
    if brief:
        return short
    named = {"type": "string", "pattern": HEXADECIMAL, "description": "Its id, or at least the first twelve digits."}
    verdicts = ["identical", "equivalent", "different", "unverifiable"]
    verdict = {
        "type": "object",
        "required": ["status", "reasons"],
        "properties": {
            "status": {"type": "string", "enum": verdicts},
            "reasons": {"type": "array", "items": {"type": "string"}},
            "files": {"type": "array", "items": {"type": "object", "description": "name, state, words"}},
            "not_checked": {"type": "array", "items": {"type": "string"}},
        },
    }
    return {
        **short,
        "inputs": {BUNDLE: {"title": BUNDLE_TITLE.in_(language), "minOccurs": 1, "maxOccurs": 1, "schema": named}},
        "outputs": {VERDICT: {"title": VERDICT_TITLE.in_(language), "schema": verdict}},
        "mitoshi:data": [],
        "mitoshi:parameters": [],
    }


def _lead(doc: str) -> str:
    """Return what a docstring says before its first section."""
    return re.split(r"\n\n\w[^\n]*\n-{3,}\n", doc, maxsplit=1)[0].strip()


def _keywords(method: Method[..., Any]) -> list[str]:
    words = [method.name.partition(".")[0], *(d.quantity.name for d in method.data), *(o.name for o in method.outputs)]
    return list(dict.fromkeys(words))


def _metadata(reference: str) -> list[dict[str, str]]:
    """Return the sources of a method, each with the address of its DOI where it has one."""
    return [_source(part.strip()) for part in reference.split(";") if part.strip()]


def _source(text: str) -> dict[str, str]:
    doi = re.search(r"doi:(10\.\S+?)(?=[\s,;]|$)", text)
    found = {"title": text, "role": "reference"}
    return {**found, "href": f"https://doi.org/{doi[1]}"} if doi else found


def _data_input(argument: DataArgument, language: Language) -> dict[str, Any]:
    optional = Text("", "") if argument.required else OPTIONAL
    said = f"{argument.text.in_(language)}{NEEDED[argument.need.when].in_(language)}{optional.in_(language)}"
    return {
        "title": argument.quantity.title.in_(language),
        "description": said.strip(),
        "minOccurs": 0,  # with an area, the catalogue is asked for what is left out
        "maxOccurs": "unbounded" if argument.need.is_stack else 1,
        "keywords": list(argument.quantity.members) if hasattr(argument.quantity, "members") else [],
        "schema": source_schema("features" if argument.is_features else "raster"),
    }


def source_schema(kind: str) -> dict[str, Any]:
    """Return what may be given for a data argument: an item of the catalogue, or a file on the public web."""
    media = "image/tiff; application=geotiff" if kind == "raster" else "application/geo+json"
    address = {"type": "string", "format": "uri", "pattern": "^https?://", "contentMediaType": media}
    item = {"type": "string", "pattern": "^catalogue:.+$"}
    own = {"type": "string", "pattern": "^/stac/collections/[^/]+/items/[^/]+$"}
    reference = {
        "type": "object",
        "required": ["href"],
        "properties": {"href": {"type": "string"}, "type": {"type": "string"}},
    }
    return {"oneOf": [item, address, own, reference]}


def _parameter_input(parameter: Parameter, schema: dict[str, Any], language: Language) -> dict[str, Any]:
    said = parameter.text.in_(language)
    schema = {**schema, "description": said}
    return {"title": parameter.name, "description": said, "minOccurs": 0, "maxOccurs": 1, "schema": schema}


def _area_input(language: Language) -> dict[str, Any]:
    box = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4, "format": "ogc-bbox"}
    crs = {"type": "string", "enum": ["http://www.opengis.net/def/crs/OGC/1.3/CRS84"]}
    named = {"type": "object", "required": ["bbox"], "properties": {"bbox": box, "crs": crs}}
    return {
        "title": AREA_TITLE.in_(language),
        "description": AREA_SAID.in_(language),
        "minOccurs": 0,
        "maxOccurs": 1,
        "schema": {"oneOf": [box, named]},
    }


def _event_input(language: Language) -> dict[str, Any]:
    return {
        "title": EVENT_TITLE.in_(language),
        "description": EVENT_SAID.in_(language),
        "minOccurs": 0,
        "maxOccurs": 1,
        "schema": {"type": "string", "format": "date-time"},
    }


def _output(output: Output, language: Language) -> dict[str, Any]:
    layer = output.layer
    media = PARQUET if isinstance(layer, Listed) else COG
    schema: dict[str, Any] = {"type": "string", "contentEncoding": "binary", "contentMediaType": media}
    if isinstance(layer, Coded):
        schema["mitoshi:classes"] = [_class(c.code, c.title.in_(language), c.colour) for c in layer.classes]
    elif not isinstance(layer, Listed):
        schema["mitoshi:units"] = layer.quantity.units
    schema["mitoshi:uncertainty"] = layer.uncertainty or (
        layer.no_uncertainty.in_(language) if layer.no_uncertainty else ""
    )
    return {"title": layer.title.in_(language), "description": output.doc, "schema": schema}


def _class(code: int, title: str, colour: str) -> dict[str, Any]:
    return {"code": code, "title": title, "colour": colour}


def _figures_output(language: Language) -> dict[str, Any]:
    number, words = {"type": ["number", "null"]}, {"type": "string"}
    figure = {
        "type": "object",
        "required": ["name", "value", "lower", "upper", "units"],
        "properties": {"name": words, "value": number, "lower": number, "upper": number, "units": words},
    }
    return {"title": FIGURES_TITLE.in_(language), "schema": {"type": "array", "items": figure}}


def _bundle_output(language: Language) -> dict[str, Any]:
    return {"title": BUNDLE_TITLE.in_(language), "schema": {"type": "string", "pattern": HEXADECIMAL}}
