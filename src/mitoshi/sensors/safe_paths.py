"""Paths and names from outside: plain files only, and no link that leaves its folder."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mitoshi.core.errors import InputError, RefusedError

__all__ = ["check_encoding", "inside", "local_href", "regular_file", "safe_id"]


def regular_file(path: str | Path) -> Path:
    """Return the absolute path of an existing regular file.

    Raises
    ------
    RefusedError
        If the name is a GDAL virtual path or the thing is a device, a pipe or a folder.
    InputError
        If there is no such file, or it may not be read.
    """
    text = os.fspath(path)
    if text.startswith("/vsi") or "\0" in text or len(text) > 4096:
        raise RefusedError(f"{text[:80]!r} is a virtual path; give a plain file")
    check_encoding(text)
    try:
        found = Path(text).resolve()
        exists, plain = found.exists(), found.is_file()
    except (OSError, RuntimeError) as error:
        raise InputError(f"{text[:200]!r} cannot be read ({type(error).__name__}); check the path") from None
    check_encoding(str(found))
    if not exists:
        raise InputError(f"no such file: {text[:200]}")
    if not plain:
        raise RefusedError(f"{text[:200]} is not a regular file; give a file or a product folder")
    if not os.access(found, os.R_OK):
        raise InputError(f"{text[:200]} may not be read; check its permissions")
    return found


def check_encoding(text: str) -> None:
    """Refuse a name that GDAL, which takes UTF-8, would not find.

    Raises
    ------
    InputError
        If the name is not UTF-8, or this session's locale cannot say it.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raw = os.fsencode(text)
        shown = raw.decode("utf-8", "backslashreplace")[:200]
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(f"the name {shown} is not UTF-8; rename the file") from None
        raise InputError(f"the name {shown} needs a UTF-8 locale; set LC_ALL=C.UTF-8 or PYTHONUTF8=1") from None


def safe_id(text: str) -> str:
    """Return an identifier that is safe as a file name.

    >>> safe_id("../../tmp/pwned")
    'tmp_pwned'
    """
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")
    cleaned = re.sub(r"(?:\.\.|_\._|^_+)+", "_", cleaned).strip("._-")
    return cleaned[:128] or "unnamed"


def inside(folder: Path, path: Path) -> bool:
    """Tell whether `path`, symbolic links followed, lies in `folder`."""
    return path.resolve().is_relative_to(folder.resolve())


def local_href(href: str, folder: Path) -> Path:
    """Return the file that a STAC link means, which must lie in the item's own folder.

    Raises
    ------
    RefusedError
        For addresses, virtual paths, driver prefixes and paths that leave the folder.

    >>> local_href("file:///etc/passwd", Path("/data"))
    Traceback (most recent call last):
    ...
    mitoshi.core.errors.RefusedError: link 'file:///etc/passwd' leaves the item's folder; put the file beside the item
    """
    shown = repr(href[:120])
    parts = urlsplit(href) if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", href) else None
    if parts is not None and (parts.scheme.lower() != "file" or parts.netloc not in {"", "localhost"}):
        raise RefusedError(f"link {shown} is not a file beside the item; download it and put it there")
    if "\0" in href or "<" in href or href.startswith("/vsi") or ":" in (href if parts is None else parts.path):
        raise RefusedError(f"link {shown} is a virtual path; give plain files beside the item")
    relative = unquote(parts.path) if parts is not None else href
    try:
        target = folder / relative
        contained = inside(folder, target)
    except (OSError, ValueError, RuntimeError):
        contained = False
    if not contained:
        raise RefusedError(f"link {shown} leaves the item's folder; put the file beside the item")
    return target.resolve()
