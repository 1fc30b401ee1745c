"""Find the reader of a source and open it. Readers are found by walking this package; nothing is registered."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mitoshi.core.errors import InputError, MitoshiError, RefusedError, UnknownFileError, misspelt
from mitoshi.core.isolation import attempt
from mitoshi.sensors import guard
from mitoshi.sensors.masks import with_sidecars
from mitoshi.sensors.observation import LOGGER, Observation, Reader, Source, source_of

if TYPE_CHECKING:
    import pystac

    from mitoshi.core.features import FeatureKind
    from mitoshi.core.quantity import Quantity

__all__ = ["items", "open_item", "open_observation", "place_of", "readers"]


@cache
def readers() -> dict[str, Reader]:
    """Return every reader by name, in the order in which they are asked."""
    package = importlib.import_module("mitoshi.sensors")
    found: list[Reader] = []
    for module in pkgutil.iter_modules(package.__path__, "mitoshi.sensors."):
        reader = getattr(importlib.import_module(module.name), "READER", None)
        if reader is not None:
            found.append(reader)
    return {reader.name: reader for reader in sorted(found, key=lambda r: (r.priority, r.name))}


def _reader(source: Source) -> Reader:
    for reader in readers().values():
        if reader.recognises(source):
            return reader
    wanted = "; ".join(reader.wants for reader in readers().values())
    raise UnknownFileError(
        f"{source.path.name} is not recognised (its content looks like {source.kind}); known are: {wanted}"
    )


def _described(source: str | Path | Source, expecting: Quantity | FeatureKind | None) -> Source:
    return source if isinstance(source, Source) else source_of(source, expecting)


def _place(source: str | Path | Source) -> str | Path:
    return source.path if isinstance(source, Source) else source


def items(source: str | Path) -> list[pystac.Item]:
    """Return the STAC items of a file, a product folder, an archive or a STAC item file: metadata only.

    Parameters
    ----------
    source
        Path, or ``PATH#key=value,…`` with the user's description.

    Raises
    ------
    UnknownFileError
        If no reader recognises it.
    RefusedError
        If reading it would not be safe.
    InputError
        If it is missing, damaged or wrongly described.
    """
    with attempt(_place(source)):
        described = _described(source, None)
        with _one_line(described):
            return _reader(described).items(described)


def open_observation(source: str | Path, *, expecting: Quantity | FeatureKind | None = None) -> Observation:
    """Return one observation whose layers are read window by window.

    Parameters
    ----------
    source
        Path of a file, a product folder, an archive or a STAC item, or ``PATH#units=dB,bands=VV+VH,…``.
    expecting
        The quantity that the caller wants; decides what an undescribed raster is taken for, and is recorded as an
        assumption where it does.

    Raises
    ------
    UnknownFileError
        If no reader recognises it.
    RefusedError
        If reading it would not be safe.
    InputError
        If it is missing, damaged, wrongly described, or holds several observations and none is named.
    """
    with attempt(_place(source)):
        described = _described(source, expecting)
        with _one_line(described):
            observation = _opened(_reader(described), described)
    for text in observation.assumptions:
        LOGGER.warning("%s: %s", described.path.name, text.en)
    return observation


def open_item(item: pystac.Item, *, expecting: Quantity | FeatureKind | None = None) -> Observation:
    """Return the observation of an item that `items` made, as a catalogue keeps it; a foreign item is read by its links.

    Raises
    ------
    InputError
        If its files are gone, or the item does not say how it is read.
    RefusedError
        If a link of a foreign item leaves the item's folder.
    """
    properties = item.properties
    name, place = properties.get("mitoshi:reader"), properties.get("mitoshi:source")
    if name is None or place is None:
        from mitoshi.sensors.foreign import open_foreign

        return open_foreign(item, expecting)
    if _remote(item):
        raise RefusedError(f"item {item.id} comes from an address but names a local file; it is not opened")
    if name not in readers():
        raise InputError(misspelt("reader", str(name), readers()))
    with attempt(str(place)):
        source = source_of(str(place), expecting)
        if properties.get("mitoshi:part"):
            source = source.of_part(str(properties["mitoshi:part"]))
        with _one_line(source):
            return _opened(readers()[name], source)


def place_of(item: pystac.Item) -> str:
    """Return where the file of a catalogue's item lies, ``PATH`` or ``PATH#key=value,…``, as `open_observation` takes it.

    Raises
    ------
    InputError
        If the item does not say where its file lies.
    RefusedError
        If it comes from an address but names a file of this machine.
    """
    place = item.properties.get("mitoshi:source")
    if place is None or item.properties.get("mitoshi:reader") is None:
        raise InputError(f"item {item.id} names no file of its own; give its address instead")
    if _remote(item):
        raise RefusedError(f"item {item.id} comes from an address but names a local file; it is not opened")
    part = item.properties.get("mitoshi:part")
    if not part or "part=" in str(place).partition("#")[2]:
        return str(place)
    return f"{place}{',' if '#' in str(place) else '#'}part={part}"


def _opened(reader: Reader, source: Source) -> Observation:
    """Return an observation with the masks beside its files, which are read with them."""
    observation = reader.open(source)
    return replace(observation, files=with_sidecars(observation.files))


def _remote(item: pystac.Item) -> bool:
    return any(link.rel == "self" and "://" in str(link.target) for link in item.links)


class _one_line:  # noqa: N801 - a context manager reads like a function
    """Turn whatever a damaged file makes a library raise into one clear line."""

    def __init__(self, source: Source) -> None:
        self._name = source.path.name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, MitoshiError) or not isinstance(error, Exception):
            return
        text = guard.one_line(error)
        raise InputError(f"{self._name} cannot be read: {text}; is it complete?") from error
