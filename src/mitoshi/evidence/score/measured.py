"""Errors of measured values against a raster or points, and whether their stated uncertainty covers them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError, QuantityError, misspelt
from mitoshi.core.quantity import factor
from mitoshi.evidence.score.coded import blocks_of
from mitoshi.evidence.score.grid import check_georeference, features_on
from mitoshi.methods.statistics.coverage import Coverage, empty_coverage, interval_coverage
from mitoshi.methods.statistics.differences import Differences, differences, median_absolute_deviation

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitoshi.evidence.score.grid import Overlap
    from mitoshi.evidence.score.inputs import FeatureInput, LayerInput
    from mitoshi.evidence.score.zones import Zones

    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Singles = np.ndarray[Any, np.dtype[np.float32]]
    Progress = Callable[[int, int, str], None]

__all__ = [
    "MeasuredScene",
    "MeasuredTally",
    "PointValues",
    "conversion",
    "point_values",
    "tally_points",
    "unit_of_column",
]

SUFFIXES = {
    "_m": "m",
    "_cm": "cm",
    "_mm": "mm",
    "_ft": "foot",
    "_km": "km",
    "_k": "K",
    "_degc": "degC",
    "_deg": "degree",
}


@dataclass(frozen=True)
class MeasuredTally:
    """Sums over the cells or points of one comparison; those of several are added, but not the median.

    Attributes
    ----------
    differences
        Product minus reference.
    deviation
        Median absolute deviation of the differences; NaN for a sum of several comparisons.
    coverage
        Of the product's standard uncertainty; None where there is none.
    unobserved
        Cells or points with a reference but without a value.
    unreferenced
        Cells with a value but without a reference, in the compared part.
    zones
        Differences by name of the zone.
    """

    differences: Differences
    deviation: float
    coverage: Coverage | None
    unobserved: int
    unreferenced: int
    zones: dict[str, Differences] = field(default_factory=dict)

    def __add__(self, other: MeasuredTally) -> MeasuredTally:
        """Return the sums over both."""
        none = Differences()
        both = None if self.coverage is None or other.coverage is None else self.coverage + other.coverage
        return MeasuredTally(
            self.differences + other.differences,
            float("nan"),
            both,
            self.unobserved + other.unobserved,
            self.unreferenced + other.unreferenced,
            {n: self.zones.get(n, none) + other.zones.get(n, none) for n in (*self.zones, *other.zones)},
        )


def conversion(stated: str, wanted: str, name: str) -> tuple[float, float]:
    """Return scale and offset that turn stated units into those of the product.

    Raises
    ------
    QuantityError
        If no unit is stated where the product has one, or it is of another dimension.
    """
    if not wanted:
        raise QuantityError("the product states no unit, so nothing can be compared with it; state it with '#units=…'")
    if not stated:
        raise QuantityError(f"{name} states no unit and the product is in {wanted!r}; state it with '#units=…'")
    return (1.0, 0.0) if stated == wanted else factor(stated, wanted)


@dataclass(frozen=True)
class MeasuredScene:
    """What is compared on one grid.

    Attributes
    ----------
    product
        Gives the grid and the unit.
    reference
        On any grid; averaged over the product's cells where it is finer, interpolated where it is not.
    overlap
        The compared part.
    uncertainty
        Standard uncertainty of the product; None where there is none.
    zones
        By which errors are given, too.
    at_least
        Cells are compared where product or reference reaches this; None compares all.
    """

    product: LayerInput
    reference: LayerInput
    overlap: Overlap
    uncertainty: LayerInput | None = None
    zones: Zones | None = None
    at_least: float | None = None

    def tally(self, progress: Progress) -> tuple[MeasuredTally, Singles]:
        """Return the sums and the map of errors (product minus reference), NaN where there is none."""
        scale, offset = conversion(self.reference.units, self.product.units, self.reference.name)
        spread, _ = (1.0, 0.0) if self.uncertainty is None else self._spread(self.uncertainty)
        there = self._on_grid()
        errors = np.full(self.overlap.shape, np.nan, np.float32)
        sums = [Differences() for _ in (() if self.zones is None else self.zones.names)]
        total, covered, unobserved, unreferenced = Differences(), empty_coverage(), 0, 0
        for rows in blocks_of(self.overlap, progress):
            columns = self.overlap.columns
            value = self.product.window(rows, columns).astype(np.float64)
            truth = there.isel(y=rows, x=columns).to_numpy().astype(np.float64) * scale + offset
            if self.at_least is not None:
                with np.errstate(invalid="ignore"):
                    low = np.fmax(value, truth) < self.at_least
                value, truth = np.where(low, np.nan, value), np.where(low, np.nan, truth)
            error = value - truth
            unobserved += int((np.isfinite(truth) & ~np.isfinite(value)).sum())
            unreferenced += int((np.isfinite(value) & ~np.isfinite(truth)).sum())
            total += differences(error)
            errors[rows.start - self.overlap.rows.start : rows.stop - self.overlap.rows.start] = error
            if self.uncertainty is not None:
                covered += interval_coverage(error, spread * self.uncertainty.window(rows, columns))
            if self.zones is not None:
                number = self.zones.numbers(rows, columns)
                sums = [s + differences(error[number == n]) for n, s in enumerate(sums)]
        zones = {} if self.zones is None else dict(zip(self.zones.names, sums, strict=True))
        coverage = None if self.uncertainty is None else covered
        deviation = median_absolute_deviation(errors)
        return MeasuredTally(total, deviation, coverage, unobserved, unreferenced, zones), errors

    def _spread(self, uncertainty: LayerInput) -> tuple[float, float]:
        check_georeference(self.product, uncertainty)
        if uncertainty.shape != self.product.shape:
            raise InputError(
                f"{uncertainty.name} is {uncertainty.shape[0]} x {uncertainty.shape[1]} cells, the product "
                f"{self.product.shape[0]} x {self.product.shape[1]}; give the uncertainty on the product's grid"
            )
        return conversion(uncertainty.units, self.product.units, uncertainty.name)

    def _on_grid(self) -> Any:
        from mitoshi.cube import align

        check_georeference(self.product, self.reference)
        return align({self.reference.name: self.reference.raster}, self.product.grid)[self.reference.name]


@dataclass(frozen=True)
class PointValues:
    """Measured values at points.

    Attributes
    ----------
    names
        Of the points.
    truth
        In the product's unit, (points,).
    value, uncertainty
        Of the product's cell that the point lies in; NaN where not observed or outside.
    inside
        Whether the point lies on the product's grid.
    """

    names: tuple[str, ...]
    truth: Floats
    value: Floats
    uncertainty: Floats
    inside: np.ndarray[Any, np.dtype[np.bool_]]


def unit_of_column(found: FeatureInput, column: str) -> str:
    """Return the unit of a column: what the description says, else what its name ends in, else ""."""
    if found.units:
        return found.units
    lower = column.lower()
    return next((unit for suffix, unit in SUFFIXES.items() if lower.endswith(suffix)), "")


def point_values(
    product: LayerInput, uncertainty: LayerInput | None, found: FeatureInput, column: str | None
) -> PointValues:
    """Return the product's values at the points of a reference.

    Parameters
    ----------
    product, uncertainty
        Raster, and its standard uncertainty or None.
    found
        Points.
    column
        That holds the measured value.

    Raises
    ------
    InputError
        If there is no such column or its unit is not known.
    """
    import pandas as pd

    held = [str(c) for c in found.features.columns if c != found.features.geometry.name]
    if column is None or column not in held:
        said = "which column holds the measured value is not said" if column is None else ""
        raise InputError(
            f"{said or misspelt(f'column of {found.name}', column or '', held)}; give --column: {', '.join(held)}"
        )
    scale, offset = conversion(unit_of_column(found, column), product.units, f"column {column} of {found.name}")
    moved = features_on(found, product.grid)
    truth = pd.to_numeric(moved[column], errors="coerce").to_numpy(float, na_value=np.nan) * scale + offset
    x, y = moved.geometry.x.to_numpy(), moved.geometry.y.to_numpy()
    back = ~product.grid.affine
    across, down = back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f
    rows, columns = product.shape
    with np.errstate(invalid="ignore"):
        inside = (across >= 0) & (across < columns) & (down >= 0) & (down < rows)
    value, spread = np.full(len(moved), np.nan), np.full(len(moved), np.nan)
    for n in np.flatnonzero(inside):
        place = (slice(int(down[n]), int(down[n]) + 1), slice(int(across[n]), int(across[n]) + 1))
        value[n] = product.window(*place)[0, 0]
        if uncertainty is not None:
            factor_, _ = conversion(uncertainty.units, product.units, uncertainty.name)
            spread[n] = factor_ * uncertainty.window(*place)[0, 0]
    label = next((c for c in ("name", "id") if c in held), None)
    names = tuple(str(v) for v in (moved[label] if label else range(1, len(moved) + 1)))
    return PointValues(names, truth, value, spread, inside)


def tally_points(points: PointValues, *, uncertain: bool) -> MeasuredTally:
    """Return the sums over points with a value and a reference; the others are counted.

    Parameters
    ----------
    points
        From `point_values`.
    uncertain
        Whether the product states an uncertainty.
    """
    error = points.value - points.truth
    known = np.isfinite(points.truth)
    return MeasuredTally(
        differences(error),
        median_absolute_deviation(error),
        interval_coverage(error, points.uncertainty) if uncertain else None,
        int((known & ~np.isfinite(points.value)).sum()),
        int((~known).sum()),
    )
