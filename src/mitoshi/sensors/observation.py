"""What a reader is given and what it gives back."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mitoshi.core.errors import InputError, ParameterError, misspelt
from mitoshi.core.feature_kinds import FEATURE_KINDS
from mitoshi.core.quantity import QUANTITIES
from mitoshi.sensors import guard
from mitoshi.sensors.tree import Member, Tree, open_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pystac
    import xarray as xr

    from mitoshi.core.features import FeatureKind, Features
    from mitoshi.core.quantity import Quantity
    from mitoshi.core.text import Text

__all__ = ["Description", "Observation", "Reader", "Source", "source_of"]

LOGGER = logging.getLogger("mitoshi.sensors")
POLARISATIONS = ("VV", "VH", "HH", "HV")


@dataclass(frozen=True)
class Observation:
    """One observation, described but not yet read.

    Attributes
    ----------
    layers
        Quantity name to an array that is read window by window, in physical units.
    item
        The STAC item that a catalogue keeps of it.
    assumptions
        What the reader had to suppose because the file does not say.
    files
        Every native file that is read, for checksums.
    features
        Kind of features to features that were read whole.
    """

    layers: Mapping[str, xr.DataArray]
    item: pystac.Item
    assumptions: tuple[Text, ...] = ()
    files: tuple[Path, ...] = ()
    features: Mapping[str, Features] = field(default_factory=dict)


@dataclass(frozen=True)
class Description:
    """What the user says of a file after ``#``, as in ``FILE#units=dB,bands=VV+VH``.

    Attributes
    ----------
    quantity
        Name of a quantity of `mitoshi.core.quantity`, or of a kind of features.
    units
        Unit of the values, such as ``dB`` or ``m``.
    bands
        Names of the bands in file order; polarisations for backscatter. A name ``-`` skips the band.
    time
        ISO 8601 time of the observation.
    nodata
        Value that means "not observed".
    scale, offset
        value = stored × scale + offset.
    crs
        Coordinate reference system, such as ``EPSG:32654``, of a file that states none.
    variable
        Variables of a NetCDF or Zarr file.
    part
        Which observation, where a product holds several.
    """

    quantity: str | None = None
    units: str | None = None
    bands: tuple[str, ...] = ()
    time: str | None = None
    nodata: float | None = None
    scale: float | None = None
    offset: float | None = None
    crs: str | None = None
    variable: tuple[str, ...] = ()
    part: str | None = None

    @classmethod
    def parse(cls, text: str) -> Description:
        """Read ``key=value,key=value``; lists are joined by ``+``.

        Raises
        ------
        ParameterError
            If a key is misspelt or a value cannot be read.

        >>> Description.parse("units=dB,bands=VV+VH").bands
        ('VV', 'VH')
        """
        values: dict[str, Any] = {}
        for pair in filter(None, text.split(",")):
            key, equals, value = pair.partition("=")
            key = key.strip()
            if key not in cls.__dataclass_fields__ or not equals:
                raise ParameterError(misspelt("description", key, cls.__dataclass_fields__))
            values[key] = _value(key, value.strip())
        if "quantity" in values and values["quantity"] not in {**QUANTITIES, **FEATURE_KINDS}:
            raise ParameterError(misspelt("quantity", values["quantity"], {**QUANTITIES, **FEATURE_KINDS}))
        return cls(**values)

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        parts = []
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if value not in (None, ()):
                parts.append(f"{name}={'+'.join(value) if isinstance(value, tuple) else value}")
        return ",".join(parts)


def _value(key: str, text: str) -> Any:
    if key in {"bands", "variable"}:
        return tuple(part.strip() for part in text.split("+"))
    if key in {"nodata", "scale", "offset"}:
        try:
            return float(text)
        except ValueError:
            raise ParameterError(f"{key} must be a number, got {text!r}") from None
    if key == "time":
        from mitoshi.core.requirement import instant

        instant(text)
    return text


@dataclass(frozen=True)
class Source:
    """A path that a user named, what he says of it, and what is wanted of it."""

    path: Path
    description: Description = field(default_factory=Description)
    expecting: Quantity | FeatureKind | None = None
    only: tuple[str, ...] | None = None

    @cached_property
    def tree(self) -> Tree | None:
        """The product's files, where it is a folder or an archive; those in `only` where it is given."""
        if self.only is None:
            return open_tree(self.path)
        members = {name: Member((self.path / name).stat().st_size) for name in self.only}
        return Tree(self.path, "folder", members)

    @cached_property
    def kind(self) -> str:
        """What the first bytes say; "folder" for a folder."""
        if self.path.is_dir():
            return "folder"
        return guard.sniff(guard.magic(guard.Location(str(self.path))))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the product's files; of the file itself where it is single."""
        return (self.path.name,) if self.tree is None else tuple(self.tree.members)

    @property
    def markers(self) -> tuple[str, ...]:
        """Names by which a product is recognised: a folder's own files, and everything in an archive.

        A folder that merely contains products further down is no product; `ingest` looks into it.
        """
        is_folder = self.tree is not None and self.tree.kind == "folder"
        return tuple(name for name in self.names if "/" not in name) if is_folder else self.names

    @property
    def text(self) -> str:
        """The path with its description, as `source_of` reads it."""
        described = str(self.description)
        return f"{self.path}#{described}" if described else str(self.path)

    def of_part(self, part: str | None) -> Source:
        """Return the same source with one part chosen."""
        return replace(self, description=replace(self.description, part=part))


def source_of(source: str | Path, expecting: Quantity | FeatureKind | None = None) -> Source:
    """Return what ``PATH`` or ``PATH#key=value,…`` names.

    Raises
    ------
    InputError
        If there is no such file or folder.
    RefusedError
        For virtual paths, devices and addresses.
    """
    text = os.fspath(source)
    path, _, described = text.partition("#")
    if os.path.exists(text) and not text.startswith("/vsi"):
        path, described = text, ""
    if "://" in path[:32]:
        raise InputError(f"{path[:120]!r} is an address; download it first, or open its STAC item")
    if not path.strip():
        raise InputError("an empty path was given; name a file, a product folder or a STAC item")
    guard.check_encoding(os.path.abspath(path))
    if "\0" not in path and os.path.isdir(path):
        return Source(Path(path).resolve(), Description.parse(described), expecting)
    return Source(guard.regular_file(path), Description.parse(described), expecting)


class Reader(Protocol):
    """One sensor family. A module of this package that has a ``READER`` of this kind is found by itself."""

    @property
    def name(self) -> str:
        """Short name, kept in the item as ``mitoshi:reader``."""
        ...

    @property
    def priority(self) -> int:
        """Readers are asked in ascending order: specific products first, plain rasters last."""
        ...

    @property
    def wants(self) -> str:
        """What the reader looks for, in a few words; shown when no reader recognises a file."""
        ...

    def recognises(self, source: Source) -> bool:
        """Tell whether the source is one of this family, by names and content; never raises for foreign files."""
        ...

    def items(self, source: Source) -> list[pystac.Item]:
        """Return the STAC items of the source: metadata only."""
        ...

    def open(self, source: Source) -> Observation:
        """Return the observation that ``source.description.part`` names, or the only one."""
        ...
