"""Small ensembles of regression trees, read from JSON and evaluated on whole-number features.

Features are int16, so that every comparison is exact on every machine; the leaves are added in the trees' order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["TreeEnsemble", "ensemble_from_json", "score"]


class TreeEnsemble(NamedTuple):
    """Trees as flat arrays of nodes.

    Attributes
    ----------
    roots
        First node of each tree, shape (trees,), int32.
    feature, threshold
        Per node: the feature asked and the largest value that goes left; feature -1 marks a leaf. int16.
    left, right
        Per node: the next node, int32.
    value
        Per leaf: what it adds to the score, float64.
    names
        Names of the features, in the order of the first axis.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int16]
    threshold: NDArray[np.int16]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    names: tuple[str, ...]


def ensemble_from_json(names: Sequence[str], trees: Sequence[Mapping[str, Any]]) -> TreeEnsemble:
    """Return the ensemble of nested trees.

    Parameters
    ----------
    names
        Feature names.
    trees
        Each ``{"f": feature name, "t": threshold, "l": tree, "r": tree}`` or ``{"v": leaf value}``.

    Returns
    -------
    TreeEnsemble

    Raises
    ------
    InputError
        If a tree asks a feature that is not among `names`.
    """
    index = {name: k for k, name in enumerate(names)}
    nodes: list[list[float]] = []

    def add(tree: Mapping[str, Any]) -> int:
        place = len(nodes)
        nodes.append([-1, 0, 0, 0, float(tree.get("v", 0.0))])
        if "v" not in tree:
            if tree["f"] not in index:
                raise InputError(
                    f"the tree asks for feature {tree['f']!r}; the model's features are {', '.join(names)}"
                )
            nodes[place][:4] = [index[tree["f"]], int(tree["t"]), add(tree["l"]), add(tree["r"])]
        return place

    roots = [add(tree) for tree in trees]
    table = np.array(nodes, dtype=np.float64).reshape(-1, 5)
    return TreeEnsemble(
        np.array(roots, np.int32),
        table[:, 0].astype(np.int16),
        table[:, 1].astype(np.int16),
        table[:, 2].astype(np.int32),
        table[:, 3].astype(np.int32),
        table[:, 4].copy(),
        tuple(names),
    )


def score(ensemble: TreeEnsemble, features: NDArray[np.int16], wanted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the sum of the trees' leaves at each pixel.

    Parameters
    ----------
    ensemble
        The trees.
    features
        Shape (features, y, x).
    wanted
        Where to evaluate, shape (y, x).

    Returns
    -------
    NDArray[np.float64]
        Log-odds, shape (y, x); -inf where not wanted.

    Raises
    ------
    InputError
        If the number of features is not the model's.
    """
    if features.shape[0] != len(ensemble.names):
        raise InputError(f"the model has {len(ensemble.names)} features, got {features.shape[0]}")
    out = np.full(features.shape[1:], -np.inf)
    _score(features, wanted, *ensemble[:6], out)
    return out


@njit(cache=True, nogil=True)
def _score(features, wanted, roots, feature, threshold, left, right, value, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    rows, columns = wanted.shape
    pixel = np.empty(features.shape[0], np.int16)
    for row in range(rows):
        for column in range(columns):
            if not wanted[row, column]:
                continue
            for k in range(features.shape[0]):
                pixel[k] = features[k, row, column]
            total = 0.0
            for tree in range(roots.size):
                node = roots[tree]
                while feature[node] >= 0:
                    node = left[node] if pixel[feature[node]] <= threshold[node] else right[node]
                total += value[node]
            out[row, column] = total
