"""The evidence bundles that a service shows, and how the products of one become items of the catalogue."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.core import discovery
from mitoshi.core.errors import BundleError, InputError, MitoshiError
from mitoshi.core.product import Listed
from mitoshi.core.standing import STANDING, TRIAL
from mitoshi.evidence.bundle import SUMS, Bundle, checked_name, read_json
from mitoshi.sensors.guard import one_line
from mitoshi.workflows.adoption import CHAIN, Adoption, adopted_by_chain, adoption_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mitoshi.catalog import Catalogue
    from mitoshi.core.method import Method, Output

__all__ = ["BundleStore", "publish"]

LOG = logging.getLogger("mitoshi.service")
DEEPEST = 3  # levels below a root
SETTLED_NS = 2 * 10**9  # a folder changed within the last two seconds may change again without its time showing it
SHORTEST_PREFIX = 12
GENERIC = frozenset({"features"})  # what the reader of features says of a list it knows nothing of


class _Folder(NamedTuple):
    """What a folder held when it was last looked into."""

    changed: int
    is_bundle: bool
    folders: tuple[Path, ...]


class _Opened(NamedTuple):
    """A bundle as it was when its run.json had this time; None where it could not be read."""

    changed: int
    time: str
    bundle: Bundle | None


class BundleStore:
    """Finds evidence bundles below some folders.

    Parameters
    ----------
    roots
        Looked into three levels deep; one that does not exist is empty.
    """

    def __init__(self, roots: Sequence[str | Path]) -> None:
        self._roots = tuple(Path(root) for root in roots)
        self._lock = threading.Lock()
        self._folders: dict[Path, _Folder] = {}
        self._opened: dict[Path, _Opened] = {}

    def bundles(self) -> tuple[Bundle, ...]:
        """Return every bundle, that of the latest run first; a broken one is passed over with a warning."""
        with self._lock:
            paths = [path for root in self._roots for path in self._below(root, 0)]
            for gone in self._opened.keys() - set(paths):
                del self._opened[gone]
            found: dict[str, _Opened] = {}
            for path in paths:
                opened = self._read(path)
                if opened is not None and opened.bundle is not None:
                    found.setdefault(opened.bundle.id, opened)
        latest = sorted(found.items(), key=lambda entry: (entry[1].time, entry[0]), reverse=True)
        return tuple(opened.bundle for _, opened in latest if opened.bundle is not None)

    def find(self, name: str) -> Bundle | None:
        """Return the bundle with this identifier, or whose identifier alone begins with these 12 or more digits."""
        if not SHORTEST_PREFIX <= len(name) <= 64:
            return None
        found = [bundle for bundle in self.bundles() if bundle.id.startswith(name)]
        return found[0] if len(found) == 1 else None

    def _below(self, folder: Path, depth: int) -> Iterable[Path]:
        try:
            seen = self._look(folder)
        except OSError:
            self._folders.pop(folder, None)
            return
        if seen.is_bundle:
            yield folder
        elif depth < DEEPEST:
            for below in seen.folders:
                yield from self._below(below, depth + 1)

    def _look(self, folder: Path) -> _Folder:
        changed = folder.stat().st_mtime_ns
        known = self._folders.get(folder)
        if known is not None and known.changed == changed and time.time_ns() - changed > SETTLED_NS:
            return known
        with os.scandir(folder) as entries:
            plain = [e for e in entries if not e.is_symlink()]
        names = {e.name for e in plain if e.is_file()}
        folders = sorted(e.name for e in plain if e.is_dir() and not e.name.startswith("."))
        seen = _Folder(changed, {"run.json", SUMS} <= names, tuple(folder / name for name in folders))
        self._folders[folder] = seen
        return seen

    def _read(self, path: Path) -> _Opened | None:
        try:
            changed = (path / "run.json").stat().st_mtime_ns
        except OSError:
            return None
        known = self._opened.get(path)
        if known is not None and known.changed == changed:
            return known
        try:
            opened = _Opened(changed, str(read_json(path, "run.json").get("time", "")), Bundle.open(path))
        except BundleError as error:
            LOG.warning("the bundle in %s is passed over: %s", path.name, one_line(error))
            opened = _Opened(changed, "", None)
        self._opened[path] = opened
        return opened


def publish(bundle: Bundle, catalogue: Catalogue, adoption: Adoption | None = None) -> tuple[str, ...]:
    """Put the products of a bundle into the catalogue, in one step; doing so again changes nothing.

    Each is an item of the collection named like the method, with the identifier ``<first 12 digits of the bundle>-<output>``.
    It can be given to a later run as ``catalogue:ID``. One whose quantity the method declares is also found by a run that asks
    the catalogue once it is adopted, unless the method itself takes that quantity: its product must not take the place of what it
    was made of. Products of a chain are adopted by it; others are trial products until a person adopts them, and stay so.

    Parameters
    ----------
    bundle
        What a run left.
    catalogue
        Where to.
    adoption
        Who adopts the products with this act; None leaves what is recorded of them.

    Returns
    -------
    Identifiers of the items that are in the catalogue now.

    Raises
    ------
    BundleError
        If the bundle's own account of its products cannot be read.
    RunError
        If the catalogue cannot be written; it is left as it was.
    """
    outputs = _outputs(bundle)
    items = [_item(bundle, name, file, outputs.get(name)) for name, file in _products(bundle).items()]
    recorded = _recorded(bundle, catalogue, [item["id"] for item in items])
    adoption = adoption or adopted_by_chain(bundle)
    for item in items:
        by = adoption or recorded.get(item["id"])
        item["properties"] |= {STANDING: TRIAL} if by is None else by.properties()
    report = catalogue.add(items)
    for refusal in report.refused:
        LOG.warning("the product %s is not catalogued: %s", refusal.source, refusal.reason)
    there = {*report.added, *report.updated, *report.unchanged}
    return tuple(item["id"] for item in items if item["id"] in there)


def _recorded(bundle: Bundle, catalogue: Catalogue, ids: Sequence[str]) -> dict[str, Adoption]:
    """Return the adoptions that the catalogue records of a bundle's products, but not those by a chain: its record tells."""
    if not catalogue.folder.exists():
        return {}
    stated = {i.id: adoption_of(i.properties) for i in catalogue.search(collections=[bundle.method], ids=list(ids))}
    return {name: by for name, by in stated.items() if by is not None and not by.by.startswith(CHAIN)}


