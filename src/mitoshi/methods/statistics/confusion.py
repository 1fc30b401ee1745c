"""A map of classes against a reference: the confusion matrix and what is read from it.

Rows are what was mapped, columns what the reference says. The matrix holds counts or areas alike; every ratio is of sums, so
matrices of parts (blocks, zones, events) are added before anything is divided.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

__all__ = [
    "ClassAgreement",
    "class_agreement",
    "cohens_kappa",
    "confusion_matrix",
    "overall_accuracy",
    "two_classes",
    "weighted_kappa",
]

Floats = NDArray[np.float64]


class ClassAgreement(NamedTuple):
    """Agreement on one class; NaN where a denominator is zero.

    Attributes
    ----------
    precision
        Hits over all that was mapped: the user's accuracy.
    recall
        Hits over all that the reference has: the producer's accuracy.
    f1
        Harmonic mean of the two.
    intersection_over_union
        Hits over hits, misses and false alarms: the critical success index.
    hits, misses, false_alarms
        In the unit of the matrix.
    """

    precision: float
    recall: float
    f1: float
    intersection_over_union: float
    hits: float
    misses: float
    false_alarms: float


def confusion_matrix(
    mapped: NDArray[Any], reference: NDArray[Any], classes: int, weights: NDArray[Any] | None = None
) -> Floats:
    """Return the confusion matrix of two arrays of class numbers, (classes, classes).

    Parameters
    ----------
    mapped, reference
        Whole numbers from 0 to classes - 1, same shape.
    classes
        Number of classes; one of them may stand for "not observed".
    weights
        Such as the area of each cell, of a shape that broadcasts; None counts cells.

    Raises
    ------
    InputError
        If the shapes differ or a number is no class.

    Examples
    --------
    >>> confusion_matrix(np.array([1, 1, 0, 0]), np.array([1, 0, 0, 1]), 2).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    if mapped.shape != reference.shape:
        raise InputError(f"map and reference must have one shape, got {mapped.shape} and {reference.shape}")
    if mapped.size and not (int(mapped.max()) < classes and int(reference.max()) < classes):
        raise InputError(f"there are {classes} classes, got number {max(int(mapped.max()), int(reference.max()))}")
    pair = mapped.astype(np.intp) * classes + reference
    share = None if weights is None else np.broadcast_to(weights, mapped.shape).ravel()
    return np.bincount(pair.ravel(), share, classes * classes).reshape(classes, classes).astype(np.float64)


def two_classes(matrix: Floats, positive: NDArray[np.bool_]) -> Floats:
    """Return the matrix of "one of the positive classes" against all others, [[negative, miss], [false alarm, hit]].

    Parameters
    ----------
    matrix
        (classes, classes).
    positive
        Which classes are positive, (classes,).
    """
    groups = (~positive, positive)
    return np.array([[matrix[np.ix_(one, other)].sum() for other in groups] for one in groups])


def class_agreement(matrix: Floats, index: int) -> ClassAgreement:
    """Return the agreement on one class.

    >>> class_agreement(np.array([[50.0, 10.0], [5.0, 35.0]]), 1).intersection_over_union
    0.7
    """
    hits = float(matrix[index, index])
    false_alarms = float(matrix[index].sum()) - hits
    misses = float(matrix[:, index].sum()) - hits
    return ClassAgreement(
        _ratio(hits, hits + false_alarms),
        _ratio(hits, hits + misses),
        _ratio(2.0 * hits, 2.0 * hits + misses + false_alarms),
        _ratio(hits, hits + misses + false_alarms),
        hits,
        misses,
        false_alarms,
    )


def overall_accuracy(matrix: Floats) -> float:
    """Return the share on the diagonal; NaN for an empty matrix."""
    return _ratio(float(np.trace(matrix)), float(matrix.sum()))


def cohens_kappa(matrix: Floats) -> float:
    """Return Cohen's kappa: agreement beyond what the margins give by chance; NaN where chance alone agrees fully.

    Notes
    -----
    Cohen (1960), doi:10.1177/001316446002000104.

    >>> round(cohens_kappa(np.array([[20.0, 5.0], [10.0, 15.0]])), 12)
    0.4
    """
    total = float(matrix.sum())
    chance = _ratio(float(matrix.sum(axis=0) @ matrix.sum(axis=1)), total * total)
    return _ratio(overall_accuracy(matrix) - chance, 1.0 - chance)


def weighted_kappa(matrix: Floats, power: int) -> float:
    """Return kappa of ordered classes: a disagreement counts by the distance of the two classes to a power.

    Parameters
    ----------
    matrix
        (classes, classes), classes in their order.
    power
        1 for linear weights, 2 for quadratic ones; NaN where chance alone would not disagree.

    Notes
    -----
    Cohen (1968), doi:10.1037/h0026256: 1 - sum(w observed) / sum(w expected) with w = |i - j|^power. Of two classes it is Cohen's
    kappa.

    >>> round(weighted_kappa(np.array([[20.0, 5.0], [10.0, 15.0]]), 2), 12)
    0.4
    """
    place = np.arange(len(matrix), dtype=np.float64)
    weights = np.abs(place[:, None] - place[None, :]) ** power
    expected = np.outer(matrix.sum(axis=1), matrix.sum(axis=0))
    total = float(matrix.sum())
    return 1.0 - _ratio(float((weights * matrix).sum()) * total, float((weights * expected).sum()))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
