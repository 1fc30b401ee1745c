"""What each collection holds: how many items, where, when and of what."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.catalog.part import opened
from mitoshi.catalog.search import microseconds
from mitoshi.catalog.table import boxes, spans
from mitoshi.core.grid import BBox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from mitoshi.catalog.store import Manifest, Part

__all__ = ["Summary", "summaries"]

TIMES = ("datetime", "start_datetime", "end_datetime")
VALUES = (
    "platform",
    "constellation",
    "gsd",
    "proj:code",
    "mitoshi:simulated",
    "mitoshi:quantities",
    "sar:polarizations",
)
MOST_VALUES = 64
# Items whose time is not known span the whole calendar; no other item lies before this.
EARLIEST = microseconds(datetime(1900, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Summary:
    """A collection.

    Attributes
    ----------
    id
        Its name; None for items of no collection.
    count
        Its items.
    box
        The smallest box around them [degree]; west > east where it crosses the antimeridian.
    start, end
        First and last instant; None where no item knows its time.
    values
        The distinct values of some properties.
    """

    id: str | None
    count: int
    box: BBox
    start: datetime | None
    end: datetime | None
    values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


def summaries(folder: Path, manifest: Manifest) -> tuple[Summary, ...]:
    """Return what each collection holds, sorted by name.

    Raises
    ------
    BundleError
        If a part file is damaged.
    FileNotFoundError
        If a part was merged away meanwhile; read the manifest again.
    """
    names = sorted({part.collection for part in manifest.parts}, key=str)
    return tuple(_summary(folder, name, [p for p in manifest.parts if p.collection == name]) for name in names)


def _summary(folder: Path, name: str | None, parts: Sequence[Part]) -> Summary:
    tables = [_living(folder, part) for part in parts]
    box = np.concatenate([boxes(table) for table in tables])
    span = np.concatenate([spans(table) for table in tables])
    known = span[span[:, 0] >= EARLIEST]
    return Summary(
        name,
        len(box),
        around(box),
        _time(known[:, 0].min()) if len(known) else None,
        _time(known[:, 1].max()) if len(known) else None,
        {key: found for key in VALUES if (found := _distinct(tables, key))},
    )


def _living(folder: Path, part: Part) -> pa.Table:
    with opened(folder, part) as file:
        there = file.schema_arrow.names
        table = file.read(columns=[c for c in ("bbox", *TIMES, *VALUES) if c in there])
    return table.take(np.setdiff1d(np.arange(part.rows), part.dead)) if part.dead else table


def _time(moment: Any) -> datetime:
    return datetime.fromtimestamp(int(moment) / 1e6, UTC)


def _distinct(tables: Sequence[pa.Table], key: str) -> tuple[Any, ...]:
    import pyarrow as pa
    import pyarrow.compute as pc

    found: set[Any] = set()
    for table in tables:
        if key not in table.column_names:
            continue
        column = table[key]
        if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
            column = pc.list_flatten(column)
        if not pa.types.is_nested(column.type):
            found.update(value for value in pc.unique(column).to_pylist() if value is not None)
    return tuple(sorted(found, key=lambda value: (str(type(value)), value)))[:MOST_VALUES]


def around(box: np.ndarray[Any, Any]) -> BBox:
    """Return the smallest box around boxes (west, south, east, north): all longitudes but the widest gap between them.

    >>> around(np.array([[170.0, 0, 175, 1], [-178.0, 2, -170, 3]]))
    BBox(west=170.0, south=0.0, east=-170.0, north=3.0)
    """
    west, east = box[:, 0], np.where(box[:, 2] < box[:, 0], box[:, 2] + 360, box[:, 2])
    order = np.argsort(west, kind="stable")
    west, reach = west[order], np.maximum.accumulate(east[order])
    reach = np.maximum(reach, reach[-1] - 360)
    gaps = np.append(west[1:], west[0] + 360) - reach
    widest = len(gaps) - 1 - int(np.argmax(gaps[::-1]))
    south, north = float(box[:, 1].min()), float(box[:, 3].max())
    if gaps[widest] <= 0:
        return BBox(-180.0, south, 180.0, north)
    end = float(reach[widest])
    return BBox(float(west[(widest + 1) % len(west)]), south, end - 360 if end > 180 else end, north)
