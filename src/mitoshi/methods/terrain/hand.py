"""Height above the nearest drainage (HAND)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mitoshi.core.errors import InputError
from mitoshi.methods.terrain.drainage import Drainage, drainage, upstream_cells

__all__ = ["STREAM_AREA", "hand_from_drainage", "height_above_nearest_drainage"]

STREAM_AREA = 1.0e6
"""Upstream area at which a channel starts [m2]; 1 km2 keeps valley floors and leaves hillslopes above the drainage."""


def height_above_nearest_drainage(
    elevation: NDArray[Any], *, pixel_size: float | tuple[float, float], stream_area: float = STREAM_AREA
) -> NDArray[np.float32]:
    """Return the height of each cell above the channel cell that it drains to.

    Parameters
    ----------
    elevation
        Metres, shape (y, x), NaN where missing.
    pixel_size
        Cell side in metres, or height and width of a cell.
    stream_area
        Upstream area at which a channel starts, in m2.

    Returns
    -------
    NDArray[np.float32]
        Metres, at least 0, shape (y, x), NaN where elevation is missing. Cells that leave the array before they meet a
        channel are measured against their outlet.

    Raises
    ------
    InputError
        If `pixel_size` or `stream_area` is not positive.

    Notes
    -----
    Nobre et al. (2011), Journal of Hydrology 404, section 2. Inside filled depressions the height is not negative.
    """
    height, width = pixel_size if isinstance(pixel_size, tuple) else (pixel_size, pixel_size)
    if not (height > 0 and width > 0 and stream_area > 0):
        raise InputError(
            f"pixel_size and stream_area must be positive, got {height:g} m x {width:g} m and {stream_area:g} m2"
        )
    tree = drainage(elevation, cell=(height, width))
    channels = upstream_cells(tree) >= max(1.0, stream_area / (height * width))
    return np.maximum(hand_from_drainage(elevation, tree, channels), np.float32(0.0))


def hand_from_drainage(elevation: NDArray[Any], tree: Drainage, channels: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return elevation minus the elevation of the first channel cell downstream.

    Parameters
    ----------
    elevation
        Metres, shape (y, x).
    tree
        Drainage of the same cells.
    channels
        True on channel cells, shape (y, x).

    Returns
    -------
    NDArray[np.float32]
        Metres, shape (y, x); NaN where the drainage has no cell.
    """
    heights = np.ascontiguousarray(elevation, dtype=np.float32)
    out = np.full(heights.size, np.nan, np.float32)
    _hand(heights.ravel(), tree.downstream.ravel(), tree.order, np.ascontiguousarray(channels).ravel(), out)
    return out.reshape(heights.shape)


@njit(cache=True, nogil=True)
def _hand(heights, downstream, order, channels, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    base = np.empty(heights.size, np.float32)
    for i in range(order.size):
        cell = order[i]
        if channels[cell] or downstream[cell] < 0:
            base[cell] = heights[cell]
        else:
            base[cell] = base[downstream[cell]]
        out[cell] = heights[cell] - base[cell]
