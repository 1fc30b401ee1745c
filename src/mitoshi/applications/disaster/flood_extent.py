"""Flood extent from radar images, with a calibrated probability per pixel."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Annotated, Any, NamedTuple

import numpy as np
import xarray as xr
from annotated_types import Ge, Le
from numpy.typing import NDArray

from mitoshi.applications.disaster import arguments_ja
from mitoshi.applications.disaster.flood_area import assumed, radar_figures, tally
from mitoshi.applications.disaster.flood_extent_before import WET, reference_of, water_before
from mitoshi.applications.disaster.flood_extent_plausible import double_bounce, plausibility
from mitoshi.applications.disaster.flood_extent_unseen import (
    Scheme,
    angle_of,
    cover_of,
    faces_seen,
    lift_of,
    look_of,
    raised,
    uncovered,
)
from mitoshi.core.method import Surveyed, method
from mitoshi.core.product import Coded, CodedClass, Measured
from mitoshi.core.quantity import (
    BACKSCATTER,
    BUILT_UP,
    ELEVATION,
    FLOOD_EXTENT,
    INCIDENCE_ANGLE,
    LAND_COVER,
    PROBABILITY,
    WATER_OCCURRENCE,
    Raster,
)
from mitoshi.core.requirement import Need
from mitoshi.core.scene import ArrayScene
from mitoshi.core.support import Scene
from mitoshi.core.text import Text
from mitoshi.methods.sar import multilook, water_features
from mitoshi.methods.sar.flood_probability import FloodModel, change_probability, model_from_json, water_probability
from mitoshi.methods.sar.flood_survey import (
    FloodSurvey,
    is_relative,
    origin_in,
    survey_flood,
    without_fill,
)
from mitoshi.methods.sar.fuzzy import z_membership
from mitoshi.methods.sar.incidence import CO_SLOPE, CROSS_SLOPE, WaterSlopes
from mitoshi.methods.sar.multilook import decibel_index, relative_index
from mitoshi.methods.sar.region_growing import GROWTH_STEPS, SMALLEST_SEGMENT, mapped
from mitoshi.methods.sar.water_features import Brightness, brightness, counted_mean, detailed_brightness

__all__ = ["DRY", "FLOODED", "NOT_OBSERVABLE", "PERMANENT", "FloodExtent", "flood_extent"]

DRY, FLOODED, PERMANENT, NOT_OBSERVABLE = 0, 1, 2, 255

MODEL: FloodModel = model_from_json(json.loads(files(__package__).joinpath("flood_extent.json").read_text("utf-8")))

LEAST_THRESHOLD = 0.01
"""A shift below the trained threshold never maps what has no probability at all."""

NATURAL_DROP_DB = (2.0, 4.2)
"""Drop of backscatter from before to after, mean of polarisations over 7 × 7 pixels: at most the first, dry ground does it of
itself; from the second on it does not. The 95 % and 99.9 % quantiles of 470 000 drops between dates up to 60 days apart of one
track in the OPERA RTC-S1 series of a stable area (`benchmarks/natural_change.py`)."""

MARGIN = multilook.REACH + water_features.MARGIN + GROWTH_STEPS + 2 * SMALLEST_SEGMENT


class FloodExtent(NamedTuple):
    """The flood map.

    Attributes
    ----------
    flood
        0 dry, 1 flooded, 2 permanent water, 255 not observable, shape (y, x). From one image alone, without reference water, 1 is
        open water, permanent water included.
    flood_probability
        Calibrated probability that the pixel is flooded, 0..1, shape (y, x); NaN where not observable. It is the uncertainty of
        `flood`.
    """

    flood: Annotated[
        Raster,
        Coded(
            Text("flood extent", "浸水域"),
            (
                CodedClass(DRY, Text("dry", "非浸水"), "#f2efe6"),
                CodedClass(FLOODED, Text("flooded", "浸水"), "#0072b2"),
                CodedClass(PERMANENT, Text("permanent water", "平常時水域"), "#8fbfe0"),
                CodedClass(NOT_OBSERVABLE, Text("not observable", "観測不能"), "#9a9a9a"),
            ),
            nodata=NOT_OBSERVABLE,
            uncertainty="flood_probability",
            outline=FLOODED,
            quantity=FLOOD_EXTENT,
        ),
    ]
    flood_probability: Annotated[
        Raster,
        Measured(
            Text("probability of flooding", "浸水確率"),
            PROBABILITY,
            0.001,
            no_uncertainty=Text("it is itself the uncertainty of the flood extent", "浸水域の不確かさそのもの"),
            limits=(0.0, 1.0),
            colours="Blues",
        ),
    ]


@method(
    version="1.2.0",
    reference="doi:10.1016/0031-3203(86)90030-0 (Kittler and Illingworth); doi:10.1080/01431161.2016.1192304 (Twele et al.)",
    support=Scene(survey_flood, MARGIN),
    title=Text("Flood extent from radar", "レーダーによる浸水域"),
    ja=arguments_ja.FLOOD_EXTENT,
    caveats=(
        Text(
            "Radar sees open water. Towns and forest are not observable where a land cover or the buildings are given; elsewhere "
            "flooded towns and flooded forest answer bright and may be called dry.",
            "レーダーが捉えるのは開けた水面です。土地被覆または建物のデータがあれば市街地と森林を観測不能とします。"
            "これらのデータがない場合、浸水した市街地や森林は明るく写り、非浸水と判定されることがあります。",
        ),
        Text(
            "Ground that was as dark as water before the flood (tarmac, smooth sand) is not observable where reference water is "
            "given; elsewhere it is taken for permanent water.",
            "浸水前から水面と同じほど暗い地面（舗装面、平らな砂地）は、参照水域があれば観測不能とし、なければ平常時水域とみなします。",
        ),
        Text(
            "Without an image from before the flood, permanent water is only told apart where reference water is given.",
            "浸水前の画像がない場合、平常時水域は参照水域が与えられた範囲でのみ区別されます。",
        ),
    ),
    tally=tally,
    figures=radar_figures,
    assumes=assumed,
)
def flood_extent(
    after: Annotated[Raster, BACKSCATTER, Need(when="after", within="6d", resolution=50.0)],
    before: Annotated[Raster, BACKSCATTER, Need(when="before", within="60d", same_geometry_as="after")] | None = None,
    elevation: Annotated[Raster, ELEVATION, Need()] | None = None,
    reference_water: Annotated[Raster, WATER_OCCURRENCE, Need()] | None = None,
    land_cover: Annotated[Raster, LAND_COVER, Need()] | None = None,
    built_up: Annotated[Raster, BUILT_UP, Need()] | None = None,
    incidence_angle: Annotated[Raster, INCIDENCE_ANGLE, Need(when="after", within="6d", same_product_as="after")]
    | None = None,
    /,
    *,
    threshold_shift: Annotated[float, Ge(-0.3), Le(0.3)] = 0.0,
    land_cover_scheme: Scheme = "esa-worldcover",
    built_up_threshold: Annotated[float, Ge(0.01), Le(1.0)] = 0.1,
    look_azimuth_deg: Annotated[float, Ge(-1.0), Le(360.0)] = -1.0,
    incidence_deg: Annotated[float, Ge(0.0), Le(80.0)] = 0.0,
    co_slope_db: Annotated[float, Ge(-1.0), Le(0.0)] = CO_SLOPE,
    cross_slope_db: Annotated[float, Ge(-1.0), Le(0.0)] = CROSS_SLOPE,
    surveyed: Annotated[FloodSurvey | None, Surveyed()] = None,
) -> FloodExtent:
    """Map the flood in a radar image taken during or after it.

    Water mirrors the radar's pulse away and is dark. The scene stage selects the blocks of 256 × 256 pixels that show a
    dark and a bright class (bimodality), pools their histograms, and takes class means and the Kittler-Illingworth
    threshold, interpolated over the scene. Every pixel is then measured in these units at several widths, so that
    stretch and calibration fall away. Calibrated backscatter gives P(flooded) = P(water after) (1 - P(water before))
    from a logistic model of brightness and surroundings; stretched images with two dates use a change model. Both were
    learnt from the 63 OMBRIA training tiles (`benchmarks/flood_extent_training.py`). Fuzzy memberships of backscatter
    bounds, height above nearest drainage and slope lower the probability; pixels above the threshold grow into their
    likely neighbours by bounded steps, and segments of fewer than 8 pixels are dropped. Undeclared fill and border noise of
    calibrated images are not observed, and one offset of level between the dates over all of the land is removed.

    Parameters
    ----------
    after
        Backscatter during or after the flood, one or two polarisations; calibrated linear power or relative backscatter.
    before
        Backscatter before the flood, same polarisations; tells permanent water and always-dark ground from flood.
    elevation
        Terrain or surface height [m]; gives slope and height above nearest drainage.
    reference_water
        Share of time under water, 0..1; from 0.5 it is permanent water, which keeps out of the means of its shore.
    land_cover
        Codes of a land-cover map: tree cover and built-up are not observable, and neither is what lies within 15 m of blocks.
    built_up
        Share of the pixel that buildings cover, 0..1; where known it decides what is built-up instead of the land cover, whose
        class also holds roads.
    incidence_angle
        Incidence angle of the pass, local or on the ellipsoid [degree]: calibrated levels are brought to gamma nought at 38
        degrees, and pixels without an angle are not observable. Without it or `incidence_deg` levels are taken as they are.
    threshold_shift
        Added to the trained probability threshold: lower finds more flood, higher is more certain.
    land_cover_scheme
        Whose codes the land cover holds.
    built_up_threshold
        Share covered by buildings from which a pixel is built-up. An assumption: one wall of a few metres outshines 100 m² of
        ground.
    look_azimuth_deg
        Direction in which the radar looks, clockwise from north: about 80 on ascending and 280 on descending passes of a
        right-looking radar; -1 where not known, and then it is that of the product where that states it. With an incidence
        angle and elevation it gives layover and shadow; without, every face steeper than 30 degrees is not observable.
    incidence_deg
        Incidence angle of the radar at the scene's centre; 0 where not known. Stands in for `incidence_angle`.
    co_slope_db
        Change of open water's sigma nought in VV or HH with the incidence angle [dB per degree].
    cross_slope_db
        The same in VH or HV. An assumption: calm water lies at the instrument's noise there.
    surveyed
        Summary of the scene; the runner gives it.

    Returns
    -------
    FloodExtent
        Classes, and the calibrated probability.

    Raises
    ------
    InputError
        If before and after differ in polarisation or calibration, nothing was observed, levels, angles or elevation are none in
        their unit, the land cover holds codes that its scheme does not know, or only one of the two angles of the look is given.

    Notes
    -----
    Limits: wind roughens water; wet snow, sand and tarmac are dark like water; flood under a canopy is not seen.
    """
    if surveyed is None:
        names = ("after", "before", "elevation", "reference_water", "incidence_angle")
        arrays = (after, before, elevation, reference_water, incidence_angle)
        angles = {"incidence_deg": incidence_deg, "co_slope_db": co_slope_db, "cross_slope_db": cross_slope_db}
        surveyed = survey_flood(ArrayScene(dict(zip(names, arrays, strict=True))), **angles)
    after, before = without_fill(after), None if before is None else without_fill(before)
    origin = origin_in(surveyed.corner, after)
    reference = reference_of(reference_water)
    angle = angle_of(incidence_angle, incidence_deg)
    slopes = WaterSlopes(co_slope_db, cross_slope_db)
    lifts = (
        raised(lift_of(after, surveyed.weights, angle, slopes), surveyed.offset_db),
        lift_of(before, surveyed.weights, angle, slopes),
    )
    index = _indices(after, before, reference, surveyed.weights, lifts)
    now, then = _brightness(index, after, surveyed, origin)
    observable = (
        np.isfinite(index.after)
        & ~double_bounce(after, index.unlifted, surveyed.weights)
        & faces_seen(elevation, *look_of(after, look_azimuth_deg, incidence_deg, surveyed.incidence_deg))
        & uncovered(cover_of(land_cover, built_up, land_cover_scheme, built_up_threshold), after)
    )
    if index.before is not None:
        observable &= np.isfinite(index.before)
    wet_now = water_probability(MODEL, now)
    dark_before = None if then is None else _still_dark(index, after, water_probability(MODEL, then))
    water = water_before(reference, dark_before, wet_now.shape)
    chance = _chances(after, now, then, wet_now, water.usual)
    chance = np.where(
        water.permanent, np.float32(0.0), chance * plausibility(after, index.after, elevation, surveyed, origin)
    )
    observable &= ~(water.dark_ground & (wet_now >= WET))
    level = MODEL.change_threshold if is_relative(after) and then is not None else MODEL.water_threshold
    flooded = mapped(np.where(observable, chance, np.float32(0.0)), max(level + threshold_shift, LEAST_THRESHOLD))
    usual = water.permanent | (water.was_wet & (wet_now >= WET))
    codes = np.where(flooded & ~water.permanent, FLOODED, np.where(usual, PERMANENT, DRY))
    codes = np.where(observable, codes, NOT_OBSERVABLE).astype(np.uint8)
    chance = np.where(observable, chance, np.float32(np.nan)).astype(np.float32)
    return FloodExtent(_raster(codes, after), _raster(chance, after))


class _Indices(NamedTuple):
    """Both dates' index (y, x), and those with known permanent water left out of its neighbours' multilook.

    Attributes
    ----------
    after, before
        As observed; before is None where there is no image.
    land_after, land_before
        NaN on permanent water.
    land
        Where the reference knows no permanent water; None without a reference.
    unlifted
        `after` before its level was brought to one incidence angle: what walls are told from.
    """

    after: NDArray[np.float32]
    before: NDArray[np.float32] | None
    land_after: NDArray[np.float32]
    land_before: NDArray[np.float32] | None
    land: NDArray[np.bool_] | None
    unlifted: NDArray[np.float32]


def _indices(
    after: Raster,
    before: Raster | None,
    reference: NDArray[np.float32] | None,
    weights: tuple[float, ...],
    lifts: tuple[NDArray[np.float32] | np.float32 | None, ...],
) -> _Indices:
    plain = _index(after, weights)
    now = plain if lifts[0] is None else plain + lifts[0]
    then = None if before is None else _index(before, weights, None, lifts[1])
    if reference is None or (before is not None and is_relative(after)):
        return _Indices(now, then, now, then, None, plain)
    land = ~(reference >= WET)
    land_before = None if before is None else _index(before, weights, land, lifts[1])
    return _Indices(now, then, _index(after, weights, land, lifts[0]), land_before, land, plain)


def _still_dark(index: _Indices, after: Raster, wet_before: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability that the ground was as dark before as it is now, (y, x).

    Sand is nearly as dark as water, and yet several decibels brighter: a drop beyond what dry ground does of itself says flood.
    """
    if index.land_before is None or is_relative(after):
        return wet_before
    drop = _mean_level(index.land_before) - _mean_level(index.land_after)
    return wet_before * z_membership(drop / np.float32(100.0), *NATURAL_DROP_DB)


