"""Reading files of features with bounded trust: formats by content, sizes checked first, no code and no links followed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.core.errors import InputError, RefusedError
from mitoshi.core.parquet_checks import check_parquet
from mitoshi.sensors import feature_tables, guard, shapefiles
from mitoshi.sensors.geopackage_checks import check_geometries, check_schema
from mitoshi.sensors.tree import open_tree

if TYPE_CHECKING:
    from pathlib import Path

    from mitoshi.core.features import Features
    from mitoshi.core.text import Text

__all__ = ["Raw", "files_of", "is_csv", "is_stac_parquet", "layers", "read"]

MAX_ROWS = 5_000_000
MAX_BYTES = 2 * 2**30  # decoded
MAX_GPKG = 8 * 2**30
GPKG_IDS = (b"GPKG", b"GP10", b"GP11")  # application_id at byte 68 (OGC 12-128r19, clause 1.1.1.1.1)
DEGREES = "EPSG:4326"
NAMED_CRS = '"crs": {"type": "name", "properties": {"name": "EPSG:…"}}'
ARCHIVES = ("zip", "tar", "gzip")


class Raw(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    features
        A plain table where there is no geometry.
    tags
        What the file says of itself.
    crs_stated
        Whether the CRS is the file's own statement, not what its format implies.
    texts
        What had to be supposed.
    """

    features: Features
    tags: dict[str, Any]
    crs_stated: bool = True
    texts: tuple[Text, ...] = ()


def files_of(path: Path, kind: str) -> dict[str, Path]:
    """Return the files that a source consists of, by what they are."""
    if kind != "shapefile":
        return {"data": path}
    keys = {".shp": "data", ".shx": "index", ".dbf": "attributes", ".prj": "crs", ".cpg": "encoding"}
    return {keys[suffix]: file for suffix, file in sorted(shapefiles.companions(path).items())}


