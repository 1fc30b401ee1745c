"""All layers in one GeoPackage, whose bytes are those of its content: the time of change is given, not taken from a clock.

Columns have their machine names; the Japanese words stand where GIS software looks for aliases (``gpkg_data_columns``) and, for
those who read tables, in ``mitoshi_columns``. ``mitoshi_about`` says what the file is and whether its content is simulated.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing, contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError, RunError
from mitoshi.core.text import Text
from mitoshi.handover.layers import dictionary, heading, values_of
from mitoshi.sensors.guard import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from mitoshi.handover.layers import Context, LayerForHandover

__all__ = ["ABOUT", "COLUMNS", "write"]

ABOUT, COLUMNS = "mitoshi_about", "mitoshi_columns"
SIMULATED = Text("SIMULATED", "模擬")
_GDAL = threading.Lock()  # its options are the process's
_SCHEMA = """
CREATE TABLE gpkg_data_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT,
 mime_type TEXT, constraint_name TEXT, CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
 CONSTRAINT gdc_tn UNIQUE (table_name, name));
CREATE TABLE IF NOT EXISTS gpkg_extensions (table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL,
 definition TEXT NOT NULL, scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
INSERT INTO gpkg_extensions VALUES ('gpkg_data_columns', NULL, 'gpkg_schema',
 'http://www.geopackage.org/spec121/#extension_schema', 'read-write');
"""


def write(path: Path, layers: Mapping[str, LayerForHandover], context: Context) -> Path:
    """Write all layers into one GeoPackage, put in place in one step.

    Parameters
    ----------
    path
        Of the file; one that is there is replaced.
    layers
        Machine name → layer; plain tables stay tables.
    context
        Event, time and whether anything is simulated.

    Raises
    ------
    InputError
        If a name is no layer name, or a layer lacks a declared column.
    RunError
        If the file cannot be written.
    """
    draft = path.with_name(f".{path.name}.part.gpkg")
    draft.unlink(missing_ok=True)
    try:
        with _dated(context.time):
            for name, layer in layers.items():
                _write_layer(draft, name, layer, context)
            _write_table(draft, COLUMNS, dictionary(layers))
            _write_table(draft, ABOUT, _about(context))
        _write_aliases(draft, layers)
        _sync(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


@contextmanager
def _dated(time: datetime) -> Iterator[None]:
    """Let GDAL take `time` for now."""
    import pyogrio

    known = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    with _GDAL:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{known:%Y-%m-%dT%H:%M:%S}.000Z"})
        try:
            yield
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as error:
            raise RunError(f"the GeoPackage cannot be written ({one_line(error)})") from None
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _write_layer(path: Path, name: str, layer: LayerForHandover, context: Context) -> None:
    import geopandas
    import pandas as pd
    import pyogrio

    if not name.isidentifier() or name.startswith(("gpkg_", "sqlite_", "mitoshi_")):
        raise InputError(f"{name!r} is no name for a layer; use letters, digits and _")
    table = pd.DataFrame({c.name: _series(layer, c) for c in layer.columns})
    mark = f"{SIMULATED.en} / {SIMULATED.ja} " if context.simulated else ""
    said = f"{layer.title.en}. {layer.note.en}" if layer.note is not None else layer.title.en
    options = {"IDENTIFIER": f"{mark}{layer.title.ja} ({name})", "DESCRIPTION": f"{mark}{said}"}
    features = layer.features
    placed = getattr(features, "_geometry_column_name", None) in features.columns
    if placed:
        table = geopandas.GeoDataFrame(table, geometry=features.geometry.to_numpy(), crs=features.crs)
    kind = {"geometry_type": "Unknown"} if placed and table.empty else {}
    pyogrio.write_dataframe(table, path, layer=name, driver="GPKG", append=path.exists(), layer_options=options, **kind)


def _series(layer: LayerForHandover, column: Any) -> Any:
    import pandas as pd

    values = values_of(layer, column)
    if column.dtype == "str":
        return pd.Series(values, dtype=object)
    if column.dtype == "float":
        return pd.Series(values, dtype=float)
    whole = "Int64" if column.dtype == "int" else "boolean"
    plain = {"int": "int64", "bool": "bool"}[column.dtype]
    return pd.Series(values, dtype=whole if None in values else plain)


def _write_table(path: Path, name: str, rows: list[dict[str, str]]) -> None:
    import pandas as pd
    import pyogrio

    pyogrio.write_dataframe(pd.DataFrame(rows), path, layer=name, driver="GPKG", append=path.exists())


def _about(context: Context) -> list[dict[str, str]]:
    known = context.time.replace(tzinfo=UTC) if context.time.tzinfo is None else context.time.astimezone(UTC)
    told = {
        "event": context.event.en,
        "event_ja": context.event.ja,
        "made": f"{known:%Y-%m-%dT%H:%M:%SZ}",
        "simulated": "true" if context.simulated else "false",
        "flag": context.test_flag,
        "issuer": context.issuer.name,
        "evidence": " ".join(context.evidence),
    }
    return [{"key": key, "value": value} for key, value in told.items()]


def _write_aliases(path: Path, layers: Mapping[str, LayerForHandover]) -> None:
    rows = []
    for name, layer in layers.items():
        for column in layer.columns:
            words = heading(column)
            said = f"{words.en}. {column.doc}" if column.doc else words.en
            rows.append((name, column.name, column.name, words.ja, said))
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_SCHEMA)
        connection.executemany("INSERT INTO gpkg_data_columns VALUES (?, ?, ?, ?, ?, NULL, NULL)", rows)
        connection.commit()


def _sync(path: Path) -> None:
    path.chmod(0o644)
    with path.open("rb") as file:
        os.fsync(file.fileno())
