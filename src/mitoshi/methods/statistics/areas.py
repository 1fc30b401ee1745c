"""Sums over the cells of a grid, each weighted by its true area."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Areas", "CellArea", "areas_of"]

CellArea = float | NDArray[np.float64]
"""Area of the cells [m2]: one number, or an array that broadcasts to (y, x); NaN without georeference."""


class Areas(NamedTuple):
    """Areas of the cells of a grid.

    Attributes
    ----------
    values
        [m2], of the grid's number of dimensions; 1 where unknown.
    known
        Whether they are known; without georeference sums count cells.
    """

    values: NDArray[np.float64]
    known: bool

    def total(self, weights: NDArray[Any], power: int = 1) -> float:
        """Return the sum of weights times areas to a power.

        Cells of a row that are alike are added first, so that counts of them stay exact.
        """
        area = self.values**power
        if area.shape[-1] == 1:
            return float((np.sum(weights, axis=-1, dtype=np.float64, keepdims=True) * area).sum())
        return float((weights * area).sum())


def areas_of(cell_area_m2: CellArea, shape: tuple[int, ...]) -> Areas:
    """Return the areas of a grid's cells.

    Parameters
    ----------
    cell_area_m2
        One number, or an array that broadcasts to `shape`.
    shape
        (rows, columns).

    >>> areas_of(100.0, (2, 3)).total(np.ones((2, 3)))
    600.0
    """
    values = np.asarray(cell_area_m2, np.float64)
    known = bool(np.isfinite(values).all())
    values = values if known else np.ones(())
    values = values.reshape((1,) * (len(shape) - values.ndim) + values.shape)
    return Areas(np.broadcast_to(values, (shape[0], values.shape[-1])) if len(shape) == 2 else values, known)
