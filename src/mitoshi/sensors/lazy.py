"""Arrays that read just the window they are asked for.

A window reader is a small picklable object that knows where the bytes are and how to decode them. `lazy_array` wraps it for
xarray, so ``array.isel(y=…, x=…).load()`` reads that window in a process or thread of its own, with no handle carried along.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mitoshi.core.cells import cell_attributes
from mitoshi.core.cells import pixel_side_m as pixel_size_m
from mitoshi.core.errors import InputError
from mitoshi.core.orientation import upright
from mitoshi.sensors import guard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import xarray as xr
    from odc.geo.geobox import GeoBox

    from mitoshi.sensors.masks import Mask

__all__ = ["BandReader", "Check", "Checked", "Decode", "Stacked", "WindowReader", "lazy_array", "pixel_size_m"]

NODATA_TOLERANCE = 1e-6  # relative
HUGE = 1e30


class Check(Protocol):
    """Looks at decoded values, with the stored numbers beside them, and refuses what cannot be."""

    def __call__(self, values: np.ndarray[Any, Any], stored: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the values."""
        ...


class WindowReader(Protocol):
    """Reads one 2-D window."""

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the whole layer."""
        ...

    @property
    def dtype(self) -> str:
        """Data type of what `read` returns, such as "float32"."""
        ...

    def read(self, y: slice, x: slice) -> np.ndarray[Any, Any]:
        """Return the window, decoded to physical units, as (rows, columns)."""
        ...


class Checked(WindowReader, Protocol):
    """A window reader whose decoded values are looked at."""

    @property
    def check(self) -> Check | None:
        """Refuses values that the quantity cannot have, or None."""
        ...


@dataclass(frozen=True)
class Decode:
    """How stored numbers become physical ones: value = stored × scale + offset, with NaN for the stored `nodata` values."""

    scale: float = 1.0
    offset: float = 0.0
    nodata: tuple[float, ...] = ()

    def __call__(self, stored: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return float32 values; `stored` may be reused."""
        values = stored if stored.dtype == np.float32 else stored.astype(np.float32)
        hidden = None
        for mark in self.nodata:
            found = _marked(stored, mark)
            if found is not None:
                hidden = found if hidden is None else hidden | found
        if self.scale != 1.0:
            values = values * np.float32(self.scale)
        if self.offset != 0.0:
            values = values + np.float32(self.offset)
        if hidden is not None:
            values[hidden] = np.nan
        return values


def _marked(stored: np.ndarray[Any, Any], mark: float) -> Any:
    """Return where the stored numbers are the "no data" value; None where it cannot occur.

    Floating-point numbers count as equal within a millionth, because headers write them in fewer digits than pixels.
    """
    if np.isnan(mark) or stored.dtype.kind == "c":
        return None
    if stored.dtype.kind == "f":
        if mark == 0 or np.isinf(mark):
            return stored == mark
        margin = abs(mark) * NODATA_TOLERANCE
        low, high = (np.float64(mark - margin), np.float64(mark + margin))
        if abs(mark) >= HUGE:  # beyond every measurement, so one comparison is enough
            return stored <= _of(stored, high) if mark < 0 else stored >= _of(stored, low)
        return (stored >= _of(stored, low)) & (stored <= _of(stored, high))
    limits = np.iinfo(stored.dtype)
    fits = float(mark).is_integer() and limits.min <= mark <= limits.max
    return stored == stored.dtype.type(mark) if fits else None


def _of(stored: np.ndarray[Any, Any], value: np.floating[Any]) -> Any:
    limits = np.finfo(stored.dtype)
    return stored.dtype.type(np.clip(value, limits.min, limits.max))


