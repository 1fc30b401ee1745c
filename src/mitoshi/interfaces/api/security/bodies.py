"""How long, how slow and how deep a body may be; a route sees it only when it is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from mitoshi.core.errors import MitoshiError
from mitoshi.interfaces.api.security.refusals import header, headers_named, refuse, sends_body
from mitoshi.sensors import guard

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mitoshi.interfaces.api.settings import Limits

__all__ = ["Bodies"]

QUICKLY_CHECKED = 16 * 1024  # bytes of JSON that take less time than handing them to a thread


class Bodies:
    """ASGI layer that takes in bodies within the limits.

    Parameters
    ----------
    app
        The application.
    limits
        See `Limits`.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its whole body, or refuse it."""
        if scope["type"] != "http" or not sends_body(scope):
            await self.app(scope, receive, send)
            return
        longest = self._limits.body_bytes
        too_long = f"the body is longer than {longest} bytes; send less"
        length = header(scope, b"content-length")
        if headers_named(scope, b"content-encoding") not in ([], ["identity"]):
            await refuse(scope, receive, send, 415, "compressed bodies are not read; send the body as it is")
            return
        if length and (not length.isdecimal() or int(length[:20]) > longest):
            await refuse(scope, receive, send, 413, too_long)
            return
        try:
            with anyio.fail_after(self._limits.body_seconds):
                body = await _taken_in(receive, longest)
        except TimeoutError:
            slow = f"the body took longer than {self._limits.body_seconds:g} s; send it faster"
            await refuse(scope, receive, send, 408, slow, patience=0.2)
            return
        if body is None:
            return  # the client has gone
        if len(body) > longest:
            await refuse(scope, receive, send, 413, too_long)
            return
        wrong = await _not_strict(header(scope, b"content-type"), body)
        if wrong:
            await refuse(scope, receive, send, 400, wrong, unread=False)
            return
        await self.app(scope, _replayed(body, receive), send)


async def _taken_in(receive: Receive, longest: int) -> bytes | None:
    """Return the body; more than `longest` bytes where it is too long, None where the client has gone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > longest or not message.get("more_body", False):
            return bytes(body)


async def _not_strict(content_type: str, body: bytes) -> str:
    """Return what is wrong with a body that claims to be JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    if not body or not (kind.endswith(("/json", "+json")) or kind == ""):
        return ""
    try:
        if len(body) <= QUICKLY_CHECKED:
            guard.parse_json(body, "the body")
        else:
            await anyio.to_thread.run_sync(guard.parse_json, body, "the body")
    except MitoshiError as error:
        return guard.one_line(error)
    return ""


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
