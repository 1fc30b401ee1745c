"""Who asks, and whether he may: an API key or a token of the issuer, once in a request and nowhere but in its headers."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from mitoshi.core.errors import InputError
from mitoshi.interfaces.api.security.access import address_of, asks_key, needed_scope
from mitoshi.interfaces.api.security.keys import PREFIX
from mitoshi.interfaces.api.security.rates import Buckets
from mitoshi.interfaces.api.security.refusals import headers_named, refuse
from mitoshi.interfaces.api.security.tokens import Subject

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from mitoshi.interfaces.api.security.keys import KeyFile
    from mitoshi.interfaces.api.security.tokens import Issuer
    from mitoshi.interfaces.api.settings import Settings

__all__ = ["FAILURES_PER_MINUTE", "Credentials"]

LOG = logging.getLogger("mitoshi.service")
FAILURES_PER_MINUTE = 20
LONGEST_KEY = 256
CHALLENGE = {"www-authenticate": 'Bearer realm="mitoshi"'}


class Credentials:
    """ASGI layer that sets ``state["owner"]`` ("" for nobody) and refuses who may not.

    Parameters
    ----------
    app
        The application.
    settings
        Whether writing and executing need a key.
    keys
        The API keys.
    issuer
        Whose tokens are accepted, if anybody's.
    """

    def __init__(self, app: ASGIApp, settings: Settings, keys: KeyFile, issuer: Issuer | None) -> None:
        self.app, self._keys, self._issuer = app, keys, issuer
        self._asks_key = asks_key(settings)
        self._failures = Buckets(FAILURES_PER_MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its owner, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["owner"] = ""
        presented = _presented(scope)
        who = None
        if presented:
            address = address_of(scope)
            wait = math.ceil(self._failures.wait(address))
            if wait:
                detail = f"too many wrong keys from this address; try again in {wait} s"
                await refuse(scope, receive, send, 429, detail, {"retry-after": str(wait)})
                return
            who = self._who(presented[0]) if len(presented) == 1 else None
            if who is None:
                self._failures.take(address)
                detail = "the key or token is not valid here; give one that is, once, or none"
                wrong = {"www-authenticate": f'{CHALLENGE["www-authenticate"]}, error="invalid_token"'}
                await refuse(scope, receive, send, 401, detail, wrong)
                return
            state["owner"] = who.name
        needed = needed_scope(scope["method"], scope["path"])
        if who is None and needed != "read" and self._asks_key:
            detail = "writing and executing need a key; send it as Authorization: Bearer KEY (make one: mitoshi key add NAME)"
            await refuse(scope, receive, send, 401, detail, CHALLENGE)
        elif who is not None and needed != "read" and needed not in who.scopes:
            detail = f"this key may not {needed}; it may {', '.join(who.scopes)}"
            await refuse(scope, receive, send, 403, detail)
        else:
            await self.app(scope, receive, send)

    def _who(self, presented: str) -> Subject | None:
        if presented.count(".") == 2 and not presented.startswith(PREFIX):
            return self._issuer.subject(presented) if self._issuer else None
        if len(presented) > LONGEST_KEY:
            return None
        try:
            key = self._keys.holder(presented)
        except InputError as error:
            LOG.error("no key is accepted: %s", error)  # noqa: TRY400 - the operator needs the line, not where it was raised
            return None
        return Subject(f"key:{key.name}", key.scopes) if key else None


def _presented(scope: Scope) -> list[str]:
    """Return every credential of a request; one of a kind that is not known here is an empty text."""
    found = []
    for value in headers_named(scope, b"authorization"):
        kind, _, credential = value.strip().partition(" ")
        found.append(credential.strip() if kind.lower() == "bearer" else "")
    return found + [value.strip() for value in headers_named(scope, b"x-api-key")]
