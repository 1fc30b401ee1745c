"""Units and clocks in the headings of tables: ``level [cm]``, ``水位（cm）``, ``discharge_cfs``, ``日時(JST)``."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.core.errors import InputError, QuantityError
from mitoshi.core.features import number_values
from mitoshi.core.quantity import factor
from mitoshi.core.text import Text
from mitoshi.core.vocabulary import vocabulary
from mitoshi.sensors.units import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mitoshi.core.features import Column, FeatureKind, Features

__all__ = ["in_declared_units"]

BRACKETED = re.compile(r"^(.*?)\s*[\[(〔【]\s*([^\[\]()〔〕【】]*?)\s*[\])〕】]$")
SPELLINGS = {
    "分": "min", "min": "min", "mins": "min", "minute": "min", "minutes": "min", "時間": "h", "時": "h", "h": "h", "hr": "h",
    "hrs": "h", "hour": "h", "hours": "h", "秒": "s", "日": "day", "day": "day", "days": "day", "d": "day",
    "m3/s": "m3 s-1", "m^3/s": "m3 s-1", "cms": "m3 s-1", "cumec": "m3 s-1", "cumecs": "m3 s-1", "m3 s-1": "m3 s-1",
    "立方メートル毎秒": "m3 s-1", "cfs": "ft^3/s", "ft3/s": "ft^3/s", "l/s": "l/s", "m3/h": "m^3/h",
    "cm/s": "cm/s", "km/h": "km/h", "kn": "knot", "kt": "knot", "knots": "knot", "ft/s": "ft/s",
    "mm/min": "mm/min", "mm/10min": "mm/10min", "mm/10分": "mm/10min", "mm/時": "mm h-1", "mm/1時間": "mm h-1",
    "mm/日": "mm/day", "mm/day": "mm/day", "in/h": "inch/h", "in/hr": "inch/h", "cm/h": "cm/h",
    "m2": "m2", "m^2": "m2", "平方メートル": "m2", "ft2": "ft^2", "坪": "tsubo", "メートル": "m", "センチ": "cm",
    "センチメートル": "cm",     "ミリ": "mm",
}  # fmt: skip
"""What people write in headings, in width and case folded (NFKC turns ㎝, ㎥ and ² into letters)."""
SUFFIXES = ("cm", "mm", "km", "dm", "ft", "feet", "foot", "inch", "min", "mins", "minutes", "h", "hr", "hrs", "hours", "s", "sec",
            "seconds", "cms", "cfs", "m", "m2", "kn", "knots")  # fmt: skip
PINT = {"m s-1": "m/s", "m3 s-1": "m^3/s", "mm h-1": "mm/h", "m2": "m^2"}
SCALES = {"tsubo": ("m2", 400 / 121), "mm/10min": ("mm h-1", 6.0)}
"""Units that the registry does not know: declared unit, and factor."""
DATUM = re.compile(r"^t\.?p\.?\s*\+?\s*", re.IGNORECASE)
ZONES = {
    "utc": 0,
    "gmt": 0,
    "z": 0,
    "ut": 0,
    "世界時": 0,
    "協定世界時": 0,
    "jst": 9,
    "日本時間": 9,
    "日本標準時": 9,
    "kst": 9,
}
OFFSET = re.compile(r"^(?:utc|gmt)?\s*([+-])(\d{1,2}):?(\d{2})?$", re.IGNORECASE)
CLOCK = re.compile(
    r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T\s]*(\d{1,2})[:時](\d{1,2})?分?(?::?(\d{1,2}(?:\.\d+)?)秒?)?)?\s*(.*)$"
)
CONVERTED = Text(
    "{head} is read in {unit} and given as {name} in {units}", "{head} は {unit} とし、{units} の {name} に換算しました"
)
COUNTED = Text(
    "times are counted from {start}, the first of the table: the simulation starts then",
    "時刻は表の最初の {start} からの経過時間とします（計算の開始時刻）",
)


class _Head(NamedTuple):
    head: str
    column: Column
    unit: str


def in_declared_units(features: Features, kind: FeatureKind, name: str) -> tuple[Features, tuple[Text, ...], str]:
    """Return features whose columns of numbers have their declared names and units, what is to be said, and the clock's start.

    Parameters
    ----------
    features
        As read.
    kind
        What they are.
    name
        Of the file, for messages.

    Raises
    ------
    InputError
        If a unit is missing where several are usual, or is none of the quantity; or a clock's time or its zone is not understood.
    """
    texts: list[Text] = []
    for found in list(_heads(features, kind, name)):
        scale = _scale(found, name)
        numbers = _numbers(features[found.head], found, name)
        features = features.rename(columns={found.head: found.column.name}).assign(
            **{found.column.name: numbers * scale}
        )
        shown = DATUM.sub("", found.unit)
        if scale != 1.0:
            texts.append(
                CONVERTED.format(head=found.head, unit=shown, name=found.column.name, units=found.column.units)
            )
    start = ""
    if "time_s" in {c.name for c in kind.columns} and "time_s" not in features.columns:
        features, start = _elapsed(features, name)
        texts += [COUNTED.format(start=start)] if start else []
    return features, tuple(texts), start


def _heads(features: Features, kind: FeatureKind, name: str) -> Iterator[_Head]:
    """Yield each heading that means a declared column of numbers with a unit, other than by its own name."""
    taken: dict[str, str] = {}
    for head in map(str, features.columns):
        for column in kind.columns:
            if column.units in {None, "1", "degree"} or column.name in features.columns or head == column.name:
                continue
            unit = _unit_of(head, column)
            if unit is None or (unit == "" and column.name == "time_s"):
                continue
            if unit == "":
                if not column.required:
                    continue  # by convention in the declared unit (a width of OpenStreetMap, 床高)
                raise InputError(
                    f"{name}: column {head!r} states no unit; write it in the heading, as in '{head} [{column.units}]'"
                )
            if column.name in taken:
                raise InputError(
                    f"{name}: columns {taken[column.name]!r} and {head!r} both mean {column.name}; keep one"
                )
            taken[column.name] = head
            yield _Head(head, column, unit)


def _unit_of(head: str, column: Column) -> str | None:
    """Return the unit that a heading of a column states, "" for none; None where it means something else."""
    folded = unicodedata.normalize("NFKC", head).strip()
    words = {
        _plain(w) for w in (*vocabulary()["heads_with_unit"].get(column.name, ()), column.name, _bare(column.name))
    }
    if _plain(folded) in words - {_plain(column.name)}:
        return ""
    bracketed = BRACKETED.match(folded)
    if bracketed is not None:
        return bracketed[2] if _plain(bracketed[1]) in words and not _zone(bracketed[2]) else None
    for suffix in SUFFIXES:
        base = folded[: len(folded) - len(suffix)]
        apart = base.endswith(("_", " ")) or not base[-1:].isascii()
        if folded.lower().endswith(suffix) and apart and _plain(base.rstrip("_ ")) in words:
            return suffix
    return None


def _bare(name: str) -> str:
    """Return a column's name without its unit: water_level of water_level_m."""
    return re.sub(r"_(m3_s|m_s|mm_h|m2|m|s)$", "", name)


