"""The two fonts of maps and reports, and what they can show."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import Literal

__all__ = ["GETA", "Weight", "characters", "path", "printable"]

Weight = Literal["Regular", "Bold"]

GETA = "〓"  # what Japanese printers set where a character is missing


def path(weight: Weight) -> Path:
    """Return the TrueType file of one weight."""
    return Path(__file__).parent / f"MitoshiSansJP-{weight}.ttf"


@cache
def characters() -> frozenset[int]:
    """Return the code points that both weights can show."""
    from fontTools.ttLib import TTFont

    shown = []
    for weight in ("Regular", "Bold"):
        with TTFont(path(weight), lazy=True) as font:
            shown.append(frozenset(font.getBestCmap()))
    return shown[0] & shown[1]


def _shown(character: str) -> str:
    known = characters()
    if ord(character) in known:
        return character
    if character.isspace():
        return " "
    if unicodedata.category(character) in {"Cc", "Cf", "Mn"}:
        return ""
    plain = "".join(c for c in unicodedata.normalize("NFKD", character) if ord(c) in known)
    return plain or GETA


def printable(text: str) -> str:
    r"""Return `text` in characters that the fonts have, on one line.

    Composed characters are used where they exist, other accents fall back to the bare letter, control and invisible
    characters go, and what cannot be shown is seen to be missing: it becomes 〓.

    >>> printable("浸水域\t12\u202fkm² 🛰")
    '浸水域 12\u202fkm² 〓'
    """
    return "".join(_shown(c) for c in unicodedata.normalize("NFC", text))
