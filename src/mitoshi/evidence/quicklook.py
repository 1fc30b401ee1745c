"""The quick-look: one map picture of a method's first product, to be read without any other document.

Drawn with Pillow and the house's own fonts: no clock, no system font, no global state, so the same layers give the same bytes
in any thread.
"""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from mitoshi.core.declaration import Output
from mitoshi.core.errors import RunError
from mitoshi.core.product import Coded, CodedClass, Measured
from mitoshi.core.text import Text
from mitoshi.evidence import fonts
from mitoshi.evidence.cartography import Neatline, neatline, scale_bar
from mitoshi.evidence.lists import leads
from mitoshi.evidence.painting import background as prepared
from mitoshi.evidence.painting import colours, darker, grey_ramp, hatching, painted, shows_background
from mitoshi.evidence.typesetting import broken
from mitoshi.evidence.wording import number, units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image, ImageDraw

    from mitoshi.core.method import Method
    from mitoshi.core.text import Language

__all__ = ["draw", "render"]

WIDTH = 1400
MARGIN = 24
LABELS = 104  # left of the map, for latitudes
PANEL = 344  # right of the map, for the legend
MAP_HEIGHT = 800
BANNER = 60
SMALL, BODY, LARGE, TITLE = 21, 25, 28, 38
TITLE_LEADING, TITLE_LINES = 50, 3
NORTH_AND_SCALE = 190  # height they need below the legend
FOOT = 92  # below the map: tick words and one line of notes
INK, GREY, PAPER, AMBER = "#111111", "#5a5a5a", "#ffffff", "#ffc20e"

SIMULATED = Text(
    "SIMULATED / 模擬 — not a real observation", "模擬（シミュレーション）/ SIMULATED ― 実際の観測ではありません"
)
NOT_DRAWN = Text("nothing to draw on this grid", "この格子に描くものはありません")
NOT_OBSERVED = Text("not observed", "未観測")  # NaN; what is not observable is a class of a coded layer
PIXELS = Text("pixel coordinates (no georeference)", "画素座標（地理参照なし）")
SCALE_AT_CENTRE = Text("scale at the map's centre", "縮尺は地図中央での値")