def layers(path: Path, kind: str) -> list[str]:
    """Return the names of a GeoPackage's feature and attribute tables, or an archive's shapefiles; nothing for other formats.

    Raises
    ------
    RefusedError
        If a layer is a view, which is code, or the file is no GeoPackage.
    """
    if kind in ARCHIVES:
        tree = open_tree(path)
        return [] if tree is None else shapefiles.layers_of(tree)
    if kind != "sqlite":
        return []
    with path.open("rb") as file:
        head = file.read(100)
    if head[68:72] not in GPKG_IDS or path.suffix.lower() != ".gpkg":
        raise RefusedError(f"{path.name} is an SQLite file but no GeoPackage; give a .gpkg")
    _check_whole(path)
    if path.stat().st_size > MAX_GPKG:
        raise RefusedError(f"{path.name} is larger than {MAX_GPKG >> 30} GiB; cut it to the area first")
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as base:
        check_schema(base, path.name)
        names = [str(r[0]) for r in base.execute(
            "SELECT table_name FROM gpkg_contents WHERE data_type IN ('features','attributes') ORDER BY table_name LIMIT 1000"
        )]  # fmt: skip
        tables = {r[0] for r in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for name in names:
        if name not in tables:
            raise RefusedError(
                f"layer {name[:60]!r} of {path.name} is a view, which may hold any query; export it as a table"
            )
    return names


def _check_whole(path: Path) -> None:
    """Refuse a GeoPackage of which a part still lies in a file beside it, written by a program that has it open.

    Raises
    ------
    RefusedError
        If there is such a file with content: neither the rows nor the checksum of the main file would be whole.
    """
    for suffix in ("-wal", "-journal"):
        beside = path.with_name(path.name + suffix)
        if beside.is_file() and beside.stat().st_size > 0:
            raise RefusedError(
                f"{path.name} is open in another program: {beside.name} holds changes that are not in it yet; "
                "close it there, or export the layer to a new file"
            )


def is_stac_parquet(path: Path) -> bool:
    """Tell whether a Parquet file is a STAC catalogue."""
    import pyarrow.parquet as pq

    try:
        return "stac_version" in pq.read_schema(path).names
    except Exception:
        return False


def is_csv(path: Path, head: bytes) -> bool:
    """Tell whether a file is text with a heading line of several columns."""
    if path.suffix.lower() not in {".csv", ".tsv"}:
        return False
    return feature_tables.is_table(head)


def read(path: Path, kind: str, layer: str | None) -> Raw:
    """Return the features of a file.

    Parameters
    ----------
    path
        A regular file.
    kind
        What `mitoshi.sensors.guard.sniff` says of it: json, parquet, sqlite, shapefile, flatgeobuf, zip, … or unknown (CSV).
    layer
        Of a GeoPackage or an archive of shapefiles.

    Raises
    ------
    InputError
        If it is damaged, or holds nothing that can be placed.
    RefusedError
        If it is too large, or reading it would not be safe.
    """
    if kind == "json":
        return _geojson(path)
    if kind == "parquet":
        return _parquet(path)
    if kind == "sqlite":
        return _geopackage(path, layer)
    if kind == "flatgeobuf":
        return _flatgeobuf(path)
    if kind == "shapefile" or kind in ARCHIVES:
        return _shapefile(path, kind, layer)
    table, tags = feature_tables.read_table(path)
    crs = getattr(table, "crs", None)  # EWKT may name another than WGS 84
    return Raw(table, tags, crs_stated=crs is not None and crs != DEGREES)


def _geojson(path: Path) -> Raw:
    import geopandas
    import pandas as pd

    if path.stat().st_size > guard.MAX_JSON_BYTES:
        raise RefusedError(
            f"{path.name} holds more than {guard.MAX_JSON_BYTES >> 20} MiB of GeoJSON; give it as GeoPackage or GeoParquet"
        )
    content = guard.parse_json(path.read_bytes(), path.name)
    found = content.get("features") if isinstance(content, dict) else None
    if not isinstance(found, list) or not all(isinstance(f, dict) for f in found):
        raise InputError(f"{path.name} is no GeoJSON FeatureCollection; give one")
    table = pd.DataFrame([f.get("properties") or {} for f in found], dtype=object)
    if "id" not in table.columns and any("id" in f for f in found):
        table["id"] = [f.get("id") for f in found]
    geometry = [_shape(f.get("geometry"), n, path.name) for n, f in enumerate(found, 1)]
    crs = _geojson_crs(content, path.name)
    features = geopandas.GeoDataFrame(table, geometry=geometry, crs=crs or DEGREES)
    tags = {k: v for k, v in content.items() if str(k).startswith("mitoshi_") and not isinstance(v, dict | list)}
    return Raw(features, tags, crs_stated=crs is not None)


def _shape(geometry: Any, row: int, name: str) -> Any:
    from shapely.errors import ShapelyError
    from shapely.geometry import shape

    if geometry is None:
        return None
    try:
        return shape(geometry)
    except (ShapelyError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise InputError(f"{name}: feature {row} has a damaged geometry ({guard.one_line(error)[:80]})") from None


def _geojson_crs(content: dict[str, Any], name: str) -> str | None:
    """Return the CRS of the 2008 GeoJSON member; None where WGS 84 is implied (RFC 7946, section 4)."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    named = content.get("crs")
    if named is None:
        return None
    said = named.get("properties") if isinstance(named, dict) else named
    text = (said.get("name") or said.get("code")) if isinstance(said, dict) else said
    if isinstance(text, int) and not isinstance(text, bool):
        text = f"EPSG:{text}"
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{name} names its CRS in a way that is not understood ({str(named)[:60]}); write {NAMED_CRS}")
    if "CRS84" in str(text):
        return DEGREES
    try:
        return str(CRS.from_user_input(str(text)[:200]).to_wkt())
    except CRSError:
        raise InputError(f"{name} names an unknown CRS {str(text)[:60]!r}") from None


def _parquet(path: Path) -> Raw:
    import geopandas
    import pyarrow.parquet as pq

    check_parquet(path)
    meta = pq.read_metadata(path)
    size = sum(meta.row_group(n).total_byte_size for n in range(meta.num_row_groups))
    _check(path.name, meta.num_rows, size)
    kept = {k.decode("utf-8", "replace"): v.decode("utf-8", "replace") for k, v in (meta.metadata or {}).items()}
    tags = {k: v for k, v in kept.items() if k.startswith("mitoshi_")}
    try:
        if "geo" not in kept:
            return Raw(pq.read_table(path).to_pandas(integer_object_nulls=True), tags)
        return Raw(geopandas.read_parquet(path, to_pandas_kwargs={"integer_object_nulls": True}), tags)
    except (ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
        # What GeoPandas, PROJ and Arrow raise where the notes on geometry and columns are not in their form.
        raise InputError(
            f"{path.name} is no GeoParquet: its metadata or its geometry are damaged ({guard.one_line(error)[:80]}); "
            "get it again from its maker, or export it anew"
        ) from None


def _check(name: str, rows: int, size: int) -> None:
    if rows > MAX_ROWS or size > MAX_BYTES:
        raise RefusedError(
            f"{name} holds {rows} rows and {size >> 20} MiB; the limits are {MAX_ROWS} and {MAX_BYTES >> 20} MiB; cut it"
        )


def _geopackage(path: Path, layer: str | None) -> Raw:
    import pyogrio

    if layer is None:
        raise InputError(f"{path.name} holds no layer of features")
    about = pyogrio.read_info(path, layer=layer)
    _check(path.name, int(about["features"]), 0)
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as base:
        check_geometries(base, layer, path.name)
    # As Arrow, with integers beside missing values as objects: as floats, identifiers would become 1001.0.
    frame = pyogrio.read_dataframe(
        path, layer=layer, use_arrow=True, arrow_to_pandas_kwargs={"integer_object_nulls": True}
    )
    return Raw(frame, _gpkg_tags(path))


def _flatgeobuf(path: Path) -> Raw:
    import pyogrio

    try:
        about = pyogrio.read_info(path)
        _check(path.name, int(about["features"]), path.stat().st_size)
        options = {"arrow_to_pandas_kwargs": {"integer_object_nulls": True}}
        return Raw(pyogrio.read_dataframe(path, use_arrow=True, force_2d=True, **options), {})
    except RefusedError:
        raise
    except Exception as error:  # whatever GDAL, Arrow and GEOS dislike of its bytes
        raise InputError(
            f"{path.name} is a FlatGeobuf that is damaged or cut short ({guard.one_line(error)[:80]}); get it again"
        ) from None


def _shapefile(path: Path, kind: str, layer: str | None) -> Raw:
    tree = None if kind == "shapefile" else open_tree(path)
    if tree is not None and layer is None:
        raise InputError(f"{path.name} holds no shapefile")
    files = shapefiles.companions(path) if tree is None else shapefiles.members_of(tree, str(layer))
    name = path.stem if tree is None else PurePosixPath(str(layer)).name
    _check(f"{name}.shp", *shapefiles.rows_of(files, name))
    features, texts = shapefiles.read_layer(files, name)
    return Raw(features, {}, texts=texts)


def _gpkg_tags(path: Path) -> dict[str, Any]:
    """Return what we wrote of ourselves into the GeoPackage's metadata table."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as base:
        if base.execute("SELECT 1 FROM sqlite_master WHERE type='table' AND name='gpkg_metadata'").fetchone() is None:
            return {}
        rows = base.execute("SELECT substr(metadata, 1, 4000) FROM gpkg_metadata LIMIT 100").fetchall()
    simulated = any("mitoshi_simulated" in str(r[0]) and "true" in str(r[0]).lower() for r in rows)
    return {"mitoshi_simulated": "true"} if simulated else {}
