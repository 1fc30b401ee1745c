"""A writer of cloud-optimised GeoTIFFs that never holds the scene: blocks come in compressed, the file goes out in COG order.

GDAL's own COG driver needs the finished raster and compresses it a second time; here every block is compressed once, in the
worker that computed it (GDAL is the codec), overviews grow while the scene streams by, and the file is put together at the end
by copying bytes: header, directories, overviews from the smallest to the largest, full resolution. The bytes depend on the
pixels alone. Layout: TIFF 6.0, BigTIFF above 4 GB, and the rules of https://cogeo.org.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.evidence.digest import BLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from mitoshi.evidence.frame import Frame

__all__ = ["Encoding", "Pyramid", "encode", "levels", "read_tags"]

Tags = dict[int, tuple[int, int, bytes]]  # tag -> (type, count, little-endian value)

WIDTH, HEIGHT, TILE_OFFSETS, TILE_BYTE_COUNTS, SUBFILE = 256, 257, 324, 325, 254
PER_LEVEL = {WIDTH, HEIGHT, TILE_OFFSETS, TILE_BYTE_COUNTS}
GEOREFERENCE = {33550, 33922, 34264, 34735, 34736, 34737}
FIRST_ONLY = {*GEOREFERENCE, 42112}  # GDAL's metadata: of the full resolution alone
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 12: 8, 16: 8}
SHORT, LONG, LONG8 = 3, 4, 16
CLASSIC_LIMIT = 4_000_000_000


@dataclass(frozen=True)
class Encoding:
    """How the pixels of one layer are stored.

    Attributes
    ----------
    dtype
        "uint8" or "float32".
    nodata
        Code or NaN.
    level
        DEFLATE level. Level 1 costs 1/7 of the time of level 6 on noise-like float layers, for 1.6 times the size; coded
        layers are cheap at 6.
    units, title
        Of the band.
    colours
        code → (red, green, blue), for coded layers.
    """

    dtype: str
    nodata: float
    level: int
    units: str | None
    title: str
    colours: tuple[tuple[int, tuple[int, int, int]], ...] = ()

    def creation(self, height: int, width: int) -> dict[str, Any]:
        """Return the GDAL creation options of a raster of whole blocks."""
        return {
            "driver": "GTiff",
            "height": height,
            "width": width,
            "count": 1,
            "dtype": self.dtype,
            "tiled": True,
            "blockxsize": BLOCK,
            "blockysize": BLOCK,
            "compress": "DEFLATE",
            "zlevel": self.level,
            "predictor": 1,
            "num_threads": 1,
        }


def encode(values: npt.NDArray[Any], encoding: Encoding) -> list[bytes]:
    """Return the compressed 512 × 512 blocks of a (y, x) array in row-major order; the rim is filled with nodata."""
    rows, columns = (-(-n // BLOCK) * BLOCK for n in values.shape)
    if values.shape != (rows, columns):
        padded = np.full((rows, columns), encoding.nodata, dtype=values.dtype)
        padded[: values.shape[0], : values.shape[1]] = values
        values = padded
    content = _tiff_bytes(values, encoding)
    tags, unpack = read_tags(content), struct.unpack
    offsets, sizes = (
        unpack(f"<{tags[t][1]}{'H' if tags[t][0] == SHORT else 'I'}", tags[t][2])
        for t in (TILE_OFFSETS, TILE_BYTE_COUNTS)
    )
    return [content[o : o + n] for o, n in zip(offsets, sizes, strict=True)]


def _tiff_bytes(
    values: npt.NDArray[Any], encoding: Encoding, frame: Frame | None = None, tags: Mapping[str, str] | None = None
) -> bytes:
    """Return a whole TIFF made by GDAL: the codec, and the source of the georeference tags."""
    import rasterio
    from rasterio.io import MemoryFile

    # Any transform but the identity or its mirror image: without one, GDAL warns of what is not asked of it here.
    place: dict[str, Any] = {"transform": rasterio.Affine(1.0, 0.0, 1.0, 0.0, -1.0, 0.0)}
    if frame is not None and frame.georeferenced:
        place = {"crs": rasterio.crs.CRS.from_wkt(frame.wkt), "transform": rasterio.Affine(*frame.transform)}
    with rasterio.Env(GDAL_NUM_THREADS="1"), MemoryFile() as memory:
        with memory.open(**encoding.creation(*(int(n) for n in values.shape)), **place) as dataset:
            if frame is not None:
                _describe(dataset, encoding)
                dataset.update_tags(**(tags or {}))
            dataset.write(values, 1)
        return bytes(memory.read())


def _describe(dataset: Any, encoding: Encoding) -> None:
    dataset.nodata = encoding.nodata
    dataset.set_band_description(1, encoding.title)
    if encoding.units:
        dataset.set_band_unit(1, encoding.units)
    if encoding.colours:
        dataset.write_colormap(1, dict(encoding.colours))


def read_tags(content: bytes) -> Tags:
    """Return the tags of a little-endian classic TIFF's first directory."""
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    found: Tags = {}
    for n in range(count):
        at = start + 2 + 12 * n
        tag, kind, many = struct.unpack_from("<HHI", content, at)
        size = SIZES[kind] * many
        place = at + 8 if size <= 4 else struct.unpack_from("<I", content, at + 8)[0]
        found[tag] = (kind, many, content[place : place + size])
    return found


