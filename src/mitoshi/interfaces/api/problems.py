"""Errors as RFC 9457 problem details: what is wrong, what was got, what to do; never a traceback and no path of the machine."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from mitoshi.core.errors import InputError, MitoshiError, NotFoundError, RefusedError, UnmetNeedError
from mitoshi.sensors.guard import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI, Request

__all__ = ["Problem", "answer", "install"]

LOG = logging.getLogger("mitoshi.service")
LONGEST_LINE = 600


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """Something a route refuses.

    Parameters
    ----------
    status
        Of HTTP.
    detail
        One line: what, what was got, what to do.
    title
        The kind of problem.
    kind
        URI of the kind, such as that of an OGC exception.
    """

    def __init__(self, status: int, detail: str, title: str = "", kind: str = "about:blank") -> None:
        super().__init__(detail)
        self.status, self.detail, self.title, self.kind = status, detail, title, kind


RETRY_SECONDS = "5"
TITLES = {
    400: "bad request", 401: "who are you?", 403: "not allowed", 404: "not found", 405: "method not allowed",
    406: "not acceptable", 408: "too slow", 409: "conflict", 413: "too large", 415: "unsupported media type",
    422: "bad input", 429: "too many requests", 500: "internal error", 503: "busy", 507: "the disk is full",
}  # fmt: skip


def answer(
    status: int, detail: str, title: str = "", kind: str = "about:blank", headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return a problem as the response that carries it."""
    body = {"type": kind, "title": title or TITLES.get(status, "error"), "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json", headers=headers)


def status_of(error: MitoshiError) -> int:
    """Return the status that tells a client whose fault an error is."""
    if isinstance(error, RefusedError):
        return 403
    if isinstance(error, NotFoundError):
        return 404
    if isinstance(error, UnmetNeedError):
        return 409
    return 400 if isinstance(error, InputError) else 500


def install(app: FastAPI) -> None:
    """Let an application answer every error as a problem."""

    async def problem(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)  # noqa: S101 - registered for this class alone
        later = {"retry-after": RETRY_SECONDS} if error.status == 503 else None
        return answer(error.status, error.detail, error.title, error.kind, later)

    async def ours(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, MitoshiError)  # noqa: S101
        return answer(status_of(error), one_line(error, LONGEST_LINE))

    async def invalid(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return answer(400, "; ".join(_told(e) for e in error.errors()[:5]))

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101
        headers = dict(error.headers or {})
        if error.status_code == 405:  # the router names the methods of the first route alone
            headers["Allow"] = ", ".join(sorted(_methods(app.routes, request)))
        return answer(error.status_code, str(error.detail), headers=headers)

    async def unexpected(_request: Request, error: Exception) -> JSONResponse:
        LOG.error("internal error", exc_info=error)
        return answer(500, f"internal error ({type(error).__name__}); the service's log has more")

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(MitoshiError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)


def _methods(routes: Sequence[Any], request: Request) -> set[str]:
    """Return the methods of every route that has this address, those of included routers too."""
    found: set[str] = set()
    for route in routes:
        inner = getattr(getattr(route, "original_router", None), "routes", None)
        if inner is not None:
            found |= _methods(inner, request)
        elif route.matches(request.scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return found


def _told(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"] if part not in ("body", "query", "path"))
    return f"{place or 'request'}: {error['msg']}"
