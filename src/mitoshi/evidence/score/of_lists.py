"""Score a list of features with a class against another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.product import Coded, Listed
from mitoshi.evidence.score import notes as notes
from mitoshi.evidence.score.classes import MISSING, classes_of, codebook, parse_map
from mitoshi.evidence.score.inputs import FeatureInput, LayerInput, Product
from mitoshi.evidence.score.listed import Match, class_column, match, on_one_crs, tally_listed
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
    if not isinstance(product.source, FeatureInput) or not isinstance(reference, FeatureInput):
        raise InputError("lists are compared with lists; give two files of features, or say --kind coded")
    layer = product.layer if isinstance(product.layer, Listed) else None
    default = layer.class_column if layer is not None and layer.class_column else None
    codes = class_column(product.source, settings.product_column, default, "--product-column")
    meaning = parse_map(settings.product_map, "--product-map")
    coded = Coded(layer.title, layer.classes) if layer is not None and layer.classes else None
    seen = set(codes[np.isfinite(codes)].astype(int).tolist()) - {MISSING}
    classes = classes_of(coded, seen, meaning, settings.positive or _highest(coded, seen))
    book = codebook(meaning, classes, product.source.name, "--product-map", (MISSING,))
    truth_book = codebook(parse_map(settings.mapping, "--map"), classes, reference.name, "--map")
    truth = truth_book(class_column(reference, settings.column, default or settings.product_column, "--column"))
    one, other = on_one_crs(product.source, reference)
    how: Match = "centroid" if product.source.points or reference.points else settings.matching
    pairs = match(one, other, how, settings.overlap)
    numbers = (book(codes), truth)
    tally = tally_listed(*numbers, pairs, len(classes.codes))
    drawn = sketch(one, other, numbers, pairs, classes.is_positive)
    said = notes.of_lists(how, settings.overlap)
    files = digests(product, reference, None, settings)
    return Score(kind, settings, product, reference, tally, files, said, classes=classes, sketch=drawn)


def _highest(layer: Coded | None, codes: set[int]) -> tuple[int, ...]:
    """Return the highest class of an ordered list, such as destroyed."""
    known = {c.code for c in layer.classes if c.code != MISSING} if layer is not None else codes
    return (max(known),) if known else ()
