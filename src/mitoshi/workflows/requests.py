"""What a stranger may ask of a service, checked before it is queued: the one gate of the HTTP processes and the MCP tools.

A data argument is an item of the catalogue or an address of the public web. A path of this machine is neither, whatever
form it has.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mitoshi.core.errors import InputError, ParameterError, RefusedError, misspelt
from mitoshi.core.grid import BBox
from mitoshi.core.requirement import instant
from mitoshi.workflows.task import CATALOGUE, complete

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import pystac

    from mitoshi.catalog import Catalogue
    from mitoshi.core.method import DataArgument, Method, Parameter
    from mitoshi.evidence import Bundle
    from mitoshi.workflows.bundle_store import BundleStore

__all__ = ["AREA", "BUNDLE_ID", "EVENT", "checked_request", "checked_source", "checked_verification", "known_bundle"]

AREA, EVENT = "area", "event"  # what a run takes besides its data and parameters
MOST_DATES = 1000  # of a stack in one request
BUNDLE_ID = "[0-9a-f]{12,64}"
LONGEST = 2048  # characters of an address or a name
OWN_ITEM = re.compile(r"/stac/collections/([^/]+)/items/([^/]+)/?")


def checked_request(
    method: Method[..., Any], inputs: Mapping[str, Any], catalogue: Catalogue, origins: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the request of a run, ready for the queue.

    Asks the name server where an address leads and the catalogue for what is missing: call it from a thread.

    Parameters
    ----------
    method
        What is to run.
    inputs
        By name: data arguments as ``catalogue:ID``, ``https://…`` (with ``#key=value,…`` to describe the file) or the address
        of an item of this service; parameters; ``area`` as four numbers; ``event`` as ISO 8601. None is as good as left out.
    catalogue
        Where items are looked up.
    origins
        ``https://host:port`` under which this service is called: what its own item addresses begin with.

    Raises
    ------
    ParameterError
        If a name is unknown or a parameter does not fit.
    RefusedError
        If a data argument is a path, or an address that must not be reached.
    InputError
        If an item is unknown, a required argument is missing and no area is given, or area or event cannot be read.
    UnmetNeedError
        If the catalogue has no observation for a required argument.
    """
    given = {name: value for name, value in inputs.items() if value is not None}
    arguments = {d.name: d for d in method.data}
    known = {p.name: p for p in method.parameters}
    for name in given:
        if name not in arguments and name not in known and name not in (AREA, EVENT):
            raise ParameterError(misspelt(f"input of {method.name}", name[:80], [*arguments, *known, AREA, EVENT]))
    parameters = {name: _scalar(known[name], value) for name, value in given.items() if name in known}
    method.bind_parameters(parameters)
    area, event = _area(given.get(AREA)), _event(given.get(EVENT))
    data: dict[str, str | list[str]] = {}
    sources: dict[str, Any] = {}
    for name, value in given.items():
        if name in arguments and arguments[name].need.is_stack and isinstance(value, list):
            data[name], sources[name] = _sources(name, value, catalogue, origins)
        elif name in arguments:
            data[name], sources[name] = checked_source(name, value, catalogue, origins)
    _check_complete(method, sources, area, event, catalogue)
    return {
        "method": method.name,
        "data": data,
        "parameters": parameters,
        "area": None if area is None else list(area),
        "event": None if event is None else event.isoformat().replace("+00:00", "Z"),
    }


def checked_verification(bundle: object, bundle_store: BundleStore) -> dict[str, Any]:
    """Return the request of a verification.

    Raises
    ------
    InputError
        If the bundle store has no such bundle.
    """
    found = known_bundle(bundle, bundle_store)
    return {"bundle": found.id, "folder": str(found.path)}


