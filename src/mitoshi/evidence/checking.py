"""What can be told of a bundle without running it: are its files the ones that were sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mitoshi.evidence.bundle import UNLISTED, list_files
from mitoshi.evidence.digest import file_digest
from mitoshi.evidence.verdict import printable

MOST_BYTES = 64 * 2**30  # of one file
HOLLOW_BYTES = 2**30  # a file larger than this whose blocks were mostly never written is no product

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["first_mismatch"]


def first_mismatch(directory: Path, sums: Mapping[str, str]) -> str | None:
    """Return one line about the first file that is missing, extra or changed; None where all is as sealed.

    Raises
    ------
    BundleError
        If the folder holds links or devices.
    """
    broken = _first(directory, sums)
    return None if broken is None else printable(broken)


def _unreadable(path: Path) -> str:
    """Return why a file is not read at all; empty where it is."""
    state = path.stat()
    if state.st_size > MOST_BYTES:
        return f"is {state.st_size >> 30} GiB; no file of a bundle is larger than {MOST_BYTES >> 30} GiB"
    if state.st_size > HOLLOW_BYTES and getattr(state, "st_blocks", state.st_size) * 512 < state.st_size // 2:
        return f"says to hold {state.st_size >> 30} GiB, most of which was never written"
    return ""


def _first(directory: Path, sums: Mapping[str, str]) -> str | None:
    there = {name: path for name, path in list_files(directory).items() if name not in UNLISTED}
    for name in sorted({*sums, *there}):
        if name not in there:
            return f"{name} is missing, though SHA256SUMS names it"
        if name not in sums:
            return f"{name} is not named in SHA256SUMS"
        if words := _unreadable(there[name]):
            return f"{name} {words}"
        if file_digest(there[name]) != sums[name]:
            return f"{name} is not the file that SHA256SUMS names (its SHA-256 differs)"
    return None
