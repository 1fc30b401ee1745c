"""Say no without waiting for what the client still wants to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from mitoshi.interfaces.api import problems

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["header", "headers_named", "refuse", "sends_body"]

# A connection closed with unread bytes in it is reset, and the client never sees why: read a little before closing.
DRAIN_BYTES = 64 * 2**20
DRAIN_SECONDS = 2.0


def headers_named(scope: Scope, name: bytes) -> list[str]:
    """Return all values of a header, its name in lower case."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def header(scope: Scope, name: bytes) -> str:
    """Return the first value of a header, or an empty text."""
    return next(iter(headers_named(scope, name)), "")


def sends_body(scope: Scope) -> bool:
    """Tell whether a request announces a body."""
    return bool(headers_named(scope, b"transfer-encoding")) or header(scope, b"content-length") not in ("", "0")


async def refuse(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    detail: str,
    headers: dict[str, str] | None = None,
    *,
    unread: bool | None = None,
    closing: bool = False,
    patience: float = DRAIN_SECONDS,
) -> None:
    """Answer with a problem; where a body is still under way, read a little of it and close the connection.

    Parameters
    ----------
    scope, receive, send
        Of ASGI.
    status, detail, headers
        Of the answer.
    unread
        Whether the client may still be sending; by default whether it announced a body.
    closing
        Whether the connection is closed in any case.
    patience
        Longest time to go on reading [s].
    """
    unread = sends_body(scope) if unread is None else unread
    more = {"cache-control": "no-store"} | (headers or {}) | ({"connection": "close"} if unread or closing else {})
    response = problems.answer(status, detail, headers=more)
    await send({"type": "http.response.start", "status": status, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": bytes(response.body), "more_body": unread})
    if unread:
        with anyio.move_on_after(patience):
            await _drain(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drain(receive: Receive) -> None:
    seen = 0
    while seen < DRAIN_BYTES:
        message = await receive()
        seen += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
