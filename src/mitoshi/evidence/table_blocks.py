"""Rows of a table on a PDF page: columns as wide as their widest cell, what is wider is broken between words, never cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mitoshi.evidence import fonts
from mitoshi.evidence.layout import Block, beside, measure, paragraph
from mitoshi.evidence.typesetting import widest_piece

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["column_widths", "table_row"]

GUTTER = 8.0
SLACK = 0.01  # so that rounding breaks nothing that fits
WIDEST_COLUMN = 0.46  # of a table's width, before what is left is shared
INK, GREY, RULE = "#111111", "#555555", "#9aa3ab"


def column_widths(rows: Sequence[Sequence[str]], width: float, size: float) -> list[float]:
    """Return the widths of a table's columns: as wide as their widest cell where there is room, else as their widest word.

    Only where even the widest words have no room beside each other all columns are narrowed alike.

    Parameters
    ----------
    rows
        Head and cells.
    width
        Of the table, in points.
    size
        Of the letters.
    """
    wide = measure(size, "Bold")
    texts = [[fonts.printable(row[i]) for row in rows] for i in range(len(rows[0]))]
    least = [max(widest_piece(cell, wide) for cell in cells) + GUTTER + SLACK for cells in texts]
    natural = [max(max(map(wide, cells)) + GUTTER + SLACK, low) for cells, low in zip(texts, least, strict=True)]
    if sum(natural) <= width:
        return [w * width / sum(natural) for w in natural]
    if sum(least) >= width:
        return [w * width / sum(least) for w in least]
    capped = [max(min(w, WIDEST_COLUMN * width), low) for w, low in zip(natural, least, strict=True)]
    natural = capped if sum(capped) >= width else natural
    share = (width - sum(least)) / (sum(natural) - sum(least))
    return [low + share * (w - low) for w, low in zip(natural, least, strict=True)]


def table_row(cells: Sequence[str], widths: Sequence[float], size: float, *, head: bool = False) -> Block:
    """Return one row with a line below it.

    Parameters
    ----------
    cells, widths
        Of the columns, in points.
    size
        Of the letters.
    head
        Whether it is the head of the table.
    """
    placed, left = [], 0.0
    for cell, width in zip(cells, widths, strict=True):
        weight: fonts.Weight = "Bold" if head else "Regular"
        text = paragraph(cell or "—", width - GUTTER, size, weight=weight, colour=GREY if head else INK)
        placed.append((left, text))
        left += width
    row = beside(placed)

    def draw(canvas: Any, x: float, top: float) -> None:
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.7 if head else 0.25)
        canvas.line(x, top - row.height - 1.3, x + left, top - row.height - 1.3)
        row.draw(canvas, x, top)

    return Block(row.height + 2.5, draw)
