"""The files behind items, over HTTP: whole, in ranges, or only their heads, and nothing that the service may not give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse

from mitoshi.display.lookup import Lookup
from mitoshi.interfaces.api.addresses import CollectionId, ItemId
from mitoshi.interfaces.api.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.datastructures import Headers

    from mitoshi.interfaces.api.service import Service

__all__ = ["MEDIA_TYPES", "attach", "file_answer"]

AssetPath = Annotated[str, InPath(description="Asset of the item.", max_length=256)]
# Only what a browser shows without running it; anything else is a download. What an item claims of its files is not believed.
MEDIA_TYPES = {
    ".tif": "image/tiff; application=geotiff", ".tiff": "image/tiff; application=geotiff", ".jp2": "image/jp2",
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".pdf": "application/pdf",
    ".json": "application/json", ".geojson": "application/geo+json", ".txt": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8", ".parquet": "application/vnd.apache.parquet",
    ".gpkg": "application/geopackage+sqlite3", ".nc": "application/x-netcdf", ".h5": "application/x-hdf5",
    ".zip": "application/zip",
}  # fmt: skip
UNKNOWN = "application/octet-stream"
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {"*/*": {}}},
    206: {"description": "The asked-for range of it."},
    304: {"description": "Unchanged since the client's copy."},
    400: {"description": "A range that is none."},
    404: {"description": "No such asset, or its file may not be given."},
    416: {"description": "A range beyond the end of the file."},
}


def attach(app: FastAPI, service: Service) -> None:
    """Add the route of the assets' files to the application."""
    lookup = Lookup(service)
    address = "/stac/collections/{collection}/items/{item}/assets/{asset:path}"

    def file(request: Request, collection: CollectionId, item: ItemId, asset: AssetPath) -> Response:
        return file_answer(lookup.file(collection, item, asset), request.headers)

    app.add_api_route(
        address,
        file,
        methods=["GET"],
        tags=["stac"],
        summary="File of an asset",
        responses=ANSWERS,
        response_class=Response,
    )
    app.add_api_route(address, file, methods=["HEAD"], include_in_schema=False, response_class=Response)


def file_answer(path: Path, asked: Headers) -> Response:
    """Return the response that gives a file: with its length, time and tag, in ranges where the client asks for them.

    Parameters
    ----------
    path
        A file that may be given: ask `Service.readable` first.
    asked
        Headers of the request.

    Raises
    ------
    Problem
        404 where it is gone.
    """
    try:
        status = path.stat()
    except OSError:
        raise Problem(404, f"the file {path.name} is gone; ingest its product again") from None
    kind = MEDIA_TYPES.get(path.suffix.lower(), UNKNOWN)
    answer = FileResponse(
        path,
        media_type=kind,
        stat_result=status,
        filename=path.name,
        content_disposition_type="attachment" if kind == UNKNOWN else "inline",
        headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"},
    )
    tags = [tag.strip().removeprefix("W/") for tag in asked.get("if-none-match", "").split(",")]
    if answer.headers["etag"] in tags or "*" in tags:
        kept = {key: answer.headers[key] for key in ("etag", "last-modified", "cache-control")}
        return Response(status_code=304, headers=kept)
    return answer
