"""Flooded area with its interval, and how much was not seen: what a flood map's totals say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.applications.disaster.flood_images import check_images, offset_said
from mitoshi.core.carried import PERMANENT_INCLUDED
from mitoshi.core.product import Figure
from mitoshi.core.text import Text
from mitoshi.methods.statistics.area_interval import AreaErrors, area_interval
from mitoshi.methods.statistics.areas import CellArea, areas_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mitoshi.applications.disaster.flood_extent import FloodExtent

__all__ = ["assumed", "figures", "radar_figures", "tally"]

ERRORS = AreaErrors(floor=0.01, low=-1.0, high=1.9, missed=2.3)
"""Of 44 OMBRIA tiles of five events and 36 pieces of eight Sen1Floods11 scenes of five countries, events and countries left out
(`benchmarks/flood_area_intervals.py`, which also says how often the intervals hold)."""

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
        Areas in m2: expected (sum of the probabilities of what is mapped as flooded), possible (of all), mapped, permanent,
        not_observable, total;
        and unreferenced, the number of pixels whose area is not known.
    """
    codes = np.asarray(result.flood)
    chance = np.asarray(result.flood_probability, dtype=np.float64)
    chance = np.where(np.isfinite(chance), chance, 0.0)
    area = areas_of(cell_area_m2, codes.shape)
    return {
        "expected": area.total(np.where(codes == CODES["mapped"], chance, 0.0)),
        "possible": area.total(chance),
        **{name: area.total(codes == code) for name, code in CODES.items()},
        "total": area.total(np.ones(codes.shape)),
        "unreferenced": 0.0 if area.known else float(codes.size),
    }


FLOODED_AREA = Text("flooded area", "浸水面積")
LIMIT = Text(
    "detection limit: a flood of up to this area may go unseen",
    "検出限界（この面積までの浸水は見逃す可能性があります）",
)
WATER_AREA = Text("water area (permanent water included)", "水域の面積（平常時水域を含む）")
MAPPED_AREA = Text("area mapped as flooded", "浸水と判定した面積")
MAPPED_WATER = Text("area mapped as water (permanent water included)", "水域と判定した面積（平常時水域を含む）")
PERMANENT_AREA = Text("permanent water", "平常時水域の面積")
COUNTED_WATER = Text(
    "a count of classified pixels; its uncertainty is that of the water area",
    "判定画素の集計値（不確かさは「水域の面積」の区間を参照）",
)
DETECTED = Text(
    "itself a bound; flood is detected: the interval of the flooded area lies above zero",
    "この値自体が上限のため、信頼区間はありません。浸水は検出されています（浸水面積の区間の下限が 0 を上回る）",
)
NOTHING_SEEN = Text("unknown: no pixel was observed", "不明：観測された画素がありません")
WATER_DETECTED = Text(
    "itself a bound; water is detected: the interval of the water area lies above zero",
    "この値自体が上限のため、信頼区間はありません。水域は検出されています（水域の面積の区間の下限が 0 を上回る）",
)
NOT_TOLD_APART = Text(
    "unknown: neither an image from before the flood nor reference water is given, so permanent water is part of the water area",
    "不明：浸水前の画像も平常時水域のデータもないため、平常時水域は水域の面積に含まれます",
)
BEFORE = frozenset({"before", "reference_water"})
"""Data arguments from which permanent water is known."""


def assumed(data: Mapping[str, Any], parameters: Mapping[str, Any]) -> tuple[Text, ...]:
    """Return what is taken for flood where nothing is known of the water before, and the offset of level that is removed.

    Parameters
    ----------
    data
        Arguments by name.
    parameters
        Of the run.

    Raises
    ------
    InputError
        If the two images are one (`check_images`); before anything is computed.
    """
    doubts = check_images(data["after"], data.get("before"))
    single = () if any(data.get(name) is not None for name in BEFORE) else (PERMANENT_INCLUDED,)
    return (*single, *doubts, *offset_said(data, parameters))


