"""The dates of one data argument: a stack where the method asks for one, one pass where it does not."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from mitoshi.core.errors import InputError
from mitoshi.core.requirement import duration, instant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mitoshi.core.quantity import Raster
    from mitoshi.evidence.frame import Frame
    from mitoshi.evidence.inputs import Given

__all__ = ["check_one_pass", "stack_of"]


def stack_of(group: Sequence[Given], frame: Frame) -> Raster:
    """Return the dates of one argument as one lazy array (time, …, y, x) on the grid of a run.

    Raises
    ------
    InputError
        If a file states no time, or the dates are fewer or further apart than the argument allows.
    """
    from mitoshi.cube.stacking import in_passes, stacked

    need, name = group[0].argument.need, group[0].argument.name
    undated = next((g for g in group if not g.datetime), None)
    if undated is not None:
        raise InputError(f"{name} is a stack of dates, but {undated.root.name} states no time; say it with '#time=…'")
    times = [_middle(g.datetime) for g in group]
    passes = in_passes(times)
    if len(passes) < need.dates:
        raise InputError(f"{name} needs at least {need.dates} dates, got {len(passes)}; give more --{name} FILE")
    starts = [times[p[0]] for p in passes]
    for earlier, later in pairwise(starts):
        if need.gap and later - earlier > duration(need.gap):
            raise InputError(
                f"{name} has a gap of {(later - earlier).days} days after {earlier:%Y-%m-%d}, {need.gap} at most is allowed; "
                "give the dates between"
            )
    return stacked([g.layer for g in group], times, frame.geobox)


def _middle(text: str) -> datetime:
    """Return an instant, or the middle of an interval."""
    start, _, end = text.partition("/")
    return instant(start) + (instant(end) - instant(start)) / 2 if end else instant(start)


def check_one_pass(group: Sequence[Given]) -> None:
    """Refuse observations of different times where one picture of them would be made: a pixel would be of either date.

    What lasts, such as elevation, may be of several dates; so may files none of which states a time, as they say nothing.

    Raises
    ------
    InputError
        If the files are of several passes, or some state a time and some do not.
    """
    from mitoshi.cube.stacking import in_passes

    argument = group[0].argument
    dated = [g for g in group if g.datetime]
    if argument.need.when == "any" or not dated:
        return
    undated = next((g for g in group if not g.datetime), None)
    if undated is not None:
        raise InputError(
            f"{argument.name} is one observation, but {dated[0].root.name} is of {dated[0].datetime} and {undated.root.name} "
            f"states no time; say it with '#time=…' ('{undated.root.name}#time={dated[0].datetime}' if they are of one pass)"
        )
    passes = in_passes([_middle(g.datetime) for g in dated])
    if len(passes) > 1:
        days = ", ".join(dict.fromkeys(f"{dated[p[0]].root.name} of {dated[p[0]].datetime}" for p in passes))
        raise InputError(
            f"{argument.name} is one observation, but its files are of {len(passes)} different times ({days[:300]}); "
            "run each on its own, or give the slices of one pass"
        )
