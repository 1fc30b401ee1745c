"""What is known of water before a flood: from reference water, or from the image before."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mitoshi.core.quantity import Raster

__all__ = ["WET", "WaterBefore", "reference_of", "water_before"]

WET = 0.5
"""Probability, or share of time, from which a pixel counts as water."""


class WaterBefore(NamedTuple):
    """What is known of water before the flood, all (y, x).

    Attributes
    ----------
    usual
        Probability of water before; None where nothing is known.
    permanent
        Water by the reference: never flooded.
    was_wet
        Wet in the image before, where the reference knows nothing.
    dark_ground
        Dark in the image before, though the reference knows of no water.
    """

    usual: NDArray[np.float32] | None
    permanent: NDArray[np.bool_]
    was_wet: NDArray[np.bool_]
    dark_ground: NDArray[np.bool_]


def reference_of(reference_water: Raster | None) -> NDArray[np.float32] | None:
    """Return the share of time under water, 0..1, NaN where the reference knows nothing."""
    if reference_water is None:
        return None
    return np.clip(np.asarray(reference_water.to_numpy(), np.float32), 0.0, 1.0)


def water_before(
    reference: NDArray[np.float32] | None, wet_before: NDArray[np.float32] | None, shape: tuple[int, ...]
) -> WaterBefore:
    """Return usual water from the reference where there is one, else from the image before the flood.

    With a reference, other ground that was as dark as water before the flood (tarmac, sand) is dark ground: no flood can be
    told on it.
    """
    nowhere = np.zeros(shape, bool)
    was_wet = nowhere if wet_before is None else wet_before >= WET
    if reference is None:
        return WaterBefore(wet_before, nowhere, was_wet, nowhere)
    known = np.isfinite(reference)
    occurrence = np.where(known, reference, np.float32(0.0))
    permanent = occurrence >= WET
    usual = occurrence if wet_before is None else np.maximum(wet_before, occurrence)
    return WaterBefore(usual, permanent, was_wet & ~known, was_wet & known & ~permanent)
