"""STAC items: what a catalogue keeps of an observation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitoshi.core.text import Text
from mitoshi.sensors import guard
from mitoshi.sensors.footprint import footprint_of_grid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    import pystac
    from odc.geo.geobox import GeoBox

    from mitoshi.sensors.observation import Source

__all__ = ["Parts", "fingerprint", "make_item", "radar", "safe_stem", "with_checksums"]

EXTENSIONS = {
    "proj:": "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "sar:": "https://stac-extensions.github.io/sar/v1.1.0/schema.json",
    "sat:": "https://stac-extensions.github.io/sat/v1.1.0/schema.json",
    "file:": "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "eo:": "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "raster:": "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
    "processing:": "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "view:": "https://stac-extensions.github.io/view/v1.0.0/schema.json",
}
MEDIA = {
    ".tif": "image/tiff; application=geotiff",
    ".tiff": "image/tiff; application=geotiff",
    ".png": "image/png",
    ".jp2": "image/jp2",
    ".nc": "application/netcdf",
    ".xml": "application/xml",
    ".json": "application/json",
    ".zip": "application/zip",
    ".geojson": "application/geo+json",
    ".gpkg": "application/geopackage+sqlite3",
    ".parquet": "application/vnd.apache.parquet",
    ".csv": "text/csv",
    ".shp": "application/vnd.shp",
    ".dbf": "application/vnd.dbf",
    ".shx": "application/vnd.shx",
    ".fgb": "application/vnd.flatgeobuf",
    ".prj": "text/plain",
    ".cpg": "text/plain",
    ".gz": "application/gzip",
}
# STAC asks for a datetime or an interval. A time that nobody states is the widest interval, not an invented instant.
OPEN_INTERVAL = ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")
NO_TIME = Text(
    "the file states no time of observation: whether it is of before or after the event was not checked, and the catalogue "
    "offers it only where no time is asked for; state the time after the file's name, as in FILE#time=2026-11-22T12:05Z",
    "ファイルに観測時刻の記載がありません。発災前か発災後かは確認しておらず、カタログからは時刻を問わない場合にだけ選ばれます。"
    "観測時刻は「ファイル名#time=2026-11-22T12:05Z」のように指定してください",
)
NO_PLACE = Text(
    "the file has no georeference; coordinates are pixel indices and areas are counted in pixels",
    "位置情報がありません。座標は画素番号とし、面積は画素数で数えます",
)
BRIEF = timedelta(days=1)
SAMPLES, SAMPLE_BYTES = 16, 1 << 16


@dataclass(frozen=True)
class Parts:
    """What a reader knows of one observation.

    Attributes
    ----------
    id
        From the product's name or content, never from its folder.
    reader
        Name of the reader.
    quantities
        Names of the layers it offers.
    grid
        Grid of the main layer, or None.
    start, end
        Span of the observation; None where no time is known. Equal for an instant.
    geometry, bbox
        Footprint; None takes the grid's.
    gsd
        Ground sample distance in metres.
    properties
        More STAC properties.
    assets
        Key to file; a file of an archive is the archive itself.
    assumptions
        What had to be supposed.
    simulated
        True for simulated observations.
    nowhere
        Why there is no place, where the reader knows it.
    """

    id: str
    reader: str
    quantities: tuple[str, ...]
    grid: GeoBox | None = None
    start: datetime | None = None
    end: datetime | None = None
    geometry: dict[str, Any] | None = None
    bbox: list[float] | None = None
    gsd: float | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    assets: Mapping[str, Path] = field(default_factory=dict)
    assumptions: tuple[Text, ...] = ()
    simulated: bool = False
    nowhere: Text | None = None


def assumed(parts: Parts) -> tuple[Text, ...]:
    """Return the assumptions of an observation, those about missing time and place included."""
    more = (NO_TIME,) if parts.start is None else ()
    nowhere = (
        (parts.nowhere or NO_PLACE,)
        if parts.geometry is None and (parts.grid is None or parts.grid.crs is None)
        else ()
    )
    return (*parts.assumptions, *more, *nowhere)


COLLECTIONS = {
    "sentinel1": "sentinel-1-grd",
    "sentinel2": "sentinel-2-l2a",
    "landsat": "landsat-c2-l2",
    "opera": "opera-rtc-s1",
    "palsar2": "palsar-2-mosaic",
    "datacube": "datacube",
    "features": "features",
    "raster": "raster",
}
"""The collection of each reader's items, named as public STAC services name theirs where they have one."""


def _collection(parts: Parts) -> str | None:
    return "sentinel-1-slc" if "_SLC_" in parts.id else COLLECTIONS.get(parts.reader)


