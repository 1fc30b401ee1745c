"""The water surface carried into ground that the flood map did not see: the scene's part of it, on a coarse grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.flood_depth_cells import DRY, FLOODED, UNSEEN, label_cells, pieces, touching
from mitoshi.methods.hydraulics.carried_surface import (
    BOUND,
    Contact,
    DryGround,
    Reach,
    Ways,
    carry_water_surface,
    reach_of,
)
from mitoshi.methods.hydraulics.water_surface import Lattice, WaterSurface, bilinear_weights, roots, shared_corners

if TYPE_CHECKING:
    from collections.abc import Sequence

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

__all__ = ["Coarse", "Scales", "Seen", "Unseen", "assembled", "coarse", "coarse_factor", "survey_unseen"]

MOST_PLACES = 4_000_000
LARGEST_FACTOR = 32


class Coarse(NamedTuple):
    """One block of the scene in squares of so many pixels, each (rows, columns).

    Attributes
    ----------
    low
        Lowest elevation of the pixels that were not seen [m]; NaN where there is none.
    piece
        Number of a piece of water in the square, -1 where there is none.
    dry
        Lowest elevation of the pixels that were seen to be dry [m]; NaN where there is none.
    seen
        Whether any pixel was seen.
    east, south
        Lowest pass to the next square [m] where the elevation came finer than the pixels; NaN where none is known.
    """

    low: NDArray[np.float32]
    piece: NDArray[np.int32]
    dry: NDArray[np.float32]
    seen: NDArray[np.bool_]
    east: NDArray[np.float32]
    south: NDArray[np.float32]


class Seen(NamedTuple):
    """The water that was seen: corners of each piece, its surface, and row and column of its cell."""

    corners: Integers
    surface: WaterSurface
    cell: Integers


class Scales(NamedTuple):
    """Scales of the carried surface.

    Attributes
    ----------
    roughness
        Standard deviation of the surface's difference across a cell [m].
    error
        Standard deviation of dry ground against the surface beside it [m].
    independent
        Independent heights along a shore as long as a cell.
    farthest
        Squares from what was seen up to which ground without water is dry; beyond it nothing is known.
    """

    roughness: float
    error: float
    independent: float
    farthest: float


class Unseen(NamedTuple):
    """Water carried into what was not seen; small and picklable.

    Attributes
    ----------
    factor
        Pixels along the squares of the grid.
    barrier
        (rows, columns) highest ground on the lowest way from the water [m]; infinite where water does not come, NaN where that is
        not known.
    piece
        (rows, columns) number of the carried piece, -1 where there is none.
    level, uncertainty
        (pieces, 4) carried surface at the corners of the piece's cell, and its standard deviation [m].
    """

    factor: int
    barrier: NDArray[np.float32]
    piece: NDArray[np.int32]
    level: NDArray[np.float32]
    uncertainty: NDArray[np.float32]


def coarse_factor(shape: tuple[int, int]) -> int:
    """Return the side of the squares on which water is carried through a scene of so many rows and columns.

    >>> coarse_factor((2000, 2000)), coarse_factor((10_000, 10_000)), coarse_factor((20_000, 20_000))
    (1, 8, 16)
    """
    factor = 1
    while factor < LARGEST_FACTOR and -(-shape[0] // factor) * -(-shape[1] // factor) > MOST_PLACES:
        factor *= 2
    return factor


def coarse(
    codes: NDArray[np.uint8],
    heights: NDArray[np.float32],
    piece: NDArray[np.int32],
    factor: int,
    passes: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
) -> Coarse | None:
    """Return a block in squares of `factor` pixels; None where all of it was seen and holds no water.

    Passes between pixels hold where a square is a pixel.
    """
    unseen = codes == UNSEEN
    if not unseen.any() and not (piece >= 0).any():
        return None
    first = np.where(piece >= 0, piece, np.int32(np.iinfo(np.int32).max))
    water = _squares(first, factor, np.iinfo(np.int32).max).min(axis=(1, 3))
    low = _lowest(unseen, heights, factor)
    unknown = np.full(low.shape, np.nan, np.float32)
    east, south = passes if passes is not None and factor == 1 else (unknown, unknown)
    return Coarse(
        low,
        np.where(water < np.iinfo(np.int32).max, water, np.int32(-1)),
        _lowest(codes == DRY, heights, factor),
        np.asarray(_squares(~unseen, factor, fill=False).any(axis=(1, 3))),
        east,
        south,
    )


def _lowest(where: NDArray[np.bool_], heights: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return the lowest elevation of some pixels of each square, NaN where there is none."""
    low = _squares(np.where(where & np.isfinite(heights), heights, np.float32(np.inf)), factor, np.inf).min(axis=(1, 3))
    return np.where(np.isfinite(low), low, np.float32(np.nan))


