"""Depth of one tile from the scene's water surface: each pixel depends on its own cell and on the survey alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mitoshi.applications.disaster.flood_depth_cells import DRY, FLOODED, PERMANENT, UNSEEN, label_cells

if TYPE_CHECKING:
    from mitoshi.applications.disaster.flood_depth_survey import DepthSurvey

__all__ = ["STEP_M", "TileDepth", "given_flooded", "tile_depth"]

STEP_M = 0.01
"""Step of the stored depth, and the least depth of a flooded pixel."""

UNKNOWN_M = 5.0
"""Uncertainty where no elevation is known in the pixel's cell."""

OWN_ERROR = 0.5
"""Share of the elevation's error that a pixel has for itself, not in common with the shoreline of its cell."""


LEAST_PROBABLE, MOST_PROBABLE = 0.001, 0.999
"""What was not seen is never certain: a probability of one says that the map says flooded, and of zero that it says dry."""

LEAST_PROBABILITY = 0.0005
"""Below it, water that was carried to a pixel gives the pixel no depth."""

SEEN, CARRIED, CONFIRMED, UNKNOWN = 0, 1, 2, 255
"""Sources of a depth: the flood map, the water around, the same with the coherence of the place, or nothing."""


class TileDepth(NamedTuple):
    """Depth, its standard uncertainty, surface [m], probability of water and source of one tile, each (rows, columns)."""

    depth: NDArray[np.float32]
    uncertainty: NDArray[np.float32]
    surface: NDArray[np.float32]
    probability: NDArray[np.float32]
    source: NDArray[np.uint8]


@njit(cache=True, nogil=True)
def given_flooded(mean: float, deviation: float, usual: float = np.inf) -> tuple[float, float]:
    """Return mean and standard deviation of a depth that is known to be positive, after it was estimated.

    Parameters
    ----------
    mean, deviation
        Of the estimate, whose error is normal [m].
    usual
        Mean of the exponential distribution of depths before the estimate [m]; infinite where all depths are alike.

    Notes
    -----
    Exponential prior times normal likelihood is a normal distribution of mean m = μ - σ² / usual, truncated at zero: its mean is
    m + σ λ and its variance σ² (1 - λ (λ + m/σ)) with λ = φ(m/σ) / Φ(m/σ).
    Eight standard deviations below zero and deeper count as eight.
    """
    low = max(mean / deviation - deviation / usual, -8.0)
    density = math.exp(-0.5 * low * low) / math.sqrt(2.0 * math.pi)
    hazard = density / (0.5 * math.erfc(-low / math.sqrt(2.0)))
    return deviation * (low + hazard), deviation * math.sqrt(max(1.0 - hazard * (low + hazard), 1e-4))


@njit(cache=True, nogil=True)
def _fill(  # type: ignore[no-untyped-def]
    codes,
    ground,
    label,
    top,
    left,
    cell,
    first,
    count,
    levels,
    spreads,
    grounds,
    error,
    shallow,
    depth,
    uncertainty,
    surface,
):
    for r in range(codes.shape[0]):
        i = (top + r) // cell
        down = ((top + r) % cell + 0.5) / cell
        for c in range(codes.shape[1]):
            depth[r, c] = uncertainty[r, c] = 0.0 if codes[r, c] == DRY or codes[r, c] == PERMANENT else np.nan
            surface[r, c] = np.nan
            if codes[r, c] != FLOODED:
                continue
            z = np.float64(ground[r, c])
            depth[r, c], uncertainty[r, c], surface[r, c] = STEP_M, UNKNOWN_M, z + STEP_M
            j = (left + c) // cell
            if i < 0 or i >= count.shape[0] or j < 0 or j >= count.shape[1] or label[r, c] >= count[i, j]:
                continue
            n = first[i, j] + label[r, c]
            across = ((left + c) % cell + 0.5) / cell
            a, b, d, e = (1 - across) * (1 - down), across * (1 - down), across * down, (1 - across) * down
            level = a * levels[n, 0] + b * levels[n, 1] + d * levels[n, 2] + e * levels[n, 3]
            spread = a * spreads[n, 0] + b * spreads[n, 1] + d * spreads[n, 2] + e * spreads[n, 3]
            if not np.isfinite(z):
                z = np.float64(grounds[n])
            if not np.isfinite(z):
                surface[r, c] = level
                continue
            mean, deviation = given_flooded(level - z, math.sqrt(spread * spread + error * error), shallow)
            depth[r, c] = max(mean, STEP_M)
            uncertainty[r, c] = max(deviation, STEP_M)
            surface[r, c] = z + depth[r, c]


