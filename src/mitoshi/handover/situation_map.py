"""The map of a situation report: flood, roads, facilities and buildings, to be read without any other document.

Drawn with Pillow, the house's fonts and cartography, like the quick-look of a bundle: no clock, no system font, no global state.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.text import Text
from mitoshi.evidence import fonts
from mitoshi.evidence.cartography import Neatline, neatline, scale_bar
from mitoshi.evidence.painting import darker, hatching
from mitoshi.evidence.typesetting import broken
from mitoshi.handover.symbols import Label, draw_labels, draw_line, draw_symbol, north_arrow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image, ImageDraw

    from mitoshi.core.features import Features
    from mitoshi.core.grid import BBox
    from mitoshi.core.text import Language

__all__ = ["MapLayer", "Symbol", "render", "renders"]

Symbol = Literal["area", "line", "circle", "square", "triangle", "cross", "diamond", "hatched"]

WIDTH, MARGIN, LABELS, PANEL, MAP_HEIGHT = 1400, 16, 96, 330, 900
TALLEST, WIDEST = 1.25, 0.45  # height over width of the map's frame
SCALE = 2  # the map is drawn larger and averaged
SMALL, BODY, LARGE = 21, 25, 28
NORTH_AND_SCALE = 190  # height they need below the legend
BORDER = 0.04  # of the larger side, around what is drawn
LEAST_SIDE_M = 200.0
INK, GREY, PAPER, LAND, AMBER = "#111111", "#5a5a5a", "#ffffff", "#f4f1ea", "#ffc20e"

LEGEND = Text("Legend", "凡例")
NONE = Text("none", "なし")
SIMULATED = Text("SIMULATED", "模擬 SIMULATED")


@dataclass(frozen=True)
class MapLayer:
    """One layer of the map, drawn in the order given.

    Attributes
    ----------
    title
        Words of the legend.
    features
        With a CRS; areas and lines or, for the other symbols, anything (drawn at a point within).
    colour
        ``#rrggbb``.
    symbol
        How it is drawn; "hatched" is for what was not observed.
    size
        Width of a line or of a symbol, in pixels of the picture (1,400 wide).
    opacity
        Of areas, 0 to 1.
    label
        Column whose text stands beside the features where there is room, or "".
    """

    title: Text
    features: Features
    colour: str
    symbol: Symbol = "area"
    size: float = 4.0
    opacity: float = 0.75
    label: str = ""


class _Frame(NamedTuple):
    """Where the map lies on the page, and where on the ground: x and y of its upper left corner and metres per pixel."""

    left: int
    top: int
    width: int
    height: int
    x: float
    y: float
    step: float

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.left, self.top, self.left + self.width, self.top + self.height

    def pixels(self, positions: Any) -> Any:
        """Return positions (n, 2) on the enlarged map, in its pixels."""
        return (np.asarray(positions) - [self.x, self.y]) / [self.step, -self.step] * SCALE


def render(layers: Sequence[MapLayer], *, area: BBox | None, language: Language, simulated: bool) -> bytes:
    """Return the PNG of the map.

    Parameters
    ----------
    layers
        Drawn one above the other; each stands in the legend with the number of its features.
    area
        What the map shows, (west, south, east, north); None shows all that is drawn.
    language
        Of the words.
    simulated
        Whether any input is simulated; then the map says so.

    Returns
    -------
    PNG file, 1400 pixels wide, at most 1.25 times as high as the map is wide.

    Raises
    ------
    InputError
        If a layer has no CRS, or there is neither area nor feature.
    """
    return renders(layers, area=area, languages=(language,), simulated=simulated)[language]


def renders(
    layers: Sequence[MapLayer], *, area: BBox | None, languages: Sequence[Language], simulated: bool
) -> dict[Language, bytes]:
    """Return the PNG of the map in several languages; what holds no words is drawn once.

    Parameters
    ----------
    layers, area, simulated
        As for `render`.
    languages
        Of the words.

    Raises
    ------
    InputError
        If a layer has no CRS, or there is neither area nor feature.
    """
    crs, shapes = _projected(layers, area)
    bounds = _bounds(shapes, area, crs)
    drawn: dict[_Frame, Image.Image] = {}
    pages = {}
    for language in languages:
        legend = _legend(layers, language)
        frame = _frame(bounds, legend.height + NORTH_AND_SCALE)
        if frame not in drawn:
            drawn[frame] = _drawn(layers, shapes, frame)
        pages[language] = _page(drawn[frame], legend, frame, crs, language, simulated=simulated)
    return pages


def _page(
    picture: Image.Image, legend: Image.Image, frame: _Frame, crs: Any, language: Language, *, simulated: bool
) -> bytes:
    """Return the PNG of a drawn map with its frame, legend, scale and tag."""
    from PIL import Image, ImageDraw

    lines = _neatline(frame, crs)
    foot = max(frame.top + frame.height, frame.top + legend.height + NORTH_AND_SCALE)
    page = Image.new("RGB", (WIDTH, foot + 62), PAPER)
    pen = ImageDraw.Draw(page)
    page.paste(picture, (frame.left, frame.top))
    _draw_frame(pen, frame, lines)
    page.paste(legend, (frame.left + frame.width + 26, frame.top))
    _north_and_scale(page, lines, frame, (frame.left + frame.width + 26, foot))
    if simulated:
        _tag(pen, frame, language)
    stream = BytesIO()
    page.save(stream, "PNG", compress_level=6)
    return stream.getvalue()


def _face(size: int, weight: fonts.Weight = "Regular") -> Any:
    from PIL import ImageFont

    return ImageFont.truetype(str(fonts.path(weight)), size, layout_engine=ImageFont.Layout.BASIC)


def _projected(layers: Sequence[MapLayer], area: BBox | None) -> tuple[Any, list[Any]]:
    """Return the map's CRS (the UTM zone of its centre) and the geometries of each layer in it."""
    import geopandas
    import shapely

    for layer in layers:
        if layer.features.crs is None:
            raise InputError(f"map layer {layer.title.en!r} has no CRS; set it")
    if area is not None:
        west, south, east, north = area
        whole = geopandas.GeoSeries([shapely.box(west, south, east if east >= west else east + 360, north)], crs=4326)
    else:
        filled = [la.features for la in layers if len(la.features) and np.isfinite(la.features.total_bounds).all()]
        if not filled:
            raise InputError("there is nothing to draw; give an area or features")
        whole = geopandas.GeoSeries([shapely.box(*filled[0].total_bounds)], crs=filled[0].crs)
    crs = whole.estimate_utm_crs()
    found = []
    for layer in layers:
        geometry = layer.features.geometry.to_crs(crs).to_numpy()
        geometry = geometry[~(shapely.is_missing(geometry) | shapely.is_empty(geometry))]
        pointlike = layer.symbol not in ("area", "line", "hatched")
        found.append(shapely.point_on_surface(geometry) if pointlike else geometry)
    return crs, found


