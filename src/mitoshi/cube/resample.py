"""Resampling whose result at a pixel depends on that pixel alone, never on the window that is read.

Source coordinates are computed exactly at the nodes of a lattice fixed to the target grid, and bilinearly in between; the
lattice is as fine as needed for an error below `LATTICE_ERROR` source pixels. Coordinates are rounded to 1/4096 of a source
pixel, which hides the last bits in which machines differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Callable

    from odc.geo.geobox import GeoBox

__all__ = ["Mapping", "Resampling", "between", "cell_ratio", "coinciding", "mapping", "needed", "resample"]

Resampling = Literal["nearest", "bilinear"]

STEPS = (64, 32, 16, 8, 4, 2, 1)  # target pixels between lattice nodes, the coarsest sufficient one is taken
LATTICE_ERROR = 0.02  # source pixels
SNAP = 4096.0  # parts of a source pixel
MOST_SAMPLES = 16  # per axis and target pixel, where the target is coarser than the source
WHOLE = 1e-8  # source pixels by which a shift may miss whole pixels: below every rounding of coordinates


@dataclass(frozen=True)
class Mapping:
    """How target pixels lie on a source grid.

    Attributes
    ----------
    target, source
        The two grids.
    step
        Target pixels between lattice nodes.
    samples
        Samples per axis and target pixel: 1, or more where the target is coarser.
    shift
        Whole (rows, columns) from a target pixel to the source pixel that it coincides with; None where pixels do not coincide.
    """

    target: GeoBox
    source: GeoBox
    step: int
    samples: int
    shift: tuple[int, int] | None = None

    def nodes(self, rows: slice, columns: slice) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return source (column, row) at the lattice nodes around a window of target pixels, each (m, n)."""
        y = np.arange(rows.start // self.step, -(-rows.stop // self.step) + 1) * float(self.step)
        x = np.arange(columns.start // self.step, -(-columns.stop // self.step) + 1) * float(self.step)
        return source_pixels(self.target, self.source, *np.meshgrid(x, y))


def mapping(target: GeoBox, source: GeoBox) -> Mapping:
    """Return the mapping between two grids, with the coarsest lattice that is exact enough."""
    ratio = cell_ratio(target, source)
    samples = 1 if ratio < 1.5 else min(MOST_SAMPLES, round(ratio))
    step = next((s for s in STEPS if _lattice_error(target, source, s) < LATTICE_ERROR), 1)
    return Mapping(target, source, step, samples, _shift(target, source) if samples == 1 else None)


def _shift(target: GeoBox, source: GeoBox) -> tuple[int, int] | None:
    """Return the whole (rows, columns) by which two lattices of one CRS are apart; None where the pixels differ."""
    if target.crs != source.crs:
        return None
    rows, columns = target.shape
    x, y = (np.array(edges, np.float64) for edges in ((0, columns, 0, columns), (0, 0, rows, rows)))
    column, row = source_pixels(target, source, x, y)
    apart = np.array([row - y, column - x])
    whole = np.rint(apart[:, :1])
    if not (np.abs(apart - whole) < WHOLE).all():  # also where a coordinate is not finite
        return None
    return int(whole[0, 0]), int(whole[1, 0])


def coinciding(how: Mapping, rows: slice, columns: slice) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Return the part of a window that lies on the source, in the window and in the source; None where none does.

    Parameters
    ----------
    how
        With a shift.
    rows, columns
        The window, with start and stop, step 1.

    Raises
    ------
    ValueError
        If the pixels of the grids do not coincide.
    """
    if how.shift is None:
        raise ValueError("the pixels of the two grids do not coincide")
    within, source = [], []
    for part, shift, size in zip((rows, columns), how.shift, how.source.shape, strict=True):
        start, stop = max(0, part.start + shift), min(int(size), part.stop + shift)
        if start >= stop:
            return None
        source.append(slice(start, stop))
        within.append(slice(start - shift - part.start, stop - shift - part.start))
    return (within[0], within[1]), (source[0], source[1])


@lru_cache(maxsize=64)
def _transformer(from_crs: str, to_crs: str) -> Any:
    from pyproj import Transformer

    return Transformer.from_crs(from_crs, to_crs, always_xy=True)


def source_pixels(
    target: GeoBox, source: GeoBox, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return source (column, row) of target (column, row); whole numbers are pixel corners. Not finite where undefined."""
    forward, back = target.affine, ~source.affine
    easting = forward.a * x + forward.b * y + forward.c
    northing = forward.d * x + forward.e * y + forward.f
    if target.crs is not None and source.crs is not None and target.crs != source.crs:
        easting, northing = _transformer(target.crs.to_wkt(), source.crs.to_wkt()).transform(easting, northing)
    if source.crs is not None and source.crs.geographic:
        middle = (source.affine @ (source.shape[1] / 2, source.shape[0] / 2))[0]
        easting = np.mod(easting - middle + 180.0, 360.0) - 180.0 + middle  # the seam lies opposite to the source
    return back.a * easting + back.b * northing + back.c, back.d * easting + back.e * northing + back.f


def _probes(target: GeoBox, step: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the lower corners of up to 9 × 9 lattice cells spread over the target."""
    rows, columns = target.shape
    y = np.unique(np.linspace(0, max(0, rows - 1), 9).astype(int) // step) * float(step)
    x = np.unique(np.linspace(0, max(0, columns - 1), 9).astype(int) // step) * float(step)
    grid = np.meshgrid(x, y)
    return grid[0], grid[1]


def _lattice_error(target: GeoBox, source: GeoBox, step: int) -> float:
    """Return the largest error [source pixel] of interpolating at the middle of a lattice cell and of its edges."""
    x, y = _probes(target, step)
    corners = [source_pixels(target, source, x + i * step, y + j * step) for j in (0, 1) for i in (0, 1)]
    worst = 0.0
    for fy, fx in ((0.5, 0.5), (0.0, 0.5), (0.5, 0.0)):
        true = source_pixels(target, source, x + fx * step, y + fy * step)
        weights = ((1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx)
        for axis in (0, 1):
            guess = sum(w * c[axis] for w, c in zip(weights, corners, strict=True))
            gap = np.abs(guess - true[axis])
            worst = max(worst, float(gap[np.isfinite(gap)].max(initial=0.0)))
    return worst


def cell_ratio(target: GeoBox, source: GeoBox) -> float:
    """Return the side of a target pixel in source pixels, the median over the grid."""
    x, y = _probes(target, 1)
    here, right, down = (source_pixels(target, source, x + i, y + j) for i, j in ((0, 0), (1, 0), (0, 1)))
    area = np.abs((right[0] - here[0]) * (down[1] - here[1]) - (right[1] - here[1]) * (down[0] - here[0]))
    area = area[np.isfinite(area)]
    return float(np.sqrt(np.median(area))) if area.size else 1.0


def resample(
    read: Callable[[slice, slice], np.ndarray[Any, Any]],
    how: Mapping,
    rows: slice,
    columns: slice,
    method: Resampling,
    fill: float,
) -> np.ndarray[Any, Any]:
    """Return a window of the target.

    Parameters
    ----------
    read
        Reads (layers, y, x) of a window of the source; called once, or not at all where the window lies beside it.
    how
        From `mapping`.
    rows, columns
        The window, with start and stop, step 1.
    method
        "bilinear" leaves NaN out of the mean and is NaN where the nearest pixel is; "nearest" takes one value.
    fill
        Value beside the source.

    Returns
    -------
    (layers, rows, columns), of the source's type.
    """
    if how.shift is not None:
        return _moved(read, how, rows, columns, fill)
    height, width = how.source.shape
    node_x, node_y = how.nodes(rows, columns)
    window = needed(node_x, node_y, height, width)
    values = read(*window) if window is not None else read(slice(0, 0), slice(0, 0))
    shape = (len(values), rows.stop - rows.start, columns.stop - columns.start)
    out = np.full(shape, fill, dtype=values.dtype)
    if window is None:
        return out
    origin = (rows.start, columns.start, window[0].start, window[1].start)
    given = np.ascontiguousarray(values), node_x, node_y, how.step
    if method == "nearest":
        _nearest(*given, origin, (height, width), out)
    else:
        _bilinear(*given, how.samples, origin, (height, width), out)
    return out


def _moved(
    read: Callable[[slice, slice], np.ndarray[Any, Any]], how: Mapping, rows: slice, columns: slice, fill: float
) -> np.ndarray[Any, Any]:
    """Return a window whose pixels coincide with those of the source: each value as it is, as any resampling gives it."""
    parts = coinciding(how, rows, columns)
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    if parts is None:
        values = read(slice(0, 0), slice(0, 0))
        return np.full((len(values), *shape), fill, dtype=values.dtype)
    values = read(*parts[1])
    if values.shape[1:] == shape:
        return np.array(values, order="C")  # never a view of a layer in memory
    out = np.full((len(values), *shape), fill, dtype=values.dtype)
    out[:, parts[0][0], parts[0][1]] = values
    return out


def needed(
    node_x: np.ndarray[Any, Any], node_y: np.ndarray[Any, Any], height: int, width: int
) -> tuple[slice, slice] | None:
    """Return the source window that the nodes span, with a margin for the kernel; None where they miss the source."""
    good = np.isfinite(node_x) & np.isfinite(node_y)
    if not good.any():
        return None
    spans = []
    for nodes, size in ((node_y[good], height), (node_x[good], width)):
        start, stop = max(0, int(np.floor(nodes.min())) - 2), min(size, int(np.ceil(nodes.max())) + 2)
        if start >= stop:
            return None
        spans.append(slice(start, stop))
    return spans[0], spans[1]


@njit(inline="always")
def between(nodes: Any, row: int, column: int, fy: float, fx: float) -> float:
    """Return the bilinear value between four nodes, rounded to the snap."""
    left = nodes[row, column] * (1.0 - fy) + nodes[row + 1, column] * fy
    right = nodes[row, column + 1] * (1.0 - fy) + nodes[row + 1, column + 1] * fy
    value: float = np.rint((left * (1.0 - fx) + right * fx) * SNAP) * (1.0 / SNAP)
    return value


@njit(cache=True, nogil=True)
def _nearest(values: Any, node_x: Any, node_y: Any, step: int, origin: Any, size: Any, out: Any) -> None:
    row0, column0, top, left = origin
    first_row, first_column = row0 // step, column0 // step
    part = 1.0 / step  # exact: steps are powers of two
    for i in range(out.shape[1]):
        y = (row0 + i + 0.5) * part
        cell_y = int(y)
        for j in range(out.shape[2]):
            x = (column0 + j + 0.5) * part
            cell_x = int(x)
            sx = between(node_x, cell_y - first_row, cell_x - first_column, y - cell_y, x - cell_x)
            sy = between(node_y, cell_y - first_row, cell_x - first_column, y - cell_y, x - cell_x)
            if sx >= 0.0 and sy >= 0.0 and sx < size[1] and sy < size[0]:
                r, c = int(sy) - top, int(sx) - left
                for k in range(out.shape[0]):
                    out[k, i, j] = values[k, r, c]


@njit(inline="always")
def _mean_of_four(values: Any, k: int, sy: float, sx: float, top: int, left: int) -> float:
    """Return the bilinear mean of the valid ones of the four nearest pixels; NaN where the nearest one is."""
    height, width = values.shape[1], values.shape[2]
    fy, fx = sy - 0.5 - top, sx - 0.5 - left
    r, c = int(np.floor(fy)), int(np.floor(fx))
    wy, wx = fy - r, fx - c
    if r >= 0 and c >= 0 and r + 1 < height and c + 1 < width:
        # Unsigned indices spare numba the test for negative ones.
        top_row, first = np.uint64(r), np.uint64(c)
        low_row, second = np.uint64(r + 1), np.uint64(c + 1)
        upper = values[k, top_row, first] * (1.0 - wx) + values[k, top_row, second] * wx
        lower = values[k, low_row, first] * (1.0 - wx) + values[k, low_row, second] * wx
        value = upper * (1.0 - wy) + lower * wy
        if not np.isnan(value):
            return float(value)
    if np.isnan(values[k, int(sy) - top, int(sx) - left]):
        return np.nan
    total = 0.0
    weight = 0.0
    for a in range(2):
        for b in range(2):
            w = (wy if a else 1.0 - wy) * (wx if b else 1.0 - wx)
            if w > 0.0 and 0 <= r + a < height and 0 <= c + b < width and not np.isnan(values[k, r + a, c + b]):
                total += w * values[k, r + a, c + b]
                weight += w
    return total / weight


@njit(cache=True, nogil=True)
def _bilinear(values: Any, node_x: Any, node_y: Any, step: int, samples: int, origin: Any, size: Any, out: Any) -> None:
    row0, column0, top, left = origin
    first_row, first_column = row0 // step, column0 // step
    part = 1.0 / step
    places = (np.arange(samples) + 0.5) / samples
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            for k in range(out.shape[0]):
                total = 0.0
                count = 0
                for a in range(samples):
                    y = (row0 + i + places[a]) * part
                    cell_y = int(y)
                    for b in range(samples):
                        x = (column0 + j + places[b]) * part
                        cell_x = int(x)
                        sx = between(node_x, cell_y - first_row, cell_x - first_column, y - cell_y, x - cell_x)
                        sy = between(node_y, cell_y - first_row, cell_x - first_column, y - cell_y, x - cell_x)
                        if sx >= 0.0 and sy >= 0.0 and sx < size[1] and sy < size[0]:
                            v = _mean_of_four(values, k, sy, sx, top, left)
                            if not np.isnan(v):
                                total += v
                                count += 1
                # Half of the pixel must have been seen.
                out[k, i, j] = total / count if count > 0 and 2 * count >= samples * samples else np.nan
