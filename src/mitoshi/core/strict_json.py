"""Strict JSON from a stranger: bounded in size, depth and length of a number, in time that grows as the text does.

Nesting is measured in the bytes before anything is parsed, so that no parser descends into what is refused. Every step passes
over the text once: twice the text takes twice the time, whatever it holds.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any

from mitoshi.core.errors import InputError, MitoshiError, RefusedError

__all__ = ["MAX_BYTES", "MAX_DEPTH", "decoder", "nesting", "parse_json"]

MAX_BYTES = 32 * 2**20
MAX_DEPTH = 64
MAX_DIGITS = 308  # of a whole number: any of these is a finite float
MAX_FLOAT_CHARACTERS = 1100  # the longest exact decimal form of a float has 1074 digits and an exponent
CHUNK = 1 << 18
_BRACKETS = frozenset(b"[]{}")
_OTHERS = bytes(code for code in range(256) if code not in _BRACKETS)
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_SURROGATE = re.compile(rb"\\u[dD][89A-Fa-f]")


def parse_json(
    content: bytes,
    name: str,
    *,
    most_bytes: int = MAX_BYTES,
    most_depth: int = MAX_DEPTH,
    most_containers: int | None = None,
    error: type[MitoshiError] = InputError,
) -> Any:
    """Return the value of a JSON text; NaN, infinities, repeated names, half characters, great depth and great size are refused.

    Parameters
    ----------
    content
        UTF-8, with or without a byte order mark.
    name
        What it is, for messages.
    most_bytes, most_depth
        Limits of length and nesting.
    most_containers
        Largest number of lists and objects, None without a limit. Python stops every thread to look through them for garbage.
    error
        Raised where the text is not strict JSON.

    Raises
    ------
    RefusedError
        If it is too large or too deep.
    MitoshiError
        If it is not strict JSON, as `error`.

    >>> parse_json(b'{"depth_m": 1.5}', "the body")
    {'depth_m': 1.5}
    """
    if len(content) > most_bytes:
        raise RefusedError(
            f"{name} holds {len(content) / 2**20:.0f} MiB of JSON; the limit is {most_bytes / 2**20:g} MiB"
        )
    deepest, containers = _measured(content, most_depth, most_containers)
    if deepest > most_depth:
        raise RefusedError(f"{name} nests deeper than {most_depth} levels of JSON")
    if most_containers is not None and containers > most_containers:
        raise RefusedError(f"{name} holds more than {most_containers} lists and objects")
    try:
        value = json.loads(content.decode("utf-8-sig"), **_STRICT)
        if _SURROGATE.search(content):
            json.dumps(
                value, ensure_ascii=False
            ).encode()  # half of a pair is no character and cannot be written anywhere
    except UnicodeEncodeError:
        raise error(f"{name} is not strict JSON (a text holds half of a surrogate pair)") from None
    except (ValueError, RecursionError) as wrong:
        raise error(f"{name} is not strict JSON ({' '.join(str(wrong).split())[:160]})") from None
    return value


def decoder() -> json.JSONDecoder:
    """Return a decoder of strict JSON for text whose size and `nesting` have been checked; it raises ValueError."""
    return json.JSONDecoder(**_STRICT)


def nesting(content: bytes, most: int = MAX_DEPTH) -> int:
    """Return how deep the brackets of a JSON text nest; counting ends soon after `most` is exceeded.

    Of a text that is no JSON the depth is right up to its first error, which is as far as a parser reads it.

    >>> nesting(b'{"a[[[": [1, "]"]}')
    2
    """
    return _measured(content, most, None)[0]


def _measured(content: bytes, most_depth: int, most_containers: int | None) -> tuple[int, int]:
    """Return how deep the brackets nest and how many open; counting ends soon after a limit is exceeded."""
    import numpy as np

    text = content.replace(rb"\\", b"").replace(rb"\"", b"")  # every quote that is left opens or closes a string
    depth = deepest = quotes = opened = 0
    for start in range(0, len(text), CHUNK):
        pieces = text[start : start + CHUNK].split(b'"')
        marks = b"".join(pieces[quotes % 2 :: 2]).translate(_STEPS, _OTHERS)
        quotes += len(pieces) - 1
        if not marks:
            continue
        levels = np.cumsum(np.frombuffer(marks, np.int8), dtype=np.int64)
        deepest = max(deepest, depth + int(levels.max()))
        depth += int(levels[-1])
        opened += marks.count(b"\x01")
        if deepest > most_depth or (most_containers is not None and opened > most_containers):
            break
    return deepest, opened


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a whole number of {len(text)} digits is out of range")
    return int(text)


def _finite(text: str) -> float:
    if len(text) > MAX_FLOAT_CHARACTERS:
        raise ValueError(f"a number of {len(text)} characters is out of range")
    value = float(text)
    if not isfinite(value):  # once for every coordinate of a map
        raise ValueError(f"{text[:40]} is out of range")
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the name {twice[:40]!r} is given twice in one object")
    return members


_STRICT: dict[str, Any] = {
    "parse_constant": _refuse_constant,
    "parse_float": _finite,
    "parse_int": _whole,
    "object_pairs_hook": _distinct,
}