def _bounds(shapes: Sequence[Any], area: BBox | None, crs: Any) -> tuple[float, float, float, float]:
    import shapely
    from pyproj import Transformer

    if area is not None:
        west, south, east, north = area
        east = east if east >= west else east + 360.0
        return Transformer.from_crs(4326, crs, always_xy=True).transform_bounds(west, south, east, north)
    bounds = [shapely.total_bounds(s) for s in shapes if len(s)]
    lows, highs = np.min([b[:2] for b in bounds], axis=0), np.max([b[2:] for b in bounds], axis=0)
    room = max(BORDER * float(np.max(highs - lows)), LEAST_SIDE_M / 2)
    return lows[0] - room, lows[1] - room, highs[0] + room, highs[1] + room


def _frame(bounds: tuple[float, float, float, float], least: int) -> _Frame:
    """Return the frame on page, at least `least` pixels high, and ground; extreme proportions are widened on the ground."""
    west, south, east, north = bounds
    width = WIDTH - 2 * MARGIN - LABELS - PANEL - 26
    aspect = float(np.clip((north - south) / (east - west), WIDEST, TALLEST))
    height = min(max(round(width * aspect), least), MAP_HEIGHT)
    step = max((east - west) / width, (north - south) / height)
    left, top = (west + east) / 2 - step * width / 2, (south + north) / 2 + step * height / 2
    return _Frame(MARGIN + LABELS, MARGIN, width, height, left, top, step)


