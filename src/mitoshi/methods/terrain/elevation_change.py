"""Noise of an elevation change measured on the ground that did not move, and what it makes of a volume."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

__all__ = ["ChangeNoise", "change_noise"]

SPREAD_OF_NORMAL = 1.4826
FEWEST_BLOCKS = 12
LARGEST_SIDE = 64


class ChangeNoise(NamedTuple):
    """Noise of an elevation change.

    Attributes
    ----------
    bias
        Median change of the scene in metres.
    sigma
        Standard deviation of single cells in metres.
    sides
        Block sides in cells at which the spread of block means was measured, first 1.
    block_sigma
        Standard deviation of the means of such blocks in metres.
    bias_sigma
        Standard uncertainty of the bias in metres.
    """

    bias: float
    sigma: float
    sides: NDArray[np.float64]
    block_sigma: NDArray[np.float64]
    bias_sigma: float

    def mean_sigma(self, cells: float) -> float:
        """Return the standard uncertainty in metres of the mean change over a compact area of so many cells.

        Interpolated in logarithms between the measured block sides; beyond the largest it falls with the side, as it does once
        blocks are larger than the noise is correlated.
        """
        side = max(1.0, float(np.sqrt(cells)))
        largest = float(self.sides[-1])
        logarithm = np.interp(np.log(min(side, largest)), np.log(self.sides), np.log(self.block_sigma))
        return float(np.hypot(np.exp(logarithm) * min(1.0, largest / side), self.bias_sigma))

    def volume_sigma(self, cells: float, cell_area_m2: float) -> float:
        """Return the standard uncertainty in m3 of the volume over so many cells."""
        return self.mean_sigma(cells) * cells * cell_area_m2


def change_noise(change: NDArray[Any]) -> ChangeNoise:
    """Measure bias and noise of an elevation change of a scene of which most did not move.

    Parameters
    ----------
    change
        Metres, positive upward, shape (y, x), NaN where missing.

    Returns
    -------
    ChangeNoise
        From medians and median absolute deviations, so what moved does not count as noise as long as it is a minority.

    Raises
    ------
    InputError
        If there are fewer than 100 observed cells.

    Notes
    -----
    The spread of the means of square blocks over stable ground gives the uncertainty of a mean over an area whatever the
    correlation of the noise: the empirical form of Rolstad, Haug and Denby (2009), Journal of Glaciology 55(192).
    """
    values = np.asarray(change, np.float64)
    seen = values[np.isfinite(values)]
    if seen.size < 100:
        raise InputError(
            f"the elevation change has {seen.size} observed cells; at least 100 are needed to know its noise"
        )
    bias, sigma = _centre(seen)
    sides, spreads, side, blocks = [1.0], [max(sigma, 1e-6)], 2, seen.size
    while side <= LARGEST_SIDE:
        means = _block_means(values, side)
        if means.size < FEWEST_BLOCKS:
            break
        sides.append(float(side))
        spreads.append(min(max(_centre(means)[1], 1e-9), spreads[-1]))
        side, blocks = 2 * side, means.size
    return ChangeNoise(bias, sigma, np.array(sides), np.array(spreads), 1.2533 * spreads[-1] / float(np.sqrt(blocks)))


def _centre(values: NDArray[np.float64]) -> tuple[float, float]:
    median = float(np.median(values))
    return median, SPREAD_OF_NORMAL * float(np.median(np.abs(values - median)))


def _block_means(values: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Return the means of the side × side blocks of which at least four fifths were observed."""
    rows, columns = (n // side * side for n in values.shape)
    blocks = values[:rows, :columns].reshape(rows // side, side, columns // side, side)
    count = np.isfinite(blocks).sum(axis=(1, 3))
    total = np.where(np.isfinite(blocks), blocks, 0.0).sum(axis=(1, 3))
    enough = count >= 0.8 * side * side
    return np.asarray(total[enough] / count[enough])
