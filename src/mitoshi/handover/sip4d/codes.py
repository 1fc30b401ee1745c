"""The information codes of SIP4D-ZIP: what each is about, its geometry, and the attributes that receivers know."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Literal, cast

from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OTHER", "Attribute", "Geometry", "InformationCode", "information_code", "information_codes"]

Geometry = Literal["point", "line", "polygon"]
OTHER = "99-999-99"
SUFFIX: dict[str, Geometry] = {"01": "point", "02": "line", "03": "polygon"}


@dataclass(frozen=True)
class Attribute:
    """One attribute that receivers know by its ``connid``.

    Attributes
    ----------
    name
        The ``connid``.
    title
        Words for people.
    kind
        SIP4D type: String, Integer, List or Datetime.
    declared
        Whether some column must define it.
    choices
        Key (``conn_attr_list``) → Japanese value, for a List.
    pattern
        Regular expression of its text, or "".
    """

    name: str
    title: Text
    kind: str
    declared: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)
    pattern: str = ""


@dataclass(frozen=True)
class InformationCode:
    """One information code.

    Attributes
    ----------
    code
        Such as ``01-008-03``.
    title
        What it is about.
    category
        Category of the metadata that fits it.
    geometry
        What its suffix means; None for the code of everything else.
    attributes
        What receivers know.
    """

    code: str
    title: Text
    category: str
    geometry: Geometry | None
    attributes: tuple[Attribute, ...]

    def attribute(self, name: str) -> Attribute | None:
        """Return the attribute of that name, or None."""
        return next((a for a in self.attributes if a.name == name), None)


@cache
def information_codes() -> Mapping[str, InformationCode]:
    """Return all known codes."""
    told = json.loads(resources.files(__package__).joinpath("codes.json").read_text("utf-8"))
    choices = {name: dict(values) for name, values in told["choices"].items()}
    return {code: _code(code, entry, told["attributes"], choices) for code, entry in told["codes"].items()}


def information_code(code: str) -> InformationCode | None:
    """Return a known code, or None."""
    return information_codes().get(code)


def _code(
    code: str, told: dict[str, object], words: dict[str, list[str]], choices: dict[str, dict[str, str]]
) -> InformationCode:
    attributes = []
    for name, kind, *rest in cast("list[list[str]]", told["attributes"]):
        key = f"{told['words']}.{name}"
        title = Text(*(words.get(key) or words[name]))
        declared, choice, pattern = "!" in rest, next((r for r in rest if r in choices), ""), ""
        if name == "citycode":
            pattern = "[0-9]{5}"
        elif name == "occurday":
            pattern = r"\d{4}-\d{2}-\d{2}"
        attributes.append(Attribute(name, title, kind, declared, choices.get(choice, {}), pattern))
    title = Text(*cast("list[str]", told["title"]))
    geometry = None if code == OTHER else SUFFIX[code[-2:]]
    return InformationCode(code, title, str(told["category"]), geometry, tuple(attributes))
