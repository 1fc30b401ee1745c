"""The scene stage of flood depth: one water surface for the whole scene, piece by connected piece of water."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.flood_depth_cells import (
    DRY,
    FLOODED,
    UNSEEN,
    Edge,
    codes_of,
    edge_heights,
    label_cells,
    pairs,
    pieces,
    touching,
    usable_edges,
)
from mitoshi.applications.disaster.flood_depth_coherence import pair_of, ratio_counts, ratio_of
from mitoshi.applications.disaster.flood_depth_plausible import check_depth
from mitoshi.applications.disaster.flood_depth_unseen import (
    Coarse,
    Scales,
    Seen,
    Unseen,
    assembled,
    coarse,
    coarse_factor,
    survey_unseen,
)
from mitoshi.core.errors import InputError
from mitoshi.core.quantity import PASSES
from mitoshi.methods.hydraulics.water_surface import (
    SAMPLES,
    Lattice,
    Shoreline,
    WaterSurface,
    roots,
    shared_corners,
    solve_water_surface,
)
from mitoshi.methods.terrain.plausible import GroundCounts, check_ground, counts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.core.quantity import Raster
    from mitoshi.core.scene import SceneView

    Integers = NDArray[np.int64]
    Numbers = NDArray[np.int32]
    Floats = NDArray[np.float64]

__all__ = ["CELL", "LARGEST_CELL", "DepthSurvey", "cell_side", "survey_depth"]

CELL, LARGEST_CELL = 32, 64
"""Pixels along a cell's side; the larger from `MOST_CELLS` cells on."""

MOST_CELLS = 250_000
READ = 2048
COHERENT = ("coherence_before", "coherence_across", "built_up")

COMMON_M = 300.0
"""Length of shoreline over which errors of elevation and map are one and the same."""

PLAIN_PIXEL_M = 10.0
NUGGET_M = 0.05
"""Standard deviation of an edge's height on flat ground of a perfect model."""

OWN_ERROR, COMMON_ERROR = 0.5, 1.0
"""Shares of the elevation's error that a stretch of shoreline has for itself, and by which whole cells differ. Chosen with
`COMMON_M`, `ISLAND_M2` and the limit of outliers on the simulated seeds 101 to 103 so that intervals hold what they say."""

ALONE_M, FREE_M = 2.0, 50.0
"""Standard deviation of the level of water without, and with, any shoreline, before the shoreline is seen."""

INNER_QUANTILE = 0.98
"""Of the flooded ground's heights, for water without a shoreline (Betterle and Salamon 2024: P* = 0.98)."""


class DepthSurvey(NamedTuple):
    """The scene's water surface; small and picklable.

    Attributes
    ----------
    corner
        Coordinates (y, x) of the scene's first pixel and steps (y, x), or None.
    cell
        Side of a cell [pixels].
    first, pieces
        (cell rows, cell columns) number of each cell's first piece, and of its pieces.
    level, uncertainty
        (pieces, 4) water surface at the corners north-west, north-east, south-east, south-west, and its standard deviation [m].
    ground
        (pieces,) mean elevation of the flooded pixels [m]; NaN where there is none.
    segment
        (pieces,) number of the connected water that each belongs to.
    usual_depth
        Scale of the exponential prior of depths [m]: twice the mean of surface less mean ground, for on an even slope depths are
        equally frequent up to twice their mean.
    unseen
        Water carried into what was not seen; None where everything was seen.
    coherence_ratio
        Coherence across the event over that before where nothing happened.
    """

    corner: tuple[float, float, float, float] | None
    cell: int
    first: NDArray[np.int32]
    pieces: NDArray[np.int16]
    level: NDArray[np.float32]
    uncertainty: NDArray[np.float32]
    ground: NDArray[np.float32]
    segment: NDArray[np.int32]
    usual_depth: float
    unseen: Unseen | None = None
    coherence_ratio: float = 1.0


