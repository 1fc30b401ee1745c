"""One brightness per pixel from one or two polarisations, with speckle averaged in power before the logarithm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["REACH", "decibel_index", "decibel_samples", "relative_index", "relative_samples"]

SAMPLE = 4
"""Side in pixels of the non-overlapping looks that go into a histogram."""

FILL_RADIUS = 4.5
"""Radius in pixels of the disk of nothing but zeros that is fill. Stretching clips the darkest water to zero as well, but speckle
leaves hardly such a disk of it: in the pairs of EMSR763, 27 % of the flood is zero, and 2 % of that or less is taken for fill. A
disk, other than a square, fits against the slanted edge of a swath."""

EDGE = 1.5
"""Pixels by which zeros at the edge of fill belong to it: the edge of a disk of pixels is rough."""

REACH = 12
"""Pixels on each side that an index looks at: twice the radius, the edge, and the mean."""


def decibel_index(power: NDArray[Any], weights: Sequence[float] | None = None) -> NDArray[np.float32]:
    """Return the weighted mean over polarisations of the backscatter in dB after a 3 × 3 multilook in power.

    Parameters
    ----------
    power
        Linear backscatter, shape (polarisation, y, x), NaN where not observed.
    weights
        Of the polarisations, with sum 1; None for equal ones.

    Returns
    -------
    NDArray[np.float32]
        Decibels, shape (y, x); NaN where any polarisation is missing or not positive at the pixel itself. Missing neighbours are
        left out of the mean.

    Notes
    -----
    The mean of decibels is the logarithm of the geometric mean of the polarisations: water is dark in both, speckle is
    nearly independent between them, so one index keeps the contrast and loses noise.
    """
    out = np.empty(power.shape[1:], np.float32)
    shares = np.full(len(power), 1.0 / len(power)) if weights is None else np.asarray(weights, dtype=np.float64)
    _decibel(np.ascontiguousarray(power, dtype=np.float32), shares, out)
    return out


def relative_index(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return the mean over polarisations of stretched backscatter after a 3 × 3 mean.

    Parameters
    ----------
    values
        Uncalibrated backscatter 0..255, shape (polarisation, y, x); NaN is not observed.

    Returns
    -------
    NDArray[np.float32]
        Same scale, shape (y, x); NaN where not observed. A disk of 9 pixels of zeros and a 5 × 5 window of another constant
        value are fill and not observed: speckle never repeats itself. Other zeros are the darkest grey.
    """
    out = np.empty(values.shape[1:], np.float32)
    _relative(_raised(values), out)
    return out - np.float32(1.0)


