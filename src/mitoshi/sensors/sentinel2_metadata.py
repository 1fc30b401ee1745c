"""Metadata of Sentinel-2 level 2A: SAFE XML, and what a set of band files has beside it."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError
from mitoshi.core.requirement import instant
from mitoshi.core.text import Text
from mitoshi.sensors import guard, stac
from mitoshi.sensors.guess import NAMED_TIME, time_in
from mitoshi.sensors.sentinel2 import (
    BAND_FILE,
    BANDS,
    Granule,
)
from mitoshi.sensors.sentinel2_offsets import check_baselines, set_offsets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from xml.etree.ElementTree import Element

    from odc.geo.geobox import GeoBox

    from mitoshi.sensors.header import Header
    from mitoshi.sensors.observation import Source
    from mitoshi.sensors.tree import Tree

__all__ = ["band_sets", "safe_granules"]


def _band_name(physical: str) -> str:
    """Return the file's name of a band, such as B02 for B2.

    >>> _band_name("B2"), _band_name("B8A")
    ('B02', 'B8A')
    """
    return physical if physical == "B8A" else f"B{int(physical[1:]):02d}"


def _text(root: Element, tag: str, name: str) -> str:
    found = root.find(f".//{tag}")
    if found is None or found.text is None:
        raise InputError(f"{name} has no {tag}; it is no complete Sentinel-2 metadata")
    return found.text.strip()


def safe_granules(tree: Tree) -> list[Granule]:
    """Return the granules of every SAFE product in the tree."""
    return [_safe_granule(tree, name) for name in tree.matching(r"(?:^|/)MTD_MSIL2A\.xml$")]


def _safe_granule(tree: Tree, name: str) -> Granule:
    root = guard.parse_xml(tree.read(name), "MTD_MSIL2A.xml")
    folder = name.removesuffix("MTD_MSIL2A.xml")
    tiles = [n for n in tree.matching(r"/MTD_TL\.xml$") if n.startswith(f"{folder}GRANULE/")]
    bands = {e.get("bandId"): _band_name(e.get("physicalBand", "B1")) for e in root.iter("Spectral_Information")}
    offsets = {
        bands[e.get("band_id")]: float(e.text or 0) for e in root.iter("BOA_ADD_OFFSET") if e.get("band_id") in bands
    }
    time = instant(_text(root, "PRODUCT_START_TIME", name))
    product = _text(root, "PRODUCT_URI", name).removesuffix(".SAFE")
    check_baselines(tree, folder, product, _text(root, "PROCESSING_BASELINE", name), offsets)
    return Granule(
        id=product,
        tree=tree,
        start=time,
        files=_safe_files(tree, folder),
        offsets=offsets,
        quantification=float(_text(root, "BOA_QUANTIFICATION_VALUE", name)),
        ring=_ring(_text(root, "EXT_POS_LIST", name)),
        grid=_tile_grid(guard.parse_xml(tree.read(tiles[0]), "MTD_TL.xml")) if tiles else None,
        properties=_safe_properties(root, product, name),
        metadata=(name, *tiles[:1]),
    )


def _ring(text: str) -> tuple[tuple[float, float], ...]:
    numbers = [float(n) for n in text.split()]
    return tuple((lon, lat) for lat, lon in zip(numbers[::2], numbers[1::2], strict=True))


def _safe_files(tree: Tree, folder: str) -> dict[str, str]:
    """Return the finest file of each band."""
    found: dict[str, tuple[int, str]] = {}
    for name in tree.members:
        match = BAND_FILE.search(name)
        if not name.startswith(f"{folder}GRANULE/") or "/IMG_DATA/" not in name or match is None:
            continue
        rank = (int(match["size"] or 10), name)
        band = match["band"].upper()
        found[band] = min(found.get(band, rank), rank)
    return {band: name for band, (_, name) in sorted(found.items()) if tree.members[name].size}


def _tile_grid(root: Element) -> GeoBox:
    from affine import Affine
    from odc.geo.geobox import GeoBox

    size = next(e for e in root.iter("Size") if e.get("resolution") == "10")
    place = next(e for e in root.iter("Geoposition") if e.get("resolution") == "10")
    left, top, dx, dy = (float(place.findtext(tag, "nan")) for tag in ("ULX", "ULY", "XDIM", "YDIM"))
    shape = (int(size.findtext("NROWS", "0")), int(size.findtext("NCOLS", "0")))
    return GeoBox(shape, Affine(dx, 0, left, 0, dy, top), _text(root, "HORIZONTAL_CS_CODE", "MTD_TL.xml"))


def _safe_properties(root: Element, product: str, name: str) -> dict[str, Any]:
    tile = re.search(r"_T(\d{2}[A-Z]{3})_", product)
    return {
        "platform": _text(root, "SPACECRAFT_NAME", name).lower(),
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "eo:cloud_cover": round(float(_text(root, "Cloud_Coverage_Assessment", name)), 6),
        "sat:orbit_state": _text(root, "SENSING_ORBIT_DIRECTION", name).lower(),
        "sat:relative_orbit": int(_text(root, "SENSING_ORBIT_NUMBER", name)),
        "s2:processing_baseline": _text(root, "PROCESSING_BASELINE", name),
        "s2:product_uri": f"{product}.SAFE",
        **({"grid:code": f"MGRS-{tile[1]}"} if tile else {}),
    }


def band_sets(source: Source) -> list[Granule]:
    """Return the band set of a folder: band files, and a STAC item that describes them where there is one."""
    tree = source.tree
    if tree is None:
        return []
    files: dict[str, tuple[int, str]] = {}
    for name in tree.members:
        match = BAND_FILE.search(name)
        if match and tree.members[name].size:
            rank = (int(match["size"] or 10), name)
            files[match["band"].upper()] = min(files.get(match["band"].upper(), rank), rank)
    _refuse_mixture([PurePosixPath(n).name for n in tree.members if BAND_FILE.search(n)], source.path.name)
    names = {band: name for band, (_, name) in sorted(files.items())}
    described = _item_beside(tree)
    item = described[1] if described else {}
    properties = item.get("properties", {}) if isinstance(item.get("properties"), dict) else {}
    headers = _headers_of(tree, names)
    header = next(iter(headers.values()))
    start, more = _sensed(source, properties, header, next(iter(names.values())))
    offsets, why = set_offsets(item, properties, start, headers)
    unique = stac.safe_stem(source.path.name) + "-" + stac.fingerprint(_first_path(source, names))
    return [
        Granule(
            id=guard.safe_id(str(item["id"])) if isinstance(item.get("id"), str) else unique,
            tree=tree,
            start=start,
            files=names,
            offsets=offsets,
            properties=_set_properties(properties, header),
            assumptions=(*more, *why),
            metadata=(described[0],) if described else (),
        )
    ]


def _refuse_mixture(names: list[str], folder: str) -> None:
    """Refuse a folder whose band files name several tiles or several times: they are no one scene."""
    tiles = sorted({m[1] for m in (re.search(r"(?:^|_)T?(\d{2}[C-X][A-Z]{2})_", n) for n in names) if m})
    times = sorted({t[0].isoformat() for t in map(time_in, names) if t})
    for kind, several in (("tiles", tiles), ("times", times)):
        if len(several) > 1:
            raise InputError(
                f"{folder} mixes Sentinel-2 bands of {len(several)} {kind} ({', '.join(several[:4])}); give each scene a "
                "folder of its own"
            )


def _first_path(source: Source, names: Mapping[str, str]) -> Any:
    return source.path / next(iter(names.values())) if source.kind == "folder" else source.path


def _headers_of(tree: Tree, names: Mapping[str, str]) -> dict[str, Header]:
    """Return what each band file says, in the order of the bands; the scene classification where there is nothing else."""
    from mitoshi.sensors.header import read_header

    bands = [band for band in BANDS if band in names] or [next(iter(names))]
    return {band: read_header(tree.locate(names[band])) for band in bands}


def _item_beside(tree: Tree) -> tuple[str, dict[str, Any]] | None:
    """Return the only STAC item in the top folder."""
    found = []
    for name in tree.matching(r"^[^/]+\.json$"):
        if tree.members[name].size <= guard.MAX_JSON_BYTES:
            content = guard.parse_json(tree.read(name), PurePosixPath(name).name)
            if isinstance(content, dict) and content.get("type") == "Feature" and "stac_version" in content:
                found.append((name, content))
    return found[0] if len(found) == 1 else None


def _sensed(
    source: Source, properties: Mapping[str, Any], header: Header, first: str
) -> tuple[datetime | None, tuple[Text, ...]]:
    for stated in (source.description.time, properties.get("datetime"), header.tags.get("MITOSHI_DATETIME")):
        if isinstance(stated, str):
            return instant(stated), ()
    named = time_in(PurePosixPath(first).name) or time_in(source.path.name)
    return (None, ()) if named is None else (named[0], (NAMED_TIME.format(time=named[0].isoformat()),))


KEPT = ("platform", "constellation", "eo:cloud_cover", "s2:processing_baseline", "s2:product_uri", "grid:code")


def _set_properties(properties: Mapping[str, Any], header: Header) -> dict[str, Any]:
    kept = {key: properties[key] for key in KEPT if isinstance(properties.get(key), (str, int, float))}
    tags = {"platform": header.tags.get("MITOSHI_PLATFORM"), "sat:orbit_state": header.tags.get("MITOSHI_ORBIT_STATE")}
    tagged = {key: value.lower() for key, value in tags.items() if value}
    orbit = header.tags.get("MITOSHI_RELATIVE_ORBIT", "")
    number = {"sat:relative_orbit": int(orbit)} if orbit.isdigit() else {}
    return {"constellation": "sentinel-2", "instruments": ["msi"], **tagged, **number, **kept}
