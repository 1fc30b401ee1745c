"""Layers as CSV for offices: UTF-8 with a byte order mark, CRLF, machine names in the first row, nothing that runs as a formula.

Japanese Excel takes a file without a byte order mark for CP932 and shows noise; pandas (``utf-8-sig``), R, GDAL and our reader
skip the mark. The Japanese words of the columns stand in ``columns.csv``; the first row stays one that programs can rely on.
"""

from __future__ import annotations

import csv
import os
import tempfile
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitoshi.core.places import inner_points
from mitoshi.handover.layers import dictionary, geometries, values_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mitoshi.handover.layers import LayerForHandover

__all__ = ["COLUMNS", "guarded", "write", "write_dictionary"]

COLUMNS = "columns.csv"
BOM = "\ufeff"
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
LONGEST_CELL = 32_767  # of Excel; longer geometries would be cut there
DECIMALS = 7
SIMULATED = "SIMULATED 模擬"


def guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: one that begins like one gets an apostrophe before it.

    >>> guarded("=HYPERLINK(0)"), guarded("North"), guarded("＠x")
    ("'=HYPERLINK(0)", 'North', "'＠x")
    """
    bare = text.lstrip(" \u3000")
    return f"'{text}" if bare.startswith(FORMULA) or text.startswith(FORMULA) else text


def write(path: Path, layer: LayerForHandover, name: str, *, simulated: bool) -> Path:
    """Write one layer.

    Features have ``longitude`` and ``latitude`` (of a point within), and ``wkt`` where they are no points and every geometry fits
    into a cell; the GeoPackage has all of them.

    Parameters
    ----------
    path
        Of the file; put in place in one step.
    layer, name
        What is written, and its machine name for messages.
    simulated
        Whether its content is simulated; then every row says so.
    """
    head = [c.name for c in layer.columns]
    columns = [[_cell(v) for v in values_of(layer, c)] for c in layer.columns]
    for label, cells in _places(geometries(layer, name)).items():
        if label not in head:
            head.append(label)
            columns.append(cells)
    if simulated:
        head.insert(0, "simulated")
        columns.insert(0, [SIMULATED] * len(layer.features))
    return _write(path, head, zip(*columns, strict=True))


def write_dictionary(path: Path, layers: Mapping[str, LayerForHandover]) -> Path:
    """Write what every column of every layer means, in both languages."""
    rows = dictionary(layers)
    head = list(rows[0]) if rows else []
    return _write(path, head, ([_cell(v) for v in row.values()] for row in rows))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return guarded(value) if isinstance(value, str) else repr(value)


def _places(placed: Any) -> dict[str, list[str]]:
    """Return the columns that say where each feature lies."""
    import numpy as np
    import shapely

    if placed is None:
        return {}
    points = inner_points(placed)
    cells = {}
    for label, values in (("longitude", points[:, 0]), ("latitude", points[:, 1])):
        rounded = np.round(values, DECIMALS) + 0.0
        cells[label] = [repr(v) if v == v else "" for v in rounded.tolist()]
    if (shapely.get_type_id(placed[~shapely.is_missing(placed)]) == 0).all():
        return cells
    texts = ["" if t is None else t for t in shapely.to_wkt(placed, rounding_precision=DECIMALS).tolist()]
    return cells if max(map(len, texts), default=0) > LONGEST_CELL else {**cells, "wkt": texts}


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    stream = StringIO(newline="")
    stream.write(BOM)
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(stream.getvalue().encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return path
