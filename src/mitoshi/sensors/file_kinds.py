"""What the first bytes of a file say it is; its name and its headers decide nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

__all__ = ["CONTAINERS", "DRIVERS", "Location", "magic", "sniff"]

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
    (b"\0\0\x27\x0a\0\0\0\0", "shapefile"),
    (b"fgb\x03fgb", "flatgeobuf"),
)


class Location(NamedTuple):
    """Bytes of one native file: a regular file, or a stored stretch of it (a member of an uncompressed zip)."""

    path: str
    offset: int = 0
    size: int = 0

    @property
    def name(self) -> str:
        """Last part of the path, for messages."""
        return Path(self.path).name


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
