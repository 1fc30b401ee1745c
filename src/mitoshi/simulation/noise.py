"""Counter-based randomness: every value is a hash of its place and a key, so a tile equals the whole, on any chunking.

The integer mixer is the finaliser of SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195). Smooth fields are
value noise: hashed lattice values, blended by the cubic smoothstep; fractal fields sum octaves and have unit variance.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

__all__ = ["blend", "fractal", "fractal_field", "key", "signed", "uniform", "uniform_field", "value_noise"]

# Variance of value noise of lattice values uniform in (-1, 1): (1/3) (26/35)^2, from the integral of the smoothstep weights.
_VALUE_NOISE_VARIANCE = (26.0 / 35.0) ** 2 / 3.0


def key(seed: int, *stream: int | str) -> np.uint64:
    """Return the 64-bit key of one named stream of a seed.

    Parameters
    ----------
    seed
        The region's seed.
    stream
        What the randomness is for: words and numbers.

    >>> key(1, "speckle") == key(1, "speckle"), key(1, "speckle") == key(2, "speckle")
    (True, False)
    """
    import hashlib

    text = "/".join(str(part) for part in (seed, *stream))
    return np.uint64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))


@njit(nogil=True, cache=True)
def uniform(row: int, column: int, stream: np.uint64) -> float:
    """Return a hashed value in the open interval (0, 1) for one lattice place."""
    h = np.uint64(row) * np.uint64(0x9E3779B97F4A7C15) ^ stream
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    h += np.uint64(column) * np.uint64(0xC2B2AE3D27D4EB4F)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(31)
    return (float(h >> np.uint64(11)) + 0.5) * (1.0 / 9007199254740992.0)


@njit(nogil=True, cache=True)
def signed(row: int, column: int, stream: np.uint64) -> float:
    """Return a hashed value in (-1, 1)."""
    return 2.0 * uniform(row, column, stream) - 1.0


@njit(nogil=True, cache=True)
def blend(t: float) -> float:
    """Return the cubic smoothstep of `t`, clipped to [0, 1]."""
    t = min(1.0, max(0.0, t))
    return t * t * (3.0 - 2.0 * t)


@njit(nogil=True, cache=True)
def value_noise(y: float, x: float, stream: np.uint64) -> float:
    """Return smooth noise in (-1, 1) at a place given in lattice units."""
    fy, fx = math.floor(y), math.floor(x)
    j, i = int(fy), int(fx)
    ty, tx = blend(y - fy), blend(x - fx)
    low = signed(j, i, stream) * (1.0 - tx) + signed(j, i + 1, stream) * tx
    high = signed(j + 1, i, stream) * (1.0 - tx) + signed(j + 1, i + 1, stream) * tx
    return low * (1.0 - ty) + high * ty


@njit(nogil=True, cache=True)
def fractal(y: float, x: float, stream: np.uint64, octaves: int, gain: float) -> float:
    """Return the sum of `octaves` of value noise, each half as long and `gain` times as high, scaled to unit variance."""
    total, amplitude, power, scale = 0.0, 1.0, 0.0, 1.0
    for octave in range(octaves):
        shift = 0.37 * octave  # keeps the lattices of the octaves apart
        total += amplitude * value_noise(y * scale + shift, x * scale - shift, stream + np.uint64(octave))
        power += amplitude * amplitude
        amplitude *= gain
        scale *= 2.0
    return total / math.sqrt(power * _VALUE_NOISE_VARIANCE)


@njit(nogil=True, cache=True)
def _fractal_field(
    row: int, column: int, length: float, stream: np.uint64, octaves: int, gain: float, out: Any
) -> None:
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[r, c] = fractal((row + r) / length, (column + c) / length, stream, octaves, gain)


@njit(nogil=True, cache=True)
def _uniform_field(row: int, column: int, stream: np.uint64, out: Any) -> None:
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[r, c] = uniform(row + r, column + c, stream)


def fractal_field(
    origin: tuple[int, int], shape: tuple[int, int], length: float, stream: np.uint64, octaves: int, gain: float = 0.5
) -> Array:
    """Return a window of a fractal field of zero mean and unit variance.

    Parameters
    ----------
    origin
        Row and column of the window's first pixel in the region.
    shape
        Rows and columns.
    length
        Lattice spacing of the longest octave [pixels].
    stream
        From `key`.
    octaves, gain
        Number of octaves and ratio of their amplitudes.

    Returns
    -------
    float32 (rows, columns).
    """
    out = np.empty(shape, np.float32)
    _fractal_field(origin[0], origin[1], length, stream, octaves, gain, out)
    return out


def uniform_field(origin: tuple[int, int], shape: tuple[int, int], stream: np.uint64) -> Array:
    """Return a window of independent values in (0, 1), float64 (rows, columns).

    Parameters
    ----------
    origin, shape
        First row and column, and size, of the window.
    stream
        From `key`.
    """
    out = np.empty(shape, np.float64)
    _uniform_field(origin[0], origin[1], stream, out)
    return out
