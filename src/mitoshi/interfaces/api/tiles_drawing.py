"""One tile: read through rio-tiler from a guarded dataset, coloured, and written as PNG.

GDAL runs here without its VRT driver (a VRT file reads any file of the machine), and rio-tiler's `Reader.tile` opens one to learn
how fine a source is in Web Mercator. That is computed here instead, and rio-tiler's `read` is given the grid of the tile.
"""

from __future__ import annotations

import math
import struct
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.interfaces.api.legend import Classes, Picture, Ramp
from mitoshi.interfaces.api.tiles_grid import metres_of
from mitoshi.sensors import guard

if TYPE_CHECKING:
    import numpy.typing as npt

    from mitoshi.interfaces.api.legend import Style
    from mitoshi.interfaces.api.raster_access import Band, Raster

__all__ = ["Place", "blank", "draw", "place_of", "png"]

MOST_SOURCE_PIXELS = 64_000_000  # under one tile, where the source has no overviews
COMPRESSION = 1  # of zlib: level 6 makes a tile a tenth smaller in four times the time


class Place(NamedTuple):
    """Where a source lies in Web Mercator: west, south, east, north [m], the side of its pixel [m], its overviews."""

    bounds: tuple[float, float, float, float]
    resolution: float
    overviews: tuple[int, ...]
    pixels: int

    def meets(self, bounds: tuple[float, float, float, float]) -> bool:
        """Tell whether the source reaches into a box."""
        west, south, east, north = self.bounds
        return west < bounds[2] and bounds[0] < east and south < bounds[3] and bounds[1] < north

    @property
    def shallowest(self) -> int:
        """The first level of which a tile can be drawn without reading far too much."""
        coarsest = self.overviews[-1] if self.overviews else 1
        if self.pixels / coarsest**2 <= MOST_SOURCE_PIXELS:
            return 0
        side = math.sqrt(MOST_SOURCE_PIXELS) * coarsest * self.resolution
        return max(0, math.ceil(math.log2(2 * math.pi * 6378137.0 / side)))


def place_of(raster: Raster) -> Place:
    """Return where a raster lies.

    Raises
    ------
    InputError
        If it has no place on the map.
    """
    return _place(raster.bands[0].location, raster.fingerprint)


@lru_cache(maxsize=4096)
def _place(location: guard.Location, _fingerprint: str) -> Place:
    from pyproj import CRS, Transformer

    with guard.open_raster(location) as dataset:
        if dataset.crs is None:
            raise InputError("it has no georeference")
        transformer = Transformer.from_crs(CRS.from_wkt(dataset.crs.to_wkt()).to_2d(), "EPSG:3857", always_xy=True)
        west, south, east, north = transformer.transform_bounds(*_mappable(dataset), densify_pts=21)
        width, height = dataset.width, dataset.height
        overviews = tuple(dataset.overviews(1))
    if not all(map(math.isfinite, (west, south, east, north))) or west >= east:
        raise InputError("it cannot be placed on the map")
    return Place((west, south, east, north), max((east - west) / width, 1e-3), overviews, width * height)


def _mappable(dataset: Any) -> tuple[float, float, float, float]:
    """Return the bounds of a dataset without the poles, which Web Mercator cannot show."""
    west, south, east, north = dataset.bounds
    if dataset.crs.is_geographic:
        return max(west, -180.0), max(south, -85.06), min(east, 180.0), min(north, 85.06)
    return west, south, east, north


def draw(raster: Raster, tile: tuple[int, int, int], side: int, rescale: tuple[float, float] | None = None) -> bytes:
    """Return one tile as PNG.

    Parameters
    ----------
    raster
        What is drawn.
    tile
        Level, column, row.
    side
        Pixels of a side.
    rescale
        Values of the first and last colour, in place of the layer's own.

    Returns
    -------
    A wholly transparent tile where the raster does not reach, or is too large to be drawn at this level.

    Raises
    ------
    InputError
        If the file is damaged or has no georeference.
    """
    bounds, place = metres_of(*tile), place_of(raster)
    if not place.meets(bounds) or tile[0] < place.shallowest:
        return blank(side)
    style: Style = raster.style
    if rescale is not None and isinstance(style, Ramp):
        style = Ramp(rescale, style.colours, style.units, style.bare_zero)
    elif rescale is not None and isinstance(style, Picture):
        style = Picture(rescale)
    if isinstance(style, Classes):
        codes = _read(raster.bands[0], bounds, side, place, "nearest", style.free[0])
        if codes.dtype != np.uint8:
            codes = np.where((codes >= 0) & (codes < 256), codes, style.free[0]).astype(np.uint8)
        return png(*style.painted(codes))
    values = [
        raster.values(_read(band, bounds, side, place, "bilinear", band.mark), n).astype(np.float32, copy=False)
        for n, band in enumerate(raster.bands)
    ]
    if isinstance(style, Picture):
        return png_in_colour(style.painted(np.stack(values)))
    return png(*style.painted(values[0]))


