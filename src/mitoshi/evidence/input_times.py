"""The order in time of what a method calls before and after, by what the files themselves say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mitoshi.core.errors import InputError
from mitoshi.core.requirement import instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mitoshi.evidence.inputs import Given

__all__ = ["check_order"]

UNKNOWN = datetime(1, 1, 2, tzinfo=UTC)  # what states no time is dated at the beginning of the calendar


def check_order(given: Mapping[str, Sequence[Given]], event: datetime | None) -> None:
    """Refuse observations of after the event that are older than those of before it.

    Parameters
    ----------
    given
        Opened observations of each data argument; one without a time says nothing.
    event
        Time of the event, if there is one. Observations are compared with its day, for many files state no more.

    Raises
    ------
    InputError
        If an observation lies on the wrong side of another one, or of the event, or clocks of tables begin at different times.
    """
    _check_clocks(given)
    times = {side: sorted(_times(given, side)) for side in ("before", "after")}
    if times["before"] and times["after"]:
        (late, one), (early, two) = times["before"][-1], times["after"][0]
        if late > early:
            raise InputError(
                f"{one} is of {_said(late)}, later than {two} of {_said(early)}; exchange the files, or say the right time "
                "with '#time=…'"
            )
    if event is None:
        return
    for side, wrong in (("before", "later"), ("after", "earlier")):
        for time, name in times[side]:
            if (time.date() > event.date()) if side == "before" else (time.date() < event.date()):
                raise InputError(
                    f"{name} is of {_said(time)}, {wrong} than the event of {_said(event)}; give another file"
                )


def _check_clocks(given: Mapping[str, Sequence[Given]]) -> None:
    """Refuse tables of a simulation whose clocks begin at different times: each is counted from its own first row."""
    starts = {
        str(one.properties["mitoshi:clock_start"]): name
        for name, group in given.items()
        for one in group
        if "mitoshi:clock_start" in one.properties
    }
    if len(starts) > 1:
        (first, one), (other, two), *_ = sorted(starts.items())
        raise InputError(
            f"the times of {one} begin at {first}, those of {two} at {other}; let both begin at the same time, for the "
            "simulation starts with the first row"
        )


def _times(given: Mapping[str, Sequence[Given]], side: str) -> Iterator[tuple[datetime, str]]:
    for name, group in given.items():
        for one in group:
            if one.argument.need.when != side or not one.datetime:
                continue
            start, _, end = one.datetime.partition("/")
            time = instant(start if side == "before" else end or start)
            if time > UNKNOWN:
                yield time, name


def _said(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
