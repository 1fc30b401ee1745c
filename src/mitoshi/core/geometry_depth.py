"""How deep geometries nest, counted in their bytes: GEOS recurses into collections and dies of a few ten thousand levels."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DEEPEST", "check_wkb", "check_wkt"]

DEEPEST = 32
POINT, LINE, POLYGON = 1, 2, 3
CONTAINERS = frozenset(range(4, 8))
EWKB_Z, EWKB_M, EWKB_SRID = 0x80000000, 0x40000000, 0x20000000
BRACKETS = re.compile(r"[()]")


def check_wkt(texts: Iterable[Any], name: str) -> None:
    """Refuse well-known text that nests deeper than `DEEPEST` brackets.

    >>> check_wkt(["POINT (1 2)"], "a.csv")
    """
    for row, text in enumerate(texts, 1):
        if isinstance(text, str) and text.count("(") > DEEPEST and _brackets(text) > DEEPEST:
            raise _too_deep(name, row)


def _brackets(text: str) -> int:
    deepest = depth = 0
    for mark in BRACKETS.finditer(text):
        depth += 1 if mark[0] == "(" else -1
        deepest = max(deepest, depth)
    return deepest


def check_wkb(values: Iterable[bytes | None], name: str) -> None:
    """Refuse well-known binary that nests deeper than `DEEPEST`; what is cut short is left to its reader."""
    for row, value in enumerate(values, 1):
        if value is not None and _kind(value) not in (POINT, LINE, POLYGON) and _deeper(bytes(value)):
            raise _too_deep(name, row)


def _kind(value: bytes) -> int:
    if len(value) < 5:
        return 0
    return int.from_bytes(value[1:5], "big" if value[0] == 0 else "little") % 0x10000 % 1000


def _deeper(value: bytes) -> bool:
    """Tell whether a geometry nests deeper than `DEEPEST`, in one pass and without recursion."""
    waiting: list[int] = []  # members still to come, of each container on the way down
    at = 0
    try:
        while True:
            order = ">" if value[at] == 0 else "<"
            (code,) = struct.unpack_from(order + "I", value, at + 1)
            at += 5 + (4 if code & EWKB_SRID else 0)
            kind, family = code % 0x10000 % 1000, code % 0x10000 // 1000
            size = 8 * (2 + bool(code & EWKB_Z or family in (1, 3)) + bool(code & EWKB_M or family in (2, 3)))
            if kind in CONTAINERS:
                (members,) = struct.unpack_from(order + "I", value, at)
                at += 4
                waiting.append(members)
                if len(waiting) > DEEPEST:
                    return True
            elif kind == POINT:
                at += size
            elif kind in (LINE, POLYGON):
                at = _past(value, at, order, size, kind)
            else:
                return False
            while waiting and waiting[-1] == 0:
                waiting.pop()
            if not waiting or at >= len(value):
                return False
            waiting[-1] -= 1
    except (struct.error, IndexError):
        return False


def _past(value: bytes, at: int, order: str, size: int, kind: int) -> int:
    count: int = struct.unpack_from(order + "I", value, at)[0]
    at += 4
    if kind == LINE:
        return at + count * size
    for _ in range(count):
        points: int = struct.unpack_from(order + "I", value, at)[0]
        at += 4 + points * size
    return at


def _too_deep(name: str, row: int) -> RefusedError:
    return RefusedError(f"{name}: the geometry of row {row} nests deeper than {DEEPEST} collections; flatten it first")
