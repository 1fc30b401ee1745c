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
from mitoshi.display.legend import Classes, Picture, Ramp
from mitoshi.display.raster_places import pixels_of
from mitoshi.display.tile_grid import metres_of
from mitoshi.sensors import guard

if TYPE_CHECKING:
    import numpy.typing as npt

    from mitoshi.display.legend import Style
    from mitoshi.display.rasters import Band, Raster

__all__ = ["Place", "blank", "draw", "place_of", "png"]

MOST_SOURCE_PIXELS = 64_000_000  # under one tile, where the source has no overviews
RADIUS_M, LAST_LATITUDE = 6_378_137.0, 85.06  # of Web Mercator, which does not show the poles
MASK_SIDE = 4  # pixels of a mask that are read for one of a tile, per axis, at most
COMPRESSION = 1  # of zlib: level 6 makes a tile a tenth smaller in four times the time


class Place(NamedTuple):
    """Where a source lies in Web Mercator.

    Attributes
    ----------
    boxes
        West, south, east, north [m]; two where it crosses the antimeridian.
    resolution
        Side of its pixel [m of the map].
    overviews
        Their factors.
    pixels
        Their number.
    turns
        Whole turns of longitude by which its degrees are shifted to lie from -180 to 180; 0 alone in a projection.
    """

    boxes: tuple[tuple[float, float, float, float], ...]
    resolution: float
    overviews: tuple[int, ...]
    pixels: int
    turns: tuple[int, ...] = (0,)

    def meets(self, bounds: tuple[float, float, float, float]) -> bool:
        """Return whether the source reaches into a box."""
        return any(
            west < bounds[2] and bounds[0] < east and south < bounds[3] and bounds[1] < north
            for west, south, east, north in self.boxes
        )

    @property
    def shallowest(self) -> int:
        """The first level of which a tile can be drawn without reading far too much."""
        coarsest = self.overviews[-1] if self.overviews else 1
        if self.pixels / coarsest**2 <= MOST_SOURCE_PIXELS:
            return 0
        side = math.sqrt(MOST_SOURCE_PIXELS) * coarsest * self.resolution
        return max(0, math.ceil(math.log2(2 * math.pi * RADIUS_M / side)))


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
    from odc.geo.geobox import GeoBox

    from mitoshi.core.cells import pixel_side_m
    from mitoshi.sensors.footprint import footprint_of_grid

    with guard.open_raster(location) as dataset:
        if dataset.crs is None:
            raise InputError("it has no georeference")
        shape, geographic = (dataset.height, dataset.width), dataset.crs.is_geographic
        grid = GeoBox(shape, dataset.transform, dataset.crs.to_wkt())
        left, right = sorted((dataset.transform.c, dataset.transform.c + dataset.transform.a * dataset.width))
        overviews = tuple(dataset.overviews(1))
    lies, side = footprint_of_grid(grid), pixel_side_m(grid)
    if lies is None or side is None:
        raise InputError("it cannot be placed on the map")
    west, south, east, north = lies[1]
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    down, up = (_northing(min(max(latitude, -LAST_LATITUDE), LAST_LATITUDE)) for latitude in (south, north))
    boxes = tuple((math.radians(w) * RADIUS_M, down, math.radians(e) * RADIUS_M, up) for w, e in spans)
    stretched = math.cos(math.radians(min(abs((south + north) / 2), LAST_LATITUDE)))
    turns = tuple(n for n in range(-2, 3) if left + 360 * n < 180 and right + 360 * n > -180) if geographic else (0,)
    return Place(boxes, max(side / stretched, 1e-3), overviews, shape[0] * shape[1], turns or (0,))


def _northing(latitude: float) -> float:
    return RADIUS_M * math.asinh(math.tan(math.radians(latitude)))


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
        return png(*style.painted(_codes(raster, style, bounds, side, place)))
    values = [
        raster.values(_read(band, bounds, side, place, "bilinear", band.mark), n, _hidden(band, bounds, side)).astype(
            np.float32, copy=False
        )
        for n, band in enumerate(raster.bands)
    ]
    if isinstance(style, Picture):
        return png_in_colour(style.painted(np.stack(values)))
    return png(*style.painted(values[0]))


