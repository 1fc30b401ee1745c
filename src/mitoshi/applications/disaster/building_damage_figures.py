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

EXACT = Text("a count of footprints, exact", "建物外形の計数値（統計的な区間なし。抽出の誤りは含まない）")
COUNTED = {
    "destroyed": (("p_destroyed",), Text("buildings destroyed", "倒壊・流失の建物数")),
    "severe": (("p_major", "p_destroyed"), Text("buildings with major damage or destroyed", "大規模被害以上の建物数")),
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
        For destroyed, severe and damaged: the expected number, its variance if buildings erred independently, and the number were
        the odds ten times lower and higher; footprints and not_observed.
    """
    del cell_area_m2
    table = result.buildings
    seen = np.asarray(table["observed"], bool)
    totals = {"footprints": float(len(table)), "not_observed": float((~seen).sum())}
    for name, (columns, _) in COUNTED.items():
        chance = np.clip(sum(np.asarray(table[c], float)[seen] for c in columns), 0.0, 1.0)
        totals[name] = float(np.sum(chance))
        totals[f"{name}_variance"] = float(np.sum(chance * (1.0 - chance)))
        totals[f"{name}_low"] = float(np.sum(chance / (PRIOR_DOUBT - (PRIOR_DOUBT - 1.0) * chance)))
        totals[f"{name}_high"] = float(np.sum(PRIOR_DOUBT * chance / (1.0 + (PRIOR_DOUBT - 1.0) * chance)))
    return totals


def figures(totals: Mapping[str, float], parameters: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Return how many buildings are destroyed, severely damaged, damaged, and how many were not seen.

    Parameters
    ----------
    totals
        From `tally`.
    parameters
        The run's parameters; not used.

    Returns
    -------
    tuple of Figure
        Intervals join a common error of the odds by a factor of 10 and the chance of single buildings. They are about the
        observed buildings alone.
    """
    del parameters
    observed = totals["footprints"] - totals["not_observed"]
    found = []
    for name, (_, title) in COUNTED.items():
        random = NORMAL_90 * math.sqrt(totals[f"{name}_variance"])
        lower = max(0.0, totals[f"{name}_low"] - random)
        upper = min(observed, totals[f"{name}_high"] + random)
        found.append(Figure(f"{name}_buildings", title, totals[name], lower, upper, "1", 0.9))
    unseen = Text("buildings not observed", "未観測の建物数")
    everything = Text("footprints", "建物外形の数")
    return (
        *found,
        Figure("not_observed_buildings", unseen, totals["not_observed"], None, None, "1", None, EXACT),
        Figure("footprints", everything, totals["footprints"], None, None, "1", None, EXACT),
    )
