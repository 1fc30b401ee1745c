"""`run`: bind a method to observations, compute tile by tile, and leave an evidence bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mitoshi.core.carried import codes_in
from mitoshi.core.errors import InputError
from mitoshi.core.grid import tiles
from mitoshi.core.method import Scene, Stack, Whole
from mitoshi.core.quantity import PASSES
from mitoshi.evidence import input_index
from mitoshi.evidence.bundle import Bundle, draft, kept
from mitoshi.evidence.coverage import not_counted, outside
from mitoshi.evidence.digest import BLOCK
from mitoshi.evidence.execution import Work, is_features, survey, whole
from mitoshi.evidence.input_times import check_order, check_run_time, undated
from mitoshi.evidence.inputs import assumptions, content, file_digests, framed, open_sources
from mitoshi.evidence.lists import table_digest
from mitoshi.evidence.memory import release_freed
from mitoshi.evidence.outline import thinning
from mitoshi.evidence.overlap import overlaps
from mitoshi.evidence.pools import pool
from mitoshi.evidence.products import Collector, picture_level
from mitoshi.evidence.publication import Outcome, publish
from mitoshi.evidence.record import Plan, observed, summary_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from mitoshi.core.grid import BBox
    from mitoshi.core.method import Method
    from mitoshi.core.quantity import Raster
    from mitoshi.core.text import Text
    from mitoshi.evidence.bundle import Existing
    from mitoshi.evidence.inputs import Given, Source

    Progress = Callable[[int, int, str], None]

__all__ = ["run"]

LIMIT = 2 * 2**30  # bytes that a run may hold
WORKING_COPIES = 8  # arrays of the size of its input that a method may hold while it computes one tile


def run(
    method: Method[..., Any],
    sources: Mapping[str, Source],
    parameters: Mapping[str, Any],
    out: Path,
    *,
    time: datetime,
    area: BBox | None = None,
    event: datetime | None = None,
    choice: Sequence[Text] | None = None,
    workers: int = 1,
    cluster: str | None = None,
    tile_size: int = 2048,
    progress: Progress | None = None,
    limit_bytes: int = LIMIT,
    existing: Existing = "repeated",
) -> Bundle:
    """Run a method on observations and write an evidence bundle.

    With the same arguments (`workers` and `cluster` aside) the bundle is the same to the byte.

    Parameters
    ----------
    method
        What to compute.
    sources
        Data argument to a path (``FILE#key=value,…``), a STAC item, several items that lie side by side, or an opened
        observation.
    parameters
        Those that differ from their defaults.
    out
        Folder of the bundle: new, empty, or as `existing` says. Other files are never touched.
    time
        When the run is made; nobody here looks at a clock.
    area
        What to compute, (west, south, east, north) in degrees; None takes the first data argument's extent.
    event
        Time of the event, recorded.
    choice
        Why these observations: the explanation of `mitoshi.cube.resolve`.
    workers
        Threads of this process.
    cluster
        Address of a dask scheduler that does the tiles instead.
    tile_size
        Side of a tile in pixels, rounded up to a multiple of 512; halved where a tile would not fit `limit_bytes`.
    progress
        Called as ``progress(done, total, message)``.
    limit_bytes
        Memory that the run should stay below.
    existing
        What becomes of a bundle that is there. "repeated": one of the same run (its time apart) is replaced whole, any other is
        refused. "kept": one of the same run that is as it was sealed is returned and nothing is computed, any other is refused.
        "replaced": any bundle is replaced whole.

    Raises
    ------
    InputError
        If an argument is unknown, missing or does not fit, `time` lies before an observation, or `out` holds something else.
    RunError
        If the method or the cluster fails.
    """
    plan, prepared = _planned(
        method,
        sources,
        parameters,
        time=time,
        area=area,
        event=event,
        choice=tuple(choice or ()),
        tile=(tile_size, limit_bytes),
        refuse_late=True,
    )
    bundle = kept(out, plan.described(), existing)
    if bundle is None:
        bundle = carry_out(plan, prepared, out, workers=workers, cluster=cluster, progress=progress)
    input_index.record(prepared.digests)
    return bundle


def repeat(
    method: Method[..., Any],
    sources: Mapping[str, Source],
    parameters: Mapping[str, Any],
    out: Path,
    *,
    time: datetime,
    area: BBox | None,
    event: datetime | None,
    choice: Sequence[Text],
    tile_size: int,
    progress: Progress | None,
) -> tuple[Plan, Prepared, Outcome]:
    """Run what a bundle records, within the memory of a run; write its products, publish nothing.

    Returns
    -------
    What was planned, what was opened, and what came out.

    Raises
    ------
    InputError
        If a run of it would not fit into memory, or would choose smaller tiles.
    """
    plan, prepared = _planned(
        method,
        sources,
        parameters,
        time=time,
        area=area,
        event=event,
        choice=tuple(choice),
        tile=(tile_size, LIMIT),
        refuse_late=False,  # whoever checks a bundle says so in the verdict
    )
    if plan.tile_size != tile_size:
        raise InputError(
            f"it was made in tiles of {tile_size} pixels; a run within {LIMIT >> 20} MiB takes {plan.tile_size}"
        )
    out.mkdir(parents=True, exist_ok=True)
    return plan, prepared, _computed(plan, prepared, out, workers=2, cluster=None, progress=progress)


def _planned(
    method: Method[..., Any],
    sources: Mapping[str, Source],
    parameters: Mapping[str, Any],
    *,
    time: datetime,
    area: BBox | None,
    event: datetime | None,
    choice: tuple[Text, ...],
    tile: tuple[int, int],
    refuse_late: bool,
) -> tuple[Plan, Prepared]:
    bound = method.bind_parameters(parameters)
    given = open_sources(method, sources)
    check_order(given, event)
    frame, arrays = framed(method, given, area)
    size, limit = tile
    _check_room(method, frame.shape, limit)
    size = fitting_tile(method, arrays, size, limit)
    digests = file_digests(given)
    records = {k: [g.record(digests) for g in group] for k, group in given.items()}
    if refuse_late:
        check_run_time(method, records, time, event)
    fitted, assumed = method.fitted(arrays, bound)
    read = (*assumptions(given), *undated(given))
    assumed = (*assumed, *read, *outside(given, frame), *not_counted(given, frame), *overlaps(given, frame))
    plan = Plan(fitted, bound, records, frame, size, area, event, time, choice, assumed)
    return plan, Prepared(given, digests, arrays)


def _check_room(method: Method[..., Any], shape: tuple[int, int], limit_bytes: int) -> None:
    """Refuse a scene that a method which sees it whole could not hold.

    Raises
    ------
    InputError
        If the scene is too large.
    """
    if not isinstance(method.support, Whole) or not method.support.bytes_per_pixel:
        return
    most = limit_bytes / method.support.bytes_per_pixel
    if shape[0] * shape[1] > most:
        raise InputError(
            f"{method.name} sees the scene whole and has room for {most / 1e6:.1f} megapixels, "
            f"got {shape[0] * shape[1] / 1e6:.1f}; give a smaller --area or a coarser grid"
        )


@dataclass(frozen=True)
class Prepared:
    """Opened inputs on one grid."""

    given: Mapping[str, tuple[Given, ...]]
    digests: Mapping[Path, str]
    arrays: tuple[Raster | None, ...]


def fitting_tile(method: Method[..., Any], arrays: Sequence[Raster | None], tile_size: int, limit_bytes: int) -> int:
    """Return the largest tile, halving from `tile_size`, of which two fit the limit; a multiple of 512.

    It does not depend on the number of workers, for the tile size is part of the record.

    Raises
    ------
    InputError
        If even the smallest tile does not fit.
    """
    if tile_size < 1:
        raise InputError(f"the tile size must be positive, got {tile_size}")
    size = -(-tile_size // BLOCK) * BLOCK
    margin = 0 if isinstance(method.support, Stack) else method.support.margin
    per_pixel = sum(_bytes_per_pixel(a) for a in arrays if a is not None and not is_features(a))
    while 2 * WORKING_COPIES * per_pixel * (size + 2 * margin) ** 2 > limit_bytes:
        if size == BLOCK:
            raise InputError(
                f"a tile of {BLOCK} pixels of these inputs needs more than {limit_bytes >> 20} MiB; give fewer dates"
            )
        size = max(BLOCK, size // 2 // BLOCK * BLOCK)
    return size


def _bytes_per_pixel(array: Raster) -> int:
    count = 1
    for n in array.shape[:-2]:
        count *= int(n)
    return count * int(array.dtype.itemsize)


def carry_out(
    plan: Plan, prepared: Prepared, out: Path, *, workers: int, cluster: str | None, progress: Progress | None
) -> Bundle:
    """Compute a plan and publish its bundle at `out`.

    Parameters
    ----------
    plan, prepared
        What to compute, on what.
    out
        Folder of the bundle.
    workers, cluster, progress
        As for `run`.
    """
    with draft(out) as folder:
        outcome = _computed(plan, prepared, folder, workers=workers, cluster=cluster, progress=progress)
        publish(plan, outcome, folder, final=out)
    del outcome
    release_freed()
    return Bundle.open(out)


def _computed(
    plan: Plan, prepared: Prepared, folder: Path, *, workers: int, cluster: str | None, progress: Progress | None
) -> Outcome:
    """Compute a plan, write its products into `folder`, and return what else came out."""
    tell = progress or _silent
    with pool(workers, cluster) as where:
        tell(0, 1, "survey")
        summary = survey(plan.method, prepared.arrays, plan.parameters, where)
        release_freed()
        collector = Collector(plan.method, plan.frame, folder)
        try:
            _compute(plan, prepared, summary, collector, where, tell)
            finish(plan, prepared, collector, folder)
        finally:
            collector.close()
    digest = summary_digest(next(iter(summary.values()))) if summary else None
    return Outcome(prepared.given, prepared.digests, _contents(plan, prepared, collector), digest, collector)


def finish(plan: Plan, prepared: Prepared, collector: Collector, folder: Path) -> None:
    """Write the products of a run whose tiles the collector holds."""
    simulated = any(g.simulated for group in prepared.given.values() for g in group)
    collector.finish(
        folder, simulated=simulated, observed=observed(plan)["datetime"], carried=codes_in(plan.assumptions)
    )


def _silent(done: int, total: int, message: str) -> None:
    del done, total, message


def work_of(plan: Plan, prepared: Prepared, summary: Mapping[str, Any]) -> Work:
    """Return what a worker needs for any tile of a plan."""
    shape = plan.frame.shape
    shown = next(n for n, a in enumerate(prepared.arrays) if a is not None and not is_features(a))
    return Work(
        plan.method,
        _without_passes(plan.method, prepared.arrays),
        {**plan.parameters, **summary},
        plan.frame,
        thinning(shape),
        (shown, 2 ** picture_level(shape)),
    )


def _without_passes(method: Method[..., Any], arrays: tuple[Raster | None, ...]) -> tuple[Raster | None, ...]:
    """Return what the tiles read: where there is a survey, it alone reads the passes between cells."""
    if not isinstance(method.support, Scene):
        return arrays
    return tuple(a if a is None or is_features(a) else a.drop_vars(PASSES, errors="ignore") for a in arrays)


def _compute(
    plan: Plan, prepared: Prepared, summary: Mapping[str, Any], collector: Collector, where: Any, tell: Progress
) -> None:
    work = work_of(plan, prepared, summary)
    cut = list(tiles(plan.frame.shape, plan.tile_size, plan.method.support.margin))
    results = where.ordered(work, cut)
    if isinstance(plan.method.support, Whole):
        tell(0, len(cut), "whole scene")
        found, results = whole(work, cut, where)
        collector.add_lists(found)
    for done, result in enumerate(results, 1):
        collector.add(result)
        tell(done, len(cut), "tiles")


def _contents(plan: Plan, prepared: Prepared, collector: Collector) -> dict[str, str]:
    """Return the content digest of every data argument on the run's grid."""
    found = {}
    for n, (argument, array) in enumerate(zip(plan.method.data, prepared.arrays, strict=True)):
        if array is not None:
            group = prepared.given[argument.name]
            if is_features(array):
                found[argument.name] = table_digest(array)
                continue
            found[argument.name] = content(group, array, plan.frame, collector.input_blocks(n))
    return found