def known_bundle(named: object, bundle_store: BundleStore) -> Bundle:
    """Return the bundle that a caller names.

    Raises
    ------
    InputError
        If the bundle store has no such bundle.
    """
    wanted = _text("bundle", named)
    if not re.fullmatch(BUNDLE_ID, wanted):
        raise InputError(f"a bundle is named by its id, 12 to 64 hexadecimal digits; got {wanted[:80]!r}")
    found = bundle_store.find(wanted)
    if found is None:
        raise InputError(f"no bundle {wanted[:12]!r} is known here; see the list of bundles")
    return found


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST:
        raise InputError(f"{name} must be a text of 1 to {LONGEST} characters, got {_shown(value)}")
    if not value.isprintable():
        raise InputError(f"{name} holds characters that cannot be printed; write it anew")
    return value.strip()


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _scalar(parameter: Parameter, value: object) -> object:
    """Return a parameter as JSON means it, 5.0 being a whole number, unless it is none that can be written as JSON."""
    name = parameter.name
    if isinstance(value, dict | list):
        raise ParameterError(f"{name} must be one value, got {_shown(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ParameterError(f"{name} must be a finite number, got {value}")
    if isinstance(value, str) and len(value) > LONGEST:
        raise ParameterError(f"{name} must have at most {LONGEST} characters, got {len(value)}")
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= 2**63:
        raise ParameterError(f"{name} must be a number between -2^63 and 2^63")
    return int(value) if parameter.type is int and isinstance(value, float) and value.is_integer() else value


def _area(value: object) -> BBox | None:
    if value is None:
        return None
    if isinstance(value, str) and len(value) <= LONGEST:
        box = BBox.parse(value)
    elif isinstance(value, list | tuple) and len(value) == 4 and all(_is_number(v) for v in value):
        box = BBox.checked(value)
    else:
        raise InputError(f"{AREA} is four numbers west, south, east, north in degrees, got {_shown(value)}")
    if box.south == box.north or box.west == box.east:
        raise InputError(f"{AREA} {list(box)} has no surface; give west, south, east, north in degrees")
    return box


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 360


def _event(value: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > 64:
        raise InputError(f"{EVENT} is an ISO 8601 time such as 2019-09-13T06:00Z, got {_shown(value)}")
    try:
        return instant(value)
    except OverflowError:
        raise InputError(f"{EVENT} {value!r} lies outside the years 1 to 9999") from None


def checked_source(
    name: str, value: object, catalogue: Catalogue, origins: Sequence[str] = ()
) -> tuple[str, str | pystac.Item]:
    """Return a file as the queue keeps it, ``catalogue:ID`` or ``https://…``, and what it stands for.

    Parameters
    ----------
    name
        Of the argument, for the words of a refusal.
    value
        What the caller gave.
    catalogue, origins
        As for `checked_request`.

    Raises
    ------
    RefusedError
        If it is a path, or an address that must not be reached.
    InputError
        If it is no text, or the catalogue has no such item.
    """
    text = _text(name, value)
    collection, item = _own_item(text, origins)
    if text.startswith(CATALOGUE):
        item = text.removeprefix(CATALOGUE)
    if item is not None:
        return f"{CATALOGUE}{item}", _item(item, collection, catalogue)
    if not text.lower().startswith(("https://", "http://")):
        raise RefusedError(
            f"{name}: {_shown(text)} is neither catalogue:ID nor an https address; files of this machine are not opened, "
            "ingest them first"
        )
    from mitoshi.sensors.fetch import checked_address
    from mitoshi.sensors.observation import Description

    address, _, described = text.partition("#")
    checked_address(address)
    Description.parse(described)
    return text, text


def _sources(
    name: str, values: list[object], catalogue: Catalogue, origins: Sequence[str]
) -> tuple[list[str], list[str | pystac.Item]]:
    """Return the dates of a stack as the queue keeps them, and what they stand for."""
    if not 0 < len(values) <= MOST_DATES:
        raise InputError(f"{name} takes 1 to {MOST_DATES} dates, got {len(values)}")
    pairs = [checked_source(name, value, catalogue, origins) for value in values]
    return [text for text, _ in pairs], [source for _, source in pairs]


def _own_item(text: str, origins: Sequence[str]) -> tuple[str | None, str | None]:
    """Return collection and id where the text is the address of an item of this service."""
    try:
        parts = urlsplit(text) if text.startswith(("/", "http://", "https://")) else None
    except ValueError:
        parts = None
    if parts is None or parts.query or parts.fragment:
        return None, None
    if parts.netloc and f"{parts.scheme}://{parts.netloc}" not in origins:
        return None, None
    match = OWN_ITEM.fullmatch(parts.path)
    return (unquote(match[1]), unquote(match[2])) if match else (None, None)


def _item(wanted: str, collection: str | None, catalogue: Catalogue) -> pystac.Item:
    found = catalogue.search(ids=[wanted])
    if not any(collection in (None, item.collection_id) for item in found):
        raise InputError(f"the catalogue has no item {wanted[:120]!r}; search it for what it has")
    if len(found) > 1:
        homes = ", ".join(str(item.collection_id) for item in found)[:200]
        raise InputError(
            f"{len(found)} items are called {wanted[:120]!r}, of {homes}; give the area and the event instead"
        )
    return found[0]


def _check_complete(
    method: Method[..., Any],
    sources: Mapping[str, Any],
    area: BBox | None,
    event: datetime | None,
    catalogue: Catalogue,
) -> None:
    missing = [d for d in method.data if d.name not in sources]
    required = [d.name for d in missing if d.required]
    if area is None:
        if required:
            raise InputError(
                f"{method.name} needs {', '.join(required)}; give each as catalogue:ID or an https address, "
                f"or give the {AREA} [west, south, east, north] to look them up in the catalogue"
            )
        return
    if event is None and any(_relative(d) for d in missing):
        timed = ", ".join(f"{d.name} ({d.need.when})" for d in missing if _relative(d))
        raise InputError(f"{method.name} needs the time of the {EVENT} to look up {timed}; give it as ISO 8601")
    if missing:
        complete(method, sources, area, event, catalogue)


def _relative(argument: DataArgument) -> bool:
    return argument.need.when != "any"
