"""The survey of a scene for landslides: probability piece by piece, slides over the whole scene, and each measured in its place.

Up to six million cells the scene is one piece, and everything is as if there were none. A larger scene is cut into fixed pieces,
each seen with the cells around it: drainage, run-out and lakes end where a piece's surroundings do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.landslide_evidence import (
    Changes,
    Levels,
    Terrain,
    changes_of,
    elevation_change_of,
    levels_of,
    probability,
    read_evidence,
    read_terrain,
    with_drainage,
)
from mitoshi.applications.disaster.landslide_inputs import (
    Seen,
    check_different,
    check_filled,
    check_observed,
    check_spread,
    seen_of,
    shows_all,
)
from mitoshi.applications.disaster.landslide_lakes import Inflow, dammed_lakes
from mitoshi.applications.disaster.landslide_probability import SlideModel
from mitoshi.applications.disaster.landslide_segments import MAPPED, Scaling, Window, measured, segments, windows
from mitoshi.applications.disaster.landslide_tables import (
    Rows,
    joined_lakes,
    joined_slides,
    lake_table,
    rows_of,
    slide_table,
)
from mitoshi.core.cells import raster_areas_m2
from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.core.quantity import Raster
    from mitoshi.core.scene import SceneView

__all__ = ["SlideSurvey", "as_probability", "survey_landslides"]

LARGEST_WHOLE = 6_000_000
"""Cells up to which a scene is one piece: some 130 bytes a cell are held."""

PIECE = 1280
AROUND = 256
"""Side of a piece of a larger scene, and cells read around it."""

FARTHEST = 768
"""Cells around a piece that are read at most for the slides whose middle lies in it."""

SAMPLED, SAMPLES = 512, 16
"""Side and number of the blocks over which the levels of a larger scene are measured."""

STEPS = 60_000
UNSEEN = 65_535
"""Probability is kept in steps of 1/60000 in two bytes."""


class SlideSurvey(NamedTuple):
    """What the tiles of a scene share, and the rows of both lists.

    Attributes
    ----------
    corner
        Coordinates of the first cell, and the steps down and right; None without coordinates.
    bias
        Median elevation change of the scene; NaN where there is none.
    chance
        Probability of every cell in steps of 1/60000, 65535 where not observed, shape (y, x), uint16.
    slid
        Which cells belong to a slide, shape (y, x).
    slides, lakes
        Rows of the lists.
    """

    corner: tuple[float, float, float, float] | None
    bias: float
    chance: NDArray[np.uint16]
    slid: NDArray[np.bool_]
    slides: Rows
    lakes: Rows

    def cut(self, like: Raster) -> tuple[slice, slice]:
        """Return where an array lies in the scene, from its coordinates."""
        row, column = 0, 0
        if self.corner is not None and "y" in like.coords and "x" in like.coords:
            y, x, down, right = self.corner
            row = round((float(like["y"][0]) - y) / down)
            column = round((float(like["x"][0]) - x) / right)
        return slice(row, row + like.sizes["y"]), slice(column, column + like.sizes["x"])


def as_probability(steps: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return probabilities from their steps, NaN where not observed."""
    return np.where(steps == UNSEEN, np.float32(np.nan), steps / np.float32(STEPS)).astype(np.float32)


class _Settings(NamedTuple):
    model: SlideModel
    pixel: float
    runout_cells: int
    scaling: Scaling
    inflow: Inflow
    channel_km2: float
    smallest_lake_m3: float


def _like(arrays: Mapping[str, Any]) -> Raster:
    found: Raster = next(a for a in arrays.values() if a is not None)
    return found


def _terrain(arrays: Mapping[str, Any], changes: Changes, levels: Levels, pixel: float) -> Terrain:
    return read_terrain(arrays["elevation"], arrays["elevation_after"], changes.elevation, levels, pixel)


@dataclass(frozen=True)
class _Sample:
    """Returns what changed in the blocks that are sampled, None for the others."""

    kept: frozenset[tuple[int, int]]

    def __call__(self, row: int, column: int, arrays: Mapping[str, Any]) -> Changes | None:
        return changes_of(arrays) if (row, column) in self.kept else None


@dataclass(frozen=True)
class _Look:
    """Returns what a piece holds; of chosen pieces only, where they are given."""

    chosen: frozenset[tuple[int, int]] | None = None

    def __call__(self, row: int, column: int, arrays: Mapping[str, Any]) -> Seen | None:
        return seen_of(arrays) if self.chosen is None or (row, column) in self.chosen else None


