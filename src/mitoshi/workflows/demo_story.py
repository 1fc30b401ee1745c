"""The demonstration in one picture: a flood with a town in it, as the satellites tell it, and the truth beside it."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.text import Text
from mitoshi.evidence import fonts
from mitoshi.evidence.cartography import scale_bar

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from mitoshi.core.text import Language

__all__ = ["DRY", "FLOODED", "PERMANENT", "POSSIBLE_TOWN", "TOWN", "UNSEEN", "WET_TOWN", "Story", "classes_of", "draw"]

Codes = NDArray[np.uint8]
DRY, PERMANENT, FLOODED, UNSEEN, TOWN, POSSIBLE_TOWN, WET_TOWN = range(7)
COLOURS = ("#f4f1ea", "#a9bdd8", "#5aa9e6", "#d9ddcf", "#9b958c", "#e9a3bd", "#c2255c")
LEGEND = {
    FLOODED: Text("flooded", "浸水域"),
    PERMANENT: Text("permanent water", "平常時水域"),
    TOWN: Text("town", "市街地"),
    WET_TOWN: Text("town in water (estimate: 50 % or more likely)", "浸水した市街地（推定は確率50 %以上）"),
    POSSIBLE_TOWN: Text("town possibly in water (5 to 50 %)", "浸水の可能性がある市街地（5～50 %）"),
    UNSEEN: Text("not observed (forest, layover)", "未観測（森林・レイオーバー）"),
}
TITLE = Text("A flood with a town in it", "市街地を含む浸水")
ESTIMATE = Text("Estimate from the satellites", "衛星観測からの推定")
TRUTH = Text("Truth of the simulation", "模擬の真値")
SIMULATED = Text("SIMULATED — not a real disaster", "模擬（シミュレーション）― 実際の災害ではありません")
PANEL, GAP, MARGIN = 790, 30, 24
BAND, CAPTION, FIGURE, ROW = 44, 46, 92, 44
INK, GREY, PAPER, AMBER = "#111111", "#5a5a5a", "#ffffff", "#ffc20e"
ABOVE = 60  # rows of ground shown north of the flood
PROBABLE, POSSIBLE = 0.5, 0.05


class Story(NamedTuple):
    """What the picture shows.

    Attributes
    ----------
    estimate, truth
        Classes of every pixel, on one grid.
    pixel_m
        Side of a pixel [m].
    found, note, true
        People in water by the estimate, what is to be said of it, and in truth, in words.
    """

    estimate: Codes
    truth: Codes
    pixel_m: float
    found: Text
    note: Text
    true: Text


def classes_of(flood: Any, chance: Any, people: Any) -> Codes:
    """Return the classes of a map.

    Parameters
    ----------
    flood
        0 dry, 1 flooded, 2 permanent water, 255 not observable.
    chance
        P(water) per pixel.
    people
        Residents per pixel.
    """
    codes = np.select([flood == 1, flood == 2, flood == 255], [FLOODED, PERMANENT, UNSEEN], DRY)
    town, chance = (people > 0) & (flood != 2), np.nan_to_num(chance)
    codes = np.where(
        town, np.where(chance >= PROBABLE, WET_TOWN, np.where(chance > POSSIBLE, POSSIBLE_TOWN, TOWN)), codes
    )
    return codes.astype(np.uint8)


def draw(story: Story, language: Language) -> bytes:
    """Return the picture as PNG; the same story gives the same bytes."""
    from PIL import Image, ImageDraw

    rows = _rows(story)
    height = round(PANEL * (rows.stop - rows.start) / story.truth.shape[1])
    legend = -(-len(LEGEND) // 3) * ROW
    page = Image.new(
        "RGB", (2 * PANEL + GAP + 2 * MARGIN, BAND + 64 + CAPTION + height + FIGURE + legend + 2 * MARGIN), PAPER
    )
    pen = ImageDraw.Draw(page)
    pen.rectangle((0, 0, page.width, BAND), AMBER)
    pen.text((page.width / 2, BAND / 2), SIMULATED.in_(language), INK, _face(26, "Bold"), anchor="mm")
    pen.text((MARGIN, BAND + 12), TITLE.in_(language), INK, _face(40, "Bold"))
    top = BAND + 64
    sides = ((ESTIMATE, story.estimate, story.found, story.note), (TRUTH, story.truth, story.true, Text("", "")))
    for n, (title, codes, figure, note) in enumerate(sides):
        left = MARGIN + n * (PANEL + GAP)
        pen.text((left, top + 8), title.in_(language), INK, _face(27, "Bold"))
        page.paste(_painted(codes[rows], height), (left, top + CAPTION))
        pen.rectangle((left - 1, top + CAPTION - 1, left + PANEL, top + CAPTION + height), None, INK, 2)
        foot = top + CAPTION + height
        pen.text((left, foot + 12), figure.in_(language), INK, _fitted(figure.in_(language), 32, "Bold"))
        pen.text((left, foot + 54), note.in_(language), GREY, _fitted(note.in_(language), 23, "Regular"))
    _scale(pen, story, (MARGIN + 16, top + CAPTION + height - 40))
    _legend(pen, (MARGIN, top + CAPTION + height + FIGURE + 6), language)
    stream = BytesIO()
    page.save(stream, "PNG", compress_level=6)
    return stream.getvalue()


def _rows(story: Story) -> slice:
    """Return the rows from a little north of the estimated flood to the southern end."""
    flooded = np.flatnonzero((story.estimate == FLOODED).sum(axis=1) > 0)
    first = max(0, int(flooded[0]) - ABOVE) if flooded.size else 0
    return slice(min(first, story.estimate.shape[0] // 2), story.estimate.shape[0])


def _painted(codes: Codes, height: int) -> Image.Image:
    from PIL import Image, ImageColor

    colours = np.array([ImageColor.getrgb(c) for c in COLOURS], np.uint8)
    return Image.fromarray(colours[codes]).resize((PANEL, height), Image.Resampling.BOX)


def _face(size: int, weight: fonts.Weight = "Regular") -> Any:
    from PIL import ImageFont

    return ImageFont.truetype(str(fonts.path(weight)), size, layout_engine=ImageFont.Layout.BASIC)


def _fitted(words: str, size: int, weight: fonts.Weight) -> Any:
    """Return the face in which the words are no wider than a panel."""
    while size > 12 and _face(size, weight).getlength(words) > PANEL:
        size -= 1
    return _face(size, weight)


def _scale(pen: ImageDraw.ImageDraw, story: Story, corner: tuple[int, int]) -> None:
    share, words = scale_bar(story.pixel_m * story.truth.shape[1], 0.25)
    left, top = corner
    pen.rectangle((left, top, left + share * PANEL, top + 8), INK)
    pen.text((left + share * PANEL + 10, top + 4), words, INK, _face(22), anchor="lm")


def _legend(pen: ImageDraw.ImageDraw, corner: tuple[int, int], language: Language) -> None:
    width = (2 * PANEL + GAP) / 3
    for n, (code, title) in enumerate(LEGEND.items()):
        left, top = corner[0] + (n % 3) * width, corner[1] + (n // 3) * ROW
        pen.rectangle((left, top, left + 40, top + 26), COLOURS[code], INK)
        pen.text((left + 52, top + 13), title.in_(language), INK, _face(21), anchor="lm")
