"""One item, one file: what `{collection}/{item}/{asset}` in an address means. Nothing else of a request ever becomes a path."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Annotated

from fastapi import Path as InPath

from mitoshi.core.errors import MitoshiError
from mitoshi.interfaces.api.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

    import pystac

    from mitoshi.interfaces.api.service import Service

__all__ = ["AssetKey", "CollectionId", "ItemId", "Lookup"]

KEPT = 4096

CollectionId = Annotated[str, InPath(description="Collection of the catalogue.", min_length=1, max_length=256)]
ItemId = Annotated[str, InPath(description="Item of the collection.", min_length=1, max_length=512)]
AssetKey = Annotated[str, InPath(description="Asset of the item.", min_length=1, max_length=256)]


class Lookup:
    """Finds items of the catalogue by name and keeps the last few, until the catalogue changes."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._state: tuple[int, int] | None = None
        self._kept: OrderedDict[tuple[str, str], pystac.Item] = OrderedDict()

    def item(self, collection: str, item: str) -> pystac.Item:
        """Return an item; its assets have the paths of this machine.

        Raises
        ------
        Problem
            404 where the catalogue has none.
        """
        state, key = self._present(), (collection, item)
        with self._lock:
            if state != self._state:
                self._state = state
                self._kept.clear()
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = self._service.catalogue.get(collection, item)
        if found is None:
            raise Problem(404, f"the catalogue has no item {item[:80]!r} in {collection[:80]!r}; see /stac/collections")
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def file(self, collection: str, item: str, asset: str) -> Path:
        """Return the file behind an asset.

        Raises
        ------
        Problem
            404 where there is no such item or asset, or its file lies outside the folders of the service.
        """
        assets = self.item(collection, item).assets
        if asset not in assets:
            raise Problem(404, f"{item[:80]!r} has no asset {asset[:80]!r}; it has {', '.join(sorted(assets))[:200]}")
        try:
            return self._service.readable(assets[asset].href)
        except MitoshiError:
            raise Problem(
                404, f"the file of {asset[:80]!r} cannot be read here; it lies outside the folders of this service"
            ) from None

    def _present(self) -> tuple[int, int]:
        try:
            status = (self._service.catalogue.folder / "manifest.json").stat()
        except OSError:
            return (0, 0)
        return (status.st_mtime_ns, status.st_ino)
