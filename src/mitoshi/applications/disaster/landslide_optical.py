"""Landslides from one optical image after the event: bare soil where the slope allows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
import xarray as xr
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray

from mitoshi.applications.disaster import arguments_ja
from mitoshi.applications.disaster.landslide_figures import SLIDE_PROBABILITY
from mitoshi.applications.disaster.landslide_probability import SlideModel, slope_log_odds
from mitoshi.core.errors import InputError
from mitoshi.core.method import Surveyed, method
from mitoshi.core.product import Coded, CodedClass, Figure
from mitoshi.core.quantity import CLOUD_MASK, ELEVATION, FLOOD_EXTENT, OPTICAL, Raster
from mitoshi.core.requirement import Need
from mitoshi.core.scene import ArrayScene
from mitoshi.core.support import Scene
from mitoshi.core.text import Text
from mitoshi.methods.optical.bands import positions
from mitoshi.methods.optical.bare_soil import SMOOTHING, binomial_mean, red_over_green
from mitoshi.methods.optical.cover import COVER_MARGIN, cover_of, dark, masked, visible
from mitoshi.methods.statistics.areas import areas_of
from mitoshi.methods.terrain.slope import slope_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.core.scene import SceneView
    from mitoshi.methods.statistics.areas import CellArea

__all__ = ["LandslideOptical", "landslide_optical"]

STABLE, SLIDE, NOT_OBSERVABLE = 0, 3, 255  # the codes of disaster.landslide
MAPPED, CERTAIN, POSSIBLE = 0.5, 0.9, 0.1
BLOCK = 1024
MARGIN = SMOOTHING + 2 + COVER_MARGIN
WATER = (1, 2)  # flooded and permanent, codes of a flood map
EXACT = Text("a count of pixels, exact", "画素の計数値（統計的な区間なし。抽出の誤りは含まない）")


class LandslideOptical(NamedTuple):
    """Landslides seen as bare soil.

    Attributes
    ----------
    landslide
        0 no landslide, 3 landslide, 255 not observable, shape (y, x).
    landslide_probability
        Probability that the pixel is bare soil on ground that can slide, shape (y, x); NaN where not observable.
    """

    landslide: Annotated[
        Raster,
        Coded(
            Text("landslides", "土砂移動"),
            (
                CodedClass(STABLE, Text("no landslide", "土砂移動なし"), "#f2efe6"),
                CodedClass(SLIDE, Text("landslide", "土砂移動"), "#d55e00"),
                CodedClass(NOT_OBSERVABLE, Text("not observable", "観測不能"), "#9a9a9a"),
            ),
            nodata=NOT_OBSERVABLE,
            uncertainty="landslide_probability",
        ),
    ]
    landslide_probability: Annotated[
        Raster,
        SLIDE_PROBABILITY,
    ]


class Plants(NamedTuple):
    """What the tiles of a scene share: the share of its observed pixels that are plants, NaN where nothing was observed."""

    share: float


@dataclass(frozen=True)
class _Count:
    """Counts the pixels of a block that are plants, and those observed; picklable."""

    soil_log_ratio: float

    def __call__(self, row: int, column: int, arrays: Mapping[str, Any]) -> tuple[int, int, bool]:
        image = arrays["after_optical"]
        ratio = _smoothed_ratio(image, arrays.get("cloud"))
        core = ratio[row - max(0, row - MARGIN) :, column - max(0, column - MARGIN) :][:BLOCK, :BLOCK]
        taken = any(np.isfinite(band).any() for band in _red_and_green(image))
        return int((core <= np.float32(self.soil_log_ratio)).sum()), int(np.isfinite(core).sum()), taken


def survey_plants(view: SceneView, *, soil_log_ratio: float) -> Plants:
    """Return the share of the scene's observed pixels that are more likely plants than bare soil.

    Raises
    ------
    InputError
        If the image holds no pixel at all; one that cloud hides does.
    """
    counts = view.map_blocks(_Count(soil_log_ratio), BLOCK, MARGIN)
    if not any(taken for *_, taken in counts):
        raise InputError("--after-optical holds no observed pixel within the area; check the file and its nodata value")
    seen = sum(observed for _, observed, _ in counts)
    return Plants(sum(plants for plants, *_ in counts) / seen if seen else float("nan"))


def tally(result: LandslideOptical, cell_area_m2: CellArea) -> dict[str, float]:
    """Return the additive totals of one tile: areas mapped, certain and possible, and pixels with those not observed.

    Parameters
    ----------
    result
        The tile's result.
    cell_area_m2
        Area of the pixels in m2, one or broadcast to (y, x); NaN without georeference, and then areas count pixels.
    """
    codes = np.asarray(result.landslide)
    chance = np.nan_to_num(np.asarray(result.landslide_probability, np.float64))
    area = areas_of(cell_area_m2, codes.shape)
    return {
        "area": area.total(codes == SLIDE),
        "area_lower": area.total(chance > CERTAIN),
        "area_upper": area.total(chance > POSSIBLE),
        "cells": float(codes.size),
        "not_observable": float((codes == NOT_OBSERVABLE).sum()),
        "unreferenced": 0.0 if area.known else float(codes.size),
    }


def figures(totals: Mapping[str, float], parameters: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Return the area of landslides, from what is certain to what is possible, and the share not seen.

    Parameters
    ----------
    totals
        Sums of `tally` over all tiles.
    parameters
        The run's parameters; not used.
    """
    del parameters
    units = "1" if totals["unreferenced"] else "m2"
    share = 100.0 * totals["not_observable"] / max(totals["cells"], 1.0)
    return (
        Figure(
            "landslide_area",
            Text("area of landslides", "土砂移動の面積"),
            totals["area"],
            min(totals["area_lower"], totals["area"]),
            max(totals["area_upper"], totals["area"]),
            units,
            0.9,
        ),
        Figure(
            "not_observable_share",
            Text("share not observable", "観測不能の割合"),
            share,
            None,
            None,
            "percent",
            None,
            EXACT,
        ),
    )


