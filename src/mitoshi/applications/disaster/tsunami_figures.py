"""How high a tsunami ran up, beside the flooded area and volume."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.applications.disaster import inundation_figures
from mitoshi.applications.disaster.inundation_layers import CAUTION, EVERYONE
from mitoshi.core.product import Figure
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.applications.disaster.tsunami import Tsunami
    from mitoshi.methods.statistics.areas import CellArea

__all__ = ["figures", "tally"]


def tally(result: Tsunami, cell_area_m2: CellArea) -> dict[str, float]:
    """Return the totals of a result: those of `inundation_figures.tally`, the highest run-up with bounds, the first arrival.

    Parameters
    ----------
    result
        The whole result.
    cell_area_m2
        Area of the pixels in m2, one or broadcast to (y, x); NaN without georeference.

    Returns
    -------
    dict
        NaN for the run-up where no land was flooded, and for its bounds without an ensemble.
    """
    totals = inundation_figures.tally(result, cell_area_m2)
    codes = np.asarray(result.hazard)
    land = (codes >= CAUTION) & (codes <= EVERYONE)
    totals |= dict.fromkeys(("runup", "runup_lower", "runup_upper", "arrival"), math.nan)
    if land.any():
        surface = np.where(land, np.asarray(result.maximum_surface, dtype=np.float64), -np.inf)
        place = np.unravel_index(int(surface.argmax()), surface.shape)
        error = inundation_figures.NORMAL_90 * float(np.asarray(result.maximum_depth_uncertainty)[place])
        totals["runup"] = float(surface[place])
        totals["runup_lower"], totals["runup_upper"] = totals["runup"] - error, totals["runup"] + error
        arrival = np.asarray(result.arrival_time, dtype=np.float64)[land]
        totals["arrival"] = float(np.nanmin(arrival)) if np.isfinite(arrival).any() else math.nan
    return totals


def figures(totals: Mapping[str, float], parameters: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Return run-up, first arrival, flooded area and volume with their ranges.

    Parameters
    ----------
    totals
        From `tally`.
    parameters
        The run's parameters; not used.

    Returns
    -------
    tuple of Figure
        Run-up and arrival only where land was flooded.
    """
    found = list(inundation_figures.figures(totals, parameters))
    if math.isfinite(totals["arrival"]):
        title = Text("first arrival on land", "陸上への最初の到達")
        minutes = totals["arrival"] / 60.0
        found.insert(0, Figure("first_arrival", title, minutes, None, None, "min", None, inundation_figures.CONTROL))
    if math.isfinite(totals["runup"]):
        known = math.isfinite(totals["runup_lower"])
        found.insert(
            0,
            Figure(
                "highest_runup",
                Text("highest run-up", "最大遡上高"),
                totals["runup"],
                totals["runup_lower"] if known else None,
                totals["runup_upper"] if known else None,
                "m",
                0.9 if known else None,
                None if known else inundation_figures.ONE_RUN,
            ),
        )
    return tuple(found)
