"""Heights of the ground at the corners of a lattice, from the elevation models of the catalogue, the finest first.

A height depends on its place and the level alone, never on the tile it is read for: neighbouring tiles share the samples of their
common edge bit for bit. Coarser levels average whole squares of 2^n x 2^n cells counted from the corner of the elevation model.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import MitoshiError
from mitoshi.display.raster_places import pixels_of
from mitoshi.display.rasters import rasters_of
from mitoshi.sensors import guard

if TYPE_CHECKING:
    import numpy.typing as npt

    from mitoshi.display.rasters import Raster
    from mitoshi.display.source import DataSource

__all__ = ["SAMPLES", "Elevation", "Ground", "lattice"]

SAMPLES = 65
METRES_PER_DEGREE = 111_320.0  # of the equator
MOST_MODELS = 64  # elevation models of one tile
MOST_CELLS = 4_000_000  # averaged cells of one tile
MOST_SOURCE_PIXELS = 256_000_000  # under one tile, where the source has no overviews
CHUNK, CHUNKS_KEPT = 128, 256  # cells of a side; 64 KiB each
MARGIN_DEGREES = 1e-4  # by which the boxes of items may be rounded


@dataclass(frozen=True)
class Elevation:
    """One elevation model of the catalogue.

    Attributes
    ----------
    raster
        Its pixels.
    bbox
        In degrees.
    gsd
        Side of its cells [m].
    datum
        Name of its vertical reference system; "" where the file states none.
    """

    raster: Raster
    bbox: tuple[float, float, float, float]
    gsd: float
    datum: str

    @property
    def deepest(self) -> int:
        """The level at which samples lie as close as the cells."""
        return max(0, math.ceil(math.log2(_spacing_m(0) / self.gsd)))

    def meets(self, box: tuple[float, float, float, float]) -> bool:
        """Tell whether the model may reach into a box of degrees."""
        west, south, east, north = self.bbox
        across = (west <= box[2] + MARGIN_DEGREES and east >= box[0] - MARGIN_DEGREES) or west > east
        return across and south <= box[3] + MARGIN_DEGREES and north >= box[1] - MARGIN_DEGREES

    def heights(
        self, longitudes: npt.NDArray[np.float64], latitudes: npt.NDArray[np.float64], level: int
    ) -> npt.NDArray[np.float32]:
        """Return heights at places, NaN where the model has none."""
        band = self.raster.bands[0]
        nothing = np.full(longitudes.shape, np.nan, np.float32)
        near = self._near(longitudes, latitudes)
        if not near.any():
            return nothing
        with guard.reading():
            dataset = guard.borrow_raster(band.location)
            factor = 2 ** max(0, math.floor(math.log2(_spacing_m(level) / self.gsd)))
            factor = min(factor, dataset.height, dataset.width)
            rows, columns = pixels_of(dataset, longitudes[near], latitudes[near])
            with np.errstate(invalid="ignore"):
                inside = (rows >= 0) & (rows < dataset.height) & (columns >= 0) & (columns < dataset.width)
            if not inside.any():
                return nothing
            size = (dataset.height // factor, dataset.width // factor)
            y, x = rows[inside] / factor - 0.5, columns[inside] / factor - 0.5
            near[near] = inside
            window = (*_span(y, size[0]), *_span(x, size[1]))
            cells = self._cells(dataset, window, factor)
        if cells is None:
            return nothing
        nothing[near] = _bilinear(cells, y, x, window, size)
        return nothing

    def _near(self, longitudes: npt.NDArray[np.float64], latitudes: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Tell which places lie in the model's box: far away, a projection may give any coordinates."""
        west, south, east, north = self.bbox
        down = (latitudes >= south - MARGIN_DEGREES) & (latitudes <= north + MARGIN_DEGREES)
        if west > east:
            return np.asarray(down)
        return np.asarray(down & (longitudes >= west - MARGIN_DEGREES) & (longitudes <= east + MARGIN_DEGREES))

    def _cells(self, dataset: Any, window: tuple[int, int, int, int], factor: int) -> npt.NDArray[np.float32] | None:
        """Return averaged cells first row to last, first column to last; None where that would be too much to read."""
        top, bottom, left, right = window
        if (bottom - top) * (right - left) > MOST_CELLS:
            return None
        out = np.empty((bottom - top, right - left), np.float32)
        for i in range(top // CHUNK, (bottom - 1) // CHUNK + 1):
            for j in range(left // CHUNK, (right - 1) // CHUNK + 1):
                chunk = CHUNKS.get(self, dataset, factor, (i, j))
                if chunk is None:
                    return None
                y, x = max(top, i * CHUNK), max(left, j * CHUNK)
                part = chunk[y - i * CHUNK : bottom - i * CHUNK, x - j * CHUNK : right - j * CHUNK]
                out[y - top : y - top + part.shape[0], x - left : x - left + part.shape[1]] = part
        return out

    def chunk(self, dataset: Any, factor: int, place: tuple[int, int]) -> npt.NDArray[np.float32] | None:
        """Return a block of averaged cells; None where that would be too much to read."""
        from rasterio.enums import Resampling
        from rasterio.windows import Window

        top, left = (n * CHUNK for n in place)
        shape = min(CHUNK, dataset.height // factor - top), min(CHUNK, dataset.width // factor - left)
        band, pixels = self.raster.bands[0], shape[0] * shape[1] * factor**2
        if pixels > MOST_SOURCE_PIXELS and not dataset.overviews(band.number):
            return None
        averaged = factor > 1 and band.mask is None and (dataset.nodata is not None or band.mark is None)
        window = Window(left * factor, top * factor, shape[1] * factor, shape[0] * factor)
        how = Resampling.average if averaged else Resampling.nearest
        kind = dataset.dtypes[band.number - 1]
        kind = kind if kind.startswith("float") else "float32"
        stored = dataset.read(band.number, window=window, out_shape=shape, resampling=how, out_dtype=kind)
        hidden = band.hidden(dataset, window=window, out_shape=shape)
        return np.asarray(self.raster.values(stored, 0, hidden), np.float32)


class Chunks:
    """The blocks of averaged cells that were read last.

    A block is always read as a whole, so that a cell has one value, whichever tile it is read for: sums of floating-point numbers
    depend on where the window begins.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Any, ...], npt.NDArray[np.float32]] = OrderedDict()

    def get(
        self, model: Elevation, dataset: Any, factor: int, place: tuple[int, int]
    ) -> npt.NDArray[np.float32] | None:
        """Return a block of a model; None where that would be too much to read."""
        key = (model.raster.fingerprint, factor, *place)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = model.chunk(dataset, factor, place)
        if made is not None:
            with self._lock:
                self._kept[key] = made
                while len(self._kept) > CHUNKS_KEPT:
                    self._kept.popitem(last=False)
        return made


CHUNKS = Chunks()


def _span(places: npt.NDArray[np.float64], size: int) -> tuple[int, int]:
    """Return the first cell and the one behind the last that lie around places."""
    first = min(max(0, math.floor(places.min())), size - 1)
    return first, min(size, max(first, math.floor(places.max()) + 1) + 1)


def _bilinear(
    cells: npt.NDArray[np.float32],
    y: npt.NDArray[np.float64],
    x: npt.NDArray[np.float64],
    window: tuple[int, int, int, int],
    size: tuple[int, int],
) -> npt.NDArray[np.float32]:
    """Return values between the centres of cells; missing ones are left out, beyond the outer centres the rim goes on."""
    top, _, left, _ = window
    row, column = np.floor(y), np.floor(x)
    total, weight = np.zeros(y.shape), np.zeros(y.shape)
    for down in (0, 1):
        for right in (0, 1):
            r = np.clip(row + down, 0, size[0] - 1).astype(np.intp) - top
            c = np.clip(column + right, 0, size[1] - 1).astype(np.intp) - left
            value = cells[r, c].astype(np.float64)
            share = np.abs(1 - down - (y - row)) * np.abs(1 - right - (x - column))
            share = np.where(np.isfinite(value), share, 0.0)
            total += np.where(share > 0, value, 0.0) * share
            weight += share
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(weight > 0, total / np.where(weight > 0, weight, 1), np.nan), np.float32)


def _spacing_m(level: int) -> float:
    """Return the distance of two samples along a meridian."""
    return float(180.0 / 2**level / (SAMPLES - 1) * METRES_PER_DEGREE)


def lattice(level: int, x: int, y: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return longitudes (west to east) and latitudes (north to south) of a tile's samples, its edges included.

    Counted on one lattice of the whole Earth, so that the samples of a common edge are the same numbers.
    """
    steps = SAMPLES - 1
    unit = 180.0 / (steps * 2**level)
    longitudes = -180.0 + (x * steps + np.arange(SAMPLES)) * unit
    latitudes = 90.0 - (y * steps + np.arange(SAMPLES)) * unit
    return longitudes, latitudes


class Ground:
    """The elevation models of a catalogue, found anew when it changes."""

    def __init__(self, source: DataSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._state: tuple[int, int] | None = None
        self._models: tuple[Elevation, ...] = ()

    def models(self) -> tuple[tuple[int, int], tuple[Elevation, ...]]:
        """Return what changes when the catalogue does, and its elevation models: the finest first, then the latest."""
        with self._lock:
            state = self._present()
            if state != self._state:
                self._models, self._state = self._found(), state
            return state, self._models

    def heights(self, level: int, x: int, y: int) -> npt.NDArray[np.float32]:
        """Return the heights of a tile, (65, 65) from north to south; 0 where none is known.

        Raises
        ------
        InputError
            If a file is damaged.
        """
        across, down = lattice(level, x, y)
        box = (float(across[0]), float(down[-1]), float(across[-1]), float(down[0]))
        longitudes, latitudes = np.meshgrid(across, down)
        out = np.full((SAMPLES, SAMPLES), np.nan, np.float32)
        for model in [m for m in self.models()[1] if m.meets(box)][:MOST_MODELS]:
            missing = np.isnan(out)
            if not missing.any():
                break
            out[missing] = model.heights(longitudes[missing], latitudes[missing], level)
        return np.nan_to_num(out, nan=0.0)

    def _present(self) -> tuple[int, int]:
        try:
            status = (self._source.catalogue.folder / "manifest.json").stat()
        except OSError:
            return (0, 0)
        return status.st_mtime_ns, status.st_ino

    def _found(self) -> tuple[Elevation, ...]:
        if not (self._source.catalogue.folder / "manifest.json").exists():
            return ()
        items = self._source.catalogue.search(quantity="elevation")
        found: list[Elevation] = []
        for item in reversed(items):
            if item.bbox is None or "mitoshi:bundle" in item.properties:
                continue
            try:
                raster = rasters_of(self._source).get(item.collection_id or "", item.id, "data")
                gsd, datum = _described(raster)
            except MitoshiError:
                continue
            west, south, east, north = item.bbox[:4]
            found.append(Elevation(raster, (west, south, east, north), gsd, datum))
        return tuple(sorted(found, key=lambda model: model.gsd))


def _described(raster: Raster) -> tuple[float, str]:
    """Return the side of an elevation model's cells [m] and its vertical reference system."""
    from odc.geo.geobox import GeoBox
    from pyproj import CRS

    from mitoshi.core.errors import InputError
    from mitoshi.sensors.lazy import pixel_size_m

    with guard.open_raster(raster.bands[0].location) as dataset:
        if dataset.crs is None or raster.quantity != "elevation":
            raise InputError("it has no place on the map")
        wkt = dataset.crs.to_wkt()
        side = pixel_size_m(GeoBox((dataset.height, dataset.width), dataset.transform, wkt))
    parts = CRS.from_wkt(wkt).sub_crs_list
    vertical = next((part.name for part in parts if part.is_vertical), "")
    return float(side or raster.item.properties.get("gsd") or 30.0), str(vertical)
