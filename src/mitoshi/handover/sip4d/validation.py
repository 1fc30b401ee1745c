"""The check of a SIP4D-ZIP: the same verdict as the checker of the format's authors, with everything that is to be mended.

Where that checker stops at the first fault, this one goes on, so that one round of mending is enough.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import MitoshiError
from mitoshi.core.strict_json import parse_json
from mitoshi.core.text import Text
from mitoshi.handover.sip4d.archive import Archive, open_archive
from mitoshi.handover.sip4d.codes import information_code
from mitoshi.handover.sip4d.geodata import NOT_JSON, check_collection, property_rules
from mitoshi.handover.sip4d.reasons import Findings, Verdict
from mitoshi.handover.sip4d.rules import HEADER, column_fields, meta_fields, style_fields
from mitoshi.handover.sip4d.schema import check_object, filled

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["META", "check"]

META = "sip4d_zip_meta.json"
BOM = b"\xef\xbb\xbf"
MOST_JSON_BYTES = 4 * 2**20  # of metadata, attribute definitions and legends

NOT_ZIP_NAME = Text(
    "the file's name does not end in .zip; rename it", "ファイル名の末尾が .zip ではありません。変更してください"
)
NO_META = Text(
    "sip4d_zip_meta.json is missing; add it at the top of the package",
    "sip4d_zip_meta.json がありません。パッケージの直下に追加してください",
)
HAS_BOM = Text(
    "the file begins with a byte order mark; save it as UTF-8 without BOM",
    "BOM付きUTF-8です。BOMなしのUTF-8で保存してください",
)
NOT_UTF8 = Text(
    "the file is not UTF-8; save it as UTF-8 without BOM",
    "文字コードがUTF-8ではありません。BOMなしのUTF-8で保存してください",
)
LONG_JSON = Text(
    "the file has more than {0} MiB; it cannot be what its name says",
    "ファイルが{0} MiBを超えています。内容を確認してください",
)
NO_COLUMNS = Text(
    "the attribute definitions {0} are missing; add them", "属性定義ファイル {0} がありません。追加してください"
)
NO_STYLE = Text("there is no legend {0}", "凡例ファイル {0} がありません")


def check(path: str | Path) -> Verdict:
    """Check a SIP4D-ZIP.

    Parameters
    ----------
    path
        A zip file. Memory stays bounded whatever it claims to hold.

    Returns
    -------
    Verdict with every reason for a rejection, and warnings.

    Raises
    ------
    InputError
        If there is no such regular file.
    """
    findings = Findings()
    if Path(path).suffix.lower() != ".zip":
        findings.error("file_name", "", NOT_ZIP_NAME)
    archive = open_archive(Path(path), findings)
    if archive is None:
        return Verdict(accepted=False, reasons=findings.reasons())
    with archive:
        meta = _meta(archive, findings)
        features = _check_payload(archive, meta, findings)
    told = meta if isinstance(meta, dict) else {}
    version, code, title = (v if isinstance(v := told.get(k), str) else "" for k in ("version", "code", "title"))
    return Verdict(not findings.failed, findings.reasons(), version, code, title, features)


def _meta(archive: Archive, findings: Findings) -> Any:
    """Return the metadata, or None where they cannot be read or do not say what they are."""
    if META not in archive.names:
        findings.error("missing_metadata", "", NO_META)
        return None
    meta = _json(archive, META, findings)
    if meta is None or not check_object(meta, HEADER, findings, META, archive.names):
        return None
    check_object(meta, meta_fields(meta["version"]), findings, META, archive.names)
    return meta


def _text(archive: Archive, name: str, findings: Findings) -> str | None:
    content = archive.read(name, findings)
    if content is None:
        return None
    if content.startswith(BOM):
        findings.error("bom", name, HAS_BOM)
        content = content[len(BOM) :]
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        findings.error("not_utf8", name, NOT_UTF8)
        return None


def _json(archive: Archive, name: str, findings: Findings) -> Any:
    text = _text(archive, name, findings)
    if text is None:
        return None
    if len(text) > MOST_JSON_BYTES:
        findings.error("too_large", name, filled(LONG_JSON, MOST_JSON_BYTES >> 20))
        return None
    try:
        return parse_json(text.encode(), name, most_bytes=4 * MOST_JSON_BYTES)
    except MitoshiError as error:
        findings.error("not_json", name, filled(NOT_JSON, str(error)[:80]))
        return None


def _check_payload(archive: Archive, meta: Any, findings: Findings) -> int:
    """Check the files that the metadata name, or all that look like them where there are no metadata; return the features."""
    if isinstance(meta, dict):
        version, code = meta["version"], meta["code"]
        entries = meta.get("entry")
        listed = entries if isinstance(entries, list) else []
        files = [e["file"] for e in listed if isinstance(e, dict) and isinstance(e.get("file"), str)]
    else:
        version, code = "1.1", ""
        files = [name for name in archive.names if name.endswith(".geojson")]
    present = [name for name in dict.fromkeys(files) if name in archive.names]
    return sum(_check_entry(archive, name, version, code, findings) for name in present)


def _check_entry(archive: Archive, name: str, version: str, code: str, findings: Findings) -> int:
    stem = str(PurePosixPath(name).with_suffix(""))
    columns = _columns(archive, f"{stem}_columns.json", version, code, findings)
    _check_style(archive, f"{stem}_style.json", version, findings)
    text = _text(archive, name, findings)
    if text is None:
        return 0
    known = information_code(code)
    if columns is None:
        return 0  # without definitions its properties mean nothing
    rules = property_rules(columns, known)
    declared = columns.get("type") if version == "2.0" else None
    return check_collection(text, name, rules, known, findings, declared=declared)


def _columns(archive: Archive, name: str, version: str, code: str, findings: Findings) -> Mapping[str, Any] | None:
    if name not in archive.names:
        findings.error("missing_columns", name, filled(NO_COLUMNS, name))
        return None
    columns = _json(archive, name, findings)
    if columns is None or not check_object(columns, column_fields(version, code), findings, name, archive.names):
        return None
    checked: Mapping[str, Any] = columns
    return checked


def _check_style(archive: Archive, name: str, version: str, findings: Findings) -> None:
    if name not in archive.names:
        findings.warn("no_style", name, filled(NO_STYLE, name))
        return
    style = _json(archive, name, findings)
    if style is not None:
        check_object(style, style_fields(version), findings, name, archive.names)
