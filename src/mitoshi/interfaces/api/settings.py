"""What the operator of a service decides: where the data lie, who may reach it, and how much anyone may ask."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Limits", "Settings", "is_loopback"]


@dataclass(frozen=True)
class Limits:
    """How much one client may ask of the service.

    Attributes
    ----------
    body_bytes
        Longest request body.
    body_seconds, header_seconds
        Time in which a body, and the head of a request, must have arrived.
    requests_per_minute, writes_per_minute
        Of one key, or of one address where no key is given.
    items
        Most items of one page of a search, and most features of one answer.
    sync_seconds
        How long a synchronous execution is waited for before the caller is sent to its job.
    queued_jobs
        Most jobs that wait at one time.
    connections
        Most open connections.
    """

    body_bytes: int = 2**20
    body_seconds: float = 20.0
    header_seconds: float = 10.0
    requests_per_minute: int = 6000
    writes_per_minute: int = 120
    items: int = 1000
    sync_seconds: float = 120.0
    queued_jobs: int = 200
    connections: int = 512


@dataclass(frozen=True)
class Settings:
    """Configuration of a service.

    Attributes
    ----------
    store
        Folder of the catalogue; jobs, their bundles, keys and the audit log lie in its folder ``service``.
    bundles
        Further folders in which evidence bundles are looked for; they are read only.
    data
        Further folders whose catalogued files may be read. A file outside all of these is never served.
    host, port
        Where the service listens.
    names
        Further host names under which it may be called, besides `host` and those of the loopback.
    workers
        Processes that carry out jobs.
    require_key
        Whether writes and executions need a key also on the loopback.
    transactions
        Whether the STAC transaction extension is on.
    issuer, audience, jwks
        Of the OpenID Connect provider whose tokens are accepted: name, audience, and the file or address of its public keys.
    limits
        See `Limits`.
    """

    store: Path
    bundles: tuple[Path, ...] = ()
    data: tuple[Path, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8000
    names: tuple[str, ...] = ()
    workers: int = 1
    require_key: bool = False
    transactions: bool = False
    issuer: str = ""
    audience: str = ""
    jwks: str = ""
    limits: Limits = field(default_factory=Limits)

    @property
    def folder(self) -> Path:
        """Where the service keeps what is its own."""
        return self.store / "service"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return is_loopback(self.host)

    @property
    def roots(self) -> tuple[Path, ...]:
        """Every folder from which a file may be served."""
        return (self.store, *self.bundles, *self.data)


def is_loopback(host: str) -> bool:
    """Tell whether a host to listen on can be reached from this machine alone.

    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
    (True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
