"""The whole scene as a method's survey stage may see it: fixed blocks and a bounded overview, never everything at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from mitoshi.core.grid import tiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mitoshi.core.features import Features
    from mitoshi.core.quantity import Raster

__all__ = ["ArrayScene", "BlockFunction", "SceneView", "block_mean", "overview_factor"]

T = TypeVar("T")
Arrays = "Mapping[str, Raster | None]"
if TYPE_CHECKING:
    BlockFunction = Callable[[int, int, Mapping[str, Raster | None]], T]
else:
    BlockFunction = "Callable[[int, int, Mapping[str, Raster | None]], T]"


class SceneView(Protocol):
    """What a survey may ask of a scene. Implementations: `ArrayScene` here, and a lazy one in the runner."""

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the scene."""
        ...

    @property
    def like(self) -> Raster:
        """The first raster given, unread: coordinates and attributes of the grid."""
        ...

    def given(self, argument: str) -> bool:
        """Return whether a data argument was given."""
        ...

    def features(self, argument: str) -> Features | None:
        """Return a list of features, whole; None where the argument was not given."""
        ...

    def map_blocks(self, function: BlockFunction[T], size: int, margin: int = 0) -> list[T]:
        """Call ``function(row, column, arrays)`` on every `size` × `size` block; results in row-major order.

        Blocks start at the scene's origin, so they do not depend on how the scene is tiled. The function must be
        picklable and must not change its arrays: a runner may call it in another process. The arrays hold `margin` pixels
        around the block as well, as far as the scene goes; row and column are those of the block itself. Features come whole.
        """
        ...

    def overview(self, argument: str, max_pixels: int) -> Raster | None:
        """Return the block mean of one (y, x) argument with the smallest integer factor that fits `max_pixels`.

        NaN are left out of the means. None where the argument was not given. ``attrs["overview_factor"]`` is the factor.
        """
        ...


def overview_factor(shape: tuple[int, int], max_pixels: int) -> int:
    """Return the smallest integer factor with which the decimated scene has at most `max_pixels`.

    >>> overview_factor((4000, 4000), 4_000_000)
    2
    """
    factor = 1
    while -(-shape[0] // factor) * -(-shape[1] // factor) > max_pixels:
        factor += 1
    return factor


def block_mean(values: np.ndarray[Any, Any], factor: int) -> np.ndarray[Any, Any]:
    """Return NaN-aware means of `factor` × `factor` blocks of a 2-D array; edge blocks may be smaller.

    >>> block_mean(np.array([[1.0, 3.0, 5.0]]), 2)
    array([[2., 5.]])
    """
    rows, columns = (-(-n // factor) for n in values.shape)
    padded = np.full((rows * factor, columns * factor), np.nan)
    padded[: values.shape[0], : values.shape[1]] = values
    blocks = padded.reshape(rows, factor, columns, factor)
    seen = np.isfinite(blocks)
    total = np.where(seen, blocks, 0.0).sum(axis=(1, 3))
    count = seen.sum(axis=(1, 3))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: np.ndarray[Any, Any] = (total / count).astype(values.dtype)
    return mean


class ArrayScene:
    """A scene whose arrays are in memory.

    Parameters
    ----------
    arrays
        Data arguments by name: rasters, all with the same last two dimensions (y, x), and lists of features; None where not
        given.
    """

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self._arrays = dict(arrays)
        self._like: Raster = next(a for a in self._arrays.values() if a is not None and not hasattr(a, "columns"))
        self._shape = (int(self._like.shape[-2]), int(self._like.shape[-1]))

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self._shape

    @property
    def like(self) -> Raster:
        """The first raster given."""
        return self._like

    def given(self, argument: str) -> bool:
        """Return whether a data argument was given."""
        return self._arrays.get(argument) is not None

    def features(self, argument: str) -> Features | None:
        """Return a list of features."""
        return self._arrays.get(argument)

    def map_blocks(self, function: BlockFunction[T], size: int, margin: int = 0) -> list[T]:
        """Call the function on every block, in row-major order."""
        return [
            function(
                tile.row,
                tile.column,
                {
                    k: a if a is None or hasattr(a, "columns") else a[..., tile.read[0], tile.read[1]]
                    for k, a in self._arrays.items()
                },
            )
            for tile in tiles(self._shape, size, margin)
        ]

    def overview(self, argument: str, max_pixels: int) -> Raster | None:
        """Return the block mean of one argument."""
        array = self._arrays.get(argument)
        if array is None:
            return None
        import xarray as xr

        factor = overview_factor(self._shape, max_pixels)
        values = block_mean(array.to_numpy(), factor)
        return xr.DataArray(values, dims=("y", "x"), attrs={**array.attrs, "overview_factor": factor})
