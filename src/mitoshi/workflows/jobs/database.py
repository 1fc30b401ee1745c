"""One SQLite file that several processes and threads share, each with a connection of its own for as long as it needs one."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import threading
import weakref
from typing import TYPE_CHECKING

from mitoshi.core.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Database", "disk_full"]

BUSY_SECONDS = 20.0
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  process TEXT NOT NULL,
  request TEXT NOT NULL,
  owner TEXT NOT NULL,
  label TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'accepted',
  progress INTEGER NOT NULL DEFAULT 0,
  message TEXT NOT NULL DEFAULT '',
  created TEXT NOT NULL,
  started TEXT,
  finished TEXT,
  updated TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  result TEXT,
  error TEXT NOT NULL DEFAULT '',
  revision INTEGER NOT NULL DEFAULT 1,
  pid INTEGER,
  born REAL,
  sealed INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS jobs_by_status ON jobs (status, number);
CREATE INDEX IF NOT EXISTS jobs_held ON jobs (pid) WHERE pid IS NOT NULL;
"""


def disk_full(error: BaseException | None) -> bool:
    """Tell whether an error, or one that led to it, says that the disk is full."""
    seen = 0
    while error is not None and seen < 16:
        if isinstance(error, OSError) and error.errno in FULL_DISK:
            return True
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False


class Database:
    """The file. It is made at the first use; a write has reached the disk when its block ends.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        weakref.finalize(self, _close, self._idle)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection whose statements see committed states.

        Raises
        ------
        RunError
            If the file is damaged, locked for long, or cannot be opened.
        """
        with self._told():
            connection = self._taken()
            try:
                yield connection
            except sqlite3.Error:
                connection.close()
                raise
            except BaseException:
                self._back(connection)
                raise
            self._back(connection)

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection inside one transaction, which only this process and thread has.

        Raises
        ------
        RunError
            As `reading`, or if the disk is full; nothing is changed then.
        """
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def _taken(self) -> sqlite3.Connection:
        with self._lock:
            if self._idle and self._path.exists():
                return self._idle.pop()
        return self._opened()

    def _back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            self._idle.append(connection)

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Requests may hold signed addresses: for the owner's eyes. SQLite gives its other files the same mode. An existing file
        # must not be opened and closed here: the process would lose the locks of its other connections (POSIX).
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs_held'").fetchone():
                connection.executescript(SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what SQLite or the file system raises into one line that says what to do."""
        name = self._path.name
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if disk_full(error):
                raise RunError(
                    f"the list of jobs {name} was left as it was: the disk is full; free some space"
                ) from error
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise RunError(f"the list of jobs {name} is busy; try again") from error
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise RunError(
                    f"the list of jobs {name} is damaged ({error}); move it away and start again, the bundles stay"
                ) from error
            raise RunError(
                f"the list of jobs {name} cannot be used ({error}); check the folder and its permissions"
            ) from error


def _close(connections: list[sqlite3.Connection]) -> None:
    while connections:
        connections.pop().close()
