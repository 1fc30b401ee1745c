"""The report of a comparison on A4 pages: the headline with its denominator, the map, tables, and what was not compared."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.core.text import Text
from mitoshi.evidence.layout import FAMILY, Block, beside, blank, boxed, fitted_size, paragraph, pdf_session, stacked
from mitoshi.evidence.score.coded import CodedTally
from mitoshi.evidence.score.measures import MEASURES, measures, written
from mitoshi.evidence.score.tables import tables_of
from mitoshi.evidence.table_blocks import column_widths, table_row
from mitoshi.evidence.wording import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mitoshi.core.text import Language
    from mitoshi.evidence.score.result import Score
    from mitoshi.evidence.score.tables import Table

__all__ = ["WIDTH", "headline", "pages", "render", "table_blocks"]

PAGE_WIDTH, PAGE_HEIGHT = 595.28, 841.89
MARGIN, GAP, FOOT = 34.0, 8.0, 14.0
WIDTH = PAGE_WIDTH - 2 * MARGIN
SIZE = 8.4
ROWS = 60  # of a table; the others stand in score.csv
PICTURE = 290.0
INK, GREY, NAVY, PALE, AMBER, RULE = "#111111", "#555555", "#0b2e4f", "#eef1f4", "#ffc20e", "#9aa3ab"

TITLE = Text("Comparison with a reference", "参照データとの比較")
AGAINST = Text("{product}  against  {reference}", "{product}　と　{reference}")
SIMULATED = Text("SIMULATED / 模擬 — not a real observation", "模擬（シミュレーション）― 実際の観測ではありません")
NOTES = Text("How it was compared, and what was not", "比較の条件と、比較していないもの")
FILES = Text("Checksums (SHA-256)", "チェックサム（SHA-256）")
OVER = Text("over {cells} compared {what}", "比較した {cells} {what}")
ALONE = Text("{count} without a partner", "対応なし {count} 件")
CELLS, FEATURES, POINTS = Text("cells", "セル"), Text("features", "件"), Text("points", "地点")
OF_REFERENCE = Text(
    "of the reference, counted apart: neither right nor wrong", "参照データに対する割合。正誤のいずれにも数えません"
)
RELIABLE = Text("Reliability diagram", "信頼度曲線")
STATED, OBSERVED = Text("stated probability", "示された確率"), Text("observed share", "実際の割合")
DIAGONAL = Text("on the line: as often as stated; size of a dot: cells", "線上は示された確率どおり。点の大きさはセル数")
MORE = Text("and {} more rows in score.csv", "ほか{}行は score.csv に記載しています")
PAGE = Text("page {} of {}", "{} / {} ページ")

SHOWN = {
    "coded": ("intersection_over_union", "f1", "precision", "recall", "overall_accuracy", "expected_calibration_error"),
    "measured": ("root_mean_square_error", "bias", "mean_absolute_error", "coverage_90", "spread_over_skill"),
    "listed": ("f1", "precision", "recall", "overall_accuracy", "matched_reference_share", "matched_product_share"),
}
SHOWN["probability"] = ("expected_calibration_error", "roc_auc", "brier_score", "intersection_over_union", "recall")


class Card(NamedTuple):
    """One headline number: its words, its value as it is written, and what it is a share of."""

    title: Text
    value: str
    over: Text


def headline(score: Score) -> tuple[Card, ...]:
    """Return the headline numbers, the most important first."""
    found = measures(score.tally, score.classes)
    what = FEATURES if score.kind == "listed" else POINTS if score.points is not None else CELLS
    count = number(found["compared"], 0)
    over = Text(OVER.en.format(cells=count, what=what.en), OVER.ja.format(cells=count, what=what.ja))
    cards = [_card(n, found[n], _over(n, found, over), score) for n in SHOWN[score.kind] if n in found][:6]
    unseen = "not_observed_positive_share" if "not_observed_positive_share" in found else "not_observed_share"
    return (*cards, _card(unseen, found[unseen], OF_REFERENCE, score))


def _over(name: str, found: Mapping[str, float], usual: Text) -> Text:
    if name in {"matched_reference_share", "matched_product_share"}:
        alone = number(found["only_reference" if name == "matched_reference_share" else "only_product"], 0)
        return Text(ALONE.en.format(count=alone), ALONE.ja.format(count=alone))
    if name not in {"expected_calibration_error", "roc_auc", "brier_score"}:
        return usual
    cells = number(found["probability_cells"], 0)
    return Text(OVER.en.format(cells=cells, what=CELLS.en), OVER.ja.format(cells=cells, what=CELLS.ja))


def _card(name: str, value: float, over: Text, score: Score) -> Card:
    return Card(MEASURES[name].title, written(name, value, unit=score.units), over)


def cards_block(cards: Sequence[Card], language: Language) -> Block:
    """Return the headline numbers as cards: the first large, the others in three columns beside it."""
    first, *rest = cards
    left, columns = 0.27 * WIDTH, 3
    cell = (WIDTH - left - columns * 5.0) / columns
    small = [_words(c, cell - 12.0, (8.2, 15.0, 7.0), INK, language) for c in rest]
    rows = -(-len(rest) // columns)
    large = _words(first, left - 16.0, (10.0, 34.0, 8.4), "#ffffff", language)
    height = max(rows * (max(b.height for b in small) + 15.0) - 5.0, large.height + 16.0)
    row = (height + 5.0) / rows - 5.0
    lead = stacked([blank(max(0.0, (height - 16.0 - large.height) / 2)), large])
    placed = [(0.0, boxed(lead, left, fill=NAVY, padding=8.0, height=height))]
    for n, block in enumerate(small):
        box = boxed(block, cell, fill=PALE, padding=5.0, height=row)
        below = blank((n // columns) * (row + 5.0))
        placed.append((left + 5.0 + (n % columns) * (cell + 5.0), stacked([below, box])))
    return beside(placed)


def _words(card: Card, width: float, sizes: tuple[float, float, float], colour: str, language: Language) -> Block:
    name, largest, over = sizes
    title = card.title.in_(language)
    return stacked(
        [
            paragraph(title[:1].upper() + title[1:], width, name, colour=colour),
            paragraph(card.value, width, fitted_size(card.value, width, largest, "Bold"), weight="Bold", colour=colour),
            paragraph(card.over.in_(language), width, over, colour=colour),
        ]
    )


def render(score: Score, picture: bytes | None, language: Language) -> bytes:
    """Return the report as a PDF; the same comparison gives the same bytes.

    Parameters
    ----------
    score
        What was compared.
    picture
        PNG of the map of errors, or None.
    language
        Of the words.
    """
    with pdf_session():
        names = {"product": score.product.source.name, "reference": score.reference.name}
        subject = AGAINST.format(**names)
        head = _head(subject, simulated=score.simulated, language=language)
        blocks = [head, blank(GAP), cards_block(headline(score), language)]
        first, *others = tables_of(score)
        blocks += [blank(GAP), _picture(picture)] if picture is not None else []
        blocks += table_blocks(first, language)
        for table in others:
            if table.name == "reliability":
                rows = stacked(table_blocks(table, language, 0.52 * WIDTH))
                blocks.append(beside([(0.0, rows), (0.56 * WIDTH, _diagram(score, language))]))
            else:
                blocks += table_blocks(table, language)
        blocks += _notes(score, language)
        return pages(blocks, f"{TITLE.in_(language)}: {subject.in_(language)}", language)


def _head(subject: Text, *, simulated: bool, language: Language) -> Block:
    parts = []
    if simulated:
        words = paragraph(SIMULATED.in_(language), WIDTH - 14.0, 12.0, weight="Bold")
        parts.append(boxed(words, WIDTH, fill=AMBER, padding=6.0))
    parts.append(paragraph(TITLE.in_(language), WIDTH, 20.0, weight="Bold"))
    parts.append(paragraph(subject.in_(language), WIDTH, 11.0, weight="Bold"))
    return stacked(parts, 2.0)


def _picture(picture: bytes) -> Block:
    from reportlab.lib.utils import ImageReader

    image = ImageReader(BytesIO(picture))
    across, down = image.getSize()
    height = min(PICTURE, WIDTH * down / across)
    width = height * across / down

    def draw(canvas: Any, x: float, top: float) -> None:
        canvas.drawImage(image, x + (WIDTH - width) / 2, top - height, width, height)

    return Block(height, draw)


def table_blocks(table: Table, language: Language, width: float = WIDTH) -> list[Block]:
    """Return a table in blocks between which a page may end: title with head and first row, then rows."""
    head = [t.in_(language) for t in table.head]
    rows = [[c.in_(language) if isinstance(c, Text) else c for c in row] for row in table.rows]
    shown = rows[:ROWS]
    widths = column_widths([head, *shown], width, SIZE)
    title = paragraph(table.title.in_(language), width, 10.4, weight="Bold", colour=NAVY)
    lines = [table_row(row, widths, SIZE) for row in shown]
    blocks = [stacked([blank(GAP), title, table_row(head, widths, SIZE, head=True), *lines[:2]], 1.0), *lines[2:]]
    if len(rows) > len(shown):
        blocks.append(paragraph(MORE.in_(language).format(len(rows) - len(shown)), width, SIZE, weight="Bold"))
    return blocks


def _diagram(score: Score, language: Language) -> Block:
    """Return the reliability diagram with its legend below."""
    assert isinstance(score.tally, CodedTally)  # noqa: S101 - its table stands above
    assert score.tally.probability is not None  # noqa: S101
    table = score.tally.probability.reliability
    side, left, foot = 136.0, 46.0, 26.0
    most = max(float(table.cells.max()), 1.0)

    def draw(canvas: Any, x: float, top: float) -> None:
        x0, y0 = x + left, top - 14.0 - side
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.4)
        canvas.setFont(f"{FAMILY}-Regular", 7.0)
        canvas.setFillColor(GREY)
        for step in range(0, 11, 2):
            at = side * step / 10
            canvas.line(x0 + at, y0, x0 + at, y0 + side)
            canvas.line(x0, y0 + at, x0 + side, y0 + at)
            canvas.drawCentredString(x0 + at, y0 - 9.0, f"{step / 10:.1f}")
            canvas.drawRightString(x0 - 4.0, y0 + at - 2.4, f"{step / 10:.1f}")
        canvas.setLineWidth(0.8)
        canvas.line(x0, y0, x0 + side, y0 + side)
        canvas.drawCentredString(x0 + side / 2, y0 - 20.0, STATED.in_(language))
        canvas.saveState()
        canvas.translate(x0 - 24.0, y0 + side / 2)
        canvas.rotate(90)
        canvas.drawCentredString(0, 0, OBSERVED.in_(language))
        canvas.restoreState()
        canvas.setFillColor("#0072b2")
        for cells, stated, observed in zip(table.cells, table.stated, table.observed, strict=True):
            if cells:
                radius = 1.6 + 4.4 * (float(cells) / most) ** 0.5
                canvas.circle(x0 + side * stated / cells, y0 + side * observed / cells, radius, stroke=0, fill=1)

    diagram = Block(14.0 + side + foot, draw)
    words = paragraph(DIAGONAL.in_(language), 0.44 * WIDTH, 7.4, colour=GREY)
    title = paragraph(RELIABLE.in_(language), 0.44 * WIDTH, 10.4, weight="Bold", colour=NAVY)
    return stacked([blank(GAP), title, diagram, words])


def _notes(score: Score, language: Language) -> list[Block]:
    title = paragraph(NOTES.in_(language), WIDTH, 10.4, weight="Bold", colour=NAVY)
    first, *rest = [paragraph(n.in_(language), WIDTH, SIZE, hang="・") for n in score.notes] or [blank(0.0)]
    files = paragraph(FILES.in_(language), WIDTH, 10.4, weight="Bold", colour=NAVY)
    sums = [paragraph(f"{digest}  {name}", WIDTH, 7.0) for name, digest in sorted(score.digests.items())]
    return [stacked([blank(GAP), title, first]), *rest, stacked([blank(GAP), files, *sums])]


def pages(blocks: Sequence[Block], title: str, language: Language) -> bytes:
    """Return blocks one below the other on as many A4 pages as they need, with page numbers.

    Parameters
    ----------
    blocks
        None is split; each fits on a page.
    title
        Of the document.
    language
        Of the words.
    """
    from reportlab.pdfgen.canvas import Canvas

    sheets: list[list[Block]] = [[]]
    room = PAGE_HEIGHT - 2 * MARGIN - FOOT
    used = 0.0
    for block in blocks:
        if sheets[-1] and used + block.height > room:
            sheets.append([])
            used = 0.0
        sheets[-1].append(block)
        used += block.height
    stream = BytesIO()
    font: Any = f"{FAMILY}-Regular"
    canvas = Canvas(
        stream, (PAGE_WIDTH, PAGE_HEIGHT), invariant=1, pageCompression=1, lang=language, initialFontName=font
    )
    canvas.setTitle(title)
    canvas.setCreator("mitoshi")
    for n, sheet in enumerate(sheets, 1):
        top = PAGE_HEIGHT - MARGIN
        for block in sheet:
            block.draw(canvas, MARGIN, top)
            top -= block.height
        canvas.setFillColor(GREY)
        canvas.setFont(f"{FAMILY}-Regular", 7.5)
        canvas.drawRightString(PAGE_WIDTH - MARGIN, MARGIN - 8.0, PAGE.in_(language).format(n, len(sheets)))
        canvas.showPage()
    canvas.save()
    return stream.getvalue()
