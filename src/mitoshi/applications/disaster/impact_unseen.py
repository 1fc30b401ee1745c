"""How many are in the water where nothing was observed: expected numbers, and a range under errors that neighbours share.

Each of them stands in water with a probability. The sum of the probabilities is the best estimate. How far the number may be off
depends on how far the error of the water's surface and of the ground reaches: were it common to everyone, all houses of equal
height would be in water or none; were it everybody's own, the number would be all but certain. Here the errors of two places at a
distance d are correlated by exp(-d / length): shared in part within a town, not between distant towns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfft2
from scipy.special import betaincinv, ndtri

if TYPE_CHECKING:
    from mitoshi.applications.disaster.impact_grid import Grid

__all__ = ["BINS", "LIKELY", "UNLIKELY", "Spread", "Unseen", "add_unseen", "empty_unseen", "spreads"]

Floats = NDArray[np.float64]
BINS = 20
"""Of probability, each of the same width."""

LIKELY, UNLIKELY = 0.95, 0.05
SMALLEST_BLOCK, MOST_BLOCKS = 8, 160
ORDERS = 8
"""Of the polynomials that tell how a count follows the error; what is left is taken as common to a block alone."""


class Unseen(NamedTuple):
    """Weights, such as people, of what stands where nothing was observed, by block and by probability; one row per question.

    Attributes
    ----------
    side
        Pixels of a side of a block.
    step
        Height and width of a block [m].
    histogram
        (questions, block rows, block columns, BINS) weight by probability.
    expected, likely, possible
        (questions,) sum of probability times weight, weight with a probability above 0.95, and above 0.05.
    weight
        (1,) all of it.
    """

    side: int
    step: tuple[float, float]
    histogram: Floats
    expected: Floats
    likely: Floats
    possible: Floats
    weight: Floats


class Spread(NamedTuple):
    """Expected number and the ends of its 90 % range, each (questions,)."""

    value: Floats
    lower: Floats
    upper: Floats


def empty_unseen(questions: int, grid: Grid) -> Unseen:
    """Return the counts of nobody.

    Parameters
    ----------
    questions
        How many probabilities each has, such as that of water and that of more than 45 cm.
    grid
        The grid.
    """
    rows, columns = grid.shape
    side = max(SMALLEST_BLOCK, -(-max(rows, columns) // MOST_BLOCKS))
    high, wide = grid.cell_m
    shape = (questions, -(-rows // side), -(-columns // side), BINS)
    zeros = np.zeros((3, questions))
    return Unseen(side, (side * high, side * wide), np.zeros(shape), zeros[0], zeros[1], zeros[2], np.zeros(1))


def add_unseen(
    unseen: Unseen, chance: Floats, weight: Floats, row: NDArray[np.int64], column: NDArray[np.int64]
) -> None:
    """Add what stands where nothing was observed, in place.

    Parameters
    ----------
    unseen
        So far.
    chance
        (questions, places) probability.
    weight
        (places,) what each counts for.
    row, column
        (places,) pixel of each.
    """
    questions, rows, columns, bins = unseen.histogram.shape
    block = ((row // unseen.side) * columns + column // unseen.side) * bins
    unseen.weight[0] += weight.sum()
    for n in range(questions):
        place = block + np.minimum((chance[n] * bins).astype(np.int64), bins - 1)
        counted = np.bincount(place, weight, minlength=rows * columns * bins)
        unseen.histogram[n] += counted.reshape(rows, columns, bins)
        unseen.expected[n] += (chance[n] * weight).sum()
        unseen.likely[n] += weight[chance[n] > LIKELY].sum()
        unseen.possible[n] += weight[chance[n] > UNLIKELY].sum()


def spreads(unseen: Unseen, length_m: float, combined: Floats | None = None) -> Spread:
    """Return how many there are, with a 90 % range.

    Parameters
    ----------
    unseen
        All of them.
    length_m
        Distance at which the correlation of errors has fallen to 1/e [m].
    combined
        (numbers, questions) factors, for numbers that are differences of questions, such as people between two depths; None
        asks for each question itself.

    Notes
    -----
    A block's number under the common error u is N(u), a step at each probability. With orthonormal polynomials q_h of u the
    covariance of the numbers of two blocks is the sum over h of r^h a_h b_h, where r is the correlation of their errors and a_h
    the mean of N q_h (Mehler's formula for jointly normal errors). The sum over all pairs of blocks is the variance. The range is
    that of the beta distribution between nobody and everybody with this mean and variance.
    """
    nodes = _numbers(unseen.histogram)
    factors = np.eye(nodes.shape[0]) if combined is None else np.asarray(combined, float)
    value = factors @ unseen.expected
    shared = _covariance(nodes, unseen.step, length_m)
    variance = np.maximum(np.einsum("nq,qp,np->n", factors, shared, factors), 0.0)
    most = float(unseen.weight[0])
    ends = _beta_range(value, variance, most)
    return Spread(value, np.minimum(ends[0], value), np.maximum(ends[1], value))


def _numbers(histogram: Floats) -> Floats:
    """Return the number in each block at each of `BINS` equally likely errors, from low to high water; half of a tie counts."""
    from_above = np.cumsum(histogram[..., ::-1], axis=-1)
    return np.asarray(from_above - 0.5 * histogram[..., ::-1])


def _polynomials() -> Floats:
    """Return (ORDERS + 1, BINS) polynomials of the normal error, orthonormal over the equally likely errors."""
    error = ndtri((np.arange(BINS) + 0.5) / BINS)
    powers = error[:, None] ** np.arange(ORDERS + 1)
    basis, turn = np.linalg.qr(powers)
    return np.asarray((basis * np.sign(np.diag(turn))).T * np.sqrt(BINS))


def _covariance(numbers: Floats, step: tuple[float, float], length_m: float) -> Floats:
    """Return the covariance of the sums over all blocks; numbers (questions, rows, columns, BINS).

    The sum over all pairs of blocks, each weighed by its correlation, is taken in the Fourier domain (Parseval).
    """
    parts = numbers @ _polynomials().T / BINS
    flat, polynomial = (v.reshape(len(numbers), -1) for v in (numbers, parts))
    total = np.asarray(flat @ flat.T / BINS - polynomial @ polynomial.T)
    rows, columns = numbers.shape[1:3]
    size = (next_fast_len(2 * rows, real=True), next_fast_len(2 * columns, real=True))
    twice = np.full(size[1] // 2 + 1, 2.0)
    twice[0] = 1.0
    if size[1] % 2 == 0:
        twice[-1] = 1.0
    for order in range(1, ORDERS + 1):
        kernel = rfft2(_correlation(size, step, length_m / order)).real * twice / (size[0] * size[1])
        waves = rfft2(parts[..., order], size).reshape(len(numbers), -1)
        total += ((waves * kernel.ravel()) @ waves.conj().T).real
    return total


def _correlation(size: tuple[int, int], step: tuple[float, float], length_m: float) -> Floats:
    """Return exp(-d / length) over the offsets of blocks, wrapped as the Fourier transform has them."""
    down, across = (np.minimum(np.arange(n), n - np.arange(n)) * s for n, s in zip(size, step, strict=True))
    return np.asarray(np.exp(-np.hypot(down[:, None], across[None, :]) / length_m))


def _beta_range(value: Floats, variance: Floats, most: float) -> tuple[Floats, Floats]:
    """Return the 5 % and 95 % quantiles of beta distributions on 0 to `most`."""
    lower, upper = value.copy(), value.copy()
    if most > 0:
        mean = value / most
        known = (mean > 0) & (mean < 1) & (variance > 0)
        part = np.minimum(variance[known] / most**2 / (mean[known] * (1.0 - mean[known])), 0.999)
        total = 1.0 / part - 1.0
        first, second = mean[known] * total, (1.0 - mean[known]) * total
        lower[known], upper[known] = (most * betaincinv(first, second, q) for q in (0.05, 0.95))
    return lower, upper
