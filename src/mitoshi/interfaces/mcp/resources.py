"""Files of evidence bundles as resources, ``mitoshi://bundle/ID/FILE``: those that the bundle's own checksums name, no others."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import mcp_types as types

from mitoshi.core.errors import BundleError, InputError
from mitoshi.evidence.bundle import Bundle, checked_name, read_sums
from mitoshi.interfaces.mcp.accounts import SHOWN, address
from mitoshi.sensors.guard import regular_file

if TYPE_CHECKING:
    from mitoshi.workflows.bundle_store import BundleStore

__all__ = ["TEMPLATE", "linked", "listed", "read"]

PAGE = 20  # bundles
LARGEST = 16 * 2**20  # bytes of one resource
ADDRESS = re.compile(r"mitoshi://bundle/([0-9a-f]{12,64})/([^?#]{1,400})")
TEXTUAL = frozenset({"application/json", "application/geo+json", "application/ld+json", "text/plain"})
TYPES = {
    ".geojson": "application/geo+json",
    ".tif": "image/tiff; application=geotiff",
    ".parquet": "application/vnd.apache.parquet",
}
TEMPLATE = types.ResourceTemplate(
    uri_template="mitoshi://bundle/{id}/{+file}",
    name="bundle-file",
    title="File of an evidence bundle / 証跡一式のファイル",
    description="A file that the SHA256SUMS of the bundle names, such as run.json, figures.json or report.en.pdf.",
)


def listed(bundle_store: BundleStore, cursor: str | None) -> tuple[list[types.Resource], str | None]:
    """Return reports, quicklooks and run records of some bundles, the latest run first, and where to go on.

    Raises
    ------
    InputError
        If the cursor is none of ours.
    """
    start = 0
    if cursor is not None:
        if not re.fullmatch(r"[0-9]{1,6}", cursor):
            raise InputError(f"the cursor {cursor[:40]!r} is none of this server; leave it out to begin anew")
        start = int(cursor)
    bundles = bundle_store.bundles()
    found = [resource for bundle in bundles[start : start + PAGE] for resource in linked(bundle)]
    return found, str(start + PAGE) if start + PAGE < len(bundles) else None


def linked(bundle: Bundle) -> list[types.Resource]:
    """Return what a bundle has for people, and its run record."""
    try:
        sealed = read_sums(bundle.path)
    except BundleError:
        return []
    return [
        types.Resource(
            uri=address(bundle, name),
            name=f"{bundle.id[:12]}/{name}",
            title=f"{bundle.method} {name}",
            mime_type=_media(name),
        )
        for name in SHOWN
        if name in sealed
    ]


def read(bundle_store: BundleStore, uri: str) -> types.TextResourceContents | types.BlobResourceContents:
    """Return the content of a file, after making sure that it is the one which the bundle was sealed with.

    Raises
    ------
    InputError
        If there is no such bundle or file, or it is too large.
    BundleError
        If the file is not what the bundle's checksums say.
    """
    match = ADDRESS.fullmatch(uri)
    bundle = bundle_store.find(match[1]) if match else None
    if match is None or bundle is None:
        raise InputError(f"{uri[:120]!r} names no bundle known here; give mitoshi://bundle/ID/FILE")
    name, sealed = unquote(match[2]), read_sums(bundle.path)
    if name not in sealed:
        raise InputError(f"bundle {bundle.id[:12]} has no file {name[:80]!r}; it has {', '.join(sealed)[:300]}")
    path = bundle.path / checked_name(name)
    if path.is_symlink() or path.stat().st_size > LARGEST:
        raise InputError(f"{name} is larger than {LARGEST >> 20} MiB; download the bundle instead")
    content = regular_file(path).read_bytes()
    if hashlib.sha256(content).hexdigest() != sealed[name]:
        raise BundleError(f"{name} is not what bundle {bundle.id[:12]} was sealed with; verify the bundle")
    place, media = f"mitoshi://bundle/{bundle.id}/{quote(name)}", _media(name)
    if media in TEXTUAL:
        return types.TextResourceContents(uri=place, mime_type=media, text=content.decode("utf-8", "replace"))
    return types.BlobResourceContents(uri=place, mime_type=media, blob=base64.b64encode(content).decode())


def _media(name: str) -> str:
    suffix = "." + name.rpartition(".")[2]
    return TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
