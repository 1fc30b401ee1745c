"""Pages of a search that stay in step while items come and go: asked for by the key of a neighbour, not by a count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.catalog.search import items_of, matching, named

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mitoshi.catalog.search import Hit, Query
    from mitoshi.catalog.store import Manifest

__all__ = ["Key", "Page", "page"]

EVER = np.iinfo(np.int64)


class Key(NamedTuple):
    """The place of an item in the order of all answers: its first instant [microseconds since 1970], id and collection."""

    moment: int
    id: str
    collection: str


class Page(NamedTuple):
    """Some of the items that match, in order.

    Attributes
    ----------
    items
        As dictionaries; asset addresses are those of the catalogue.
    matched
        How many items match altogether.
    first, last
        Keys of the page's ends; None for an empty page.
    earlier, later
        Whether there are items before and after the page.
    """

    items: list[dict[str, Any]]
    matched: int
    first: Key | None
    last: Key | None
    earlier: bool
    later: bool


def page(
    folder: Path, manifest: Manifest, wanted: Query, limit: int, after: Key | None = None, before: Key | None = None
) -> Page:
    """Return the first `limit` matches, those after one key, or the last ones before another.

    Raises
    ------
    BundleError
        If a part file is damaged.
    FileNotFoundError
        If a part was merged away meanwhile; read the manifest again.
    """
    with matching(folder, manifest, wanted) as (files, matches):
        first, last = _window(matches, limit, after, before)
        hits = [
            (Key(hit.moment, hit.id, manifest.parts[number].collection or ""), hit)
            for number, rows in matches.items()
            for hit in named(folder, manifest, files, number, rows[(rows[:, 0] >= first) & (rows[:, 0] <= last)])
        ]
        chosen, earlier, later = _cut(sorted(hits), limit, after, before)
        return Page(
            items_of(folder, manifest, files, [hit for _, hit in chosen]),
            sum(len(rows) for rows in matches.values()),
            chosen[0][0] if chosen else None,
            chosen[-1][0] if chosen else None,
            earlier,
            later,
        )


def _window(
    matches: Mapping[int, np.ndarray[Any, Any]], limit: int, after: Key | None, before: Key | None
) -> tuple[int, int]:
    """Return first and last instant between which the page and one more item lie, so that few names need reading."""
    moments = np.concatenate([rows[:, 0] for rows in matches.values()]) if matches else np.zeros(0, np.int64)
    if before is not None:
        left = moments[moments <= before.moment]
        most = limit + 1 + int((left == before.moment).sum())
        return int(np.partition(left, -most)[-most]) if len(left) > most else EVER.min, before.moment
    start = EVER.min if after is None else after.moment
    left = moments[moments >= start]
    most = limit + 1 + int((left == start).sum())
    return start, int(np.partition(left, most - 1)[most - 1]) if len(left) > most else EVER.max


def _cut(
    hits: list[tuple[Key, Hit]], limit: int, after: Key | None, before: Key | None
) -> tuple[list[tuple[Key, Hit]], bool, bool]:
    """Return the hits of the page, and whether there are earlier and later ones."""
    if before is not None:
        chosen = [entry for entry in hits if entry[0] < before][-limit - 1 :]
        return chosen[-limit:], len(chosen) > limit, True
    chosen = [entry for entry in hits if after is None or entry[0] > after][: limit + 1]
    return chosen[:limit], after is not None, len(chosen) > limit
