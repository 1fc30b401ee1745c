"""The damage proxy map: the same evidence as of footprints, taken in a small window around every pixel.

Each kind of evidence is tabulated once over its range of values; a pixel then adds up rows of tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mitoshi.applications.disaster.building_damage_evidence import (
    Reference,
    Widths,
    backscatter_evidence,
    coherence_evidence,
    correlation_evidence,
    detail_evidence,
)
from mitoshi.applications.disaster.building_damage_model import PER_CLASS, Evidence, log_likelihoods
from mitoshi.applications.disaster.building_damage_objects import Images, bands
from mitoshi.methods.optical.change import Radiometry, brightness, fine_detail
from mitoshi.methods.statistics.windows import box_sum

if TYPE_CHECKING:
    from mitoshi.core.quantity import Raster

__all__ = ["LARGEST_WINDOW", "Scales", "damage_proxy"]

STEPS_PER_SPREAD = 100.0
"""Brightness is quantised to a hundredth of the scene's spread, so that window sums are sums of whole numbers."""

CLIP_SPREADS = 15.0
LARGEST_WINDOW = 29
STRIP_PIXELS = 1_000_000


class Axis(NamedTuple):
    """Values at which an observation is tabulated: from `low` in so many equal steps; beyond, the last one counts."""

    low: float
    step: float
    length: int

    def values(self) -> NDArray[np.float64]:
        """Return the tabulated values, shape (length,)."""
        return np.asarray(self.low + self.step * np.arange(self.length), np.float64)

    def rows(self, observed: NDArray[Any]) -> NDArray[np.int32]:
        """Return the nearest row for each observation, -1 where missing."""
        place = np.clip(np.rint((observed - self.low) / self.step), 0, self.length - 1)
        return np.where(np.isfinite(observed), place, -1).astype(np.int32)


COHERENCE_AXIS = Axis(0.0, 0.005, 201)
DECIBEL_AXIS = Axis(-25.0, 0.05, 1001)
CORRELATION_AXIS = Axis(-1.0, 0.005, 401)
DETAIL_AXIS = Axis(-6.0, 0.02, 601)


class Scales(NamedTuple):
    """What the whole scene is asked for.

    Attributes
    ----------
    coherence_ratio
        Natural ratio of the coherence across to that before.
    before_optical, after_optical
        Centre and spread of the brightness of each date: the steps in which it is counted. The evidence does not depend on them
        but for rounding.
    """

    coherence_ratio: float
    before_optical: Radiometry | None
    after_optical: Radiometry | None


