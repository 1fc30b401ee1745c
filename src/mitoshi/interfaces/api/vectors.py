"""Features as GeoJSON (RFC 7946) and as Mapbox vector tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from fastapi import FastAPI, Query, Request, Response
from fastapi import Path as InPath

from mitoshi.core.errors import InputError
from mitoshi.core.grid import BBox
from mitoshi.display.feature_lists import FeatureLists
from mitoshi.display.vector_tiles import encoded, feature_collection
from mitoshi.interfaces.api.addresses import AssetKey, CollectionId, ItemId
from mitoshi.interfaces.api.problems import Problem

if TYPE_CHECKING:
    from mitoshi.interfaces.api.service import Service

__all__ = ["attach", "encoded", "feature_collection"]

GEOJSON, MVT = "application/geo+json", "application/vnd.mapbox-vector-tile"
DEEPEST = 22
MOST_FEATURES = 10_000
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "A value that does not fit."},
    404: {"description": "No such item, asset or tile."},
}
FEATURES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The features.", "content": {GEOJSON: {}}},
    **PROBLEMS,
}
TILE: dict[int | str, dict[str, Any]] = {200: {"description": "The tile.", "content": {MVT: {}}}, **PROBLEMS}

Level = Annotated[int, InPath(ge=0, le=DEEPEST)]
Cell = Annotated[int, InPath(ge=0, lt=2**DEEPEST)]


def attach(app: FastAPI, service: Service) -> None:
    """Add the routes of features to the application."""
    lists = FeatureLists(service)
    root = "/vectors/{collection}/{item}/{asset}"
    longest = service.settings.limits.items

    @app.get(
        f"{root}.geojson",
        tags=["vectors"],
        summary="Features of an asset as GeoJSON",
        responses=FEATURES,
        response_class=Response,
    )
    def features(
        request: Request,
        collection: CollectionId,
        item: ItemId,
        asset: AssetKey,
        bbox: Annotated[str | None, Query(description="West,south,east,north in degrees.", max_length=200)] = None,
        limit: Annotated[
            int, Query(ge=1, le=MOST_FEATURES, description="Most features of one answer.")
        ] = MOST_FEATURES,
        offset: Annotated[int, Query(ge=0, le=10**9, description="Features to pass over.")] = 0,
    ) -> Response:
        found = lists.get(collection, item, asset)
        rows = np.arange(len(found.features)) if bbox is None else found.within(*_box(bbox))
        document = feature_collection(found, rows, limit=min(limit, longest), offset=offset, address=str(request.url))
        return Response(document, media_type=GEOJSON, headers={"Cache-Control": "max-age=60"})

    @app.get(
        f"{root}/{{z}}/{{x}}/{{y}}.mvt",
        tags=["vectors"],
        summary="Features as a vector tile",
        responses=TILE,
        response_class=Response,
    )
    def tile(collection: CollectionId, item: ItemId, asset: AssetKey, z: Level, x: Cell, y: Cell) -> Response:
        if x >= 2**z or y >= 2**z:
            raise Problem(404, f"tile {z}/{x}/{y} does not exist; x and y go from 0 to {2**z - 1}")
        found = lists.get(collection, item, asset)
        return Response(encoded(found, z, x, y), media_type=MVT, headers={"Cache-Control": "max-age=60"})

    @app.get(f"{root}/tilejson.json", tags=["vectors"], summary="TileJSON of the vector tiles", responses=PROBLEMS)
    def tilejson(request: Request, collection: CollectionId, item: ItemId, asset: AssetKey) -> dict[str, Any]:
        found = lists.get(collection, item, asset)
        address = str(request.url).partition("?")[0].removesuffix("/tilejson.json")
        bounds = [float(v) for v in found.features.total_bounds] if len(found.features) else [-180, -85, 180, 85]
        fields = {str(c): str(t) for c, t in found.features.drop(columns="geometry", errors="ignore").dtypes.items()}
        return {
            "tilejson": "3.0.0",
            "name": found.title.en,
            "tiles": [f"{address}/{{z}}/{{x}}/{{y}}.mvt"],
            "bounds": bounds,
            "minzoom": 0,
            "maxzoom": DEEPEST,
            "vector_layers": [{"id": "features", "fields": fields}],
        }


def _box(text: str) -> tuple[float, float, float, float]:
    try:
        box = BBox.parse(text)
    except InputError as error:
        raise Problem(400, str(error)) from None
    return box.west, box.south, box.east, box.north
