"""Items to stac-geoparquet tables and back, exactly; and the order of rows that makes searches fast.

The files are plain stac-geoparquet 1.0 on GeoParquet 1.1: any tool of the field reads them. Rows lie along a Morton curve
over 1.4° × 0.7° cells and by time within a cell, in groups of `GROUP_ROWS`; items that cross the antimeridian come first, so
that they widen the envelopes of their own row groups alone.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.catalog.item import property_paths
from mitoshi.core.errors import InputError
from mitoshi.core.parquet_checks import check_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

__all__ = ["GROUP_ROWS", "Envelope", "decode", "encode", "envelopes", "foreign_items", "serialise", "sorted_table"]

GROUP_ROWS = 2048
TOP_LEVEL = frozenset({"type", "stac_version", "stac_extensions", "id", "collection", "links", "assets"})
MOST_COLUMNS = 4096  # leaf columns of one file; assets with endless distinct keys stay in files of their own


class Envelope(NamedTuple):
    """What one row group spans: rows, box in degrees (west <= east always), time in microseconds since 1970."""

    rows: int
    west: float
    south: float
    east: float
    north: float
    start: int
    end: int


def encode(items: Sequence[dict[str, Any]]) -> list[tuple[pa.Table, list[dict[str, Any]]]]:
    """Return the items as few tables from which `decode` gives back equal items.

    Items whose fields have clashing types do not fit one table; they get their own.

    Raises
    ------
    InputError
        If an item cannot be stored exactly even alone.
    """
    table = _table(items)
    if table is not None and decode(table) == list(items):
        return [(table, list(items))]
    if len(items) == 1:
        raise InputError(
            f"item {items[0]['id']!r} cannot be stored exactly; give each field one type and no empty name"
        )
    groups: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        groups.setdefault(_signature(item), []).append(item)
    if len(groups) == 1:
        middle = len(items) // 2
        return [*encode(items[:middle]), *encode(items[middle:])]
    return [part for group in groups.values() for part in encode(group)]


def _table(items: Sequence[dict[str, Any]]) -> pa.Table | None:
    import pyarrow as pa
    from stac_geoparquet.arrow import parse_stac_items_to_arrow

    if len(items) > 1 and len(set().union(*(property_paths(item["properties"]) for item in items))) > MOST_COLUMNS // 8:
        return None  # a table of all of them would be found too wide only after a minute of work
    try:
        table = parse_stac_items_to_arrow(items, drop_invalid_properties=False).read_all()
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return None
    return table if leaf_columns(table.schema) <= MOST_COLUMNS or len(items) == 1 else None


def _signature(value: Any) -> str:
    """Return the structure of a value: its keys and types."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{k}:{_signature(v)}" for k, v in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(sorted({_signature(v) for v in value})) + "]"
    return "number" if isinstance(value, float) else type(value).__name__


def leaf_columns(schema: pa.Schema) -> int:
    """Return how many Parquet columns a schema becomes."""

    def leaves(kind: Any) -> int:
        return sum(leaves(kind.field(i).type) for i in range(kind.num_fields)) if kind.num_fields else 1

    return sum(leaves(field.type) for field in schema)


def decode(table: pa.Table) -> list[dict[str, Any]]:
    """Return the items of a table, without the empty entries that a table's common columns bring in.

    The same as `stac_geoparquet.arrow.stac_table_to_items` followed by pruning, column by column and so about ten times
    as fast.
    """
    import shapely

    columns = {name: table[name].combine_chunks() for name in table.column_names}
    rows = len(table)
    properties: list[dict[str, Any]] = [{} for _ in range(rows)]
    top: dict[str, list[Any]] = {}
    for name, column in columns.items():
        if name == "geometry":
            top[name] = [_geojson(g) for g in shapely.from_wkb(column.to_numpy(zero_copy_only=False))]
        elif name == "bbox":
            top[name] = [list(box.values()) for box in _values(column)]
        elif name in TOP_LEVEL:
            top[name] = _values(column)
        else:
            for entry, value in zip(properties, _values(column), strict=True):
                if value is not None and value != {}:
                    entry[name] = value
    items = []
    for row, entry in enumerate(properties):
        item = {name: values[row] for name, values in top.items() if values[row] is not None}
        items.append({"type": "Feature", "links": [], "stac_extensions": [], "assets": {}, **item, "properties": entry})
    return items


def _geojson(geometry: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(geometry.__geo_interface__))
    return found


