"""From paths to checked items: walk, describe, checksum. A bad product is noted and the others go on."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.catalog.item import as_given, canonical, is_remote, read_items
from mitoshi.core.errors import MitoshiError, RefusedError, UnknownFileError
from mitoshi.core.isolated import importable, in_place, isolated
from mitoshi.core.isolation import attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pystac

    Describe = Callable[[str], Sequence[pystac.Item]]

__all__ = ["IngestReport", "Refusal", "products"]

STAC_SUFFIXES = (".json", ".geojson", ".parquet")
MULTIHASH_SHA256 = "1220"  # multihash prefix: function 0x12 (SHA-256), length 0x20
DEEPEST_FOLDER = 16
SHAPEFILE_PARTS = frozenset(
    (".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".qpj", ".qmd", ".fbn", ".fbx", ".ain", ".aih", ".atx",
     ".ixs", ".mxs", ".idm", ".ind")
)  # fmt: skip


class Refusal(NamedTuple):
    """A product that was not catalogued, and why."""

    source: str
    reason: str


class IngestReport(NamedTuple):
    """What an ingest did: identifiers of items, and what was refused.

    Attributes
    ----------
    added, updated, unchanged
        Items that are new, that replace an item of the same collection and id, that were there already.
    refused
        Sources that no item was made of, one line each.
    """

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()

    def plus(self, other: IngestReport) -> IngestReport:
        """Return both reports as one."""
        return IngestReport(
            self.added + other.added,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.refused + other.refused,
        )


def one_line(error: BaseException) -> str:
    """Return an error as one printable line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return "".join(c if c.isprintable() else "?" for c in text)[:400]


def products(paths: Sequence[str | Path], describe: Describe) -> Iterator[tuple[str, list[dict[str, Any]] | Refusal]]:
    """Yield each source below the paths with its canonical items, or the reason against it.

    A folder is first offered to `describe` as a whole product (a SAFE folder); where no reader knows it, its entries are
    taken in order of their names. Symbolic links inside folders are not followed.
    """
    for path in paths:
        source = str(path)
        if is_remote(source):
            yield source, Refusal(source, "a remote address cannot be ingested; search it with its STAC API instead")
            continue
        plain = Path(source.partition("#")[0])
        if not plain.exists():
            yield source, Refusal(source, f"no such file or folder: {source}")
            continue
        yield from _walk(source, describe, 0)


def _walk(source: str, describe: Describe, depth: int) -> Iterator[tuple[str, list[dict[str, Any]] | Refusal]]:
    path = Path(source.partition("#")[0])
    if path.suffix.lower() == ".msk" and path.with_suffix("").is_file():
        return  # a mask is read with the raster beside which it lies
    if path.suffix.lower() in STAC_SUFFIXES and path.is_file():
        made = _opened_by_reader(source, describe)
        yield from [(source, made)] if isinstance(made, list) else _stac_or(path, made)
        return
    try:
        yield source, _described(source, describe)
    except UnknownFileError as error:
        if not path.is_dir() or depth >= DEEPEST_FOLDER:
            yield source, Refusal(source, one_line(error))
            return
        entries = sorted(path.iterdir())
        shapefiles = {entry.stem for entry in entries if entry.suffix.lower() == ".shp"}
        for entry in entries:
            if not (entry.is_symlink() or entry.name.startswith(".") or _belongs(entry, shapefiles)):
                yield from _walk(str(entry), describe, depth + 1)
    except MitoshiError as error:
        yield source, Refusal(source, one_line(error))
    except Exception as error:  # one broken product must not stop the others
        yield source, Refusal(source, f"could not be read ({type(error).__name__}: {one_line(error)[:200]})")


def _belongs(entry: Path, shapefiles: set[str]) -> bool:
    """Return whether a file is part of a shapefile beside it and means nothing alone."""
    name, _, more = entry.name.partition(".shp.")
    stem = name if more.lower() == "xml" else entry.stem
    return stem in shapefiles and (more.lower() == "xml" or entry.suffix.lower() in SHAPEFILE_PARTS)


def _opened_by_reader(source: str, describe: Describe) -> list[dict[str, Any]] | Exception:
    """Return what a reader makes of features, or of a STAC item whose files lie beside it, or what it says against it."""
    try:
        return _described(source, describe)
    except Exception as error:  # whatever the readers dislike, the item may still be worth finding
        return error


def _stac_or(path: Path, disliked: Exception) -> Iterator[tuple[str, list[dict[str, Any]] | Refusal]]:
    """Yield the items of a STAC file; where there is none, a reader's refusal says more than that it is no STAC."""
    for number, (source, outcome) in enumerate(_stac(path)):
        if number == 0 and isinstance(outcome, Refusal) and isinstance(disliked, RefusedError):
            yield source, Refusal(source, one_line(disliked))
        else:
            yield source, outcome


def _stac(path: Path) -> Iterator[tuple[str, list[dict[str, Any]] | Refusal]]:
    source = str(path)
    try:
        for item in _each(path):
            if isinstance(item, MitoshiError):
                yield source, Refusal(source, one_line(item))
            else:
                yield source, [_with_checksums(item)]
    except (MitoshiError, OSError) as error:
        yield source, Refusal(source, one_line(error))
    except Exception as error:
        yield source, Refusal(source, f"could not be read ({type(error).__name__}: {one_line(error)[:200]})")


def _each(path: Path) -> Iterator[dict[str, Any] | MitoshiError]:
    if in_place():
        yield from _read_each(path)
        return
    with tempfile.TemporaryDirectory(prefix="mitoshi-ingest-") as folder:
        spool = Path(folder) / "items"
        isolated(_spool_each, path, spool)
        with spool.open("rb") as lines:
            for line in lines:
                item = json.loads(line)
                yield item if isinstance(item, dict) else MitoshiError(item)


def _spool_each(path: Path, spool: Path) -> None:
    """Write the items of a STAC file, one a line; the words against an item stand in its place."""
    with spool.open("w", encoding="utf-8") as lines:
        for item in _read_each(path):
            lines.write(json.dumps(item if isinstance(item, dict) else str(item)) + "\n")


def _read_each(path: Path) -> Iterator[dict[str, Any] | MitoshiError]:
    found = read_items(path)
    while True:
        with attempt(path):
            item = next(found, None)
        if item is None:
            return
        yield item


def _described(source: str, describe: Describe) -> list[dict[str, Any]]:
    return isolated(_items, source, describe) if importable(describe) else _items(source, describe)


def _items(source: str, describe: Describe) -> list[dict[str, Any]]:
    items = describe(source)
    if not items:
        raise UnknownFileError(f"{source} holds no observation; give a product")
    return [
        _with_checksums(canonical(json.loads(json.dumps(i.to_dict(transform_hrefs=False))), as_given)) for i in items
    ]


def _with_checksums(item: dict[str, Any]) -> dict[str, Any]:
    """Add size and SHA-256 to the local assets that lack them; a stated digest is left as its maker gave it."""
    for asset in item["assets"].values():
        if is_remote(asset["href"]) or "file:checksum" in asset:
            continue
        path = Path(asset["href"])
        if path.is_file():
            asset["file:checksum"] = MULTIHASH_SHA256 + sha256(path)
            asset["file:size"] = path.stat().st_size
    return item


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
