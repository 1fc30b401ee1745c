"""Open what a run is given, and describe it so that another party finds the same bytes without knowing this machine."""

from __future__ import annotations

from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, Union, cast
from urllib.parse import urlsplit

from mitoshi.core.discovery import methods
from mitoshi.core.errors import InputError, QuantityError, misspelt
from mitoshi.core.features import FeatureKind, features_as_declared
from mitoshi.core.quantity import QUANTITIES, area_of_density, as_declared
from mitoshi.evidence.dates import check_one_pass, stack_of
from mitoshi.evidence.digest import content_digest, file_digest, multihash
from mitoshi.sensors.footprint import rounded_coordinates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pystac

    from mitoshi.core.features import Features
    from mitoshi.core.grid import BBox
    from mitoshi.core.method import DataArgument, Method
    from mitoshi.core.quantity import Raster
    from mitoshi.core.text import Text
    from mitoshi.evidence.frame import Frame
    from mitoshi.sensors import Observation

__all__ = ["Fetched", "Given", "Source", "file_digests", "framed", "open_sources"]

One: TypeAlias = Union[str, Path, "Fetched", "pystac.Item", "Observation"]
Source: TypeAlias = Union[One, "Sequence[One]"]
FILE_EXTENSION = "https://stac-extensions.github.io/file/v2.1.0/schema.json"

ONE_LAYER = frozenset(
    name for name, q in QUANTITIES.items() if q.units in {"m", "m s-1", "mm h-1", "s m-0.333333"} or q.extensive
) | {"cloud_mask", "flood_extent", "water_occurrence", "land_cover", "built_up_share"}
"""Quantities with one value at a place."""


class Fetched(NamedTuple):
    """A file that came from the web.

    Attributes
    ----------
    text
        Where it lies now: ``FILE`` or ``FILE#key=value,…``.
    address
        Where it came from, without the query, which may hold a key.
    """

    text: str
    address: str


@dataclass(frozen=True)
class Given:
    """One observation that answers a data argument.

    Attributes
    ----------
    argument
        Which one.
    observation
        As the reader opened it.
    layer
        The array, or the features, that are used.
    root
        The file or folder that the user or the catalogue named.
    description
        What was said of it after ``#``.
    address
        Where on the web it came from; "" for what was at hand.
    """

    argument: DataArgument
    observation: Observation
    layer: Raster | Features
    root: Path
    description: str
    address: str = ""

    @property
    def properties(self) -> Mapping[str, Any]:
        """Of the STAC item."""
        return cast("Mapping[str, Any]", self.observation.item.properties)

    @property
    def simulated(self) -> bool:
        """Whether the observation is simulated."""
        return bool(self.properties.get("mitoshi:simulated", False))

    @property
    def datetime(self) -> str:
        """Instant, interval, or nothing where the file states no time."""
        item = self.observation.item
        if item.datetime is not None:
            return item.datetime.isoformat().replace("+00:00", "Z")
        start, end = self.properties.get("start_datetime", ""), self.properties.get("end_datetime", "")
        return "" if not start or start.startswith("0001-") else f"{start}/{end}"

    def name_of(self, file: Path) -> str:
        """Return a file's name below the folder that was given, or its own name."""
        if self.root.is_dir() and file.is_relative_to(self.root):
            return f"{self.root.name}/{file.relative_to(self.root).as_posix()}"
        return file.name

    def record(self, digests: Mapping[Path, str]) -> dict[str, Any]:
        """Return what ``run.json`` says of it."""
        return {
            **({"address": self.address} if self.address else {}),
            "id": self.observation.item.id,
            "name": self.root.name,
            "kind": "folder" if self.root.is_dir() else "file",
            "description": self.description,
            "quantity": self.argument.quantity.name if self.argument.is_features else self.layer.attrs.get("quantity"),
            "units": None if self.argument.is_features else self.layer.attrs.get("units"),
            "datetime": self.datetime,
            "reader": self.properties.get("mitoshi:reader"),
            "simulated": self.simulated,
            "assumptions": [text.en for text in self.observation.assumptions],
            "files": [
                {"name": self.name_of(f), "sha256": digests[f], "size": f.stat().st_size}
                for f in sorted(self.observation.files)
            ],
        }

    def item(self, digests: Mapping[Path, str]) -> dict[str, Any]:
        """Return the STAC item without the paths of this machine, its footprint at the resolution of coordinates."""
        item = self.observation.item.clone()
        item.clear_links()
        for asset in item.assets.values():
            path = Path(asset.href)
            asset.href = self.name_of(path)
            if path in digests:
                asset.extra_fields |= {"file:checksum": multihash(digests[path]), "file:size": path.stat().st_size}
        if FILE_EXTENSION not in item.stac_extensions:
            item.stac_extensions = sorted([*item.stac_extensions, FILE_EXTENSION])
        plain: dict[str, Any] = item.to_dict(include_self_link=False, transform_hrefs=False)
        plain["properties"].pop("mitoshi:source", None)
        for holder, keys in ((plain, ("geometry", "bbox")), (plain["properties"], ("proj:bbox",))):
            holder |= {k: rounded_coordinates(holder[k]) for k in keys if k in holder}
        return plain

    def header(self, frame: Frame) -> dict[str, Any]:
        """Return what is hashed with the pixels of the layer on the run's grid."""
        array = self.layer
        leading = {str(d): [str(v) for v in array[d].to_numpy()] for d in array.dims[:-2] if d in array.coords}
        return {
            "dims": [str(d) for d in array.dims],
            "dtype": array.dtype.newbyteorder("<").str,
            "units": array.attrs.get("units"),
            "coordinates": leading,
            **frame.described(),
        }