def _neatline(frame: _Frame, crs: Any) -> Neatline:
    from affine import Affine
    from odc.geo.geobox import GeoBox

    affine = Affine(frame.step, 0.0, frame.x, 0.0, -frame.step, frame.y)
    return neatline(GeoBox((frame.height, frame.width), affine, str(crs)), (frame.height, frame.width))


def _drawn(layers: Sequence[MapLayer], shapes: Sequence[Any], frame: _Frame) -> Image.Image:
    """Return the picture within the frame."""
    from PIL import Image, ImageDraw

    large = Image.new("RGB", (frame.width * SCALE, frame.height * SCALE), LAND)
    for layer, geometry in zip(layers, shapes, strict=True):
        if not len(geometry):
            continue
        if layer.symbol in ("area", "hatched"):
            _paint_areas(large, layer, geometry, frame)
        elif layer.symbol == "line":
            _draw_lines(large, layer, geometry, frame)
        else:
            pen = ImageDraw.Draw(large)
            for x, y in frame.pixels(_points(geometry)).tolist():
                draw_symbol(pen, layer.symbol, (x, y), layer.size * SCALE, layer.colour)
    picture = large.resize((frame.width, frame.height), Image.Resampling.BOX)
    draw_labels(picture, _labels(layers, shapes, frame), _face(SMALL, "Bold"))
    return picture


def _labels(layers: Sequence[MapLayer], shapes: Sequence[Any], frame: _Frame) -> list[Label]:
    """Return what may be written beside the features, those of the uppermost layer first."""
    found = []
    for layer, geometry in reversed(list(zip(layers, shapes, strict=True))):
        if layer.label and len(geometry):
            places = (frame.pixels(_points(geometry)) / SCALE).tolist()
            kept = ~(layer.features.geometry.isna() | layer.features.geometry.is_empty).to_numpy()
            given = layer.features[layer.label][kept].tolist()
            words = [fonts.printable(str(w)) if w is not None and w == w else "" for w in given]
            found += [Label(w, x, y, layer.size) for w, (x, y) in zip(words, places, strict=True)]
    return found


def _points(geometry: Any) -> Any:
    import shapely

    return shapely.get_coordinates(shapely.point_on_surface(geometry))


