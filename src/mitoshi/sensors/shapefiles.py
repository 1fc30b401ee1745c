"""Shapefiles: a layer in several files, in a folder or an archive; sizes are checked in the bytes before anything is decoded.

Shapes are read by GDAL from a private folder that holds nothing but links to the layer's own files; the attributes by
`mitoshi.sensors.dbase`. (ESRI Shapefile Technical Description, July 1998.)
"""

from __future__ import annotations

import os
import struct
import tempfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError, RefusedError
from mitoshi.core.text import Text
from mitoshi.core.vocabulary import head_of, vocabulary
from mitoshi.sensors.dbase import read_dbf, row_count
from mitoshi.sensors.guard import inside, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mitoshi.core.features import FeatureKind, Features
    from mitoshi.sensors.tree import Tree

__all__ = ["companions", "completed_heads", "layers_of", "members_of", "read_layer", "rows_of"]

MEMBERS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
HEADER, FILE_CODE, VERSION = 100, 9994, 1000
KINDS = frozenset({0, 1, 3, 5, 8, 11, 13, 15, 18, 21, 23, 25, 28})
MULTIPATCH = 31
HEAD = 10  # bytes of a heading
CUT = Text(
    "column names that the shapefile cuts are completed: {heads}",
    "シェープファイルで切り詰められた列名を次のとおり補いました：{heads}",
)
MAX_UNPACKED = 4 * 2**30  # bytes of a layer in an archive
MAX_SMALL = 1 << 20  # bytes of a .prj or .cpg


def companions(path: Path) -> dict[str, Path]:
    """Return the files of a layer that lie beside its .shp, by suffix in lower case; links out of the folder are not followed."""
    folder = path.parent
    beside = {
        p.name.lower(): p
        for p in folder.iterdir()
        if p.stem.lower() == path.stem.lower() and p.is_file() and inside(folder, p)
    }
    return {s: beside[path.stem.lower() + s] for s in MEMBERS if path.stem.lower() + s in beside} | {".shp": path}


def layers_of(tree: Tree) -> list[str]:
    """Return the layers of an archive: the names of its .shp files without their suffix."""
    return sorted(name[:-4] for name in tree.members if name.lower().endswith(".shp") and "__MACOSX/" not in name)


def members_of(tree: Tree, layer: str) -> dict[str, Path]:
    """Return the unpacked files of a layer of an archive, by suffix in lower case.

    Raises
    ------
    RefusedError
        If they would be too large.
    """
    chosen: dict[str, str] = {}
    for name in tree.members:
        suffix = PurePosixPath(name).suffix
        if suffix.lower() in MEMBERS and name[: len(name) - len(suffix)].lower() == layer.lower():
            chosen[suffix.lower()] = name
    size = sum(tree.members[name].size for name in chosen.values())
    if size > MAX_UNPACKED:
        raise RefusedError(
            f"{tree.path.name}: {layer[:60]} unfolds to {size >> 20} MiB; the limit is {MAX_UNPACKED >> 20} MiB; cut it"
        )
    return {suffix: tree.file(name) for suffix, name in chosen.items()}


def rows_of(files: Mapping[str, Path], name: str) -> tuple[int, int]:
    """Return rows and bytes of a layer after checking that its files are there and whole.

    Parameters
    ----------
    files
        By suffix.
    name
        Of the layer, without suffix.

    Raises
    ------
    InputError
        If a file is missing, damaged or cut short, or they do not belong together.
    RefusedError
        If it holds solids.
    """
    if ".dbf" not in files:
        raise InputError(
            f"{name}.shp has no {name}.dbf beside it, which holds its attributes; copy all files of the shapefile "
            "(.shp, .shx, .dbf, .prj)"
        )
    _check_shp(files[".shp"], f"{name}.shp")
    rows = row_count(files[".dbf"], f"{name}.dbf")
    shapes = len(_index(files, name))
    if shapes != rows:
        raise InputError(
            f"{name}.shp holds {shapes} shapes but {name}.dbf {rows} rows; copy all files of one and the same export"
        )
    return rows, sum(path.stat().st_size for path in files.values())


def read_layer(files: Mapping[str, Path], name: str) -> tuple[Features, tuple[Text, ...]]:
    """Return the features of a layer whose files were checked, and what is to be said of them.

    Parameters
    ----------
    files
        By suffix.
    name
        Of the layer, without suffix.

    Raises
    ------
    InputError
        If a file is damaged.
    """
    import geopandas
    import pyogrio

    table = read_dbf(files[".dbf"], f"{name}.dbf", _small(files, ".cpg"))
    try:
        with _staged(files, name) as staged:
            shapes = pyogrio.read_dataframe(staged, columns=[], use_arrow=True, force_2d=True)
    except Exception as error:  # whatever GDAL, Arrow and GEOS dislike of its bytes
        raise InputError(f"{name}.shp holds damaged shapes ({one_line(error)[:80]}); export the layer again") from None
    if len(shapes) != len(table.deleted):
        raise InputError(f"{name}.shp holds damaged shapes; export the layer again")
    columns = {head: values for head, values in table.columns.items() if head != "geometry"}
    frame = geopandas.GeoDataFrame(columns, geometry=shapes.geometry.to_numpy(), crs=shapes.crs)
    return frame[~table.deleted].reset_index(drop=True), table.texts


