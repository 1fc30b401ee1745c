"""In which encoding text of unknown origin is: UTF-8, else what reads best as Japanese."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["best_encoding", "best_reading"]

CANDIDATES = ("utf-8-sig", "cp932", "euc_jp")
JAPANESE = range(0x3040, 0x30FF), range(0x4E00, 0x9FFF)
HALF_KATAKANA = range(0xFF61, 0xFFA0)
SAMPLE = 20_000  # characters


def best_encoding(content: bytes, *, partial: bool = False) -> str | None:
    """Return the encoding of text: by its escapes, as UTF-8, or what reads best as cp932 or EUC-JP; None where none reads.

    Parameters
    ----------
    content
        Bytes without a byte order mark of UTF-16.
    partial
        Whether the content is cut, perhaps within a character.

    >>> best_encoding("東京都立病院".encode("euc_jp"))
    'euc_jp'
    """
    if b"\x1b$" in content or b"\x1b(" in content:
        return "iso2022_jp" if _reading(content, "iso2022_jp", partial=partial) is not None else None
    return best_reading({e: text for e in CANDIDATES if (text := _reading(content, e, partial=partial)) is not None})


def best_reading(readings: Mapping[str, str]) -> str | None:
    """Return the encoding whose reading of a text is UTF-8, else looks most like Japanese; None where there is none.

    Parameters
    ----------
    readings
        Encoding to what the text says in it, of those in which it can be read.
    """
    if not readings:
        return None
    # EUC-JP read as cp932 is a row of half-width katakana; cp932 read as EUC-JP mostly fails.
    return next((e for e in readings if e.startswith("utf")), None) or max(
        readings, key=lambda e: _japanese(readings[e])
    )


def _reading(content: bytes, encoding: str, *, partial: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)("strict").decode(content, not partial)
    except UnicodeDecodeError:
        return None


def _japanese(text: str) -> int:
    sample = [ord(c) for c in text[:SAMPLE]]
    return sum(any(c in r for r in JAPANESE) for c in sample) - sum(c in HALF_KATAKANA for c in sample)
