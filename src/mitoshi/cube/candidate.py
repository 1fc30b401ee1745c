"""Candidates: an item, or the slices of one pass, judged against a requirement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mitoshi.catalog.footprint import coverage, overlap
from mitoshi.core.text import Text
from mitoshi.cube.loading import moment, passes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pystac

    from mitoshi.core.grid import BBox
    from mitoshi.core.requirement import Need, Requirement

__all__ = ["Candidate", "candidates", "same_geometry"]

When = Literal["before", "after", "any"]
LEAST_GAIN = 1e-3  # share of the area that a further slice must add

TOO_LITTLE = Text(
    "covers {share:.0%} of the area, {least:.0%} is needed", "対象域の{share:.0%}のみ（必要: {least:.0%}）"
)
TOO_COARSE = Text("pixel of {gsd:g} m, {most:g} m or finer is needed", "画素{gsd:g} m（必要: {most:g} m以下）")
NOMINAL = 1.005  # pixels are nominal metres of a map: those of UTM are up to 0.4 % larger on the ground than they say
UNKNOWN_PIXEL = Text("pixel size unknown, {most:g} m or finer is needed", "画素の大きさが不明（必要: {most:g} m以下）")
NOT_BEFORE = Text("not wholly before the event", "全体が事象前ではない")
NOT_AFTER = Text("not wholly after the event", "全体が事象後ではない")
WHY = {
    "before": Text("latest suitable before the event, {time}", "事象前で最も新しい適合データ、{time}"),
    "after": Text("first suitable after the event, {time}", "事象後で最初の適合データ、{time}"),
    "any": Text("finest, then most recent, {time}", "最も高解像度で新しいデータ、{time}"),
}
UNDATED = Text("finest; it states no time", "最も高解像度のデータ（時刻の記載なし）")
JST = timezone(timedelta(hours=9))
SAME = Text(
    "; same track, orbit direction and polarisations as its counterpart", "、対となるデータと同じ軌道・方向・偏波"
)
OTHER = Text("; no pair of one track was found", "、同じ軌道の対は見つからず")
COVERS = Text("; covers {share:.0%} of the area", "、対象域の{share:.0%}を被覆")
COVERS_LITTLE = Text("; covers less than 1% of the area", "、対象域の1%未満を被覆")
LITTLE = 0.005  # share that would be written as 0 %
SLICES = Text("; {count} adjacent slices or tiles", "、隣接する{count}枚")


@dataclass(frozen=True)
class Candidate:
    """Items that together are one observation; `share` is what they cover of the area, None where nobody asked."""

    items: tuple[pystac.Item, ...]
    share: float | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The items' identifiers."""
        return tuple(i.id for i in self.items)

    @property
    def coverage(self) -> float:
        """Share of the area under the footprints, 0 to 1."""
        return 0.0 if self.share is None else self.share

    @cached_property
    def start(self) -> datetime:
        """The first instant."""
        return min(i.common_metadata.start_datetime or moment(i) for i in self.items)

    @cached_property
    def end(self) -> datetime:
        """The last instant."""
        return max(i.common_metadata.end_datetime or moment(i) for i in self.items)

    @property
    def simulated(self) -> bool:
        """Whether any of the items is simulated."""
        return any(bool(i.properties.get("mitoshi:simulated")) for i in self.items)

    @cached_property
    def gsd(self) -> float | None:
        """The coarsest item's pixel [m]; None where one does not say."""
        sizes = [_gsd(i) for i in self.items]
        known = [s for s in sizes if s is not None]
        return max(known) if len(known) == len(sizes) else None

    def against(self, need: Requirement, when: When) -> Text | None:
        """Return what speaks against the candidate, or None."""
        if when == "before" and need.end is not None and self.end > need.end:
            return NOT_BEFORE
        if when == "after" and need.start is not None and self.start < need.start:
            return NOT_AFTER
        if need.resolution is not None and self.gsd is None:
            return UNKNOWN_PIXEL.format(most=need.resolution)
        if need.resolution is not None and self.gsd is not None and self.gsd > need.resolution * NOMINAL:
            return TOO_COARSE.format(gsd=self.gsd, most=need.resolution)
        if self.coverage < need.coverage:
            return TOO_LITTLE.format(share=self.coverage, least=need.coverage)
        return None

    def rank(self, when: When) -> tuple[Any, ...]:
        """Return the sort key, best first; ties are broken by coverage and then by id."""
        late, tie = -self.end.timestamp(), (-round(self.coverage, 3), self.ids)
        if when == "after":
            return (self.start.timestamp(), *tie)
        if when == "before":
            return (late, *tie)
        return (np.inf if self.gsd is None else self.gsd, -round(self.coverage, 3), late, self.ids)

    def because(self, need: Need, partner: Candidate | None) -> Text:
        """Return why this candidate was chosen."""
        parts = [_why(need.when, self.start if need.when == "after" else self.end)]
        if partner is not None:
            parts.append(SAME if same_geometry(self, partner) else OTHER)
        if self.coverage > 0:  # points cover no area
            parts.append(COVERS_LITTLE if self.coverage < LITTLE else COVERS.format(share=self.coverage))
        if len(self.items) > 1:
            parts.append(SLICES.format(count=len(self.items)))
        return Text("".join(p.en for p in parts), "".join(p.ja for p in parts))


