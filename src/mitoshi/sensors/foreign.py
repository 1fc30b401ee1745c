"""STAC items that somebody else wrote: read through their links, which are trusted as little as any other input."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mitoshi.core.errors import InputError, RefusedError
from mitoshi.core.requirement import instant
from mitoshi.sensors import guard
from mitoshi.sensors.observation import Description, Observation, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pystac

    from mitoshi.core.features import FeatureKind
    from mitoshi.core.quantity import Quantity
    from mitoshi.sensors.observation import Reader

__all__ = ["READER", "open_foreign"]

ADDRESS = re.compile(r"(?:https?|s3|gs|abfs|az|ftp)://", re.IGNORECASE)
RASTER_NAME = re.compile(r"\.(?:tiff?|jp2|png|nc)$", re.IGNORECASE)
PRODUCT_READERS = ("hls", "sentinel1", "sentinel2", "landsat", "opera", "palsar2")
MAX_ASSETS = 1000


class StacItemReader:
    """A STAC item file whose assets lie beside it."""

    name = "stac-item"
    priority = 50
    wants = "a STAC item (JSON) with its files beside it"

    def recognises(self, source: Source) -> bool:
        """Tell whether the file is JSON."""
        return source.kind == "json"

    def items(self, source: Source) -> list[pystac.Item]:
        """Return the item in our own words."""
        content = _content(source)
        reader, native = _native(source, content)
        return [_renamed(item, source, content) for item in reader.items(native)]

    def open(self, source: Source) -> Observation:
        """Return the observation that the item describes."""
        content = _content(source)
        reader, native = _native(source, content)
        observation = reader.open(native)
        files = (source.path, *(path for path in observation.files if path != source.path))
        return replace(observation, item=_renamed(observation.item, source, content), files=files)


READER = StacItemReader()


def _content(source: Source) -> dict[str, Any]:
    content = guard.parse_json(source.path.read_bytes(), source.path.name)
    return checked_item(content, source.path.name)


def checked_item(content: Any, name: str) -> dict[str, Any]:
    """Return a STAC item after checking what is used of it.

    Raises
    ------
    InputError
        If it is no STAC item, or its times, bbox or geometry make no sense.
    """
    kind = content.get("type") if isinstance(content, dict) else type(content).__name__
    if not isinstance(content, dict) or kind != "Feature" or "stac_version" not in content:
        raise InputError(f"{name} is JSON but no STAC item (its type is {str(kind)[:40]!r}); give an item or a product")
    properties, assets = content.get("properties"), content.get("assets")
    if not isinstance(content.get("id"), str) or not isinstance(properties, dict) or not isinstance(assets, dict):
        raise InputError(f"{name} is no valid STAC item: id, properties or assets are missing")
    if len(assets) > MAX_ASSETS:
        raise RefusedError(f"{name} has {len(assets)} assets; the limit is {MAX_ASSETS}")
    span = ("datetime",) if properties.get("datetime") else ("start_datetime", "end_datetime")
    times = [instant(str(properties.get(key))) if properties.get(key) else None for key in span]
    if None in times:
        raise InputError(f"{name} is no valid STAC item: it has neither datetime nor start_datetime and end_datetime")
    if len(times) == 2 and times[0] > times[1]:  # type: ignore[operator]
        raise InputError(f"{name} is no valid STAC item: it ends before it starts")
    bbox = content.get("bbox")
    if bbox is not None and not _sensible(bbox):
        raise InputError(f"{name} is no valid STAC item: its bbox {str(bbox)[:60]} is not on the Earth")
    return content


def _sensible(bbox: Any) -> bool:
    if not isinstance(bbox, list) or len(bbox) not in {4, 6} or not all(isinstance(v, (int, float)) for v in bbox):
        return False
    half = len(bbox) // 2
    longitudes, (south, north) = (bbox[0], bbox[half]), (bbox[1], bbox[half + 1])
    return all(-180 <= lon <= 180 for lon in longitudes) and -90 <= south <= north <= 90


def _beside(content: Mapping[str, Any], folder: Path, name: str) -> dict[str, Path]:
    """Return the asset files that lie in the item's folder.

    Raises
    ------
    RefusedError
        If a link leads out of the folder or is no plain file.
    InputError
        If none of the files is there.
    """
    found: dict[str, Path] = {}
    remote = 0
    for key, asset in content["assets"].items():
        href = asset.get("href") if isinstance(asset, dict) else None
        if not isinstance(href, str):
            raise InputError(f"{name} is no valid STAC item: asset {str(key)[:40]!r} has no link")
        if ADDRESS.match(href):
            path = folder / (PurePosixPath(unquote(urlsplit(href).path)).name or "-")
            remote += not path.is_file()
        else:
            path = guard.local_href(href, folder)
        if path.is_file() and guard.inside(folder, path):
            found[str(key)] = path
    if not any(RASTER_NAME.search(path.name) for path in found.values()):
        where = f"{remote} lie at addresses" if remote else "none is there"
        raise InputError(
            f"{name}: no file of its {len(content['assets'])} assets lies beside it ({where}); download them"
        )
    return found


def _native(source: Source, content: Mapping[str, Any]) -> tuple[Reader, Source]:
    """Return the reader of the item's files and the source that it is to read."""
    from mitoshi.sensors.opening import readers

    folder = source.path.parent
    files = _beside(content, folder, source.path.name)
    names = tuple(
        sorted({path.relative_to(folder.resolve()).as_posix() for path in files.values()} | {source.path.name})
    )
    product = Source(folder, source.description, source.expecting, only=names)
    for name in PRODUCT_READERS:
        if readers()[name].recognises(product):
            return readers()[name], product
    rasters = {key: path for key, path in files.items() if RASTER_NAME.search(path.name)}
    data = [path for key, path in rasters.items() if "data" in (content["assets"][key].get("roles") or ["data"])]
    if len(set(data)) != 1:
        raise InputError(
            f"{source.path.name} has {len(set(data))} data files; give the file itself: {', '.join(rasters)}"
        )
    described = _described(content, source.description)
    native = Source(data[0], described, source.expecting)
    reader = next((r for r in readers().values() if r.recognises(native)), readers()["raster"])
    return reader, native


