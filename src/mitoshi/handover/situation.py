"""The situation report: what a headquarters must know, on one to four A4 pages in either language.

First page: what happened, the numbers as ranges, what was not seen, the map. Then every figure by section, tables, the clock
(which product was there how long after the event), limits, sources, and how a stranger checks it. Long tables show their first
rows with the count of the others; nothing is cut in silence. It is filled from any set of bundles: it knows no method.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.core.errors import RunError
from mitoshi.core.text import Text
from mitoshi.evidence.layout import FAMILY, Block, blank, measure, pdf_session, stacked
from mitoshi.handover.situation_blocks import (
    GAP,
    HEIGHT,
    MARGIN,
    PAGE_WIDTH,
    WIDTH,
    Fit,
    banner,
    cards,
    figures_table,
    header,
    listing,
    message,
    picture_block,
    table,
    unseen,
    verification,
)
from mitoshi.handover.situation_words import CAVEATS, CLOCK, EVIDENCE, PAGE, SIMULATED, SOURCES, clock_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from mitoshi.core.product import Figure
    from mitoshi.core.text import Language

__all__ = ["ClockRow", "EvidenceRow", "Section", "Situation", "Table", "render"]

MOST_PAGES, MOST_WHOLE = 3, 4  # a further page before a sentence is cut
WHOLE = 2000  # characters: longer than any sentence of the house
MOST_CARDS = 6
PAGE_HEIGHT = 841.89
ROOM = HEIGHT - 6.0
LEAST_PICTURE = 200.0
LONGEST_WHOLE = 150.0  # a group up to this height is not torn


class Section(NamedTuple):
    """Figures that belong together, such as those on buildings."""

    title: Text
    figures: tuple[Figure, ...]


class Table(NamedTuple):
    """Rows with a head; cells are words or plain strings.

    Attributes
    ----------
    title, head, rows
        What it says; every row has as many cells as the head.
    more
        File in which all rows stand.
    """

    title: Text
    head: tuple[Text, ...]
    rows: tuple[tuple[Text | str, ...], ...]
    more: str = ""


class ClockRow(NamedTuple):
    """When a product was there.

    Attributes
    ----------
    product
        Which.
    after_s
        Seconds after the event, or None where it is not there.
    at
        The time, or None.
    note
        Why it is not there, or what it is made of.
    """

    product: Text
    after_s: float | None
    at: datetime | None = None
    note: Text | None = None


class EvidenceRow(NamedTuple):
    """Where the proof of a product lies: identifier and folder of its evidence bundle."""

    product: Text
    bundle: str
    folder: str


@dataclass(frozen=True)
class Situation:
    """What the report says.

    Attributes
    ----------
    title, event, area
        Of the report, the disaster and the area, in words.
    time
        When it was made.
    sections
        Figures by section, the most important first.
    simulated
        Whether any input is simulated; then every page says so.
    pictures
        PNG of the map by language, see `mitoshi.handover.situation_map`; empty for none.
    unseen
        What was not seen, in words; figures whose name says "observ" or "not_determined" are said beside it.
    message
        The report in one or two sentences, or None.
    happened
        When the event happened, or None.
    tables, clock, caveats, sources, evidence
        What stands on the further pages.
    """

    title: Text
    event: Text
    area: Text
    time: datetime
    sections: tuple[Section, ...]
    simulated: bool
    pictures: Mapping[Language, bytes] = field(default_factory=dict)
    unseen: tuple[Text, ...] = ()
    message: Text | None = None
    happened: datetime | None = None
    tables: tuple[Table, ...] = ()
    clock: tuple[ClockRow, ...] = ()
    caveats: tuple[Text, ...] = ()
    sources: tuple[Text, ...] = ()
    evidence: tuple[EvidenceRow, ...] = ()

    @property
    def headline(self) -> tuple[Figure, ...]:
        """The figures of the first page: the first of each section, then the second of each, …, without what was not seen."""
        ranks = max((len(s.figures) for s in self.sections), default=0)
        ordered = [s.figures[rank] for rank in range(ranks) for s in self.sections if rank < len(s.figures)]
        return tuple(f for f in ordered if not _of_the_unseen(f) and not f.name.endswith("_unseen"))[:MOST_CARDS]

    @property
    def unseen_figures(self) -> tuple[Figure, ...]:
        """The figures that say how much was not seen."""
        return tuple(_named(f, s.title) for s in self.sections for f in s.figures if _of_the_unseen(f))


def _of_the_unseen(figure: Figure) -> bool:
    return "observ" in figure.name or figure.name.endswith("not_determined")


def _named(figure: Figure, section: Text) -> Figure:
    """Return the figure with its product in the title, for several products state the same share."""
    title = Text(f"{figure.title.en} ({section.en})", f"{figure.title.ja}（{section.ja}）")
    return figure._replace(title=title)


def render(situation: Situation, language: Language) -> bytes:
    """Return the report as a PDF; the same situation gives the same bytes.

    Parameters
    ----------
    situation
        What it says.
    language
        Of the words; times are Japan Standard Time in Japanese, UTC in English.

    Raises
    ------
    RunError
        If a picture cannot be read or the text does not fit on three pages at a readable size.
    """
    with pdf_session():
        return _pdf(situation, language)


def _pdf(situation: Situation, language: Language) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    pages = _pages(situation, language)
    stream = BytesIO()
    canvas = Canvas(
        stream,
        (PAGE_WIDTH, PAGE_HEIGHT),
        invariant=1,
        pageCompression=1,
        lang=language,
        initialFontName=f"{FAMILY}-Regular",  # type: ignore[arg-type]  # the stubs declare a number
    )
    canvas.setTitle(f"{situation.title.in_(language)} {situation.event.in_(language)}")
    canvas.setSubject((SIMULATED if situation.simulated else situation.title).in_(language))
    canvas.setCreator("mitoshi")
    for number, page in enumerate(pages, 1):
        page.draw(canvas, MARGIN, PAGE_HEIGHT - MARGIN)
        _foot(canvas, situation, PAGE.in_(language).format(number, len(pages)), language)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def _foot(canvas: Any, situation: Situation, page: str, language: Language) -> None:
    """Write what a single page must say when it is torn from the others."""
    from mitoshi.evidence import fonts
    from mitoshi.evidence.typesetting import shortened

    said = [situation.event.in_(language), situation.title.in_(language)]
    if situation.simulated:
        said.insert(0, SIMULATED.in_(language))
    words = shortened(fonts.printable("　".join(said)), WIDTH - 70.0, measure(7.5))
    canvas.setFillColor("#555555")
    canvas.setFont(f"{FAMILY}-Regular", 7.5)
    canvas.drawString(MARGIN, MARGIN - 14.0, words)
    canvas.drawRightString(MARGIN + WIDTH, MARGIN - 14.0, page)


def _fits() -> Iterator[tuple[Fit, int]]:
    """Yield ways to fit and the most pages of each, the most readable first: tables give way before figures, limits and sources.

    Sentences are shortened only where not even a further page holds them.
    """
    for pages in (MOST_PAGES, MOST_WHOLE):
        for rows in (60, 30, 16, 10, 8, 6, 5, 4, 3):
            for scale in (1.0, 0.94, 0.88):
                yield Fit(scale, rows, 60, WHOLE), pages
        yield Fit(0.82, 3, 60, WHOLE), pages
    for entries in (20, 10, 6, 4):
        for scale in (0.88, 0.8):
            yield Fit(scale, 3, entries, 220), MOST_PAGES
    yield Fit(0.74, 3, 3, 120), MOST_PAGES


def _pages(situation: Situation, language: Language) -> list[Block]:
    for fit, most in _fits():
        first = _first_page(situation, language, fit)
        if first is None:
            continue
        pages = _flow(first, _groups(situation, language, fit), situation, language)
        if len(pages) <= most:
            return pages
    raise RunError(f"the situation report does not fit on {MOST_PAGES} pages; shorten its title, caveats or sources")


def _first_page(situation: Situation, language: Language, fit: Fit) -> Block | None:
    """Return what the first page begins with, or None where its text leaves too little room for the map."""
    above = [banner(language)] if situation.simulated else []
    above.append(header(situation, language, fit))
    if situation.message is not None:
        above.append(message(situation.message.in_(language), fit))
    if situation.headline:
        above.append(cards(situation.headline, fit, language))
    below = unseen(situation.unseen, situation.unseen_figures, fit, language)
    room = ROOM - below.height - sum(b.height + GAP for b in above) - GAP
    picture = situation.pictures.get(language)
    if room < (0.0 if picture is None else LEAST_PICTURE):
        return None
    drawn = [] if picture is None else [picture_block(picture, room)]
    return stacked([*above, *drawn, below], GAP)


def _groups(situation: Situation, language: Language, fit: Fit) -> Iterator[list[Block]]:
    """Yield what stands on the further pages: groups whose first block never stands alone at a page's foot."""
    told = [s._replace(figures=tuple(f for f in s.figures if not _of_the_unseen(f))) for s in situation.sections]
    filled = [s for s in told if s.figures]  # what was not seen stands on the first page
    if filled:
        yield figures_table(filled, fit, language)
    for given in situation.tables:
        cells = [[c.in_(language) if isinstance(c, Text) else c for c in row] for row in given.rows]
        yield table(given.title.in_(language), [h.in_(language) for h in given.head], cells, fit, language, given.more)
    if situation.clock:
        head, rows = clock_rows(situation.clock, language)
        yield table(CLOCK.in_(language), head, rows, fit._replace(rows=fit.entries), language, "respond.json")
    for title, entries in ((CAVEATS, situation.caveats), (SOURCES, situation.sources)):
        if entries:
            yield listing(title.in_(language), [e.in_(language) for e in entries], fit, language)
    if situation.evidence:
        yield verification(EVIDENCE.in_(language), situation.evidence, fit, language)


def _flow(first: Block, groups: Iterator[list[Block]], situation: Situation, language: Language) -> list[Block]:
    """Return the pages: short groups stay whole, long ones keep their heading with the first row, no page begins with a gap."""
    pages = [[first]]
    for group in groups:
        whole = sum(b.height for b in group)
        for number, block in enumerate(group):
            gap, wanted = blank(0.0), block.height
            if number == 0:
                gap = blank(GAP)
                wanted = whole if whole <= LONGEST_WHOLE else sum(b.height for b in group[:2])
            if sum(b.height for b in pages[-1]) + gap.height + wanted > ROOM:
                pages.append([banner(language), blank(GAP)] if situation.simulated else [])
                gap = blank(0.0)
            pages[-1] += [gap, block]
    return [stacked(page) for page in pages]
