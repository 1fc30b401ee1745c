"""Numbers, units and times as a report says them, in both languages.

A number is written only as finely as its interval allows: the half width of the interval is kept to two significant digits
where they are below 30, to one otherwise, and estimate and bounds are rounded to the same place.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, NamedTuple

from mitoshi.core.text import Text

if TYPE_CHECKING:
    from mitoshi.core.product import Figure
    from mitoshi.core.text import Language

__all__ = [
    "COUNTED",
    "NONE_LIKELY",
    "Worded",
    "decimals_of",
    "interval",
    "is_count",
    "moment",
    "number",
    "quantity",
    "said",
    "units",
    "worded",
]

THIN = "\u202f"  # narrow no-break space, between thousands and before units
MINUS = "\u2212"
JST = timezone(timedelta(hours=9), "JST")
DIGITS_WITHOUT_INTERVAL = 3
EXACT = Context(prec=800)  # any float64 to any place
NOT_DETERMINED = Text("not determined", "算出できません")
NO_INTERVAL = Text("no interval", "信頼区間なし")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SIGNS = {"1": "", "": "", "percent": "%", "degree": "°", "degrees": "°", "degC": "°C", "um": "µm"}
COUNTED = {"pixel": Text("pixels", "画素")}
_SHARES = ("share", "fraction", "probability")
_COUNTS = (
    "population",
    "people",
    "buildings",
    "settlements",
    "hospitals",
    "shelters",
    "facilities",
    "trucks",
    "footprints",
    "count",
)
NONE_LIKELY = Text("none likely", "なしの見込み")
AT_MOST = Text("at most {} ({} confidence interval)", "多くても{}（{}信頼区間）")


class Worded(NamedTuple):
    """A figure in words: the number, its unit, and the interval as one phrase (or why there is none)."""

    value: str
    units: str
    interval: str

    @property
    def quantity(self) -> str:
        """The number with its unit."""
        gap = "" if self.units in {"", "°"} else THIN
        return f"{self.value}{gap}{self.units}"


def decimals_of(half_width: float) -> int:
    """Return how many decimals an interval of this half width leaves meaningful; negative: tens, hundreds, ….

    >>> [decimals_of(w) for w in (0.55, 0.12, 4.0, 23.0, 4800.0)]
    [1, 2, 0, 0, -3]
    """
    place = math.floor(math.log10(half_width))
    lead = half_width / 10.0**place
    return 1 - place if lead < 3.0 else -place


def number(value: float, decimals: int) -> str:
    r"""Write a number rounded to `decimals`, thousands apart by thin spaces from five digits on, with a true minus sign.

    >>> number(-1234567.0, -3).replace("\u202f", "_")
    '−1_235_000'
    >>> number(12.345, 1)
    '12.3'
    """
    if not math.isfinite(value):
        return "—"
    rounded = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN, EXACT)
    whole, _, part = f"{rounded.copy_abs():f}".partition(".")
    if len(whole) > 4:
        whole = f"{int(whole):,}".replace(",", THIN)
    sign = MINUS if rounded < 0 else ""
    return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"


def units(cf: str) -> str:
    r"""Write a CF unit as people do.

    >>> units("km2"), units("m3 s-1"), units("1")
    ('km²', 'm³\u202fs⁻¹', '')
    """
    if cf in _SIGNS:
        return _SIGNS[cf]
    raised = re.sub(r"(?<=[A-Za-zµΩ])(-?\d+)", lambda m: m[1].translate(_RAISED), cf)
    return raised.replace(" ", THIN)


def is_count(figure: Figure) -> bool:
    """Return whether a figure counts people or things, of which there are no parts.

    >>> from mitoshi.core.product import Figure
    >>> is_count(Figure("hospitals_in_water", Text("", ""), 0.006, 0.0, 0.006, "1", 0.9))
    True
    """
    bare = figure.units in {"1", ""} and not figure.name.endswith(_SHARES)
    return bare and any(word in figure.name for word in _COUNTS)


def worded(figure: Figure, language: Language) -> Worded:
    r"""Return a figure as a report says it.

    Shares (dimensionless figures whose name ends in share, fraction or probability) are said in percent; people and things are
    whole, and of what is expected to be less than one half of one it is said that there is likely none.

    >>> from mitoshi.core.product import Figure
    >>> area = Figure("flooded_area", Text("flooded area", "浸水面積"), 12.34, 11.8, 12.9, "km2", 0.9)
    >>> worded(area, "en").quantity.replace("\u202f", " "), worded(area, "en").interval.replace("\u202f", " ")
    ('12.3 km²', 'between 11.8 and 12.9 km² (90 % confidence interval)')
    """
    bare = figure.units in {"1", ""} and figure.name.endswith(_SHARES)
    share = bare or units(figure.units) == "%"
    factor, unit = _unit(figure, language)
    value = figure.value * factor
    if not math.isfinite(value):
        # With bounds, the reason is about the interval.
        why = figure.reason if figure.lower is None and figure.upper is None else None
        return Worded(NOT_DETERMINED.in_(language), "", "" if why is None else why.in_(language))
    whole = is_count(figure)
    if figure.lower is None or figure.upper is None:
        return Worded(_bounded(value, _decimals(figure), share=share), unit, _without_interval(figure, language))
    lower, upper = figure.lower * factor, figure.upper * factor
    decimals = _decimals(figure)
    bounds = Worded(number(lower, decimals), unit, ""), Worded(number(upper, decimals), unit, "")
    level = "" if figure.confidence is None else f"{figure.confidence * 100:g}{THIN}%"
    if whole and math.isfinite(upper) and value < 0.5:
        most = "" if upper < 0.5 else AT_MOST.in_(language).format(bounds[1].value, level)
        return Worded(NONE_LIKELY.in_(language), "", most)
    phrase = Text(
        f"between {bounds[0].value} and {bounds[1].quantity} ({level} confidence interval)".replace("( ", "("),
        f"{bounds[0].value}～{bounds[1].quantity}（{level}信頼区間）",
    )
    return Worded(number(value, decimals), unit, phrase.in_(language))


def interval(figure: Figure, language: Language) -> str:
    r"""Return the bounds of a figure with their unit, as finely as `worded` writes them; a dash where it has none.

    >>> from mitoshi.core.product import Figure
    >>> water = Figure("flooded_area", Text("flooded area", "浸水面積"), 16608.0, 15500.0, 17700.0, "pixel", 0.9)
    >>> interval(water, "ja").replace("\u202f", " ")
    '15 500–17 700 画素'
    """
    if figure.lower is None or figure.upper is None:
        return "—"
    factor, _ = _unit(figure, language)
    return f"{number(figure.lower * factor, _decimals(figure))}–{quantity(figure, language, value=figure.upper)}"


def quantity(figure: Figure, language: Language, *, value: float) -> str:
    """Return a value of a figure, such as its truth, with its unit and as finely as its interval allows."""
    factor, unit = _unit(figure, language)
    gap = "" if unit in {"", "°"} else THIN
    return f"{number(value * factor, _decimals(figure))}{gap}{unit}"


def _unit(figure: Figure, language: Language) -> tuple[float, str]:
    """Return the factor to the unit in which a figure is written, and that unit."""
    if figure.units in {"1", ""} and figure.name.endswith(_SHARES):
        return 100.0, "%"
    unit = units(figure.units)
    return 1.0, COUNTED[unit].in_(language) if unit in COUNTED else unit


def _decimals(figure: Figure) -> int:
    """Return the decimals that the interval of a figure allows; those of its own digits where it has none."""
    factor, _ = _unit(figure, "en")
    value, whole = figure.value * factor, is_count(figure)
    if figure.lower is None or figure.upper is None:
        return 0 if whole else _decimals_without(value)
    lower, half = figure.lower * factor, (figure.upper - figure.lower) * factor / 2
    decimals = decimals_of(half) if math.isfinite(half) and half > 0 else _decimals_without(value)
    if math.isfinite(lower) and lower > 0:  # a wide, lopsided interval: its lower end must not read as nothing
        decimals = max(decimals, -math.floor(math.log10(lower)))
    return min(decimals, 0) if whole else decimals


def _decimals_without(value: float) -> int:
    """Return the decimals that leave `DIGITS_WITHOUT_INTERVAL` digits; whole numbers stay whole."""
    if not math.isfinite(value) or value == int(value):
        return 0
    return max(0, DIGITS_WITHOUT_INTERVAL - 1 - math.floor(math.log10(abs(value))))


def _bounded(value: float, decimals: int, *, share: bool) -> str:
    """Write a share so that a little never reads as nothing, nor almost all as all."""
    if share and 0 < value < 0.1:
        return "<0.1"
    if share and 99.9 < value < 100:
        return ">99.9"
    return number(value, min(decimals, 1) if share else decimals)


def _without_interval(figure: Figure, language: Language) -> str:
    words = "" if figure.reason is None else figure.reason.in_(language)
    gap = "：" if language == "ja" else ": "
    return NO_INTERVAL.in_(language) + (gap + words if words else "")


def moment(time: datetime, language: Language) -> str:
    """Return a time as people of the language write it: Japan Standard Time, or ISO in UTC.

    >>> moment(datetime(2026, 11, 22, 12, 5, tzinfo=UTC), "ja")
    '2026年11月22日 21:05 JST (UTC+9)'
    >>> moment(datetime(2026, 11, 22, 12, 5, tzinfo=UTC), "en")
    '2026-11-22 12:05 UTC'
    """
    known = time.replace(tzinfo=UTC) if time.tzinfo is None else time
    if language == "en":
        return f"{known.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    japan = known.astimezone(JST)
    return f"{japan.year}年{japan.month}月{japan.day}日 {japan:%H:%M} JST (UTC+9)"


def said(figure: Figure, language: Language) -> str:
    """Return a figure as one phrase: number, unit, and its interval or why there is none."""
    words = worded(figure, language)
    return f"{words.quantity} ({words.interval})" if words.interval else words.quantity
