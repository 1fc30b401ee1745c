"""What a raster file says of itself, read once and kept as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.sensors import guard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odc.geo.geobox import GeoBox

__all__ = ["Header", "Sample", "read_header", "read_sample"]

SAMPLE_SIDE, SAMPLE_WINDOWS = 256, 3  # three by three windows tell decibels from power


@dataclass(frozen=True)
class Header:
    """Shape, georeference, bands and tags of a raster file.

    Attributes
    ----------
    shape
        (rows, columns).
    dtype
        Data type of the first band.
    count
        Number of bands.
    nodata
        The declared value of the first band, or None.
    scale, offset
        As declared for the first band.
    band_names
        Band descriptions, or None where a band has none.
    tags
        Metadata of the dataset.
    transform
        Affine transform, or None without georeference.
    wkt
        Coordinate reference system, as ``EPSG:…`` where it is exactly that one, or None.
    control_points
        Rows of (line, pixel, longitude-like, latitude-like) of ground control points, or None.
    control_wkt
        Their coordinate reference system.
    """

    shape: tuple[int, int]
    dtype: str
    count: int
    nodata: float | None
    scale: float
    offset: float
    band_names: tuple[str | None, ...]
    tags: Mapping[str, str]
    transform: tuple[float, ...] | None
    wkt: str | None
    control_points: tuple[tuple[float, float, float, float], ...] = ()
    control_wkt: str | None = None

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


def read_header(location: guard.Location) -> Header:
    """Return what the file says of itself.

    Raises
    ------
    InputError
        If it is damaged; see `mitoshi.sensors.guard.open_raster` for the rest.
    """
    with guard.open_raster(location) as dataset:
        points, points_crs = dataset.gcps
        placed = dataset.crs is not None and not dataset.transform.is_identity
        return Header(
            shape=(dataset.height, dataset.width),
            dtype=dataset.dtypes[0],
            count=dataset.count,
            nodata=None if dataset.nodata is None else float(dataset.nodata),
            scale=float(dataset.scales[0]),
            offset=float(dataset.offsets[0]),
            band_names=tuple(dataset.descriptions),
            tags=dict(dataset.tags()),
            transform=tuple(dataset.transform)[:6] if placed else None,
            wkt=_crs_text(dataset.crs) if placed else None,
            control_points=tuple((p.row, p.col, p.x, p.y) for p in points),
            control_wkt=_crs_text(points_crs) if points_crs else None,
        )


def _crs_text(crs: Any) -> str:
    from rasterio.crs import CRS

    code = crs.to_epsg()
    return f"EPSG:{code}" if code is not None and CRS.from_epsg(code) == crs else str(crs.to_wkt())


def read_sample(location: guard.Location, header: Header, band: int = 1) -> Sample:
    """Return extremes of nine windows spread over the scene."""
    from mitoshi.sensors.lazy import Decode, read_window

    marks = () if header.nodata is None else (header.nodata,)
    decode = Decode(nodata=marks)
    seen: list[np.ndarray[Any, Any]] = []
    for y in _starts(header.shape[0]):
        for x in _starts(header.shape[1]):
            values = decode(read_window(location, band, _clip(y, header.shape[0]), _clip(x, header.shape[1])))
            seen.append(values[np.isfinite(values)])
    values = np.concatenate(seen)
    if not values.size:
        return Sample(float("nan"), float("nan"), 0.0)
    return Sample(float(values.min()), float(values.max()), float((values < 0).mean()))


def _starts(size: int) -> list[int]:
    if size <= SAMPLE_SIDE * SAMPLE_WINDOWS:
        return list(range(0, size, SAMPLE_SIDE))
    return [(size - SAMPLE_SIDE) * n // (SAMPLE_WINDOWS - 1) for n in range(SAMPLE_WINDOWS)]


def _clip(start: int, size: int) -> slice:
    return slice(start, min(size, start + SAMPLE_SIDE))
