"""The one door through which files enter: nothing here trusts a name, a header or a link.

A raster is opened with the driver that its first bytes call for, never with VRT (a VRT reads any file of the machine and any
address of the network), without side-car files, without network, and only after its declared size has been checked. XML is
parsed without entities; JSON is bounded in size and depth; a link in a STAC item may not leave the item's folder.
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from mitoshi.core import strict_json
from mitoshi.core.errors import InputError, RefusedError, UnknownFileError
from mitoshi.sensors.transform_checks import check_transform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from xml.etree.ElementTree import Element

__all__ = [
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
MAX_XML_BYTES = 64 * 2**20
MAX_JSON_BYTES = strict_json.MAX_BYTES
OPEN_DATASETS = 16  # of each thread: a map of many layers must not open each of them for every tile
_OPENING = threading.Lock()  # `warnings.catch_warnings` changes the whole process: one thread at a time
BLOCK_CACHE_MB = 128

DRIVERS: tuple[tuple[bytes, str], ...] = (
    (b"II*\0", "GTiff"),
    (b"MM\0*", "GTiff"),
    (b"II+\0", "GTiff"),
    (b"MM\0+", "GTiff"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JP2OpenJPEG"),
    (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),
)
CONTAINERS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"CDF\x01", "netcdf3"),
    (b"CDF\x02", "netcdf3"),
    (b"CDF\x05", "netcdf3"),
    (b"\x0e\x03\x13\x01", "hdf4"),
    (b"PAR1", "parquet"),
    (b"SQLite format 3\0", "sqlite"),
)
OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    "GDAL_HTTP_MAX_RETRY": "0",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".refused",
    "GTIFF_IGNORE_READ_ERRORS": "NO",
}


class Location(NamedTuple):
    """Bytes of one native file: a regular file, or a stored stretch of it (a member of an uncompressed zip)."""

    path: str
    offset: int = 0
    size: int = 0

    @property
    def name(self) -> str:
        """Last part of the path, for messages."""
        return Path(self.path).name


def regular_file(path: str | Path) -> Path:
    """Return the absolute path of an existing regular file.

    Raises
    ------
    RefusedError
        If the name is a GDAL virtual path or the thing is a device, a pipe or a folder.
    InputError
        If there is no such file, or it may not be read.
    """
    text = os.fspath(path)
    if text.startswith("/vsi") or "\0" in text or len(text) > 4096:
        raise RefusedError(f"{text[:80]!r} is a virtual path; give a plain file")
    check_encoding(text)
    try:
        found = Path(text).resolve()
        exists, plain = found.exists(), found.is_file()
    except (OSError, RuntimeError) as error:
        raise InputError(f"{text[:200]!r} cannot be read ({type(error).__name__}); check the path") from None
    check_encoding(str(found))
    if not exists:
        raise InputError(f"no such file: {text[:200]}")
    if not plain:
        raise RefusedError(f"{text[:200]} is not a regular file; give a file or a product folder")
    if not os.access(found, os.R_OK):
        raise InputError(f"{text[:200]} may not be read; check its permissions")
    return found


def check_encoding(text: str) -> None:
    """Refuse a name that GDAL, which takes UTF-8, would not find.

    Raises
    ------
    InputError
        If the name is not UTF-8, or this session's locale cannot say it.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raw = os.fsencode(text)
        shown = raw.decode("utf-8", "backslashreplace")[:200]
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(f"the name {shown} is not UTF-8; rename the file") from None
        raise InputError(f"the name {shown} needs a UTF-8 locale; set LC_ALL=C.UTF-8 or PYTHONUTF8=1") from None


def magic(location: Location, length: int = 512) -> bytes:
    """Return the first bytes of a file."""
    with open(location.path, "rb") as file:
        file.seek(location.offset)
        return file.read(min(length, location.size) if location.size else length)


