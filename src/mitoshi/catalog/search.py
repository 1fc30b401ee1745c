"""Search over part files: whole files by the manifest, row groups by their envelopes, rows by columns, items last."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.catalog.footprint import area_geometry, checked_geometry, intersecting
from mitoshi.catalog.part import damaged, opened
from mitoshi.catalog.table import boxes, decode, spans
from mitoshi.core.errors import BundleError, InputError
from mitoshi.core.feature_kinds import asked_for
from mitoshi.core.geometry_cost import check_contacts
from mitoshi.core.grid import BBox
from mitoshi.core.requirement import instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow.parquet as pq

    from mitoshi.catalog.store import Manifest, Part

__all__ = ["Query", "found", "items_of", "matching", "named", "query", "rows_of"]

FILTER_COLUMNS = ("bbox", "datetime", "start_datetime", "end_datetime", "mitoshi:quantities")


@dataclass(frozen=True)
class Query:
    """What is searched for; None matches everything.

    Attributes
    ----------
    area
        Bounding box that the footprint must intersect.
    shape
        Shapely geometry that the footprint must intersect.
    start, end
        Closed time window [microseconds since 1970].
    collections, quantities, ids
        Any of these.
    """

    area: BBox | None = None
    shape: Any = None
    start: int | None = None
    end: int | None = None
    collections: frozenset[str] | None = None
    quantities: frozenset[str] | None = None
    ids: frozenset[str] | None = None


class Hit(NamedTuple):
    """One matching row; its order is that of the answer."""

    moment: int
    id: str
    part: int
    group: int
    row: int


def microseconds(time: datetime) -> int:
    """Return the time as microseconds since 1970, exactly."""
    span = time.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (span.days * 86400 + span.seconds) * 1_000_000 + span.microseconds


def window(time: str) -> tuple[datetime | None, datetime | None]:
    """Read ``"A/B"``, ``"A/.."``, ``"../B"`` or one instant; an end given as a date includes that whole day.

    Raises
    ------
    InputError
        If it is none of these, or the end lies before the start.

    >>> window("2019-09-13/..")[1] is None
    True
    """
    first, slash, last = time.partition("/")
    start = None if first in ("", "..") else instant(first)
    ending = last if slash else first
    end = None if ending in ("", "..") else instant(ending)
    if end is not None and len(ending.strip()) == 10:
        end = end.replace(hour=23, minute=59, second=59, microsecond=999_999)
    if start is not None and end is not None and start > end:
        raise InputError(f"the time {time!r} ends before it starts; swap the two")
    return start, end


def query(
    bbox: Sequence[float] | None,
    time: str | None,
    collections: Sequence[str] | None,
    quantity: str | None,
    intersects: Mapping[str, Any] | None,
    limit: int | None,
    ids: Sequence[str] | None = None,
) -> Query:
    """Return the checked query of a search.

    Raises
    ------
    InputError
        If a value is malformed or a quantity unknown.
    """
    if limit is not None and limit < 0:
        raise InputError(f"limit must be 0 or more, got {limit}")
    for name, given in (("collections", collections), ("ids", ids)):
        if isinstance(given, str):
            raise InputError(f"{name} is a list of names, got the string {given!r}; give [{given!r}]")
    start, end = (None, None) if time is None else window(time)
    wanted = None if quantity is None else asked_for(quantity)
    return Query(
        area=BBox.checked(bbox) if bbox is not None else None,
        shape=None if intersects is None else _shape(intersects),
        start=None if start is None else microseconds(start),
        end=None if end is None else microseconds(end),
        collections=None if collections is None else frozenset(collections),
        quantities=None if wanted is None else frozenset((wanted.name, *wanted.members)),
        ids=None if ids is None else frozenset(ids),
    )


def _shape(geometry: Mapping[str, Any]) -> Any:
    """Return a GeoJSON geometry as shapely's; the members of a collection are checked one by one."""
    if not isinstance(geometry, dict) or geometry.get("type") != "GeometryCollection":
        return checked_geometry(geometry, None)[0]
    import shapely

    members = geometry.get("geometries")
    if not isinstance(members, list) or not members:
        raise InputError("a geometry collection has a list of geometries, got none; give at least one")
    found = [checked_geometry(member, None)[0] for member in members]
    check_contacts(shapely.GeometryCollection(found))
    return shapely.union_all(found)


def _may_hold(part: Part, wanted: Query) -> bool:
    if wanted.collections is not None and part.collection not in wanted.collections:
        return False
    return wanted.quantities is None or not wanted.quantities.isdisjoint(part.quantities)


def _search_boxes(wanted: Query) -> list[BBox]:
    """Return boxes (west <= east) outside which nothing can match."""
    if wanted.shape is None and wanted.area is None:
        return []
    if wanted.area is not None:
        return list(wanted.area.split())
    import shapely

    return [BBox(*part.bounds) for part in shapely.get_parts(wanted.shape)]


