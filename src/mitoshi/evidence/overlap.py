"""Whether several files of one argument agree where they overlap: of two that do not, the first would win silently."""

from __future__ import annotations

from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mitoshi.core.quantity import Raster
    from mitoshi.evidence.frame import Frame
    from mitoshi.evidence.inputs import Given

__all__ = ["overlaps"]

WINDOWS = 4
"""Windows along each side of an overlap; with `SIDE` it bounds what is read."""
SIDE = 16
"""Pixels along each side of a window."""
PAIRS = 8
"""Overlapping pairs of files that are compared for one argument, in the order given."""
NAMED = 0.01
"""Share of differing cells from which the difference is named (an assumption: less is the seam of two slices)."""
REFUSED = 0.5
"""Share above which the files are held to be two observations: unchanged ground seen twice differs by more than its
median neighbour in half of its cells where the noise is independent, and hardly anywhere where it is one recording."""
RESOLUTION = 0.001
"""Part of the typical value that never counts as a difference (an assumption: rounding and resampling on even ground)."""


def overlaps(given: Mapping[str, tuple[Given, ...]], frame: Frame) -> tuple[Text, ...]:
    """Compare the files of every argument in their overlaps, on a bounded sample of windows that lie on a fixed raster.

    Codes differ where they are unequal; other values where they are further apart than the median of neighbouring cells
    in the first file, which holds its noise.

    Returns
    -------
    A sentence for each pair of files that differ in part.

    Raises
    ------
    InputError
        If two files differ in more than half of the cells that both observed.
    """
    found: list[Text] = []
    for name, group in given.items():
        argument = group[0].argument
        if argument.is_features or argument.need.is_stack:
            continue
        pairs = ((a, b, w) for a, b in combinations(group, 2) if (w := _windows(a.layer, b.layer, frame.geobox)))
        found += [t for a, b, w in islice(pairs, PAIRS) if (t := _compared(name, (a, b), w, frame.geobox))]
    return tuple(found)


def _pixels(layer: Raster, grid: GeoBox) -> tuple[int, int, int, int]:
    """Return the rows and columns (top, bottom, left, right) of the grid that a layer's extent reaches."""
    from mitoshi.cube.grid import geobox_of

    own, (height, width) = geobox_of(layer), (int(grid.shape[0]), int(grid.shape[1]))
    if own is None or own.crs is None or grid.crs is None:
        return 0, height, 0, width
    box = own.extent.to_crs(grid.crs).boundingbox
    corners = [~grid.affine @ (x, y) for x in (box.left, box.right) for y in (box.bottom, box.top)]
    columns, rows = zip(*corners, strict=True)
    return (
        max(0, round(min(rows))),
        min(height, round(max(rows))),
        max(0, round(min(columns))),
        min(width, round(max(columns))),
    )


def _windows(a: Raster, b: Raster, grid: GeoBox) -> list[tuple[slice, slice]]:
    first, second = _pixels(a, grid), _pixels(b, grid)
    rows = _spread(max(first[0], second[0]), min(first[1], second[1]))
    columns = _spread(max(first[2], second[2]), min(first[3], second[3]))
    return [(y, x) for y in rows for x in columns]


def _spread(start: int, stop: int) -> list[slice]:
    """Return at most `WINDOWS` slices that divide an interval evenly."""
    if stop - start <= WINDOWS * SIDE:
        return [slice(start, stop)] if stop > start else []
    starts = (int(n) for n in np.linspace(start, stop - SIDE, WINDOWS))
    return [slice(n, n + SIDE) for n in starts]


def _compared(
    name: str, pair: tuple[Given, Given], windows: Sequence[tuple[slice, slice]], grid: GeoBox
) -> Text | None:
    from mitoshi.cube import align

    placed = align({"a": pair[0].layer, "b": pair[1].layer}, grid)
    a, b = placed["a"], placed["b"]
    if a is None or b is None or a.shape != b.shape:
        return None  # the mosaic refuses them
    apart, steps, size = _differences(a, b, windows)
    if not apart.size:
        return None
    coded = not np.issubdtype(a.dtype, np.floating)
    noise = 0.0 if coded else max(float(np.median(steps)) if steps.size else 0.0, RESOLUTION * size)
    differs = apart > noise
    share = float(differs.mean())
    if share < NAMED:
        return None
    return _said(
        name, (pair[0].root.name, pair[1].root.name), share, None if coded else float(np.median(apart[differs])), a
    )


def _differences(
    a: Raster, b: Raster, windows: Sequence[tuple[slice, slice]]
) -> tuple[NDArray[Any], NDArray[Any], float]:
    """Return |a - b| where both observed, |a - its right neighbour|, and the median of |a|."""
    from mitoshi.cube.alignment import missing_value

    apart, steps, sizes = [], [], []
    for y, x in windows:
        values = [layer[..., y, x].to_numpy() for layer in (a, b)]
        first, second = (np.where(v == missing_value(v.dtype), np.nan, v).astype(np.float64) for v in values)
        seen = np.isfinite(first) & np.isfinite(second)
        apart.append(np.abs(first - second)[seen])
        sizes.append(np.abs(first[seen]))
        step = np.abs(np.diff(first, axis=-1)).ravel()
        steps.append(step[np.isfinite(step)])
    size = np.concatenate(sizes)
    return np.concatenate(apart), np.concatenate(steps), float(np.median(size)) if size.size else 0.0


def _said(name: str, files: tuple[str, str], share: float, size: float | None, layer: Raster) -> Text:
    one, other = files
    units = str(layer.attrs.get("units", "")).removeprefix("1")
    by = "" if size is None else f" by {size:.3g} {units}".rstrip()
    by_ja = "" if size is None else f"（差の中央値 {size:.3g} {units}".rstrip() + "）"
    if share > REFUSED:
        raise InputError(
            f"{name}: {one} and {other} contradict each other in {100 * share:.0f} % of the cells that both observed{by}; "
            "give one of them, or files of one observation that lie side by side"
        )
    return Text(
        f"{name}: {one} and {other} differ in {100 * share:.0f} % of the sampled cells of their overlap{by}; "
        f"{one} is used there",
        f"{name}：{one} と {other} は、重なる範囲から抽出した画素の {100 * share:.0f} % で値が異なります{by_ja}。"
        f"そこでは {one} を使用します",
    )
