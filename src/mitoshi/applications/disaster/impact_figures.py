"""Headline figures of the impact: counts with ranges, and how much was not seen or not given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.applications.disaster.impact_lists import UNKNOWN
from mitoshi.applications.disaster.impact_unseen import LIKELY, UNLIKELY
from mitoshi.applications.disaster.impact_waste import most_waste
from mitoshi.core.product import Figure
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.applications.disaster.impact_outputs import Impact

__all__ = ["figures", "tally"]

ENDS = ("", "_lower", "_upper")
EXACT = Text("a count of what was given, exact", "入力データの集計値")
EXPECTED_NUMBER = Text(
    "an expected number; its error is in the range of the whole", "期待値（誤差は全体の信頼区間に含めています）"
)
NO_COUNT = Text("share of the flooded area without a population count", "浸水域のうち人口データのない割合")
BLANK_GROUND = Text(
    "share of the map without any estimate of depth; no volume or pump truck counts it",
    "浸水深を推定できない面積の割合（湛水量とポンプ車には含みません）",
)
SILENT = Text(
    "buildings that state no number of occupants; people in them are not counted",
    "居住者数の記載がない建物（その居住者は数えていません）",
)
ASSUMED = Text(
    "share of the water whose depth states no uncertainty (0 or missing); assumed_uncertainty is taken",
    "浸水深の不確かさが 0 または欠測で、assumed_uncertainty の値を用いた浸水域の割合",
)
COPIES = Text(
    "exact copies of buildings (outline and attributes), counted once",
    "外形と属性が完全に重複する建物（1棟として数え、除いた数）",
)
NEAR_COPIES = Text(
    "buildings within 0.5 m of the outline of another, each counted",
    "他の建物と外形の差が0.5 m未満の建物（重複の疑い。それぞれ数えています）",
)
IN_TWO = Text(
    "buildings in two districts or more: the districts overlap, and people in several count in each",
    "複数の地区に属する建物（地区が重なっており、重なる部分の人口は各地区で数えます）",
)
NOT_NAMED = Text("not determined: the kind of every facility is unknown", "推定不能：施設種別が不明")
NOTHING_SEEN = Text("not determined: none of what was given was observed", "推定不能：観測された対象がありません")
NOTHING_LISTED = Text("not determined: the list given is empty (0 of 0)", "推定不能：入力の一覧が空です（0件中0件）")
ALL_UNKNOWN = Text("not determined: the access of every settlement is unknown", "推定不能：到達可否が全集落で不明")
NOT_VALUED = Text("not determined: unit values not given", "推定不能：評価額の単価なし")


def tally(found: Impact, cell_area_m2: float) -> dict[str, float]:
    """Return the totals of a result; NaN where the data for them were not given."""
    del cell_area_m2
    given = {str(t): bool(g) for t, g in zip(found.given["theme"], found.given["given"], strict=True)}
    totals = {f"given_{theme}": float(there) for theme, there in given.items()}
    for name in ("not_observed", "not_determined"):
        totals |= {f"{name}_{t}": float(n) for t, n in zip(found.given["theme"], found.given[name], strict=True)}
    lists = found.given[
        found.given["theme"].isin(
            ["buildings", "facilities", "settlements", "population", "depth", "depth_uncertainty"]
        )
    ]
    totals |= {f"amount_{t}": float(n) for t, n in zip(lists["theme"], lists["amount"], strict=True)}
    if given["buildings"]:
        totals |= _buildings(found)
    totals |= _counted(found) | _access(found)
    totals |= _three("trucks", found.pumps, "pump_trucks") | _three("volume", found.pumps, "volume")
    return totals


def _three(name: str, rows: Any, column: str) -> dict[str, float]:
    return {name + end: float(rows[column + end].sum()) for end in ENDS}


def _buildings(found: Impact) -> dict[str, float]:
    rows = found.buildings
    totals: dict[str, float] = {}
    for end in ENDS:
        totals["total_loss" + end] = float((rows["certificate" + end] == 6).sum())
    blank = rows[rows["depth"].isna() & ~rows["outside_map"].astype(bool)]
    totals["total_loss_upper"] += float(len(blank))
    if rows["collapse_probability"].notna().any():
        totals |= _three("collapsed", rows, "collapse_probability")
        totals["collapsed_upper"] += float(len(blank))
    total = found.waste[found.waste["basis"] == "all"]
    totals |= _three("waste", total, "waste")
    totals["waste_upper"] += most_waste(blank["floor_area"].to_numpy(float), blank["structure"].to_numpy(object))
    house = found.losses[found.losses["item"] == "house"]
    totals["loss"] = float(house["loss"].iloc[0])
    totals["loss_lower"], totals["loss_upper"] = float(house["loss_lower"].min()), float(house["loss_upper"].max())
    return totals


def _counted(found: Impact) -> dict[str, float]:
    """Return what the list of totals says of people and buildings."""
    totals: dict[str, float] = {}
    for _, row in found.totals.iterrows():
        totals |= {f"{row['name']}{end}": float(row[f"value{end}"]) for end in (*ENDS, "_unseen")}
        # Unknown is never dry: the upper end holds all of whom nothing is known on the map.
        totals[f"{row['name']}_upper"] = float(row["value_most"])
        if row["name"] == "affected_population":
            totals |= {f"{k}_population": float(row[k]) for k in ("amount", "not_observed", "not_determined")}
    return totals


def _access(found: Impact) -> dict[str, float]:
    state, chance = found.settlements["state"].to_numpy(), found.settlements["cut_off_probability"].to_numpy()
    facility = found.facilities
    totals = {
        "cut_off": float((state == 1).sum()),
        "cut_off_lower": float((chance >= 0.95).sum()),
        "cut_off_upper": float(((chance > 0.05) | (state != 0)).sum()),
        "cut_off_unknown": float((state == 2).sum()),
        "road_closed_m": float(found.roads["length"][found.roads["car"] == 1].sum()),
        "road_unknown_m": float(found.roads["length"][found.roads["car"] == 2].sum()),
    }
    if state.size and (state == 2).all():
        totals |= dict.fromkeys(("cut_off", "cut_off_lower", "cut_off_upper"), np.nan)
    unnamed = facility["facility"].isna() | (facility["facility"] == "unknown")
    for kind in ("hospital", "shelter"):
        mine = facility[facility["facility"] == kind]
        totals |= _in_water(kind, mine)
        # One whose kind is not known may be of this kind: it counts at the upper end.
        totals[f"{kind}_upper"] += float((facility["depth_upper"][unnamed] > 0).sum() + _blank(facility[unnamed]))
        if unnamed.any() and unnamed.all():
            totals |= dict.fromkeys((kind, f"{kind}_lower", f"{kind}_upper"), np.nan)
        totals[f"{kind}_unseen"] = float((mine["state"] == 2).sum())
    return totals


def _in_water(kind: str, rows: Any) -> dict[str, float]:
    """Return how many facilities stand in water: those not observed count by their probability, which has one common error."""
    chance = rows["wet_probability"].where(rows["state"] == UNKNOWN)
    seen = rows[rows["state"] != UNKNOWN]
    least = {"": chance.sum(), "_lower": (chance > LIKELY).sum(), "_upper": (chance > UNLIKELY).sum()}
    least["_upper"] += _blank(rows)
    return {f"{kind}{end}": float((seen[f"depth{end}"] > 0).sum() + least[end]) for end in ENDS}


def _blank(rows: Any) -> int:
    """Return how many facilities on the map have no estimate at all."""
    return int((rows["wet_probability"].isna() & ~rows["outside_map"].astype(bool)).sum())


HEADLINES = (
    ("affected_population", Text("people in water", "浸水域内人口"), "affected_population", "1", "population"),
    ("flooded_buildings", Text("buildings in water", "浸水棟数"), "flooded_buildings", "1", "buildings"),
    ("above_floor_buildings", Text("buildings flooded above the floor", "床上浸水棟数"), "above_floor_buildings", "1",
     "buildings"),
    ("cut_off_settlements", Text("settlements cut off", "孤立集落"), "cut_off", "1", "roads"),
    ("hospitals_in_water", Text("hospitals in water", "浸水した病院"), "hospital", "1", "facilities"),
    ("pump_trucks", Text("pump trucks needed", "必要な排水ポンプ車"), "trucks", "1", "depth"),
    ("disaster_waste", Text("disaster waste", "災害廃棄物量"), "waste", "t", "buildings"),
    (
        "insured_buildings",
        Text("buildings in more than 45 cm", "地盤面から45 cmを超える浸水の棟数"),
        "insured_buildings",
        "1",
        "buildings",
    ),
    ("total_loss_buildings", Text("totally damaged by the depth rule", "全壊相当の棟数（浸水深による目安）"), "total_loss", "1",
     "buildings"),
    ("shelters_in_water", Text("shelters in water", "浸水した避難所"), "shelter", "1", "facilities"),
    ("water_volume", Text("water in the listed segments", "湛水量（一覧の湛水域の合計）"), "volume", "m3", "depth"),
    ("house_loss", Text("damage to houses", "家屋被害額"), "loss", "JPY", "buildings"),
)  # fmt: skip
EXPECTED = Text("buildings collapsed or washed away, expected", "倒壊・流失棟数（期待値）")
COLLAPSED = ("collapsed_buildings", EXPECTED, "collapsed", "1", "buildings")
UNSEEN = (
    ("buildings_not_observed", Text("buildings not observed", "未観測の建物"), "not_observed_buildings", "buildings"),
    ("population_not_observed", Text("people not observed", "未観測の人口"), "not_observed_population", "population"),
    (
        "settlements_unknown",
        Text("settlements of unknown access", "到達可否が不明な集落"),
        "cut_off_unknown",
        "settlements",
    ),
    (
        "facilities_not_observed",
        Text("facilities not observed", "未観測の施設"),
        "not_observed_facilities",
        "facilities",
    ),
)
WITH_PROBABILITY = (
    (
        "affected_population_unseen",
        Text("people in water where nothing was observed", "浸水域内人口のうち未観測域の推定数"),
        "affected_population_unseen",
        "population",
    ),
    (
        "flooded_buildings_unseen",
        Text("buildings in water where nothing was observed", "浸水棟数のうち未観測域の推定数"),
        "flooded_buildings_unseen",
        "buildings",
    ),
    (
        "population_not_determined",
        Text("people without any estimate", "推定できない人口"),
        "not_determined_population",
        "population",
    ),
    (
        "buildings_not_determined",
        Text("buildings without any estimate", "推定できない建物"),
        "not_determined_buildings",
        "buildings",
    ),
)
THEMES = {
    "buildings": Text("buildings", "建物"),
    "population": Text("population", "人口"),
    "roads": Text("roads and settlements", "道路・集落"),
    "settlements": Text("settlements", "集落"),
    "facilities": Text("facilities", "施設"),
    "depth": Text("depth", "浸水深"),
}


def figures(totals: Mapping[str, float], parameters: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Return the headline figures.

    Parameters
    ----------
    totals
        From `tally`.
    parameters
        The run's parameters; not used.

    Returns
    -------
    tuple of Figure
        Each with its 90 % range under a common error of depth; what rests on data that were not given is not determined and says
        so.
    """
    del parameters
    wave = (COLLAPSED,) if "collapsed" in totals else ()
    silent = (_silent(totals),) if totals.get("not_observed_occupants", 0.0) > 0 else ()
    if totals.get("not_observed_depth_uncertainty", 0.0) > 0:
        silent = (*silent, _assumed(totals))
    silent = (*silent, *_twice(totals))
    blank = (_blank_ground(totals),) if totals.get("not_determined_depth", 0.0) > 0 else ()
    unknown = (_unknown(totals),) if totals.get("not_observed_population_count", 0.0) > 0 else ()
    counts = (*UNSEEN, *(WITH_PROBABILITY if totals.get("given_water_probability") else ()))
    return (
        *(_ranged(totals, *h) for h in (*wave, *HEADLINES)),
        *(_count(totals, *u) for u in counts),
        *silent,
        *unknown,
        *blank,
    )


