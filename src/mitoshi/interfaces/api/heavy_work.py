"""Work that a small request makes large: few at once, few waiting, on threads that no other request needs."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread

from mitoshi.interfaces.api.problems import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["BUSY", "HeavyWork"]

T = TypeVar("T")
AT_ONCE = 2  # each may hold some 100 MiB and a processor
MOST_WAITING = 16
BUSY = {"description": "Too many such questions are being worked on; Retry-After says when to come back."}


class HeavyWork:
    """Threads for the expensive questions of a service; who comes when too many wait is asked to come back.

    Parameters
    ----------
    at_once
        How many are worked on at one time.
    waiting
        How many more may wait.
    """

    def __init__(self, at_once: int = AT_ONCE, waiting: int = MOST_WAITING) -> None:
        self._at_once, self._most = at_once, at_once + waiting
        self._inside = 0
        self._limiter: anyio.CapacityLimiter | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Take a place in the queue for as long as the block lasts.

        Raises
        ------
        Problem
            503 where too many wait.
        """
        if self._inside >= self._most:
            raise Problem(503, f"{self._inside} questions of this kind are being worked on; ask again in some seconds")
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Return what `work` returns, carried out when its turn comes."""
        if self._limiter is None:  # belongs to the loop that runs
            self._limiter = anyio.CapacityLimiter(self._at_once)
        return await anyio.to_thread.run_sync(work, *arguments, limiter=self._limiter)