def _groups(part: Part, wanted: Query, within: list[BBox]) -> list[int]:
    """Return the row groups whose envelope the query touches."""
    west, south, east, north, start, end = np.array([g[1:] for g in part.groups], float).T
    keep = np.ones(len(part.groups), bool)
    if within:
        keep = np.any(
            [(west <= b.east) & (east >= b.west) & (south <= b.north) & (north >= b.south) for b in within], axis=0
        )
    if wanted.start is not None:
        keep &= end >= wanted.start
    if wanted.end is not None:
        keep &= start <= wanted.end
    return [int(g) for g in np.flatnonzero(keep)]


def _touching(box: np.ndarray[Any, Any], within: list[BBox]) -> np.ndarray[Any, Any]:
    """Return which boxes, antimeridian considered, touch one of `within` (each west <= east)."""
    west, south, east, north = box.T
    crossing = west > east
    hit = np.zeros(len(box), bool)
    for b in within:
        plain = (west <= b.east) & (east >= b.west)
        wrapped = (west <= b.east) | (east >= b.west)
        hit |= np.where(crossing, wrapped, plain) & (south <= b.north) & (north >= b.south)
    return hit


def _holding(table: Any, wanted: frozenset[str]) -> np.ndarray[Any, Any]:
    """Return which rows list one of the wanted quantities."""
    import pyarrow as pa
    import pyarrow.compute as pc

    hit = np.zeros(table.num_rows, bool)
    if "mitoshi:quantities" not in table.column_names:
        return hit
    column = table["mitoshi:quantities"]
    parents = pc.list_parent_indices(column).to_numpy()
    matching = pc.is_in(pc.list_flatten(column), pa.array(sorted(wanted))).to_numpy()
    hit[parents[matching]] = True
    return hit


def _called(table: Any, wanted: frozenset[str]) -> np.ndarray[Any, Any]:
    """Return which rows have one of the wanted identifiers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    hit: np.ndarray[Any, Any] = pc.is_in(table["id"], pa.array(sorted(wanted), pa.string())).to_numpy()
    return hit


def _rows(file: pq.ParquetFile, groups: list[int], wanted: Query, within: list[BBox]) -> tuple[Any, ...]:
    """Return row numbers within the read groups that match by their columns, their first instants and boxes."""
    skipped = {"bbox"} if not within else set()
    skipped |= {"mitoshi:quantities"} if wanted.quantities is None else set()
    names = [c for c in FILTER_COLUMNS if c in file.schema_arrow.names and c not in skipped]
    names += [] if wanted.ids is None else ["id"]
    table = file.read_row_groups(groups, columns=names)
    span = spans(table)
    box = boxes(table) if within else np.zeros((len(span), 4))
    keep = _touching(box, within) if within else np.ones(len(span), bool)
    if wanted.start is not None:
        keep &= span[:, 1] >= wanted.start
    if wanted.end is not None:
        keep &= span[:, 0] <= wanted.end
    if wanted.quantities is not None:
        keep &= _holding(table, wanted.quantities)
    if wanted.ids is not None:
        keep &= _called(table, wanted.ids)
    rows = np.flatnonzero(keep)
    return rows, _moments(table)[rows], box[rows]


def _moments(table: Any) -> np.ndarray[Any, Any]:
    """Return each row's nominal instant, by which answers are sorted."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [
        table[n].cast(pa.timestamp("us", "UTC")) for n in ("datetime", "start_datetime") if n in table.column_names
    ]
    moments: np.ndarray[Any, Any] = pc.coalesce(*columns).cast(pa.int64()).to_numpy()
    return moments


def _inside(box: np.ndarray[Any, Any], area: BBox) -> np.ndarray[Any, Any]:
    """Return which boxes lie wholly within one piece of the area, so that their footprints need no look."""
    west, south, east, north = box.T
    pieces = [
        (west >= b.west) & (east <= b.east) & (west <= east) & (south >= b.south) & (north <= b.north)
        for b in area.split()
    ]
    inside: np.ndarray[Any, Any] = np.any(pieces, axis=0)
    return inside


def _exact(file: pq.ParquetFile, groups: list[int], rows: Any, box: Any, wanted: Query) -> np.ndarray[Any, Any]:
    """Return which of the rows (counted over `groups`) really intersect the query, by their footprints."""
    sure = np.zeros(len(rows), bool)
    if wanted.shape is None:
        if wanted.area is None:
            return np.ones(len(rows), bool)
        sure = _inside(box, wanted.area)
    if sure.all():
        return sure
    column = file.read_row_groups(groups, columns=["geometry"])["geometry"]
    wkb = column.take(rows[~sure]).to_numpy(zero_copy_only=False)
    hit = np.ones(len(wkb), bool)
    for shape in (wanted.shape, None if wanted.area is None else area_geometry(wanted.area)):
        if shape is not None:
            hit &= intersecting(wkb, shape)
    sure[~sure] = hit
    return sure


