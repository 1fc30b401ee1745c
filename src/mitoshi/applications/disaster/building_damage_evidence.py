"""What each kind of image says of the damaged share of a place: its value, and its mean and variance at every share.

f is the damaged share. Coherence, and the agreement of patterns and of edges, fall as 1 - f, since what is replaced no longer
resembles itself. Backscatter may rise or fall: its change has mean 0 and a variance that grows with f². Debris is grainy: detail
grows with f. Levels and widths are absolute: none is learnt from the other places of the scene. Those marked "assumed" come from
no data; all are parameters of the method.
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
    "correlation_evidence",
    "detail_evidence",
    "edge_evidence",
]

PATTERN_WEIGHT = 0.5
"""Exponent of the likelihoods of correlation and of edges: among undamaged buildings they go together (0.77 and 0.89 in two
events), so the two count as one. Detail does not go with them (-0.5 to 0.1) and counts in full."""

PIXELS_PER_SAMPLE = 4.0
"""Pixels that make one independent sample of an optical image: interpolation and point spread. Assumed."""


@dataclass(frozen=True)
class Widths:
    """How much undamaged places change, and how strongly damage shows. See the method's parameters.

    Attributes
    ----------
    coherence_looks
        Independent looks of the coherence estimates.
    natural_coherence, natural_backscatter_db, natural_correlation, natural_edges, natural_detail
        Standard deviation between undamaged places.
    damage_backscatter_db, damage_detail
        Change where all is destroyed: standard deviation, mean.
    backscatter_looks
        Independent looks of a pixel of backscatter.
    """

    coherence_looks: float = 12.0
    natural_coherence: float = 0.1
    natural_backscatter_db: float = 1.2
    natural_correlation: float = 0.08
    natural_edges: float = 0.03
    natural_detail: float = 0.5
    damage_backscatter_db: float = 4.0
    damage_detail: float = 1.0
    backscatter_looks: float = 4.4


@dataclass(frozen=True)
class Reference:
    """What undamaged places look like; nothing here depends on the footprints of the scene.

    Attributes
    ----------
    coherence_ratio
        Coherence across over coherence before, over all steady pixels of the scene.
    correlation
        Correlation of brightness on two dates of an undamaged building, at the best shift.
    edges
        Agreement of the edges of an undamaged building, at the best shift.
    """

    coherence_ratio: float = 1.0
    correlation: float = 0.66
    edges: float = 0.38


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
    """Return the evidence of the correlation of two optical images, the best of so many shifts; shapes (n,)."""
    samples = np.maximum(pixels / PIXELS_PER_SAMPLE, 3.0)
    return _agreement(correlation, samples, reference.correlation, widths.natural_correlation, shifts)


def edge_evidence(
    agreement: NDArray[np.float64],
    pixels: NDArray[np.float64],
    reference: Reference,
    widths: Widths,
    *,
    shifts: int = 1,
) -> Evidence:
    """Return the evidence of the agreement of edges, the best of so many shifts; shapes (n,). A gradient is two samples."""
    samples = 2.0 * np.maximum(pixels / PIXELS_PER_SAMPLE, 3.0)
    return _agreement(agreement, samples, reference.edges, widths.natural_edges, shifts)


def _agreement(
    value: NDArray[np.float64], samples: NDArray[np.float64], undamaged: float, natural: float, shifts: int
) -> Evidence:
    """Return the evidence of a correlation of so many samples, whose mean falls from its undamaged level to that of chance.

    Unrelated images do not give 0 at the best of several shifts, but the largest of as many chance correlations.
    """
    n = samples[:, None]
    floor = np.minimum(_largest_of(shifts / PIXELS_PER_SAMPLE) / np.sqrt(n), 0.8 * undamaged)
    mean = floor + (undamaged - floor) * (1.0 - NODES)[None, :]
    return Evidence(value, mean, np.square(1.0 - mean**2) / n + natural**2, PATTERN_WEIGHT)


def _largest_of(trials: float) -> float:
    """Return the usual largest of so many standard normal values, sqrt(2 ln n); 0 for a single one."""
    return math.sqrt(2.0 * math.log(max(trials, 1.0)))


def detail_evidence(detail: NDArray[np.float64], pixels: NDArray[np.float64], widths: Widths) -> Evidence:
    """Return the evidence of the log ratio of fine detail to contrast, shape (n,)."""
    samples = np.maximum(pixels / PIXELS_PER_SAMPLE, 3.0)[:, None]
    return Evidence(detail, widths.damage_detail * NODES[None, :], 4.0 / samples + widths.natural_detail**2)
