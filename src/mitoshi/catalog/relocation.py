"""Paths in a catalogue: relative to it where files lie near it, so that a folder can be copied or moved whole.

A path is near if it lies below the folder that holds the catalogue, or below the one that holds that: ``project/catalogue``
beside ``project/data``, or ``demo/region/catalogue`` and ``demo/response``. Others stay absolute, and so stay right where the
catalogue alone is moved.
"""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["located", "stored"]

LEVELS = 2  # how many folders above the catalogue still count as near
SOURCE = "mitoshi:source"  # FILE or FILE#key=value,…
NEAR = ("./", "../")


def stored(item: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return an item whose paths near the catalogue are relative to its folder.

    Parameters
    ----------
    item
        As described: web addresses and absolute paths.
    folder
        Of the catalogue.
    """
    home = os.path.abspath(folder)
    near = home
    for _ in range(LEVELS):
        near = os.path.dirname(near)
    if near == os.path.dirname(near):
        near = os.path.dirname(home)

    def relative(path: str) -> str:
        inside = os.path.isabs(path) and path.startswith(near.rstrip(os.sep) + os.sep)
        if not inside or near == os.sep:
            return path
        short = os.path.relpath(path, home).replace(os.sep, "/")
        return short if short.startswith("../") else f"./{short}"

    return _with_paths(item, relative)


def located(item: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return an item whose relative paths are absolute again, from where the catalogue lies now."""
    paths = (item.get("properties", {}).get(SOURCE), *(a["href"] for a in item.get("assets", {}).values()))
    if not any(isinstance(p, str) and p.startswith(NEAR) for p in paths):
        return item
    home = os.path.abspath(folder)

    def absolute(path: str) -> str:
        return os.path.normpath(os.path.join(home, path)) if path.startswith(NEAR) else path

    return _with_paths(item, absolute)


def _with_paths(item: dict[str, Any], changed: Callable[[str], str]) -> dict[str, Any]:
    assets = {key: {**asset, "href": changed(asset["href"])} for key, asset in item.get("assets", {}).items()}
    out = {**item, "assets": assets}
    source = item.get("properties", {}).get(SOURCE)
    if isinstance(source, str):
        path, hash_sign, words = source.partition("#")
        out["properties"] = {**item["properties"], SOURCE: f"{changed(path)}{hash_sign}{words}"}
    return out
