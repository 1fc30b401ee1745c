"""A smooth water surface from the heights of its shoreline, on a lattice that knows which waters are connected.

The scene is divided into square cells. The water of a cell falls into connected pieces; each piece is a bilinear element with a
value at each of the cell's four corners. Pieces that touch across a cell's side share the two corners of that side, so the
surface is continuous through connected water and may jump across whatever parts it (a levee).

The surface is the mode of a Gaussian random field: a membrane, whose differences across a cell have a stated standard deviation,
seen at the shoreline with stated errors that have heavy tails. Its uncertainty is that of the same field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

__all__ = [
    "SAMPLES",
    "SEED",
    "Lattice",
    "Shoreline",
    "WaterSurface",
    "bilinear_weights",
    "draws_of",
    "roots",
    "shared_corners",
    "solve_water_surface",
    "solved",
    "stiffness_of",
    "with_data",
]

NW, NE, SE, SW = range(4)
STIFFNESS = np.array([[4, -1, -2, -1], [-1, 4, -1, -2], [-2, -1, 4, -1], [-1, -2, -1, 4]]) / 6.0
"""Of the Laplacian on a square bilinear element, corners in the order north-west, north-east, south-east, south-west."""

SPRINGS = np.array([[1, -1, 0, 0], [0, 1, -1, 0], [0, 0, 1, -1], [-1, 0, 0, 1], [2**0.5, 0, -(2**0.5), 0],
                    [0, 2**0.5, 0, -(2**0.5)]]) / 6**0.5  # fmt: skip
"""The same as differences along sides and diagonals: SPRINGS.T @ SPRINGS is STIFFNESS."""

CLOSE = 0.01
"""Coupling of waters that meet in a corner but are not connected, as a share of that within water."""

OUTLIER = 2.0
"""Residual, in standard deviations, at which a shoreline height counts half (Cauchy's weights)."""

ROUNDS = 6
SAMPLES = 24
"""Draws of the field from which its standard deviation is taken; their own error is 1/sqrt(2 x 24), about 14 %."""

SEED = 20261125
WORST = 5.0
"""Residual, in standard deviations, beyond which a height says no more of the scatter."""

SHRINK = 10.0
"""Independent heights at which a water's own scatter counts as much as the scene's."""

TOLERANCE = 1e-5
MOST_STEPS = 2000


class Lattice(NamedTuple):
    """Pieces of water and how they hang together.

    Attributes
    ----------
    corners
        (pieces, 4) index of the value at each corner: north-west, north-east, south-east, south-west.
    share
        (pieces,) share of the cell that is water, 0..1.
    place
        (values,) an integer that is the same for values at the same corner of the lattice.
    water
        (pieces,) an integer that is the same for connected pieces, 0..pieces-1.
    """

    corners: Integers
    share: Floats
    place: Integers
    water: Integers


class Shoreline(NamedTuple):
    """Heights of the water's edge.

    Attributes
    ----------
    piece
        (samples,) the piece each belongs to.
    across, down
        (samples,) place in the cell, 0..1 from the west and from the north.
    height
        (samples,) of the water's surface there [m].
    variance
        (samples,) of its error [m2].
    weight
        (samples,) how many independent heights a sample stands for.
    """

    piece: Integers
    across: Floats
    down: Floats
    height: Floats
    variance: Floats
    weight: Floats


class WaterSurface(NamedTuple):
    """The surface at the lattice's values.

    Attributes
    ----------
    level
        (values,) elevation of the surface [m].
    uncertainty
        (values,) its standard deviation [m].
    draws
        (values, draws) deviations of the surface from its level, of which `uncertainty` is the root mean square [m].
    """

    level: Floats
    uncertainty: Floats
    draws: Floats


@njit(cache=True)
def _root(parent: Any, n: int) -> int:
    while parent[n] != n:
        parent[n] = parent[parent[n]]
        n = parent[n]
    return n


@njit(cache=True)
def _join(parent: Any, first: Any, second: Any) -> None:
    for k in range(first.size):
        a, b = _root(parent, first[k]), _root(parent, second[k])
        if a < b:
            parent[b] = a
        elif b < a:
            parent[a] = b
    for n in range(parent.size):
        parent[n] = _root(parent, n)


def roots(count: int, first: Integers, second: Integers) -> Integers:
    """Return the smallest member of each one's connected set.

    Parameters
    ----------
    count
        Number of members, 0..count-1.
    first, second
        (links,) pairs that are connected.

    Returns
    -------
    (count,) int64.

    >>> roots(4, np.array([2]), np.array([0])).tolist()
    [0, 1, 0, 3]
    """
    parent = np.arange(count)
    _join(parent, np.ascontiguousarray(first, np.int64), np.ascontiguousarray(second, np.int64))
    return parent


def shared_corners(
    pieces: int, across: Integers, down: Integers, cell: Integers, width: int
) -> tuple[Integers, Integers]:
    """Return the values at the corners of pieces, one value for all pieces that touch there.

    Parameters
    ----------
    pieces
        Their number.
    across
        (n, 2) pieces that touch, the second east of the first.
    down
        (n, 2) pieces that touch, the second south of the first.
    cell
        (pieces, 2) row and column of each piece's cell.
    width
        Columns of cells.

    Returns
    -------
    corners
        (pieces, 4), see `Lattice`.
    place
        (values,) corner of the lattice.
    """
    west, east = across[:, 0] * 4, across[:, 1] * 4
    north, south = down[:, 0] * 4, down[:, 1] * 4
    first = np.concatenate([west + NE, west + SE, north + SW, north + SE])
    second = np.concatenate([east + NW, east + SW, south + NW, south + NE])
    found, corners = np.unique(roots(4 * pieces, first, second), return_inverse=True)
    row = cell[found // 4, 0] + np.isin(found % 4, (SE, SW))
    column = cell[found // 4, 1] + np.isin(found % 4, (NE, SE))
    return corners.reshape(pieces, 4).astype(np.int64), row * (width + 1) + column


def bilinear_weights(across: Floats, down: Floats) -> Floats:
    """Return (n, 4) shares of the corners north-west, north-east, south-east, south-west at places of a cell, 0..1."""
    return np.stack([(1 - across) * (1 - down), across * (1 - down), across * down, (1 - across) * down], axis=1)


def solve_water_surface(
    lattice: Lattice, shoreline: Shoreline, roughness: float, prior: Floats, spread: Floats
) -> WaterSurface:
    """Return the water surface and its uncertainty.

    Parameters
    ----------
    lattice
        The pieces.
    shoreline
        What is known.
    roughness
        Standard deviation of the surface's difference across a cell [m].
    prior
        (values,) level where nothing is known of a water's shoreline [m].
    spread
        (values,) standard deviation of the prior [m]; wide where there is a shoreline.

    Returns
    -------
    WaterSurface

    Raises
    ------
    InputError
        If `roughness` or `spread` is not positive.

    Notes
    -----
    Minimises Σ w ρ((h - z) / σ) + 1/2 κ Σ share ∫ |∇h|² + 1/2 Σ (h - prior)² / spread², κ = 1 / roughness², ρ that of Cauchy
    (iteratively reweighted least squares). The standard deviation is that of perturbed solutions (Papandreou and Yuille 2010,
    "Gaussian sampling by local perturbations"), which are exact draws of the linearised field.
    """
    if not (roughness > 0 and (spread > 0).all()):
        raise InputError(f"roughness and spread must be positive, got {roughness:g} and {spread.min():g}")
    stiffness = stiffness_of(lattice, 1.0 / roughness**2)
    basis = bilinear_weights(shoreline.across, shoreline.down)
    columns = lattice.corners[shoreline.piece]
    datum = float(prior.mean()) if prior.size else 0.0
    height, prior = shoreline.height - datum, prior - datum
    level = prior[:, None].copy()
    trusted = shoreline.weight / shoreline.variance
    for _ in range(ROUNDS):
        residual = height - (basis * level[columns, 0]).sum(axis=1)
        robust = trusted / (1.0 + residual**2 / (OUTLIER**2 * shoreline.variance))
        matrix, seen = with_data(stiffness, basis, columns, robust, spread)
        right = np.asarray(seen.T @ (robust * height)) + prior / spread**2
        level = solved(matrix, right[:, None], level)
    draws = draws_of(lattice, seen, robust, 1.0 / roughness**2, spread)
    away = solved(matrix, draws, np.zeros_like(draws))
    residual = height - (basis * level[columns, 0]).sum(axis=1)
    scale = _misfit(lattice, shoreline, residual)
    return WaterSurface(level[:, 0] + datum, np.sqrt((away**2).mean(axis=1)) * scale, away * scale[:, None])


def _misfit(lattice: Lattice, shoreline: Shoreline, residual: Floats) -> Floats:
    """Return by how much heights of a shoreline scatter more than stated, at least 1; (values,).

    Of each connected water, drawn towards the whole scene's where it has few heights.
    """
    size, water = lattice.place.size, lattice.water[shoreline.piece]
    squared = np.minimum(residual**2 / shoreline.variance, WORST**2)
    pieces = lattice.water.size
    count = np.bincount(water, shoreline.weight, pieces)
    total = np.bincount(water, shoreline.weight * squared, pieces)
    scene = total.sum() / max(count.sum(), 1e-9)
    ratio = np.sqrt(np.maximum((total + SHRINK * scene) / (count + SHRINK), 1.0))
    scale = np.ones(size)
    scale[lattice.corners] = ratio[lattice.water][:, None]
    return scale


def _pairs(lattice: Lattice) -> tuple[Integers, Integers]:
    """Return values that lie at the same corner, each with the next one there."""
    order = np.argsort(lattice.place, kind="stable")
    same = lattice.place[order[1:]] == lattice.place[order[:-1]]
    return order[:-1][same], order[1:][same]


def stiffness_of(lattice: Lattice, stiff: float) -> Any:
    """Return the membrane's matrix, (values, values) sparse, for a stiffness of one over the squared roughness."""
    from scipy.sparse import coo_array

    weight = stiff * np.maximum(lattice.share, CLOSE)
    rows = np.repeat(lattice.corners, 4, axis=1).ravel()
    columns = np.tile(lattice.corners, (1, 4)).ravel()
    values = (weight[:, None] * STIFFNESS.ravel()).ravel()
    one, other = _pairs(lattice)
    link = np.full(one.size, stiff * CLOSE)
    size = lattice.place.size
    rows = np.concatenate([rows, one, other, one, other])
    columns = np.concatenate([columns, one, other, other, one])
    return coo_array((np.concatenate([values, link, link, -link, -link]), (rows, columns)), (size, size)).tocsr()


def with_data(stiffness: Any, basis: Floats, columns: Integers, weight: Floats, spread: Floats) -> tuple[Any, Any]:
    """Return the matrix with samples and prior, and the samples' own matrix (samples, values)."""
    from scipy.sparse import csr_array, diags_array

    start = np.arange(0, 4 * len(basis) + 1, 4)
    seen = csr_array((basis.ravel(), columns.ravel(), start), (len(basis), spread.size))
    prior = diags_array(1.0 / spread**2)
    return (stiffness + seen.T @ diags_array(weight) @ seen + prior).tocsr(), seen


def draws_of(lattice: Lattice, seen: Any, weight: Floats, stiff: float, spread: Floats, seed: int = SEED) -> Floats:
    """Return right-hand sides whose covariance is the matrix, (values, draws); other draws for another seed."""
    noise = np.random.default_rng(seed)
    right = np.asarray(seen.T @ (np.sqrt(weight)[:, None] * noise.standard_normal((weight.size, SAMPLES))))
    right += noise.standard_normal((spread.size, SAMPLES)) / spread[:, None]
    scale = np.sqrt(stiff * np.maximum(lattice.share, CLOSE))
    one, other = _pairs(lattice)
    for k in range(SAMPLES):
        kicks = (noise.standard_normal((scale.size, 6)) @ SPRINGS) * scale[:, None]
        right[:, k] += np.bincount(lattice.corners.ravel(), kicks.ravel(), spread.size)
        link = np.sqrt(stiff * CLOSE) * noise.standard_normal(one.size)
        right[:, k] += np.bincount(one, link, spread.size) - np.bincount(other, link, spread.size)
    return right


def solved(matrix: Any, right: Floats, start: Floats) -> Floats:
    """Return the solution for each column of `right`, from `start` on."""
    found = np.ascontiguousarray(start)
    _conjugate_gradients(
        matrix.data,
        matrix.indices,
        matrix.indptr,
        matrix.diagonal(),
        np.ascontiguousarray(right),
        found,
        TOLERANCE,
        MOST_STEPS,
    )
    return found


@njit(cache=True, nogil=True)
def _times(data, indices, start, x, out):  # type: ignore[no-untyped-def]
    for r in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[r, k] = 0.0
        for n in range(start[r], start[r + 1]):
            a, c = data[n], indices[n]
            for k in range(out.shape[1]):
                out[r, k] += a * x[c, k]


@njit(cache=True, nogil=True)
def _conjugate_gradients(data, indices, start, diagonal, right, x, tolerance, most):  # type: ignore[no-untyped-def]
    """Solve for every column of `right` at once, preconditioned by the diagonal; sums in a fixed order."""
    rows, count = right.shape
    residual, step, product = np.empty_like(right), np.empty_like(right), np.empty_like(right)
    _times(data, indices, start, x, product)
    energy, first = np.zeros(count), np.zeros(count)
    for r in range(rows):
        for k in range(count):
            residual[r, k] = right[r, k] - product[r, k]
            step[r, k] = residual[r, k] / diagonal[r]
            energy[k] += residual[r, k] * step[r, k]
            first[k] += right[r, k] * right[r, k] / diagonal[r]
    for _ in range(most):
        if np.all(energy <= tolerance**2 * first):
            break
        _times(data, indices, start, step, product)
        along = np.zeros(count)
        for r in range(rows):
            for k in range(count):
                along[k] += step[r, k] * product[r, k]
        new = np.zeros(count)
        for k in range(count):
            along[k] = energy[k] / along[k] if along[k] > 0.0 else 0.0
        for r in range(rows):
            for k in range(count):
                x[r, k] += along[k] * step[r, k]
                residual[r, k] -= along[k] * product[r, k]
                new[k] += residual[r, k] * residual[r, k] / diagonal[r]
        for r in range(rows):
            for k in range(count):
                ratio = new[k] / energy[k] if energy[k] > 0.0 else 0.0
                step[r, k] = residual[r, k] / diagonal[r] + ratio * step[r, k]
        for k in range(count):
            energy[k] = new[k]
    return x
