"""Compare products with their recomputation: rasters pixel by pixel, lists row by row, within the method's tolerance."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from mitoshi.core.errors import MitoshiError, RefusedError
from mitoshi.core.isolation import attempt
from mitoshi.core.product import Coded
from mitoshi.evidence.sealed_files import oversized

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from mitoshi.core.method import Method, Output
    from mitoshi.core.product import Measured

__all__ = ["ProductDifference", "compare_product", "file_name"]

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


def file_name(output: Output) -> str:
    """Return the name of a product's file."""
    return f"{output.name}.tif" if output.is_raster else f"{output.name}.parquet"


def compare_product(sealed: Path, again: Path, output: Output, method: Method[..., Any]) -> ProductDifference:
    """Compare one product with its recomputation, within the method's tolerance.

    Raises
    ------
    RefusedError
        If the sealed product is not safe to read.
    """
    name = file_name(output)
    large = oversized(name, sealed / name, (again / name).stat().st_size)
    if large is not None:
        return ProductDifference(name, "different", words=f"{name} {large.words}")
    compared = _compared_rasters if output.is_raster else _compared_lists
    return compared(sealed / name, again / name, output, method)


def _compared_rasters(sealed: Path, again: Path, output: Output, method: Method[..., Any]) -> ProductDifference:
    from mitoshi.sensors import guard

    try:
        with ExitStack() as stack:
            with attempt(sealed):
                one = stack.enter_context(guard.open_raster(sealed))
            two = stack.enter_context(guard.open_raster(again))
            same_grid = one.crs == two.crs and one.transform == two.transform
            same_kind = (one.dtypes, one.shape) == (two.dtypes, two.shape)
            if not (same_grid and same_kind):
                return ProductDifference(sealed.name, "different")
            return _compared(one, two, output, method, sealed)
    except RefusedError:
        raise
    except MitoshiError as error:
        return ProductDifference(sealed.name, "different", words=str(error))
    except (OSError, ValueError):  # rasterio's errors of a truncated file are both
        return ProductDifference(sealed.name, "different")


def _compared_lists(sealed: Path, again: Path, output: Output, method: Method[..., Any]) -> ProductDifference:
    from mitoshi.evidence.lists import compare_lists, read_list

    try:
        one, two = read_list(sealed), read_list(again)
    except RefusedError:
        raise
    except MitoshiError as error:
        return ProductDifference(sealed.name, "different", words=str(error))
    except Exception:  # a sealed file is anybody's
        return ProductDifference(sealed.name, "different")
    found = compare_lists(one, two, output, method.tolerance.steps)
    return ProductDifference(sealed.name, cast("Status", found.status), words=found.line)


def _compared(one: Any, two: Any, output: Output, method: Method[..., Any], sealed: Path) -> ProductDifference:
    from rasterio.windows import Window

    step = 1.0 if isinstance(output.layer, Coded) else cast("Measured", output.layer).resolution
    allowed = 0.0 if isinstance(output.layer, Coded) else method.tolerance.steps
    pixels = beyond = 0
    largest, first = 0.0, None
    sealed_range, again_range = _Range(), _Range()
    rows, columns = one.shape
    for row in range(0, rows, ROWS):
        window = Window(0, row, columns, min(ROWS, rows - row))
        with attempt(sealed):
            a = one.read(1, window=window)
        b = two.read(1, window=window)
        differs = ~((a == b) | (np.isnan(a) & np.isnan(b))) if a.dtype.kind == "f" else a != b
        again_range.add(b)
        if not differs.any():
            continue
        sealed_range.add(a[differs])
        if first is None:
            y, x = (int(v) for v in np.argwhere(differs)[0])
            first = (row + y, x, float(a[y, x]), float(b[y, x]))
        steps = _steps(a[differs], b[differs], step, coded=isinstance(output.layer, Coded))
        pixels += int(differs.sum())
        beyond += int((steps > allowed * (1 + 1e-3)).sum())  # a hair for the rounding of float32
        largest = max(largest, float(steps.max()))
    share = pixels / (rows * columns)
    # A pixel may fall on the other side of a threshold, but not outside what the computation gives anywhere.
    inside = again_range.holds(sealed_range, allowed * step * (1 + 1e-3))
    within = beyond <= method.tolerance.pixels * rows * columns and inside
    status: Status = "identical" if not pixels else "equivalent" if within else "different"
    return ProductDifference(f"{output.name}.tif", status, pixels, share, round(largest, 3), first)


class _Range:
    """Smallest and largest finite value seen."""

    def __init__(self) -> None:
        self.low, self.high = math.inf, -math.inf

    def add(self, values: npt.NDArray[Any]) -> None:
        finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        if finite.size:
            self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))

    def holds(self, other: _Range, margin: float) -> bool:
        """Tell whether another range lies in this one, or beyond it by no more than a margin."""
        return other.low >= self.low - margin and other.high <= self.high + margin


def _steps(a: npt.NDArray[Any], b: npt.NDArray[Any], step: float, *, coded: bool) -> npt.NDArray[np.float64]:
    if coded:
        return np.ones(a.shape)
    distance = np.abs(a.astype(np.float64) - b.astype(np.float64)) / step
    return np.where(np.isfinite(distance), distance, np.inf)