def tile_depth(
    codes: NDArray[np.uint8], ground: NDArray[np.float32], survey: DepthSurvey, origin: tuple[int, int], error_m: float
) -> TileDepth:
    """Return the depth of one tile.

    Parameters
    ----------
    codes
        (rows, columns), from `codes_of`.
    ground
        (rows, columns) elevation [m]; where it is missing, the mean of the flooded ground of the pixel's piece stands for it.
    survey
        The scene's water surface.
    origin
        Row and column of the tile's first pixel in the scene.
    error_m
        Standard error of the elevation [m].
    """
    label: Any = label_cells(codes, origin, survey.cell).label
    depth, uncertainty, surface = (np.empty(codes.shape, np.float32) for _ in range(3))
    found = TileDepth(depth, uncertainty, surface, _certain(codes), _source(codes))
    _fill(
        codes, ground, label, *origin, survey.cell, survey.first, survey.pieces, survey.level, survey.uncertainty,
        survey.ground, OWN_ERROR * error_m, survey.usual_depth, depth, uncertainty, surface,
    )  # fmt: skip
    unseen = survey.unseen
    if unseen is not None:
        _carry(
            codes, ground, *origin, survey.cell, unseen.factor, unseen.barrier, unseen.piece, unseen.level, unseen.uncertainty,
            OWN_ERROR * error_m, survey.usual_depth, *found,
        )  # fmt: skip
    return found


def _certain(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the probability of water as the map says: 1 flooded, 0 dry or permanent water, NaN not observable."""
    dry = (codes == DRY) | (codes == PERMANENT)
    return np.where(codes == FLOODED, 1.0, np.where(dry, 0.0, np.nan)).astype(np.float32)


def _source(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what was seen; all else is not known yet."""
    return np.where(codes == UNSEEN, UNKNOWN, SEEN).astype(np.uint8)


@njit(cache=True, nogil=True)
def _carry(  # type: ignore[no-untyped-def]
    codes,
    ground,
    top,
    left,
    cell,
    factor,
    barriers,
    pieces,
    levels,
    spreads,
    error,
    shallow,
    depth,
    uncertainty,
    surface,
    probability,
    source,
):
    """Fill what was not seen from the surface carried there."""
    for r in range(codes.shape[0]):
        i = (top + r) // factor
        down = ((top + r) % cell + 0.5) / cell
        for c in range(codes.shape[1]):
            j = (left + c) // factor
            z = np.float64(ground[r, c])
            outside = i < 0 or i >= pieces.shape[0] or j < 0 or j >= pieces.shape[1]
            if codes[r, c] != UNSEEN or outside or not np.isfinite(z) or np.isnan(barriers[i, j]):
                continue
            depth[r, c] = uncertainty[r, c] = 0.0
            probability[r, c] = LEAST_PROBABLE
            source[r, c] = CARRIED
            n = pieces[i, j]
            if n < 0:
                continue
            across = ((left + c) % cell + 0.5) / cell
            a, b, d, e = (1 - across) * (1 - down), across * (1 - down), across * down, (1 - across) * down
            level = a * levels[n, 0] + b * levels[n, 1] + d * levels[n, 2] + e * levels[n, 3]
            spread = a * spreads[n, 0] + b * spreads[n, 1] + d * spreads[n, 2] + e * spreads[n, 3]
            deviation = math.sqrt(spread * spread + error * error)
            barrier = max(z, np.float64(barriers[i, j]))
            chance = 0.5 * math.erfc((barrier - level) / (deviation * math.sqrt(2.0)))
            if chance < LEAST_PROBABILITY:
                continue
            over, deviation = given_flooded(level - barrier, deviation, shallow)
            probability[r, c] = min(max(chance, LEAST_PROBABLE), MOST_PROBABLE)
            depth[r, c] = max(barrier - z + over, STEP_M)
            uncertainty[r, c] = max(deviation, STEP_M)
            surface[r, c] = z + depth[r, c]