def _unknown(totals: Mapping[str, float]) -> Figure:
    share = 100.0 * totals["not_observed_population_count"]
    return Figure("flooded_area_without_count", NO_COUNT, share, None, None, "percent", None, EXACT)


def _silent(totals: Mapping[str, float]) -> Figure:
    return Figure("buildings_without_occupants", SILENT, totals["not_observed_occupants"], None, None, "1", None, EXACT)


def _twice(totals: Mapping[str, float]) -> tuple[Figure, ...]:
    """Return what was listed twice: copies of buildings, buildings in two districts."""
    counts = (
        ("building_copies", COPIES, "not_observed_building_copies"),
        ("building_near_copies", NEAR_COPIES, "not_observed_building_near_copies"),
        ("buildings_in_two_districts", IN_TWO, "not_observed_district_overlap"),
    )
    return tuple(Figure(n, t, totals[k], None, None, "1", None, EXACT) for n, t, k in counts if k in totals)


def _assumed(totals: Mapping[str, float]) -> Figure:
    share = 100.0 * totals["not_observed_depth_uncertainty"] / totals["amount_depth_uncertainty"]
    return Figure("depth_uncertainty_assumed", ASSUMED, share, None, None, "percent", None, EXACT)


def _blank_ground(totals: Mapping[str, float]) -> Figure:
    share = 100.0 * totals["not_determined_depth"] / totals["amount_depth"]
    return Figure("ground_not_determined", BLANK_GROUND, share, None, None, "percent", None, EXACT)


