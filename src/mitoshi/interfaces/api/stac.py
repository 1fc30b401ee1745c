"""The STAC API (core, collections, OGC API - Features, item search) on the catalogue of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import JSONResponse

from mitoshi.interfaces.api import assets, stac_writing
from mitoshi.interfaces.api.addresses import CollectionId, ItemId
from mitoshi.interfaces.api.heavy_work import BUSY
from mitoshi.interfaces.api.problems import Problem
from mitoshi.interfaces.api.stac_answers import CONFORMANCE, GEOJSON, TRANSACTION, Answers
from mitoshi.interfaces.api.stac_queries import (
    PAGE,
    Bounds,
    Search,
    Terms,
    Times,
    Token,
    checked,
    known_only,
    listed,
    token,
)
from mitoshi.interfaces.api.stac_titles import language

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitoshi.catalog.paging import Page
    from mitoshi.interfaces.api.service import Service

__all__ = ["GeoJSONResponse", "attach"]

BAD: dict[int | str, dict[str, Any]] = {400: {"description": "A value that does not fit."}}
MISSING: dict[int | str, dict[str, Any]] = {**BAD, 404: {"description": "No such collection or item."}}
# pystac-client names the collection a second time when it asks for the items of one.
ITEMS_TAKES = frozenset({"limit", "token", "bbox", "datetime", "collections", "ids"})
SEARCH_TAKES = ITEMS_TAKES | {"intersects"}
Limit = Annotated[
    int, Query(ge=1, description="Most items of the page; a limit beyond the service's is lowered to it.")
]
Names = Annotated[str | None, Query(description="Names with commas between; any of these.", max_length=4096)]


class GeoJSONResponse(JSONResponse):
    """GeoJSON."""

    media_type = GEOJSON


def attach(app: FastAPI, service: Service) -> None:
    """Add the routes of the STAC API to the application."""
    router = APIRouter(prefix="/stac", tags=["stac"])
    _documents(router, service)
    _features(router, service)
    _searches(router, service)
    app.include_router(router)
    assets.attach(app, service)
    if service.settings.transactions:
        stac_writing.attach(app, service)


def answers(service: Service, request: Request) -> Answers:
    """Return the documents of the service under the address by which it was called."""
    return Answers(service, str(request.base_url))


def _spoken(document: dict[str, Any], spoken: str) -> JSONResponse:
    return JSONResponse(document, headers={"Content-Language": spoken, "Vary": "Accept-Language"})


def _documents(router: APIRouter, service: Service) -> None:
    def landing(request: Request) -> JSONResponse:
        spoken = language(request.headers.get("accept-language", ""))
        return _spoken(answers(service, request).landing(service.catalogue.collections(), spoken), spoken)

    router.add_api_route("", landing, summary="Landing page")
    router.add_api_route("/", landing, include_in_schema=False)

    @router.get("/conformance", summary="What the STAC API conforms to")
    def conformance() -> dict[str, list[str]]:
        return {"conformsTo": [*CONFORMANCE, *((TRANSACTION,) if service.settings.transactions else ())]}

    @router.get("/collections", summary="Collections")
    def collections(request: Request) -> JSONResponse:
        spoken = language(request.headers.get("accept-language", ""))
        return _spoken(answers(service, request).collections(service.catalogue.collections(), spoken), spoken)

    @router.get("/collections/{collection}", summary="A collection", responses=MISSING)
    def one_collection(request: Request, collection: CollectionId) -> JSONResponse:
        spoken = language(request.headers.get("accept-language", ""))
        for found in service.catalogue.collections():
            if found.id == collection:
                return _spoken(answers(service, request).collection(found, spoken), spoken)
        raise _no_collection(collection)


def _features(router: APIRouter, service: Service) -> None:
    @router.get(
        "/collections/{collection}/items",
        summary="Items of a collection",
        responses=MISSING,
        response_class=GeoJSONResponse,
    )
    def items(
        request: Request,
        collection: CollectionId,
        limit: Limit = PAGE,
        bbox: Bounds = None,
        datetime: Times = None,
        token: Token = None,
        collections: Names = None,
        ids: Names = None,
    ) -> GeoJSONResponse:
        known_only(list(request.query_params), ITEMS_TAKES)
        if all(found.id != collection for found in service.catalogue.collections()):
            raise _no_collection(collection)
        terms = checked(
            most=service.settings.limits.items,
            limit=limit,
            token=token,
            bbox=bbox,
            datetime=datetime,
            collections=[name for name in [collection] if name in (listed(collections) or [collection])],
            ids=listed(ids),
        )
        found = answers(service, request)
        address = f"{found.collection_address(collection)}/items"
        links = [{"rel": "collection", "type": "application/json", "href": found.collection_address(collection)}]
        return _page(service, found, terms, request, address, links)

    @router.get(
        "/collections/{collection}/items/{item}", summary="An item", responses=MISSING, response_class=GeoJSONResponse
    )
    def one_item(request: Request, collection: CollectionId, item: ItemId) -> GeoJSONResponse:
        page = service.catalogue.page(1, collections=[collection], ids=[item])
        if not page.items:
            raise Problem(404, f"the catalogue has no item {item[:80]!r} in {collection[:80]!r}; see /stac/collections")
        return GeoJSONResponse(answers(service, request).item(page.items[0]))


def _searches(router: APIRouter, service: Service) -> None:
    most = service.settings.limits.items

    @router.get("/search", summary="Search for items", responses={**BAD, 503: BUSY}, response_class=GeoJSONResponse)
    async def search(
        request: Request,
        collections: Names = None,
        ids: Names = None,
        bbox: Bounds = None,
        intersects: Annotated[str | None, Query(description="GeoJSON geometry.", max_length=8192)] = None,
        datetime: Times = None,
        limit: Limit = PAGE,
        token: Token = None,
    ) -> GeoJSONResponse:
        known_only(list(request.query_params), SEARCH_TAKES)
        terms = checked(
            most=most,
            limit=limit,
            token=token,
            bbox=bbox,
            datetime=datetime,
            collections=listed(collections),
            intersects=intersects,
            ids=listed(ids),
        )
        found = answers(service, request)
        return await _worked(service, terms, _page, service, found, terms, request, f"{found.root}/search", [])

    @router.post("/search", summary="Search for items", responses={**BAD, 503: BUSY}, response_class=GeoJSONResponse)
    async def search_by_body(request: Request, asked: Search) -> GeoJSONResponse:
        body = asked.model_dump(exclude_none=True)
        terms = checked(
            most=most, **{**body, "collections": body.get("collections") or None, "ids": body.get("ids") or None}
        )
        return await _worked(service, terms, _answer, request, body, terms)

    def _answer(request: Request, body: dict[str, Any], terms: Terms) -> GeoJSONResponse:
        found = answers(service, request)
        page = service.catalogue.page(**terms._asdict())
        link = {"type": GEOJSON, "href": f"{found.root}/search", "method": "POST"}
        links = [{"rel": rel, **link, "body": {**body, "token": text}} for rel, text in _neighbours(page)]
        return GeoJSONResponse(found.features(page.items, page.matched, links))


async def _worked(
    service: Service, terms: Terms, work: Callable[..., GeoJSONResponse], *arguments: object
) -> GeoJSONResponse:
    """Return what `work` answers; a search by geometry waits for its turn among the expensive questions."""
    if terms.intersects is None:
        return await anyio.to_thread.run_sync(work, *arguments)
    async with service.heavy.turn():
        return await service.heavy.run(work, *arguments)


def _page(
    service: Service, found: Answers, terms: Terms, request: Request, address: str, links: list[dict[str, Any]]
) -> GeoJSONResponse:
    """Return the answer to a GET: the page, and links to itself and its neighbours."""
    page = service.catalogue.page(**terms._asdict())
    query = request.url.query
    links = [{"rel": "self", "type": GEOJSON, "href": f"{address}?{query}" if query else address}, *links]
    for rel, text in _neighbours(page):
        asked = request.url.include_query_params(token=text).query
        links.append({"rel": rel, "type": GEOJSON, "href": f"{address}?{asked}", "method": "GET"})
    return GeoJSONResponse(found.features(page.items, page.matched, links))


def _neighbours(page: Page) -> list[tuple[str, str]]:
    """Return relation and token of the pages after and before."""
    found = []
    if page.later and page.last is not None:
        found.append(("next", token("after", page.last)))
    if page.earlier and page.first is not None:
        found.append(("prev", token("before", page.first)))
    return found


def _no_collection(collection: str) -> Problem:
    return Problem(404, f"the catalogue has no collection {collection[:80]!r}; see /stac/collections")
