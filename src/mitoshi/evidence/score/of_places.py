"""Score features against a raster: each feature takes the class of the raster that has the largest share of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.product import Coded, Listed
from mitoshi.evidence.score import notes as notes
from mitoshi.evidence.score.classes import MISSING, Classes, Codebook, classes_of, codebook, parse_map
from mitoshi.evidence.score.grid import features_on, overlap
from mitoshi.evidence.score.inputs import FeatureInput, LayerInput, Product
from mitoshi.evidence.score.listed import class_column, classes_of_column, tally_listed
from mitoshi.evidence.score.result import Kind, Score, Settings
from mitoshi.evidence.score.shared import digests, refuse_nothing
from mitoshi.evidence.score.sketch import sketch
from mitoshi.evidence.score.zones import codes_in

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

    from mitoshi.core.features import Features
    from mitoshi.evidence.score.coded import Progress

    Codes = np.ndarray[Any, np.dtype[np.uint8]]

__all__ = ["classes_at", "refuse_beside", "score_places"]

MOST_CELLS, MOST_FEATURES = 64_000_000, 200_000  # read at once; visited one by one
FINE = 5  # points per axis at which a cell is tested against a feature


def score_places(
    kind: Kind, product: Product, reference: LayerInput | FeatureInput, settings: Settings, progress: Progress
) -> Score:
    """Return the score of features against a raster, or of a raster against features.

    Raises
    ------
    InputError
        If neither is a raster, a class is not said, or there is too much of either.
    """
    refuse_beside(settings)
    progress(0, 1, "features")
    source = product.source
    if isinstance(source, FeatureInput) and isinstance(reference, LayerInput):
        layer = product.layer if isinstance(product.layer, Listed) else None
        default = layer.class_column if layer is not None and layer.class_column else None
        codes = class_column(source, settings.product_column, default, "--product-column")
        classes, book = classes_of_column(product, codes, settings)
        truth_book = codebook(parse_map(settings.mapping, "--map"), classes, reference.name, "--map")
        features, raster = source, reference
        mapped, truth = book(codes), classes_at(source, reference, truth_book)
    elif isinstance(source, LayerInput) and isinstance(reference, FeatureInput):
        classes, book = _of_raster(product, source, settings)
        truth_book = codebook(parse_map(settings.mapping, "--map"), classes, reference.name, "--map")
        features, raster = reference, source
        truth = truth_book(class_column(reference, settings.column, None, "--column"))
        mapped = classes_at(reference, source, book)
    else:
        raise InputError("features are compared with a raster here; give one of each")
    refuse_nothing(float((truth != MISSING).sum()), reference.name)
    rows = np.arange(len(features.features))
    tally = tally_listed(mapped, truth, (rows, rows), len(classes.codes))
    placed = features_on(features, raster.grid)
    drawn = sketch(placed, placed, (mapped, truth), (rows, rows), classes.is_positive)
    files = digests(product, reference, None, settings)
    said = notes.of_places(tally, classes, raster.name)
    return Score(kind, settings, product, reference, tally, files, said, classes=classes, sketch=drawn)


def refuse_beside(settings: Settings) -> None:
    """Refuse what features are not compared with, so that nobody takes it for done.

    Raises
    ------
    InputError
        If a baseline, zones or an area of the reference are given.
    """
    given = {"--baseline": settings.baseline, "--zones": settings.zones, "--reference-area": settings.reference_area}
    for option, value in given.items():
        if value is not None:
            raise InputError(f"{option} is for rasters; features are compared one by one: leave it out")


def _of_raster(product: Product, source: LayerInput, settings: Settings) -> tuple[Classes, Codebook]:
    meaning = parse_map(settings.product_map, "--product-map")
    layer = product.layer if isinstance(product.layer, Coded) else None
    codes = codes_in(source) if layer is None and meaning is None else set()
    classes = replace(classes_of(layer, codes, meaning, settings.positive), ordered=settings.ordered)
    missing = () if layer is None else (layer.nodata,)
    return classes, codebook(meaning, classes, source.name, "--product-map", missing)


def classes_at(found: FeatureInput, raster: LayerInput, book: Codebook) -> Codes:
    """Return the class number of each feature in a raster: the class with the largest share of it, the lower one of two equal.

    Parameters
    ----------
    found
        Polygons or points; of other geometries nothing is known.
    raster
        Of codes.
    book
        Of the raster.

    Returns
    -------
    ndarray
        `MISSING` where the raster states no class in the feature, (features,).

    Raises
    ------
    InputError
        If they do not overlap, or there is too much of either.
    """
    part = overlap(raster, found)
    if part.shape[0] * part.shape[1] > MOST_CELLS or len(found.features) > MOST_FEATURES:
        raise InputError(
            f"{found.name} has {len(found.features)} features over {part.shape[0] * part.shape[1] / 1e6:.0f} megapixels of "
            f"{raster.name}; at most {MOST_FEATURES} over {MOST_CELLS // 1_000_000} are compared: cut a part out"
        )
    numbers = book(raster.window(part.rows, part.columns))
    shapes = _in_cells(features_on(found, raster.grid), raster.grid, (part.rows.start, part.columns.start))
    return np.array([_largest(shape, numbers) for shape in shapes], np.uint8)


def _in_cells(features: Features, grid: GeoBox, corner: tuple[int, int]) -> np.ndarray[Any, Any]:
    """Return geometries in columns and rows from a corner of the grid."""
    import shapely

    back = ~grid.affine

    def cells(xy: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        x, y = xy[:, 0], xy[:, 1]
        across, down = back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f
        return np.stack([across - corner[1], down - corner[0]], axis=-1)

    shapes = np.asarray(features.geometry.to_numpy(), object)
    return np.asarray(shapely.transform(shapes, cells), object)


def _largest(shape: Any, numbers: Codes) -> int:
    """Return the class with the largest share of a shape in cells."""
    if shape is None or shape.is_empty or not np.isfinite(shape.bounds).all():
        return MISSING
    left, top, right, bottom = shape.bounds
    rows, columns = (_span(*ends) for ends in ((top, bottom, numbers.shape[0]), (left, right, numbers.shape[1])))
    window = numbers[rows, columns]
    if not window.size:
        return MISSING
    counts = np.bincount(
        window.ravel(), _weights(shape, window.shape, (rows.start, columns.start)).ravel(), MISSING + 1
    )
    counts = counts[:MISSING]
    return int(np.argmax(counts)) if counts.any() else MISSING


def _span(low: float, high: float, size: int) -> slice:
    """Return the cells between two places, of a place the one that it lies in; none beyond the grid."""
    first = int(np.floor(low))
    start, stop = max(0, first), min(size, max(first + 1, int(np.ceil(high))))
    return slice(start, max(start, stop))


def _weights(shape: Any, size: tuple[int, int], corner: tuple[int, int]) -> np.ndarray[Any, Any]:
    """Return how many of the points of each cell lie in a shape; 1 in all of them for a point or a polygon between points."""
    from affine import Affine
    from rasterio.features import rasterize

    if shape.geom_type not in {"Polygon", "MultiPolygon"}:
        return np.full(size, float(shape.geom_type == "Point"))
    affine = Affine.translation(corner[1], corner[0]) @ Affine.scale(1.0 / FINE)
    fine = rasterize([(shape, 1)], (size[0] * FINE, size[1] * FINE), transform=affine, dtype="uint8")
    counts = fine.reshape(size[0], FINE, size[1], FINE).sum(axis=(1, 3), dtype=np.float64)
    return counts if counts.any() else np.ones(size)