def open_sources(method: Method[..., Any], sources: Mapping[str, Source]) -> dict[str, tuple[Given, ...]]:
    """Open every source with the reader that recognises it.

    Returns
    -------
    For each data argument that was given, in the method's order, one observation or several that are laid side by side.

    Raises
    ------
    InputError
        If an argument is misspelt or missing, or a source cannot be read.
    QuantityError
        If a source holds no layer of the quantity, or its unit does not fit.
    """
    known = {d.name: d for d in method.data}
    for name in sources:
        if name not in known:
            raise InputError(misspelt(f"data argument of {method.name}", name, known))
    for argument in method.data:
        if argument.required and argument.name not in sources:
            raise InputError(
                f"{method.name} needs {argument.name} ({argument.quantity.name}); give --{argument.name} FILE"
            )
    return {d.name: _opened(method, d, sources[d.name]) for d in method.data if d.name in sources}


def _opened(method: Method[..., Any], argument: DataArgument, source: Source) -> tuple[Given, ...]:
    several = isinstance(source, AbstractSequence) and not isinstance(source, str | Fetched)
    given = tuple(_given(method, argument, s) for s in (cast("Any", source) if several else [source]))
    if not given:
        raise InputError(f"{argument.name} was given no observation; give --{argument.name} FILE")
    return given


def _brought(source: Any) -> Any:
    """Fetch what is given by its address; anything else is left as it is."""
    if not isinstance(source, str) or not source.lower().startswith(("http://", "https://")):
        return source
    from mitoshi.sensors.fetch import fetch

    url, _, description = source.partition("#")
    path, parts = fetch(url), urlsplit(url)
    return Fetched(
        f"{path}#{description}" if description else str(path), f"{parts.scheme}://{parts.netloc}{parts.path}"
    )


def _observation(argument: DataArgument, source: Any) -> Observation:
    from mitoshi.sensors import Observation, open_item, open_observation

    if isinstance(source, Observation):
        return source
    if isinstance(source, str | Path | Fetched):
        return open_observation(source.text if isinstance(source, Fetched) else source, expecting=argument.quantity)
    return open_item(source, expecting=argument.quantity)


def _given(method: Method[..., Any], argument: DataArgument, given: Any) -> Given:
    source = _brought(given)
    observation = _observation(argument, source)
    place = str(
        observation.item.properties.get("mitoshi:source") or (observation.files[0] if observation.files else "")
    )
    path, _, description = (place, "", "") if Path(place).exists() else place.partition("#")
    part = observation.item.properties.get("mitoshi:part")
    if part and "part=" not in description:
        description = ",".join(filter(None, [description, f"part={part}"]))
    layer = _layer(method, argument, observation)
    if isinstance(argument.quantity, FeatureKind):
        layer = features_as_declared(layer, argument.quantity, argument.name)
    else:
        _check_one_layer(argument, layer, observation)
        corner = layer.isel(y=slice(0, 1), x=slice(0, 1)).load()
        if argument.quantity.extensive and area_of_density(str(layer.attrs.get("units"))) is not None:
            corner = corner.assign_attrs(units=argument.quantity.units)  # becomes a count where it is put on the grid
        as_declared(corner, argument.quantity, argument.name)  # refuses a wrong unit before anything is computed
    address = source.address if isinstance(source, Fetched) else ""
    return Given(argument, observation, layer, Path(path), description, address)


def _check_one_layer(argument: DataArgument, layer: Raster, observation: Observation) -> None:
    """Refuse several bands where the quantity has one value at a place, such as a depth: which one is meant is not known."""
    count = int(layer.sizes.get("band", 1))
    if count > 1 and argument.quantity.name in ONE_LAYER:
        raise InputError(
            f"{argument.name} is one layer, but {_name(observation)} has {count} bands; give a file with the one that is meant "
            "(gdal_translate -b 1 …)"
        )