@method(
    version="2.0.0",
    reference="doi:10.1016/0034-4257(79)90013-0 (Tucker 1979, red and green against vegetation); logistic regression on hand "
    "masks of the 2018 Hokkaido earthquake (docs/landslide.md)",
    support=Scene(survey_plants, MARGIN),
    title=Text("Landslides from one optical image", "光学画像1枚による土砂移動の抽出"),
    ja=arguments_ja.LANDSLIDE_OPTICAL,
    caveats=(
        Text(
            "Fields, roads, quarries, felled forest and river beds are bare too. Give an elevation, so that flat ground counts "
            "little, and use change methods where an image from before exists.",
            "畑、道路、採石場、伐採地、河原も裸地です。平地を除くため標高を与えてください。"
            "発災前の画像がある場合は変化による手法を用いてください。",
        ),
        Text(
            "Where next to nothing grows, bare ground is no sign of a landslide and is not observable. Thin cloud and its shadow "
            "are not recognised: give a mask.",
            "植生がほとんどない場所では裸地から土砂移動を判別できないため、観測不能とします。"
            "薄い雲とその影は判別できません。マスクを与えてください。",
        ),
        Text(
            "The level of red over green was learnt from one event, one sensor and one season. In autumn, in dry grass or with "
            "another colour balance it moves: give soil_log_ratio.",
            "赤と緑の比の水準は一つの災害・センサー・季節の画像から定めました。"
            "紅葉や枯草、色調の異なる画像ではずれるため、soil_log_ratio を指定してください。",
        ),
    ),
    tally=tally,
    figures=figures,
)
def landslide_optical(
    after_optical: Annotated[Raster, OPTICAL, Need(when="after", within="60d", resolution=30.0)],
    elevation: Annotated[Raster, ELEVATION, Need()] | None = None,
    flood: Annotated[Raster, FLOOD_EXTENT, Need(when="after", within="14d")] | None = None,
    cloud: Annotated[Raster, CLOUD_MASK, Need(when="after", within="60d")] | None = None,
    /,
    *,
    soil_log_ratio: Annotated[float, Ge(-2.0), Le(2.0)] = 0.062,
    soil_steepness: Annotated[float, Gt(0.0), Le(500.0)] = 28.0,
    slope_low_deg: Annotated[float, Ge(0.0), Le(89.0)] = 5.0,
    slope_high_deg: Annotated[float, Gt(0.0), Le(90.0)] = 15.0,
    least_plants: Annotated[float, Ge(0.0), Le(1.0)] = 0.2,
    surveyed: Annotated[Plants | None, Surveyed()] = None,
) -> LandslideOptical:
    """Map landslides as bare soil in a single image taken after the event.

    x = log(red / green), averaged binomially over 9 × 9 pixels; probability = 1 / (1 + exp(-k (x - c))). Leaves reflect more
    green than red, soil more red than green, and shade dims both alike. Where an elevation is given, the odds fall to a
    twentieth on flat ground, as in `disaster.landslide`; water of a flood map is no landslide. Mapped above 0.5.
    Opaque cloud, lightless shadow and what the mask hides are not observable; nor is bare ground where the scene holds next to no
    plants, for there it is no sign of a slide.

    Parameters
    ----------
    after_optical
        Image with red and green bands: digital numbers or reflectance.
    elevation
        Terrain [m]; gives the slope.
    flood
        Flood map of the same event: water, also brown water, is no landslide.
    cloud
        Mask of the image: 0 where the ground is seen, anything else where cloud, shadow or smoke hides it.
    soil_log_ratio
        Natural logarithm of red over green at which bare soil and plants are equally likely, c. The default is that of RGB images
        of 3 m (Hokkaido 2018, 20 tiles); learnt on three quarters of them it lies between 0.059 and 0.065.
    soil_steepness
        Log odds per unit of the logarithm, k; from the same tiles.
    slope_low_deg, slope_high_deg
        The odds rise from a twentieth to their full value between these slopes.
    least_plants
        Share of the scene's observed pixels that must be plants for bare ground to count (assumed; on the tiles that taught the
        law it is 0.42 to 0.89). 0 lets bare ground count anywhere.
    surveyed
        The share of plants in the whole scene; the runner gives it.

    Returns
    -------
    LandslideOptical
        Classes and probability.

    Raises
    ------
    InputError
        If the image is empty or names no red or no green band, or the slopes are not in order.

    Notes
    -----
    The odds hold those of the tiles they were learnt from, of which 31 % had slid. Limits: thin cloud and its shadow
    pass; ground that was bare before the event counts.
    """
    if not slope_low_deg < slope_high_deg:
        raise InputError(f"slope_low_deg must be below slope_high_deg, got {slope_low_deg:g} and {slope_high_deg:g}")
    if surveyed is None:
        scene = ArrayScene({"after_optical": after_optical, "flood": flood, "cloud": cloud})
        surveyed = survey_plants(scene, soil_log_ratio=soil_log_ratio)
    ratio = _smoothed_ratio(after_optical, cloud)
    odds = np.float32(soil_steepness) * (ratio - np.float32(soil_log_ratio))
    if elevation is not None:
        odds = odds + _flat(elevation, (slope_low_deg, slope_high_deg))
    chance = (1.0 / (1.0 + np.exp(-np.clip(odds, -30.0, 30.0)))).astype(np.float32)
    if flood is not None:
        ratio = np.where(np.isin(flood.to_numpy(), WATER), np.float32(-np.inf), ratio)
        chance = np.where(np.isneginf(ratio) & np.isfinite(chance), np.float32(0.0), chance)
    if surveyed.share < least_plants:
        chance = np.where(ratio > np.float32(soil_log_ratio), np.float32(np.nan), chance)
    codes = np.where(chance > MAPPED, SLIDE, STABLE)
    codes = np.where(np.isfinite(chance), codes, NOT_OBSERVABLE).astype(np.uint8)
    return LandslideOptical(_raster(codes, after_optical), _raster(chance, after_optical))


