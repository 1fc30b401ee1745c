"""How far the records that drive a flood reach in time, and what is assumed where they say nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mitoshi.core.features import Features
    from mitoshi.core.quantity import Raster

__all__ = ["Record", "assumed", "check_coverage", "check_sides", "coverage", "records"]

Floats = NDArray[np.float64]
GAP, FEWEST = 3.0, 4
"""A record of at least `FEWEST` rows has a gap where two of them lie more than `GAP` times the median interval apart."""
SIDES = {"north": "北", "south": "南", "west": "西", "east": "東"}


class Record(NamedTuple):
    """One record in time.

    Attributes
    ----------
    title
        What it is.
    kind
        "level" is held outside its times, "inflow" is none outside them, each rate of "rain" is held until the next.
    units
        Of its values.
    time_s, values
        In the order of time, shape (n,).
    """

    title: Text
    kind: Literal["level", "inflow", "rain"]
    units: str
    time_s: Floats
    values: Floats


def records(data: Mapping[str, Any]) -> Iterator[Record]:
    """Give the records among a method's data: `inflow` by name, `rain`, `water_level` by side.

    Parameters
    ----------
    data
        Data arguments by name.
    """
    inflow, rain, level = (data.get(name) for name in ("inflow", "rain", "water_level"))
    if inflow is not None and len(inflow):
        for name, rows in inflow.groupby("name", sort=True):
            yield _record(rows, Text(f"inflow {name}", f"流入 {name}"), "inflow", "discharge_m3_s", "m3/s")
    if rain is not None and len(rain):
        yield _record(rain, Text("rain", "降雨"), "rain", "rate_mm_h", "mm/h")
    if level is not None and len(level):
        for side, rows in level.groupby("side", sort=True):
            title = Text(f"water level {side}", f"水位（{SIDES.get(str(side), side)}側）")
            yield _record(rows, title, "level", "water_level_m", "m")


def _record(rows: Features, title: Text, kind: Any, column: str, units: str) -> Record:
    ordered = rows.sort_values("time_s", kind="stable")
    times, values = (np.asarray(ordered[c], dtype=np.float64) for c in ("time_s", column))
    return Record(title, kind, units, times, values)


def check_coverage(data: Mapping[str, Any], duration_s: float) -> None:
    """Refuse records that have nothing to do with the time of the run.

    Parameters
    ----------
    data
        Data arguments by name.
    duration_s
        Length of the run.

    Raises
    ------
    InputError
        Naming the record.
    """
    for record in records(data):
        times, name = record.time_s, record.title.en
        if times.size < 2:
            continue
        first, last = float(times[0]), float(times[-1])
        if first >= duration_s or last <= 0.0:
            raise InputError(
                f"{name} reaches from {first:g} to {last:g} s and the run from 0 to {duration_s:g} s; "
                "give times in seconds since the start of the run"
            )


def assumed(data: Mapping[str, Any], parameters: Mapping[str, Any]) -> tuple[Text, ...]:
    """Return what a run assumes where its records and its elevation say nothing.

    Parameters
    ----------
    data
        Data arguments by name.
    parameters
        Of the run, with `duration_h`.
    """
    duration = 3600.0 * parameters["duration_h"] * (1.0 - 1e-9)  # a record to the last second reaches the end
    words = [text for record in records(data) for text in coverage(record, duration)]
    return (*words, *_walls(data["elevation"], data.get("water_level")))


def coverage(record: Record, duration_s: float) -> list[Text]:
    """Return what is assumed before, after and within one record.

    Parameters
    ----------
    record
        Its rows.
    duration_s
        Length of the run.
    """
    times = record.time_s
    first, last = float(times[0]), float(times[-1])
    words = []
    if times.size < 2 and record.kind != "rain":
        return []
    if first > 0.0:
        words.append(_said(record, f"begins at {first:g} s", f"記録は {first:g} 秒から", _before(record)))
    if last < duration_s:
        words.append(
            _said(
                record,
                f"ends at {last:g} s and the run at {duration_s:g} s",
                f"記録は {last:g} 秒まで、計算は {duration_s:g} 秒まで",
                _after(record),
            )
        )
    steps = np.diff(times)
    if times.size >= FEWEST:
        wide = np.flatnonzero((steps > GAP * np.median(steps)) & (times[:-1] < duration_s) & (times[1:] > 0.0))
        for k in wide[:1]:
            en = f"has no row from {times[k]:g} to {times[k + 1]:g} s" + _more_en(wide.size)
            ja = f"{times[k]:g}〜{times[k + 1]:g} 秒の記録なし" + _more_ja(wide.size)
            held = Text("the rate before is held", "直前の強度が続くと仮定")
            line = Text("it is taken to run in a straight line", "その間は直線的に変化すると仮定")
            words.append(_said(record, en, ja, held if record.kind == "rain" else line))
    return words


def _said(record: Record, en: str, ja: str, assumption: Text) -> Text:
    return Text(f"{record.title.en} {en}; {assumption.en}", f"{record.title.ja}：{ja}。{assumption.ja}")


def _before(record: Record) -> Text:
    if record.kind == "level":
        value = f"{record.values[0]:g} {record.units}"
        return Text(f"its first level, {value}, is taken from the start", f"開始時から最初の水位 {value} と仮定")
    value = f"{record.values[0]:g} {record.units}"
    return Text(f"before its first {value} nothing is taken to come", f"最初の {value} より前はゼロと仮定")


def _after(record: Record) -> Text:
    value = f"{record.values[-1]:g} {record.units}"
    if record.kind == "inflow":
        return Text(f"after its last {value} nothing is taken to come", f"最後の {value} より後はゼロと仮定")
    what = Text("level", "水位") if record.kind == "level" else Text("rate", "強度")
    return Text(f"its last {what.en}, {value}, is held", f"最後の{what.ja} {value} が続くと仮定")


def _more_en(count: int) -> str:
    return f", and {count - 1} more such gaps" if count > 1 else ""


def _more_ja(count: int) -> str:
    return f"（ほか {count - 1} か所）" if count > 1 else ""


def check_sides(water_level: Features | None, bed: Floats) -> None:
    """Refuse a level at a side that it can never enter: without elevation, or higher than the level at all times.

    Parameters
    ----------
    water_level
        Levels in time by side.
    bed
        Elevation [m], (y, x); NaN is outside.

    Raises
    ------
    InputError
        Naming the side.
    """
    for side, rows, along in _driven(water_level, bed):
        known = along[np.isfinite(along)]
        if not known.size:
            raise InputError(
                f"the {side} side has a water level and no elevation; cut the elevation to where it is known"
            )
        highest, lowest = float(rows["water_level_m"].max()), float(known.min())
        if highest <= lowest:
            raise InputError(
                f"the water level at the {side} side, at most {highest:g} m, never rises above the ground there, at least "
                f"{lowest:g} m; check the datum of both, or the side"
            )


def _walls(elevation: Raster, water_level: Features | None) -> Iterator[Text]:
    bed = np.asarray(elevation.to_numpy(), dtype=np.float64)
    for side, _, along in _driven(water_level, bed):
        share = float(np.mean(~np.isfinite(along)))
        if share > 0.0:
            yield Text(
                f"water level {side}: {share:.0%} of the side has no elevation and is taken for a wall",
                f"水位（{SIDES[side]}側）：境界の {share:.0%} は標高が欠けているため壁とみなす",
            )


def _driven(water_level: Features | None, bed: Floats) -> Iterator[tuple[str, Features, Floats]]:
    if water_level is None or not len(water_level):
        return
    edges = {"north": bed[0], "south": bed[-1], "west": bed[:, 0], "east": bed[:, -1]}
    for side, rows in water_level.groupby("side", sort=True):
        if side in edges:
            yield str(side), rows, edges[str(side)]
