"""Compare products with their recomputation: rasters pixel by pixel, lists row by row, within the method's tolerance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from mitoshi.core.errors import MitoshiError
from mitoshi.core.product import Coded

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from mitoshi.core.method import Method, Output
    from mitoshi.core.product import Measured

__all__ = ["ProductDifference", "compare_product"]

Status = Literal["identical", "equivalent", "different"]
ROWS = 1024  # rows compared at once


@dataclass(frozen=True)
class ProductDifference:
    """How one raster compares.

    Attributes
    ----------
    name, status
        Which, and the verdict on it.
    pixels
        Number of pixels that differ.
    share
        The same as a share of all.
    largest
        Largest difference, in steps of the storage resolution for measures; 1 for codes.
    first
        (row, column, sealed value, value now) of the first difference in row-major order, or None.
    words
        The first difference of a list, in words.
    """

    name: str
    status: Status
    pixels: int = 0
    share: float = 0.0
    largest: float = 0.0
    first: tuple[int, int, float, float] | None = None
    words: str = ""

    def line(self) -> str:
        """Return one line for people."""
        if self.words:
            return self.words
        if self.first is None:
            return f"{self.name} cannot be compared" if self.status == "different" else f"{self.name} is identical"
        row, column, sealed, now = self.first
        return (
            f"{self.name} differs at row {row}, column {column}: {sealed:g} in the bundle, {now:g} now "
            f"({self.pixels} pixels, {self.share:.3%}, at most {self.largest:g} steps)"
        )


def compare_product(sealed: Path, again: Path, output: Output, method: Method[..., Any]) -> ProductDifference:
    """Compare one product with its recomputation, within the method's tolerance."""
    from mitoshi.sensors import guard

    if not output.is_raster:
        return _compared_lists(sealed, again, output, method)
    name = f"{output.name}.tif"
    try:
        with guard.open_raster(sealed / name) as one, guard.open_raster(again / name) as two:
            same_grid = one.crs == two.crs and one.transform == two.transform
            same_kind = (one.dtypes, one.shape) == (two.dtypes, two.shape)
            if not (same_grid and same_kind):
                return ProductDifference(name, "different")
            return _compared(one, two, output, method)
    except (MitoshiError, OSError, ValueError):  # rasterio's errors of a truncated file are both
        return ProductDifference(name, "different")


def _compared_lists(sealed: Path, again: Path, output: Output, method: Method[..., Any]) -> ProductDifference:
    from mitoshi.evidence.lists import compare_lists, read_list

    name = f"{output.name}.parquet"
    try:
        one, two = (read_list(folder / name) for folder in (sealed, again))
    except Exception:  # a sealed file is anybody's
        return ProductDifference(name, "different")
    found = compare_lists(one, two, output, method.tolerance.steps)
    return ProductDifference(name, cast("Status", found.status), words=found.line)


def _compared(one: Any, two: Any, output: Output, method: Method[..., Any]) -> ProductDifference:
    from rasterio.windows import Window

    step = 1.0 if isinstance(output.layer, Coded) else cast("Measured", output.layer).resolution
    allowed = 0.0 if isinstance(output.layer, Coded) else method.tolerance.steps
    pixels = beyond = 0
    largest, first = 0.0, None
    rows, columns = one.shape
    for row in range(0, rows, ROWS):
        window = Window(0, row, columns, min(ROWS, rows - row))
        a, b = one.read(1, window=window), two.read(1, window=window)
        differs = ~((a == b) | (np.isnan(a) & np.isnan(b))) if a.dtype.kind == "f" else a != b
        if not differs.any():
            continue
        if first is None:
            y, x = (int(v) for v in np.argwhere(differs)[0])
            first = (row + y, x, float(a[y, x]), float(b[y, x]))
        steps = _steps(a[differs], b[differs], step, coded=isinstance(output.layer, Coded))
        pixels += int(differs.sum())
        beyond += int((steps > allowed * (1 + 1e-3)).sum())  # a hair for the rounding of float32
        largest = max(largest, float(steps.max()))
    share = pixels / (rows * columns)
    within = beyond <= method.tolerance.pixels * rows * columns
    status: Status = "identical" if not pixels else "equivalent" if within else "different"
    return ProductDifference(f"{output.name}.tif", status, pixels, share, round(largest, 3), first)


def _steps(a: npt.NDArray[Any], b: npt.NDArray[Any], step: float, *, coded: bool) -> npt.NDArray[np.float64]:
    if coded:
        return np.ones(a.shape)
    distance = np.abs(a.astype(np.float64) - b.astype(np.float64)) / step
    return np.where(np.isfinite(distance), distance, np.inf)
