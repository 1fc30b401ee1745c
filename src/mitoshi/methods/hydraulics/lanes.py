"""Numbers and elementwise functions shared by the shallow-water kernels.

The kernels work on rows held in one flat buffer whose lines are STRIDE apart: with one base and constant distances the
compiler proves that the loops may run in vector registers. Every function is elementwise and free of reordered sums, so
results do not depend on the vector width or the number of threads.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["BARRIER", "DRY", "GRAVITY", "PAD", "STRIDE", "TILE_WIDTH", "inverse_cube_root", "minmod"]

GRAVITY = 9.81
"""Acceleration of gravity [m s-2]."""

DRY = 1.0e-6
"""Depth up to which a cell holds water but does not flow [m]."""

BARRIER = 1.0e6
"""Bed elevation of a cell outside the domain [m]: no water surface reaches it."""

PAD = 3
"""Ghost cells on each side: reconstruction, flux and draining limiter reach one cell further each."""

TILE_WIDTH = 384
STRIDE = 528

_GUESS = 6.1427e18
"""Start of the Newton iteration on the bits of a double: relative error below 4 %."""


@njit(cache=True, nogil=True, error_model="numpy")
def inverse_cube_root(x):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return x to the power -1/3, x > 0, within two units in the last place, without a division."""
    bits = np.float64(x).view(np.int64)
    y = np.int64(_GUESS - np.float64(bits) * (1.0 / 3.0)).view(np.float64)
    for _ in range(3):
        e = 1.0 - x * y * y * y
        y = y * (1.0 + e * (1.0 / 3.0 + e * (2.0 / 9.0)))
    return y


@njit(cache=True, nogil=True, error_model="numpy")
def minmod(a, b, sharpness):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return the generalised minmod slope of two one-sided differences (van Leer 1979; sharpness 1 to 2)."""
    size = min(min(sharpness * math.fabs(a), sharpness * math.fabs(b)), 0.5 * math.fabs(a + b))
    size = size if a * b > 0.0 else 0.0
    return math.copysign(size, a)
