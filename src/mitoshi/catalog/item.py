"""STAC items from outside: checked, made canonical, and never trusted with a path."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mitoshi.catalog.footprint import checked_geometry
from mitoshi.core.errors import InputError, MitoshiError, RefusedError
from mitoshi.core.strict_json import MAX_BYTES, parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

__all__ = [
    "IDENTIFIER",
    "any_address",
    "as_given",
    "beside",
    "canonical",
    "is_remote",
    "property_paths",
    "public_address",
    "quantities",
    "read_items",
    "times",
]

IDENTIFIER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+=@,~:-]{0,254}")
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*):")
REMOTE = frozenset({"https", "http", "s3", "gs", "az", "abfs"})
TIMESTAMPS = ("datetime", "start_datetime", "end_datetime", "created", "updated", "expires", "published", "unpublished")
RESERVED = frozenset({"id", "type", "geometry", "bbox", "links", "assets", "collection", "stac_version", "properties"})
FOREIGN = frozenset({"mitoshi:quantities", "mitoshi:simulated", "mitoshi:assumptions"})
LARGEST_FILE = 64 * 2**20  # bytes of one STAC document
LARGEST_ITEM = 2**20  # bytes of one item
MOST_NAMES = 400  # properties of one item, nested ones included; each becomes a column of the catalogue
MOST_DISTINCT = 2048  # different properties of all items of one file together
DEEPEST = 24  # levels of nesting; real items have 8

# What well-known collections hold, for items that do not say so themselves.
COLLECTIONS: dict[str, tuple[str, ...]] = {
    "sentinel-1-grd": ("beta0", "gamma0", "sigma0"),
    "sentinel-1-rtc": ("gamma0",),
    "opera-rtc-s1": ("gamma0",),
    "sentinel-2-l1c": ("toa_reflectance",),
    "sentinel-2-l2a": ("quality", "surface_reflectance"),
    "sentinel-s2-l2a-cogs": ("quality", "surface_reflectance"),
    "landsat-c2-l2": ("quality", "surface_reflectance", "surface_temperature"),
    "landsat-c2l2-sr": ("quality", "surface_reflectance"),
    "cop-dem-glo-30": ("elevation",),
    "cop-dem-glo-90": ("elevation",),
    "alos-palsar-mosaic": ("gamma0",),
    "io-lulc-annual-v02": ("land_cover",),
    "esa-worldcover": ("land_cover",),
    "jrc-gsw": ("water_occurrence",),
}


def canonical(item: Mapping[str, Any], href: Callable[[str], str]) -> dict[str, Any]:
    """Return a STAC item as the catalogue stores it.

    Empty entries (None, {}) are left out, times are UTC to the microsecond, the bbox is two-dimensional and made from
    the geometry, only links to the web stay, and `mitoshi:quantities` is filled in for well-known collections.

    Parameters
    ----------
    item
        A STAC item as a dictionary.
    href
        Checks an asset's address and returns the one to store: `as_given`, `public_address`, `any_address` or
        ``beside(folder)``.

    Raises
    ------
    InputError
        If the item is not one that a search could find and a reader could open safely.
    """
    _check_form(item)
    _refuse_without_place(item)
    geometry, bbox = checked_geometry(item.get("geometry"), item.get("bbox"))
    properties = _pruned(dict(item["properties"]))
    properties.pop("proj:geometry", None)
    if href is not as_given:
        # An item from outside must not say which local file a reader opens.
        properties = {k: v for k, v in properties.items() if not k.startswith("mitoshi:") or k in FOREIGN}
    clash = sorted(RESERVED & properties.keys())
    if clash:
        raise InputError(f"property {clash[0]!r} has the name of an item's own field; rename it")
    properties.update(_checked_times(properties))
    made = {
        "type": "Feature",
        "stac_version": str(item.get("stac_version", "1.0.0")),
        "stac_extensions": [str(e) for e in item.get("stac_extensions") or []],
        "id": item["id"],
        "geometry": json.loads(json.dumps(geometry.__geo_interface__)),
        "bbox": list(bbox),
        "properties": properties,
        "links": [_pruned(link) for link in item.get("links") or [] if _web_link(link)],
        "assets": {key: _asset(key, a, href) for key, a in item.get("assets", {}).items()},
    }
    if item.get("collection") is not None:
        made["collection"] = item["collection"]
    known = quantities(made)
    if known:
        properties["mitoshi:quantities"] = list(known)
    return made


def _refuse_without_place(item: Mapping[str, Any]) -> None:
    """Refuse an item without geometry with its reader's reason, where it gives one."""
    properties = item.get("properties")
    reason = properties.get("mitoshi:nowhere") if isinstance(properties, dict) else None
    if item.get("geometry") is None and isinstance(reason, str):
        raise InputError(f"no geometry, so no search would find it: {reason}")