def _described(content: Mapping[str, Any], said: Description) -> Description:
    stated = content["properties"].get("datetime")
    return said if said.time or not stated else replace(said, time=str(stated))


def _renamed(item: pystac.Item, source: Source, content: Mapping[str, Any]) -> pystac.Item:
    """Give an item the foreign identifier, and the way back to the foreign file."""
    item.id = guard.safe_id(content["id"])
    item.properties["mitoshi:reader"] = StacItemReader.name
    item.properties["mitoshi:source"] = source.of_part(None).text
    item.properties.pop("mitoshi:part", None)
    return item


def open_foreign(item: pystac.Item, expecting: Quantity | FeatureKind | None) -> Observation:
    """Return the observation of an item of another catalogue: of its own file where it has one, else fetched by its links.

    Raises
    ------
    InputError
        If the item has no link to itself and no http(s) link to pixels.
    RefusedError
        If a link may not be followed.
    """
    own = item.get_self_href()
    if own and not ADDRESS.match(own):
        return READER.open(Source(guard.regular_file(own), Description(), expecting))
    return _fetched(item, expecting)


def _fetched(item: pystac.Item, expecting: Quantity | FeatureKind | None) -> Observation:
    import json
    import os
    import tempfile

    from mitoshi.sensors.fetch import fetch
    from mitoshi.sensors.tree import cache_folder

    content = checked_item(item.to_dict(include_self_link=False, transform_hrefs=False), item.id[:80])
    hrefs = {k: str(a.get("href")) for k, a in content["assets"].items() if isinstance(a, dict)}
    wanted = {key: href for key, href in hrefs.items() if RASTER_NAME.search(urlsplit(href).path)}
    local = [href for href in wanted.values() if not href.lower().startswith(("http://", "https://"))]
    if local or not wanted:
        raise RefusedError(
            f"item {item.id[:80]} has no http(s) link to its pixels; give its file and lay the pixels beside it"
        )
    folder = Path(tempfile.mkdtemp(dir=cache_folder()))
    for href in wanted.values():
        path = fetch(href)
        os.link(path, folder / path.name)
    content["assets"] = {key: content["assets"][key] for key in wanted}
    target = folder / f"{guard.safe_id(item.id)}.json"
    target.write_text(json.dumps(content), encoding="utf-8")
    return READER.open(Source(target, Description(), expecting))
