"""Flood extent from a radar and an optical map of the same flood, joined by probability and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_type_hints

import numpy as np
import xarray as xr
from annotated_types import Ge, Le
from numpy.typing import NDArray

from mitoshi.applications.disaster import arguments_ja
from mitoshi.applications.disaster.flood_extent import DRY, FLOODED, NOT_OBSERVABLE, PERMANENT, FloodExtent
from mitoshi.applications.disaster.flood_fused_figures import figures, tally
from mitoshi.applications.disaster.flood_times import assumed, check_times
from mitoshi.core.errors import InputError
from mitoshi.core.method import method
from mitoshi.core.product import Coded, CodedClass
from mitoshi.core.quantity import FLOOD_EXTENT, PROBABILITY, Raster
from mitoshi.core.requirement import Need
from mitoshi.core.support import Pixel
from mitoshi.core.text import Text
from mitoshi.methods.statistics.fusion import evidence_of, evidence_weights, joined, persistence, relaxed

if TYPE_CHECKING:
    Mask = NDArray[np.bool_]

__all__ = ["AGREE", "DISAGREE", "OPTICAL_ONLY", "RADAR_ONLY", "FusedFloodExtent", "flood_extent_fused"]

RADAR_ONLY, OPTICAL_ONLY, AGREE, DISAGREE = 1, 2, 3, 4
WET = 0.5
"""Probability from which a pixel counts as flooded where there is no map of classes."""

LAYERS = get_type_hints(FloodExtent, include_extras=True)
"""The flood map's own layers: whoever takes a flood map takes this one."""


class FusedFloodExtent(NamedTuple):
    """The flood map of both sensors.

    Attributes
    ----------
    flood
        0 dry, 1 flooded, 2 permanent water, 255 not observable by either, shape (y, x).
    flood_probability
        Probability that the pixel is flooded, 0..1, shape (y, x); NaN where neither saw it. It is the uncertainty of `flood`.
    flood_evidence
        Who saw it: 1 radar alone, 2 optical alone, 3 both and they agree on flooded or not, 4 both and they disagree, 255
        neither, shape (y, x).
    """

    flood: Annotated[Raster, LAYERS["flood"].__metadata__[0]]
    flood_probability: Annotated[Raster, LAYERS["flood_probability"].__metadata__[0]]
    flood_evidence: Annotated[
        Raster,
        Coded(
            Text("sensors that saw it", "観測したセンサー"),
            (
                CodedClass(RADAR_ONLY, Text("radar only", "レーダーのみ"), "#cc79a7"),
                CodedClass(OPTICAL_ONLY, Text("optical only", "光学のみ"), "#e69f00"),
                CodedClass(AGREE, Text("both, in agreement", "両方（判定は一致）"), "#b5d8a8"),
                CodedClass(DISAGREE, Text("both, in disagreement", "両方（判定は不一致）"), "#d55e00"),
                CodedClass(NOT_OBSERVABLE, Text("not observable", "観測不能"), "#9a9a9a"),
            ),
            nodata=NOT_OBSERVABLE,
            no_uncertainty=Text("a statement of what was given, exact", "入力の内訳であり、統計的な誤差はない"),
        ),
    ]


