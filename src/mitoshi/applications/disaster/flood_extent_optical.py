"""Flood extent from an optical image, with a calibrated probability per pixel."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np
import xarray as xr
from annotated_types import Ge, Le
from numpy.typing import NDArray

from mitoshi.applications.disaster import arguments_ja
from mitoshi.applications.disaster.flood_area import assumed, figures, tally
from mitoshi.applications.disaster.flood_extent import DRY, FLOODED, NOT_OBSERVABLE, PERMANENT, FloodExtent
from mitoshi.applications.disaster.flood_times import check_same_image
from mitoshi.core.method import method
from mitoshi.core.quantity import ELEVATION, OPTICAL, QUALITY, WATER_OCCURRENCE, Raster
from mitoshi.core.requirement import Need
from mitoshi.core.support import Window
from mitoshi.core.text import Text
from mitoshi.methods.optical.bands import bands_of
from mitoshi.methods.optical.quality import bare_ground_seen
from mitoshi.methods.optical.water import MARGIN, SURFACE, TOP, hidden, water
from mitoshi.methods.terrain.slope import slope_of

__all__ = ["flood_extent_optical"]

WET = 0.5
"""Probability, or share of time, from which a pixel counts as water."""

STEEPEST_WATER = 15.0
"""Degrees, where OPERA DSWx-S1 ends too: what looks like water on a steeper slope is the shadow of terrain."""


@method(
    version="1.0.0",
    reference="doi:10.1080/01431160600589179 (Xu, MNDWI); doi:10.1080/01431169608948714 (McFeeters, NDWI); "
    "doi:10.1016/j.rse.2011.10.028 (Zhu and Woodcock, cloud)",
    support=Window(MARGIN),
    title=Text("Flood extent from optical images", "光学画像による浸水域"),
    ja=arguments_ja.FLOOD_EXTENT_OPTICAL,
    caveats=(
        Text(
            "An optical image shows open water under a clear sky. What lies below cloud, shadow, snow or trees is not seen; "
            "flood under a canopy or among crops is missed.",
            "光学画像に写るのは、雲のない場所の開けた水面です。雲、影、雪、樹木の下は見えず、樹林や作物に覆われた浸水は見逃されます。",
        ),
        Text(
            "Without an image from before the flood and without reference water, permanent water is counted as flooded.",
            "浸水前の画像も参照水域もない場合、平常時水域も浸水として数えます。",
        ),
        Text(
            "Thin cloud and deep shadow pass where no quality flags are given: deep shadow may look like water. Sun glint hides "
            "water: bright in short-wave infrared, it is counted as dry.",
            "品質フラグがない場合、薄い雲や濃い影は除かれず、濃い影は水面に見えることがあります。太陽光の水面反射（サングリント）は短波長赤外で"
            "明るいため、水面でも非浸水と判定されます。",
        ),
    ),
    tally=tally,
    figures=figures,
    assumes=assumed,
)
def flood_extent_optical(
    after: Annotated[Raster, OPTICAL, Need(when="after", within="10d", resolution=30.0)],
    before: Annotated[Raster, OPTICAL, Need(when="before", within="365d", resolution=30.0)] | None = None,
    elevation: Annotated[Raster, ELEVATION, Need()] | None = None,
    reference_water: Annotated[Raster, WATER_OCCURRENCE, Need()] | None = None,
    quality: Annotated[Raster, QUALITY, Need(when="after", within="10d")] | None = None,
    quality_before: Annotated[Raster, QUALITY, Need(when="before", within="365d")] | None = None,
    /,
    *,
    threshold_shift: Annotated[float, Ge(-0.3), Le(0.3)] = 0.0,
) -> FloodExtent:
    """Map the flood in an optical image taken during or after it.

    Water absorbs more the longer the wave. MNDWI = (green - SWIR1) / (green + SWIR1) tells it from soil and buildings, NDWI =
    (green - NIR) / (green + NIR) from vegetation and mixed shores: log-odds = min(20 (MNDWI - m), 25 (NDWI - n)) with m, n = 0.1,
    -0.1 at the top of the atmosphere and 0, -0.25 at the surface, where green lacks what air scatters. P(flooded) = P(water
    after) (1 - P(water before)), and 0 on permanent water. Cloud (bright and white over a patch), snow, ground too dark to be
    told from water, and what flags exclude is not observable; so is water by its looks on a slope above 15 degrees, which is
    terrain shadow.

    Parameters
    ----------
    after
        Reflectance during or after the flood with named bands: green, and SWIR1 or NIR; best both, with blue and red.
    before
        Reflectance before the flood, any of these sensors; what was water then is permanent water.
    elevation
        Terrain height [m]; its slope tells terrain shadow from water.
    reference_water
        Share of time under water, 0..1; from 0.5 it is permanent water.
    quality, quality_before
        Flags of the same two images: Sentinel-2 scene classification, Landsat QA_PIXEL or HLS Fmask.
    threshold_shift
        Added to the probability 0.5 from which water counts: lower finds more flood, higher is more certain.

    Returns
    -------
    FloodExtent
        Classes, and the calibrated probability.

    Raises
    ------
    InputError
        If bands are missing or without names, values are digital numbers, or flags are of another scheme or image.

    Notes
    -----
    Limits: only open water; sun glint is missed; water below snow or ice is not observable. Where water now was hidden in the
    image before and the reference says nothing, flood cannot be told from permanent water: not observable.
    """
    now = _observed(after, quality, "after")
    observable = now.seen & ~((now.chance >= WET) & _steep(elevation))
    usual = _usual(before, quality_before, reference_water)
    permanent = _permanent(reference_water)
    wet = now.chance >= np.float32(WET + threshold_shift)
    if usual is None:
        usual, known = np.zeros(wet.shape, np.float32), np.ones(wet.shape, bool)
    else:
        known = np.isfinite(usual)
        usual = np.where(known, usual, np.float32(0.0))
    observable &= known | ~wet
    was_wet = usual >= WET
    chance = np.where(permanent, np.float32(0.0), now.chance * (np.float32(1.0) - usual))
    flooded = ~permanent & ~was_wet & (chance >= np.float32(WET + threshold_shift))
    codes = np.where(flooded, FLOODED, np.where(permanent | (was_wet & wet), PERMANENT, DRY))
    codes = np.where(observable, codes, NOT_OBSERVABLE).astype(np.uint8)
    chance = np.where(observable, chance, np.float32(np.nan)).astype(np.float32)
    return FloodExtent(_raster(codes, after), _raster(chance, after))


class _Date(NamedTuple):
    """One image: probability of open water, and where the ground was seen, both (y, x)."""

    chance: NDArray[np.float32]
    seen: NDArray[np.bool_]


def _observed(image: Raster, quality: Raster | None, argument: str) -> _Date:
    bands = bands_of(image, argument)
    chance = water(bands, TOP if image.attrs.get("quantity") == "toa_reflectance" else SURFACE)
    seen = ~hidden(bands, chance)
    if quality is not None:
        name = "quality" if argument == "after" else f"quality_{argument}"
        check_same_image(image, quality, name)
        seen &= bare_ground_seen(quality, name)
    return _Date(chance, seen)


def _usual(before: Raster | None, quality: Raster | None, reference_water: Raster | None) -> NDArray[np.float32] | None:
    """Return the probability of water before the flood, NaN where neither image nor reference tells; None without either."""
    layers = []
    if before is not None:
        then = _observed(before, quality, "before")
        layers.append(np.where(then.seen, then.chance, np.float32(np.nan)))
    if reference_water is not None:
        layers.append(np.clip(np.asarray(reference_water.to_numpy(), np.float32), 0.0, 1.0))
    return np.asarray(np.fmax.reduce(layers), np.float32) if layers else None


def _permanent(reference_water: Raster | None) -> NDArray[np.bool_] | bool:
    """Return where the reference knows permanent water."""
    if reference_water is None:
        return False
    with np.errstate(invalid="ignore"):
        return np.asarray(reference_water.to_numpy() >= WET)


def _steep(elevation: Raster | None) -> NDArray[np.bool_] | bool:
    slope = None if elevation is None else slope_of(elevation)
    if slope is None:
        return False
    with np.errstate(invalid="ignore"):
        return np.asarray(slope > STEEPEST_WATER)


def _raster(values: NDArray[Any], like: Raster) -> Raster:
    coords = {name: like[name] for name in ("y", "x") if name in like.coords}
    return xr.DataArray(values, dims=("y", "x"), coords=coords)
