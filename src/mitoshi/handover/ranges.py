"""Numbers as ranges: what a headquarters can act on is "12–18 (best 15)", not 15.3 alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from mitoshi.core.text import Language, Text
from mitoshi.evidence.wording import NONE_LIKELY, THIN, decimals_of, number, units, worded

if TYPE_CHECKING:
    from mitoshi.core.product import Figure

__all__ = ["Range", "ranged"]

BEST = Text("best {}", "最良推定 {}")
BEST_IS_MOST = Text("best {}, the upper end", "最良推定は上限の {}")
NONE_BUT = Text("none likely, at most {}", "なしの見込み（多くても {}）")
LEVEL = Text("{} % interval", "{} %信頼区間")
COUNTED = {
    "person": Text("people", "人"),
    "people": Text("people", "人"),
    "building": Text("buildings", "棟"),
    "buildings": Text("buildings", "棟"),
    "household": Text("households", "世帯"),
    "households": Text("households", "世帯"),
    "truck": Text("trucks", "台"),
    "place": Text("places", "か所"),
    "tonne": Text("t", "t"),
    "t": Text("t", "t"),
}
TONNES = ("t", "tonne")
LARGE: dict[
    str, dict[Language, tuple[tuple[float, str], ...]]
] = {  # unit → from which size on it is said in which larger one
    "JPY": {
        "ja": ((1e12, "兆円"), (1e8, "億円"), (1e4, "万円"), (1.0, "円")),
        "en": ((1e12, "trillion JPY"), (1e9, "billion JPY"), (1e6, "million JPY"), (1.0, "JPY")),
    },
    "m3": {
        "ja": ((1e8, "億m³"), (1e4, "万m³"), (1.0, "m³")),
        "en": ((1e9, "billion m³"), (1e6, "million m³"), (1.0, "m³")),
    },
}
SHARES = ("share", "fraction", "probability")


class Range(NamedTuple):
    """A figure in words.

    Attributes
    ----------
    words
        The range with its unit, or the single number where there is none.
    best
        The best estimate in brackets' words, or "".
    note
        Level of the interval, or why there is none.
    language
        Of the words.
    """

    words: str
    best: str
    note: str
    language: Language

    @property
    def said(self) -> str:
        """Range and best estimate as one phrase."""
        if not self.best:
            return self.words
        return f"{self.words}（{self.best}）" if self.language == "ja" else f"{self.words} ({self.best})"


def ranged(figure: Figure, language: Language) -> Range:
    r"""Return a figure as a range.

    Bounds and estimate are rounded to the same place, as finely as the interval allows (`mitoshi.evidence.wording`). Of people
    and things of which less than one half is expected there is likely none; that the best estimate is the upper end is said.

    >>> from mitoshi.core.product import Figure
    >>> pumps = Figure("pumps", Text("Pump trucks", "排水ポンプ車"), 15.2, 11.9, 18.3, "truck", 0.9)
    >>> ranged(pumps, "en").said.replace("\u202f", " "), ranged(pumps, "ja").said.replace("\u202f", " ")
    ('12–18 trucks (best 15)', '12～18 台（最良推定 15）')
    >>> ranged(pumps._replace(value=0.0, lower=0.0), "en").said.replace("\u202f", " ")
    'none likely, at most 18 trucks'
    """
    if (
        figure.lower is None
        or figure.upper is None
        or not all(map(math.isfinite, (figure.value, figure.lower, figure.upper)))
    ):
        return _single(figure, language)
    factor, unit = _unit(figure, language)
    lower, value, upper = (v * factor for v in (figure.lower, figure.value, figure.upper))
    half = (upper - lower) / 2
    if half <= 0:
        return _single(figure, language)
    decimals = decimals_of(half)
    if lower > 0:  # a wide, lopsided interval: its lower end must not read as nothing
        decimals = max(decimals, -math.floor(math.log10(lower)))
    if figure.units in COUNTED or all(v == round(v) for v in (lower, value, upper)):
        decimals = min(decimals, 0)  # there is no half house
    ends = [number(v, decimals) for v in (lower, upper)]
    dash = Text("–", "～").in_(language)
    level = "" if figure.confidence is None else LEVEL.in_(language).format(f"{figure.confidence * 100:g}")
    if figure.units in COUNTED and figure.units not in TONNES and value < 0.5:
        most = NONE_BUT.in_(language).format(_joined(ends[1], unit))
        return Range(NONE_LIKELY.in_(language) if upper < 0.5 else most, "", level, language)
    best = (BEST_IS_MOST if value >= upper else BEST).in_(language).format(number(value, decimals))
    if ends[0] == ends[1]:
        return Range(_joined(ends[0], unit), "", level, language)
    return Range(_joined(dash.join(ends), unit), best, level, language)


def _single(figure: Figure, language: Language) -> Range:
    """Return a figure that has no interval, or no value."""
    said = worded(figure, language)
    reason = "" if figure.reason is None else figure.reason.in_(language)
    if figure.lower is not None and figure.confidence is not None:  # an interval without width
        reason = reason or LEVEL.in_(language).format(f"{figure.confidence * 100:g}")
    if not math.isfinite(figure.value) or (figure.units not in COUNTED and figure.units not in LARGE):
        return Range(said.quantity, "", reason or said.interval, language)
    factor, unit = _unit(figure, language)
    value = figure.value * factor
    whole = value == round(value) or (figure.units in COUNTED and figure.units not in TONNES)
    decimals = 0 if whole else max(0, 2 - math.floor(math.log10(abs(value))))
    return Range(_joined(number(value, decimals), unit), "", reason, language)


def _unit(figure: Figure, language: Language) -> tuple[float, str]:
    """Return what a value is multiplied with, and the unit in words."""
    if figure.units in LARGE:
        steps = LARGE[figure.units][language]
        largest = max(abs(v) for v in (figure.value, figure.upper or 0.0))
        step, words = next((s for s in steps if largest >= s[0]), steps[-1])
        return 1.0 / step, words
    if figure.units in COUNTED:
        return 1.0, COUNTED[figure.units].in_(language)
    if figure.units in {"1", ""} and figure.name.endswith(SHARES):
        return 100.0, "%"
    return 1.0, units(figure.units)


def _joined(words: str, unit: str) -> str:
    return f"{words}{'' if unit in {'', '°'} else THIN}{unit}"
