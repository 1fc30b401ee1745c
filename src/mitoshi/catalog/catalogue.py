"""The catalogue that lives in a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mitoshi.catalog import merge
from mitoshi.catalog.ingest import IngestReport, Refusal, one_line, products
from mitoshi.catalog.item import as_given, canonical
from mitoshi.catalog.paging import Key, Page, page
from mitoshi.catalog.part import check, made, opened
from mitoshi.catalog.relocation import located, stored
from mitoshi.catalog.search import Hit, Query, found, query, rows_of
from mitoshi.catalog.store import Manifest, Part, Store
from mitoshi.catalog.summary import Summary, summaries
from mitoshi.catalog.table import encode
from mitoshi.core.errors import BundleError, InputError, MitoshiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pystac

    from mitoshi.catalog.ingest import Describe

__all__ = ["Catalogue"]

COMMIT_ITEMS = 512  # an interrupted ingest loses at most this many products
T = TypeVar("T")
Name = tuple[str | None, str]


class Catalogue:
    """STAC items in a folder of stac-geoparquet files.

    Any number of processes may search while others ingest. A process that dies, a full disk or a power cut leaves the last
    committed state; ingesting again completes it.

    Parameters
    ----------
    store
        The folder; the first ingest makes it.
    watch
        Called with the name of every write step; for tests.
    """

    def __init__(self, store: str | Path, watch: Callable[[str], None] | None = None) -> None:
        self._store = Store(Path(store)) if watch is None else Store(Path(store), watch)
        self._summed: tuple[Manifest, tuple[Summary, ...]] = (Manifest(), ())

    @property
    def folder(self) -> Path:
        """The folder."""
        return self._store.folder

    def __len__(self) -> int:
        """Return how many items the catalogue holds."""
        return sum(p.rows - len(p.dead) for p in self._store.manifest().parts)

    def search(
        self,
        bbox: Sequence[float] | None = None,
        time: str | None = None,
        collections: Sequence[str] | None = None,
        quantity: str | None = None,
        limit: int | None = None,
        intersects: Mapping[str, Any] | None = None,
        ids: Sequence[str] | None = None,
    ) -> list[pystac.Item]:
        """Return the items that match every given condition, sorted by time and id.

        Parameters
        ----------
        bbox
            (west, south, east, north) [degree]; west > east crosses the antimeridian. Footprints decide, not their boxes.
        time
            ``"A/B"`` with ``".."`` for an open end, or one instant; both ends belong to it.
        collections
            Any of these.
        quantity
            A quantity's name; a family such as "backscatter" stands for its members.
        limit
            Return the first so many.
        intersects
            GeoJSON geometry that the footprint must intersect.
        ids
            Any of these.

        Raises
        ------
        InputError
            If a condition is malformed or the folder does not exist.
        BundleError
            If the catalogue is damaged.
        """
        import pystac

        self._store.require()
        wanted = query(bbox, time, collections, quantity, intersects, limit, ids)
        items = self._located(self._reading(lambda manifest: found(self.folder, manifest, wanted, limit)))
        return [pystac.Item.from_dict(item, migrate=False, preserve_dict=False) for item in items]

    def get(self, collection: str, item: str) -> pystac.Item | None:
        """Return one item; None where there is none of that name.

        Raises
        ------
        InputError
            If the folder does not exist.
        BundleError
            If the catalogue is damaged.
        """
        import pystac

        self._store.require()
        wanted = Query(collections=frozenset([collection]), ids=frozenset([item]))
        items = self._located(self._reading(lambda manifest: found(self.folder, manifest, wanted, 1)))
        return pystac.Item.from_dict(items[0], migrate=False, preserve_dict=False) if items else None

    def page(
        self,
        limit: int,
        *,
        after: Key | None = None,
        before: Key | None = None,
        bbox: Sequence[float] | None = None,
        time: str | None = None,
        collections: Sequence[str] | None = None,
        intersects: Mapping[str, Any] | None = None,
        ids: Sequence[str] | None = None,
    ) -> Page:
        """Return one page of a search; the conditions are those of `search`, and so is the order.

        Parameters
        ----------
        limit
            Most items of the page, 1 or more.
        after, before
            Key of the item after which, or before which, the page lies; give one or none.

        Raises
        ------
        InputError
            If a condition is malformed or the folder does not exist.
        BundleError
            If the catalogue is damaged.
        """
        self._store.require()
        if limit < 1:
            raise InputError(f"a page has 1 item or more, got limit {limit}")
        if after is not None and before is not None:
            raise InputError("a page lies after one item or before another, got both; give one")
        wanted = query(bbox, time, collections, None, intersects, limit, ids)
        one = self._reading(lambda manifest: page(self.folder, manifest, wanted, limit, after, before))
        return one._replace(items=self._located(one.items))

    def _located(self, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return items with the paths of their files as they are now."""
        return [located(item, self.folder) for item in items]

    def collections(self) -> tuple[Summary, ...]:
        """Return what each collection holds, sorted by name.

        Raises
        ------
        InputError
            If the folder does not exist.
        BundleError
            If the catalogue is damaged.
        """
        self._store.require()
        manifest, known = self._summed
        if manifest != self._store.manifest():
            manifest, known = self._reading(lambda found: (found, summaries(self.folder, found)))
            self._summed = (manifest, known)
        return known

    def _reading(self, read: Callable[[Manifest], T]) -> T:
        """Read at one generation; where a merge removed a part meanwhile, at the next."""
        for _ in range(8):
            manifest = self._store.manifest()
            try:
                return read(manifest)
            except FileNotFoundError as error:
                lost = error.filename
                if self._store.manifest() == manifest:
                    break
        raise BundleError(f"catalogue part {lost} is gone; restore it, or delete the catalogue folder and ingest again")

    def ingest(
        self,
        paths: Sequence[str | Path],
        describe: Describe,
        progress: Callable[[str], None] | None = None,
    ) -> IngestReport:
        """Catalogue the products at or below the paths; those that cannot be read are reported and passed over.

        Ingesting the same product again changes nothing. Work is committed every few hundred products, so an interrupted
        ingest is resumed by calling it again.

        Parameters
        ----------
        paths
            Files, folders, STAC items, item collections or stac-geoparquet files.
        describe
            Makes items of a native product: ``mitoshi.sensors.items``. A function that can be imported by its name is called
            in a process of its own, so that no file ends or fills this one.
        progress
            Called with each source when it is done.

        Raises
        ------
        RunError
            If the store cannot be written; it is left as it was.
        """
        report = IngestReport()
        pending: list[dict[str, Any]] = []
        for source, outcome in products(paths, describe):
            if isinstance(outcome, Refusal):
                report = report.plus(IngestReport(refused=(outcome,)))
            else:
                pending.extend(outcome)
            if len(pending) >= COMMIT_ITEMS:
                report = report.plus(self._commit(pending))
                pending = []
            if progress is not None:
                progress(source)
        return report.plus(self._commit(pending))

    def add(self, items: Iterable[pystac.Item | Mapping[str, Any]]) -> IngestReport:
        """Catalogue items that were made here; see `ingest` for items from outside.

        Raises
        ------
        RunError
            If the store cannot be written; it is left as it was.
        """
        report = IngestReport()
        pending: list[dict[str, Any]] = []
        for item in items:
            raw = item if isinstance(item, dict) else item.to_dict(transform_hrefs=False)  # type: ignore[union-attr]
            try:
                pending.append(canonical(raw, as_given))
            except MitoshiError as error:
                report = report.plus(IngestReport(refused=(Refusal(str(raw.get("id"))[:60], one_line(error)),)))
        return report.plus(self._commit(pending))

    def remove(self, items: Iterable[tuple[str | None, str]]) -> tuple[str, ...]:
        """Take items out of the catalogue, in one step; the files of their assets stay.

        Parameters
        ----------
        items
            Collection and id of each.

        Returns
        -------
        The ids of those that were there.

        Raises
        ------
        RunError
            If the store cannot be written; it is left as it was.
        """
        with self._store.locked():
            manifest = self._store.manifest()
            there = self._present(manifest, set(items))
            if there:
                kept = _buried(manifest, [place[:2] for place in there.values()])
                self._store.sweep(self._store.publish(kept))
        return tuple(sorted(key[1] for key in there))

    def _commit(self, items: Sequence[dict[str, Any]]) -> IngestReport:
        """Publish the items that are new or changed, in one step."""
        if not items:
            return IngestReport()
        latest = {_key(item): stored(item, self.folder) for item in items}
        with self._store.locked():
            manifest = self._store.manifest()
            self._store.sweep(manifest)
            there = self._present(manifest, set(latest))
            fresh = {k: i for k, i in latest.items() if k not in there or there[k][2] != i}
            parts, refused = self._written([i for _, i in sorted(fresh.items(), key=lambda e: str(e[0]))])
            bad = {r.source for r in refused}
            replaced = [there[k][:2] for k in fresh if k in there and k[1] not in bad]
            if parts:
                merged = merge.small_parts(self._store, _buried(manifest, replaced).parts + parts)
                self._store.sweep(self._store.publish(replace(manifest, parts=merged)))
        return IngestReport(
            tuple(k[1] for k in fresh if k not in there and k[1] not in bad),
            tuple(k[1] for k in fresh if k in there and k[1] not in bad),
            tuple(k[1] for k in latest if k not in fresh),
            tuple(refused),
        )

    def _written(self, items: Sequence[dict[str, Any]]) -> tuple[tuple[Part, ...], list[Refusal]]:
        """Write part files, a collection at a time; nothing refers to them yet."""
        groups: dict[str | None, list[dict[str, Any]]] = {}
        for item in items:
            groups.setdefault(item.get("collection"), []).append(item)
        parts: list[Part] = []
        refused: list[Refusal] = []
        for group in groups.values():
            try:
                tables = [table for table, _ in encode(group)]
            except InputError:
                tables, bad = _encodable(group)
                refused += bad
            for table in tables:
                data, part = made(table)
                self._store.add_part(data, part)
                parts.append(part)
        return tuple(parts), refused

    def _present(self, manifest: Manifest, keys: set[Name]) -> dict[Name, tuple[int, int, dict[str, Any]]]:
        """Return part number, row and item of each key that the catalogue holds."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        there: dict[Name, tuple[int, int, dict[str, Any]]] = {}
        for number, part in enumerate(manifest.parts):
            names = [k[1] for k in keys if k[0] == part.collection]
            if not names:
                continue
            with opened(self.folder, part) as file:
                held = file.read(columns=["id"])["id"]
                rows = np.flatnonzero(pc.is_in(held, pa.array(names)).to_numpy())
                rows = rows[~np.isin(rows, part.dead)]
                starts = np.cumsum([0, *(g.rows for g in part.groups)])
                group = np.searchsorted(starts, rows, side="right") - 1
                hits = [Hit(0, "", number, int(g), int(r - starts[g])) for g, r in zip(group, rows, strict=True)]
                items = rows_of(file, hits) if hits else []
            there.update({_key(i): (number, int(r), i) for i, r in zip(items, rows, strict=True)})
        return there

    def check(self) -> int:
        """Compare every part file with its SHA-256 and return how many there are.

        Raises
        ------
        BundleError
            If one is damaged or missing.
        """
        self._store.require()
        manifest = self._store.manifest()
        for part in manifest.parts:
            check(self.folder, part)
        return len(manifest.parts)


def _key(item: Mapping[str, Any]) -> Name:
    return item.get("collection"), item["id"]


def _buried(manifest: Manifest, rows: Sequence[tuple[int, int]]) -> Manifest:
    """Return the manifest with these (part number, row) marked as replaced; parts without a living row fall out."""
    parts = []
    for number, part in enumerate(manifest.parts):
        dead = tuple(sorted({*part.dead, *(r for n, r in rows if n == number)}))
        if len(dead) < part.rows:
            parts.append(replace(part, dead=dead))
    return replace(manifest, parts=tuple(parts))


def _encodable(items: Sequence[dict[str, Any]]) -> tuple[list[Any], list[Refusal]]:
    """Encode one by one, so that an item that cannot be stored is named and the others are kept."""
    tables, refused = [], []
    for item in items:
        try:
            tables.append(encode([item])[0][0])
        except InputError as error:
            refused.append(Refusal(item["id"], one_line(error)))
    return tables, refused
