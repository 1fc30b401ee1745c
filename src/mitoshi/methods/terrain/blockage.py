"""Lakes that fill behind a blocked channel: their level, outline and volume from the terrain after the blockage."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError
from mitoshi.methods.terrain.priority_flood import priority_flood

__all__ = ["Lake", "blocked_lakes", "filled_surface"]

SHALLOWEST = 1e-3
"""Ponding below this depth in metres is rounding."""


class Lake(NamedTuple):
    """A lake at the moment it overtops.

    Attributes
    ----------
    level
        Elevation of the lowest point of the dam's crest, over which it spills [m].
    volume
        Water to fill it from the ponds that were there before [m3].
    area
        Surface area [m2].
    depth
        Largest depth [m].
    deepest
        Row and column of the deepest cell.
    window
        Rows and columns of the terrain that hold the lake.
    inside
        Cells under water within the window.
    cut
        Whether it reaches the rim of the terrain or a gap in it, so that its level is a lower bound.
    """

    level: float
    volume: float
    area: float
    depth: float
    deepest: tuple[int, int]
    window: tuple[slice, slice]
    inside: NDArray[np.bool_]
    cut: bool

    def holds(self, cell: tuple[int, int]) -> bool:
        """Tell whether a cell of the terrain lies under water."""
        rows, columns = self.window
        if not (rows.start <= cell[0] < rows.stop and columns.start <= cell[1] < columns.stop):
            return False
        return bool(self.inside[cell[0] - rows.start, cell[1] - columns.start])


def filled_surface(elevation: NDArray[Any]) -> NDArray[np.float64]:
    """Return the terrain with every depression filled to its lowest outlet.

    Parameters
    ----------
    elevation
        Metres, shape (y, x), NaN where missing. The rim and cells beside missing ones are open.

    Returns
    -------
    NDArray[np.float64]
        Metres, shape (y, x): at each cell the lowest level from which water can leave the terrain.

    Raises
    ------
    InputError
        If the array is not 2-D.

    Notes
    -----
    Priority flood from the rim inward: Barnes, Lehman and Mulla (2014), Computers & Geosciences 62, algorithm 1.
    """
    heights = np.ascontiguousarray(elevation, np.float64)
    if heights.ndim != 2:
        raise InputError(f"elevation must have dims (y, x), got shape {heights.shape}")
    return np.ascontiguousarray(priority_flood(heights).filled[1:-1, 1:-1])


def blocked_lakes(
    before: NDArray[Any],
    after: NDArray[Any],
    slide: NDArray[np.bool_],
    *,
    cell_area_m2: float,
    smallest_m3: float = 0.0,
    ponds: NDArray[Any] | None = None,
) -> list[Lake]:
    """Return the lakes that a slide's deposit holds back.

    Parameters
    ----------
    before, after
        Terrain before and after in metres, shape (y, x), NaN where missing.
    slide
        Cells of the slide.
    cell_area_m2
        Area of a cell.
    smallest_m3
        Lakes that hold less are left out.
    ponds
        Depth of the ponds of the terrain before, its filled surface less itself, where it is already known.

    Returns
    -------
    list of Lake
        Those that touch the slide and hold water which the terrain before did not, largest volume first. The level of each is the
        lowest point along the best path out: the minimum over the blocking section of the terrain after.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    from scipy import ndimage

    if not before.shape == after.shape == slide.shape:
        raise InputError(f"terrain and slide differ in shape: {before.shape}, {after.shape}, {slide.shape}")
    around = np.ones((3, 3), bool)
    filled = filled_surface(after)
    ponded = filled - np.asarray(after, np.float64)
    natural = filled_surface(before) - np.asarray(before, np.float64) if ponds is None else ponds
    added = ponded - np.maximum(natural, 0.0)
    with np.errstate(invalid="ignore"):
        labels, _ = ndimage.label(ponded > SHALLOWEST, structure=around)
    near = ndimage.binary_dilation(slide, structure=around)
    rim = ~np.isfinite(after)
    rim[[0, -1], :] = True
    rim[:, [0, -1]] = True
    rim = ndimage.binary_dilation(rim, structure=around)
    touching = np.setdiff1d(np.unique(labels[near]), [0])
    gained = np.maximum(np.nan_to_num(added), 0.0)
    volumes = ndimage.sum_labels(gained, labels, touching) * cell_area_m2
    found = ndimage.find_objects(labels)
    lakes = [
        _lake(int(n), found[n - 1], labels, filled, ponded, rim, float(volume), cell_area_m2)
        for n, volume in zip(touching, np.atleast_1d(volumes), strict=True)
        if volume > max(smallest_m3, SHALLOWEST * cell_area_m2)
    ]
    return sorted(lakes, key=lambda lake: -lake.volume)


def _lake(
    number: int,
    window: tuple[slice, slice],
    labels: NDArray[np.int32],
    filled: NDArray[np.float64],
    ponded: NDArray[np.float64],
    rim: NDArray[np.bool_],
    volume: float,
    cell_area_m2: float,
) -> Lake:
    inside = labels[window] == number
    depth = np.where(inside, ponded[window], -np.inf)
    row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return Lake(
        level=float(filled[window][inside].max()),
        volume=volume,
        area=float(inside.sum()) * cell_area_m2,
        depth=float(depth[row, column]),
        deepest=(window[0].start + int(row), window[1].start + int(column)),
        window=window,
        inside=inside,
        cut=bool((inside & rim[window]).any()),
    )