@dataclass(frozen=True)
class _Chance:
    """Returns the probability of the cells of a piece."""

    levels: Levels
    settings: _Settings
    size: int
    margin: int

    def __call__(self, row: int, column: int, arrays: Mapping[str, Any]) -> NDArray[np.uint16]:
        like, settings = _like(arrays), self.settings
        shape = (like.sizes["y"], like.sizes["x"])
        changes = changes_of(arrays)
        terrain = _terrain(arrays, changes, self.levels, settings.pixel)
        evidence = read_evidence(changes, self.levels, settings.model, shape, arrays["flood"])
        place = arrays["elevation"] if arrays["elevation"] is not None else arrays["elevation_after"]
        chance = probability(
            evidence,
            terrain,
            settings.model,
            settings.runout_cells,
            lambda known: with_drainage(known, place, settings.pixel),
        )
        top, left = row - max(0, row - self.margin), column - max(0, column - self.margin)
        core = chance[top : top + self.size, left : left + self.size]
        return np.where(np.isfinite(core), np.rint(core * np.float32(STEPS)), UNSEEN).astype(np.uint16)


@dataclass(frozen=True)
class _Measure:
    """Measures the slides whose middle lies in a piece, and the lakes that they dam."""

    levels: Levels
    settings: _Settings
    chance: NDArray[np.uint16]
    labels: NDArray[Any]
    owned: Mapping[tuple[int, int], list[tuple[int, Window]]]
    margin: int

    def __call__(self, row: int, column: int, arrays: Mapping[str, Any]) -> tuple[Rows, Rows] | None:
        members = self.owned.get((row, column))
        if not members:
            return None
        like, settings = _like(arrays), self.settings
        first = max(0, row - self.margin), max(0, column - self.margin)
        place = slice(first[0], first[0] + like.sizes["y"]), slice(first[1], first[1] + like.sizes["x"])
        chance, labels = as_probability(self.chance[place]), self.labels[place]
        # Of what changed only the elevation is measured: the images, which fill most of the memory, are not read again.
        check_filled(arrays)
        moved = elevation_change_of(*(arrays[n] for n in ("elevation", "elevation_after", "elevation_change")))
        terrain = _terrain(arrays, Changes(moved, None, None), self.levels, settings.pixel)
        ground = arrays["elevation"] if arrays["elevation"] is not None else arrays["elevation_after"]
        terrain = with_drainage(terrain, ground, settings.pixel)
        areas = raster_areas_m2(like, settings.pixel)
        near = [(n, _within(window, first, labels.shape)) for n, window in members]
        slides = [measured(cut, labels, chance, terrain, areas, settings.scaling) for cut in near]
        numbers = [n for n, _ in members]
        lakes = dammed_lakes(
            terrain,
            labels,
            areas,
            settings.inflow,
            channel_km2=settings.channel_km2,
            smallest_m3=settings.smallest_lake_m3,
        )
        own = [lake for lake in lakes if lake.slide in set(numbers)]
        table = slide_table(numbers, slides, terrain, chance, like, areas, settings.channel_km2)
        return rows_of(table), rows_of(lake_table(own, like))


def _within(window: Window, first: tuple[int, int], shape: tuple[int, ...]) -> Window:
    """Return a window of the scene in the coordinates of a piece, cut at its edge."""
    return tuple(
        slice(max(0, s.start - start), min(size, s.stop - start))
        for s, start, size in zip(window, first, shape, strict=True)
    )


def survey_landslides(
    view: SceneView,
    *,
    cell_m: float,
    smallest_m2: float,
    prior: float,
    change_m: float,
    vegetation_loss: float,
    backscatter_db: float,
    smoothness: float,
    slope_low_deg: float,
    slope_high_deg: float,
    runout_width_m: float,
    volume_coefficient: float,
    volume_exponent: float,
    volume_log10_scatter: float,
    channel_km2: float,
    smallest_lake_m3: float,
    inflow_m3_s: float,
    rainfall_mm_h: float,
    runoff_coefficient: float,
    inflow_doubt: float,
) -> SlideSurvey:
    """Return the probability of every cell, the slides and the lakes. See `landslide` for the parameters.

    Raises
    ------
    InputError
        If the grid has no scale, or the slopes are not in order.
    """
    pixel = float(view.like.attrs.get("pixel_size_m") or cell_m)
    if not pixel > 0:
        raise InputError(
            "the files have no georeference, so areas and slopes have no scale; give georeferenced files, or --cell-m"
        )
    if not slope_low_deg < slope_high_deg:
        raise InputError(f"slope_low_deg must be below slope_high_deg, got {slope_low_deg:g} and {slope_high_deg:g}")
    settings = _Settings(
        SlideModel(prior, change_m, vegetation_loss, backscatter_db, smoothness, (slope_low_deg, slope_high_deg)),
        pixel,
        round(runout_width_m / pixel),
        Scaling(volume_coefficient, volume_exponent, volume_log10_scatter),
        Inflow(inflow_m3_s, rainfall_mm_h, runoff_coefficient, inflow_doubt),
        channel_km2,
        smallest_lake_m3,
    )
    return _surveyed(view, settings, max(1.0, smallest_m2 / pixel**2))