def _raised(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return grey values from 1 up, NaN where fill; zero then means nothing any more."""
    raised = np.asarray(values, dtype=np.float32) + np.float32(1.0)
    for band in raised:
        zero = band == 1.0
        if not zero.any():
            continue
        centres = distance_transform_edt(zero) > FILL_RADIUS if not zero.all() else zero
        if centres.any():
            band[zero & (distance_transform_edt(~centres) <= FILL_RADIUS + EDGE)] = np.nan
    return np.ascontiguousarray(raised)


def decibel_samples(power: NDArray[Any]) -> NDArray[np.float32]:
    """Return non-overlapping 4 × 4 looks in dB, shape (polarisation, y // 4, x // 4); NaN unless all are observed."""
    mean, least = _looks(power)
    with np.errstate(invalid="ignore", divide="ignore"):
        decibel = 10.0 * np.log10(np.where(least > 0, mean, np.nan))
    return np.asarray(decibel, dtype=np.float32)


def relative_samples(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return the mean of non-overlapping 4 × 4 looks of stretched backscatter; NaN where fill or missing."""
    mean, least = _looks(_raised(values))
    filled = np.isnan(least) | ((mean == least) & (mean > 1.0))
    return np.asarray(np.where(filled, np.nan, mean - 1.0).mean(axis=0), dtype=np.float32)


def _looks(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return mean and least value of each look, shape (polarisation, y // 4, x // 4)."""
    bands, rows, columns = values.shape
    cut = np.asarray(values[:, : rows // SAMPLE * SAMPLE, : columns // SAMPLE * SAMPLE], dtype=np.float32)
    mean = np.empty((bands, rows // SAMPLE, columns // SAMPLE), np.float32)
    least = np.empty_like(mean)
    _reduce(cut, mean, least)
    return mean, least


@njit(cache=True, nogil=True)
def _reduce(values, mean, least):  # type: ignore[no-untyped-def]  # pragma: no cover
    for band in range(mean.shape[0]):
        for row in range(mean.shape[1]):
            for column in range(mean.shape[2]):
                total, low = 0.0, np.inf
                for r in range(row * SAMPLE, row * SAMPLE + SAMPLE):
                    for c in range(column * SAMPLE, column * SAMPLE + SAMPLE):
                        value = values[band, r, c]
                        total += value
                        if value < low:
                            low = value
                mean[band, row, column] = total / (SAMPLE * SAMPLE)
                least[band, row, column] = low if total == total else np.nan


@njit(cache=True, nogil=True)
def _column_sums(band, row, sums, counts):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Sum the positive values of up to three rows in every column; always from the top down."""
    rows, columns = band.shape
    for column in range(columns):
        sums[column] = 0.0
        counts[column] = 0.0
    for r in range(max(row - 1, 0), min(row + 2, rows)):
        for column in range(columns):
            value = np.float64(band[r, column])
            good = value > 0.0 and value < np.inf
            sums[column] += value if good else 0.0
            counts[column] += 1.0 if good else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _mean3(sums, counts, column):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Mean of the positive values of the 3 × 3 window, cut at the edge; always from the left."""
    total, count = 0.0, 0.0
    for c in range(max(column - 1, 0), min(column + 2, sums.size)):
        total += sums[c]
        count += counts[c]
    return total / count


@njit(cache=True, nogil=True, error_model="numpy")
def _decibel(power, shares, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    bands, rows, columns = power.shape
    sums, counts, line = np.empty(columns), np.empty(columns), np.empty(columns)
    means = np.empty(columns)
    for row in range(rows if columns else 0):
        line[:] = 0.0
        for band in range(bands):
            _column_sums(power[band], row, sums, counts)
            means[0], means[-1] = _mean3(sums, counts, 0), _mean3(sums, counts, columns - 1)
            for column in range(
                1, columns - 1
            ):  # apart from the edge and the logarithm: a loop for vector instructions
                total = sums[column - 1] + sums[column] + sums[column + 1]
                means[column] = total / (counts[column - 1] + counts[column] + counts[column + 1])
            for column in range(columns):
                value = power[band, row, column]
                if value > 0 and value < np.inf:
                    line[column] += shares[band] * np.log10(means[column])
                else:
                    line[column] = np.nan
        for column in range(columns):
            out[row, column] = 10.0 * line[column]


@njit(cache=True, nogil=True)
def _constant(band, row, column):  # type: ignore[no-untyped-def]  # pragma: no cover
    rows, columns = band.shape
    value = band[row, column]
    for r in range(max(row - 2, 0), min(row + 3, rows)):
        for c in range(max(column - 2, 0), min(column + 3, columns)):
            if band[r, c] != value:
                return False
    return True


@njit(cache=True, nogil=True)
def _relative(values, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    bands, rows, columns = values.shape
    sums, counts, line = np.empty(columns), np.empty(columns), np.empty(columns)
    for row in range(rows):
        line[:] = 0.0
        for band in range(bands):
            _column_sums(values[band], row, sums, counts)
            for column in range(columns):
                value = values[band, row, column]
                if value > 0 and value < np.inf and (value == 1.0 or not _constant(values[band], row, column)):
                    line[column] += _mean3(sums, counts, column)
                else:
                    line[column] = np.nan
        for column in range(columns):
            out[row, column] = line[column] / bands
