"""Interval of a mapped area from how sure the map is of itself and what maps of unseen events erred by."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["AreaErrors", "area_interval"]

SUREST = 0.05
"""Least doubt of a map: its probabilities are no better known than this."""

EMPTY = 0.5
"""Doubt of a map on which nothing was mapped: what was missed is unknown."""


class AreaErrors(NamedTuple):
    """How maps of events that were left out erred.

    Attributes
    ----------
    floor
        Share of what was seen below which errors are additive (false alarms, misses) and above which they are factors.
    low
        5 % quantile of the error asinh(true area / c) - asinh(expected / c), with c = floor × area seen, over the map's doubt.
    high
        95 % quantile of the same error of `possible`, of maps on which something is detected.
    missed
        95 % quantile of the error of `expected`, for maps on which nothing is.
    """

    floor: float
    low: float
    high: float
    missed: float


def area_interval(
    expected: float, possible: float, mapped: float, seen: float, errors: AreaErrors
) -> tuple[float, float, float]:
    """Return the estimate of the true area, and its lower and upper bound.

    Parameters
    ----------
    expected
        Sum of probability × area over the mapped pixels [any area unit].
    possible
        The same over all pixels, same unit.
    mapped
        Area of the mapped pixels, same unit.
    seen
        Area observed, same unit.
    errors
        As measured.

    Returns
    -------
    tuple of float
        0 ≤ lower ≤ estimate ≤ upper ≤ seen. The estimate is `possible`, or `expected` where the lower bound is zero: without
        detection the many small probabilities of dry ground say nothing.

    Notes
    -----
    The doubt is 1 - expected / mapped, one less the mean probability of what was mapped. Its product with the quantiles is the
    interval of asinh(area / c), a logarithm for areas far above c and a straight line below: where little is mapped the lower
    bound is zero, and the upper one says how much could have been missed. The quantiles are those of events left out (split
    conformal prediction, Papadopoulos et al. 2002, normalised by the doubt). What is not mapped may be flooded as often as its
    probabilities say, so the upper bound is never below `possible`.

    >>> errors = AreaErrors(0.01, -2.0, 1.0, 2.0)
    >>> [round(value, 2) for value in area_interval(8.0, 9.0, 10.0, 100.0, errors)]
    [9.0, 5.34, 11.0]
    >>> [round(value, 2) for value in area_interval(0.0, 0.4, 0.0, 100.0, errors)]
    [0.0, 0.0, 1.18]
    """
    if seen <= 0.0:
        return 0.0, 0.0, 0.0
    doubt = EMPTY if mapped <= 0.0 else max(1.0 - expected / mapped, SUREST)
    scale = errors.floor * seen

    def moved(area: float, quantile: float) -> float:
        return scale * math.sinh(math.asinh(area / scale) + quantile * doubt)

    lower = max(min(moved(expected, errors.low), expected), 0.0)
    if lower > 0.0:
        return possible, lower, min(max(moved(possible, errors.high), possible), seen)
    return expected, 0.0, min(max(moved(expected, errors.missed), possible), seen)
