"""Compare GeoTIFFs whose pixels are the same but whose bytes are not: what the header says, overviews, and nothing beside."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.core.errors import MitoshiError, RefusedError
from mitoshi.core.isolation import attempt
from mitoshi.evidence.cog import SIZES, TILE_BYTE_COUNTS, TILE_OFFSETS, Tags
from mitoshi.evidence.sealed_files import decided_by_bytes
from mitoshi.evidence.verdict import SAME_CONTENT, FileCheck

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_raster"]

PACKING = frozenset({TILE_OFFSETS, TILE_BYTE_COUNTS})
GEO_KEYS = frozenset({34735, 34736, 34737})  # the CRS, which versions of PROJ name in different words
MOST_DIRECTORIES, MOST_ENTRIES, MOST_BYTES = 32, 256, 64 * 2**20
MOST_GAPS = 65_536  # bytes between the parts of a TIFF, all zero
ROWS = 1024


class _Layout(NamedTuple):
    """The directories of a TIFF, its blocks as (offset, size), and whether anything lies between or behind its parts."""

    directories: list[Tags]
    blocks: list[tuple[int, int]]
    gaps: bool


def check_raster(name: str, sealed: Path, now: Path) -> FileCheck:
    """Compare a GeoTIFF of a bundle with the one that its pixels give.

    Raises
    ------
    RefusedError
        If it is not safe to read.
    """
    decided = decided_by_bytes(name, sealed, now)
    if decided is not None:
        return decided
    try:
        if words := _unlike(sealed, now):
            return FileCheck(name, "different", words)
        if said := _crs_words(sealed, now):
            return FileCheck(name, "not checked", said)
        return FileCheck(name, "within tolerance", SAME_CONTENT)
    except RefusedError:
        raise
    except (MitoshiError, ValueError, struct.error, OSError):
        return FileCheck(name, "different", "is no GeoTIFF as a run writes it")


def _unlike(sealed: Path, now: Path) -> str:
    with attempt(sealed):
        one, two = _layout(sealed), _layout(now)
    if len(one.directories) != len(two.directories):
        return f"has {len(one.directories) - 1} overviews, the recomputation {len(two.directories) - 1}"
    if one.gaps or not _unpacked_whole(sealed, one.blocks):
        return "holds bytes that belong to no part of the picture"
    for level, (a, b) in enumerate(zip(one.directories, two.directories, strict=True)):
        if {*a} != {*b}:
            return f"has other header entries than the recomputation ({sorted({*a} ^ {*b})[:4]})"
        differing = [t for t in sorted(a) if t not in PACKING and a[t] != b[t]]
        tag = next((t for t in differing if level or t not in GEO_KEYS), None)
        if tag is not None:
            return f"says something else in its header (entry {tag})"
    if not _same_meaning(sealed, now):
        return "says something else in its header"
    return _pixels(sealed, now, len(one.directories))


def _layout(path: Path) -> _Layout:
    """Return every directory of a TIFF and its blocks, and whether bytes lie between its parts or behind them.

    Raises
    ------
    ValueError
        If it is not laid out as a run does.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
        if head[:2] != b"II" or head[2:4] not in (b"\x2a\0", b"\x2b\0"):
            raise ValueError("no little-endian TIFF")
        big = head[2] == 43
        at = struct.unpack_from("<Q", head, 8)[0] if big else struct.unpack_from("<I", head, 4)[0]
        parts = [(0, 16 if big else 8)]
        found: list[Tags] = []
        while at and len(found) < MOST_DIRECTORIES:
            tags, at, places = _directory(file, at, size, big=big)
            parts += places
            found.append(tags)
        if at:
            raise ValueError("too many directories")
        blocks = sorted(b for tags in found for b in _blocks(tags))
        ends = [offset + count for offset, count in blocks]
        starts = [offset for offset, _ in blocks[1:]] + [size]
        gaps = not blocks or any(e != s for e, s in zip(ends, starts, strict=True))
        return _Layout(found, blocks, gaps or _between(file, sorted(parts + blocks)))


def _between(file: Any, parts: list[tuple[int, int]]) -> bool:
    """Tell whether anything but a few zeros stands where no part of the file is."""
    end = gaps = 0
    for offset, count in parts:
        if offset > end:
            gaps += offset - end
            file.seek(end)
            if gaps > MOST_GAPS or any(file.read(offset - end)):
                return True
        end = max(end, offset + count)
    return False


def _unpacked_whole(path: Path, blocks: list[tuple[int, int]]) -> bool:
    """Tell whether every block ends where its DEFLATE stream ends."""
    with path.open("rb") as file:
        for offset, count in blocks:
            engine = zlib.decompressobj()
            file.seek(offset)
            try:
                engine.decompress(file.read(count), MOST_BYTES)
            except zlib.error:
                return False
            if not engine.eof or engine.unused_data:
                return False
    return True