def _check_form(item: Mapping[str, Any]) -> None:
    if not isinstance(item, dict) or item.get("type") != "Feature" or not isinstance(item.get("properties"), dict):
        raise InputError("not a STAC item (type Feature with properties); give an item or a collection of items")
    for field in ("id", "collection"):
        name = item.get(field)
        if (name is not None or field == "id") and not (isinstance(name, str) and IDENTIFIER.fullmatch(name)):
            raise RefusedError(f"{field} {str(name)[:60]!r} is not safe; use letters, digits and . _ + = @ , ~ : -")
    if not isinstance(item.get("assets", {}), dict) or not isinstance(item.get("links") or [], list):
        raise InputError("assets must be an object and links a list; mend the item")
    _check_values(item)
    _check_names(item["properties"])


def _check_values(item: Mapping[str, Any]) -> None:
    """Refuse what is too deep, too long or not finite, without recursion."""
    stack: list[tuple[Any, int]] = [(item, 0)]
    size = 0
    while stack:
        value, depth = stack.pop()
        if depth > DEEPEST:
            raise RefusedError(f"item is nested deeper than {DEEPEST} levels; flatten it")
        if isinstance(value, dict):
            stack.extend((v, depth + 1) for v in value.values())
            size += sum(len(str(k)) for k in value)
        elif isinstance(value, list | tuple):
            stack.extend((v, depth + 1) for v in value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise InputError("item holds a number that is not finite; leave the property out where it is unknown")
        elif isinstance(value, int) and abs(value) >= 2**63:
            raise InputError("item holds an integer beyond 64 bits; write it as a string")
        size += len(value) if isinstance(value, str) else 8
        if size > LARGEST_ITEM:
            raise RefusedError(f"item is larger than {LARGEST_ITEM // 2**20} MiB; move the bulk into an asset")


def _check_names(properties: Mapping[str, Any]) -> None:
    """Refuse more properties than any product has."""
    stack: list[Any] = [properties]
    names = 0
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            names += len(value)
            stack.extend(value.values())
        elif isinstance(value, list | tuple):
            # entries of a list share the columns of the fullest
            stack.extend(sorted((v for v in value if isinstance(v, dict | list)), key=len)[-1:])
        if names > MOST_NAMES:
            raise RefusedError(f"item has more than {MOST_NAMES} properties; move the bulk into an asset")


def property_paths(properties: Mapping[str, Any]) -> set[tuple[str, ...]]:
    """Return the places of all properties, nested ones included: each becomes a column where items share a table.

    >>> sorted(property_paths({"gsd": 10, "bands": [{"name": "a"}, {"unit": "m"}]}))
    [('bands',), ('bands', 'name'), ('bands', 'unit'), ('gsd',)]
    """
    paths: set[tuple[str, ...]] = set()
    stack: list[tuple[tuple[str, ...], Any]] = [((), properties)]
    while stack:
        place, value = stack.pop()
        if isinstance(value, list | tuple):
            stack.extend((place, inner) for inner in value)
        elif isinstance(value, dict):
            for key, inner in value.items():
                paths.add((*place, str(key)))
                stack.append(((*place, str(key)), inner))
    return paths


def _pruned(value: Any) -> Any:
    """Return the value without entries that say nothing: None and empty objects."""
    if isinstance(value, dict):
        kept = {str(k): _pruned(v) for k, v in value.items() if v is not None}
        return {k: v for k, v in kept.items() if v != {}}
    if isinstance(value, list | tuple):
        return [_pruned(v) for v in value]
    return value


def _web_link(link: Any) -> bool:
    return isinstance(link, dict) and str(link.get("href", "")).startswith("https://") and "rel" in link


def _time(value: Any, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise InputError(f"{name} {str(value)[:40]!r} is no time; give ISO 8601") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _checked_times(properties: Mapping[str, Any]) -> dict[str, str]:
    """Return the item's times in one spelling.

    Raises
    ------
    InputError
        If there is no time, one cannot be read, the end lies before the start, or a year is out of 1900..2200. The whole
        calendar (0001-01-01 to 9999-12-31) is allowed: it says that the time is not known.
    """
    found = {name: _time(properties[name], name) for name in TIMESTAMPS if name in properties}
    if "datetime" not in found and not {"start_datetime", "end_datetime"} <= found.keys():
        raise InputError("no datetime, and no start_datetime with end_datetime; mend the item")
    if found.get("start_datetime", datetime.min.replace(tzinfo=UTC)) > found.get(
        "end_datetime", datetime.max.replace(tzinfo=UTC)
    ):
        raise InputError("end_datetime lies before start_datetime; mend the item")
    unknown = [found[n].date() for n in ("start_datetime", "end_datetime") if n in found] == [date.min, date.max]
    for name in () if unknown else ("datetime", "start_datetime", "end_datetime"):
        if name in found and not 1900 <= found[name].year <= 2200:
            raise InputError(f"{name} is in the year {found[name].year}; mend the item")
    return {name: f"{time.replace(tzinfo=None).isoformat(timespec='microseconds')}Z" for name, time in found.items()}


def times(item: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """Return the first and last instant of a canonical item."""
    properties = item["properties"]
    moment = properties.get("datetime") or properties["start_datetime"]
    return (
        _time(properties.get("start_datetime", moment), "start_datetime"),
        _time(properties.get("end_datetime", moment), "end_datetime"),
    )


def quantities(item: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the quantities an item holds: what it says itself, or what its well-known collection holds."""
    stated = item["properties"].get("mitoshi:quantities")
    if isinstance(stated, list) and all(isinstance(s, str) for s in stated):
        return tuple(sorted(stated))
    return COLLECTIONS.get(str(item.get("collection")), ())


def is_remote(href: str) -> bool:
    """Tell whether an address leads to the web or to an object store."""
    scheme = SCHEME.match(href)
    return scheme is not None and scheme[1].lower() in REMOTE


def _asset(key: str, asset: Any, href: Callable[[str], str]) -> dict[str, Any]:
    if not isinstance(asset, dict) or not isinstance(asset.get("href"), str):
        raise InputError(f"asset {key[:60]!r} has no href; mend the item")
    kept = _pruned(asset)
    kept.pop("proj:geometry", None)
    kept["href"] = href(asset["href"])
    return dict(kept)


def as_given(href: str) -> str:
    """Return the address unchanged: for items that a reader of ours made."""
    return href


def _plain_text(href: str) -> None:
    if len(href) > 4096 or not href.isprintable() or "<" in href or not href:
        raise RefusedError(f"asset address {href[:80]!r} is no plain address; give a file or an https URL")


def any_address(href: str) -> str:
    """Return a remote address, be its host public or not.

    Raises
    ------
    RefusedError
        If it is not remote.
    """
    _plain_text(href)
    if not is_remote(href) or not _host(href):
        raise RefusedError(f"asset address {href[:80]!r} is not on the web; give an https URL")
    return href


def public_address(href: str) -> str:
    """Return an address on the public web, by its spelling alone: no name is resolved here.

    Raises
    ------
    RefusedError
        If it is not remote, or its host is this machine or a private network.
    """
    from mitoshi.catalog.remote import is_private_literal

    if is_private_literal(_host(any_address(href))) and href.startswith(("http:", "https:", "HTTP")):
        raise RefusedError(f"asset address {href[:80]!r} is not on the public web; give a public address")
    return href


def beside(folder: Path) -> Callable[[str], str]:
    """Return a check that admits public addresses and files in `folder`, which become absolute paths."""
    root = folder.resolve()

    def checked(href: str) -> str:
        _plain_text(href)
        if is_remote(href):
            return public_address(href)
        if SCHEME.match(href) or href.startswith(("/vsi", "\\", "//")):
            raise RefusedError(f"asset address {href[:80]!r} is neither a web address nor a path; give a relative path")
        path = (root / href).resolve()
        if not path.is_relative_to(root):
            raise RefusedError(f"asset address {href[:80]!r} leaves the item's folder; keep assets beside the item")
        return str(path)

    return checked


def _host(href: str) -> str:
    try:
        return urlsplit(href).hostname or ""
    except ValueError:
        return ""


def read_items(path: Path) -> Iterator[dict[str, Any] | MitoshiError]:
    """Yield the canonical items of a STAC file (item, item collection, stac-geoparquet), or the reason against each.

    Raises
    ------
    InputError
        If the file itself cannot be read as STAC.
    RefusedError
        If it is too large, or its items together have more different properties than any catalogue.
    """
    if path.stat().st_size > LARGEST_FILE and path.suffix != ".parquet":
        raise RefusedError(f"{path.name} is larger than {LARGEST_FILE // 2**20} MiB; split it or give stac-geoparquet")
    if path.suffix == ".parquet":
        from mitoshi.catalog.table import foreign_items

        documents = foreign_items(path)
    else:
        documents = iter(_features(path))
    check = beside(path.parent)
    names: set[tuple[str, ...]] = set()
    for number, document in enumerate(documents):
        try:
            item = canonical(document, check)
            names |= property_paths(item["properties"])
            if len(names) > MOST_DISTINCT:
                break
            yield item
        except MitoshiError as error:
            name = document.get("id", number) if isinstance(document, dict) else number
            yield type(error)(f"item {str(name)[:60]!r}: {error}")
    if len(names) > MOST_DISTINCT:
        raise RefusedError(
            f"{path.name}: its items have more than {MOST_DISTINCT} different properties, of which each becomes a column; "
            "move what is different in every item into an asset"
        )


def _features(path: Path) -> list[Any]:
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror}); check its permissions") from None
    if size > MAX_BYTES:
        raise RefusedError(
            f"{path.name} holds {size >> 20} MiB of JSON; the limit is {MAX_BYTES >> 20} MiB; give stac-geoparquet"
        )
    document = parse_json(content, path.name)
    if isinstance(document, dict) and document.get("type") == "FeatureCollection":
        features = document.get("features")
        return features if isinstance(features, list) else []
    return document if isinstance(document, list) else [document]
