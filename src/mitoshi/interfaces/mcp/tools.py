"""The tools: one for every declared method, made from its signature, and those that every method needs around it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import mcp_types as types
from anyio import to_thread

from mitoshi.core.describe import describe
from mitoshi.core.discovery import find, methods
from mitoshi.core.errors import ParameterError, misspelt
from mitoshi.core.text import Text
from mitoshi.interfaces.mcp import schemas
from mitoshi.interfaces.mcp.accounts import item_account, value_text
from mitoshi.interfaces.mcp.context import Answer, Call
from mitoshi.workflows.task import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mitoshi.core.method import Method

    Work = Callable[[Call], Awaitable[Answer]]

__all__ = ["Tool", "arguments_of", "tool_name", "tools"]

READS = types.ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
# A run adds a job and a bundle; it may fetch an address.
RUNS = types.ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True)
CHECKS = types.ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)
ENDS = types.ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)
PLAIN_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
BUNDLE = {"type": "string", "pattern": "^[0-9a-f]{12,64}$", "description": "Id of a bundle, or its first 12 digits."}
JOB = {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "Id of a job, from a run or a verification."}
RUN_NOTE = (
    "The answer has every figure with its unit and interval or the reason why there is none, the products as catalogue items, "
    "and the id of the evidence bundle. What is missing is looked up in the catalogue when area (and event) are given."
)
NO_ITEM = Text("The catalogue has nothing like that.", "該当するデータはカタログにありません。")
MORE = Text("There are more; ask again with offset {next}.", "続きがあります。offset {next} で再度検索してください。")


class Tool(NamedTuple):
    """A tool: what a client is told of it, and what it does."""

    definition: types.Tool
    work: Work

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The schema of what it takes."""
        return self.definition.input_schema


def tool_name(method: str) -> str:
    """Return the name of a method's tool; many clients allow no dot in it.

    >>> tool_name("disaster.flood-extent")
    'disaster_flood-extent'
    """
    return method.replace(".", "_")


@cache
def tools() -> dict[str, Tool]:
    """Return every tool by name; imports all methods, so call it from a thread."""
    made = [_of_method(m) for m in methods().values()]
    made += [_search(), _describe(), _value(), _verify(), _score(), _job(), _cancel()]
    return {tool.definition.name: tool for tool in made}


