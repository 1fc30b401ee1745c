"""The table of inputs of a report: which file answered which argument, when it was observed, and its checksum."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from mitoshi.core.text import Text
from mitoshi.evidence.layout import Block, beside, measure, paragraph, stacked
from mitoshi.evidence.typesetting import shortened
from mitoshi.evidence.wording import moment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mitoshi.core.text import Language

__all__ = ["MORE", "RUN", "cut", "input_table", "instant_or_none", "when"]

INK, GREY, RULE = "#111111", "#555555", "#9aa3ab"
GUTTER = 6.0

MORE = Text("and {} more in {}", "ほか{}件は {} に記載しています")
INPUTS = Text("Inputs", "入力")
COLUMNS = (
    Text("argument", "引数"),
    Text("identifier", "識別子"),
    Text("observed", "観測日時"),
    Text("platform", "衛星"),
    Text("checksum", "チェックサム"),
)
RUN = "run.json"
SHARES = (0.10, 0.40, 0.255, 0.11, 0.135)  # of the width


def input_table(
    inputs: Sequence[Mapping[str, str]], width: float, scale: float, rows: int, language: Language
) -> Block:
    """Return the table of the first `rows` inputs, with the count of the others.

    Parameters
    ----------
    inputs
        One mapping for each input with the keys argument, id, datetime, platform, checksum; "" where not known.
    width
        Of the table, in points.
    scale
        Of the letters.
    rows
        Inputs shown at most.
    language
        Of the words.
    """
    size = 7.8 * scale
    shown = inputs[:rows]
    lines = [
        paragraph(INPUTS.in_(language), width, 9.4 * scale, weight="Bold"),
        _row([title.in_(language) for title in COLUMNS], width, size, head=True),
    ]
    lines += [_row(_cells(entry, width, size, language), width, size) for entry in shown]
    if len(inputs) > len(shown):
        lines.append(paragraph(MORE.in_(language).format(len(inputs) - len(shown), RUN), width, size, weight="Bold"))
    return _ruled(stacked(lines), width)


def cut(text: str, characters: int, where: str = RUN) -> str:
    """Shorten a text, visibly, and say where all of it is."""
    return text if len(text) <= characters else f"{text[: characters - len(where) - 4].rstrip()}… [{where}]"


def instant_or_none(text: str) -> datetime | None:
    """Return an ISO 8601 time, or None for any other text."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def when(text: str, language: Language) -> str:
    """Return a time as people write it; what is no time is left as it is."""
    time = instant_or_none(text)
    return text if time is None else moment(time, language)


def _row(cells: Sequence[str], width: float, size: float, *, head: bool = False) -> Block:
    """Return one row; what is wider than its column is broken, never cut."""
    placed, left = [], 0.0
    for cell, share in zip(cells, SHARES, strict=True):
        column = share * width - GUTTER
        block = paragraph(cell or "—", column, size, weight="Bold" if head else "Regular", colour=GREY if head else INK)
        placed.append((left, block))
        left += share * width
    return beside(placed)


def _cells(entry: Mapping[str, str], width: float, size: float, language: Language) -> list[str]:
    return [
        cut(entry.get("argument", ""), 40),
        cut(entry.get("id", ""), 160),
        cut(when(entry.get("datetime", ""), language), 60),
        cut(entry.get("platform", ""), 40),
        shortened(_digest(entry.get("checksum", "")), SHARES[-1] * width - GUTTER, measure(size)),
    ]


def _digest(checksum: str) -> str:
    """Return the first twelve digits of a checksum, without the multihash's or the algorithm's prefix.

    >>> _digest("1220" + "3fa9c41d0be2" + 52 * "0"), _digest("sha256:3fa9c41d0be2"), _digest("")
    ('3fa9c41d0be2…', '3fa9c41d0be2', '')
    """
    digits = checksum.rpartition(":")[2]
    bare = digits[4:] if digits.startswith("1220") and len(digits) == 68 else digits
    return f"{bare[:12]}…" if len(bare) > 12 else bare


def _ruled(block: Block, width: float) -> Block:
    """Draw a thin line above a block."""

    def draw(canvas: Any, x: float, top: float) -> None:
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.6)
        canvas.line(x, top, x + width, top)
        block.draw(canvas, x, top - 3.0)

    return Block(block.height + 3.0, draw)
