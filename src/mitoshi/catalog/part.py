"""Reading and making part files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from mitoshi.catalog.store import Part
from mitoshi.catalog.table import envelopes, serialise, sorted_table
from mitoshi.core.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["check", "made", "opened"]

TAIL = 8  # footer length and magic number at the end of a Parquet file


def _footer(data: bytes) -> bytes:
    length = int.from_bytes(data[-TAIL:-4], "little")
    return data[-length - TAIL :]


def made(table: pa.Table) -> tuple[bytes, Part]:
    """Return the bytes and the manifest entry of a part with these rows, all of one collection."""
    import pyarrow.compute as pc

    ordered = sorted_table(table)
    data = serialise(ordered)
    names = ordered.column_names
    held = pc.unique(pc.list_flatten(ordered["mitoshi:quantities"])) if "mitoshi:quantities" in names else []
    part = Part(
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        footer=hashlib.sha256(_footer(data)).hexdigest(),
        collection=ordered["collection"][0].as_py() if "collection" in names else None,
        quantities=tuple(sorted(str(q) for q in held)),
        groups=tuple(envelopes(ordered)),
    )
    return data, part


def opened(folder: Path, part: Part) -> pq.ParquetFile:
    """Return the open part; its length and footer are checked now, each page's CRC when it is read.

    Raises
    ------
    BundleError
        If the file is not the one that was written.
    FileNotFoundError
        If it is gone, as after a merge by another process.
    """
    import pyarrow.parquet as pq

    path = folder / part.file
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size != part.size:
            raise BundleError(damaged(path, f"{size} bytes instead of {part.size}"))
        file.seek(-TAIL, 2)
        length = int.from_bytes(file.read(4), "little")
        file.seek(-min(length + TAIL, size), 2)
        if hashlib.sha256(file.read()).hexdigest() != part.footer:
            raise BundleError(damaged(path, "its footer has changed"))
    return pq.ParquetFile(path, page_checksum_verification=True)


def damaged(path: Path, how: str) -> str:
    """Return the line for a part that is not what was written."""
    return f"catalogue part {path} is damaged ({how}); restore it, or delete the catalogue folder and ingest again"


def check(folder: Path, part: Part) -> None:
    """Compare the whole file with its SHA-256.

    Raises
    ------
    BundleError
        If it differs or is gone.
    """
    path = folder / part.file
    try:
        with path.open("rb") as file:
            found: Any = hashlib.file_digest(file, "sha256")
    except FileNotFoundError:
        raise BundleError(damaged(path, "it is gone")) from None
    if found.hexdigest() != part.sha256:
        raise BundleError(damaged(path, "its SHA-256 differs"))
