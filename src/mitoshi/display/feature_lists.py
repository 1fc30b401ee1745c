"""Lists of features as they are shown: read once through the guarded readers, in degrees, indexed in space."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.core.discovery import methods
from mitoshi.core.errors import NotFoundError
from mitoshi.core.feature_kinds import FEATURE_KINDS
from mitoshi.core.product import Coded, Listed
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pystac

    from mitoshi.core.features import Column
    from mitoshi.core.method import Output
    from mitoshi.display.source import DataSource

__all__ = ["FeatureList", "FeatureLists", "Legend", "output_of"]

KEPT = 8
DECIMALS = 7  # of a degree: a centimetre
DEGREES, WEB_MERCATOR = "EPSG:4326", "EPSG:3857"
MERCATOR_LATITUDE = 85.051128


class Legend(NamedTuple):
    """By which column features are coloured, and what its codes mean."""

    column: str
    colours: dict[int, str]


class FeatureList(NamedTuple):
    """One list, ready to be handed out.

    Attributes
    ----------
    features
        The rows, geometry in degrees, polygons with counter-clockwise shells (RFC 7946).
    tree
        Spatial index of their geometry.
    title
        Name for people.
    columns
        What is known of its columns.
    legend
        How it is coloured; None where nothing is said.
    simulated
        Whether it is no observation of the Earth.
    """

    features: Any
    tree: Any
    title: Text
    columns: tuple[Column, ...]
    legend: Legend | None
    simulated: bool

    def within(self, west: float, south: float, east: float, north: float) -> np.ndarray[Any, Any]:
        """Return the row numbers of the features that meet a box, ascending; west > east crosses the antimeridian."""
        from shapely import box

        pieces = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
        rows = [self.tree.query(box(w, south, e, north), predicate="intersects") for w, e in pieces]
        return np.unique(np.concatenate(rows)).astype(np.int64)


def output_of(item: pystac.Item) -> Output | None:
    """Return the output of a method of which an item is the product; None for what was observed."""
    method = methods().get(item.collection_id or "")
    if method is None or "mitoshi:bundle" not in item.properties:
        return None
    name = item.id.partition("-")[2]
    return next((o for o in method.outputs if o.name == name), None)


class FeatureLists:
    """Reads lists and keeps the last few."""

    def __init__(self, source: DataSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Any, ...], FeatureList] = OrderedDict()

    def get(self, collection: str, item: str, asset: str) -> FeatureList:
        """Return the list behind an asset.

        Raises
        ------
        NotFoundError
            Where there is no such asset, or it is no list of features with places.
        """
        path = self._source.lookup.file(collection, item, asset)
        status = path.stat()
        key = (collection, item, asset, status.st_mtime_ns, status.st_size, status.st_ino)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = _read(self._source.lookup.item(collection, item), asset, str(path))
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made


def _read(item: pystac.Item, asset: str, path: str) -> FeatureList:
    from shapely import STRtree

    from mitoshi.sensors import open_observation

    part = item.properties.get("mitoshi:part")
    observation = open_observation(f"{path}#part={part}" if part else path)
    if not observation.features:
        raise NotFoundError(f"{asset[:80]!r} of {item.id[:80]!r} is no list of features; see its tiles")
    kind, rows = next(iter(observation.features.items()))
    if getattr(rows, "_geometry_column_name", None) not in rows.columns or rows.crs is None:
        raise NotFoundError(f"{asset[:80]!r} of {item.id[:80]!r} is a table without places; download the file")
    rows = _in_degrees(rows)
    title, columns, legend = _described(item, asset, kind)
    simulated = bool(item.properties.get("mitoshi:simulated", False))
    return FeatureList(rows, STRtree(rows.geometry.to_numpy()), title, columns, legend, simulated)


def _in_degrees(rows: Any) -> Any:
    from shapely import is_empty, is_missing, transform
    from shapely.ops import orient

    turned = rows.to_crs(DEGREES)
    shapes = np.array(
        [
            orient(g, 1.0) if g is not None and g.geom_type == "Polygon" else g
            for g in transform(turned.geometry.to_numpy(), lambda c: np.round(c, DECIMALS))
        ],
        dtype=object,
    )
    turned = turned.set_geometry(shapes, crs=DEGREES)
    return turned[~(is_missing(shapes) | is_empty(shapes))].reset_index(drop=True)


def _described(item: pystac.Item, asset: str, kind: str) -> tuple[Text, tuple[Column, ...], Legend | None]:
    """Return what the method, or the kind of features, says of a list."""
    output = output_of(item)
    if output is not None and isinstance(output.layer, Listed) and asset == "data":
        layer = output.layer
        colours = {c.code: c.colour for c in layer.classes}
        return layer.title, layer.columns, Legend(layer.class_column, colours) if layer.class_column else None
    if output is not None and isinstance(output.layer, Coded):
        outlined = [c for c in output.layer.classes if c.code == output.layer.outline]
        return outlined[0].title if outlined else output.layer.title, (), None
    known = FEATURE_KINDS.get(kind)
    return (known.title, known.columns, None) if known is not None else (Text("features", "地物"), (), None)


def mercator(shapes: Sequence[Any]) -> Any:
    """Return shapes in degrees as Web Mercator metres (EPSG:3857); latitudes end where that map ends."""
    from shapely import transform

    def project(degrees: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        longitude, latitude = degrees[:, 0], np.clip(degrees[:, 1], -MERCATOR_LATITUDE, MERCATOR_LATITUDE)
        radius = 6378137.0
        return np.column_stack(
            [radius * np.radians(longitude), radius * np.arctanh(np.sin(np.radians(latitude)))]
        )  # EPSG guidance note 7-2, Popular Visualisation Pseudo-Mercator

    return transform(np.asarray(shapes, dtype=object), project)
