"""Probability that a pixel is flooded, from one or two dates of backscatter in scene units.

Calibrated backscatter uses the water model alone, on each date: flooded = water now and not water before. Stretched images
carry no physical scale; with two dates they use the change model, a weighted mean of a logistic model and of trees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.methods.sar.fuzzy import z_membership
from mitoshi.methods.sar.water_features import UNIT, Brightness, date_features, pair_features
from mitoshi.methods.statistics.logistic import LogisticModel, log_odds, probability
from mitoshi.methods.statistics.trees import TreeEnsemble, ensemble_from_json, score

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "FloodModel",
    "change_features",
    "change_probability",
    "looks_flooded",
    "model_from_json",
    "water_probability",
]


NOW, THEN, CHANGE = "level_after_7", "level_before_7", "change_7"
OUTLIER = "deviation_before_7"

DARK_RANGE = (0.4, 0.7)
"""Of the way from the dark to the bright class mean, over 7 × 7 pixels: open water up to the first, never from the second on.
This and the following were chosen by leaving the training events out (`benchmarks/flood_extent_training.py`)."""

DROP_RANGE = (0.25, 1.25)
"""In spreads of each date's scene: where the image shows one class, nothing is flood up to the first, all that is dark from the
second on."""

LEAST_SPREAD = 20.0
"""Grey levels: in a scene that is flatter the spread is that of its speckle, and chance alone makes drops of a spread or two."""

USUAL_RANGE, SAME_RANGE, USUAL_WEIGHT = (0.6, 0.9), (0.2, 1.2), 0.85
"""Level before, drop in spreads, and by how much water that was there and has not changed lowers the probability: what the
training gives it, up to 0.7, then stays below the threshold."""

OUTLIER_RANGE, STILL_RANGE, OUTLIER_WEIGHT = (5.0, 6.0), (0.1, 0.5), 0.9
"""Below the median of the image before, in spreads of it, and drop in spreads: water that was there, in an image that has too
little of it to show two classes, is an outlier beyond the first and has not dropped by the second. Chosen by leaving the training
events out, among ranges with which no event falls by more than 0.03 below Otsu's threshold; with the weight even what the model
is sure of stays below its threshold of 0.12."""

TREES_SHARE = 2.0 / 3.0
"""Weight of the trees in the change model: they know the training events best, the logistic model unseen ones."""


class FloodModel(NamedTuple):
    """What was learnt from the training tiles.

    Attributes
    ----------
    water
        Open water in one image.
    change, trees
        Flooded between two images: the steady part and the detailed part, whose probabilities are averaged.
    water_threshold, change_threshold
        Probabilities from which a pixel counts as flooded, for the two kinds of estimate.
    """

    water: LogisticModel
    change: LogisticModel
    trees: TreeEnsemble
    water_threshold: float
    change_threshold: float


def model_from_json(stored: Mapping[str, Any]) -> FloodModel:
    """Return the model of the parsed JSON file that the training writes."""
    return FloodModel(
        LogisticModel(stored["water"]["intercept"], stored["water"]["slopes"], stored["water"]["limit"]),
        LogisticModel(stored["change"]["intercept"], stored["change"]["slopes"], stored["change"]["limit"]),
        ensemble_from_json(stored["features"], stored["trees"]),
        stored["water_threshold"],
        stored["change_threshold"],
    )


def water_probability(model: FloodModel, date: Brightness) -> NDArray[np.float32]:
    """Return the probability of open water in one image, shape (y, x)."""
    found = date_features(date, "after", tuple(model.water.slopes))
    return probability(log_odds(model.water, found))


def change_features(after: Brightness, before: Brightness, wanted: tuple[str, ...]) -> dict[str, NDArray[np.int16]]:
    """Return the wanted features of two dates by name, each of shape (y, x)."""
    return {
        **date_features(after, "after", wanted),
        **date_features(before, "before", wanted),
        **pair_features(after, before, wanted),
    }


def looks_flooded(
    found: Mapping[str, NDArray[np.int16]], two_classes: tuple[bool, bool], spread: float
) -> NDArray[np.float32]:
    """Return how far the ground looks like water now that was not there before, 0..1, same shape as the features.

    Parameters
    ----------
    found
        Features by name; those of `NOW`, `THEN`, `CHANGE` and `OUTLIER` are asked for.
    two_classes
        Of the image after and of the one before, whether any block shows a dark and a bright class for certain.
    spread
        Mean spread of the flatter scene [grey levels].

    Notes
    -----
    Open water is dark now. An image of one class shows no water by itself, so the change must: without a drop nothing is flood.
    Water that was as dark before, in an image that shows water, and has not dropped is usual water; so is a river or pond that
    takes too little of the image before to make a class of its own, by its own darkness there.
    """
    unit = np.float32(UNIT)
    dark = z_membership(found[NOW] / unit, *DARK_RANGE)
    drop = found[CHANGE] / unit * np.float32(-min(1.0, spread / LEAST_SPREAD))
    if not two_classes[0]:
        return dark * (np.float32(1.0) - z_membership(drop, *DROP_RANGE))
    if not two_classes[1]:
        lone = np.float32(1.0) - z_membership(found[OUTLIER] / -unit, *OUTLIER_RANGE)
        lone *= z_membership(drop, *STILL_RANGE)
        return dark * (np.float32(1.0) - np.float32(OUTLIER_WEIGHT) * lone)
    usual = z_membership(found[THEN] / unit, *USUAL_RANGE) * z_membership(drop, *SAME_RANGE)
    return dark * (np.float32(1.0) - np.float32(USUAL_WEIGHT) * usual)


def change_probability(model: FloodModel, after: Brightness, before: Brightness) -> NDArray[np.float32]:
    """Return the probability of flooding between two images, shape (y, x).

    Change alone is no flood: what does not look like open water now has probability 0, whatever it was before (`looks_flooded`).
    """
    wanted = tuple(dict.fromkeys((NOW, THEN, CHANGE, OUTLIER, *model.change.slopes, *model.trees.names)))
    found = change_features(after, before, wanted)
    steady = log_odds(model.change, found)
    stacked = np.stack([found[name] for name in model.trees.names])
    detailed = score(model.trees, stacked, np.ones(steady.shape, bool))
    share = np.float32(TREES_SHARE)
    changed = (np.float32(1.0) - share) * probability(steady) + share * probability(detailed.astype(np.float32))
    return changed * looks_flooded(found, (after.two_classes, before.two_classes), min(after.spread, before.spread))
