"""Rasters of the catalogue for display: which bands lie behind an address, how they are decoded, and their pixels.

The readers of `mitoshi.sensors` say what stands in a file; the pixels come through the guarded datasets alone.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError, MitoshiError, NotFoundError
from mitoshi.core.product import Coded, Listed
from mitoshi.core.quantity import QUANTITIES, to_db
from mitoshi.display.feature_lists import output_of
from mitoshi.display.legend import Picture, of_codes, of_layer, ramp_of
from mitoshi.sensors import guard
from mitoshi.sensors.lazy import BandReader, Decode, Turned

if TYPE_CHECKING:
    import numpy.typing as npt
    import pystac

    from mitoshi.core.declaration import Output
    from mitoshi.display.legend import Style
    from mitoshi.display.source import DataSource
    from mitoshi.sensors.masks import Mask

__all__ = ["RED_GREEN_BLUE", "TRUE_COLOUR", "Band", "Raster", "Rasters", "is_shown_in_db", "rasters_of"]

KEPT = 512
TRUE_COLOUR = "true-colour"
# Red, green and blue of Sentinel-2, of Landsat 8 and 9, and of sets with names of colours.
RED_GREEN_BLUE = (("B04", "B03", "B02"), ("B4", "B3", "B2"), ("SR_B4", "SR_B3", "SR_B2"), ("red", "green", "blue"))
REFLECTANCE_LIMITS = (0.0, 0.35)  # land is darker; snow and cloud are white
STRETCH = (2.0, 98.0)  # percentiles
SAMPLE_SIDE = 256
CHEAP_PIXELS = 4_000_000  # a whole band of this size may be read to find its stretch
CODED = frozenset({"cloud_mask", "land_cover", "quality", "flood_extent"})


@dataclass(frozen=True)
class Band:
    """One band of a file, with how its stored numbers become physical ones.

    Attributes
    ----------
    location
        The file.
    number
        From 1.
    decode
        None keeps the stored numbers.
    mask
        What the file's own mask or alpha band hides, or None.
    fill
        What a hidden code becomes where `decode` is None.
    """

    location: guard.Location
    number: int
    decode: Decode | None
    mask: Mask | None = None
    fill: int = 0

    @property
    def mark(self) -> float | None:
        """The stored number that means "not observed", or None."""
        return self.decode.nodata[0] if self.decode is not None and self.decode.nodata else None

    def decoded(self, stored: npt.NDArray[Any], hidden: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[Any]:
        """Return stored numbers in physical units, NaN (or the code `fill`) where not observed."""
        values = stored if self.decode is None else self.decode(stored)
        if hidden is None:
            return values
        return np.where(hidden, values.dtype.type(self.fill if self.decode is None else np.nan), values)

    def hidden(self, dataset: Any, **window: Any) -> npt.NDArray[np.bool_] | None:
        """Return True where the mask hides a window of the open dataset, read as its pixels are; None without a mask."""
        if self.mask is None:
            return None
        with guard.reading():
            return self.mask.hidden(dataset, self.number, **window)


@dataclass(frozen=True)
class Raster:
    """What is drawn and asked for as one layer.

    Attributes
    ----------
    item
        Of the catalogue.
    key
        Asset or band by which it is addressed.
    bands
        One, or three of a picture.
    quantity, units
        Of the values; power is told in dB.
    output
        The output of a method of which this is the product, or None.
    decibel
        Whether values are stored as linear power and told in dB.
    """

    item: pystac.Item
    key: str
    bands: tuple[Band, ...]
    quantity: str
    units: str
    output: Output | None = None
    decibel: bool = False

    @property
    def coded(self) -> bool:
        """Whether values are codes."""
        return isinstance(self.output.layer, Coded) if self.output is not None else self.quantity in CODED

    @cached_property
    def style(self) -> Style:
        """How it is drawn when nothing else is asked for."""
        if self.output is not None and not isinstance(self.output.layer, Listed):
            style = of_layer(self.output.layer)
            assert style is not None  # noqa: S101 - rasters always have one
            return style
        if len(self.bands) == 3:
            return Picture(REFLECTANCE_LIMITS)
        if self.coded:
            seen = np.unique(self.sample())
            return of_codes([int(v) for v in seen[np.isfinite(seen)]], _stored_nodata(self.bands[0]))
        return ramp_of(self.quantity, self.stretch, self.units)

    @cached_property
    def stretch(self) -> tuple[float, float]:
        """The 2nd and the 98th percentile of a sample of the values."""
        values = self.sample()
        seen = values[np.isfinite(values)]
        if not seen.size:
            return 0.0, 1.0
        low, high = (float(v) for v in np.percentile(seen, STRETCH))
        return (low, high) if high > low else (low, low + 1.0)

    @cached_property
    def fingerprint(self) -> str:
        """What changes when the pixels do."""
        import hashlib
        import os

        known = hashlib.sha256()
        for band in self.bands:
            beside = band.mask.beside if band.mask is not None else None
            for location in (band.location, *(() if beside is None else (beside,))):
                status = os.stat(location.path)
                known.update(f"{band}{status.st_mtime_ns}{status.st_size}".encode())
        return known.hexdigest()[:16]

    def values(
        self, stored: npt.NDArray[Any], band: int = 0, hidden: npt.NDArray[np.bool_] | None = None
    ) -> npt.NDArray[Any]:
        """Return stored numbers as the values that people are told: codes, or physical units with power in dB.

        Parameters
        ----------
        stored
            As read from the file.
        band
            From 0.
        hidden
            True where the file's mask says that nothing was observed; None where it has none.
        """
        found = self.bands[band].decoded(stored, hidden)
        return np.asarray(to_db(found), np.float32) if self.decibel else found

    def sample(self) -> npt.NDArray[Any]:
        """Return some values from all over the first band: from an overview, or from nine windows."""
        band = self.bands[0]
        with guard.open_raster(band.location) as dataset:
            rows, columns = dataset.height, dataset.width
            if rows * columns <= CHEAP_PIXELS or dataset.overviews(band.number):
                side = max(rows, columns)
                shape = tuple(max(1, n * SAMPLE_SIDE // max(side, SAMPLE_SIDE)) for n in (rows, columns))
                return self.values(dataset.read(band.number, out_shape=shape), 0, band.hidden(dataset, out_shape=shape))
            from rasterio.windows import Window

            corners = [(r, c) for r in _starts(rows) for c in _starts(columns)]
            windows = [Window(c, r, SAMPLE_SIDE, SAMPLE_SIDE) for r, c in corners]
            read = [
                self.values(dataset.read(band.number, window=w), 0, band.hidden(dataset, window=w)) for w in windows
            ]
        return np.concatenate([part.ravel() for part in read])


class Rasters:
    """Finds the rasters of the catalogue by address and keeps the last few."""

    def __init__(self, source: DataSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str, str, str], Raster] = OrderedDict()

    def get(self, collection: str, item: str, key: str, band: str = "") -> Raster:
        """Return the raster behind an address.

        Parameters
        ----------
        collection, item
            Names in the catalogue.
        key
            An asset, a band or polarisation of the item, or ``true-colour``.
        band
            Name or number (from 1) of a band of the asset, in place of its first.

        Raises
        ------
        NotFoundError
            Where there is none, or its file lies outside the folders of the service.
        """
        found, address = self._source.lookup.item(collection, item), (collection, item, key, band)
        with self._lock:
            kept = self._kept.get(address)
            if kept is not None and kept.item is found:
                self._kept.move_to_end(address)
                return kept
        try:
            made = _raster(found, key, band)
            for part in made.bands:
                self._source.readable(part.location.path)
        except MitoshiError as error:
            raise NotFoundError(f"{key[:80]!r} of {item[:80]!r} cannot be shown: {guard.one_line(error)}") from None
        with self._lock:
            self._kept[address] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made


_SHARED = threading.Lock()


def rasters_of(source: DataSource) -> Rasters:
    """Return the one `Rasters` of a data source, which all who show it share."""
    with _SHARED:
        found: Rasters = source.__dict__.setdefault("_rasters", Rasters(source))
    return found


def is_shown_in_db(quantity: str) -> bool:
    """Tell whether values of a quantity are shown in decibels."""
    return quantity in QUANTITIES and QUANTITIES[quantity].power and quantity != "relative_backscatter"


def _raster(item: pystac.Item, key: str, band: str) -> Raster:
    output = output_of(item)
    if output is not None and key == "data":
        return _product(item, key, output, band)
    from mitoshi.sensors import open_item

    layers = open_item(item).layers
    if key == TRUE_COLOUR:
        return _picture(item, layers)
    for name, array in layers.items():
        labels = _labels(array)
        if key in labels:
            return _observed(item, key, name, array, _window_readers(array)[labels.index(key)])
    if key in item.assets:
        path = str(guard.regular_file(item.assets[key].href))
        for name, array in layers.items():
            readers = [r for r in _window_readers(array) if isinstance(r, BandReader) and r.location.path == path]
            if readers:
                return _observed(item, key, name, array, _chosen(readers, band, _labels(array)))
    raise InputError(f"it has no raster {key[:80]!r}; see /layers")


def _labels(array: Any) -> list[str]:
    """Return the names of a layer's bands or polarisations; none where it has one band."""
    return [str(v) for v in array.coords[array.dims[0]].values] if array.ndim == 3 else []


