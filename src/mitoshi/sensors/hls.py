"""HLS version 2.0, harmonised Landsat and Sentinel-2: surface reflectance at 30 m and the Fmask flags, one GeoTIFF per band.

    surface_reflectance = DN × 0.0001, −9999 is no data, no offset (HLS User Guide V2, tables 6 and 7)

Names ``HLS.S30.T06VVQ.2022092T213531.v2.0.B03.tif`` (day of the year). L30 has Landsat's band numbers, S30 Sentinel-2's, so bands
carry common names here: number 5 is near infrared in one and red edge in the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mitoshi.core.errors import InputError
from mitoshi.sensors import guard, stac
from mitoshi.sensors.header import Header, read_header
from mitoshi.sensors.lazy import BandReader, Decode, lazy_array, pixel_size_m
from mitoshi.sensors.observation import Observation
from mitoshi.sensors.products import chosen_product, part_of
from mitoshi.sensors.tree import Tree

if TYPE_CHECKING:
    from pathlib import Path

    import pystac
    import xarray as xr

    from mitoshi.sensors.observation import Source

__all__ = ["READER"]

SCALE, NO_DATA, FLAG_FILL = 1e-4, -9999.0, 255
VERSION = "2.0"
NAME = re.compile(
    r"(?:^|/)(?P<granule>HLS\.(?P<kind>[LS]30)\.T(?P<tile>\d{2}[A-Z]{3})\.(?P<time>\d{7}T\d{6})\.v(?P<version>\d+\.\d+))"
    r"\.(?P<band>B\d{2}|B8A|Fmask|S[AZ]A|V[AZ]A)\.tiff?$"
)
BANDS: dict[str, dict[str, str]] = {
    "L30": {
        "B01": "coastal",
        "B02": "blue",
        "B03": "green",
        "B04": "red",
        "B05": "nir08",
        "B06": "swir16",
        "B07": "swir22",
        "B09": "cirrus",
    },
    "S30": {
        "B01": "coastal",
        "B02": "blue",
        "B03": "green",
        "B04": "red",
        "B05": "rededge071",
        "B06": "rededge075",
        "B07": "rededge078",
        "B08": "nir",
        "B8A": "nir08",
        "B09": "nir09",
        "B10": "cirrus",
        "B11": "swir16",
        "B12": "swir22",
    },
}
"""Common names of the STAC extension eo by product and number; B10 and B11 of L30 are temperatures and are left out."""


@dataclass
class Granule:
    """The files of one tile at one time, by band."""

    id: str
    kind: str
    tile: str
    time: datetime
    tree: Tree
    files: dict[str, str] = field(default_factory=dict)

    @property
    def reflective(self) -> list[str]:
        """Bands of reflectance at hand, in the order of the product."""
        return [band for band in BANDS[self.kind] if band in self.files]

    def header(self, band: str) -> Header:
        """Return what the file of a band says."""
        return read_header(self.tree.locate(self.files[band]))


class HlsReader:
    """HLS version 2.0 granules, alone or as a series in a folder or an archive."""

    name = "hls"
    priority = 12  # before Sentinel-2, whose files have the same endings and an offset
    wants = "HLS v2.0 files (HLS.S30.….B03.tif, HLS.L30.….Fmask.tif)"

    def recognises(self, source: Source) -> bool:
        """Tell whether names are those of HLS; a lone file that the user describes is read as he says."""
        said = source.description
        if source.tree is None and (source.kind != "GTiff" or said.quantity or said.units or said.bands):
            return False
        return any(NAME.search(name) for name in source.markers)

    def items(self, source: Source) -> list[pystac.Item]:
        """Return one item per granule."""
        granules = _granules(source)
        return [stac.make_item(source, _parts(g, source, len(granules))) for g in granules.values()]

    def open(self, source: Source) -> Observation:
        """Return reflectance and flags of one granule."""
        granules = _granules(source)
        granule = chosen_product(source, granules)
        parts = _parts(granule, source, len(granules))
        folder = granule.tree.kind == "folder"
        files = tuple(granule.tree.path / n for n in granule.files.values()) if folder else (source.path,)
        return Observation(_layers(granule), stac.make_item(source, parts), stac.assumed(parts), files)


READER = HlsReader()


def _granules(source: Source) -> dict[str, Granule]:
    """Return the granules by name; a file named alone brings the other bands that lie beside it."""
    tree, wanted = source.tree, None
    if tree is None:
        alone = NAME.search(source.path.name)
        wanted = None if alone is None else alone["granule"]
        tree = _beside(source.path, wanted or "")
    granules: dict[str, Granule] = {}
    for name in tree.members:
        found = NAME.search(name)
        if found is None or (wanted is not None and found["granule"] != wanted):
            continue
        if found["version"] != VERSION:
            raise InputError(
                f"{found['granule']} is HLS of version {found['version']}, whose flags and scales may be others; order version "
                f"{VERSION}, or describe its bands with '#quantity=surface_reflectance,scale=0.0001,bands=…'"
            )
        time = datetime.strptime(found["time"], "%Y%jT%H%M%S").replace(tzinfo=UTC)
        new = Granule(found["granule"], found["kind"], found["tile"], time, tree)
        granules.setdefault(found["granule"], new).files[found["band"]] = name
    held = {key: g for key, g in sorted(granules.items()) if g.reflective or "Fmask" in g.files}
    if not held:
        raise InputError(f"{source.path.name} holds no band of reflectance and no Fmask of HLS; give these")
    return held


def _beside(path: Path, granule: str) -> Tree:
    from mitoshi.sensors.tree import Member

    names = sorted(p.name for p in path.parent.glob(f"{granule}.*.tif*") if guard.inside(path.parent, p))
    return Tree(path.parent, "folder", {name: Member((path.parent / name).stat().st_size) for name in names})


def _main(granule: Granule) -> Header:
    headers = [granule.header(band) for band in granule.reflective or ["Fmask"]]
    if len({(h.shape, h.transform, h.wkt) for h in headers}) > 1:
        raise InputError(f"{granule.id}: its bands lie on different grids; fetch them again")
    return headers[0]


def _parts(granule: Granule, source: Source, count: int) -> stac.Parts:
    header = _main(granule)
    folder = granule.tree.kind == "folder"
    return stac.Parts(
        id=granule.id,
        reader=HlsReader.name,
        quantities=(
            *(["surface_reflectance"] if granule.reflective else []),
            *(["quality"] if "Fmask" in granule.files else []),
        ),
        grid=header.grid,
        start=granule.time,
        end=granule.time,
        gsd=pixel_size_m(header.grid),
        properties={
            "constellation": "hls",
            "instruments": ["oli"] if granule.kind == "L30" else ["msi"],
            "hls:tile": granule.tile,
            **part_of(granule.id, count),
        },
        assets=(
            {band: granule.tree.path / name for band, name in sorted(granule.files.items())}
            if folder
            else {"product": source.path}
        ),
        simulated=header.tags.get("MITOSHI_SIMULATED", "").lower() in {"1", "true", "yes"},
    )


def _layers(granule: Granule) -> dict[str, xr.DataArray]:
    grid, layers = _main(granule).grid, {}
    if granule.reflective:
        names = BANDS[granule.kind]
        layers["surface_reflectance"] = lazy_array(
            [_reflectance(granule, band) for band in granule.reflective],
            grid,
            axis="band",
            labels=[names[band] for band in granule.reflective],
            attrs={"quantity": "surface_reflectance", "units": "1"},
        )
    if "Fmask" in granule.files:
        header = granule.header("Fmask")
        location = granule.tree.locate(granule.files["Fmask"])
        reader = BandReader(location, 1, header.shape, None, header.dtype, header.mask, FLAG_FILL)
        attrs = {"quantity": "quality", "units": "1", "flag_scheme": "hls-fmask"}
        layers["quality"] = lazy_array([reader], header.grid, attrs=attrs)
    return layers


def _reflectance(granule: Granule, band: str) -> BandReader:
    """Return the reader of one band.

    Raises
    ------
    InputError
        If its file states another scale, or an offset.
    """
    header = granule.header(band)
    own = header.bands[0]
    if own.offset != 0.0 or not (own.scale == 1.0 or abs(own.scale - SCALE) < 1e-9):
        raise InputError(
            f"{granule.id}: the file of {band} states a scale of {own.scale:g} and an offset of {own.offset:g}, HLS has "
            f"{SCALE:g} and none; fetch the granule again"
        )
    if header.dtype.startswith("float"):
        raise InputError(
            f"{granule.id}: the file of {band} holds {header.dtype}, HLS has whole numbers; fetch it again"
        )
    location = granule.tree.locate(granule.files[band])
    return BandReader(location, 1, header.shape, Decode(SCALE, 0.0, (NO_DATA,)), mask=header.mask)
