"""The OGC part of the service's OpenAPI document as version 3.0, which the standard asks for; the rest is 3.1."""

from __future__ import annotations

from typing import Any

__all__ = ["as_3_0"]

VERSION = "3.0.3"
BOUNDS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
SCHEMAS = "#/components/schemas/"


def as_3_0(document: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Return those paths of an OpenAPI 3.1 document that begin with `prefix`, in the words of version 3.0.

    >>> as_3_0({"info": {}, "paths": {"/a": {}, "/b": {}}}, "/a")["paths"]
    {'/a': {}}
    """
    paths = {path: _older(told) for path, told in document["paths"].items() if path.startswith(prefix)}
    kept = {k: v for k, v in document.items() if k in ("servers", "tags", "security")}
    info = {k: v for k, v in document["info"].items() if k != "summary"}
    components = {k: _older(v) for k, v in document.get("components", {}).items()}
    if "schemas" in components:
        components["schemas"] = _used(components["schemas"], paths)
    return {"openapi": VERSION, "info": info, **kept, "paths": paths, "components": components}


def _older(value: Any) -> Any:
    if isinstance(value, list):
        return [_older(v) for v in value]
    if not isinstance(value, dict):
        return value
    found = {k: _older(v) for k, v in value.items()}
    _without_null(found)
    for exclusive, bound in BOUNDS.items():
        if isinstance(found.get(exclusive), int | float) and not isinstance(found[exclusive], bool):
            found[bound], found[exclusive] = found[exclusive], True
    if "const" in found:
        found["enum"] = [found.pop("const")]
    if isinstance(found.get("examples"), list) and found["examples"]:
        found["example"] = found.pop("examples")[0]
    found.pop("contentMediaType", None)
    return found


def _without_null(schema: dict[str, Any]) -> None:
    """Say ``nullable`` where 3.1 has the type null."""
    for several in ("anyOf", "oneOf"):
        members = schema.get(several)
        if isinstance(members, list) and {"type": "null"} in members:
            rest = [m for m in members if m != {"type": "null"}]
            schema["nullable"] = True
            if len(rest) == 1 and "$ref" not in rest[0]:
                del schema[several]
                schema.update({**rest[0], **schema})
            elif len(rest) == 1:
                del schema[several]
                schema["allOf"] = rest
            else:
                schema[several] = rest


def _used(schemas: dict[str, Any], start: Any) -> dict[str, Any]:
    """Return the schemas to which the paths refer, directly or through others."""
    found: set[str] = set()
    waiting = _references(start)
    while waiting:
        name = waiting.pop()
        if name not in found and name in schemas:
            found.add(name)
            waiting |= _references(schemas[name])
    return {name: schemas[name] for name in sorted(found)}


def _references(value: Any) -> set[str]:
    if isinstance(value, list):
        return {name for v in value for name in _references(v)}
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"].removeprefix(SCHEMAS)} if isinstance(value.get("$ref"), str) else set()
    return own | {name for v in value.values() for name in _references(v)}
