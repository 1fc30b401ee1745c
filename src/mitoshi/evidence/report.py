"""The one-page report: what was found, how sure it is, what it rests on, and how a stranger checks it.

One A4 page in either language. The text is set at the largest size at which everything fits; where lists are too long even
then, their first entries are shown with the count of those that stand in ``run.json`` alone. Nothing is cut in silence.
"""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.core.errors import RunError
from mitoshi.core.text import Text
from mitoshi.evidence.cards import headline
from mitoshi.evidence.input_table import MORE, RUN, cut, input_table, instant_or_none
from mitoshi.evidence.layout import (
    FAMILY,
    Block,
    beside,
    blank,
    boxed,
    paragraph,
    pdf_session,
    stacked,
)
from mitoshi.evidence.wording import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mitoshi.core.method import Method
    from mitoshi.core.product import Figure
    from mitoshi.core.text import Language

__all__ = ["render"]

PAGE_WIDTH, PAGE_HEIGHT = 595.28, 841.89
MARGIN = 34.0
WIDTH = PAGE_WIDTH - 2 * MARGIN
GAP = 7.0
SMALLEST_PICTURE = 230.0
HOPELESS = 24  # a longer list cannot stand on the page whole: it is not tried
INK, GREY, AMBER, PALE_AMBER, NAVY, PALE = "#111111", "#555555", "#ffc20e", "#fff4cc", "#0b2e4f", "#eef1f4"

SIMULATED = Text("SIMULATED / 模擬 — not a real observation", "模擬（シミュレーション）― 実際の観測ではありません")
AREA = Text("Area of interest: {}", "対象範囲：{}")
WHOLE_SCENE = Text("the whole scene", "シーン全体")
MADE = Text("Made: {}", "作成：{}")
OBSERVED = Text("Observed: {}", "観測：{}")
ASSUMED = Text("⚠ This result rests on {}", "⚠ この結果は、次の{}に基づきます")
ONE_ASSUMPTION, ASSUMPTIONS = Text("one assumption", "1件の仮定"), Text("{} assumptions", "{}件の仮定")
NOTHING_ASSUMED = Text("No assumptions were made about the inputs.", "入力に関する仮定はありません。")
CHOICE = Text("How the images were chosen", "画像の選び方")
CAVEATS = Text("Limits of this result", "この結果の限界")
METHOD = Text("Method", "手法")
PARAMETERS = Text("Parameters", "パラメーター")
VERIFY = Text("Check it yourself", "再計算による検証")
HOW_TO_VERIFY = Text(
    "Runs the method again from the evidence bundle (folder DIR): identical, equivalent, different or unverifiable.",
    "証跡一式（フォルダー DIR）から再計算し、完全一致・許容差内で一致・不一致・検証不能のいずれかを答えます。",
)
BUNDLE = Text("Evidence bundle: {}", "証跡一式：{}")


class _Content(NamedTuple):
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


