"""How many buildings are damaged, as a range, and how many were not seen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.product import Figure
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.applications.disaster.building_damage import BuildingDamage

__all__ = ["NOT_OBSERVED", "figures", "tally"]

NOT_OBSERVED = 255
NORMAL_90 = 1.645

PRIOR_DOUBT = 10.0
"""Factor by which the odds of damage may be wrong for all buildings at once: the class shares are assumed and not learnt from the
scene, which may hold 0.25 % or 20 % of a class for which 2.5 % is taken; widths are assumed too. Itself assumed."""

HIGHER_ODDS = (10, 30, 100, 300, 1000, 3000)
"""Factors tried where the list itself speaks for more damage than was expected: in a town that is lost for the most part the odds
of damage are thousands of times those of a scene that stands."""

CLEAR_GAIN = 1.353
"""Gain of the log likelihood from which a higher share is taken: half the 90 % quantile of chi-squared of one degree."""

EXPECTED_SHARE = 0.025
"""Default of the share expected in each class."""

EXACT = Text("a count of footprints, exact", "建物外形の計数値（統計的な区間なし。抽出の誤りは含まない）")
NOTHING_LISTED = Text("not determined: the list given is empty (0 of 0)", "推定不能：入力の一覧が空です（0件中0件）")
NOTHING_SEEN = Text("not determined: none of what was given was observed", "推定不能：観測された対象がありません")
NO_PLACE = Text("footprints without coordinates; they count as not observed", "座標のない建物外形の数（未観測に含む）")
COUNTED = {
    "destroyed": (("p_destroyed",), Text("buildings destroyed", "倒壊・流失の建物数")),
    "severe": (("p_major", "p_destroyed"), Text("buildings with major damage or destroyed", "大きな被害以上の建物数")),
    "damaged": (("p_minor", "p_major", "p_destroyed"), Text("buildings damaged", "被害のある建物数")),
}


def tally(result: BuildingDamage, cell_area_m2: float) -> dict[str, float]:
    """Return the totals of a result.

    Parameters
    ----------
    result
        The whole result.
    cell_area_m2
        Not used: buildings are counted, not pixels.

    Returns
    -------
    dict
        For destroyed, severe and damaged: the expected number, its variance if buildings erred independently, the number were the
        odds ten times lower and up to 3000 times higher, with the fit of each; footprints, not_observed, and without_place (no
        geometry, or an empty one).
    """
    del cell_area_m2
    table = result.buildings
    seen = np.asarray(table["observed"], bool)
    totals = {"footprints": float(len(table)), "not_observed": float((~seen).sum())}
    totals["without_place"] = float(np.sum(table.geometry.isna() | table.geometry.is_empty))
    for name, (columns, _) in COUNTED.items():
        chance = np.clip(sum(np.asarray(table[c], float)[seen] for c in columns), 0.0, 1.0)
        totals[name] = float(np.sum(chance))
        totals[f"{name}_variance"] = float(np.sum(chance * (1.0 - chance)))
        totals[f"{name}_low"] = float(np.sum(chance / (PRIOR_DOUBT - (PRIOR_DOUBT - 1.0) * chance)))
        for factor in HIGHER_ODDS:
            raised = 1.0 + (factor - 1.0) * chance
            totals[f"{name}_high_{factor}"] = float(np.sum(factor * chance / raised))
            totals[f"{name}_fit_{factor}"] = float(np.sum(np.log(raised)))
    return totals


def figures(totals: Mapping[str, float], parameters: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Return how many buildings are destroyed, severely damaged, damaged, and how many were not seen.

    Parameters
    ----------
    totals
        From `tally`.
    parameters
        The run's parameters: the shares expected beforehand.

    Returns
    -------
    tuple of Figure
        Intervals join a common error of the odds by a factor of 10, or up to the share that the list itself makes most likely
        where that is higher, and the chance of single buildings. They are about the observed buildings alone.
    """
    observed = totals["footprints"] - totals["not_observed"]
    found = []
    for name, (_, title) in COUNTED.items():
        if observed <= 0:
            why = NOTHING_SEEN if totals["footprints"] else NOTHING_LISTED
            found.append(Figure(f"{name}_buildings", title, math.nan, None, None, "1", None, why))
            continue
        random = NORMAL_90 * math.sqrt(totals[f"{name}_variance"])
        lower = max(0.0, totals[f"{name}_low"] - random)
        upper = min(observed, totals[f"{name}_high_{_odds(name, totals, parameters)}"] + random)
        found.append(Figure(f"{name}_buildings", title, totals[name], lower, upper, "1", 0.9))
    unseen = Text("buildings not observed", "未観測の建物数")
    if totals["without_place"]:
        placeless = totals["without_place"]
        found.append(Figure("footprints_without_place", NO_PLACE, placeless, None, None, "1", None, EXACT))
    everything = Text("footprints", "建物外形の数")
    return (
        *found,
        Figure("not_observed_buildings", unseen, totals["not_observed"], None, None, "1", None, EXACT),
        Figure("footprints", everything, totals["footprints"], None, None, "1", None, EXACT),
    )


def _odds(name: str, totals: Mapping[str, float], parameters: Mapping[str, Any]) -> int:
    """Return the factor on the odds of damage at the upper bound: 10, or more where the list clearly speaks for it.

    With the share s expected, odds k times as high make the likelihood of a building 1 + (k - 1) p over 1 + (k - 1) s times what
    it was.
    """
    columns = COUNTED[name][0]
    share = sum(float(parameters.get(column.replace("p_", "prior_"), EXPECTED_SHARE)) for column in columns)
    observed = totals["footprints"] - totals["not_observed"]
    gains = {k: totals[f"{name}_fit_{k}"] - observed * math.log1p((k - 1.0) * share) for k in HIGHER_ODDS}
    best = max(gains, key=lambda k: gains[k])
    return best if gains[best] > CLEAR_GAIN else HIGHER_ODDS[0]
