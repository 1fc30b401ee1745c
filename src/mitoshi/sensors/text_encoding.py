"""In which encoding text of unknown origin is: UTF-8, else what reads best as Japanese."""

from __future__ import annotations

import codecs
from typing import Literal

__all__ = ["best_encoding"]

CANDIDATES = ("utf-8-sig", "cp932", "euc_jp")
JAPANESE = range(0x3040, 0x30FF), range(0x4E00, 0x9FFF)
HALF_KATAKANA = range(0xFF61, 0xFFA0)
SAMPLE = 20_000  # characters


def best_encoding(
    content: bytes, *, partial: bool = False, errors: Literal["strict", "ignore"] = "strict"
) -> str | None:
    """Return the encoding of text: by its escapes, as UTF-8, or what reads best as cp932 or EUC-JP; None where none reads.

    Parameters
    ----------
    content
        Bytes without a byte order mark of UTF-16.
    partial
        Whether the content is cut, perhaps within a character.
    errors
        "ignore" allows for one character in a hundred that is cut.

    >>> best_encoding("東京都立病院".encode("euc_jp"))
    'euc_jp'
    """
    if b"\x1b$" in content or b"\x1b(" in content:
        return "iso2022_jp" if _reading(content, "iso2022_jp", partial, errors) is not None else None
    readings: dict[str, str] = {}
    for encoding in CANDIDATES:
        text = _reading(content, encoding, partial, errors)
        if text is not None and encoding == "utf-8-sig":
            return encoding
        if text is not None:
            readings[encoding] = text
    # EUC-JP read as cp932 is a row of half-width katakana; cp932 read as EUC-JP mostly fails.
    return max(readings, key=lambda e: _japanese(readings[e])) if readings else None


def _reading(content: bytes, encoding: str, partial: bool, errors: str) -> str | None:  # noqa: FBT001
    try:
        text = codecs.getincrementaldecoder(encoding)("strict").decode(content, not partial)
    except UnicodeDecodeError:
        if errors == "strict":
            return None
        text = content.decode(encoding, "replace")
        return text if text.count("�") * 100 <= len(text) else None
    return text


def _japanese(text: str) -> int:
    sample = [ord(c) for c in text[:SAMPLE]]
    return sum(any(c in r for r in JAPANESE) for c in sample) - sum(c in HALF_KATAKANA for c in sample)
