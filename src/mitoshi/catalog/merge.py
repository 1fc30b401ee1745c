"""Merging small part files, so that many small ingests search as fast as one large one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mitoshi.catalog.part import check, made, opened
from mitoshi.catalog.table import MOST_COLUMNS, leaf_columns

if TYPE_CHECKING:
    import pyarrow as pa

    from mitoshi.catalog.store import Part, Store

__all__ = ["small_parts"]

SMALL_ROWS = 16_384
MOST_SMALL = 8  # parts of one collection below SMALL_ROWS that are left alone
MERGED_BYTES = 64 * 2**20  # compressed bytes merged at once, which bounds the memory


def small_parts(store: Store, parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return the parts with the small ones of each collection merged, where there are more than `MOST_SMALL`.

    Replaced rows fall out. The merged files are written; the caller publishes them.
    """
    merged = parts
    for collection in sorted({p.collection for p in parts}, key=str):
        small = [p for p in parts if p.collection == collection and p.rows < SMALL_ROWS]
        if len(small) <= MOST_SMALL:
            continue
        chosen: list[Part] = []
        for part in sorted(small, key=lambda p: p.size):
            if sum(c.size for c in chosen) + part.size <= MERGED_BYTES:
                chosen.append(part)
        made_ = _merged(store, chosen)
        merged = tuple(p for p in merged if p not in chosen) + made_
    return merged


def _merged(store: Store, parts: list[Part]) -> tuple[Part, ...]:
    groups: list[pa.Table] = []
    for part in parts:
        check(store.folder, part)
        groups = _joined(groups, _living(store, part))
    if len(groups) == len(parts):
        return tuple(parts)
    new = []
    for table in groups:
        data, part = made(table)
        store.add_part(data, part)
        new.append(part)
    return tuple(new)


def _living(store: Store, part: Part) -> pa.Table:
    with opened(store.folder, part) as file:
        table = file.read()
    return table.take(np.setdiff1d(np.arange(part.rows), part.dead)) if part.dead else table


def _joined(groups: list[pa.Table], table: pa.Table) -> list[pa.Table]:
    """Return the groups with the table joined to the first whose columns have agreeing types."""
    import pyarrow as pa

    table = table.replace_schema_metadata(None)
    for position, group in enumerate(groups):
        try:
            joined = pa.concat_tables([group, table], promote_options="permissive")
        except pa.ArrowException:
            continue
        widest = max(leaf_columns(group.schema), leaf_columns(table.schema))
        if leaf_columns(joined.schema) <= min(2 * widest + 64, MOST_COLUMNS):
            return [*groups[:position], joined, *groups[position + 1 :]]
    return [*groups, table]
