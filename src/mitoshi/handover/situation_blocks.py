"""The blocks of the situation report: each knows its height before it is drawn."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.core.errors import RunError
from mitoshi.core.text import Text
from mitoshi.evidence.layout import FAMILY, Block, beside, blank, boxed, fitted_size, paragraph, stacked
from mitoshi.evidence.table_blocks import column_widths, table_row
from mitoshi.evidence.wording import moment
from mitoshi.handover.ranges import ranged
from mitoshi.handover.situation_words import SIMULATED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mitoshi.core.product import Figure
    from mitoshi.core.text import Language
    from mitoshi.handover.situation import EvidenceRow, Section, Situation

__all__ = [
    "GAP",
    "HEIGHT",
    "MARGIN",
    "PAGE_WIDTH",
    "WIDTH",
    "Fit",
    "banner",
    "cards",
    "figures_table",
    "header",
    "listing",
    "message",
    "picture_block",
    "table",
    "unseen",
    "verification",
]

PAGE_WIDTH, MARGIN, GAP = 595.28, 34.0, 6.0
WIDTH = PAGE_WIDTH - 2 * MARGIN
HEIGHT = 841.89 - 2 * MARGIN
GUTTER = 8.0
COLUMNS = 3  # of cards
FIGURE_SHARE = 0.44  # of a section's width, for the names
LONGEST_SECTION = 20  # figures in one piece
INK, GREY, AMBER, PALE_AMBER, NAVY, PALE, RULE = (
    "#111111",
    "#555555",
    "#ffc20e",
    "#fff4cc",
    "#0b2e4f",
    "#eef1f4",
    "#9aa3ab",
)

AREA = Text("Area: {}", "対象範囲：{}")
HAPPENED = Text("Event: {}", "発災：{}")
MADE = Text("Made: {}", "作成：{}")
UNSEEN = Text("What was not seen", "観測できていない範囲")
UNSEEN_UNKNOWN = Text(
    "How much was not seen is not stated. Absence on the map does not mean absence on the ground.",
    "未観測・観測不能の割合は示されていません。地図に表示がないことは、被害がないことを意味しません。",
)
MORE = Text("and {} more", "ほか{}件")
MORE_IN = Text("and {} more in {}", "ほか{}件は {} に記載しています")
FIGURES = Text("All figures", "数値一覧")
WITH_LEVEL = Text(
    "Ranges with the best estimate in brackets; {} unless another note stands below.",
    "範囲と、括弧内に最良推定を示します。注記のないものは{}です。",
)
WITHOUT_LEVEL = Text("What the figures rest on stands below each.", "各数値の下に根拠を示します。")
EVIDENCE_HEAD = (Text("product", "プロダクト"), Text("evidence bundle", "証跡一式"), Text("folder", "フォルダー"))
HOW_TO_VERIFY = Text(
    "Every product has an evidence bundle: inputs with checksums, method, parameters, environment. Anyone can compute it again:",
    "各プロダクトには、入力のチェックサム・手法・パラメーター・計算環境を収めた証跡一式があります。誰でも再計算できます。",
)
VERDICTS = Text(
    "answers: identical, equivalent, different or unverifiable.",
    "完全一致・許容差内で一致・不一致・検証不能のいずれかを答えます。",
)


class Fit(NamedTuple):
    """How the report is made to fit: scale of the text, rows of a table, entries of a list, characters of an entry."""

    scale: float
    rows: int
    entries: int
    characters: int


def banner(language: Language) -> Block:
    """Return the amber band that says the data are simulated, with stripes so that it is seen without colour."""
    words, height = SIMULATED.in_(language), 22.0

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
        size = fitted_size(words, WIDTH - 9 * height, 12.5, "Bold")
        canvas.setFont(f"{FAMILY}-Bold", size)
        canvas.drawCentredString(x + WIDTH / 2, top - height / 2 - 0.35 * size, words)
        canvas.restoreState()

    return Block(height, draw)


def header(situation: Situation, language: Language, fit: Fit) -> Block:
    """Return title, event, area and times."""
    times = [] if situation.happened is None else [HAPPENED.in_(language).format(moment(situation.happened, language))]
    times.append(MADE.in_(language).format(moment(situation.time, language)))
    where = AREA.in_(language).format(situation.area.in_(language))
    return stacked(
        [
            paragraph(situation.title.in_(language), WIDTH, 20 * fit.scale, weight="Bold"),
            paragraph(_cut(situation.event.in_(language), 200), WIDTH, 13 * fit.scale, weight="Bold"),
            paragraph(_cut(where, 300), WIDTH, 10.5 * fit.scale),
            paragraph(" ｜ ".join(times), WIDTH, 9.5 * fit.scale, colour=GREY),
        ]
    )


def message(words: str, fit: Fit) -> Block:
    """Return the report in one sentence."""
    text = paragraph(_cut(words, fit.characters), WIDTH - 16, 12 * fit.scale, weight="Bold", colour="#ffffff")
    return boxed(text, WIDTH, fill=NAVY, padding=8.0)


def cards(figures: Sequence[Figure], fit: Fit, language: Language) -> Block:
    """Return the headline figures as cards, three in a row."""
    width = (WIDTH - GAP * (COLUMNS - 1)) / COLUMNS
    rows = []
    for start in range(0, len(figures), COLUMNS):
        row = [_card_words(f, width - 14.0, fit, language) for f in figures[start : start + COLUMNS]]
        height = max(b.height for b in row) + 12.0
        placed = [boxed(b, width, fill=PALE, padding=6.0, height=height) for b in row]
        rows.append(beside([(i * (width + GAP), b) for i, b in enumerate(placed)]))
    return stacked(rows, GAP)


def _card_words(figure: Figure, width: float, fit: Fit, language: Language) -> Block:
    said = ranged(figure, language)
    size = fitted_size(said.words, 0.995 * width, 17 * fit.scale, "Bold")
    below = (
        "、".join(w for w in (said.best, said.note) if w)
        if language == "ja"
        else ", ".join(w for w in (said.best, said.note) if w)
    )
    return stacked(
        [
            paragraph(_capital(figure.title.in_(language)), width, 8.8 * fit.scale),
            paragraph(said.words, width, size, weight="Bold"),
            paragraph(_cut(below, 400), width, 8 * fit.scale, colour=GREY),
        ]
    )


def unseen(words: Sequence[Text], figures: Sequence[Figure], fit: Fit, language: Language) -> Block:
    """Return what was not seen: hatched like the map, and never left out."""
    size, inner = 9 * fit.scale, WIDTH - 24.0
    colon, between = Text(": ", "：").in_(language), Text("; ", "／").in_(language)
    told = dict.fromkeys(f"{_capital(f.title.in_(language))}{colon}{ranged(f, language).said}" for f in figures)
    lines = ([between.join(told)] if told else []) + [w.in_(language) for w in words]
    lines = lines or [UNSEEN_UNKNOWN.in_(language)]
    parts = [paragraph(UNSEEN.in_(language), inner, size * 1.15, weight="Bold")]
    parts += [paragraph(_cut(line, 2 * fit.characters), inner, size, hang="・") for line in lines[: fit.entries]]
    if len(lines) > fit.entries:
        parts.append(paragraph(MORE.in_(language).format(len(lines) - fit.entries), inner, size, hang="・"))
    box = boxed(beside([(8.0, stacked(parts))]), WIDTH, fill=PALE_AMBER, edge="#b07d00", thickness=1.2, padding=6.0)
    return _hatched(box)


def _hatched(box: Block) -> Block:
    def draw(canvas: Any, x: float, top: float) -> None:
        box.draw(canvas, x, top)
        canvas.saveState()
        path = canvas.beginPath()
        path.rect(x, top - box.height, 6.0, box.height)
        canvas.clipPath(path, stroke=0, fill=0)
        canvas.setStrokeColor(GREY)
        canvas.setLineWidth(1.4)
        for step in range(int(box.height / 4) + 4):
            y = top - box.height - 7 + step * 4
            canvas.line(x - 1, y, x + 8, y + 9)
        canvas.restoreState()

    return Block(box.height, draw)


def picture_block(picture: bytes, room: float) -> Block:
    """Return the map, as large as the page's width and the room that is left allow.

    Raises
    ------
    RunError
        If it is no picture.
    """
    from PIL import UnidentifiedImageError
    from reportlab.lib.utils import ImageReader

    try:
        image = ImageReader(BytesIO(picture))
    except (OSError, UnidentifiedImageError) as error:
        raise RunError(f"the report's picture is no image ({error}); give the PNG of the map") from None
    across, down = image.getSize()
    height = max(1.0, min(room, WIDTH * down / across))
    width = height * across / down

    def draw(canvas: Any, x: float, top: float) -> None:
        canvas.drawImage(image, x + (WIDTH - width) / 2, top - height, width, height)

    return Block(height, draw)


def heading(words: str, fit: Fit) -> Block:
    """Return the heading of a group, with a rule above."""
    text = paragraph(words, WIDTH, 12 * fit.scale, weight="Bold", colour=NAVY)

    def draw(canvas: Any, x: float, top: float) -> None:
        canvas.setStrokeColor(NAVY)
        canvas.setLineWidth(1.0)
        canvas.line(x, top, x + WIDTH, top)
        text.draw(canvas, x, top - 3.0)

    return Block(text.height + 3.0, draw)


def figures_table(sections: Sequence[Section], fit: Fit, language: Language) -> list[Block]:
    """Return every figure with its range, the sections side by side in two columns."""
    level = next((ranged(f, language).note for s in sections for f in s.figures if f.lower is not None), "")
    said = WITH_LEVEL.in_(language).format(level) if level else WITHOUT_LEVEL.in_(language)
    note = paragraph(said, WIDTH, 8.2 * fit.scale, colour=GREY)
    width = (WIDTH - 2 * GUTTER) / 2
    parts = []
    for section in sections:
        shown = section.figures[: fit.entries]
        for start in range(0, len(shown), LONGEST_SECTION):
            left = len(section.figures) - len(shown) if start + LONGEST_SECTION >= len(shown) else 0
            chosen = section.figures[start : min(start + LONGEST_SECTION, len(shown))]
            parts.append(_section(section.title.in_(language), chosen, left, level, width, fit, language))
    pairs = [
        beside([(n * (width + 2 * GUTTER), b) for n, b in enumerate(parts[i : i + 2])]) for i in range(0, len(parts), 2)
    ]
    return [stacked([heading(FIGURES.in_(language), fit), note]), *(stacked([blank(4.0), p]) for p in pairs)]


def _section(
    title: str, figures: Sequence[Figure], left: int, level: str, width: float, fit: Fit, language: Language
) -> Block:
    """Return the figures of a section; the note of one stands below it where it is not the common `level`."""
    size, widths = 8.6 * fit.scale, (FIGURE_SHARE * width, (1.0 - FIGURE_SHARE) * width)
    lines = [paragraph(title, width, 9.8 * fit.scale, weight="Bold", colour=NAVY), _rule(width)]
    for figure in figures:
        said = ranged(figure, language)
        value = [paragraph(said.said, widths[1], size, weight="Bold")]
        if said.note and said.note != level:
            value.append(paragraph(_cut(said.note, fit.characters), widths[1], 0.84 * size, colour=GREY))
        name = paragraph(_capital(figure.title.in_(language)), widths[0] - GUTTER, size)
        lines += [beside([(0.0, name), (widths[0], stacked(value))]), _rule(width)]
    if left:
        more = MORE_IN.in_(language).format(left, "figures.json")
        lines.append(paragraph(more, width, size, weight="Bold"))
    return stacked(lines)


def _rule(width: float) -> Block:
    def draw(canvas: Any, x: float, top: float) -> None:
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.25)
        canvas.line(x, top - 1.0, x + width, top - 1.0)

    return Block(2.0, draw)


def table(
    title: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    fit: Fit,
    language: Language,
    more: str,
) -> list[Block]:
    """Return heading, head and rows of a table; what is wider than its column is broken, never cut.

    Parameters
    ----------
    title, head, rows
        What it says.
    fit
        Scale and longest table.
    language
        Of the words that count the rows left out.
    more
        Where all rows stand, or "".
    """
    size = 8.6 * fit.scale
    shown = [[_cut(cell, fit.characters) for cell in row] for row in rows[: fit.rows]]
    widths = column_widths([list(head), *shown], WIDTH, size)
    blocks = [table_row(row, widths, size) for row in shown]
    if len(rows) > len(shown):
        words = (MORE_IN if more else MORE).in_(language).format(len(rows) - len(shown), more)
        blocks.append(paragraph(words, WIDTH, size, weight="Bold"))
    return [stacked([heading(title, fit), table_row(head, widths, size, head=True)], 2.0), *blocks]


def listing(title: str, entries: Sequence[str], fit: Fit, language: Language) -> list[Block]:
    """Return a heading and entries."""
    size = 8.6 * fit.scale
    blocks = [paragraph(_cut(e, fit.characters), WIDTH, size, hang="・") for e in entries[: fit.entries]]
    if len(entries) > fit.entries:
        more = MORE.in_(language).format(len(entries) - fit.entries)
        blocks.append(paragraph(more, WIDTH, size, weight="Bold", hang="・"))
    return [heading(title, fit), *blocks]


def verification(title: str, evidence: Sequence[EvidenceRow], fit: Fit, language: Language) -> list[Block]:
    """Return which bundle proves which product, and how anybody checks it."""
    size, width = 8.6 * fit.scale, WIDTH - 14.0
    rows = [[e.product.in_(language), e.bundle, e.folder] for e in evidence]
    how = stacked(
        [
            paragraph(HOW_TO_VERIFY.in_(language), width, size),
            paragraph(f"mitoshi verify {evidence[0].folder}", width, size * 1.2, weight="Bold"),
            paragraph(VERDICTS.in_(language), width, size),
        ]
    )
    whole = fit._replace(rows=fit.entries)
    said = table(title, [h.in_(language) for h in EVIDENCE_HEAD], rows, whole, language, "")
    return [*said, stacked([blank(5.0), boxed(how, WIDTH, fill=PALE, padding=6.0)])]


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _cut(text: str, characters: int) -> str:
    """Shorten a text, visibly."""
    return text if len(text) <= characters else f"{text[: characters - 1].rstrip()}…"
