"""Sentinel-1 GRD (and SLC in radar geometry) as SAFE folder or zip: calibrated, noise removed, geocoded.

    quantity = max(DN² − η, 1) / A²          sigma0, beta0, gamma0, each with its own look-up table A

A and the thermal noise η are bilinear in the annotation's vectors (S1-RS-MDA-52-7448). Where the noise exceeds the signal the
power is set to one count of DN², about −55 dB: calm water in cross polarisation stays a finite, very dark value instead of
turning into "not observed". DN = 0 is no data. GRD images are put on a UTM grid at their own pixel spacing through the
geolocation grid.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.text import Text
from mitoshi.sensors import guard, stac
from mitoshi.sensors.footprint import footprint
from mitoshi.sensors.geocode import Geocoded, Lattice
from mitoshi.sensors.lazy import BandReader, WindowReader, lazy_array
from mitoshi.sensors.masks import mask_of
from mitoshi.sensors.observation import Observation
from mitoshi.sensors.products import chosen_product, part_of
from mitoshi.sensors.sentinel1_annotation import Annotation, Noise, read_annotation, read_calibration, read_noise

if TYPE_CHECKING:
    import pystac
    import xarray as xr
    from odc.geo.geobox import GeoBox

    from mitoshi.sensors.observation import Source
    from mitoshi.sensors.tree import Tree

__all__ = ["READER", "Calibrated"]

CENTRE_GHZ = 5.405
FLOOR = 1.0  # DN²
BACKSCATTER = ("gamma0", "sigma0", "beta0")
ORDER = ("VV", "HH", "VH", "HV")
IMAGE = re.compile(
    r"(?P<root>^|.*/)annotation/(?P<key>s1[a-d]-(?:iw|ew|wv|s)\d?-(?P<kind>grd|slc)-(?:vv|vh|hh|hv)-[^/]*)\.xml$",
    re.IGNORECASE,
)
ABSENT = Text(
    "measurement files of {bands} are missing or empty and are left out; fetch the whole product",
    "{bands} の計測ファイルがないか空のため除きます。製品全体を取得してください",
)
UNCALIBRATED = Text(
    "the product has no calibration annotation: the detected amplitude is taken as relative, uncalibrated backscatter",
    "校正注釈がないため、振幅を相対後方散乱（未校正）とします",
)
NOISE_KEPT = Text(
    "thermal noise is not removed: the noise annotation is {why}", "熱雑音は除去していません（雑音注釈が{why}）"
)
ONE_SWATH = Text("of the swaths {swaths} only {chosen} is read", "スワス {swaths} のうち {chosen} だけを読みます")


@dataclass(frozen=True)
class Calibrated:
    """Backscatter in radar geometry from digital numbers.

    Attributes
    ----------
    image
        Reads the digital numbers, real or complex.
    table
        Calibration look-up table A; None leaves the amplitude as it is.
    noise
        Thermal noise in DN², or None.
    """

    image: BandReader
    table: Lattice | None
    noise: Noise | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(lines, samples)."""
        return self.image.shape

    @property
    def dtype(self) -> str:
        """Of the result."""
        return "float32"

    def read(self, y: slice, x: slice) -> np.ndarray[Any, Any]:
        """Return one window of linear backscatter; NaN where DN is 0."""
        stored = self.image.read(y, x)
        amplitude = np.abs(stored.astype(np.complex128 if np.iscomplexobj(stored) else np.float64))
        if self.table is None:
            values = amplitude
        else:
            power = amplitude**2
            if self.noise is not None:
                power = np.maximum(power - self.noise.window(y, x), FLOOR)
            values = power / self.table.window(y, x) ** 2
        return np.where(amplitude > 0, values, np.nan).astype(np.float32)


