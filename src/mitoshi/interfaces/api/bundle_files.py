"""The files of a bundle, as they are handed out: by the names in its SHA256SUMS and no other, and all of them as one zip."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from mitoshi.core.errors import MitoshiError
from mitoshi.evidence.bundle import PUBLIC_KEY, SIGNATURE, SUMS, checked_name, read_sums
from mitoshi.evidence.digest import file_digest
from mitoshi.interfaces.api.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mitoshi.evidence import Bundle
    from mitoshi.interfaces.api.service import Service

__all__ = ["SAFE", "SHOWN", "Listed", "archive_name", "file_address", "listed", "media_type", "the_file", "zipped"]

CHUNK = 1 << 20
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first instant that a zip can say
MODE = 0o100644
MEDIA = {
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".parquet": "application/vnd.apache.parquet",
    ".geojson": "application/geo+json",
    ".json": "application/json",
    ".png": "image/png",
    ".pdf": "application/pdf",
}
UNKNOWN = "application/octet-stream"
SAFE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
SHOWN = (".png", ".json", ".geojson", ".pdf")


class Listed(NamedTuple):
    """One file of a bundle: its name, its size in bytes and its SHA-256."""

    name: str
    size: int
    sha256: str


def media_type(name: str) -> str:
    """Return the media type of a bundle's file; what a browser could run is plain bytes.

    >>> media_type("report.ja.pdf"), media_type("SHA256SUMS"), media_type("page.html")
    ('application/pdf', 'text/plain; charset=utf-8', 'application/octet-stream')
    """
    if name in (SUMS, PUBLIC_KEY):
        return "text/plain; charset=utf-8"
    return MEDIA.get(f".{name.rpartition('.')[2]}", UNKNOWN)


def file_address(bundle: Bundle, name: str) -> str:
    """Return where a file of a bundle is had."""
    return f"/bundles/{bundle.id}/files/{quote(name)}"


def archive_name(bundle: Bundle) -> str:
    """Return the name of the folder that a bundle becomes, such as ``flood-extent-8b8cba384475``."""
    return f"{bundle.method.rpartition('.')[2]}-{bundle.id[:12]}"


def the_file(service: Service, bundle: Bundle, name: str) -> tuple[Path, str]:
    """Return a file of a bundle and its SHA-256.

    Raises
    ------
    Problem
        404 where SHA256SUMS does not name it, it is no plain file, or lies outside the folders of the service.
    """
    missing = Problem(404, f"the bundle {bundle.id[:12]} has no file {name[:120]!r}; its account lists them")
    try:
        inside, sums = checked_name(name), read_sums(bundle.path)
        path = _plain(service, bundle, inside)
    except (MitoshiError, OSError):
        raise missing from None
    if inside in sums:
        return path, sums[inside]
    if inside in (SUMS, SIGNATURE, PUBLIC_KEY):
        return path, file_digest(path)
    raise missing


def _plain(service: Service, bundle: Bundle, name: str) -> Path:
    """Return the path of a file after making sure that no link leads to it."""
    path = bundle.path / name
    found = service.readable(path)
    if found != bundle.path.resolve() / name:
        raise Problem(404, f"{name[:120]!r} is a link; a bundle holds plain files only")
    return found


def listed(bundle: Bundle) -> list[Listed]:
    """Return the files of a bundle in the order of its SHA256SUMS, then those that seal it.

    Raises
    ------
    BundleError
        If SHA256SUMS cannot be read.
    Problem
        409 where one of them is gone.
    """
    try:
        found = [Listed(n, (bundle.path / n).lstat().st_size, d) for n, d in read_sums(bundle.path).items()]
        seals = [n for n in (SUMS, SIGNATURE, PUBLIC_KEY) if (bundle.path / n).is_file()]
        return found + [Listed(n, (bundle.path / n).stat().st_size, file_digest(bundle.path / n)) for n in seals]
    except OSError as error:
        raise Problem(409, f"the bundle {bundle.id[:12]} lacks a file that it names ({error.strerror})") from None


class _Pipe(io.RawIOBase):
    """Takes what a zip writes and gives it away piece by piece; it cannot be rewound."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = memoryview(data).cast("B")  # type: ignore[arg-type]
        self._held += piece
        return len(piece)

    def taken(self) -> bytes:
        piece = bytes(self._held)
        self._held.clear()
        return piece


def zipped(files: Sequence[tuple[str, Path]]) -> Iterator[bytes]:
    """Yield a zip of files, stored as they are, piece by piece: the same files give the same bytes.

    Parameters
    ----------
    files
        Name in the zip and path of each, in their order. At most a piece of one is in memory.
    """
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, path in files:
            told = zipfile.ZipInfo(name, EPOCH)
            told.external_attr = MODE << 16
            told.create_system = 3
            with path.open("rb") as source, archive.open(told, "w", force_zip64=True) as target:
                while piece := source.read(CHUNK):
                    target.write(piece)
                    yield pipe.taken()
    yield pipe.taken()