@dataclass(frozen=True)
class BandReader:
    """One band of a raster file.

    Attributes
    ----------
    location
        The file.
    band
        Number from 1.
    shape
        (rows, columns).
    decode
        How stored numbers become physical ones; None keeps them as they are.
    dtype
        Of the result.
    mask
        What the file's own mask or alpha band hides, or None.
    fill
        What a hidden code becomes where `decode` is None; a measurement becomes NaN.
    check
        Refuses values that the quantity cannot have, or None.
    """

    location: guard.Location
    band: int
    shape: tuple[int, int]
    decode: Decode | None = None
    dtype: str = "float32"
    mask: Mask | None = None
    fill: int = 0
    check: Check | None = None

    def read(self, y: slice, x: slice) -> np.ndarray[Any, Any]:
        """Return one window."""
        return self.observed(read_window(self.location, self.band, y, x), y, x)

    def observed(self, stored: np.ndarray[Any, Any], y: slice, x: slice) -> np.ndarray[Any, Any]:
        """Return the stored numbers of a window in physical units, without what the mask hides.

        Raises
        ------
        InputError
            If the file is damaged there, or a value is beyond what the quantity can be.
        """
        # Decoding may reuse the array of stored numbers, which the check names in its message.
        values = stored if self.decode is None else self.decode(stored if self.check is None else stored.copy())
        if self.mask is not None:
            hidden = read_hidden(self.location, self.band, self.mask, y, x)
            values = np.where(hidden, values.dtype.type(self.fill if self.decode is None else np.nan), values)
        return values if self.check is None else self.check(values, stored)


def read_window(location: guard.Location, band: int | list[int], y: slice, x: slice) -> np.ndarray[Any, Any]:
    """Return the stored numbers of one window: (rows, columns) of one band, (bands, rows, columns) of a list.

    Raises
    ------
    InputError
        If the file is damaged there.
    """
    broken = f"{location.name} is damaged or cut short; fetch it again"
    return _windowed(location, lambda dataset, window: dataset.read(band, window=window), y, x, broken)


def read_hidden(location: guard.Location, band: int, mask: Mask, y: slice, x: slice) -> np.ndarray[Any, Any]:
    """Return True where a mask hides a window.

    Raises
    ------
    InputError
        If the mask is damaged there.
    """
    broken = f"the mask of {location.name} is damaged; fetch the file again"
    return _windowed(location, lambda dataset, window: mask.hidden(dataset, band, window=window), y, x, broken)


def _windowed(
    location: guard.Location, read: Callable[[Any, Any], np.ndarray[Any, Any]], y: slice, x: slice, broken: str
) -> np.ndarray[Any, Any]:
    from rasterio.errors import RasterioError
    from rasterio.windows import Window

    try:
        with guard.reading():
            return read(guard.borrow_raster(location), Window(x.start, y.start, x.stop - x.start, y.stop - y.start))
    except (RasterioError, MemoryError) as error:
        raise InputError(f"{broken} ({type(error).__name__})") from None


@dataclass(frozen=True)
class Turned:
    """A window reader whose rows, or columns, or both run the other way than those of its file."""

    source: WindowReader
    rows: bool
    columns: bool

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.source.shape

    @property
    def dtype(self) -> str:
        """Of the source."""
        return self.source.dtype

    def read(self, y: slice, x: slice) -> np.ndarray[Any, Any]:
        """Return one window."""
        height, width = self.shape
        y = slice(height - y.stop, height - y.start) if self.rows else y
        x = slice(width - x.stop, width - x.start) if self.columns else x
        values = self.source.read(y, x)
        return np.ascontiguousarray(values[:: -1 if self.rows else 1, :: -1 if self.columns else 1])


