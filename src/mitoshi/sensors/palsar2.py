"""JAXA PALSAR / PALSAR-2 yearly mosaic tiles: gamma nought, observation day, incidence angle and mask.

    gamma0 = 10^((20 log10 DN − 83.0) / 10) = DN² · 10^−8.3

Codes of the mask: 0 no data, 50 ocean, 100 layover, 150 shadowing, 255 land (JAXA, Global 25 m mosaic product description).
Layover and shadow are not observed; the ocean is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.text import Text
from mitoshi.sensors import stac
from mitoshi.sensors.header import Header, read_header
from mitoshi.sensors.lazy import BandReader, Decode, lazy_array, pixel_size_m, read_window
from mitoshi.sensors.observation import Observation
from mitoshi.sensors.products import chosen_product, part_of

if TYPE_CHECKING:
    import pystac
    import xarray as xr

    from mitoshi.sensors.lazy import WindowReader
    from mitoshi.sensors.observation import Source
    from mitoshi.sensors.tree import Tree

__all__ = ["DATE_ORIGINS", "READER", "observation_day"]

CALIBRATION_DB = -83.0
GAIN = 10 ** (CALIBRATION_DB / 10)
NO_DATA_DN = (0, 1)  # the files declare 1 as nodata; older ones hold 0
UNSEEN = (0, 100, 150)
CENTRE_GHZ = {"PALSAR-2": 1.2575, "PALSAR": 1.27}
DATE_ORIGINS = {"PALSAR-2": datetime(2014, 5, 24, tzinfo=UTC), "PALSAR": datetime(2006, 1, 24, tzinfo=UTC)}
FIRST_PALSAR2_YEAR = 2014
NAME = re.compile(
    r"(?:^|/)(?P<tile>[NS]\d{2}[EW]\d{3}_(?P<year>\d{2}))_(?P<kind>sl_HH|sl_HV|date|linci|mask)"
    r"(?P<rest>(?:_F\d{2}[DQ]AR)?(?:_\w+)?)\.tiff?$"
)
NO_MASK = Text(
    "the mask is absent: layover and shadow are not left out", "マスクがないため、レイオーバーと影を除いていません"
)
YEAR_ONLY = Text(
    "the date layer is absent: the time is the whole year", "日付レイヤがないため、時刻はその年の全体とします"
)


@dataclass(frozen=True)
class MosaicTile:
    """The files of one tile of one year, by kind."""

    id: str
    year: int
    tree: Tree
    files: dict[str, str]

    @property
    def sensor(self) -> str:
        """PALSAR-2 from 2014, PALSAR before."""
        return "PALSAR-2" if self.year >= FIRST_PALSAR2_YEAR else "PALSAR"

    def header(self, kind: str) -> Header:
        """Return what one file says of itself."""
        return read_header(self.tree.locate(self.files[kind]))

    @property
    def polarisations(self) -> list[str]:
        """Those at hand, HH first."""
        return [p for p in ("HH", "HV") if f"sl_{p}" in self.files]


@dataclass(frozen=True)
class MosaicGamma0:
    """gamma0 of one polarisation, NaN where the mask says layover, shadow or no data."""

    digital_number: BandReader
    mask: BandReader | None

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.digital_number.shape

    @property
    def dtype(self) -> str:
        """Of the result."""
        return "float32"

    def read(self, y: slice, x: slice) -> np.ndarray[Any, Any]:
        """Return one window of linear power."""
        stored = self.digital_number.read(y, x)
        unseen = np.isin(stored, NO_DATA_DN)
        if self.mask is not None:
            unseen |= np.isin(self.mask.read(y, x), UNSEEN)
        return np.where(unseen, np.nan, stored.astype(np.float64) ** 2 * GAIN).astype(np.float32)


class Palsar2Reader:
    """JAXA mosaic tiles, as tar.gz or folder."""

    name = "palsar2"
    priority = 20
    wants = "a JAXA PALSAR-2 mosaic tile (tar.gz or folder)"

    def recognises(self, source: Source) -> bool:
        """Tell whether there are files named as in a mosaic tile."""
        return source.tree is not None and any(_is_backscatter(name) for name in source.markers)

    def items(self, source: Source) -> list[pystac.Item]:
        """Return one item per tile and year."""
        tiles = _tiles(source)
        return [stac.make_item(source, _parts(source, tile, len(tiles))) for tile in tiles.values()]

    def open(self, source: Source) -> Observation:
        """Return gamma0, incidence angle, mask and observation day of one tile."""
        tiles = _tiles(source)
        tile = chosen_product(source, tiles)
        parts = _parts(source, tile, len(tiles))
        files = (source.path,) if tile.tree.kind != "folder" else tuple(source.path / n for n in tile.files.values())
        return Observation(_layers(tile), stac.make_item(source, parts), stac.assumed(parts), files)


READER = Palsar2Reader()


def _is_backscatter(name: str) -> bool:
    found = NAME.search(name)
    return found is not None and found["kind"].startswith("sl_")


def _tiles(source: Source) -> dict[str, MosaicTile]:
    if source.tree is None:
        raise InputError(f"{source.path.name} is no mosaic tile; give the tar.gz or the folder")
    tiles: dict[str, MosaicTile] = {}
    for name in source.names:
        found = NAME.search(name)
        if found is None:
            continue
        key = f"{found['tile']}{found['rest']}"
        year = 2000 + int(found["year"])
        tiles.setdefault(key, MosaicTile(f"{key}_MOS", year, source.tree, {})).files[found["kind"]] = name
    return {tile.id: tile for _, tile in sorted(tiles.items()) if tile.polarisations}


def observation_day(days: float, sensor: str = "PALSAR-2") -> datetime:
    """Return the UTC day of a value of the date layer: days since the satellite's launch.

    >>> observation_day(2300).date().isoformat()
    '2020-09-09'
    """
    return DATE_ORIGINS[sensor] + timedelta(days=int(days))


def _span(tile: MosaicTile) -> tuple[datetime, datetime, tuple[Text, ...]]:
    """Return the first and last observation day, from the date layer where the mask says that something was seen."""
    year = datetime(tile.year, 1, 1, tzinfo=UTC), datetime(tile.year, 12, 31, 23, 59, 59, tzinfo=UTC)
    if "date" not in tile.files:
        return *year, (YEAR_ONLY,)
    location, (rows, columns) = tile.tree.locate(tile.files["date"]), tile.header("date").shape
    first, last = np.inf, -np.inf
    for row in range(0, rows, 512):
        days = read_window(location, 1, slice(row, min(rows, row + 512)), slice(0, columns))
        days = days[days > max(NO_DATA_DN)]
        if days.size:
            first, last = min(first, int(days.min())), max(last, int(days.max()))
    if not np.isfinite(first):
        return *year, (YEAR_ONLY,)
    end = observation_day(last, tile.sensor) + timedelta(days=1) - timedelta(seconds=1)
    return observation_day(first, tile.sensor), end, ()


def _parts(source: Source, tile: MosaicTile, count: int) -> stac.Parts:
    header = tile.header(f"sl_{tile.polarisations[0]}")
    start, end, more = _span(tile)
    kinds = {"linci": "incidence_angle", "mask": "quality", "date": "acquisition_day"}
    return stac.Parts(
        id=tile.id,
        reader=Palsar2Reader.name,
        quantities=("gamma0", *(quantity for kind, quantity in kinds.items() if kind in tile.files)),
        grid=header.grid,
        start=start,
        end=end,
        gsd=pixel_size_m(header.grid),
        properties={
            **stac.radar(
                polarisations=tile.polarisations,
                mode="SM",
                band="L",
                centre_ghz=CENTRE_GHZ[tile.sensor],
                product="MOSAIC",
            ),
            "platform": "alos-2" if tile.sensor == "PALSAR-2" else "alos",
            "instruments": [tile.sensor.lower()],
            **part_of(tile.id, count),
        },
        assets=_assets(source, tile),
        assumptions=(*more, *(() if "mask" in tile.files else (NO_MASK,))),
    )


def _assets(source: Source, tile: MosaicTile) -> dict[str, Any]:
    if tile.tree.kind != "folder":
        return {"product": source.path}
    return {kind: source.path / name for kind, name in tile.files.items()}


def _band(tile: MosaicTile, kind: str, decode: Decode | None = None) -> BandReader:
    header = tile.header(kind)
    return BandReader(
        tile.tree.locate(tile.files[kind]), 1, header.shape, decode, "float32" if decode else header.dtype, header.mask
    )


def _layers(tile: MosaicTile) -> dict[str, xr.DataArray]:
    grid = tile.header(f"sl_{tile.polarisations[0]}").grid
    mask = _band(tile, "mask") if "mask" in tile.files else None
    gamma0: list[WindowReader] = [MosaicGamma0(_band(tile, f"sl_{p}"), mask) for p in tile.polarisations]
    attrs = {"quantity": "gamma0", "units": "1"}
    layers = {"gamma0": lazy_array(gamma0, grid, axis="polarisation", labels=tile.polarisations, attrs=attrs)}
    if "linci" in tile.files:
        attrs = {"quantity": "incidence_angle", "units": "degree", "long_name": "local incidence angle"}
        layers["incidence_angle"] = lazy_array([_band(tile, "linci", Decode(nodata=(0.0,)))], grid, attrs=attrs)
    if mask is not None:
        attrs = {"quantity": "quality", "units": "1", "flag_scheme": "jaxa-mosaic-mask"}
        layers["quality"] = lazy_array([mask], grid, attrs=attrs)
    if "date" in tile.files:
        origin = DATE_ORIGINS[tile.sensor].date().isoformat()
        attrs = {"quantity": "value", "units": "day", "long_name": f"days since {origin}", "origin": origin}
        layers["acquisition_day"] = lazy_array([_band(tile, "date", Decode(nodata=(0.0, 1.0)))], grid, attrs=attrs)
    return layers
