"""Write a SIP4D-ZIP of a layer: the same layer and circumstances give the same bytes, and nothing leaves that `check` rejects."""

from __future__ import annotations

import json
import os
import tempfile
import uuid
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.core.errors import InputError, RunError
from mitoshi.core.text import Text
from mitoshi.handover.layers import geometries, local
from mitoshi.handover.sip4d.attributes import Properties, properties_of
from mitoshi.handover.sip4d.codes import OTHER, information_code, information_codes
from mitoshi.handover.sip4d.rules import CATEGORIES, VERSIONS
from mitoshi.handover.sip4d.serial import TYPES, feature_lines, split
from mitoshi.handover.sip4d.validation import META, check

if TYPE_CHECKING:
    from mitoshi.handover.layers import Context, LayerForHandover
    from mitoshi.handover.sip4d.codes import Geometry, InformationCode

__all__ = ["package", "write"]

MOST_ENTRY_BYTES = 40 * 2**20  # of one GeoJSON; more features go into a further entry
EPOCH = (1980, 1, 1, 0, 0, 0)
NAMESPACE = uuid.UUID("6b4f1c0e-6a4d-5d0b-9d55-2f6f2c6f7a01")
ESTIMATE = Text(
    "Estimated from observations by mitoshi; not an announcement of an authority.",
    "mitoshi が観測から推定した情報です。機関の発表ではありません。",
)
SIMULATED = Text("EXERCISE: simulated data, not a real disaster.", "【訓練】模擬データです。実際の災害ではありません。")
EVIDENCE = Text("Evidence: {}", "証跡一式：{}")


class _Entry(NamedTuple):
    """One GeoJSON of a package."""

    shape: Geometry
    lines: Sequence[str]


def package(layer: LayerForHandover, name: str, context: Context, *, version: str = "1.1") -> bytes:
    """Return the SIP4D-ZIP of a layer.

    Parameters
    ----------
    layer
        Features with a place; each type of geometry becomes an entry of its own, multi geometries their single parts.
    name
        Machine name of the layer.
    context
        Event, time, issuer and whether anything is simulated (then the package is marked 訓練).
    version
        "1", "1.1" or "2.0".

    Raises
    ------
    InputError
        If the layer does not fit its information code.
    RunError
        If the package would be rejected.
    """
    known = _code(layer, name, version)
    placed = geometries(layer, name)
    if placed is None:
        raise InputError(f"layer {name!r} has no geometry; SIP4D-ZIP needs one (GeoPackage and CSV do not)")
    properties = properties_of(layer, name, known)
    entries = _entries(split(_fitting(placed, known, name)), properties, known)
    stem = f"mitoshi_{layer.code}_{local(context.time).translate(str.maketrans('', '', '-:T'))}"
    files: dict[str, bytes] = {META: b""}
    for number, entry in enumerate(entries, 1):
        files[f"{stem}_{number}.geojson"] = _collection(entry.lines)
        files[f"{stem}_{number}_columns.json"] = _json(_columns(layer.code, entry.shape, properties, version))
        files[f"{stem}_{number}_style.json"] = _json(_style(layer, entry.shape, properties, version))
    files[META] = _json(_meta(layer, name, context, [f for f in files if f.endswith(".geojson")], known, version))
    return _checked(_zip(files), name)


def write(path: Path, layer: LayerForHandover, name: str, context: Context, *, version: str = "1.1") -> Path:
    """Write the SIP4D-ZIP of a layer in one step; see `package`."""
    content = package(layer, name, context, version=version)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return path


def _code(layer: LayerForHandover, name: str, version: str) -> InformationCode:
    known = information_code(layer.code)
    if known is None:
        raise InputError(
            f"layer {name!r}: unknown information code {layer.code!r}; known: {', '.join(information_codes())}"
        )
    if version not in VERSIONS:
        raise InputError(f"SIP4D-ZIP has no version {version!r}; give one of {', '.join(VERSIONS)}")
    if layer.category and layer.category not in CATEGORIES:
        raise InputError(f"layer {name!r}: unknown category {layer.category!r}; give one of {'、'.join(CATEGORIES)}")
    return known


def _fitting(placed: Any, known: InformationCode, name: str) -> Any:
    """Return geometries of the code's kind: areas and lines become points where the code is one of points."""
    import shapely

    shapes = split(placed)
    if known.geometry is None or set(shapes) <= {known.geometry}:
        return placed
    if known.geometry != "point":
        others = ", ".join(TYPES[s] for s in shapes if s != known.geometry)
        raise InputError(f"layer {name!r} holds {others} geometries; code {known.code} is for {TYPES[known.geometry]}")
    return shapely.point_on_surface(placed)