def _surveyed(view: SceneView, settings: _Settings, smallest: float) -> SlideSurvey:
    whole = view.shape[0] * view.shape[1] <= LARGEST_WHOLE
    size, margin = (max(view.shape), 0) if whole else (PIECE, AROUND)
    seen = _seen(view, size, whole=whole)
    check_observed(seen)
    levels = _levels(view, size if whole else SAMPLED)
    check_different(seen)
    check_spread(levels.elevation)
    pieces = view.map_blocks(_Chance(levels, settings, size, margin), size, margin)
    chance = _stitched(pieces, view.shape, size)
    mapped = chance > MAPPED * STEPS
    mapped &= chance != UNSEEN
    numbered, count = segments(mapped, smallest)
    owned, reach = _owned(windows(numbered, count), size)
    labels: NDArray[Any] = numbered.astype(np.uint16) if count <= np.iinfo(np.uint16).max else numbered
    del mapped, numbered  # of a large scene every array counts
    margin = 0 if whole else min(FARTHEST, max(AROUND, reach))
    found = view.map_blocks(_Measure(levels, settings, chance, labels, owned, margin), size, margin) if count else []
    parts = [part for part in found if part is not None]
    bias = math.nan if levels.elevation is None else levels.elevation.bias
    slides, lakes = joined_slides([s for s, _ in parts]), joined_lakes([w for _, w in parts])
    return SlideSurvey(_corner(view.like), bias, chance, labels > 0, slides, lakes)


def _seen(view: SceneView, size: int, *, whole: bool) -> list[Seen]:
    """Return what the scene holds, as far as the checks ask: of the sampled blocks where those show enough, else of all."""
    if not whole:
        parts = view.map_blocks(_Look(_sampled(view, SAMPLED)), SAMPLED)
        seen = [part for part in parts if part is not None]
        if shows_all(seen):
            return seen
    return [part for part in view.map_blocks(_Look(), size) if part is not None]


def _sampled(view: SceneView, size: int) -> frozenset[tuple[int, int]]:
    """Return where evenly spaced blocks of one size begin, at most as many as are sampled."""
    full = [
        (row, column)
        for row in range(0, max(1, view.shape[0] - size + 1), size)
        for column in range(0, max(1, view.shape[1] - size + 1), size)
    ]
    return frozenset(full[:: max(1, -(-len(full) // SAMPLES))])


def _levels(view: SceneView, size: int) -> Levels:
    """Return the levels of the scene, of evenly spaced blocks of one size."""
    parts = view.map_blocks(_Sample(_sampled(view, size)), size)
    return levels_of([part for part in parts if part is not None])


def _stitched(pieces: list[NDArray[np.uint16]], shape: tuple[int, int], size: int) -> NDArray[np.uint16]:
    """Return the pieces side by side; each is let go as soon as it is in its place."""
    if len(pieces) == 1:
        return pieces[0]
    whole = np.empty(shape, np.uint16)
    across = -(-shape[1] // size)
    for n in range(len(pieces)):
        part = pieces[n]
        row, column = n // across * size, n % across * size
        whole[row : row + part.shape[0], column : column + part.shape[1]] = part
        pieces[n] = part[:0]
    return whole


def _owned(found: list[tuple[int, Window]], size: int) -> tuple[dict[tuple[int, int], list[tuple[int, Window]]], int]:
    """Return the slides by the piece in which their middle lies, and how far the largest reaches out of it."""
    owned: dict[tuple[int, int], list[tuple[int, Window]]] = {}
    reach = 0
    for number, window in found:
        block = tuple((s.start + s.stop) // 2 // size * size for s in window)
        owned.setdefault((block[0], block[1]), []).append((number, window))
        reach = max(reach, *((s.stop - s.start + 1) // 2 for s in window))
    return owned, reach


def _corner(like: Raster) -> tuple[float, float, float, float] | None:
    if "y" not in like.coords or "x" not in like.coords or min(like.sizes["y"], like.sizes["x"]) < 2:
        return None
    y, x = like["y"].to_numpy(), like["x"].to_numpy()
    return float(y[0]), float(x[0]), float(y[1] - y[0]), float(x[1] - x[0])
