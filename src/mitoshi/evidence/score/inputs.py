"""What is compared: the product of a bundle or of anybody, its uncertainty, and the reference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import BundleError, InputError, misspelt
from mitoshi.core.product import Coded, Listed, Measured
from mitoshi.core.quantity import VALUE
from mitoshi.core.requirement import instant
from mitoshi.core.text import Text
from mitoshi.evidence.digest import file_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odc.geo.geobox import GeoBox

    from mitoshi.core.features import Features
    from mitoshi.core.method import Output
    from mitoshi.core.product import Figure
    from mitoshi.core.quantity import Raster
    from mitoshi.sensors import Observation

__all__ = ["FeatureInput", "Input", "LayerInput", "Product", "checksums", "open_input", "open_layer", "open_product"]

# What the reader says of a file without description; here the options say it.
UNTOLD = ("the file does not say what it holds", "an 8-bit image is taken")


@dataclass(frozen=True)
class Input:
    """One file that takes part in a comparison.

    Attributes
    ----------
    name
        Of the file, without folder.
    files
        That are read.
    times
        First and last instant of the observation; None where nothing states it.
    simulated
        Whether it says that it is simulated.
    assumptions
        What its reader had to suppose.
    """

    name: str
    files: tuple[Path, ...]
    times: tuple[datetime, datetime] | None
    simulated: bool
    assumptions: tuple[Text, ...]


@dataclass(frozen=True)
class LayerInput(Input):
    """A raster, read window by window.

    Attributes
    ----------
    raster
        (y, x); NaN where there is no value.
    grid
        Its cells; without a CRS they are counted.
    quantity, units
        What it holds, "value" where that is not said; "" where no unit is stated.
    """

    raster: Raster
    grid: GeoBox
    quantity: str
    units: str

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return int(self.grid.shape[0]), int(self.grid.shape[1])

    def window(self, rows: slice, columns: slice) -> np.ndarray[Any, Any]:
        """Return the values of a window as floating numbers."""
        values = self.raster.isel(y=rows, x=columns).to_numpy()
        return values if values.dtype.kind == "f" else values.astype(np.float32)


@dataclass(frozen=True)
class FeatureInput(Input):
    """Features, read whole.

    Attributes
    ----------
    features
        In their own CRS.
    units
        What the description says of the values, or "".
    """

    features: Features
    units: str

    @property
    def points(self) -> bool:
        """Whether all of them are points."""
        kinds = {str(t) for t in self.features.geom_type.dropna().unique()}
        return bool(kinds) and kinds <= {"Point", "MultiPoint"}


@dataclass(frozen=True)
class Product:
    """What is scored.

    Attributes
    ----------
    source
        Its file.
    layer
        Its declaration in a method; None for a file of another tool.
    uncertainty
        Probability of a coded layer, or standard uncertainty of a measured one.
    figures
        Of the bundle.
    method, bundle
        Name and version of the method, and identifier of the bundle; "" for a file of another tool.
    """

    source: LayerInput | FeatureInput
    layer: Coded | Measured | Listed | None = None
    uncertainty: LayerInput | None = None
    figures: tuple[Figure, ...] = ()
    method: str = ""
    bundle: str = ""


def open_product(path: Path | str, name: str | None, uncertainty: str | None, *, features: bool = False) -> Product:
    """Return the product of a bundle's folder, or of one raster or vector file.

    Parameters
    ----------
    path
        Folder of a bundle, or file with its description after ``#``.
    name
        Of the product in a bundle; None takes the first coded one, else the first measured, else the first list.
    uncertainty
        File of the probability or standard uncertainty of a product of another tool.
    features
        Whether the reference is a list: a bundle whose main product is a list with classes is then judged by that.

    Raises
    ------
    InputError
        If there is no such product, or it cannot be read.
    BundleError
        If the bundle's files are not those that it was sealed with.
    """
    if Path(path).is_dir() and (Path(path) / "run.json").is_file():
        if uncertainty is not None:
            raise InputError("a bundle holds the uncertainty of its products; leave --uncertainty out")
        return _of_bundle(Path(path), name, features=features)
    source = open_input(str(path))
    if name is not None:
        raise InputError(f"{source.name} is no evidence bundle, so it has no product {name!r}; leave --product out")
    return Product(source, uncertainty=None if uncertainty is None else open_layer(uncertainty))


def _of_bundle(path: Path, name: str | None, *, features: bool) -> Product:
    from mitoshi.core.discovery import find
    from mitoshi.evidence.bundle import Bundle, read_json, read_sums
    from mitoshi.evidence.lists import leads

    bundle, sums = Bundle.open(path), read_sums(path)
    method = find(bundle.method)
    outputs = {o.name: o for o in method.outputs if o.name in read_json(path, "run.json")["products"]}
    if name is None and features:
        name = next((o.name for o in outputs.values() if leads(o, method)), None)
    output = _chosen(outputs, name, path.name)
    partner = output.layer.uncertainty if isinstance(output.layer, Coded | Measured) else None
    return Product(
        _sealed(path, output, sums),
        output.layer,
        _layer_of(_sealed(path, outputs[partner], sums)) if partner in outputs else None,
        bundle.figures,
        f"{bundle.method} {bundle.version}",
        bundle.id,
    )


def _chosen(outputs: dict[str, Output], name: str | None, bundle: str) -> Output:
    if name is not None:
        if name not in outputs:
            raise InputError(misspelt(f"product of {bundle}", name, outputs))
        return outputs[name]
    for kind in (Coded, Measured, Listed):
        found = next((o for o in outputs.values() if isinstance(o.layer, kind)), None)
        if found is not None:
            return found
    raise InputError(f"{bundle} holds no product")


def _sealed(path: Path, output: Output, sums: dict[str, str]) -> LayerInput | FeatureInput:
    """Open a product after making sure that it is the one that was sealed."""
    file = path / f"{output.name}.{'tif' if output.is_raster else 'parquet'}"
    if not file.is_file() or file.is_symlink():
        raise BundleError(f"{path.name} holds no {file.name}; get the bundle again")
    if file_digest(file) != sums.get(file.name):
        raise BundleError(
            f"{file.name} is not the file that the bundle was sealed with; see mitoshi verify {path.name}"
        )
    return open_input(str(file))


def open_layer(source: str) -> LayerInput:
    """Return a raster; see `open_input`."""
    return _layer_of(open_input(source))


def _layer_of(found: LayerInput | FeatureInput) -> LayerInput:
    if isinstance(found, FeatureInput):
        raise InputError(f"{found.name} holds features, not a raster; give a raster")
    return found


def open_input(source: str) -> LayerInput | FeatureInput:
    """Return a raster or features with what they say of themselves.

    Parameters
    ----------
    source
        Path, with the user's description after ``#``.

    Raises
    ------
    InputError
        If it cannot be read, or holds several layers.
    """
    from mitoshi.sensors import open_observation
    from mitoshi.sensors.observation import source_of

    observation = open_observation(source, expecting=VALUE)
    said = source_of(source).description
    name = Path(source.partition("#")[0]).name if not Path(source).exists() else Path(source).name
    common = _common(observation, name)
    if observation.features:
        features = next(iter(observation.features.values()))
        return FeatureInput(**common, features=features, units=said.units or "")
    if len(observation.layers) != 1:
        held = ", ".join(sorted(observation.layers)) or "nothing"
        raise InputError(f"{name} holds {held}; give a file of one layer, or choose it with '#variable=…'")
    found = _as_layer(next(iter(observation.layers.values())), common, name)
    unstated = found.quantity == VALUE.name and found.units == "1" and said.units is None
    return replace(found, units="") if unstated else found


def _as_layer(raster: Raster, common: dict[str, Any], name: str) -> LayerInput:
    import odc.geo.xr  # noqa: F401 - registers the accessor

    for dim in raster.dims[:-2]:
        if raster.sizes[dim] > 1:
            example = "+".join(["name", *["-"] * (raster.sizes[dim] - 1)])
            raise InputError(
                f"{name} has {raster.sizes[dim]} bands; name the one that is meant and skip the others, such as "
                f"'#bands={example[:40]}' for the first"
            )
        raster = raster.isel({dim: 0})
    grid = raster.odc.geobox
    if grid is None:
        raise InputError(f"{name} has no regular grid; give a raster with evenly spaced coordinates")
    attrs = raster.attrs
    return LayerInput(
        **common,
        raster=raster.rename(dict(zip(raster.dims, ("y", "x"), strict=True))),
        grid=grid,
        quantity=str(attrs.get("quantity", "value")),
        units=str(attrs.get("units", "1")),
    )


def _common(observation: Observation, name: str) -> dict[str, Any]:
    from mitoshi.sensors.stac import NO_TIME

    item, texts = observation.item, observation.assumptions
    times = None
    if NO_TIME not in texts:
        stated = item.properties.get
        first = item.datetime or instant(str(stated("start_datetime")))
        times = (first, item.datetime or instant(str(stated("end_datetime"))))
    return {
        "name": name,
        "files": tuple(sorted(observation.files)),
        "times": times,
        "simulated": bool(item.properties.get("mitoshi:simulated")),
        "assumptions": tuple(t for t in texts if t != NO_TIME and not t.en.startswith(UNTOLD)),
    }


def checksums(inputs: Mapping[str, Input]) -> dict[str, str]:
    """Return the SHA-256 of every file that is read, by ``role/name``.

    Parameters
    ----------
    inputs
        By what they are in the comparison, such as "reference".
    """
    return {f"{role}/{file.name}": file_digest(file) for role, found in inputs.items() for file in found.files}
