"""What a bundle says of itself, in one document that a person can be shown: inputs, code, parameters, figures, files."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mitoshi.core import discovery
from mitoshi.core.errors import BundleError, InputError, NotFoundError
from mitoshi.core.product import Listed
from mitoshi.core.text import Text
from mitoshi.evidence.bundle import read_json
from mitoshi.evidence.wording import said
from mitoshi.interfaces.api.bundle_files import archive_name, file_address, listed
from mitoshi.workflows.adoption import adoption_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.core.method import Method
    from mitoshi.core.product import Figure
    from mitoshi.evidence import Bundle
    from mitoshi.interfaces.api.service import Service

__all__ = ["account", "brief", "rerun_command", "titles"]

LANGUAGES = ("en", "ja")
PICTURES = {"en": "quicklook.png", "ja": "quicklook.ja.png"}
MAIN_ASSET = "data"
CODE = ("mitoshi", "python", "implementation")
DEFAULT_TILE = 2048


def brief(service: Service, bundle: Bundle) -> dict[str, Any]:
    """Return the line of a bundle in the list of all."""
    run = read_json(bundle.path, "run.json")
    return {
        "id": bundle.id,
        "method": bundle.method,
        "version": bundle.version,
        "title": _title(bundle)._asdict(),
        "created": run["time"],
        "simulated": _simulated(run),
        "adoption": _adoption(service, bundle, run),
        "layers": [layer for name in run["products"] if (layer := layer_of(service, bundle, name)) is not None],
    }


def account(service: Service, bundle: Bundle) -> dict[str, Any]:
    """Return everything that a bundle says of itself.

    Raises
    ------
    BundleError
        If it does not say it in its form.
    """
    run, environment = (read_json(bundle.path, name) for name in ("run.json", "environment.json"))
    method = _method(bundle)
    files = listed(bundle)
    sums = {f.name: f.sha256 for f in files}
    try:
        return {
            "id": bundle.id,
            "method": {
                "name": bundle.method,
                "version": bundle.version,
                "title": _title(bundle)._asdict(),
                "reference": run["method"]["reference"],
                "source_sha256": run["method"]["source_sha256"],
            },
            "created": run["time"],
            "event": run["event"],
            "area": run["area"],
            "simulated": _simulated(run),
            "adoption": _adoption(service, bundle, run),
            "parameters": _parameters(run, method),
            "inputs": [_input(bundle, name, records, method) for name, records in run["inputs"].items()],
            "code": {k: environment.get(k) for k in CODE},
            "environment": {k: v for k, v in environment.items() if k not in CODE},
            "figures": [_figure(f) for f in bundle.figures],
            "products": [_product(service, bundle, name, told, sums) for name, told in run["products"].items()],
            "assumptions": [t._asdict() for t in bundle.assumptions],
            "choice": [t._asdict() for t in bundle.choice],
            "caveats": [] if method is None else [c._asdict() for c in method.caveats],
            "licence": _licence(bundle),
            "rerun": rerun_command(run, archive_name(bundle)),
            "verify": f"mitoshi verify {archive_name(bundle)}",
            "files": [{**f._asdict(), "href": file_address(bundle, f.name)} for f in files],
            "reports": _those_there(bundle, {lang: f"report.{lang}.pdf" for lang in LANGUAGES}, sums),
            "quicklooks": _those_there(bundle, PICTURES, sums),
            "archive": f"/bundles/{bundle.id}/bundle.zip",
        }
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise BundleError(f"run.json of the bundle {bundle.id[:12]} is incomplete ({error}); get it again") from None


def _adoption(service: Service, bundle: Bundle, run: Mapping[str, Any]) -> dict[str, str] | None:
    """Return who adopted the bundle's products, when and why; None where they are trial products."""
    for name in run["products"]:
        try:
            adoption = adoption_of(service.lookup.item(bundle.method, f"{bundle.id[:12]}-{name}").properties)
        except NotFoundError:
            continue  # not in the catalogue
        if adoption is not None:
            return asdict(adoption)
    return None


def titles(bundle: Bundle) -> dict[str, Text]:
    """Return the titles of a bundle's products, where its method is installed."""
    method = _method(bundle)
    return {} if method is None else {o.name: o.layer.title for o in method.outputs}


def layer_of(service: Service, bundle: Bundle, product: str) -> str | None:
    """Return the layer in which a product is shown; None where it has no place on a map or is not in the catalogue."""
    method = _method(bundle)
    declared = None if method is None else next((o.layer for o in method.outputs if o.name == product), None)
    if isinstance(declared, Listed) and not declared.geometry:
        return None
    item = f"{bundle.id[:12]}-{product}"
    try:
        there = MAIN_ASSET in service.lookup.item(bundle.method, item).assets
    except NotFoundError:
        return None
    return f"{bundle.method}/{item}/{MAIN_ASSET}" if there else None


def rerun_command(run: Mapping[str, Any], out: str) -> str:
    """Return the shell command that repeats a run where its input files lie.

    An argument answered by several observations is left out: the catalogue finds them again by area and event.
    """
    parts = ["mitoshi", "run", str(run["method"]["name"])]
    for argument, records in run["inputs"].items():
        if len(records) == 1:
            parts.append(f"--{argument.replace('_', '-')}={_source(records[0])}")
    for name, value in run["parameters"].items():
        parts.append(f"--{name.replace('_', '-')}={value}")
    if run["area"] is not None:
        parts.append(f"--area={','.join(repr(v) for v in run['area'])}")
    if run["event"] is not None:
        parts.append(f"--event={run['event']}")
    if run["tile_size"] != DEFAULT_TILE:
        parts.append(f"--tile-size={run['tile_size']}")
    return shlex.join([*parts, f"--time={run['time']}", f"--out={out}-again"])