def _directory(file: Any, at: int, size: int, *, big: bool) -> tuple[Tags, int, list[tuple[int, int]]]:
    """Return the entries of a directory, where the next one is, and the bytes that it takes as (offset, size)."""
    word, width, entry, inline = ("<Q", 8, "<HHQ", 8) if big else ("<H", 2, "<HHI", 4)
    file.seek(at)
    (count,) = struct.unpack(word, file.read(width))
    if count > MOST_ENTRIES:
        raise ValueError("too many header entries")
    length = struct.calcsize(entry) + inline
    content = file.read(count * length + inline)
    tags: Tags = {}
    parts = [(at, width + count * length + inline)]
    for n in range(count):
        tag, kind, many = struct.unpack_from(entry, content, n * length)
        value = content[n * length + length - inline : (n + 1) * length]
        total = SIZES[kind] * many if kind in SIZES else MOST_BYTES + 1
        if total > min(size, MOST_BYTES) or tag in tags:
            raise ValueError("a header entry that no run writes")
        if total > inline:
            parts.append((int.from_bytes(value, "little"), total))
            file.seek(parts[-1][0])
            value = file.read(total)
        tags[tag] = (kind, many, value[:total])
    return tags, int.from_bytes(content[count * length :], "little"), parts


def _blocks(tags: Tags) -> list[tuple[int, int]]:
    places, sizes = (
        np.frombuffer(tags[t][2], {3: "<u2", 4: "<u4", 16: "<u8"}[tags[t][0]]) if t in tags else np.empty(0, "<u4")
        for t in (TILE_OFFSETS, TILE_BYTE_COUNTS)
    )
    if len(places) != len(sizes) or not len(places):
        raise ValueError("no blocks")
    return [(int(o), int(n)) for o, n in zip(places, sizes, strict=True)]


def _crs_words(sealed: Path, now: Path) -> str:
    """Return how a file names its CRS where it does so in other words than the recomputation, though it is the same."""
    one, two = (_layout(path).directories[0] for path in (sealed, now))
    if all(one.get(t) == two.get(t) for t in GEO_KEYS):
        return ""
    text = bytes(one.get(34737, (0, 0, b""))[2]).decode("ascii", "replace")
    shown = "".join(c if c.isprintable() else "?" for c in text)[:120]
    return f"names its CRS in other words than the recomputation ({shown}); it is the same CRS"


def _same_meaning(sealed: Path, now: Path) -> bool:
    """Tell whether two headers say the same, though they may put it in other bytes."""
    from mitoshi.sensors import guard

    with attempt(sealed), guard.open_raster(sealed) as one, guard.open_raster(now) as two:
        return bool(_said(one) == _said(two))


def _said(dataset: Any) -> list[Any]:
    spaces = [s for s in dataset.tag_namespaces() if s != "DERIVED_SUBDATASETS"]
    nodata = None if dataset.nodata is None else str(dataset.nodata)
    structure = {k: dataset.tags(ns=k) for k in spaces}
    bands = {k: dataset.tags(1, ns=k) for k in dataset.tag_namespaces(1)}
    try:
        colours = dataset.colormap(1)
    except ValueError:
        colours = None
    return [
        dataset.driver, dataset.crs, dataset.transform, dataset.shape, dataset.dtypes, nodata, dataset.tags(), structure,
        dataset.tags(1), bands, dataset.descriptions, dataset.units, dataset.scales, dataset.offsets, dataset.colorinterp,
        colours, dataset.mask_flag_enums, dataset.gcps, dataset.block_shapes, dataset.photometric, dataset.compression,
    ]  # fmt: skip


def _pixels(sealed: Path, now: Path, levels: int) -> str:
    """Return words about the first pixel that differs, on any level."""
    import rasterio

    from mitoshi.sensors import guard

    for level in range(levels):
        # Both have been opened by the guard before, and their layout is that of a run.
        options: dict[str, Any] = {"driver": "GTiff", **({"overview_level": level - 1} if level else {})}
        with guard.reading(), rasterio.open(sealed, **options) as one, rasterio.open(now, **options) as two:
            for row in range(0, one.shape[0], ROWS):
                window = ((row, min(row + ROWS, one.shape[0])), (0, one.shape[1]))
                with attempt(sealed):
                    a, b = one.read(1, window=window), two.read(1, window=window)
                if not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
                    return f"its overview {level} does not show its pixels" if level else "has other pixels"
    return ""
