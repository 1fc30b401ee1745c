"""What a file's own mask hides: an internal mask, or an alpha band, which is never a measurement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Mask", "mask_of"]


@dataclass(frozen=True)
class Mask:
    """Where the pixels of a file are not observed.

    Attributes
    ----------
    alpha
        Number of the alpha band; 0 for the mask of the dataset.
    least
        Smallest alpha that counts as observed. Colours of associated alpha are already multiplied by it, so there only full
        alpha does.
    """

    alpha: int = 0
    least: float = 0.0

    def hidden(self, dataset: Any, band: int, **window: Any) -> NDArray[np.bool_]:
        """Return True where a window (or a reduced copy, with ``out_shape``) of one band is not observed."""
        if not self.alpha:
            hidden: NDArray[np.bool_] = np.asarray(dataset.read_masks(band, **window)) == 0
            return hidden
        alpha = np.asarray(dataset.read(self.alpha, **window))
        observed: NDArray[np.bool_] = alpha >= self.least if self.least else alpha > 0
        return ~observed


def mask_of(dataset: Any) -> Mask | None:
    """Return the mask of a rasterio dataset, or None where it has neither alpha band nor internal mask."""
    from rasterio.enums import ColorInterp, MaskFlags

    for number, colour in enumerate(dataset.colorinterp, 1):
        if colour is ColorInterp.alpha:
            associated = dataset.tags(number, ns="IMAGE_STRUCTURE").get("ALPHA") == "PREMULTIPLIED"
            return Mask(number, _full(dataset.dtypes[number - 1]) if associated else 0.0)
    flags = dataset.mask_flag_enums[0]
    return Mask() if MaskFlags.per_dataset in flags and MaskFlags.nodata not in flags else None


def _full(dtype: str) -> float:
    kind = np.dtype(dtype)
    return 1.0 if kind.kind == "f" else float(np.iinfo(kind).max)
