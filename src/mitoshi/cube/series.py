"""Which dates a stack takes: every suitable pass of the track that has the most of them, in order of time."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from mitoshi.core.requirement import duration
from mitoshi.core.text import Text
from mitoshi.cube.candidate import geometry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from mitoshi.core.requirement import Need
    from mitoshi.cube.candidate import Candidate

__all__ = ["Series", "chosen_series"]

DATES = Text("{count} dates from {first} to {last}", "{first}から{last}までの{count}時期")
GAP = Text(", the longest gap {days:.0f} days", "、最長の間隔は{days:.0f}日")
TRACK = Text(", all of one track", "、すべて同一軌道")
TOO_FEW = Text("{count} dates of one track, {least} are needed", "同一軌道の{count}時期のみ（必要: {least}時期）")
TOO_WIDE = Text("a gap of {days:.0f} days, {most} at most", "{days:.0f}日の間隔がある（上限: {most}）")
OTHER_TRACK = Text("another track than the stack's", "時系列とは別の軌道")


class Series(NamedTuple):
    """The dates of a stack.

    Attributes
    ----------
    taken
        Passes in order of time; empty where they do not meet the need.
    why
        The reason, for people: why they were taken, or why not.
    others
        Passes of other tracks.
    """

    taken: tuple[Candidate, ...]
    why: Text
    others: tuple[Candidate, ...]


def chosen_series(candidates: Sequence[Candidate], need: Need) -> Series:
    """Return the passes that answer a need for several dates.

    Images of different tracks look from different sides: they are not mixed where the track is known. The track with most
    dates is taken, of equal ones the track with the latest date.

    Parameters
    ----------
    candidates
        Passes that fit by themselves.
    need
        How many dates, and how far apart at most.
    """
    tracks: dict[object, list[Candidate]] = {}
    for candidate in candidates:
        tracks.setdefault(geometry(candidate), []).append(candidate)
    if not tracks:
        return Series((), TOO_FEW.format(count=0, least=need.dates), ())
    best = max(tracks, key=lambda t: (len(tracks[t]), max(c.end for c in tracks[t]), str(t)))
    dates = sorted(tracks[best], key=lambda c: (c.start, c.ids))
    others = tuple(c for track, group in tracks.items() if track != best for c in group)
    if len(dates) < need.dates:
        return Series((), TOO_FEW.format(count=len(dates), least=need.dates), tuple(candidates))
    widest = _widest(dates)
    if need.gap and widest > duration(need.gap):
        return Series((), TOO_WIDE.format(days=widest.total_seconds() / 86400, most=need.gap), tuple(candidates))
    first, last = f"{dates[0].start:%Y-%m-%d}", f"{dates[-1].end:%Y-%m-%d}"
    parts = [
        DATES.format(count=len(dates), first=first, last=last),
        GAP.format(days=widest.total_seconds() / 86400),
        *([TRACK] if best is not None else []),
    ]
    return Series(tuple(dates), Text("".join(p.en for p in parts), "".join(p.ja for p in parts)), others)


def _widest(dates: Sequence[Candidate]) -> timedelta:
    return max((later.start - earlier.start for earlier, later in pairwise(dates)))
