"""How many landslides, how much ground and how much material moved, and which dammed lake overtops first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.product import Figure, Measured
from mitoshi.core.quantity import PROBABILITY
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.applications.disaster.landslide import Landslide

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
SUMS = {"area": ("landslides", "area_m2"), "volume": ("landslides", "volume_m3"), "stored": ("lakes", "volume_m3")}


def tally(result: Landslide, cell_area_m2: float) -> dict[str, float]:
    """Return the totals of a result.

    Parameters
    ----------
    result
        The whole result.
    cell_area_m2
        Not used: the tables hold areas.

    Returns
    -------
    dict
        Numbers of landslides and lakes; sums of area, volume and water with the sums of their bounds; the shortest time to
        overtopping with its bounds, where it is known; cells and those not observable. The lists come with one tile only.
    """
    del cell_area_m2
    codes = np.asarray(result.landslide)
    totals = {
        "landslides": float(len(result.landslides)),
        "lakes": float(len(result.lakes)),
        "cells": float(codes.size),
        "not_observable": float((codes == 255).sum()),
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
        The run's parameters; not used.

    Returns
    -------
    tuple of Figure
        Sums of bounds are wide: they hold if all landslides err together. The time to overtopping is only there where a lake and
        an inflow are known.
    """
    del parameters

    def ranged(name: str, title: Text, key: str, units: str) -> Figure:
        return Figure(name, title, totals[key], totals[f"{key}_lower"], totals[f"{key}_upper"], units, 0.9)

    def count(name: str, title: Text, value: float, units: str = "1") -> Figure:
        return Figure(name, title, value, None, None, units, None, EXACT)

    found = [
        count("landslide_count", Text("landslides mapped", "抽出した土砂移動の数"), totals["landslides"]),
        ranged("landslide_area", Text("area of landslides", "土砂移動の面積"), "area", "m2"),
        ranged("landslide_volume", Text("volume of landslides", "移動土量"), "volume", "m3"),
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
