"""One job: what was asked, and how it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from mitoshi.core.errors import MitoshiError

__all__ = ["FINAL", "Job", "Kind", "QueueFullError", "Status", "is_job_id", "present"]

Kind = Literal["run", "verify", "score"]
Status = Literal["accepted", "running", "successful", "failed", "dismissed"]
FINAL: frozenset[str] = frozenset({"successful", "failed", "dismissed"})
JOB_ID = re.compile(r"[0-9a-f]{32}")


class QueueFullError(MitoshiError):
    """As many jobs wait as may wait; it is worth trying later."""


@dataclass(frozen=True)
class Job:
    """A job as it stands.

    Attributes
    ----------
    id
        32 hexadecimal digits.
    kind, process
        "run" with the name of a method, "verify" with "verify", or "score" with "score".
    request
        Of a run ``method``, ``data`` (argument → ``catalogue:ID`` or ``https://…``), ``parameters``, ``area``, ``event``; of a
        verification ``bundle`` and ``folder``; of a comparison what `mitoshi.workflows.scoring` makes.
    owner
        Who asked, or "".
    status, progress, message
        How it stands, 0 to 100, and what is being done.
    created, started, finished, updated
        ISO 8601; `started` is that of the first attempt.
    attempts
        How often a worker has begun it.
    result
        Of a run ``bundle``, ``folder``, ``items``; of a verification ``status``, ``reasons``, ``products``; of a comparison
        ``folder``, ``files`` and its first table and notes as ``text``.
    error
        Why it failed, one line.
    revision
        Grows with every change.
    label
        Words of the caller.
    """

    id: str
    kind: Kind
    process: str
    request: dict[str, Any]
    owner: str
    status: Status
    progress: int
    message: str
    created: str
    started: str | None
    finished: str | None
    updated: str
    attempts: int
    result: dict[str, Any] | None
    error: str
    revision: int
    label: str

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in FINAL


def present() -> str:
    """Return the present instant, ISO 8601 to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_job_id(text: str) -> bool:
    """Tell whether a text has the form of a job's identifier, which alone may become part of a path."""
    return JOB_ID.fullmatch(text) is not None
