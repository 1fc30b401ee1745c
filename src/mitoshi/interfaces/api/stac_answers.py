"""Catalogue, collections and items as a STAC client reads them: every link an address of the service, no path of the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mitoshi.catalog.item import is_remote
from mitoshi.core.errors import MitoshiError
from mitoshi.interfaces.api.stac_rasters import PROJECTION, described
from mitoshi.interfaces.api.stac_titles import ABOUT, about, title

if TYPE_CHECKING:
    from pathlib import Path

    from mitoshi.catalog.summary import Summary
    from mitoshi.interfaces.api.service import Service

__all__ = ["CONFORMANCE", "GEOJSON", "JSON", "TRANSACTION", "Answers"]

JSON, GEOJSON = "application/json", "application/geo+json"
STAC_VERSION = "1.1.0"
STAC_API = "https://api.stacspec.org/v1.0.0"
FEATURES = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf"
CONFORMANCE = (
    f"{STAC_API}/core",
    f"{STAC_API}/collections",
    f"{STAC_API}/item-search",
    f"{STAC_API}/ogcapi-features",
    f"{FEATURES}/core",
    f"{FEATURES}/geojson",
)
TRANSACTION = f"{STAC_API}/ogcapi-features/extensions/transaction"
# What says where things lie on this machine.
PRIVATE = frozenset({"mitoshi:source"})
# Signs of an identifier that need no percent sign in a path (RFC 3986, 3.3).
PLAIN = "!$&'()*+,;=:@~"

Link = dict[str, Any]


class Answers:
    """Documents of one service under one base address.

    Parameters
    ----------
    service
        What is served.
    base
        Address of the service, as the client called it, with a slash at its end.
    """

    def __init__(self, service: Service, base: str) -> None:
        self._service = service
        self._base = base
        self._root = f"{base}stac"

    @property
    def root(self) -> str:
        """Address of the landing page."""
        return self._root

    def collection_address(self, collection: str) -> str:
        """Return the address of a collection."""
        return f"{self._root}/collections/{quote(collection, safe=PLAIN)}"

    def item_address(self, collection: str, item: str) -> str:
        """Return the address of an item."""
        return f"{self.collection_address(collection)}/items/{quote(item, safe=PLAIN)}"

    def landing(self, collections: tuple[Summary, ...], language: str) -> dict[str, Any]:
        """Return the landing page."""
        extra = (TRANSACTION,) if self._service.settings.transactions else ()
        search = {"rel": "search", "type": GEOJSON, "title": "search", "href": f"{self._root}/search"}
        return {
            "type": "Catalog",
            "stac_version": STAC_VERSION,
            "stac_extensions": [],
            "id": "mitoshi",
            "title": "mitoshi",
            "description": ABOUT.ja if language == "ja" else ABOUT.en,
            "conformsTo": [*CONFORMANCE, *extra],
            "links": [
                {"rel": "self", "type": JSON, "title": "mitoshi", "href": self._root},
                self._to_root(),
                {"rel": "data", "type": JSON, "title": "collections", "href": f"{self._root}/collections"},
                {"rel": "conformance", "type": JSON, "title": "conformance", "href": f"{self._root}/conformance"},
                {**search, "method": "GET"},
                {**search, "method": "POST"},
                {"rel": "service-desc", "type": JSON, "title": "OpenAPI", "href": f"{self._base}openapi.json"},
                *(
                    {
                        "rel": "child",
                        "type": JSON,
                        "title": _in(title(c.id), language),
                        "href": self.collection_address(c.id),
                    }
                    for c in collections
                    if c.id is not None
                ),
            ],
        }

    def collections(self, found: tuple[Summary, ...], language: str) -> dict[str, Any]:
        """Return the list of the collections."""
        links = [{"rel": "self", "type": JSON, "href": f"{self._root}/collections"}, self._to_root()]
        listed = [self.collection(c, language) for c in found if c.id is not None]
        return {"collections": listed, "links": links, "numberMatched": len(listed), "numberReturned": len(listed)}

    def collection(self, found: Summary, language: str) -> dict[str, Any]:
        """Return a collection."""
        name = str(found.id)
        address = self.collection_address(name)
        times = [None if t is None else t.isoformat().replace("+00:00", "Z") for t in (found.start, found.end)]
        return {
            "type": "Collection",
            "stac_version": STAC_VERSION,
            "stac_extensions": [],
            "id": name,
            "title": _in(title(name), language),
            "description": _in(about(name), language),
            "license": "other",
            "extent": {"spatial": {"bbox": [list(found.box)]}, "temporal": {"interval": [times]}},
            "summaries": {key: list(values) for key, values in found.values.items()},
            "mitoshi:count": found.count,
            "links": [
                {"rel": "self", "type": JSON, "title": _in(title(name), language), "href": address},
                self._to_root(),
                {"rel": "parent", "type": JSON, "title": "mitoshi", "href": self._root},
                {"rel": "items", "type": GEOJSON, "title": "items", "href": f"{address}/items"},
            ],
        }

    def item(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return an item of the catalogue as the world may see it."""
        collection, name = item.get("collection"), str(item["id"])
        assets, withheld = {}, []
        for key, asset in item["assets"].items():
            if is_remote(asset["href"]):
                assets[key] = asset
                continue
            path = None if collection is None else self._readable(asset["href"])
            if path is None or collection is None:
                withheld.append(key)
                continue
            address = f"{self.item_address(collection, name)}/assets/{quote(key, safe=PLAIN)}"
            assets[key] = {**described(asset, path), "href": address}
        properties = {key: value for key, value in item["properties"].items() if key not in PRIVATE}
        properties.setdefault("datetime", None)
        if withheld:
            properties["mitoshi:withheld"] = sorted(withheld)
        public = {**item, "properties": properties, "assets": assets, "links": self._item_links(item)}
        if any("proj:code" in asset for asset in assets.values()):
            public["stac_extensions"] = sorted({*item.get("stac_extensions", []), PROJECTION})
        without_paths: dict[str, Any] = _without(public, self._folders(item))
        return without_paths

    def _folders(self, item: dict[str, Any]) -> list[str]:
        """Return the folders of this machine that a text of an item could name, the deepest first."""
        places = [asset["href"] for asset in item["assets"].values() if not is_remote(asset["href"])]
        places += [str(item["properties"][key]) for key in PRIVATE if key in item["properties"]]
        roots = self._service.settings.roots
        folders = {place.rpartition("/")[0] for place in places} | {str(p) for r in roots for p in (r, r.resolve())}
        return sorted((f"{folder}/" for folder in folders if folder.startswith("/")), key=len, reverse=True)

    def _readable(self, href: str) -> Path | None:
        try:
            return self._service.readable(href)
        except MitoshiError:
            return None

    def _item_links(self, item: dict[str, Any]) -> list[Link]:
        links, collection = [self._to_root()], item.get("collection")
        if collection is not None:
            parent = self.collection_address(collection)
            links += [
                {"rel": "self", "type": GEOJSON, "href": self.item_address(collection, item["id"])},
                {"rel": "parent", "type": JSON, "href": parent},
                {"rel": "collection", "type": JSON, "href": parent},
            ]
        bundle = item["properties"].get("mitoshi:bundle")
        if isinstance(bundle, str):
            links.append({"rel": "via", "type": JSON, "href": f"{self._base}bundles/{quote(bundle, safe='')}"})
        own = {"self", "root", "parent", "collection"}
        return [*links, *(link for link in item.get("links", []) if link.get("rel") not in own)]

    def _to_root(self) -> Link:
        return {"rel": "root", "type": JSON, "title": "mitoshi", "href": self._root}

    def features(self, items: list[dict[str, Any]], matched: int, links: list[Link]) -> dict[str, Any]:
        """Return one page of items."""
        found = [self.item(item) for item in items]
        return {
            "type": "FeatureCollection",
            "features": found,
            "links": [*links, self._to_root()],
            "numberMatched": matched,
            "numberReturned": len(found),
        }


def _in(text: Any, language: str) -> str:
    return str(text.ja if language == "ja" else text.en)


def _without(value: Any, folders: list[str]) -> Any:
    """Return the value with the names of folders taken out of every text that holds a path."""
    if isinstance(value, dict):
        return {key: _without(v, folders) for key, v in value.items()}
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], int | float | list | tuple) and not isinstance(value[0], str):
            return value
        return [_without(v, folders) for v in value]
    if isinstance(value, str) and "/" in value:
        for folder in folders:
            value = value.replace(folder, "")
    return value
