"""The damage proxy map: the same evidence as of footprints, taken in a small window around every pixel."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.building_damage_evidence import (
    Reference,
    Widths,
    backscatter_evidence,
    coherence_evidence,
    colour_evidence,
    correlation_evidence,
    detail_evidence,
)
from mitoshi.applications.disaster.building_damage_model import Evidence, joint_likelihood, posterior
from mitoshi.applications.disaster.building_damage_objects import Images, Scales, bands
from mitoshi.methods.optical.change import brightness, fine_detail
from mitoshi.methods.statistics.windows import box_sum

__all__ = ["damage_proxy"]

STEPS_PER_SPREAD = 100.0
"""Images are quantised to a hundredth of the scene's spread, so that window sums are sums of whole numbers."""

CLIP_SPREADS = 15.0
LARGEST_WINDOW = 29
STRIP_PIXELS = 500_000


def damage_proxy(
    images: Images,
    scales: Scales,
    reference: Reference,
    widths: Widths,
    prior: NDArray[np.float64],
    *,
    window: int,
) -> NDArray[np.float32]:
    """Return the probability of major damage or destruction of what stands within a window around each pixel.

    Parameters
    ----------
    images, scales, reference, widths
        As for footprints.
    prior
        Class shares, shape (4,).
    window
        Odd side of the window in pixels, at most 29. Coherence already is a window's estimate and is taken per pixel.

    Returns
    -------
    NDArray[np.float32]
        Shape (y, x), NaN where nothing was observed. A building it is not: fields and trees change too.
    """
    height, width = images.grid.shape[-2:]
    half = min(window, LARGEST_WINDOW) // 2
    stride = max(1, (2 * half + 1) // 4)
    out = np.full((height, width), np.nan, np.float32)
    step = stride * max(1, STRIP_PIXELS // max(width, 1) // stride)
    for start in range(0, height, step):
        stop = min(height, start + step)
        first, last = max(0, start - half - 1), min(height, stop + half + 1)
        picked = (slice(start - first, stop - first, stride), slice(None, None, stride))
        evidence = _strip(images, scales, _Look(reference, widths, 2 * half + 1, slice(first, last), picked))
        coarse = _severe(evidence, prior).reshape(-(-(stop - start) // stride), -1)
        out[start:stop] = coarse.repeat(stride, axis=0).repeat(stride, axis=1)[: stop - start, :width]
    return out


class _Look(NamedTuple):
    """Which rows to read, the window around each pixel, and at which of the pixels the evidence is taken."""

    reference: Reference
    widths: Widths
    window: int
    rows: slice
    picked: tuple[slice, slice]

    def at(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the values of the picked pixels, flat."""
        return values[self.picked].astype(np.float64).ravel()


def _severe(evidence: list[Evidence], prior: NDArray[np.float64]) -> NDArray[np.float32]:
    classes = posterior(joint_likelihood(evidence, evidence[0].value.size), prior).classes
    return (classes[:, 2] + classes[:, 3]).astype(np.float32)


def _strip(images: Images, scales: Scales, look: _Look) -> list[Evidence]:
    found: list[Evidence] = []
    if images.coherence_before is not None and images.coherence_across is not None:
        pair = [look.at(bands(i, look.rows)[0]) for i in (images.coherence_before, images.coherence_across)]
        found.append(coherence_evidence(pair[0], pair[1], look.reference, look.widths))
    if images.before is not None and images.after is not None:
        found += _backscatter(bands(images.before, look.rows), bands(images.after, look.rows), look)
    if images.before_optical is not None and images.after_optical is not None and scales.after_optical is not None:
        first = (scales.before_optical or scales.after_optical).normalised(bands(images.before_optical, look.rows))
        second = scales.after_optical.normalised(bands(images.after_optical, look.rows))
        found += _optical(first, second, look)
    return found


def _backscatter(before: NDArray[np.float32], after: NDArray[np.float32], look: _Look) -> list[Evidence]:
    found, window = [], look.window
    for first, second in zip(before, after, strict=True):
        seen = np.isfinite(first) & np.isfinite(second) & (first > 0) & (second > 0)
        count = box_sum(seen.astype(np.int32), window)
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.log10(_box(second, seen, window) / _box(first, seen, window))
        half_seen = 2 * count > window**2
        value = look.at(np.where(half_seen & np.isfinite(change), 10.0 * change, np.nan))
        found.append(backscatter_evidence(value, look.at(count), look.widths, 1.0 / len(before)))
    return found


def _box(power: NDArray[np.float32], seen: NDArray[np.bool_], window: int) -> NDArray[np.float64]:
    """Return window sums of power, quantised to 1e-4 of backscatter and cut at 100."""
    steps = np.where(seen, np.clip(power * np.float32(1e4), 1, 1_000_000), 0).astype(np.int32)
    return np.asarray(box_sum(steps, window), np.float64)


def _optical(before: NDArray[np.float32], after: NDArray[np.float32], look: _Look) -> list[Evidence]:
    window = look.window
    first, second = brightness(before), brightness(after)
    seen = np.isfinite(first) & np.isfinite(second)
    count = box_sum(seen.astype(np.int32), window).astype(np.float64)
    n = np.where(2 * count > window**2, count, np.nan)
    a, b = _steps(first, seen), _steps(second, seen)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_a, mean_b = box_sum(a, window) / n, box_sum(b, window) / n
        covariance = _product(a, b, window) / n - mean_a * mean_b
        spread_a, spread_b = _product(a, a, window) / n - mean_a**2, _product(b, b, window) / n - mean_b**2
        correlation = np.where((spread_a > 0) & (spread_b > 0), covariance / np.sqrt(spread_a * spread_b), np.nan)
        detail = np.log(_grain(second, seen, window) / _grain(first, seen, window))
    colour = np.zeros(n.shape)
    for one, other in zip(before, after, strict=True):
        change = (box_sum(_steps(other, seen), window) - box_sum(_steps(one, seen), window)) / n / STEPS_PER_SPREAD
        colour += np.square(change) / len(before)
    pixels = look.at(np.nan_to_num(n))
    detail = np.where(np.isfinite(detail) & np.isfinite(n), detail, np.nan)
    return [
        correlation_evidence(look.at(correlation), pixels, look.reference, look.widths),
        colour_evidence(look.at(np.sqrt(colour)), look.widths),
        detail_evidence(look.at(detail), pixels, look.reference, look.widths),
    ]


def _steps(image: NDArray[np.float32], seen: NDArray[np.bool_]) -> NDArray[Any]:
    clipped = np.clip(np.where(seen, image, 0.0), -CLIP_SPREADS, CLIP_SPREADS)
    return np.rint(clipped * STEPS_PER_SPREAD).astype(np.int32)


def _product(one: NDArray[Any], other: NDArray[Any], window: int) -> NDArray[Any]:
    return box_sum(one * other, window)


def _grain(image: NDArray[np.float32], seen: NDArray[np.bool_], window: int) -> NDArray[np.float64]:
    detail = fine_detail(image)
    steps = _steps(detail, seen & np.isfinite(detail))
    return np.asarray(_product(steps, steps, window), np.float64)
