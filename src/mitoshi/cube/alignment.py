"""Putting layers on one grid, lazily: reading a window of the result reads just the window of the source that it needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.cells import cell_attributes, row_areas_m2
from mitoshi.core.errors import InputError
from mitoshi.core.quantity import DECIBEL_UNITS, QUANTITIES, area_of_density
from mitoshi.cube.grid import geobox_of, same_grid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    from odc.geo.geobox import GeoBox

    from mitoshi.cube.resample import Mapping as GridMapping
    from mitoshi.cube.resample import Resampling

__all__ = ["align", "mosaic"]

CODED = frozenset({"cloud_mask", "flood_extent", "land_cover", "quality"})
CODED_FILL = 255


def align(layers: Mapping[str, xr.DataArray | None], grid: GeoBox) -> dict[str, xr.DataArray | None]:
    """Return the layers on one grid, each lazily.

    A layer that is on the grid passes through. Any other is resampled when a window is read: continuous quantities
    bilinearly (decibels as linear power; block means where the grid is coarser), integers and codes to the nearest pixel.
    Counts per cell are shared out by area, so that their sum is conserved; a density becomes a count by the true area of cells.
    A pixel's value does not depend on the window.

    Parameters
    ----------
    layers
        Arrays (…, y, x) by name; None stays None.
    grid
        The grid to put them on.

    Raises
    ------
    InputError
        If a layer without georeference has another shape than the grid, or the grid has none and the layer has.
    """
    return {name: None if layer is None else _aligned(name, layer, grid) for name, layer in layers.items()}


def _aligned(name: str, layer: xr.DataArray, grid: GeoBox) -> xr.DataArray:
    source = geobox_of(layer)
    if is_extensive(layer):
        layer = _counts(name, layer, source)
    shape = (int(layer.shape[-2]), int(layer.shape[-1]))
    if source is None or source.crs is None or grid.crs is None:
        if shape != tuple(grid.shape):
            lacking = "the grid" if source is not None and source.crs is not None else name
            raise InputError(
                f"{name} is {shape[0]} x {shape[1]} pixels and the grid {grid.shape[0]} x {grid.shape[1]}, and {lacking} "
                "has no georeference; give rasters of one shape, or with georeference"
            )
        return layer
    if same_grid(source, grid):
        return layer
    from mitoshi.cube.lazy import lazy_like
    from mitoshi.cube.resample import mapping

    if is_extensive(layer):
        return _shared(layer, mapping(grid, source), grid)
    dtype = np.dtype("uint8") if layer.dtype == bool else layer.dtype
    how: Resampling = "nearest" if _is_coded(layer) else "bilinear"
    reader = Warped(layer, mapping(grid, source), how, str(layer.attrs.get("units")) in DECIBEL_UNITS)
    return lazy_like(reader, layer, grid, dtype, {**layer.attrs, **cell_attributes(grid)})


def is_extensive(layer: xr.DataArray) -> bool:
    """Return whether the layer holds counts per cell, or their density."""
    known = QUANTITIES.get(str(layer.attrs.get("quantity")))
    return known is not None and known.extensive


def _counts(name: str, layer: xr.DataArray, source: GeoBox | None) -> xr.DataArray:
    """Return counts per cell as floating numbers; a density is multiplied by the true area of each row's cells."""
    from mitoshi.cube.lazy import lazy_like

    area = area_of_density(str(layer.attrs.get("units", "1")))
    if area is None and np.issubdtype(layer.dtype, np.floating):
        return layer
    if area is None:
        factors = np.ones(int(layer.shape[-2]))
    elif source is None or source.crs is None:
        raise InputError(f"{name} is a density without georeference, so its cells have no area; give counts per cell")
    else:
        factors = row_areas_m2(source.crs, source.affine, (int(source.shape[0]), int(source.shape[1]))) / area
    attrs = {**layer.attrs, "units": "1"}
    if source is None:
        return (layer.astype(np.float32) * factors[:, None].astype(np.float32)).assign_attrs(attrs)
    return lazy_like(Scaled(layer, factors), layer, source, np.dtype("float32"), attrs)


def _shared(layer: xr.DataArray, how: GridMapping, grid: GeoBox) -> xr.DataArray:
    from mitoshi.cube.lazy import lazy_like
    from mitoshi.cube.sharing import source_affine

    attrs = {**layer.attrs, **cell_attributes(grid), "shared_from": source_affine(how)}
    return lazy_like(Shared(layer, how), layer, grid, layer.dtype, attrs)


@dataclass(frozen=True)
class Scaled:
    """A layer whose rows are multiplied by factors."""

    layer: xr.DataArray
    factors: np.ndarray[Any, Any]

    def window(self, lead: tuple[slice, ...], rows: slice, columns: slice) -> np.ndarray[Any, Any]:
        """Return the window."""
        values = self.layer[(*lead, rows, columns)].to_numpy()
        return np.asarray(values * self.factors[rows][:, None], np.float32)


@dataclass(frozen=True)
class Shared:
    """Counts per cell, shared out onto another grid."""

    layer: xr.DataArray
    how: GridMapping

    def window(self, lead: tuple[slice, ...], rows: slice, columns: slice) -> np.ndarray[Any, Any]:
        """Return the window."""
        from mitoshi.cube.sharing import share

        dims = self.layer.dims
        chosen = self.layer.isel(dict(zip(dims[:-2], lead, strict=True)))

        def read(y: slice, x: slice) -> np.ndarray[Any, Any]:
            values = chosen.isel({dims[-2]: y, dims[-1]: x}).to_numpy()
            values = values.reshape((math.prod(values.shape[:-2]), *values.shape[-2:]))
            return np.where(values >= 0, values, values.dtype.type(np.nan))  # no count is negative

        out = share(read, self.how, rows, columns)
        return out.reshape((*chosen.shape[:-2], *out.shape[-2:]))


