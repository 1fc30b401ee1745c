"""Flooded area with its interval, and how much was not seen: what a flood map's totals say."""

from __future__ import annotations

import json
import math
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.product import Figure
from mitoshi.core.text import Text
from mitoshi.methods.statistics.areas import CellArea, areas_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.applications.disaster.flood_extent import FloodExtent

__all__ = ["area_figures", "figures", "tally"]

TRAINED: dict[str, Any] = json.loads(files(__package__).joinpath("flood_extent.json").read_text("utf-8"))
NORMAL_90 = 1.645
CODES = {"mapped": 1, "permanent": 2, "not_observable": 255}
EXACT = Text("a count of pixels, exact", "画素の計数値（統計的な区間なし。抽出の誤りは含まない）")
COUNTED = Text(
    "a count of classified pixels; its uncertainty is that of the flooded area",
    "判定画素の集計値（不確かさは「浸水面積」の区間を参照）",
)


def tally(result: FloodExtent, cell_area_m2: CellArea) -> dict[str, float]:
    """Return the additive totals of one tile.

    Parameters
    ----------
    result
        The tile's result.
    cell_area_m2
        Area of the pixels in m2, one or broadcast to (y, x); NaN without georeference, and then every total counts pixels.

    Returns
    -------
    dict
        Areas in m2: expected (sum of probabilities), mapped, permanent, not_observable, total; variance in m4, as if pixels erred
        independently; and unreferenced, the number of pixels whose area is not known.
    """
    codes = np.asarray(result.flood)
    chance = np.asarray(result.flood_probability, dtype=np.float64)
    chance = np.where(np.isfinite(chance), chance, 0.0)
    area = areas_of(cell_area_m2, codes.shape)
    return {
        "expected": area.total(chance),
        "variance": area.total(chance * (1.0 - chance), power=2),
        **{name: area.total(codes == code) for name, code in CODES.items()},
        "total": area.total(np.ones(codes.shape)),
        "unreferenced": 0.0 if area.known else float(codes.size),
    }


FLOODED_AREA = Text("flooded area", "浸水面積")
NOTHING_SEEN = Text("unknown: no pixel was observed", "不明：観測された画素がありません")
USUAL = Text(
    "a count of classified pixels; without an image from before the flood or reference water it is not told apart from flood",
    "分類した画素の数。浸水前の画像または平常時水域のデータがないときは、浸水と区別できません",
)


def figures(totals: Mapping[str, float], parameters: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Return flooded area with its 90 % interval and what was not seen.

    Parameters
    ----------
    totals
        Sums of `tally` over all tiles.
    parameters
        The run's parameters; not used.

    Returns
    -------
    tuple of Figure
        The interval joins the variance of correlated pixel errors and the systematic error between scenes, both measured on
        training tiles that the model had not seen; it is lognormal, so it never falls below zero. Without georeference areas
        are numbers of pixels.
    """
    del parameters
    return area_figures(totals, TRAINED["correlated_pixels"], TRAINED["systematic"])


def area_figures(totals: Mapping[str, float], correlated_pixels: float, systematic: float) -> tuple[Figure, ...]:
    """Return the figures of a flood map whose errors were measured.

    Parameters
    ----------
    totals
        Sums of `tally` over all tiles.
    correlated_pixels
        Pixels that err together: variance of a sum of errors over that of independent ones.
    systematic
        Standard deviation of log(estimated area / true area) between scenes.

    Returns
    -------
    tuple of Figure
        As `figures`.
    """
    scale, units = (1e-6, "km2") if totals["unreferenced"] == 0 else (1.0, "pixel")
    expected = totals["expected"]
    random = math.sqrt(correlated_pixels * totals["variance"]) / max(expected, 1e-9)
    width = NORMAL_90 * math.hypot(min(random, 10.0), systematic)
    upper = min(expected * math.exp(width), totals["total"])

    seen = totals["total"] > totals["not_observable"]

    def count(name: str, title: Text, total: str, reason: Text) -> Figure:
        known = seen or reason is EXACT
        value = totals[total] * scale if known else math.nan
        return Figure(name, title, value, None, None, units, None, reason if known else NOTHING_SEEN)

    share = 100.0 * totals["not_observable"] / max(totals["total"], 1e-9)
    return (
        Figure(
            "flooded_area",
            FLOODED_AREA,
            expected * scale,
            expected * math.exp(-width) * scale,
            upper * scale,
            units,
            0.9,
        )
        if seen
        else Figure("flooded_area", FLOODED_AREA, math.nan, None, None, units, None, NOTHING_SEEN),
        count("mapped_area", Text("area mapped as flooded", "浸水と判定した面積"), "mapped", COUNTED),
        count("permanent_water_area", Text("permanent water", "平常時水域の面積"), "permanent", USUAL),
        count("not_observable_area", Text("area not observable", "観測不能面積"), "not_observable", EXACT),
        Figure(
            "not_observable_share",
            Text("share not observable", "観測不能の割合"),
            share,
            None,
            None,
            "percent",
            None,
            EXACT,
        ),
    )
