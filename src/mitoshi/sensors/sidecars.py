"""What files beside a raster say of it: nothing of that is read, and nothing of it that matters is passed over.

GDAL keeps in ``NAME.aux.xml`` what a format cannot hold or a program did not write into the file, and reads a world file
(``.tfw``, ``.pgw``, …) as its georeference. A bundle names files by their content; what lies beside one is lost with the first
copy. So a statement that would change values or place is refused unless the file itself says the same, or the user does.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.text import Text
from mitoshi.sensors import guard

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from mitoshi.sensors.header import Band, Header
    from mitoshi.sensors.observation import Description

__all__ = ["check_auxiliary", "world_file"]

WORLD_FILE = Text(
    "{name} beside the file holds a georeference and is not read; write it into the file (gdal_translate -a_srs EPSG:… {file} "
    "whole.tif)",
    "{name} の位置情報は読みません。ファイル本体に書き込んでください（gdal_translate -a_srs EPSG:… {file} whole.tif）",
)
NEARLY = 1e-6  # headers write numbers in fewer digits than they have


def world_file(location: guard.Location) -> tuple[Text, ...]:
    """Return a sentence for the world file of a raster that has no georeference of its own, if there is one."""
    path, ending = Path(location.path), Path(location.path).suffix.removeprefix(".")
    if location.offset or len(ending) < 2:
        return ()
    endings = [f"{ending[0]}{ending[-1]}w", f"{ending}w", "wld"]
    names = [path.with_suffix(f".{word}") for end in endings for word in (end, end.upper())]
    found = next((name for name in names if name.is_file()), None)
    return () if found is None else (WORLD_FILE.format(name=found.name, file=path.name),)


def check_auxiliary(location: guard.Location, header: Header, said: Description) -> None:
    """Refuse what ``NAME.aux.xml`` says of values or place and neither the file nor the user does.

    Statistics, histograms, colours and names do not matter.

    Raises
    ------
    InputError
        With what is said, and how to write it into the file.
    """
    path = Path(f"{location.path}.aux.xml")
    if location.offset or not path.is_file():
        return
    with guard.regular_file(path).open("rb") as file:
        root = guard.parse_xml(file.read(guard.MAX_XML_BYTES + 1), path.name)
    found = _of_place(root, header, said, path.name)
    for element in root.iter("PAMRasterBand"):
        band = next((b for b in header.bands if str(b.number) == element.get("band", "1")), None)
        found += [] if band is None else _of_values(element, band, said, path.name)
    if found:
        raise InputError(
            f"{path.name} says {', '.join(dict.fromkeys(found))}, which {location.name} itself does not, and is not read; "
            f"write it into the file (gdal_translate {location.name} whole.tif), or remove it if it is not so"
        )


def _of_values(element: Element, band: Band, said: Description, name: str) -> list[str]:
    found = []
    nodata, scale, offset = (_number(element, tag, name) for tag in ("NoDataValue", "Scale", "Offset"))
    if nodata is not None and said.nodata is None and not any(_same(nodata, own) for own in band.nodatas):
        found.append(f"nodata {nodata:.10g}")
    if scale is not None and said.scale is None and not _same(scale, band.scale):
        found.append(f"scale {scale:.10g}")
    if offset is not None and said.offset is None and not _same(offset, band.offset):
        found.append(f"offset {offset:.10g}")
    unit = (element.findtext("UnitType") or "").strip()
    if unit and said.units is None and unit.casefold() != (band.unit or "").casefold():
        found.append(f"units {unit[:40]!r}")
    return found


def _of_place(root: Element, header: Header, said: Description, name: str) -> list[str]:
    found = []
    crs, transform = (root.findtext("SRS") or "").strip(), (root.findtext("GeoTransform") or "").strip()
    if crs and said.crs is None and not _same_crs(crs, header.wkt):
        found.append("a CRS")
    if transform and not _same_transform(transform, header.transform, name):
        found.append("a georeference")
    if header.transform is None and not header.control_points and root.find("GCPList") is not None:
        found.append("ground control points")
    return found


def _number(element: Element, tag: str, name: str) -> float | None:
    text = (element.findtext(tag) or "").strip()
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError(
            f"{name}: its {tag} is {text[:40]!r}, which is no number; correct it, or remove the file"
        ) from None


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=NEARLY) or (math.isnan(one) and math.isnan(other))


def _same_crs(text: str, wkt: str | None) -> bool:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    if wkt is None:
        return False
    try:
        return bool(CRS.from_user_input(text).equals(CRS.from_user_input(wkt), ignore_axis_order=True))
    except CRSError:
        return False


def _same_transform(text: str, own: Any, name: str) -> bool:
    try:
        west, dx, skew_x, north, skew_y, dy = (float(number) for number in text.split(","))
    except ValueError:
        raise InputError(
            f"{name}: its GeoTransform is {text[:60]!r}; six numbers are needed, or remove the file"
        ) from None
    return own is not None and bool(np.allclose((dx, skew_x, west, skew_y, dy, north), own, rtol=1e-9, atol=1e-9))
