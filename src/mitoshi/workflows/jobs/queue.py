"""The list of jobs: submitted, claimed by exactly one worker, finished once."""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.workflows.jobs.database import Database
from mitoshi.workflows.jobs.job import Job, Kind, QueueFullError, is_job_id, present

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

__all__ = ["Held", "Jobs"]

COLUMNS = tuple(f.name for f in fields(Job))
SELECTED = f"SELECT {', '.join(COLUMNS)} FROM jobs"  # noqa: S608 - names of this module's own columns
CHANGED = "updated = :now, revision = revision + 1"
OURS = "id = :id AND status = 'running' AND pid = :pid"
KEPT_DAYS, KEPT_JOBS = 30, 10_000
AT_ONE_TIME = 1000


class Held(NamedTuple):
    """A job that a process holds, or held when it was last heard of: the process and when that was born."""

    job: Job
    pid: int
    born: float


class Jobs:
    """The jobs of one service. Any number of processes and threads may use the same folder.

    Parameters
    ----------
    folder
        Holds ``jobs.sqlite``, and the jobs' bundles in ``runs``; made at the first use.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._database = Database(self.folder / "jobs.sqlite")

    @property
    def runs(self) -> Path:
        """Where the bundles of jobs lie, one folder of the job's name each."""
        return self.folder / "runs"

    def submit(
        self, kind: Kind, process: str, request: dict[str, Any], owner: str = "", limit: int = 200, label: str = ""
    ) -> Job:
        """Add a job; it is safe on disk when this returns.

        Parameters
        ----------
        kind, process, request, owner, label
            See `Job`.
        limit
            Most jobs that may wait at one time.

        Raises
        ------
        QueueFullError
            If so many wait already.
        """
        new = {
            "id": uuid.uuid4().hex,
            "kind": kind,
            "process": process,
            "request": json.dumps(request, allow_nan=False),
            "owner": owner,
            "label": label,
            "now": present(),
        }
        with self._database.writing() as connection:
            waiting = connection.execute("SELECT count(*) FROM jobs WHERE status = 'accepted'").fetchone()[0]
            if waiting >= limit:
                raise QueueFullError(f"{waiting} jobs are waiting, which is the limit; try again later")
            connection.execute(
                "INSERT INTO jobs (id, kind, process, request, owner, label, created, updated)"
                " VALUES (:id, :kind, :process, :request, :owner, :label, :now, :now)",
                new,
            )
            return _one(connection, new["id"])  # type: ignore[return-value]

    def get(self, id: str) -> Job | None:
        """Return a job as it stands, or None where there is none."""
        with self._database.reading() as connection:
            return _one(connection, id)

    def page(
        self,
        limit: int,
        offset: int,
        status: Sequence[str] = (),
        process: Sequence[str] = (),
        owner: str | None = None,
    ) -> tuple[list[Job], int]:
        """Return some of the jobs that match, newest first, and how many match.

        Parameters
        ----------
        limit, offset
            Which of them.
        status, process
            Any of these; () takes all.
        owner
            Of this owner alone; None takes all.
        """
        conditions: list[str] = []
        values: list[Any] = []
        for column, wanted in (("status", status), ("process", process), ("owner", () if owner is None else (owner,))):
            if wanted:
                conditions.append(f"{column} IN ({', '.join('?' * len(wanted))})")
                values += wanted
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        with self._database.reading() as connection:
            total = connection.execute(f"SELECT count(*) FROM jobs{where}", values).fetchone()[0]  # noqa: S608
            rows = connection.execute(
                f"{SELECTED}{where} ORDER BY number DESC LIMIT ? OFFSET ?", [*values, limit, offset]
            ).fetchall()
        return [_job(row) for row in rows], int(total)

    def dismiss(self, id: str) -> Job | None:
        """Dismiss a job that waits or runs, and return it; one that is final, or whose products are being published, stays.

        The supervisor ends the worker of a running one and removes what it left.
        """
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE jobs SET status = 'dismissed', message = 'dismissed', finished = :now,"  # noqa: S608
                f" {CHANGED} WHERE id = :id AND sealed = 0 AND status IN ('accepted', 'running')",
                {"id": id, "now": present()},
            )
            return _one(connection, id)

    def forget(self, id: str) -> bool:
        """Strike a finished job from the list and remove its folder, unless its bundle is published.

        Returns
        -------
        Whether there was such a job and it was finished.
        """
        with self._database.writing() as connection:
            row = connection.execute(
                "DELETE FROM jobs WHERE id = ? AND pid IS NULL AND status IN ('successful', 'failed', 'dismissed')"
                " RETURNING id, sealed",
                [id],
            ).fetchone()
        if row is not None:
            self._let_go(row)
        return row is not None

    def forget_old(self, days: float = KEPT_DAYS, most: int = KEPT_JOBS) -> int:
        """Forget finished jobs older than so many days, and those beyond the newest so many; return how many.

        At most a thousand at one time, the oldest first.
        """
        oldest = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        final = "pid IS NULL AND status IN ('successful', 'failed', 'dismissed')"
        with self._database.writing() as connection:
            rows = connection.execute(
                f"DELETE FROM jobs WHERE number IN (SELECT number FROM jobs WHERE {final} AND (finished < ? OR"  # noqa: S608
                f" number NOT IN (SELECT number FROM jobs WHERE {final} ORDER BY number DESC LIMIT ?))"
                f" ORDER BY number LIMIT {AT_ONE_TIME}) RETURNING id, sealed",
                [oldest, most],
            ).fetchall()
        for row in rows:
            self._let_go(row)
        return len(rows)

    def _let_go(self, row: sqlite3.Row) -> None:
        """Remove what a forgotten job wrote, unless it may be published."""
        if row["sealed"]:
            self.discard_drafts(row["id"])
        else:
            self._remove(row["id"])

    def discard(self, id: str) -> None:
        """Remove what a job wrote; a bundle that may be published already stays."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT sealed FROM jobs WHERE id = ?", [id]).fetchone()
        if row is not None and row["sealed"]:
            self.discard_drafts(id)
        else:
            self._remove(id)

    def _remove(self, id: str) -> None:
        if is_job_id(id):
            shutil.rmtree(self.runs / id, ignore_errors=True)
            self.discard_drafts(id)

    def discard_scratch(self, id: str) -> None:
        """Remove what a job wrote for the time of its work only."""
        if is_job_id(id):
            shutil.rmtree(self.folder / "scratch" / id, ignore_errors=True)

    def discard_drafts(self, id: str) -> None:
        """Remove what a killed worker left of a job; a whole bundle stays."""
        if is_job_id(id):
            for left in self.runs.glob(f".{id}.mitoshi-*"):
                shutil.rmtree(left, ignore_errors=True)
            self.discard_scratch(id)

    # What follows is for workers and their supervisor.

    def waiting(self) -> bool:
        """Tell whether a job waits."""
        with self._database.reading() as connection:
            return connection.execute("SELECT 1 FROM jobs WHERE status = 'accepted' LIMIT 1").fetchone() is not None

    def claim(self, pid: int, born: float) -> Job | None:
        """Take the oldest job that waits for the process; None where there is none. No other process gets it."""
        with self._database.writing() as connection:
            row = connection.execute(
                "UPDATE jobs SET status = 'running', pid = :pid, born = :born, attempts = attempts + 1,"  # noqa: S608
                f" progress = 0, message = 'started', started = coalesce(started, :now), {CHANGED} WHERE number ="
                " (SELECT number FROM jobs WHERE status = 'accepted' ORDER BY number LIMIT 1)"
                f" RETURNING {', '.join(COLUMNS)}",
                {"pid": pid, "born": born, "now": present()},
            ).fetchone()
        return None if row is None else _job(row)

    def tell(self, id: str, pid: int, progress: int, message: str) -> bool:
        """Note how far a process has come; False where the job is no longer its."""
        return self._ours(id, pid, "progress = :progress, message = :message", progress=progress, message=message)

    def seal(self, id: str, pid: int) -> bool:
        """Note that the products are being published, after which a job is not dismissed; False where it was before."""
        return self._ours(id, pid, "sealed = 1, progress = 98, message = 'publishing'")

    def succeed(self, id: str, pid: int, result: dict[str, Any]) -> bool:
        """Finish a job."""
        return self._ours(
            id,
            pid,
            "status = 'successful', progress = 100, message = 'done', result = :result, finished = :now, pid = NULL,"
            " born = NULL",
            result=json.dumps(result, allow_nan=False),
        )

    def fail(self, id: str, pid: int, error: str) -> bool:
        """Finish a job that could not be done, with the reason."""
        return self._ours(
            id,
            pid,
            "status = 'failed', message = :error, error = :error, finished = :now, pid = NULL, born = NULL",
            error=error,
        )

    def put_back(self, id: str, pid: int, *, counted: bool) -> bool:
        """Let a job wait again: its attempt counts where the process died, and does not where it was told to stop."""
        attempts = "attempts" if counted else "max(attempts - 1, 0)"
        return self._ours(
            id,
            pid,
            f"status = 'accepted', progress = 0, message = 'waits again', attempts = {attempts},"
            " pid = NULL, born = NULL",
        )

    def released(self, id: str, pid: int) -> None:
        """Note that a dismissed job's process is gone."""
        with self._database.writing() as connection:
            connection.execute("UPDATE jobs SET pid = NULL, born = NULL WHERE id = ? AND pid = ?", [id, pid])

    def held(self) -> list[Held]:
        """Return the jobs that a process holds: those that run, and dismissed ones whose process may still be at work."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT {', '.join(COLUMNS)}, pid, born FROM jobs WHERE pid IS NOT NULL ORDER BY number"  # noqa: S608
            ).fetchall()
        return [Held(_job(row), row["pid"], row["born"]) for row in rows]

    def _ours(self, id: str, pid: int, change: str, **values: object) -> bool:
        with self._database.writing() as connection:
            done = connection.execute(
                f"UPDATE jobs SET {change}, {CHANGED} WHERE {OURS}",  # noqa: S608
                {"id": id, "pid": pid, "now": present(), **values},
            )
            return done.rowcount == 1


def _one(connection: sqlite3.Connection, id: str) -> Job | None:
    row = connection.execute(f"{SELECTED} WHERE id = ?", [id]).fetchone()
    return None if row is None else _job(row)


def _job(row: sqlite3.Row) -> Job:
    told = {name: row[name] for name in COLUMNS}
    result = None if told["result"] is None else json.loads(told["result"])
    return Job(**{**told, "request": json.loads(told["request"]), "result": result})
