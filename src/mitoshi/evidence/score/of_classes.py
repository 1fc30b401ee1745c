"""Score a map of classes, or a probability, against a raster or polygons."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.product import Coded, Listed
from mitoshi.evidence.score import notes as notes
from mitoshi.evidence.score.classes import (
    MISSING,
    Classes,
    Threshold,
    classes_of,
    codebook,
    parse_map,
    threshold_classes,
)
from mitoshi.evidence.score.coded import CodedScene
from mitoshi.evidence.score.figures import area_check
from mitoshi.evidence.score.grid import class_source, overlap, polygons
from mitoshi.evidence.score.inputs import FeatureInput, LayerInput, Product, open_input
from mitoshi.evidence.score.listed import class_column, classes_of_column
from mitoshi.evidence.score.of_places import score_places
from mitoshi.evidence.score.result import Kind, Score, Settings
from mitoshi.evidence.score.shared import digests, opened_baseline, placed, refuse_nothing
from mitoshi.evidence.score.zones import codes_in, zones_of

if TYPE_CHECKING:
    from mitoshi.evidence.score.coded import Progress
    from mitoshi.evidence.score.grid import ClassSource, Overlap

__all__ = ["score_coded"]


def score_coded(
    kind: Kind, product: Product, reference: LayerInput | FeatureInput, settings: Settings, progress: Progress
) -> Score:
    """Return the score of a map of classes or of a probability; see `mitoshi.evidence.score.score`."""
    if isinstance(reference, FeatureInput) and reference.points:
        if kind == "probability":
            raise InputError(f"{reference.name} holds points; a probability is compared with a raster or with polygons")
        return score_places("listed", product, reference, settings, progress)
    area = None if settings.reference_area is None else _features(settings.reference_area)
    base = _base(product, reference)
    scene = _scene(kind, product, reference, settings, area, base)
    tally, errors = scene.tally(progress)
    refuse_nothing(float(tally.cells[:, :-1].sum()), reference.name)
    part, classes = scene.overlap, scene.classes
    share = part.shape[0] * part.shape[1] / (base.shape[0] * base.shape[1])
    checks, more = area_check(product, tally, classes, share)
    baseline, other = opened_baseline(settings), None
    if baseline is not None:
        rival = _mapped(kind, baseline, classes, settings, base)
        other, _ = replace(scene, product=rival, probability=_chance(kind, baseline, base)).tally(progress)
    said = notes.of_classes(
        scene,
        base,
        tally,
        area,
        (product.source.name, reference.name),
        columns=(_class_column(product, settings), settings.column),
        thresholded=kind == "probability",
    )
    return Score(
        kind,
        settings,
        product,
        reference,
        tally,
        digests(product, reference, baseline, settings),
        (*said, *more),
        baseline,
        other,
        classes,
        checks=checks,
        grid=base.grid,
        overlap=part,
        errors=errors,
    )


def _scene(
    kind: Kind,
    product: Product,
    reference: LayerInput | FeatureInput,
    settings: Settings,
    area: FeatureInput | None,
    base: LayerInput,
) -> CodedScene:
    part = overlap(base, reference, area)
    classes = _classes(kind, product, settings, part)
    return CodedScene(
        _mapped(kind, product, classes, settings, base),
        _truth(reference, classes, settings, area, base),
        classes,
        base.grid,
        part,
        _chance(kind, product, base),
        None if settings.zones is None else zones_of(open_input(settings.zones), base, settings.zone_column),
    )


def _features(source: str) -> FeatureInput:
    found = open_input(source)
    if isinstance(found, LayerInput):
        raise InputError(f"{found.name} is a raster; give polygons")
    return found


def _base(product: Product, reference: LayerInput | FeatureInput) -> LayerInput:
    """Return the raster whose grid is compared on: the product's, or the reference's where the product is polygons."""
    if isinstance(product.source, LayerInput):
        return product.source
    if isinstance(reference, LayerInput):
        return reference
    raise InputError("neither the product nor the reference is a raster, so there is no grid; say --kind listed")


def _classes(kind: Kind, product: Product, settings: Settings, part: Overlap) -> Classes:
    if kind == "probability":
        return threshold_classes(settings.threshold)
    source = product.source
    if isinstance(source, FeatureInput):
        numbers = _column_of(product, settings)
        return classes_of_column(product, numbers, settings)[0] if numbers is not None else _two(settings)
    meaning = parse_map(settings.product_map, "--product-map")
    layer = product.layer if isinstance(product.layer, Coded) else None
    codes = codes_in(source, part.rows, part.columns) if layer is None and meaning is None else set()
    return replace(classes_of(layer, codes, meaning, settings.positive), ordered=settings.ordered)


def _two(settings: Settings) -> Classes:
    """Return the classes of polygons that all are positive."""
    return classes_of(None, {0, 1}, parse_map(settings.product_map, "--product-map"), settings.positive)


def _column_of(product: Product, settings: Settings) -> np.ndarray[Any, Any] | None:
    """Return the codes of a product of features, None where no column holds them and every feature is positive."""
    name = _class_column(product, settings)
    if not isinstance(product.source, FeatureInput) or name is None:
        return None
    return np.asarray(class_column(product.source, name, None, "--product-column"))


def _class_column(product: Product, settings: Settings) -> str | None:
    """Return the name of the column that holds the class of a product of features."""
    declared = product.layer.class_column if isinstance(product.layer, Listed) else ""
    return settings.product_column or declared or None


def _mapped(kind: Kind, product: Product, classes: Classes, settings: Settings, base: LayerInput) -> ClassSource:
    """Return the class numbers of a product, or of the baseline."""
    source = product.source
    if isinstance(source, FeatureInput):
        negative, positive = _signs(classes)
        codes = _column_of(product, settings)
        if codes is None:
            return polygons(source, np.full(len(source.features), positive), None, base.grid, negative)
        numbers = classes_of_column(product, codes, settings)[1](codes).astype(int)
        return polygons(source, numbers, None, base.grid, classes.codes.index(0) if 0 in classes.codes else MISSING)
    if kind == "probability":
        return class_source(source, Threshold(settings.threshold, source.units == "percent"), base)
    missing = (product.layer.nodata,) if isinstance(product.layer, Coded) else ()
    book = codebook(parse_map(settings.product_map, "--product-map"), classes, source.name, "--product-map", missing)
    return class_source(source, book, base)


def _signs(classes: Classes) -> tuple[int, int]:
    """Return the numbers of the first negative and the first positive class."""
    return int(np.argmin(classes.is_positive)), int(np.argmax(classes.is_positive))


def _truth(
    reference: LayerInput | FeatureInput,
    classes: Classes,
    settings: Settings,
    area: FeatureInput | None,
    base: LayerInput,
) -> ClassSource:
    book = codebook(parse_map(settings.mapping, "--map"), classes, reference.name, "--map")
    if isinstance(reference, LayerInput):
        return class_source(reference, book, base)
    negative, positive = _signs(classes)
    numbers = np.full(len(reference.features), positive)
    if settings.column is not None:
        numbers = book(class_column(reference, settings.column, None, "--column")).astype(int)
    return polygons(reference, numbers, area, base.grid, negative)


def _chance(kind: Kind, product: Product, base: LayerInput) -> LayerInput | None:
    """Return the probability of a product on the grid of the comparison."""
    layer = product.source if kind == "probability" else product.uncertainty
    if not isinstance(layer, LayerInput) or (
        product.layer is not None and kind == "coded" and layer.quantity != "probability"
    ):
        return None
    return placed(layer, base)
