"""Lists of features and tables as products: brought into their declared form, written as (Geo)Parquet, hashed by content."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from mitoshi.core.errors import RunError
from mitoshi.core.isolation import attempt
from mitoshi.core.product import Coded, CodedClass, Listed
from mitoshi.core.resolution import LIST_DIGITS, to_digits, to_step
from mitoshi.core.text import Text
from mitoshi.evidence.digest import canonical, canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from mitoshi.core.features import Column, Features
    from mitoshi.core.method import Method, Output
    from mitoshi.evidence.frame import Frame

__all__ = [
    "ListDifference",
    "as_listed",
    "compare_lists",
    "empty_list",
    "ground_apart",
    "leads",
    "list_digest",
    "picture_of",
    "read_list",
    "table_digest",
    "write_list",
]

METRE_STEP, DEGREE_STEP = 1e-3, 1e-8  # to which coordinates are rounded
UNSEEN = 255  # of classes that say that nothing was seen
NOTHING_THERE = Text("nothing listed", "該当なし")


def as_listed(features: Any, output: Output, frame: Frame) -> Features:
    """Return a method's list in its declared columns and types, numbers and coordinates rounded to their steps.

    Raises
    ------
    RunError
        If the method broke its declaration.
    """
    import geopandas

    layer = cast("Listed", output.layer)
    missing = [c.name for c in layer.columns if c.name not in getattr(features, "columns", ())]
    if missing:
        raise RunError(f"{output.name} lacks the declared column {missing[0]}; mend the method")
    columns = {c.name: _stored(features[c.name].to_numpy(), c, output.name) for c in layer.columns}
    if not layer.geometry:
        return geopandas.GeoDataFrame(columns)
    geometry = features.geometry
    for other in sorted({str(t) for t in geometry.geom_type.dropna().unique()} - set(layer.geometry)):
        raise RunError(f"{output.name} holds {other} geometries, which it does not declare; mend the method")
    return geopandas.GeoDataFrame(columns, geometry=_rounded(geometry.to_numpy(), frame), crs=frame.wkt or None)


def empty_list(output: Output) -> Features:
    """Return a list of an output's columns without a row."""
    import geopandas

    layer = cast("Listed", output.layer)
    kinds = {"float": np.float64, "int": np.int64, "bool": bool, "str": object}
    columns = {c.name: np.zeros(0, kinds[c.dtype]) for c in layer.columns}
    return geopandas.GeoDataFrame(columns, geometry=[]) if layer.geometry else geopandas.GeoDataFrame(columns)


def _stored(values: npt.NDArray[Any], column: Column, name: str) -> npt.NDArray[Any]:
    if column.dtype == "str":
        return np.array([None if v is None or v != v else str(v) for v in values], object)
    if column.dtype in ("int", "bool"):
        numbers = np.asarray(values)
        whole = numbers.astype(bool if column.dtype == "bool" else np.int64)
        if not np.array_equal(whole, numbers):
            raise RunError(f"{name}.{column.name} holds values that are no {column.dtype}; mend the method")
        return whole
    numbers = np.asarray(values, np.float64)
    return to_step(numbers, column.resolution) if column.resolution else to_digits(numbers)


def _rounded(geometry: Any, frame: Frame) -> Any:
    import shapely

    crs = frame.geobox.crs
    step = DEGREE_STEP if crs is not None and crs.geographic else METRE_STEP
    return shapely.transform(geometry, lambda points: np.rint(points / step) * step)


def write_list(features: Features, path: Path, output: Output, tags: Mapping[str, str]) -> None:
    """Write ``<field>.parquet``; the file's own metadata says what it holds."""
    import os

    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = BytesIO()
    layer = cast("Listed", output.layer)
    if layer.geometry:
        features.to_parquet(stream, index=False, compression="zstd")
        table = pq.read_table(stream)
    else:
        table = pa.Table.from_pandas(features, preserve_index=False)
    units = {c.name: c.units for c in layer.columns if c.units}
    said = {**tags, "mitoshi_quantity": output.name, "mitoshi_units": canonical_json(units).decode()}
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **{k: v.encode() for k, v in said.items()}})
    with path.open("wb") as file:
        pq.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())


def read_list(path: Path) -> Features:
    """Return a list of a bundle.

    Raises
    ------
    RefusedError
        If it is not safe to read.
    """
    from mitoshi.sensors.feature_files import read

    with attempt(path):
        return read(path, "parquet", None).features


def table_digest(features: Features) -> str:
    """Return the digest of a table's content: names, values and geometries, however they are stored."""
    digest = hashlib.sha256(canonical_json([str(c) for c in features.columns]) + b"\n")
    for name in features.columns:
        values = features[name].to_numpy()
        if hasattr(features[name], "to_wkb"):
            digest.update(b"".join(w or b"-" for w in features[name].to_wkb()))
        elif values.dtype.kind in "biuf":
            digest.update(canonical(values.astype(np.float64)).tobytes())
        else:
            digest.update(canonical_json([None if v is None or v != v else str(v) for v in values]))
    return digest.hexdigest()


def list_digest(features: Features, output: Output, frame: Frame) -> str:
    """Return the content digest of a listed product."""
    head = canonical_json({"name": output.name, "crs": frame.crs_text, "table": table_digest(features)})
    return hashlib.sha256(head).hexdigest()


class ListDifference(NamedTuple):
    """How two lists compare: identical, equivalent or different, with the first difference in words."""

    status: str
    line: str


