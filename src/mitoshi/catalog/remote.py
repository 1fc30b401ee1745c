"""Any STAC API behind the same `search`, and the guard that keeps its addresses on the public web."""

from __future__ import annotations

import socket
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mitoshi.core.errors import InputError, MitoshiError, RefusedError, RunError
from mitoshi.core.public_address import is_public

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pystac

    from mitoshi.catalog.search import Query

__all__ = ["RemoteCatalogue", "anywhere", "is_private_literal", "public_web"]

TIMEOUT = (10.0, 30.0)  # seconds to connect, seconds without a byte
MOST_REDIRECTS = 5
MOST_ITEMS = 10_000  # of one answer
LARGEST_ANSWER = 64 * 2**20  # bytes of one page
PAGE_ITEMS = 250
LOCAL_NAMES = ("localhost", "localdomain", "local", "internal", "home.arpa")


def is_private_literal(host: str) -> bool:
    """Tell whether a host is, without asking any name server, known not to be on the public web.

    >>> [is_private_literal(h) for h in ("example.org", "127.1", "::ffff:10.0.0.1", "db.internal")]
    [False, True, True, True]
    """
    name = host.strip("[]").rstrip(".").lower()
    if not name or name.rsplit(".", 1)[-1] in LOCAL_NAMES or name in LOCAL_NAMES:
        return True
    try:
        return not is_public(name)
    except ValueError:
        pass
    try:  # spellings of IPv4 such as 127.1, 0x7f000001 or 2130706433
        return not is_public(socket.inet_ntoa(socket.inet_aton(name)))
    except OSError:
        return "." not in name


def public_web(url: str) -> None:
    """Check that an address leads to the public web: http or https, and every address of its host is global.

    Raises
    ------
    RefusedError
        If it does not.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise RefusedError(f"{url[:100]!r} is no web address; give https://host/path")
    if is_private_literal(parts.hostname):
        raise RefusedError(f"{parts.hostname} is not on the public web; allow private addresses explicitly")
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except OSError as error:
        raise RunError(f"the name {parts.hostname} cannot be resolved ({error}); check the address") from None
    for *_, address in found:
        if not is_public(str(address[0])):
            raise RefusedError(f"{parts.hostname} leads to {address[0]}, which is not on the public web")


def anywhere(url: str) -> None:
    """Allow any http or https address, also of this machine and its network: the caller's explicit decision.

    Raises
    ------
    RefusedError
        If the scheme is another one.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise RefusedError(f"{url[:100]!r} is no web address; give https://host/path")


