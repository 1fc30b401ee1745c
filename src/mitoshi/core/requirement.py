"""Needs: what a data argument asks of the world, before anyone knows which satellite answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from mitoshi.core.features import FeatureKind
    from mitoshi.core.grid import BBox
    from mitoshi.core.quantity import Quantity

__all__ = ["Need", "Requirement", "duration", "instant"]

_UNITS = {"min": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """Read a span such as ``"3d"``, ``"12h"`` or ``"30min"``.

    Raises
    ------
    InputError
        If the text is no such span.

    >>> duration("3d").days
    3
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(min|h|d)", text.strip())
    if match is None:
        raise InputError(f"a duration is a number with min, h or d, such as '3d'; got {text!r}")
    return timedelta(**{_UNITS[match[2]]: float(match[1])})


def instant(text: str) -> datetime:
    """Read an ISO 8601 time; without an offset it is UTC.

    Raises
    ------
    InputError
        If the text is no time.

    >>> instant("2019-09-13T06:00Z").isoformat()
    '2019-09-13T06:00:00+00:00'
    """
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f"a time is ISO 8601 such as 2019-09-13T06:00Z; got {text!r}") from None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Need:
    """The requirement of one data argument, relative to an event or to nothing.

    Attributes
    ----------
    when
        "before" or "after" the event, or "any" for what does not change (elevation).
    within
        Longest span from the event, such as "60d"; ignored for "any".
    resolution
        Coarsest acceptable pixel in metres, or None.
    coverage
        Smallest share of the area an observation must cover, 0 to 1.
    same_geometry_as
        Another data argument whose orbit direction and track are preferred.
    dates
        How many dates are needed at least. Of more than one the argument is a stack (time, …, y, x) in order of time.
    gap
        Longest span between two dates of a stack, such as "24d"; "" for any.
    same_product_as
        Another data argument from whose very products this one must come, such as the incidence angle of an image: that of
        another pass is wrong.
    passes
        Whether an elevation that is finer than the run's grid also carries the lowest passes between the grid's cells
        (`mitoshi.core.passes`) as coordinates, for means lose levees narrower than a cell. The survey reads them, tiles do not.
    """

    when: Literal["before", "after", "any"] = "any"
    within: str = "60d"
    resolution: float | None = None
    coverage: float = 0.5
    same_geometry_as: str | None = None
    same_product_as: str | None = None
    passes: bool = False
    dates: int = 1
    gap: str = ""

    @property
    def is_stack(self) -> bool:
        """Whether several dates are wanted, as one array with a time."""
        return self.dates > 1

    def at(self, quantity: Quantity | FeatureKind, area: BBox, event: datetime | None) -> Requirement:
        """Return the absolute requirement for one area and one event.

        Raises
        ------
        InputError
            If the need is relative to an event and none is given.
        """
        if self.when == "any":
            return Requirement(quantity, area, None, None, self.resolution, self.coverage)
        if event is None:
            raise InputError(f"{quantity.name} is needed {self.when} the event; give --event TIME")
        span = duration(self.within)
        start, end = (event - span, event) if self.when == "before" else (event, event + span)
        return Requirement(quantity, area, start, end, self.resolution, self.coverage)


@dataclass(frozen=True)
class Requirement:
    """Quantity, area, absolute time window and resolution: what a catalogue is asked and a satellite is tasked with."""

    quantity: Quantity | FeatureKind
    area: BBox
    start: datetime | None
    end: datetime | None
    resolution: float | None
    coverage: float

    def __str__(self) -> str:
        """Return one line for people and logs."""
        times = (
            "any time"
            if self.start is None or self.end is None
            else f"{self.start:%Y-%m-%dT%H:%MZ}/{self.end:%Y-%m-%dT%H:%MZ}"
        )
        fine = "" if self.resolution is None else f", {self.resolution:g} m or finer"
        return f"{self.quantity.name} over {','.join(f'{v:g}' for v in self.area)}, {times}{fine}"
