"""Score measured values against a raster or points."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mitoshi.core.errors import InputError
from mitoshi.evidence.score import cautions
from mitoshi.evidence.score import notes as notes
from mitoshi.evidence.score.grid import overlap
from mitoshi.evidence.score.inputs import FeatureInput, LayerInput, Product, open_input
from mitoshi.evidence.score.measured import MeasuredScene, point_values, tally_points
from mitoshi.evidence.score.result import Kind, Score, Settings
from mitoshi.evidence.score.shared import digests, opened_baseline, placed, refuse_nothing
from mitoshi.evidence.score.zones import zones_of

if TYPE_CHECKING:
    from mitoshi.evidence.score.coded import Progress

__all__ = ["score_measured"]


def score_measured(
    kind: Kind, product: Product, reference: LayerInput | FeatureInput, settings: Settings, progress: Progress
) -> Score:
    """Return the score of measured values; see `mitoshi.evidence.score.score`."""
    if not isinstance(product.source, LayerInput):
        raise InputError(
            f"{product.source.name} holds features; measured values are compared cell by cell: give a raster"
        )
    if product.uncertainty is not None and product.uncertainty.quantity == "probability":
        raise InputError(
            "the uncertainty of measured values is in their unit, not a probability; leave --uncertainty out"
        )
    base, uncertainty = product.source, product.uncertainty
    if isinstance(reference, FeatureInput):
        return _at_points(kind, product, reference, settings)
    part = overlap(base, reference)
    zones = None if settings.zones is None else zones_of(open_input(settings.zones), base, settings.zone_column)
    scene = MeasuredScene(base, reference, part, uncertainty, zones, settings.at_least)
    tally, errors = scene.tally(progress)
    refuse_nothing(tally.differences.cells + tally.unobserved, reference.name)
    unseen = () if tally.differences.cells else (cautions.NOTHING_SEEN,)
    baseline = opened_baseline(settings)
    other = None if baseline is None else _rival(scene, baseline).tally(progress)[0]
    return Score(
        kind,
        settings,
        product,
        reference,
        tally,
        digests(product, reference, baseline, settings),
        (*unseen, *notes.of_measures(base, reference, part, settings.at_least)),
        baseline,
        other,
        units=base.units,
        grid=base.grid,
        overlap=part,
        errors=errors,
    )


def _rival(scene: MeasuredScene, baseline: Product) -> MeasuredScene:
    """Return the same comparison of a baseline, brought onto the grid and into the unit of the product."""
    source, spread = baseline.source, baseline.uncertainty
    if not isinstance(source, LayerInput):
        raise InputError(f"{source.name} holds features; give a raster as baseline")
    if source.units != scene.product.units:
        raise InputError(
            f"{source.name} is in {source.units!r}, the product in {scene.product.units!r}; convert it first"
        )
    moved = None if spread is None else placed(spread, scene.product)
    return replace(scene, product=placed(source, scene.product), uncertainty=moved)


def _at_points(kind: Kind, product: Product, reference: FeatureInput, settings: Settings) -> Score:
    base = product.source
    if not reference.points or not isinstance(base, LayerInput):
        raise InputError(f"{reference.name} holds no points; measured values are compared with a raster or with points")
    overlap(base, reference)
    points = point_values(base, product.uncertainty, reference, settings.column)
    tally = tally_points(points, uncertain=product.uncertainty is not None)
    refuse_nothing(tally.differences.cells + tally.unobserved, reference.name)
    return Score(
        kind,
        settings,
        product,
        reference,
        tally,
        digests(product, reference, None, settings),
        notes.of_points(points),
        units=base.units,
        points=points,
    )
