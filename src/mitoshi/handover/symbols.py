"""Lines, point symbols, labels and the north arrow of a map, drawn with Pillow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image, ImageDraw

__all__ = ["draw_labels", "draw_line", "draw_symbol", "north_arrow"]

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


def draw_labels(
    picture: Image.Image, words: Sequence[str], places: Sequence[Sequence[float]], size: float, face: Any
) -> None:
    """Write names beside their places, the first ones first, none over another and none across the edge."""
    from PIL import ImageDraw

    pen = ImageDraw.Draw(picture)
    taken: list[tuple[float, float, float, float]] = []
    for word, (x, y) in zip(words, places, strict=True):
        text = word if len(word) <= LONGEST_LABEL else f"{word[: LONGEST_LABEL - 1]}…"
        if not text or len(taken) == MOST_LABELS:
            continue
        length, half = face.getlength(text), face.size / 2 + 2
        left = x + size / 2 + 4 if x + size / 2 + 8 + length < picture.width else x - size / 2 - 4 - length
        box = (left - 2, y - half, left + length + 2, y + half)
        inside = box[0] >= 0 and box[1] >= 0 and box[2] <= picture.width and box[3] <= picture.height
        if inside and not any(_overlap(box, other) for other in taken):
            pen.text((left, y), text, INK, face, anchor="lm", stroke_width=3, stroke_fill=PAPER)
            taken.append(box)


def _overlap(one: tuple[float, float, float, float], two: tuple[float, float, float, float]) -> bool:
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
