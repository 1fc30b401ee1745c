"""The bridge from window readers to xarray, apart so that importing the readers does not import xarray."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

if TYPE_CHECKING:
    from mitoshi.sensors.lazy import Stacked

__all__ = ["StackedBackend"]


class StackedBackend(BackendArray):
    """What xarray indexes: integers and slices go to the window readers, lists of indices are cut out afterwards."""

    def __init__(self, stacked: Stacked) -> None:
        self.stacked = stacked
        self.shape = stacked.shape
        self.dtype = np.dtype(stacked.readers[0].dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Return the values under an xarray indexer."""
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self.stacked.__getitem__
        )
