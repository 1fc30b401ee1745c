"""Boxes of a PDF page: each knows its height before it is drawn, so that a page can be made to fit.

Lengths are points (1/72 inch); a block is drawn with its upper left corner at (x, top), y growing upward as in PDF.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.evidence import fonts
from mitoshi.evidence.typesetting import broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "FAMILY",
    "Block",
    "beside",
    "blank",
    "boxed",
    "fitted_size",
    "measure",
    "paragraph",
    "pdf_session",
    "stacked",
]

ASCENT = 0.88  # of the fonts, in ems
LEADING = 1.42
FAMILY = "MitoshiSansJP"

_REPORTLAB = threading.Lock()  # its fonts and its settings are those of a module


class Block(NamedTuple):
    """Something to draw: its height and how, given a canvas and its upper left corner."""

    height: float
    draw: Callable[[Any, float, float], None]


@contextmanager
def pdf_session() -> Iterator[None]:
    """Hold reportlab for one document: its fonts are known, and its streams are bytes, not text of five letters for four."""
    from reportlab import rl_config

    with _REPORTLAB:
        _register_fonts()
        before, rl_config.useA85 = rl_config.useA85, 0
        try:
            yield
        finally:
            rl_config.useA85 = before


def _register_fonts() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    known = pdfmetrics.getRegisteredFontNames()
    weights: tuple[fonts.Weight, ...] = ("Regular", "Bold")
    for weight in weights:
        if f"{FAMILY}-{weight}" not in known:
            pdfmetrics.registerFont(TTFont(f"{FAMILY}-{weight}", str(fonts.path(weight))))


def measure(size: float, weight: fonts.Weight = "Regular") -> Callable[[str], float]:
    """Return a function that tells the width of a string, in points."""
    widths = _widths(weight)
    return lambda text: float(0.001 * size * sum(map(widths.__getitem__, text)))


class _Widths(dict[str, float]):
    """The widths of a font's characters, in thousandths of its size, by character."""

    def __init__(self, face: Any) -> None:
        self._face = face

    def __missing__(self, character: str) -> float:
        width: float = self._face.charWidths.get(ord(character), self._face.defaultWidth)
        self[character] = width
        return width


@cache
def _widths(weight: fonts.Weight) -> _Widths:
    from reportlab.pdfbase import pdfmetrics

    font: Any = pdfmetrics.getFont(f"{FAMILY}-{weight}")
    return _Widths(font.face)


def fitted_size(text: str, width: float, largest: float, weight: fonts.Weight = "Regular") -> float:
    """Return the font size, at most `largest`, at which `text` is no wider than `width`."""
    return min(largest, largest * width / max(measure(largest, weight)(text), 1e-6))


def blank(height: float) -> Block:
    """Return empty space."""
    return Block(height, lambda *_: None)


def paragraph(
    text: str, width: float, size: float, *, weight: fonts.Weight = "Regular", colour: str = "#111111", hang: str = ""
) -> Block:
    """Return a paragraph of `text` broken into lines.

    Parameters
    ----------
    text
        Any text; characters that the fonts lack become 〓.
    width, size
        Of the line and of the font.
    weight, colour
        Of the letters.
    hang
        A mark such as "・" before the first line; the others are indented by its width.
    """
    indent = measure(size, weight)(hang) if hang else 0.0
    lines = _lines(text, width - indent, size, weight)

    def draw(canvas: Any, x: float, top: float) -> None:
        canvas.setFillColor(colour)
        canvas.setFont(f"{FAMILY}-{weight}", size)
        baseline = top - size * (ASCENT + (LEADING - 1) / 2)
        if hang:
            canvas.drawString(x, baseline, hang)
        for number, line in enumerate(lines):
            canvas.drawString(x + indent, baseline - number * size * LEADING, line)

    return Block(len(lines) * size * LEADING, draw)


@lru_cache(maxsize=4096)
def _lines(text: str, width: float, size: float, weight: fonts.Weight) -> tuple[str, ...]:
    """Return the lines of a paragraph; a page is tried in several ways that share most of them."""
    return tuple(broken(fonts.printable(text), width, measure(size, weight)))


def stacked(blocks: Sequence[Block], gap: float = 0.0) -> Block:
    """Return blocks one below the other."""

    def draw(canvas: Any, x: float, top: float) -> None:
        for block in blocks:
            block.draw(canvas, x, top)
            top -= block.height + gap

    return Block(sum(b.height for b in blocks) + gap * max(0, len(blocks) - 1), draw)


def beside(blocks: Sequence[tuple[float, Block]]) -> Block:
    """Return blocks side by side, each with its distance from the left edge."""

    def draw(canvas: Any, x: float, top: float) -> None:
        for right, block in blocks:
            block.draw(canvas, x + right, top)

    return Block(max((b.height for _, b in blocks), default=0.0), draw)


def boxed(
    block: Block,
    width: float,
    *,
    fill: str,
    edge: str = "",
    thickness: float = 0.0,
    padding: float = 7.0,
    height: float | None = None,
) -> Block:
    """Return a block on a coloured box.

    Parameters
    ----------
    block
        What stands in the box.
    width, height
        Of the box; without a height it is as high as its content needs.
    fill, edge, thickness
        Colours of box and border, and the border's thickness.
    padding
        Between border and content.
    """
    tall = max(height or 0.0, block.height + 2 * padding)

    def draw(canvas: Any, x: float, top: float) -> None:
        canvas.setFillColor(fill)
        canvas.setStrokeColor(edge or fill)
        canvas.setLineWidth(thickness)
        canvas.rect(x, top - tall, width, tall, stroke=int(thickness > 0), fill=1)
        block.draw(canvas, x + padding, top - padding)

    return Block(tall, draw)