def _plain(text: str) -> str:
    return "".join(text.lower().replace("_", " ").split())


def _scale(found: _Head, name: str) -> float:
    unit = DATUM.sub("", found.unit) if found.column.name == "water_level_m" else found.unit
    folded = re.sub(r"\s+", " ", unit.strip())
    spelled = SPELLINGS.get(folded.lower()) or canonical(folded) or SPELLINGS.get(folded.lower().replace(" ", ""))
    if spelled in SCALES and SCALES[spelled][0] == found.column.units:
        return SCALES[spelled][1]
    try:
        scale, offset = factor(
            PINT.get(str(spelled), spelled or "?"), PINT.get(str(found.column.units), str(found.column.units))
        )
    except QuantityError:
        raise InputError(
            f"{name}: column {found.head!r} is in {found.unit!r}, which is no unit of {found.column.name} that is understood; "
            f"give it in {found.column.units}"
        ) from None
    if offset:
        raise InputError(f"{name}: column {found.head!r} is in {found.unit!r}; give it in {found.column.units}")
    return scale


def _numbers(series: Any, found: _Head, name: str) -> Any:
    try:
        return np.asarray(number_values(series, replace(found.column, name=found.head), name), float)
    except QuantityError as error:
        raise InputError(str(error)) from None


def _elapsed(features: Features, name: str) -> tuple[Features, str]:
    """Return features with seconds since the first time of a clock's column, and that time; "" where there is no such column."""
    clocks = {_plain(w) for w in vocabulary()["heads_of_clock"]}
    for head in map(str, features.columns):
        folded = unicodedata.normalize("NFKC", head).strip()
        bracketed = BRACKETED.match(folded)
        base, inside = (bracketed[1], bracketed[2]) if bracketed else (folded, "")
        zone = _zone(inside)
        if _plain(base) not in clocks or (inside and zone is None):
            continue
        times = [_instant(value, zone, head, row, name) for row, value in enumerate(features[head], 1)]
        if not times:
            continue
        start = min(times)
        seconds = np.array([(t - start).total_seconds() for t in times])
        return features.rename(columns={head: "time_s"}).assign(time_s=seconds), start.strftime("%Y-%m-%dT%H:%M:%SZ")
    return features, ""


def _zone(text: str) -> timezone | None:
    plain = text.strip().lower()
    if plain in ZONES:
        return timezone(timedelta(hours=ZONES[plain]))
    offset = OFFSET.match(plain)
    if offset is None:
        return None
    ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
    return timezone(ahead if offset[1] == "+" else -ahead) if ahead <= timedelta(hours=14) else None


def _instant(value: Any, zone: timezone | None, head: str, row: int, name: str) -> datetime:
    text = unicodedata.normalize("NFKC", str(value)).strip()
    found = CLOCK.match(text)
    if found is None:
        raise InputError(
            f"{name}: {head} of row {row} is {text[:40]!r}, which is no time; write 2026-10-12T09:00+09:00, or seconds as "
            "'time_s'"
        )
    own = _zone(found[7]) if found[7] else zone
    if own is None:
        what = f"the time zone {found[7][:20]!r}, which is not understood" if found[7] else "no time zone"
        raise InputError(
            f"{name}: {head} of row {row} ({text[:40]}) states {what}; write +09:00 or Z behind it, or '{head} (JST)' as the "
            "heading"
        )
    year, month, day, hour, minute = (int(found[n] or 0) for n in range(1, 6))
    late = timedelta(days=1) if hour == 24 else timedelta(0)  # 24:00 is the end of the day in Japanese records
    try:
        time = (
            datetime(year, month, day, hour % 24, minute, tzinfo=own) + late + timedelta(seconds=float(found[6] or 0))
        )
    except (ValueError, OverflowError):
        raise InputError(f"{name}: {head} of row {row} is {text[:40]!r}, which is no time; correct it") from None
    return time.astimezone(UTC)
