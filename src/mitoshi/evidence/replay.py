"""Derive from sealed products what follows from them, as a run would: totals, digests, masks, pictures, the files themselves.

Where a product is only equivalent to its recomputation, everything that is said of it must fit the sealed product and not the
recomputed one. So the tolerance covers the values of the products and nothing else.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.core.grid import tiles
from mitoshi.core.method import Whole
from mitoshi.evidence.execution import TileResult
from mitoshi.evidence.layers import stored
from mitoshi.evidence.lists import as_listed, read_list
from mitoshi.evidence.products import Collector
from mitoshi.evidence.runner import finish, work_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from mitoshi.core.grid import Tile
    from mitoshi.evidence.publication import Outcome
    from mitoshi.evidence.record import Plan
    from mitoshi.evidence.runner import Prepared

__all__ = ["Expected", "expected", "replayed"]

NOISE = 1e-5  # relative: what single precision leaves of a sum that was made before its parts were rounded for storage


class Expected(NamedTuple):
    """What a record should state of its products.

    Attributes
    ----------
    outcome
        As of a run that gave the sealed products.
    totals
        Its totals.
    slack
        How far each of them may be off, beyond the rounding of sums: a method that sees the scene whole counts before its
        products are rounded for storage, so its totals move about as the stored products do.
    """

    outcome: Outcome
    totals: Mapping[str, float]
    slack: Mapping[str, float]


def expected(
    plan: Plan, prepared: Prepared, outcome: Outcome, products: tuple[Path, Path], folder: Path, *, same: bool
) -> Expected:
    """Return what follows from the sealed products.

    Parameters
    ----------
    plan, prepared, outcome
        Of the recomputation.
    products
        Folder with the sealed products, and folder with the recomputed ones.
    folder
        An empty folder; the sealed products are written again there where they are not those of the recomputation.
    same
        Whether the sealed products are identical to the recomputed ones.
    """
    totals = outcome.collector.totals()
    if same:
        return Expected(outcome, totals, {})
    sealed = replayed(plan, prepared, outcome, products[0], folder)
    if not isinstance(plan.method.support, Whole):
        return Expected(sealed, sealed.collector.totals(), {})
    again = _whole_totals(plan, products[1])
    shift = {k: again.get(k, v) - v for k, v in totals.items()}
    stored_totals = sealed.collector.totals()
    moved = {k: v - shift.get(k, 0.0) for k, v in stored_totals.items()}
    slack = {k: 2.0 * abs(v - again.get(k, v)) + NOISE * abs(totals.get(k, 0.0)) for k, v in stored_totals.items()}
    return Expected(sealed, moved, {k: v for k, v in slack.items() if v == v})


def replayed(plan: Plan, prepared: Prepared, outcome: Outcome, products: Path, folder: Path) -> Outcome:
    """Return the outcome of a run that gave the products in a folder, and write them again.

    Raises
    ------
    MitoshiError
        If they are no products of the method.
    """
    from dataclasses import replace

    collector = Collector(plan.method, plan.frame, folder)
    try:
        _collect(plan, prepared, collector, products)
        collector.take_inputs(outcome.collector)
        finish(plan, prepared, collector, folder)
    finally:
        collector.close()
    return replace(outcome, collector=collector)


def _collect(plan: Plan, prepared: Prepared, collector: Collector, products: Path) -> None:
    work = work_of(plan, prepared, {})
    no_inputs = (None,) * len(prepared.arrays)
    whole = isinstance(plan.method.support, Whole)
    collector.lists = _lists(plan, products)
    with ExitStack() as stack:
        layers = _opened(plan, products, stack)
        for n, tile in enumerate(tiles(plan.frame.shape, plan.tile_size)):
            core = {
                o.name: stored(_read(layers[o.name], tile), o, (tile.height, tile.width)) for o in collector.rasters
            }
            totals = [] if whole else work.tallied(core, tile, collector.lists if n == 0 else None)
            if whole and n == 0:
                totals = [_whole_totals(plan, products)]
            collector.add(TileResult(tile, work.parts(core), no_inputs, totals, None))


def _opened(plan: Plan, products: Path, stack: ExitStack) -> dict[str, Any]:
    from mitoshi.sensors import guard

    rasters = [o.name for o in plan.method.outputs if o.is_raster]
    return {name: stack.enter_context(guard.open_raster(products / f"{name}.tif")) for name in rasters}


def _read(dataset: Any, tile: Tile) -> npt.NDArray[Any]:
    rows, columns = tile.write
    return dataset.read(1, window=((rows.start, rows.stop), (columns.start, columns.stop)))  # type: ignore[no-any-return]


def _lists(plan: Plan, products: Path) -> dict[str, Any]:
    lists = [o for o in plan.method.outputs if not o.is_raster]
    return {o.name: as_listed(read_list(products / f"{o.name}.parquet"), o, plan.frame) for o in lists}


def _whole_totals(plan: Plan, products: Path) -> dict[str, float]:
    """Return the totals of a method that sees the scene whole, of products as they are stored."""
    import xarray as xr

    if plan.method.tally is None:
        return {}
    with ExitStack() as stack:
        layers = _opened(plan, products, stack)
        rasters = {name: xr.DataArray(dataset.read(1), dims=("y", "x")) for name, dataset in layers.items()}
    result = plan.method.result(**rasters, **_lists(plan, products))
    return {
        k: float(v) for k, v in plan.method.tally(result, plan.frame.cell_areas_m2(0, 0, *plan.frame.shape)).items()
    }
