"""Plain GeoTIFF, COG, PNG, JPEG and JPEG 2000 images, described by the user, by their own tags, or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitoshi.core.carried import TAG, texts_of
from mitoshi.core.errors import InputError
from mitoshi.core.quantity import QUANTITIES
from mitoshi.core.requirement import instant
from mitoshi.sensors import guard, guess, stac
from mitoshi.sensors.bands import bands_to_read, checked_meaning, decodes_of, turned_over
from mitoshi.sensors.header import Band, Header, Sample, read_header, read_sample, same_values
from mitoshi.sensors.lazy import BandReader, lazy_array, pixel_size_m
from mitoshi.sensors.observation import Observation
from mitoshi.sensors.placing import NO_CRS, checked_crs
from mitoshi.sensors.plausible import check_of
from mitoshi.sensors.preview import looked_at
from mitoshi.sensors.sidecars import check_auxiliary, world_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import pystac
    import xarray as xr
    from odc.geo.geobox import GeoBox

    from mitoshi.core.text import Text
    from mitoshi.sensors.guess import Meaning
    from mitoshi.sensors.lazy import Check, Decode
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
        header = _header(source, location)
        return [stac.make_item(source, _parts(source, header, _meaning(source, location, header)))]

    def open(self, source: Source) -> Observation:
        """Return the one observation."""
        location = guard.Location(str(source.path))
        header = _header(source, location)
        meaning = _meaning(source, location, header)
        readers = band_readers(source, location, header, meaning)
        meaning = replace(meaning, assumptions=(*meaning.assumptions, *looked_at(readers, header, source.description)))
        parts = _parts(source, header, meaning)
        layer = _layer(readers, header, meaning)
        return Observation(
            {meaning.quantity: layer}, stac.make_item(source, parts), stac.assumed(parts), (source.path,)
        )


READER = RasterReader()


def _header(source: Source, location: guard.Location) -> Header:
    """Return what the file says, with the CRS that the user states where the file states none."""
    header, said = read_header(location), source.description.crs
    check_auxiliary(location, header, source.description)
    if said is None:
        return header
    stated = checked_crs(said, source.path.name)
    if header.wkt is not None and header.wkt != stated:
        raise InputError(
            f"{source.path.name}: the file says that its CRS is {header.wkt[:60]}, '#crs={said}' says another; leave '#crs' "
            "out, or correct the file (gdal_edit.py -a_srs EPSG:…)"
        )
    if header.transform is None:
        raise InputError(
            f"{source.path.name} has no coordinates to which '#crs={said}' could apply; georeference it first"
        )
    return replace(header, wkt=stated)


def _meaning(source: Source, location: guard.Location, header: Header) -> Meaning:
    def sample() -> Sample:
        plain = _readers(
            location, header, decodes_of(header, source.description, range(header.count)), range(header.count)
        )
        seen = read_sample(plain[0])
        return replace(seen, grey=header.count == 3 and same_values(plain))

    meaning = checked_meaning(source, source.path.stem, header, sample)
    _, turned = turned_over(source.path.name, header, source.description, meaning.quantity, ())
    return replace(meaning, assumptions=(*meaning.assumptions, *turned))


def _readers(
    location: guard.Location,
    header: Header,
    decodes: Sequence[Decode | None],
    bands: Iterable[int],
    check: Check | None = None,
) -> list[BandReader]:
    return [
        BandReader(
            location,
            header.bands[n].number,
            header.shape,
            decode,
            header.bands[n].dtype if decode is None else "float32",
            mask=header.mask,
            fill=_fill(header.bands[n]),
            check=check,
        )
        for n, decode in zip(bands, decodes, strict=True)
    ]


def _fill(band: Band) -> int:
    """Return the code that stands for what a mask hides: the declared one, or 0."""
    return int(band.nodata) if band.nodata is not None and band.nodata.is_integer() else 0


def band_readers(source: Source, location: guard.Location, header: Header, meaning: Meaning) -> list[BandReader]:
    """Return one window reader per named band, co-polarisation first."""
    bands = [number - 1 for number, _ in bands_to_read(meaning)]
    said = source.description
    decodes: list[Any] = [None] * len(bands) if meaning.coded else decodes_of(header, said, bands)
    decodes, _ = turned_over(source.path.name, header, said, meaning.quantity, decodes)
    return _readers(location, header, decodes, bands, check_of(source.path.name, meaning.quantity, meaning.units))


def _layer(bands: Sequence[BandReader], header: Header, meaning: Meaning) -> xr.DataArray:
    readers: list[Any] = list(bands)
    grid = _grid(header)
    if header.wkt is None and header.control_points:
        from mitoshi.sensors.geocode import Geocoded, GeolocationGrid

        tie_points = GeolocationGrid.from_control_points(header)
        readers = [Geocoded.of(reader, tie_points, grid) for reader in readers]
    attrs = {"quantity": meaning.quantity, "units": meaning.units}
    return lazy_array(
        readers, grid, axis=meaning.axis, labels=[label for _, label in bands_to_read(meaning)], attrs=attrs
    )


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
        assumptions=(*meaning.assumptions, *more, *_unread(source, header), *texts_of(header.tags.get(TAG))),
        nowhere=NO_CRS if header.wkt is None and header.transform is not None else None,
        simulated=header.tags.get("MITOSHI_SIMULATED", "").lower() in {"1", "true", "yes"},
    )


def _unread(source: Source, header: Header) -> tuple[Text, ...]:
    return () if header.transform or header.control_points else world_file(guard.Location(str(source.path)))


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
        properties["sar:polarizations"] = [label for _, label in bands_to_read(meaning)]
    return properties
