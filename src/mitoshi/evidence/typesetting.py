"""Break text into lines, Japanese and English alike.

Japanese breaks between any two characters except where kinsoku forbids (no line begins with 、 or ）, none ends with （);
words, numbers and their units never break, unless one alone is wider than the line: then a long identifier breaks after a
separator of its own (``_ - / :`` and a dot that is in no number), and only what has none breaks anywhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["broken", "shortened", "widest_piece"]

NO_START = frozenset(
    "、。，．・：；？！）」』】〉》〕｝”’ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ々〜～…‥％),.:;!?]}°%"
)
NO_END = frozenset("（「『【〈《〔｛“‘([{⚠▲")
_IDEOGRAPHIC = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uffe6"
_FIXED = "\u00a0\u202f"  # no-break spaces
SHORT = 10  # characters of a unit that is not broken at its separators
# One ideographic character or a run of others, no-break spaces included; or a breaking space.
_TOKEN = re.compile(rf"[{_IDEOGRAPHIC}][{_FIXED}]?|[^\s{_IDEOGRAPHIC}]+(?:[{_FIXED}][^\s{_IDEOGRAPHIC}]*)*|\s")


def _units(text: str) -> Iterator[str]:
    """Yield what must stay together; a breaking space is a unit of its own."""
    held = ""
    for token in _TOKEN.findall(text):
        joins = held and (
            token[0] in NO_START
            or held[-1] in NO_END
            or held[-1] in _FIXED
            or (held[-1].isdigit() and re.match(rf"[{_IDEOGRAPHIC}]", token))
        )
        if token.isspace() or not joins:
            if held:
                yield held
            held = ""
        if token.isspace():
            yield " "
        else:
            held += token
    if held:
        yield held


def _parts(unit: str) -> list[str]:
    """Return the parts of a unit between which it may break where it must; a short one has no such place.

    >>> _parts("depth_uncertainty"), _parts("between 1.25"), _parts("doi:10.1016/j.rse")
    (['depth_', 'uncertainty'], ['between 1.25'], ['doi:', '10.1016/', 'j.', 'rse'])
    """
    return [unit] if len(unit) <= SHORT else re.findall(r".+?(?:[_/:\-]+|\.(?=\D)|$)", unit, re.S)


def _pieces(unit: str, width: float, measure: Callable[[str], float]) -> Iterator[str]:
    """Split a unit wider than the line: between its parts, and a part that is wider still anywhere."""
    line = ""
    for part in _parts(unit):
        if line and measure(line + part) > width:
            yield line
            line = ""
        if measure(line + part) <= width:
            line += part
            continue
        for character in part:
            if line and measure(line + character) > width:
                yield line
                line = ""
            line += character
    yield line


def widest_piece(text: str, measure: Callable[[str], float]) -> float:
    """Return the width that a column needs so that nothing in it breaks where it should not.

    >>> widest_piece("of depth_uncertainty", len), widest_piece("浸水域内人口", len)
    (11, 1)
    """
    return max((measure(part) for unit in _units(text) for part in _parts(unit)), default=0.0)


def broken(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """Return the lines of `text`, each at most `width` wide.

    Parameters
    ----------
    text
        One paragraph.
    width
        Of the line, in the unit of `measure`; at least one character must fit.
    measure
        Returns the width of a string.

    >>> broken("浸水域は12件です。", 5, len)
    ['浸水域は', '12件で', 'す。']
    >>> broken("a flood map", 7, len)
    ['a flood', 'map']
    """
    lines, line = [], ""
    for unit in _units(text):
        if measure(line + unit) <= width or (unit == " " and line):
            line += unit
            continue
        if line.strip():
            lines.append(line.rstrip())
        *full, line = _pieces(unit.lstrip(), width, measure)
        lines.extend(full)
    if line.strip():
        lines.append(line.rstrip())
    return lines or [""]


def shortened(text: str, width: float, measure: Callable[[str], float]) -> str:
    """Return `text`, or its beginning with … where it is wider than `width`.

    >>> shortened("S1A_IW_GRDH", 6, len)
    'S1A_I…'
    """
    if measure(text) <= width:
        return text
    while text and measure(text + "…") > width:
        text = text[:-1]
    return text + "…"
