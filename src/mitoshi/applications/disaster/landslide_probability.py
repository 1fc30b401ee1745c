"""Probability that a cell slid, from elevation change, vegetation loss and backscatter change, its slope and its neighbours."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.methods.sar.fuzzy import z_membership

__all__ = ["Earlier", "SlideModel", "normal_log_ratio", "scene_centre", "slide_probability", "slope_log_odds"]

SPREAD_OF_NORMAL = 1.4826
SWEEPS = 12
BLOCK = 256
"""Side of the blocks that are swept on their own, with as many cells around as there are sweeps: they stay in the cache."""
STEEPEST_LIKELIHOOD = 8.0
"""Largest log likelihood ratio a single cell may bring: one wild cell is noise of another kind, not a slide."""

FLAT_FACTOR = 0.05
"""Prior odds of a slide on flat ground relative to a slope: run-out and deposits do reach valley floors. Assumed."""


class SlideModel(NamedTuple):
    """What a slide is expected to look like; assumptions, see the method's parameters.

    Attributes
    ----------
    prior
        Share of steep cells expected to have slid.
    change_m
        Standard deviation of the elevation change within slides.
    vegetation_loss
        Expected rdNDVI within slides, as a positive loss.
    backscatter_db
        Standard deviation of the backscatter change within slides.
    smoothness
        Log odds that each of 8 neighbours that slid adds.
    slope_deg
        Slopes between which the prior rises from flat ground to a slope.
    """

    prior: float = 0.02
    change_m: float = 2.0
    vegetation_loss: float = 0.4
    backscatter_db: float = 4.0
    smoothness: float = 0.5
    slope_deg: tuple[float, float] = (5.0, 15.0)


class Earlier(NamedTuple):
    """An earlier probability, and the cells whose odds are others now, both (y, x)."""

    chance: NDArray[np.float32]
    changed: NDArray[np.bool_]


def scene_centre(values: NDArray[np.float32]) -> tuple[float, float]:
    """Return the median and the scaled median absolute deviation of a scene; (0, 1) where nothing was observed."""
    seen = values[np.isfinite(values)]
    if seen.size == 0:
        return 0.0, 1.0
    median = float(np.median(seen))
    return median, max(SPREAD_OF_NORMAL * float(np.median(np.abs(seen - median))), 1e-6)


def normal_log_ratio(
    values: NDArray[np.float32], centre: float, sigma: float, mean: float, spread: float
) -> NDArray[np.float32]:
    """Return log p(value | slid) - log p(value | not slid), both normal, cut at ±8; 0 where missing.

    Parameters
    ----------
    values
        Observations, any shape, NaN where missing.
    centre, sigma
        Mean and standard deviation of ground that did not slide.
    mean, spread
        Mean (from `centre`) and standard deviation added by sliding.
    """
    wide = float(np.hypot(sigma, spread))
    centred = values - np.float32(centre)
    ratio = 0.5 * np.square(centred / sigma) - 0.5 * np.square((centred - mean) / wide) - np.log(wide / sigma)
    cut = np.clip(ratio, -STEEPEST_LIKELIHOOD, STEEPEST_LIKELIHOOD)
    return np.where(np.isfinite(values), cut, 0.0).astype(np.float32)


def slope_log_odds(slope_deg: NDArray[np.float32] | None, model: SlideModel) -> NDArray[np.float32]:
    """Return the prior log odds of a slide: those of `prior` on slopes, a twentieth of them on flat ground."""
    steep = np.log(model.prior / (1.0 - model.prior))
    if slope_deg is None:
        return np.full(1, steep, np.float32)
    member = 1.0 - z_membership(np.where(np.isfinite(slope_deg), slope_deg, 90.0).astype(np.float32), *model.slope_deg)
    return np.asarray(steep + np.log(FLAT_FACTOR + (1.0 - FLAT_FACTOR) * member), np.float32)


def slide_probability(
    log_ratio: NDArray[np.float32],
    prior_log_odds: NDArray[np.float32],
    observed: NDArray[np.bool_],
    smoothness: float,
    earlier: Earlier | None = None,
) -> NDArray[np.float32]:
    """Return the probability that each cell slid, given its own evidence and that slides hang together.

    Parameters
    ----------
    log_ratio
        Sum of the log likelihood ratios of all evidence, shape (y, x).
    prior_log_odds
        Prior log odds, shape (y, x) or (1,).
    observed
        Cells with any evidence.
    smoothness
        Log odds added by each of the 8 neighbours that slid, against none that did.
    earlier
        Where only some cells have other odds than in an earlier call: what it returned, and which cells. Less is then computed;
        the result is the same.

    Returns
    -------
    NDArray[np.float32]
        Shape (y, x), NaN where not observed.

    Notes
    -----
    Mean field of a Markov random field (as Lu et al. 2019, Remote Sensing of Environment 231, map landslides), 12 sweeps of
    p ← σ(log odds + smoothness · Σ p of the neighbours). Neighbours only add, so thin run-outs are not smoothed away, and a
    lone cell keeps its own odds.
    """
    own = (log_ratio + prior_log_odds).astype(np.float32)
    out = np.empty(own.shape, np.float32) if earlier is None else earlier.chance.copy()
    for row in range(0, own.shape[0], BLOCK):
        for column in range(0, own.shape[1], BLOCK):
            core = tuple(slice(start, start + BLOCK) for start in (row, column))
            around = tuple(slice(max(0, start - SWEEPS), start + BLOCK + SWEEPS) for start in (row, column))
            if earlier is not None and not earlier.changed[around].any():
                continue
            swept = _swept(own[around], observed[around], np.float32(smoothness))
            top, left = row - around[0].start, column - around[1].start
            out[core] = swept[top : top + BLOCK, left : left + BLOCK]
    return out


def _swept(own: NDArray[np.float32], observed: NDArray[np.bool_], smoothness: np.float32) -> NDArray[np.float32]:
    """Return the probability after all sweeps, NaN where not observed."""
    chance = np.where(observed, _logistic(own), np.float32(0.0))
    for _ in range(SWEEPS):
        chance = np.where(observed, _logistic(own + smoothness * _neighbours(chance)), np.float32(0.0))
    return np.where(observed, chance, np.float32(np.nan)).astype(np.float32)


def _logistic(odds: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds, -30.0, 30.0))), np.float32)


def _neighbours(chance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum over the 8 neighbours; outside the array there are none."""
    padded = np.pad(chance, 1)
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray(rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] - chance, np.float32)
