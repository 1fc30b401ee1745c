"""How well a map agrees with a truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mitoshi.methods.statistics.confusion import class_agreement, confusion_matrix

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Agreement", "agreement"]


class Agreement(NamedTuple):
    """Agreement of a binary map with a binary truth.

    Attributes
    ----------
    intersection_over_union
        Hits over hits, misses and false alarms; the critical success index of hydrology.
    commission_error
        False alarms over all that was mapped.
    omission_error
        Misses over all that is true.
    pixels
        Number of pixels that were compared.
    """

    intersection_over_union: float
    commission_error: float
    omission_error: float
    pixels: int


def agreement(
    mapped: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_], where: npt.NDArray[np.bool_] | None = None
) -> Agreement:
    """Compare a binary map with a binary truth.

    Parameters
    ----------
    mapped, truth
        Same shape.
    where
        Pixels to compare; None is all of them.

    Returns
    -------
    NaN where a denominator is zero.

    Examples
    --------
    >>> agreement(np.array([True, True, False]), np.array([True, False, True])).intersection_over_union
    0.3333333333333333
    """
    used = np.ones(mapped.shape, bool) if where is None else where
    matrix = confusion_matrix(mapped[used], truth[used], 2)
    found = class_agreement(matrix, 1)
    return Agreement(
        found.intersection_over_union,
        _ratio(found.false_alarms, found.hits + found.false_alarms),
        _ratio(found.misses, found.hits + found.misses),
        int(matrix.sum()),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