@dataclass(frozen=True)
class AngleReader:
    """Incidence angle in radar geometry."""

    angles: Lattice
    shape: tuple[int, int]
    dtype: str = "float32"

    def read(self, y: slice, x: slice) -> np.ndarray[Any, Any]:
        """Return one window in degrees."""
        return self.angles.window(y, x).astype(np.float32)


@dataclass(frozen=True)
class Product:
    """The files of one product inside a tree."""

    tree: Tree
    root: str
    images: tuple[str, ...]

    def _xml(self, name: str) -> bytes:
        return self.tree.read(name)

    @cached_property
    def annotations(self) -> dict[str, Annotation]:
        """Image key, such as ``s1a-iw-grd-vv-…-001``, to its annotation; co-polarisation first."""
        found = {
            key: read_annotation(self._xml(f"{self.root}annotation/{key}.xml"), f"{key}.xml") for key in self.images
        }
        return dict(sorted(found.items(), key=lambda pair: (pair[1].swath, ORDER.index(pair[1].polarisation))))

    @cached_property
    def first(self) -> Annotation:
        """The annotation that speaks for the product."""
        return next(iter(self.annotations.values()))

    @cached_property
    def id(self) -> str:
        """Name of the product."""
        for part in (self.root.rstrip("/"), self.tree.path.name):
            name = PurePosixPath(part).name.removesuffix(".zip").removesuffix(".SAFE")
            if re.match(r"S1[A-D]_(IW|EW|WV|S\d)_(GRD|SLC)._", name):
                return name
        a = self.first
        return (
            f"{a.mission}_{a.mode}_{a.product}_{a.start:%Y%m%dT%H%M%S}_{a.stop:%Y%m%dT%H%M%S}_"
            f"{a.absolute_orbit:06d}_{a.datatake:06X}"
        )

    def measurement(self, key: str) -> str | None:
        """Return the name of the pixels of an image, or None where they are missing or empty."""
        for suffix in (".tiff", ".tif"):
            name = f"{self.root}measurement/{key}{suffix}"
            if name in self.tree.members and self.tree.members[name].size:
                return name
        return None

    def beside(self, kind: str, key: str) -> str | None:
        """Return the name of the calibration or noise annotation of an image."""
        name = f"{self.root}annotation/calibration/{kind}-{key}.xml"
        return name if name in self.tree.members else None

    @cached_property
    def relative_orbit(self) -> int | None:
        """Track number, from the manifest where there is one."""
        name = f"{self.root}manifest.safe"
        if name in self.tree.members:
            root = guard.parse_xml(self._xml(name), "manifest.safe")
            text = next((e.text for e in root.iter() if e.tag.endswith("}relativeOrbitNumber")), None)
            if text and text.strip().isdigit():
                return int(text)
        return self.first.relative_orbit


class Sentinel1Reader:
    """Sentinel-1 level 1 products."""

    name = "sentinel1"
    priority = 10
    wants = "a Sentinel-1 GRD or SLC product (SAFE folder or zip)"

    def recognises(self, source: Source) -> bool:
        """Tell whether there is an annotation named as in a SAFE product."""
        if source.tree is None:
            return False
        found = [m for m in map(IMAGE.match, source.names) if m]
        return bool(found) and (source.tree.kind != "folder" or any(not m["root"] for m in found))

    def items(self, source: Source) -> list[pystac.Item]:
        """Return one item per product."""
        products = _products(source)
        return [stac.make_item(source, _parts(source, product, len(products))) for product in products]

    def open(self, source: Source) -> Observation:
        """Return the product's layers."""
        products = _products(source)
        product = chosen_product(source, {p.id: p for p in products})
        parts = _parts(source, product, len(products))
        files = (source.path,) if product.tree.kind != "folder" else tuple(_files(product))
        return Observation(_layers(product, parts), stac.make_item(source, parts), stac.assumed(parts), files)


READER = Sentinel1Reader()


