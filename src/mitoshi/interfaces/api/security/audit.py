"""Who changed what, and who was refused: one line of JSON each, in a file that only grows until it is turned over."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from mitoshi.interfaces.api.security.access import address_of, needed_scope
from mitoshi.interfaces.api.security.rates import Buckets

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Audit", "AuditLog"]

LOG = logging.getLogger("mitoshi.service")
LARGEST = 10 * 2**20
GENERATIONS = 5
REFUSED = frozenset({400, 401, 403, 408, 413, 414, 415, 421, 429, 431})
REFUSALS_PER_MINUTE = 600  # a flood of refusals must not wash away what was written before
JOB = re.compile(r"/ogc/jobs/([0-9a-f]{32})")
LONGEST_PATH = 300


class AuditLog:
    """A file to which whole lines are appended.

    Parameters
    ----------
    path
        The file; older ones lie beside it as ``.1`` to ``.5``.
    largest
        Bytes after which it is turned over.
    """

    def __init__(self, path: Path, largest: int = LARGEST) -> None:
        self.path, self._largest = path, largest

    def append(self, entry: dict[str, Any]) -> None:
        """Append an entry; what cannot be written goes to the service's log instead of breaking a request."""
        line = json.dumps(entry, ensure_ascii=True, separators=(",", ":")).replace("\x7f", "\\u007f") + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = self._opened()
            try:
                if os.fstat(handle).st_size + len(line) > self._largest:
                    self._turn_over()
                    os.close(handle)
                    handle = self._opened()
                os.write(handle, line.encode("ascii"))
            finally:
                os.close(handle)
        except OSError as error:
            LOG.error("the audit log cannot be written (%s): %s", error.strerror, line.strip())  # noqa: TRY400

    def _opened(self) -> int:
        """Return the locked file; it is the one under its name even where another process has just turned it over."""
        while True:
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                if os.path.samestat(os.fstat(handle), os.stat(self.path)):
                    return handle
            except FileNotFoundError:
                pass
            os.close(handle)

    def _turn_over(self) -> None:
        for number in range(GENERATIONS - 1, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            if older.exists():
                older.replace(self.path.with_name(f"{self.path.name}.{number + 1}"))
        self.path.replace(self.path.with_name(f"{self.path.name}.1"))


class Audit:
    """ASGI layer that writes down writes, executions and refusals once they are answered.

    Parameters
    ----------
    app
        The application.
    log
        Where to.
    """

    def __init__(self, app: ASGIApp, log: AuditLog) -> None:
        self.app, self._log = app, log
        self._refusals = Buckets(REFUSALS_PER_MINUTE)
        self._left_out = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and write it down if it changed something or was refused."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, job = 500, ""

        async def heard(message: Message) -> None:
            nonlocal status, job
            if message["type"] == "http.response.start":
                status = message["status"]
                job = _job(scope["path"], message.get("headers", []))
            await send(message)

        changes = needed_scope(scope["method"], scope["path"]) != "read"
        try:
            await self.app(scope, receive, heard)
        finally:
            if changes or status in REFUSED:
                await self._write(scope, status, job)

    async def _write(self, scope: Scope, status: int, job: str) -> None:
        if status in REFUSED and self._refusals.take(""):
            self._left_out += 1
            return
        entry = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "owner": scope.get("state", {}).get("owner", ""),
            "address": address_of(scope),
            "method": scope["method"][:16],
            "path": scope["path"][:LONGEST_PATH],
            "status": status,
        }
        if job:
            entry["job"] = job
        if self._left_out:
            entry["refusals_left_out"], self._left_out = self._left_out, 0
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._log.append, entry)


def _job(path: str, headers: list[tuple[bytes, bytes]]) -> str:
    located = [value.decode("latin-1") for name, value in headers if name.lower() == b"location"]
    found = next((m for m in map(JOB.search, [path, *located]) if m), None)
    return found[1] if found else ""
