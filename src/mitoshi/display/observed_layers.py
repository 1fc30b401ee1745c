"""Which layers one observation gives, and beside which others they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from mitoshi.core.quantity import QUANTITIES, VALUE
from mitoshi.core.text import Text
from mitoshi.display.rasters import RED_GREEN_BLUE, TRUE_COLOUR, is_shown_in_db

if TYPE_CHECKING:
    import pystac

__all__ = ["BAND_ASSET", "Group", "group_of", "is_shown", "keys_of"]

NOT_SHOWN = frozenset({"quality"})
BAND_ASSET = re.compile(r"(SR_)?B\d+A?")
ORBITS = {
    "ascending": Text("ascending orbit", "北行軌道（アセンディング）"),
    "descending": Text("descending orbit", "南行軌道（ディセンディング）"),
}
RADAR, OPTICAL = Text("radar images", "レーダー画像"), Text("optical images", "光学画像")
TRACK = Text("relative orbit {number}", "相対軌道 {number}")


class Group(NamedTuple):
    """Layers that stand together."""

    id: str
    title: Text


def is_shown(item: pystac.Item, name: str) -> bool:
    """Tell whether a quantity is shown: no flags, and of what nobody describes only plain rasters."""
    if name == VALUE.name:
        return bool(item.properties.get("mitoshi:reader") == "raster")
    return name not in NOT_SHOWN


def keys_of(item: pystac.Item, name: str) -> list[str]:
    """Return the assets or bands of an observation that are layers of their own."""
    if is_shown_in_db(name) or name == "relative_backscatter":
        keys = list(item.properties.get("sar:polarizations", [])) or ["data"]
    elif name in ("surface_reflectance", "toa_reflectance"):
        keys = _pictures(item)
    else:
        keys = ["data"]
    drawn = {TRUE_COLOUR, *item.assets, *item.properties.get("sar:polarizations", [])}
    return [key for key in keys if key in drawn]


def _pictures(item: pystac.Item) -> list[str]:
    """Return true colour where the item has red, green and blue, else its single bands."""
    single = sorted(key for key in item.assets if BAND_ASSET.fullmatch(key))
    has_colours = not single or any(set(names) <= set(item.assets) for names in RED_GREEN_BLUE)
    return [TRUE_COLOUR] if has_colours else single


def group_of(item: pystac.Item, name: str) -> Group:
    """Return the group in which an observation stands: its platform, or the radar's orbit and track."""
    properties = item.properties
    if not QUANTITIES[name].power:
        platform = str(properties.get("constellation") or properties.get("platform") or item.collection_id)
        title = (
            OPTICAL if name in ("surface_reflectance", "toa_reflectance", "digital_number") else QUANTITIES[name].title
        )
        return Group(f"{item.collection_id}/{name}", Text(f"{title.en}, {platform}", f"{title.ja}（{platform}）"))
    state, number = str(properties.get("sat:orbit_state", "")), properties.get("sat:relative_orbit")
    en, ja = [RADAR.en], [RADAR.ja]
    for part in (ORBITS.get(state), None if number is None else TRACK.format(number=number)):
        if part is not None:
            en.append(part.en)
            ja.append(part.ja)
    parts = (
        item.collection_id,
        name,
        str(properties.get("platform", "")),
        state,
        "" if number is None else str(number),
    )
    return Group("/".join(part for part in parts if part), Text(", ".join(en), "、".join(ja)))
