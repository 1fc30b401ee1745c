"""What each kind of image says of the damaged share of a place: its value, and its mean and variance at every share.

f is the damaged share. Coherence and correlation fall as 1 - f, since what is replaced no longer resembles itself. Backscatter
and colour may rise or fall: their change has mean 0 and a variance that grows with f². Debris is grainy: detail grows with f.
The widths below marked "assumed" come from no data and are parameters of the method.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.building_damage_model import NODES, Evidence
from mitoshi.methods.sar.coherence_change import (
    coherence_estimate_mean,
    coherence_estimate_variance,
    coherence_from_estimate,
    ratio_change,
)

__all__ = [
    "Reference",
    "Widths",
    "backscatter_evidence",
    "coherence_evidence",
    "colour_evidence",
    "correlation_evidence",
    "detail_evidence",
]

OPTICAL_WEIGHT = 0.5
"""Exponent of each optical likelihood: correlation, colour and detail come from the same pixels. Assumed."""

PIXELS_PER_SAMPLE = 4.0
"""Pixels that make one independent sample of an optical image: interpolation and point spread. Assumed."""


@dataclass(frozen=True)
class Widths:
    """How much undamaged places change, and how strongly damage shows. See the method's parameters.

    Attributes
    ----------
    coherence_looks
        Independent looks of the coherence estimates.
    natural_coherence, natural_backscatter_db, natural_correlation, natural_colour, natural_detail
        Standard deviation between undamaged places.
    damage_backscatter_db, damage_colour, damage_detail
        Change where all is destroyed: standard deviation, standard deviation, mean.
    backscatter_looks
        Independent looks of a pixel of backscatter.
    """

    coherence_looks: float = 12.0
    natural_coherence: float = 0.1
    natural_backscatter_db: float = 1.2
    natural_correlation: float = 0.15
    natural_colour: float = 0.5
    natural_detail: float = 0.6
    damage_backscatter_db: float = 4.0
    damage_colour: float = 1.0
    damage_detail: float = 1.5
    backscatter_looks: float = 4.4


@dataclass(frozen=True)
class Reference:
    """What undamaged places of this scene look like.

    Attributes
    ----------
    coherence_ratio
        Coherence across over coherence before.
    correlation
        Correlation of two dates of an undamaged building.
    detail
        Log ratio of fine detail of an undamaged building: the difference in sharpness of the two images.
    """

    coherence_ratio: float = 1.0
    correlation: float = 0.8
    detail: float = 0.0

    @classmethod
    def from_places(
        cls,
        coherence_ratio: float,
        correlation: NDArray[np.float64],
        detail: NDArray[np.float64],
        undamaged_share: float,
    ) -> Reference:
        """Return the reference of a scene in which `undamaged_share` of the places is undamaged.

        The median of the least changed places: quantile 1 - s/2 of correlation, s/2 of detail. Correlation is held
        within 0.4 and 0.95, so that a scene destroyed throughout does not pass for undamaged.
        """

        def quantile(values: NDArray[np.float64], level: float, otherwise: float) -> float:
            seen = values[np.isfinite(values)]
            return float(np.quantile(seen, level)) if seen.size else otherwise

        half = undamaged_share / 2.0
        return cls(
            coherence_ratio,
            float(np.clip(quantile(correlation, 1.0 - half, 0.8), 0.4, 0.95)),
            quantile(detail, half, 0.0),
        )


def coherence_evidence(
    before: NDArray[np.float64], across: NDArray[np.float64], reference: Reference, widths: Widths
) -> Evidence:
    """Return the evidence of coherence across the event, given that before; shapes (n,).

    Of the scatterers the share f is replaced and no longer adds up: γ = κ γ_before (1 - f), with the natural ratio κ.
    """
    looks = widths.coherence_looks
    true_before = coherence_from_estimate(before, looks)
    true = reference.coherence_ratio * true_before[:, None] * (1.0 - NODES)
    left = reference.coherence_ratio * (1.0 - NODES)
    variance = (
        coherence_estimate_variance(true, looks)
        + np.square(left) * coherence_estimate_variance(true_before, looks)[:, None]
        + np.square(widths.natural_coherence * (1.0 - NODES))
    )
    return Evidence(across, coherence_estimate_mean(true, looks), variance)


def backscatter_evidence(
    change_db: NDArray[np.float64], pixels: NDArray[np.float64], widths: Widths, weight: float
) -> Evidence:
    """Return the evidence of a change of mean backscatter in dB over so many pixels; shapes (n,)."""
    counts, where = np.unique(np.maximum(pixels, 1.0), return_inverse=True)
    speckle = np.array([ratio_change(widths.backscatter_looks * n, widths.backscatter_looks * n) for n in counts])
    spread = widths.natural_backscatter_db**2 + np.square(widths.damage_backscatter_db * NODES)
    return Evidence(change_db, np.zeros((1, NODES.size)), speckle[where].reshape(-1, 1) + spread, weight)


def correlation_evidence(
    correlation: NDArray[np.float64],
    pixels: NDArray[np.float64],
    reference: Reference,
    widths: Widths,
    *,
    shifts: int = 1,
) -> Evidence:
    """Return the evidence of the correlation of two optical images, the best of so many shifts; shapes (n,).

    Unrelated images do not give 0 at the best of several shifts, but the largest of as many chance correlations.
    """
    samples = np.maximum(pixels / PIXELS_PER_SAMPLE, 3.0)[:, None]
    floor = np.minimum(_largest_of(shifts / PIXELS_PER_SAMPLE) / np.sqrt(samples), 0.8 * reference.correlation)
    mean = floor + (reference.correlation - floor) * (1.0 - NODES)[None, :]
    variance = np.square(1.0 - mean**2) / samples + widths.natural_correlation**2
    return Evidence(correlation, mean, variance, OPTICAL_WEIGHT)


def _largest_of(trials: float) -> float:
    """Return the usual largest of so many standard normal values, sqrt(2 ln n); 0 for a single one."""
    return math.sqrt(2.0 * math.log(max(trials, 1.0)))


def colour_evidence(colour: NDArray[np.float64], widths: Widths) -> Evidence:
    """Return the evidence of a change of mean colour, in spreads of the scene, shape (n,)."""
    variance = widths.natural_colour**2 + np.square(widths.damage_colour * NODES)[None, :]
    return Evidence(colour, np.zeros((1, NODES.size)), variance, OPTICAL_WEIGHT)


def detail_evidence(
    detail: NDArray[np.float64], pixels: NDArray[np.float64], reference: Reference, widths: Widths
) -> Evidence:
    """Return the evidence of the log ratio of fine detail, shape (n,)."""
    mean = reference.detail + widths.damage_detail * NODES[None, :]
    samples = np.maximum(pixels / PIXELS_PER_SAMPLE, 3.0)[:, None]
    return Evidence(detail, mean, 4.0 / samples + widths.natural_detail**2, OPTICAL_WEIGHT)
