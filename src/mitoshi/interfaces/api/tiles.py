"""Raster tiles and their TileJSON: assets of the catalogue alone, drawn by few threads, kept in little memory."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from fastapi import FastAPI, Query, Request, Response
from fastapi import Path as InPath

from mitoshi.core.errors import MitoshiError
from mitoshi.display.drawing import draw, place_of
from mitoshi.display.rasters import rasters_of
from mitoshi.display.tile_grid import DEEPEST, TILE_SIDE, deepest_level
from mitoshi.interfaces.api.addresses import AssetKey, CollectionId, ItemId
from mitoshi.interfaces.api.problems import Problem
from mitoshi.sensors import guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitoshi.display.rasters import Raster
    from mitoshi.interfaces.api.service import Service

__all__ = ["Tile", "TileCache", "attach"]

CACHE_BYTES = 32 * 2**20
THREADS = 4  # enough that tiles get their share of the cores while jobs run, few enough for memory to stay flat
DRAWING = "2"  # changes when the same pixels are drawn otherwise
IMMUTABLE, FRESH = "public, max-age=31536000, immutable", "public, max-age=300"
NUMBER = r"-?\d{1,12}(\.\d{1,12})?(e[+-]?\d{1,2})?"
PROBLEMS: dict[int | str, dict[str, Any]] = {
    304: {"description": "The tile that the client has is still right."},
    400: {"description": "A value that does not fit."},
    404: {"description": "No such item, asset, band or tile, or nothing of it can be drawn."},
}
PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}, "description": "The tile."}, **PROBLEMS}

Level = Annotated[int, InPath(ge=0, le=2**31, description=f"Level, 0 to {DEEPEST}.")]
Cell = Annotated[int, InPath(ge=0, le=2**31, description="Column or row, counted from north-west.")]
BandName = Annotated[
    str, Query(max_length=32, pattern=r"^[A-Za-z0-9_-]*$", description="Band of the asset, by name or number from 1.")
]
Rescale = Annotated[
    str,
    Query(
        max_length=64,
        pattern=rf"^({NUMBER},{NUMBER})?$",
        description="Values of the first and the last colour, such as -22,-4; not for classes.",
    ),
]


class Tile(NamedTuple):
    """A tile ready to be sent."""

    content: bytes
    etag: str
    immutable: bool


class TileCache:
    """The tiles that were asked for last, in bounded memory."""

    def __init__(self, most: int) -> None:
        self.most, self.size = most, 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()

    def get(self, key: tuple[Any, ...], make: Callable[[], bytes]) -> bytes:
        """Return what is kept under a key, made where nothing is."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            if key not in self._kept and len(made) <= self.most:
                self._kept[key] = made
                self.size += len(made)
            while self.size > self.most:
                self.size -= len(self._kept.popitem(last=False)[1])
        return made


