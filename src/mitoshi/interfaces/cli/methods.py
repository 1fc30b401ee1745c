"""`methods` and `describe`: what there is, from the signatures."""

from __future__ import annotations

from typing import Any

import click

from mitoshi.interfaces.cli.terminal import json_option, print_json

__all__ = ["describe", "methods"]


@click.command()
@json_option
def methods(*, as_json: bool) -> None:
    """List the methods."""
    from mitoshi.core.describe import describe as described
    from mitoshi.core.discovery import methods as known

    found = [described(m) for m in known().values()]
    if as_json:
        print_json([{k: m[k] for k in ("name", "version", "title", "reference")} for m in found])
        return
    width = max((len(m["name"]) for m in found), default=0)
    for m in found:
        click.echo(f"{m['name']:<{width}}  {m['version']:<7}  {m['title']['en']} / {m['title']['ja']}")


@click.command()
@click.argument("name")
@json_option
def describe(name: str, *, as_json: bool) -> None:
    """Describe one method: data, parameters, outputs, source."""
    from mitoshi.core.describe import describe as described
    from mitoshi.core.discovery import find

    found = described(find(name))
    if as_json:
        print_json(found)
        return
    click.echo(_page(found))


def _page(m: dict[str, Any]) -> str:
    lines = [f"{m['name']} {m['version']}: {m['title']['en']} / {m['title']['ja']}", "", m["description"], ""]
    lines += ["Data", *(_data_line(d) for d in m["data"]), ""]
    lines += ["Parameters", *(_parameter_line(p) for p in m["parameters"]), ""]
    lines += ["Outputs", *(_output_line(o) for o in m["outputs"]), ""]
    lines += ["Caveats", *(f"  - {c['en']}" for c in m["caveats"]), ""] if m["caveats"] else []
    return "\n".join([*lines, f"Source: {m['reference']}"])


def _data_line(d: dict[str, Any]) -> str:
    need = d["when"] if d["when"] == "any" else f"{d['when']} the event, within {d['within']}"
    accepted = f"{' or '.join(d['accepts'])} [{d['units']}]"
    if "columns" in d:
        named = ", ".join(c["name"] + ("*" if c["required"] else "") for c in d["columns"])
        accepted = f"{d['quantity']} ({named})"
    return f"  --{d['name'].replace('_', '-'):<18} {accepted}; {need}{'' if d['required'] else '; optional'}"


def _parameter_line(p: dict[str, Any]) -> str:
    low = p.get("minimum", p.get("exclusiveMinimum", ""))
    high = p.get("maximum", p.get("exclusiveMaximum", ""))
    bounds = " | ".join(p["enum"]) if "enum" in p else f"{low} to {high}"
    return f"  --{p['name'].replace('_', '-'):<18} {p['type']}, {bounds}, default {p['default']}: {p['description']}"


def _output_line(o: dict[str, Any]) -> str:
    if "columns" in o:
        names = ", ".join(
            c["name"] + (f" [{c['units']}]" if c["units"] not in (None, "1") else "") for c in o["columns"]
        )
        return f"  {o['file']:<20} {o['type']}; {names}; uncertainty: {o['uncertainty']}"
    what = (
        f"{o['units']}, step {o['resolution']:g}"
        if "units" in o
        else ", ".join(f"{k} {v['en']}" for k, v in o["classes"].items())
    )
    return f"  {o['file']:<20} {o['type']}; {what}; uncertainty: {o['uncertainty']}"
