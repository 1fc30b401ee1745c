"""One item, one file: what `{collection}/{item}/{asset}` in an address means. Nothing else of a request ever becomes a path."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from mitoshi.core.errors import MitoshiError, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    import pystac

    from mitoshi.display.source import DataSource

__all__ = ["Lookup"]

KEPT = 4096


class Lookup:
    """Finds items of the catalogue by name and keeps the last few, until the catalogue changes."""

    def __init__(self, source: DataSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._state: tuple[int, int] | None = None
        self._kept: OrderedDict[tuple[str, str], pystac.Item] = OrderedDict()

    def item(self, collection: str, item: str) -> pystac.Item:
        """Return an item; its assets have the paths of this machine.

        Raises
        ------
        NotFoundError
            Where the catalogue has none.
        """
        state, key = self._present(), (collection, item)
        with self._lock:
            if state != self._state:
                self._state = state
                self._kept.clear()
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = self._source.catalogue.get(collection, item)
        if found is None:
            raise NotFoundError(
                f"the catalogue has no item {item[:80]!r} in {collection[:80]!r}; see /stac/collections"
            )
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def file(self, collection: str, item: str, asset: str) -> Path:
        """Return the file behind an asset.

        Raises
        ------
        NotFoundError
            Where there is no such item or asset, or its file lies outside the folders of the service.
        """
        assets = self.item(collection, item).assets
        if asset not in assets:
            raise NotFoundError(f"{item[:80]!r} has no asset {asset[:80]!r}; it has {', '.join(sorted(assets))[:200]}")
        try:
            return self._source.readable(assets[asset].href)
        except MitoshiError:
            raise NotFoundError(
                f"the file of {asset[:80]!r} cannot be read here; it lies outside the folders of this service"
            ) from None

    def _present(self) -> tuple[int, int]:
        try:
            status = (self._source.catalogue.folder / "manifest.json").stat()
        except OSError:
            return (0, 0)
        return (status.st_mtime_ns, status.st_ino)
