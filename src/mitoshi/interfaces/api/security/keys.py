"""API keys: 256 random bits shown once; the file keeps their SHA-256, a name, what the key may do, when it was revoked."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from mitoshi.core.errors import InputError
from mitoshi.sensors import guard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

__all__ = ["PREFIX", "Key", "KeyFile"]

PREFIX = "mitoshi_"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
OTHERS_WRITE = 0o022


@dataclass(frozen=True)
class Key:
    """What is known of a key.

    Attributes
    ----------
    name
        Who holds it.
    sha256
        Digest of the key.
    scopes
        What it may do: read, execute, write.
    created, revoked
        Instants in ISO 8601; `revoked` is empty while the key is good.
    """

    name: str
    sha256: str
    scopes: tuple[str, ...]
    created: str
    revoked: str = ""


class KeyFile:
    """The keys of a service.

    Parameters
    ----------
    path
        The file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_at: tuple[int, int, int] | None = None
        self._keys: tuple[Key, ...] = ()

    def keys(self) -> tuple[Key, ...]:
        """Return all keys, revoked ones too.

        Raises
        ------
        InputError
            If the file is damaged, or others than its owner may write it.
        """
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise InputError(f"{self.path.name} cannot be read ({error.strerror}); check its permissions") from None
        if status.st_mode & OTHERS_WRITE:
            raise InputError(f"others may write {self.path.name}; say chmod 600 {self.path}")
        present = (status.st_mtime_ns, status.st_size, status.st_ino)
        if present != self._read_at:
            self._keys, self._read_at = self._parsed(), present
        return self._keys

    def holder(self, presented: str) -> Key | None:
        """Return the good key that was presented, or None; the time taken tells nothing of any key.

        Raises
        ------
        InputError
            As `keys`.
        """
        digest = hashlib.sha256(presented.encode("utf-8", "surrogateescape")).hexdigest()
        found = None
        for key in self.keys():
            if hmac.compare_digest(key.sha256, digest) and not key.revoked:
                found = key
        return found

    def add(self, name: str, scopes: tuple[str, ...], at: datetime) -> str:
        """Make a key and return it; it cannot be shown again.

        Raises
        ------
        InputError
            If the name is taken or cannot be one.
        """
        if not NAME.fullmatch(name):
            raise InputError(f"{name[:80]!r} is no name of a key; use up to 64 letters, digits and . _ @ -")
        with self._changing() as keys:
            if any(key.name == name and not key.revoked for key in keys):
                raise InputError(f"there is a key {name!r} already; revoke it first, or give another name")
            secret = PREFIX + secrets.token_urlsafe(32)
            digest = hashlib.sha256(secret.encode()).hexdigest()
            self._write((*keys, Key(name, digest, scopes, at.isoformat())))
        return secret

    def revoke(self, name: str, at: datetime) -> None:
        """Make a key worthless; a running service knows with its next request.

        Raises
        ------
        InputError
            If there is no good key of that name.
        """
        with self._changing() as keys:
            if not any(key.name == name and not key.revoked for key in keys):
                known = ", ".join(sorted(key.name for key in keys if not key.revoked)) or "none"
                raise InputError(f"there is no key {name[:80]!r} to revoke; there are: {known}")
            revoked = at.isoformat()
            self._write(tuple(replace(k, revoked=revoked) if k.name == name and not k.revoked else k for k in keys))

    def _parsed(self) -> tuple[Key, ...]:
        try:
            listed = guard.parse_json(self.path.read_bytes(), self.path.name)["keys"]
            return tuple(Key(**{**entry, "scopes": tuple(entry["scopes"])}) for entry in listed)
        except (OSError, KeyError, TypeError) as error:
            raise InputError(f"{self.path.name} is damaged ({type(error).__name__}); restore or remove it") from None

    @contextmanager
    def _changing(self) -> Iterator[tuple[Key, ...]]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path.with_suffix(".lock"), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise InputError(f"keys cannot be kept in {self.path.parent} ({error.strerror}); check it") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield self.keys()
        finally:
            os.close(handle)

    def _write(self, keys: tuple[Key, ...]) -> None:
        handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=".new-keys-")  # readable by its owner alone
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                json.dump({"keys": [asdict(key) for key in keys]}, out, indent=1)
                out.flush()
                os.fsync(out.fileno())
            os.replace(temporary, self.path)
        except BaseException:
            os.unlink(temporary)
            raise
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
