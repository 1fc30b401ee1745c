"""Sentinel-2 level 2A: SAFE products (zip or folder) and sets of one GeoTIFF per band beside their STAC item.

    surface_reflectance = (DN + BOA_ADD_OFFSET) / BOA_QUANTIFICATION_VALUE

Processing baseline 04.00 (25 January 2022) introduced BOA_ADD_OFFSET = −1000. It is read from the product's own metadata; what a
band set says of itself is judged in `sentinel2_offsets`. DN 0 is no data, 65535 is saturated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.text import Text
from mitoshi.sensors import stac
from mitoshi.sensors.lazy import BandReader, Decode, lazy_array
from mitoshi.sensors.observation import Observation
from mitoshi.sensors.products import chosen_product, part_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pystac
    import xarray as xr
    from odc.geo.geobox import GeoBox

    from mitoshi.sensors.header import Header
    from mitoshi.sensors.lazy import WindowReader
    from mitoshi.sensors.observation import Source
    from mitoshi.sensors.tree import Tree

__all__ = ["OFFSET_START", "READER", "Replicated", "reflectance_offset"]

QUANTIFICATION = 10_000.0
OFFSET = -1000.0
OFFSET_START = datetime(2022, 1, 25, tzinfo=UTC)  # first sensing day processed with baseline 04.00
OFFSET_BASELINE = (4, 0)
NO_DATA, SATURATED = 0.0, 65535.0
BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")
BAND_FILE = re.compile(
    r"(?:^|[/_.])(?P<band>B0[1-9]|B1[12]|B8A|SCL)(?:[_.](?P<size>10|20|60)m)?\.(?:tiff?|jp2)$", re.IGNORECASE
)
OFFSET_BY_DATE = Text(
    "the processing baseline is not stated: offset {offset:g} is taken from the sensing date (baseline 04.00 from 2022-01-25)",
    "処理ベースラインの記載がないため、観測日からオフセット {offset:g} とします（2022-01-25 以降はベースライン 04.00）",
)
OFFSET_BY_NOTHING = Text(
    "neither processing baseline nor date are stated: no reflectance offset is applied",
    "処理ベースラインも日付も記載がないため、反射率オフセットを適用しません",
)
PIXELS_ABSENT = Text(
    "the product holds metadata only: no band can be read; fetch the whole product",
    "メタデータのみの製品のため、バンドを読めません。製品全体を取得してください",
)
LEFT_OUT = Text("bands {bands} lie on another grid and are left out", "バンド {bands} は格子が異なるため除きます")


@dataclass(frozen=True)
class Granule:
    """What the metadata of one tile at one time says, and where its bands are.

    Attributes
    ----------
    id
        Product name.
    start
        Sensing time; None where unknown.
    files
        Band name to file of the finest resolution.
    offsets
        BOA_ADD_OFFSET by band name.
    quantification
        DN per unit of reflectance.
    ring
        Footprint as (longitude, latitude), or empty.
    grid
        10 m grid stated in the metadata, or None.
    properties
        STAC properties.
    """

    id: str
    tree: Tree
    start: datetime | None
    files: Mapping[str, str]
    offsets: Mapping[str, float]
    quantification: float = QUANTIFICATION
    ring: tuple[tuple[float, float], ...] = ()
    grid: GeoBox | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    assumptions: tuple[Text, ...] = ()
    metadata: tuple[str, ...] = ()


def reflectance_offset(baseline: str | None, sensed: datetime | None) -> float:
    """Return BOA_ADD_OFFSET in DN, from the processing baseline or, where it is unknown, from the sensing time.

    Parameters
    ----------
    baseline
        Such as "05.09"; decides where it is given, because old scenes were reprocessed with new baselines.
    sensed
        Sensing time, UTC.

    >>> reflectance_offset("02.14", None), reflectance_offset("05.09", None)
    (0.0, -1000.0)
    """
    if baseline is not None:
        numbers = tuple(int(n) for n in re.findall(r"\d+", baseline)[:2])
        return OFFSET if numbers >= OFFSET_BASELINE else 0.0
    return OFFSET if sensed is not None and sensed >= OFFSET_START else 0.0


@dataclass(frozen=True)
class Replicated:
    """A coarser band on a finer grid with the same corner: each pixel repeated `factor` × `factor` times."""

    coarse: WindowReader
    factor: int
    shape: tuple[int, int]

    @property
    def dtype(self) -> str:
        """Of the coarse band."""
        return self.coarse.dtype

    def read(self, y: slice, x: slice) -> np.ndarray[Any, Any]:
        """Return one window of the fine grid."""
        rows, columns = (np.arange(s.start, s.stop) // self.factor for s in (y, x))
        window = self.coarse.read(slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
        repeated: np.ndarray[Any, Any] = window[np.ix_(rows - rows[0], columns - columns[0])]
        return repeated


class Sentinel2Reader:
    """Sentinel-2 level 2A products and band sets."""

    name = "sentinel2"
    priority = 15
    wants = "a Sentinel-2 L2A product (SAFE folder or zip, or a folder of B02.tif, B03.tif, …)"

    def recognises(self, source: Source) -> bool:
        """Tell whether there is level 2A metadata or a set of band files."""
        if source.tree is None:
            return False
        if any(name.endswith("MTD_MSIL2A.xml") for name in source.markers):
            return True
        bands = {m["band"].upper() for m in map(BAND_FILE.search, source.markers) if m}
        landsat = any(re.search(r"(?:^|/)L[CTEO]0\d_", name) for name in source.markers)
        return bool(bands & {"B02", "B03", "B04", "B08", "SCL"}) and len(bands) >= 2 and not landsat

    def items(self, source: Source) -> list[pystac.Item]:
        """Return one item per granule."""
        granules = _granules(source)
        return [stac.make_item(source, _parts(source, granule, len(granules))) for granule in granules]

    def open(self, source: Source) -> Observation:
        """Return surface reflectance and scene classification."""
        granules = _granules(source)
        granule = chosen_product(source, {g.id: g for g in granules})
        if not granule.files:
            raise InputError(f"{granule.id} holds metadata only, no band file; fetch the whole product")
        parts = _parts(source, granule, len(granules))
        named = (*granule.files.values(), *granule.metadata)
        files = (source.path,) if granule.tree.kind != "folder" else tuple(source.path / name for name in named)
        return Observation(_layers(granule), stac.make_item(source, parts), stac.assumed(parts), files)


READER = Sentinel2Reader()


def _granules(source: Source) -> list[Granule]:
    from mitoshi.sensors.sentinel2_metadata import band_sets, safe_granules

    if source.tree is None:
        raise InputError(f"{source.path.name} is no product folder or archive")
    found = safe_granules(source.tree)
    return found or band_sets(source)


def _present(granule: Granule) -> list[str]:
    return [band for band in BANDS if band in granule.files]


def _header(granule: Granule, band: str) -> Header:
    from mitoshi.sensors.header import read_header

    return read_header(granule.tree.locate(granule.files[band]))


def _factor(fine: Header, coarse: Header) -> int | None:
    """Return how many fine pixels make one coarse pixel, or None where the grids do not nest."""
    if coarse.wkt != fine.wkt or coarse.transform is None or fine.transform is None:
        return 1 if coarse.shape == fine.shape and coarse.transform == fine.transform else None
    factor = round(coarse.transform[0] / fine.transform[0])
    corner = np.allclose((coarse.transform[2], coarse.transform[5]), (fine.transform[2], fine.transform[5]))
    nests = np.isclose(coarse.transform[0], factor * fine.transform[0]) and factor >= 1
    covers = all(-(-n // factor) <= m for n, m in zip(fine.shape, coarse.shape, strict=True))
    return factor if corner and nests and covers else None


def _headers(granule: Granule) -> tuple[dict[str, Header], dict[str, int], list[str]]:
    """Return headers by band, replication factors of the bands that nest in the finest, and the bands left out."""
    headers = {band: _header(granule, band) for band in _present(granule)}
    finest = min(headers.values(), key=lambda h: abs(h.transform[0]) if h.transform else 1.0)
    factors = {band: _factor(finest, header) for band, header in headers.items()}
    kept = {band: factor for band, factor in factors.items() if factor is not None}
    return headers, kept, [band for band in factors if band not in kept]


def _parts(source: Source, granule: Granule, count: int) -> stac.Parts:
    from mitoshi.sensors.footprint import footprint
    from mitoshi.sensors.lazy import pixel_size_m

    grid, assumptions, simulated = granule.grid, list(granule.assumptions), False
    quantities = (
        *(["surface_reflectance"] if _present(granule) else []),
        *(["quality"] if "SCL" in granule.files else []),
    )
    if _present(granule):
        headers, kept, left_out = _headers(granule)
        fine = headers[next(band for band, factor in kept.items() if factor == 1)]
        grid = fine.grid
        simulated = fine.tags.get("MITOSHI_SIMULATED", "").lower() in {"1", "true", "yes"}
        assumptions += [LEFT_OUT.format(bands=", ".join(left_out))] if left_out else []
    elif not quantities:
        assumptions.append(PIXELS_ABSENT)
    geometry, bbox = footprint(granule.ring) if granule.ring else (None, None)
    return stac.Parts(
        id=granule.id,
        reader=Sentinel2Reader.name,
        quantities=quantities,
        grid=grid,
        start=granule.start,
        end=granule.start,
        geometry=geometry,
        bbox=bbox,
        gsd=None if grid is None else pixel_size_m(grid),
        properties={**granule.properties, **part_of(granule.id, count)},
        assets=_assets(source, granule),
        assumptions=tuple(assumptions),
        simulated=simulated,
    )


def _assets(source: Source, granule: Granule) -> dict[str, Any]:
    if granule.tree.kind != "folder":
        return {"product": source.path}
    named = {band: source.path / name for band, name in sorted(granule.files.items())}
    return {**named, **{f"metadata{n or ''}": source.path / name for n, name in enumerate(granule.metadata)}}


def _layers(granule: Granule) -> dict[str, xr.DataArray]:
    layers: dict[str, xr.DataArray] = {}
    if _present(granule):
        headers, factors, _ = _headers(granule)
        fine = headers[next(band for band, factor in factors.items() if factor == 1)]
        readers = [_reflectance(granule, band, headers[band], factors[band], fine.shape) for band in factors]
        attrs = {"quantity": "surface_reflectance", "units": "1"}
        layers["surface_reflectance"] = lazy_array(readers, fine.grid, axis="band", labels=list(factors), attrs=attrs)
    if "SCL" in granule.files:
        header = _header(granule, "SCL")
        reader = BandReader(granule.tree.locate(granule.files["SCL"]), 1, header.shape, None, header.dtype, header.mask)
        attrs = {"quantity": "quality", "units": "1", "flag_scheme": "sentinel2-scl"}
        layers["quality"] = lazy_array([reader], header.grid, attrs=attrs)
    return layers


def _reflectance(granule: Granule, band: str, header: Header, factor: int, shape: tuple[int, int]) -> WindowReader:
    location = granule.tree.locate(granule.files[band])
    if header.dtype.startswith("float"):  # already reflectance: our own simulation and many analysis-ready sets
        decode = Decode(nodata=() if header.nodata is None else (header.nodata,))
    else:
        scale = 1.0 / granule.quantification
        _refuse_other_factors(granule, band, header, scale)
        decode = Decode(scale, granule.offsets.get(band, 0.0) * scale, (NO_DATA, SATURATED))
    reader: WindowReader = BandReader(location, 1, header.shape, decode, mask=header.mask)
    return reader if factor == 1 else Replicated(reader, factor, shape)


def _refuse_other_factors(granule: Granule, band: str, header: Header, scale: float) -> None:
    """Refuse a band whose file states a scale or an offset against the metadata."""
    own, offset = header.bands[0], granule.offsets.get(band, 0.0)
    if own.scale == 1.0 and own.offset == 0.0:
        return
    tagged = own.offset / own.scale
    if (own.scale != 1.0 and not np.isclose(own.scale, scale, rtol=1e-6)) or abs(tagged - offset) > 1:
        raise InputError(
            f"{granule.id}: the file of {band} states a scale of {own.scale:g} and an offset of {own.offset:g}, the metadata "
            f"{scale:g} and {offset * scale:g}; fetch the product again"
        )
