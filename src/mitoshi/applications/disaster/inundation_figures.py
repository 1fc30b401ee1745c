"""Flooded area and volume of a simulation with their ranges."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mitoshi.applications.disaster.inundation_layers import DRY, MOST, OUTSIDE, WATER_BEFORE
from mitoshi.core.product import Figure
from mitoshi.core.text import Text
from mitoshi.methods.statistics.areas import CellArea, areas_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.core.quantity import Raster

__all__ = ["figures", "tally"]

NORMAL_90 = 1.645
LEAST, MOST_LIKELY = 0.05, 0.95
ONE_RUN = Text("one run without an ensemble", "アンサンブルなしの単一計算")
CONTROL = Text("of the unperturbed run", "基準ケース（入力を変動させない計算）の値")
EXACT = Text("a count of cells, exact", "格子の計数値（統計的な区間なし）")


class Simulated(Protocol):
    """What is counted."""

    @property
    def maximum_depth(self) -> Raster:
        """(y, x) [m]."""

    @property
    def maximum_depth_uncertainty(self) -> Raster:
        """(y, x) [m]."""

    @property
    def flood_probability(self) -> Raster:
        """(y, x)."""

    @property
    def hazard(self) -> Raster:
        """Codes (y, x)."""


def tally(result: Simulated, cell_area_m2: CellArea) -> dict[str, float]:
    """Return the totals of a simulation.

    Parameters
    ----------
    result
        The whole result.
    cell_area_m2
        Area of the pixels in m2, one or broadcast to (y, x); NaN without georeference, and then totals count pixels.

    Returns
    -------
    dict
        Area that was dry and became wet, and the volume under its maximum depth, each with bounds (NaN without an ensemble); area
        of danger for most people or all; area outside; the whole area.
    """
    codes = np.asarray(result.hazard)
    land = (codes != OUTSIDE) & (codes != WATER_BEFORE)
    wet = land & (codes != DRY)
    depth = np.nan_to_num(np.asarray(result.maximum_depth, dtype=np.float64))
    spread = np.asarray(result.maximum_depth_uncertainty, dtype=np.float64)
    chance = np.asarray(result.flood_probability, dtype=np.float64)
    known = bool(np.isfinite(chance[land]).any())
    area = areas_of(cell_area_m2, codes.shape)
    totals = {
        "area": area.total(wet),
        "volume": area.total(np.where(wet, depth, 0.0)),
        "dangerous": area.total(land & (codes >= MOST)),
        "outside": area.total(codes == OUTSIDE),
        "total": area.total(np.ones(codes.shape)),
        "unreferenced": 0.0 if area.known else 1.0,
        **dict.fromkeys(("area_lower", "area_upper", "volume_lower", "volume_upper"), math.nan),
    }
    if known:
        error = NORMAL_90 * np.nan_to_num(spread)
        perhaps = land & (wet | (np.nan_to_num(chance) > LEAST))
        totals["area_lower"] = area.total(wet & (np.nan_to_num(chance) >= MOST_LIKELY))
        totals["area_upper"] = area.total(perhaps)
        totals["volume_lower"] = area.total(np.where(wet, np.maximum(depth - error, 0.0), 0.0))
        totals["volume_upper"] = area.total(np.where(perhaps, depth + error, 0.0))
    return totals


def figures(totals: Mapping[str, float], parameters: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Return flooded area and volume with their ranges.

    Parameters
    ----------
    totals
        From `tally`.
    parameters
        The run's parameters; not used.

    Returns
    -------
    tuple of Figure
        The range of the area reaches from where every member is wet to where any is; that of the volume from depth less to
        depth plus 1.645 standard uncertainties everywhere at once. Both are wide: they hold if all cells err together.
    """
    del parameters
    scale, area_unit, volume_unit = (1e-6, "km2", "m3") if totals["unreferenced"] == 0 else (1.0, "pixel", "m pixel")

    def ranged(name: str, title: Text, key: str, factor: float, units: str) -> Figure:
        low, high = totals[f"{key}_lower"], totals[f"{key}_upper"]
        if not math.isfinite(low):
            return Figure(name, title, totals[key] * factor, None, None, units, None, ONE_RUN)
        return Figure(name, title, totals[key] * factor, low * factor, high * factor, units, 0.9)

    def single(name: str, title: Text, value: float, units: str, reason: Text) -> Figure:
        return Figure(name, title, value, None, None, units, None, reason)

    share = 100.0 * totals["outside"] / max(totals["total"], 1e-9)
    danger = Text("area dangerous for most people or all", "大半の人に危険が及ぶ区域の面積")
    return (
        ranged("flooded_area", Text("flooded area", "浸水面積"), "area", scale, area_unit),
        ranged(
            "flood_volume", Text("volume under the maximum depth", "最大浸水深による湛水量"), "volume", 1.0, volume_unit
        ),
        single("dangerous_area", danger, totals["dangerous"] * scale, area_unit, CONTROL),
        single("outside_share", Text("share without elevation", "標高データの欠損率"), share, "percent", EXACT),
    )
