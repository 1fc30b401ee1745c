"""Score as a service does it: what `mitoshi score` compares, of bundles, catalogue items and web addresses alone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError, ParameterError, misspelt
from mitoshi.workflows.requests import BUNDLE_ID, checked_source, known_bundle
from mitoshi.workflows.task import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mitoshi.catalog import Catalogue
    from mitoshi.evidence.score import Score
    from mitoshi.workflows.bundle_store import BundleStore

__all__ = ["PRODUCT", "WHOLE", "checked_score", "score_request"]

PRODUCT = "product"  # what is scored
WHOLE = (PRODUCT, "baseline")  # these may be evidence bundles
FILES = ("reference", "uncertainty", "reference_area", "zones", "baseline")


def checked_score(
    inputs: Mapping[str, Any], catalogue: Catalogue, bundle_store: BundleStore, origins: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the request of a comparison, ready for the queue.

    Parameters
    ----------
    inputs
        ``product`` and the options of `mitoshi.evidence.score.options` by name. Files are ``catalogue:ID`` or ``https://…`` (with
        ``#key=value,…`` to describe the file); product and baseline may be the id of a bundle.
    catalogue, bundle_store
        Where items and bundles are looked up.
    origins
        ``https://host:port`` under which this service is called.

    Raises
    ------
    ParameterError
        If a name is unknown or an option does not fit.
    RefusedError
        If a file is a path, or an address that must not be reached.
    InputError
        If product or reference is missing, or an item or a bundle is unknown.
    """
    from mitoshi.evidence.score.options import OPTIONS, settings_of

    known = {option.name: option for option in OPTIONS}
    given = {name: value for name, value in inputs.items() if value is not None}
    for name in given:
        if name not in known and name != PRODUCT:
            raise ParameterError(misspelt("input of score", name[:80], [PRODUCT, *known]))
    for name in (PRODUCT, "reference"):
        if name not in given:
            raise InputError(f"score needs a {name}; give catalogue:ID or an https address")
    options = {name: value for name, value in given.items() if name != PRODUCT}
    settings_of(options)
    files = {n: _checked(n, given[n], catalogue, bundle_store, origins) for n in (PRODUCT, *FILES) if n in given}
    output = _output_of(files[PRODUCT], catalogue, bundle_store)
    if output is not None:
        files[PRODUCT], options = output[0], {"output": output[1], **options}
    return {"files": files, "options": {n: v for n, v in options.items() if n not in FILES}}


def _checked(
    name: str, value: object, catalogue: Catalogue, bundle_store: BundleStore, origins: Sequence[str]
) -> str | dict[str, str]:
    """Return a file as the queue keeps it: a text, or the id and the folder of a bundle."""
    if name in WHOLE and isinstance(value, str) and re.fullmatch(BUNDLE_ID, value.strip()):
        found = known_bundle(value, bundle_store)
        return {"bundle": found.id, "folder": str(found.path)}
    text, item = checked_source(name, value, catalogue, origins)
    if not isinstance(item, str):
        from mitoshi.sensors import place_of

        place_of(item)  # refused before it waits in the queue
    return text


def _output_of(
    file: str | dict[str, str], catalogue: Catalogue, bundle_store: BundleStore
) -> tuple[dict[str, str], str] | None:
    """Return the bundle and the output that an item of the catalogue is a product of; None for any other file."""
    if isinstance(file, dict) or not file.startswith(CATALOGUE):
        return None
    told = catalogue.search(ids=[file.removeprefix(CATALOGUE)])[0].properties
    bundle = bundle_store.find(str(told.get("mitoshi:bundle", "")))
    if bundle is None or not told.get("mitoshi:output"):
        return None
    return {"bundle": bundle.id, "folder": str(bundle.path)}, str(told["mitoshi:output"])


def score_request(request: Mapping[str, Any], catalogue: Catalogue, progress: Callable[[int, int, str], None]) -> Score:
    """Return the score that a request of `checked_score` asks for; what lies on the web is fetched.

    Parameters
    ----------
    request
        From the queue.
    catalogue
        Where items are looked up.
    progress
        As for `mitoshi.evidence.score.score`.

    Raises
    ------
    InputError
        If something cannot be opened, or the two cannot be compared.
    """
    from mitoshi.evidence.score import score
    from mitoshi.evidence.score.options import settings_of

    places = {name: _place(name, file, catalogue) for name, file in request["files"].items()}
    settings = settings_of(dict(request["options"]))
    beside: dict[str, Any] = {name: place for name, place in places.items() if name != PRODUCT}
    return score(places[PRODUCT], replace(settings, **beside), progress)


def _place(name: str, file: str | Mapping[str, str], catalogue: Catalogue) -> str:
    """Return where a file of a request lies on this machine."""
    if not isinstance(file, str):
        return str(Path(file["folder"]))
    if file.startswith(CATALOGUE):
        from mitoshi.sensors import place_of

        found = catalogue.search(ids=[file.removeprefix(CATALOGUE)])
        if len(found) != 1:
            raise InputError(f"{name}: the catalogue has no longer one item {file.removeprefix(CATALOGUE)[:120]!r}")
        return place_of(found[0])
    if not file.lower().startswith(("https://", "http://")):
        raise InputError(f"{name} is neither catalogue:ID nor an https address; give one of them")
    from mitoshi.sensors.fetch import fetch

    address, mark, described = file.partition("#")
    return f"{fetch(address)}{mark}{described}"