def _values(array: pa.Array) -> list[Any]:
    """Return an Arrow array as Python values; entries of objects that are null or {} are left out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_null(array.type):
        return [None] * len(array)
    if pa.types.is_struct(array.type):
        names = [array.type.field(i).name for i in range(array.type.num_fields)]
        rows = zip(*(_values(child) for child in array.flatten()), strict=True) if names else [()] * len(array)
        made = [{n: v for n, v in zip(names, row, strict=True) if v is not None and v != {}} for row in rows]
        return _masked(made, array)
    if pa.types.is_nested(array.type):
        inner = _values(array.flatten())
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
        ends = np.cumsum(lengths).tolist()
        return _masked([inner[e - n : e] for e, n in zip(ends, lengths.tolist(), strict=True)], array)
    if pa.types.is_timestamp(array.type):
        array = pc.strftime(array.cast(pa.timestamp("us", "UTC")), format="%Y-%m-%dT%H:%M:%SZ")
    if not array.null_count:
        return list(array.to_numpy(zero_copy_only=False).tolist())
    known = iter(array.drop_null().to_numpy(zero_copy_only=False).tolist())
    return [next(known) if valid else None for valid in array.is_valid().to_numpy(zero_copy_only=False).tolist()]


def _masked(values: list[Any], array: pa.Array) -> list[Any]:
    if not array.null_count:
        return values
    return [v if ok else None for v, ok in zip(values, array.is_valid().to_numpy(zero_copy_only=False), strict=True)]


def foreign_items(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the items of a stac-geoparquet file made elsewhere.

    Raises
    ------
    InputError
        If it is no stac-geoparquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from stac_geoparquet.arrow import stac_table_to_items

    try:
        file = pq.ParquetFile(path)
        missing = {"id", "geometry", "bbox"} - set(file.schema_arrow.names)
        if missing:
            raise InputError(f"{path.name} has no column {sorted(missing)[0]!r}; give stac-geoparquet")
        check_parquet(path)
        for group in range(file.num_row_groups):
            for item in stac_table_to_items(file.read_row_group(group)):
                yield {"type": "Feature", "stac_version": "1.0.0", **_plain(item)}
    except (pa.ArrowException, OSError, KeyError, AttributeError) as error:
        raise InputError(f"{path.name} is not stac-geoparquet ({str(error)[:80]}); give items as JSON") from None


def _plain(value: Any) -> Any:
    """Return a value of Arrow as JSON has it."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(v) for v in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _column(table: pa.Table, *path: str) -> np.ndarray[Any, Any]:
    import pyarrow.compute as pc

    column = table[path[0]]
    for name in path[1:]:
        column = pc.struct_field(column, name)
    values: np.ndarray[Any, Any] = column.to_numpy()
    return values


def boxes(table: pa.Table) -> np.ndarray[Any, Any]:
    """Return (rows, 4): west, south, east, north [degree]."""
    return np.stack([_column(table, "bbox", n) for n in ("xmin", "ymin", "xmax", "ymax")], axis=1)


def spans(table: pa.Table) -> np.ndarray[Any, Any]:
    """Return (rows, 2): first and last instant [microseconds since 1970]."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def instants(name: str) -> Any:
        return table[name].cast(pa.timestamp("us", "UTC")) if name in table.column_names else None

    moment, start, end = (instants(n) for n in ("datetime", "start_datetime", "end_datetime"))
    ranges = [[c for c in (first, moment, last) if c is not None] for first, last in ((start, end), (end, start))]
    columns = [pc.coalesce(*c).cast(pa.int64()).to_numpy() for c in ranges]
    return np.stack(columns, axis=1)


def _morton(boxes_: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return each box's cell on a 256 × 256 grid of the world, along a Morton curve."""
    east = np.where(boxes_[:, 0] > boxes_[:, 2], boxes_[:, 2] + 360, boxes_[:, 2])
    column = np.clip((boxes_[:, 0] + east) / 2 + 180, 0, 359.999) * (256 / 360)
    row = np.clip((boxes_[:, 1] + boxes_[:, 3]) / 2 + 90, 0, 179.999) * (256 / 180)
    code = np.zeros(len(boxes_), np.uint32)
    for bit in range(8):
        code |= ((column.astype(np.uint32) >> bit) & 1) << np.uint32(2 * bit)
        code |= ((row.astype(np.uint32) >> bit) & 1) << np.uint32(2 * bit + 1)
    return code


def sorted_table(table: pa.Table) -> pa.Table:
    """Return the table in the order of the module's docstring; rows that tie are ordered by id."""
    box = boxes(table)
    whole = box[:, 0] <= box[:, 2]
    order = np.lexsort((_column(table, "id").astype(str), spans(table)[:, 0], _morton(box), whole))
    return table.take(order)


def envelopes(table: pa.Table) -> list[Envelope]:
    """Return the envelope of every row group that `serialise` will write."""
    box, span = boxes(table), spans(table)
    crossing = box[:, 0] > box[:, 2]
    west, east = np.where(crossing, -180.0, box[:, 0]), np.where(crossing, 180.0, box[:, 2])
    found = []
    for first in range(0, len(box), GROUP_ROWS):
        rows = slice(first, first + GROUP_ROWS)
        found.append(
            Envelope(
                len(box[rows]),
                float(west[rows].min()),
                float(box[rows, 1].min()),
                float(east[rows].max()),
                float(box[rows, 3].max()),
                int(span[rows, 0].min()),
                int(span[rows, 1].max()),
            )
        )
    return found


def serialise(table: pa.Table) -> bytes:
    """Return the table as a GeoParquet 1.1 file with stac-geoparquet metadata and a CRC in every page."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from stac_geoparquet.arrow._to_parquet import create_parquet_metadata

    empty = [f.name for f in table.schema if pa.types.is_struct(f.type) and f.type.num_fields == 0]
    table = table.drop_columns(empty)
    metadata = create_parquet_metadata(table.schema, schema_version="1.1.0")
    geo = json.loads(metadata[b"geo"])
    geo["columns"]["geometry"]["bbox"] = _whole_box(table)
    metadata[b"geo"] = json.dumps(geo).encode()
    buffer = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata(metadata),
        buffer,
        row_group_size=GROUP_ROWS,
        compression="zstd",
        write_page_checksum=True,
        store_schema=True,
    )
    return buffer.getvalue()


def _whole_box(table: pa.Table) -> list[float]:
    found = envelopes(table)
    return [
        min(e.west for e in found),
        min(e.south for e in found),
        max(e.east for e in found),
        max(e.north for e in found),
    ]
