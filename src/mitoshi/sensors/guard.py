"""The one way in which files enter: nothing here trusts a name, a header or a link.

A raster is opened with the driver that its first bytes call for, never with VRT (a VRT reads any file of the machine and any
address of the network), without side-car files, without network, and only after its declared size has been checked. XML is
parsed without entities; JSON is bounded in size and depth; a link in a STAC item may not leave the item's folder.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError, RefusedError, UnknownFileError
from mitoshi.sensors.file_kinds import DRIVERS, Location, magic, sniff
from mitoshi.sensors.safe_paths import check_encoding, inside, local_href, regular_file, safe_id
from mitoshi.sensors.safe_text import MAX_JSON_BYTES, MAX_XML_BYTES, one_line, parse_json, parse_xml
from mitoshi.sensors.transform_checks import check_transform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

__all__ = [
    "DRIVERS",
    "MAX_JSON_BYTES",
    "MAX_XML_BYTES",
    "Location",
    "borrow_raster",
    "check_encoding",
    "check_shape",
    "inside",
    "local_href",
    "magic",
    "one_line",
    "open_raster",
    "parse_json",
    "parse_xml",
    "reading",
    "regular_file",
    "safe_id",
    "sniff",
]

MAX_PIXELS = 200_000_000_000  # rows × columns: a global mosaic at 50 m is 3.2e11 / 2
MAX_SIDE = 5_000_000  # the equator at 8 m; coordinates along a side are kept in memory
MAX_BANDS = 4096
MAX_BLOCK_BYTES = 512 * 2**20  # a strip or tile that must be decoded at once
MAX_EXPANSION = 5000  # decoded bytes per stored byte, for rasters above 4 GiB (an empty Sentinel-1 image has 2000)
LARGE = 4 * 2**30
OPEN_DATASETS = 16  # of each thread: a map of many layers must not open each of them for every tile
_OPENING = threading.Lock()  # `warnings.catch_warnings` changes the whole process: one thread at a time
BLOCK_CACHE_MB = 128

OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    "GDAL_HTTP_MAX_RETRY": "0",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".refused",
    "GTIFF_IGNORE_READ_ERRORS": "NO",
}


def _gdal_name(location: Location) -> str:
    if location.size:
        return f"/vsisubfile/{location.offset}_{location.size},{location.path}"
    return location.path


def _driver(location: Location) -> str:
    kind = sniff(magic(location))
    if kind == "vrt":
        raise RefusedError(
            f"{location.name} is a VRT, which can read any file or address; give the raster it points to"
        )
    if kind not in {driver for _, driver in DRIVERS}:
        raise UnknownFileError(f"{location.name} is no GeoTIFF, PNG, JPEG or JPEG 2000 (its content looks like {kind})")
    return kind


def check_shape(shape: tuple[int, int], name: str) -> None:
    """Refuse a grid whose size no sensor makes, before anything is allocated for it.

    Raises
    ------
    RefusedError
        If a side or the area is too large.
    """
    if max(shape) > MAX_SIDE or shape[0] * shape[1] > MAX_PIXELS:
        raise RefusedError(f"{name} claims {shape[1]} x {shape[0]} pixels; that is more than any sensor makes")


def _check_size(dataset: Any, location: Location) -> None:
    if dataset.count == 0:
        raise InputError(f"{location.name} holds no band; give the file with the pixels")
    check_shape((dataset.height, dataset.width), location.name)
    check_transform(dataset.transform, (dataset.height, dataset.width), location.name)
    pixels = dataset.width * dataset.height
    itemsize = max(_itemsize(kind) for kind in dataset.dtypes)
    if dataset.count > MAX_BANDS:
        raise RefusedError(f"{location.name} claims {dataset.count} bands; that is more than any sensor makes")
    _check_block(dataset, location)
    decoded, stored = pixels * dataset.count * itemsize, location.size or os.path.getsize(location.path)
    if decoded > LARGE and decoded > MAX_EXPANSION * stored:
        raise RefusedError(f"{location.name} claims {decoded / 2**30:.0f} GiB in {stored} bytes; it looks like a bomb")


def _check_block(dataset: Any, location: Location) -> None:
    """Refuse strips and tiles, of the file or of one of its overviews, that cannot be decoded in little memory."""
    itemsize = max(_itemsize(kind) for kind in dataset.dtypes)
    interleaved = dataset.count if dataset.interleaving and dataset.interleaving.name == "pixel" else 1
    block = max(rows * columns for rows, columns in dataset.block_shapes) * itemsize * interleaved
    if block > MAX_BLOCK_BYTES:
        raise RefusedError(
            f"{location.name} must be decoded in pieces of {block / 2**20:.0f} MiB; rewrite it in tiles of 512 x 512"
        )


def _check_overviews(dataset: Any, location: Location) -> None:
    import rasterio

    for level in range(len(dataset.overviews(1)) if dataset.driver == "GTiff" else 0):
        with rasterio.open(_gdal_name(location), driver="GTiff", overview_level=level) as coarse:
            _check_block(coarse, location)


def _itemsize(kind: str) -> int:
    import numpy as np

    return {"complex_int16": 4, "int8": 1}.get(kind) or int(np.dtype(kind).itemsize)


def reading() -> AbstractContextManager[Any]:
    """Return the GDAL environment in which files are opened and read: guarded, its messages logged instead of printed."""
    import rasterio

    environment: AbstractContextManager[Any] = rasterio.Env(**OPTIONS)
    return environment


def _open(location: Location) -> Any:
    import warnings

    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    regular_file(location.path)
    driver = _driver(location)
    # GDAL reads this once, before its first block; its default is a twentieth of the machine's memory.
    os.environ.setdefault("GDAL_CACHEMAX", str(BLOCK_CACHE_MB))
    try:
        with _OPENING, warnings.catch_warnings(), reading():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = rasterio.open(_gdal_name(location), driver=driver)
            try:
                _check_overviews(dataset, location)
            except BaseException:
                dataset.close()
                raise
    except (RasterioError, ValueError, TypeError, OverflowError) as error:
        raise InputError(
            f"{location.name} is damaged or of an unsupported kind ({one_line(error).removeprefix(location.name + ': ')})"
        ) from None
    try:
        _check_size(dataset, location)
    except BaseException:
        dataset.close()
        raise
    return dataset


@contextmanager
def open_raster(path: str | Path | Location) -> Iterator[Any]:
    """Open a raster file safely for the length of a ``with`` block; yields a rasterio dataset.

    Parameters
    ----------
    path
        A plain file, or a `Location`.

    Raises
    ------
    RefusedError
        For a VRT, a virtual path, or a size no sensor makes.
    UnknownFileError
        If the content is no supported raster.
    InputError
        If the file is missing or damaged.
    """
    location = path if isinstance(path, Location) else Location(str(regular_file(path)))
    with reading():
        dataset = _open(location)
        try:
            yield dataset
        finally:
            dataset.close()


class _Datasets(threading.local):
    """The open datasets of one thread of one process (a forked child must not share file positions)."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.open: OrderedDict[tuple[Any, ...], Any] = OrderedDict()


_DATASETS = _Datasets()


def borrow_raster(location: Location) -> Any:
    """Return an open dataset for reading windows; the thread keeps the last few open, so the caller must not close it."""
    if os.getpid() != _DATASETS.process:
        _DATASETS.process, _DATASETS.open = os.getpid(), OrderedDict()
    try:
        status = os.stat(location.path)
    except OSError:
        raise InputError(f"no such file: {location.path}") from None
    key = (location, status.st_mtime_ns, status.st_size, status.st_ino)
    cached = _DATASETS.open
    if key in cached:
        cached.move_to_end(key)
        return cached[key]
    dataset = _open(location)
    cached[key] = dataset
    while len(cached) > OPEN_DATASETS:
        cached.popitem(last=False)[1].close()
    return dataset
