"""Pairs of radar images of any size with their truth, written tile by tile: the load of the scale tests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.core.grid import Tile, tiles
from mitoshi.simulation.archive import PRODUCED, flood_code, radar_tags
from mitoshi.simulation.observe import RadarPass, elevation_model, observe_radar, unobservable, water_occurrence
from mitoshi.simulation.region import Region, region
from mitoshi.simulation.write import create, tags, trimmed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Array = np.ndarray[Any, Any]

__all__ = ["Pair", "write_pair"]

TILE = 1024
BEFORE = RadarPass("2026-09-30T20:00:00Z")
AFTER = RadarPass("2026-10-12T20:00:00Z", flood=1.0)


class Pair(NamedTuple):
    """Paths of a simulated pair.

    Attributes
    ----------
    before, after
        Radar images, one band per polarisation, linear gamma nought.
    flood
        Truth: 0 dry, 1 flooded, 2 permanent water.
    not_observable
        Truth: 1 where the radar cannot see a flood.
    elevation, reference_water
        The elevation model and the water history, or None.
    """

    before: Path
    after: Path
    flood: Path
    not_observable: Path
    elevation: Path | None
    reference_water: Path | None


def write_pair(
    out: Path,
    shape: tuple[int, int],
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
    *,
    pixel_size: float = 10.0,
    polarisations: tuple[str, ...] = ("VV", "VH"),
    ancillary: bool = False,
    workers: int = 2,
) -> Pair:
    """Write a pair of radar images, before and after a flood, with its truth.

    Parameters
    ----------
    out
        A folder, made where it is missing.
    shape
        Rows and columns.
    seed
        Seed of the region.
    progress
        Called with the tiles done and their number.
    pixel_size
        Pixel side [m].
    polarisations
        "VV", "VH" or both.
    ancillary
        Write an elevation model and a water history too.
    workers
        Tiles computed at the same time; the files do not depend on it.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    place = region(shape, pixel_size, seed)
    pair = Pair(
        folder / "before.tif",
        folder / "after.tif",
        folder / "truth_flood.tif",
        folder / "truth_not_observable.tif",
        folder / "elevation.tif" if ancillary else None,
        folder / "reference_water.tif" if ancillary else None,
    )
    with ExitStack() as stack:
        files = _open(stack, place, pair, polarisations)
        plan = list(tiles(shape, TILE))
        for done, (tile, layers) in enumerate(_computed(place, plan, polarisations, workers, ancillary=ancillary), 1):
            rows, columns = tile.write
            window = ((rows.start, rows.stop), (columns.start, columns.stop))
            for file, values in zip(files, layers, strict=True):
                file.write(values, window=window)
            if progress is not None:
                progress(done, len(plan))
    return pair


def _open(stack: ExitStack, place: Region, pair: Pair, polarisations: tuple[str, ...]) -> list[Any]:
    nan = float("nan")
    opened = [
        stack.enter_context(
            create(path, place, "float32", polarisations, radar_tags(place, passage, polarisations), nan)
        )
        for path, passage in ((pair.before, BEFORE), (pair.after, AFTER))
    ]
    for path, name in ((pair.flood, "flood"), (pair.not_observable, "not_observable")):
        stated = tags(place, "value", AFTER.time, truth="true")
        opened.append(stack.enter_context(create(path, place, "uint8", (name,), stated)))
    for extra, name in ((pair.elevation, "elevation"), (pair.reference_water, "water_occurrence")):
        if extra is not None:
            stated = tags(place, name, PRODUCED)
            opened.append(stack.enter_context(create(extra, place, "float32", (name,), stated, nan)))
    return opened


def _layers(place: Region, tile: Tile, polarisations: tuple[str, ...], *, ancillary: bool) -> list[Array]:
    """Return the bands of every file for one tile, in the order of `_open`."""
    ground = place.ground(tile.write)
    layers = [trimmed(observe_radar(place, ground, passage, polarisations)) for passage in (BEFORE, AFTER)]
    layers += [flood_code(ground, AFTER.flood)[None], unobservable(place, ground, AFTER).astype(np.uint8)[None]]
    if ancillary:
        layers += [trimmed(elevation_model(place, ground))[None], trimmed(water_occurrence(ground))[None]]
    return layers


def _computed(
    place: Region,
    plan: list[Tile],
    polarisations: tuple[str, ...],
    workers: int,
    *,
    ancillary: bool,
) -> Iterator[tuple[Tile, list[Array]]]:
    """Yield tiles with their layers in order, a few ahead of the writer."""
    with ThreadPoolExecutor(workers) as pool:
        waiting = []
        for tile in plan:
            waiting.append((tile, pool.submit(_layers, place, tile, polarisations, ancillary=ancillary)))
            if len(waiting) > 2 * workers:
                ready, future = waiting.pop(0)
                yield ready, future.result()
        for ready, future in waiting:
            yield ready, future.result()
