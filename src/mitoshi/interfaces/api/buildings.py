"""Buildings in three dimensions: footprints raised to their height on the ground of the elevation model, as 3D Tiles."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from fastapi import FastAPI, Response
from fastapi import Path as InPath

from mitoshi.core.grid import BBox
from mitoshi.interfaces.api.building_tiles import BuildingTiles, tiles_of
from mitoshi.interfaces.api.feature_lists import FeatureLists
from mitoshi.interfaces.api.lookup import AssetKey, CollectionId, ItemId
from mitoshi.interfaces.api.problems import Problem

if TYPE_CHECKING:
    import pystac

    from mitoshi.interfaces.api.feature_lists import FeatureList
    from mitoshi.interfaces.api.service import Service

__all__ = ["attach"]

KEPT = 4
GLB = "model/gltf-binary"
MOST = 200_000  # buildings of one list
GROUND_PIXELS = 4_000_000
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "A value that does not fit."},
    404: {"description": "No such item, asset or tile."},
}


def attach(app: FastAPI, service: Service) -> None:
    """Add the routes of buildings to the application."""
    kept = _Kept(service)
    root = "/buildings/{collection}/{item}/{asset}"

    @app.get(f"{root}/tileset.json", tags=["buildings"], summary="Buildings as 3D Tiles", responses=PROBLEMS)
    def tileset(collection: CollectionId, item: ItemId, asset: AssetKey) -> dict[str, Any]:
        return kept.get(collection, item, asset).tileset()

    @app.get(
        f"{root}/{{leaf}}.glb",
        tags=["buildings"],
        summary="Buildings of one tile as glTF",
        response_class=Response,
        responses={**PROBLEMS, 200: {"content": {GLB: {}}}},
    )
    def content(
        collection: CollectionId, item: ItemId, asset: AssetKey, leaf: Annotated[int, InPath(ge=0, le=10**6)]
    ) -> Response:
        tiles = kept.get(collection, item, asset)
        if leaf >= len(tiles.leaves):
            raise Problem(404, f"there is no tile {leaf}; the tileset has {len(tiles.leaves)}")
        return Response(tiles.content(leaf), media_type=GLB, headers={"Cache-Control": "max-age=300"})


class _Kept:
    """Makes the tiles of a list once and keeps the last few."""

    def __init__(self, service: Service) -> None:
        self._service, self._lists = service, FeatureLists(service)
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
            raise Problem(404, f"{item[:80]!r} holds no footprints; see its vectors")
        if len(found.features) > MOST:
            raise Problem(404, f"{item[:80]!r} holds {len(found.features)} buildings; at most {MOST} are raised")
        return tiles_of(found, self._ground(found), self._storeys(found))

    def _ground(self, found: FeatureList) -> np.ndarray[Any, Any]:
        """Return the ground under every building [m]; 0 where no elevation is known."""
        points = found.features.geometry.representative_point()
        longitude, latitude = points.x.to_numpy(), points.y.to_numpy()
        ground = np.zeros(len(found.features))
        box = BBox(*(float(v) for v in found.features.total_bounds))
        candidates = self._service.catalogue.search(bbox=box, quantity="elevation", limit=20)
        for item in sorted(candidates, key=_cell, reverse=True):  # the finest last, so that it stays
            heights = _sampled(self._service, item, longitude, latitude)
            ground = np.where(np.isfinite(heights), heights, ground)
        return ground

    def _storeys(self, found: FeatureList) -> dict[str, float]:
        """Return storeys by identifier from the catalogue's buildings, for a list of results that does not hold them."""
        if "storeys" in found.features or "id" not in found.features:
            return {}
        box = BBox(*(float(v) for v in found.features.total_bounds))
        known: dict[str, float] = {}
        for item in self._service.catalogue.search(bbox=box, quantity="buildings", limit=10):
            try:
                rows = self._lists.get(item.collection_id or "", item.id, "data").features
            except Problem:
                continue
            if {"id", "storeys"} <= set(rows.columns):
                known |= dict(zip(rows["id"].astype(str), rows["storeys"].to_numpy(float), strict=True))
        return known


def _cell(item: pystac.Item) -> float:
    """Return the side of an item's pixels in its own units, for their order."""
    transform = item.properties.get("proj:transform") or [1.0]
    return abs(float(transform[0]))


def _sampled(
    service: Service, item: pystac.Item, longitude: np.ndarray[Any, Any], latitude: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Return the nearest values of an elevation raster at points; NaN outside, where missing, and where it may not be read."""
    from pyproj import Transformer

    from mitoshi.core.errors import MitoshiError
    from mitoshi.sensors import guard

    missing = np.full(len(longitude), np.nan)
    asset = next((k for k, a in item.assets.items() if "tiff" in (a.media_type or "")), None)
    if asset is None:
        return missing
    try:
        path = service.lookup.file(item.collection_id or "", item.id, asset)
        with guard.open_raster(path) as dataset:
            if dataset.crs is None:
                return missing
            step = max(1, int(np.ceil(np.sqrt(dataset.width * dataset.height / GROUND_PIXELS))))
            shape = (-(-dataset.height // step), -(-dataset.width // step))
            values = dataset.read(1, out_shape=shape, masked=True).astype(float).filled(np.nan)
            move = Transformer.from_crs("EPSG:4326", dataset.crs, always_xy=True)
            column, row = ~dataset.transform @ np.array(move.transform(longitude, latitude))
            height, width = dataset.height, dataset.width
    except (MitoshiError, Problem):
        return missing
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    at_row = (row[inside] * shape[0] / height).astype(int)
    at_column = (column[inside] * shape[1] / width).astype(int)
    missing[inside] = values[at_row, at_column]
    return missing
