"""Elevations and depths that no ground and no flood on Earth has: centimetres or feet taken for metres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["check_depth", "check_elevation", "steps_of"]

CLIFF = 3.0
"""Metres per metre, 72 degrees: rock walls are steeper, but no landscape is so over a tenth of its pixels. An assumption: half of
the ground of young mountain ranges is below 35 to 40 degrees."""

CLIFF_SHARE = 0.1
DEEPEST_M = 150.0
"""Mean depth that no flood has: lakes behind landslides, the deepest, had about 120 m at their dam (Attabad 2010)."""

HINT = "is its unit right? centimetres are described by '#units=cm'"


def steps_of(heights: NDArray[np.float32], pixel_m: float | None) -> NDArray[np.int64]:
    """Return how many steps between neighbouring pixels are steeper than `CLIFF`, and how many there are.

    Parameters
    ----------
    heights
        (rows, columns) elevation [m].
    pixel_m
        Side of a pixel [m]; nothing is counted where it is not known.
    """
    if not pixel_m:
        return np.zeros(2, np.int64)
    found = np.zeros(2, np.int64)
    for axis in (0, 1):
        step = np.abs(np.diff(heights, axis=axis))
        found += (int((step > CLIFF * pixel_m).sum()), int(np.isfinite(step).sum()))
    return found


def check_depth(deepest_m: float) -> None:
    """Refuse a depth that is none in metres.

    Parameters
    ----------
    deepest_m
        The largest depth of the map [m].

    Raises
    ------
    InputError
        If it is deeper than any flood.
    """
    if deepest_m > DEEPEST_M:
        raise InputError(f"depth reaches {deepest_m:.0f} m, deeper than any flood ({DEEPEST_M:.0f} m); {HINT}")


def check_elevation(steps: Iterable[NDArray[np.int64]], mean_depth_m: float) -> None:
    """Refuse an elevation that is none in metres.

    Parameters
    ----------
    steps
        From `steps_of`, block by block.
    mean_depth_m
        Of the flood on that elevation [m].

    Raises
    ------
    InputError
        If more than a tenth of the ground is a cliff, or the flood is deeper than any.
    """
    steep, count = np.sum(list(steps), axis=0)
    if steep > CLIFF_SHARE * count:
        raise InputError(
            f"elevation is steeper than 72 degrees on {steep / count:.0%} of the ground, which no landscape is; {HINT}"
        )
    if mean_depth_m > DEEPEST_M:
        raise InputError(
            f"on this elevation the flood is {mean_depth_m:.0f} m deep in the mean, which no flood is; {HINT}"
        )
