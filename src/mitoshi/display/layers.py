"""What can be seen: one layer for every product and every observation of the catalogue, with its words, legend and time."""

from __future__ import annotations

import dataclasses
import math
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mitoshi.core.discovery import methods
from mitoshi.core.errors import MitoshiError, NotFoundError
from mitoshi.core.feature_kinds import FEATURE_KINDS
from mitoshi.core.product import Coded, Listed
from mitoshi.core.quantity import QUANTITIES
from mitoshi.core.text import Text
from mitoshi.display.drawing import place_of
from mitoshi.display.feature_lists import output_of
from mitoshi.display.legend import Classes, of_layer, ramp_of
from mitoshi.display.observed_layers import BAND_ASSET, Group, group_of, is_shown, keys_of
from mitoshi.display.rasters import TRUE_COLOUR, rasters_of
from mitoshi.display.tile_grid import deepest_level

if TYPE_CHECKING:
    import pystac

    from mitoshi.core.declaration import Output
    from mitoshi.display.rasters import Raster
    from mitoshi.display.source import DataSource

__all__ = ["FIELDS", "Layer", "Listing", "listing_of"]

MOST = 5000  # layers
STRETCHED = 3  # observations of a series from which its colour scale is taken: the latest ones
STATIC = frozenset({"elevation", "land_cover", "population", "water_occurrence", "built_up_share"})
EARLIEST, LATEST = "0001", "9999"  # years of an item that states no time
NOT_STATED = Text("the observation states none", "（不確かさの記載なし）")
IN_COLUMNS = Text("in the columns {names}", "属性 {names} に記載")

FIELDS = {
    "disaster": Text("disaster response", "災害対応"),
    "carbon": Text("carbon credits", "カーボン・クレジット"),
    "city": Text("smart city", "スマートシティ"),
    "ocean": Text("ocean awareness", "海洋状況把握"),
    "twin": Text("Earth digital twin", "地球デジタルツイン"),
    "observations": Text("observations", "観測"),
    "base": Text("base data", "基盤データ"),
}
TRUE_COLOUR_TITLE = Text("true colour", "トゥルーカラー")


@dataclass(frozen=True)
class Layer:
    """One layer: where it comes from, and what a reader of the map must know; see the contract of ``GET /layers``."""

    collection: str
    item: str
    key: str
    field: str
    group: Group
    title: Text
    kind: str
    quantity: str | None
    bbox: tuple[float, float, float, float]
    units: str | None = None
    datetime: str | None = None
    start: str | None = None
    end: str | None = None
    raster: Raster | None = dataclasses.field(default=None, compare=False)
    rescale: tuple[float, float] | None = None
    minzoom: int = 0
    maxzoom: int = 14
    tileset: bool = False
    classes: Classes | None = None
    class_column: str | None = None
    uncertainty: str | None = None
    no_uncertainty: Text | None = None
    no_tiles: str | None = None
    bundle: str | None = None
    simulated: bool = False
    visible: bool = False
    series: str | None = None

    @property
    def id(self) -> str:
        """The layer's name: collection, item, and asset or band."""
        return f"{self.collection}/{self.item}/{self.key}"

    @property
    def address(self) -> str:
        """The name as part of an address."""
        return "/".join(quote(part, safe="") for part in (self.collection, self.item, self.key))

    @property
    def moment(self) -> str | None:
        """The instant for which it stands."""
        return self.datetime or self.end

    def described(self) -> dict[str, Any]:
        """Return the layer for a client."""
        asked = "" if self.rescale is None else "?rescale={:g},{:g}".format(*self.rescale)
        tiled, drawn = self.raster is not None, self.kind in ("features", "buildings")
        return {
            "id": self.id, "field": self.field,
            "group": {"id": self.group.id, "title": self.group.title._asdict()},
            "title": self.title._asdict(), "kind": self.kind, "quantity": self.quantity, "units": self.units,
            "datetime": self.moment, "start": self.start, "end": self.end, "bbox": list(self.bbox),
            "tiles": f"/tiles/{self.address}/{{z}}/{{x}}/{{y}}.png{asked}" if tiled else None,
            "minzoom": self.minzoom, "maxzoom": self.maxzoom,
            "features": f"/vectors/{self.address}.geojson" if drawn else None,
            "tileset": f"/buildings/{self.address}/tileset.json" if self.tileset else None,
            "legend": self.legend(), "class_column": self.class_column,
            "uncertainty": self.uncertainty, "noUncertainty": self.no_uncertainty and self.no_uncertainty._asdict(),
            "noTiles": self.no_tiles,
            "bundle": self.bundle, "simulated": self.simulated, "visible": self.visible, "series": self.series,
        }  # fmt: skip

    def legend(self) -> dict[str, Any]:
        """Return the legend that fits the tiles."""
        if self.classes is not None:
            return self.classes.described()
        if self.raster is None:
            return {"type": "none"}
        if self.rescale is not None and self.kind != "coded":
            return ramp_of(self.raster.quantity, self.rescale, self.raster.units).described()
        return self.raster.style.described()


