"""Times of a NetCDF file or Zarr store, and the index at which each one lies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.core.errors import InputError, RefusedError
from mitoshi.core.requirement import instant

if TYPE_CHECKING:
    from mitoshi.sensors.observation import Source

__all__ = ["Moment", "moments_of"]

TIME_NAMES = ("time", "t")
MAX_STEPS = 20_000  # observations in one file: two years of every hour


class Moment(NamedTuple):
    """One time step.

    Attributes
    ----------
    mark
        By which the step is named; empty for the only one.
    time
        UTC, or None where unknown.
    places
        Index of the dimensions that are neither rows nor columns.
    """

    mark: str
    time: datetime | None
    places: tuple[tuple[str, int], ...]


def moments_of(dataset: Any, variable: Any, axes: tuple[str, str], source: Source) -> tuple[Moment, ...]:
    """Return the time steps of a variable, or the one that the user names.

    Raises
    ------
    InputError
        If there is another dimension of several values, times of another calendar, or not the time that is named.
    RefusedError
        If there are too many steps.
    """
    file, leading = source.path.name, [str(d) for d in variable.dims if str(d) not in axes]
    axis = next((d for d in leading if d.lower() in TIME_NAMES), None)
    others = [d for d in leading if d != axis and variable.sizes[d] > 1]
    if others:
        raise InputError(f"{file}: dimension {others[0]!r} is neither time, y nor x; split the file by it")
    fixed = tuple((d, 0) for d in leading if d != axis)
    said = None if source.description.time is None else instant(source.description.time)
    if axis is None:
        return (Moment("", said or _scalar(dataset, variable, file), fixed),)
    count = int(variable.sizes[axis])
    if count > MAX_STEPS:
        raise RefusedError(f"{file} holds {count} time steps; the limit is {MAX_STEPS}, split it by time")
    times: list[datetime | None] = _times(dataset[axis], file) if axis in dataset.variables else [None] * count
    if said is not None and count == 1 and times == [None]:
        times = [said]
    steps = [
        Moment(f"_{time:%Y%m%dT%H%M%S}" if time else f"_{n}", time, (*fixed, (axis, n))) for n, time in enumerate(times)
    ]
    if len({step.mark for step in steps}) < len(steps):
        raise InputError(f"{file}: two of its time steps have the same time; split the file, or correct its time axis")
    chosen = tuple(step for step in steps if said is None or step.time == said)
    if not chosen:
        shown = f"it has {steps[0].time} to {steps[-1].time}" if steps[0].time else "its time axis states no times"
        raise InputError(f"{file} has no time {source.description.time}; {shown}")
    return chosen


def _scalar(dataset: Any, variable: Any, file: str) -> datetime | None:
    """Return the one time of a file without an axis of time."""
    for name in TIME_NAMES:
        if name in dataset.variables and dataset[name].ndim == 0 and (name in variable.coords or name == "time"):
            return _times(dataset[name], file)[0]
    return None


def _times(variable: Any, file: str) -> list[datetime | None]:
    """Return times in UTC, None where unknown.

    Raises
    ------
    InputError
        If they belong to another calendar, or are packed.
    """
    if variable.dtype.kind == "O":
        calendar = variable.encoding.get("calendar") or getattr(variable.values.ravel()[0], "calendar", "another")
        raise InputError(
            f"{file}: its times are in the calendar {str(calendar)[:40]!r}, so they name no day of ours; rewrite its time axis "
            "in the 'standard' calendar"
        )
    if {"scale_factor", "add_offset"} & set(variable.attrs):
        raise InputError(f"{file}: its times are packed (scale_factor, add_offset); rewrite its time axis unpacked")
    return [_utc(value) for value in np.ravel(variable.values)]


def _utc(value: Any) -> datetime | None:
    if not np.issubdtype(np.asarray(value).dtype, np.datetime64) or np.isnat(value):
        return None
    seconds = int(np.asarray(value).astype("datetime64[s]").astype(np.int64))
    return datetime.fromtimestamp(seconds, UTC)
