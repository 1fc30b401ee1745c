"""One tile of a run: read, compute, quantise, hash, compress. The same function runs in a thread or on a cluster."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from mitoshi.core.grid import Tile, tiles
from mitoshi.core.method import Scene
from mitoshi.core.product import Coded
from mitoshi.core.quantity import as_declared
from mitoshi.core.scene import block_mean, overview_factor
from mitoshi.evidence.cog import encode
from mitoshi.evidence.digest import BLOCK, block_digests
from mitoshi.evidence.layers import block_mean_of, encoding_of, halving_of, stored
from mitoshi.evidence.lists import as_listed, empty_list
from mitoshi.evidence.memory import release_freed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from mitoshi.core.features import Features
    from mitoshi.core.method import DataArgument, Method, Output
    from mitoshi.core.quantity import Quantity, Raster
    from mitoshi.core.scene import BlockFunction
    from mitoshi.evidence.frame import Frame
    from mitoshi.evidence.pools import Pool

__all__ = ["LayerPart", "LazyScene", "TileResult", "Work", "is_features", "survey", "whole"]

OVERVIEW_ROWS = 256  # rows read at once for an overview


class LayerPart(NamedTuple):
    """One tile of one output layer.

    Attributes
    ----------
    blocks
        Compressed 512 × 512 blocks, row-major within the tile.
    digests
        Their content digests.
    halved
        The tile at half the resolution.
    coverage
        Where the outlined code covers at least half of a coarser cell, uint8; None for layers without outline.
    """

    blocks: list[bytes]
    digests: list[bytes]
    halved: npt.NDArray[Any]
    coverage: npt.NDArray[np.uint8] | None


class TileResult(NamedTuple):
    """What comes back from one tile.

    Attributes
    ----------
    tile, layers
        Which one, and its part of every raster.
    inputs
        Digests per argument.
    totals
        Tally per block.
    background
        Of the picture.
    lists
        The lists of the whole scene, with the first tile; else None.
    """

    tile: Tile
    layers: tuple[LayerPart, ...]
    inputs: tuple[list[bytes] | None, ...]
    totals: list[dict[str, float]]
    background: npt.NDArray[Any] | None
    lists: Mapping[str, Features] | None = None


@dataclass(frozen=True)
class Work:
    """Everything a worker needs for any tile; picklable and small, for arrays are read where they are used.

    Attributes
    ----------
    method
        What to compute.
    arrays
        One lazy array per data argument, all on the frame; None where not given.
    parameters
        Bound parameters, with the survey's summary where there is one.
    frame
        The grid.
    thinning
        Factor of the coarser cells from which outlines are drawn.
    background
        Index of the array behind the quick-look and its thinning factor.
    """

    method: Method[..., Any]
    arrays: tuple[Raster | None, ...]
    parameters: Mapping[str, Any]
    frame: Frame
    thinning: int
    background: tuple[int, int]

    def __call__(self, tile: Tile) -> TileResult:
        """Compute one tile."""
        read, inputs, background = self.inputs(tile)
        result = self.method(*read, **self.parameters)
        del read
        core = {
            o.name: stored(np.asarray(getattr(result, o.name))[tile.crop], o, (tile.height, tile.width))
            for o in self.method.outputs
            if o.is_raster
        }
        lists = self.lists(result) if (tile.row, tile.column) == (0, 0) else None
        return TileResult(tile, self.parts(core), inputs, self.tallied(core, tile, lists), background, lists)

    def lists(self, result: Any) -> dict[str, Features]:
        """Return the lists of a result, as stored. They come from the survey, so every tile gives the same ones."""
        outputs = [o for o in self.method.outputs if not o.is_raster]
        return {o.name: as_listed(getattr(result, o.name), o, self.frame) for o in outputs}

    def inputs(self, tile: Tile) -> tuple[list[Any], tuple[list[bytes] | None, ...], npt.NDArray[Any] | None]:
        """Return the arguments of one tile, the digests of what was read, and the picture's background."""
        read = [a if a is None or is_features(a) else loaded(a, tile.read) for a in self.arrays]
        digests = tuple(
            None if a is None or is_features(a) else block_digests(a.to_numpy()[(..., *tile.crop)]) for a in read
        )
        return read, digests, self._background(read, tile)

    def parts(self, core: Mapping[str, npt.NDArray[Any]]) -> tuple[LayerPart, ...]:
        """Return the raster outputs of one tile, as stored."""
        return tuple(self._part(core[o.name], o) for o in self.method.outputs if o.is_raster)

    def _part(self, values: npt.NDArray[Any], output: Output) -> LayerPart:
        code = output.layer.outline if isinstance(output.layer, Coded) else None
        coverage = None if code is None else mostly(values == code, self.thinning)
        blocks = encode(values, encoding_of(output))
        return LayerPart(blocks, block_digests(values), halving_of(output)(values), coverage)

    def _background(self, read: Sequence[Raster | None], tile: Tile) -> npt.NDArray[Any] | None:
        index, factor = self.background
        array = read[index]
        if array is None:
            return None
        plane = array.to_numpy()[(..., *tile.crop)]
        plane = plane.reshape(-1, *plane.shape[-2:])[0]
        return block_mean_of(plane, factor).astype(np.float32)

    def tallied(
        self, core: Mapping[str, npt.NDArray[Any]], tile: Tile, lists: Mapping[str, Features] | None
    ) -> list[dict[str, float]]:
        """Tally block by block, so that memory stays bounded and the sums do not depend on the tile size.

        Lists are counted once, with the scene's first block; the other blocks see them empty.
        """
        import xarray as xr

        if self.method.tally is None:
            return []
        totals = []
        for n, block in enumerate(tiles((tile.height, tile.width), BLOCK)):
            rows = lists if n == 0 and lists is not None else self._no_rows
            rasters = {k: xr.DataArray(v[block.read], dims=("y", "x")) for k, v in core.items()}
            result = self.method.result(**rasters, **rows)
            place = tile.row + block.row, tile.column + block.column
            area = self.frame.cell_areas_m2(*place, block.height, block.width)
            totals.append({k: float(v) for k, v in self.method.tally(result, area).items()})
        return totals

    @functools.cached_property
    def _no_rows(self) -> dict[str, Features]:
        """Return every list of the method without a row."""
        return {o.name: empty_list(o) for o in self.method.outputs if not o.is_raster}


