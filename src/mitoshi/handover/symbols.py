"""Lines, point symbols, labels and the north arrow of a map, drawn with Pillow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image, ImageDraw

    Box = tuple[float, float, float, float]

__all__ = ["Label", "draw_labels", "draw_line", "draw_symbol", "north_arrow"]

INK, PAPER = "#111111", "#ffffff"
MOST_LABELS = 24
LONGEST_LABEL = 14


def draw_symbol(pen: ImageDraw.ImageDraw, symbol: str, place: tuple[float, float], size: float, colour: str) -> None:
    """Draw one point symbol with a pale rim, so that it is seen on any ground.

    Parameters
    ----------
    pen
        Of the picture.
    symbol
        "circle", "square", "triangle", "diamond" or "cross" (a hospital's).
    place
        Its middle, in pixels.
    size
        Its width, in pixels.
    colour
        ``#rrggbb``.
    """
    x, y = place
    half = size / 2
    rim = max(2, round(size / 10))
    box = (x - half, y - half, x + half, y + half)
    if symbol == "circle":
        pen.ellipse(box, colour, PAPER, rim)
    elif symbol == "square":
        pen.rectangle(box, colour, PAPER, rim)
    elif symbol == "cross":
        pen.rectangle(box, PAPER, colour, rim)
        arm = half * 0.34
        for right, down in ((arm, half * 0.72), (half * 0.72, arm)):
            pen.rectangle((x - right, y - down, x + right, y + down), colour)
    else:
        angles = (90, 210, 330) if symbol == "triangle" else (90, 180, 270, 360)
        corners = [
            (x + 1.15 * half * math.cos(math.radians(a)), y - 1.15 * half * math.sin(math.radians(a))) for a in angles
        ]
        pen.polygon(corners, colour, PAPER, rim)


def draw_line(pen: ImageDraw.ImageDraw, pixels: Any, width: float, colour: str, size: tuple[int, int]) -> None:
    """Draw a line of (n, 2) pixels unless all of it lies outside the picture of `size` (width, height)."""
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    if (high < 0).any() or low[0] > size[0] or low[1] > size[1]:
        return
    # Pillow counts pixels in 32 bits.
    near = np.clip(pixels, -1e6, 1e6)
    pen.line([tuple(p) for p in near.tolist()], colour, max(1, round(width)), joint="curve")


class Label(NamedTuple):
    """A name and the middle and width of the symbol it stands beside, in pixels."""

    words: str
    x: float
    y: float
    size: float


def draw_labels(picture: Image.Image, labels: Sequence[Label], face: Any) -> None:
    """Write names beside their symbols, the first ones first, none over another or over a symbol and none across the edge.

    Parameters
    ----------
    picture
        Drawn upon.
    labels
        What may be written; what finds no room is left out.
    face
        Font.
    """
    from PIL import ImageDraw

    pen = ImageDraw.Draw(picture)
    symbols = [_around(label.x, label.y, label.size / 2, label.size / 2) for label in labels]
    taken: list[Box] = []
    for number, label in enumerate(labels):
        text = label.words if len(label.words) <= LONGEST_LABEL else f"{label.words[: LONGEST_LABEL - 1]}…"
        if not text or len(taken) == MOST_LABELS:
            continue
        blocked = taken + symbols[:number] + symbols[number + 1 :]
        length = face.getlength(text)
        for side in (1.0, -1.0):
            middle = label.x + side * (label.size / 2 + 4 + length / 2)
            box = _around(middle, label.y, length / 2 + 2, face.size / 2 + 2)
            if _within(box, picture.size) and not any(_overlap(box, other) for other in blocked):
                pen.text((middle, label.y), text, INK, face, anchor="mm", stroke_width=3, stroke_fill=PAPER)
                taken.append(box)
                break


def _around(x: float, y: float, across: float, down: float) -> Box:
    return x - across, y - down, x + across, y + down


def _within(box: Box, size: tuple[int, int]) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[2] <= size[0] and box[3] <= size[1]


def _overlap(one: Box, two: Box) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def north_arrow(north: float, face: Any) -> Image.Image:
    """Return the north arrow, 96 pixels wide, `north` degrees clockwise from up; drawn four times too large and averaged."""
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
    pen.text(turned(0, 142), "N", INK, face, anchor="mm")
    return large.resize((96, 96), Image.Resampling.BOX)
