"""Items to one lazy cube: (time, …, y, x) on a grid, one time per pass of a platform."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mitoshi.catalog.remote import public_web
from mitoshi.core.errors import InputError, RefusedError, RunError
from mitoshi.core.quantity import quantity as quantity_called
from mitoshi.cube.alignment import mosaic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pystac
    from odc.geo.geobox import GeoBox

    from mitoshi.sensors import Observation

    OpenItem = Callable[[pystac.Item], Observation]

__all__ = ["load", "load_remote", "moment", "open_layer", "passes"]

PASS_GAP = timedelta(seconds=120)  # between the slices of one pass; Sentinel-1 slices follow each other by 25 s
CHUNK = 1024


def moment(item: pystac.Item) -> datetime:
    """Return an item's nominal time in UTC: its datetime, or the start of its time span."""
    time = item.datetime or item.common_metadata.start_datetime
    if time is None:
        raise InputError(f"item {item.id} has no time; mend the item")
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _track(item: pystac.Item) -> tuple[str, ...]:
    names = ("platform", "sat:orbit_state", "sat:relative_orbit", "sar:instrument_mode", "gsd")
    return str(item.collection_id), *(str(item.properties.get(n)) for n in names)


def passes(items: Sequence[pystac.Item]) -> list[list[pystac.Item]]:
    """Return the items in groups that were observed in one pass: same collection, platform and track, without a gap.

    Groups are in order of time; so are the items of a group.
    """
    groups: list[list[pystac.Item]] = []
    last: dict[tuple[str, ...], list[pystac.Item]] = {}
    for item in sorted(items, key=lambda i: (moment(i), i.id)):
        group = last.get(_track(item))
        if group is None or moment(item) - moment(group[-1]) > PASS_GAP:
            group = last[_track(item)] = []
            groups.append(group)
        group.append(item)
    return groups


def open_layer(
    items: Sequence[pystac.Item], quantity: str, grid: GeoBox, open_item: OpenItem | None = None
) -> xr.DataArray:
    """Return one lazy layer on the grid from one item, or from the slices of one pass laid over each other.

    Parameters
    ----------
    items
        In order of preference.
    quantity
        A quantity's name; of a family such as "backscatter" the first member that every item has.
    grid
        The grid to put the layer on.
    open_item
        Opens an item; `mitoshi.sensors.open_item` by default.

    Raises
    ------
    InputError
        If an item does not hold the quantity.
    """
    opened = [_opener(open_item)(item) for item in items]
    wanted = quantity_called(quantity)
    names = [n for n in (wanted.name, *wanted.members) if all(n in o.layers for o in opened)]
    if not names:
        held = ", ".join(sorted({n for o in opened for n in o.layers})) or "nothing"
        raise InputError(f"{', '.join(i.id for i in items)} hold {held}, not {quantity}; choose other items")
    return mosaic([o.layers[names[0]] for o in opened], grid)


def _opener(open_item: OpenItem | None) -> OpenItem:
    if open_item is not None:
        return open_item
    from mitoshi import sensors

    opener: OpenItem = sensors.open_item
    return opener


def load(
    items: Sequence[pystac.Item],
    quantity: str,
    grid: GeoBox,
    open_item: OpenItem | None = None,
    chunks: Mapping[str, int] | None = None,
    admit: Callable[[str], None] = public_web,
) -> xr.DataArray:
    """Return the items as one dask array (time, …, y, x) on the grid.

    The slices of one pass become one time, that of its first slice. Items whose assets are on the web go through odc-stac,
    the others through our readers.

    Parameters
    ----------
    items
        Items that hold the quantity.
    quantity
        A quantity's name.
    grid
        The grid of the cube.
    open_item
        Opens an item; `mitoshi.sensors.open_item` by default.
    chunks
        Rows "y" and columns "x" of a chunk.
    admit
        Checks an address on the web, for items that lie there; raises to refuse.

    Raises
    ------
    InputError
        If there is no item, or the items' bands or polarisations differ.
    """
    if not items:
        raise InputError("no items to load; search with a wider time or area")
    size = {"y": CHUNK, "x": CHUNK, **(chunks or {})}
    if open_item is None and all(_is_remote(i) for i in items):
        return load_remote(items, quantity, grid, chunks=size, admit=admit)
    groups = passes(items)
    layers = [open_layer(group, quantity, grid, open_item) for group in groups]
    for layer in layers[1:]:
        lead = layers[0].dims[:-2]
        if layer.dims != layers[0].dims or any(list(layer[d].values) != list(layers[0][d].values) for d in lead):
            raise InputError(
                f"the items' {' and '.join(map(str, lead)) or 'dimensions'} differ; load like items together"
            )
    times = [np.datetime64(moment(group[0]).replace(tzinfo=None), "ns") for group in groups]
    chunked = [layer.chunk({**size, **dict.fromkeys(layer.dims[:-2], -1)}) for layer in layers]
    cube: Any = xr.concat(
        chunked,
        xr.DataArray(times, dims="time", name="time"),
        join="override",
        coords="minimal",
        compat="override",
        combine_attrs="drop_conflicts",
    )
    return xr.DataArray(cube)


