"""Buildings in three dimensions: footprints raised to their height on the ground of the elevation model, as 3D Tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Response
from fastapi import Path as InPath

from mitoshi.display.raised_buildings import RaisedBuildings
from mitoshi.interfaces.api.addresses import AssetKey, CollectionId, ItemId
from mitoshi.interfaces.api.problems import Problem

if TYPE_CHECKING:
    from mitoshi.interfaces.api.service import Service

__all__ = ["attach"]

GLB = "model/gltf-binary"
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "A value that does not fit."},
    404: {"description": "No such item, asset or tile."},
}


def attach(app: FastAPI, service: Service) -> None:
    """Add the routes of buildings to the application."""
    kept = RaisedBuildings(service)
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
