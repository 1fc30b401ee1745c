"""Observations of several dates as one lazy array with a time: nothing is laid over what was seen at another time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.cube.alignment import mosaic
from mitoshi.cube.loading import PASS_GAP

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import xarray as xr
    from odc.geo.geobox import GeoBox

__all__ = ["in_passes", "stacked"]


def in_passes(times: Sequence[datetime]) -> list[list[int]]:
    """Return the indices of what was observed in one pass, the passes in order of time.

    Slices of one pass follow each other by less than two minutes (`mitoshi.cube.loading.PASS_GAP`).
    """
    groups: list[list[int]] = []
    for n in sorted(range(len(times)), key=lambda k: (times[k], k)):
        if groups and times[n] - times[groups[-1][-1]] <= PASS_GAP:
            groups[-1].append(n)
        else:
            groups.append([n])
    return groups


def stacked(layers: Sequence[xr.DataArray], times: Sequence[datetime], grid: GeoBox) -> xr.DataArray:
    """Return one lazy array (time, …, y, x) on `grid`, in order of time; the slices of a pass share the time of the first.

    Parameters
    ----------
    layers
        Arrays of one quantity, in any order.
    times
        When each was observed.
    grid
        The grid to put them on.

    Raises
    ------
    InputError
        If bands, polarisations or units differ between the dates.
    """
    import xarray as xr

    from mitoshi.cube.lazy import lazy_like

    groups = in_passes(times)
    planes = [mosaic([layers[n] for n in group], grid) for group in groups]
    first = planes[0]
    for other in planes[1:]:
        like = first.dims == other.dims and all(
            np.array_equal(first[d], other[d]) for d in first.dims[:-2] if d in first.coords
        )
        if not like or first.shape != other.shape:
            raise InputError("the dates of a stack have different bands or polarisations; give like images")
        if first.attrs.get("units") != other.attrs.get("units") or first.attrs.get("quantity") != other.attrs.get(
            "quantity"
        ):
            raise InputError("the dates of a stack differ in quantity or units; give like images")
    when = [np.datetime64(times[group[0]].replace(tzinfo=None), "ns") for group in groups]
    model = first.isel(y=slice(0, 1), x=slice(0, 1)).expand_dims(time=xr.DataArray(when, dims="time"))
    source = _Dates(tuple(planes))
    return lazy_like(source, model, grid, np.result_type(*(p.dtype for p in planes)), dict(first.attrs))


@dataclass(frozen=True)
class _Dates:
    """Layers of one grid, one after another in time."""

    planes: tuple[xr.DataArray, ...]

    def window(self, lead: tuple[slice, ...], rows: slice, columns: slice) -> np.ndarray[Any, Any]:
        """Return the window of the dates that are asked for."""
        dates, *rest = lead
        return np.stack([plane[(*rest, rows, columns)].to_numpy() for plane in self.planes[dates]])