class _Frame(NamedTuple):
    """Where the map lies on the page, in pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.left, self.top, self.left + self.width, self.top + self.height


def render(
    layers: Mapping[str, Any],
    method: Method[..., Any],
    *,
    grid: Any,
    background: Any,
    language: Language,
    title: str | Text,
    simulated: bool,
) -> bytes:
    """Return the PNG map of a method's first coded output, or of its first output where none is coded or it is a classed list.

    Parameters
    ----------
    layers
        Results by output name, each (y, x): uint8 codes of a coded output, float of a measured one (NaN: not observed); of
        a listed one the pair that `mitoshi.evidence.lists.picture_of` returns.
    method
        Whose outputs they are; gives words and colours.
    grid
        The layers' `odc.geo.geobox.GeoBox`, or None. Without a CRS the frame counts pixels and has no scale.
    background
        What lies under the classes, (y, x) or (polarisation, y, x) of which the first is shown, at any resolution over
        the same ground; or None. An `xarray.DataArray` says by its quantity and units what it is: linear power is shown
        in dB, everything else as it is. A plain array counts as linear power where the method takes power.
    language
        Of the words.
    title
        First line of the map.
    simulated
        Whether any input is simulated; then the map says so.

    Returns
    -------
    PNG file, 1400 pixels wide. The class with code 0 is the ordinary state: it is left bare where there is a background.

    """
    output, values = _shown(layers, method)
    under, note = prepared(background if shows_background(output.layer) else None, method, language)
    return _drawn(values, output, grid, (under, note), language=language, title=title, simulated=simulated)


def draw(
    values: np.ndarray[Any, Any],
    layer: Coded | Measured,
    *,
    grid: Any,
    language: Language,
    title: str | Text,
    simulated: bool,
    missing: Text = NOT_OBSERVED,
) -> bytes:
    """Return the PNG map of one layer that is no method's output.

    Parameters
    ----------
    values
        (y, x): uint8 codes of a coded layer, float of a measured one (NaN: not observed).
    layer
        Words and colours.
    grid
        The layer's `odc.geo.geobox.GeoBox`, or None.
    language
        Of the words.
    title
        First line of the map.
    simulated
        Whether it shows simulated data; then the map says so.
    missing
        Words for what is NaN in a measured layer.
    """
    output = Output("layer", layer, "")
    return _drawn(
        values, output, grid, (None, ""), language=language, title=title, simulated=simulated, missing=missing
    )


def _drawn(
    values: np.ndarray[Any, Any],
    output: Output,
    grid: Any,
    background: tuple[Any, str],
    *,
    language: Language,
    title: str | Text,
    simulated: bool,
    missing: Text = NOT_OBSERVED,
) -> bytes:
    from PIL import Image, ImageDraw

    under, note = background
    lines = neatline(grid, (int(values.shape[0]), int(values.shape[1])))
    heading = fonts.printable(title.in_(language) if isinstance(title, Text) else title)
    face = _face(TITLE, "Bold")
    rows = broken(heading, WIDTH - 2 * MARGIN, face.getlength)[:TITLE_LINES]
    head = BANNER if simulated else 0
    frame = _fitted(lines.aspect, head + MARGIN + len(rows) * TITLE_LEADING + 14)
    legend = _legend(output, missing, hasbackground=under is not None, language=language)
    foot = max(frame.top + frame.height, frame.top + legend.height + NORTH_AND_SCALE)
    page = Image.new("RGB", (WIDTH, foot + FOOT), PAPER)
    pen = ImageDraw.Draw(page)
    for row, words in enumerate(rows):
        pen.text((MARGIN, head + MARGIN - 6 + row * TITLE_LEADING), words, INK, face)
    page.paste(painted(values, output, under, (frame.width, frame.height)), (frame.left, frame.top))
    _neatline(pen, frame, lines)
    panel = frame.left + frame.width + 28
    page.paste(legend, (panel, frame.top))
    _north_and_scale(page, lines, frame, (panel, foot))
    pen.text((frame.left, foot + 48), _notes(lines, note, grid, language), GREY, _face(SMALL))
    if simulated:
        _banner(page, language)
        _tag(pen, frame, language)
    return _png(page)


def _shown(layers: Mapping[str, Any], method: Method[..., Any]) -> tuple[Output, np.ndarray[Any, Any]]:
    """Return the list that leads, else the first coded output, the first raster, the first list as drawn; and its values."""
    given = [o for o in method.outputs if o.name in layers]
    if given and leads(given[0], method):
        codes, layer = layers[given[0].name]
        return replace(given[0], layer=layer), codes
    rasters = [o for o in given if o.is_raster]
    if rasters:
        shown = next((o for o in rasters if isinstance(o.layer, Coded)), rasters[0])
        return shown, np.asarray(layers[shown.name])
    if given:
        codes, layer = layers[given[0].name]
        return replace(given[0], layer=layer), codes
    if any(o.is_raster for o in method.outputs):
        raise RunError(f"{method.name} gave no layer to draw; layers: {', '.join(layers) or 'none'}")
    missing = method.outputs[0]
    blank = Coded(missing.layer.title, (CodedClass(0, NOT_DRAWN, "#f2efe6"),))
    return replace(missing, layer=blank), np.zeros((64, 64), np.uint8)


def _face(size: int, weight: fonts.Weight = "Regular") -> Any:
    from PIL import ImageFont

    return ImageFont.truetype(str(fonts.path(weight)), size, layout_engine=ImageFont.Layout.BASIC)


def _fitted(aspect: float, top: int) -> _Frame:
    """Return the largest frame of the given proportions; extreme ones are held to 20:1."""
    widest = WIDTH - MARGIN - LABELS - PANEL - 40
    width = widest if aspect * widest <= MAP_HEIGHT else max(round(MAP_HEIGHT / aspect), MAP_HEIGHT // 20)
    return _Frame(MARGIN + LABELS, top, width, min(MAP_HEIGHT, max(round(width * aspect), widest // 20)))


def _banner(page: Image.Image, language: Language) -> None:
    """Draw the amber band that says the data are simulated, with stripes so that it is seen without colour."""
    from PIL import Image, ImageDraw

    across, down = np.meshgrid(np.arange(WIDTH), np.arange(BANNER))
    stripe = ((across + down) % 40 < 20) & ((across < 130) | (across >= WIDTH - 130))
    page.paste(AMBER, (0, 0, WIDTH, BANNER))
    page.paste(INK, (0, 0), Image.fromarray(stripe.astype(np.uint8) * np.uint8(255)))
    ImageDraw.Draw(page).text(
        (WIDTH // 2, BANNER // 2), SIMULATED.in_(language), INK, _face(LARGE + 2, "Bold"), anchor="mm"
    )


def _tag(pen: ImageDraw.ImageDraw, frame: _Frame, language: Language) -> None:
    """Say it on the map too: pictures are cropped."""
    words, face = Text("SIMULATED", "模擬 SIMULATED").in_(language), _face(SMALL, "Bold")
    left, top = frame.left + 10, frame.top + 10
    if face.getlength(words) + 24 > frame.width:
        return
    pen.rectangle((left, top, left + face.getlength(words) + 20, top + SMALL + 14), AMBER, INK)
    pen.text((left + 10, top + (SMALL + 14) / 2), words, INK, face, anchor="lm")


def _neatline(pen: ImageDraw.ImageDraw, frame: _Frame, lines: Neatline) -> None:
    left, top, right, bottom = frame.box
    pen.rectangle((left - 2, top - 2, right + 1, bottom + 1), None, INK, 2)
    face, free = _face(SMALL), -1e9
    for tick in lines.bottom:
        x = left + tick.place * frame.width
        pen.line((x, bottom, x, bottom + 8), INK, 2)
        half = face.getlength(tick.words) / 2
        if x - half > free:
            pen.text((x, bottom + 12), tick.words, INK, face, anchor="ma")
            free = x + half + 12
    for tick in lines.left:
        y = top + tick.place * frame.height
        pen.line((left - 10, y, left - 2, y), INK, 2)
        pen.text((left - 15, y), tick.words, INK, face, anchor="rm")


def _legend(output: Output, missing: Text, *, hasbackground: bool, language: Language) -> Image.Image:
    """Return the legend: the layer's name and a swatch with words for each class."""
    from PIL import Image, ImageDraw

    page = Image.new("RGB", (PANEL, 3000), PAPER)
    pen, y = ImageDraw.Draw(page), -4
    bold, face = _face(LARGE, "Bold"), _face(BODY)
    title = fonts.printable(output.layer.title.in_(language))
    for line in broken(title[:1].upper() + title[1:], PANEL, bold.getlength):
        pen.text((0, y), line, INK, bold)
        y += LARGE + 10
    y += 10
    if isinstance(output.layer, Measured):
        return page.crop((0, 0, PANEL, _colour_scale(page, output.layer, y, (missing, language))))
    layer = cast("Coded", output.layer)
    for kind in layer.classes:
        unseen = kind.code == layer.nodata
        if unseen:
            page.paste(hatching((46, 32)), (0, y))
        elif not (hasbackground and kind.code == 0):
            page.paste(kind.colour, (0, y, 46, y + 32))
        else:
            page.paste(grey_ramp(46, 32), (0, y))
        edge = darker(kind.colour) if kind.code == layer.outline else INK
        pen.rectangle((0, y, 45, y + 31), None, edge, 2)
        for line in broken(fonts.printable(kind.title.in_(language)), PANEL - 62, face.getlength):
            pen.text((60, y + 16), line, INK, face, anchor="lm")
            y += BODY + 8
        y += 14
    return page.crop((0, 0, PANEL, y))


