"""What collections are called."""

from __future__ import annotations

from functools import cache

from mitoshi.core.discovery import methods
from mitoshi.core.text import Text

__all__ = ["ABOUT", "about", "language", "title"]

ABOUT = Text(
    "What was observed, and what mitoshi made of it: every product names the evidence bundle that it comes from.",
    "観測データと、そこから mitoshi が作成したプロダクトです。すべてのプロダクトに証跡一式が示されています。",
)
# The collections of the readers (mitoshi.sensors.stac.COLLECTIONS): title, and what the items are.
SENSORS: dict[str, tuple[Text, Text]] = {
    "sentinel-1-grd": (
        Text("Sentinel-1 ground range detected", "Sentinel-1 GRD"),
        Text("Radar backscatter of Sentinel-1, C band.", "Sentinel-1 による C バンドの後方散乱データです。"),
    ),
    "sentinel-1-slc": (
        Text("Sentinel-1 single look complex", "Sentinel-1 SLC"),
        Text("Complex radar images of Sentinel-1, C band.", "Sentinel-1 による C バンドの複素画像です。"),
    ),
    "sentinel-2-l2a": (
        Text("Sentinel-2 surface reflectance", "Sentinel-2 地表面反射率"),
        Text(
            "Surface reflectance of Sentinel-2, level 2A, with its scene classification.",
            "Sentinel-2 レベル 2A の地表面反射率とシーン分類です。",
        ),
    ),
    "landsat-c2-l2": (
        Text("Landsat collection 2 level 2", "Landsat コレクション 2 レベル 2"),
        Text(
            "Surface reflectance and temperature of Landsat, collection 2 level 2.",
            "Landsat コレクション 2 レベル 2 の地表面反射率と地表面温度です。",
        ),
    ),
    "opera-rtc-s1": (
        Text("OPERA terrain-corrected Sentinel-1", "OPERA 地形補正済み Sentinel-1"),
        Text(
            "Radiometrically terrain-corrected backscatter (gamma0) of Sentinel-1, by OPERA.",
            "OPERA による、地形補正済みの Sentinel-1 後方散乱係数（γ⁰）です。",
        ),
    ),
    "palsar-2-mosaic": (
        Text("ALOS-2 PALSAR-2 mosaic", "ALOS-2 PALSAR-2 モザイク"),
        Text("Radar backscatter of PALSAR-2, L band.", "PALSAR-2 による L バンドの後方散乱係数です。"),
    ),
    "datacube": (
        Text("Data cubes", "データキューブ"),
        Text("Grids in netCDF, HDF5 or Zarr.", "netCDF、HDF5、Zarr 形式の格子データです。"),
    ),
    "features": (
        Text("Features", "地物"),
        Text(
            "Listed features: buildings, roads, facilities, districts and others.",
            "建物、道路、施設、行政区などの地物の一覧です。",
        ),
    ),
    "raster": (
        Text("Rasters", "ラスタ"),
        Text(
            "Single raster files: elevation, land cover, backscatter and others.",
            "標高、土地被覆、後方散乱係数などの単体のラスタです。",
        ),
    ),
}
MADE = Text(
    "Products of {title}, each with its evidence bundle.", "「{title}」のプロダクトです。それぞれに証跡一式があります。"
)
FOREIGN = Text("Items of the collection {title}.", "コレクション「{title}」のアイテムです。")


@cache
def _methods() -> dict[str, Text]:
    return {name: method.title for name, method in methods().items()}


def title(collection: str) -> Text:
    """Return the title of a collection: that of its sensor or method, or its own name."""
    if collection in SENSORS:
        return SENSORS[collection][0]
    return _methods().get(collection, Text(collection, collection))


def about(collection: str) -> Text:
    """Return a sentence about a collection."""
    if collection in SENSORS:
        return SENSORS[collection][1]
    name, sentence = title(collection), MADE if collection in _methods() else FOREIGN
    return Text(sentence.en.format(title=name.en), sentence.ja.format(title=name.ja))


def language(accepted: str) -> str:
    """Return the language of ours that an ``Accept-Language`` prefers; English where it names neither.

    >>> language("ja-JP,ja;q=0.9,en;q=0.5"), language("fr, en;q=0.4"), language("*")
    ('ja', 'en', 'en')
    """
    weights = {"en": 0.0, "ja": 0.0}
    for part in accepted[:1000].split(","):
        name, _, weight = part.partition(";q=")
        main = name.strip().lower().partition("-")[0]
        try:
            value = float(weight) if weight else 1.0
        except ValueError:
            continue
        if main in weights:
            weights[main] = max(weights[main], value)
    return "ja" if weights["ja"] > weights["en"] else "en"
