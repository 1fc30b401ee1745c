"""The HTTP server's connections: closed where a head or the rest of a body does not come, or nobody reads the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    from mitoshi.interfaces.api.settings import Limits

__all__ = ["quick_heads"]

UNREAD_SECONDS = 120.0  # an answer of which nothing was read for so long has no reader
SPARE = 16  # connections beyond the limit that still get uvicorn's 503 instead of a closed connection


def quick_heads(limits: Limits) -> type[asyncio.Protocol]:
    """Return uvicorn's HTTP protocol with the limits that it lacks.

    Parameters
    ----------
    limits
        `header_seconds`, `body_seconds` and `connections` count here.
    """
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class QuickHeads(H11Protocol):
        """A connection with a deadline for whatever the client owes: the head of a request, the rest of a body, reading."""

        _deadline: asyncio.TimerHandle | None = None
        _owed: object = None
        _unread: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > limits.connections + SPARE:
                transport.abort()
                return
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._expect(None, 0.0)
            self._reader_is_there()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            if self._unread is None:
                self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._reader_is_there()

        def _reader_is_there(self) -> None:
            if self._unread is not None:
                self._unread.cancel()
                self._unread = None

        def _watch(self) -> None:
            """Set the deadline for what the client owes now; one that runs already is not set back by a few more bytes."""
            begun = self.cycle is None or bool(self.conn.trailing_data[0])
            if self.conn.their_state is h11.IDLE and begun:
                self._expect("head", limits.header_seconds)
            elif self.conn.their_state is h11.SEND_BODY and self.cycle.response_complete:
                self._expect("rest", limits.body_seconds)
            else:
                self._expect(None, 0.0)

        def _expect(self, owed: str | None, seconds: float) -> None:
            if owed is not None and self._owed == (owed, self.cycle):
                return
            if self._deadline is not None:
                self._deadline.cancel()
            self._owed = (owed, self.cycle)
            self._deadline = self.loop.call_later(seconds, self._too_slow) if owed else None

        def _too_slow(self) -> None:
            if not self.transport.is_closing():
                self.transport.abort()

    made: type[Any] = QuickHeads
    return made