def _not_given(theme: str) -> Text:
    words = THEMES[theme]
    return Text(f"not determined: {words.en} not given", f"推定不能：{words.ja}のデータなし")


def _known(totals: Mapping[str, float], theme: str, key: str) -> bool:
    if theme == "roads" and not totals.get("given_settlements"):
        return False
    return bool(
        key in totals and (totals.get(f"given_{theme}") or (theme == "population" and "affected_population" in totals))
    )


def _ranged(totals: Mapping[str, float], name: str, title: Text, key: str, units: str, theme: str) -> Figure:
    if not _known(totals, theme, key):
        return Figure(name, title, np.nan, None, None, units, None, _not_given(theme))
    amount = totals.get(f"amount_{'settlements' if theme == 'roads' else theme}", np.nan)
    empty = amount == 0 and theme != "population"
    if empty or (amount > 0 and totals.get(f"not_determined_{theme}") == amount):
        return Figure(name, title, np.nan, None, None, units, None, NOTHING_SEEN if amount else NOTHING_LISTED)
    value, lower, upper = (totals[key + end] for end in ENDS)
    if np.isnan(value) and theme == "facilities":
        return Figure(name, title, np.nan, None, None, units, None, NOT_NAMED)
    if np.isnan(value):
        reason = ALL_UNKNOWN if theme == "roads" else NOT_VALUED
        return Figure(name, title, np.nan, None, None, units, None, reason)
    return Figure(name, title, value, min(lower, value), max(upper, value), units, 0.9)


def _count(totals: Mapping[str, float], name: str, title: Text, key: str, theme: str) -> Figure:
    if not _known(totals, theme, key):
        return Figure(name, title, np.nan, None, None, "1", None, _not_given(theme))
    return Figure(
        name, title, totals[key], None, None, "1", None, EXPECTED_NUMBER if name.endswith("_unseen") else EXACT
    )