def attach(app: FastAPI, service: Service) -> None:
    """Add the routes of raster tiles to the application."""
    source = _Source(service)
    root = "/tiles/{collection}/{item}/{asset}"
    told: dict[str, Any] = {"tags": ["tiles"], "response_class": Response, "responses": PNG}

    async def drawn(
        request: Request, address: tuple[str, str, str], tile: tuple[int, int, int], side: int, band: str, rescale: str
    ) -> Response:
        z, x, y = tile
        if z > DEEPEST or x >= 2**z or y >= 2**z:
            raise Problem(404, f"tile {z}/{x}/{y} does not exist; levels go to {DEEPEST}, columns and rows to 2^z - 1")
        limits = _limits(rescale)
        known = request.headers.get("if-none-match", "")
        found = await source.tile(address, tile, side, band, limits, known)
        headers = {"ETag": found.etag, "Cache-Control": IMMUTABLE if found.immutable else FRESH}
        if not found.content:
            return Response(status_code=304, headers=headers)
        return Response(found.content, media_type="image/png", headers=headers)

    @app.get(f"{root}/{{z}}/{{x}}/{{y}}@2x.png", summary="A raster tile of 512 pixels", **told)
    async def fine(
        request: Request,
        collection: CollectionId,
        item: ItemId,
        asset: AssetKey,
        z: Level,
        x: Cell,
        y: Cell,
        band: BandName = "",
        rescale: Rescale = "",
    ) -> Response:
        return await drawn(request, (collection, item, asset), (z, x, y), 2 * TILE_SIDE, band, rescale)

    @app.get(f"{root}/{{z}}/{{x}}/{{y}}.png", summary="A raster tile of 256 pixels", **told)
    async def plain(
        request: Request,
        collection: CollectionId,
        item: ItemId,
        asset: AssetKey,
        z: Level,
        x: Cell,
        y: Cell,
        band: BandName = "",
        rescale: Rescale = "",
    ) -> Response:
        return await drawn(request, (collection, item, asset), (z, x, y), TILE_SIDE, band, rescale)

    @app.get(
        f"{root}/tilejson.json",
        tags=["tiles"],
        summary="TileJSON 3.0 of the raster tiles",
        responses={key: PROBLEMS[key] for key in (400, 404)},
    )
    def tilejson(
        request: Request,
        collection: CollectionId,
        item: ItemId,
        asset: AssetKey,
        band: BandName = "",
        rescale: Rescale = "",
    ) -> dict[str, Any]:
        _limits(rescale)
        raster = source.rasters.get(collection, item, asset, band)
        asked = "&".join(f"{k}={v}" for k, v in (("band", band), ("rescale", rescale)) if v)
        address = str(request.url).partition("?")[0].removesuffix("/tilejson.json")
        return _tilejson(raster, f"{address}/{{z}}/{{x}}/{{y}}.png{'?' if asked else ''}{asked}")


class _Source:
    """Draws tiles in a few threads of its own, each of which keeps its datasets open."""

    def __init__(self, service: Service) -> None:
        self.rasters = rasters_of(service)
        self.cache = TileCache(CACHE_BYTES)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="tiles")

    async def tile(
        self,
        address: tuple[str, str, str],
        tile: tuple[int, int, int],
        side: int,
        band: str,
        rescale: tuple[float, float] | None,
        known: str,
    ) -> Tile:
        """Return a tile; without content where the client's own, which has the tag `known`, is still right."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._tile, address, tile, side, band, rescale, known)

    def _tile(
        self,
        address: tuple[str, str, str],
        tile: tuple[int, int, int],
        side: int,
        band: str,
        rescale: tuple[float, float] | None,
        known: str,
    ) -> Tile:
        raster = self.rasters.get(*address, band)
        etag, immutable = f'"{raster.fingerprint}-{DRAWING}"', "mitoshi:bundle" in raster.item.properties
        if etag in known:
            return Tile(b"", etag, immutable)
        key = (raster.fingerprint, raster.key, tile, side, rescale)
        try:
            return Tile(self.cache.get(key, lambda: draw(raster, tile, side, rescale)), etag, immutable)
        except MitoshiError as error:
            raise Problem(404, f"{address[2][:80]!r} of {address[1][:80]!r} cannot be drawn: {error}") from None


def _limits(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    low, high = (float(part) for part in text.split(","))
    if not low < high:
        raise Problem(400, f"rescale must ascend, got {text}; give the lower value first")
    return low, high


def _tilejson(raster: Raster, address: str) -> dict[str, Any]:
    try:
        shallowest = place_of(raster).shallowest
    except MitoshiError as error:
        raise Problem(404, f"{raster.key[:80]!r} cannot be drawn: {guard.one_line(error)}") from None
    title = raster.output.layer.title.en if raster.output is not None else f"{raster.quantity} {raster.key}"
    deepest = max(deepest_level(raster.item), shallowest)
    west, south, east, north = (float(v) for v in (raster.item.bbox or (-180.0, -85.0, 180.0, 85.0))[:4])
    return {
        "tilejson": "3.0.0",
        "name": title,
        "description": raster.item.id,
        "scheme": "xyz",
        "tiles": [address],
        "minzoom": shallowest,
        "maxzoom": deepest,
        "bounds": [west, south, east, north] if west <= east else [-180.0, south, 180.0, north],
        "attribution": "simulated" if raster.item.properties.get("mitoshi:simulated") else "",
    }