def _colour_scale(page: Image.Image, layer: Measured, y: int, unseen: tuple[Text, Language]) -> int:
    """Draw the colour scale of a measured layer with the word for what was not observed; return where it ends."""
    from PIL import Image, ImageDraw

    pen, face, length = ImageDraw.Draw(page), _face(BODY), PANEL - 20
    page.paste(Image.fromarray(np.tile(colours(layer), (30, 1, 1))).resize((length, 30)), (0, y))
    pen.rectangle((0, y, length - 1, y + 29), None, INK, 2)
    for share, anchor in ((0.0, "la"), (0.5, "ma"), (1.0, "ra")):
        value = layer.limits[0] + share * (layer.limits[1] - layer.limits[0])
        pen.text((share * length, y + 36), number(value, 0 if value == int(value) else 2), INK, face, anchor=anchor)
    y += 36 + BODY + 8
    unit = units(layer.quantity.units)
    if unit:
        pen.text((length / 2, y), f"[{unit}]", INK, face, anchor="ma")
        y += BODY + 12
    y += 10
    page.paste(hatching((46, 32)), (0, y))
    pen.rectangle((0, y, 45, y + 31), None, INK, 2)
    pen.text((60, y + 16), unseen[0].in_(unseen[1]), INK, face, anchor="lm")
    return y + 46


