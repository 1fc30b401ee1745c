"""Which offset and scale the numbers of Sentinel-2 level 2A have, from all the places that state them.

A SAFE product states BOA_ADD_OFFSET by band in MTD_MSIL2A.xml, which decides; its processing baseline stands there, in MTD_DS.xml
and in the product's name, and they must agree. Of a set of band files, what a file's own tags state decides, then its asset in
the STAC item, then ``boa_offset_applied``, then the processing baseline, then the date. Contradicting statements are refused.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError
from mitoshi.sensors.sentinel2 import (
    BAND_FILE,
    BANDS,
    OFFSET_BASELINE,
    OFFSET_BY_DATE,
    OFFSET_BY_NOTHING,
    QUANTIFICATION,
    reflectance_offset,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mitoshi.core.text import Text
    from mitoshi.sensors.header import Header
    from mitoshi.sensors.tree import Tree

__all__ = ["check_baselines", "set_offsets"]

BASELINES = ("s2:processing_baseline", "sentinel:processing_baseline", "processing:version")
TRIAL_BASELINE = (90, 0)  # 99.99 marks products of trials, whatever their offsets
LARGEST_DATASTRIP = 64 * 2**20


def check_baselines(tree: Tree, folder: str, product: str, stated: str, offsets: Mapping[str, float]) -> None:
    """Refuse a SAFE product whose statements of processing baseline and offsets contradict each other.

    Parameters
    ----------
    tree, folder
        Its files, and the folder of its metadata with a slash at the end, or "".
    product
        PRODUCT_URI without its suffix.
    stated
        PROCESSING_BASELINE of MTD_MSIL2A.xml.
    offsets
        BOA_ADD_OFFSET by band.

    Raises
    ------
    InputError
        If they do.
    """
    baseline = _version(stated)
    others = {f"its name {product}": product, f"its folder {folder[:-1]}": folder}
    for place, text in others.items():
        named = re.search(r"_N(\d{2})(\d{2})_", text)
        if named and (int(named[1]), int(named[2])) != baseline:
            raise InputError(_contradiction(product, stated, f"{place[:90]} says {named[1]}.{named[2]}"))
    for name in tree.matching(r"(?:^|/)MTD_DS\.xml$"):
        if name.startswith(f"{folder}DATASTRIP/") and tree.members[name].size <= LARGEST_DATASTRIP:
            own = re.search(rb"<PROCESSING_BASELINE>\s*(\d+\.\d+)\s*<", tree.read(name))
            if own and _version(own[1].decode("ascii")) != baseline:
                raise InputError(_contradiction(product, stated, f"MTD_DS.xml says {own[1].decode('ascii')}"))
    if baseline < OFFSET_BASELINE and any(offsets.values()):
        raise InputError(
            _contradiction(product, stated, "MTD_MSIL2A.xml states BOA_ADD_OFFSET, which began with 04.00")
        )
    if OFFSET_BASELINE <= baseline < TRIAL_BASELINE and not offsets:
        raise InputError(_contradiction(product, stated, "MTD_MSIL2A.xml states no BOA_ADD_OFFSET"))


def _contradiction(product: str, stated: str, other: str) -> str:
    return f"{product}: MTD_MSIL2A.xml says processing baseline {stated}, but {other}; fetch the product again"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", text)[:2])


def set_offsets(
    item: Mapping[str, Any], properties: Mapping[str, Any], sensed: datetime | None, headers: Mapping[str, Header]
) -> tuple[dict[str, float], tuple[Text, ...]]:
    """Return BOA_ADD_OFFSET of a set of band files in DN by band, and what had to be supposed.

    Parameters
    ----------
    item, properties
        The STAC item beside them, and its properties; empty without one.
    sensed
        Sensing time, or None.
    headers
        What each file says of itself.

    Raises
    ------
    InputError
        If statements contradict each other, or a scale is not that of Sentinel-2.
    """
    first = next(iter(headers.values()))
    if first.dtype.startswith("float"):
        return {}, ()
    tags = {band: tagged for band, header in headers.items() if (tagged := _tagged(band, header)) is not None}
    linked = _linked(item)
    baseline = next((properties[key] for key in BASELINES if properties.get(key)), None) or first.tags.get(
        "MITOSHI_PROCESSING_BASELINE"
    )
    applied = any(properties.get(f"{prefix}:boa_offset_applied") is True for prefix in ("earthsearch", "sentinel"))
    usual = 0.0 if applied else reflectance_offset(str(baseline) if baseline else None, sensed)
    for band, own in tags.items():
        _compare(band, own, linked.get(band), usual if baseline or applied else None, applied=applied)
    rest = {band: 0.0 if applied else linked.get(band, usual) for band in BANDS}
    guessed = not applied and not baseline and any(band not in tags and band not in linked for band in headers)
    why = (OFFSET_BY_DATE.format(offset=usual) if sensed else OFFSET_BY_NOTHING,) if guessed else ()
    return rest | tags, why


def _tagged(band: str, header: Header) -> float | None:
    """Return the offset in DN that a file's own scale and offset state; None where it states neither."""
    own = header.bands[0]
    if own.scale == 1.0 and own.offset == 0.0:
        return None
    if own.scale != 1.0 and not math.isclose(own.scale, 1 / QUANTIFICATION, rel_tol=1e-6):
        raise InputError(
            f"the file of {band} states a scale of {own.scale:g}, but level 2A has 0.0001 reflectance per number; correct it"
        )
    return round(own.offset * QUANTIFICATION if own.scale != 1.0 else own.offset, 6)


def _compare(band: str, own: float, linked: float | None, usual: float | None, *, applied: bool) -> None:
    """Refuse the offset of a file's tags where its STAC item says another."""
    if linked is not None and abs(linked - own) > 1:
        other = f"its asset in the STAC item one of {linked:g}"
    elif applied and own != 0:
        other = "the STAC item says that it was applied already"
    elif linked is None and usual is not None and abs(usual - own) > 1:
        other = f"the STAC item's processing baseline means {usual:g}"
    else:
        return
    raise InputError(
        f"the file of {band} states a reflectance offset of {own:g}, but {other}; correct the one that is wrong"
    )


def _linked(item: Mapping[str, Any]) -> dict[str, float]:
    """Return the offsets of ``raster:bands`` in DN, by the band that the asset's link names."""
    offsets = {}
    assets = item.get("assets")
    for asset in assets.values() if isinstance(assets, dict) else ():
        match = BAND_FILE.search(str(asset.get("href", ""))) if isinstance(asset, dict) else None
        if match is None:
            continue
        listed = [asset, *(b for key in ("raster:bands", "bands") for b in asset.get(key) or () if isinstance(b, dict))]
        for said in listed:
            offset, scale = (said.get(f"raster:{key}", said.get(key)) for key in ("offset", "scale"))
            if isinstance(offset, (int, float)):
                unit = float(scale) if isinstance(scale, (int, float)) and scale else 1 / QUANTIFICATION
                offsets[match["band"].upper()] = round(float(offset) / unit, 6)
    return offsets
