"""What is checked of a GeoPackage's schema before a row is read: an SQLite file can hold code in it.

A view, a virtual table and a generated column compute when they are read, without end if their maker likes; a GeoPackage of
observations needs none of them in the tables that name its layers or in the layers themselves.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from mitoshi.core.errors import InputError, RefusedError
from mitoshi.core.geometry_depth import DEEPEST, check_wkb

if TYPE_CHECKING:
    import sqlite3

__all__ = ["check_geometries", "check_schema"]

SECONDS = 5.0
STEPS = 100_000  # of SQLite's machine between two looks at the clock
MAX_OBJECTS = 10_000
MAX_COLUMNS = 2000
SMALLEST_HEAD = 9  # bytes of one level of a nested collection: byte order, type, count
ENVELOPES = (0, 32, 48, 48, 64, 0, 0, 0)  # bytes, by the indicator in a geometry's flags (OGC 12-128r19, clause 2.1.3)
INDEX = re.compile(r"^\s*CREATE\s+VIRTUAL\s+TABLE\s+\S+\s+USING\s+[\"']?rtree\b", re.IGNORECASE)
VIRTUAL = re.compile(r"^\s*CREATE\s+VIRTUAL\b", re.IGNORECASE)


def check_schema(base: sqlite3.Connection, name: str) -> None:
    """Refuse a schema that computes; afterwards queries on this connection end after some seconds.

    Raises
    ------
    RefusedError
        If a table of the standard, or one with rows, is a view, virtual or generated.
    InputError
        If the file is damaged.
    """
    import sqlite3 as sqlite

    end = time.monotonic() + SECONDS
    base.set_progress_handler(lambda: time.monotonic() > end, STEPS)
    try:
        found = base.execute("SELECT type, name, sql FROM sqlite_master LIMIT ?", (MAX_OBJECTS + 1,)).fetchall()
        if len(found) > MAX_OBJECTS:
            raise RefusedError(f"{name} holds more than {MAX_OBJECTS} tables and indices; export the layers you need")
        for kind, table, sql in found:
            if kind == "view" and str(table).lower().startswith(("gpkg_", "rtree_", "sqlite_")):
                raise RefusedError(
                    f"{str(table)[:60]!r} of {name} is a view, which may hold any query; export it again"
                )
            if kind == "table":
                _check_table(base, str(table), str(sql or ""), name)
    except sqlite.Error as error:
        raise InputError(f"{name} is a damaged GeoPackage ({str(error)[:100]}); export it again") from None


def _check_table(base: sqlite3.Connection, table: str, sql: str, name: str) -> None:
    if VIRTUAL.match(sql):
        if not INDEX.match(sql):
            raise RefusedError(f"{table[:60]!r} of {name} is a virtual table, which may run code; export it again")
        return
    columns = base.execute(
        "SELECT name, hidden FROM pragma_table_xinfo(?) LIMIT ?", (table, MAX_COLUMNS + 1)
    ).fetchall()
    if len(columns) > MAX_COLUMNS:
        raise RefusedError(f"{table[:60]!r} of {name} has more than {MAX_COLUMNS} columns; export the ones you need")
    for column, hidden in columns:
        if hidden:
            raise RefusedError(
                f"column {str(column)[:60]!r} of {table[:60]!r} in {name} is generated, which may hold any expression; "
                "export it as plain values"
            )


def check_geometries(base: sqlite3.Connection, layer: str, name: str) -> None:
    """Refuse a layer in which a geometry nests too deep: its bytes reach GEOS as they are.

    Raises
    ------
    RefusedError
        If one does.
    InputError
        If the file is damaged.
    """
    import sqlite3 as sqlite

    try:
        known = base.execute("SELECT 1 FROM sqlite_master WHERE name = 'gpkg_geometry_columns'").fetchone()
        found = (
            base.execute("SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (layer,))
            if known
            else ()
        )
        for column in [str(row[0]) for row in found]:
            table, field = (f'"{part.replace(chr(34), 2 * chr(34))}"' for part in (layer, column))
            rows = base.execute(f"SELECT {field} FROM {table} WHERE length({field}) > ?", (DEEPEST * SMALLEST_HEAD,))  # noqa: S608 - quoted
            check_wkb((_wkb(row[0]) for row in rows), f"layer {layer[:60]!r} of {name}, long geometries")
    except sqlite.Error as error:
        raise InputError(f"{name} is a damaged GeoPackage ({str(error)[:100]}); export it again") from None


def _wkb(blob: object) -> bytes | None:
    """Return the WKB in a geometry of a GeoPackage; what has no head of one is WKB already."""
    if not isinstance(blob, bytes):
        return None
    return blob[8 + ENVELOPES[blob[3] >> 1 & 7] :] if blob[:2] == b"GP" and len(blob) > 8 else blob