def _paint_areas(large: Image.Image, layer: MapLayer, geometry: Any, frame: _Frame) -> None:
    from affine import Affine
    from PIL import Image
    from rasterio.features import rasterize

    step = frame.step / SCALE
    mask = rasterize(
        ((g, 255) for g in geometry),
        out_shape=(large.height, large.width),
        transform=Affine(step, 0.0, frame.x, 0.0, -step, frame.y),
        all_touched=True,
        dtype="uint8",
    )
    if layer.symbol == "hatched":
        lines = hatching((large.width // SCALE, large.height // SCALE)).resize(large.size)
        large.paste(lines, (0, 0), Image.fromarray(mask))
        return
    shade = (mask.astype(np.float32) * layer.opacity).astype(np.uint8)
    large.paste(layer.colour, (0, 0), Image.fromarray(shade))


def _draw_lines(large: Image.Image, layer: MapLayer, geometry: Any, frame: _Frame) -> None:
    import shapely
    from PIL import ImageDraw

    pen = ImageDraw.Draw(large)
    parts = shapely.get_parts(geometry)
    positions, owner = shapely.get_coordinates(parts, return_index=True)
    pixels = frame.pixels(positions)
    ends = np.flatnonzero(np.diff(owner)) + 1
    for piece in np.split(pixels, ends):
        draw_line(pen, piece, layer.size * SCALE, layer.colour, (large.width, large.height))


def _draw_frame(pen: ImageDraw.ImageDraw, frame: _Frame, lines: Neatline) -> None:
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
        pen.text((left - 14, y), tick.words, INK, face, anchor="rm")


def _legend(layers: Sequence[MapLayer], language: Language) -> Image.Image:
    from PIL import Image, ImageDraw

    page = Image.new("RGB", (PANEL, 3000), PAPER)
    pen, face, y = ImageDraw.Draw(page), _face(BODY), 46
    pen.text((0, -4), LEGEND.in_(language), INK, _face(LARGE, "Bold"))
    for layer in layers:
        _swatch(page, layer, y)
        count = f"{len(layer.features):,}" if len(layer.features) else NONE.in_(language)
        words = fonts.printable(
            f"{layer.title.in_(language)} [{count}]" if language == "en" else f"{layer.title.in_(language)}（{count}）"
        )
        for line in broken(words, PANEL - 62, face.getlength):
            pen.text((60, y + 16), line, INK, face, anchor="lm")
            y += BODY + 8
        y += 14
    return page.crop((0, 0, PANEL, y))


def _swatch(page: Image.Image, layer: MapLayer, y: int) -> None:
    from PIL import Image, ImageDraw

    swatch = Image.new("RGB", (46 * SCALE, 32 * SCALE), LAND)
    pen = ImageDraw.Draw(swatch)
    if layer.symbol == "area":
        swatch.paste(layer.colour, (0, 0), Image.new("L", swatch.size, round(255 * layer.opacity)))
    elif layer.symbol == "hatched":
        swatch.paste(hatching((46, 32)).resize(swatch.size))
    elif layer.symbol == "line":
        ends = np.array([[6.0, 26.0], [40.0, 6.0]]) * SCALE
        draw_line(pen, ends, layer.size * SCALE, layer.colour, swatch.size)
    else:
        draw_symbol(pen, layer.symbol, (23 * SCALE, 16 * SCALE), layer.size * SCALE, layer.colour)
    pen.rectangle((0, 0, swatch.width - 1, swatch.height - 1), None, darker(layer.colour), SCALE)
    page.paste(swatch.resize((46, 32), Image.Resampling.BOX), (0, y))


def _north_and_scale(page: Image.Image, lines: Neatline, frame: _Frame, corner: tuple[int, int]) -> None:
    from PIL import ImageDraw

    if lines.metres is None or lines.north is None:
        return
    pen, face, (left, foot) = ImageDraw.Draw(page), _face(BODY), corner
    share, words = scale_bar(lines.metres, min((PANEL - 60) / frame.width, 1.0))
    length, y = share * frame.width, foot - 44
    pen.rectangle((left, y, left + length, y + 12), PAPER, INK, 2)
    pen.rectangle((left, y, left + length / 2, y + 12), INK)
    pen.text((left, y + 17), "0", INK, face, anchor="la")
    pen.text((left + length, y + 17), words, INK, face, anchor="ma" if length > 60 else "la")
    arrow = north_arrow(lines.north, _face(88, "Bold"))
    page.paste(arrow, (left, y - arrow.height - 14))


def _tag(pen: ImageDraw.ImageDraw, frame: _Frame, language: Language) -> None:
    """Say it on the map too: pictures are cropped."""
    words, face = SIMULATED.in_(language), _face(SMALL, "Bold")
    left, top = frame.left + 10, frame.top + 10
    pen.rectangle((left, top, left + face.getlength(words) + 20, top + SMALL + 14), AMBER, INK)
    pen.text((left + 10, top + (SMALL + 14) / 2), words, INK, face, anchor="lm")
