"""What the totals of a joined flood map say: flooded area with its interval, and where radar and optical disagree."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.applications.disaster.flood_area import figures as figures_of_map
from mitoshi.applications.disaster.flood_area import tally as tally_of_map
from mitoshi.core.product import Figure
from mitoshi.core.text import Text
from mitoshi.methods.statistics.areas import CellArea, areas_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["figures", "tally"]

SEEN_BY = {"radar_only": 1, "optical_only": 2, "agree": 3, "disagree": 4}
COUNT = Text("a count of pixels, exact", "画素の計数値（統計的な区間なし。抽出の誤りは含まない）")
LOOK_THERE = Text(
    "one says flooded, with a probability of 50 % or more, and the other does not: look there first; on two labelled scenes 5 % "
    "and 25 % of such ground was mapped wrongly, elsewhere 2 % and 4 %",
    "一方は浸水（確率50 %以上）、他方は非浸水と判定した範囲です。優先して確認してください（正解のある2地点での誤判定率は5 %と"
    "25 %、その他の範囲では2 %と4 %）",
)
NEVER_BOTH = Text("unknown: no pixel was observed by both", "不明：両センサーが観測した画素がありません")


def tally(result: Any, cell_area_m2: CellArea) -> dict[str, float]:
    """Return the additive totals of one tile: those of a flood map, and areas by who saw them.

    Parameters
    ----------
    result
        The tile's result.
    cell_area_m2
        Area of the pixels in m2, one or broadcast to (y, x); NaN without georeference.
    """
    evidence = np.asarray(result.flood_evidence)
    area = areas_of(cell_area_m2, evidence.shape)
    return {
        **tally_of_map(result, cell_area_m2),
        **{name: area.total(evidence == code) for name, code in SEEN_BY.items()},
    }


def figures(totals: Mapping[str, float], parameters: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Return flooded area with its 90 % interval, what was not seen, and the area on which the two sensors disagree.

    Parameters
    ----------
    totals
        Sums of `tally` over all tiles.
    parameters
        The run's parameters; not used.

    Notes
    -----
    The interval is as wide as the joined map doubts itself, which holds what rests on radar alone.
    """
    scale, units = (1e-6, "km2") if totals["unreferenced"] == 0 else (1.0, "pixel")
    both = totals["agree"] + totals["disagree"]
    share = 100.0 * totals["disagree"] / both if both > 0 else math.nan
    known = LOOK_THERE if both > 0 else NEVER_BOTH
    counted = COUNT if both > 0 else NEVER_BOTH
    flooded, *others = figures_of_map(totals, parameters)

    def area(name: str, title: Text, value: float, reason: Text = COUNT) -> Figure:
        return Figure(name, title, value * scale, None, None, units, None, reason)

    return (
        flooded,
        area(
            "disagreement_area",
            Text("area on which radar and optical disagree", "レーダーと光学の判定が異なる面積"),
            totals["disagree"] if both > 0 else math.nan,
            known,
        ),
        Figure(
            "disagreement_share",
            Text("share of what both saw on which they disagree", "両センサーで観測した範囲のうち判定が異なる割合"),
            share,
            None,
            None,
            "percent",
            None,
            counted,
        ),
        *others,
        area("seen_by_both_area", Text("area seen by both sensors", "両センサーで観測した面積"), both),
        area("radar_only_area", Text("area seen by radar only", "レーダーのみで観測した面積"), totals["radar_only"]),
        area("optical_only_area", Text("area seen by optical only", "光学のみで観測した面積"), totals["optical_only"]),
    )
