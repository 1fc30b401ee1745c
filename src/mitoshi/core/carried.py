"""Assumptions that stay true of whatever is made from a product, and so travel with its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CARRIED", "PERMANENT_INCLUDED", "TAG", "codes_in", "texts_of"]

TAG = "MITOSHI_ASSUMES"
"""Metadata key of a raster: the codes of `CARRIED`, separated by commas."""

PERMANENT_INCLUDED = Text(
    "neither an image from before the flood nor reference water is given: what is mapped as flooded is open water, permanent "
    "water included",
    "浸水前の画像も平常時水域のデータもないため、浸水と判定した範囲は平常時水域を含む水域です",
)
CARRIED = {"permanent-water-included": PERMANENT_INCLUDED}
"""Code to sentence. Files hold the code alone: what a stranger's file says is not printed."""


def codes_in(assumptions: Iterable[Text]) -> tuple[str, ...]:
    """Return the codes of the carried sentences among a run's assumptions, which may begin with an argument's name."""
    said = [text.en for text in assumptions]
    return tuple(code for code, text in CARRIED.items() if any(s.endswith(text.en) for s in said))


def texts_of(tag: str | None) -> tuple[Text, ...]:
    """Return the sentences that a file's tag stands for; codes that are not known say nothing.

    >>> texts_of("permanent-water-included,other") == (PERMANENT_INCLUDED,)
    True
    """
    return tuple(CARRIED[code] for code in dict.fromkeys((tag or "").split(",")) if code in CARRIED)