@dataclass(frozen=True)
class Inputs:
    """Reads the inputs of one tile for their digests and the background: the rest of the work where a method saw all at once."""

    work: Work

    def __call__(self, tile: Tile) -> tuple[tuple[list[bytes] | None, ...], npt.NDArray[Any] | None]:
        """Return digests and background of one tile."""
        _, digests, background = self.work.inputs(tile)
        return digests, background


def whole(work: Work, cut: Sequence[Tile], pool: Pool) -> tuple[Any, Iterator[TileResult]]:
    """Call a method once on the whole scene.

    Returns
    -------
    result
        What it returned.
    tiles
        Its rasters tile by tile, with the digests of the inputs; the totals stand in the first tile.
    """
    result = work.method(*work.arrays, **work.parameters)
    shape = work.frame.shape
    rasters = {
        o.name: stored(np.asarray(getattr(result, o.name)), o, shape) for o in work.method.outputs if o.is_raster
    }
    totals: list[dict[str, float]] = []
    if work.method.tally is not None:
        # lists have no cells: a table of the areas of a vast scene would only fill the memory
        area = work.frame.cell_areas_m2(0, 0, *shape) if rasters else np.full((1, 1), np.nan)
        totals = [{k: float(v) for k, v in work.method.tally(result, area).items()}]

    def parts() -> Iterator[TileResult]:
        read = pool.ordered(Inputs(work), cut)
        for n, (tile, (digests, background)) in enumerate(zip(cut, read, strict=True)):
            core = {k: v[tile.write] for k, v in rasters.items()}
            yield TileResult(tile, work.parts(core), digests, totals if n == 0 else [], background)

    return result, parts()


def is_features(array: Any) -> bool:
    """Tell a list of features from a raster."""
    return hasattr(array, "columns")


def loaded(array: Raster, window: tuple[slice, slice]) -> Raster:
    """Return one window in memory."""
    return array.isel(y=window[0], x=window[1]).load()