def _north_and_scale(page: Image.Image, lines: Neatline, frame: _Frame, corner: tuple[int, int]) -> None:
    """Draw the north arrow above the scale bar, with their lower left corner given."""
    from PIL import ImageDraw

    if lines.metres is None or lines.north is None:
        return
    pen, face, (left, foot) = ImageDraw.Draw(page), _face(BODY), corner
    share, words = scale_bar(lines.metres, min((PANEL - 40) / frame.width, 1.0))
    length, y = share * frame.width, foot - 44
    pen.rectangle((left, y, left + length, y + 12), PAPER, INK, 2)
    pen.rectangle((left, y, left + length / 2, y + 12), INK)
    pen.text((left, y + 17), "0", INK, face, anchor="la")
    pen.text((left + length, y + 17), words, INK, face, anchor="ma" if length > 60 else "la")
    arrow = _arrow(lines.north)
    page.paste(arrow, (left, y - arrow.height - 14))


def _arrow(north: float) -> Image.Image:
    """Return the north arrow, drawn four times too large and averaged."""
    from PIL import Image, ImageDraw

    large = Image.new("RGB", (384, 384), PAPER)
    pen, turn = ImageDraw.Draw(large), np.deg2rad(north)

    def turned(right: float, up: float) -> tuple[float, float]:
        return (
            192 + right * np.cos(turn) + up * np.sin(turn),
            192 + right * np.sin(turn) - up * np.cos(turn),
        )

    pen.polygon([turned(0, 100), turned(-56, -140), turned(0, -90)], INK)
    pen.polygon([turned(0, 100), turned(56, -140), turned(0, -90)], PAPER, INK, 6)
    pen.text(turned(0, 142), "N", INK, _face(88, "Bold"), anchor="mm")
    return large.resize((96, 96), Image.Resampling.BOX)


def _notes(lines: Neatline, note: str, grid: Any, language: Language) -> str:
    """Return what the map is drawn on, to be written below it."""
    said = [PIXELS.in_(language)] if lines.metres is None else [fonts.printable(_crs_name(grid))[:24]]
    said += [SCALE_AT_CENTRE.in_(language)] if lines.scale_varies else []
    said += [note] if note else []
    return "　".join(said)


def _png(page: Image.Image) -> bytes:
    stream = BytesIO()
    page.save(stream, "PNG", compress_level=7)  # 9 takes six times as long for one per cent
    return stream.getvalue()


def _crs_name(grid: Any) -> str:
    """Return the EPSG code of the grid's reference system, or its own name."""
    code = grid.crs.to_epsg()
    return f"EPSG:{code}" if code is not None else str(grid.crs.proj.name)
