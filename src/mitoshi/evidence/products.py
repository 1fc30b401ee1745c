"""Gather tiles, in order, into product files; memory grows with one row of tiles, not with the scene."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.evidence.cog import Pyramid
from mitoshi.evidence.digest import BLOCK, content_digest
from mitoshi.evidence.layers import encoding_of, halving_of, header_of, tags_of
from mitoshi.evidence.lists import as_listed, list_digest, write_list

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from mitoshi.core.features import Features
    from mitoshi.core.method import Method, Output
    from mitoshi.evidence.execution import TileResult
    from mitoshi.evidence.frame import Frame

__all__ = ["Collector", "assembled", "picture_level"]

PICTURE = 1200  # longest side of a quick-look layer, in pixels


def picture_level(shape: tuple[int, int]) -> int:
    """Return the overview level that a quick-look shows: halvings until the longer side is at most 1200 pixels."""
    level = 0
    while -(-max(shape) // 2**level) > PICTURE:
        level += 1
    return level


def assembled(parts: list[list[Any]]) -> list[Any]:
    """Return the blocks of a row of tiles in row-major order of the scene.

    Parameters
    ----------
    parts
        Per tile: per row of blocks, the blocks.
    """
    return [block for row in zip(*parts, strict=True) for tile in row for block in tile]


class Collector:
    """Takes tile results in row-major order and writes the rasters of a run.

    Parameters
    ----------
    method, frame
        Of the run.
    folder
        Where temporary files may lie.
    """

    def __init__(self, method: Method[..., Any], frame: Frame, folder: Path) -> None:
        self.method, self.frame = method, frame
        self.rasters = [o for o in method.outputs if o.is_raster]
        self.lists: dict[str, Features] = {}
        self.level = picture_level(frame.shape)
        self._pyramids = [Pyramid(frame.shape, encoding_of(o), halving_of(o), folder) for o in self.rasters]
        for pyramid in self._pyramids:
            if 0 < self.level < len(pyramid.levels):
                pyramid.keep(self.level)
        self._row: list[TileResult] = []
        self._digests: list[list[bytes]] = [[] for _ in self.rasters]
        self._inputs: list[list[bytes]] = [[] for _ in method.data]
        self._masks: dict[int, list[npt.NDArray[np.uint8]]] = {}
        self._background: list[npt.NDArray[Any]] = []
        self._totals: list[dict[str, float]] = []

    def add(self, result: TileResult) -> None:
        """Take the next tile."""
        self._row.append(result)
        self._totals.extend(result.totals)
        self.lists.update(result.lists or {})
        tile = result.tile
        if tile.column + tile.width == self.frame.shape[1]:
            self._close_row()
            self._row = []

    def _close_row(self) -> None:
        row = self._row
        per_row = [-(-r.tile.width // BLOCK) for r in row]

        def in_order(lists: list[list[bytes]]) -> list[bytes]:
            return assembled([_rows(blocks, n) for blocks, n in zip(lists, per_row, strict=True)])

        for n, pyramid in enumerate(self._pyramids):
            parts = [r.layers[n] for r in row]
            pyramid.add(in_order([p.blocks for p in parts]))
            pyramid.add_halved(np.concatenate([p.halved for p in parts], axis=1))
            self._digests[n].extend(in_order([p.digests for p in parts]))
            masks = [p.coverage for p in parts if p.coverage is not None]
            if masks:
                self._masks.setdefault(n, []).append(np.concatenate(masks, axis=1))
        for n in range(len(self.method.data)):
            given = [r.inputs[n] for r in row]
            self._inputs[n].extend(in_order([g for g in given if g is not None]) if given[0] is not None else [])
        backgrounds = [r.background for r in row if r.background is not None]
        if backgrounds:
            self._background.append(np.concatenate(backgrounds, axis=1))

    def finish(
        self, folder: Path, *, simulated: bool, observed: str | None = None, carried: Sequence[str] = ()
    ) -> None:
        """Write ``<field>.tif`` or ``<field>.parquet`` of every output; each says when it was so and whether it is simulated."""
        for output, pyramid in zip(self.rasters, self._pyramids, strict=True):
            pyramid.finish(
                folder / f"{output.name}.tif",
                self.frame,
                tags_of(output, simulated=simulated, observed=observed, carried=carried),
            )
        tags = {
            **({"mitoshi_simulated": "true"} if simulated else {}),
            **({"mitoshi_datetime": observed} if observed else {}),
        }
        for output in self.method.outputs:
            if not output.is_raster:
                write_list(self.lists[output.name], folder / f"{output.name}.parquet", output, tags)

    def add_lists(self, result: Any) -> None:
        """Take the lists of a method that was called once on the whole scene."""
        for output in self.method.outputs:
            if not output.is_raster:
                self.lists[output.name] = as_listed(getattr(result, output.name), output, self.frame)

    def take_inputs(self, other: Collector) -> None:
        """Take what another collector of the same run gathered of the inputs."""
        self._inputs, self._background = other._inputs, other._background

    def close(self) -> None:
        """Drop temporary files."""
        for pyramid in self._pyramids:
            pyramid.close()

    def totals(self) -> dict[str, float]:
        """Return the exactly rounded sum of every total: it depends on no order."""
        names = dict.fromkeys(k for t in self._totals for k in t)
        return {k: math.fsum(t.get(k, 0.0) for t in self._totals) for k in names}

    def digest(self, output: Output) -> str:
        """Return the content digest of one product."""
        if not output.is_raster:
            return list_digest(self.lists[output.name], output, self.frame)
        n = self.rasters.index(output)
        return content_digest({**header_of(output), **self.frame.described()}, self._digests[n])

    def input_blocks(self, argument: int) -> list[bytes]:
        """Return the block digests of one data argument."""
        return self._inputs[argument]

    def mask(self, output: Output) -> npt.NDArray[np.uint8] | None:
        """Return where the outlined code of an output is."""
        parts = self._masks.get(self.rasters.index(output)) if output.is_raster else None
        return None if parts is None else np.concatenate(parts)

    def background(self) -> npt.NDArray[Any] | None:
        """Return the thinned first array, for the quick-look."""
        return np.concatenate(self._background) if self._background else None

    def pictures(self, folder: Path) -> dict[str, npt.NDArray[Any]]:
        """Return every output at the quick-look's level."""
        if self.level == 0:
            from mitoshi.sensors import guard

            found = {}
            for output in self.rasters:
                with guard.open_raster(folder / f"{output.name}.tif") as dataset:
                    found[output.name] = dataset.read(1)
            return found
        return {o.name: p.picture(self.level) for o, p in zip(self.rasters, self._pyramids, strict=True)}


def _rows(blocks: list[bytes], columns: int) -> list[list[bytes]]:
    return [blocks[n : n + columns] for n in range(0, len(blocks), columns)]
