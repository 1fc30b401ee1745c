"""Elevations that no ground has: another unit taken for metres, and voids that were filled with a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["HINT", "GroundCounts", "check_ground", "counts_of"]

CLIFF = 3.0
"""Metres per metre, 72 degrees: rock walls are steeper, but no landscape is so over a tenth of its pixels. An assumption: half of
the ground of young mountain ranges is below 35 to 40 degrees."""

CLIFF_SHARE = 0.1
STEEP, STEEP_SHARE = 1.0, 0.5
"""Metres per metre from a pixel to the next along one axis, 45 degrees: not half of any landscape is so steep (as above)."""

FILLS = (0.0, -99.0, -100.0, -999.0, -9999.0, -32768.0)
"""Numbers that voids are filled with."""

VOID_GAP_M = 20.0
"""Metres around a fill value in which there is other ground where the value is a height: a coast has a shore, however steep its
walls, and a number far below all ground is none."""

RIM = 3
"""Pixels around a fill value that do not count as ground: putting on another grid mixes it with what lies beside."""

LEAST_VOID = 25
"""Pixels of a fill value below which nothing is refused: a single one harms little."""

HINT = "is its unit right? centimetres are described by '#units=cm'"


class GroundCounts(NamedTuple):
    """Additive facts of one block of an elevation.

    Attributes
    ----------
    known
        Pixels with a height.
    steps, steep, cliffs
        Steps between neighbouring pixels, and how many are above `STEEP` and `CLIFF`; 0 where the size of pixels is not known.
    fill, near
        For each of `FILLS`: middles of 5 × 5 pixels of exactly that value, and pixels of others within `VOID_GAP_M` of it
        and apart from it.
    """

    known: int
    steps: int
    steep: int
    cliffs: int
    fill: tuple[int, ...]
    near: tuple[int, ...]


def counts_of(heights: NDArray[np.float32], pixel_m: float | None) -> GroundCounts:
    """Return the facts of a block that `check_ground` sums.

    Parameters
    ----------
    heights
        (rows, columns) elevation [m], NaN where missing.
    pixel_m
        Side of a pixel [m]; steps are not counted where it is not known.
    """
    counts = [0, 0, 0]
    for axis in (0, 1) if pixel_m else ():
        step = np.abs(np.diff(heights, axis=axis)) / np.float32(pixel_m)
        for n, least in enumerate((-1.0, STEEP, CLIFF)):
            counts[n] += int((step > least).sum())
    fill, near = zip(*(_around(heights, np.float32(value)) for value in FILLS), strict=True)
    return GroundCounts(int(np.isfinite(heights).sum()), counts[0], counts[1], counts[2], fill, near)


def _around(heights: NDArray[np.float32], value: np.float32) -> tuple[int, int]:
    """Return how many pixels have a value, and how many apart from these have one within `VOID_GAP_M` of it."""
    same, close = heights == value, np.abs(heights - value) < VOID_GAP_M
    count = int(same.sum())
    if count:
        close &= maximum_filter(same.astype(np.uint8), 2 * RIM + 1, mode="constant") == 0
        count = int(
            minimum_filter(same.astype(np.uint8), 2 * RIM - 1, mode="constant").sum()
        )  # a patch, and no contour
    return count, int(close.sum())


def check_ground(blocks: Iterable[GroundCounts]) -> None:
    """Refuse an elevation that is none in metres, or whose voids are filled with a number that nobody declared.

    Parameters
    ----------
    blocks
        From `counts_of`, block by block.

    Raises
    ------
    InputError
        If nothing is known, too much of the ground is steeper than ground is, or a fill value stands alone.
    """
    parts = list(blocks)
    known, steps = sum(part.known for part in parts), sum(part.steps for part in parts)
    steep, cliffs = sum(part.steep for part in parts), sum(part.cliffs for part in parts)
    if not known:
        raise InputError(
            "elevation holds no heights in the area of this run; give another file or check its nodata value"
        )
    if cliffs > CLIFF_SHARE * steps:
        raise InputError(
            f"elevation is steeper than 72 degrees on {cliffs / steps:.0%} of the ground, which no landscape is; {HINT}"
        )
    if steep > STEEP_SHARE * steps:
        raise InputError(
            f"elevation is steeper than 45 degrees on {steep / steps:.0%} of the ground, which no landscape is; {HINT}"
        )
    for k, value in enumerate(FILLS):
        alone, near = sum(part.fill[k] for part in parts), sum(part.near[k] for part in parts)
        plain = value == 0 and alone > known / 2  # a scene that is flat for the most part may lie at 0 m
        if LEAST_VOID <= alone < known and not near and not plain:
            raise InputError(
                f"elevation is exactly {value:g} m on {alone / known:.1%} of the ground and nothing else lies within "
                f"{VOID_GAP_M:g} m of that: a void filled with a number; say '#nodata={value:g}'"
            )