def _chosen(readers: list[BandReader], band: str, labels: list[str]) -> BandReader:
    """Return the band of a file that is named, numbered, or first."""
    if not band:
        return readers[0]
    if len(labels) == len(readers) and band in labels:
        return readers[labels.index(band)]
    if band.isdecimal() and 1 <= int(band) <= len(readers):
        return readers[int(band) - 1]
    raise InputError(f"it has no band {band[:20]!r}; it has {', '.join(labels) or '1'}")


def _product(item: pystac.Item, key: str, output: Output, band: str) -> Raster:
    layer = output.layer
    if isinstance(layer, Listed):
        raise InputError("it is a list of features; see its vectors")
    if band not in ("", "1"):
        raise InputError(f"it has one band, got band {band[:20]!r}")
    location = guard.Location(str(guard.regular_file(item.assets[key].href)))
    if isinstance(layer, Coded):
        return Raster(item, key, (Band(location, 1, None),), layer.quantity.name if layer.quantity else "", "1", output)
    band_of_measures = Band(location, 1, Decode(nodata=(float("nan"),)))
    return Raster(item, key, (band_of_measures,), layer.quantity.name, layer.quantity.units, output)


def _picture(item: pystac.Item, layers: Any) -> Raster:
    for name, array in layers.items():
        labels = _labels(array)
        names = next((names for names in RED_GREEN_BLUE if set(names) <= set(labels)), None)
        if names is not None:
            readers = _window_readers(array)
            bands = tuple(_band(readers[labels.index(label)]) for label in names)
            return Raster(item, TRUE_COLOUR, bands, name, str(array.attrs.get("units", "1")))
    raise InputError("it has no bands of red, green and blue")


