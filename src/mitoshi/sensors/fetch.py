"""Download one file from an address that somebody else wrote, without becoming his tool.

Only http and https; every name is resolved here, refused unless all its addresses are public, and the connection goes to the very
address that was checked, so a second answer of the name server changes nothing. Redirects are checked in the same way. What is
fetched lies in the cache folder (``$MITOSHI_CACHE``) under the digest of its content, so that it never changes afterwards.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from mitoshi.core.errors import InputError, RefusedError
from mitoshi.core.public_address import is_public
from mitoshi.sensors import guard
from mitoshi.sensors.tree import cache_folder

__all__ = ["Limits", "checked_address", "fetch"]

PORTS = {"http": 80, "https": 443}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
CHUNK = 1 << 20
TRUSTED = "MITOSHI_TRUSTED_HOSTS"  # environment variable: host:port,host:port
PATH_SIGNS = "/%:@!$&'()*+,;=~-._"
Resolve = Callable[[str, int], list[str]]


def _trusted_hosts() -> tuple[str, ...]:
    return tuple(host.strip().lower() for host in os.environ.get(TRUSTED, "").split(",") if host.strip())


@dataclass(frozen=True)
class Limits:
    """What a download may do.

    Attributes
    ----------
    connect_seconds, read_seconds
        Time limits.
    redirects
        Most redirects that are followed.
    size
        Most bytes.
    trusted
        ``host:port`` pairs that may be reached although their address is not public (a STAC server on this machine); those
        of the environment variable ``MITOSHI_TRUSTED_HOSTS``, none by default.
    """

    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    redirects: int = 5
    size: int = 4 * 2**30
    trusted: tuple[str, ...] = field(default_factory=_trusted_hosts)


def _resolve(host: str, port: int) -> list[str]:
    try:
        return sorted({str(answer[4][0]) for answer in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})
    except (OSError, UnicodeError):
        raise InputError(f"the host {host[:80]!r} is not known; check the address") from None


def checked_address(
    url: str, limits: Limits | None = None, resolve: Resolve = _resolve
) -> tuple[SplitResult, int, str]:
    """Return the parts of an address, its port and the network address to connect to.

    Raises
    ------
    RefusedError
        If the scheme is not http(s), the address holds a password, or the host is not public.
    """
    parts, port = _parts(url)
    host = parts.hostname or ""
    addresses = resolve(host, port)
    trusted = f"{host}:{port}" in (limits or Limits()).trusted
    if not addresses or not (trusted or all(is_public(address) for address in addresses)):
        raise RefusedError(
            f"address {_shown(url)} leads into a private network; it is not opened "
            f"(name host:port in {TRUSTED} if you trust it)"
        )
    return parts, port, addresses[0]


def _shown(url: str) -> str:
    """Return an address for a message, without its query, which may hold a key."""
    return repr(url.partition("?")[0][:120])


def _parts(url: str) -> tuple[SplitResult, int]:
    """Return the parts of a web address and its port, without asking any name server."""
    shown = _shown(url)
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        raise RefusedError(f"address {shown} is malformed; give https://host/path") from None
    if parts.username or parts.password:
        raise RefusedError("the address holds a password; give the address without it")
    if parts.scheme not in PORTS or not parts.hostname:
        raise RefusedError(f"address {shown} is not http or https; download the file and give its path")
    return parts, port


class _Pinned(http.client.HTTPConnection):
    """A connection to a network address that was checked, under the host's name."""

    def __init__(self, host: str, port: int, address: str, limits: Limits, *, secure: bool) -> None:
        super().__init__(host, port, timeout=limits.connect_seconds)
        self._address, self._limits, self._secure = address, limits, secure

    def connect(self) -> None:
        """Connect to the pinned address; TLS checks the host's name."""
        self.sock = socket.create_connection((self._address, self.port), self._limits.connect_seconds)
        if self._secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
        self.sock.settimeout(self._limits.read_seconds)


def fetch(url: str, limits: Limits | None = None, resolve: Resolve = _resolve) -> Path:
    """Download an address into the cache and return the file; an address fetched before is not fetched again.

    The file lies in a folder named after the SHA-256 of its content; what an address gave is noted beside it.

    Raises
    ------
    RefusedError
        If the address, or one it redirects to, may not be reached, or the file is larger than `limits.size`.
    InputError
        If the server does not deliver.
    """
    limits = limits or Limits()
    parts, _ = _parts(url)
    name = guard.safe_id(PurePosixPath(unquote(parts.path)).name or "download")
    folder = cache_folder() / "fetched"
    folder.mkdir(mode=0o700, exist_ok=True)
    note = folder / f"{hashlib.sha256(url.encode()).hexdigest()}.address"
    before = folder / note.read_text(encoding="ascii") / name if note.exists() else None
    if before is not None and before.is_file():
        return before
    for _ in range(limits.redirects + 1):
        parts, port, address = checked_address(url, limits, resolve)
        connection = _Pinned(parts.hostname or "", port, address, limits, secure=parts.scheme == "https")
        try:
            query = f"?{quote(parts.query, safe=PATH_SIGNS + '?')}" if parts.query else ""
            target = quote(parts.path or "/", safe=PATH_SIGNS) + query
            connection.request("GET", target, headers={"User-Agent": "mitoshi", "Accept-Encoding": "identity"})
            answer = connection.getresponse()
            if answer.status in REDIRECTS:
                url = urljoin(url, answer.headers.get("Location", ""))
                continue
            if answer.status != http.HTTPStatus.OK:
                raise InputError(f"{parts.hostname} answered {answer.status} for {name}; check the address")
            return _noted(note, _store(answer, folder, name, limits))
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise InputError(f"{parts.hostname} did not deliver {name} ({type(error).__name__}); try again") from None
        finally:
            connection.close()
    raise RefusedError(f"{name} is redirected more than {limits.redirects} times; it is not opened")


def _store(answer: http.client.HTTPResponse, folder: Path, name: str, limits: Limits) -> Path:
    expected = answer.headers.get("Content-Length")
    handle, temporary = tempfile.mkstemp(dir=folder)
    seen, digest = 0, hashlib.sha256()
    try:
        with os.fdopen(handle, "wb") as out:
            while chunk := answer.read(CHUNK):
                seen += len(chunk)
                _check_length(seen, name, limits)
                digest.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        _check_whole(seen, expected, name)
        target = folder / digest.hexdigest() / name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return target


def _noted(note: Path, stored: Path) -> Path:
    """Write down which content an address gave; return the file."""
    handle, temporary = tempfile.mkstemp(dir=note.parent)
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(stored.parent.name)
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, note)
    return stored


def _check_length(seen: int, name: str, limits: Limits) -> None:
    if seen > limits.size:
        raise RefusedError(f"{name} is larger than {limits.size >> 20} MiB; it is not fetched")


def _check_whole(seen: int, expected: str | None, name: str) -> None:
    if expected is not None and expected.isdigit() and int(expected) != seen:
        raise InputError(f"{name} was cut short at {seen} of {expected} bytes; try again")
