"""The attribute table of a shapefile (dBASE III, .dbf): sizes checked first, every cell's text by the encoding that it is in.

A cell that its fixed width cuts in the middle of a character loses that character alone; identifiers keep their text; blanks and
rows of asterisks are missing.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError
from mitoshi.core.text import Text
from mitoshi.sensors.text_encoding import best_reading

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Table", "read_dbf", "row_count"]

HEADER, FIELD = 32, 32  # bytes of the header and of each field's description
END_OF_FIELDS = 0x0D
MAX_FIELDS = 1024
EXACT = 2**53
HEAD_WIDTH = 10
JAPANESE = ("utf-8", "cp932", "euc_jp")
SAMPLED = 2000  # rows that must agree with an encoding
LANGUAGES = {0x01: "cp437", 0x02: "cp850", 0x03: "cp1252", 0x13: "cp932", 0x7B: "cp932", 0x4D: "cp936", 0x4E: "cp949",
             0x4F: "cp950", 0x64: "cp852", 0x65: "cp866", 0xC8: "cp1250", 0xC9: "cp1251"}  # fmt: skip
"""Of the language driver identifier at byte 29; 0x00 and 0x57 ("ANSI") say nothing."""
PAGES = {"932": "cp932", "sjis": "cp932", "shift_jis": "cp932", "shiftjis": "cp932", "ms932": "cp932", "windows31j": "cp932",
         "65001": "utf-8", "20932": "euc_jp", "51932": "euc_jp", "eucjp": "euc_jp", "88591": "latin-1"}  # fmt: skip
GUESSED = Text(
    "no file says the encoding of the text: taken as {encoding}",
    "文字コードの記載がないため {encoding} とみなします",
)
CONTRADICTED = Text(
    "the .cpg says {stated!r}, but the text is no such text: taken as {encoding}",
    ".cpg には {stated!r} とありますが、その文字コードでは読めないため {encoding} とみなします",
)
NOT_READ = Text("columns of memos or binary data are not read: {names}", "メモ型・バイナリ型の列は読みません：{names}")


class Table(NamedTuple):
    """Rows of attributes.

    Attributes
    ----------
    columns
        Name to values, one per row of the file.
    deleted
        (rows,) whether a row is marked as deleted.
    texts
        What is to be said of it.
    """

    columns: dict[str, NDArray[Any]]
    deleted: NDArray[np.bool_]
    texts: tuple[Text, ...]


class _Field(NamedTuple):
    raw: bytes
    kind: str
    start: int
    width: int
    decimals: int


class _Layout(NamedTuple):
    rows: int
    header: int
    record: int
    language: int


def row_count(path: Path, name: str) -> int:
    """Return how many rows a .dbf says that it has, after checking that it is whole.

    Raises
    ------
    InputError
        If it is no .dbf or cut short.
    """
    return _layout(path, name).rows


def _layout(path: Path, name: str) -> _Layout:
    with path.open("rb") as file:
        head = file.read(HEADER)
    size = path.stat().st_size
    if len(head) < HEADER:
        raise InputError(f"{name} is cut short: it has {len(head)} bytes, fewer than its header; copy it again")
    rows, header, record = (int.from_bytes(head[a:b], "little") for a, b in ((4, 8), (8, 10), (10, 12)))
    if header < HEADER + 1 or record < 1:
        raise InputError(f"{name} is no dBASE table (its header makes no sense); export the layer again")
    whole = header + rows * record
    if size < whole:
        raise InputError(f"{name} is cut short: {rows} rows need {whole} bytes, it has {size}; copy it again")
    return _Layout(rows, header, record, head[29])


def read_dbf(path: Path, name: str, stated: str = "") -> Table:
    """Return the rows of a .dbf.

    Parameters
    ----------
    path
        A regular file.
    name
        For messages.
    stated
        What the .cpg beside it says; "" where there is none.

    Raises
    ------
    InputError
        If it is damaged.
    """
    layout = _layout(path, name)
    with path.open("rb") as file:
        fields = _fields(file.read(layout.header), layout, name)
        block = np.frombuffer(file.read(layout.rows * layout.record), np.uint8).reshape(layout.rows, layout.record)
    texts = {n: _cells(block, f) for n, f in enumerate(fields) if f.kind == "C"}
    sample = [(f.raw, HEAD_WIDTH) for f in fields]
    sample += [(cell, fields[n].width) for n, cells in texts.items() for cell in cells[:SAMPLED].tolist()]
    encoding, said = _encoding(stated, layout.language, sample, name)
    columns: dict[str, NDArray[Any]] = {}
    skipped = []
    for n, field in enumerate(fields):
        head = _head(field.raw, encoding, n, columns)
        values = (
            _decoded(texts[n], encoding, field.width)
            if n in texts
            else _values(_cells(block, field), field, head, name)
        )
        if values is None:
            skipped.append(head)
        else:
            columns[head] = values
    if skipped:
        said = (*said, NOT_READ.format(names=", ".join(skipped)))
    return Table(columns, block[:, 0] == ord("*"), said)


def _fields(header: bytes, layout: _Layout, name: str) -> list[_Field]:
    fields: list[_Field] = []
    start = 1  # after the mark of deletion
    for at in range(HEADER, len(header) - FIELD + 1, FIELD):
        if header[at] == END_OF_FIELDS:
            break
        raw, kind = header[at : at + 11].split(b"\0", 1)[0], chr(header[at + 11]).upper()
        width = header[at + 16] + (256 * header[at + 17] if kind == "C" else 0)
        fields.append(_Field(raw, kind, start, width, header[at + 17]))
        start += width
    if not fields or len(fields) > MAX_FIELDS or start > layout.record or any(f.width == 0 for f in fields):
        raise InputError(
            f"{name} is a damaged dBASE table (its {len(fields)} columns do not fit); export the layer again"
        )
    return fields


def _cells(block: NDArray[np.uint8], field: _Field) -> NDArray[Any]:
    """Return the bytes of a column without blanks around them, (rows,)."""
    part = np.ascontiguousarray(block[:, field.start : field.start + field.width])
    return np.asarray(np.char.strip(part.view(f"S{field.width}").ravel(), b" \0\r\n\t"))


def _encoding(stated: str, language: int, sample: list[tuple[bytes, int]], name: str) -> tuple[str, tuple[Text, ...]]:
    """Return the encoding of the text, and what had to be supposed for it."""
    for known in (_codec(stated), LANGUAGES.get(language)):
        if known is not None and _sample(sample, known) is not None:
            return known, ()
    if all(cell.isascii() for cell, _ in sample):
        return "ascii", ()
    found = best_reading({e: text for e in JAPANESE if (text := _sample(sample, e)) is not None})
    if found is None:
        raise InputError(
            f"{name} holds text in an encoding that is not understood; save it as UTF-8, with a .cpg file that says UTF-8"
        )
    note = CONTRADICTED.format(stated=stated[:20], encoding=found) if stated else GUESSED.format(encoding=found)
    return found, (note,)


def _sample(cells: list[tuple[bytes, int]], encoding: str) -> str | None:
    """Return what cells say in an encoding, given with the width of their column; None where one cannot be read in it."""
    texts = []
    for cell, width in cells:
        text = _text(cell, encoding, width)
        if text is None:
            return None
        texts.append(text)
    return "\n".join(texts)


def _codec(stated: str) -> str | None:
    plain = (
        "".join(c for c in stated.lower() if c.isalnum() or c == "_")
        .removeprefix("ansi")
        .removeprefix("oem")
        .strip("_")
    )
    try:
        return (
            codecs.lookup(PAGES.get(plain, PAGES.get(plain.replace("_", ""), stated.strip()))).name if plain else None
        )
    except (LookupError, ValueError):
        return None


def _text(cell: bytes, encoding: str, width: int) -> str | None:
    """Return a cell as text; one that fills its column may end within a character, which is left out."""
    for cut in range(4 if len(cell) >= width else 1):
        try:
            return cell[: len(cell) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _head(raw: bytes, encoding: str, number: int, columns: dict[str, Any]) -> str:
    text = (_text(raw, encoding, HEAD_WIDTH) or raw.decode("latin-1")).strip() or f"column{number + 1}"
    return text if text not in columns else f"{text}_{number + 1}"


def _decoded(cells: NDArray[Any], encoding: str, width: int) -> NDArray[Any]:
    try:
        words = np.char.decode(cells, encoding).astype(object)
    except UnicodeDecodeError:
        words = np.array([_text(c, encoding, width) or c.decode(encoding, "replace") for c in cells.tolist()], object)
    words[words == ""] = None
    return np.asarray(words)


def _values(cells: NDArray[Any], field: _Field, head: str, name: str) -> NDArray[Any] | None:
    """Return numbers, dates as ISO text, or truth values; None for kinds that hold no plain value."""
    if field.kind in "NF":
        return _numbers(cells, field, head, name)
    if field.kind == "D":
        days = [f"{d[:4]}-{d[4:6]}-{d[6:8]}" if len(d) == 8 and d.isdigit() else None for d in cells.astype(str)]
        return np.array(days, object)
    if field.kind == "L":
        truth = {"T": True, "Y": True, "F": False, "N": False}
        return np.array([truth.get(c.upper()) for c in cells.astype("U1")], object)
    return None


def _numbers(cells: NDArray[Any], field: _Field, head: str, name: str) -> NDArray[Any]:
    """Return numbers; whole numbers stay whole, beside missing ones and beyond 2**53 as objects."""
    missing = (cells == b"") | (np.char.strip(cells, b"*") == b"")
    try:
        numbers = np.where(missing, b"nan", cells).astype(np.float64)
    except ValueError:
        raise InputError(
            f"{name}: column {head!r} is declared as numbers but holds other text; export the layer again"
        ) from None
    whole = field.decimals == 0 and not any(b"." in c or b"e" in c.lower() for c in cells[~missing][:1000].tolist())
    if not whole or not bool((numbers[~missing] == np.floor(numbers[~missing])).all()):
        return numbers
    if not missing.any() and (numbers.size == 0 or bool((np.abs(numbers) < EXACT).all())):
        return numbers.astype(np.int64)
    return np.array([None if m else int(c) for c, m in zip(cells.tolist(), missing.tolist(), strict=True)], object)