@dataclass(frozen=True)
class Stacked:
    """Window readers of one shape along a first axis (polarisation, band); None for a plain (y, x) layer."""

    readers: tuple[WindowReader, ...]
    flat: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        rows, columns = self.readers[0].shape
        return (rows, columns) if self.flat else (len(self.readers), rows, columns)

    def __getitem__(self, key: tuple[Any, ...]) -> np.ndarray[Any, Any]:
        """Return what a tuple of integers and slices asks for."""
        first, (y, x) = (0, key) if self.flat else (key[0], key[1:])
        (rows, y_drop, y_step), (columns, x_drop, x_step) = (
            _span(part, size) for part, size in zip((y, x), self.readers[0].shape, strict=True)
        )
        chosen: Any = self.readers[first]
        picked = chosen if isinstance(chosen, tuple) else (chosen,)
        out = _read_all(picked, rows, columns)[:, ::y_step, ::x_step]
        out = out[:, 0] if y_drop else out
        out = out[..., 0] if x_drop else out
        return out if isinstance(chosen, tuple) else out[0]


def _read_all(readers: tuple[WindowReader, ...], y: slice, x: slice) -> np.ndarray[Any, Any]:
    if y.stop <= y.start or x.stop <= x.start or not readers:
        dtype = readers[0].dtype if readers else "float32"
        return np.empty((len(readers), max(0, y.stop - y.start), max(0, x.stop - x.start)), dtype=dtype)
    first = readers[0]
    if len(readers) == 1:
        return first.read(y, x)[np.newaxis]
    if isinstance(first, BandReader) and _one_mask(first) and all(_same_file(first, other) for other in readers):
        return first.observed(read_window(first.location, [r.band for r in readers], y, x), y, x)  # type: ignore[attr-defined]
    out = np.empty((len(readers), y.stop - y.start, x.stop - x.start), dtype=first.dtype)
    for band, reader in zip(out, readers, strict=True):
        band[...] = reader.read(y, x)
    return out


def _one_mask(reader: BandReader) -> bool:
    """Return whether all bands of a file share one mask: one beside it may have a band for each."""
    return reader.mask is None or reader.mask.beside is None


def _same_file(first: BandReader, other: WindowReader) -> bool:
    return isinstance(other, BandReader) and replace(other, band=first.band) == first


def _span(part: Any, size: int) -> tuple[slice, bool, int]:
    """Return a forward slice of step 1, whether the axis is dropped, and the step to apply after reading."""
    if isinstance(part, (int, np.integer)):
        start = int(part) + (size if part < 0 else 0)
        return slice(start, start + 1), True, 1
    start, stop, step = part.indices(size)
    if step > 0:
        return slice(start, max(start, stop)), False, step
    count = len(range(start, stop, step))
    return slice(start + (count - 1) * step, start + 1) if count else slice(0, 0), False, step


def lazy_array(
    readers: Sequence[WindowReader],
    geobox: GeoBox,
    *,
    axis: str | None = None,
    labels: Sequence[str] = (),
    attrs: Mapping[str, Any],
) -> xr.DataArray:
    """Return an array over window readers.

    Parameters
    ----------
    readers
        One per label of the leading axis; one alone for a (y, x) layer.
    geobox
        The grid of the file; the array has row 0 in the north. Without a CRS its coordinates are pixel indices plus one half.
    axis, labels
        Name and labels of the leading axis, or None.
    attrs
        Must hold ``quantity`` and ``units``.
    """
    import xarray as xr
    from odc.geo.xr import xr_coords
    from xarray.core import indexing

    turned = upright(geobox)
    if turned.rows or turned.columns:
        readers = [Turned(reader, turned.rows, turned.columns) for reader in readers]
        geobox = turned.grid
    stacked = Stacked(tuple(readers), flat=axis is None)
    backend = _backend(stacked)
    coords: dict[str, Any] = {str(k): v for k, v in xr_coords(geobox, dims=("y", "x")).items()}
    dims = ("y", "x")
    if axis is not None:
        coords[axis] = list(labels)
        dims = (axis, *dims)  # type: ignore[assignment]
    variable = xr.Variable(dims, indexing.LazilyIndexedArray(backend))
    return xr.DataArray(variable, coords=coords, attrs={**attrs, **cell_attributes(geobox)})


def _backend(stacked: Stacked) -> Any:
    from mitoshi.sensors.lazy_backend import StackedBackend

    return StackedBackend(stacked)