class Layer(NamedTuple):
    """One kind of evidence: its table, shape (rows, 24), and the row of every pixel, shape (y, x), -1 where missing."""

    table: NDArray[np.float32]
    rows: NDArray[np.int32]


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
    tables = _tables(images, reference, widths, 2 * half + 1)
    shares = np.repeat(prior / PER_CLASS, PER_CLASS).astype(np.float32)
    out = np.full((height, width), np.nan, np.float32)
    step = max(64, STRIP_PIXELS // max(width, 1))
    known: NDArray[np.float32] | None = None
    for start in range(0, height, step):
        stop = min(height, start + step)
        first, last = max(0, start - half - 1), min(height, stop + half + 1)
        found = _rows(_part(images, slice(first, last)), scales, 2 * half + 1)
        inner = slice(start - first, stop - first)
        layers = [Layer(tables[name], rows[inner]) for name, rows in found]
        offsets = np.cumsum([0, *(len(layer.table) for layer in layers[:-1])])
        joined = np.stack([np.where(r.rows < 0, -1, r.rows + o) for r, o in zip(layers, offsets, strict=True)])
        table = np.concatenate([r.table for r in layers])
        if known is None:
            known = _unknown(len(table), len(layers), height * width)
        _severe(table, joined.astype(np.int32), shares, known, out[start:stop])
    return out


def _part(images: Images, rows: slice) -> Images:
    return Images(*(None if image is None else image.isel(y=rows) for image in images))


def _tables(images: Images, reference: Reference, widths: Widths, window: int) -> dict[str, NDArray[np.float32]]:
    """Return the log likelihood of every share for every tabulated value; pixel counts are those of a full window."""

    def full(axis: Axis) -> NDArray[np.float64]:
        return np.full(axis.length, float(window**2))

    evidence: dict[str, Evidence] = {}
    if images.coherence_before is not None:
        pairs = np.meshgrid(COHERENCE_AXIS.values(), COHERENCE_AXIS.values(), indexing="ij")
        evidence["coherence"] = coherence_evidence(pairs[0].ravel(), pairs[1].ravel(), reference, widths)
    if images.before is not None:
        channels = images.before.shape[0] if images.before.ndim == 3 else 1
        evidence["backscatter"] = backscatter_evidence(
            DECIBEL_AXIS.values(), full(DECIBEL_AXIS), widths, 1.0 / channels
        )
    if images.before_optical is not None:
        evidence["correlation"] = correlation_evidence(
            CORRELATION_AXIS.values(), full(CORRELATION_AXIS), reference, widths
        )
        evidence["detail"] = detail_evidence(DETAIL_AXIS.values(), full(DETAIL_AXIS), widths)
    return {name: log_likelihoods(item).astype(np.float32) for name, item in evidence.items()}


def _rows(images: Images, scales: Scales, window: int) -> list[tuple[str, NDArray[np.int32]]]:
    """Return the row in its table of every kind of evidence, for a strip of pixels."""
    found: list[tuple[str, NDArray[np.int32]]] = []
    if images.coherence_before is not None and images.coherence_across is not None:
        first, second = (COHERENCE_AXIS.rows(bands(i)[0]) for i in (images.coherence_before, images.coherence_across))
        found.append(
            (
                "coherence",
                np.where((first < 0) | (second < 0), -1, first * COHERENCE_AXIS.length + second).astype(np.int32),
            )
        )
    if images.before is not None and images.after is not None:
        pairs = zip(bands(images.before), bands(images.after), strict=True)
        found += [("backscatter", DECIBEL_AXIS.rows(_change_db(one, other, window))) for one, other in pairs]
    if images.before_optical is not None and images.after_optical is not None:
        pair = (images.before_optical, scales.before_optical), (images.after_optical, scales.after_optical)
        one, other = (_normalised(image, scale) for image, scale in pair)
        correlation, detail = _optical(one, other, window)
        found.append(("correlation", CORRELATION_AXIS.rows(correlation)))
        found.append(("detail", DETAIL_AXIS.rows(detail)))
    return found


def _normalised(image: Raster, scale: Radiometry | None) -> NDArray[np.float32]:
    """Return brightness in spreads of the scene, shape (y, x)."""
    plain = brightness(bands(image))
    return plain if scale is None else scale.normalised(plain[None])[0]


def _change_db(before: NDArray[np.float32], after: NDArray[np.float32], window: int) -> NDArray[np.float64]:
    """Return the change of the window means in dB, NaN where less than half of the window was seen."""
    seen = np.isfinite(before) & np.isfinite(after) & (before > 0) & (after > 0)
    half_seen = 2 * box_sum(seen.astype(np.int32), window) > window**2
    with np.errstate(divide="ignore", invalid="ignore"):
        change = 10.0 * np.log10(_box(after, seen, window) / _box(before, seen, window))
    return np.where(half_seen & np.isfinite(change), change, np.nan)


def _box(power: NDArray[np.float32], seen: NDArray[np.bool_], window: int) -> NDArray[np.float64]:
    """Return window sums of power, quantised to 1e-4 of backscatter and cut at 100."""
    steps = np.where(seen, np.clip(power * np.float32(1e4), 1, 1_000_000), 0).astype(np.int32)
    return np.asarray(box_sum(steps, window), np.float64)


def _optical(
    first: NDArray[np.float32], second: NDArray[np.float32], window: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return correlation and detail within the window, as `mitoshi.methods.optical.change` of objects."""
    seen = np.isfinite(first) & np.isfinite(second)
    count = box_sum(seen.astype(np.int32), window).astype(np.float64)
    n = np.where(2 * count > window**2, count, np.nan)
    a, b = _steps(first, seen), _steps(second, seen)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_a, mean_b = box_sum(a, window) / n, box_sum(b, window) / n
        covariance = box_sum(a * b, window) / n - mean_a * mean_b
        spread_a, spread_b = box_sum(a * a, window) / n - mean_a**2, box_sum(b * b, window) / n - mean_b**2
        correlation = np.where((spread_a > 0) & (spread_b > 0), covariance / np.sqrt(spread_a * spread_b), np.nan)
        detail = np.log(_grain(second, seen, window) / spread_b) - np.log(_grain(first, seen, window) / spread_a)
    return correlation, np.where(np.isfinite(detail) & np.isfinite(n), detail, np.nan)


def _steps(image: NDArray[np.float32], seen: NDArray[np.bool_]) -> NDArray[Any]:
    clipped = np.clip(np.where(seen, image, 0.0), -CLIP_SPREADS, CLIP_SPREADS)
    return np.rint(clipped * STEPS_PER_SPREAD).astype(np.int32)


def _grain(image: NDArray[np.float32], seen: NDArray[np.bool_], window: int) -> NDArray[np.float64]:
    detail = fine_detail(image)
    steps = _steps(detail, seen & np.isfinite(detail))
    return np.asarray(box_sum(steps * steps, window), np.float64)


def _unknown(length: int, layers: int, pixels: int) -> NDArray[np.float32]:
    """Return room for the posterior of every row or pair of rows, NaN; none where there are more layers, or fewer pixels."""
    size = (length + 1) ** layers
    return np.full(size if layers <= 2 and size <= pixels else 0, np.nan, np.float32)


@njit(cache=True, nogil=True)
def _severe(table, rows, shares, known, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Write the posterior of the upper two classes; shares are the prior of each of the 24 shares.

    The posterior follows from the rows alone: of one or two layers it is computed once for each pair and then taken from `known`.
    """
    nodes, half = shares.size, shares.size // 2
    total = np.empty(nodes, np.float32)
    wide, pair = table.shape[0] + 1, 0
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            if known.size:
                pair = rows[0, y, x] + 1
                if rows.shape[0] == 2:
                    pair = pair * wide + rows[1, y, x] + 1
                if not np.isnan(known[pair]):
                    out[y, x] = known[pair]
                    continue
            total[:] = 0.0
            seen = False
            for layer in range(rows.shape[0]):
                row = rows[layer, y, x]
                if row >= 0:
                    seen = True
                    for k in range(nodes):
                        total[k] += table[row, k]
            if not seen:
                continue
            largest = total.max()
            low, high = np.float32(0.0), np.float32(0.0)
            for k in range(nodes):
                chance = shares[k] * np.exp(total[k] - largest)
                if k < half:
                    low += chance
                else:
                    high += chance
            out[y, x] = high / (low + high)
            if known.size:
                known[pair] = out[y, x]