class RemoteCatalogue:
    """The items behind a STAC API.

    Parameters
    ----------
    url
        Its landing page.
    admit
        Called with every address before anything is sent to it, redirects and next pages included; raises to refuse.
        `public_web` by default; `anywhere` allows servers of this machine or network.
    """

    def __init__(self, url: str, admit: Callable[[str], None] = public_web) -> None:
        admit(url)
        self._url = url
        self._admit = admit

    def search(
        self,
        bbox: Sequence[float] | None = None,
        time: str | None = None,
        collections: Sequence[str] | None = None,
        quantity: str | None = None,
        limit: int | None = None,
        intersects: Mapping[str, Any] | None = None,
    ) -> list[pystac.Item]:
        """Return the items that match every given condition, sorted by time and id; see `Catalogue.search`.

        Raises
        ------
        InputError
            If a condition is malformed or more than 10 000 items match.
        RefusedError
            If the server sends us to an address that is not admitted.
        RunError
            If the server does not answer as a STAC API.
        """
        import pystac

        from mitoshi.catalog.search import query

        wanted = query(bbox, time, collections, quantity, intersects, limit)
        found: dict[tuple[str, str], dict[str, Any]] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what pystac-client says of a server's links is no one's business here
            answers = list(self._answers(wanted, time, intersects))
        for raw in answers:
            item = self._checked(raw, wanted)
            if item is not None:
                found[str(item.get("collection")), item["id"]] = item
        items = sorted(found.values(), key=lambda i: (_moment(i), i["id"]))[:limit]
        return [pystac.Item.from_dict(item, migrate=False, preserve_dict=False) for item in items]

    def _checked(self, raw: dict[str, Any], wanted: Query) -> dict[str, Any] | None:
        """Return the canonical item, or None where it is malformed or holds another quantity."""
        from mitoshi.catalog.item import any_address, canonical, public_address, quantities

        try:
            item = canonical(raw, public_address if self._admit is public_web else any_address)
        except MitoshiError:
            return None
        if wanted.quantities is not None and wanted.quantities.isdisjoint(quantities(item)):
            return None
        return item

    def _answers(
        self, wanted: Query, time: str | None, intersects: Mapping[str, Any] | None
    ) -> Iterator[dict[str, Any]]:
        """Yield the raw items of every page; an area across the antimeridian is asked for in two pieces."""
        from pystac_client import Client
        from pystac_client.exceptions import APIError

        boxes = [None] if wanted.area is None else list(wanted.area.split())
        if wanted.area is not None and intersects is not None:
            raise InputError("a STAC API takes either bbox or intersects; leave one out")
        try:
            client = Client.open(self._url, stac_io=_guarded_io(self._admit))
            chosen = _collections(client, wanted)
            for box in boxes:
                asked = client.search(
                    bbox=None if box is None else list(box),
                    datetime=None if time is None else _rfc3339(wanted),
                    collections=chosen,
                    intersects=dict(intersects) if intersects is not None else None,
                    max_items=MOST_ITEMS + 1,
                    limit=PAGE_ITEMS,
                )
                for count, item in enumerate(asked.items_as_dicts()):
                    if count >= MOST_ITEMS:
                        raise InputError(
                            f"more than {MOST_ITEMS} items match; narrow the area, the time or collections"
                        )
                    yield item
        except APIError as error:
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, MitoshiError):
                cause = cause.__cause__ or cause.__context__
            if cause is not None:
                raise cause from None
            raise RunError(f"{self._url} did not answer as a STAC API ({' '.join(str(error).split())[:160]})") from None
        except (KeyError, TypeError, ValueError, AttributeError, NotImplementedError, RecursionError) as error:
            raise RunError(f"{self._url} did not answer as a STAC API ({type(error).__name__}); check it") from None


def _moment(item: Mapping[str, Any]) -> str:
    properties = item["properties"]
    return str(properties.get("datetime") or properties["start_datetime"])


def _rfc3339(wanted: Query) -> str:
    from datetime import UTC, datetime, timedelta

    def end(value: int | None) -> str:
        if value is None:
            return ".."
        return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value):%Y-%m-%dT%H:%M:%S.%fZ}"

    return f"{end(wanted.start)}/{end(wanted.end)}"


def _collections(client: Any, wanted: Query) -> list[str] | None:
    """Return the collections to ask for: those given, or those well known to hold the wanted quantity."""
    from mitoshi.catalog.item import COLLECTIONS

    if wanted.collections is not None:
        return sorted(wanted.collections)
    if wanted.quantities is None:
        return None
    there = [c.id for c in client.get_collections()]
    return [c for c in there if not wanted.quantities.isdisjoint(COLLECTIONS.get(c, ()))] or None


def _guarded_io(admit: Callable[[str], None]) -> Any:
    """Return pystac-client's I/O with every request checked, bounded in time and size, and without local files."""
    from pystac_client.stac_api_io import StacApiIO
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        """Checks each hop, redirects included, and the address that was really connected to."""

        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            admit(request.url)
            response = super().send(request, *args, **{**kwargs, "stream": True})
            connection = getattr(response.raw, "_connection", None)
            peer = getattr(connection, "sock", None)
            if admit is public_web and peer is not None and not is_public(peer.getpeername()[0]):
                response.close()
                raise RefusedError(f"{request.url[:100]} led to a private address")
            content = response.raw.read(LARGEST_ANSWER + 1, decode_content=True)
            if len(content) > LARGEST_ANSWER:
                raise RunError(f"the answer of {request.url[:100]} is larger than {LARGEST_ANSWER // 2**20} MiB")
            response._content = content  # noqa: SLF001 - requests offers no bounded read
            return response

    class GuardedIO(StacApiIO):
        def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:
            admit(getattr(source, "href", None) or str(source))  # the base class would open a local file
            return str(super().read_text(source, *args, **kwargs))

    made = GuardedIO(timeout=TIMEOUT, max_retries=None)
    made.session.trust_env = False
    made.session.max_redirects = MOST_REDIRECTS
    made.session.mount("https://", Adapter())
    made.session.mount("http://", Adapter())
    return made
