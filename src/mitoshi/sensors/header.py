"""What a raster file says of itself, read once and kept as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.sensors import guard
from mitoshi.sensors.masks import mask_of
from mitoshi.sensors.placing import crs_text, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from odc.geo.geobox import GeoBox

    from mitoshi.sensors.lazy import WindowReader
    from mitoshi.sensors.masks import Mask

__all__ = ["Band", "Header", "Sample", "read_header", "read_sample", "same_values"]

MOST_CLASSES = 12
SAMPLE_SIDE, SAMPLE_WINDOWS = 256, 3  # three by three windows tell decibels from power


@dataclass(frozen=True)
class Band:
    """What the file says of one band of measurements.

    Attributes
    ----------
    number
        From 1; an alpha band has a number too, but is no band of measurements.
    dtype
        Data type.
    nodata
        The declared "no data" value, or None.
    scale, offset
        As declared.
    unit
        As written in the file, in the band or in a tag, or None.
    colour
        Colour interpretation, such as "gray", "red" or "palette"; a palette of plain greys is "gray".
    name
        Description, or None.
    missing
        More values that mean "no data", where a format may state several.
    """

    number: int
    dtype: str
    nodata: float | None = None
    scale: float = 1.0
    offset: float = 0.0
    unit: str | None = None
    colour: str = "undefined"
    name: str | None = None
    missing: tuple[float, ...] = ()

    @property
    def nodatas(self) -> tuple[float, ...]:
        """Every declared value that means "no data"."""
        return (() if self.nodata is None else (self.nodata,)) + self.missing


@dataclass(frozen=True)
class Header:
    """Shape, georeference, bands and tags of a raster file.

    Attributes
    ----------
    shape
        (rows, columns).
    bands
        Those that hold measurements; the alpha band is none.
    tags
        Metadata of the dataset.
    transform
        Affine transform, or None without georeference.
    wkt
        Coordinate reference system, as ``EPSG:…`` where it is exactly that one, or None.
    mask
        What the file's internal mask or alpha band hides, or None.
    vertical_unit
        Unit of the vertical axis of a compound reference system, or None.
    control_points
        Rows of (line, pixel, longitude-like, latitude-like) of ground control points, or None.
    control_wkt
        Their coordinate reference system.
    white_is_least
        Whether grey values run from white to black (TIFF's photometric interpretation MinIsWhite).
    """

    shape: tuple[int, int]
    bands: tuple[Band, ...]
    tags: Mapping[str, str]
    transform: tuple[float, ...] | None
    wkt: str | None
    mask: Mask | None = None
    vertical_unit: str | None = None
    control_points: tuple[tuple[float, float, float, float], ...] = ()
    control_wkt: str | None = None
    white_is_least: bool = False

    @property
    def count(self) -> int:
        """Number of bands of measurements."""
        return len(self.bands)

    @property
    def dtype(self) -> str:
        """Data type of the first band."""
        return self.bands[0].dtype

    @property
    def nodata(self) -> float | None:
        """The declared value of the first band, or None."""
        return self.bands[0].nodata

    @property
    def scale(self) -> float:
        """As declared for the first band."""
        return self.bands[0].scale

    @property
    def offset(self) -> float:
        """As declared for the first band."""
        return self.bands[0].offset

    @property
    def band_names(self) -> tuple[str | None, ...]:
        """Band descriptions, or None where a band has none."""
        return tuple(band.name for band in self.bands)

    @property
    def grid(self) -> GeoBox:
        """The grid of the pixels; without a CRS in pixel indices."""
        from affine import Affine
        from odc.geo.geobox import GeoBox

        if self.wkt is None or self.transform is None:
            return GeoBox(self.shape, Affine.identity(), None)
        return GeoBox(self.shape, Affine(*self.transform), self.wkt)


@dataclass(frozen=True)
class Sample:
    """Extremes of a few windows of one band; NaN where nothing was seen."""

    lowest: float
    highest: float
    negative_share: float
    classes: tuple[float, ...] = ()  # the only values, where there are a few whole numbers
    grey: bool = False  # whether three bands of colour are equal
    whole: bool = False  # whether every value is a whole number


def read_header(location: guard.Location) -> Header:
    """Return what the file says of itself.

    Raises
    ------
    InputError
        If it is damaged; see `mitoshi.sensors.guard.open_raster` for the rest.
    """
    with guard.open_raster(location) as dataset:
        mask = mask_of(dataset, location)
        bands = tuple(
            _band(dataset, n)
            for n in range(1, dataset.count + 1)
            if mask is None or dataset.colorinterp[n - 1].name != "alpha"
        )
        if not bands:
            raise InputError(f"{location.name} holds an alpha band only; give the file with the pixels")
        points, points_crs = dataset.gcps
        return Header(
            shape=(dataset.height, dataset.width),
            bands=bands,
            tags=dict(dataset.tags()),
            **place_of(dataset, location.name),
            mask=mask,
            control_points=tuple((p.row, p.col, p.x, p.y) for p in points),
            control_wkt=crs_text(points_crs) if points_crs else None,
            white_is_least=dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES",
        )


def _band(dataset: Any, number: int) -> Band:
    n = number - 1
    nodata = dataset.nodatavals[n]
    return Band(
        number=number,
        dtype=dataset.dtypes[n],
        nodata=None if nodata is None else float(nodata),
        scale=float(dataset.scales[n]),
        offset=float(dataset.offsets[n]),
        unit=_unit(dataset, number),
        colour=_colour(dataset, number),
        name=dataset.descriptions[n],
    )


def _unit(dataset: Any, number: int) -> str | None:
    """Return the unit of a band: its own, or that of a tag, as libraries write it that keep the attributes of NetCDF."""
    tags = {name.lower(): text for of in (dataset.tags(), dataset.tags(number)) for name, text in of.items()}
    stated = (dataset.units[number - 1] or "", tags.get("units", ""), tags.get("unit", ""))
    return next((text.strip() for text in stated if text.strip()), None)


def _colour(dataset: Any, number: int) -> str:
    colour = str(dataset.colorinterp[number - 1].name)
    if colour != "palette":
        return colour
    try:
        entries = dataset.colormap(number)
    except ValueError:
        return colour
    return "gray" if all(c[:3] == (i, i, i) for i, c in entries.items() if c[3]) else colour


def read_sample(reader: WindowReader) -> Sample:
    """Return extremes of nine windows spread over the scene, in the reader's units."""
    seen: list[np.ndarray[Any, Any]] = []
    for y in _starts(reader.shape[0]):
        for x in _starts(reader.shape[1]):
            values = reader.read(_clip(y, reader.shape[0]), _clip(x, reader.shape[1]))
            seen.append(values[np.isfinite(values)])
    values = np.concatenate(seen)
    if not values.size:
        return Sample(float("nan"), float("nan"), 0.0)
    some = np.unique(values)
    whole = np.array_equal(some, np.rint(some))
    classes = tuple(some.tolist()) if whole and 2 <= some.size <= MOST_CLASSES else ()
    return Sample(
        float(values.min()),
        float(values.max()),
        float((values < 0).mean()),
        classes if values.size >= 1000 else (),
        whole=whole,
    )


def same_values(readers: Sequence[WindowReader]) -> bool:
    """Return whether several bands hold the same values in a sample, as a grey picture stored in colour does."""
    rows, columns = readers[0].shape
    for y in _starts(rows):
        for x in _starts(columns):
            first, *others = (reader.read(_clip(y, rows), _clip(x, columns)) for reader in readers)
            if not all(np.array_equal(first, other, equal_nan=True) for other in others):
                return False
    return True


def _starts(size: int) -> list[int]:
    if size <= SAMPLE_SIDE * SAMPLE_WINDOWS:
        return list(range(0, size, SAMPLE_SIDE))
    return [(size - SAMPLE_SIDE) * n // (SAMPLE_WINDOWS - 1) for n in range(SAMPLE_WINDOWS)]


def _clip(start: int, size: int) -> slice:
    return slice(start, min(size, start + SAMPLE_SIDE))