def completed_heads(features: Features, kind: FeatureKind) -> tuple[Features, tuple[Text, ...]]:
    """Return features whose headings, which a .dbf cuts to 10 bytes, are those of the columns that alone begin so.

    Parameters
    ----------
    features
        Of a shapefile.
    kind
        What they are.
    """
    declared = {c.name for c in kind.columns}
    words = {name: {name, *vocabulary()["heads"].get(name, ())} for name in declared}
    renamed: dict[str, str] = {}
    for head in map(str, features.columns):
        if head in declared or head_of(head) is not None:
            continue
        fits = {name for name, heads in words.items() if any(head in _cuts(word) for word in heads)}
        if len(fits) == 1 and not fits & {*map(str, features.columns), *renamed.values()}:
            renamed[head] = fits.pop()
    if not renamed:
        return features, ()
    return features.rename(columns=renamed), (CUT.format(heads=", ".join(f"{h} = {n}" for h, n in renamed.items())),)


def _cuts(word: str) -> set[str]:
    """Return what is left of a heading that is too long for a .dbf, in the encodings of Japan."""
    whole = {encoding: word.encode(encoding, "ignore") for encoding in ("utf-8", "cp932", "euc_jp")}
    return {raw[:HEAD].decode(encoding, "ignore") for encoding, raw in whole.items() if len(raw) > HEAD}


def _small(files: Mapping[str, Path], suffix: str) -> str:
    if suffix not in files or files[suffix].stat().st_size > MAX_SMALL:
        return ""
    return files[suffix].read_bytes().decode("ascii", "ignore").strip()


def _check_shp(path: Path, name: str) -> None:
    with path.open("rb") as file:
        head = file.read(HEADER)
    size = path.stat().st_size
    if len(head) < HEADER:
        raise InputError(f"{name} is cut short: it has {size} bytes, fewer than its header; copy it again")
    code, words = struct.unpack(">i20xi", head[:28])
    version, kind = struct.unpack("<ii", head[28:36])
    if code != FILE_CODE or version != VERSION or kind not in KINDS | {MULTIPATCH}:
        raise InputError(f"{name} is a damaged shapefile (its header makes no sense); export the layer again")
    if kind == MULTIPATCH:
        raise RefusedError(f"{name} holds solids (MultiPatch), not outlines; export the footprints as polygons")
    if 2 * words > size:
        raise InputError(f"{name} is cut short: it says {2 * words} bytes and has {size}; copy it again")


def _index(files: Mapping[str, Path], name: str) -> Any:
    """Return offset and length of each shape in 16-bit words, (shapes, 2): of the .shx, else by walking through the .shp."""
    size = files[".shp"].stat().st_size
    if ".shx" in files:
        content = files[".shx"].read_bytes()[HEADER:]
        records = np.frombuffer(content[: len(content) // 8 * 8], ">i4").astype(np.int64).reshape(-1, 2)
    else:
        records = _walked(files[".shp"].read_bytes(), name)
    bad = (records[:, 0] < HEADER // 2) | (records[:, 1] < 2) | (2 * (records[:, 0] + records[:, 1]) + 8 > size)
    if bad.any():
        raise InputError(
            f"{name}.shp is cut short or damaged: shape {int(np.argmax(bad)) + 1} lies beyond its end; copy it again"
        )
    return records


def _walked(content: bytes, name: str) -> Any:
    records, at = [], HEADER
    while at + 8 <= len(content):
        (length,) = struct.unpack_from(">i", content, at + 4)
        if length < 2:
            raise InputError(f"{name}.shp is damaged at byte {at}; export the layer again")
        records.append((at // 2, length))
        at += 8 + 2 * length
    return np.array(records, np.int64).reshape(-1, 2)


def _is_crs(text: str) -> bool:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        CRS.from_wkt(text)
    except CRSError:
        return False
    return True


@contextmanager
def _staged(files: Mapping[str, Path], name: str) -> Iterator[str]:
    """Yield the path of a .shp in a folder of its own, with its index and its CRS and without its attributes."""
    with tempfile.TemporaryDirectory(prefix="mitoshi-shp-") as folder:
        for suffix in (".shp", ".shx", ".prj"):
            if suffix in files and (suffix != ".prj" or _is_crs(_small(files, ".prj"))):
                os.symlink(files[suffix].resolve(), Path(folder, "layer" + suffix))
        if ".shx" not in files:
            Path(folder, "layer.shx").write_bytes(_shx(files[".shp"].read_bytes()[:HEADER], _index(files, name)))
        yield str(Path(folder, "layer.shp"))


def _shx(head: bytes, records: Any) -> bytes:
    words = (HEADER + 8 * len(records)) // 2
    index: bytes = records.astype(">i4").tobytes()
    return head[:24] + struct.pack(">i", words) + head[28:] + index
