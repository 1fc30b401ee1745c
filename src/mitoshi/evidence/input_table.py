"""The table of inputs of a report: which file answered which argument, when it was observed, and its checksum."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from mitoshi.core.text import Text
from mitoshi.evidence.layout import Block, paragraph, stacked
from mitoshi.evidence.table_blocks import column_widths, table_row
from mitoshi.evidence.wording import moment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mitoshi.core.text import Language

__all__ = ["MORE", "RUN", "cut", "input_rows", "instant_or_none", "when"]

RULE = "#9aa3ab"

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


def input_rows(
    inputs: Sequence[Mapping[str, str]], width: float, scale: float, rows: int, language: Language
) -> list[Block]:
    """Return the table of the first `rows` inputs in blocks, heading and head in the first, with the count of the others.

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
    head = [title.in_(language) for title in COLUMNS]
    cells = [_cells(entry, language) for entry in shown]
    widths = column_widths([head, *cells], width, size)
    title = paragraph(INPUTS.in_(language), width, 9.4 * scale, weight="Bold")
    blocks = [_ruled(stacked([title, table_row(head, widths, size, head=True)]), width)]
    blocks += [table_row(row, widths, size) for row in cells]
    if len(inputs) > len(shown):
        blocks.append(paragraph(MORE.in_(language).format(len(inputs) - len(shown), RUN), width, size, weight="Bold"))
    return blocks


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


def _cells(entry: Mapping[str, str], language: Language) -> list[str]:
    return [
        cut(entry.get("argument", ""), 80),
        cut(entry.get("id", ""), 160),
        cut(when(entry.get("datetime", ""), language), 60),
        cut(entry.get("platform", ""), 40),
        _digest(entry.get("checksum", "")),
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
