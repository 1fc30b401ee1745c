"""The ground of the globe: tiles of 65 x 65 heights from the elevation models of the catalogue."""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi import Path as InPath
from rasterio.errors import RasterioError

from mitoshi.core.errors import MitoshiError
from mitoshi.core.text import Text
from mitoshi.display.terrain import SAMPLES, Ground
from mitoshi.interfaces.api.problems import Problem
from mitoshi.interfaces.api.tiles import TileCache
from mitoshi.sensors import guard

if TYPE_CHECKING:
    from mitoshi.display.terrain import Elevation
    from mitoshi.interfaces.api.service import Service

__all__ = ["attach"]

DEEPEST = 22
CACHE_BYTES = 16 * 2**20
HEIGHTS = "application/octet-stream"
NO_DATUM = "not stated by the source"
NOTE = Text(
    "Heights as the elevation data give them, in metres; sea and unknown ground are 0. The globe takes them as heights above the "
    "ellipsoid, so the whole ground may stand too low or too high by the height of the geoid.",
    "標高データの値（m）をそのまま用い、海面および標高不明の場所は 0 とします。画面では楕円体高として扱うため、"
    "地面全体がジオイド高の分だけずれることがあります。",
)
SIMULATED = Text("Simulated ground.", "模擬（シミュレーション）の地形です。")
NONE = Text(
    "The catalogue holds no elevation data; the globe is smooth.",
    "カタログに標高データがないため、地形は平らに表示されます。",
)
PROBLEMS: dict[int | str, dict[str, Any]] = {
    304: {"description": "The tile that the client has is still right."},
    400: {"description": "A value that does not fit."},
    404: {"description": "No such tile."},
}

Level = Annotated[int, InPath(ge=0, le=2**31, description=f"Level, 0 to {DEEPEST}; level 0 has two tiles.")]
Cell = Annotated[int, InPath(ge=0, le=2**31, description="Column from the west, or row from the north.")]


def attach(app: FastAPI, service: Service) -> None:
    """Add the routes of the terrain to the application."""
    ground, cache = Ground(service), TileCache(CACHE_BYTES)
    threads = ThreadPoolExecutor(2, thread_name_prefix="terrain")

    def made(z: int, x: int, y: int) -> bytes:
        state, _ = ground.models()
        try:
            return cache.get((state, z, x, y), lambda: ground.heights(z, x, y).astype("<f4").tobytes())
        except (MitoshiError, RasterioError) as error:
            raise Problem(404, f"the ground cannot be read here: {guard.one_line(error)}") from None

    @app.get("/terrain/layer.json", tags=["terrain"], summary="What ground there is")
    def layer() -> dict[str, Any]:
        return _described(ground.models()[1])

    @app.get(
        "/terrain/{z}/{x}/{y}.terrain",
        tags=["terrain"],
        summary="Heights of a tile: 65 x 65 float32, little-endian, from north-west",
        response_class=Response,
        responses={200: {"content": {HEIGHTS: {}}, "description": "The heights."}, **PROBLEMS},
    )
    async def tile(request: Request, z: Level, x: Cell, y: Cell) -> Response:
        if z > DEEPEST or x >= 2 ** (z + 1) or y >= 2**z:
            raise Problem(
                404, f"tile {z}/{x}/{y} does not exist; levels go to {DEEPEST}, columns to 2^(z+1) - 1, rows to 2^z - 1"
            )
        content = await asyncio.get_running_loop().run_in_executor(threads, made, z, x, y)
        etag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
        headers = {"ETag": etag, "Cache-Control": "public, max-age=300"}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=HEIGHTS, headers=headers)


def _described(models: tuple[Elevation, ...]) -> dict[str, Any]:
    if not models:
        return {
            "available": False, "bbox": None, "maxzoom": 0, "source": [], "datum": None, "samples": SAMPLES,
            "note": NONE._asdict(),
        }  # fmt: skip
    boxes = np.array([model.bbox for model in models])
    crossing = bool((boxes[:, 0] > boxes[:, 2]).any())
    note = Text(f"{SIMULATED.en} {NOTE.en}", f"{SIMULATED.ja}{NOTE.ja}") if _simulated(models) else NOTE
    return {
        "available": True,
        "bbox": [
            -180.0 if crossing else float(boxes[:, 0].min()),
            float(boxes[:, 1].min()),
            180.0 if crossing else float(boxes[:, 2].max()),
            float(boxes[:, 3].max()),
        ],
        "maxzoom": min(DEEPEST, max(model.deepest for model in models)),
        "source": [model.raster.item.id for model in models[:100]],
        "datum": ", ".join(sorted({model.datum or NO_DATUM for model in models})),
        "samples": SAMPLES,
        "note": note._asdict(),
    }


def _simulated(models: tuple[Elevation, ...]) -> bool:
    return any(model.raster.item.properties.get("mitoshi:simulated") for model in models)
