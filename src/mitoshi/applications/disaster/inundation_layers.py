"""Layers that flood and tsunami simulations share: hazard classes by depth and speed, and how they are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mitoshi.core.product import Coded, CodedClass, Measured
from mitoshi.core.quantity import DURATION, FLOW_SPEED, PROBABILITY, WATER_DEPTH
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from mitoshi.core.quantity import Raster

__all__ = [
    "CONTROL_RUN",
    "DRY",
    "FLOOD_PROBABILITY",
    "HAZARD",
    "HAZARD_CLASSES",
    "OUTSIDE",
    "WATER_BEFORE",
    "Debris",
    "arrival_layer",
    "depth_layer",
    "depth_uncertainty_layer",
    "hazard_classes",
    "layer_like",
    "speed_layer",
]

Floats = NDArray[np.float64]
Debris = Literal["none", "conservative"]

DRY, CAUTION, SOME, MOST, EVERYONE, WATER_BEFORE, OUTSIDE = 0, 1, 2, 3, 4, 5, 255
THRESHOLDS = (0.75, 1.25, 2.0)
"""Flood hazard rating [m2/s] of danger for some, most and all: Defra/EA FD2320/TR2, table 13.1."""
SHALLOW_M, DEBRIS_SHALLOW, DEBRIS_DEEP = 0.25, 0.5, 1.0
"""Debris factor of FD2320/TR2, table 13.1: up to this depth, and deeper."""

HAZARD_CLASSES = (
    CodedClass(DRY, Text("dry", "浸水なし"), "#f2efe6"),
    CodedClass(CAUTION, Text("caution", "注意"), "#ffe680"),
    CodedClass(SOME, Text("danger for some", "一部の人に危険"), "#f7a34a"),
    CodedClass(MOST, Text("danger for most", "多くの人に危険"), "#d7301f"),
    CodedClass(EVERYONE, Text("danger for all", "すべての人に危険"), "#7a0177"),
    CodedClass(WATER_BEFORE, Text("water from the start", "当初からの水域"), "#4a90c2"),
    CodedClass(OUTSIDE, Text("outside", "対象外"), "#9a9a9a"),
)

CONTROL_RUN = Text(
    "of the unperturbed run; the spread of the depth says where the flow is doubtful",
    "基準ケース（入力を変動させない計算）の値。流れが疑わしい場所は浸水深のばらつきが示す",
)


def depth_layer(title: Text, highest: float, *, uncertainty: str | None = None) -> Measured:
    """Return how a depth is stored: with the named uncertainty, or that of the unperturbed run."""
    reason = CONTROL_RUN if uncertainty is None else None
    return Measured(title, WATER_DEPTH, 0.0001, uncertainty, reason, (0.0, highest), "Blues")


def depth_uncertainty_layer(highest: float) -> Measured:
    """Return how the uncertainty of the maximum depth is stored."""
    title = Text("standard uncertainty of the maximum depth", "最大浸水深の標準不確かさ")
    itself = Text("it is itself the uncertainty of the maximum depth", "最大浸水深の不確かさそのもの")
    return Measured(title, WATER_DEPTH, 0.0001, None, itself, (0.0, highest), "Purples")


def speed_layer(highest: float) -> Measured:
    """Return how the maximum speed is stored."""
    return Measured(
        Text("maximum speed", "最大流速"), FLOW_SPEED, 0.001, None, CONTROL_RUN, (0.0, highest), "inferno_r"
    )


def arrival_layer(title: Text, latest_s: float) -> Measured:
    """Return how the time of arrival is stored."""
    return Measured(title, DURATION, 0.1, None, CONTROL_RUN, (0.0, latest_s), "viridis_r")


HAZARD = Coded(Text("danger to people", "人への危険度"), HAZARD_CLASSES, nodata=OUTSIDE, no_uncertainty=CONTROL_RUN)
FLOOD_PROBABILITY = Measured(
    Text("probability of flooding", "浸水確率"),
    PROBABILITY,
    0.001,
    no_uncertainty=Text("it is itself the uncertainty of the flooded area", "浸水面積の不確かさそのもの"),
    colours="YlGnBu",
)


def hazard_classes(
    rating: Floats, depth: Floats, water_before: NDArray[np.bool_], *, wet_depth_m: float, debris: Debris
) -> NDArray[np.uint8]:
    """Return the danger to people on foot by depth and speed.

    Parameters
    ----------
    rating
        Largest depth x (speed + 0.5) [m2/s], (y, x), NaN outside.
    depth
        Largest depth [m], (y, x).
    water_before
        Where there was water at the start.
    wet_depth_m
        Depth from which a cell counts as flooded.
    debris
        "conservative" adds 0.5 up to 0.25 m of water and 1.0 above it.

    Returns
    -------
    NDArray[np.uint8]
        Codes of `HAZARD_CLASSES`.

    Notes
    -----
    HR = d (v + 0.5) + DF; FD2320/TR2 table 13.1 and the supplementary note of May 2008 (Environment Agency and HR Wallingford).
    """
    added = np.where(depth > SHALLOW_M, DEBRIS_DEEP, DEBRIS_SHALLOW) if debris == "conservative" else 0.0
    codes = np.digitize(np.nan_to_num(rating) + added, THRESHOLDS) + CAUTION
    codes = np.where(np.nan_to_num(depth) >= wet_depth_m, codes, DRY)
    codes = np.where(water_before, WATER_BEFORE, codes)
    return np.where(np.isfinite(depth), codes, OUTSIDE).astype(np.uint8)


def layer_like(values: NDArray[Any], like: Raster) -> Raster:
    """Return values (y, x) as a raster on the grid of another, float layers in single precision."""
    if values.dtype.kind == "f":
        values = values.astype(np.float32)
    coords = {name: like[name] for name in ("y", "x") if name in like.coords}
    return xr.DataArray(values, dims=("y", "x"), coords=coords)
