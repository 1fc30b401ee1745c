"""What can be told of a bundle without running it: are its files the ones that were sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mitoshi.evidence.bundle import UNLISTED, list_files
from mitoshi.evidence.digest import file_digest

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
    there = {name: path for name, path in list_files(directory).items() if name not in UNLISTED}
    for name in sorted({*sums, *there}):
        if name not in there:
            return f"{name} is missing, though SHA256SUMS names it"
        if name not in sums:
            return f"{name} is not named in SHA256SUMS"
        if file_digest(there[name]) != sums[name]:
            return f"{name} is not the file that SHA256SUMS names (its SHA-256 differs)"
    return None
