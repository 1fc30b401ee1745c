"""A flood deeper than any: what tells an elevation in centimetres or feet where the ground itself does not."""

from __future__ import annotations

from mitoshi.core.errors import InputError
from mitoshi.methods.terrain.plausible import HINT

__all__ = ["check_depth"]

DEEPEST_M = 150.0
"""Mean depth that no flood has: lakes behind landslides, the deepest, had about 120 m at their dam (Attabad 2010)."""


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
