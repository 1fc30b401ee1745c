"""The order in time of what a method calls before and after and of the run itself, by what the files themselves say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError
from mitoshi.core.requirement import instant
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mitoshi.core.method import Method
    from mitoshi.evidence.inputs import Given

    Records = Mapping[str, Sequence[Mapping[str, Any]]]

__all__ = ["check_order", "check_run_time", "observed_later", "undated"]

UNKNOWN = datetime(1, 1, 2, tzinfo=UTC)  # what states no time is dated at the beginning of the calendar
UNDATED = Text(
    "at least one of the images before and after states no time: their order is taken as given; exchanged, the result would be "
    "the opposite change",
    "前後の画像の少なくとも一方に時刻の記載がないため、指定された順序のとおりとみなします（逆に指定すると変化の向きが反対になります）",
)


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


def undated(given: Mapping[str, Sequence[Given]]) -> tuple[Text, ...]:
    """Return what is assumed of the order of the images before and after where one of them states no time.

    Parameters
    ----------
    given
        Opened observations of each data argument.
    """
    groups = [given.get(side, ()) for side in ("before", "after")]
    if not all(groups) or all(any(True for _ in _times({side: given[side]}, side)) for side in ("before", "after")):
        return ()
    return (UNDATED,)


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


def check_run_time(method: Method[..., Any], inputs: Records, time: datetime, event: datetime | None) -> None:
    """Refuse a run that says that it was made before what it uses was observed.

    Parameters
    ----------
    method
        What is run.
    inputs
        Argument to the records of its observations.
    time, event
        Of the run.

    Raises
    ------
    InputError
        If an input was observed later; see `observed_later`.
    """
    late = observed_later(method, inputs, time, event)
    if late is not None:
        argument, seen = late
        raise InputError(
            f"{argument} was observed at {_said(seen)}, after the run's time of {_said(time)}; say the right --time, or that of "
            "the file with '#time=…' (a forecast needs an --event that lies ahead)"
        )


def observed_later(
    method: Method[..., Any], inputs: Records, time: datetime, event: datetime | None
) -> tuple[str, datetime] | None:
    """Return argument and time of the first input that was observed after a time, or None.

    Simulated inputs and such over an interval do not count, for a drill or a model may lie ahead. Where the event lies ahead of
    the run, neither does what is dated until the event, unless the method asks for an observation of before or after: it is a
    forecast, such as the depth of a flood to come.
    """
    lasting = {d.name for d in method.data if d.need.when == "any"}
    for argument, group in inputs.items():
        for record in group:
            text = record.get("datetime")
            if record.get("simulated") or not isinstance(text, str) or not text or "/" in text:
                continue
            seen = instant(text)
            forecast = event is not None and argument in lasting and seen <= event
            if seen > time and not forecast:
                return argument, seen
    return None


def _said(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
