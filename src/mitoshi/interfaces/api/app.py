"""The application: every module of `ROUTES` gives a router, made from the one service."""

from __future__ import annotations

import importlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from mitoshi import __version__
from mitoshi.interfaces.api import problems
from mitoshi.interfaces.api.service import Service
from mitoshi.workflows.jobs import Workers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from mitoshi.interfaces.api.settings import Settings

__all__ = ["ROUTES", "assembled", "create_app"]

# Each has `attach(app, service)`, which adds its routes; the viewer's catch-all comes last.
ROUTES = (
    "processes",
    "jobs",
    "stac",
    "tiles",
    "vectors",
    "values",
    "terrain",
    "buildings",
    "layers",
    "bundles",
    "adoption",
    "tools",
    "pages",
)


def create_app(settings: Settings) -> FastAPI:
    """Return the ASGI application of a service; its workers live as long as the application runs.

    Parameters
    ----------
    settings
        What the operator decided.
    """
    return assembled(
        settings,
        ROUTES,
        version=__version__,
        summary="Satellite observations into decisions that a stranger can check",
        openapi_url="/openapi.json",
    )


def assembled(settings: Settings, routes: Sequence[str], **told: Any) -> FastAPI:
    """Return an application with the routes of some modules, behind the service's request filter.

    Parameters
    ----------
    settings
        What the operator decided.
    routes
        Some of `ROUTES`.
    told
        What FastAPI says of itself, and where.
    """
    from mitoshi.interfaces.api import security, tools

    service = Service(settings)

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        with Workers(service.jobs, store=settings.store, count=settings.workers):
            async with tools.running(app):
                yield

    app = FastAPI(title="mitoshi", lifespan=living, docs_url=None, redoc_url=None, **told)
    app.state.service = service
    problems.install(app)
    for name in routes:
        importlib.import_module(f"mitoshi.interfaces.api.{name}").attach(app, service)
    security.install(app, service)
    return app
