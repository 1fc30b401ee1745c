"""OGC API Processes, part 1: every method as a process, described from its signature and executed through the queue."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import anyio.to_thread
from fastapi import FastAPI, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import JSONResponse, RedirectResponse

from mitoshi import __version__
from mitoshi.core.discovery import methods
from mitoshi.core.errors import misspelt
from mitoshi.core.text import Text
from mitoshi.interfaces.api import process_description as words
from mitoshi.interfaces.api import score_process
from mitoshi.interfaces.api.execution import (
    Execute,
    busy,
    finished,
    root_of,
    run_request,
    score_request,
    submitted,
    verify_request,
    wish,
)
from mitoshi.interfaces.api.job_account import EXCEPTIONS, results, status_info
from mitoshi.interfaces.api.problems import Problem, answer
from mitoshi.interfaces.api.process_openapi import as_3_0
from mitoshi.workflows.jobs import QueueFullError

if TYPE_CHECKING:
    from mitoshi.core.text import Language
    from mitoshi.interfaces.api.service import Service
    from mitoshi.workflows.jobs import Job

__all__ = ["CONFORMANCE", "attach", "language_of"]

PART_1 = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf"
CONFORMANCE = tuple(
    f"{PART_1}/{name}" for name in ("core", "ogc-process-description", "json", "oas30", "job-list", "dismiss")
)
NO_SUCH_PROCESS = f"{EXCEPTIONS}/no-such-process"
MOST_PROCESSES = 1000
TITLE = Text("mitoshi: methods as processes", "見通し：手法の実行")
ABOUT = Text(
    "Every method of mitoshi as an OGC API process. A run leaves an evidence bundle that a stranger can check.",
    "見通しの手法を OGC API Processes で実行できます。実行ごとに、第三者が検証できる証拠バンドルが残ります。",
)
API = "application/vnd.oai.openapi+json;version=3.0"

FORM = {"pattern": "^[a-z][a-z0-9.-]*$"}  # told, not enforced: of another form there is no process
ProcessId = Annotated[
    str, InPath(description="A method's name, score or verify.", min_length=1, max_length=200, json_schema_extra=FORM)
]
NO_PROCESS: dict[int | str, dict[str, Any]] = {
    400: {"description": "A value that does not fit."},
    404: {"description": "No such process."},
}
EXECUTED: dict[int | str, dict[str, Any]] = {
    200: {"description": "The results."},
    201: {"description": "Queued, as Prefer: respond-async asks; the job's address is in Location."},
    204: {"description": "raw, several outputs: each is a Link."},
    303: {"description": "raw, one output that is a file: its address is in Location."},
    400: {"description": "An input, output or parameter that is unknown, missing or does not fit."},
    403: {"description": "A data argument that must not be opened."},
    404: {"description": "No such process."},
    409: {"description": "The catalogue lacks a required observation."},
    410: {"description": "Dismissed while it was waited for."},
    422: {"description": "The run failed; the problem says why."},
    503: {"description": "Too many jobs are waiting; Retry-After says when to try again."},
    504: {"description": "It takes longer than is waited for; Location names its job, which goes on."},
}


def language_of(request: Request) -> Language:
    """Return the language that the caller prefers, of the two that there are; English where it says neither."""
    best: Language = "en"
    weight = 0.0
    for part in request.headers.get("accept-language", "").split(","):
        name, _, rest = part.strip().lower().partition(";")
        found = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", rest)
        quality = float(found[1]) if found else (0.0 if rest else 1.0)
        primary = name.split("-")[0]
        if primary in ("en", "ja") and quality > weight:
            best, weight = ("ja" if primary == "ja" else "en"), quality
    return best


def attach(app: FastAPI, service: Service) -> None:
    """Add the routes of processes to the application."""
    tags: list[Any] = ["processes"]

    @app.get("/ogc", include_in_schema=False)
    @app.get("/ogc/", tags=tags, summary="Landing page of OGC API Processes")
    def landing(request: Request) -> Response:
        return _told(request, _landing(root_of(request), language_of(request)))

    @app.get("/ogc/conformance", tags=tags, summary="What is conformed to")
    def conformance() -> dict[str, list[str]]:
        return {"conformsTo": list(CONFORMANCE)}

    @app.get(
        "/ogc/api",
        tags=tags,
        summary="This part of the service as OpenAPI 3.0",
        responses={200: {"description": "The document.", "content": {API: {"schema": {"type": "object"}}}}},
        response_class=Response,
    )
    def api() -> Response:
        return JSONResponse(as_3_0(app.openapi(), "/ogc"), media_type=API)

    @app.get("/ogc/processes", tags=tags, summary="Every process", responses={400: NO_PROCESS[400]})
    def processes(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=MOST_PROCESSES, description="Most of one page.")] = MOST_PROCESSES,
        offset: Annotated[int, Query(ge=0, le=10**6, description="Processes to pass over.")] = 0,
    ) -> Response:
        return _told(request, _list(root_of(request), language_of(request), limit, offset))

    @app.get("/ogc/processes/{processID}", tags=tags, summary="What a process takes and gives", responses=NO_PROCESS)
    def process(request: Request, processID: ProcessId) -> Response:
        language, root = language_of(request), root_of(request)
        if processID == words.VERIFY:
            return _told(request, words.verify_description(language, root))
        if processID == score_process.SCORE:
            return _told(request, score_process.description(language, root))
        return _told(request, words.description(_method(processID), language, root))

    @app.post(
        "/ogc/processes/{processID}/execution",
        tags=tags,
        summary="Execute a process",
        description="Waits for the results unless `Prefer: respond-async` is sent.",
        responses=EXECUTED,
    )
    async def execution(request: Request, processID: ProcessId, body: Execute) -> Response:
        return await _execute(service, request, processID, body)


def _told(request: Request, document: dict[str, Any]) -> Response:
    headers = {"Content-Language": language_of(request), "Vary": "Accept-Language"}
    return JSONResponse(document, headers=headers)


def _landing(root: str, language: Language) -> dict[str, Any]:
    service = root.removesuffix("/ogc")
    return {
        "title": TITLE.in_(language),
        "description": ABOUT.in_(language),
        "links": [
            words.link(f"{root}/", "self", TITLE.in_(language)),
            words.link(f"{root}/api", "service-desc", "OpenAPI 3.0", API),
            words.link(
                f"{service}/openapi.json", "service-desc", "OpenAPI 3.1", "application/vnd.oai.openapi+json;version=3.1"
            ),
            words.link(f"{root}/conformance", "ogc:conformance"),
            words.link(f"{root}/conformance", "conformance"),
            words.link(f"{root}/processes", "ogc:processes"),
            words.link(f"{root}/jobs", "ogc:job-list"),
            words.link(f"{service}/", "alternate", "map", "text/html"),
        ],
        "mitoshi:version": __version__,
    }


def _list(root: str, language: Language, limit: int, offset: int) -> dict[str, Any]:
    every = [words.summary(m, language, root) for m in methods().values()]
    every += [
        score_process.description(language, root, brief=True),
        words.verify_description(language, root, brief=True),
    ]
    links = [words.link(f"{root}/processes?limit={limit}&offset={offset}", "self")]
    if offset + limit < len(every):
        links.append(words.link(f"{root}/processes?limit={limit}&offset={offset + limit}", "next"))
    return {"processes": every[offset : offset + limit], "links": links}


def _method(name: str) -> Any:
    known = methods()
    if name not in known:
        raise Problem(
            404,
            misspelt("process", name[:80], [*known, score_process.SCORE, words.VERIFY]),
            "no such process",
            NO_SUCH_PROCESS,
        )
    return known[name]


async def _execute(service: Service, request: Request, process: str, body: Execute) -> Response:
    preferred = wish(request.headers.getlist("prefer"))

    def queue() -> Job:
        if process == words.VERIFY:
            return submitted(service, request, "verify", process, verify_request(body, service))
        origin = str(request.base_url).rstrip("/")
        if process == score_process.SCORE:
            return submitted(service, request, "score", process, score_request(body, service, origin))
        return submitted(service, request, "run", process, run_request(_method(process), body, service, origin))

    try:
        job = await anyio.to_thread.run_sync(queue)
    except QueueFullError as error:
        return busy(error)
    root = root_of(request)
    here = f"{root}/jobs/{job.id}"
    if preferred.asynchronous:
        headers = {"Location": here, "Preference-Applied": "respond-async"}
        return JSONResponse(status_info(job, root), 201, headers=headers)
    longest = service.settings.limits.sync_seconds
    seconds = longest if preferred.wait is None else min(preferred.wait, longest)
    done = await finished(service, job, seconds, request)
    if done is None:
        detail = f"{process} is not done after {seconds:g} s; its job {job.id} goes on, follow it at {here}"
        return answer(504, detail, "not ready yet", headers={"Location": here})
    found = await anyio.to_thread.run_sync(results, service, done, language_of(request))
    headers = {"Link": f'<{here}>; rel="monitor"'}
    if preferred.wait is not None:
        headers["Preference-Applied"] = f"wait={seconds:g}"
    return _raw(found, headers) if body.response == "raw" else JSONResponse(found, headers=headers)


def _raw(found: dict[str, Any], headers: dict[str, str]) -> Response:
    """Return one output itself, or a link to each of several."""
    if len(found) > 1:
        links = [f'<{o["href"]}>; rel="{name}"; type="{o["type"]}"' for name, o in found.items() if "href" in o]
        return Response(status_code=204, headers={**headers, "Link": ", ".join([headers["Link"], *links])})
    (output,) = found.values()
    if "value" in output:
        return JSONResponse(output["value"], headers=headers)
    return RedirectResponse(output["href"], 303, headers=headers)