def _products(bundle: Bundle) -> dict[str, str]:
    """Return the bundle's outputs and the file of each."""
    try:
        told = read_json(bundle.path, "run.json")["products"]
        return {str(name): checked_name(str(product["file"])) for name, product in told.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"run.json of {bundle.path.name} is incomplete ({error}); get the bundle again") from None


def _outputs(bundle: Bundle) -> dict[str, tuple[Method[..., Any], Output]]:
    """Return what the method that made it declares of each output; nothing where it is not installed in that version."""
    try:
        method = discovery.find(bundle.method)
    except InputError:
        return {}
    return {o.name: (method, o) for o in method.outputs} if method.version == bundle.version else {}


def _item(bundle: Bundle, name: str, file: str, declared: tuple[Method[..., Any], Output] | None) -> dict[str, Any]:
    told = read_json(bundle.path, f"stac/{checked_name(name)}.json")
    try:
        assets = {key: _asset(bundle, asset) for key, asset in told["assets"].items()}
        properties = dict(told["properties"])
    except (KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"stac/{name}.json of {bundle.path.name} is incomplete ({error}); get it again") from None
    return {
        **told,
        "id": f"{bundle.id[:12]}-{name}",
        "collection": bundle.method,
        "assets": assets,
        "links": [],
        "properties": {
            **{k: v for k, v in properties.items() if k != "mitoshi:quantities"},
            **_read_as(bundle.path / file, declared),
            "mitoshi:bundle": bundle.id,
            "mitoshi:output": name,
        },
    }


def _asset(bundle: Bundle, asset: dict[str, Any]) -> dict[str, Any]:
    """Return an asset with the absolute path of its file, which lies in the bundle."""
    file = checked_name(str(asset["href"]).removeprefix("../"))
    return {**asset, "href": str(bundle.path.resolve() / file)}


def _read_as(path: Path, declared: tuple[Method[..., Any], Output] | None) -> dict[str, Any]:
    """Return how a later run opens the product, and the quantity under which it may find it by itself."""
    from mitoshi.sensors import items

    try:
        native = items(path.resolve())[0].properties
    except MitoshiError as error:
        LOG.warning("%s cannot be data of a later run: %s", path.name, one_line(error))
        return {}
    found: dict[str, Any] = {
        k: native[k] for k in ("gsd", "mitoshi:reader", "mitoshi:source", "mitoshi:part") if k in native
    }
    offered = [] if declared is None else _offered(*declared, native.get("mitoshi:quantities", []))
    return {**found, "mitoshi:quantities": offered} if offered else found


def _offered(method: Method[..., Any], output: Output, native: list[str]) -> list[str]:
    taken = {name for d in method.data for name in (d.quantity.name, *d.quantity.members)}
    if any(o.layer.uncertainty == output.name and _quantity(o) == _quantity(output) for o in method.outputs):
        return []  # an uncertainty told in the quantity that it is the uncertainty of
    declared = _quantity(output)
    own = set(native) - GENERIC if isinstance(output.layer, Listed) else {declared} if declared else set()
    return sorted(own - taken)


def _quantity(output: Output) -> str | None:
    layer = output.layer
    return None if isinstance(layer, Listed) or layer.quantity is None else layer.quantity.name
