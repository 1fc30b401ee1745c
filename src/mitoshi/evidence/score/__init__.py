"""Score any product against any reference: agreement, calibration and coverage.

    found = score("flood/", Settings(reference="truth.tif", mapping="1=1,0=0"))
    found.tally.compared                                   # confusion matrix over what both say something of

Not observed is never an error and never right: it is counted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mitoshi.core.product import Coded, Listed, Measured
from mitoshi.evidence.score import notes
from mitoshi.evidence.score.figures import given_checks
from mitoshi.evidence.score.inputs import FeatureInput, LayerInput, Product, open_input, open_product
from mitoshi.evidence.score.of_classes import score_coded
from mitoshi.evidence.score.of_lists import score_listed
from mitoshi.evidence.score.of_measures import score_measured
from mitoshi.evidence.score.result import Kind, Score, Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mitoshi.evidence.score.coded import Progress

__all__ = ["Kind", "Score", "Settings", "quiet", "score"]

CODED_QUANTITIES = frozenset({"flood_extent", "land_cover", "quality"})


def quiet(done: int, total: int, message: str) -> None:
    """Show no progress."""
    del done, total, message


def score(path: Path | str, settings: Settings, progress: Progress = quiet) -> Score:
    """Return the score of a product.

    Parameters
    ----------
    path
        Folder of a bundle, or one raster or vector file with its description after ``#``.
    settings
        How it is compared.
    progress
        Called now and then.

    Raises
    ------
    InputError
        If the two cannot be compared; the message says what to do.
    """
    product = open_product(path, settings.product, settings.uncertainty)
    reference = open_input(settings.reference)
    if isinstance(reference, FeatureInput) and settings.product is None:
        product = open_product(path, None, settings.uncertainty, features=True)
    kind = settings.kind or _kind(product, reference)
    makers: dict[Kind, Callable[..., Score]] = {
        "coded": score_coded,
        "probability": score_coded,
        "measured": score_measured,
        "listed": score_listed,
    }
    found = makers[kind](kind, product, reference, settings, progress)
    derived = tuple(c for c in found.checks if c.figure.name not in settings.truths)
    checks = (*derived, *given_checks(product, settings.truths))
    return replace(found, checks=checks, notes=(*notes.of_inputs(product, reference), *found.notes))


def _kind(product: Product, reference: LayerInput | FeatureInput) -> Kind:
    layer, source = product.layer, product.source
    if isinstance(layer, Coded):
        return "coded"
    if isinstance(layer, Listed):
        return "listed"
    if isinstance(source, FeatureInput):
        return "coded" if isinstance(reference, LayerInput) else "listed"
    quantity = layer.quantity.name if isinstance(layer, Measured) else source.quantity
    if quantity == "probability":
        return "probability"
    if layer is None and (quantity in CODED_QUANTITIES or source.units in {"", "1"}):
        return "coded"
    return "measured"
