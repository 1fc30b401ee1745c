"""``ro-crate-metadata.json``: the bundle as an RO-Crate 1.1 of the profile Process Run Crate 0.5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mitoshi.evidence.bundle import UNLISTED, list_files
from mitoshi.evidence.digest import file_digest
from mitoshi.evidence.record import iso

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from mitoshi.evidence.record import Plan

__all__ = ["crate"]

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
APACHE = "https://spdx.org/licenses/Apache-2.0"
CONTEXT = ["https://w3id.org/ro/crate/1.1/context", {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}]
NAME = "urn:mitoshi"  # a name, not an address: where the software is had from may change
MEDIA = {
    ".tif": "image/tiff",
    ".parquet": "application/vnd.apache.parquet",
    ".geojson": "application/geo+json",
    ".json": "application/json",
    ".png": "image/png",
    ".pdf": "application/pdf",
}
WORDS = {
    "run.json": "What decided the result, and the digests of what came out",
    "environment.json": "Interpreter, packages, processor features and libraries of the run",
    "figures.json": "Figures with their intervals",
    "quicklook.png": "Quick-look map (English)",
    "quicklook.ja.png": "Quick-look map (Japanese)",
    "report.en.pdf": "One-page report (English)",
    "report.ja.pdf": "One-page report (Japanese)",
}
NOT_DESCRIBED = UNLISTED | {"ro-crate-metadata.json"}
Entity = dict[str, Any]


def crate(
    plan: Plan, folder: Path, bundle_id: str, items: dict[str, str], version: str, names: Collection[str]
) -> Entity:
    """Return the metadata document of a bundle whose other files are written.

    Parameters
    ----------
    plan
        What ran.
    folder
        The bundle.
    bundle_id
        Its identifier.
    items
        File in the bundle → identifier of the input's item.
    version
        Of mitoshi.
    names
        Files that the run makes; a bundle may also carry its inputs, which the checksums cover.
    """
    titles = {f"{o.name}.{'tif' if o.is_raster else 'parquet'}": o.layer.title.en for o in plan.method.outputs}
    files = [
        _file(folder, name, titles, items) for name in list_files(folder) if name in names and name not in NOT_DESCRIBED
    ]
    results = [
        f["@id"] for f in files if f["@id"].endswith((".tif", ".parquet", ".geojson", ".png", ".pdf", "figures.json"))
    ]
    inputs = _inputs(plan)
    parameters = _parameters(plan)
    method = f"{NAME}:{version}:{plan.method.name}"
    graph = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
            "about": {"@id": "./"},
        },
        _root(plan, bundle_id, files),
        {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
        {
            "@id": APACHE,
            "@type": "CreativeWork",
            "name": "Apache License 2.0",
            "description": "Of the software and this record",
        },
        _action(plan, bundle_id, results, [*inputs, *parameters], method),
        _software(plan, method, version),
        *files,
        *inputs,
        *parameters,
    ]
    return {"@context": CONTEXT, "@graph": graph}


def _root(plan: Plan, bundle_id: str, files: Sequence[Entity]) -> Entity:
    simulated = any(r["simulated"] for records in plan.inputs.values() for r in records)
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": f"{plan.method.title.en}{' (simulated observations)' if simulated else ''}",
        "description": f"Evidence bundle of {plan.method.name} {plan.method.version}; run it again with 'mitoshi verify'.",
        "identifier": f"sha256:{bundle_id}",
        "datePublished": iso(plan.time),
        "license": {"@id": APACHE},
        "conformsTo": {"@id": PROFILE},
        "hasPart": [{"@id": f["@id"]} for f in files],
        "mentions": {"@id": f"#run-{bundle_id[:12]}"},
    }


def _action(plan: Plan, bundle_id: str, results: Sequence[str], objects: Sequence[Entity], method: str) -> Entity:
    # No agent: nobody has claimed this run. A signature says who vouches for it.
    return {
        "@id": f"#run-{bundle_id[:12]}",
        "@type": "CreateAction",
        "name": f"{plan.method.title.en} by {plan.method.name} {plan.method.version}",
        "description": f"{plan.method.name} on {', '.join(plan.inputs)}; parameters and grid in run.json",
        "instrument": {"@id": method},
        "object": [{"@id": o["@id"]} for o in objects],
        "result": [{"@id": name} for name in results],
        "startTime": iso(plan.time),
        "endTime": iso(plan.time),
        "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
    }


def _software(plan: Plan, method: str, version: str) -> Entity:
    return {
        "@id": method,
        "@type": "SoftwareApplication",
        "name": plan.method.name,
        "description": plan.method.title.en,
        "softwareVersion": f"{plan.method.version} (mitoshi {version})",
        "license": {"@id": APACHE},
        "citation": plan.method.reference,
    }


def _file(folder: Path, name: str, titles: dict[str, str], items: dict[str, str]) -> Entity:
    path = folder / name
    title = titles.get(name) or WORDS.get(name) or (f"STAC item of the input {items[name]}" if name in items else name)
    found: Entity = {
        "@id": name,
        "@type": "File",
        "name": title,
        "contentSize": str(path.stat().st_size),
        "sha256": file_digest(path),
    }
    kind = MEDIA.get(path.suffix)
    return {**found, "encodingFormat": kind} if kind else found


def _inputs(plan: Plan) -> list[Entity]:
    """Return the native files, which stay outside the bundle: known by name, size and checksum."""
    found: dict[str, Entity] = {}
    for argument, records in plan.inputs.items():
        for record in records:
            for file in record["files"]:
                identifier = f"urn:sha256:{file['sha256']}"
                found[identifier] = {
                    "@id": identifier,
                    "@type": "CreativeWork",
                    "name": file["name"],
                    "description": f"{argument}: {record['id']}",
                    "identifier": f"sha256:{file['sha256']}",
                    "sha256": file["sha256"],
                    "size": str(file["size"]),
                    **({"url": record["address"]} if "address" in record else {}),
                }
    return list(found.values())


def _parameters(plan: Plan) -> list[Entity]:
    return [
        {"@id": f"#parameter-{name}", "@type": "PropertyValue", "name": name, "value": value}
        for name, value in plan.parameters.items()
    ]
