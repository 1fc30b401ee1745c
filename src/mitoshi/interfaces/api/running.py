"""Start a service: publish what lies in the folders of bundles, listen, say where."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import sys
from typing import TYPE_CHECKING

from mitoshi.core.errors import InputError, MitoshiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import uvicorn
    from fastapi import FastAPI

    from mitoshi.interfaces.api.service import Service
    from mitoshi.interfaces.api.settings import Settings

__all__ = ["listening", "publish_all", "run", "serve", "server"]

LOG = logging.getLogger("mitoshi.service")
KEEP_ALIVE_SECONDS = 15
BACKLOG = 512
LONGEST_HEAD = 64 * 1024


def run(settings: Settings, *, say: Callable[[str], None]) -> None:
    """Serve until told to stop.

    Parameters
    ----------
    settings
        What the operator decided.
    say
        Called with the lines that the operator reads.

    Raises
    ------
    InputError
        If the address cannot be listened on, or the packages of the service are not installed.
    RunError
        If another service works on the store, or its list of jobs is damaged.
    """
    try:
        from mitoshi.interfaces.api.app import create_app
        from mitoshi.workflows.jobs import Workers
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mitoshi"):
            raise
        raise InputError(f"mitoshi serve needs {error.name}; install it with pip install 'mitoshi[serve]'") from None
    _log_to_stderr()
    settings.store.mkdir(parents=True, exist_ok=True)
    app = create_app(settings)
    service: Service = app.state.service
    Workers(service.jobs, store=settings.store, count=settings.workers).check()
    sock = listening(settings)
    for line in publish_all(service):
        say(line)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    say(f"mitoshi serves http://{host}:{sock.getsockname()[1]}/ (stop with Ctrl-C)")
    sys.stdout.flush()
    serve(app, settings, sock)


def serve(app: FastAPI, settings: Settings, sock: socket.socket) -> None:
    """Run the HTTP server of an application on a socket until told to stop."""
    app.state.server = server(app, settings)  # streams ask it whether it is about to stop
    with _told_to_stop():
        app.state.server.run(sockets=[sock])


@contextlib.contextmanager
def _told_to_stop() -> Iterator[None]:
    """Let a signal that the server has obeyed be the end of it: uvicorn raises it once more when it has stopped."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def server(app: object, settings: Settings) -> uvicorn.Server:
    """Return the HTTP server of an application: quick heads only, no name of itself, a bounded number of connections."""
    import uvicorn

    from mitoshi.interfaces.api.security.heads import quick_heads

    return uvicorn.Server(
        uvicorn.Config(
            app,  # type: ignore[arg-type]
            http=quick_heads(settings.limits),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=5,
            limit_concurrency=settings.limits.connections,
            h11_max_incomplete_event_size=LONGEST_HEAD,
        )
    )


def listening(settings: Settings) -> socket.socket:
    """Return the bound socket of a service.

    Raises
    ------
    InputError
        If the address is taken or not this machine's.
    """
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY for this alone
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((settings.host, settings.port))
        sock.listen(BACKLOG)  # who connects from now on waits until the application has started
    except OSError as error:
        raise InputError(
            f"cannot listen on {settings.host} port {settings.port} ({error.strerror}); give another --host or --port"
        ) from None
    sock.set_inheritable(False)
    return sock


def publish_all(service: Service) -> list[str]:
    """Publish every bundle that is not in the catalogue yet; return what the operator should know."""
    from mitoshi.workflows.bundle_store import publish

    lines = []
    for bundle in service.bundle_store.bundles():
        try:
            publish(bundle, service.catalogue)
        except MitoshiError as error:
            lines.append(f"bundle {bundle.path.name} is not shown: {error}")
    outside = _outside(service)
    if outside:
        lines.append(
            f"{outside} of the catalogue's items lie outside the folders of this service and are listed without their files; "
            "name their folders with --data"
        )
    return lines


def _outside(service: Service) -> int:
    """Return how many items have no file that may be served."""
    roots = [root.resolve() for root in service.settings.roots]

    def local(href: str) -> bool:
        return "://" not in href

    count = 0
    for item in service.catalogue.search():
        files = [a.href for a in item.assets.values() if local(a.href)]
        count += bool(files) and not any(any(f.startswith(f"{root}/") for root in roots) for f in files)
    return count


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    for name in ("mitoshi.service", "uvicorn.error"):
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(logging.WARNING)
