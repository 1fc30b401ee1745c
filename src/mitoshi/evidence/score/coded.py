"""Agreement of a map of classes with a reference, block by block; what was not observed is counted, never right or wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.methods.statistics.confusion import confusion_matrix
from mitoshi.methods.statistics.distance_bands import BANDS, MARGIN, boundary_bands
from mitoshi.methods.statistics.patches import PatchCounts, patch_counts
from mitoshi.methods.statistics.probability_scores import ProbabilityTally, empty_tally, tally_probabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from odc.geo.geobox import GeoBox

    from mitoshi.evidence.score.classes import Classes
    from mitoshi.evidence.score.grid import ClassSource, Overlap
    from mitoshi.evidence.score.inputs import LayerInput
    from mitoshi.evidence.score.zones import Zones

    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Codes = np.ndarray[Any, np.dtype[np.uint8]]
    Progress = Callable[[int, int, str], None]

__all__ = [
    "FALSE_ALARM",
    "HIT",
    "MISS",
    "NOT_OBSERVED",
    "NO_REFERENCE",
    "REJECTION",
    "CodedScene",
    "CodedTally",
    "blocks_of",
]

REJECTION, HIT, MISS, FALSE_ALARM, NOT_OBSERVED, NO_REFERENCE = 0, 1, 2, 3, 4, 255
MISSING = 255
BLOCK_CELLS = 2_500_000
MOST_ROWS, LEAST_ROWS = 512, 16
MOST_PATCH_CELLS = 400_000_000  # labels take four bytes a cell


@dataclass(frozen=True)
class CodedTally:
    """Sums over the cells of one comparison; those of several are added.

    Attributes
    ----------
    cells
        Confusion matrix, rows the map and columns the reference; the last row is what the map does not observe, the last column
        what the reference does not say, (classes + 1, classes + 1).
    areas
        The same in m2; cells where there is no georeference.
    pure
        The same of cells that are not mixed in the reference.
    bands
        By distance from the reference's boundary, (bands, 2, 2): negative and positive of map and reference.
    misses, false_alarms
        Their patches; None where the scene is too large for it.
    zones
        Confusion matrix in cells by name of the zone.
    probability
        None where there is none.
    georeferenced
        Whether areas are in m2.
    side_m
        Side of a cell [m]; NaN where unknown.
    """

    cells: Floats
    areas: Floats
    pure: Floats
    bands: Floats
    misses: PatchCounts | None
    false_alarms: PatchCounts | None
    zones: dict[str, Floats] = field(default_factory=dict)
    probability: ProbabilityTally | None = None
    georeferenced: bool = True
    side_m: float = float("nan")

    def __add__(self, other: CodedTally) -> CodedTally:
        """Return the sums over both scenes."""
        zones = {n: self.zones.get(n, 0.0) + other.zones.get(n, 0.0) for n in (*self.zones, *other.zones)}
        return CodedTally(
            self.cells + other.cells,
            self.areas + other.areas,
            self.pure + other.pure,
            self.bands + other.bands,
            _added(self.misses, other.misses),
            _added(self.false_alarms, other.false_alarms),
            zones,  # type: ignore[arg-type]
            _added(self.probability, other.probability),
            self.georeferenced and other.georeferenced,
            self.side_m if self.side_m == other.side_m else float("nan"),
        )

    @property
    def compared(self) -> Floats:
        """Confusion matrix of the cells that both say something of, (classes, classes)."""
        return np.asarray(self.cells[:-1, :-1])

    @property
    def unobserved(self) -> Floats:
        """Cells of each class of the reference that the map does not observe, (classes,)."""
        return np.asarray(self.cells[-1, :-1])


def _added(one: Any, other: Any) -> Any:
    return None if one is None or other is None else one + other


@dataclass(frozen=True)
class CodedScene:
    """What is compared on one grid.

    Attributes
    ----------
    product, reference
        Class numbers on the grid of the product.
    classes
        Of the comparison.
    grid, overlap
        Cells of the product, and the part that is compared.
    probability
        On the product's grid, in units of 1 or percent; None where there is none.
    zones
        By which agreement is given, too.
    """

    product: ClassSource
    reference: ClassSource
    classes: Classes
    grid: GeoBox
    overlap: Overlap
    probability: LayerInput | None = None
    zones: Zones | None = None

    def tally(self, progress: Progress) -> tuple[CodedTally, Codes]:
        """Return the sums and the map of errors of the compared part."""
        classes, bins = len(self.classes.codes) + 1, len(BANDS)
        sums = _Sums(classes, bins, 0 if self.zones is None else len(self.zones.names))
        errors = np.full(self.overlap.shape, NO_REFERENCE, np.uint8)
        area = _CellArea(self.grid)
        for rows in blocks_of(self.overlap, progress):
            self._block(rows, sums, errors, area)
        misses, false_alarms = _patches(errors)
        names = () if self.zones is None else self.zones.names
        tally = CodedTally(
            sums.cells,
            sums.areas,
            sums.pure,
            sums.bands,
            misses,
            false_alarms,
            dict(zip(names, sums.zones, strict=True)),
            sums.probability if self.probability is not None else None,
            area.known,
            area.side_m,
        )
        return tally, errors

    def _block(self, rows: slice, sums: _Sums, errors: Codes, area: _CellArea) -> None:
        columns, whole = self.overlap.columns, self.overlap.rows
        top, bottom = max(whole.start, rows.start - MARGIN), min(whole.stop, rows.stop + MARGIN)
        wide = self.reference.window(slice(top, bottom), columns)
        inner = slice(rows.start - top, rows.stop - top)
        reference, mixed = wide.codes[inner], wide.mixed[inner]
        mapped = self.product.window(rows, columns).codes
        none = len(self.classes.codes)
        one, other = (np.where(c == MISSING, none, c).astype(np.uint8) for c in (mapped, reference))
        sums.cells += confusion_matrix(one, other, none + 1)
        sums.areas += confusion_matrix(one, other, none + 1, area.of(rows, columns))
        sums.pure += confusion_matrix(one[~mixed], other[~mixed], none + 1)
        signs = _signs(wide.codes, self.classes.is_positive)
        here = _signs(mapped, self.classes.is_positive)
        sums.add_bands(here, signs[inner], boundary_bands(signs)[inner])
        place = slice(rows.start - whole.start, rows.stop - whole.start)
        errors[place] = _errors(here, signs[inner])
        if self.zones is not None:
            sums.add_zones(one, other, self.zones.numbers(rows, columns))
        if self.probability is not None:
            sums.probability += _probabilities(self.probability, rows, columns, signs[inner])


class _Sums:
    """The sums while blocks go by."""

    def __init__(self, classes: int, bands: int, zones: int) -> None:
        self.cells, self.areas, self.pure = (np.zeros((classes, classes)) for _ in range(3))
        self.bands = np.zeros((bands, 2, 2))
        self.zones = np.zeros((zones, classes, classes))
        self.probability = empty_tally()

    def add_bands(self, mapped: Codes, reference: Codes, band: Codes) -> None:
        known = (mapped < 2) & (reference < 2)
        place = (band[known].astype(np.intp) * 2 + mapped[known]) * 2 + reference[known]
        self.bands += np.bincount(place, minlength=self.bands.size).reshape(self.bands.shape)

    def add_zones(self, mapped: Codes, reference: Codes, zone: Codes) -> None:
        inside = zone < len(self.zones)
        size = self.zones.shape[1]
        place = (zone[inside].astype(np.intp) * size + mapped[inside]) * size + reference[inside]
        self.zones += np.bincount(place, minlength=self.zones.size).reshape(self.zones.shape)


class _CellArea:
    """The area of cells [m2]; 1 where the grid has no georeference."""

    def __init__(self, grid: GeoBox) -> None:
        from mitoshi.core.cells import pixel_side_m

        self._grid, self.known = grid, grid.crs is not None
        side = pixel_side_m(grid) if self.known else None
        self.side_m = float("nan") if side is None else side

    def of(self, rows: slice, columns: slice) -> Any:
        from affine import Affine

        from mitoshi.core.cells import areas_m2

        if not self.known:
            return np.ones((1, 1))
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        return areas_m2(self._grid.crs, self._grid.affine @ Affine.translation(columns.start, rows.start), shape)


def blocks_of(overlap: Overlap, progress: Progress) -> Iterator[slice]:
    """Yield the rows of each block of a comparison, so that memory does not grow with the scene."""
    height = int(min(MOST_ROWS, max(LEAST_ROWS, BLOCK_CELLS // overlap.shape[1])))
    for top in range(overlap.rows.start, overlap.rows.stop, height):
        progress(top - overlap.rows.start, overlap.shape[0], "rows")
        yield slice(top, min(top + height, overlap.rows.stop))


def _signs(codes: Codes, positive: np.ndarray[Any, np.dtype[np.bool_]]) -> Codes:
    """Return 0 for negative, 1 for positive, 255 for missing."""
    table = np.full(256, MISSING, np.uint8)
    table[: positive.size] = positive
    return np.asarray(table[codes])


def _errors(mapped: Codes, reference: Codes) -> Codes:
    table = np.array([[REJECTION, MISS], [FALSE_ALARM, HIT]], np.uint8)
    known = (mapped < 2) & (reference < 2)
    out = np.where(reference < 2, NOT_OBSERVED, NO_REFERENCE).astype(np.uint8)
    out[known] = table[mapped[known], reference[known]]
    return out


def _patches(errors: Codes) -> tuple[PatchCounts | None, PatchCounts | None]:
    if errors.size > MOST_PATCH_CELLS:
        return None, None
    return patch_counts(errors == MISS), patch_counts(errors == FALSE_ALARM)


def _probabilities(layer: LayerInput, rows: slice, columns: slice, reference: Codes) -> ProbabilityTally:
    chance = layer.window(rows, columns).astype(np.float64)
    if layer.units in {"%", "percent"}:
        chance = chance / 100.0
    known = np.isfinite(chance) & (reference < 2)
    return tally_probabilities(chance[known], reference[known] == 1)