def _mean_level(index: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean over 7 × 7 pixels in hundredths of a decibel; what is missing is left out."""
    seen = np.isfinite(index)
    hundredths = np.where(seen, np.clip(np.float32(100.0) * index, -8000, 8000), 0).astype(np.int16)
    return counted_mean(hundredths, None if seen.all() else seen.astype(np.uint8), 7).astype(np.float32)


def _brightness(
    index: _Indices, after: Raster, surveyed: FloodSurvey, origin: tuple[int, int]
) -> tuple[Brightness, Brightness | None]:
    """Return both dates in scene units. Permanent water that is known keeps out of its neighbours' means."""
    if index.before is not None and surveyed.before is not None and is_relative(after):
        return (
            detailed_brightness(index.after, surveyed.after, origin=origin),
            detailed_brightness(index.before, surveyed.before, origin=origin),
        )
    now = brightness(index.land_after, surveyed.after, origin=origin, counted=index.land)
    if index.land_before is None or surveyed.before is None:
        return now, None
    return now, brightness(index.land_before, surveyed.before, origin=origin, counted=index.land)


def _raster(values: NDArray[Any], like: Raster) -> Raster:
    coords = {name: like[name] for name in ("y", "x") if name in like.coords}
    return xr.DataArray(values, dims=("y", "x"), coords=coords)


def _index(
    backscatter: Raster,
    weights: tuple[float, ...],
    where: NDArray[np.bool_] | None = None,
    lift: NDArray[np.float32] | np.float32 | None = None,
) -> NDArray[np.float32]:
    values = np.asarray(backscatter.to_numpy(), dtype=np.float32)
    if where is not None:
        values = np.where(where, values, np.float32(np.nan))
    index = relative_index(values) if is_relative(backscatter) else decibel_index(values, weights or None)
    return index if lift is None else index + lift


def _chances(
    after: Raster,
    now: Brightness,
    then: Brightness | None,
    wet_now: NDArray[np.float32],
    usual: NDArray[np.float32] | None,
) -> NDArray[np.float32]:
    """Return the probability of flooding: water now and not usually, or by the change model for stretched pairs."""
    if is_relative(after) and then is not None:
        return change_probability(MODEL, now, then)
    return wet_now if usual is None else wet_now * (np.float32(1.0) - usual)
