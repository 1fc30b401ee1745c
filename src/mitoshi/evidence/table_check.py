"""Compare Parquet files whose content is the same but whose bytes are not: columns, types, units, and its metadata."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import RefusedError
from mitoshi.core.isolation import attempt
from mitoshi.evidence.plain_check import parsed
from mitoshi.evidence.sealed_files import decided_by_bytes
from mitoshi.evidence.verdict import SAME_CONTENT, FileCheck

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_table"]

PACKING = frozenset({b"ARROW:schema"})  # the schema once more, in the words of a library's version
LIBRARIES = frozenset({"creator", "pandas_version"})
VERSION = r"\d+(?:\.\w+)*(?:[+-][\w.]+)?"
WRITER = re.compile(rf"parquet-cpp-arrow version {VERSION}")
EMPTY = re.compile(rb"(?<=[\[ ,])NaN(?=[,\]])")
MAGIC, FOOTER = 4, 8  # bytes at both ends
MEANING = frozenset({b"geo", b"pandas"})  # JSON in which a library names itself


def check_table(name: str, sealed: Path, now: Path) -> FileCheck:
    """Compare a Parquet file of a bundle with the one that its own values give: values, and what it says of itself.

    Parameters
    ----------
    name, sealed, now
        The file, and what a run writes of these values.

    Raises
    ------
    RefusedError
        If it is not safe to read.
    """
    decided = decided_by_bytes(name, sealed, now)
    if decided is not None:
        return decided
    try:
        with attempt(sealed):
            words = _unlike(sealed, now)
    except RefusedError:
        raise
    except Exception as error:  # a sealed file is anybody's
        return FileCheck(name, "different", f"is no Parquet file that can be read ({type(error).__name__})")
    return FileCheck(name, "different", words) if words else FileCheck(name, "within tolerance", SAME_CONTENT)


def _unlike(sealed: Path, now: Path) -> str:
    import pyarrow.parquet as pq

    one, two = (pq.ParquetFile(path) for path in (sealed, now))
    if not one.schema_arrow.equals(two.schema_arrow, check_metadata=False):
        return "has columns of other names or types than the recomputation"
    if [f.metadata for f in one.schema_arrow] != [f.metadata for f in two.schema_arrow]:
        return "says something else of its columns than the recomputation"
    if one.metadata.num_rows != two.metadata.num_rows:
        return "has another number of rows than the recomputation"
    if WRITER.fullmatch(str(one.metadata.created_by)) is None:
        return "was written by another library than the recomputation"
    if not _contiguous(one.metadata, sealed.stat().st_size):
        return "holds bytes that belong to no column"
    a, b = (_said(f.metadata.metadata or {}) for f in (one, two))
    key = next((k for k in sorted({*a, *b}) if a.get(k) != b.get(k)), None)
    if key is not None:
        return f"says something else of itself ({key.decode('utf-8', 'replace')[:40]})"
    from mitoshi.evidence.lists import read_list, table_digest

    table = one.read()
    if _statistics(one.metadata) != _statistics(_rewritten(table)):
        return "states statistics that are not those of its values"
    if any(_missing(table[n]) != _missing(now) for n, now in zip(table.column_names, two.read().columns, strict=True)):
        return "lacks other values than the recomputation"
    if not all(_plain(column) for column in table.columns):
        return "holds geometries in another form than the recomputation"
    if table_digest(read_list(sealed)) != table_digest(read_list(now)):
        return "holds other values than the recomputation"
    return ""


def _said(metadata: dict[bytes, bytes]) -> dict[bytes, Any]:
    plain = {k: v for k, v in metadata.items() if k not in PACKING}
    # The extent of no rows is NaN, which is no JSON: taken as a word.
    found = {k: parsed(EMPTY.sub(rb'"NaN"', v)) if k in MEANING else v for k, v in plain.items()}
    creators = [c for v in found.values() if isinstance(v, dict) and (c := v.get("creator")) is not None]
    if not all(_known_creator(c) for c in creators):
        return {**found, b"creator": creators}
    return {k: _meaning(v) if k in MEANING else v for k, v in found.items()}


def _known_creator(value: Any) -> bool:
    library, version = (value.get("library"), value.get("version")) if isinstance(value, dict) else (None, None)
    known = library in ("geopandas", "pyarrow") and isinstance(version, str)
    return known and set(value) == {"library", "version"} and re.fullmatch(VERSION, str(version)) is not None


def _meaning(value: Any) -> Any:
    """Return JSON without the names of libraries, and coordinate systems without what a version of PROJ adds to them."""
    if isinstance(value, dict):
        return {k: _crs(v) if k == "crs" else _meaning(v) for k, v in value.items() if k not in LIBRARIES}
    return [_meaning(v) for v in value] if isinstance(value, list) else value


def _crs(described: Any) -> Any:
    """Return name, identifier and definition of a coordinate system in PROJJSON; anything else as it is."""
    if not isinstance(described, dict):
        return described
    from pyproj import CRS

    definition = CRS.from_json_dict(described).to_wkt("WKT2_2019_SIMPLIFIED")
    return {"name": described.get("name"), "id": described.get("id"), "definition": definition}


def _contiguous(metadata: Any, size: int) -> bool:
    """Tell whether the columns' pages lie one behind the other from the first byte to the footer."""
    at = MAGIC
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            column = metadata.row_group(group).column(number)
            first = column.data_page_offset
            if column.has_dictionary_page:
                first = min(first, column.dictionary_page_offset)
            if first != at:
                return False
            at += column.total_compressed_size
    return bool(at + metadata.serialized_size + FOOTER == size)


def _rewritten(table: Any) -> Any:
    import pyarrow.parquet as pq

    stream = BytesIO()
    pq.write_table(table, stream, compression="zstd")
    return pq.read_metadata(stream)


def _statistics(metadata: Any) -> list[Any]:
    """Return what a file says of the values of each column; readers skip rows by it."""
    groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
    columns = [(g.num_rows, g.column(n)) for g in groups for n in range(metadata.num_columns)]
    return [
        (rows, c.num_values, None if (s := c.statistics) is None else (s.has_min_max, s.min, s.max, s.null_count))
        for rows, c in columns
    ]


def _missing(column: Any) -> tuple[Any, Any]:
    """Return where a column has no value, and where it has NaN: a reader tells them apart."""
    import pyarrow as pa
    import pyarrow.compute as pc

    nan = pc.is_nan(column).to_pylist() if pa.types.is_floating(column.type) else None
    return pc.is_null(column).to_pylist(), nan


def _plain(column: Any) -> bool:
    """Tell whether the geometries of a column are ISO WKB, in which no coordinate system can hide."""
    import pyarrow as pa
    import shapely

    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        return True
    content = [v for v in column.to_pylist() if v is not None]
    return bool(list(shapely.to_wkb(shapely.from_wkb(content), include_srid=False, flavor="iso")) == content)