def mostly(mask: npt.NDArray[np.bool_], factor: int) -> npt.NDArray[np.uint8]:
    """Return 1 where at least half of a `factor` × `factor` cell is true."""
    if factor == 1:
        return mask.astype(np.uint8)
    rows, columns = (-(-n // factor) * factor for n in mask.shape)
    padded = np.zeros((rows, columns), np.int32)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    count = padded.reshape(rows // factor, factor, columns // factor, factor).sum(axis=(1, 3))
    heights = np.minimum(factor, mask.shape[0] - np.arange(0, rows, factor))
    widths = np.minimum(factor, mask.shape[1] - np.arange(0, columns, factor))
    half: npt.NDArray[np.uint8] = (2 * count >= heights[:, None] * widths).astype(np.uint8)
    return half


@dataclass(frozen=True)
class _Block:
    """Hands one block of the scene, in declared units, to a survey's function."""

    function: BlockFunction[Any]
    data: tuple[DataArgument, ...]
    arrays: tuple[Raster | None, ...]

    def __call__(self, tile: Tile) -> Any:
        return self.function(tile.row, tile.column, _BlockArrays(self.data, self.arrays, tile))


class _BlockArrays(Mapping[str, Any]):
    """The data arguments of one block by name, each read when it is first asked for: many surveys need few of them."""

    def __init__(self, data: tuple[DataArgument, ...], arrays: tuple[Raster | None, ...], tile: Tile) -> None:
        self._pairs = {d.name: (d, a) for d, a in zip(data, arrays, strict=True)}
        self._tile = tile
        self._read: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._read:
            argument, array = self._pairs[name]
            lazy = array is not None and not is_features(array)
            self._read[name] = (
                as_declared(loaded(cast("Raster", array), self._tile.read), asked(argument), name) if lazy else array
            )
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._pairs

    def __iter__(self) -> Iterator[str]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)


class LazyScene:
    """A scene that is read block by block: the runner's `mitoshi.core.scene.SceneView`.

    Its numbers are those of `mitoshi.core.scene.ArrayScene` bit for bit.
    """

    def __init__(self, data: tuple[DataArgument, ...], arrays: tuple[Raster | None, ...], pool: Pool) -> None:
        self._data, self._arrays, self._pool = data, arrays, pool
        self._like = next(a for a in arrays if a is not None and not is_features(a))
        self._shape = (int(self._like.shape[-2]), int(self._like.shape[-1]))

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self._shape

    @property
    def like(self) -> Raster:
        """The first raster given, unread."""
        return self._like

    def given(self, argument: str) -> bool:
        """Return whether a data argument was given."""
        return self._array(argument) is not None

    def features(self, argument: str) -> Features | None:
        """Return a list of features."""
        return self._array(argument)

    def _array(self, argument: str) -> Any:
        return next((a for d, a in zip(self._data, self._arrays, strict=True) if d.name == argument), None)

    def map_blocks(self, function: BlockFunction[Any], size: int, margin: int = 0) -> list[Any]:
        """Call the function on every block; results in row-major order."""
        work = _Block(function, self._data, self._arrays)
        results = list(self._pool.ordered(work, tiles(self._shape, size, margin)))
        release_freed()
        return results

    def overview(self, argument: str, max_pixels: int) -> Raster | None:
        """Return the block mean of one (y, x) argument, read strip by strip.

        Strips keep the full width and begin at multiples of the factor, so each mean is the same sum as over the whole.
        """
        import xarray as xr

        index = next((n for n, d in enumerate(self._data) if d.name == argument), None)
        array = None if index is None else self._arrays[index]
        if index is None or array is None:
            return None
        factor = overview_factor(self._shape, max_pixels)
        step = max(1, OVERVIEW_ROWS // factor) * factor
        starts = range(0, self._shape[0], step)
        strip = _Strip(self._data[index], array, step, factor)
        means = list(self._pool.ordered(strip, starts))
        attrs = {**means[0].attrs, "overview_factor": factor}
        return xr.DataArray(np.concatenate([m.to_numpy() for m in means]), dims=("y", "x"), attrs=attrs)


@dataclass(frozen=True)
class _Strip:
    argument: DataArgument
    array: Raster
    rows: int
    factor: int

    def __call__(self, start: int) -> Raster:
        import xarray as xr

        strip = loaded(self.array, (slice(start, start + self.rows), slice(None)))
        strip = as_declared(strip, asked(self.argument), self.argument.name)
        return xr.DataArray(block_mean(strip.to_numpy(), self.factor), dims=("y", "x"), attrs=strip.attrs)


def asked(argument: DataArgument) -> Quantity:
    """Return the quantity of a raster argument."""
    return cast("Quantity", argument.quantity)


def survey(
    method: Method[..., Any], arrays: tuple[Raster | None, ...], parameters: Mapping[str, Any], pool: Pool
) -> dict[str, Any]:
    """Return the survey's summary under the argument's name, or nothing where the method has none."""
    if not isinstance(method.support, Scene) or method.surveyed is None:
        return {}
    return {method.surveyed: method.survey(LazyScene(method.data, arrays, pool), parameters)}
