"""How values become colours: classes as the method declares them, measures on a ramp; the same for tiles and for the legend."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.product import Coded, CodedClass, Measured
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from mitoshi.core.product import Listed

    Bytes = npt.NDArray[np.uint8]

__all__ = ["LAND_COVER", "Classes", "Picture", "Ramp", "Style", "of_codes", "of_layer", "ramp_of"]

STOPS = 16
STEPS = 255  # colours of a ramp; index 0 of a tile's palette is transparent
HATCH_PERIOD, HATCH_WIDTH = 16, 5  # pixels; the period divides a tile, so that lines run on into the next one
HATCH = (96, 96, 96, 150)
RELIEF = ("#3f6b4f", "#7da35d", "#c8c27a", "#b58e5a", "#8d6b52", "#b9aca4", "#ffffff")  # lowland to summit
COLOURS: dict[str, str | tuple[str, ...]] = {"elevation": RELIEF, "population": "YlOrRd", "water_occurrence": "Blues"}
# Where these are exactly zero there is nothing to show, and what lies below is left bare.
ABSENT_AT_ZERO = frozenset({"water_depth", "flow_speed", "population", "probability", "water_occurrence"})

# Codes, words and colours of ESA WorldCover 2021 v200 (Product User Manual, table 2).
LAND_COVER = (
    CodedClass(10, Text("tree cover", "樹木"), "#006400"),
    CodedClass(20, Text("shrubland", "低木地"), "#ffbb22"),
    CodedClass(30, Text("grassland", "草地"), "#ffff4c"),
    CodedClass(40, Text("cropland", "農地"), "#f096ff"),
    CodedClass(50, Text("built-up", "市街地"), "#fa0000"),
    CodedClass(60, Text("bare or sparse vegetation", "裸地・疎な植生"), "#b4b4b4"),
    CodedClass(70, Text("snow and ice", "雪氷"), "#f0f0f0"),
    CodedClass(80, Text("permanent water", "平常時水域"), "#0064c8"),
    CodedClass(90, Text("herbaceous wetland", "草本湿地"), "#0096a0"),
    CodedClass(95, Text("mangroves", "マングローブ"), "#00cf75"),
    CodedClass(100, Text("moss and lichen", "コケ・地衣類"), "#fae6a0"),
)


@dataclass(frozen=True)
class Classes:
    """Codes with their words and colours.

    Attributes
    ----------
    entries
        Every code that may occur.
    nodata
        The code of what was not observed, hatched; None where nothing is.
    bare
        The code of the ordinary state, which is not painted; None where every class is.
    """

    entries: tuple[CodedClass, ...]
    nodata: int | None = None
    bare: int | None = None

    def described(self) -> dict[str, Any]:
        """Return the legend for a client."""
        classes = [
            {
                "code": c.code,
                "title": c.title._asdict(),
                "colour": c.colour,
                "nodata": c.code == self.nodata,
                "bare": c.code == self.bare,
            }
            for c in self.entries
        ]
        return {"type": "classes", "classes": classes}

    def titled(self, code: int) -> CodedClass | None:
        """Return the class of a code."""
        return next((c for c in self.entries if c.code == code), None)

    @cached_property
    def free(self) -> tuple[int, int]:
        """Two codes that mean nothing: for what lies outside of the raster, and for the lines of the hatching."""
        taken = {c.code for c in self.entries} | {self.nodata, self.bare}
        outside, line = [code for code in range(255, -1, -1) if code not in taken][:2]
        return outside, line

    @cached_property
    def palette(self) -> Bytes:
        """Colours with opacity by code, (256, 4)."""
        table = np.zeros((256, 4), np.uint8)
        for entry in self.entries:
            if entry.code not in (self.bare, self.nodata):
                table[entry.code] = (*_rgb(entry.colour), 255)
        table[self.free[1]] = HATCH
        return table

    def painted(self, codes: Bytes) -> tuple[Bytes, Bytes]:
        """Return palette indices and the palette of a tile of codes; what was not observed is hatched."""
        if self.nodata is None or not (hidden := codes == self.nodata).any():
            return codes, self.palette
        return np.where(hidden & _lines(codes.shape[0]), np.uint8(self.free[1]), codes), self.palette


@dataclass(frozen=True)
class Ramp:
    """A colour scale.

    Attributes
    ----------
    limits
        Values of its first and last colour.
    colours
        Name of a matplotlib colour map, or ``#rrggbb`` at equal distances.
    units
        Of the values.
    bare_zero
        Whether a value of exactly zero is not painted.
    """

    limits: tuple[float, float]
    colours: str | tuple[str, ...]
    units: str
    bare_zero: bool = False

    def described(self) -> dict[str, Any]:
        """Return the legend for a client."""
        table = _table(self.colours)
        places = [n / (STOPS - 1) for n in range(STOPS)]
        stops = [[round(p, 4), "#{:02x}{:02x}{:02x}".format(*table[round(p * (STEPS - 1))])] for p in places]
        return {"type": "ramp", "limits": list(self.limits), "stops": stops, "units": self.units}

    @cached_property
    def palette(self) -> Bytes:
        """Colours with opacity, (256, 4); the first is transparent."""
        table = np.full((256, 4), 255, np.uint8)
        table[0] = 0
        table[1:, :3] = _table(self.colours)
        return table

    def painted(self, values: npt.NDArray[np.float32]) -> tuple[Bytes, Bytes]:
        """Return palette indices and the palette of a tile of values; NaN is transparent."""
        low, high = self.limits
        with np.errstate(invalid="ignore"):
            scaled = (values - np.float32(low)) * np.float32((STEPS - 1) / max(high - low, 1e-12))
            np.clip(scaled, 0, STEPS - 1, out=scaled)
            shown = np.isfinite(values) & (values != 0) if self.bare_zero else np.isfinite(values)
            indices = np.where(shown, scaled + np.float32(1.5), 0).astype(np.uint8)
        return indices, self.palette


@dataclass(frozen=True)
class Picture:
    """Three bands shown as red, green and blue between `limits`."""

    limits: tuple[float, float]

    def described(self) -> dict[str, Any]:
        """Return the legend for a client."""
        return {"type": "none"}

    def painted(self, values: npt.NDArray[np.float32]) -> Bytes:
        """Return colours with opacity, (y, x, 4), of (3, y, x) values."""
        low, high = self.limits
        seen = np.isfinite(values).all(axis=0)
        share = np.clip((np.nan_to_num(values) - low) / max(high - low, 1e-12), 0, 1)
        out = np.zeros((*seen.shape, 4), np.uint8)
        out[..., :3] = np.moveaxis(np.rint(np.sqrt(share) * 255), 0, -1)  # a square root lifts the dark land
        out[..., 3] = seen * np.uint8(255)
        return out


Style = Classes | Ramp | Picture


def of_layer(layer: Coded | Measured | Listed) -> Classes | Ramp | None:
    """Return how an output of a method is drawn; None for a list whose features have one colour."""
    if isinstance(layer, Coded):
        return Classes(layer.classes, layer.nodata, 0)
    if isinstance(layer, Measured):
        quantity = layer.quantity
        return Ramp(layer.limits, layer.colours, quantity.units, quantity.name in ABSENT_AT_ZERO)
    return Classes(layer.classes) if layer.classes else None


def ramp_of(quantity: str, limits: tuple[float, float], units: str) -> Ramp:
    """Return how an observed quantity is drawn."""
    return Ramp(limits, COLOURS.get(quantity, "gray"), units, quantity in ABSENT_AT_ZERO)


def of_codes(codes: Iterable[int], nodata: int | None) -> Classes:
    """Return the legend of observed codes: those of ESA WorldCover where they all are, else by number."""
    seen = sorted(set(codes) - {nodata})
    known = {c.code: c for c in LAND_COVER}
    if all(code in known for code in seen):
        return Classes(tuple(known[code] for code in seen), None, nodata)
    table = _table("tab20")
    numbered = [
        CodedClass(code, Text(f"code {code}", f"コード {code}"), "#{:02x}{:02x}{:02x}".format(*table[(n * 37) % STEPS]))
        for n, code in enumerate(seen[:64])
    ]
    return Classes(tuple(numbered), None, nodata)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


@lru_cache(maxsize=64)
def _table(colours: str | tuple[str, ...]) -> Bytes:
    """Return the colours of a ramp, (255, 3)."""
    if isinstance(colours, tuple):
        corners = np.array([_rgb(c) for c in colours], float)
        places = np.linspace(0, len(colours) - 1, STEPS)
        each = [np.interp(places, np.arange(len(colours)), corners[:, band]) for band in range(3)]
        between: Bytes = np.rint(np.stack(each, axis=1)).astype(np.uint8)
        return between
    from matplotlib import colormaps

    table: Bytes = np.rint(colormaps[colours](np.linspace(0, 1, STEPS))[:, :3] * 255).astype(np.uint8)
    return table


@lru_cache(maxsize=4)
def _lines(side: int) -> npt.NDArray[np.bool_]:
    down, across = np.indices((side, side), dtype=np.int32)
    return np.asarray((down + across) % HATCH_PERIOD < HATCH_WIDTH)
