"""Flood losses by the method of the 水害統計: floor area × unit value × rate by depth above floor, over all tables of rates."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.impact_tables import table
from mitoshi.applications.disaster.impact_uncertainty import SHIFTS, Levels, shifted

__all__ = ["LossRow", "house_rate_range", "house_tables", "loss_rate", "loss_rows"]

Floats = NDArray[np.float64]


class LossRow(NamedTuple):
    """Loss by one table of rates.

    Attributes
    ----------
    item
        "house" or "household".
    rates
        Which table.
    extent, extent_lower, extent_upper
        Sum of floor area × rate [m2], or of households × rate: the loss in units of the asset; NaN where no asset in the water is
        known.
    not_counted
        Flooded buildings whose asset is not known.
    """

    item: str
    rates: str
    extent: float
    extent_lower: float
    extent_upper: float
    not_counted: int


def house_tables(slope_class: str) -> list[dict[str, Any]]:
    """Return the tables of a slope class A, B or C; those of all classes for "all"."""
    return [t for t in table("losses")["house"] if slope_class in ("all", t["slope"])]


def loss_rate(depth: Floats, floor_height: Floats, rates: dict[str, Any]) -> Floats:
    """Return the share of the asset lost, 0..1; 0 where dry, NaN where not observed.

    Parameters
    ----------
    depth
        Above ground [m].
    floor_height
        [m].
    rates
        One table of ``impact_tables/losses.json``.
    """
    above = np.round(depth - floor_height, 4)
    step = np.searchsorted(np.asarray(table("losses")["depths_above_floor_m"]), above, side="right")
    found = np.array([rates["below_floor"], *rates["rates"]])[np.where(above > 0, step, 0)]
    return np.where(np.isnan(depth), np.nan, np.where(depth > 0, found, 0.0))


def house_rate_range(levels: Levels, floor_height: Floats, slope_class: str) -> tuple[Floats, Floats, Floats]:
    """Return the rate per building by the first table, and its least and most over all tables and the depth's range."""
    tables = house_tables(slope_class)
    found = np.stack([loss_rate(shifted(levels, s), floor_height, t) for t in tables for s in SHIFTS])
    return found[0], found.min(axis=0), found.max(axis=0)


def loss_rows(
    levels: Levels, floor_height: Floats, floor_area: Floats, households: Floats, slope_class: str
) -> list[LossRow]:
    """Return one row per item and table of rates.

    Parameters
    ----------
    levels
        Depth at buildings.
    floor_height
        [m].
    floor_area
        [m2]; NaN counts nothing.
    households
        Number per building; NaN counts nothing.
    slope_class
        Of the ground: "A" below 1/1000, "B", "C" from 1/500, or "all".
    """
    rows = []
    items = [("house", house_tables(slope_class), floor_area), ("household", table("losses")["household"], households)]
    for item, tables, amount in items:
        silent = int(np.count_nonzero((levels.level > 0) & np.isnan(amount)))
        known = bool((np.isfinite(amount) & levels.observed).any()) or silent == 0
        for rates in tables:
            each = [loss_rate(shifted(levels, s), floor_height, rates) * amount for s in SHIFTS]
            value, lower, upper = (float(np.nansum(e)) if known else float("nan") for e in each)
            rows.append(LossRow(item, rates["id"], value, lower, upper, silent))
    return rows
