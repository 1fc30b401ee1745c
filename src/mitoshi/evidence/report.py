"""The report of a run: what was found, how sure it is, what it rests on, and how a stranger checks it.

One A4 page in either language where everything has room on it. Else the first page holds the headline, the assumptions, the map
and the check, and what follows holds the rest: limits, the choice of images, the method and the inputs. Sentences stand whole; of
endless lists and texts the rest is counted, with where it stands. Nothing is cut in silence.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.core.errors import RunError
from mitoshi.core.text import Text
from mitoshi.evidence.cards import SHOWN, headline
from mitoshi.evidence.input_table import RUN, input_rows
from mitoshi.evidence.layout import FAMILY, Block, beside, blank, paragraph, pdf_session, stacked
from mitoshi.evidence.report_blocks import (
    GREY,
    MARGIN,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    SIMULATED,
    WIDTH,
    Content,
    assumptions,
    banner,
    entries,
    header,
    method_words,
    verification,
)
from mitoshi.evidence.wording import worded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mitoshi.core.method import Method
    from mitoshi.core.product import Figure
    from mitoshi.core.text import Language

__all__ = ["render"]

GAP = 7.0
FOOT = 12.0
ROOM = PAGE_HEIGHT - 2 * MARGIN - FOOT  # of a page of several
SMALLEST_PICTURE, SMALLEST_BESIDE_NOTHING = 230.0, 300.0  # where the page holds everything, and where it need not
LEAST_PICTURE = 40.0
LONGEST_LIST = 24  # of entries that are shown
MOST_PAGES = 5
SIZE = 9.0  # of the further pages

CHOICE = Text("How the images were chosen", "画像の選び方")
CAVEATS = Text("Limits of this result", "この結果の限界")
FIGURES = Text("Further figures", "そのほかの数値")
OTHERS = Text("The other assumptions", "そのほかの仮定")
REST = Text(
    "On the following pages: {}method, parameters and inputs.",
    "次ページ以降：{}手法、パラメーター、入力",
)
PAGE = Text("page {} of {}", "{}／{}ページ")


class _First(NamedTuple):
    """The first page: what stands above and below the picture, the room left for it, and how many assumptions it shows."""

    above: Block
    below: Block
    room: float
    shown: int


def render(
    *,
    method: Method[..., Any],
    figures: Sequence[Figure],
    parameters: Mapping[str, object],
    assumptions: Sequence[Text],
    inputs: Sequence[Mapping[str, str]],
    picture: bytes,
    language: Language,
    bundle_id: str,
    simulated: bool,
    area_text: Text | None,
    time: datetime,
    caveats: Sequence[Text],
    choice: Sequence[Text] = (),
) -> bytes:
    """Return the report as a PDF of A4 pages; the same arguments give the same bytes.

    Parameters
    ----------
    method, parameters
        What ran, with every parameter's value.
    figures
        Headline figures, the most important first.
    assumptions
        What had to be assumed of the inputs; they stand out.
    inputs
        One mapping for each input with the keys argument, id, datetime, platform, checksum; "" where not known.
    picture
        PNG of the map, see `mitoshi.evidence.quicklook`.
    language
        Of the words; times are Japan Standard Time in Japanese, UTC in English.
    bundle_id
        Identifier of the evidence bundle.
    simulated
        Whether any input is simulated; then the page says so above all else.
    area_text
        The area of interest in words, or None for the whole scene.
    time
        When the run was made, as the caller tells it.
    caveats
        Limits of the method and of this result.
    choice
        How the images were chosen.

    Raises
    ------
    RunError
        If the picture cannot be read, or title, area and bundle identifier leave no room for it.
    """
    content = Content(
        method,
        figures,
        parameters,
        assumptions,
        inputs,
        language,
        bundle_id,
        simulated,
        area_text,
        time,
        caveats,
        choice,
    )
    with pdf_session():
        return _pdf(content, picture)


def _pdf(content: Content, picture: bytes) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    image, proportion = _image(picture)
    first = _whole(content, WIDTH * proportion)
    further: list[list[Block]] = []
    if first is None:
        first = _opening(content, WIDTH * proportion)
        further = _further(content, first.shown)
    stream = BytesIO()
    canvas = Canvas(
        stream,
        (PAGE_WIDTH, PAGE_HEIGHT),
        invariant=1,
        pageCompression=1,
        lang=content.language,
        initialFontName=f"{FAMILY}-Regular",  # type: ignore[arg-type]  # the stubs declare a number
    )
    canvas.setTitle(f"{content.method.title.in_(content.language)} {content.bundle_id}")
    canvas.setSubject(SIMULATED.in_(content.language) if content.simulated else content.method.name)
    canvas.setCreator("mitoshi")
    foot = FOOT if further else 0.0
    top = PAGE_HEIGHT - MARGIN
    first.above.draw(canvas, MARGIN, top)
    top -= first.above.height + GAP
    height = min(first.room, WIDTH * proportion)
    width = height / proportion
    canvas.drawImage(image, MARGIN + (WIDTH - width) / 2, top - (first.room + height) / 2, width, height)
    first.below.draw(canvas, MARGIN, MARGIN + foot + first.below.height)
    for number, blocks in enumerate(further, 2):
        _foot(canvas, content.language, number - 1, len(further) + 1)
        canvas.showPage()
        stacked(blocks).draw(canvas, MARGIN, PAGE_HEIGHT - MARGIN)
    if further:
        _foot(canvas, content.language, len(further) + 1, len(further) + 1)
    canvas.showPage()
    canvas.save()
    return stream.getvalue()


def _foot(canvas: Any, language: Language, number: int, count: int) -> None:
    canvas.setFillColor(GREY)
    canvas.setFont(f"{FAMILY}-Regular", 7.5)
    canvas.drawRightString(PAGE_WIDTH - MARGIN, MARGIN, PAGE.in_(language).format(number, count))


def _image(picture: bytes) -> tuple[Any, float]:
    """Return the picture for reportlab, and its height over its width."""
    from PIL import UnidentifiedImageError
    from reportlab.lib.utils import ImageReader

    try:
        image = ImageReader(BytesIO(picture))
    except (OSError, UnidentifiedImageError) as error:
        raise RunError(f"the report's picture is no image ({error}); give the PNG of the quick-look") from None
    width, height = image.getSize()
    return image, height / width


def _whole(content: Content, ideal: float) -> _First | None:
    """Return the page with everything on it, or None where it has no room for all of it at a readable size."""
    most = max(map(len, (content.assumptions, content.inputs, content.caveats, content.choice)))
    if most > LONGEST_LIST:
        return None
    for scale in (1.0, 0.94, 0.88):
        above, below = _above(content, scale, len(content.assumptions)), _everything(content, scale)
        room = PAGE_HEIGHT - 2 * MARGIN - above.height - below.height - 2 * GAP
        if room >= min(ideal, SMALLEST_PICTURE):
            return _First(above, below, room, len(content.assumptions))
    return None


def _opening(content: Content, ideal: float) -> _First:
    """Return the first of several pages: with as many assumptions as leave room for a picture that can be read.

    Raises
    ------
    RunError
        If not even one leaves any room.
    """
    count = len(content.assumptions)
    wanted = min(ideal, SMALLEST_BESIDE_NOTHING)
    best: _First | None = None
    for scale in (1.0, 0.94, 0.88, 0.8, 0.72):
        for shown in dict.fromkeys(min(n, count) for n in (count, 12, 8, 6, 4, 3)):
            above = _above(content, scale, shown)
            rest = paragraph(_rest(content), WIDTH, 8.6 * scale, colour=GREY)
            below = stacked([rest, verification(content, scale)], 4.0)
            found = _First(above, below, ROOM - above.height - below.height - 2 * GAP, shown)
            if found.room >= wanted:
                return found
            best = found if best is None or found.room > best.room else best
    if best is None or best.room < LEAST_PICTURE:
        raise RunError("the report's first page has no room; shorten its title, area or bundle identifier")
    return best


def _rest(content: Content) -> str:
    """Return what the further pages hold, naming only the lists that have entries."""
    japanese = content.language == "ja"
    headings = [heading.in_(content.language) for heading, _, _ in _lists(content)]
    named = "".join(f"{h}、" if japanese else f"{h[0].lower()}{h[1:]}, " for h in headings)
    return REST.in_(content.language).format(named)


def _above(content: Content, scale: float, shown: int) -> Block:
    parts = [banner(content.language)] if content.simulated else []
    parts += [header(content, scale)]
    parts += [headline(content.figures, WIDTH, scale, content.language)] if content.figures else []
    parts += [assumptions(content, scale, shown)]
    return stacked(parts, GAP)


def _lists(content: Content) -> list[tuple[Text, Sequence[Text], str]]:
    """Return the lists that have entries: heading, entries, and where all of them stand."""
    declared = f"mitoshi describe {content.method.name}"
    lists = [(CHOICE, content.choice, RUN), (CAVEATS, content.caveats, declared)]
    return [(heading, said, where) for heading, said, where in lists if said]


def _everything(content: Content, scale: float) -> Block:
    """Return what stands below the picture of a single page."""
    column = (WIDTH - 2 * GAP) / 2
    size, language = 8.6 * scale, content.language
    left = [stacked(entries(h.in_(language), e, column, size, language, where=w)) for h, e, w in _lists(content)]
    if left:
        right = stacked(method_words(content, column, size))
        notes = beside([(0.0, stacked(left, 4.0)), (column + 2 * GAP, right)])
    else:
        notes = stacked(method_words(content, WIDTH, size))
    rows = input_rows(content.inputs, WIDTH, scale, len(content.inputs), language)
    inputs = [stacked(rows)] if content.inputs else []
    return stacked([notes, *inputs, verification(content, scale)], GAP)


def _further(content: Content, shown: int) -> list[list[Block]]:
    """Return the blocks of the further pages: all that the first one does not hold."""
    pages: list[list[Block]] = []
    for most in (LONGEST_LIST, 16, 10, 6, 4, 3):
        pages = _flow(_groups(content, shown, most), content)
        if len(pages) < MOST_PAGES:
            break
    return pages


def _groups(content: Content, shown: int, most: int) -> list[list[Block]]:
    """Return groups of blocks: between the blocks of one a page may end, but not after its heading."""
    language = content.language
    groups = []
    if content.figures[SHOWN:]:
        lines = [_line(figure) for figure in content.figures[SHOWN:]]
        groups.append(entries(FIGURES.in_(language), lines, WIDTH, SIZE, language, most=max(most, LONGEST_LIST)))
    if content.assumptions[shown:]:
        heading = OTHERS.in_(language)
        groups.append(entries(heading, content.assumptions[shown:], WIDTH, SIZE, language, most=max(most - shown, 1)))
    for heading_text, said, where in reversed(_lists(content)):
        groups.append(entries(heading_text.in_(language), said, WIDTH, SIZE, language, where=where, most=most))
    groups.append(method_words(content, WIDTH, SIZE))
    if content.inputs:
        groups.append(input_rows(content.inputs, WIDTH, 1.0, most, language))
    return groups


def _line(figure: Figure) -> Text:
    """Return a figure as one line: its title, its value, its interval or why there is none."""

    def line(language: Language) -> tuple[str, str, str]:
        title, said = figure.title.in_(language), worded(figure, language)
        return f"{title[:1].upper()}{title[1:]}", said.quantity, said.interval

    return Text("{}: {} ({})".format(*line("en")), "{}：{}（{}）".format(*line("ja")))


def _flow(groups: Sequence[Sequence[Block]], content: Content) -> list[list[Block]]:
    """Return the pages; a group's first two blocks stay together, no page begins with a gap."""
    title = paragraph(content.method.title.in_(content.language), WIDTH, 11.0, weight="Bold", colour=GREY)
    head = [*([banner(content.language), blank(GAP)] if content.simulated else []), title, blank(GAP)]
    pages = [list(head)]
    for group in groups:
        for number, block in enumerate(group):
            gap = blank(GAP if number == 0 and len(pages[-1]) > len(head) else 0.0)
            wanted = gap.height + sum(b.height for b in (group[:2] if number == 0 else [block]))
            if sum(b.height for b in pages[-1]) + wanted > ROOM and len(pages[-1]) > len(head):
                pages.append(list(head))
                gap = blank(0.0)
            pages[-1] += [gap, block]
    return pages
