"""Immutable part files and one manifest: what makes a catalogue survive anything.

A commit writes new parts under the names of their own SHA-256, then replaces `manifest.json` by a rename. Until the rename
nothing has changed; after it everything has. Readers never lock. Writers hold an advisory lock (`flock`), which the kernel
releases when its holder dies, so no lock is ever stale.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitoshi.catalog.table import Envelope
from mitoshi.core.errors import BundleError, InputError, RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Manifest", "Part", "Store"]

VERSION = 1
PART_NAME = re.compile(r"[0-9a-f]{64}\.parquet")
LOCK_SECONDS = 120.0


@dataclass(frozen=True)
class Part:
    """One part file: its digest, what it spans, and which of its rows a later part has replaced.

    Attributes
    ----------
    sha256, size
        Digest and length [byte] of the file.
    footer
        SHA-256 of the Parquet footer, checked at every opening; pages carry a CRC each.
    collection, quantities
        What the rows belong to and hold.
    groups
        The envelope of every row group.
    dead
        Rows that are no longer valid, ascending.
    """

    sha256: str
    size: int
    footer: str
    collection: str | None
    quantities: tuple[str, ...]
    groups: tuple[Envelope, ...]
    dead: tuple[int, ...] = ()

    @property
    def file(self) -> str:
        """The file's name."""
        return f"{self.sha256}.parquet"

    @property
    def rows(self) -> int:
        """Rows in the file, the dead ones included."""
        return sum(g.rows for g in self.groups)


@dataclass(frozen=True)
class Manifest:
    """Everything a catalogue holds at one moment, oldest part first."""

    generation: int = 0
    parts: tuple[Part, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the manifest as JSON with its own digest."""
        body = {"version": VERSION, "generation": self.generation, "parts": [asdict(p) for p in self.parts]}
        text = json.dumps(body, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return (json.dumps({"sha256": digest, "manifest": body}, sort_keys=True) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Read a manifest and check its digest.

        Raises
        ------
        ValueError, KeyError, TypeError
            If it is damaged.
        """
        document = json.loads(data)
        body = document["manifest"]
        if hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest() != document["sha256"]:
            raise ValueError("its digest does not match")
        if body["version"] != VERSION:
            raise ValueError(f"its version is {body['version']}, this program reads {VERSION}")
        return cls(body["generation"], tuple(_part(p) for p in body["parts"]))


def _part(entry: dict[str, Any]) -> Part:
    part = Part(
        **{
            **entry,
            "quantities": tuple(entry["quantities"]),
            "groups": tuple(Envelope(*g) for g in entry["groups"]),
            "dead": tuple(entry["dead"]),
        }
    )
    if not PART_NAME.fullmatch(part.file):
        raise ValueError("it names a file outside the catalogue")
    return part


def _nothing(_step: str) -> None:
    return


class Store:
    """The folder of a catalogue.

    Parameters
    ----------
    folder
        Made at the first commit.
    watch
        Called with the name of every step of every write; a test kills the process there.
    """

    def __init__(self, folder: Path, watch: Callable[[str], None] = _nothing) -> None:
        self.folder = Path(folder)
        self._watch = watch

    def manifest(self) -> Manifest:
        """Return the present state; an empty one where nothing was ever committed.

        Raises
        ------
        BundleError
            If the manifest is damaged.
        """
        path = self.folder / "manifest.json"
        try:
            return Manifest.from_bytes(path.read_bytes())
        except FileNotFoundError:
            return Manifest()
        except (ValueError, KeyError, TypeError) as error:
            raise BundleError(f"catalogue manifest {path} is damaged ({error}); restore it from a backup") from None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the writers' lock.

        Raises
        ------
        RunError
            If another process holds it for longer than two minutes, or the folder cannot be written.
        """
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._wait(handle)
            yield
        finally:
            os.close(handle)

    def _wait(self, handle: int) -> None:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise RunError(f"catalogue {self.folder} is being written by another ingest; try later") from None
                time.sleep(0.02)
            else:
                return

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
            what = "the disk is full; free some space" if full else f"{error.strerror}; make the folder writable"
            raise RunError(f"catalogue {self.folder} was left as it was: {what} and ingest again") from error

    def add_part(self, data: bytes, part: Part) -> None:
        """Write one part file, unless it is there already; nothing refers to it yet."""
        path = self.folder / part.file
        if path.exists() and path.stat().st_size == len(data):
            return
        self._write(path, data)

    def publish(self, manifest: Manifest) -> Manifest:
        """Replace the manifest; call it under the lock.

        Returns
        -------
        The manifest as published, with the next generation number.
        """
        newer = replace(manifest, generation=manifest.generation + 1)
        self._write(self.folder / "manifest.json", newer.to_bytes())
        return newer

    def sweep(self, manifest: Manifest) -> None:
        """Remove what no manifest refers to: parts of broken-off commits, parts that were merged, temporary files."""
        kept = {p.file for p in manifest.parts}
        for path in self.folder.iterdir():
            stray = PART_NAME.fullmatch(path.name) and path.name not in kept
            if stray or path.name.startswith(".new-"):
                self._watch(f"remove {path.name}")
                path.unlink(missing_ok=True)

    def _write(self, path: Path, data: bytes) -> None:
        """Write a file atomically: temporary file, fsync, rename, fsync of the folder."""
        temporary = path.with_name(f".new-{path.name}")
        with self._writing():
            try:
                with temporary.open("wb") as file:
                    self._watch(f"open {path.name}")
                    file.write(data[: len(data) // 2])
                    file.flush()
                    self._watch(f"half {path.name}")
                    file.write(data[len(data) // 2 :])
                    file.flush()
                    self._watch(f"written {path.name}")
                    os.fsync(file.fileno())
                self._watch(f"synced {path.name}")
                temporary.replace(path)
                self._watch(f"renamed {path.name}")
                self._sync_folder()
                self._watch(f"settled {path.name}")
            except OSError:
                temporary.unlink(missing_ok=True)
                raise

    def _sync_folder(self) -> None:
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def require(self) -> None:
        """Check that the folder is there.

        Raises
        ------
        InputError
            If there is no such folder.
        """
        if not self.folder.is_dir():
            raise InputError(f"no catalogue at {self.folder}; run mitoshi ingest PATH first, or give another folder")
