"""Footprints raised to their height on the ground of the elevation model."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import MitoshiError, NotFoundError
from mitoshi.core.grid import BBox
from mitoshi.display.building_tiles import BuildingTiles, tiles_of
from mitoshi.display.feature_lists import FeatureLists
from mitoshi.sensors import guard

if TYPE_CHECKING:
    import pystac

    from mitoshi.display.feature_lists import FeatureList
    from mitoshi.display.source import DataSource

__all__ = ["RaisedBuildings"]

KEPT = 4
MOST = 200_000  # buildings of one list
GROUND_PIXELS = 4_000_000


class RaisedBuildings:
    """Makes the tiles of a list once and keeps the last few."""

    def __init__(self, source: DataSource) -> None:
        self._source, self._lists = source, FeatureLists(source)
        self._lock = threading.Lock()
        self._tiles: OrderedDict[tuple[str, str, str], tuple[Any, BuildingTiles]] = OrderedDict()

    def get(self, collection: str, item: str, asset: str) -> BuildingTiles:
        """Return the tiles of an asset, made anew when its list or the elevation has changed."""
        found, key = self._lists.get(collection, item, asset), (collection, item, asset)
        with self._lock:
            if key in self._tiles and self._tiles[key][0] is found.features:
                self._tiles.move_to_end(key)
                return self._tiles[key][1]
        made = self._made(found, item)
        with self._lock:
            self._tiles[key] = (found.features, made)
            while len(self._tiles) > KEPT:
                self._tiles.popitem(last=False)
        return made

    def _made(self, found: FeatureList, item: str) -> BuildingTiles:
        kinds = set(found.features.geom_type)
        if not kinds & {"Polygon", "MultiPolygon"}:
            raise NotFoundError(f"{item[:80]!r} holds no footprints; see its vectors")
        if len(found.features) > MOST:
            raise NotFoundError(f"{item[:80]!r} holds {len(found.features)} buildings; at most {MOST} are raised")
        return tiles_of(found, self._ground(found), self._storeys(found))

    def _ground(self, found: FeatureList) -> np.ndarray[Any, Any]:
        """Return the ground under every building [m]; 0 where no elevation is known."""
        points = found.features.geometry.representative_point()
        longitude, latitude = points.x.to_numpy(), points.y.to_numpy()
        ground = np.zeros(len(found.features))
        box = BBox(*(float(v) for v in found.features.total_bounds))
        candidates = self._source.catalogue.search(bbox=box, quantity="elevation", limit=20)
        for item in sorted(candidates, key=_cell, reverse=True):  # the finest last, so that it stays
            heights = _sampled(self._source, item, longitude, latitude)
            ground = np.where(np.isfinite(heights), heights, ground)
        return ground

    def _storeys(self, found: FeatureList) -> dict[str, float]:
        """Return storeys by identifier from the catalogue's buildings, for a list of results that does not hold them."""
        if "storeys" in found.features or "id" not in found.features:
            return {}
        box = BBox(*(float(v) for v in found.features.total_bounds))
        known: dict[str, float] = {}
        for item in self._source.catalogue.search(bbox=box, quantity="buildings", limit=10):
            try:
                rows = self._lists.get(item.collection_id or "", item.id, "data").features
            except NotFoundError:
                continue
            if {"id", "storeys"} <= set(rows.columns):
                known |= dict(zip(rows["id"].astype(str), rows["storeys"].to_numpy(float), strict=True))
        return known


def _cell(item: pystac.Item) -> float:
    """Return the side of an item's pixels in its own units, for their order."""
    transform = item.properties.get("proj:transform") or [1.0]
    return abs(float(transform[0]))


def _sampled(
    source: DataSource, item: pystac.Item, longitude: np.ndarray[Any, Any], latitude: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Return the nearest values of an elevation raster at points; NaN outside, where missing, and where it may not be read."""
    from pyproj import Transformer

    missing = np.full(len(longitude), np.nan)
    asset = next((k for k, a in item.assets.items() if "tiff" in (a.media_type or "")), None)
    if asset is None:
        return missing
    try:
        path = source.lookup.file(item.collection_id or "", item.id, asset)
        with guard.open_raster(path) as dataset:
            if dataset.crs is None:
                return missing
            step = max(1, int(np.ceil(np.sqrt(dataset.width * dataset.height / GROUND_PIXELS))))
            shape = (-(-dataset.height // step), -(-dataset.width // step))
            values = dataset.read(1, out_shape=shape, masked=True).astype(float).filled(np.nan)
            move = Transformer.from_crs("EPSG:4326", dataset.crs, always_xy=True)
            column, row = ~dataset.transform @ np.array(move.transform(longitude, latitude))
            height, width = dataset.height, dataset.width
    except MitoshiError:
        return missing
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    at_row = (row[inside] * shape[0] / height).astype(int)
    at_column = (column[inside] * shape[1] / width).astype(int)
    missing[inside] = values[at_row, at_column]
    return missing
