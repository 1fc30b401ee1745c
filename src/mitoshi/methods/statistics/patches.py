"""Connected patches by size: whether errors are many specks or a few fields."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIZES", "PatchCounts", "patch_counts"]

SIZES = (1, 10, 100, 1000)
"""Largest size of each class of patches in cells; the last class is open."""

ROWS = 512


@dataclass(frozen=True)
class PatchCounts:
    """Patches by class of size, one more than `SIZES`; those of two scenes are added.

    Attributes
    ----------
    patches
        Number of patches of each class.
    cells
        Cells in them.
    """

    patches: tuple[int, ...]
    cells: tuple[int, ...]

    def __add__(self, other: PatchCounts) -> PatchCounts:
        """Return the counts over both scenes."""
        return PatchCounts(
            tuple(a + b for a, b in zip(self.patches, other.patches, strict=True)),
            tuple(a + b for a, b in zip(self.cells, other.cells, strict=True)),
        )


def patch_counts(mask: NDArray[np.bool_]) -> PatchCounts:
    """Return how many patches of each size there are; cells that touch at a corner belong together.

    >>> patch_counts(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]], bool)).patches
    (1, 1, 0, 0, 0)
    """
    from scipy import ndimage

    labels, count = ndimage.label(mask, np.ones((3, 3), bool))
    sizes = np.zeros(count + 1, np.int64)
    for top in range(0, labels.shape[0], ROWS):  # bincount takes eight bytes a cell
        sizes += np.bincount(labels[top : top + ROWS].ravel(), minlength=count + 1)
    kinds = np.searchsorted(SIZES, sizes[1:])
    classes = len(SIZES) + 1
    return PatchCounts(
        tuple(np.bincount(kinds, minlength=classes).tolist()),
        tuple(np.bincount(kinds, sizes[1:], classes).astype(np.int64).tolist()),
    )