def levels(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the shapes of full resolution and overviews, each half the last, until one block holds all.

    >>> levels((1500, 1000))
    [(1500, 1000), (750, 500), (375, 250)]
    """
    found = [shape]
    while max(found[-1]) > BLOCK:
        found.append((-(-found[-1][0] // 2), -(-found[-1][1] // 2)))
    return found


class _Spool(NamedTuple):
    """Where the blocks of one level lie in its temporary file."""

    file: IO[bytes]
    sizes: list[int]


class Pyramid:
    """The levels of one file while the scene streams by in rows of tiles.

    Parameters
    ----------
    shape
        (rows, columns) of the scene.
    encoding
        How pixels are stored.
    halve
        Turns a (y, x) array into one of half the size: the overview rule of the layer.
    folder
        Where temporary files may lie.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        encoding: Encoding,
        halve: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
        folder: Path,
    ) -> None:
        import tempfile

        self.levels = levels(shape)
        self._encoding, self._halve = encoding, halve
        self._spools = [_Spool(tempfile.TemporaryFile(dir=folder), []) for _ in self.levels]  # noqa: SIM115 - held until `close`
        self._waiting: list[npt.NDArray[Any] | None] = [None] * len(self.levels)
        self._seen = [0] * len(self.levels)
        self.kept: dict[int, list[npt.NDArray[Any]]] = {}

    def keep(self, level: int) -> None:
        """Remember the pixels of one overview level (1 or higher) for `picture`."""
        self.kept[level] = []

    def picture(self, level: int) -> npt.NDArray[Any]:
        """Return the remembered level as one array."""
        return np.concatenate(self.kept[level])

    def add(self, blocks: Sequence[bytes]) -> None:
        """Take full-resolution blocks in row-major order of the scene."""
        self._store(0, blocks)

    def add_halved(self, rows: npt.NDArray[Any]) -> None:
        """Take full-width rows of the first overview, in order; any number of them."""
        self._overview(1, rows)

    def _store(self, level: int, blocks: Sequence[bytes]) -> None:
        spool = self._spools[level]
        spool.sizes.extend(len(block) for block in blocks)
        spool.file.writelines(blocks)

    def _overview(self, level: int, rows: npt.NDArray[Any]) -> None:
        if level >= len(self.levels):
            return
        if level in self.kept:
            self.kept[level].append(rows)
        before = self._waiting[level]
        held = rows if before is None else np.concatenate([before, rows])
        last = self._seen[level] + held.shape[0] >= self.levels[level][0]
        ready = held.shape[0] if last else held.shape[0] // BLOCK * BLOCK
        self._waiting[level] = held[ready:]
        if not ready:
            return
        self._seen[level] += ready
        self._store(level, encode(held[:ready], self._encoding))
        self._overview(level + 1, self._halve(held[:ready]))

    def finish(self, path: Path, frame: Frame, tags: Mapping[str, str] | None = None) -> None:
        """Put the file together at `path` and flush it to disk; `tags` are the file's own metadata."""
        import os
        import shutil

        template = np.full((BLOCK, BLOCK), self._encoding.nodata, dtype=self._encoding.dtype)
        entries = read_tags(_tiff_bytes(template, self._encoding, frame, tags))
        if not frame.georeferenced:
            entries = {tag: value for tag, value in entries.items() if tag not in GEOREFERENCE}
        head = _head(entries, self.levels, [spool.sizes for spool in self._spools])
        with path.open("wb") as out:
            out.write(head)
            for spool in reversed(self._spools):
                spool.file.seek(0)
                shutil.copyfileobj(spool.file, out, 1 << 20)
                spool.file.close()
            out.flush()
            os.fsync(out.fileno())

    def close(self) -> None:
        """Drop the temporary files."""
        for spool in self._spools:
            spool.file.close()


