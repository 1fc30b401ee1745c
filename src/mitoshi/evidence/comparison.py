"""Compare two bundles of one run: rasters pixel by pixel, figures number by number, the rest byte by byte."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from mitoshi.core.errors import MitoshiError
from mitoshi.core.product import Coded
from mitoshi.evidence.bundle import UNLISTED, list_files, read_json
from mitoshi.evidence.digest import file_digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from mitoshi.core.method import Method, Output
    from mitoshi.core.product import Measured

__all__ = ["ProductDifference", "compare_files", "compare_product", "compare_run", "sealed_content"]

Status = Literal["identical", "equivalent", "different"]
ROWS = 1024  # rows compared at once
FIGURE_TOLERANCE = 0.01  # relative, where the rasters are equivalent but not identical
# What says where and on what a bundle was made; it may differ without anything being wrong.
CIRCUMSTANCES = frozenset({"environment.json", "inputs/locations.json"})
# What is drawn or derived with libraries whose versions the environment states.
RENDERED = (".parquet", ".png", ".pdf", ".json", ".geojson")


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
        return _compared_lists(sealed, again, output)
    name = f"{output.name}.tif"
    try:
        with guard.open_raster(sealed / name) as one, guard.open_raster(again / name) as two:
            same_grid = one.crs == two.crs and one.transform == two.transform
            same_kind = (one.dtypes, one.shape) == (two.dtypes, two.shape)
            if not (same_grid and same_kind):
                return ProductDifference(name, "different")
            return _compared(one, two, output, method)
    except MitoshiError:
        return ProductDifference(name, "different")


def _compared_lists(sealed: Path, again: Path, output: Output) -> ProductDifference:
    from mitoshi.evidence.lists import compare_lists, read_list

    name = f"{output.name}.parquet"
    try:
        one, two = (read_list(folder / name) for folder in (sealed, again))
    except Exception:  # a sealed file is anybody's
        return ProductDifference(name, "different")
    found = compare_lists(one, two, output)
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


def sealed_content(sealed: Path, output: Output, run: Mapping[str, Any]) -> str | None:
    """Return one line if a bundle's product is not the one whose content ``run.json`` states."""
    if not output.is_raster:
        return _sealed_list(sealed, output, run)
    from mitoshi.core.grid import tiles
    from mitoshi.evidence.digest import BLOCK, block_digests, content_digest
    from mitoshi.evidence.layers import header_of
    from mitoshi.sensors import guard

    with guard.open_raster(sealed / f"{output.name}.tif") as dataset:
        windows = ((tile.write[0], tile.write[1]) for tile in tiles(dataset.shape, BLOCK))
        digests = [
            d for y, x in windows for d in block_digests(dataset.read(1, window=((y.start, y.stop), (x.start, x.stop))))
        ]
    stated = dict(dict(run.get("products") or {}).get(output.name) or {}).get("content_sha256")
    if content_digest({**header_of(output), **run["grid"]}, digests) == stated:
        return None
    return f"{output.name}.tif is not the layer whose content run.json states"


def _sealed_list(sealed: Path, output: Output, run: Mapping[str, Any]) -> str | None:
    import hashlib

    from mitoshi.evidence.digest import canonical_json
    from mitoshi.evidence.lists import read_list, table_digest

    table = table_digest(read_list(sealed / f"{output.name}.parquet"))
    head = canonical_json({"name": output.name, "crs": run["grid"]["crs"], "table": table})
    stated = dict(dict(run.get("products") or {}).get(output.name) or {}).get("content_sha256")
    if hashlib.sha256(head).hexdigest() == stated:
        return None
    return f"{output.name}.parquet is not the list whose content run.json states"


def compare_run(sealed: Mapping[str, Any], again: Mapping[str, Any], *, exact: bool) -> str | None:
    """Return one line about the first statement of ``run.json`` that a recomputation does not confirm.

    Parameters
    ----------
    sealed, again
        The two records.
    exact
        Whether the rasters came out identical; otherwise their digests and sums cannot agree, and are left to the rasters.
    """
    keys = sorted({*sealed, *again})
    free = {"survey_sha256", "totals", "products"}
    for key in keys:
        one, two = sealed.get(key), again.get(key)
        if key == "method":
            one, two = ({k: v for k, v in dict(m or {}).items() if k != "source_sha256"} for m in (one, two))
        if key == "survey_sha256" or (not exact and key in free):
            continue
        if one != two:
            return f"run.json says {key} {_short(one)}, the recomputation {_short(two)}"
    return None


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def compare_figures(sealed: Path, again: Path, *, exact: bool) -> str | None:
    """Return one line about the first figure that a recomputation does not confirm."""
    one, two = (read_json(p, "figures.json").get("figures") for p in (sealed, again))
    if one == two:
        return None
    if not isinstance(one, list) or not isinstance(two, list) or len(one) != len(two):
        return "figures.json lists other figures than the recomputation"
    for a, b in zip(one, two, strict=True):
        if a == b:
            continue
        if exact or not isinstance(a, dict) or not all(_near(a.get(k), b.get(k)) for k in ("value", "lower", "upper")):
            return f"figures.json says {_short(a)}, the recomputation {_short(b)}"
        if {**a, "value": 0, "lower": 0, "upper": 0} != {**b, "value": 0, "lower": 0, "upper": 0}:
            return f"figures.json describes {b.get('name')} in other words than the recomputation"
    return None


def _near(one: Any, two: Any) -> bool:
    if one is None or two is None:
        return one is two
    return isinstance(one, int | float) and math.isclose(one, two, rel_tol=FIGURE_TOLERANCE, abs_tol=1e-9)


def compare_files(sealed: Path, again: Path) -> list[str]:
    """Return one line for each file that is not the same to the byte; rasters, circumstances and the seal left out."""
    mine, other = ({k: v for k, v in list_files(p).items() if k not in UNLISTED} for p in (sealed, again))
    lines = []
    for name in sorted({*mine, *other} - CIRCUMSTANCES):
        if name not in other:
            lines.append(f"{name} is no part of the recomputed bundle")
        elif name not in mine:
            lines.append(f"{name} is missing")
        elif file_digest(mine[name]) != file_digest(other[name]):
            lines.append(f"{name} is not the file that the recomputation writes")
    return lines
