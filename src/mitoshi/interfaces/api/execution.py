"""What is sent to be executed: read as OGC allows it, checked by the one gate, queued, and waited for where that is asked."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import anyio
import anyio.to_thread
from pydantic import BaseModel, ConfigDict, Field

from mitoshi.core.errors import InputError, misspelt
from mitoshi.interfaces.api.events import stopping
from mitoshi.interfaces.api.problems import answer
from mitoshi.interfaces.api.process_description import BUNDLE, FIGURES, VERDICT
from mitoshi.interfaces.api.score_process import OUTPUTS, SCORE, plain_inputs
from mitoshi.workflows.requests import AREA, checked_request, checked_verification
from mitoshi.workflows.scoring import checked_score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request, Response

    from mitoshi.core.method import Method
    from mitoshi.interfaces.api.service import Service
    from mitoshi.workflows.jobs import Job, Kind, QueueFullError

__all__ = [
    "Execute",
    "Wish",
    "busy",
    "finished",
    "owner_of",
    "root_of",
    "run_request",
    "score_request",
    "submitted",
    "verify_request",
    "wish",
]

CRS84 = ("http://www.opengis.net/def/crs/OGC/1.3/CRS84", "[OGC:CRS84]")
MOST_INPUTS = 64
RETRY_SECONDS = 15
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5  # seconds between two looks at a job


class Output(BaseModel):
    """How an output is wanted: every one is given by reference, whatever is asked."""

    transmissionMode: Literal["value", "reference"] = "reference"  # noqa: N815 - the word of OGC
    format: dict[str, Any] | None = None


class Execute(BaseModel):
    """An execute request of OGC API Processes."""

    model_config = ConfigDict(extra="ignore")

    inputs: dict[str, Any] = Field(
        default_factory=dict, max_length=MOST_INPUTS, description="By name; see the process."
    )
    outputs: dict[str, Output] | None = Field(None, max_length=MOST_INPUTS, description="Those wanted; left out: all.")
    response: Literal["document", "raw"] = Field(
        "document", description="document: one JSON of all outputs; raw: the output itself, or links to several."
    )


class Wish(NamedTuple):
    """What a caller prefers (RFC 7240): to be answered at once, and how long to wait else, in seconds."""

    asynchronous: bool
    wait: float | None


def wish(prefer: list[str]) -> Wish:
    """Read the ``Prefer`` headers of a request.

    >>> wish(["respond-async, wait=10"])
    Wish(asynchronous=True, wait=10.0)
    """
    parts = [part.split(";")[0].strip().lower() for line in prefer for part in line.split(",")]
    waits = [float(m[1]) for part in parts if (m := re.fullmatch(r'wait\s*=\s*"?(\d{1,6})"?', part))]
    return Wish("respond-async" in parts, waits[0] if waits else None)


def root_of(request: Request) -> str:
    """Return the address of the OGC part of the service, as the caller knows it."""
    return f"{str(request.base_url).rstrip('/')}/ogc"


def owner_of(request: Request) -> str:
    """Return who calls; "" for anybody."""
    return str(getattr(request.state, "owner", ""))


def run_request(method: Method[..., Any], body: Execute, service: Service, origin: str) -> dict[str, Any]:
    """Return the checked request of a run; may ask name servers and the catalogue, so it belongs in a thread.

    Raises
    ------
    MitoshiError
        As `mitoshi.workflows.requests.checked_request`.
    """
    outputs = _wanted(body, [*(o.name for o in method.outputs), FIGURES, BUNDLE], method.name)
    stacks = {d.name for d in method.data if d.need.is_stack}
    plain = {
        name: [_plain(name, v) for v in value] if name in stacks and isinstance(value, list) else _plain(name, value)
        for name, value in body.inputs.items()
    }
    return {**checked_request(method, plain, service.catalogue, (origin,)), **outputs}


def verify_request(body: Execute, service: Service) -> dict[str, Any]:
    """Return the checked request of a verification.

    Raises
    ------
    InputError
        If an input is unknown, or no bundle is so named.
    """
    for name in body.inputs:
        if name != BUNDLE:
            raise InputError(misspelt("input of verify", name[:80], [BUNDLE]))
    outputs = _wanted(body, [VERDICT], "verify")
    return {**checked_verification(_plain(BUNDLE, body.inputs.get(BUNDLE)), service.bundle_store), **outputs}


def score_request(body: Execute, service: Service, origin: str) -> dict[str, Any]:
    """Return the checked request of a comparison; may ask name servers and the catalogue, so it belongs in a thread.

    Raises
    ------
    MitoshiError
        As `mitoshi.workflows.scoring.checked_score`.
    """
    outputs = _wanted(body, OUTPUTS, SCORE)
    return {**checked_score(plain_inputs(body.inputs), service.catalogue, service.bundle_store, (origin,)), **outputs}


def _wanted(body: Execute, known: list[str], process: str) -> dict[str, Any]:
    """Return which outputs are asked for, where not all of them are."""
    for name in body.outputs or {}:
        if name not in known:
            raise InputError(misspelt(f"output of {process}", name[:80], known))
    return {"outputs": list(body.outputs)} if body.outputs else {}


def _plain(name: str, value: Any) -> Any:
    """Return an input as OGC lets it be written, as the value that it stands for.

    >>> _plain("after", [{"href": "https://example.org/a.tif"}]), _plain("area", {"bbox": [1, 2, 3, 4]})
    ('https://example.org/a.tif', [1, 2, 3, 4])
    """
    if isinstance(value, list) and name == AREA and len(value) == 4:
        return value
    if isinstance(value, list):
        if len(value) != 1:
            raise InputError(f"{name} takes one value, got {len(value)}; give one")
        return _plain(name, value[0])
    if not isinstance(value, dict):
        return value
    if name == AREA and "bbox" in value:
        return _box(value)
    if "value" in value:
        return _qualified(name, value["value"])
    if isinstance(value.get("href"), str):
        return value["href"]
    raise InputError(f"{name} is an object with neither value nor href; give it as the process describes")


def _qualified(name: str, value: Any) -> Any:
    if name == AREA and isinstance(value, dict) and "bbox" in value:
        return _box(value)
    if isinstance(value, dict):
        raise InputError(f"{name} must be one value, got an object; give it as the process describes")
    return value


def _box(value: Mapping[str, Any]) -> Any:
    crs = value.get("crs", CRS84[0])
    if crs not in CRS84:
        raise InputError(f"{AREA} is given in degrees ({CRS84[0]}), got {str(crs)[:80]!r}; transform it first")
    return value["bbox"]


def submitted(service: Service, request: Request, kind: Kind, process: str, checked: dict[str, Any]) -> Job:
    """Queue a checked request for the caller.

    Raises
    ------
    QueueFullError
        If too many wait.
    """
    return service.jobs.submit(
        kind, process, checked, owner=owner_of(request), limit=service.settings.limits.queued_jobs
    )


def busy(error: QueueFullError) -> Response:
    """Return the answer to one more job than may wait."""
    return answer(503, str(error), headers={"Retry-After": str(RETRY_SECONDS)})


async def finished(service: Service, job: Job, seconds: float, request: Request) -> Job | None:
    """Return a job when nothing more happens to it; None where that takes longer, it was forgotten, or the server stops.

    Between two looks no thread is held.
    """
    ends, pause = time.monotonic() + seconds, FIRST_PAUSE
    now: Job | None = job
    while now is not None and not now.final:
        if time.monotonic() >= ends or stopping(request):
            return None
        await anyio.sleep(min(pause, max(ends - time.monotonic(), 0.01)))
        pause = min(2 * pause, LONGEST_PAUSE)
        now = await anyio.to_thread.run_sync(service.jobs.get, job.id)
    return now
