"""How often one key, or one address, may ask: token buckets in a table of bounded size."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from mitoshi.interfaces.api.security.access import address_of, asks_key, needed_scope
from mitoshi.interfaces.api.security.refusals import refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from mitoshi.interfaces.api.settings import Settings

__all__ = ["Buckets", "Rates"]

KEPT = 20_000


class Buckets:
    """A bucket of tokens for each name; it holds one minute's worth and refills steadily.

    Parameters
    ----------
    per_minute
        Tokens.
    clock
        Seconds that never go back.

    Examples
    --------
    >>> buckets = Buckets(2, clock=lambda: 0.0)
    >>> [buckets.take("a") for _ in range(3)]
    [0.0, 0.0, 30.0]
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._full, self._clock = float(per_minute), clock
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, name: str) -> float:
        """Return the seconds until this name may ask; 0 where it may now."""
        left = self._left(name)
        return 0.0 if left >= 1 else (1 - left) * 60 / self._full

    def take(self, name: str) -> float:
        """Take a token and return 0, or the seconds until there is one."""
        wait = self.wait(name)
        if not wait:
            self._kept[name] = (self._left(name) - 1, self._clock())
            self._kept.move_to_end(name)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return wait

    def _left(self, name: str) -> float:
        tokens, since = self._kept.get(name, (self._full, 0.0))
        return min(self._full, tokens + (self._clock() - since) * self._full / 60)


class Rates:
    """ASGI layer that bounds how often one key or address asks; behind the one that finds out who asks.

    Parameters
    ----------
    app
        The application.
    settings
        The limits. Reading is unlimited where only this machine can and nobody needs a key.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._private = not asks_key(settings)
        self._requests = Buckets(settings.limits.requests_per_minute)
        self._writes = Buckets(settings.limits.writes_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or ask its sender to come back later."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        who = scope.get("state", {}).get("owner") or address_of(scope)
        writes = needed_scope(scope["method"], scope["path"]) != "read"
        wait = 0.0 if self._private and not writes else self._requests.take(who)
        if not wait and writes:
            wait = self._writes.take(who)
        if wait:
            after = str(math.ceil(wait))
            detail = f"too many requests of one key or address; try again in {after} s"
            await refuse(scope, receive, send, 429, detail, {"retry-after": after})
        else:
            await self.app(scope, receive, send)
