"""The headline figures of a report: what a reader takes away who reads nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mitoshi.core.text import Text
from mitoshi.evidence.layout import Block, beside, blank, boxed, fitted_size, paragraph, stacked
from mitoshi.evidence.wording import worded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mitoshi.core.product import Figure
    from mitoshi.core.text import Language

__all__ = ["SHOWN", "headline"]

SHOWN = 7
GAP = 7.0
PADDING = 8.0
HATCHING = 4.5  # width of the hatched edge
LEAST_HEIGHT = 66.0
FIRST_SHARE = 0.38  # of the width, for the first figure
LARGER, SMALLER = (12.0, 42.0, 12.0), (11.0, 30.0, 10.0)  # name, number and interval of the first figure, in points
OTHERS = (9.0, 17.0, 8.0)
INK, GREY, NAVY, PALE = "#111111", "#555555", "#0b2e4f", "#eef1f4"

UNSEEN_UNKNOWN = Text(
    "How much could not be observed is not among this method's figures.",
    "観測不能の割合は、この手法では算出されません。",
)
MORE = Text("and {} more in figures.json", "ほか{}件は figures.json に記載しています")


def headline(figures: Sequence[Figure], width: float, scale: float, language: Language) -> Block:
    """Return the cards of the headline figures: the first large, the others beside it in two columns.

    Parameters
    ----------
    figures
        At least one, the most important first. Those whose name contains "observ" tell how much was seen; where there is
        none the page says so.
    width
        Of the row of cards, in points.
    scale
        Of the letters.
    language
        Of the words.
    """
    shown = figures[:SHOWN]
    parts = [_grid(shown, width, scale, language)]
    if len(figures) > len(shown):
        more = MORE.in_(language).format(len(figures) - len(shown))
        parts.append(paragraph(more, width, 8.5 * scale, colour=GREY))
    if not any("observ" in figure.name for figure in figures):
        parts.append(paragraph(UNSEEN_UNKNOWN.in_(language), width, 9 * scale, weight="Bold"))
    return stacked(parts, 3.0)


def _grid(figures: Sequence[Figure], width: float, scale: float, language: Language) -> Block:
    first, *rest = figures
    if not rest:
        return _first(first, width, LEAST_HEIGHT * scale, SMALLER, scale, language)
    left = width * FIRST_SHARE
    cell = (width - left - 2 * GAP) / 2 if len(rest) > 1 else width - left - GAP
    rows = -(-len(rest) // 2)
    tallest = max(_card(figure, cell, 0.0, scale, language).height for figure in rest)
    least = max(LEAST_HEIGHT * scale, tallest * rows + GAP * (rows - 1))
    sizes = LARGER if rows > 1 else SMALLER
    height = max(least, _first(first, left, least, sizes, scale, language).height)
    row = (height - GAP * (rows - 1)) / rows
    cards = [_card(figure, cell, row, scale, language) for figure in rest]
    placed = [
        (left + GAP + (i % 2) * (cell + GAP), stacked([blank((i // 2) * (row + GAP)), card]))
        for i, card in enumerate(cards)
    ]
    return beside([(0.0, _first(first, left, height, sizes, scale, language)), *placed])


def _words(
    figure: Figure, width: float, sizes: tuple[float, float, float], scale: float, colour: str, language: Language
) -> Block:
    """Return name, number and interval of a figure, one below the other."""
    said, title = worded(figure, language), figure.title.in_(language)
    name, largest, interval = (size * scale for size in sizes)
    size = fitted_size(said.quantity, 0.995 * width, largest, "Bold")
    return stacked(
        [
            paragraph(title[:1].upper() + title[1:], width, name, colour=colour),
            paragraph(said.quantity, width, size, weight="Bold", colour=colour),
            paragraph(said.interval, width, interval, colour=colour),
        ]
    )


def _first(
    figure: Figure, width: float, height: float, sizes: tuple[float, float, float], scale: float, language: Language
) -> Block:
    """Return the first card, its words in the middle of its height."""
    words = _words(figure, width - 2 * PADDING, sizes, scale, "#ffffff", language)
    free = max(0.0, height - words.height - 2 * PADDING)
    return boxed(stacked([blank(free / 2), words]), width, fill=NAVY, padding=PADDING, height=height)


def _card(figure: Figure, width: float, height: float, scale: float, language: Language) -> Block:
    unseen = "not_observ" in figure.name or "unobserv" in figure.name
    indent = HATCHING if unseen else 0.0
    words = _words(figure, width - 2 * PADDING - indent, OTHERS, scale, INK, language)
    box = boxed(beside([(indent, words)]), width, fill=PALE, padding=PADDING - 2.0, height=height)
    return _hatched(box) if unseen else box


def _hatched(box: Block) -> Block:
    """Mark the card of what was not observed with the hatching of the map."""

    def draw(canvas: Any, x: float, top: float) -> None:
        box.draw(canvas, x, top)
        canvas.saveState()
        path = canvas.beginPath()
        path.rect(x, top - box.height, HATCHING, box.height)
        canvas.clipPath(path, stroke=0, fill=0)
        canvas.setStrokeColor(GREY)
        canvas.setLineWidth(1.4)
        for step in range(int(box.height / 4) + 3):
            y = top - box.height - 5 + step * 4
            canvas.line(x - 1, y, x + 6, y + 7)
        canvas.restoreState()

    return Block(box.height, draw)
