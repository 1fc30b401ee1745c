"""Figures with an interval against the truth: is it inside, and how wide is the interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mitoshi.core.errors import InputError, misspelt
from mitoshi.core.product import Coded
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.core.product import Figure
    from mitoshi.evidence.score.classes import Classes
    from mitoshi.evidence.score.coded import CodedTally
    from mitoshi.evidence.score.inputs import Product

__all__ = ["FigureCheck", "area_check", "given_checks"]

AREA_UNITS = {"km2": 1e6, "ha": 1e4, "m2": 1.0, "pixel": 1.0}
MOST_UNREFERENCED = 0.01  # share of the observed area without a reference up to which areas are compared
PART = Text(
    "{name}: not compared, because the reference covers {share:.1%} of what the product observed",
    "{name}：参照データが観測範囲の {share:.1%} しか覆わないため比較していません",
)


@dataclass(frozen=True)
class FigureCheck:
    """One figure of a bundle against the truth.

    Attributes
    ----------
    figure
        With its interval.
    truth
        In its units.
    """

    figure: Figure
    truth: float

    @property
    def inside(self) -> bool:
        """Whether the truth lies inside the interval."""
        lower, upper = self.figure.lower, self.figure.upper
        return lower is not None and upper is not None and lower <= self.truth <= upper

    @property
    def ratio(self) -> float:
        """Upper over lower bound; infinite where the lower one is zero, NaN without an interval."""
        lower, upper = self.figure.lower, self.figure.upper
        if lower is None or upper is None:
            return math.nan
        return upper / lower if lower > 0 else math.inf


def given_checks(product: Product, truths: Mapping[str, float]) -> tuple[FigureCheck, ...]:
    """Return the figures whose truth the user gives.

    Raises
    ------
    InputError
        If there is no such figure, or it has no interval.
    """
    known = {f.name: f for f in product.figures}
    for name in truths:
        if name not in known:
            raise InputError(misspelt(f"figure of {product.source.name}", name, known))
        if known[name].lower is None or known[name].upper is None:
            raise InputError(f"figure {name} has no interval, so there is nothing to compare the truth with")
    return tuple(FigureCheck(known[name], truth) for name, truth in truths.items())


def area_check(
    product: Product, tally: CodedTally, classes: Classes, share: float
) -> tuple[tuple[FigureCheck, ...], tuple[Text, ...]]:
    """Return the area of the outlined class against that of the reference over the observed cells.

    Parameters
    ----------
    product
        A coded product of a bundle.
    tally, classes
        Of the comparison.
    share
        Of the product's cells that lie in the compared part.

    Returns
    -------
    No figure and a sentence that says why, where the reference does not cover what the product observed.
    """
    layer = product.layer
    if not isinstance(layer, Coded) or classes.positive != (layer.outline,):
        return (), ()
    figure = next(
        (f for f in product.figures if f.name.endswith("_area") and f.units in AREA_UNITS and f.lower is not None), None
    )
    if figure is None or (figure.units == "pixel") == tally.georeferenced:
        return (), ()
    observed = tally.areas[:-1]
    total = float(observed.sum())
    covered = share * float(observed[:, :-1].sum()) / total if total else 0.0
    if covered < 1.0 - MOST_UNREFERENCED:
        words = {"name": figure.title.en, "share": covered}
        return (), (Text(PART.en.format(**words), PART.ja.format(name=figure.title.ja, share=covered)),)
    truth = float(observed[:, :-1][:, classes.is_positive].sum()) / AREA_UNITS[figure.units]
    return (FigureCheck(figure, truth),), ()
