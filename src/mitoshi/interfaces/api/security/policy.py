"""What a browser may do with an answer: pages run their own scripts and nothing else, everything else runs nothing at all."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from mitoshi.interfaces.api import problems

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["DATA_POLICY", "DATA_ROOTS", "PAGE_POLICY", "Policy"]

LOG = logging.getLogger("mitoshi.service")

# CesiumJS compiles WebAssembly (its decoders) and starts workers from blobs; it needs no eval and no inline script or style.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self' blob: data:; font-src 'self'; manifest-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
# A browser shows no PDF in a sandbox; a PDF has no origin whose scripts could do harm.
PDF_POLICY = "default-src 'none'; object-src 'self'; frame-ancestors 'none'"
# What lies below these is data, some of it written by strangers; whatever else there is belongs to the page.
DATA_ROOTS = frozenset({
    "bundles", "buildings", "layers", "mcp", "ogc", "openapi.json", "stac", "terrain", "tiles", "values", "vectors",
})  # fmt: skip
ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), browsing-topics=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}


class Policy:
    """ASGI layer that puts these headers on every answer, and turns what nobody caught into a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and put the headers on its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _put(MutableHeaders(scope=message), scope["path"])
            await send(message)

        try:
            await self.app(scope, receive, guarded)
        except Exception as error:
            if started:
                raise
            LOG.exception("internal error in %s %r", scope["method"], scope["path"][:200])
            detail = f"internal error ({type(error).__name__}); the service's log has more"
            await problems.answer(500, detail)(scope, receive, guarded)


def _put(headers: MutableHeaders, path: str) -> None:
    for name, value in ALWAYS.items():
        headers[name] = value
    if path.split("/", 2)[1:2] and path.split("/", 2)[1] not in DATA_ROOTS:
        headers["content-security-policy"] = PAGE_POLICY
    elif headers.get("content-type", "").startswith("application/pdf"):
        headers["content-security-policy"] = PDF_POLICY
    else:
        headers["content-security-policy"] = DATA_POLICY
