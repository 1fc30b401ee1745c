"""Tables as text (CSV, TSV): encoding and separator by content, every cell's text unchanged unless it is plainly a number."""

from __future__ import annotations

import codecs
import csv
import io
import re
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError, RefusedError
from mitoshi.core.geometry_depth import check_wkt
from mitoshi.sensors import guard
from mitoshi.sensors.text_encoding import best_encoding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["is_table", "placed", "read_table"]

MAX_CSV = 512 * 2**20
SEPARATOR_LINE = re.compile(r'^"?sep=([,;\t|])"?\r?\n', re.IGNORECASE)  # Excel's own first line
SEPARATORS = (",", ";", "\t", "|")
LONGITUDES, LATITUDES = ("longitude", "lon", "lng", "long", "経度"), ("latitude", "lat", "緯度")
WKT = ("wkt", "geometry_wkt")
DEGREES = "EPSG:4326"
SRID = re.compile(r"\s*SRID=(\d{1,9});", re.IGNORECASE)


def is_table(head: bytes) -> bool:
    """Return whether the first bytes are text whose first line has several columns."""
    if b"\0" in head and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return False
    text = _decoded(head[: len(head) // 2 * 2], "", partial=True)
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return bool(lines) and len(lines[0]) < 65536 and any(s in line for line in lines[:20] for s in SEPARATORS)


def read_table(path: Path) -> tuple[Any, dict[str, Any]]:
    """Return the table, with geometry where columns give one, and what its comments say of it.

    Lines that begin with ``#`` above the heading line are comments; below it they are rows.

    Raises
    ------
    InputError
        If it is no table with one heading line, a heading occurs twice, or a place cannot be read.
    RefusedError
        If it is too large.
    """
    if path.stat().st_size > MAX_CSV:
        raise RefusedError(f"{path.name} is larger than {MAX_CSV >> 20} MiB; give it as GeoParquet")
    text = _decoded(path.read_bytes(), path.name)
    comments, body = _comments(text)
    frame = _frame(body, path.name)
    simulated = any("mitoshi_simulated=true" in c.replace(" ", "") for c in comments)
    return placed(frame, path.name), {"mitoshi_simulated": "true"} if simulated else {}


def _decoded(content: bytes, name: str, *, partial: bool = False) -> str:
    """Return text: by its byte order mark, as UTF-8, ISO-2022-JP, or what reads best as cp932 or EUC-JP."""
    final = not partial
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return codecs.getincrementaldecoder("utf-16")("replace").decode(content, final)
    encoding = best_encoding(content, partial=partial)
    if encoding is None:
        if partial:
            return content.decode("latin-1")
        raise InputError(f"{name} is no text in UTF-8, UTF-16, Shift_JIS, EUC-JP or ISO-2022-JP; save it as UTF-8")
    return codecs.getincrementaldecoder(encoding)("strict").decode(content, final)


def _comments(text: str) -> tuple[list[str], str]:
    """Return the comment lines above the heading line, and the rest."""
    comments, rest = [], text
    while rest.startswith("#") or rest[:1] in {"\n", "\r"}:
        line, _, rest = rest.partition("\n")
        comments.append(line)
    return comments, rest


def _frame(body: str, name: str) -> Any:
    import pandas as pd

    stated = SEPARATOR_LINE.match(body)
    separator = stated[1] if stated else _separator(body)
    body = body[stated.end() :] if stated else body
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=separator, skipinitialspace=True)
    rows: list[list[str]] = []
    try:
        rows.extend(row for row in reader if row)
    except csv.Error as error:
        if "field larger" in str(error):
            raise InputError(
                f"{name}: row {len(rows) + 1} has a cell of more than {csv.field_size_limit() >> 10} KiB; is a quote not closed? "
                "Shorten it, or leave the column out"
            ) from None
        raise InputError(f"{name} is no CSV with a heading line ({guard.one_line(error)[:80]})") from None
    if not rows:
        raise InputError(f"{name} is no CSV with a heading line (it is empty)")
    heads = [h.strip() for h in rows[0]]
    while heads and not heads[-1] and all(len(r) < len(heads) or not r[len(heads) - 1].strip() for r in rows[1:]):
        heads.pop()
    _check_heads(heads, rows, name)
    for number, row in enumerate(rows[1:], 2):
        if len(row) > len(heads) and any(c.strip() for c in row[len(heads) :]):
            raise InputError(
                f"{name}: row {number} has {len(row)} cells but the heading line has {len(heads)}; correct it"
            )
    width = len(heads)
    cells = [(row + [""] * width)[:width] for row in rows[1:]]
    return pd.DataFrame(
        {h: _column([row[n].strip() for row in cells]) for n, h in enumerate(heads)}, index=range(len(cells))
    )


def _separator(body: str) -> str:
    """Return the separator that occurs most in the first line outside quotes."""
    bare = "".join(body.split("\n", 1)[0].split('"')[::2])
    return max(SEPARATORS, key=bare.count)


def _check_heads(heads: list[str], rows: list[list[str]], name: str) -> None:
    twice = sorted({h for h in heads if heads.count(h) > 1 and h})
    if twice:
        raise InputError(
            f"{name} has the column {twice[0]!r} {heads.count(twice[0])} times; give each column its own name"
        )
    title = len(heads) == 1 or sum(not h for h in heads) > len(heads) // 2
    if title and len(rows) > 1 and max(len(r) for r in rows[1:]) > max(1, sum(bool(h) for h in heads)):
        raise InputError(
            f"{name} begins with a title ({' '.join(filter(None, heads))[:40]!r}), not with the names of its columns; remove the "
            "lines above the heading line, or begin them with '#'"
        )
    if not all(heads):
        raise InputError(f"{name}: column {heads.index('') + 1} has no name; give every column one")


def _column(cells: list[str]) -> Any:
    """Return cells as numbers where every one is the number's own text, else as text; empty is missing.

    01100, 1e5, 1.50, NA and numbers beyond 2**53 stay text, and so do whole numbers beside a missing one.
    """
    import numpy as np

    filled = [c for c in cells if c]
    if filled and len(filled) == len(cells) and all(_is_integer(c) for c in filled):
        return np.array([int(c) for c in cells], np.int64)
    if filled and not all(_is_integer(c) for c in filled) and all(_is_decimal(c) for c in filled):
        return np.array([float(c) if c else np.nan for c in cells])
    return np.array([c or None for c in cells], object)


def _is_integer(cell: str) -> bool:
    return cell.lstrip("-").isascii() and cell.lstrip("-").isdigit() and len(cell) < 16 and str(int(cell)) == cell


def _is_decimal(cell: str) -> bool:
    try:
        return _is_integer(cell) or (
            repr(float(cell)) == cell.lower() and cell[-1].isdigit() and "e" not in cell.lower()
        )
    except ValueError:
        return False


def placed(table: Any, name: str) -> Any:
    """Return the table with geometry where columns give one; a row without coordinates has an empty place.

    Raises
    ------
    InputError
        If coordinates are no numbers, or no longitudes and latitudes.
    """
    import geopandas
    import shapely

    lower = {str(c).strip().lower(): c for c in table.columns}
    wkt = next((lower[n] for n in WKT if n in lower), None)
    if wkt is not None:
        check_wkt(table[wkt], name)
        texts = [t if isinstance(t, str) else "GEOMETRYCOLLECTION EMPTY" for t in table[wkt]]
        shapes = shapely.from_wkt([SRID.sub("", t) for t in texts], on_invalid="ignore")
        if any(g is None for g in shapes):
            raise InputError(f"{name}: column {wkt} holds text that is no WKT geometry")
        return geopandas.GeoDataFrame(table.drop(columns=[wkt]), geometry=shapes, crs=_srid(texts, name))
    longitude = next((lower[n] for n in LONGITUDES if n in lower), None)
    latitude = next((lower[n] for n in LATITUDES if n in lower), None)
    if longitude is None or latitude is None:
        return table
    x, y = _degrees(table[longitude], name), _degrees(table[latitude], name)
    return geopandas.GeoDataFrame(table, geometry=_points(x, y, name), crs=DEGREES)


def _srid(texts: Sequence[str], name: str) -> str:
    """Return the CRS that EWKT names (``SRID=4301;POINT …``), WGS 84 where it names none."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    named = {
        match[1] if (match := SRID.match(t)) else "" for t in texts if not t.startswith("GEOMETRYCOLLECTION EMPTY")
    }
    if len(named) > 1:
        raise InputError(f"{name}: its geometries name several systems of coordinates (SRID); bring them into one")
    code = next(iter(named), "")
    try:
        return CRS.from_epsg(int(code)).to_string() if code else DEGREES
    except CRSError:
        raise InputError(f"{name}: its geometries name SRID={code}, which is no EPSG code; give one") from None


def _degrees(column: Any, name: str) -> Any:
    import numpy as np

    from mitoshi.core.errors import QuantityError
    from mitoshi.core.features import Column, number_values
    from mitoshi.core.text import Text

    words = str(column.name)
    try:
        return np.asarray(number_values(column, Column(words, "float", Text(words, words)), name), float)
    except QuantityError as error:
        raise InputError(str(error)) from None


def _points(x: Any, y: Any, name: str) -> Any:
    import numpy as np
    import shapely

    known = np.isfinite(x) & np.isfinite(y)
    bad = np.flatnonzero(known & ((np.abs(y) > 90) | (np.abs(x) > 360)))
    if bad.size:
        row = int(bad[0])
        turned = (np.abs(x[bad]) <= 90).all() and (np.abs(y[bad]) <= 360).all()
        hint = "; are longitude and latitude exchanged?" if turned else "; give degrees of WGS 84"
        raise InputError(
            f"{name}: row {row + 1} has longitude {x[row]:g} and latitude {y[row]:g}, which is no place on the Earth{hint}"
        )
    points = np.array([shapely.Point()] * len(x), object)
    points[known] = shapely.points(x[known], y[known])
    return points