def compare_lists(one: Features, two: Features, output: Output, steps: float) -> ListDifference:
    """Compare a sealed list with its recomputation, row by row.

    Parameters
    ----------
    one, two
        The sealed list and the recomputed one.
    output
        Its declaration.
    steps
        How many steps of its declared resolution a number may be off; of a number without one, of its last written digit.
    """
    name = f"{output.name}.parquet"
    if list(one.columns) != list(two.columns) or len(one) != len(two):
        return ListDifference(
            "different", f"{name} has {len(one)} rows in the bundle, {len(two)} now, or other columns"
        )
    allowed = _tolerances(
        one, output, max(1.0, steps) * (1 + 1e-3)
    )  # a hair for the rounding of the numbers themselves
    status, line = "identical", ""
    for column in one.columns:
        a, b = one[column].to_numpy(), two[column].to_numpy()
        same = _same(a, b, (0.0, 0.0))
        if same.all():
            continue
        row = int(np.flatnonzero(~same)[0])
        line = (
            line
            or f"{name} differs at row {row}, column {column}: {_short(a[row])} in the bundle, {_short(b[row])} now"
        )
        if not _same(a, b, allowed.get(str(column), (0.0, 0.0))).all():
            return ListDifference("different", line)
        status = "equivalent"
    return ListDifference(status, line)


def _short(value: Any) -> str:
    return str(value)[:60]


def _tolerances(features: Features, output: Output, steps: float) -> dict[str, tuple[float, float]]:
    """Return the relative and the absolute tolerance of each column of measured numbers, and of the geometry."""
    found = {
        c.name: (0.0, steps * c.resolution) if c.resolution else (steps * 10.0 ** (1 - LIST_DIGITS), 0.0)
        for c in cast("Listed", output.layer).columns
        if c.dtype == "float"
    }
    crs = getattr(features, "crs", None) if cast("Listed", output.layer).geometry else None
    return {**found, "geometry": (0.0, 2 * (DEGREE_STEP if crs is not None and crs.is_geographic else METRE_STEP))}


def _same(a: Any, b: Any, tolerance: tuple[float, float]) -> npt.NDArray[np.bool_]:
    relative, absolute = tolerance
    if _shapes(a):
        import shapely

        one, two = np.asarray(a, object), np.asarray(b, object)
        neither = shapely.is_missing(one) & shapely.is_missing(two)
        return np.asarray(neither | shapely.equals_exact(one, two, absolute), bool)
    if all(np.asarray(v).dtype.kind in "biuf" for v in (a, b)):
        return np.asarray(
            np.isclose(a.astype(float), b.astype(float), rtol=relative, atol=absolute, equal_nan=True), bool
        )
    return np.array(
        [x == y or (x is None and y is None) or (x != x and y != y) for x, y in zip(a, b, strict=True)], bool
    )


def _shapes(values: Any) -> bool:
    return any(hasattr(v, "geom_type") for v in values)


def leads(output: Output, method: Method[..., Any]) -> bool:
    """Return whether a list is a method's main product although it has rasters too: declared first, and with classes."""
    layer = output.layer
    first = isinstance(layer, Listed) and bool(layer.class_column) and method.outputs[0].name == output.name
    return first and any(o.is_raster for o in method.outputs)


def ground_apart(output: Output, method: Method[..., Any]) -> bool:
    """Return whether a list's features of class 0 are drawn apart from the ground between them, which shows the background.

    So for a list that leads, and for one of a method without rasters: over a map of depths, "not flooded" in the colour of the
    background would be read off the water.
    """
    return leads(output, method) or not any(o.is_raster for o in method.outputs)


def picture_of(
    features: Features, output: Output, grid: Any, shape: tuple[int, int], *, ground: bool = False
) -> tuple[npt.NDArray[np.uint8], Coded]:
    """Return a list drawn on a grid as codes, and the layer that explains them.

    Parameters
    ----------
    features, output
        A list with geometry and its declaration.
    grid
        `odc.geo.geobox.GeoBox` of the picture.
    shape
        Of the picture.
    ground
        Whether features of class 0 are drawn too, and not left bare like the ground between them. Codes below 254 are then one
        higher in the picture.
    """
    from rasterio.features import rasterize

    layer = cast("Listed", output.layer)
    classes = layer.classes or (CodedClass(1, layer.title, "#d55e00"),)
    codes = features[layer.class_column].to_numpy() if layer.class_column else np.ones(len(features), int)
    if ground and layer.classes:
        classes = tuple(c._replace(code=_raised(c.code)) for c in classes)
        codes = np.array([_raised(int(c)) for c in codes])
    shapes = [(g, int(c)) for g, c in zip(features.geometry, codes, strict=True) if g is not None and not g.is_empty]
    shapes.sort(key=lambda drawn: (drawn[1] < UNSEEN - 1, drawn[1]))  # the gravest class stays on top in a shared pixel
    drawn = np.zeros(shape, np.uint8)
    if shapes:
        drawn = rasterize(shapes, out_shape=shape, transform=grid.affine, all_touched=True, dtype="uint8", fill=0)
    bare = () if any(c.code == 0 for c in classes) else (CodedClass(0, NOTHING_THERE, "#f2efe6"),)
    return drawn, Coded(layer.title, (*bare, *classes), nodata=UNSEEN)


def _raised(code: int) -> int:
    return code if code >= UNSEEN - 1 else code + 1
