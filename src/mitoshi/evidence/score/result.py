"""How a product is compared, and what the comparison gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from odc.geo.geobox import GeoBox

    from mitoshi.core.text import Text
    from mitoshi.evidence.score.classes import Classes
    from mitoshi.evidence.score.coded import CodedTally
    from mitoshi.evidence.score.figures import FigureCheck
    from mitoshi.evidence.score.grid import Overlap
    from mitoshi.evidence.score.inputs import Input, Product
    from mitoshi.evidence.score.listed import ListedTally, Match
    from mitoshi.evidence.score.measured import MeasuredTally, PointValues
    from mitoshi.evidence.score.sketch import Sketch

__all__ = ["Kind", "Score", "Settings"]

Kind = Literal["coded", "probability", "measured", "listed"]


@dataclass(frozen=True)
class Settings:
    """How a product is compared.

    Attributes
    ----------
    reference
        File of the reference, with its description after ``#``.
    kind
        Of the product; None follows from its declaration or from what the file holds.
    product
        Name of the product in a bundle.
    mapping, product_map
        What the codes of the reference, and of the product, mean: ``1=1,2=1,255=none``.
    positive
        Codes of the product that together are what is looked for.
    uncertainty
        File of the probability or standard uncertainty of a product of another tool.
    reference_area
        Polygons inside which polygons of the reference are complete.
    column, product_column
        Of the reference and the product that hold the class or the measured value, where these are features.
    zones, zone_column
        File of zones, and the column that names them.
    baseline
        Another product, compared in the same way.
    matching, overlap
        How lists are matched, and the least intersection over union.
    threshold
        From which a probability counts as positive.
    at_least
        Measured values are compared where product or reference reaches this, in the product's unit; None compares all.
    truths
        True values of figures of a bundle.
    ordered
        Whether the order of the codes means something: weighted kappa is given, too.
    """

    reference: str
    kind: Kind | None = None
    product: str | None = None
    mapping: str | None = None
    product_map: str | None = None
    positive: tuple[int, ...] = ()
    uncertainty: str | None = None
    reference_area: str | None = None
    column: str | None = None
    product_column: str | None = None
    zones: str | None = None
    zone_column: str | None = None
    baseline: str | None = None
    matching: Match = "iou"
    overlap: float = 0.5
    threshold: float = 0.5
    at_least: float | None = None
    truths: Mapping[str, float] = field(default_factory=dict)
    ordered: bool = False


@dataclass(frozen=True)
class Score:
    """What a comparison gives.

    Attributes
    ----------
    kind, settings
        How it was made.
    product, reference, baseline
        What was compared; baseline is None where none was given.
    tally, other
        Sums of the product, and of the baseline.
    classes
        Of a comparison of classes.
    units
        Of a comparison of measured values.
    checks
        Figures with an interval against the truth.
    grid, overlap, errors
        Cells of the product, the part that was compared, and its map of errors; None for points and lists.
    points
        Values at points; None for others.
    sketch
        Where features of lists lie; None for others.
    notes
        What must be said of the comparison.
    digests
        SHA-256 of every file by ``role/name``.
    """

    kind: Kind
    settings: Settings
    product: Product
    reference: Input
    tally: CodedTally | MeasuredTally | ListedTally
    digests: Mapping[str, str]
    notes: tuple[Text, ...] = ()
    baseline: Product | None = None
    other: CodedTally | MeasuredTally | ListedTally | None = None
    classes: Classes | None = None
    units: str = ""
    checks: tuple[FigureCheck, ...] = ()
    grid: GeoBox | None = None
    overlap: Overlap | None = None
    errors: np.ndarray[Any, Any] | None = None
    points: PointValues | None = None
    sketch: Sketch | None = None

    @property
    def simulated(self) -> bool:
        """Whether product or reference says that it is simulated."""
        return self.product.source.simulated or self.reference.simulated