def _is_remote(item: pystac.Item) -> bool:
    return "mitoshi:reader" not in item.properties and any("://" in a.href for a in item.assets.values())


def load_remote(
    items: Sequence[pystac.Item],
    quantity: str,
    grid: GeoBox,
    bands: Sequence[str] | None = None,
    chunks: Mapping[str, int] | None = None,
    admit: Callable[[str], None] = public_web,
) -> xr.DataArray:
    """Return items with COG assets as one dask array (time, band, y, x), through odc-stac.

    Digital numbers become physical values by the assets' `raster:bands` scale and offset; without these they are taken as
    they are.

    Parameters
    ----------
    items
        Items of one collection.
    quantity
        What the bands hold; goes into the attributes with its unit.
    grid
        The grid of the cube.
    bands
        Asset names; by default every asset with the role "data" or a raster type.
    chunks
        Rows "y" and columns "x" of a chunk.
    admit
        Checks an address on the web before it is read; raises to refuse. GDAL follows redirects by itself.

    Raises
    ------
    InputError
        If no asset is a raster, or the quantity is a count per cell.
    RefusedError
        If an asset does not lie on the web, or its address is not admitted.
    RunError
        If GDAL was started with its VRT driver, by which a remote file could read local ones.
    """
    if quantity_called(quantity).extensive:
        raise InputError(
            f"{quantity} is a count per cell, which is shared out from files alone; fetch the files and give them"
        )
    from odc.stac import load as odc_load

    names = list(bands) if bands is not None else _raster_assets(items[0], quantity)
    if not names:
        raise InputError(f"item {items[0].id} has no raster asset; name the bands")
    for item in items:
        for name in names:
            if name in item.assets:
                _admitted(item.assets[name].href, admit)
    _without_vrt()
    loaded = odc_load(
        list(items),
        bands=names,
        geobox=grid,
        groupby="solar_day",
        chunks=dict(chunks or {"y": CHUNK, "x": CHUNK}),
        resampling="nearest" if quantity in ("quality", "land_cover") else "bilinear",
    )
    planes = [_physical(loaded[name], items[0].assets[name], quantity) for name in names]
    cube = xr.concat(
        planes, xr.DataArray(names, dims="band", name="band"), join="override", coords="minimal", compat="override"
    )
    wanted = quantity_called(quantity)
    renamed = cube.rename({cube.dims[-2]: "y", cube.dims[-1]: "x"}) if cube.dims[-2:] != ("y", "x") else cube
    return renamed.transpose("time", "band", "y", "x").assign_attrs(quantity=wanted.name, units=wanted.units)


def _admitted(href: str, admit: Callable[[str], None]) -> None:
    if href.startswith(("http://", "https://")):
        admit(href)
    elif not href.startswith("s3://"):
        raise RefusedError(f"asset address {href[:80]!r} is not on the web; open it with a reader instead")


def _without_vrt() -> None:
    """Check that GDAL cannot take a remote file for a virtual one, whose XML may name any local file.

    GDAL reads GDAL_SKIP once, when it starts; importing `mitoshi.cube` sets it.
    """
    import rasterio

    with rasterio.Env() as running:
        if "VRT" in running.drivers():
            raise RunError("GDAL was started with its VRT driver; set GDAL_SKIP=VRT in the environment and start again")


def _raster_assets(item: pystac.Item, quantity: str) -> list[str]:
    coded = {"SCL", "scl", "qa_pixel", "QA_PIXEL", "QA"}
    rasters = [n for n, a in item.assets.items() if "tiff" in str(a.media_type) and "data" in (a.roles or ["data"])]
    if quantity == "quality":
        return [n for n in item.assets if n in coded][:1]
    bands = [n for n in rasters if "eo:bands" in item.assets[n].extra_fields and n not in coded]
    return [n for n in bands if len(item.assets[n].extra_fields["eo:bands"]) == 1] or [
        n for n in rasters if n not in coded
    ]


def _physical(plane: xr.DataArray, asset: pystac.Asset, quantity: str) -> xr.DataArray:
    """Return physical values, NaN where the digital number is the asset's nodata."""
    if quantity in ("quality", "land_cover"):
        return plane
    stated = (asset.extra_fields.get("raster:bands") or [{}])[0]
    nodata = plane.attrs.get("nodata", stated.get("nodata"))
    values = plane.astype("float32")
    if nodata is not None:
        values = values.where(plane != nodata)
    scale, offset = np.float32(stated.get("scale", 1.0)), np.float32(stated.get("offset", 0.0))
    return values * scale + offset
