"""Zones by which agreement is given: districts, land cover, events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mitoshi.core.errors import InputError, misspelt
from mitoshi.core.product import CodedClass
from mitoshi.core.text import Text
from mitoshi.evidence.score.classes import MOST_CLASSES, Classes, Codebook, as_codes
from mitoshi.evidence.score.grid import ClassSource, Polygons, class_source, polygons
from mitoshi.evidence.score.inputs import FeatureInput, LayerInput

__all__ = ["Zones", "codes_in", "zones_of"]

MISSING = 255
MOST_ZONES = 200
NAMES = ("name", "NAME", "Name", "zone", "id", "ID")
BLOCK_ROWS = 512


@dataclass(frozen=True)
class Zones:
    """Zones on the product's grid.

    Attributes
    ----------
    names
        Of the zones.
    source
        Their numbers.
    """

    names: tuple[str, ...]
    source: Polygons | ClassSource

    def numbers(self, rows: slice, columns: slice) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Return the number of the zone of each cell of a window, 255 outside of all."""
        if isinstance(self.source, Polygons):
            return self.source.centres(rows, columns)
        return self.source.window(rows, columns).codes


def zones_of(found: LayerInput | FeatureInput, product: LayerInput, column: str | None) -> Zones:
    """Return the zones of a file of polygons or of a raster of codes.

    Parameters
    ----------
    found
        Polygons or raster.
    product
        Gives the grid.
    column
        That names the zones; None takes name or id, else numbers them.

    Raises
    ------
    InputError
        If there are too many.
    """
    if isinstance(found, LayerInput):
        codes = sorted(codes_in(found))
        kinds = tuple(CodedClass(c, Text(str(c), str(c)), "#000000") for c in codes)
        book = Codebook({c: c for c in codes}, Classes(kinds, ()), found.name, "--zones")
        return Zones(tuple(map(str, codes)), class_source(found, book, product))
    names = _names(found, column)
    distinct = tuple(dict.fromkeys(names))
    if len(distinct) > MOST_ZONES:
        raise InputError(f"{found.name} holds {len(distinct)} zones; at most {MOST_ZONES} are given, join some")
    numbers = np.array([distinct.index(n) for n in names])
    return Zones(distinct, polygons(found, numbers, None, product.grid, MISSING))


def _names(found: FeatureInput, column: str | None) -> list[str]:
    held = [str(c) for c in found.features.columns]
    if column is not None and column not in held:
        raise InputError(misspelt(f"column of {found.name}", column, held))
    chosen = column or next((n for n in NAMES if n in held), None)
    if chosen is None:
        return [str(n) for n in range(1, len(found.features) + 1)]
    return [str(v) for v in found.features[chosen]]


def codes_in(layer: LayerInput, rows: slice | None = None, columns: slice | None = None) -> set[int]:
    """Return the codes that occur in a raster.

    Parameters
    ----------
    layer
        Raster of codes.
    rows, columns
        Part of it; None is all.

    Raises
    ------
    InputError
        If there are more than 31 or a value is no code.
    """
    found: set[int] = set()
    span, across = rows or slice(0, layer.shape[0]), columns or slice(0, layer.shape[1])
    for top in range(span.start, span.stop, BLOCK_ROWS):
        values = layer.window(slice(top, min(top + BLOCK_ROWS, span.stop)), across)
        codes = as_codes(values[np.isfinite(values)], layer.name)
        found |= set(np.flatnonzero(np.bincount(codes + 32768)).tolist()) if codes.size else set()
        if len(found) > MOST_CLASSES:
            raise InputError(
                f"{layer.name} holds more than {MOST_CLASSES} codes; if it holds measured values, say --kind measured"
            )
    return {code - 32768 for code in found}
