"""What is checked of a Parquet file before it is decoded: how much it becomes, and how deep its geometries nest.

A dictionary page holds a long value once and its rows name it by number, so that a few kilobytes become gigabytes. The file's own
figures do not say so; the lengths of the values, weighted by how often they are named, do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError, RefusedError
from mitoshi.core.geometry_depth import check_wkb

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_parquet"]

MAX_DECODED = 2**30  # bytes of text and binary values
MAX_CELLS = 200_000_000
MAX_COLUMNS = 4096
BATCH = 65536


def check_parquet(path: Path) -> None:
    """Check what a Parquet file becomes in memory, and its geometries.

    Raises
    ------
    RefusedError
        If it expands beyond the limits, or a geometry nests too deep.
    InputError
        If it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            _check_figures(file.metadata, path.name)
            columns, geometry = _texts(file.metadata), _geometry_columns(file.schema_arrow)
        if columns:
            with pq.ParquetFile(path, read_dictionary=columns) as file:
                _check_values(file, columns, geometry, path.name)
    except (pa.ArrowException, OSError) as error:
        text = " ".join(str(error).split())[:100]
        raise InputError(f"{path.name} is a damaged Parquet file ({text}); get it again") from None


def _check_figures(metadata: Any, name: str) -> None:
    if metadata.num_columns > MAX_COLUMNS or metadata.num_rows * metadata.num_columns > MAX_CELLS:
        raise RefusedError(
            f"{name} claims {metadata.num_rows} rows of {metadata.num_columns} columns; cut it to the area first"
        )
    for group in range(metadata.num_row_groups):
        if metadata.row_group(group).total_byte_size > 2 * MAX_DECODED:
            raise RefusedError(f"{name} holds a row group of more than {2 * MAX_DECODED >> 30} GiB; cut it to the area")


def _texts(metadata: Any) -> list[str]:
    return [
        metadata.schema.column(n).path
        for n in range(metadata.num_columns)
        if metadata.schema.column(n).physical_type == "BYTE_ARRAY"
    ]


def _geometry_columns(schema: Any) -> set[str]:
    import pyarrow as pa

    return {f.name for f in schema if pa.types.is_binary(f.type) or pa.types.is_large_binary(f.type)}


def _check_values(file: Any, columns: list[str], geometry: set[str], name: str) -> None:
    decoded = 0
    for batch in file.iter_batches(columns=columns, batch_size=BATCH):
        for column, field in zip(batch.columns, batch.schema, strict=True):
            decoded += _decoded(column)
            if decoded > MAX_DECODED:
                raise RefusedError(
                    f"{name} becomes more than {MAX_DECODED >> 30} GiB when it is decoded; it looks like a bomb"
                )
            if field.name in geometry:
                check_wkb(_distinct(column), name)


def _distinct(column: Any) -> list[bytes | None]:
    values: list[bytes | None] = (column.dictionary if hasattr(column, "dictionary") else column).to_pylist()
    return values


def _decoded(column: Any) -> int:
    """Return the bytes of the text and binary values of an array, as often as they are named."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        lengths = pc.binary_length(column.dictionary).cast(pa.int64())
        return int(pc.sum(lengths.take(column.indices)).as_py() or 0)
    if pa.types.is_struct(kind):
        return sum(_decoded(part) for part in column.flatten())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        return _decoded(column.values) if not pa.types.is_map(kind) else _decoded(column.keys) + _decoded(column.items)
    return int(column.nbytes)
