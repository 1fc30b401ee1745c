"""Disaster waste by every published set of units, as rows; the total is the range over them.

Houses are put into categories in two ways, both in use: by 罹災証明 class (total, half), and by 床上 / 床下.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.impact_certificate import NOT_OBSERVED, SURVEY
from mitoshi.applications.disaster.impact_tables import table

__all__ = [
    "BASES", "CATEGORIES", "Houses", "WasteRow", "by_certificate", "by_flooding", "most_waste", "site_area", "total_range",
    "waste_of", "waste_rows", "whole_sets",
]  # fmt: skip

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
BASES = ("certificate", "flooding")
CATEGORIES = ("none", "below_floor", "above_floor", "partial", "half", "large_half", "total")
NONE, BELOW, ABOVE, PARTIAL, HALF, LARGE_HALF, TOTAL = range(7)
COARSER = {"large_half": "half", "partial": "below_floor"}
OF_CLASS = {1: BELOW, 2: PARTIAL, 3: HALF, 4: HALF, 5: LARGE_HALF, 6: TOTAL}


class Houses(NamedTuple):
    """What the formula by floor area needs, per building.

    Attributes
    ----------
    floor_area
        [m2]; NaN takes the national mean of wooden houses.
    wooden
        Wooden or of unknown structure.
    """

    floor_area: Floats
    wooden: NDArray[np.bool_]


class WasteRow(NamedTuple):
    """Waste by one set of units and one way of counting [t]."""

    unit_set: str
    basis: str
    waste: float
    lower: float
    upper: float


def by_flooding(depth: Floats, floor_height: Floats) -> Codes:
    """Return categories by depth [m] alone: above or below the floor; not observed is none."""
    above = np.round(depth - floor_height, 4) > 0
    return np.where(depth > 0, np.where(above, ABOVE, BELOW), NONE).astype(np.int64)


def by_certificate(classes: Codes, flooding: Codes) -> Codes:
    """Return categories by 罹災証明 class; buildings to be surveyed keep that by flooding."""
    found = np.zeros(classes.shape, np.int64)
    for code, category in OF_CLASS.items():
        found[classes == code] = category
    found = np.where(classes == SURVEY, flooding, found)
    return np.where(classes == NOT_OBSERVED, NONE, found)


def waste_of(categories: Codes, houses: Houses, unit_set: dict[str, Any], half_share: float | None = None) -> Floats:
    """Return the waste of each building by one set of units [t].

    Parameters
    ----------
    categories
        Positions in `CATEGORIES`. What a set does not tell apart takes the coarser class: a large half the half, a partly damaged
        house the unit of 床下.
    houses
        Floor areas and structure.
    unit_set
        Of ``impact_tables/waste.json``.
    half_share
        Share of the waste of a half-damaged house in the formula by floor area; that of the table if None.
    """
    unit = unit_set["t_per_building"]
    found = np.zeros(categories.shape)
    for code, name in enumerate(CATEGORIES[1:], start=1):
        if "formula" in unit_set and code >= HALF:
            continue
        found[categories == code] = unit[name] if name in unit else unit[COARSER[name]]
    if "formula" not in unit_set:
        return found
    formula = unit_set["formula"]
    share = formula["half_share"] if half_share is None else half_share
    area = np.where(houses.floor_area > 0, houses.floor_area, formula["wood_floor_m2"])
    whole = area * np.where(houses.wooden, formula["wood_t_m2"], formula["other_t_m2"])
    found = np.where(categories == TOTAL, whole, found)
    return np.where((categories == HALF) | (categories == LARGE_HALF), share * whole, found)


def waste_rows(basis: str, categories: tuple[Codes, Codes, Codes], houses: Houses) -> list[tuple[WasteRow, Floats]]:
    """Return one row per set of units, with the waste per building at the estimate and at both ends, (3, buildings).

    Parameters
    ----------
    basis
        One of `BASES`.
    categories
        At the estimated depth, and at the lower and upper end of its range.
    houses
        Floor areas and structure.
    """
    rows = []
    for unit_set in table("waste")["sets"]:
        low, high = unit_set.get("formula", {}).get("half_share_range", (None, None))
        each = np.stack([waste_of(c, houses, unit_set, b) for c, b in zip(categories, (None, low, high), strict=True)])
        total = each.sum(axis=1)
        rows.append((WasteRow(unit_set["id"], basis, float(total[0]), float(total.min()), float(total.max())), each))
    return rows


def most_waste(floor_area: Floats, structure: NDArray[np.object_]) -> float:
    """Return the waste of buildings of which nothing is known, were all of them totally damaged: the most of all sets [t].

    Parameters
    ----------
    floor_area
        [m2]; NaN takes the national mean.
    structure
        Words; missing counts as wooden.
    """
    wooden = np.array([s in (None, "wood", "unknown") or s != s for s in structure], bool)
    total = np.full(floor_area.shape, TOTAL, np.int64)
    sets = [s for s in table("waste")["sets"] if s["id"] in whole_sets()]
    return max(float(waste_of(total, Houses(floor_area, wooden), s).sum()) for s in sets)


def whole_sets() -> set[str]:
    """Return the sets of units that count all waste, not household goods alone."""
    return {s["id"] for s in table("waste")["sets"] if s["scope"].startswith("all")}


def total_range(rows: list[WasteRow]) -> tuple[float, float, float]:
    """Return middle and ends over all sets that count all waste [t]: the mean of the estimates, the least and the most."""
    kept = [r for r in rows if r.unit_set in whole_sets()]
    if not kept:
        return float("nan"), float("nan"), float("nan")
    return sum(r.waste for r in kept) / len(kept), min(r.lower for r in kept), max(r.upper for r in kept)


def site_area(lower_t: float, upper_t: float) -> tuple[float, float]:
    """Return least and most area of temporary storage [m2].

    The least is all incombustible with little room to work, the most all combustible with much.
    """
    told = table("waste")["site"]
    density, space = told["density_t_m3"], told["work_space_share"]
    least = lower_t / density["incombustible"] / told["height_m"] * (1.0 + space[0])
    return least, upper_t / density["combustible"] / told["height_m"] * (1.0 + space[1])