def _squares(values: NDArray[Any], factor: int, fill: float) -> NDArray[Any]:
    """Return (rows, factor, columns, factor)."""
    rows, columns = (-(-n // factor) for n in values.shape)
    if values.shape != (rows * factor, columns * factor):
        padded = np.full((rows * factor, columns * factor), fill, values.dtype)
        padded[: values.shape[0], : values.shape[1]] = values
        values = padded
    return values.reshape(rows, factor, columns, factor)


def assembled(
    blocks: Sequence[Coarse | None], starts: Integers, new: Integers, shape: tuple[int, int], across: int, side: int
) -> Coarse:
    """Return the whole scene in squares, pieces in the scene's numbers.

    Parameters
    ----------
    blocks
        In row-major order.
    starts
        Number of each block's first piece among those of all blocks.
    new
        The scene's number of each.
    shape
        Rows and columns of the scene in squares.
    across
        Blocks along a row.
    side
        Squares along a whole block.
    """
    nothing = np.full(shape, np.nan, np.float32)
    whole = Coarse(
        nothing, np.full(shape, -1, np.int32), nothing.copy(), np.ones(shape, bool), nothing.copy(), nothing.copy()
    )
    for k, block in enumerate(blocks):
        if block is None:
            continue
        place = tuple(
            slice(n * side, n * side + size) for n, size in zip(divmod(k, across), block.low.shape, strict=True)
        )
        whole.low[place] = block.low
        whole.dry[place] = block.dry
        whole.seen[place] = block.seen
        whole.east[place], whole.south[place] = block.east, block.south
        wet = block.piece >= 0
        whole.piece[place][wet] = new[block.piece[wet] + starts[k]]
    return whole


def survey_unseen(scene: Coarse, factor: int, side: int, seen: Seen, scales: Scales) -> Unseen | None:
    """Return the water carried into what was not seen; None where everything was seen.

    Parameters
    ----------
    scene
        In squares.
    factor
        Pixels along a square.
    side
        Pixels along a cell of the water's surface.
    seen
        The water that was seen.
    scales
        Of the surface and of what is known.
    """
    roughness, error, independent, farthest = scales
    if scene.seen.all() and not np.isfinite(scene.low).any():
        return None
    cell = side // factor
    contact = _contacts(scene, cell, seen)
    reach = _reach(scene, contact, roughness**2 / cell)
    unknown = _unknown(scene, farthest) | _behind_voids(scene, cell, seen, roughness**2 / cell)
    barrier = np.where(unknown & ~reach.reached, np.float32(np.nan), reach.barrier)
    labelled = label_cells(np.where(reach.reached, FLOODED, DRY).astype(np.uint8), (0, 0), cell)
    piece = pieces(labelled, (0, 0), cell)
    total = int(labelled.number.sum())
    if not total:
        empty = np.zeros((0, 4), np.float32)
        return Unseen(factor, barrier, piece, empty, empty)
    cells = np.stack(np.nonzero(labelled.number), axis=1).repeat(labelled.number[labelled.number > 0], axis=0)
    east, south = touching(piece, cell)
    water = roots(total, np.concatenate([east[:, 0], south[:, 0]]), np.concatenate([east[:, 1], south[:, 1]]))
    corners, place = shared_corners(total, east, south, cells, labelled.number.shape[1])
    share = np.bincount(piece[piece >= 0], minlength=total) / float(cell**2)
    lattice = Lattice(corners, np.minimum(share, 1.0), place, water)
    found = carry_water_surface(
        lattice, _tied(contact, piece, cell, seen), _dry(scene, piece, cell, error, independent), roughness
    )
    return Unseen(
        factor,
        barrier,
        piece,
        found.level[corners].astype(np.float32),
        found.uncertainty[corners].astype(np.float32),
    )


class _Contacts(NamedTuple):
    """Unseen squares beside water, each (rows, columns).

    Attributes
    ----------
    piece
        Number of the water's piece, -1 where there is none.
    level, spread
        Of that water [m].
    entry
        Lowest pass from it into the square [m]; minus infinity where none is known.
    """

    piece: NDArray[np.int32]
    level: NDArray[np.float32]
    spread: NDArray[np.float32]
    entry: NDArray[np.float32]


def _reach(scene: Coarse, contact: _Contacts, growth: float) -> Reach:
    return reach_of(scene.low, contact.level, contact.spread, growth, Ways(contact.entry, scene.east, scene.south))


def _contacts(scene: Coarse, cell: int, seen: Seen) -> _Contacts:
    """Return for each unseen square the water in it, or else that beside it from which the pass is the lowest.

    Of equally low passes, and where none is known, the first in the order north, south, west, east counts.
    """
    shape = scene.low.shape
    unseen = np.isfinite(scene.low)
    found = np.where(unseen, scene.piece, -1)
    entry = np.where(found >= 0, np.float32(-np.inf), np.float32(np.inf))
    padded = np.pad(scene.piece, 1, constant_values=-1)
    east, south = (np.pad(np.where(np.isnan(p), np.float32(-np.inf), p), 1) for p in (scene.east, scene.south))
    for passes, down, across in ((south, 0, 1), (south, 2, 1), (east, 1, 0), (east, 1, 2)):
        beside = padded[down : down + shape[0], across : across + shape[1]]
        top, left = min(down, 1), min(across, 1)  # a pass belongs to the northern, or the western, of the two squares
        over = passes[top : top + shape[0], left : left + shape[1]]
        better = unseen & (beside >= 0) & (over < entry)
        found, entry = np.where(better, beside, found), np.where(better, over, entry)
    level, spread = (np.full(shape, np.nan, np.float32) for _ in range(2))
    r, c = np.nonzero(found >= 0)
    n = found[r, c]
    basis = _basis(r, c, seen.cell[n], cell)
    at = seen.corners[n]
    level[r, c] = (basis * seen.surface.level[at]).sum(axis=1)
    spread[r, c] = (basis * seen.surface.uncertainty[at]).sum(axis=1)
    held = entry > level + BOUND * spread  # behind a levee there is no contact
    level[held], spread[held] = np.nan, np.nan
    return _Contacts(np.where(held, -1, found).astype(np.int32), level, spread, entry)


def _basis(rows: Integers, columns: Integers, cells: Integers, cell: int) -> Floats:
    """Return shares of the corners of cells at the centres of squares, which may lie beside the cell."""
    down = np.clip((rows + 0.5) / cell - cells[:, 0], 0.0, 1.0)
    across = np.clip((columns + 0.5) / cell - cells[:, 1], 0.0, 1.0)
    return bilinear_weights(across, down)


def _tied(contacts: _Contacts, piece: NDArray[np.int32], cell: int, seen: Seen) -> Contact:
    """Return contacts averaged over each pair of an unseen piece and a piece of water."""
    r, c = np.nonzero((contacts.piece >= 0) & (piece >= 0))
    own, other = piece[r, c].astype(np.int64), contacts.piece[r, c].astype(np.int64)
    keys, index = np.unique(own * len(seen.corners) + other, return_inverse=True)
    count = np.bincount(index).astype(np.float64)

    def mean(values: Any) -> Floats:
        return np.bincount(index, values) / count

    basis = _basis(r, c, seen.cell[other], cell)
    at = seen.corners[other]
    draws = [mean((basis * seen.surface.draws[at, k]).sum(axis=1)) for k in range(seen.surface.draws.shape[1])]
    return Contact(
        keys // len(seen.corners),
        mean((c % cell + 0.5) / cell),
        mean((r % cell + 0.5) / cell),
        mean((basis * seen.surface.level[at]).sum(axis=1)),
        np.stack(draws, axis=1),
    )


def _dry(scene: Coarse, piece: NDArray[np.int32], cell: int, error: float, independent: float) -> DryGround:
    """Return dry ground beside unseen squares that water can reach, averaged over quarters of a cell."""
    shape = piece.shape
    padded = np.pad(scene.dry, 1, constant_values=np.nan)
    beside = np.stack([padded[d : d + shape[0], a : a + shape[1]] for d, a in ((0, 1), (2, 1), (1, 0), (1, 2))])
    r, c = np.nonzero((piece >= 0) & np.isfinite(beside).any(axis=0))
    height = np.nanmean(beside[:, r, c], axis=0) if r.size else np.zeros(0)
    stretch = max(1, cell // 4)
    own = piece[r, c].astype(np.int64)
    keys, index = np.unique((own * 4 + r % cell // stretch) * 4 + c % cell // stretch, return_inverse=True)
    count = np.bincount(index).astype(np.float64)

    def mean(values: Any) -> Floats:
        return np.bincount(index, values) / count

    own = keys // 16
    height = mean(height.astype(np.float64))
    samples = np.bincount(own)[own] if own.size else np.ones(0)
    return DryGround(own, mean((c % cell + 0.5) / cell), mean((r % cell + 0.5) / cell), height,
                     np.full(own.size, error), np.minimum(1.0, independent / samples))  # fmt: skip


def _behind_voids(scene: Coarse, cell: int, seen: Seen, variance: float) -> NDArray[np.bool_]:
    """Return what water would reach if the ground without elevation were low: of it nothing is known, for a void is no wall.

    Voids at the edge of the scene stay closed: the elevation model ends there, and beyond it nothing is asked.
    """
    from scipy import ndimage

    voids = ~scene.seen & np.isnan(scene.low)
    number, _ = ndimage.label(voids)
    rim = np.unique(np.concatenate([number[0], number[-1], number[:, 0], number[:, -1]]))
    voids &= ~np.isin(number, rim[rim > 0])
    if not voids.any() or not np.isfinite(scene.low).any():
        return np.zeros(voids.shape, bool)
    open_ground = scene._replace(low=np.where(voids, np.nanmin(scene.low), scene.low))
    contact = _contacts(open_ground, cell, seen)
    return np.asarray(_reach(open_ground, contact, variance).reached & ~voids)


def _unknown(scene: Coarse, farthest: float) -> NDArray[np.bool_]:
    """Return what lies so far from anything seen that nothing is known of water there."""
    from scipy import ndimage

    if scene.seen.all():
        return np.zeros(scene.seen.shape, bool)
    return np.asarray(ndimage.distance_transform_edt(~scene.seen) > farthest)
