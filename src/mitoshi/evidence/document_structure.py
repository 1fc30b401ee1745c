"""The bytes of a PDF, accounted for from the first to the last, and its streams unpacked without a remainder.

Readers of PDF disagree on files that are not in order: where two objects have one number, where a filter is named twice, where
bytes stand between objects. What one reader shows, another does not. So a report is compared only if it is in order (ISO 32000-1,
7.5): a header, every object once and of generation 0, one cross-reference section that names the place of each, one trailer.
"""

from __future__ import annotations

import base64
import re
import zlib
from typing import Any

__all__ = ["DisorderError", "check_order", "unpacked"]

SPACE = re.compile(rb"[\x00\t\n\x0c\r ]*")
HEADER = re.compile(rb"%PDF-1\.[0-7]\r?\n")
COMMENT = re.compile(rb"^%[^\r\n]*\r?\n", re.MULTILINE)
MARKER = re.compile(rb"%[\x80-\xff]{4,8}\r?\n")  # says that the file is binary
OBJECT = re.compile(rb"(\d{1,10}) (\d{1,5}) obj\b")
STREAM = re.compile(rb">>[\x00\t\n\x0c\r ]*stream\r?\n")
END_STREAM = re.compile(rb"\r?\n?endstream[\x00\t\n\x0c\r ]*endobj\b")
END = re.compile(rb"\bendobj\b")
LENGTH = re.compile(rb"/Length (\d{1,10})(?![\d ]*\d+ R)\b")
TABLE = re.compile(rb"xref[ ]?\r?\n0 (\d{1,8})[ ]?\r?\n")
TRAILER = re.compile(rb"trailer\s*(<<.*>>)\s*((?:%[^\r\n]*\s+)*)startxref\s+(\d{1,12})\s+%%EOF(?:\r\n|\n)?", re.DOTALL)
LITERAL = re.compile(rb"\((?:[^()\\]|\\.)*\)", re.DOTALL)
ENTRY = 20  # bytes of an entry of the cross-reference table
FILTERS = ("/ASCII85Decode", "/FlateDecode")


class DisorderError(ValueError):
    """A PDF that two readers may show in two ways."""


def check_order(content: bytes, now: bytes) -> None:
    """Account for every byte of a PDF.

    Parameters
    ----------
    content
        The file.
    now
        The recomputed file, whose comments it may have.

    Raises
    ------
    DisorderError
        If an object stands there twice or in no place that the cross-reference table names, if bytes belong to nothing, or if
        there are comments.
    """
    header = HEADER.match(content)
    if header is None:
        raise DisorderError("does not begin as a PDF")
    known = {line.strip() for line in (*COMMENT.findall(now[:1024]), *COMMENT.findall(now[now.rfind(b"trailer") :]))}
    at = header.end()
    while comment := COMMENT.match(content, at):
        if MARKER.fullmatch(comment[0]) is None and comment[0].strip() not in known:
            raise DisorderError("holds a comment")
        at = comment.end()
    places: dict[int, int] = {}
    at = _skip(content, at)
    while found := OBJECT.match(content, at):
        number = int(found[1])
        if number in places or int(found[2]) != 0:
            raise DisorderError(f"holds object {number} more than once")
        places[number] = at
        at = _skip(content, _end(content, found.end()))
    _check_table(content, at, places, known)


def _skip(content: bytes, at: int) -> int:
    found = SPACE.match(content, at)
    return found.end() if found else at


def _end(content: bytes, at: int) -> int:
    """Return where an object ends."""
    end, stream = END.search(content, at), STREAM.search(content, at)
    if end is None:
        raise DisorderError("holds an object without an end")
    if stream is None or stream.start() > end.start():
        _no_comment(content[at : end.start()])
        return end.end()
    head = content[at : stream.end()]
    _no_comment(head[: -len(stream[0])])
    lengths = LENGTH.findall(LITERAL.sub(b"", head))
    last = END_STREAM.match(content, stream.end() + int(lengths[0])) if len(lengths) == 1 else None
    if last is None:
        raise DisorderError("holds a stream of another length than it says")
    return last.end()


def _no_comment(text: bytes) -> None:
    if b"%" in LITERAL.sub(b"", text):
        raise DisorderError("holds a comment")


def _check_table(content: bytes, at: int, places: dict[int, int], known: set[bytes]) -> None:
    table = TABLE.match(content, at)
    if table is None:
        raise DisorderError("holds bytes that belong to no object")
    many = int(table[1])
    start, stop = table.end(), table.end() + ENTRY * many
    entries = [content[k : k + ENTRY] for k in range(start, min(stop, len(content)), ENTRY)]
    wanted = [b"0000000000 65535 f"] + [b"%010d 00000 n" % places.get(n, -1) for n in range(1, many)]
    if many != len(places) + 1 or [e.rstrip() for e in entries] != wanted:
        raise DisorderError("has a cross-reference table that does not name each object's place")
    trailer = TRAILER.fullmatch(content, stop)
    if trailer is None or int(trailer[3]) != at:
        raise DisorderError("holds bytes that belong to no object")
    _no_comment(COMMENT.sub(lambda line: b"" if line[0].strip() in known else line[0], trailer[1] + trailer[2]))


def unpacked(stream: Any, most: int) -> bytes:
    """Return the content of a stream of a report, packed by DEFLATE and written in ASCII85, or neither.

    Parameters
    ----------
    stream
        The stream, as pypdf reads it.
    most
        Largest size to unpack, in bytes.

    Raises
    ------
    DisorderError
        If it is packed in another way, is larger, or holds bytes behind its end.
    """
    named = stream.get("/Filter", [])
    filters = [str(f) for f in (named if isinstance(named, list) else [named])]
    if not set(filters) <= set(FILTERS) or len(set(filters)) != len(filters) or "/DecodeParms" in stream:
        raise DisorderError("packs a stream in a way that no report does")
    content = bytes(stream._data)  # noqa: SLF001 - the packed bytes; get_data() unpacks without a limit
    for name in filters:
        content = _ascii85(content) if name == FILTERS[0] else _inflated(content, most)
    if len(content) > most:
        raise DisorderError("holds a stream that is much larger than the recomputation's")
    return content


def _ascii85(content: bytes) -> bytes:
    text = content.strip()
    if not text.endswith(b"~>"):
        raise DisorderError("holds a stream that cannot be unpacked")
    try:
        return base64.a85decode(text[:-2])
    except ValueError:
        raise DisorderError("holds a stream that cannot be unpacked") from None


def _inflated(content: bytes, most: int) -> bytes:
    engine = zlib.decompressobj()
    try:
        found = engine.decompress(content, most + 1)
    except zlib.error:
        raise DisorderError("holds a stream that cannot be unpacked") from None
    if len(found) > most or not engine.eof:
        raise DisorderError("holds a stream that is larger than the recomputation's, or cut off")
    if engine.unused_data.strip():
        raise DisorderError("holds bytes behind the end of a stream")
    return found
