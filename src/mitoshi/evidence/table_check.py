"""Compare Parquet files whose content is the same but whose bytes are not: columns, types, units, and its metadata."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import RefusedError
from mitoshi.core.isolation import attempt
from mitoshi.evidence.sealed_files import decided_by_bytes
from mitoshi.evidence.verdict import FileCheck

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_table"]

PACKING = frozenset({b"ARROW:schema"})  # the schema once more, in the words of a library's version
LIBRARIES = frozenset({"creator", "pandas_version"})
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
    return FileCheck(name, "different", words) if words else FileCheck(name, "equal")


def _unlike(sealed: Path, now: Path) -> str:
    import pyarrow.parquet as pq

    one, two = (pq.ParquetFile(path) for path in (sealed, now))
    if not one.schema_arrow.equals(two.schema_arrow, check_metadata=False):
        return "has columns of other names or types than the recomputation"
    if one.metadata.num_rows != two.metadata.num_rows:
        return "has another number of rows than the recomputation"
    a, b = (_said(f.metadata.metadata or {}) for f in (one, two))
    key = next((k for k in sorted({*a, *b}) if a.get(k) != b.get(k)), None)
    if key is not None:
        return f"says something else of itself ({key.decode('utf-8', 'replace')[:40]})"
    from mitoshi.evidence.lists import read_list, table_digest

    if table_digest(read_list(sealed)) != table_digest(read_list(now)):
        return "holds other values than the recomputation"
    return ""


def _said(metadata: dict[bytes, bytes]) -> dict[bytes, Any]:
    plain = {k: v for k, v in metadata.items() if k not in PACKING}
    # The extent of no rows is NaN, which equals nothing: taken as its word.
    return {k: _meaning(json.loads(v, parse_constant=str)) if k in MEANING else v for k, v in plain.items()}


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