def arguments_of(tool: Tool, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call, checked against the tool's schema, with the defaults of what was left out.

    The parameters of a method keep no default here: those that differ from it are what a run records.

    Raises
    ------
    ParameterError
        If a name is unknown, or a value does not fit.
    """
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    known = tool.inputs["properties"]
    for name in given:
        if name not in known:
            raise ParameterError(misspelt(f"argument of {tool.definition.name}", name[:80], known))
    plain = {name: value for name, value in given.items() if value is not None}
    for name in tool.inputs.get("required", ()):
        if name not in plain:
            raise ParameterError(f"{tool.definition.name} needs {name}: {known[name].get('description', '')}")
    for name in plain.keys() & _CHECKED_HERE:
        error = next(iter(Draft202012Validator(known[name]).iter_errors(plain[name])), None)
        if error is not None:
            raise ParameterError(f"{name}: {error.message[:300]}")
    return {n: s["default"] for n, s in known.items() if n in _DEFAULTED and "default" in s} | plain


_DEFAULTED = frozenset({"wait_seconds", "language", "limit", "offset"})
# The rest of a run's arguments is checked, in the words of the field, by `mitoshi.workflows.requests`.
_CHECKED_HERE = _DEFAULTED | {
    "bbox",
    "time",
    "collections",
    "quantity",
    "method",
    "bundle",
    "job",
    "item",
    "lon",
    "lat",
}


def _of_method(method: Method[..., Any]) -> Tool:
    definition = types.Tool(
        name=tool_name(method.name),
        title=f"{method.title.en} / {method.title.ja}",
        description=_said_of(method),
        input_schema=schemas.run_inputs(method),
        output_schema=schemas.OUTCOME,
        annotations=RUNS,
        _meta={
            "mitoshi/method": method.name,
            "mitoshi/version": method.version,
            "mitoshi/title": method.title._asdict(),
        },
    )

    async def work(call: Call) -> Answer:
        return await call.run(method)

    return Tool(definition, work)


def _said_of(method: Method[..., Any]) -> str:
    """Return the lead of the docstring, what comes out, what to beware of, and the source."""
    lead = re.split(r"\n\n\w[^\n]*\n-{3,}\n", method.doc, maxsplit=1)[0].strip()
    outputs = "; ".join(f"{o.name}: {o.layer.title.en}" for o in method.outputs)
    caveats = [c.en for c in method.caveats]
    return "\n\n".join([lead, f"Products: {outputs}.", *caveats, RUN_NOTE, f"Source: {method.reference}"])


def _built(
    name: str, title: Text, description: str, inputs: dict[str, Any], outputs: dict[str, Any],
    annotations: types.ToolAnnotations, work: Work,
) -> Tool:  # fmt: skip
    return Tool(
        types.Tool(
            name=name,
            title=f"{title.en} / {title.ja}",
            description=description,
            input_schema=inputs,
            output_schema=outputs,
            annotations=annotations,
        ),
        work,
    )


def _search() -> Tool:
    box = {**schemas.BOX, "description": "West, south, east, north in degrees that the footprint must touch."}
    names = {"type": "array", "maxItems": 20, "items": {"type": "string", "minLength": 1, "maxLength": 256}}
    quantity = "Such as backscatter, elevation, water_depth or buildings; describe tells what a method takes."
    inputs = schemas.closed(
        {
            "bbox": box,
            "time": {"type": "string", "maxLength": 80, "description": "A/B, A/.. or ../B, ISO 8601; or one instant."},
            "collections": names,
            "quantity": {"type": "string", "maxLength": 80, "description": quantity},
            "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
            "offset": {"type": "integer", "minimum": 0, "maximum": 10_000, "default": 0},
            "language": schemas.LANGUAGE,
        }
    )

    async def work(call: Call) -> Answer:
        return await to_thread.run_sync(_found, call)

    said = (
        "Search the catalogue of observations and products. Each item found can be given to a method as catalogue:ID."
    )
    return _built("search", Text("Search the catalogue", "カタログの検索"), said, inputs, schemas.FOUND, READS, work)


def _found(call: Call) -> Answer:
    wanted = call.arguments
    offset, limit = int(wanted["offset"]), int(wanted["limit"])
    items = call.context.catalogue.search(
        bbox=wanted.get("bbox"),
        time=wanted.get("time"),
        collections=wanted.get("collections"),
        quantity=wanted.get("quantity"),
        limit=offset + limit + 1,
    )
    more = len(items) > offset + limit
    found = [item_account(item) for item in items[offset : offset + limit]]
    lines = [" ".join(_line(item)) for item in found] or [NO_ITEM.in_(call.language)]
    lines += [MORE.format(next=offset + limit).in_(call.language)] if more else []
    return Answer("\n".join(lines), {"items": found, "offset": offset, "more": more})


def _line(item: Mapping[str, Any]) -> list[str]:
    when = item["datetime"] or "/".join(t for t in (item["start"], item["end"]) if t) or "-"
    return [item["item"], when, "+".join(item["quantities"]) or "-", *(["simulated"] if item["simulated"] else [])]


def _describe() -> Tool:
    named = {
        "type": "string",
        "pattern": PLAIN_NAME,
        "maxLength": 128,
        "description": "A method; without it all are listed.",
    }

    async def work(call: Call) -> Answer:
        return await to_thread.run_sync(_described, call)

    said = (
        "List the methods, or describe one: data, parameters with bounds, products with units and uncertainty, source."
    )
    inputs = schemas.closed({"method": named, "language": schemas.LANGUAGE})
    return _built("describe", Text("Describe a method", "手法の説明"), said, inputs, schemas.DESCRIBED, READS, work)


def _described(call: Call) -> Answer:
    name = call.arguments.get("method")
    if name is not None:
        by_tool = {tool_name(n): n for n in methods()}
        told = describe(find(by_tool.get(name, name)))
        lines = [f"{told['name']} {told['version']}", told["title"][call.language], told["description"]]
        return Answer("\n".join(lines), {"method": told})
    listed = [_short(method) for method in methods().values()]
    lines = [f"{m['name']} {m['version']} {m['title'][call.language]}" for m in listed]
    return Answer("\n".join(lines), {"methods": listed})


def _short(method: Method[..., Any]) -> dict[str, Any]:
    told = {"name": method.name, "tool": tool_name(method.name), "version": method.version}
    return {**told, "title": method.title._asdict(), "reference": method.reference}


def _value() -> Tool:
    item = {
        "type": "string",
        "pattern": "^catalogue:.+$",
        "maxLength": 512,
        "description": "A raster, as search names it.",
    }
    inputs = schemas.closed(
        {
            "item": item,
            "lon": {"type": "number", "minimum": -180, "maximum": 180, "description": "Degrees east."},
            "lat": {"type": "number", "minimum": -90, "maximum": 90, "description": "Degrees north."},
            "language": schemas.LANGUAGE,
        },
        ("item", "lon", "lat"),
    )

    async def work(call: Call) -> Answer:
        return await to_thread.run_sync(_valued, call)

    said = "The value of an observation or product at a place, with its uncertainty, or why there is none of them."
    return _built("value", Text("Value at a place", "地点の値"), said, inputs, schemas.VALUES, READS, work)


def _valued(call: Call) -> Answer:
    place = {key: call.arguments[key] for key in ("item", "lon", "lat")}
    values = call.context.values(place["item"].removeprefix(CATALOGUE), float(place["lon"]), float(place["lat"]))
    return Answer("\n".join(value_text(value, call.language) for value in values), {**place, "values": values})


def _verify() -> Tool:
    said = (
        "Run a bundle again from its inputs and compare every product: identical, equivalent, different or unverifiable, "
        "the first difference first."
    )
    inputs = schemas.closed(
        {"bundle": BUNDLE, "wait_seconds": schemas.waiting(120), "language": schemas.LANGUAGE}, ("bundle",)
    )
    title = Text("Verify a bundle", "再計算による検証")
    return _built("verify", title, said, inputs, schemas.OUTCOME, CHECKS, Call.verify)


def _score() -> Tool:
    said = (
        "Compare any product with any reference: agreement, calibration, coverage. A bundle, an item of the catalogue or a file "
        "of the web against a raster, polygons or points. What was not observed is counted, and is neither right nor wrong."
    )
    title = Text("Compare with a reference", "参照データとの比較")
    return _built("score", title, said, schemas.score_inputs(), schemas.OUTCOME, RUNS, Call.score)


def _job() -> Tool:
    said = "Say how a job stands: its progress, its result when it is done, or why it failed."
    inputs = schemas.closed({"job": JOB, "wait_seconds": schemas.waiting(0), "language": schemas.LANGUAGE}, ("job",))
    return _built("job", Text("Status of a job", "ジョブの状況"), said, inputs, schemas.OUTCOME, READS, Call.look)


def _cancel() -> Tool:
    said = "Cancel a job that waits or runs; one that has ended stays as it is."
    inputs = schemas.closed({"job": JOB, "language": schemas.LANGUAGE}, ("job",))
    return _built("cancel", Text("Cancel a job", "ジョブの取り消し"), said, inputs, schemas.OUTCOME, ENDS, Call.cancel)
