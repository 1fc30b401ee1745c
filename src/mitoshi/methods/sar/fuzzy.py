"""Fuzzy memberships."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

__all__ = ["z_membership"]


def z_membership(values: NDArray[Any], full: float, none: float) -> NDArray[np.float32]:
    """Return the Z-shaped membership: 1 up to `full`, 0 from `none`, smooth between.

    Parameters
    ----------
    values
        Any shape; NaN has membership 1, for what is not known excludes nothing.
    full, none
        Ends of the transition, full < none.

    Returns
    -------
    NDArray[np.float32]
        0..1, same shape.

    Raises
    ------
    InputError
        If the ends are not in order.

    Notes
    -----
    Zadeh's Z function, as in Twele et al. (2016), Int. J. Remote Sensing 37(13), section 3.3: with u = (x - a) / (b - a),
    1 - 2 u² up to the middle, 2 (1 - u)² beyond.

    >>> z_membership(np.array([0.0, 7.5, 15.0]), 0.0, 15.0).tolist()
    [1.0, 0.5, 0.0]
    """
    if not full < none:
        raise InputError(f"a Z membership needs full < none, got {full:g} and {none:g}")
    with np.errstate(invalid="ignore"):
        u = np.clip((np.asarray(values, dtype=np.float32) - np.float32(full)) / np.float32(none - full), 0.0, 1.0)
    rising = np.where(u <= 0.5, 1.0 - 2.0 * u**2, 2.0 * (1.0 - u) ** 2)
    return np.where(np.isnan(u), 1.0, rising).astype(np.float32)
