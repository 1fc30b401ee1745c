"""Score a list of features with a class against another one, or against a raster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mitoshi.core.errors import InputError
from mitoshi.core.product import Listed
from mitoshi.evidence.score import notes as notes
from mitoshi.evidence.score.classes import codebook, parse_map
from mitoshi.evidence.score.inputs import FeatureInput, LayerInput, Product
from mitoshi.evidence.score.listed import Match, class_column, classes_of_column, match, on_one_crs, tally_listed
from mitoshi.evidence.score.of_places import refuse_beside, score_places
from mitoshi.evidence.score.result import Kind, Score, Settings
from mitoshi.evidence.score.shared import digests
from mitoshi.evidence.score.sketch import sketch

if TYPE_CHECKING:
    from mitoshi.evidence.score.coded import Progress

__all__ = ["score_listed"]


def score_listed(
    kind: Kind, product: Product, reference: LayerInput | FeatureInput, settings: Settings, progress: Progress
) -> Score:
    """Return the score of a list of features; see `mitoshi.evidence.score.score`."""
    progress(0, 1, "features")
    if isinstance(product.source, LayerInput) and isinstance(reference, LayerInput):
        raise InputError("lists are compared with lists or with a raster; give a file of features, or say --kind coded")
    if not isinstance(product.source, FeatureInput) or not isinstance(reference, FeatureInput):
        return score_places(kind, product, reference, settings, progress)
    refuse_beside(settings)
    layer = product.layer if isinstance(product.layer, Listed) else None
    default = layer.class_column if layer is not None and layer.class_column else None
    codes = class_column(product.source, settings.product_column, default, "--product-column")
    classes, book = classes_of_column(product, codes, settings)
    truth_book = codebook(parse_map(settings.mapping, "--map"), classes, reference.name, "--map")
    truth = truth_book(class_column(reference, settings.column, default or settings.product_column, "--column"))
    one, other = on_one_crs(product.source, reference)
    how: Match = "centroid" if product.source.points or reference.points else settings.matching
    pairs = match(one, other, how, settings.overlap)
    numbers = (book(codes), truth)
    tally = tally_listed(*numbers, pairs, len(classes.codes))
    drawn = sketch(one, other, numbers, pairs, classes.is_positive)
    said = notes.of_lists(tally, classes, how, settings.overlap)
    files = digests(product, reference, None, settings)
    return Score(kind, settings, product, reference, tally, files, said, classes=classes, sketch=drawn)