def _products(source: Source) -> list[Product]:
    if source.tree is None:
        raise InputError(f"{source.path.name} is no product folder or archive")
    roots: dict[str, list[str]] = {}
    for name in source.names:
        found = IMAGE.match(name)
        if found:
            roots.setdefault(found["root"], []).append(found["key"])
    return [Product(source.tree, root, tuple(sorted(keys))) for root, keys in sorted(roots.items())]


def _swath(product: Product) -> dict[str, Annotation]:
    """Return the images of one swath: all of a GRD product, those of the first swath of an SLC product."""
    return {key: a for key, a in product.annotations.items() if a.swath == product.first.swath}


def _complete(product: Product) -> dict[str, Annotation]:
    return {key: a for key, a in _swath(product).items() if product.measurement(key)}


def _calibrated(product: Product) -> bool:
    return all(product.beside("calibration", key) for key in _complete(product))


def _assumptions(product: Product) -> tuple[Text, ...]:
    said: list[Text] = []
    swaths = sorted({a.swath for a in product.annotations.values()})
    if len(swaths) > 1:
        said.append(ONE_SWATH.format(swaths=", ".join(swaths), chosen=product.first.swath))
    complete = _complete(product)
    absent = [a.polarisation for key, a in _swath(product).items() if key not in complete]
    if absent:
        said.append(ABSENT.format(bands=", ".join(absent)))
    if complete and not _calibrated(product):
        said.append(UNCALIBRATED)
    elif complete and product.first.product == "GRD":
        said.extend(_noise_notes(product, complete))
    return tuple(said)


def _noise_notes(product: Product, complete: dict[str, Annotation]) -> list[Text]:
    names = [product.beside("noise", key) for key in complete]
    if not all(names):
        return [Text(NOISE_KEPT.en.format(why="absent"), NOISE_KEPT.ja.format(why="ない"))]
    if any(_noise(product, key) is None for key in complete):
        return [Text(NOISE_KEPT.en.format(why="all zero"), NOISE_KEPT.ja.format(why="すべて 0 "))]
    return []


def _noise(product: Product, key: str) -> Noise | None:
    name = product.beside("noise", key)
    noise = None if name is None else read_noise(product.tree.read(name), name)
    return None if noise is None or noise.empty else noise


def _grid(product: Product) -> GeoBox | None:
    return product.first.places.output_grid(product.first.spacing[1]) if product.first.product == "GRD" else None


def _quantities(product: Product) -> tuple[str, ...]:
    backscatter = BACKSCATTER if _calibrated(product) else ("relative_backscatter",)
    return (*(backscatter if _complete(product) else ()), "incidence_angle")


def _parts(source: Source, product: Product, count: int) -> stac.Parts:
    first, complete = product.first, _complete(product)
    geometry, bbox = footprint(_rim(first))
    angle = first.incidence.values
    return stac.Parts(
        id=product.id,
        reader=Sentinel1Reader.name,
        quantities=_quantities(product),
        grid=_grid(product),
        start=min(a.start for a in product.annotations.values()),
        end=max(a.stop for a in product.annotations.values()),
        geometry=geometry,
        bbox=bbox,
        gsd=first.spacing[1],
        properties={
            **stac.radar(
                polarisations=[a.polarisation for a in (complete or _swath(product)).values()],
                mode=first.mode if first.mode in {"IW", "EW", "WV"} else "SM",
                band="C",
                centre_ghz=CENTRE_GHZ,
                product=first.product,
                orbit_state="ascending" if first.ascending else "descending",
                relative_orbit=product.relative_orbit,
            ),
            "platform": f"sentinel-{first.mission[1:].lower()}",
            "constellation": "sentinel-1",
            "instruments": ["c-sar"],
            "sar:pixel_spacing_azimuth": first.spacing[0],
            "sar:pixel_spacing_range": first.spacing[1],
            "sar:looks_azimuth": first.looks[0],
            "sar:looks_range": first.looks[1],
            "sat:absolute_orbit": first.absolute_orbit,
            "view:incidence_angle": round(float(angle.mean()), 3),
            **({} if first.look_azimuth is None else {"view:azimuth": round(first.look_azimuth, 3)}),
            "s1:datatake_id": f"{first.datatake:06X}",
            "mitoshi:missing": [f"measurement/{k}.tiff" for k in _swath(product) if k not in complete],
            **part_of(product.id, count),
        },
        assets=_assets(source, product),
        assumptions=_assumptions(product),
    )


