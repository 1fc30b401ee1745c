"""The jobs of OGC API Processes: listed, followed, their results fetched, dismissed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from urllib.parse import urlencode

import anyio.to_thread
from fastapi import FastAPI, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, JSONResponse
from pydantic import Field

from mitoshi.core.errors import misspelt
from mitoshi.core.requirement import instant
from mitoshi.interfaces.api.bundle_files import SAFE, SHOWN
from mitoshi.interfaces.api.events import Listeners, stream
from mitoshi.interfaces.api.execution import owner_of, root_of
from mitoshi.interfaces.api.job_account import results, seen_job, status_info
from mitoshi.interfaces.api.problems import Problem
from mitoshi.interfaces.api.process_description import link
from mitoshi.interfaces.api.processes import language_of
from mitoshi.interfaces.api.score_process import the_file
from mitoshi.workflows.jobs import Job

if TYPE_CHECKING:
    from mitoshi.interfaces.api.service import Service

__all__ = ["attach"]

STATUSES = ("accepted", "running", "successful", "failed", "dismissed")
MOST = 1000
EVERY = 10_200  # as many as are kept and may wait

FORM = {"pattern": "^[0-9a-f]{32}$"}  # told, not enforced: of another form there is no job
JobId = Annotated[
    str, InPath(description="Identifier of the job.", min_length=1, max_length=64, json_schema_extra=FORM)
]
LEFT_FORM = {"pattern": r"^(errors|score)\.[a-z.]{2,8}$"}  # told, not enforced: of another form there is no file
FileName = Annotated[
    str, InPath(description="As its results name it.", min_length=1, max_length=200, json_schema_extra=LEFT_FORM)
]
ONE = f"({'|'.join(STATUSES)})"
States = Annotated[str, Field(json_schema_extra={"pattern": f"^{ONE}(,{ONE})*$"})]
DAY, CLOCK = "[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
INSTANT = rf"{DAY}T{CLOCK}(\.[0-9]{{1,6}})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
TIMES = rf"^({INSTANT}|({INSTANT}|\.\.)/({INSTANT}|\.\.))$"
NO_JOB: dict[int | str, dict[str, Any]] = {
    400: {"description": "A value that does not fit."},
    404: {"description": "No such job."},
}
RESULTS: dict[int | str, dict[str, Any]] = {
    **NO_JOB,
    404: {"description": "No such job, or it is not done yet."},
    410: {"description": "It was dismissed, or its bundle is gone."},
    422: {"description": "The job failed; the problem says why."},
}
LEFT: dict[int | str, dict[str, Any]] = {
    **NO_JOB,
    200: {"description": "The file.", "content": {"application/octet-stream": {}}},
    404: {"description": "No such job, it is no comparison, or it left no such file."},
    410: {"description": "The file is gone."},
}
EVENTS: dict[int | str, dict[str, Any]] = {
    **NO_JOB,
    200: {"description": "`event: status` with statusInfo at every change.", "content": {"text/event-stream": {}}},
    503: {"description": "Too many listeners."},
}


class Filter(NamedTuple):
    """Which jobs a listing is about, besides status and process: created when, and running how long in seconds."""

    start: datetime | None = None
    end: datetime | None = None
    shortest: float | None = None
    longest: float | None = None

    def takes(self, job: Job) -> bool:
        """Tell whether a job belongs to the listing."""
        created = instant(job.created)
        if (self.start and created < self.start) or (self.end and created > self.end):
            return False
        if self.shortest is None and self.longest is None:
            return True
        lasted = _lasted(job)
        too_short = self.shortest is not None and (lasted is None or lasted < self.shortest)
        too_long = self.longest is not None and (lasted is None or lasted > self.longest)
        return not (too_short or too_long)


def attach(app: FastAPI, service: Service) -> None:
    """Add the routes of jobs to the application."""
    tags: list[Any] = ["jobs"]
    app.state.listeners = listeners = Listeners()

    @app.get("/ogc/jobs", tags=tags, summary="The jobs, the newest first", responses={400: NO_JOB[400]})
    def jobs(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=MOST, description="Most of one page.")] = 100,
        offset: Annotated[int, Query(ge=0, le=10**6, description="Jobs to pass over.")] = 0,
        status: Annotated[list[States] | None, Query(max_length=8, description="Any of these.")] = None,
        processID: Annotated[list[str] | None, Query(max_length=32, description="Of any of these processes.")] = None,
        type: Annotated[list[str] | None, Query(max_length=8, description="All are of the type process.")] = None,
        datetime: Annotated[
            str | None,
            Query(max_length=128, description="Created at, or between: A/B, .. for an open end.", pattern=TIMES),
        ] = None,
        minDuration: Annotated[float | None, Query(ge=0, le=1e9, description="Ran at least so many seconds.")] = None,
        maxDuration: Annotated[float | None, Query(ge=0, le=1e9, description="Ran at most so many seconds.")] = None,
    ) -> dict[str, Any]:
        wanted = Filter(*_interval(datetime), minDuration, maxDuration)
        states, processes, types = _split(status), _split(processID), _split(type)
        for state in states:
            if state not in STATUSES:
                raise Problem(400, misspelt("status", state[:40], STATUSES))
        if types and "process" not in types:
            found, total = list[Job](), 0
        else:
            found, total = _page(service, owner_of(request), limit, offset, states, processes, wanted)
        root = root_of(request)
        links = [link(str(request.url), "self")]
        if offset + limit < total:
            kept = [(k, v) for k, v in request.query_params.multi_items() if k not in ("limit", "offset")]
            following = urlencode([*kept, ("limit", str(limit)), ("offset", str(offset + limit))])
            links.append(link(f"{root}/jobs?{following}", "next"))
        return {"jobs": [status_info(job, root) for job in found], "links": links, "numberMatched": total}

    @app.get("/ogc/jobs/{jobID}", tags=tags, summary="How a job stands", responses=NO_JOB)
    def job(request: Request, jobID: JobId) -> dict[str, Any]:
        return status_info(seen_job(service, jobID, owner_of(request)), root_of(request))

    @app.delete(
        "/ogc/jobs/{jobID}",
        tags=tags,
        summary="Dismiss a job",
        description="One that waits or runs is ended; a finished one is struck from the list, and its published bundle stays.",
        responses=NO_JOB,
    )
    def dismiss(request: Request, jobID: JobId) -> dict[str, Any]:
        return _dismissed(service, seen_job(service, jobID, owner_of(request)), root_of(request))

    @app.get("/ogc/jobs/{jobID}/results", tags=tags, summary="What a job gave", responses=RESULTS)
    def result(request: Request, jobID: JobId) -> Response:
        found = results(service, seen_job(service, jobID, owner_of(request)), language_of(request))
        return JSONResponse(found, headers={"Vary": "Accept-Language"})

    @app.get(
        "/ogc/jobs/{jobID}/files/{name}",
        tags=tags,
        summary="A file that a comparison left",
        responses=LEFT,
        response_class=Response,
    )
    def file(request: Request, jobID: JobId, name: FileName) -> Response:
        path, kind = the_file(service, seen_job(service, jobID, owner_of(request)), name)
        shown = "inline" if name.endswith(SHOWN) else "attachment"
        return FileResponse(path, headers=SAFE, media_type=kind, filename=name, content_disposition_type=shown)

    @app.get(
        "/ogc/jobs/{jobID}/events",
        tags=tags,
        summary="How a job comes along, as server-sent events",
        responses=EVENTS,
        response_class=Response,
    )
    async def events(request: Request, jobID: JobId) -> Response:
        found = await anyio.to_thread.run_sync(seen_job, service, jobID, owner_of(request))
        return stream(service, listeners, found, request, root_of(request))


def _page(
    service: Service,
    owner: str,
    limit: int,
    offset: int,
    states: list[str],
    processes: list[str],
    wanted: Filter,
) -> tuple[list[Job], int]:
    """Return a page of the caller's jobs and how many there are in all."""
    settings = service.settings
    whose = None if settings.loopback and not settings.require_key else owner
    if wanted == Filter():
        return service.jobs.page(limit, offset, states, processes, whose)
    found = [j for j in service.jobs.page(EVERY, 0, states, processes, whose)[0] if wanted.takes(j)]
    return found[offset : offset + limit], len(found)


def _dismissed(service: Service, job: Job, root: str) -> dict[str, Any]:
    if job.final:
        service.jobs.forget(job.id)
        now = job
    else:
        now = service.jobs.dismiss(job.id) or job
    told = status_info(now, root)
    return {**told, "status": "dismissed"} if job.final else told


def _split(values: list[str] | None) -> list[str]:
    """Return the members of a list that is given as ``a,b``, as ``x=a&x=b``, or both."""
    return [part.strip() for value in values or () for part in value.split(",") if part.strip()][:64]


def _interval(text: str | None) -> tuple[datetime | None, datetime | None]:
    if text is None:
        return None, None
    ends = [None if end == ".." else instant(end) for end in text.split("/")]
    return ends[0], ends[-1]


def _lasted(job: Job) -> float | None:
    """Return how long a job has run, in seconds; None where it has not begun."""
    if job.started is None:
        return None
    end = instant(job.finished) if job.finished else datetime.now(UTC)
    return (end - instant(job.started)).total_seconds()
