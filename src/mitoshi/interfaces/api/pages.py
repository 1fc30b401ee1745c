"""The page with the globe: the files of its build, compressed once, kept by the browser for as long as their names hold."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from fastapi import Header, Response

from mitoshi.interfaces.api.problems import Problem

if TYPE_CHECKING:
    from fastapi import FastAPI

    from mitoshi.interfaces.api.service import Service

__all__ = ["STATIC", "attach"]

STATIC = Path(__file__).parent.parent / "viewer" / "static"
FOREVER = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"
COMPRESSED = frozenset({"application/json", "image/svg+xml", "text/css", "text/html", "text/javascript", "text/plain"})
LEAST_BYTES = 1024
# What a machine's own table of media types may say otherwise.
TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".html": "text/html",
}


class _Asset(NamedTuple):
    body: bytes
    gzipped: bytes | None
    media_type: str
    tag: str


def attach(app: FastAPI, service: Service, static: Path = STATIC) -> None:
    """Add the page at `/` and the files that it asks for; only files that the build made are ever read.

    Parameters
    ----------
    app
        The application.
    service
        Not asked for anything: the page asks the other routes.
    static
        Folder of the build.
    """
    del service
    names = {p.relative_to(static).as_posix(): p for p in sorted(static.rglob("*")) if p.is_file()}
    top = {name for name in names if "/" not in name} - {"index.html"}
    folders = {name.split("/", 1)[0] for name in names if "/" in name}

    @cache
    def asset(name: str) -> _Asset:
        return _read(names[name])

    def serve(name: str, encodings: str, known: str) -> Response:
        if name not in names:
            raise Problem(404, f"no file {name[:80]!r} belongs to the page; load the page again")
        return _answer(asset(name), encodings, known, FOREVER if "/" in name else ASK_FIRST)

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    def page(accept_encoding: Annotated[str, Header()] = "", if_none_match: Annotated[str, Header()] = "") -> Response:
        if "index.html" not in names:
            raise Problem(404, "the page was not built; run npm run build in the folder viewer of the sources")
        return serve("index.html", accept_encoding, if_none_match)

    def at(name: str) -> None:
        @app.api_route(f"/{name}", methods=["GET", "HEAD"], include_in_schema=False, name=name)
        def single(
            accept_encoding: Annotated[str, Header()] = "", if_none_match: Annotated[str, Header()] = ""
        ) -> Response:
            return serve(name, accept_encoding, if_none_match)

    def below(folder: str) -> None:
        @app.api_route(f"/{folder}/{{name:path}}", methods=["GET", "HEAD"], include_in_schema=False, name=folder)
        def file(
            name: str, accept_encoding: Annotated[str, Header()] = "", if_none_match: Annotated[str, Header()] = ""
        ) -> Response:
            return serve(f"{folder}/{name}", accept_encoding, if_none_match)

    for name in sorted(top):
        at(name)
    for folder in sorted(folders):
        below(folder)


def _read(path: Path) -> _Asset:
    body = path.read_bytes()
    media_type = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    shrunk = media_type in COMPRESSED and len(body) >= LEAST_BYTES
    gzipped = gzip.compress(body, compresslevel=6, mtime=0) if shrunk else None
    return _Asset(body, gzipped, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _answer(found: _Asset, encodings: str, known: str, keep: str) -> Response:
    headers = {"ETag": found.tag, "Cache-Control": keep, "Vary": "Accept-Encoding"}
    if found.tag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    body = found.body
    if found.gzipped is not None and _takes_gzip(encodings):
        body, headers["Content-Encoding"] = found.gzipped, "gzip"
    return Response(body, headers=headers, media_type=found.media_type)


def _takes_gzip(encodings: str) -> bool:
    """Tell whether an Accept-Encoding allows gzip; a weight of zero forbids it.

    >>> _takes_gzip("br, gzip;q=0.8"), _takes_gzip("gzip;q=0"), _takes_gzip("identity")
    (True, False, False)
    """
    for part in encodings.split(","):
        name, _, weight = part.partition(";")
        if name.strip().lower() in {"gzip", "*"}:
            return weight.replace(" ", "").lower() not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
