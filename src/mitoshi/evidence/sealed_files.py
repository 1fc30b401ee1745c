"""Read a file of a bundle for a comparison, unless its size or its bytes already decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mitoshi.evidence.digest import file_digest
from mitoshi.evidence.verdict import FileCheck

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["decided_by_bytes", "oversized", "unequal_bytes"]

GROWTH, SLACK = 3, 65_536  # a file much larger than its recomputation is not read


def decided_by_bytes(name: str, sealed: Path, now: Path) -> FileCheck | None:
    """Return the state of a file that equals its recomputation or is much larger, None where it must be looked into."""
    if file_digest(sealed) == file_digest(now):
        return FileCheck(name, "equal")
    return oversized(name, sealed, now.stat().st_size)


def unequal_bytes(name: str, sealed: Path, now: bytes) -> FileCheck | bytes:
    """Return the content of a file that must be looked into, or its state where size or bytes decide."""
    large = oversized(name, sealed, len(now))
    if large is not None:
        return large
    content = sealed.read_bytes()
    return FileCheck(name, "equal") if content == now else content


def oversized(name: str, sealed: Path, size: int) -> FileCheck | None:
    """Return the state of a file that is much larger than its recomputation of a size, None of another."""
    if sealed.stat().st_size <= GROWTH * size + SLACK:
        return None
    return FileCheck(name, "different", "is much larger than the recomputation")
