"""What kind of thing a request asks for: reading is open, executing and writing are not."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

    from mitoshi.interfaces.api.settings import Settings

__all__ = ["SCOPES", "address_of", "asks_key", "needed_scope"]

SCOPES = ("read", "execute", "write")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ADOPTION = re.compile(r"/bundles/[^/]+/adoption/?")  # which products count is decided by who may write
# They send what is looked for in a body and change nothing; every other POST needs a scope.
READ_BY_POST = frozenset({"/stac/search", "/values/area", "/values/area/series"})


def needed_scope(method: str, path: str) -> str:
    """Return the scope that a request needs.

    >>> needed_scope("GET", "/layers"), needed_scope("POST", "/stac/search"), needed_scope("DELETE", "/ogc/jobs/1")
    ('read', 'read', 'execute')
    """
    if path == "/mcp" or path.startswith("/mcp/"):
        return "execute"  # also GET: its stream carries the answers of a session
    if method in SAFE_METHODS or (method == "POST" and path in READ_BY_POST):
        return "read"
    return "write" if path.startswith("/stac/") or ADOPTION.fullmatch(path) else "execute"


def asks_key(settings: Settings) -> bool:
    """Tell whether writing and executing need a key."""
    return settings.require_key or not settings.loopback


def address_of(scope: Scope) -> str:
    """Return the client's address for counting; an IPv6 client is its network of 64 bits, all of which are his."""
    client = str((scope.get("client") or ("",))[0])
    try:
        number = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client
    mapped = getattr(number, "ipv4_mapped", None)
    if mapped is not None:
        return str(mapped)
    if number.version == 6 and not number.is_loopback:
        return str(ipaddress.ip_network((number, 64), strict=False))
    return str(number)
