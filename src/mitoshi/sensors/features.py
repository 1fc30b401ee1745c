"""Features and tables: GeoJSON, GeoPackage, GeoParquet, Shapefile, FlatGeobuf and CSV; one observation per file or layer."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.core.errors import InputError
from mitoshi.core.feature_kinds import FEATURE_KINDS, TIME_S
from mitoshi.core.features import FeatureKind
from mitoshi.core.longitude import span
from mitoshi.core.places import finite_places
from mitoshi.core.requirement import instant
from mitoshi.core.text import Text
from mitoshi.core.vocabulary import understood
from mitoshi.sensors import feature_files, guard, shapefiles, stac
from mitoshi.sensors.feature_shapes import checked_shapes
from mitoshi.sensors.footprint import footprint
from mitoshi.sensors.observation import Observation
from mitoshi.sensors.table_units import in_declared_units

if TYPE_CHECKING:
    from datetime import datetime

    import pystac

    from mitoshi.core.features import Features
    from mitoshi.sensors.observation import Source

__all__ = ["READER"]

HEAD_BYTES = 65536
ASKED = Text(
    "the file does not say what its features are: taken as {kind} because that is asked for",
    "地物の種類の記載がないため、要求された {kind} とみなします",
)
NAMED = Text("its features are taken as {kind} from the file's name", "地物はファイル名により {kind} とみなします")
NOWHERE = Text(
    "{count} of {total} features have no coordinates, or enclose no area; what happens there is unknown",
    "地物{total}件中{count}件は座標または面積がなく、その状況は不明です",
)
REPEATED = Text(
    "{count} of {total} features lie exactly where an earlier one lies; each is counted",
    "地物{total}件中{count}件は他の地物と位置・形状が完全に一致しますが、それぞれ1件として数えます",
)
UNSTATED = "features"


class _Read(NamedTuple):
    features: Features
    kind: str
    assumptions: tuple[Text, ...]
    simulated: bool
    observed: str
    clock_start: str


class FeatureReader:
    """A file of features, or a plain table."""

    name = "features"
    priority = 45
    wants = "features as GeoJSON, GeoPackage, GeoParquet, Shapefile (also zipped), FlatGeobuf or CSV"

    def recognises(self, source: Source) -> bool:
        """Tell whether the first bytes are those of a feature file and of no STAC document."""
        if source.tree is not None:
            return source.tree.kind != "folder" and bool(shapefiles.layers_of(source.tree))
        if source.kind in ("shapefile", "flatgeobuf"):
            return True
        head = _head(source)
        if source.kind == "json":
            return bool(re.search(rb'"type"\s*:\s*"FeatureCollection"', head)) and b'"stac_version"' not in head
        if source.kind == "parquet":
            return not feature_files.is_stac_parquet(source.path)
        return source.kind == "sqlite" or (source.kind == "unknown" and feature_files.is_csv(source.path, head))

    def items(self, source: Source) -> list[pystac.Item]:
        """Return the one item, or one per layer of a GeoPackage."""
        parts = feature_files.layers(source.path, source.kind)
        if source.description.part is not None or len(parts) < 2:
            return [self.open(source).item]
        return [self.open(source.of_part(part)).item for part in parts]

    def open(self, source: Source) -> Observation:
        """Return the features, read whole."""
        read = _read(source)
        parts = _parts(source, read)
        item = stac.make_item(source, parts)
        assumptions = tuple(t for t in stac.assumed(parts) if t is not stac.NO_PLACE or _has_geometry(read.features))
        return Observation({}, item, assumptions, tuple(parts.assets.values()), {read.kind: read.features})


READER = FeatureReader()


def _head(source: Source) -> bytes:
    if not source.path.is_file():
        return b""
    with source.path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _read(source: Source) -> _Read:
    expecting = source.expecting if isinstance(source.expecting, FeatureKind) else None
    layer = _layer(source, expecting)
    raw = feature_files.read(source.path, source.kind, layer)
    kind, assumptions = _kind(source, raw.tags, expecting, layer)
    assumptions = (*assumptions, *raw.texts)
    features = raw.features
    declared = FEATURE_KINDS.get(kind)
    placeless = declared is not None and declared.geometry == ()
    if _has_geometry(features) and not placeless:
        features, said = checked_shapes(
            features, source.path.name, source.description.crs, stated=raw.crs_stated, metres_hint=_metres_hint(raw)
        )
        assumptions = (*assumptions, *said)
        _check_crs(features, source)
    if placeless and _has_geometry(features):
        features = features.drop(columns=[features.geometry.name])
    start = ""
    if declared is not None:
        if source.kind == "shapefile" or source.tree is not None:
            features, said = shapefiles.completed_heads(features, declared)
            assumptions = (*assumptions, *said)
        features, units, start = in_declared_units(features, declared, source.path.name)
        features, said = understood(features, declared)
        assumptions = (*assumptions, *units, *said, *_nowhere(features), *_repeated(features, declared))
    simulated = str(raw.tags.get("mitoshi_simulated", "")).lower() in {"1", "true", "yes"}
    return _Read(features, kind, assumptions, simulated, str(raw.tags.get("mitoshi_datetime") or start), start)


def _metres_hint(raw: feature_files.Raw) -> str:
    return "" if raw.crs_stated else "but it states no CRS, which means longitude and latitude of WGS 84"


def _check_crs(features: Features, source: Source) -> None:
    """Refuse a shapefile whose CRS is missing; what states none in one file may belong to an image without one."""
    if features.crs is None and source.kind not in ("json", "unknown", "parquet", "sqlite", "flatgeobuf"):
        prj = any(p.suffix.lower() == ".prj" for p in feature_files.files_of(source.path, source.kind).values())
        why = "its .prj is not understood" if prj else "the .prj file that says it is missing"
        raise InputError(
            f"{source.path.name} states no coordinate reference system ({why}); copy the .prj, or state the CRS with "
            "'#crs=EPSG:…'"
        )


def _nowhere(features: Features) -> tuple[Text, ...]:
    """Return that some features have no place, if so."""
    if not _has_geometry(features):
        return ()
    count = int((~finite_places(features.geometry.to_numpy())).sum())
    return (NOWHERE.format(count=count, total=len(features)),) if count else ()


def _repeated(features: Features, kind: FeatureKind) -> tuple[Text, ...]:
    """Return that some features have the geometry of an earlier one, if so: a list joined twice counts everything twice.

    The rows of a series are at one place at several times.
    """
    import pandas
    import shapely

    if not _has_geometry(features) or TIME_S in kind.columns:
        return ()
    shapes = features.geometry.to_numpy()
    shapes = shapes[finite_places(shapes)]
    alike = pandas.DataFrame(shapely.bounds(shapes)).duplicated(keep=False).to_numpy()  # few need a closer look
    count = int(pandas.Series(shapely.to_wkb(shapes[alike])).duplicated().sum())
    return (REPEATED.format(count=count, total=len(features)),) if count else ()


def _layer(source: Source, expecting: FeatureKind | None) -> str | None:
    """Return which layer is meant: the named one, the one called as what is asked for, or the only one."""
    names = feature_files.layers(source.path, source.kind)
    part = source.description.part
    if part is not None:
        if part not in names:
            raise InputError(f"{source.path.name} has no layer {part[:60]!r}; it has {', '.join(names[:8]) or 'none'}")
        return part
    if expecting is not None and expecting.name in names:
        return expecting.name
    if len(names) > 1:
        raise InputError(
            f"{source.path.name} holds {len(names)} layers; choose one with '#part=…': {', '.join(names[:8])}"
        )
    return names[0] if names else None


def _kind(
    source: Source, tags: dict[str, Any], expecting: FeatureKind | None, layer: str | None
) -> tuple[str, tuple[Text, ...]]:
    said = source.description.quantity or tags.get("mitoshi_quantity")
    if said in FEATURE_KINDS:
        return str(said), ()
    if expecting is not None:
        return expecting.name, (ASKED.format(kind=expecting.name),)
    called = source.description.part or (layer if source.tree is not None else None) or source.path.stem
    stem = PurePosixPath(called).name.lower()
    if stem in FEATURE_KINDS:
        return stem, (NAMED.format(kind=stem),)
    return UNSTATED, ()


def _has_geometry(features: Features) -> bool:
    return getattr(features, "_geometry_column_name", None) in features.columns


def _parts(source: Source, read: _Read) -> stac.Parts:
    geometry, bbox = _footprint(read.features) if _has_geometry(read.features) else (None, None)
    start = _time(source, read)
    part = source.description.part
    name = source.path.stem if part is None else f"{source.path.stem}-{part.replace('/', '-')}"
    return stac.Parts(
        id=f"{name}-{stac.fingerprint(source.path)}",
        reader=FeatureReader.name,
        quantities=(read.kind,),
        start=start,
        end=start,
        geometry=geometry,
        bbox=bbox,
        properties={
            "mitoshi:count": len(read.features),
            **({"mitoshi:part": part} if part else {}),
            **({"mitoshi:clock_start": read.clock_start} if read.clock_start else {}),
        },
        assets=feature_files.files_of(source.path, source.kind),
        assumptions=read.assumptions,
        simulated=read.simulated,
    )


def _time(source: Source, read: _Read) -> datetime | None:
    said = source.description.time or read.observed
    return instant(said) if said else None


def _footprint(features: Features) -> tuple[dict[str, Any] | None, list[float] | None]:
    """Return the box of the features in degrees, at least a few centimetres wide."""
    import numpy as np

    if not len(features) or features.crs is None:
        return None, None
    places = features.geometry.to_crs("EPSG:4326").to_numpy()
    places = places[finite_places(places)]
    if not places.size:
        return None, None
    west, south, east, north = _bounds(places)
    if not np.isfinite([west, south, east, north]).all():
        raise InputError(
            f"the features lie outside their coordinate system {guard.one_line(Exception(str(features.crs)))}"
        )
    west, south, east, north = (
        round(float(v), 7) for v in (west - 1e-6, max(south - 1e-6, -90), east + 1e-6, min(north + 1e-6, 90))
    )
    if west > east or west < -180 or east > 180:
        turned = east + 360.0 if west > east else east
        return footprint([(west, south), (turned, south), (turned, north), (west, north)])
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}, [west, south, east, north]


def _bounds(geometry: Any) -> tuple[float, float, float, float]:
    """Return west, south, east and north of geometries; west > east where together they cross the antimeridian."""
    import numpy as np
    import shapely

    parts = shapely.get_parts(geometry[~(shapely.is_missing(geometry) | shapely.is_empty(geometry))])
    if not parts.size:
        return (float("nan"),) * 4
    west, south, east, north = shapely.bounds(parts).T
    if not np.isfinite([west, south, east, north]).all():
        return (float("nan"),) * 4
    left, right = span(west, east)
    return left, float(south.min()), right, float(north.max())
