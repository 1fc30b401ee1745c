"""Landsat 4 to 9 Collection 2 level 2: surface reflectance, surface temperature and QA_PIXEL.

    surface_reflectance = DN × 0.0000275 − 0.2            surface_temperature = DN × 0.00341802 + 149.0 K

The factors are read from the product's MTL file (LSDS-1618 and LSDS-1619 give the same numbers). DN 0 is fill.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError
from mitoshi.core.requirement import instant
from mitoshi.core.text import Text
from mitoshi.sensors import guard, stac
from mitoshi.sensors.header import Header, read_header
from mitoshi.sensors.lazy import BandReader, Decode, lazy_array, pixel_size_m
from mitoshi.sensors.observation import Observation
from mitoshi.sensors.products import chosen_product, part_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pystac
    import xarray as xr

    from mitoshi.sensors.observation import Source
    from mitoshi.sensors.tree import Tree

__all__ = ["READER"]

REFLECTANCE = (2.75e-5, -0.2)
TEMPERATURE = (0.00341802, 149.0)
FILL, FILL_BIT = 0.0, 1  # of reflectance and temperature; of QA_PIXEL
NAME = re.compile(
    r"(?:^|/)(?P<scene>L(?P<sensor>[CTEO])(?P<number>0[4-9])_L2S[PR]_(?P<place>\d{6})_(?P<day>\d{8})_\d{8}_02_(?:T1|T2|RT))_"
    r"(?:SR_(?P<sr>B[1-7])|ST_(?P<st>B6|B10)|(?P<qa>QA_PIXEL)|(?P<mtl>MTL))\.(?P<suffix>TIFF?|json|xml|txt)$",
    re.IGNORECASE,
)
NO_MTL = Text(
    "the MTL file is absent: Collection 2 standard factors are used and the time is the whole day",
    "MTL ファイルがないため、Collection 2 の標準係数を用い、時刻はその日全体とします",
)


@dataclass(frozen=True)
class Scene:
    """The files of one scene: bands by name (B4, ST_B10, QA_PIXEL), and MTL by suffix."""

    id: str
    tree: Tree
    bands: dict[str, str]
    metadata: dict[str, str]

    def mtl(self) -> Mapping[str, str]:
        """Return the MTL file as one flat dictionary; empty where absent."""
        for suffix, read in (("json", _flat_json), ("xml", _flat_xml), ("txt", _flat_odl)):
            if suffix in self.metadata:
                name = self.metadata[suffix]
                return read(self.tree.read(name), PurePosixPath(name).name)
        return {}

    @property
    def reflective(self) -> list[str]:
        """Bands of surface reflectance at hand."""
        return sorted(band for band in self.bands if re.fullmatch(r"B[1-7]", band))

    @property
    def thermal(self) -> str | None:
        """The band of surface temperature at hand."""
        return next((band for band in self.bands if band.startswith("ST_")), None)


class LandsatReader:
    """Landsat Collection 2 level 2 scenes."""

    name = "landsat"
    priority = 15
    wants = "a Landsat Collection 2 level 2 scene (folder or tar with SR_B*.TIF and MTL)"

    def recognises(self, source: Source) -> bool:
        """Tell whether there are files named as in a Collection 2 level 2 scene."""
        return source.tree is not None and any(NAME.search(n) for n in source.markers) and bool(_scenes(source))

    def items(self, source: Source) -> list[pystac.Item]:
        """Return one item per scene."""
        scenes = _scenes(source)
        return [stac.make_item(source, _parts(source, scene, len(scenes))) for scene in scenes.values()]

    def open(self, source: Source) -> Observation:
        """Return reflectance, temperature and quality of one scene."""
        scenes = _scenes(source)
        scene = chosen_product(source, scenes)
        parts = _parts(source, scene, len(scenes))
        named = (*scene.bands.values(), *scene.metadata.values())
        files = (source.path,) if scene.tree.kind != "folder" else tuple(source.path / name for name in named)
        return Observation(_layers(scene), stac.make_item(source, parts), stac.assumed(parts), files)


READER = LandsatReader()


def _scenes(source: Source) -> dict[str, Scene]:
    if source.tree is None:
        return {}
    scenes: dict[str, Scene] = {}
    for name in source.names:
        found = NAME.search(name)
        if found is None or not source.tree.members[name].size:
            continue
        scene = scenes.setdefault(found["scene"].upper(), Scene(found["scene"].upper(), source.tree, {}, {}))
        if found["mtl"]:
            scene.metadata[found["suffix"].lower()] = name
        elif found["suffix"].lower().startswith("tif"):
            band = found["sr"] or (f"ST_{found['st']}" if found["st"] else found["qa"])
            scene.bands[band.upper()] = name
    return {key: scene for key, scene in sorted(scenes.items()) if scene.bands}


def _flat_json(content: bytes, name: str) -> dict[str, str]:
    flat: dict[str, str] = {}

    def walk(value: Any) -> None:
        for key, inner in value.items():
            if isinstance(inner, dict):
                walk(inner)
            else:
                flat.setdefault(key, str(inner))

    parsed = guard.parse_json(content, name)
    if not isinstance(parsed, dict):
        raise InputError(f"{name} is no MTL file")
    walk(parsed)
    return flat


def _flat_xml(content: bytes, name: str) -> dict[str, str]:
    flat: dict[str, str] = {}
    for element in guard.parse_xml(content, name).iter():
        if not len(element) and element.text:
            flat.setdefault(element.tag, element.text.strip())
    return flat


def _flat_odl(content: bytes, name: str) -> dict[str, str]:
    flat: dict[str, str] = {}
    for line in content.decode("ascii", errors="replace").splitlines():
        key, equals, value = line.partition("=")
        if equals and key.strip() not in {"GROUP", "END_GROUP"}:
            flat.setdefault(key.strip(), value.strip().strip('"'))
    if "SPACECRAFT_ID" not in flat:
        raise InputError(f"{name} is no MTL file")
    return flat


def _number(mtl: Mapping[str, str], key: str, standard: float) -> float:
    text = mtl.get(key)
    if text is None:
        return standard
    try:
        return float(text)
    except ValueError:
        raise InputError(f"MTL: {key} is no number, got {text[:40]!r}") from None


def _factors(mtl: Mapping[str, str], band: str) -> tuple[float, float]:
    kind, standard = ("TEMPERATURE", TEMPERATURE) if band.startswith("ST_") else ("REFLECTANCE", REFLECTANCE)
    suffix = band.replace("B", "", 1) if kind == "REFLECTANCE" else band
    # The same keys appear again for level 1 rescaling; level 2 comes first in an MTL file of level 2.
    scale = _number(mtl, f"{kind}_MULT_BAND_{suffix}", standard[0])
    return scale, _number(mtl, f"{kind}_ADD_BAND_{suffix}", standard[1])


def _checked_factors(scene: Scene, mtl: Mapping[str, str], band: str, header: Header) -> tuple[float, float]:
    """Return scale and offset of the MTL file, else those that the band's own file states, else the standard ones.

    Raises
    ------
    InputError
        If the file states others than the MTL file.
    """
    scale, offset = _factors(mtl, band)
    own = header.bands[0]
    if own.scale == 1.0 and own.offset == 0.0:
        return scale, offset
    if not mtl:
        return own.scale, own.offset
    if abs(own.scale - scale) > 1e-6 * scale or abs(own.offset - offset) > 1e-6 * abs(offset):
        raise InputError(
            f"{scene.id}: the file of {band} states a scale of {own.scale:g} and an offset of {own.offset:g}, the MTL file "
            f"{scale:g} and {offset:g}; fetch the scene again"
        )
    return scale, offset


def _times(scene: Scene, mtl: Mapping[str, str]) -> tuple[datetime, datetime]:
    if "DATE_ACQUIRED" in mtl and "SCENE_CENTER_TIME" in mtl:
        clock = re.sub(r"(\.\d{6})\d*Z?$", r"\1", mtl["SCENE_CENTER_TIME"].rstrip("Z"))
        time = instant(f"{mtl['DATE_ACQUIRED']}T{clock}")
        return time, time
    found = re.match(r"L[CTEO]\d\d_L2S[PR]_\d{6}_(\d{8})", scene.id)
    day = datetime.strptime(found[1] if found else "", "%Y%m%d").replace(tzinfo=UTC)
    return day, day.replace(hour=23, minute=59, second=59)


def _main(scene: Scene) -> Header:
    band = (scene.reflective or [scene.thermal or "QA_PIXEL"])[0]
    return read_header(scene.tree.locate(scene.bands[band]))


def _parts(source: Source, scene: Scene, count: int) -> stac.Parts:
    mtl, grid = scene.mtl(), _main(scene).grid
    start, end = _times(scene, mtl)
    offered = {
        "surface_reflectance": bool(scene.reflective),
        "surface_temperature": scene.thermal is not None,
        "quality": "QA_PIXEL" in scene.bands,
    }
    place = scene.id.split("_")[2]
    cloud = {"eo:cloud_cover": _number(mtl, "CLOUD_COVER", 0.0)} if "CLOUD_COVER" in mtl else {}
    folder = scene.tree.kind == "folder"
    return stac.Parts(
        id=scene.id,
        reader=LandsatReader.name,
        quantities=tuple(quantity for quantity, there in offered.items() if there),
        grid=grid,
        start=start,
        end=end,
        gsd=pixel_size_m(grid),
        properties={
            "platform": f"landsat-{int(scene.id[2:4])}",
            "constellation": "landsat",
            "landsat:wrs_path": place[:3],
            "landsat:wrs_row": place[3:],
            **cloud,
            **part_of(scene.id, count),
        },
        assets={b: source.path / n for b, n in scene.bands.items()} if folder else {"product": source.path},
        assumptions=() if mtl else (NO_MTL,),
    )


def _band(scene: Scene, mtl: Mapping[str, str], band: str) -> tuple[BandReader, Header]:
    location = scene.tree.locate(scene.bands[band])
    header = read_header(location)
    decode = None if band == "QA_PIXEL" else Decode(*_checked_factors(scene, mtl, band, header), (FILL,))
    dtype = header.dtype if decode is None else "float32"
    return BandReader(location, 1, header.shape, decode, dtype, header.mask, FILL_BIT), header


def _layers(scene: Scene) -> dict[str, xr.DataArray]:
    mtl = scene.mtl()
    layers: dict[str, xr.DataArray] = {}
    if scene.reflective:
        bands = [_band(scene, mtl, band) for band in scene.reflective]
        if len({(header.shape, header.transform) for _, header in bands}) > 1:
            raise InputError(f"{scene.id}: its bands lie on different grids; fetch the scene again")
        layers["surface_reflectance"] = lazy_array(
            [reader for reader, _ in bands],
            bands[0][1].grid,
            axis="band",
            labels=scene.reflective,
            attrs={"quantity": "surface_reflectance", "units": "1"},
        )
    if scene.thermal:
        reader, header = _band(scene, mtl, scene.thermal)
        attrs = {"quantity": "surface_temperature", "units": "K"}
        layers["surface_temperature"] = lazy_array([reader], header.grid, attrs=attrs)
    if "QA_PIXEL" in scene.bands:
        reader, header = _band(scene, mtl, "QA_PIXEL")
        attrs = {"quantity": "quality", "units": "1", "flag_scheme": "landsat-qa-pixel"}
        layers["quality"] = lazy_array([reader], header.grid, attrs=attrs)
    return layers
