"""What a client may ask of the STAC API: its words checked, and turned into those of the catalogue."""

from __future__ import annotations

import base64
import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mitoshi.catalog.paging import Key
from mitoshi.core.errors import MitoshiError
from mitoshi.core.geometry_cost import MOST_VERTICES
from mitoshi.core.grid import BBox
from mitoshi.interfaces.api.problems import Problem
from mitoshi.sensors.guard import parse_json

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "PAGE",
    "Bounds",
    "Search",
    "Terms",
    "Times",
    "Token",
    "checked",
    "interval",
    "known_only",
    "listed",
    "token",
]

PAGE = 10  # items of a page where the client names no limit
MOST_NAMES = 1000
MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:)(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", re.ASCII)
NUMBER = re.compile(r"\s*[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

# What these texts look like, told to clients; what is wrong with one is said better by `checked`.
DEGREES = r"[+-]?[0-9]+(\.[0-9]+)?"
INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
LOOKS: dict[str, dict[str, Any]] = {
    "bbox": {"pattern": rf"^{DEGREES}(,{DEGREES}){{3}}((,{DEGREES}){{2}})?$"},
    "datetime": {"pattern": rf"^({INSTANT}|{INSTANT}/({INSTANT}|\.\.)?|(\.\.)?/{INSTANT})$"},
    "token": {"pattern": "^[A-Za-z0-9_-]+$"},
}

Bounds = Annotated[
    str | None,
    Query(
        description="West,south,east,north in degrees, or the six numbers with heights.",
        max_length=400,
        json_schema_extra=LOOKS["bbox"],
    ),
]
Times = Annotated[
    str | None,
    Query(
        description="An instant of RFC 3339, or two with / between; .. leaves an end open.",
        max_length=200,
        json_schema_extra=LOOKS["datetime"],
    ),
]
Token = Annotated[
    str | None,
    Query(description="Of a page's link to its neighbour.", max_length=1024, json_schema_extra=LOOKS["token"]),
]


def _whole(value: Any) -> Any:
    """Return 3.0 as 3: to JSON they are one number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Search(BaseModel):
    """The body of a search; what is not declared here is refused, so that no condition is silently passed over."""

    model_config = ConfigDict(extra="forbid", strict=True)

    collections: Annotated[list[str], Field(max_length=MOST_NAMES)] | None = None
    ids: Annotated[list[str], Field(max_length=MOST_NAMES)] | None = None
    bbox: Annotated[list[float], Field(min_length=4, max_length=6)] | None = None
    intersects: Annotated[dict[str, Any], Field(description="GeoJSON geometry.")] | None = None
    datetime: Annotated[str, Field(max_length=200, json_schema_extra=LOOKS["datetime"])] | None = None
    limit: Annotated[int, BeforeValidator(_whole), Field(ge=1)] | None = PAGE
    token: Annotated[str, Field(max_length=1024, json_schema_extra=LOOKS["token"])] | None = None


class Terms(NamedTuple):
    """The arguments of `Catalogue.page`."""

    limit: int
    after: Key | None
    before: Key | None
    bbox: list[float] | None
    time: str | None
    collections: list[str] | None
    intersects: dict[str, Any] | None
    ids: list[str] | None


def checked(
    *,
    most: int,
    limit: int | None = None,
    token: str | None = None,
    bbox: str | Sequence[float] | None = None,
    datetime: str | None = None,
    collections: list[str] | None = None,
    intersects: str | dict[str, Any] | None = None,
    ids: list[str] | None = None,
) -> Terms:
    """Return the arguments of the catalogue for the values of a request.

    Parameters
    ----------
    most
        Most items of a page; a higher limit is lowered to it, as the standard asks.

    Raises
    ------
    Problem
        400 where a value is malformed, or both an area and a geometry are given.
    """
    if bbox is not None and intersects is not None:
        raise Problem(400, "bbox and intersects are given; give one of them")
    place = None if token is None else _place(token)
    geometry = _json(intersects) if isinstance(intersects, str) else intersects
    if geometry is not None:
        _check_numbers(geometry)
    return Terms(
        min(limit or PAGE, most),
        place[1] if place is not None and place[0] == "after" else None,
        place[1] if place is not None and place[0] == "before" else None,
        None if bbox is None else _box(bbox),
        None if datetime is None else interval(datetime),
        collections,
        geometry,
        ids,
    )


def listed(text: str | None) -> list[str] | None:
    """Return the names in ``a,b,c``; None where none is given.

    Raises
    ------
    Problem
        400 where there are too many.
    """
    names = [name for name in (text or "").split(",") if name]
    if len(names) > MOST_NAMES:
        raise Problem(400, f"{len(names)} names are given; give {MOST_NAMES} at most")
    return names or None


def known_only(given: Sequence[str], known: frozenset[str]) -> None:
    """Refuse parameters that the route does not have, so that no condition is silently passed over.

    Raises
    ------
    Problem
        400 naming the first of them.
    """
    strange = sorted(set(given) - known)
    if strange:
        raise Problem(400, f"parameter {strange[0][:60]!r} is not known; give {', '.join(sorted(known))}")


def interval(text: str) -> str:
    """Return an instant or interval of RFC 3339 in the spelling of the catalogue.

    Raises
    ------
    Problem
        400 where it is neither, has two open ends, or ends before it starts.

    >>> interval("2019-09-13t06:00:00z/..")
    '2019-09-13T06:00:00+00:00/..'
    """
    ends = text.split("/")
    if len(ends) > 2 or all(end in ("", "..") for end in ends):
        raise Problem(400, f"datetime {text[:80]!r} is no instant and no interval; give A, A/B, A/.. or ../B")
    times = [None if end in ("", "..") else _moment(end) for end in ends]
    start, end = times[0], times[-1]
    if start is not None and end is not None and start > end:
        raise Problem(400, f"datetime {text[:80]!r} ends before it starts; swap the two")
    return "/".join(".." if time is None else time.isoformat() for time in times)


def _moment(text: str) -> datetime:
    match = MOMENT.fullmatch(text.upper())
    if match is None:
        raise Problem(400, f"datetime {text[:60]!r} is no time of RFC 3339; give it like 2019-09-13T06:00:00Z")
    minute, second, fraction, zone = match.groups()
    leap = second == "60"  # the instant before the next minute
    digits = "999999" if leap else (fraction or "").ljust(6, "0")[:6]
    try:
        local = datetime.fromisoformat(f"{minute}{59 if leap else second}.{digits}+00:00")
        offset = timedelta() if zone == "Z" else datetime.fromisoformat(f"2000-01-01T00:00:00{zone}").utcoffset()
    except ValueError:
        raise Problem(
            400, f"datetime {text[:60]!r} is not on the calendar; give it like 2019-09-13T06:00:00Z"
        ) from None
    try:
        return local - (offset or timedelta())
    except OverflowError:
        return FIRST if local.year < 5000 else LAST


def _box(given: str | Sequence[float]) -> list[float]:
    texts = given.split(",") if isinstance(given, str) else [repr(number) for number in given]
    if len(texts) not in (4, 6) or not all(NUMBER.fullmatch(text) for text in texts):
        raise Problem(400, f"bbox is west,south,east,north in degrees (4 or 6 numbers), got {str(given)[:80]!r}")
    numbers = [float(text) for text in texts]
    if len(numbers) == 6 and numbers[2] > numbers[5]:
        raise Problem(400, f"bbox has its lower height {numbers[2]} above its upper {numbers[5]}; swap the two")
    try:
        return list(BBox.checked(numbers if len(numbers) == 4 else [*numbers[:2], *numbers[3:5]]))
    except MitoshiError as error:
        raise Problem(400, f"bbox: {error}") from None


def _json(text: str) -> dict[str, Any]:
    try:
        found = parse_json(text.encode(), "intersects")
    except MitoshiError as error:
        raise Problem(400, str(error)) from None
    if not isinstance(found, dict):
        raise Problem(400, "intersects is no GeoJSON geometry; give an object with type and coordinates")
    return found


def _check_numbers(geometry: Any) -> None:
    """Refuse what no float can hold, and more positions than a search needs."""
    stack, numbers = [geometry], 0
    while stack:
        value = stack.pop()
        numbers += isinstance(value, int | float)
        if numbers > 2 * MOST_VERTICES:
            raise Problem(400, f"intersects has more than {MOST_VERTICES} vertices; simplify it")
        if isinstance(value, dict | list):
            stack.extend(value.values() if isinstance(value, dict) else value)
        elif isinstance(value, int | float) and not (abs(value) <= 1e6 and math.isfinite(value)):
            raise Problem(400, "intersects is not on the Earth; give longitude and latitude in degrees")


def token(direction: str, key: Key) -> str:
    """Return the token of the page ``after`` or ``before`` an item."""
    return base64.urlsafe_b64encode(json.dumps([direction, *key]).encode()).decode().rstrip("=")


def _place(text: str) -> tuple[str, Key]:
    try:
        told = parse_json(base64.urlsafe_b64decode(text.encode() + b"=="), "token")
        direction, moment, name, collection = told
        sound = direction in ("after", "before") and isinstance(name, str) and isinstance(collection, str)
        sound = sound and type(moment) is int and abs(moment) < 2**62
    except (MitoshiError, ValueError, TypeError):
        sound = False
    if not sound:
        raise Problem(400, f"token {text[:40]!r} is not one of this service; follow the links of a page")
    return direction, Key(moment, name, collection)