class Listing:
    """The layers of a catalogue, made anew when the catalogue changes."""

    def __init__(self, source: DataSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._state: tuple[int, int] | None = None
        self._layers: dict[str, Layer] = {}

    def layers(self) -> dict[str, Layer]:
        """Return every layer by its id, products first."""
        with self._lock:
            state = self._present()
            if state != self._state or not self._layers:
                self._layers = {layer.id: layer for layer in self._made()}
                self._state = state
            return self._layers

    def find(self, name: str) -> Layer:
        """Return one layer.

        Raises
        ------
        NotFoundError
            Where there is none.
        """
        found = self.layers().get(name)
        if found is None:
            raise NotFoundError(f"there is no layer {name[:120]!r}; see /layers")
        return found

    def series(self, layer: Layer) -> list[Layer]:
        """Return the layers of one time series, the earliest first."""
        if layer.series is None:
            return [layer]
        found = [other for other in self.layers().values() if other.series == layer.series]
        return sorted(found, key=lambda other: (other.moment or "", other.id))

    def _present(self) -> tuple[int, int]:
        try:
            status = (self._source.catalogue.folder / "manifest.json").stat()
        except OSError:
            return (0, 0)
        return status.st_mtime_ns, status.st_ino

    def _made(self) -> list[Layer]:
        if not (self._source.catalogue.folder / "manifest.json").exists():
            return []
        items = self._source.catalogue.search()
        found = [layer for item in reversed(items) for layer in self._of_item(item)]
        return _visible(self._stretched(_separated(found[:MOST])))

    def _of_item(self, item: pystac.Item) -> list[Layer]:
        if item.bbox is None:
            return []
        if "mitoshi:bundle" in item.properties:
            output = output_of(item)
            return [] if output is None else self._product(item, output)
        found: list[Layer] = []
        for name in item.properties.get("mitoshi:quantities", []):
            if name in FEATURE_KINDS:
                found += self._features(item, name)
            elif name in QUANTITIES and is_shown(item, name):
                found += [self._observation(item, name, key) for key in keys_of(item, name)]
        return found

    def _product(self, item: pystac.Item, output: Output) -> list[Layer]:
        layer, method = output.layer, methods()[item.collection_id or ""]
        bundle = str(item.properties["mitoshi:bundle"])
        group = Group(f"{method.name}/{bundle[:12]}", method.title)
        common = {
            **_common(item, "data"), "field": method.name.partition(".")[0], "group": group, "title": layer.title,
            "bundle": bundle, "no_uncertainty": layer.no_uncertainty,
        }  # fmt: skip
        if isinstance(layer, Listed):
            if not layer.geometry:
                return []
            told = IN_COLUMNS.format(names=layer.uncertainty) if layer.uncertainty else layer.no_uncertainty
            style = of_layer(layer)
            classes = style if isinstance(style, Classes) else None
            features = {"kind": "features", "quantity": None, "classes": classes, "no_uncertainty": told}
            return [Layer(**{**common, **features}, class_column=layer.class_column or None)]
        quantity = layer.quantity.name if layer.quantity is not None else None
        paired = (
            f"{item.collection_id}/{item.id.partition('-')[0]}-{layer.uncertainty}/data" if layer.uncertainty else None
        )
        series = f"{method.name}/{output.name}"
        kind = "coded" if isinstance(layer, Coded) else "measured"
        made = Layer(**common, kind=kind, quantity=quantity, uncertainty=paired, series=series)
        return [self._drawable(made)]

    def _features(self, item: pystac.Item, name: str) -> list[Layer]:
        if not FEATURE_KINDS[name].geometry or "data" not in item.assets:
            return []
        kind = "buildings" if name == "buildings" else "features"
        common = {**_common(item, "data"), "field": "base", "group": Group("base", FIELDS["base"])}
        told = {"title": FEATURE_KINDS[name].title, "kind": kind, "quantity": name, "no_uncertainty": NOT_STATED}
        return [Layer(**{**common, **told}, tileset=kind == "buildings")]

    def _observation(self, item: pystac.Item, name: str, key: str) -> Layer:
        static = name in STATIC
        group = Group("base", FIELDS["base"]) if static else group_of(item, name)
        title = TRUE_COLOUR_TITLE if key == TRUE_COLOUR else QUANTITIES[name].title
        if key in item.properties.get("sar:polarizations", []) or BAND_ASSET.fullmatch(key):
            title = Text(f"{title.en} {key}", f"{title.ja} {key}")
        kind = "coded" if name == "land_cover" else "measured" if static else "image"
        made = Layer(
            **_common(item, key), field="base" if static else "observations", group=group, title=title, kind=kind,
            quantity=name, series=None if static else f"{group.id}/{key}", no_uncertainty=NOT_STATED,
        )  # fmt: skip
        return self._drawable(made)

    def _drawable(self, layer: Layer) -> Layer:
        """Return the layer with its raster, or with the reason why it has no tiles."""
        try:
            raster = rasters_of(self._source).get(layer.collection, layer.item, layer.key)
            shallowest = place_of(raster).shallowest
        except MitoshiError as problem:
            return replace(layer, no_tiles=str(problem))
        units = None if layer.kind == "coded" or len(raster.bands) > 1 else raster.units
        return replace(
            layer, raster=raster, units=units, minzoom=shallowest, maxzoom=max(deepest_level(raster.item), shallowest)
        )

    def _stretched(self, layers: list[Layer]) -> list[Layer]:
        """Give the observations of one series one colour scale, so that a change of colour is a change of the ground."""
        scales: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for layer in layers:  # the latest come first
            members = scales.setdefault(_scale_key(layer), [])
            if _needs_scale(layer) and layer.raster is not None and len(members) < STRETCHED:
                members.append(layer.raster.stretch)
        return [
            replace(layer, rescale=_rounded(scales[_scale_key(layer)]))
            if _needs_scale(layer) and scales[_scale_key(layer)]
            else layer
            for layer in layers
        ]


_SHARED = threading.Lock()


def listing_of(source: DataSource) -> Listing:
    """Return the one `Listing` of a data source, which all who show it share."""
    with _SHARED:
        found: Listing = source.__dict__.setdefault("_listing", Listing(source))
    return found


def _needs_scale(layer: Layer) -> bool:
    """Tell whether a layer is an observed measure, for which nothing declares a colour scale."""
    return layer.bundle is None and layer.raster is not None and layer.kind != "coded" and len(layer.raster.bands) == 1


def _scale_key(layer: Layer) -> tuple[str, str]:
    return layer.quantity or "", layer.series or layer.collection


def _rounded(limits: list[tuple[float, float]]) -> tuple[float, float]:
    """Return limits that hold all the given ones, with three digits of their span."""
    low, high = min(pair[0] for pair in limits), max(pair[1] for pair in limits)
    digits = 2 - math.floor(math.log10(high - low))
    step = 10.0**-digits
    return round(math.floor(low / step) * step, digits), round(math.ceil(high / step) * step, digits)


def _common(item: pystac.Item, key: str) -> dict[str, Any]:
    """Return what a layer takes from its item."""
    properties = item.properties
    start, end = (_instant(properties.get(name)) for name in ("start_datetime", "end_datetime"))
    return {
        "collection": item.collection_id or "", "item": item.id, "key": key, "bbox": tuple(item.bbox or ()),
        "datetime": item.datetime.strftime("%Y-%m-%dT%H:%M:%SZ") if item.datetime else None, "start": start, "end": end,
        "simulated": bool(properties.get("mitoshi:simulated", False)),
    }  # fmt: skip


def _instant(text: str | None) -> str | None:
    return None if text is None or text.startswith((EARLIEST, LATEST)) else text


def _separated(layers: list[Layer]) -> list[Layer]:
    """Divide series whose members lie in different places: what does not overlap is no series."""
    places: dict[str, list[tuple[float, float, float, float]]] = {}
    found = []
    for layer in layers:
        if layer.series is None:
            found.append(layer)
            continue
        boxes = places.setdefault(layer.series, [])
        number = next((n for n, box in enumerate(boxes) if _meet(box, layer.bbox)), len(boxes))
        if number == len(boxes):
            boxes.append(layer.bbox)
        found.append(replace(layer, series=f"{layer.series}/{number}") if number else layer)
    return found


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def _visible(layers: list[Layer]) -> list[Layer]:
    """Switch on the latest flood extent and the latest picture; where there is no picture, the latest radar image."""
    drawn = [layer for layer in layers if layer.raster is not None]
    floods = [layer for layer in drawn if layer.bundle and layer.quantity == "flood_extent"]
    pictures = [layer for layer in drawn if layer.kind == "image"]
    coloured = [layer for layer in pictures if layer.key == TRUE_COLOUR]
    chosen = {_latest(group).id for group in (floods, coloured or pictures) if group}
    return [replace(layer, visible=True) if layer.id in chosen else layer for layer in layers]


def _latest(layers: list[Layer]) -> Layer:
    return max(layers, key=lambda layer: layer.moment or "")
