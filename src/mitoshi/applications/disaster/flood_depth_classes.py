"""The depth map for people: classes of depth, the sea and rivers, and what the flood map did not see as such."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mitoshi.applications.disaster.flood_depth_cells import PERMANENT
from mitoshi.applications.disaster.flood_depth_tile import SEEN, UNKNOWN
from mitoshi.core.product import CodedClass
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mitoshi.applications.disaster.flood_depth_tile import TileDepth

__all__ = ["CLASSES", "classes_of"]

BOUNDS_M = (0.5, 3.0, 5.0, 10.0, 20.0)
"""Bounds of the classes of the guideline for flood-hazard maps (Ministry of Land, Infrastructure, Transport and Tourism)."""

SEA, PROBABLE, POSSIBLE, UNLIKELY = 8, 9, 10, 11
PROBABLE_FROM, POSSIBLE_FROM = 0.5, 0.05

# No class has code 0, which pictures leave bare: dry ground is drawn, not the codes of the flood map behind it.
CLASSES = (
    CodedClass(1, Text("dry", "浸水なし"), "#f2efe6"),
    CodedClass(2, Text("flooded, below 0.5 m", "浸水 0.5 m未満"), "#f7f5a9"),
    CodedClass(3, Text("0.5 to 3 m", "浸水 0.5～3 m"), "#ffd8c0"),
    CodedClass(4, Text("3 to 5 m", "浸水 3～5 m"), "#ffb7b7"),
    CodedClass(5, Text("5 to 10 m", "浸水 5～10 m"), "#ff9191"),
    CodedClass(6, Text("10 to 20 m", "浸水 10～20 m"), "#f285c9"),
    CodedClass(7, Text("20 m and more", "浸水 20 m以上"), "#dc7adc"),
    CodedClass(SEA, Text("sea, river, permanent water", "平常時水域（海・河川など）"), "#7fb2e5"),
    CodedClass(PROBABLE, Text("not observable: water probable (≥ 50 %)", "観測不能：浸水の可能性が高い（50 %以上）"), "#5e3c99"),
    CodedClass(POSSIBLE, Text("not observable: water possible (5 to 50 %)", "観測不能：浸水の可能性あり（5～50 %）"), "#b2abd2"),
    CodedClass(UNLIKELY, Text("not observable: water unlikely (< 5 %)", "観測不能：浸水の可能性は低い（5 %未満）"), "#bdbdbd"),
    CodedClass(UNKNOWN, Text("not observable: nothing known", "観測不能：判定できない"), "#9a9a9a"),
)  # fmt: skip


def classes_of(codes: NDArray[np.uint8], found: TileDepth) -> NDArray[np.uint8]:
    """Return the class of each pixel, (rows, columns).

    Parameters
    ----------
    codes
        Of the flood map, from `mitoshi.applications.disaster.flood_depth_cells.codes_of`.
    found
        The tile's depth.
    """
    with np.errstate(invalid="ignore"):
        seen = np.where(found.depth > 0, 2 + np.digitize(found.depth, BOUNDS_M), 1)
        chance = found.probability
        unseen = np.where(chance >= PROBABLE_FROM, PROBABLE, np.where(chance >= POSSIBLE_FROM, POSSIBLE, UNLIKELY))
    kinds = np.where(found.source == SEEN, seen, np.where(found.source == UNKNOWN, UNKNOWN, unseen))
    return np.where(codes == PERMANENT, SEA, kinds).astype(np.uint8)