class _Block(NamedTuple):
    corner: tuple[float, float, float, float] | None
    pixel_m: float | None
    cell: Integers
    counts: Integers
    share: Floats
    ground: Floats
    high: Floats
    edge: Edge
    across: Integers
    down: Integers
    rim: tuple[Numbers, Numbers, Numbers, Numbers]
    coarse: Coarse | None
    ratios: Integers
    heights: GroundCounts


def cell_side(shape: tuple[int, int]) -> int:
    """Return the side of a cell for a scene of so many rows and columns.

    >>> cell_side((10_000, 10_000)), cell_side((20_000, 20_000))
    (32, 64)
    """
    return CELL if math.prod(-(-n // CELL) for n in shape) <= MOST_CELLS else LARGEST_CELL


def survey_depth(
    view: SceneView,
    *,
    elevation_error_m: float = 0.3,
    surface_slope: float = 1e-3,
    edge_depth_m: float = 0.1,
    unseen_reach_m: float = 2000.0,
) -> DepthSurvey:
    """Return the water surface of a scene with the data arguments of `disaster.flood-depth`.

    Parameters
    ----------
    view
        The scene; its arrays are named flood and elevation, and may hold coherence_before, coherence_across and built_up.
    elevation_error_m, surface_slope, edge_depth_m, unseen_reach_m
        As for `disaster.flood-depth`.

    Raises
    ------
    InputError
        If nothing of the flood map was observed, or the elevation is none in metres, is filled where it is missing, or is not
        known under any of the flood.
    """
    side = cell_side(view.shape)
    factor = coarse_factor(view.shape)
    blocks = view.map_blocks(_Reader(side, factor), READ)
    if not any(b.counts[3] for b in blocks):
        raise InputError("flood holds no observed pixels; give another flood map or check its nodata value")
    check_ground(b.heights for b in blocks)
    across = -(-view.shape[1] // READ)
    starts = np.cumsum([0, *(len(b.cell) for b in blocks)])
    total = int(starts[-1])
    cells = tuple(-(-n // side) for n in view.shape)
    cell = np.concatenate([b.cell for b in blocks])
    order = np.lexsort((np.arange(total), cell[:, 1], cell[:, 0]))
    new = np.empty(total, np.int64)
    new[order] = np.arange(total)
    links = _links(blocks, starts, across, new)
    first, count = _index(cell[order], cells)
    joined = _joined(blocks, order)
    if any(b.counts[1] for b in blocks) and not np.isfinite(joined[1]).any():
        raise InputError(
            "elevation holds no heights under the flood, so no depth can be determined; give an elevation that reaches it"
        )
    pixel = next((b.pixel_m for b in blocks if b.pixel_m), None) or PLAIN_PIXEL_M
    edge = _edges(blocks, starts, new, side, edge_depth_m)
    seen, segment = _surface(
        cell[order], links, joined, edge, cells[1], (pixel * side, elevation_error_m, surface_slope, edge_depth_m)
    )
    level = seen.surface.level[seen.corners].astype(np.float32)
    usual = _usual_depth(level, joined[0], joined[1])
    check_depth(usual / 2)
    squares = (-(-view.shape[0] // factor), -(-view.shape[1] // factor))
    unseen = survey_unseen(
        assembled([b.coarse for b in blocks], starts, new, squares, across, READ // factor),
        factor,
        side,
        seen,
        Scales(
            _roughness(pixel * side, elevation_error_m, surface_slope),
            math.hypot(NUGGET_M, OWN_ERROR * elevation_error_m),
            max(1.0, pixel * side / COMMON_M),
            unseen_reach_m / (pixel * factor),
        ),
    )
    return DepthSurvey(
        blocks[0].corner,
        side,
        first,
        count,
        level,
        seen.surface.uncertainty[seen.corners].astype(np.float32),
        joined[1].astype(np.float32),
        segment.astype(np.int32),
        usual,
        unseen,
        ratio_of(b.ratios for b in blocks),
    )


class _Reader:
    """Reads one block; picklable."""

    def __init__(self, side: int, factor: int) -> None:
        self.side, self.factor = side, factor

    def __call__(self, row: int, column: int, arrays: Mapping[str, Raster | None]) -> _Block:
        flood, elevation = arrays["flood"], arrays["elevation"]
        if flood is None or elevation is None:
            raise InputError("flood depth needs a flood map and an elevation model")
        codes = codes_of(flood.to_numpy())
        heights = np.asarray(elevation.to_numpy(), np.float32)
        found = label_cells(codes, (row, column), self.side)
        piece = pieces(found, (row, column), self.side)
        total = int(found.number.sum())
        pixel = elevation.attrs.get("pixel_size_m")
        usable = usable_edges(codes, (float(pixel or PLAIN_PIXEL_M)) ** 2)
        edge = edge_heights(codes, usable, piece, heights, self.side, total)
        cell = np.stack(np.nonzero(found.number), axis=1).repeat(found.number[found.number > 0], axis=0)
        cell = cell + np.array([row // self.side, column // self.side])
        counts = np.array([(codes == code).sum() for code in (DRY, FLOODED)] + [0, (codes != UNSEEN).sum()])
        across, down = touching(piece, self.side)
        wet = piece >= 0
        share = np.bincount(piece[wet], minlength=total) / float(self.side**2)
        ground, high = _ground(codes, piece, heights, total)
        return _Block(_corner(flood), float(pixel) if pixel else None, cell, counts, share, ground, high, edge, across, down,
                      (piece[0].copy(), piece[-1].copy(), piece[:, 0].copy(), piece[:, -1].copy()),
                      coarse(codes, heights, piece, self.factor, _passes(elevation)),
                      ratio_counts(codes, pair_of(*(arrays.get(name) for name in COHERENT))),
                      counts_of(heights, float(pixel) if pixel else None))  # fmt: skip


def _passes(elevation: Raster) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Return the lowest passes to the eastern and the southern pixels; None where the elevation carries none."""
    if not all(name in elevation.coords for name in PASSES):
        return None
    east, south = (np.asarray(elevation[name].to_numpy(), np.float32) for name in PASSES)
    return east, south


def _corner(array: Raster) -> tuple[float, float, float, float] | None:
    if "y" not in array.coords or "x" not in array.coords:
        return None
    y, x = array["y"].to_numpy(), array["x"].to_numpy()
    steps = (float(c[-1] - c[0]) / (len(c) - 1) if len(c) > 1 else 1.0 for c in (y, x))
    return (float(y[0]), float(x[0]), *steps)  # type: ignore[return-value]


def _ground(
    codes: NDArray[np.uint8], piece: Numbers, heights: NDArray[np.float32], total: int
) -> tuple[Floats, Floats]:
    """Return mean and high quantile of the flooded ground's heights of each piece; NaN where there is none."""
    flooded = (codes == FLOODED) & np.isfinite(heights)
    number, z = piece[flooded], heights[flooded].astype(np.float64)
    count = np.bincount(number, minlength=total)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(number, z, total) / count
    order = np.lexsort((z, number))
    end = np.cumsum(count)
    place = np.clip(end - count + np.rint(INNER_QUANTILE * (count - 1)).astype(int), 0, max(0, z.size - 1))
    high = z[order][place] if z.size else np.full(total, np.nan)
    return mean, np.where(count > 0, high, np.nan)


def _links(blocks: list[_Block], starts: Integers, across: int, new: Integers) -> tuple[Integers, Integers]:
    """Return all touching pieces in the scene's numbers, those across blocks included."""
    east, south = [], []
    for k, block in enumerate(blocks):
        east.append(block.across + starts[k])
        south.append(block.down + starts[k])
        if (k + 1) % across:
            east.append(_over(block.rim[3], starts[k], blocks[k + 1].rim[2], starts[k + 1]))
        if k + across < len(blocks):
            south.append(_over(block.rim[1], starts[k], blocks[k + across].rim[0], starts[k + across]))
    return new[np.concatenate(east)], new[np.concatenate(south)]


def _over(one: Numbers, start: int, other: Numbers, other_start: int) -> Integers:
    return pairs(np.where(one >= 0, one + start, -1), np.where(other >= 0, other + other_start, -1))


def _index(cell: Integers, cells: tuple[int, ...]) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
    count = np.bincount(cell[:, 0] * cells[1] + cell[:, 1], minlength=cells[0] * cells[1])
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    return first.reshape(cells).astype(np.int32), count.reshape(cells).astype(np.int16)


def _joined(blocks: list[_Block], order: Integers) -> tuple[Floats, Floats, Floats]:
    """Return share, ground and high of all pieces in the scene's order."""
    return (
        np.concatenate([b.share for b in blocks])[order],
        np.concatenate([b.ground for b in blocks])[order],
        np.concatenate([b.high for b in blocks])[order],
    )


def _edges(blocks: list[_Block], starts: Integers, new: Integers, side: int, deeper: float) -> Edge:
    """Return all edge heights; places become shares of the cell."""
    found = []
    for k, block in enumerate(blocks):
        e = block.edge
        found.append(
            Edge(
                new[e.piece + starts[k]],
                (e.down % side) / side,
                (e.across % side) / side,
                e.height + deeper,
                e.variance,
            )
        )
    return Edge(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _surface(
    cell: Integers, links: tuple[Integers, Integers], joined: tuple[Floats, Floats, Floats], edge: Edge, width: int,
    scales: tuple[float, float, float, float],
) -> tuple[Seen, Integers]:  # fmt: skip
    """Return the surface of the pieces, and the connected water each belongs to."""
    cell_m, error, slope, deeper = scales
    share, _, high = joined
    total = len(share)
    segment = roots(
        total, np.concatenate([links[0][:, 0], links[1][:, 0]]), np.concatenate([links[0][:, 1], links[1][:, 1]])
    )
    if not total:
        nothing = WaterSurface(np.zeros(0), np.zeros(0), np.zeros((0, SAMPLES)))
        return Seen(np.zeros((0, 4), np.int64), nothing, cell), segment
    corners, place = shared_corners(total, links[0], links[1], cell, width)
    lattice = Lattice(corners, np.minimum(share, 1.0), place, segment)
    independent = max(1.0, cell_m / COMMON_M)
    samples = np.bincount(edge.piece, minlength=total)[edge.piece]
    shoreline = Shoreline(edge.piece, edge.across, edge.down, edge.height, edge.variance + NUGGET_M**2 + (OWN_ERROR * error) ** 2,
                          np.minimum(1.0, independent / samples))  # fmt: skip
    roughness = _roughness(cell_m, error, slope)
    prior, spread = _prior(corners, high + deeper, np.isin(segment, segment[edge.piece]), len(place))
    found = solve_water_surface(lattice, shoreline, roughness, prior, spread)
    return Seen(corners, found, cell), segment


def _roughness(cell_m: float, error: float, slope: float) -> float:
    """Return the standard deviation of the surface's difference across a cell [m]: its slope, and the elevation's error."""
    return math.hypot(slope * cell_m, COMMON_ERROR * error)


def _usual_depth(level: NDArray[np.float32], share: Floats, ground: Floats) -> float:
    """Return twice the mean depth of the flood, pieces weighted by their water; never below `NUGGET_M`."""
    known = np.isfinite(ground)
    if not known.any():
        return ALONE_M
    depth = np.maximum(level[known].mean(axis=1, dtype=np.float64) - ground[known], 0.0)
    return max(2.0 * float((depth * share[known]).sum() / share[known].sum()), NUGGET_M)


def _prior(corners: Integers, high: Floats, shored: NDArray[np.bool_], size: int) -> tuple[Floats, Floats]:
    """Return a level and its spread for water without a shoreline: that of the highest flooded ground of the pieces around."""
    known = np.isfinite(high)
    count = np.bincount(corners[known].ravel(), minlength=size)
    total = np.bincount(corners[known].ravel(), np.repeat(high[known], 4), size)
    everywhere = float(np.median(high[known])) if known.any() else 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        prior = np.where(count > 0, total / count, everywhere)
    spread = np.full(size, FREE_M)
    spread[corners[~shored & known].ravel()] = ALONE_M
    return prior, spread