class _Fit(NamedTuple):
    """How the page is made to fit: scale of the text, longest list, longest entry."""

    scale: float
    entries: int
    characters: int


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
    """Return the report as a PDF of one A4 page; the same arguments give the same bytes.

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
        If the picture cannot be read.
    """
    content = _Content(
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


def _pdf(content: _Content, picture: bytes) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    image, proportion = _image(picture)
    above, below, room = _composed(content, WIDTH * proportion)
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
    top = PAGE_HEIGHT - MARGIN
    above.draw(canvas, MARGIN, top)
    top -= above.height + GAP
    height = min(room, WIDTH * proportion)
    width = height / proportion
    canvas.drawImage(image, MARGIN + (WIDTH - width) / 2, top - (room + height) / 2, width, height)
    below.draw(canvas, MARGIN, MARGIN + below.height)
    canvas.showPage()
    canvas.save()
    return stream.getvalue()


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


def _fits(longest: int) -> Iterator[_Fit]:
    """Yield ways to fit, the most readable first."""
    for scale in (1.0, 0.94, 0.88) if longest <= HOPELESS else ():
        yield _Fit(scale, longest, 400)
    for entries in (12, 8, 6, 5, 4, 3):
        for scale in (0.88, 0.82):
            yield _Fit(scale, entries, 240)
    for entries in (4, 3, 2, 1):
        for scale in (0.8, 0.72):
            yield _Fit(scale, entries, 120)


def _composed(content: _Content, ideal: float) -> tuple[Block, Block, float]:
    """Return what stands above and below the picture, and the height left for it."""
    lists = (content.assumptions, content.inputs, content.caveats, content.choice)
    wanted = min(ideal, SMALLEST_PICTURE)
    above, below, room = blank(0.0), blank(0.0), 0.0
    for fit in _fits(max(len(entries) for entries in lists)):
        above, below = _above(content, fit), _below(content, fit)
        room = PAGE_HEIGHT - 2 * MARGIN - above.height - below.height - 2 * GAP
        if room >= wanted:
            break
    if room < 40.0:
        raise RunError("the report does not fit on one page; shorten its title, area or bundle identifier")
    return above, below, room


def _above(content: _Content, fit: _Fit) -> Block:
    parts = [_banner(content.language)] if content.simulated else []
    parts += [_header(content, fit)]
    parts += [headline(content.figures, WIDTH, fit.scale, content.language)] if content.figures else []
    parts += [_assumptions(content, fit)]
    return stacked(parts, GAP)


def _below(content: _Content, fit: _Fit) -> Block:
    column = (WIDTH - 2 * GAP) / 2
    size, language = 8.6 * fit.scale, content.language
    declared = f"mitoshi describe {content.method.name}"
    left = [
        _list(heading.in_(language), entries, column, size, fit, language, where)
        for heading, entries, where in ((CHOICE, content.choice, RUN), (CAVEATS, content.caveats, declared))
        if entries
    ]
    right = _method(content, column, size, fit)
    notes = (
        beside([(0.0, stacked(left, 4.0)), (column + 2 * GAP, right)]) if left else _method(content, WIDTH, size, fit)
    )
    table = input_table(content.inputs, WIDTH, fit.scale, fit.entries, language)
    inputs = [table] if content.inputs else []
    return stacked([notes, *inputs, _verify(content, fit)], GAP)


def _banner(language: Language) -> Block:
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


def _header(content: _Content, fit: _Fit) -> Block:
    language = content.language
    area = (content.area_text or WHOLE_SCENE).in_(language)
    times = [OBSERVED.in_(language).format(_observed(content))] if _observed(content) else []
    times += [MADE.in_(language).format(moment(content.time, language))]
    return stacked(
        [
            paragraph(content.method.title.in_(language), WIDTH, 21 * fit.scale, weight="Bold"),
            paragraph(cut(AREA.in_(language).format(area), 300), WIDTH, 11.5 * fit.scale, weight="Bold"),
            paragraph(" ｜ ".join(times), WIDTH, 10 * fit.scale, colour=GREY),
        ]
    )


def _observed(content: _Content) -> str:
    """Return when the image after the event was taken, or the latest input where no argument is called so."""
    known = [(i.get("argument"), time) for i in content.inputs if (time := instant_or_none(i.get("datetime", "")))]
    after = [time for argument, time in known if argument == "after"]
    times = after or [time for _, time in known]
    return moment(max(times, key=_in_order), content.language) if times else ""


def _in_order(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _assumptions(content: _Content, fit: _Fit) -> Block:
    language, size = content.language, 9.4 * fit.scale
    if not content.assumptions:
        return paragraph(NOTHING_ASSUMED.in_(language), WIDTH, 8.6 * fit.scale, colour=GREY)
    count = len(content.assumptions)
    heading = ASSUMED.in_(language).format((ONE_ASSUMPTION if count == 1 else ASSUMPTIONS).in_(language).format(count))
    block = _list(heading, content.assumptions, WIDTH - 16, size, fit, language)
    return boxed(block, WIDTH, fill=PALE_AMBER, edge="#b07d00", thickness=1.4, padding=7.0)


def _list(
    heading: str, entries: Sequence[Text], width: float, size: float, fit: _Fit, language: Language, where: str = RUN
) -> Block:
    """Return a heading and the first entries, with the count of the others and where they are."""
    parts = [paragraph(heading, width, size * 1.12, weight="Bold")]
    shown = entries[: fit.entries]
    parts += [paragraph(cut(e.in_(language), fit.characters, where), width, size, hang="・") for e in shown]
    if len(entries) > len(shown):
        more = MORE.in_(language).format(len(entries) - len(shown), where)
        parts.append(paragraph(more, width, size, weight="Bold", hang="・"))
    return stacked(parts)


def _method(content: _Content, width: float, size: float, fit: _Fit) -> Block:
    language, method = content.language, content.method
    values = [f"{name} = {_value(value)}" for name, value in content.parameters.items()]
    parts = [
        paragraph(METHOD.in_(language), width, size * 1.12, weight="Bold"),
        paragraph(f"{method.name} {method.version}", width, size),
        paragraph(cut(method.reference, fit.characters), width, size * 0.92, colour=GREY),
    ]
    if values:
        joined = Text(", ", "、").in_(language).join(values)
        parts += [
            blank(4.0),
            paragraph(PARAMETERS.in_(language), width, size * 1.12, weight="Bold"),
            paragraph(cut(joined, fit.characters), width, size * 0.92),
        ]
    return stacked(parts)


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _verify(content: _Content, fit: _Fit) -> Block:
    language, width = content.language, WIDTH - 14.0
    block = stacked(
        [
            paragraph(VERIFY.in_(language), width, 9.4 * fit.scale, weight="Bold"),
            paragraph(HOW_TO_VERIFY.in_(language), width, 8.4 * fit.scale),
            paragraph("mitoshi verify DIR", width, 10.5 * fit.scale, weight="Bold"),
            paragraph(cut(BUNDLE.in_(language).format(content.bundle_id), 200), width, 8.4 * fit.scale, colour=GREY),
        ]
    )
    return boxed(block, WIDTH, fill=PALE, padding=6.0)
