"""Volume and depth of a flood with their intervals: what a depth map's totals say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.applications.disaster.flood_depth_tile import SEEN
from mitoshi.applications.disaster.flood_depth_volume import unseen_volume, volume_interval
from mitoshi.core.product import Figure
from mitoshi.core.text import Text
from mitoshi.methods.statistics.areas import Areas, CellArea, areas_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mitoshi.applications.disaster.flood_depth import FloodDepth

__all__ = ["figures", "tally"]

NORMAL_90 = 1.645
BOUNDS_M = (0.5, 1.0, 2.0)
"""Depths from which areas are given: about the knee, the waist, over the head."""

COMMON = 0.5
"""Share of the pixels' errors that a whole scene has in common; the rest averages out over it."""

GIVEN = Text("the flood map's area, taken as given", "浸水域の面積（入力値のまま）")
UNSEEN = Text("a count of pixels, exact", "画素の計数値（統計的な区間なし。抽出の誤りは含まない）")
UNSEEN_AREA = Text("expected flooded area where the map saw nothing", "観測不能域の推定浸水面積")
UNSEEN_VOLUME = Text("expected volume of water where the map saw nothing", "観測不能域の推定湛水量")
LIKELY, UNLIKELY = 0.95, 0.05
"""Probabilities of water from which an unseen area counts at either end of its 90 % interval, all errors being common."""


def tally(result: FloodDepth, cell_area_m2: CellArea) -> dict[str, float]:
    """Return the additive totals of one tile.

    Parameters
    ----------
    result
        The tile's result.
    cell_area_m2
        Area of the pixels in m2, one or broadcast to (y, x); NaN without georeference, and then areas count pixels.

    Returns
    -------
    dict
        Of what was seen: volume (m3) and its sum of standard uncertainties, flooded area (m2), and for each bound the area at
        least so deep, and the same if all depths were 0.82 standard uncertainties (the common half of a 90 % interval) lower or
        higher. Of what was not: the expected flooded area (carried), and that where water is likely, or at least not
        unlikely; the expected volume and its variance. Area of which nothing is known, and total area.
    """
    depth = np.asarray(result.depth, np.float64)
    spread = np.asarray(result.depth_uncertainty, np.float64)
    area = areas_of(cell_area_m2, depth.shape)
    chance = np.asarray(result.water_probability, np.float64)
    flooded = (depth > 0) & (chance == 1.0)
    carried = np.where((chance > 0) & (chance < 1.0), chance, 0.0)
    d, s = np.where(flooded, depth, 0.0), np.where(flooded, spread, 0.0)
    found = {
        "volume": area.total(d),
        "volume_spread": area.total(s),
        "flooded": area.total(flooded),
        "unseen": area.total(np.asarray(result.depth_source) != SEEN),
        "unknown": area.total(np.isnan(depth)),
        **_carried(area, carried),
        **unseen_volume(carried, depth, spread, area.values, math.sqrt(area.values.mean()) if area.known else math.nan),
        "total": area.total(np.ones(depth.shape)),
        "unreferenced": 0.0 if area.known else float(depth.size),
    }
    for bound in BOUNDS_M:
        for name, shift in (("", 0.0), ("_lower", -NORMAL_90 * COMMON), ("_upper", NORMAL_90 * COMMON)):
            found[f"deeper_{bound:g}{name}"] = area.total(flooded & (d + shift * s >= bound))
    return found


def _carried(area: Areas, chance: NDArray[np.float64]) -> dict[str, float]:
    return {
        f"carried{name}": area.total(share)
        for name, share in (("", chance), ("_lower", chance >= LIKELY), ("_upper", chance >= UNLIKELY))
    }


def figures(totals: Mapping[str, float], parameters: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Return flood volume, mean depth and areas by depth with their 90 % intervals, and what was not seen.

    Parameters
    ----------
    totals
        Sums of `tally` over all tiles.
    parameters
        The run's parameters; not used.

    Returns
    -------
    tuple of Figure
        The intervals take half of every pixel's standard uncertainty as common to the whole scene. They are those of the depth,
        given the flood map: whether the map is right is not in them. What the map did not see has its own area and volume. The
        area's interval takes the errors of the carried surface as common to the scene, the volume's as common to squares of
        `COMMON_UNSEEN_M`. Without georeference areas are numbers of pixels
        and volumes pixels times metres.
    """
    del parameters
    placed = totals["unreferenced"] == 0
    area, units, volume_units = (1e-6, "km2", "m3") if placed else (1.0, "pixel", "pixel m")
    wide = NORMAL_90 * COMMON * totals["volume_spread"]
    volume, flooded = totals["volume"], max(totals["flooded"], 1e-9)

    def interval(name: str, title: Text, value: float, half: float, units: str) -> Figure:
        return Figure(name, title, value, max(value - half, 0.0), value + half, units, 0.9)

    found = [
        interval("flood_volume", Text("volume of flood water", "湛水量"), volume, wide, volume_units),
        interval("mean_depth", Text("mean depth", "平均浸水深"), volume / flooded, wide / flooded, "m"),
        Figure(
            "flooded_area", Text("flooded area", "浸水面積"), totals["flooded"] * area, None, None, units, None, GIVEN
        ),
    ]
    for bound in BOUNDS_M:
        key = f"deeper_{bound:g}"
        title = Text(f"area at least {bound:g} m deep", f"浸水深 {bound:g} m 以上の面積")
        found.append(
            Figure(
                f"area_from_{bound:g}_m".replace(".", "_"),
                title,
                totals[key] * area,
                totals[f"{key}_lower"] * area,
                totals[f"{key}_upper"] * area,
                units,
                0.9,
            )
        )
    low, value, high = (totals[f"carried{end}"] * area for end in ("_lower", "", "_upper"))
    found.append(Figure("unseen_flooded_area", UNSEEN_AREA, value, min(low, value), max(high, value), units, 0.9))
    value = totals["carried_volume"]
    low, high = volume_interval(value, totals["carried_volume_variance"])
    found.append(
        Figure("unseen_flood_volume", UNSEEN_VOLUME, value, min(low, value), max(high, value), volume_units, 0.9)
    )
    for name, title, key in (
        ("not_observable_share", Text("share not observable", "観測不能の割合"), "unseen"),
        ("not_determined_share", Text("share of which nothing is known", "判定できない割合"), "unknown"),
    ):
        share = 100.0 * totals[key] / max(totals["total"], 1e-9)
        found.append(Figure(name, title, share, None, None, "percent", None, UNSEEN))
    return tuple(found)
