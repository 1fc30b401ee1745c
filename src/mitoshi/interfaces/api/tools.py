"""`/mcp`: the tools of the Model Context Protocol over streamable HTTP, with the service's own keys, limits and jobs."""

from __future__ import annotations

import logging
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from mitoshi.interfaces.api import problems
from mitoshi.interfaces.api.security.access import asks_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

    from mitoshi.interfaces.api.service import Service
    from mitoshi.interfaces.api.settings import Settings

__all__ = ["alone", "attach", "run_alone", "running"]

LOG = logging.getLogger("mitoshi.service")
PATH = "/mcp"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
SESSIONS = 256
IDLE_SECONDS = 1800.0


class Endpoint:
    """ASGI endpoint that passes requests to the session manager of the running application, where there is one."""

    def __init__(self) -> None:
        self.manager: Any = None
        self.closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.manager is None:
            reason = "the tools are not running; install mitoshi[mcp], or try again"
            await problems.answer(503, reason)(scope, receive, send)
            return
        await self.manager.handle_request(scope, receive, send)


def attach(app: FastAPI, service: Service) -> None:
    """Add the endpoint.

    Parameters
    ----------
    app
        The application; `running` opens the endpoint while it runs.
    service
        Whose store, jobs and bundles the tools use.
    """
    app.state.tools = endpoint = Endpoint()
    app.state.tools_service = service
    app.router.routes.append(Route(PATH, endpoint, methods=["GET", "POST", "DELETE"], include_in_schema=False))


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """Keep the endpoint open for as long as the block lasts.

    Parameters
    ----------
    app
        An application to which `attach` added the endpoint.
    """
    endpoint: Endpoint | None = getattr(app.state, "tools", None)
    if endpoint is None:
        yield
        return
    try:
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
        from mcp.server.transport_security import TransportSecuritySettings

        from mitoshi.interfaces.mcp.server import make_server
    except ModuleNotFoundError as error:
        LOG.warning("there are no tools at %s: %s is not installed; pip install 'mitoshi[mcp]'", PATH, error.name)
        yield
        return
    service: Service = app.state.tools_service
    hosts = _hosts(service.settings)
    endpoint.closing = False
    manager = StreamableHTTPSessionManager(
        app=make_server(_context(app, service, endpoint), _owner_of(service.settings)),
        security_settings=TransportSecuritySettings(
            enable_dns_rebinding_protection=True,
            allowed_hosts=hosts,
            allowed_origins=[f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts],
        ),
        max_request_body_size=service.settings.limits.body_bytes,
        session_idle_timeout=IDLE_SECONDS,
        max_sessions=SESSIONS,
    )
    async with manager.run():
        endpoint.manager = manager
        try:
            yield
        finally:
            endpoint.closing = True
            endpoint.manager = None


def _context(app: FastAPI, service: Service, endpoint: Endpoint) -> Any:
    from mitoshi.interfaces.mcp.context import ToolContext
    from mitoshi.interfaces.mcp.values import values_of

    def closing() -> bool:
        return endpoint.closing or bool(getattr(getattr(app.state, "server", None), "should_exit", False))

    return ToolContext(
        service.settings.store,
        service.catalogue,
        service.jobs,
        service.bundle_store,
        values_of(lambda: service),
        queued=service.settings.limits.queued_jobs,
        closing=closing,
    )


def _owner_of(settings: Settings) -> Callable[[Any], str | None]:
    """Return who asks: on a service that asks for no key everyone is whoever owns the machine."""

    def owner_of(request: Any) -> str | None:
        owner = str(getattr(getattr(request, "state", None), "owner", ""))
        return owner if owner or asks_key(settings) else None

    return owner_of


def _hosts(settings: Settings) -> list[str]:
    names = (*LOOPBACK, *settings.names, f"[{settings.host}]" if ":" in settings.host else settings.host)
    return [form for name in dict.fromkeys(names) for form in (name, f"{name}:*")]


def alone(settings: Settings) -> FastAPI:
    """Return an application that has the tools and nothing else, behind the service's own request filter.

    Parameters
    ----------
    settings
        What the operator decided.
    """
    from mitoshi.interfaces.api.app import assembled

    return assembled(settings, ("tools",), openapi_url=None)


def run_alone(settings: Settings, *, say: Callable[[str], None]) -> None:
    """Serve the tools over HTTP until told to stop.

    Parameters
    ----------
    settings
        What the operator decided.
    say
        Called with the line that the operator reads.
    """
    from mitoshi.interfaces.api.running import listening, serve

    settings.store.mkdir(parents=True, exist_ok=True)
    sock = listening(settings)
    app = alone(settings)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    say(f"mitoshi serves tools at http://{host}:{sock.getsockname()[1]}{PATH} (stop with Ctrl-C)")
    sys.stdout.flush()
    serve(app, settings, sock)