def _rim(first: Annotation) -> list[tuple[float, float]]:
    lon, lat = first.places.longitude, first.places.latitude
    sides = [
        (z[:, 0], z[-1, :], z[::-1, -1], z[0, ::-1])  # down the near side, along the last line, up, and back
        for z in (lon, lat)
    ]
    return [(float(x), float(y)) for xs, ys in zip(*sides, strict=True) for x, y in zip(xs[:-1], ys[:-1], strict=True)]


def _assets(source: Source, product: Product) -> dict[str, Any]:
    if product.tree.kind != "folder":
        return {"product": source.path}
    images = {a.polarisation.lower(): product.measurement(key) for key, a in _swath(product).items()}
    found = {key: product.tree.path / name for key, name in images.items() if name}
    manifest = f"{product.root}manifest.safe"
    return {**found, **({"manifest": product.tree.path / manifest} if manifest in product.tree.members else {})}


def _files(product: Product) -> list[Any]:
    names = [f"{product.root}manifest.safe"]
    for key in product.images:
        annotation = f"{product.root}annotation/{key}.xml"
        beside = (product.beside("calibration", key), product.beside("noise", key))
        names += [name for name in (annotation, *beside, product.measurement(key)) if name]
    return [product.tree.path / name for name in names if name in product.tree.members]


def _layers(product: Product, parts: stac.Parts) -> dict[str, xr.DataArray]:
    from affine import Affine
    from odc.geo.geobox import GeoBox

    complete, first = _complete(product), product.first
    grid = parts.grid or GeoBox(first.shape, Affine.identity(), None)
    layers: dict[str, xr.DataArray] = {}
    images = {key: _image(product, key, a) for key, a in complete.items()}
    tables: dict[str, dict[str, Lattice]] = {}
    if _calibrated(product):
        tables = {
            key: read_calibration(product.tree.read(str(product.beside("calibration", key))), key) for key in complete
        }
    noise = {key: _noise(product, key) if first.product == "GRD" else None for key in complete}
    look = {} if parts.grid is None or first.look_azimuth is None else {"look_azimuth_deg": first.look_azimuth}
    for quantity in parts.quantities[:-1]:
        readers: list[WindowReader] = [
            Calibrated(images[key], tables[key][quantity] if tables else None, noise[key]) for key in complete
        ]
        layers[quantity] = lazy_array(
            [_on_map(reader, first, parts.grid) for reader in readers],
            grid,
            axis="polarisation",
            labels=[a.polarisation for a in complete.values()],
            attrs={"quantity": quantity, "units": "1", **look},
        )
    angles = _on_map(AngleReader(first.incidence, first.shape), first, parts.grid)
    layers["incidence_angle"] = lazy_array([angles], grid, attrs={"quantity": "incidence_angle", "units": "degree"})
    return layers


def _on_map(reader: WindowReader, first: Annotation, grid: GeoBox | None) -> WindowReader:
    return reader if grid is None else Geocoded.of(reader, first.places, grid)


def _image(product: Product, key: str, annotation: Annotation) -> BandReader:
    location = product.tree.locate(str(product.measurement(key)))
    with guard.open_raster(location) as dataset:
        shape, mask = (dataset.height, dataset.width), mask_of(dataset, location)
    if shape != annotation.shape:
        raise InputError(f"{key}.tiff has {shape} pixels but its annotation says {annotation.shape}; fetch it again")
    return BandReader(location, 1, shape, mask=mask)
