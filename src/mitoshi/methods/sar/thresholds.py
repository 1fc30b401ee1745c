"""Thresholds that split dark (water) from bright (land) backscatter in one histogram.

All functions take a histogram (counts and bin centres) or a tile of values and are deterministic: sums run over bins in order.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

__all__ = [
    "ClassSplit",
    "expectation_maximisation_threshold",
    "kittler_illingworth_threshold",
    "median_of_lowest",
    "otsu_threshold",
    "split_at",
]

Floats: TypeAlias = NDArray[np.float64]

_ITERATIONS = 10_000  # a guard only: expectation maximisation increases the likelihood and stops by itself


class ClassSplit(NamedTuple):
    """Two classes on both sides of a threshold.

    Attributes
    ----------
    threshold, dark_mean, dark_std, bright_mean, bright_std
        In the histogram's unit.
    dark_share
        Share of the counts below the threshold, 0..1.
    """

    threshold: float
    dark_mean: float
    dark_std: float
    bright_mean: float
    bright_std: float
    dark_share: float

    @property
    def ashman_d(self) -> float:
        """Ashman's D (1994): distance of the two means in pooled standard deviations; above 2 the modes are apart."""
        spread = self.dark_std**2 + self.bright_std**2
        return float(np.sqrt(2.0) * abs(self.bright_mean - self.dark_mean) / np.sqrt(max(spread, 1e-12)))


def _cumulated(counts: Floats, centres: Floats) -> tuple[Floats, Floats, Floats]:
    """Return cumulated share, mean and variance of everything at or below each bin."""
    share = counts / counts.sum()
    weight = np.cumsum(share)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.cumsum(share * centres) / weight
        variance = np.cumsum(share * centres**2) / weight - mean**2
    return weight, mean, np.maximum(variance, 0.0)


def _checked(counts: NDArray[Any], centres: NDArray[Any]) -> tuple[Floats, Floats]:
    counts = np.asarray(counts, dtype=np.float64)
    centres = np.asarray(centres, dtype=np.float64)
    if counts.shape != centres.shape or counts.ndim != 1:
        raise InputError(f"counts and centres must be equal vectors, got shapes {counts.shape} and {centres.shape}")
    if not counts.sum() > 0:
        raise InputError("the histogram is empty; a threshold needs observed pixels")
    return counts, centres


def split_at(counts: NDArray[Any], centres: NDArray[Any], threshold: float) -> ClassSplit:
    """Return the moments of the two classes on both sides of a threshold.

    Parameters
    ----------
    counts, centres
        Histogram, shape (n,).
    threshold
        Bins with centre below it are dark.

    Returns
    -------
    ClassSplit
        An empty class has the other's mean and zero spread.

    Raises
    ------
    InputError
        If the histogram is empty or the shapes differ.
    """
    counts, centres = _checked(counts, centres)
    moments = []
    for chosen in (centres < threshold, centres >= threshold):
        weight = counts[chosen].sum()
        mean = (counts[chosen] * centres[chosen]).sum() / weight if weight > 0 else np.nan
        variance = (counts[chosen] * (centres[chosen] - mean) ** 2).sum() / weight if weight > 0 else 0.0
        moments.append((float(weight), float(mean), float(np.sqrt(variance))))
    (dark, dark_mean, dark_std), (bright, bright_mean, bright_std) = moments
    dark_mean = bright_mean if dark == 0 else dark_mean
    bright_mean = dark_mean if bright == 0 else bright_mean
    return ClassSplit(float(threshold), dark_mean, dark_std, bright_mean, bright_std, dark / (dark + bright))