def _why(when: When, time: datetime) -> Text:
    """Return the reason with its time as people write it; what states no time lasts for ever and is not said to."""
    if time.year in (MINYEAR, MAXYEAR):
        return UNDATED
    utc, japan = time.astimezone(UTC), time.astimezone(JST)
    return Text(
        WHY[when].en.format(time=f"{utc:%Y-%m-%d %H:%M} UTC"),
        WHY[when].ja.format(time=f"{japan.year}年{japan.month}月{japan.day}日 {japan:%H:%M} JST"),
    )


def _gsd(item: pystac.Item) -> float | None:
    own = item.properties.get("gsd")
    if own is not None:
        return float(own)
    stated = [a.extra_fields.get("gsd") for a in item.assets.values()]
    known = [float(s) for s in stated if s is not None]
    return min(known, default=None)


def geometry(candidate: Candidate) -> tuple[Any, ...] | None:
    """Return orbit direction, track, polarisations and quantities; None where the track is unknown."""
    properties = [i.properties for i in candidate.items]
    keys = {
        (
            p.get("sat:orbit_state"),
            p.get("sat:relative_orbit"),
            tuple(sorted(p.get("sar:polarizations") or ())),
            p.get("sar:instrument_mode"),
        )
        for p in properties
    }
    only: tuple[Any, ...] = next(iter(keys)) if len(keys) == 1 else (None, None)
    return None if only[0] is None or only[1] is None else only


def same_geometry(one: Candidate, other: Candidate) -> bool:
    """Tell whether two candidates look from the same track, and hold a quantity in common."""
    ours, theirs = geometry(one), geometry(other)
    if ours is None or ours != theirs:
        return False
    held = [set(i.properties.get("mitoshi:quantities") or ()) for c in (one, other) for i in c.items]
    return bool(set.intersection(*held)) if all(held) else True


def candidates(items: Sequence[pystac.Item], area: BBox, when: When) -> list[Candidate]:
    """Return what each pass covers with as few items as needed; what does not change is gathered by collection."""
    groups = passes(items) if when != "any" else _collections(items)
    return [_covering(group, area, when) for group in groups]


def _collections(items: Sequence[pystac.Item]) -> list[list[pystac.Item]]:
    """Return the items in groups of one collection, pixel size and kind; items without a collection stand alone."""
    groups: dict[tuple[Any, ...], list[pystac.Item]] = {}
    for item in items:
        alone = item.id if item.collection_id is None else None
        key = (item.collection_id, alone, _gsd(item), bool(item.properties.get("mitoshi:simulated")))
        groups.setdefault(key, []).append(item)
    return list(groups.values())


def _covering(group: Sequence[pystac.Item], area: BBox, when: When) -> Candidate:
    """Return the items of a group that cover the area, the largest gain first, of equal gains the latest."""
    import shapely

    parts = {item.id: overlap(item.geometry, area) for item in group}
    left = sorted(group, key=lambda i: (-moment(i).timestamp() if when == "any" else 0.0, i.id))
    covered: Any = shapely.Polygon()
    taken: list[pystac.Item] = []
    share = 0.0
    while left:
        gains = [coverage(shapely.union(covered, parts[item.id]), area) - share for item in left]
        best = int(np.argmax(np.round(gains, 4)))
        if taken and gains[best] < LEAST_GAIN:
            break
        item = left.pop(best)
        covered = shapely.union(covered, parts[item.id])
        share = coverage(covered, area)
        taken.append(item)
    return Candidate(tuple(taken), share)
