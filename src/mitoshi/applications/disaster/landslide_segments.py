"""From the probability map to single landslides: outline, area and volume, each with its range."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mitoshi.methods.terrain.elevation_change import ChangeNoise

if TYPE_CHECKING:
    from mitoshi.applications.disaster.landslide_evidence import Terrain
    from mitoshi.core.quantity import Raster

__all__ = ["MAPPED", "Scaling", "Slide", "Window", "measured", "outline", "segments", "windows"]

Window: TypeAlias = tuple[slice, ...]

MAPPED = 0.5
CERTAIN, POSSIBLE = 0.9, 0.1
NORMAL_90 = 1.645
MARGIN = 12
"""Cells around a slide among which its area may continue."""

EDGE = 0.2887
"""Standard deviation of where an edge lies within a cell, in cells: 1 / sqrt 12."""


class Scaling(NamedTuple):
    """Volume from area: V = coefficient · A^exponent in m3 and m2, with the scatter of log10 V."""

    coefficient: float
    exponent: float
    log10_scatter: float


class Slide(NamedTuple):
    """One landslide: its window, its cells in the window, and value, lower and upper of its measures in m2, m3 and m."""

    window: Window
    cells: NDArray[np.bool_]
    area: tuple[float, float, float]
    volume: tuple[float, float, float]
    deposit: tuple[float, float, float]
    net: tuple[float, float, float]
    lowering: float
    raising: float
    from_change: bool


def segments(mapped: NDArray[np.bool_], smallest_cells: float) -> tuple[NDArray[np.int32], int]:
    """Return slides numbered from 1: mapped cells with gaps of at most two cells, at least `smallest_cells` together."""
    from scipy import ndimage

    around = np.ones((3, 3), bool)
    labels = np.empty(mapped.shape, np.int32)
    count = ndimage.label(ndimage.binary_dilation(mapped, around), structure=around, output=labels)
    labels[~mapped] = 0
    sizes = np.zeros(count + 1, np.int64)
    for row in labels:
        found, cells = np.unique(row[row > 0], return_counts=True)
        sizes[found] += cells
    large = sizes >= smallest_cells
    large[0] = False
    numbers = np.where(large, np.cumsum(large), 0).astype(np.int32)
    for row in labels:  # in place: the labels of a large scene fit into memory once
        row[:] = numbers[row]
    return labels, int(large.sum())


def windows(labels: NDArray[np.int32], count: int) -> list[tuple[int, Window]]:
    """Return the number of every slide and its window, with a margin around it."""
    from scipy import ndimage

    found = ndimage.find_objects(labels, max_label=count)
    return [
        (n, tuple(slice(max(0, s.start - MARGIN), s.stop + MARGIN) for s in cut))
        for n, cut in enumerate(found, 1)
        if cut
    ]


def mean_area(areas: NDArray[np.float64], window: Window, cells: NDArray[np.bool_]) -> float:
    """Return the mean area of some cells of a window [m2].

    Parameters
    ----------
    areas
        (rows, 1) or (rows, columns).
    window
        Slices of rows and columns.
    cells
        Which cells of the window.
    """
    part = areas[window[0], window[1] if areas.shape[1] > 1 else slice(None)]
    return float(np.broadcast_to(part, cells.shape)[cells].mean())


def measured(
    numbered: tuple[int, Window],
    labels: NDArray[np.int32],
    chance: NDArray[np.float32],
    terrain: Terrain,
    areas: NDArray[np.float64],
    scaling: Scaling,
) -> Slide:
    """Return area and volume of one slide with 90 % ranges.

    The range of the area reaches from the cells above 0.9 to those above 0.1 around it, and at least over what half a cell along
    the edge makes. Volumes sum the change less the scene's bias over lowered and over raised cells; their range joins the noise
    of the mean over so many cells, and the volume in cells that may or may not belong.
    """
    number, window = numbered
    within, near = labels[window], chance[window]
    cells = within == number
    cell_area = mean_area(areas, window, cells)
    with np.errstate(invalid="ignore"):
        possible = _touching(near > POSSIBLE, cells) & ((within == 0) | cells)
        certain = cells & (near > CERTAIN)
    area = _area(cells, certain, possible, cell_area)
    if terrain.change is None or terrain.noise is None:
        unknown = (math.nan, math.nan, math.nan)
        return Slide(
            window, cells, area, _scaled(area, scaling), unknown, unknown, math.nan, math.nan, from_change=False
        )
    moved = np.nan_to_num(terrain.change[window] - np.float32(terrain.noise.bias))
    doubtful = (possible & ~cells) | (cells & ~certain)
    error = NORMAL_90 * terrain.noise.volume_sigma(float(cells.sum()), cell_area)
    error += abs(float(moved[doubtful].sum())) * cell_area
    total = float(moved[cells].sum()) * cell_area
    return Slide(
        window,
        cells,
        area,
        _volume(np.maximum(-moved, 0.0), cells, doubtful, terrain.noise, cell_area),
        _volume(np.maximum(moved, 0.0), cells, doubtful, terrain.noise, cell_area),
        (total, total - error, total + error),
        max(0.0, -float(moved[cells].min())),
        max(0.0, float(moved[cells].max())),
        from_change=True,
    )


def _area(
    cells: NDArray[np.bool_], certain: NDArray[np.bool_], possible: NDArray[np.bool_], cell_area: float
) -> tuple[float, float, float]:
    count, spread = float(cells.sum()), NORMAL_90 * EDGE * _edge_cells(cells)
    low = max(0.0, min(float(certain.sum()), count - spread))
    high = max(float((possible | cells).sum()), count + spread)
    return count * cell_area, low * cell_area, high * cell_area


def _volume(
    height: NDArray[np.float32], cells: NDArray[np.bool_], doubtful: NDArray[np.bool_], noise: ChangeNoise, area: float
) -> tuple[float, float, float]:
    """Return the volume of the positive heights over the slide, and its range."""
    value = float(height[cells].sum()) * area
    count = float((cells & (height > 0)).sum())
    error = NORMAL_90 * noise.volume_sigma(count, area) if count else 0.0
    return (
        value,
        max(0.0, value - error - float(height[cells & doubtful].sum()) * area),
        value + error + float(height[doubtful & ~cells].sum()) * area,
    )


def _scaled(area: tuple[float, float, float], scaling: Scaling) -> tuple[float, float, float]:
    factor = 10.0 ** (NORMAL_90 * scaling.log10_scatter)
    value, low, high = (scaling.coefficient * a**scaling.exponent for a in area)
    return value, low / factor, high * factor


def _touching(candidates: NDArray[np.bool_], cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the connected candidates that touch the cells."""
    from scipy import ndimage

    labels, _ = ndimage.label(candidates | cells, structure=np.ones((3, 3)))
    return np.asarray(np.isin(labels, np.unique(labels[cells])) & candidates)


def _edge_cells(cells: NDArray[np.bool_]) -> float:
    """Return the length of the edge in cell sides."""
    padded = np.pad(cells, 1)
    return float((padded[1:] != padded[:-1]).sum() + (padded[:, 1:] != padded[:, :-1]).sum())


def outline(window: Window, cells: NDArray[np.bool_], like: Raster) -> Any:
    """Return the outline of a window's cells as a polygon, or several, in the raster's coordinates."""
    import shapely
    from rasterio.features import shapes
    from rasterio.transform import Affine

    x, y = like["x"].to_numpy().astype(float), like["y"].to_numpy().astype(float)
    step_x, step_y = x[1] - x[0], y[1] - y[0]
    corner = (x[0] + (window[1].start - 0.5) * step_x, y[0] + (window[0].start - 0.5) * step_y)
    place = Affine(step_x, 0.0, corner[0], 0.0, step_y, corner[1])
    part = cells.astype(np.uint8)
    pieces = [shapely.geometry.shape(s) for s, _ in shapes(part, mask=cells, transform=place)]
    return shapely.normalize(pieces[0] if len(pieces) == 1 else shapely.MultiPolygon(pieces))
