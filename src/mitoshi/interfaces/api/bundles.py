"""The evidence bundles: listed, accounted for, handed out file by file or whole, and run again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse

from mitoshi.interfaces.api import bundle_account, bundle_files
from mitoshi.interfaces.api.execution import busy, root_of, submitted
from mitoshi.interfaces.api.job_account import status_info
from mitoshi.interfaces.api.problems import Problem
from mitoshi.interfaces.api.process_description import VERIFY
from mitoshi.workflows.jobs import QueueFullError
from mitoshi.workflows.requests import checked_verification

if TYPE_CHECKING:
    from mitoshi.evidence import Bundle
    from mitoshi.interfaces.api.service import Service

__all__ = ["attach"]

BundleId = Annotated[
    str,
    InPath(
        description="Identifier of the bundle, or at least its first twelve digits.",
        min_length=12,
        max_length=64,
        pattern="^[0-9a-f]+$",
    ),
]
PLAIN = r"[A-Za-z0-9_-][A-Za-z0-9_.-]*"
FORM = {"pattern": f"^{PLAIN}(/{PLAIN})*$"}  # told, not enforced: of another form there is no file
FileName = Annotated[
    str,
    InPath(description="A name in the bundle's SHA256SUMS.", min_length=1, max_length=1024, json_schema_extra=FORM),
]
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "A value that does not fit."},
    404: {"description": "No such bundle or file."},
    409: {"description": "The bundle is not whole."},
}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {"*/*": {}}},
    206: {"description": "A part of it, as Range asks."},
    304: {"description": "It has not changed."},
    416: {"description": "A range that it does not have."},
    **PROBLEMS,
}
ARCHIVE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "All files of the bundle.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    },
    304: {"description": "It has not changed."},
    **PROBLEMS,
}
QUEUED: dict[int | str, dict[str, Any]] = {
    503: {"description": "Too many jobs are waiting; Retry-After says when to try again."},
    **PROBLEMS,
}


def attach(app: FastAPI, service: Service) -> None:
    """Add the routes of bundles to the application."""
    tags: list[Any] = ["bundles"]

    def known(name: str) -> Bundle:
        found = service.bundle_store.find(name)
        if found is None:
            raise Problem(404, f"no bundle {name[:12]!r} is known here; /bundles lists them")
        return found

    @app.get("/bundles", tags=tags, summary="Every evidence bundle, the newest first")
    def bundles() -> dict[str, Any]:
        return {"bundles": [bundle_account.brief(service, b) for b in service.bundle_store.bundles()]}

    @app.get("/bundles/{id}", tags=tags, summary="What a bundle says of itself", responses=PROBLEMS)
    def bundle(id: BundleId) -> dict[str, Any]:
        return bundle_account.account(service, known(id))

    @app.head("/bundles/{id}/files/{path:path}", include_in_schema=False)
    @app.get(
        "/bundles/{id}/files/{path:path}",
        tags=tags,
        summary="One file of a bundle",
        responses=FILE,
        response_class=Response,
    )
    def file(id: BundleId, path: FileName, request: Request) -> Response:
        return _file(service, known(id), path, request)

    @app.head("/bundles/{id}/bundle.zip", include_in_schema=False)
    @app.get(
        "/bundles/{id}/bundle.zip",
        tags=tags,
        summary="A bundle whole, as a zip",
        responses=ARCHIVE,
        response_class=Response,
    )
    def archive(id: BundleId, request: Request) -> Response:
        return _archive(service, known(id), request)

    @app.post(
        "/bundles/{id}/verify",
        tags=tags,
        summary="Run a bundle again and compare",
        description="Queues the verification; the address of its job is in Location.",
        status_code=201,
        responses=QUEUED,
    )
    def verify(id: BundleId, request: Request) -> Response:
        checked = checked_verification(known(id).id, service.bundle_store)
        try:
            job = submitted(service, request, "verify", VERIFY, checked)
        except QueueFullError as error:
            return busy(error)
        root = root_of(request)
        return JSONResponse(status_info(job, root), 201, headers={"Location": f"{root}/jobs/{job.id}"})


def _file(service: Service, bundle: Bundle, name: str, request: Request) -> Response:
    path, digest = bundle_files.the_file(service, bundle, name)
    headers = {**bundle_files.SAFE, "ETag": f'"{digest}"'}
    if _has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    shown = "inline" if name.endswith(bundle_files.SHOWN) else "attachment"
    own = f"{bundle_files.archive_name(bundle)}-{path.name}" if name.endswith(".pdf") else path.name
    kind = bundle_files.media_type(name)
    return FileResponse(path, headers=headers, media_type=kind, filename=own, content_disposition_type=shown)


def _archive(service: Service, bundle: Bundle, request: Request) -> Response:
    files = bundle_files.listed(bundle)
    etag = hashlib.sha256("".join(f.sha256 for f in files).encode()).hexdigest()
    folder = bundle_files.archive_name(bundle)
    headers = {**bundle_files.SAFE, "ETag": f'"{etag}"', "Content-Disposition": f'attachment; filename="{folder}.zip"'}
    if _has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    found = [(f"{folder}/{f.name}", bundle_files.the_file(service, bundle, f.name)[0]) for f in files]
    body = iter(()) if request.method == "HEAD" else bundle_files.zipped(found)
    return StreamingResponse(body, headers=headers, media_type="application/zip")


def _has(request: Request, etag: str) -> bool:
    """Tell whether the caller has it already."""
    given = request.headers.get("if-none-match", "")
    return given.strip() == "*" or etag in [part.strip().removeprefix("W/") for part in given.split(",")]