def sniff(head: bytes) -> str:
    r"""Return what the first bytes say: a GDAL driver's name, or "zip", "parquet", "sqlite", "xml", "json", … or "unknown".

    >>> sniff(b"II*\0....")
    'GTiff'
    """
    for start, kind in (*DRIVERS, *CONTAINERS):
        if head.startswith(start):
            return kind
    if head[257:262] == b"ustar":
        return "tar"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<"):
        return "vrt" if re.search(rb"<(VRT|OGRVRT|GDALTileIndex|WMT_MS)", head, re.IGNORECASE) else "xml"
    return "json" if text.startswith((b"{", b"[")) else "unknown"


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
    interleaved = dataset.count if dataset.interleaving and dataset.interleaving.name == "pixel" else 1
    block = max(rows * columns for rows, columns in dataset.block_shapes) * itemsize * interleaved
    if block > MAX_BLOCK_BYTES:
        raise RefusedError(
            f"{location.name} must be decoded in pieces of {block / 2**20:.0f} MiB; rewrite it in tiles of 512 x 512"
        )
    decoded, stored = pixels * dataset.count * itemsize, location.size or os.path.getsize(location.path)
    if decoded > LARGE and decoded > MAX_EXPANSION * stored:
        raise RefusedError(f"{location.name} claims {decoded / 2**30:.0f} GiB in {stored} bytes; it looks like a bomb")


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


def one_line(error: BaseException, longest: int = 160) -> str:
    """Return an error as one short line without the folders of this machine; web addresses stay whole.

    >>> one_line(ValueError("cannot read /home/a/b.tif from https://example.org/c/d"))
    'cannot read b.tif from https://example.org/c/d'
    """
    text = re.sub(r"\s+", " ", str(error)) or type(error).__name__
    return re.sub(r"(https?://\S+)|(?<!\w)/\S*/", lambda found: found[1] or "", text)[:longest]


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


def parse_xml(content: bytes, name: str) -> Element:
    """Return the root of an XML document; entities, DTDs and external references are refused.

    Raises
    ------
    RefusedError
        If it is too large or declares entities.
    InputError
        If it is not well-formed.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if len(content) > MAX_XML_BYTES:
        raise RefusedError(
            f"{name} holds {len(content) / 2**20:.0f} MiB of XML; the limit is {MAX_XML_BYTES >> 20} MiB"
        )
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException:
        raise RefusedError(f"{name} declares entities or a DTD, which could expand or read other files") from None
    except (ParseError, ValueError, LookupError) as error:
        raise InputError(f"{name} is not well-formed XML ({one_line(error)})") from None
    return root


def parse_json(content: bytes, name: str) -> Any:
    """Return strict JSON; NaN, infinities, great depth and great size are refused: `mitoshi.core.strict_json.parse_json`.

    Raises
    ------
    RefusedError
        If it is too large or too deep.
    InputError
        If it is not strict JSON.
    """
    return strict_json.parse_json(content, name, most_bytes=MAX_JSON_BYTES)


def safe_id(text: str) -> str:
    """Return an identifier that is safe as a file name.

    >>> safe_id("../../tmp/pwned")
    'tmp_pwned'
    """
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")
    cleaned = re.sub(r"(?:\.\.|_\._|^_+)+", "_", cleaned).strip("._-")
    return cleaned[:128] or "unnamed"


def inside(folder: Path, path: Path) -> bool:
    """Tell whether `path`, symbolic links followed, lies in `folder`."""
    return path.resolve().is_relative_to(folder.resolve())


def local_href(href: str, folder: Path) -> Path:
    """Return the file that a STAC link means, which must lie in the item's own folder.

    Raises
    ------
    RefusedError
        For addresses, virtual paths, driver prefixes and paths that leave the folder.

    >>> local_href("file:///etc/passwd", Path("/data"))
    Traceback (most recent call last):
    ...
    mitoshi.core.errors.RefusedError: link 'file:///etc/passwd' leaves the item's folder; put the file beside the item
    """
    shown = repr(href[:120])
    parts = urlsplit(href) if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", href) else None
    if parts is not None and (parts.scheme.lower() != "file" or parts.netloc not in {"", "localhost"}):
        raise RefusedError(f"link {shown} is not a file beside the item; download it and put it there")
    if "\0" in href or "<" in href or href.startswith("/vsi") or ":" in (href if parts is None else parts.path):
        raise RefusedError(f"link {shown} is a virtual path; give plain files beside the item")
    relative = unquote(parts.path) if parts is not None else href
    try:
        target = folder / relative
        contained = inside(folder, target)
    except (OSError, ValueError, RuntimeError):
        contained = False
    if not contained:
        raise RefusedError(f"link {shown} leaves the item's folder; put the file beside the item")
    return target.resolve()