def otsu_threshold(counts: NDArray[Any], centres: NDArray[Any]) -> float:
    """Return the threshold of largest between-class variance.

    Parameters
    ----------
    counts, centres
        Histogram, shape (n,), centres ascending and evenly spaced.

    Returns
    -------
    float
        Upper edge of the last dark bin, in the unit of `centres`.

    Raises
    ------
    InputError
        If the histogram is empty or the shapes differ.

    Notes
    -----
    Otsu (1979), IEEE Trans. SMC 9(1), eq. (18): maximise (m_T w(k) - m(k))² / (w(k) (1 - w(k))).
    """
    counts, centres = _checked(counts, centres)
    weight, mean, _ = _cumulated(counts, centres)
    total = mean[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        between = (total * weight - mean * weight) ** 2 / (weight * (1.0 - weight))
    between[~np.isfinite(between) | (weight >= 1.0 - 1e-12)] = -1.0
    best = int(np.argmax(between))
    return _upper_edge(centres, best)


def kittler_illingworth_threshold(counts: NDArray[Any], centres: NDArray[Any]) -> float:
    """Return the threshold of least classification error between two normal classes.

    Parameters
    ----------
    counts, centres
        Histogram, shape (n,), centres ascending and evenly spaced; backscatter in dB, where speckle is near normal.

    Returns
    -------
    float
        Upper edge of the last dark bin; NaN where no bin leaves two classes with spread.

    Raises
    ------
    InputError
        If the histogram is empty or the shapes differ.

    Notes
    -----
    Kittler and Illingworth (1986), Pattern Recognition 19(1), eq. (15):
    J(k) = 1 + 2 [P1 ln s1 + P2 ln s2] - 2 [P1 ln P1 + P2 ln P2], least over k. A class needs at least one bin's spread.
    """
    counts, centres = _checked(counts, centres)
    weight, _, dark_variance = _cumulated(counts, centres)
    upper, _, bright_variance = _cumulated(counts[::-1], centres[::-1])
    bright_weight, bright_variance = np.append(upper[::-1][1:], 0.0), np.append(bright_variance[::-1][1:], 0.0)
    least = ((centres[-1] - centres[0]) / max(len(centres) - 1, 1)) ** 2
    usable = (weight > 0.002) & (bright_weight > 0.002) & (dark_variance >= least) & (bright_variance >= least)
    if not usable.any():
        return float("nan")
    with np.errstate(invalid="ignore", divide="ignore"):
        criterion = (
            1.0
            + weight * np.log(dark_variance)
            + bright_weight * np.log(bright_variance)
            - 2.0 * (weight * np.log(weight) + bright_weight * np.log(bright_weight))
        )
    criterion[~usable] = np.inf
    return _upper_edge(centres, int(np.argmin(criterion)))


def _upper_edge(centres: Floats, index: int) -> float:
    step = (centres[-1] - centres[0]) / max(len(centres) - 1, 1)
    return float(centres[index] + 0.5 * step)


def expectation_maximisation_threshold(tile: NDArray[Any], *, classes: int = 3) -> float:
    """Return the crossing of the two darkest of several normal classes fitted to a tile.

    Parameters
    ----------
    tile
        Log-scaled backscatter as whole numbers, any shape; HydroSAR scales log10(power) + 30 so that the scene's mean plus three
        standard deviations is 256.
    classes
        Number of normal classes: water, average land, bright slopes and towns.

    Returns
    -------
    float
        Threshold in the unit of `tile`, on steps of 0.05 from the darkest class mean.

    Raises
    ------
    InputError
        If the tile has fewer different values than `classes`.

    Notes
    -----
    Mixture of normals by expectation maximisation (Dempster, Laird and Rubin 1977) on the histogram smoothed by the kernel
    (1, 2, 3, 2, 1), started at evenly spaced means, as HydroSAR does (Chapman et al.; ASF `asf-tools`). The threshold is
    where the weighted densities of the two darkest classes are nearest to each other between their means.
    """
    values = np.asarray(tile, dtype=np.float64).ravel()
    least = values.min()
    top = values.max() - least + 1.0
    share = _smoothed_histogram(values - least + 1.0, int(np.ceil(top)) + 1)
    levels = np.flatnonzero(share).astype(np.float64)
    share = share[share != 0]
    if len(levels) <= classes:
        raise InputError(f"a tile needs more than {classes} different values, got {len(levels)}; is it one constant?")
    means, variances, weights = _fit_normals(levels, share, top, classes)
    order = np.argsort(means, kind="stable")
    means = means + least - 1.0
    dark, next_dark = order[0], order[1]
    grid = np.arange(means[dark], means[next_dark], 0.05)
    gap = np.abs(
        _normal(grid, means[dark], variances[dark], weights[dark])
        - _normal(grid, means[next_dark], variances[next_dark], weights[next_dark])
    )
    return float(grid[int(np.argmin(gap))])


def median_of_lowest(thresholds: NDArray[Any], *, count: int = 4) -> float:
    """Return the median of the lowest `count` thresholds, HydroSAR's choice among its selected tiles.

    >>> median_of_lowest(np.array([5.0, 1.0, 2.0, 3.0, 9.0]))
    2.5
    """
    return float(np.median(np.sort(np.asarray(thresholds, dtype=np.float64))[:count]))


def _smoothed_histogram(values: Floats, size: int) -> Floats:
    """Return the normalised histogram with linear sharing between neighbours, smoothed by (1, 2, 3, 2, 1)."""
    floor = np.floor(values).astype(np.int64)
    inside = (floor > 0) & (floor < size - 1)
    part = values[inside] - floor[inside]
    counts = np.bincount(floor[inside], part, size) + np.bincount(floor[inside] - 1, 1.0 - part, size)
    smooth = np.convolve(counts, [1.0, 2.0, 3.0, 2.0, 1.0])[2:-3]
    return np.asarray(smooth / smooth.sum(), dtype=np.float64)


def _normal(x: Floats, mean: float, variance: float, weight: float) -> Floats:
    density: Floats = weight / np.sqrt(2.0 * np.pi * variance) * np.exp(-0.5 * (x - mean) ** 2 / variance)
    return density


def _densities(levels: Floats, means: Floats, variances: Floats, weights: Floats) -> tuple[Floats, Floats]:
    each = np.stack([_normal(levels, m, v, w) for m, v, w in zip(means, variances, weights, strict=True)])
    return each, each.sum(axis=0) + np.finfo(np.float64).eps


def _fit_normals(levels: Floats, share: Floats, top: float, classes: int) -> tuple[Floats, Floats, Floats]:
    """Fit a mixture of normals; stop when a step raises the log-likelihood by less than 1e-6."""
    means = np.arange(1, classes + 1) * top / (classes + 1)
    variances = np.full(classes, top)
    weights = np.full(classes, 1.0 / classes)
    floor = float(np.mean(np.diff(levels))) / 1000.0
    for _ in range(_ITERATIONS):
        each, total = _densities(levels, means, variances, weights)
        before = float((share * np.log(total)).sum())
        for k in range(classes):
            posterior = share * each[k] / total
            weights[k] = posterior.sum()
            means[k] = (levels * posterior).sum() / weights[k]
            variances[k] = ((levels - means[k]) ** 2 * posterior).sum() / weights[k] + floor
        weights = (weights + 1e-3) / (weights + 1e-3).sum()
        _, total = _densities(levels, means, variances, weights)
        if float((share * np.log(total)).sum()) - before < 1e-6:
            break
    return means, variances, weights
