"""How a job comes along, as server-sent events: told from the event loop, with no thread held for a listener."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from fastapi.responses import StreamingResponse

from mitoshi.interfaces.api.job_account import status_info
from mitoshi.interfaces.api.problems import answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from fastapi import Request, Response

    from mitoshi.interfaces.api.service import Service
    from mitoshi.workflows.jobs import Job

__all__ = ["Listeners", "stopping", "stream"]

MOST_LISTENERS = 64
PAUSE_SECONDS = 0.25
KEEP_ALIVE_SECONDS = 10.0
RECONNECT_MS = 2000
BEGIN = f"retry: {RECONNECT_MS}\n\n".encode()
ALIVE = b": still here\n\n"


class Listeners:
    """Counts who listens; the event loop alone touches it."""

    def __init__(self, most: int = MOST_LISTENERS) -> None:
        self.most, self.now = most, 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count a listener for as long as the block lasts."""
        self.now += 1
        try:
            yield
        finally:
            self.now -= 1


def stopping(request: Request) -> bool:
    """Tell whether the server (``app.state.server``, where it is known) has been told to stop: who waits should go."""
    return bool(getattr(getattr(request.app.state, "server", None), "should_exit", False))


def stream(service: Service, listeners: Listeners, job: Job, request: Request, root: str) -> Response:
    """Return the events of a job: one at every change, the last when it is final.

    Parameters
    ----------
    service, listeners
        Of this application.
    job
        As it stands.
    request
        Of the listener; with ``Last-Event-ID`` what was told before is not told again.
    root
        Address of the service's OGC part.
    """
    if listeners.now >= listeners.most:
        detail = f"{listeners.now} listeners is the limit; ask for /ogc/jobs/{job.id} from time to time instead"
        return answer(503, detail, headers={"Retry-After": "10"})
    heard = request.headers.get("last-event-id", "")
    body = _events(service, listeners, job, request, root, int(heard) if heard.isdecimal() and len(heard) < 10 else -1)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(body, media_type="text/event-stream", headers=headers)


async def _events(
    service: Service, listeners: Listeners, job: Job, request: Request, root: str, heard: int
) -> AsyncIterator[bytes]:
    with listeners.one():
        yield BEGIN
        told, last = heard, time.monotonic()
        now: Job | None = job
        while now is not None:
            if now.revision != told:
                yield _event(now, root)
                told, last = now.revision, time.monotonic()
            if now.final or stopping(request) or await request.is_disconnected():
                return
            if time.monotonic() - last >= KEEP_ALIVE_SECONDS:
                yield ALIVE
                last = time.monotonic()
            await anyio.sleep(PAUSE_SECONDS)
            now = await anyio.to_thread.run_sync(service.jobs.get, job.id)


def _event(job: Job, root: str) -> bytes:
    data = json.dumps(status_info(job, root), ensure_ascii=False)
    return f"event: status\nid: {job.revision}\ndata: {data}\n\n".encode()
