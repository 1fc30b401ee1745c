"""What comparisons of every kind need: the baseline, layers on one grid, checksums."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mitoshi.core.errors import InputError
from mitoshi.evidence.score.grid import check_georeference
from mitoshi.evidence.score.inputs import checksums, open_input, open_product

if TYPE_CHECKING:
    from mitoshi.evidence.score.inputs import Input, LayerInput, Product
    from mitoshi.evidence.score.result import Settings

__all__ = ["digests", "opened_baseline", "placed", "refuse_nothing"]


def opened_baseline(settings: Settings) -> Product | None:
    """Return the baseline, a bundle or a file; None where none is given."""
    if settings.baseline is None:
        return None
    name = settings.product if Path(settings.baseline).is_dir() else None
    return open_product(settings.baseline, name, None)


def refuse_nothing(count: float, name: str) -> None:
    """Refuse a reference without any value where the product lies.

    Raises
    ------
    InputError
        If `count` is zero.
    """
    if not count:
        raise InputError(f"{name} says nothing where the product lies: none of its cells there has a value")


def placed(layer: LayerInput, base: LayerInput) -> LayerInput:
    """Return a layer on the grid of another one."""
    from mitoshi.cube import align

    check_georeference(base, layer)
    moved = align({layer.name: layer.raster}, base.grid)[layer.name]
    return layer if moved is None else replace(layer, raster=moved, grid=base.grid)


def digests(product: Product, reference: Input, baseline: Product | None, settings: Settings) -> dict[str, str]:
    """Return the SHA-256 of every file of a comparison, by what it is in it and its name."""
    inputs: dict[str, Input] = {"product": product.source, "reference": reference}
    inputs |= {} if product.uncertainty is None else {"uncertainty": product.uncertainty}
    inputs |= {} if baseline is None else {"baseline": baseline.source}
    beside = {"zones": settings.zones, "reference_area": settings.reference_area}
    inputs |= {role: open_input(source) for role, source in beside.items() if source is not None}
    return checksums(inputs)