def _is_coded(layer: xr.DataArray) -> bool:
    return not np.issubdtype(layer.dtype, np.floating) or layer.attrs.get("quantity") in CODED


def missing_value(dtype: np.dtype[Any]) -> float:
    """Return what stands for "not observed" in arrays of this type."""
    return np.nan if np.issubdtype(dtype, np.floating) else min(CODED_FILL, int(np.iinfo(dtype).max))


@dataclass(frozen=True)
class Warped:
    """A layer seen through the mapping onto another grid."""

    layer: xr.DataArray
    how: GridMapping
    method: Resampling
    decibel: bool

    def window(self, lead: tuple[slice, ...], rows: slice, columns: slice) -> np.ndarray[Any, Any]:
        """Return the resampled window."""
        from mitoshi.cube.resample import resample

        dims = self.layer.dims
        chosen = self.layer.isel(dict(zip(dims[:-2], lead, strict=True)))
        dtype = np.dtype("uint8") if chosen.dtype == bool else chosen.dtype

        def read(y: slice, x: slice) -> np.ndarray[Any, Any]:
            values = np.asarray(chosen.isel({dims[-2]: y, dims[-1]: x}).to_numpy(), dtype=dtype)
            values = values.reshape((math.prod(values.shape[:-2]), *values.shape[-2:]))
            return np.power(10.0, values / dtype.type(10)).astype(dtype) if self.decibel else values

        out = resample(read, self.how, rows, columns, self.method, missing_value(dtype))
        if self.decibel:
            with np.errstate(divide="ignore", invalid="ignore"):
                out = (10 * np.log10(out)).astype(dtype)
        return out.reshape((*chosen.shape[:-2], *out.shape[-2:]))


def mosaic(layers: Sequence[xr.DataArray], grid: GeoBox) -> xr.DataArray:
    """Return one lazy layer on `grid`: at each pixel the first of the layers that observed it; counts of tiles are added.

    Parameters
    ----------
    layers
        Arrays of one quantity with the same leading coordinates, in order of preference.
    grid
        The grid to put them on.

    Raises
    ------
    InputError
        If there is no layer, or their leading coordinates differ.
    """
    if not layers:
        raise InputError("a mosaic needs at least one layer; give one")
    placed = [_aligned(str(layer.attrs.get("quantity", "layer")), layer, grid) for layer in layers]
    if len(placed) == 1:
        return placed[0]
    first = placed[0]
    for other in placed[1:]:
        same = all(np.array_equal(first[d], other[d]) for d in first.dims[:-2] if d in first.coords)
        if first.dims[:-2] != other.dims[:-2] or first.shape != other.shape or not same:
            raise InputError("slices of one mosaic have different bands or polarisations; give like slices")
        if first.attrs.get("units") != other.attrs.get("units"):
            raise InputError("slices of one mosaic have different units; convert them first")
    from mitoshi.cube.lazy import lazy_like

    if all(is_extensive(layer) for layer in layers) and _side_by_side(layers):
        return lazy_like(SumSeen(tuple(placed)), first, grid, first.dtype, dict(first.attrs))
    return lazy_like(FirstSeen(tuple(placed)), first, grid, first.dtype, dict(first.attrs))


def _side_by_side(layers: Sequence[xr.DataArray]) -> bool:
    """Return whether the layers touch at most: nowhere do two of them count the same ground."""
    grids = [geobox_of(layer) for layer in layers]
    boxes = [g.extent.boundingbox for g in grids if g is not None]
    first = grids[0]
    if first is None or len(boxes) < len(grids) or any(g is None or g.crs != first.crs for g in grids):
        return False
    slack = 0.01 * math.sqrt(abs(first.affine.determinant))
    return not any(
        min(a.right, b.right) - max(a.left, b.left) > slack and min(a.top, b.top) - max(a.bottom, b.bottom) > slack
        for n, a in enumerate(boxes)
        for b in boxes[n + 1 :]
    )


@dataclass(frozen=True)
class SumSeen:
    """Counts of tiles that lie side by side: a cell over the seam has its part of either."""

    layers: tuple[xr.DataArray, ...]

    def window(self, lead: tuple[slice, ...], rows: slice, columns: slice) -> np.ndarray[Any, Any]:
        """Return the window; NaN where no tile has a count."""
        parts = np.stack([layer[(*lead, rows, columns)].to_numpy() for layer in self.layers])
        return np.asarray(np.where(np.isnan(parts).all(axis=0), np.nan, np.nansum(parts, axis=0)), parts.dtype)


@dataclass(frozen=True)
class FirstSeen:
    """Layers of one grid, laid over each other."""

    layers: tuple[xr.DataArray, ...]

    def window(self, lead: tuple[slice, ...], rows: slice, columns: slice) -> np.ndarray[Any, Any]:
        """Return the window, each pixel from the first layer that has it."""
        out: np.ndarray[Any, Any] | None = None
        for layer in self.layers:
            values = layer[(*lead, rows, columns)].to_numpy()
            if out is None:
                out = np.array(values)
            gaps = np.isnan(out) if np.issubdtype(out.dtype, np.floating) else out == missing_value(out.dtype)
            if not gaps.any():
                break
            out[gaps] = values[gaps]
        assert out is not None  # noqa: S101 - there is at least one layer
        return out