@method(
    version="1.0.0",
    reference="doi:10.1007/978-3-319-63959-8_8 (D'Addabbo et al., Bayesian fusion of flood observations); Gardiner, Handbook of "
    "Stochastic Methods (random telegraph process)",
    support=Pixel(),
    title=Text("Flood extent from radar and optical maps together", "レーダーと光学画像の統合による浸水域"),
    ja=arguments_ja.FLOOD_EXTENT_FUSED,
    caveats=(
        Text(
            "Where one sensor alone saw the ground, its answer stands as it is, of the time of its own image.",
            "一方のセンサーだけが観測した場所では、そのセンサーの画像の時点の判定をそのまま示します。",
        ),
        Text(
            "How strongly radar counts beside a clear optical image was measured on two scenes whose labels were drawn mainly on "
            "the optical images, which favours these. The layer of sensors shows where the two disagree.",
            "雲のない光学画像に対するレーダーの重みは2地点で求めたものです。正解ラベルが主に光学画像から作成されているため、光学に有利な値です。"
            "両者の判定が異なる場所は「観測したセンサー」のレイヤーで確認できます。",
        ),
    ),
    tally=tally,
    figures=figures,
    assumes=assumed,
)
def flood_extent_fused(
    radar_probability: Annotated[Raster, PROBABILITY, Need(when="after", within="10d", resolution=50.0)],
    optical_probability: Annotated[Raster, PROBABILITY, Need(when="after", within="10d", resolution=50.0)],
    radar_flood: Annotated[Raster, FLOOD_EXTENT, Need(when="after", within="10d", resolution=50.0)] | None = None,
    optical_flood: Annotated[Raster, FLOOD_EXTENT, Need(when="after", within="10d", resolution=50.0)] | None = None,
    /,
    *,
    radar_hours: Annotated[float, Ge(-720.0), Le(720.0)] = 0.0,
    optical_hours: Annotated[float, Ge(-720.0), Le(720.0)] = 0.0,
    half_life_hours: Annotated[float, Ge(1.0), Le(8760.0)] = 96.0,
    shared_error: Annotated[float, Ge(0.0), Le(0.95)] = 0.45,
    radar_strength: Annotated[float, Ge(0.05), Le(20.0)] = 0.5,
    prior: Annotated[float, Ge(0.001), Le(0.999)] = 0.5,
    threshold_shift: Annotated[float, Ge(-0.3), Le(0.3)] = 0.0,
) -> FusedFloodExtent:
    """Join the flood probabilities of a radar and an optical image.

    Bayes: the odds of a flood are those of the prior times the likelihood ratios of both images, each to the power of a weight.
    The ratios are the odds that each map states over those of the prior. Errors that both share (mixed pixels, reeds, a label's
    time) must not count twice: with correlation r of the log-odds in the same class and k = strength of radar over optical, the
    weights are (1 - r / k) / (1 - r²) and (1 - r k) / (1 - r²), which is exact for normal errors and 1 and 1 for independent
    ones. Water comes and goes: of two images that are not equally near to the map's time, the farther loses evidence as a state
    does that changes at random with the half-life, P(now) = s P(then) + (1 - s) prior, s = 2^(-hours / half-life), and strength
    by s. Where one sensor saw nothing, the other's answer stands exactly; where neither did, nothing is stated.

    Parameters
    ----------
    radar_probability, optical_probability
        Probability of flooding, NaN where not observed: of `disaster.flood-extent`, `disaster.flood-extent-optical` or others.
    radar_flood, optical_flood
        The maps of the same runs (0 dry, 1 flooded, 2 permanent water): they tell permanent water, and the class where only one
        sensor saw. Without them a pixel is flooded from probability 0.5 on.
    radar_hours, optical_hours
        Hours from the time that the map is for to each image; negative before it. What both are away is not taken off.
    half_life_hours
        After so many hours half of the pixels may be in another state. An assumption: it lies within the one to seven days of
        short floods (Najibi and Devineni 2018, doi:10.5194/esd-9-757-2018). Use the event's own where it is known.
    shared_error
        Correlation of the two log-odds within water and within land. Two labelled scenes of Sen1Floods11 gave 0.42 and 0.49.
    radar_strength
        Distance between water and land in standard deviations of the log-odds, radar over optical. The two scenes gave 0.33 and
        0.55.
    prior
        Probability of a flood before any image that the two maps have in common. Both take water and land for equally likely
        where a pixel says nothing; the default is 0.5.
    threshold_shift
        Added to the probability 0.5 from which water counts: lower finds more flood, higher is more certain.

    Returns
    -------
    FusedFloodExtent
        Classes, probability, and which sensors saw.

    Raises
    ------
    InputError
        If a probability lies outside 0..1, a code is unknown, both maps are the same, or the images' own times are others than
        stated.

    Notes
    -----
    Permanent water is what either map calls so: it rests on a reference or an earlier image that the other may lack. A pixel is
    not observed by a sensor where its probability is missing or its map says 255. The decay knows no direction: that floods
    recede, and may rise between the images, is not told apart.
    """
    check_times(radar_probability, optical_probability, radar_hours, optical_hours)
    radar = _sensor(radar_probability, radar_flood, "radar", threshold_shift)
    optical = _sensor(optical_probability, optical_flood, "optical", threshold_shift)
    _refuse_one_twice(radar_probability, optical_probability)
    nearest = min(abs(radar_hours), abs(optical_hours))
    kept = tuple(persistence(abs(hours) - nearest, half_life_hours) for hours in (radar_hours, optical_hours))
    weights = evidence_weights(radar_strength * kept[0] / kept[1], shared_error)
    both = radar.seen & optical.seen
    chance = np.where(radar.seen, radar.chance, optical.chance)
    chance = np.where(both, _joined(radar.chance, optical.chance, kept, weights, prior), chance)
    permanent = radar.permanent | optical.permanent
    chance = np.where(permanent & both, np.float32(0.0), chance).astype(np.float32)
    flooded = np.where(both, chance >= np.float32(WET + threshold_shift), radar.flooded | optical.flooded)
    codes = np.where(permanent, PERMANENT, np.where(flooded, FLOODED, DRY))
    codes = np.where(radar.seen | optical.seen, codes, NOT_OBSERVABLE)
    like = radar_probability
    return FusedFloodExtent(
        _raster(codes.astype(np.uint8), like), _raster(chance, like), _raster(_evidence(radar, optical), like)
    )


