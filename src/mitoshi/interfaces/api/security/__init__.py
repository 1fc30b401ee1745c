"""Who may ask for what, how much, and from where: plain ASGI layers around every route, and what they all share.

From the outside in: `policy` puts the headers on every answer, `audit` writes down who changed or was refused what,
`request_filter` turns away what no honest client sends, `credentials` finds out who asks, `rates` bounds how often, `bodies` how
long and how deep a body is. `heads` is below them all, in the HTTP server: it closes connections that say nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from mitoshi.interfaces.api.service import Service

__all__ = ["install"]


def install(app: FastAPI, service: Service) -> None:
    """Put the layers around an application.

    Parameters
    ----------
    app
        With all its routes.
    service
        Whose settings count.

    Raises
    ------
    InputError
        If the keys of the OpenID Connect issuer cannot be read.
    """
    from mitoshi.interfaces.api.security.audit import Audit, AuditLog
    from mitoshi.interfaces.api.security.bodies import Bodies
    from mitoshi.interfaces.api.security.credentials import Credentials
    from mitoshi.interfaces.api.security.documented import document
    from mitoshi.interfaces.api.security.keys import KeyFile
    from mitoshi.interfaces.api.security.policy import Policy
    from mitoshi.interfaces.api.security.rates import Rates
    from mitoshi.interfaces.api.security.request_filter import RequestFilter
    from mitoshi.interfaces.api.security.tokens import issuer_of

    settings = service.settings
    app.add_middleware(Bodies, limits=settings.limits)
    app.add_middleware(Rates, settings=settings)
    app.add_middleware(
        Credentials, settings=settings, keys=KeyFile(settings.folder / "keys.json"), issuer=issuer_of(settings)
    )
    app.add_middleware(RequestFilter, settings=settings)
    app.add_middleware(Audit, log=AuditLog(settings.folder / "audit.jsonl"))
    app.add_middleware(Policy)
    document(app)
