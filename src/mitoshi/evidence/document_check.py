"""Compare PDF reports object by object, where another version of a library wrote other bytes."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.evidence.document_structure import DisorderError, check_order, unpacked
from mitoshi.evidence.picture_check import compare_pixels
from mitoshi.evidence.sealed_files import unequal_bytes
from mitoshi.evidence.verdict import SAME_CONTENT, FileCheck

if TYPE_CHECKING:
    from pathlib import Path

    from mitoshi.evidence.verdict import FileState

__all__ = ["check_document"]

POINTS = 0.02  # numbers of a drawing may be off by this much, in points
PACKING = frozenset({"/Length"})  # how long a packed stream is says nothing to the reader
STREAM_GROWTH, STREAM_SLACK = 2, 65_536  # a stream much larger than its recomputation is not unpacked
LIBRARY = re.compile(r"ReportLab PDF Library - (?:www\.reportlab\.com|\(opensource\))")
MOST_OBJECTS = 20_000
MOST_BYTES, MOST_WORDS = 256 * 2**20, 16 * 2**20  # of a stream, of the drawing of a page
NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)")


class _UnlikeError(Exception):
    """The two documents do not say the same."""


def check_document(name: str, sealed: Path, now: bytes) -> FileCheck:
    """Compare a PDF of a bundle with its recomputation: pages, words, drawing, fonts, pictures, and nothing beside."""
    content = unequal_bytes(name, sealed, now)
    if isinstance(content, FileCheck):
        return content
    walk = _Walk()
    try:
        check_order(content, now)
        one, two = _opened(content), _opened(now)
        _compared(walk, one, two)
    except (_UnlikeError, DisorderError) as error:
        return FileCheck(name, "different", str(error))
    except Exception as error:  # a sealed file is anybody's
        return FileCheck(name, "different", f"is no PDF that can be read ({type(error).__name__})")
    return FileCheck(name, walk.state, walk.words)


def _compared(walk: _Walk, one: Any, two: Any) -> None:
    try:
        walk.compare(one.trailer, two.trailer, "")
    except _UnlikeError:
        for page in one.pages:
            unpacked(page["/Contents"].get_object(), MOST_WORDS)
        _same_words(one, two)  # a difference in words says more than one in drawing
        raise
    _same_words(one, two)
    walk.complete(one)


def _opened(content: bytes) -> Any:
    import logging

    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    return PdfReader(BytesIO(content), strict=True)


def _same_words(one: Any, two: Any) -> None:
    if len(one.pages) != len(two.pages):
        raise _UnlikeError(f"has {len(one.pages)} pages, the recomputation {len(two.pages)}")
    for number, (a, b) in enumerate(zip(one.pages, two.pages, strict=True), 1):
        said, again = (page.extract_text().split("\n") for page in (a, b))
        for line, other in zip([*said, ""], [*again, ""], strict=False):
            if line != other:
                raise _UnlikeError(f"says {line[:60]!r} on page {number}, the recomputation {other[:60]!r}")


class _Walk:
    """Follows two object graphs side by side."""

    def __init__(self) -> None:
        self.state: FileState = "within tolerance"
        self.words = SAME_CONTENT
        self._seen: set[tuple[int, int]] = set()

    def compare(self, one: Any, two: Any, place: str) -> None:
        """Go through two objects; anything that one has and the other lacks is a difference."""
        from pypdf.generic import IndirectObject

        if isinstance(one, IndirectObject):
            pair = (one.idnum, two.idnum if isinstance(two, IndirectObject) else -1)
            if pair in self._seen:
                return
            self._seen.add(pair)
            if len(self._seen) > MOST_OBJECTS:
                raise _UnlikeError("has far more parts than the recomputation")
            one = one.get_object()
        two = two.get_object() if isinstance(two, IndirectObject) else two
        if isinstance(one, dict) and isinstance(two, dict):
            self._dictionaries(one, two, place)
        elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
            for a, b in zip(one, two, strict=True):
                self.compare(a, b, place)
        else:
            self._leaves(one, two, place)

    def _dictionaries(self, one: Any, two: Any, place: str) -> None:
        mine, other = ({str(k) for k in d} - PACKING for d in (one, two))
        if place == "":
            self._identifiers(one, two)
            mine, other = mine - {"/ID"}, other - {"/ID"}
        if mine != other:
            names = ", ".join(sorted(mine ^ other))[:80]
            raise _UnlikeError(f"has parts that the recomputation lacks, or lacks some ({names})")
        for key in sorted(mine):
            self.compare(dict.__getitem__(one, key), dict.__getitem__(two, key), f"{place}{key}")
        if hasattr(one, "get_data") != hasattr(two, "get_data"):
            raise _UnlikeError(f"has something else at {place[-60:]}")
        if hasattr(one, "get_data"):
            self._streams(one, two, place)

    def _identifiers(self, one: Any, two: Any) -> None:
        """Digests of the packed bytes stand here; their form is all that can be compared."""
        forms = [[len(v.original_bytes) for v in d["/ID"]] if "/ID" in d else [] for d in (one, two)]
        if forms[0] != forms[1]:
            raise _UnlikeError("has an identifier of another form than the recomputation")

    def _streams(self, one: Any, two: Any, place: str) -> None:
        b = unpacked(two, MOST_BYTES)
        a = unpacked(one, STREAM_GROWTH * len(b) + STREAM_SLACK)
        if a == b:
            return
        if one.get("/Subtype") == "/Image":
            self._images(one, a, b)
        elif NUMBER.sub(b"#", a) != NUMBER.sub(b"#", b) or "/Font" in place:
            raise _UnlikeError(f"draws something else than the recomputation ({place[-60:]})")
        else:
            numbers = ([float(n) for n in NUMBER.findall(data)] for data in (a, b))
            if any(abs(x - y) > POINTS for x, y in zip(*numbers, strict=True)):
                raise _UnlikeError("draws something at another place than the recomputation")
            self._note("within tolerance", f"places differ by less than {POINTS:g} points")

    def _images(self, one: Any, a: bytes, b: bytes) -> None:
        width, height = int(one["/Width"]), int(one["/Height"])
        if len(a) != len(b) or len(a) % (width * height):
            raise _UnlikeError("holds a picture of another size than the recomputation")
        shape = (height, width, len(a) // (width * height))
        state, words = compare_pixels(*(np.frombuffer(data, np.uint8).reshape(shape) for data in (a, b)))
        if state == "different":
            raise _UnlikeError(f"its picture {words}")
        self._note(state, f"its picture: {words}")

    def _leaves(self, one: Any, two: Any, place: str) -> None:
        if place.endswith("/Info/Producer") and one != two:
            if LIBRARY.fullmatch(str(one)) is None:
                raise _UnlikeError("was written by another library than the recomputation")
            self._note("within tolerance", "written by another version of the library")
            return
        numbers = isinstance(one, int | float) and isinstance(two, int | float)
        same = one is two or (type(one) is type(two) and one == two)
        if numbers and not isinstance(one, bool):
            same = abs(float(one) - float(two)) <= POINTS
        if not same:
            raise _UnlikeError(f"has {str(one)[:40]!r} at {place[-60:]}, the recomputation {str(two)[:40]!r}")

    def _note(self, state: Any, words: str) -> None:
        if state != "equal" and self.state != "not checked":
            self.state, self.words = state, words

    def complete(self, document: Any) -> None:
        """Make sure that the document holds nothing that cannot be reached.

        Raises
        ------
        _UnlikeError
            If it does.
        """
        reached = {number for number, _ in self._seen}
        held = {number for entries in document.xref.values() for number in entries} - {0}
        held |= {*document.xref_objStm}
        if held - reached:
            raise _UnlikeError("holds parts that no page shows")