def _matches(file: pq.ParquetFile, part: Part, wanted: Query) -> np.ndarray[Any, Any]:
    """Return (hits, 3): first instant, row group and row in it of every match in one part."""
    within = _search_boxes(wanted)
    groups = _groups(part, wanted, within)
    rows, moments, box = _rows(file, groups, wanted, within)
    starts = np.cumsum([0, *(part.groups[g].rows for g in groups)])
    base = np.cumsum([0, *(g.rows for g in part.groups)])
    place = np.searchsorted(starts, rows, side="right") - 1
    group = np.asarray(groups)[place]
    local = rows - starts[place]
    keep = ~np.isin(local + base[group], part.dead)
    # Footprints are read of those groups alone that still have a row.
    left: list[int] = np.unique(group[keep]).tolist()
    moved = np.cumsum([0, *(part.groups[g].rows for g in left)])
    at = moved[np.searchsorted(left, group[keep])] + local[keep]
    keep[keep] = _exact(file, left, at, box[keep], wanted) if left else False
    return np.stack([moments[keep], group[keep], local[keep]], axis=1)


def named(
    folder: Path, manifest: Manifest, files: Mapping[int, pq.ParquetFile], number: int, matches: np.ndarray[Any, Any]
) -> list[Hit]:
    """Return the matches of part `number` with their identifiers."""
    hits: list[Hit] = []
    with _reading(folder, manifest.parts[number]):
        for group in np.unique(matches[:, 1]).tolist():
            here = matches[matches[:, 1] == group]
            names = files[number].read_row_group(group, columns=["id"])["id"].take(here[:, 2]).to_pylist()
            hits.extend(Hit(m, n, number, g, r) for n, (m, g, r) in zip(names, here.tolist(), strict=True))
    return hits


@contextmanager
def matching(
    folder: Path, manifest: Manifest, wanted: Query
) -> Iterator[tuple[dict[int, pq.ParquetFile], dict[int, np.ndarray[Any, Any]]]]:
    """Give the open files of the parts that may match, and (hits, 3) of each: first instant, row group, row."""
    within = _search_boxes(wanted)
    files: dict[int, pq.ParquetFile] = {}
    matches: dict[int, np.ndarray[Any, Any]] = {}
    try:
        for number, part in enumerate(manifest.parts):
            if _may_hold(part, wanted) and _groups(part, wanted, within):
                files[number] = opened(folder, part)
                with _reading(folder, part):
                    matches[number] = _matches(files[number], part, wanted)
        yield files, matches
    finally:
        for file in files.values():
            file.close()


def found(folder: Path, manifest: Manifest, wanted: Query, limit: int | None) -> list[dict[str, Any]]:
    """Return the matching items, sorted by time and id.

    Raises
    ------
    BundleError
        If a part file is damaged.
    FileNotFoundError
        If a part was merged away meanwhile; read the manifest again.
    """
    with matching(folder, manifest, wanted) as (files, matches):
        last = _last_moment(list(matches.values()), limit)
        hits: list[Hit] = []
        for number, rows in matches.items():
            hits.extend(named(folder, manifest, files, number, rows[rows[:, 0] <= last]))
        return items_of(folder, manifest, files, sorted(hits)[:limit])


def _last_moment(matches: list[np.ndarray[Any, Any]], limit: int | None) -> int:
    """Return the first instant of the last match within the limit."""
    moments = np.concatenate([m[:, 0] for m in matches]) if matches else np.zeros(0, np.int64)
    if limit is None or len(moments) <= limit:
        return int(np.iinfo(np.int64).max)
    return int(np.partition(moments, max(0, limit - 1))[max(0, limit - 1)])


class _reading:  # noqa: N801 - reads as a phrase: with _reading(folder, part)
    """Turn what Arrow says of a broken page into one line that names the part."""

    def __init__(self, folder: Path, part: Part) -> None:
        self._path = folder / part.file

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> None:
        import pyarrow as pa

        if isinstance(error, pa.ArrowException | OSError) and not isinstance(error, FileNotFoundError):
            raise BundleError(damaged(self._path, str(error).splitlines()[0][:80])) from error


def items_of(
    folder: Path, manifest: Manifest, files: Mapping[int, pq.ParquetFile], chosen: list[Hit]
) -> list[dict[str, Any]]:
    """Decode the chosen rows, a part at a time."""
    wanted: dict[int, list[Hit]] = {}
    for hit in chosen:
        wanted.setdefault(hit.part, []).append(hit)
    decoded: dict[tuple[int, int, int], dict[str, Any]] = {}
    for number, hits in wanted.items():
        with _reading(folder, manifest.parts[number]):
            decoded.update(zip([(number, h.group, h.row) for h in hits], rows_of(files[number], hits), strict=True))
    return [decoded[h.part, h.group, h.row] for h in chosen]


def rows_of(file: pq.ParquetFile, hits: Sequence[Hit]) -> list[dict[str, Any]]:
    """Return the items at the given groups and rows of one part, in the order given."""
    import pyarrow as pa

    groups = sorted({h.group for h in hits})
    tables, place, total = [], {}, 0
    for group in groups:
        rows = sorted({h.row for h in hits if h.group == group})
        tables.append(file.read_row_group(group).take(rows))
        place.update({(group, row): total + i for i, row in enumerate(rows)})
        total += len(rows)
    items = decode(pa.concat_tables(tables))
    return [items[place[h.group, h.row]] for h in hits]