def _entries(shapes: dict[Geometry, tuple[Any, Any]], properties: Properties, known: InformationCode) -> list[_Entry]:
    entries = []
    for shape, (parts, rows) in shapes.items():
        lines = feature_lines(shape, parts, properties.lines(rows.tolist()))
        size, start = 0, 0
        for at, line in enumerate(lines):
            size += len(line.encode()) + 1
            if size > MOST_ENTRY_BYTES and at > start:
                entries.append(_Entry(shape, lines[start:at]))
                size, start = len(line.encode()) + 1, at
        entries.append(_Entry(shape, lines[start:]))
    return entries or [_Entry(known.geometry or "polygon", ())]


def _collection(lines: Sequence[str]) -> bytes:
    body = ",\n".join(lines)
    return f'{{"type":"FeatureCollection","features":[\n{body}\n]}}\n'.encode()


def _json(content: Any) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode("utf-8", "replace")


def _columns(code: str, shape: Geometry, properties: Properties, version: str) -> dict[str, Any]:
    columns = [dict(c) for c in properties.definitions]
    kind = {"type": TYPES[shape]} if version == "2.0" else {}
    return {"version": "1", "code": code, **kind, "num_column": len(columns), "columns": columns}


def _symbol(colour: str, shape: Geometry, version: str) -> dict[str, Any]:
    """Return the keys that draw one class."""
    bare = colour.removeprefix("#").upper()
    if shape == "line":
        return {"color": bare, "stroke": 4, "stroke_opacity": 0.9}
    filled = {"color": bare, "stroke": 1, "stroke_opacity": 1, "fill": bare, "fill_opacity": 0.5}
    if shape == "polygon":
        return filled
    kind = {"symbol_type": "Circle"} if version == "2.0" else {"point_type": "circle"}
    return {**kind, "size": 12, **filled, "color": "333333", "fill_opacity": 0.9}


def _style(layer: LayerForHandover, shape: Geometry, properties: Properties, version: str) -> dict[str, Any]:
    legend = layer.legend
    if legend is None:
        classes = [{"title": layer.title.ja, **_symbol(layer.colour, shape, version)}]
        column = {}
    else:
        classes = [
            {
                "title": c.title.ja,
                "value": properties.as_written(legend.column, c.value),
                **_symbol(c.colour, shape, version),
            }
            for c in legend.classes
        ]
        column = {"column": legend.column}
    if version != "2.0":
        return {"num_class": len(classes), "type": shape, **column, "classes": classes}
    style = {"id": "1", "type": shape.capitalize(), "num_class": len(classes), **column, "classes": classes}
    return {"num_style": 1, "styles": [style]}


def _meta(
    layer: LayerForHandover, name: str, context: Context, files: list[str], known: InformationCode, version: str
) -> dict[str, Any]:
    issuer, updated = context.issuer, local(context.time)
    observed = updated if layer.observed is None else local(layer.observed)
    party = {"name": issuer.name, "e-mail": issuer.mail}
    entries = []
    for number, file in enumerate(files, 1):
        several = {"id": str(number), "information_date": observed} if version == "2.0" else {}
        entries.append({**several, "type": "GeoJSON", "title": layer.title.ja, "file": file, "updated": updated})
    return {
        "format": "SIP4D-ZIP",
        "version": version,
        "payload_type": "VECTOR",
        "title": f"【訓練】{layer.title.ja}" if context.simulated else layer.title.ja,
        "ttid": str(uuid.uuid5(NAMESPACE, f"{issuer.mail}/{context.event.ja}/{name}/{layer.code}")),
        "code": layer.code,
        "category": layer.category or known.category,
        "tags": ["mitoshi", "衛星", known.title.ja] if known.code != OTHER else ["mitoshi", "衛星"],
        "updated": updated,
        "information_date": observed,
        "author": party,
        "maintainer": party,
        "disaster": _disaster(context),
        "openflg": issuer.openness,
        "testflg": context.test_flag,
        "character": "UTF-8",
        "remark": SIMULATED.ja if context.simulated else "",
        "license_id": issuer.licence,
        "license_note": "",
        "credit": list(issuer.credit),
        "note": _note(layer, context),
        "entry_num": len(entries),
        "entry": entries,
    }


def _disaster(context: Context) -> dict[str, Any]:
    named: dict[str, Any] = {"name": context.event.ja or "-"}
    if context.event_id:
        named["id"] = context.event_id
    return named if context.report is None else {**named, "report": context.report}


def _note(layer: LayerForHandover, context: Context) -> str:
    said = [SIMULATED.ja] if context.simulated else []
    said += [ESTIMATE.ja]
    said += [layer.note.ja] if layer.note is not None else []
    said += [EVIDENCE.ja.format("、".join(context.evidence))] if context.evidence else []
    return " ".join(said)


def _zip(files: dict[str, bytes]) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o100644 << 16, 3
            archive.writestr(entry, content, compresslevel=6)
    return stream.getvalue()


def _checked(content: bytes, name: str) -> bytes:
    """Return a package that passes the check of what others send us."""
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        file.write(content)
        file.flush()
        verdict = check(file.name)
    if not verdict.accepted:
        first = verdict.errors[0]
        raise RunError(f"the SIP4D-ZIP of {name!r} would be rejected ({first.message.en}); mend the layer")
    return content
