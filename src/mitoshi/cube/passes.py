"""The lowest passes of an elevation model that is finer than the grid it is put on: what its mean would lose.

The model is laid on a grid that divides every cell evenly, to the nearest pixel, fine enough that none of its pixels is left
out; `mitoshi.core.passes` finds the ways. A cell's passes do not depend on the window that is read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.passes import EAST, SOUTH, lowest_passes
from mitoshi.cube.grid import geobox_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from odc.geo.geobox import GeoBox

    from mitoshi.cube.alignment import Warped

__all__ = ["with_passes"]

FINER = 1.5
"""Pixels of the model along a cell's side from which its mean is one over several (as in `mitoshi.cube.resample`)."""

MOST_FINE = 64
WHOLE = 1e-3
CHUNK = 2048
"""Fine cells along the side of what is computed at once."""


def with_passes(array: xr.DataArray, layers: Sequence[xr.DataArray], grid: GeoBox) -> xr.DataArray:
    """Return an elevation on its grid with the lowest passes between its cells as coordinates, lazily.

    Parameters
    ----------
    array
        (…, y, x) elevation on the grid.
    layers
        The elevation models it comes from, in order of preference.
    grid
        The grid.

    Returns
    -------
    xr.DataArray
        The array, with the coordinates `pass_east` and `pass_south` in its unit where the finest of the models is finer than the
        grid; else the array as it is.
    """
    from mitoshi.cube.alignment import Warped
    from mitoshi.cube.lazy import lazy_like
    from mitoshi.cube.resample import mapping

    sources = [geobox_of(layer) for layer in layers]
    if grid.crs is None or any(s is None or s.crs is None for s in sources):
        return array
    side = max(_parts(grid, s) for s in sources if s is not None)
    if side == 1:
        return array
    fine = _divided(grid, side)
    warped = tuple(
        Warped(layer, mapping(fine, s), "nearest", decibel=False)
        for layer, s in zip(layers, sources, strict=True)
        if s is not None
    )
    plane = array.isel(dict.fromkeys(array.dims[:-2], 0), drop=True)
    readers = {name: _Passes(warped, side, tuple(grid.shape), name) for name in (EAST, SOUTH)}
    return array.assign_coords(
        {name: lazy_like(r, plane, grid, np.dtype("float32"), {}).variable for name, r in readers.items()}
    )


def _parts(grid: GeoBox, source: GeoBox) -> int:
    """Return into how many parts a cell's side is cut: 1 where the source is not finer."""
    from mitoshi.cube.resample import cell_ratio

    ratio = cell_ratio(grid, source)
    if ratio < FINER:
        return 1
    if source.crs == grid.crs:
        onto = ~source.affine * grid.affine
        whole = round(float(onto.a))
        odd = (onto.a - whole, onto.e - whole, onto.b, onto.d, onto.c - round(onto.c), onto.f - round(onto.f))
        if max(map(abs, odd)) < WHOLE:
            return min(whole, MOST_FINE)
    return min(math.ceil(2 * ratio), MOST_FINE)  # half pixels: no row of the source is left out


def _divided(grid: GeoBox, side: int) -> GeoBox:
    from affine import Affine
    from odc.geo.geobox import GeoBox

    rows, columns = grid.shape
    return GeoBox((rows * side, columns * side), grid.affine * Affine.scale(1 / side), grid.crs)


@dataclass(frozen=True)
class _Passes:
    """Computes windows of the passes in one direction."""

    layers: tuple[Warped, ...]
    side: int
    shape: tuple[int, ...]
    name: str

    def window(self, lead: tuple[slice, ...], rows: slice, columns: slice) -> np.ndarray[Any, Any]:
        """Return the window, part by part so that the fine ground stays small."""
        del lead
        out = np.empty((rows.stop - rows.start, columns.stop - columns.start), np.float32)
        step = max(1, CHUNK // self.side)
        for top in range(rows.start, rows.stop, step):
            for left in range(columns.start, columns.stop, step):
                r = slice(top, min(top + step, rows.stop))
                c = slice(left, min(left + step, columns.stop))
                place = (slice(r.start - rows.start, r.stop - rows.start),
                         slice(c.start - columns.start, c.stop - columns.start))  # fmt: skip
                out[place] = self._part(r, c)
        return out

    def _part(self, rows: slice, columns: slice) -> np.ndarray[Any, Any]:
        """Return the passes of some cells, which need the ground of the next ones."""
        last = min(rows.stop + 1, self.shape[0]), min(columns.stop + 1, self.shape[1])
        fine = slice(rows.start * self.side, last[0] * self.side), slice(columns.start * self.side, last[1] * self.side)
        ground = self._ground(*fine)
        found = lowest_passes(ground, self.side)
        values = found.east if self.name == EAST else found.south
        return values[: rows.stop - rows.start, : columns.stop - columns.start]

    def _ground(self, rows: slice, columns: slice) -> np.ndarray[Any, Any]:
        """Return the fine ground, each place from the first model that has it."""
        ground = np.full((rows.stop - rows.start, columns.stop - columns.start), np.nan, np.float32)
        for warped in self.layers:
            lead = tuple(slice(0, 1) for _ in warped.layer.dims[:-2])
            values = warped.window(lead, rows, columns).reshape(ground.shape)
            ground = np.where(np.isnan(ground), values, ground).astype(np.float32)
            if not np.isnan(ground).any():
                break
        return ground
