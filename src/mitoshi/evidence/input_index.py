"""Where the inputs of this user's runs lie: a private index outside the bundles, from SHA-256 to paths.

A bundle discloses no path, so `verify` on the same machine would not find what lies elsewhere. The index is a hint and no
proof: a path counts only while the file there has the checksum that was asked for. It is the file that ``$MITOSHI_INDEX``
names (``off`` for none), else ``mitoshi/inputs.sqlite`` below ``$XDG_STATE_HOME`` or ``~/.local/state``, for its owner only.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["forget", "index_file", "known_paths", "record", "size"]

VARIABLE, OFF = "MITOSHI_INDEX", "off"
MOST = 100_000  # files; the ones recorded longest ago leave first
WAIT_S = 5.0  # for another process that writes
TABLE = (
    "CREATE TABLE IF NOT EXISTS inputs (sha256 TEXT NOT NULL, path TEXT NOT NULL, number INTEGER NOT NULL,"
    " PRIMARY KEY (sha256, path)) WITHOUT ROWID"
)


def index_file() -> Path | None:
    """Return the file of the index, or None where it is switched off or this user has no home."""
    chosen = os.environ.get(VARIABLE)
    if chosen is not None:
        return None if chosen in {"", OFF} else Path(chosen)
    state = os.environ.get("XDG_STATE_HOME")
    if state and Path(state).is_absolute():
        return Path(state) / "mitoshi" / "inputs.sqlite"
    try:
        return Path.home() / ".local" / "state" / "mitoshi" / "inputs.sqlite"
    except RuntimeError:
        return None


def record(digests: Mapping[Path, str]) -> None:
    """Remember where files lie. A run never fails for it: an index that cannot be written is left alone.

    Parameters
    ----------
    digests
        SHA-256 of each file.
    """
    file = index_file()
    if file is None or not digests:
        return
    with contextlib.suppress(OSError, sqlite3.Error, UnicodeError):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            _write(file, digests)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # locked, full, read-only: not the file's fault
                return
            file.unlink()  # no index, or a damaged one
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            _write(file, digests)


def _write(file: Path, digests: Mapping[Path, str]) -> None:
    with contextlib.closing(sqlite3.connect(file, timeout=WAIT_S)) as database, database:
        database.execute(TABLE)
        (last,) = database.execute("SELECT coalesce(max(number), 0) FROM inputs").fetchone()
        rows = [(digest, str(path.resolve()), last + 1) for path, digest in digests.items()]
        database.executemany("INSERT OR REPLACE INTO inputs VALUES (?, ?, ?)", rows)
        (count,) = database.execute("SELECT count(*) FROM inputs").fetchone()
        if count > MOST:
            database.execute(
                "DELETE FROM inputs WHERE (sha256, path) IN (SELECT sha256, path FROM inputs ORDER BY number LIMIT ?)",
                (count - MOST,),
            )


def known_paths(sha256: str) -> tuple[Path, ...]:
    """Return where a file with this SHA-256 lay when it was last used, the latest first; whoever reads it checks it again."""
    with _reading() as database:
        if database is None:
            return ()
        rows = database.execute("SELECT path FROM inputs WHERE sha256 = ? ORDER BY number DESC, path", (sha256,))
        return tuple(Path(path) for (path,) in rows if isinstance(path, str))
    return ()


def size() -> int:
    """Return how many files the index knows."""
    with _reading() as database:
        return 0 if database is None else int(database.execute("SELECT count(*) FROM inputs").fetchone()[0])
    return 0


@contextlib.contextmanager
def _reading() -> Iterator[sqlite3.Connection | None]:
    """Open the index for reading; what is no index of this user's is as good as none."""
    file = index_file()
    if file is None or not _own(file):
        yield None
        return
    with contextlib.suppress(sqlite3.Error):
        address = f"{file.resolve().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=WAIT_S)) as database:
            yield database


def _own(file: Path) -> bool:
    """Return whether the index is a plain file of this user's: another's could lead `verify` to read what it chooses."""
    try:
        state = file.stat()
    except (OSError, ValueError):
        return False
    return file.is_file() and (not hasattr(os, "getuid") or state.st_uid == os.getuid())


def forget() -> int:
    """Remove the index and return how many files it knew.

    Raises
    ------
    OSError
        If it may not be removed.
    """
    file, count = index_file(), size()
    if file is not None:
        for part in (file, file.with_name(f"{file.name}-journal")):
            part.unlink(missing_ok=True)
    return count
