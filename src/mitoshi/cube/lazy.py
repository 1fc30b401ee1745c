"""Lazily indexed arrays that compute a window when it is read; picklable, without an open file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import xarray as xr
from odc.geo.xr import xr_coords
from xarray.backends import BackendArray
from xarray.core import indexing

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

__all__ = ["WindowSource", "lazy_like"]


class WindowSource(Protocol):
    """What computes windows."""

    def window(self, lead: tuple[slice, ...], rows: slice, columns: slice) -> np.ndarray[Any, Any]:
        """Return the values of a window: leading dimensions, then rows and columns; every slice has step 1."""
        ...


class _Windowed(BackendArray):
    """Adapts a `WindowSource` to xarray."""

    def __init__(self, source: WindowSource, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.source = source
        self.shape = shape
        self.dtype = dtype

    def __getitem__(self, key: Any) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        plain = tuple(_forward(k, n) for k, n in zip(key, self.shape, strict=True))
        if any(s.stop <= s.start for s in plain):
            values: Any = np.empty([max(0, s.stop - s.start) for s in plain], self.dtype)
        else:
            values = self.source.window(plain[:-2], plain[-2], plain[-1])
        return values[tuple(_rest(k, n) for k, n in zip(key, self.shape, strict=True))]


def _forward(key: Any, size: int) -> slice:
    """Return the contiguous slice that holds everything the key asks for."""
    if not isinstance(key, slice):
        first = int(key) % size
        return slice(first, first + 1)
    chosen = range(*key.indices(size))
    return slice(min(chosen[0], chosen[-1]), max(chosen[0], chosen[-1]) + 1) if len(chosen) else slice(0, 0)


def _rest(key: Any, size: int) -> Any:
    """Return the key to apply to what `_forward` has read."""
    if not isinstance(key, slice):
        return 0
    step = range(*key.indices(size)).step
    return slice(None, None, step)


def lazy_like(
    source: WindowSource, model: xr.DataArray, grid: GeoBox, dtype: np.dtype[Any], attrs: dict[str, Any]
) -> xr.DataArray:
    """Return a lazy array on `grid` with the leading dimensions of `model`."""
    lead = model.dims[:-2]
    shape = (*(model.sizes[d] for d in lead), *(int(n) for n in grid.shape))
    coords: dict[Any, Any] = dict(xr_coords(grid, dims=("y", "x")))
    coords.update({name: model.coords[name] for name in model.coords if set(model.coords[name].dims) <= set(lead)})
    coords["spatial_ref"] = xr_coords(grid, dims=("y", "x")).get("spatial_ref")
    if coords["spatial_ref"] is None:
        del coords["spatial_ref"]
    variable = xr.Variable((*lead, "y", "x"), indexing.LazilyIndexedArray(_Windowed(source, shape, dtype)))
    return xr.DataArray(variable, coords=coords, attrs=attrs, name=model.name)
