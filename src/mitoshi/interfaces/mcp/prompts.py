"""Two things that people ask again and again, as prompts in English and Japanese."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import mcp_types as types

from mitoshi.core.errors import InputError, misspelt
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["filled", "prompts"]

LONGEST = 200


class Asked(NamedTuple):
    """A prompt: its title, its arguments with what they mean, and its words."""

    title: Text
    arguments: dict[str, Text]
    words: Text


LANGUAGE = Text("en or ja", "en または ja")
PROMPTS = {
    "flood_situation": Asked(
        Text("Flood situation of an area", "対象範囲の浸水状況"),
        {
            "area": Text("west,south,east,north in degrees", "西,南,東,北（度）"),
            "event": Text("time of the event, ISO 8601", "事象の発生時刻（ISO 8601）"),
        },
        Text(
            "Find out how far {area} is flooded after {event}. Call disaster_flood-extent with area and event; if that lacks an "
            "observation, say which one and stop. Give the flooded area with its unit and interval, what could not be observed, "
            "whether the observations are simulated, and the id of the bundle. Then call verify with that id and report the "
            "verdict. Do not state a number that the answer does not contain.",
            "{event} の事象後、{area} の浸水域を調べてください。disaster_flood-extent を area と event を指定して呼び出し、"
            "観測が不足している場合は、どの観測が足りないかを述べて終了してください。浸水面積を単位と信頼区間とともに示し、"
            "観測不能の範囲、模擬（シミュレーション）の観測かどうか、証跡一式の ID を記してください。続いてその ID で verify を"
            "呼び出し、再計算による検証の結果を報告してください。回答にない数値は述べないでください。",
        ),
    ),
    "check_bundle": Asked(
        Text("Check an evidence bundle", "証跡一式の検証"),
        {"bundle": Text("id of the bundle", "証跡一式の ID")},
        Text(
            "Check the evidence bundle {bundle}: call verify with its id, read mitoshi://bundle/{bundle}/run.json, and report "
            "the verdict with its reasons, the method and its version, the inputs with their checksums, and the assumptions.",
            "証跡一式 {bundle} を検証してください。その ID で verify を呼び出し、mitoshi://bundle/{bundle}/run.json を読み、"
            "検証の結果とその理由、手法とその版、入力とそのチェックサム、仮定を報告してください。",
        ),
    ),
}


def prompts() -> list[types.Prompt]:
    """Return what there is."""
    return [
        types.Prompt(
            name=name,
            title=f"{asked.title.en} / {asked.title.ja}",
            arguments=[
                *(
                    types.PromptArgument(name=n, description=f"{t.en} / {t.ja}", required=True)
                    for n, t in asked.arguments.items()
                ),
                types.PromptArgument(name="language", description=f"{LANGUAGE.en} / {LANGUAGE.ja}", required=False),
            ],
        )
        for name, asked in PROMPTS.items()
    ]


def filled(name: str, given: Mapping[str, str]) -> types.GetPromptResult:
    """Return a prompt with its arguments filled in.

    Raises
    ------
    InputError
        If the prompt or an argument is unknown, missing or too long.
    """
    if name not in PROMPTS:
        raise InputError(misspelt("prompt", name[:80], PROMPTS))
    asked = PROMPTS[name]
    for argument in given:
        if argument not in (*asked.arguments, "language"):
            raise InputError(misspelt(f"argument of {name}", argument[:80], [*asked.arguments, "language"]))
    for argument, meaning in asked.arguments.items():
        if not given.get(argument, "").strip() or len(given[argument]) > LONGEST or not given[argument].isprintable():
            raise InputError(f"{name} needs {argument}: {meaning.en}, at most {LONGEST} characters on one line")
    words = asked.words.format(**{argument: given[argument].strip() for argument in asked.arguments})
    text = words.in_("ja" if given.get("language") == "ja" else "en")
    message = types.PromptMessage(role="user", content=types.TextContent(text=text))
    return types.GetPromptResult(description=asked.title.en, messages=[message])
