"""Plain GeoTIFF, COG, PNG, JPEG and JPEG 2000 images, described by the user, by their own tags, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError
from mitoshi.core.quantity import QUANTITIES
from mitoshi.core.requirement import instant
from mitoshi.sensors import guard, guess, stac
from mitoshi.sensors.header import Header, read_header, read_sample
from mitoshi.sensors.lazy import BandReader, Decode, lazy_array, pixel_size_m
from mitoshi.sensors.observation import POLARISATIONS, Observation

if TYPE_CHECKING:
    from datetime import datetime

    import pystac
    import xarray as xr
    from odc.geo.geobox import GeoBox

    from mitoshi.sensors.guess import Meaning
    from mitoshi.sensors.observation import Source

__all__ = ["READER", "band_readers"]

RASTERS = frozenset(driver for _, driver in guard.DRIVERS)


class RasterReader:
    """One raster file on its own."""

    name = "raster"
    priority = 90
    wants = "a GeoTIFF, PNG, JPEG or JPEG 2000 image"

    def recognises(self, source: Source) -> bool:
        """Tell whether the first bytes are those of a raster; a VRT is let in to be refused with its own reason."""
        return source.kind in RASTERS or source.kind == "vrt"

    def items(self, source: Source) -> list[pystac.Item]:
        """Return the one item."""
        location = guard.Location(str(source.path))
        header = read_header(location)
        return [stac.make_item(source, _parts(source, header, _meaning(source, location, header)))]

    def open(self, source: Source) -> Observation:
        """Return the one observation."""
        location = guard.Location(str(source.path))
        header = read_header(location)
        meaning = _meaning(source, location, header)
        parts = _parts(source, header, meaning)
        layer = _layer(source, location, header, meaning)
        return Observation(
            {meaning.quantity: layer}, stac.make_item(source, parts), stac.assumed(parts), (source.path,)
        )


READER = RasterReader()


def _meaning(source: Source, location: guard.Location, header: Header) -> Meaning:
    meaning = guess.meaning_of(
        source.path.stem, header, source.description, source.expecting, lambda: read_sample(location, header)
    )
    if len(meaning.labels) > header.count:
        raise InputError(
            f"{source.path.name} has {header.count} bands but '{'+'.join(meaning.labels)}' names {len(meaning.labels)}"
        )
    return meaning


def _decode(source: Source, header: Header, meaning: Meaning) -> Decode | None:
    said = source.description
    if meaning.coded:
        return None
    marks = [mark for mark in (header.nodata, said.nodata) if mark is not None]
    if meaning.quantity == "relative_backscatter":
        marks = [mark for mark in marks if mark != 0]  # 0 already means "no data" in this quantity
    return Decode(
        scale=header.scale if said.scale is None else said.scale,
        offset=header.offset if said.offset is None else said.offset,
        nodata=tuple(marks),
    )


def band_readers(source: Source, location: guard.Location, header: Header, meaning: Meaning) -> list[BandReader]:
    """Return one window reader per named band, co-polarisation first."""
    decode = _decode(source, header, meaning)
    dtype = header.dtype if decode is None else "float32"
    return [BandReader(location, number, header.shape, decode, dtype) for number, _ in _chosen(meaning)]


def _chosen(meaning: Meaning) -> list[tuple[int, str]]:
    pairs = [(number, label) for number, label in enumerate(meaning.labels, 1) if label != "-"]
    if meaning.axis == "polarisation":
        order = {label: place for place, label in enumerate(("VV", "HH", "VH", "HV"))}
        pairs.sort(key=lambda pair: order.get(pair[1].upper(), 9))
        pairs = [(number, label.upper() if label.upper() in POLARISATIONS else label) for number, label in pairs]
    return pairs if meaning.axis is not None else pairs[:1]


def _layer(source: Source, location: guard.Location, header: Header, meaning: Meaning) -> xr.DataArray:
    readers: list[Any] = list(band_readers(source, location, header, meaning))
    grid = _grid(header)
    if header.wkt is None and header.control_points:
        from mitoshi.sensors.geocode import Geocoded, GeolocationGrid

        tie_points = GeolocationGrid.from_control_points(header)
        readers = [Geocoded.of(reader, tie_points, grid) for reader in readers]
    attrs = {"quantity": meaning.quantity, "units": meaning.units}
    return lazy_array(readers, grid, axis=meaning.axis, labels=[label for _, label in _chosen(meaning)], attrs=attrs)


def _grid(header: Header) -> GeoBox:
    if header.wkt is None and header.control_points:
        from mitoshi.sensors.geocode import GeolocationGrid

        return GeolocationGrid.from_control_points(header).output_grid()
    return header.grid


def _parts(source: Source, header: Header, meaning: Meaning) -> stac.Parts:
    grid = _grid(header)
    start, end, more = _times(source, header)
    return stac.Parts(
        id=f"{source.path.stem}-{stac.fingerprint(source.path)}",
        reader=RasterReader.name,
        quantities=(meaning.quantity,),
        grid=grid,
        start=start,
        end=end,
        gsd=pixel_size_m(grid),
        properties=_properties(header, meaning),
        assets={"data": Path(source.path)},
        assumptions=(*meaning.assumptions, *more),
        simulated=header.tags.get("MITOSHI_SIMULATED", "").lower() in {"1", "true", "yes"},
    )


def _times(source: Source, header: Header) -> tuple[datetime | None, datetime | None, tuple[Any, ...]]:
    if source.description.time:
        time = instant(source.description.time)
        return time, time, ()
    tagged = header.tags.get("MITOSHI_DATETIME")
    if tagged:
        try:
            time = instant(tagged)
        except InputError:
            raise InputError(f"{source.path.name}: tag MITOSHI_DATETIME is no ISO 8601 time: {tagged[:40]!r}") from None
        return time, time, ()
    named = guess.time_in(source.path.name)
    if named is None:
        return None, None, ()
    shown = named[0].isoformat() if named[0] == named[1] else f"{named[0]:%Y-%m-%d}"
    return *named, (guess.NAMED_TIME.format(time=shown),)


def _properties(header: Header, meaning: Meaning) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for tag, key in (("MITOSHI_PLATFORM", "platform"), ("MITOSHI_ORBIT_STATE", "sat:orbit_state")):
        if header.tags.get(tag):
            properties[key] = header.tags[tag].lower()
    orbit = header.tags.get("MITOSHI_RELATIVE_ORBIT", "")
    if orbit.isdigit():
        properties["sat:relative_orbit"] = int(orbit)
    if QUANTITIES[meaning.quantity].power:
        properties["sar:polarizations"] = [label for _, label in _chosen(meaning)]
    return properties
