"""The blocks of a run's report: each knows its height before it is drawn."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.core.text import Text
from mitoshi.evidence.input_table import MORE as MORE_IN
from mitoshi.evidence.input_table import RUN, cut, instant_or_none
from mitoshi.evidence.layout import FAMILY, Block, blank, boxed, paragraph, stacked
from mitoshi.evidence.wording import moment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mitoshi.core.method import Method
    from mitoshi.core.product import Figure
    from mitoshi.core.text import Language

__all__ = [
    "GREY",
    "MARGIN",
    "PAGE_HEIGHT",
    "PAGE_WIDTH",
    "SIMULATED",
    "WIDTH",
    "Content",
    "assumptions",
    "banner",
    "entries",
    "header",
    "method_words",
    "verification",
]

PAGE_WIDTH, PAGE_HEIGHT = 595.28, 841.89
MARGIN = 34.0
WIDTH = PAGE_WIDTH - 2 * MARGIN
LONGEST, LONGEST_LIST = 700, 2400  # characters of an entry, and of all parameters
INK, GREY, AMBER, PALE_AMBER, NAVY, PALE = "#111111", "#555555", "#ffc20e", "#fff4cc", "#0b2e4f", "#eef1f4"

SIMULATED = Text("SIMULATED / 模擬 — not a real observation", "模擬（シミュレーション）― 実際の観測ではありません")
AREA = Text("Area of interest: {}", "対象範囲：{}")
WHOLE_SCENE = Text("the whole scene", "シーン全体")
MADE = Text("Made: {}", "作成：{}")
OBSERVED = Text("Observed: {}", "観測：{}")
ASSUMED = Text("⚠ This result rests on {}", "⚠ この結果は、次の{}に基づきます")
ONE_ASSUMPTION, ASSUMPTIONS = Text("one assumption", "1件の仮定"), Text("{} assumptions", "{}件の仮定")
NOTHING_ASSUMED = Text("No assumptions were made about the inputs.", "入力に関する仮定はありません。")
METHOD = Text("Method", "手法")
PARAMETERS = Text("Parameters", "パラメーター")
VERIFY = Text("Check it yourself", "再計算による検証")
HOW_TO_VERIFY = Text(
    "Runs the method again from the evidence bundle (folder DIR): identical, equivalent, different or unverifiable.",
    "証跡一式（フォルダー DIR）から再計算し、完全一致・許容差内で一致・不一致・検証不能のいずれかを答えます。",
)
BUNDLE = Text("Evidence bundle: {}", "証跡一式：{}")
FOLLOWING = Text("and {} more on the following pages", "ほか{}件は次ページ以降に記載しています")


NOT_STATED = Text("not given", "指定なし")
NOT_KNOWN = re.compile(r"(?<![\w.-])(-?\d+) (?:is unknown|where not known)")
"""How descriptions of parameters say which number stands for what is not known."""


class Content(NamedTuple):
    """Everything that the page says."""

    method: Method[..., Any]
    figures: Sequence[Figure]
    parameters: Mapping[str, object]
    assumptions: Sequence[Text]
    inputs: Sequence[Mapping[str, str]]
    language: Language
    bundle_id: str
    simulated: bool
    area_text: Text | None
    time: datetime
    caveats: Sequence[Text]
    choice: Sequence[Text]


def banner(language: Language) -> Block:
    """Return the amber band that says that the data are simulated."""
    words = SIMULATED.in_(language)
    height = 24.0

    def draw(canvas: Any, x: float, top: float) -> None:
        canvas.saveState()
        canvas.setFillColor(AMBER)
        canvas.rect(x, top - height, WIDTH, height, stroke=0, fill=1)
        canvas.setFillColor(INK)
        for start in (x, x + WIDTH - 4 * height):
            for stripe in range(4):
                foot = start + stripe * height
                path = canvas.beginPath()
                path.moveTo(foot, top - height)
                path.lineTo(foot + height / 2, top - height)
                path.lineTo(foot + height, top)
                path.lineTo(foot + height / 2, top)
                path.close()
                canvas.drawPath(path, stroke=0, fill=1)
        canvas.setFont(f"{FAMILY}-Bold", 13)
        canvas.drawCentredString(x + WIDTH / 2, top - height / 2 - 4.6, words)
        canvas.restoreState()

    return Block(height, draw)


def header(content: Content, scale: float) -> Block:
    """Return title, area and times."""
    language = content.language
    area = (content.area_text or WHOLE_SCENE).in_(language)
    times = [OBSERVED.in_(language).format(_observed(content))] if _observed(content) else []
    times += [MADE.in_(language).format(moment(content.time, language))]
    return stacked(
        [
            paragraph(content.method.title.in_(language), WIDTH, 21 * scale, weight="Bold"),
            paragraph(cut(AREA.in_(language).format(area), 300), WIDTH, 11.5 * scale, weight="Bold"),
            paragraph(" ｜ ".join(times), WIDTH, 10 * scale, colour=GREY),
        ]
    )


def _observed(content: Content) -> str:
    """Return when the image after the event was taken, or the latest input where no argument is called so."""
    known = [(i.get("argument"), time) for i in content.inputs if (time := instant_or_none(i.get("datetime", "")))]
    after = [time for argument, time in known if argument == "after"]
    times = after or [time for _, time in known]
    return moment(max(times, key=_in_order), content.language) if times else ""


def _in_order(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def assumptions(content: Content, scale: float, shown: int) -> Block:
    """Return the first assumptions in a box that stands out, with the count of those on the following pages.

    Parameters
    ----------
    content
        Of the report.
    scale
        Of the letters.
    shown
        How many.
    """
    language, size = content.language, 9.4 * scale
    if not content.assumptions:
        return paragraph(NOTHING_ASSUMED.in_(language), WIDTH, 8.6 * scale, colour=GREY)
    count = len(content.assumptions)
    heading = ASSUMED.in_(language).format((ONE_ASSUMPTION if count == 1 else ASSUMPTIONS).in_(language).format(count))
    block = stacked(entries(heading, content.assumptions[:shown], WIDTH - 16, size, language))
    if count > shown:
        more = FOLLOWING.in_(language).format(count - shown)
        block = stacked([block, paragraph(more, WIDTH - 16, size, weight="Bold", hang="・")])
    return boxed(block, WIDTH, fill=PALE_AMBER, edge="#b07d00", thickness=1.4, padding=7.0)


def entries(
    heading: str,
    said: Sequence[Text],
    width: float,
    size: float,
    language: Language,
    *,
    where: str = RUN,
    most: int | None = None,
) -> list[Block]:
    """Return a heading and entries, whole; an endless one is shortened, and of very many the others are counted.

    Parameters
    ----------
    heading, said
        What is said.
    width, size
        Of the line and of the letters.
    language
        Of the words.
    where
        Where everything stands.
    most
        Longest list; None is any.
    """
    shown = said[:most]
    parts = [paragraph(heading, width, size * 1.12, weight="Bold")]
    parts += [paragraph(cut(e.in_(language), LONGEST, where), width, size, hang="・") for e in shown]
    if len(said) > len(shown):
        more = MORE_IN.in_(language).format(len(said) - len(shown), where)
        parts.append(paragraph(more, width, size, weight="Bold", hang="・"))
    return parts


def method_words(content: Content, width: float, size: float) -> list[Block]:
    """Return what ran, its source and its parameters."""
    language, method = content.language, content.method
    docs = {p.name: p.doc for p in method.parameters}
    values = [f"{n} = {_value(v, docs.get(n, '')).in_(language)}" for n, v in content.parameters.items()]
    parts = [
        paragraph(METHOD.in_(language), width, size * 1.12, weight="Bold"),
        paragraph(f"{method.name} {method.version}", width, size),
        paragraph(cut(method.reference, LONGEST), width, size * 0.92, colour=GREY),
    ]
    if values:
        joined = Text(", ", "、").in_(language).join(values)
        parts += [
            blank(4.0),
            paragraph(PARAMETERS.in_(language), width, size * 1.12, weight="Bold"),
            paragraph(cut(joined, LONGEST_LIST), width, size * 0.92),
        ]
    return parts


def _value(value: object, doc: str) -> Text:
    """Return a parameter's value, in words where its description says that this number stands for what is not known."""
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    stands = NOT_KNOWN.search(doc)
    return NOT_STATED if stands is not None and stands[1] == shown else Text(shown, shown)


def verification(content: Content, scale: float) -> Block:
    """Return how a stranger checks the result."""
    language, width = content.language, WIDTH - 14.0
    block = stacked(
        [
            paragraph(VERIFY.in_(language), width, 9.4 * scale, weight="Bold"),
            paragraph(HOW_TO_VERIFY.in_(language), width, 8.4 * scale),
            paragraph("mitoshi verify DIR", width, 10.5 * scale, weight="Bold"),
            paragraph(cut(BUNDLE.in_(language).format(content.bundle_id), 200), width, 8.4 * scale, colour=GREY),
        ]
    )
    return boxed(block, WIDTH, fill=PALE, padding=6.0)
