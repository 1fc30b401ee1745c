"""Compare Parquet files whose content is the same but whose bytes are not: columns, types, units, and its metadata."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mitoshi.evidence.sealed_files import decided_by_bytes
from mitoshi.evidence.verdict import FileCheck

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_table"]

PACKING = frozenset({b"ARROW:schema"})  # the schema once more, in the words of a library's version
LIBRARIES = frozenset({"creator", "pandas_version"})
MEANING = frozenset({b"geo", b"pandas"})  # JSON in which a library names itself


def check_table(name: str, sealed: Path, now: Path, *, values: bool = True) -> FileCheck:
    """Compare a Parquet file of a bundle with a recomputed one.

    Parameters
    ----------
    name, sealed, now
        The file and its recomputation.
    values
        Whether the values must be the same, too; otherwise they have been compared within their tolerance.
    """
    decided = decided_by_bytes(name, sealed, now)
    if decided is not None:
        return decided
    try:
        words = _unlike(sealed, now, values=values)
    except Exception as error:  # a sealed file is anybody's
        return FileCheck(name, "different", f"is no Parquet file that can be read ({type(error).__name__})")
    return FileCheck(name, "different", words) if words else FileCheck(name, "equal")


def _unlike(sealed: Path, now: Path, *, values: bool) -> str:
    import pyarrow.parquet as pq

    one, two = (pq.ParquetFile(path) for path in (sealed, now))
    if not one.schema_arrow.equals(two.schema_arrow, check_metadata=False):
        return "has columns of other names or types than the recomputation"
    if one.metadata.num_rows != two.metadata.num_rows:
        return "has another number of rows than the recomputation"
    left = LIBRARIES if values else LIBRARIES | {"bbox"}  # the extent of other values is another
    a, b = (_said(f.metadata.metadata or {}, left) for f in (one, two))
    key = next((k for k in sorted({*a, *b}) if a.get(k) != b.get(k)), None)
    if key is not None:
        return f"says something else of itself ({key.decode('utf-8', 'replace')[:40]})"
    from mitoshi.evidence.lists import read_list, table_digest

    if values and table_digest(read_list(sealed)) != table_digest(read_list(now)):
        return "holds other values than the recomputation"
    return ""


def _said(metadata: dict[bytes, bytes], left: frozenset[str]) -> dict[bytes, Any]:
    plain = {k: v for k, v in metadata.items() if k not in PACKING}
    return {k: _without(json.loads(v), left) if k in MEANING else v for k, v in plain.items()}


def _without(value: Any, left: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {k: _without(v, left) for k, v in value.items() if k not in left}
    return [_without(v, left) for v in value] if isinstance(value, list) else value
