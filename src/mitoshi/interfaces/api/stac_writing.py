"""The transaction extension of the STAC API: items from outside, added, replaced and taken out; off unless the operator asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, FastAPI, Request, Response

from mitoshi.catalog.item import IDENTIFIER, canonical
from mitoshi.core.errors import MitoshiError
from mitoshi.interfaces.api.addresses import CollectionId, ItemId
from mitoshi.interfaces.api.problems import Problem
from mitoshi.interfaces.api.stac_answers import Answers
from mitoshi.sensors.fetch import checked_address
from mitoshi.sensors.guard import one_line

if TYPE_CHECKING:
    from mitoshi.interfaces.api.service import Service

__all__ = ["attach"]

REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"description": "Not an item that the catalogue can hold."},
    401: {"description": "A key is needed."},
    403: {"description": "An asset lies where the service does not go."},
}
MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "No such item."}}
TAKEN: dict[int | str, dict[str, Any]] = {409: {"description": "There is an item of that name."}}
Document = Annotated[dict[str, Any], Body(description="A STAC item.")]


def attach(app: FastAPI, service: Service) -> None:
    """Add the routes that change items to the application; who may call them, the security of the service decides."""
    router = APIRouter(prefix="/stac/collections/{collection}/items", tags=["stac"])

    @router.post("", summary="Add an item", status_code=201, responses={**REFUSED, **TAKEN})
    def add(request: Request, response: Response, collection: CollectionId, document: Document) -> dict[str, Any]:
        item = _from_outside(document, collection)
        if service.catalogue.get(collection, item["id"]) is not None:
            raise Problem(409, f"{collection!r} has an item {item['id']!r} already; replace it with PUT")
        return _kept(service, request, response, item)

    @router.put("/{item}", summary="Replace an item", responses={**REFUSED, **MISSING})
    def replace(
        request: Request, response: Response, collection: CollectionId, item: ItemId, document: Document
    ) -> dict[str, Any]:
        given = _from_outside(document, collection)
        if given["id"] != item:
            raise Problem(
                400, f"the document is of item {given['id'][:80]!r}, the address of {item[:80]!r}; make them agree"
            )
        _present(service, collection, item)
        return _kept(service, request, response, given)

    @router.delete("/{item}", summary="Take an item out", status_code=204, responses={**REFUSED, **MISSING})
    def take_out(collection: CollectionId, item: ItemId) -> None:
        _present(service, collection, item)
        service.catalogue.remove([(collection, item)])

    app.include_router(router)


def _present(service: Service, collection: str, item: str) -> None:
    if service.catalogue.get(collection, item) is None:
        raise Problem(404, f"the catalogue has no item {item[:80]!r} in {collection[:80]!r}; add it with POST")


def _from_outside(document: dict[str, Any], collection: str) -> dict[str, Any]:
    """Return the canonical form of an item; its assets may lie on the public web alone."""
    named = document.get("collection", collection)
    if named != collection:
        raise Problem(
            400, f"the item is of collection {str(named)[:80]!r}, the address of {collection[:80]!r}; make them agree"
        )
    for name in (document.get("id"), collection):
        if not isinstance(name, str) or IDENTIFIER.fullmatch(name) is None:
            raise Problem(400, f"{str(name)[:60]!r} is no safe name; use letters, digits and . _ + = @ , ~ : -")
    try:
        return canonical({**document, "collection": collection}, _public)
    except MitoshiError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise Problem(400, f"the item cannot be read ({one_line(error)}); give a STAC item") from None


def _public(href: str) -> str:
    checked_address(href)
    return href


def _kept(service: Service, request: Request, response: Response, item: dict[str, Any]) -> dict[str, Any]:
    """Store an item and return it as it is now served."""
    report = service.catalogue.add([item])
    if report.refused:
        raise Problem(400, report.refused[0].reason)
    found = Answers(service, str(request.base_url))
    response.headers["Location"] = found.item_address(item["collection"], item["id"])
    return found.item(service.catalogue.page(1, collections=[item["collection"]], ids=[item["id"]]).items[0])
