"""Where matched and unmatched features lie, drawn for the map of a comparison of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.core.product import Coded, CodedClass
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

    from mitoshi.core.features import Features

    Codes = np.ndarray[Any, np.dtype[np.uint8]]
    Integers = np.ndarray[Any, np.dtype[np.int64]]

__all__ = ["MATCHES", "Sketch", "sketch"]

LONGEST = 1200  # cells of the longer side
MARGIN = 0.03  # of the extent, around it
MISSING = 255
GROUND, BOTH, MISS, FALSE_ALARM, NOT_OBSERVED, NEITHER, ONLY_PRODUCT, ONLY_REFERENCE = range(8)

MATCHES = Coded(
    Text("features and their partners", "地物の対応"),
    (
        CodedClass(BOTH, Text("positive in both", "双方とも該当"), "#0072b2"),
        CodedClass(MISS, Text("miss", "見逃し"), "#d55e00"),
        CodedClass(FALSE_ALARM, Text("false alarm", "誤警報"), "#f0c800"),
        CodedClass(NEITHER, Text("positive in neither", "双方とも非該当"), "#7fb08a"),
        CodedClass(ONLY_PRODUCT, Text("only in the product", "プロダクトのみ"), "#8c6bb1"),
        CodedClass(ONLY_REFERENCE, Text("only in the reference", "参照データのみ"), "#e78ac3"),
        CodedClass(NOT_OBSERVED, Text("not observed", "未観測"), "#9a9a9a"),
        CodedClass(GROUND, Text("no feature", "地物なし"), "#f2efe6"),
    ),
    nodata=NOT_OBSERVED,
    no_uncertainty=Text("a comparison", "比較の結果"),
)


class Sketch(NamedTuple):
    """Codes of `MATCHES` on a grid."""

    codes: Codes
    grid: GeoBox


def sketch(
    product: Features,
    reference: Features,
    numbers: tuple[Codes, Codes],
    pairs: tuple[Integers, Integers],
    positive: np.ndarray[Any, np.dtype[np.bool_]],
) -> Sketch | None:
    """Return features coloured by how they compare; None where they have no extent.

    Parameters
    ----------
    product, reference
        In one CRS.
    numbers
        Class numbers of both, 255 where missing.
    pairs
        Rows that belong together.
    positive
        Which classes are positive, (classes,).
    """
    from affine import Affine
    from odc.geo.geobox import GeoBox

    bounds = np.stack([product.total_bounds, reference.total_bounds])
    (west, south), (east, north) = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    side = max(east - west, north - south) * (1 + 2 * MARGIN) / LONGEST
    if not np.isfinite(side) or side <= 0:
        return None
    rim = MARGIN * LONGEST * side
    shape = tuple(int(np.ceil((high - low + 2 * rim) / side)) for low, high in ((south, north), (west, east)))
    grid = GeoBox((shape[0], shape[1]), Affine(side, 0, west - rim, 0, -side, north + rim), product.crs)
    alone = np.ones(len(reference), bool)
    alone[pairs[1]] = False
    codes = np.full(grid.shape, GROUND, np.uint8)
    _draw(codes, grid, np.asarray(reference.geometry)[alone], np.full(int(alone.sum()), ONLY_REFERENCE))
    _draw(codes, grid, np.asarray(product.geometry), _of_product(numbers, pairs, positive))
    return Sketch(codes, grid)


def _of_product(
    numbers: tuple[Codes, Codes],
    pairs: tuple[Integers, Integers],
    positive: np.ndarray[Any, np.dtype[np.bool_]],
) -> Codes:
    mapped, truth = (np.append(positive, False)[np.where(n == MISSING, positive.size, n)] for n in numbers)
    table = np.array([[NEITHER, MISS], [FALSE_ALARM, BOTH]], np.uint8)
    codes = np.full(numbers[0].size, ONLY_PRODUCT, np.uint8)
    codes[pairs[0]] = table[mapped[pairs[0]].astype(int), truth[pairs[1]].astype(int)]
    codes[pairs[0][numbers[1][pairs[1]] == MISSING]] = ONLY_PRODUCT  # the partner says nothing
    codes[numbers[0] == MISSING] = NOT_OBSERVED
    return codes


def _draw(codes: Codes, grid: GeoBox, shapes: Any, values: Any) -> None:
    from rasterio.features import rasterize

    from mitoshi.core.places import finite_places

    known = np.flatnonzero(finite_places(shapes))
    if known.size:
        drawn = [(shapes[n], int(values[n])) for n in known if not shapes[n].is_empty]
        rasterize(drawn, out=codes, transform=grid.affine, all_touched=True)
