"""Depths that no flood has: what tells centimetres or feet taken for metres where the ground itself does not."""

from __future__ import annotations

from mitoshi.core.errors import InputError
from mitoshi.methods.terrain.plausible import HINT

__all__ = ["check_deepest", "check_depth"]

DEEPEST_M = 150.0
"""Depth that no flood has: lakes behind landslides, the deepest, had about 120 m at their dam (Attabad 2010)."""


def check_depth(mean_depth_m: float) -> None:
    """Refuse an elevation on which the flood is deeper than any.

    Parameters
    ----------
    mean_depth_m
        Of the flood on that elevation [m].

    Raises
    ------
    InputError
        If it is.
    """
    if mean_depth_m > DEEPEST_M:
        raise InputError(
            f"on this elevation the flood is {mean_depth_m:.0f} m deep in the mean, which no flood is; {HINT}"
        )


def check_deepest(depth_m: float) -> None:
    """Refuse a depth that is none in metres.

    Parameters
    ----------
    depth_m
        The largest depth of the map [m].

    Raises
    ------
    InputError
        If it is deeper than any flood.
    """
    if depth_m > DEEPEST_M:
        raise InputError(f"depth reaches {depth_m:.0f} m, deeper than any flood ({DEEPEST_M:.0f} m); {HINT}")