class _Sensor(NamedTuple):
    """What one sensor says, all (y, x); outside `seen` probability is NaN and the masks are False."""

    chance: NDArray[np.float32]
    seen: Mask
    flooded: Mask
    permanent: Mask


def _sensor(probability: Raster, flood: Raster | None, name: str, shift: float) -> _Sensor:
    chance = np.asarray(probability.to_numpy(), np.float32)
    known = np.isfinite(chance)
    outside = known & ~((chance >= -0.001) & (chance <= 1.001))
    if outside.any():
        raise InputError(
            f"{name}_probability must lie in [0, 1], got {float(chance[outside][0]):g}; is it a percentage? "
            "('#units=percent')"
        )
    chance = np.clip(chance, np.float32(0.0), np.float32(1.0))
    if flood is None:
        flooded = known & (chance >= np.float32(WET + shift))
        return _Sensor(chance, known, flooded, np.zeros(known.shape, bool))
    codes = flood.to_numpy()
    missing = ~np.isfinite(codes) | (codes == NOT_OBSERVABLE)
    other = ~missing & ~np.isin(codes, (DRY, FLOODED, PERMANENT))
    if other.any():
        raise InputError(
            f"{name}_flood holds code {float(codes[other][0]):g}; a flood map has 0 dry, 1 flooded, 2 permanent water, 255 not "
            "observed"
        )
    seen = known & ~missing
    chance = np.where(seen, chance, np.float32(np.nan))
    return _Sensor(chance, seen, seen & (codes == FLOODED), seen & (codes == PERMANENT))


def _refuse_one_twice(radar: Raster, optical: Raster) -> None:
    """Refuse one file given as both: it would confirm itself."""
    one = radar.to_numpy()
    if np.array_equal(one, optical.to_numpy(), equal_nan=True) and np.unique(one[np.isfinite(one)]).size > 10:
        raise InputError("radar_probability and optical_probability are the same map; give one of each sensor")


def _joined(
    radar: NDArray[np.float32],
    optical: NDArray[np.float32],
    kept: tuple[float, ...],
    weights: tuple[float, float],
    prior: float,
) -> NDArray[np.float32]:
    """Return the probability from both; exactly that of one where the other has no weight."""
    if 0.0 in weights:
        return optical if weights[0] == 0.0 else radar
    one, other = (
        relaxed(evidence_of(chance, prior), share, prior) for chance, share in zip((radar, optical), kept, strict=True)
    )
    return joined(one, other, weights, prior)


def _evidence(radar: _Sensor, optical: _Sensor) -> NDArray[np.uint8]:
    agreed = np.where(radar.flooded == optical.flooded, AGREE, DISAGREE)
    alone = np.where(radar.seen, RADAR_ONLY, np.where(optical.seen, OPTICAL_ONLY, NOT_OBSERVABLE))
    return np.where(radar.seen & optical.seen, agreed, alone).astype(np.uint8)


def _raster(values: NDArray[Any], like: Raster) -> Raster:
    coords = {name: like[name] for name in ("y", "x") if name in like.coords}
    return xr.DataArray(values, dims=("y", "x"), coords=coords)