def make_item(source: Source, parts: Parts) -> pystac.Item:
    """Return the STAC item of one observation of `source`."""
    import pystac

    geometry, bbox = parts.geometry, parts.bbox
    if geometry is None and parts.grid is not None:
        geometry, bbox = footprint_of_grid(parts.grid) or (None, None)
    properties: dict[str, Any] = {
        **_projection(parts.grid),
        **parts.properties,
        "mitoshi:reader": parts.reader,
        "mitoshi:quantities": list(parts.quantities),
        "mitoshi:assumptions": [text.en for text in assumed(parts)],
        "mitoshi:simulated": parts.simulated,
        "mitoshi:source": source.of_part(None).text,
    }
    if geometry is None and parts.nowhere is not None:
        properties["mitoshi:nowhere"] = parts.nowhere.en
    if parts.gsd is not None:
        properties["gsd"] = round(float(parts.gsd), 4)
    # A span of a day or less has an instant too: its start. A mosaic has none.
    brief = parts.start is not None and parts.end is not None and parts.end - parts.start <= BRIEF
    instant = parts.start if brief else None
    if parts.start is None or parts.start != parts.end:
        properties["start_datetime"] = OPEN_INTERVAL[0] if parts.start is None else _iso(parts.start)
        properties["end_datetime"] = OPEN_INTERVAL[1] if parts.end is None else _iso(parts.end)
    item = pystac.Item(
        id=guard.safe_id(parts.id), geometry=geometry, bbox=bbox, datetime=instant, properties=properties
    )
    item.collection_id = _collection(parts)
    for key, path in parts.assets.items():
        suffix = path.suffix.lower()
        item.assets[key] = pystac.Asset(href=str(path), media_type=MEDIA.get(suffix), roles=_roles(key, suffix))
    item.stac_extensions = [url for prefix, url in sorted(EXTENSIONS.items()) if _declares(prefix, properties)]
    return item


def _declares(prefix: str, properties: Mapping[str, Any]) -> bool:
    if prefix == "sar:":  # the extension requires the frequency band
        return "sar:frequency_band" in properties
    return any(key.startswith(prefix) for key in properties)


def _roles(key: str, suffix: str) -> list[str]:
    return ["metadata"] if suffix in {".xml", ".json", ".safe", ".txt"} or key == "metadata" else ["data"]


def _iso(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def _projection(grid: GeoBox | None) -> dict[str, Any]:
    if grid is None:
        return {}
    properties: dict[str, Any] = {"proj:shape": list(grid.shape), "proj:transform": list(grid.affine)[:6]}
    if grid.crs is None:
        return properties
    epsg = grid.crs.to_epsg()
    if epsg is not None:
        return {"proj:code": f"EPSG:{epsg}", **properties}
    return {"proj:code": None, "proj:wkt2": grid.crs.to_wkt(), **properties}


def radar(
    *,
    polarisations: Iterable[str],
    mode: str,
    band: str,
    centre_ghz: float,
    product: str,
    orbit_state: str | None = None,
    relative_orbit: int | None = None,
) -> dict[str, Any]:
    """Return the properties of the SAR and satellite extensions; what is not known is left out."""
    properties: dict[str, Any] = {
        "sar:polarizations": list(polarisations),
        "sar:instrument_mode": mode,
        "sar:frequency_band": band,
        "sar:center_frequency": centre_ghz,
        "sar:product_type": product,
    }
    if orbit_state:
        properties["sat:orbit_state"] = orbit_state.lower()
    if relative_orbit is not None:
        properties["sat:relative_orbit"] = int(relative_orbit)
    return properties


def safe_stem(name: str) -> str:
    """Return a file's or folder's name without its suffix, safe in an identifier."""
    return guard.safe_id(Path(name).stem)


def fingerprint(path: Path) -> str:
    """Return 8 hexadecimal digits of a file's size and of 16 samples of its content: a name that moves with the file."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for n in range(SAMPLES):
            file.seek(max(0, (size - SAMPLE_BYTES) * n // (SAMPLES - 1)))
            digest.update(file.read(SAMPLE_BYTES))
            if size <= SAMPLE_BYTES:
                break
    return digest.hexdigest()[:8]


def with_checksums(item: pystac.Item) -> pystac.Item:
    """Return a copy of the item whose local assets carry ``file:size`` and ``file:checksum`` (multihash of SHA-256)."""
    copy = item.clone()
    known: dict[Path, tuple[int, str]] = {}
    for asset in copy.assets.values():
        path = Path(asset.href)
        if not path.is_absolute() or not path.is_file():
            continue
        if path not in known:
            with path.open("rb") as file:
                known[path] = (path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
        size, digest = known[path]
        # Multihash: 0x12 is sha2-256, 0x20 its length in bytes.
        asset.extra_fields.update({"file:size": size, "file:checksum": f"1220{digest}"})
    if EXTENSIONS["file:"] not in copy.stac_extensions:
        copy.stac_extensions = sorted([*copy.stac_extensions, EXTENSIONS["file:"]])
    return copy
