"""How long, how slow, of which type and how deep a body may be; a route sees it only when it is whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from mitoshi.core.errors import MitoshiError
from mitoshi.core.strict_json import parse_json
from mitoshi.interfaces.api.security.refusals import header, headers_named, refuse, sends_body
from mitoshi.sensors import guard

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mitoshi.interfaces.api.settings import Limits

__all__ = ["Bodies", "unacceptable"]

JSON = re.compile(r"application/([a-z0-9.!#$&^_-]+\+)?json")

MOST_MEMBERS = 256  # of the outermost object: no request has more names, and each that is not known costs an error
MOST_CONTAINERS = 100_000  # lists and objects: more than ten outlines of as many vertices as are allowed
CHECKED_AT_ONCE = 2  # bodies; checking one takes some ms of a processor, and other requests need threads too


def unacceptable(scope: Scope, limits: Limits) -> tuple[int, str] | None:
    """Return status and reason against the body that a request announces, by its head alone; None where it may come.

    Every body is JSON and says so: what a browser sends for a page of somebody else without asking first (a form, plain text,
    or no type at all) is none.
    """
    if not sends_body(scope):
        return None
    length = header(scope, b"content-length")
    if length and (not length.isdecimal() or int(length[:20]) > limits.body_bytes):
        return 413, _too_long(limits)
    if headers_named(scope, b"content-encoding") not in ([], ["identity"]):
        return 415, "compressed bodies are not read; send the body as it is"
    kinds = [kind.partition(";")[0].strip().lower() for kind in headers_named(scope, b"content-type")]
    if len(kinds) != 1 or not JSON.fullmatch(kinds[0]):
        return 415, "the body must be JSON and say so; send it with Content-Type: application/json"
    return None


def _too_long(limits: Limits) -> str:
    return f"the body is longer than {limits.body_bytes} bytes; send less"


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
        self._checking: anyio.CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its whole body, or refuse it."""
        if scope["type"] != "http" or not sends_body(scope):
            await self.app(scope, receive, send)
            return
        longest = self._limits.body_bytes
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
            await refuse(scope, receive, send, 413, _too_long(self._limits))
            return
        wrong = await self._not_strict(body)
        if wrong:
            await refuse(scope, receive, send, 400, wrong, unread=False)
            return
        await self.app(scope, _replayed(body, receive), send)

    async def _not_strict(self, body: bytes) -> str:
        """Return what is wrong with a body, checked beside the loop that answers everybody."""
        if self._checking is None:
            self._checking = anyio.CapacityLimiter(CHECKED_AT_ONCE)
        return await anyio.to_thread.run_sync(_wrong, body, limiter=self._checking)


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


def _wrong(body: bytes) -> str:
    """Return what is wrong with a body as JSON; nothing where it is empty."""
    if not body:
        return ""
    try:
        value = parse_json(body, "the body", most_containers=MOST_CONTAINERS)
    except MitoshiError as error:
        return guard.one_line(error)
    if isinstance(value, dict) and len(value) > MOST_MEMBERS:
        return f"the body is an object of {len(value)} members; send {MOST_MEMBERS} at most"
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