def _head(tags: Tags, shapes: Sequence[tuple[int, int]], sizes: Sequence[Sequence[int]]) -> bytes:
    """Return the TIFF header and all directories; block data follows, smallest overview first."""
    big = sum(map(sum, sizes)) + 64 * sum(map(len, sizes)) > CLASSIC_LIMIT
    nowhere = [[0] * len(level) for level in sizes]
    start = len(_directories(tags, shapes, sizes, nowhere, big=big))
    offsets: list[list[int]] = [[] for _ in sizes]
    for level in reversed(range(len(sizes))):
        for size in sizes[level]:
            offsets[level].append(start)
            start += size
    return _directories(tags, shapes, sizes, offsets, big=big)


def _directories(
    tags: Tags,
    shapes: Sequence[tuple[int, int]],
    sizes: Sequence[Sequence[int]],
    offsets: Sequence[Sequence[int]],
    *,
    big: bool,
) -> bytes:
    content = bytearray(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) if big else struct.pack("<2sHI", b"II", 42, 8))
    for n, shape in enumerate(shapes):
        kept = {t: v for t, v in tags.items() if t not in PER_LEVEL and (n == 0 or t not in FIRST_ONLY)}
        kept |= _level_tags(shape, sizes[n], offsets[n], overview=n > 0, big=big)
        content += _directory(kept, len(content), last=n == len(shapes) - 1, big=big)
    return bytes(content)


def _level_tags(
    shape: tuple[int, int], sizes: Sequence[int], offsets: Sequence[int], *, overview: bool, big: bool
) -> Tags:
    count = len(sizes)
    places = (LONG8, count, struct.pack(f"<{count}Q", *offsets)) if big else _longs(offsets)
    found: Tags = {
        WIDTH: _longs([shape[1]]),
        HEIGHT: _longs([shape[0]]),
        TILE_OFFSETS: places,
        TILE_BYTE_COUNTS: _longs(sizes),
    }
    return {**found, SUBFILE: _longs([1])} if overview else found


def _longs(values: Sequence[int]) -> tuple[int, int, bytes]:
    return LONG, len(values), struct.pack(f"<{len(values)}I", *values)


def _directory(tags: Tags, at: int, *, last: bool, big: bool) -> bytes:
    """Return one directory with its values behind it, as it lies at byte `at`."""
    word, entry = ("Q", "<HHQ") if big else ("I", "<HHI")
    inline = 8 if big else 4
    head = 8 if big else 2
    values_at = at + head + len(tags) * (20 if big else 12) + inline
    entries, values = bytearray(struct.pack("<Q" if big else "<H", len(tags))), bytearray()
    for tag, (kind, count, value) in sorted(tags.items()):
        entries += struct.pack(entry, tag, kind, count)
        if len(value) <= inline:
            entries += value.ljust(inline, b"\0")
            continue
        entries += struct.pack(f"<{word}", values_at + len(values))
        values += value + b"\0" * (-len(value) % 8)
    values += b"\0" * (-(values_at + len(values)) % 8)
    following = 0 if last else values_at + len(values)
    return bytes(entries + struct.pack(f"<{word}", following) + values)