def figures(
    totals: Mapping[str, float], parameters: Mapping[str, Any], given: Collection[str] = BEFORE
) -> tuple[Figure, ...]:
    """Return flooded area with its 90 % interval, whether it is told from none, and what was not seen.

    From one image alone, with no reference water, it is the area of water: permanent water is part of it, and the titles say so.

    Parameters
    ----------
    totals
        Sums of `tally` over all tiles.
    parameters
        The run's parameters; not used.
    given
        Names of the data arguments that were given.

    Returns
    -------
    tuple of Figure
        The interval is that of maps of events left out (`area_interval`). Without georeference areas are numbers of pixels.
    """
    del parameters
    scale, units = (1e-6, "km2") if totals["unreferenced"] == 0 else (1.0, "pixel")
    observed = totals["total"] - totals["not_observable"]
    seen, single = observed > 0, not BEFORE & frozenset(given)

    def count(name: str, title: Text, total: str, reason: Text) -> Figure:
        known = (seen or reason is EXACT) and reason is not NOT_TOLD_APART
        value = totals[total] * scale if known else math.nan
        return Figure(name, title, value, None, None, units, None, reason if known or seen else NOTHING_SEEN)

    share = 100.0 * totals["not_observable"] / max(totals["total"], 1e-9)
    return (
        *_flooded(totals, observed, scale, units, WATER if single else FLOOD),
        count("mapped_area", MAPPED_WATER if single else MAPPED_AREA, "mapped", COUNTED_WATER if single else COUNTED),
        count("permanent_water_area", PERMANENT_AREA, "permanent", NOT_TOLD_APART if single else COUNTED),
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


LOOKED_FOR = frozenset({"elevation", "land_cover", "built_up", "reference_water", "incidence_angle"})
"""Data arguments from which a radar map knows what it does not see."""

NOT_LOOKED_FOR = Text(
    "not looked for: towns, forest and steep slopes are recognised only with land cover, the built-up share or elevation",
    "未判定：市街地・森林・急斜面は、土地被覆、建物の割合、標高のいずれかのデータがあるときだけ判定します",
)
MISSING_ALONE = Text(
    "pixels without data alone; towns, forest and steep slopes were not looked for (--land-cover, --built-up, --elevation)",
    "データのない画素だけの値。市街地・森林・急斜面は未判定（--land-cover、--built-up、--elevation で判定します）",
)


def radar_figures(
    totals: Mapping[str, float], parameters: Mapping[str, Any], given: Collection[str] = BEFORE | LOOKED_FOR
) -> tuple[Figure, ...]:
    """Return the figures of a radar map; what is not observable is unknown, not zero, where nothing was given to tell it from.

    Parameters
    ----------
    totals, parameters, given
        See `figures`.
    """
    found = figures(totals, parameters, given)
    if LOOKED_FOR & frozenset(given):
        return found
    none = totals["not_observable"] == 0
    return tuple(
        f._replace(value=math.nan if none else f.value, reason=NOT_LOOKED_FOR if none else MISSING_ALONE)
        if f.name in {"not_observable_area", "not_observable_share"}
        else f
        for f in found
    )


class _Words(NamedTuple):
    """How the area is called: flooded, or of water where permanent water is not told apart."""

    area: Text
    detected: Text
    subject: str


FLOOD, WATER = _Words(FLOODED_AREA, DETECTED, "浸水"), _Words(WATER_AREA, WATER_DETECTED, "水域")


def _flooded(
    totals: Mapping[str, float], observed: float, scale: float, units: str, words: _Words
) -> tuple[Figure, Figure]:
    """Return the flooded area with its interval, and the detection limit with what it means for this map."""
    if observed <= 0:
        empty = math.nan, None, None, units, None, NOTHING_SEEN
        return Figure("flooded_area", words.area, *empty), Figure("detection_limit", LIMIT, *empty)
    value, lower, upper = (
        scale * area
        for area in area_interval(totals["expected"], totals["possible"], totals["mapped"], observed, ERRORS)
    )
    limit = area_interval(0.0, 0.0, 0.0, observed, ERRORS)[2] * scale
    says = words.detected if lower > 0 else _none(upper, units, words.subject)
    return (
        Figure("flooded_area", words.area, value, lower, upper, units, 0.9),
        Figure("detection_limit", LIMIT, limit, None, None, units, None, says),
    )


def _none(upper: float, units: str, subject: str) -> Text:
    words = {"km2": ("km²", "km²"), "pixel": ("pixels", "画素")}[units]
    return Text(
        f"itself a bound; none detected (below {upper:.3g} {words[0]}): what is mapped may be false alarms",
        f"それ自体が上限値。{subject}は検出されません（{upper:.3g} {words[1]}未満）。判定された画素は誤検出の可能性があります",
    )
