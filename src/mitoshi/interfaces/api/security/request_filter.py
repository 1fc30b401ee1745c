"""What is turned away before anyone asks who sends it: malformed requests, names that are not ours, other people's pages."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mitoshi.interfaces.api.security.access import SAFE_METHODS, needed_scope
from mitoshi.interfaces.api.security.bodies import unacceptable
from mitoshi.interfaces.api.security.refusals import header, headers_named, refuse
from mitoshi.interfaces.api.settings import is_loopback

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from mitoshi.interfaces.api.settings import Settings

__all__ = ["RequestFilter"]

LONGEST_HEAD = 32 * 1024
LONGEST_PATH = 4096
STRANGE = re.compile(r"[\x00-\x1f\x7f\\]|(?:^|/)\.\.?(?:/|$)")
HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>\d{1,5}))?")


class RequestFilter:
    """ASGI layer that refuses what no honest client of this service sends.

    Parameters
    ----------
    app
        The application.
    settings
        Under which names the service may be called.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self._limits = app, settings.limits
        self._names = {name.lower().rstrip(".") for name in (*settings.names, settings.host)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or turn it away."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        reason = _malformed(scope) or self._misdirected(scope) or unacceptable(scope, self._limits) or _foreign(scope)
        if reason is None:
            await self.app(scope, receive, send)
        else:
            await refuse(scope, receive, send, *reason, closing=True)

    def _misdirected(self, scope: Scope) -> tuple[int, str] | None:
        """Refuse names that are not ours: a stranger's page may have its own name lead to this machine (DNS rebinding)."""
        host = _host(header(scope, b"host"))
        if host is None:
            return 400, "the Host header names no host; give the name or address of the service"
        server = (scope.get("server") or ("",))[0]
        if host in self._names or is_loopback(host) or (host == server and _is_address(host)):
            return None
        return 421, f"this service is not called {host[:80]!r}; start it with --name {host[:80]} if it is"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _host(value: str) -> str | None:
    found = HOST.fullmatch(value)
    if found is None:
        return None
    return (found["six"] or found["name"]).lower().rstrip(".")


def _malformed(scope: Scope) -> tuple[int, str] | None:
    if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > LONGEST_HEAD:
        return 431, f"the request's headers are longer than {LONGEST_HEAD} bytes; send fewer"
    if headers_named(scope, b"content-length") and headers_named(scope, b"transfer-encoding"):
        return 400, "the request has both a Content-Length and a Transfer-Encoding; send one"
    if len(scope["path"]) > LONGEST_PATH or len(scope["query_string"]) > 4 * LONGEST_PATH:
        return 414, "the address is too long; send long values in a body"
    if STRANGE.search(scope["path"]):
        return 400, "the path holds a control character, a backslash or a dot segment; give the plain path"
    if len(headers_named(scope, b"host")) > 1:
        return 400, "the request has several Host headers; send one"
    return None


def _foreign(scope: Scope) -> tuple[int, str] | None:
    """Refuse what a page of somebody else has a browser send; nothing but a browser sends these headers.

    That holds for a search by POST too: it changes nothing, but it costs more than a page of somebody else may cause.
    """
    if scope["method"] in SAFE_METHODS and needed_scope(scope["method"], scope["path"]) == "read":
        return None
    site = header(scope, b"sec-fetch-site")
    origins = headers_named(scope, b"origin")
    own = header(scope, b"host").lower()
    foreign = site not in ("", "same-origin", "none") or any(urlsplit(o.lower()).netloc != own for o in origins)
    return (
        (403, "a page of another origin may not write, execute or search here; use the service's own page")
        if foreign
        else None
    )
