"""罹災証明 class of a house by the official depth rules, with the classes at the ends of the depth's range."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.impact_tables import table
from mitoshi.applications.disaster.impact_uncertainty import HIGH, LOW, Levels, shifted
from mitoshi.core.product import CodedClass
from mitoshi.core.text import Text

__all__ = [
    "CLASSES",
    "DRY",
    "NOT_OBSERVED",
    "SURVEY",
    "Certificates",
    "certificate_class",
    "certificates",
    "rules_apply",
]

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

DRY, SURVEY, NOT_OBSERVED = 0, 9, 255
CLASSES = (
    CodedClass(DRY, Text("not flooded", "浸水なし"), "#c8b99a"),
    CodedClass(1, Text("not reaching semi-damaged", "準半壊に至らない（一部損壊）"), "#d1e5f0"),
    CodedClass(2, Text("semi-damaged", "準半壊"), "#92c5de"),
    CodedClass(3, Text("half damaged", "半壊"), "#fdae61"),
    CodedClass(4, Text("medium half damaged", "中規模半壊"), "#f46d43"),
    CodedClass(5, Text("large half damaged", "大規模半壊"), "#d73027"),
    CodedClass(6, Text("totally damaged", "全壊"), "#7f0000"),
    CodedClass(SURVEY, Text("to be surveyed", "要現地調査"), "#a6761d"),
    CodedClass(NOT_OBSERVED, Text("not observed", "未観測"), "#9a9a9a"),
)
MOST_STOREYS = 2


class Certificates(NamedTuple):
    """Class codes per building: best estimate, and at the ends of the 90 % range of depth."""

    code: Codes
    lower: Codes
    upper: Codes


def certificate_class(shallowest: Floats, floor_height: Floats, rule: str) -> Codes:
    """Return the class of depths at the shallowest point of houses that the depth rules cover.

    Parameters
    ----------
    shallowest
        Depth above ground at the shallowest point of the footprint [m], 0 dry, NaN not observed.
    floor_height
        Of the ground floor above ground [m].
    rule
        "six_classes" or "notice_2018", see ``impact_tables/certificate.json``.
    """
    told = table("certificate")["rules"][rule]
    # To a tenth of a millimetre: 2.3 - 0.5 must reach 1.8.
    above = np.round(shallowest - floor_height, 4)
    codes = np.asarray([told["below_floor"], *told["classes"]])
    step = np.searchsorted(np.asarray(told["above_floor_m"]), above, side="right")
    found = codes[np.where(above > 0, step, 0)]
    found = np.where(shallowest > 0, found, DRY)
    return np.where(np.isnan(shallowest), NOT_OBSERVED, found).astype(np.int64)


def rules_apply(structure: NDArray[np.object_], storeys: Floats) -> NDArray[np.bool_]:
    """Tell which buildings the depth rules cover: wooden or of unknown structure, at most two storeys or unknown.

    Other buildings are surveyed part by part.
    """
    wooden = np.array([s in (None, "wood", "unknown") for s in structure], bool)
    return wooden & ~(storeys > MOST_STOREYS)


def certificates(
    shallowest: Levels, floor_height: Floats, covered: NDArray[np.bool_], rule: str, *, breach: bool
) -> Certificates:
    """Return classes with their range.

    Parameters
    ----------
    shallowest
        Levels at the shallowest point.
    floor_height
        [m].
    covered
        From `rules_apply`; other flooded buildings get "to be surveyed".
    rule
        As for `certificate_class`.
    breach
        Whether the area was flooded by a levee breach or overtopping; without the current's force houses flooded above the floor
        are surveyed.
    """

    def coded(shift: float) -> Codes:
        depth = shifted(shallowest, shift)
        found = certificate_class(depth, floor_height, rule)
        above = np.round(depth - floor_height, 4) > 0
        survey = (found != DRY) & (found != NOT_OBSERVED) & (~covered | (above & (not breach)))
        return np.where(survey, SURVEY, found)

    return Certificates(coded(0.0), coded(LOW), coded(HIGH))