def _observed(item: pystac.Item, key: str, name: str, array: Any, reader: BandReader) -> Raster:
    stored = str(array.attrs.get("units", QUANTITIES[name].units))
    told = is_shown_in_db(name)
    return Raster(item, key, (_band(reader),), name, "dB" if told else stored, decibel=told and stored != "dB")


def _window_readers(array: Any) -> tuple[Any, ...]:
    """Return the window readers of a lazy array."""
    held = array.variable._data  # noqa: SLF001 - xarray gives no public way to the array it wraps
    stacked = getattr(getattr(held, "array", None), "stacked", None)
    if stacked is None:
        raise InputError("its pixels do not lie in a raster file with one grid; run a method on it, or download it")
    # The file itself is read, by its own transform, whichever way its rows run.
    plain = (reader.source if isinstance(reader, Turned) else reader for reader in stacked.readers)
    return tuple(getattr(reader, "coarse", reader) for reader in plain)


def _band(reader: Any) -> Band:
    if not isinstance(reader, BandReader):
        raise InputError("its pixels must be geocoded first; run a method on it")
    return Band(reader.location, reader.band, reader.decode, reader.mask, reader.fill)


def _stored_nodata(band: Band) -> int | None:
    with guard.open_raster(band.location) as dataset:
        found = dataset.nodata
    if found is None or found != found:
        return None if band.mask is None else band.fill
    return int(found)


def _starts(size: int) -> list[int]:
    if size <= SAMPLE_SIDE:
        return [0]
    return [(size - SAMPLE_SIDE) * n // 2 for n in range(3)]
