"""Loss of interferometric coherence as second evidence of water in built-up ground that the flood map did not see.

Walls and streets keep their coherence from pass to pass; water between them takes it away. Fields and trees lose it by
themselves, so there a loss says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.flood_depth_cells import DRY, FLOODED
from mitoshi.applications.disaster.flood_depth_tile import CARRIED, CONFIRMED, LEAST_PROBABLE, MOST_PROBABLE, TileDepth
from mitoshi.core.errors import InputError
from mitoshi.methods.sar.coherence_change import STEADY_COHERENCE, coherence_estimate_density

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mitoshi.core.quantity import Raster

    Floats = NDArray[np.float64]

__all__ = ["Pair", "Urban", "evidence_table", "pair_of", "ratio_counts", "ratio_of", "updated"]

BINS, WIDEST = 150, 1.5
"""Bins of the ratio across / before, and where they end."""

FEWEST = 500
"""Steady pixels seen to be dry from which they alone say how coherent a pair is when nothing happens."""

TRUE = (np.arange(50) + 0.5) / 50
SHARES = (np.arange(8) + 0.5) / 8
NATURAL = np.array([-1.6449, -0.8416, -0.3853, 0.0, 0.3853, 0.8416, 1.6449])
"""Normal quantiles of 0.05, 0.2, 0.35, 0.5, 0.65, 0.8 and 0.95, taken as alike."""

STEPS = 101
"""Estimates, 0 to 1, along each side of the table."""


@dataclass(frozen=True)
class Urban:
    """What water, and no water, does to the coherence of built-up ground.

    Attributes
    ----------
    looks
        Independent looks of the estimates.
    natural
        Standard deviation of the coherence of dry built-up ground from pair to pair.
    flooded
        Largest share of its coherence that flooded built-up ground keeps.
    other
        Share of built-up pixels whose coherence does not follow: lost without water, or kept in it.
    threshold
        Share of buildings from which ground is built-up.
    """

    looks: float
    natural: float
    flooded: float
    other: float
    threshold: float


class Pair(NamedTuple):
    """Coherence before and across the event and the share of buildings, (y, x) each; NaN where not known."""

    before: NDArray[np.float32]
    across: NDArray[np.float32]
    built: NDArray[np.float32]


def pair_of(before: Raster | None, across: Raster | None, built_up: Raster | None) -> Pair | None:
    """Return the coherence, checked; None where none is given.

    Raises
    ------
    InputError
        If only part of it is given, or a coherence lies outside 0 to 1.
    """
    if before is None and across is None:
        return None
    if before is None or across is None or built_up is None:
        raise InputError(
            "coherence says something of water only as a pair and in built-up ground; give coherence_before, coherence_across "
            "and built_up together, or no coherence"
        )
    for name, layer in (("coherence_before", before), ("coherence_across", across)):
        values = layer.to_numpy()
        wrong = values[(values < 0) | (values > 1)]
        if wrong.size:
            raise InputError(f"{name} must lie in [0, 1], got {wrong[0]:.3g}; is it a percentage? (#units=percent)")
    return Pair(*(np.asarray(layer.to_numpy(), np.float32) for layer in (before, across, built_up)))


def ratio_counts(codes: NDArray[np.uint8], pair: Pair | None) -> NDArray[np.int64]:
    """Return how often each ratio across / before is found on steady ground: (2, bins), seen to be dry, and all but flooded."""
    if pair is None:
        return np.zeros((2, BINS), np.int64)
    steady = (pair.before >= STEADY_COHERENCE) & np.isfinite(pair.across)
    where = steady & (codes == DRY), steady & (codes != FLOODED)
    return np.stack([np.bincount(_bins(pair.across[w] / pair.before[w]), minlength=BINS) for w in where])


def _bins(ratio: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.asarray(np.clip(ratio * (BINS / WIDEST), 0, BINS - 1), np.int64)


def ratio_of(counts: Iterable[NDArray[np.int64]]) -> float:
    """Return the median ratio across / before of ground without water, at most 1; 1 where nothing is steady."""
    dry, every = np.sum(list(counts), axis=0)
    counted = dry if dry.sum() >= FEWEST else every
    if not counted.any():
        return 1.0
    middle = int(np.searchsorted(np.cumsum(counted), 0.5 * counted.sum()))
    return min(1.0, (middle + 0.5) * WIDEST / BINS)


def evidence_table(urban: Urban, ratio: float) -> Floats:
    """Return the likelihood of water over that of no water, (before, across) in steps from 0 to 1.

    Parameters
    ----------
    urban
        The two hypotheses.
    ratio
        Coherence across over before where nothing happened.

    Notes
    -----
    The true coherence before is known by its estimate (uniform prior, density of Touzi et al. 1999). Dry, the pair across has
    the ratio times that, with the natural spread. Flooded, it has any share of it from none to `flooded`, all alike. In a share
    `other` of the pixels either does what the other should, so no coherence is worth more than (1 - other) / other.
    """
    steps = np.linspace(0.0, 1.0, STEPS)
    known = coherence_estimate_density(steps[:, None], TRUE[None, :], urban.looks)
    known /= known.sum(axis=1, keepdims=True)
    left = np.clip(ratio * TRUE[:, None] + urban.natural * NATURAL[None, :], 0.0, 0.995)
    kept = ratio * TRUE[:, None] * (urban.flooded * SHARES[None, :])
    dry, wet = (
        known @ coherence_estimate_density(steps[None, None, :], true[:, :, None], urban.looks).mean(axis=1)
        for true in (left, kept)
    )
    dry, wet = (1 - urban.other) * dry + urban.other * wet, (1 - urban.other) * wet + urban.other * dry
    return np.asarray(wet / np.maximum(dry, 1e-300))


def updated(found: TileDepth, pair: Pair, urban: Urban, ratio: float) -> TileDepth:
    """Return the tile with the probability of water given coherence: built-up ground alone to which water may be carried.

    What was seen, and depths given water, stay as they are.
    """
    with np.errstate(invalid="ignore"):
        town = (found.source == CARRIED) & (found.depth > 0) & (pair.built >= urban.threshold)
    town &= np.isfinite(pair.before) & np.isfinite(pair.across)
    if not town.any():
        return found
    table = evidence_table(urban, ratio)
    odds = _bilinear(table, pair.before[town].astype(np.float64), pair.across[town].astype(np.float64))
    prior = found.probability[town].astype(np.float64)
    chance = prior * odds / (prior * odds + 1.0 - prior)
    probability, source = found.probability.copy(), found.source.copy()
    probability[town] = np.clip(chance, LEAST_PROBABLE, MOST_PROBABLE)
    source[town] = CONFIRMED
    return found._replace(probability=probability, source=source)


def _bilinear(table: Floats, down: Floats, across: Floats) -> Floats:
    """Return the table between its steps."""
    r, c = (np.minimum((v * (STEPS - 1)).astype(np.int64), STEPS - 2) for v in (down, across))
    y, x = down * (STEPS - 1) - r, across * (STEPS - 1) - c
    upper = table[r, c] * (1 - x) + table[r, c + 1] * x
    lower = table[r + 1, c] * (1 - x) + table[r + 1, c + 1] * x
    return np.asarray(upper * (1 - y) + lower * y)
