"""How the pictures of a flood map say that permanent water is part of it, where that could not be told apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mitoshi.core.carried import PERMANENT_INCLUDED, codes_in
from mitoshi.core.product import Coded
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from mitoshi.core.declaration import Output
    from mitoshi.core.method import Method
    from mitoshi.evidence.record import Plan

__all__ = ["shown_method", "shown_title"]

ADDED = Text("{title} (permanent water included)", "{title}（平常時水域を含む）")
WATER = Text("water (permanent water included)", "水域（平常時水域を含む）")


def shown_title(plan: Plan) -> Text:
    """Return the title of a run's pictures."""
    title = plan.method.title
    if not codes_in(plan.assumptions):
        return title
    return Text(ADDED.en.replace("{title}", title.en), ADDED.ja.replace("{title}", title.ja))


def shown_method(plan: Plan) -> Method[..., Any]:
    """Return the method whose outputs have the legends of a run: "flooded" is water where both are one."""
    if PERMANENT_INCLUDED not in plan.assumptions:
        return plan.method
    shown: Method[..., Any] = object.__new__(type(plan.method))
    shown.__dict__.update(plan.method.__dict__)
    shown.outputs = tuple(_as_water(output) for output in plan.method.outputs)
    return shown


def _as_water(output: Output) -> Output:
    layer = output.layer
    if not isinstance(layer, Coded) or layer.quantity is None or layer.quantity.name != "flood_extent":
        return output
    classes = tuple(c._replace(title=WATER) if c.code == layer.outline else c for c in layer.classes)
    return replace(output, layer=replace(layer, classes=classes))
