"""One-way nesting: a coarse run drives the edges of a finer grid that lies inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError
from mitoshi.methods.hydraulics.domain import Edges, IncidentWave

if TYPE_CHECKING:
    from mitoshi.methods.hydraulics.domain import Flow

__all__ = ["Nest", "edges_from", "nest"]

Floats = NDArray[np.float64]
NO_WATER_M = -1.0e4
"""Level given to an edge cell beside which the coarse grid is dry: below any bed, so nothing comes in."""


class Nest(NamedTuple):
    """Where a fine grid's edges lie in a coarse one.

    Attributes
    ----------
    gauges
        Row and column of every coarse cell that is needed, (n, 2): the gauges of the coarse run.
    around
        For each fine edge cell, north, south, west, east in turn, the four gauges around it, (m, 4).
    weights
        Their bilinear weights, (m, 4).
    shape
        Rows and columns of the fine grid.
    """

    gauges: NDArray[np.int64]
    around: NDArray[np.int64]
    weights: Floats
    shape: tuple[int, int]


def nest(fine_shape: tuple[int, int], fine_affine: Any, coarse_shape: tuple[int, int], coarse_affine: Any) -> Nest:
    """Find the coarse cells around the edges of a fine grid.

    Parameters
    ----------
    fine_shape, coarse_shape
        Rows and columns.
    fine_affine, coarse_affine
        Pixel to coordinates, without rotation, in the same coordinates.

    Returns
    -------
    Nest
        Run the coarse grid with its `gauges`, then call `edges_from`.

    Raises
    ------
    InputError
        If the fine grid does not lie inside the coarse one.
    """
    ny, nx = fine_shape
    rows = np.concatenate([np.zeros(nx), np.full(nx, ny - 1), np.arange(ny), np.arange(ny)])
    columns = np.concatenate([np.arange(nx), np.arange(nx), np.zeros(ny), np.full(ny, nx - 1)])
    x, y = fine_affine.c + fine_affine.a * (columns + 0.5), fine_affine.f + fine_affine.e * (rows + 0.5)
    column, row = (x - coarse_affine.c) / coarse_affine.a - 0.5, (y - coarse_affine.f) / coarse_affine.e - 0.5
    low = np.stack([np.floor(row), np.floor(column)], axis=1).astype(np.int64)
    if (low < 0).any() or (low + 1 >= np.array(coarse_shape)).any():
        raise InputError("the fine grid must lie inside the coarse one, by at least a coarse cell")
    part = np.stack([row, column], axis=1) - low
    steps = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
    cells = low[:, None, :] + steps[None]
    weights = np.prod(np.where(steps[None] == 1, part[:, None, :], 1.0 - part[:, None, :]), axis=2)
    gauges, around = np.unique(cells.reshape(-1, 2), axis=0, return_inverse=True)
    return Nest(gauges, around.reshape(-1, 4), weights, fine_shape)


def edges_from(place: Nest, flow: Flow, *, wet_depth_m: float = 0.01) -> Edges:
    """Return the fine grid's edges as water outside, with its level and speed in time, from the gauges of the coarse run.

    Parameters
    ----------
    place
        From `nest`.
    flow
        Of the coarse run with the nest's gauges.
    wet_depth_m
        Depth from which a coarse cell has a level to give.

    Returns
    -------
    Edges
        One wave per edge cell: the mean level and inward speed of the wet ones of the four coarse cells around it.

    Notes
    -----
    Nothing comes back from the fine grid to the coarse one. The incoming characteristic is handed over, so what the fine grid
    alone reflects leaves it.
    """
    wet = (flow.gauge_depth > wet_depth_m)[:, place.around]
    weights = np.where(wet, place.weights[None], 0.0)
    total = weights.sum(axis=2)

    def mean(values: Floats, nothing: float) -> Floats:
        sums = (weights * values[:, place.around]).sum(axis=2)
        return np.where(total > 0, sums / np.where(total > 0, total, 1.0), nothing)

    ny, nx = place.shape
    north, south, west, east = np.split(np.arange(len(place.around)), [nx, 2 * nx, 2 * nx + ny])
    speed = mean(flow.gauge_speed_y, 0.0)
    speed[:, 2 * nx :] = mean(flow.gauge_speed_x, 0.0)[:, 2 * nx :]
    speed[:, np.concatenate([south, east])] *= -1.0  # inward
    level = mean(flow.gauge_surface, NO_WATER_M)
    cells = [IncidentWave(flow.gauge_time_s, level[:, k], speed_m_s=speed[:, k]) for k in range(level.shape[1])]
    return Edges(*([cells[k] for k in side] for side in (north, south, west, east)))
