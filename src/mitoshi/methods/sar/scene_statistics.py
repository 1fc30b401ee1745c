"""What is dark and what is bright across a scene: thresholds from selected blocks, interpolated over the scene.

A scene is cut into blocks of 256 × 256 pixels from its origin. Only a block that holds both classes can show where they
part, so blocks are selected by bimodality before a threshold is taken, and the values between are interpolated. Nothing here
depends on how the scene is tiled for computing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mitoshi.methods.sar.thresholds import ClassSplit, kittler_illingworth_threshold, otsu_threshold, split_at

__all__ = [
    "BLOCK",
    "ClassFields",
    "Scale",
    "block_histograms",
    "class_fields",
    "decibel_scale",
    "normalised",
    "relative_scale",
]

BLOCK = 256
"""Side of a statistical block in pixels: 2.5 km at 10 m, wide enough for a river and its plain."""

REACH = 2
"""Blocks on each side whose histograms are pooled."""

MINIMUM_SAMPLES = 200
"""Fewest looks with which a histogram says something."""

ASHMAN_D = 2.66
"""Least distance of the two modes: that of the two halves of a single normal class, cut at its mean."""

CERTAIN_D = 3.0
"""From this distance on the modes are not the halves of one class: in speckle of one class half of the blocks reach the other.
Chosen by leaving the training events out (`benchmarks/flood_extent_training.py`)."""

LEAST_CONTRAST_DB = 4.0
"""Least distance of the class means where decibels are known; land that is drier or rougher differs by less."""

SURFACE_RATIO = 0.1
"""Least ratio of the smaller class to the larger (OPERA DSWx-S1 v1)."""


class Scale(NamedTuple):
    """The axis of the histograms and what is physically known about water on it.

    Attributes
    ----------
    edges
        (first, last, bins).
    bounds
        Lowest and highest plausible threshold.
    dark, bright
        Class means to assume where no block shows two classes.
    threshold
        Threshold to assume there.
    least_contrast
        Smallest difference of class means that can be water against land; 0 where the scale is not physical.
    least_bright
        Lowest mean that the bright class can have and be land: rough water beside calm water is brighter, and no land.
    """

    edges: tuple[float, float, int]
    bounds: tuple[float, float]
    dark: float
    bright: float
    threshold: float
    least_contrast: float
    least_bright: float

    @property
    def centres(self) -> NDArray[np.float64]:
        """Bin centres."""
        first, last, bins = self.edges
        return first + (np.arange(bins) + 0.5) * (last - first) / bins


class ClassFields(NamedTuple):
    """Class statistics at the block centres, each of shape (block rows, block columns), float32.

    Attributes
    ----------
    dark, bright, threshold
        Means of the two classes and the value between them, in the unit of the index.
    median, spread
        Median and 1.4826 × median absolute deviation of everything observed.
    selected
        Share of the blocks in which two classes were seen, 0..1.
    certain
        Whether in any block their modes lie farther apart than those of one noisy class that is cut in two can.
    """

    dark: NDArray[np.float32]
    bright: NDArray[np.float32]
    threshold: NDArray[np.float32]
    median: NDArray[np.float32]
    spread: NDArray[np.float32]
    selected: float
    certain: bool


# Open water: OPERA DSWx-S1 v1 bounds thresholds to [-28, -11] dB in co- and [-28, -18] dB in cross-polarisation; HydroSAR's
# highest thresholds are -15.5 and -23 dB and stand in where no block is selected. Class means: 4 dB below, 6 above. Land is at
# least 3 above: two standard deviations of its mean between scenes (`polarisation_weights.MEAN_SPREAD`) lower.
_CO, _CROSS = (-28.0, -11.0, -15.5), (-28.0, -18.0, -23.0)


def decibel_scale(polarisations: tuple[str, ...], weights: tuple[float, ...] | None = None) -> Scale:
    """Return the scale of calibrated backscatter, for the weighted mean of the given polarisations in dB.

    >>> decibel_scale(("VV", "VH")).threshold
    -19.25
    """
    known = [_CROSS if p in ("VH", "HV") else _CO for p in polarisations]
    shares = weights or (1.0 / len(known),) * len(known)
    low, high, usual = (
        sum(share * value for share, value in zip(shares, values, strict=True)) for values in zip(*known, strict=True)
    )
    return Scale((-40.0, 10.0, 250), (low, high), usual - 4.0, usual + 6.0, usual, LEAST_CONTRAST_DB, usual + 3.0)


def relative_scale() -> Scale:
    """Return the scale of 8-bit stretched backscatter, of which nothing physical is known."""
    return Scale((0.0, 256.0, 256), (0.0, 256.0), 64.0, 192.0, 128.0, 0.0, 0.0)


def block_histograms(samples: NDArray[np.float32], scale: Scale, side: int) -> NDArray[np.int32]:
    """Return one histogram per block of `side` × `side` samples, shape (block rows, block columns, bins).

    Values beyond the scale's ends are counted in the end bins; NaN are left out.
    """
    first, last, bins = scale.edges
    shape = (max(-(-samples.shape[0] // side), 1), max(-(-samples.shape[1] // side), 1), bins)
    out = np.zeros(shape, np.int32)
    _count(samples, first, bins / (last - first), side, out)
    return out


@njit(cache=True, nogil=True)
def _count(samples, first, per_unit, side, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    last = out.shape[2] - 1
    for row in range(samples.shape[0]):
        for column in range(samples.shape[1]):
            value = samples[row, column]
            if value == value:
                place = int(np.floor((value - first) * per_unit))
                out[row // side, column // side, min(max(place, 0), last)] += 1


def class_fields(histograms: NDArray[np.int32], scale: Scale) -> ClassFields:
    """Return the class statistics at every block centre.

    Parameters
    ----------
    histograms
        Per block, shape (block rows, block columns, bins).
    scale
        Their axis.

    Returns
    -------
    ClassFields
        Where blocks in reach show two classes, their pooled histogram is split; elsewhere the values are interpolated with
        weights 1 / distance²; where no block of the scene shows two classes, the scale's own values stand in, or, for
        a scene without physical scale, the split of everything.

    Notes
    -----
    The threshold is Kittler and Illingworth's where it lies between Otsu's class means, else Otsu's. Selection follows the
    bimodality tests of OPERA DSWx-S1 in kind: distance of the modes (Ashman's D, and decibels) and ratio of their sizes.
    """
    rows, columns, _ = histograms.shape
    distance = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            distance[row, column] = _distance_of_classes(histograms[row, column], scale)
    chosen = distance >= ASHMAN_D
    pooled_all, pooled_chosen = _pooled(histograms), _pooled(histograms * chosen[..., None])
    physical = scale.least_contrast > 0.0
    centres = scale.centres
    splits = np.full((rows, columns, 3), np.nan)
    levels = np.full((rows, columns, 2), np.nan)
    for row in range(rows):
        for column in range(columns):
            if pooled_chosen[row, column].sum() > 0:
                splits[row, column] = _three(_split(pooled_chosen[row, column], scale))
            elif not physical and not chosen.any() and pooled_all[row, column].sum() >= MINIMUM_SAMPLES:
                splits[row, column] = _three(_split(pooled_all[row, column], scale))
            if pooled_all[row, column].sum() > 0:
                levels[row, column] = _median_and_spread(pooled_all[row, column], centres)
    dark, bright, threshold = _interpolated(splits, (scale.dark, scale.bright, scale.threshold))
    median, spread = _interpolated(levels, (scale.bright, 0.25 * (scale.bright - scale.dark)))
    return ClassFields(
        dark, bright, threshold, median, spread, float(chosen.mean()), bool((distance >= CERTAIN_D).any())
    )


def _three(split: ClassSplit) -> tuple[float, float, float]:
    return split.dark_mean, split.bright_mean, split.threshold


def _split(counts: NDArray[Any], scale: Scale) -> ClassSplit:
    """Split a pooled histogram; class means from Otsu, the threshold from Kittler and Illingworth where it lies between them."""
    centres = scale.centres
    otsu = split_at(counts, centres, otsu_threshold(counts, centres))
    threshold = kittler_illingworth_threshold(counts, centres)
    third = (otsu.bright_mean - otsu.dark_mean) / 3.0
    if not otsu.dark_mean + third <= threshold <= otsu.bright_mean - third:
        threshold = otsu.threshold
    return otsu._replace(threshold=float(np.clip(threshold, *scale.bounds)))


def _distance_of_classes(counts: NDArray[Any], scale: Scale) -> float:
    """Return Ashman's D of a block's two classes; 0 where they cannot be water and land."""
    if counts.sum() < MINIMUM_SAMPLES:
        return 0.0
    centres = scale.centres
    split = split_at(counts, centres, otsu_threshold(counts, centres))
    smaller = min(split.dark_share, 1.0 - split.dark_share)
    plausible = scale.bounds[0] <= split.threshold <= scale.bounds[1] and split.bright_mean >= scale.least_bright
    contrast = split.bright_mean - split.dark_mean >= scale.least_contrast
    sizes = smaller / (1.0 - smaller) >= SURFACE_RATIO
    return float(split.ashman_d) if plausible and contrast and sizes else 0.0


def _pooled(histograms: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the sum over the blocks in reach."""
    rows, columns, bins = histograms.shape
    total = np.zeros((rows + 1, columns + 1, bins), np.int64)
    total[1:, 1:] = histograms.cumsum(axis=0, dtype=np.int64).cumsum(axis=1)
    top, bottom = np.maximum(np.arange(rows) - REACH, 0), np.minimum(np.arange(rows) + REACH + 1, rows)
    left, right = np.maximum(np.arange(columns) - REACH, 0), np.minimum(np.arange(columns) + REACH + 1, columns)
    pooled: NDArray[np.int64] = (
        total[bottom][:, right] - total[top][:, right] - total[bottom][:, left] + total[top][:, left]
    )
    return pooled


def _median_and_spread(counts: NDArray[Any], centres: NDArray[np.float64]) -> tuple[float, float]:
    median = _weighted_median(centres, counts)
    order = np.argsort(np.abs(centres - median), kind="stable")
    step = float(centres[1] - centres[0])
    spread = 1.4826 * _weighted_median(np.abs(centres - median)[order], counts[order])
    return median, max(spread, step)


def _weighted_median(ascending: NDArray[np.float64], counts: NDArray[Any]) -> float:
    cumulated = np.cumsum(counts)
    return float(ascending[int(np.searchsorted(cumulated, 0.5 * cumulated[-1]))])


def _interpolated(values: NDArray[np.float64], fallback: tuple[float, ...]) -> list[NDArray[np.float32]]:
    """Fill the nodes without value by inverse squared distance from those that have one."""
    known = np.isfinite(values[..., 0])
    if not known.any():
        return [np.full(known.shape, value, np.float32) for value in fallback]
    filled = values.copy()
    sources = np.argwhere(known)
    for row, column in np.argwhere(~known):
        weight = 1.0 / ((sources[:, 0] - row) ** 2 + (sources[:, 1] - column) ** 2)
        filled[row, column] = (weight[:, None] * values[known]).sum(axis=0) / weight.sum()
    return [np.ascontiguousarray(filled[..., k], dtype=np.float32) for k in range(values.shape[-1])]


def normalised(
    index: NDArray[np.float32],
    zero: NDArray[np.float32],
    one: NDArray[np.float32],
    *,
    origin: tuple[int, int],
    unit: float,
) -> NDArray[np.int16]:
    """Return ``unit × (index - zero) / (one - zero)`` as whole numbers, with both fields interpolated between block centres.

    Parameters
    ----------
    index
        Shape (y, x).
    zero, one
        Fields at the block centres, shape (block rows, block columns).
    origin
        Row and column of the index's first pixel in the scene.
    unit
        What one field difference becomes; values are cut at ±32000 / 4.

    Returns
    -------
    NDArray[np.int16]
        Shape (y, x); NaN becomes `unit`, the value of the field `one`.
    """
    out = np.empty(index.shape, np.int16)
    _normalise(index, zero, one, origin[0], origin[1], unit, out)
    return out


@njit(cache=True, nogil=True)
def _between(field, low_row, high_row, down, low_column, high_column, right):  # type: ignore[no-untyped-def]  # pragma: no cover
    top = field[low_row, low_column] * (1.0 - right) + field[low_row, high_column] * right
    bottom = field[high_row, low_column] * (1.0 - right) + field[high_row, high_column] * right
    return top * (1.0 - down) + bottom * down


@njit(cache=True, nogil=True)
def _place(pixel, count):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return the two block centres around a pixel and the weight of the second."""
    place = min(max((pixel + 0.5) / BLOCK - 0.5, 0.0), count - 1.0)
    low = int(place)
    return low, min(low + 1, count - 1), place - low


@njit(cache=True, nogil=True)
def _normalise(index, zero, one, row0, column0, unit, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    for row in range(index.shape[0]):
        low_row, high_row, down = _place(row0 + row, zero.shape[0])
        for column in range(index.shape[1]):
            value = index[row, column]
            if np.isnan(value):
                out[row, column] = np.int16(unit)
                continue
            low, high, right = _place(column0 + column, zero.shape[1])
            start = _between(zero, low_row, high_row, down, low, high, right)
            end = _between(one, low_row, high_row, down, low, high, right)
            scaled = np.floor(unit * (value - start) / max(end - start, 1e-3) + 0.5)
            out[row, column] = np.int16(min(max(scaled, -8000.0), 8000.0))
