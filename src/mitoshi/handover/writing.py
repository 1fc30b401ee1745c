"""Write the handover: SIP4D-ZIPs, GeoPackage, CSVs, the situation report and its map, in one folder that appears in one step."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from mitoshi.core.errors import InputError
from mitoshi.evidence.bundle import draft, write_file
from mitoshi.evidence.digest import pretty_json
from mitoshi.evidence.record import iso
from mitoshi.handover import csv, geopackage, sip4d
from mitoshi.handover.layers import Context, Issuer
from mitoshi.handover.sip4d.codes import OTHER
from mitoshi.handover.situation import render

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from mitoshi.core.text import Language
    from mitoshi.handover.layers import LayerForHandover
    from mitoshi.handover.situation import Situation

__all__ = ["MANIFEST", "write"]

MANIFEST = "handover.json"
FORMAT = "mitoshi-handover/1"
LANGUAGES: tuple[Language, ...] = ("en", "ja")


def write(
    folder: Path,
    layers: Mapping[str, LayerForHandover],
    situation: Situation,
    *,
    simulated: bool,
    time: datetime,
    issuer: Issuer | None = None,
    event_id: str = "",
    report: int | None = None,
) -> list[Path]:
    """Write everything that is handed over; the same arguments give the same bytes.

    The folder holds ``situation.en.pdf``, ``situation.ja.pdf``, the map as PNG, ``layers.gpkg``, ``csv/NAME.csv`` with
    ``csv/columns.csv``, ``sip4d/CODE_NAME.zip``, and ``handover.json``: every file's SHA-256, and which layer could not be
    packaged under the code asked for, and why.

    Parameters
    ----------
    folder
        New, empty, or a handover of before, which is replaced; a kill leaves the old one.
    layers
        Machine name → layer.
    situation
        What the report says.
    simulated
        Whether any input is simulated; then every file says so.
    time
        When the handover is made, as the caller tells it.
    issuer
        Who answers for it, or None for nobody: packages of real data are then marked as a test.
    event_id, report
        Of the receiver's system: identifier of the disaster, number of the report.

    Returns
    -------
    The files, in the order of their names.

    Raises
    ------
    InputError
        If the folder holds something else, or a layer contradicts its declaration.
    """
    _check_replaceable(folder)
    simulated = simulated or situation.simulated
    evidence = tuple(row.bundle for row in situation.evidence)
    context = Context(situation.event, time, simulated, issuer or Issuer(), event_id, report, evidence)
    with draft(folder) as out:
        notes = _write_packages(out, layers, context)
        if layers:
            geopackage.write(out / "layers.gpkg", layers, context)
            for name, layer in layers.items():
                csv.write(out / "csv" / f"{name}.csv", layer, name, simulated=simulated)
            csv.write_dictionary(out / "csv" / csv.COLUMNS, layers)
        for language in LANGUAGES:
            pdf = render(replace(situation, simulated=simulated), language)
            write_file(out / f"situation.{language}.pdf", pdf)
            if language in situation.pictures:
                write_file(out / f"map.{language}.png", situation.pictures[language])
        names = sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())
        write_file(out / MANIFEST, pretty_json(_manifest(out, names, layers, context, notes)))
    return [folder / name for name in sorted([*names, MANIFEST])]


def _check_replaceable(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder} is not a folder; give another one")
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise InputError(f"{folder} holds other files; give a new folder")


def _write_packages(out: Path, layers: Mapping[str, LayerForHandover], context: Context) -> list[str]:
    """Write the SIP4D-ZIPs and return what was done otherwise than asked."""
    notes = []
    for name, layer in layers.items():
        if not layer.packaged:
            continue
        if getattr(layer.features, "_geometry_column_name", None) not in layer.features.columns:
            notes.append(f"{name}: a table without geometry has no SIP4D-ZIP")
            continue
        try:
            content = sip4d.package(layer, name, context)
        except InputError as error:
            if layer.code == OTHER:
                raise
            notes.append(f"{name}: packaged as {OTHER}, because it does not fit {layer.code} ({error})")
            other = replace(layer, code=OTHER, attributes={}, constants={}, values={})
            write_file(out / "sip4d" / f"{OTHER}_{name}.zip", sip4d.package(other, name, context))
        else:
            write_file(out / "sip4d" / f"{layer.code}_{name}.zip", content)
    return notes


def _manifest(
    out: Path, names: list[str], layers: Mapping[str, LayerForHandover], context: Context, notes: list[str]
) -> dict[str, object]:
    return {
        "format": FORMAT,
        "event": context.event._asdict(),
        "time": iso(context.time),
        "simulated": context.simulated,
        "sip4d_flag": context.test_flag,
        "issuer": context.issuer.name,
        "evidence": list(context.evidence),
        "layers": {n: {"en": la.title.en, "ja": la.title.ja, "features": len(la.features)} for n, la in layers.items()},
        "notes": notes,
        "files": {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in names},
    }