def _source(record: Mapping[str, Any]) -> str:
    place = str(record.get("address") or record["name"])
    return f"{place}#{record['description']}" if record["description"] else place


def _method(bundle: Bundle) -> Method[..., Any] | None:
    """Return the method that made a bundle, where it is installed."""
    try:
        return discovery.find(bundle.method)
    except InputError:
        return None


def _title(bundle: Bundle) -> Text:
    method = _method(bundle)
    return Text(bundle.method, bundle.method) if method is None else method.title


def _simulated(run: Mapping[str, Any]) -> bool:
    return any(bool(r["simulated"]) for records in run["inputs"].values() for r in records)


def _parameters(run: Mapping[str, Any], method: Method[..., Any] | None) -> list[dict[str, Any]]:
    declared = {} if method is None else {p.name: p for p in method.parameters}
    return [
        {
            "name": name,
            "value": value,
            "default": declared[name].default if name in declared else None,
            "description": declared[name].doc if name in declared else "",
            "text": (declared[name].text if name in declared else Text("", ""))._asdict(),
        }
        for name, value in run["parameters"].items()
    ]


def _input(
    bundle: Bundle, argument: str, records: list[dict[str, Any]], method: Method[..., Any] | None
) -> dict[str, Any]:
    declared = None if method is None else next((d for d in method.data if d.name == argument), None)
    title = Text(argument, argument) if declared is None else declared.quantity.title
    items = [_item(bundle, argument, n, record) for n, record in enumerate(records, 1)]
    return {"argument": argument, "title": title._asdict(), "items": items}


def _item(bundle: Bundle, argument: str, number: int, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return one input: a single file with its checksum; of a product of several files the first, and all of them."""
    name = f"inputs/{argument}.json" if number == 1 else f"inputs/{argument}-{number}.json"
    files = record["files"]
    return {
        "id": record["id"],
        "name": record["name"],
        "datetime": record["datetime"] or None,
        "sha256": files[0]["sha256"] if files else None,
        "size": sum(f["size"] for f in files) if files else None,
        "files": files,
        "address": record.get("address"),
        "licence": read_json(bundle.path, name).get("properties", {}).get("license"),
        "reader": record["reader"],
        "quantity": record["quantity"],
        "units": record["units"],
        "simulated": bool(record["simulated"]),
        "assumptions": [_assumption(bundle, argument, line)._asdict() for line in record["assumptions"]],
        "item": file_address(bundle, name),
    }


def _assumption(bundle: Bundle, argument: str, line: str) -> Text:
    """Return an assumption of a reader in both languages, which the record says in English and the run in both."""
    from mitoshi.sensors.stac import NO_TIME

    if line == NO_TIME.en:
        return NO_TIME
    for text in bundle.assumptions:
        if text.en == f"{argument}: {line}":
            return Text(line, text.ja.removeprefix(f"{argument}："))
    return Text(line, line)


def _figure(figure: Figure) -> dict[str, Any]:
    finite = figure.value == figure.value
    return {
        **figure._asdict(),
        "value": figure.value if finite else None,
        "title": figure.title._asdict(),
        "reason": None if figure.reason is None else figure.reason._asdict(),
        "said": {"en": said(figure, "en"), "ja": said(figure, "ja")},
    }


def _product(
    service: Service, bundle: Bundle, name: str, told: Mapping[str, Any], sums: Mapping[str, str]
) -> dict[str, Any]:
    named = titles(bundle)
    file = str(told["file"])
    return {
        "name": name,
        "title": named.get(name, Text(name, name))._asdict(),
        "file": file,
        "sha256": sums[file],
        "content_sha256": told["content_sha256"],
        "units": told.get("units"),
        "uncertainty": told["uncertainty"],
        "no_uncertainty": _reason(bundle, name, str(told["no_uncertainty"])),
        "href": file_address(bundle, file),
        "layer": layer_of(service, bundle, name),
    }


def _reason(bundle: Bundle, name: str, told: str) -> dict[str, str] | str | None:
    """Return why a product has no uncertainty: in both languages where its method still says so, else as the bundle does."""
    method = _method(bundle)
    said = None if method is None else next((o.layer.no_uncertainty for o in method.outputs if o.name == name), None)
    return said._asdict() if said is not None and said.en == told else told or None


def _licence(bundle: Bundle) -> str | None:
    """Return the licence of the bundle as its RO-Crate says, as an SPDX name where it is one."""
    graph = read_json(bundle.path, "ro-crate-metadata.json").get("@graph", [])
    root = next((e for e in graph if isinstance(e, dict) and e.get("@id") == "./"), {})
    address = root.get("license", {}).get("@id")
    return None if address is None else str(address).removeprefix("https://spdx.org/licenses/")


def _those_there(bundle: Bundle, names: Mapping[str, str], there: Mapping[str, str]) -> dict[str, str]:
    return {language: file_address(bundle, name) for language, name in names.items() if name in there}