def _smoothed_ratio(image: Raster, cloud: Raster | None) -> NDArray[np.float32]:
    """Return the smoothed logarithm of red over green, NaN where nothing, or nothing of the ground, was seen."""
    red, green = _red_and_green(image)
    counts = image.attrs.get("quantity") == "digital_number"
    values = np.asarray(image.to_numpy(), np.float32)
    hidden = cover_of(image) | dark(visible(image, values), counts=counts)
    if cloud is not None:
        hidden |= masked(cloud)
    ratio = np.where(hidden, np.float32(np.nan), red_over_green(red, green, counts=counts))
    return binomial_mean(ratio, SMOOTHING)


def _red_and_green(image: Raster) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    names = [str(name) for name in np.atleast_1d(image["band"].to_numpy())] if "band" in image.coords else []
    places = positions(names) if "band" in image.dims else {}
    if not {"red", "green"} <= set(places):
        shown = ", ".join(names[:14]) or "bands without names"
        raise InputError(
            f"after_optical needs a red and a green band, got {shown}; name them '#bands=red+green+blue', as the file has them"
        )
    values = np.asarray(image.to_numpy(), np.float32)
    if image.attrs.get("quantity") == "digital_number":
        values = np.where((values == 0).all(axis=0), np.float32(np.nan), values)
    return values[places["red"]], values[places["green"]]


def _flat(elevation: Raster, slopes: tuple[float, float]) -> NDArray[np.float32] | np.float32:
    """Return by how much the log odds fall on flat ground; 0 where the slope is not known."""
    steep = slope_of(elevation)
    if steep is None:
        return np.float32(0.0)
    model = SlideModel(prior=0.5, slope_deg=slopes)
    return slope_log_odds(steep, model)


def _raster(values: NDArray[Any], like: Raster) -> Raster:
    coords = {name: like[name] for name in ("y", "x") if name in like.coords}
    return xr.DataArray(values, dims=("y", "x"), coords=coords)