def _name(observation: Observation) -> str:
    """Return what the user knows an observation by: its file's name, or the identifier of a product of several files."""
    return observation.files[0].name if len(observation.files) == 1 else observation.item.id


def _layer(method: Method[..., Any], argument: DataArgument, observation: Observation) -> Any:
    if argument.is_features:
        return _features(argument, observation)
    wanted = (argument.quantity.name, *argument.quantity.members)
    for name in wanted:
        if name in observation.layers:
            return observation.layers[name]
    held = ", ".join(sorted({*observation.layers, *observation.features})) or "nothing"
    raise QuantityError(
        f"{argument.name} must be {argument.quantity.name}, but {_name(observation)} holds {held}; "
        f"give another file or describe it with '#quantity=…'{_sibling(method, argument, observation)}"
    )


def _sibling(method: Method[..., Any], argument: DataArgument, observation: Observation) -> str:
    """Return which method of the same product takes the observation, such as an optical image given as radar."""
    for name, other in methods().items():
        alike = other is not method and (name.startswith(method.name) or method.name.startswith(name))
        same = next((d for d in other.data if d.name == argument.name), None) if alike else None
        if same is not None and not same.is_features and any(map(same.quantity.accepts, observation.layers)):
            return f"; {name} takes it"
    return ""


def _features(argument: DataArgument, observation: Observation) -> Features:
    if argument.quantity.name in observation.features:
        return observation.features[argument.quantity.name]
    held = ", ".join(sorted({*observation.layers, *observation.features})) or "nothing"
    raise QuantityError(
        f"{argument.name} must be {argument.quantity.name}, but {_name(observation)} holds {held}; "
        "give a file of such features, or describe it with '#quantity=…'"
    )


def framed(
    method: Method[..., Any], given: Mapping[str, tuple[Given, ...]], area: BBox | None
) -> tuple[Frame, tuple[Raster | None, ...]]:
    """Return the run's grid, that of the first raster, and every argument on it: rasters lazily, features in its CRS.

    Raises
    ------
    InputError
        If the layers cannot be brought onto one grid.
    """
    from mitoshi.cube import align, mosaic
    from mitoshi.cube.features import on_grid
    from mitoshi.cube.passes import with_passes
    from mitoshi.evidence.frame import frame_of

    first = next((name for name, group in given.items() if not group[0].argument.is_features), None)
    if first is None:
        rasters = " or ".join(f"--{d.name.replace('_', '-')}" for d in method.data if not d.is_features)
        raise InputError(f"{method.name} needs at least one raster, whose grid it computes on; give {rasters} FILE")
    frame = frame_of([g.layer for g in given[first]], area, first)
    arrays: list[Any] = []
    for argument in method.data:
        layers = [g.layer for g in given.get(argument.name, ())]
        if argument.is_features:
            arrays.append(on_grid(layers, frame.geobox, argument.name) if layers else None)
        elif layers and argument.need.is_stack:
            arrays.append(stack_of(given[argument.name], frame))
        elif len(layers) > 1:
            check_one_pass(given[argument.name])
            arrays.append(mosaic(layers, frame.geobox))
        else:
            arrays.append(align({argument.name: layers[0]}, frame.geobox)[argument.name] if layers else None)
            if layers and given[argument.name][0].datetime:
                arrays[-1] = arrays[-1].assign_attrs(observed=given[argument.name][0].datetime)
        if layers and argument.need.passes:
            arrays[-1] = with_passes(arrays[-1], layers, frame.geobox)
    return frame, tuple(arrays)


def file_digests(given: Mapping[str, tuple[Given, ...]]) -> dict[Path, str]:
    """Return the SHA-256 of every native file; each is read once.

    Raises
    ------
    InputError
        If a file has gone.
    """
    files = {file for group in given.values() for g in group for file in g.observation.files}
    try:
        return {file: file_digest(file) for file in sorted(files)}
    except OSError as error:
        raise InputError(f"{Path(error.filename).name} cannot be read ({error.strerror}); is it still there?") from None


def content(given: Sequence[Given], array: Raster, frame: Frame, blocks: Sequence[bytes]) -> str:
    """Return the content digest of one data argument on the run's grid."""
    from dataclasses import replace

    return content_digest(replace(given[0], layer=array).header(frame), blocks)


def assumptions(given: Mapping[str, tuple[Given, ...]]) -> tuple[Text, ...]:
    """Return what the readers had to suppose, each sentence once, with the argument's name."""
    from mitoshi.core.text import Text
    from mitoshi.sensors.stac import NO_TIME

    found = [
        Text(f"{name}: {t.en}", f"{name}：{t.ja}")
        for name, group in given.items()
        for g in group
        for t in g.observation.assumptions
        if not (t == NO_TIME and g.argument.need.when == "any")  # what lasts needs no time
    ]
    return tuple(dict.fromkeys(found))