def _codes(
    raster: Raster, style: Classes, bounds: tuple[float, float, float, float], side: int, place: Place
) -> npt.NDArray[np.uint8]:
    """Return the codes under a tile; one that means nothing where there are none."""
    band, outside = raster.bands[0], style.free[0]
    if band.decode is None:
        codes = _read(band, bounds, side, place, "nearest", outside)
    else:
        values = raster.values(_read(band, bounds, side, place, "nearest", band.mark))
        codes = np.where(np.isfinite(values), np.rint(np.nan_to_num(values)), outside)
    hidden = _hidden(band, bounds, side)
    if hidden is not None:
        codes = np.where(hidden, codes.dtype.type(outside), codes)
    return np.where((codes >= 0) & (codes < 256), codes, outside).astype(np.uint8)


def _hidden(band: Band, bounds: tuple[float, float, float, float], side: int) -> npt.NDArray[np.bool_] | None:
    """Return True for the pixels of a tile that touch what the file's mask hides, and outside; None without a mask."""
    from rasterio.windows import Window

    if band.mask is None:
        return None
    west, south, east, north = bounds
    across = west + (np.arange(side) + 0.5) * (east - west) / side
    down = north - (np.arange(side) + 0.5) * (north - south) / side
    longitudes, latitudes = np.meshgrid(np.degrees(across / RADIUS_M), np.degrees(np.arctan(np.sinh(down / RADIUS_M))))
    out = np.ones((side, side), bool)
    with guard.reading():
        dataset = guard.borrow_raster(band.location)
        rows, columns = pixels_of(dataset, longitudes, latitudes)
        with np.errstate(invalid="ignore"):
            inside = (rows >= 0) & (rows < dataset.height) & (columns >= 0) & (columns < dataset.width)
        if not inside.any():
            return out
        y, x = rows[inside], columns[inside]
        top, left = max(0, int(y.min()) - 1), max(0, int(x.min()) - 1)
        size = min(dataset.height, int(y.max()) + 2) - top, min(dataset.width, int(x.max()) + 2) - left
        shape = min(size[0], MASK_SIDE * side), min(size[1], MASK_SIDE * side)
        hidden = band.mask.hidden(dataset, band.number, window=Window(left, top, size[1], size[0]), out_shape=shape)
    y, x = (y - top) * shape[0] / size[0] - 0.5, (x - left) * shape[1] / size[1] - 0.5
    touched = np.zeros(y.shape, bool)
    for over, right in ((0, 0), (0, 1), (1, 0), (1, 1)):  # the pixels between which values are interpolated
        r = np.clip(np.floor(y).astype(np.intp) + over, 0, shape[0] - 1)
        touched |= hidden[r, np.clip(np.floor(x).astype(np.intp) + right, 0, shape[1] - 1)]
    out[inside] = touched
    return out


def _read(
    band: Band,
    bounds: tuple[float, float, float, float],
    side: int,
    place: Place,
    method: Literal["nearest", "bilinear"],
    nodata: float | None,
) -> npt.NDArray[Any]:
    """Return the stored numbers of one band under a tile; `nodata`, or NaN, where there are none.

    A raster that counts degrees in another turn is read in each turn in which it may lie.
    """
    parts = [_read_turn(band, bounds, side, place, method, nodata, turn) for turn in place.turns]
    out, empty = parts[0]
    for stored, hidden in parts[1:]:
        out, empty = np.where(empty & ~hidden, stored, out), empty & hidden
    return out


def _read_turn(
    band: Band,
    bounds: tuple[float, float, float, float],
    side: int,
    place: Place,
    method: Literal["nearest", "bilinear"],
    nodata: float | None,
    turn: int,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Return stored numbers under a tile with the raster shifted by whole turns, and where there are none."""
    from affine import Affine
    from rasterio.errors import RasterioError
    from rasterio.transform import from_bounds
    from rio_tiler.reader import read

    n = side * _refinement((bounds[2] - bounds[0]) / side, place)
    with guard.reading():
        dataset = guard.borrow_raster(band.location)
        if nodata is None and band.mask is not None:  # the mask itself says what is hidden, whatever its type
            nodata = math.nan if dataset.dtypes[band.number - 1].startswith("float") else 0
        # The least alpha is opaque to GDAL, which would take 1 of a floating-point alpha for 1/255.
        opaque = {"SRC_ALPHA_MAX": "1e-6"} if band.mask is not None and band.mask.alpha else {}
        shifted = {"src_transform": Affine.translation(360.0 * turn, 0.0) @ dataset.transform} if turn else {}
        grid = {
            **shifted,
            **opaque,
            "crs": _web_mercator(),
            "transform": from_bounds(*bounds, n, n),
            "width": n,
            "height": n,
        }
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
    hidden = np.ma.getmaskarray(image.array)[0]
    if nodata is None:
        stored = np.where(hidden, np.float32(np.nan), stored.astype(np.float32))
    return stored, hidden


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
