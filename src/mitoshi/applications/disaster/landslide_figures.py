"""How many landslides, how much ground and how much material moved, and which dammed lake overtops first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.product import Figure, Measured
from mitoshi.core.quantity import PROBABILITY
from mitoshi.core.text import Text
from mitoshi.methods.statistics.areas import areas_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.applications.disaster.landslide import Landslide
    from mitoshi.methods.statistics.areas import CellArea

__all__ = ["SLIDE_PROBABILITY", "figures", "tally"]

SLIDE_PROBABILITY = Measured(
    Text("probability of a landslide", "土砂移動の確率"),
    PROBABILITY,
    0.001,
    no_uncertainty=Text("it is itself the uncertainty of the landslides", "土砂移動の不確かさそのもの"),
    limits=(0.0, 1.0),
    colours="YlOrBr",
)
"""The layer that maps of landslides have, whatever they are made from."""

EXACT = Text("a count, exact", "計数値（統計的な区間なし。抽出の誤りは含まない）")
LIMIT = Text("landslides that may have gone unmapped, at most", "抽出されていない可能性のある土砂移動の面積（上限）")
NOTHING_SEEN = Text("not determined: no cell was observed", "推定不能：観測された画素がありません")
BOUND = Text("itself a bound, from the noise measured on the scene", "それ自体が上限値（画像で実測した雑音による）")

PRIOR_DOUBT = 10.0
"""Factor by which the prior odds of a slide may be too low everywhere at once. Assumed, as for building damage."""

LARGEST_DEPTH = 1.645
"""Depth of a slide that escapes, over the spread `change_m` of elevation change within slides: nine in ten are shallower."""

USUAL_CHANGE_M = 2.0
"""Default of `change_m`."""

SUMS = {"area": ("landslides", "area_m2"), "volume": ("landslides", "volume_m3"), "stored": ("lakes", "volume_m3")}


def tally(result: Landslide, cell_area_m2: CellArea) -> dict[str, float]:
    """Return the totals of a result.

    Parameters
    ----------
    result
        The whole result.
    cell_area_m2
        Area of the cells in m2, one or broadcast to (y, x); NaN without georeference.

    Returns
    -------
    dict
        Numbers of landslides and lakes; sums of area, volume and water with the sums of their bounds; the shortest time to
        overtopping with its bounds, where it is known; cells and those not observable; the area expected to have slid
        among what is not mapped, were the prior odds ten times as high. The lists come with one tile only.
    """
    codes = np.asarray(result.landslide)
    chance = np.nan_to_num(np.asarray(result.landslide_probability, np.float64))
    area = areas_of(cell_area_m2, codes.shape)
    totals = {
        "landslides": float(len(result.landslides)),
        "lakes": float(len(result.lakes)),
        "cells": float(codes.size),
        "not_observable": float((codes == 255).sum()),
        "unreferenced": 0.0 if area.known else float(codes.size),
        "unmapped": area.total(np.where(codes == 0, PRIOR_DOUBT * chance / (1.0 + (PRIOR_DOUBT - 1.0) * chance), 0.0)),
    }
    for name, (table, column) in SUMS.items():
        for bound in ("", "_lower", "_upper"):
            totals[name + bound] = float(np.sum(np.asarray(getattr(result, table)[column + bound], float)))
    hours = np.asarray(result.lakes["hours_to_overtopping"], float)
    if np.isfinite(hours).any():
        first = int(np.nanargmin(hours))
        for bound in ("", "_lower", "_upper"):
            totals["hours" + bound] = float(np.asarray(result.lakes["hours_to_overtopping" + bound], float)[first])
    return totals


def figures(totals: Mapping[str, float], parameters: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Return the numbers of a report.

    Parameters
    ----------
    totals
        From `tally`.
    parameters
        The run's parameters: `cell_m` where the cells have no area, `change_m` for the depth of what escapes.

    Returns
    -------
    tuple of Figure
        Sums of bounds are wide: they hold if all landslides err together. Where none is mapped, area and volume reach
        from 0 to what may have slid below the noise. The time to overtopping is only there where a lake and an inflow are known.
    """
    limit = totals["unmapped"] * (float(parameters.get("cell_m", 0.0)) ** 2 if totals["unreferenced"] else 1.0)
    seen = totals["cells"] > totals["not_observable"]
    least = {} if totals["landslides"] else {"area": limit, "volume": limit * _depth(parameters)}

    says = NOTHING_SEEN if not seen else BOUND if totals["landslides"] else _none(limit)

    def ranged(name: str, title: Text, key: str, units: str) -> Figure:
        upper = max(totals[f"{key}_upper"], least.get(key, 0.0))
        if key in least and not seen:
            return Figure(name, title, math.nan, None, None, units, None, NOTHING_SEEN)
        return Figure(name, title, totals[key], totals[f"{key}_lower"], upper, units, 0.9)

    def count(name: str, title: Text, value: float, units: str = "1") -> Figure:
        return Figure(name, title, value, None, None, units, None, EXACT)

    found = [
        count("landslide_count", Text("landslides mapped", "抽出した土砂移動の数"), totals["landslides"]),
        ranged("landslide_area", Text("area of landslides", "土砂移動の面積"), "area", "m2"),
        ranged("landslide_volume", Text("volume of landslides", "移動土量"), "volume", "m3"),
        Figure(
            "detection_limit",
            LIMIT,
            limit if seen else math.nan,
            None,
            None,
            "m2",
            None,
            says,
        ),
        count("lake_count", Text("dammed lakes", "河道閉塞の数"), totals["lakes"]),
    ]
    if totals["lakes"]:
        found.append(ranged("lake_volume", Text("water behind dams when full", "満水時の貯水量"), "stored", "m3"))
    if math.isfinite(totals.get("hours", math.nan)):
        found.append(
            ranged("first_overtopping", Text("hours until the first overtopping", "最初の越流までの時間"), "hours", "h")
        )
    share = 100.0 * totals["not_observable"] / max(totals["cells"], 1.0)
    return (
        *found,
        count("not_observable_share", Text("share not observable", "観測不能の割合"), share, "percent"),
    )


def _depth(parameters: Mapping[str, Any]) -> float:
    return LARGEST_DEPTH * float(parameters.get("change_m", USUAL_CHANGE_M))


def _none(limit: float) -> Text:
    return Text(
        f"itself a bound; none detected (below {limit:,.0f} m²), from the noise measured on the scene",
        f"それ自体が上限値。土砂移動は検出されません（{limit:,.0f} m²未満。画像で実測した雑音による）",
    )
