"""Memory that was freed goes back to the system: between two passes over a scene the allocator would hold hundreds of MiB."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

__all__ = ["release_freed"]


def release_freed() -> None:
    """Give freed memory back where the allocator can (glibc's malloc_trim); elsewhere do nothing.

    Arrays of a few MiB that several threads took and freed stay with the allocator's arenas. A response of five steps held
    1.8 GiB of them before its last step began.
    """
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