def _read(
    band: Band,
    bounds: tuple[float, float, float, float],
    side: int,
    place: Place,
    method: Literal["nearest", "bilinear"],
    nodata: float | None,
) -> npt.NDArray[Any]:
    """Return the stored numbers of one band under a tile; `nodata`, or NaN, where there are none."""
    from rasterio.errors import RasterioError
    from rasterio.transform import from_bounds
    from rio_tiler.reader import read

    n = side * _refinement((bounds[2] - bounds[0]) / side, place)
    with guard.reading():
        dataset = guard.borrow_raster(band.location)
        grid = {"crs": _web_mercator(), "transform": from_bounds(*bounds, n, n), "width": n, "height": n}
        try:
            image = read(
                dataset,
                indexes=band.number,
                width=side,
                height=side,
                nodata=nodata,
                vrt_options={**grid, "dtype": dataset.dtypes[band.number - 1]},
                resampling_method=method,
                reproject_method=method,
            )
        except (RasterioError, MemoryError) as error:
            raise InputError(
                f"{band.location.name} is damaged or cut short; fetch it again ({type(error).__name__})"
            ) from None
    stored: npt.NDArray[Any] = image.array.data[0]
    if nodata is None:
        hidden = np.ma.getmaskarray(image.array)[0]
        stored = np.where(hidden, np.float32(np.nan), stored.astype(np.float32))
    return stored


def _refinement(tile_resolution: float, place: Place) -> int:
    """Return by how much the grid of the warp is finer than the tile.

    Where it is as fine as the source, GDAL takes the overview that fits. Without overviews the warp reads the same pixels either
    way, and averages them in a fifth of the time on the grid of the tile itself.
    """
    if not place.overviews or tile_resolution <= place.resolution:
        return 1
    return int(min(2 ** math.ceil(math.log2(tile_resolution / place.resolution)), 2**16))


@lru_cache(maxsize=1)
def _web_mercator() -> Any:
    from rasterio.crs import CRS

    return CRS.from_epsg(3857)


def png(indices: npt.NDArray[np.uint8], palette: npt.NDArray[np.uint8]) -> bytes:
    """Return a palette PNG (ISO/IEC 15948), without colours that lie behind the last one used.

    Parameters
    ----------
    indices
        (rows, columns).
    palette
        (256, 4): red, green, blue, opacity.
    """
    used = int(indices.max()) + 1
    head = _chunk(b"PLTE", palette[:used, :3].tobytes()) + _chunk(b"tRNS", palette[:used, 3].tobytes())
    return _png(indices, 3, head)


def png_in_colour(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return a PNG of (rows, columns, 4) colours with opacity."""
    rows, columns = pixels.shape[:2]
    flat = pixels.reshape(rows, columns * 4).copy()
    flat[:, 4:] -= pixels.reshape(rows, columns * 4)[:, :-4]  # filter 1: the difference to the pixel on the left
    return _png(flat, 6, b"", columns, 1)


def _png(rows: npt.NDArray[np.uint8], colour: int, head: bytes, width: int | None = None, filtered: int = 0) -> bytes:
    lines = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    lines[:, 0], lines[:, 1:] = filtered, rows
    size = struct.pack(">IIBBBBB", width or rows.shape[1], rows.shape[0], 8, colour, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", size),
            head,
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), COMPRESSION)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@lru_cache(maxsize=2)
def blank(side: int) -> bytes:
    """Return a wholly transparent tile."""
    return png(np.zeros((side, side), np.uint8), np.zeros((256, 4), np.uint8))
