"""OPERA RTC-S1: radiometrically terrain-corrected gamma nought of Sentinel-1 bursts, linear power, one file per polarisation.

Official names ``OPERA_L2_RTC-S1_T137-292321-IW2_20211119T015903Z_…_VV.tif`` and short ones ``20211119T015903Z_VV.tif``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mitoshi.core.errors import InputError
from mitoshi.core.text import Text
from mitoshi.sensors import guard, stac
from mitoshi.sensors.header import Header, read_header
from mitoshi.sensors.lazy import BandReader, Decode, lazy_array, pixel_size_m
from mitoshi.sensors.observation import Observation
from mitoshi.sensors.products import chosen_product, part_of

if TYPE_CHECKING:
    import pystac
    import xarray as xr

    from mitoshi.sensors.observation import Source

__all__ = ["READER"]

CENTRE_GHZ = 5.405
MASK_FILL = 255  # of the layover and shadow mask
ORDER = ("VV", "HH", "VH", "HV")
NAME = re.compile(
    r"(?:^|/)(?P<stem>(?:OPERA_L2_RTC-S1_T\d{3}-\d{6}-IW\d_)?(?P<time>\d{8}T\d{6})Z(?:_[^/]*?)?)_(?P<band>VV|VH|HH|HV|mask)\.tiff?$"
)
BURST = re.compile(r"T(\d{3})-\d{6}-IW\d")
PLATFORM = re.compile(r"_S1([A-D])_")
OWN_NAME = Text(
    "recognised by its name as OPERA RTC-S1: gamma0 in linear power",
    "ファイル名から OPERA RTC-S1（線形電力の γ⁰）とします",
)


@dataclass
class Burst:
    """The files of one burst at one time."""

    stem: str
    time: datetime
    files: dict[str, Path] = field(default_factory=dict)


class OperaReader:
    """OPERA RTC-S1 files, alone or as a series in a folder."""

    name = "opera"
    priority = 20
    wants = "OPERA RTC-S1 files (…Z_VV.tif, …Z_VH.tif)"

    def recognises(self, source: Source) -> bool:
        """Tell whether names are those of OPERA RTC-S1 and no other reading is asked for."""
        asked = source.description.quantity or source.description.units
        rasters = [n for n in source.markers if n.lower().endswith((".tif", ".tiff"))]
        named = bool(rasters) and all(NAME.search(n) for n in rasters)
        return asked is None and source.kind in {"folder", "GTiff"} and named

    def items(self, source: Source) -> list[pystac.Item]:
        """Return one item per burst and time."""
        bursts = _bursts(source)
        return [stac.make_item(source, _parts(burst, source, len(bursts))) for burst in bursts.values()]

    def open(self, source: Source) -> Observation:
        """Return gamma0 of one burst at one time."""
        bursts = _bursts(source)
        burst = chosen_product(source, bursts)
        parts = _parts(burst, source, len(bursts))
        return Observation(
            _layers(burst, source), stac.make_item(source, parts), stac.assumed(parts), tuple(burst.files.values())
        )


READER = OperaReader()


def _bursts(source: Source) -> dict[str, Burst]:
    """Return the bursts by stem; a file named alone brings the other polarisations that lie beside it."""
    folder = source.path if source.kind == "folder" else source.path.parent
    wanted = None if source.kind == "folder" else _match(source.path.name)["stem"]
    names = source.names if wanted is None else sorted(p.name for p in folder.glob(f"{wanted}_*.tif*"))
    bursts: dict[str, Burst] = {}
    for name in names:
        found = NAME.search(name)
        if found is None or (wanted is not None and found["stem"] != wanted):
            continue
        time = datetime.strptime(found["time"], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        bursts.setdefault(found["stem"], Burst(found["stem"], time)).files[found["band"]] = folder / name
    return {stem: burst for stem, burst in sorted(bursts.items()) if _bands(burst)}


def _match(name: str) -> re.Match[str]:
    found = NAME.search(name)
    if found is None:
        raise InputError(f"{name} is not named as an OPERA RTC-S1 file")
    return found


def _bands(burst: Burst, wanted: tuple[str, ...] = ()) -> list[str]:
    bands = [band for band in ORDER if band in burst.files]
    if wanted:
        absent = sorted(set(wanted) - set(bands))
        if absent:
            raise InputError(f"{burst.stem} has no {', '.join(absent)}; it has {', '.join(bands)}")
    return [band for band in bands if not wanted or band in wanted]


def _header(burst: Burst, wanted: tuple[str, ...]) -> Header:
    headers = [read_header(guard.Location(str(burst.files[band]))) for band in _bands(burst, wanted)]
    if len({(h.shape, h.transform, h.wkt) for h in headers}) > 1:
        raise InputError(f"{burst.stem}: its polarisations lie on different grids; fetch them again")
    return headers[0]


def _place(burst: Burst) -> str | None:
    """Return the burst's identifier, from the file's name or that of its folder."""
    first = next(iter(burst.files.values()))
    found = BURST.search(burst.stem) or BURST.search(first.parent.name)
    return found[0] if found else None


def _parts(burst: Burst, source: Source, count: int) -> stac.Parts:
    wanted = source.description.bands
    header, place, platform = _header(burst, wanted), _place(burst), PLATFORM.search(burst.stem)
    first = burst.files[_bands(burst, wanted)[0]]
    official = burst.stem.startswith("OPERA_")
    unique = place or stac.fingerprint(first)
    return stac.Parts(
        id=burst.stem if official else f"OPERA_RTC-S1_{unique}_{burst.stem}",
        reader=OperaReader.name,
        quantities=("gamma0", *(["quality"] if "mask" in burst.files else [])),
        grid=header.grid,
        start=burst.time,
        end=burst.time,
        gsd=pixel_size_m(header.grid),
        properties={
            **stac.radar(
                polarisations=_bands(burst, wanted),
                mode="IW",
                band="C",
                centre_ghz=CENTRE_GHZ,
                product="RTC",
                orbit_state=header.tags.get("ORBIT_PASS_DIRECTION"),
                relative_orbit=int(place[1:4]) if place else None,
            ),
            "constellation": "sentinel-1",
            **({"platform": f"sentinel-1{platform[1].lower()}"} if platform else {}),
            **({"opera:burst_id": place} if place else {}),
            **part_of(burst.stem, count),
        },
        assets={band.lower(): path for band, path in burst.files.items()},
        assumptions=() if official else (OWN_NAME,),
        simulated=header.tags.get("MITOSHI_SIMULATED", "").lower() in {"1", "true", "yes"},
    )


def _layers(burst: Burst, source: Source) -> dict[str, xr.DataArray]:
    bands = _bands(burst, source.description.bands)
    header = _header(burst, source.description.bands)
    readers = [_reader(guard.Location(str(burst.files[band]))) for band in bands]
    attrs = {"quantity": "gamma0", "units": "1"}
    layers = {"gamma0": lazy_array(readers, header.grid, axis="polarisation", labels=bands, attrs=attrs)}
    if "mask" in burst.files:
        location = guard.Location(str(burst.files["mask"]))
        mask = read_header(location)
        reader = BandReader(location, 1, mask.shape, None, mask.dtype, mask.mask, MASK_FILL)
        described = {"quantity": "quality", "units": "1", "flag_scheme": "opera-rtc-s1-mask"}
        layers["quality"] = lazy_array([reader], mask.grid, attrs=described)
    return layers


def _reader(location: guard.Location) -> BandReader:
    """Return the reader of one polarisation."""
    header = read_header(location)
    marks = () if header.nodata is None else (header.nodata,)
    return BandReader(location, 1, header.shape, Decode(nodata=marks), mask=header.mask)
