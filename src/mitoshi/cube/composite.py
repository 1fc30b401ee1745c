"""Masks and composites of a time series; reductions have a fixed order, missing stays missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from mitoshi.core.errors import InputError, misspelt
from mitoshi.methods.optical.quality import QA_PIXEL_BAD, SCL_CLEAR

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["latest", "masked", "median", "seen"]

Flags = Literal["scl", "qa_pixel"]


def seen(quality: xr.DataArray, flags: Flags) -> xr.DataArray:
    """Return where the ground was seen.

    Parameters
    ----------
    quality
        Sentinel-2 scene classification ("scl") or Landsat QA_PIXEL ("qa_pixel"); integers.
    flags
        Which of the two.

    Raises
    ------
    InputError
        If the flags are of another kind.
    """
    if flags == "scl":
        return quality.isin(SCL_CLEAR)
    if flags == "qa_pixel":
        return (quality.fillna(1).astype("int64") & QA_PIXEL_BAD) == 0
    raise InputError(misspelt("kind of quality flags", flags, ("scl", "qa_pixel")))


def masked(values: xr.DataArray, quality: xr.DataArray, flags: Flags) -> xr.DataArray:
    """Return the values where the ground was seen, NaN elsewhere; lazy where they are dask arrays.

    Raises
    ------
    InputError
        If the two differ in rows, columns or times.
    """
    for dim in quality.dims:
        if dim not in values.dims or values.sizes[dim] != quality.sizes[dim]:
            raise InputError(
                f"values {dict(values.sizes)} and quality {dict(quality.sizes)} differ in {dim}; align them"
            )
    clear = seen(quality, flags).drop_vars([c for c in quality.coords if c not in quality.dims], errors="ignore")
    return values.where(clear)


def median(series: xr.DataArray) -> xr.DataArray:
    """Return the median over time of what was observed; NaN where nothing was.

    Parameters
    ----------
    series
        Float array with a "time" dimension.
    """
    return _over_time(series, _median)


def latest(series: xr.DataArray) -> xr.DataArray:
    """Return the last observed value of each pixel; NaN where nothing was observed.

    Parameters
    ----------
    series
        Float array with a "time" dimension in any order.
    """
    return _over_time(series.sortby("time"), _latest)


def _over_time(series: xr.DataArray, reduce: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]) -> xr.DataArray:
    if "time" not in series.dims:
        raise InputError(f"a composite needs the dimension time, got {series.dims}; give a time series")
    if series.chunks is not None:
        series = series.chunk({"time": -1})
    reduced: xr.DataArray = xr.apply_ufunc(
        reduce,
        series,
        input_core_dims=[["time"]],
        dask="parallelized",
        output_dtypes=[series.dtype],
        keep_attrs=True,
    )
    return reduced


def _median(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the median of the last axis without NaN: sorted, so that NaN come last, then the middle one or two."""
    ordered = np.sort(values, axis=-1)
    count = np.isfinite(ordered).sum(axis=-1, keepdims=True)
    low, high = np.maximum(count - 1, 0) // 2, np.maximum(count, 1) // 2
    pair = [np.take_along_axis(ordered, i, axis=-1)[..., 0] for i in (low, high)]
    middle: np.ndarray[Any, Any] = ((pair[0] + pair[1]) / values.dtype.type(2)).astype(values.dtype)
    return middle


def _latest(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the last value of the last axis that is not NaN."""
    known = ~np.isnan(values)
    back = np.argmax(known[..., ::-1], axis=-1)
    last = values.shape[-1] - 1 - back
    found: np.ndarray[Any, Any] = np.take_along_axis(values, last[..., np.newaxis], axis=-1)[..., 0]
    return found
