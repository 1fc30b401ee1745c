"""Open water in reflectance: two indices, the probability that they speak of water, and what hides the ground.

Water absorbs more the longer the wave: reflectance falls from green over near infrared (NIR) to short-wave infrared (SWIR).
Land does the opposite, except in snow (bright) and in shadow (dark, with the land's own slope towards SWIR).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.methods.optical.bands import Bands
from mitoshi.methods.statistics.logistic import probability
from mitoshi.methods.statistics.windows import box_sum

__all__ = [
    "MARGIN",
    "SURFACE",
    "TOP",
    "WaterModel",
    "cloud",
    "hidden",
    "normalised_difference",
    "shadow",
    "snow",
    "water",
]

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


class WaterModel(NamedTuple):
    """Where the indices split water from land, and how fast the probability changes around.

    Attributes
    ----------
    mndwi, ndwi
        Thresholds where both are there.
    ndwi_alone
        Threshold of NDWI where there is no SWIR.
    mndwi_slope, ndwi_slope, alone_slope
        Log-odds per unit of index.
    """

    mndwi: float
    ndwi: float
    ndwi_alone: float
    mndwi_slope: float
    ndwi_slope: float
    alone_slope: float


TOP = WaterModel(mndwi=0.1, ndwi=-0.1, ndwi_alone=0.0, mndwi_slope=20.0, ndwi_slope=25.0, alone_slope=12.0)
"""At the top of the atmosphere. Thresholds: the best pair on either labelled site, the same on both; slopes: between those fitted
on either (19 and 21; 47 and 17)."""

SURFACE = TOP._replace(mndwi=0.0, ndwi=-0.25)
"""At the surface: Xu's zero. Molecular scattering adds about 0.04 to green and next to nothing to infrared; where green is 0.08
at the surface, that is 0.1 to 0.2 of either index. Not checked against labels: there were none for surface reflectance."""

LEAST, MOST = 0.001, 0.995
"""No probability goes beyond: of the pixels furthest from the thresholds on either labelled site 0.05 and 0.07 % are water, and
0.3 and 0.5 % land."""

CLOUD_WIDTH, CLOUD_SHARE, CLOUD_REACH = 5, 15, 11
"""A cloud fills 15 of 5 × 5 pixels, a roof does not; what lies within 5 pixels of it is taken for its edge."""

MARGIN = CLOUD_WIDTH // 2 + CLOUD_REACH // 2


def normalised_difference(one: Floats, other: Floats) -> Floats:
    """Return (one - other) / (one + other) within -1..1, NaN where the sum is not positive.

    Parameters
    ----------
    one, other
        Reflectance, same shape. MNDWI is of green and SWIR1 (Xu 2006), NDWI of green and NIR (McFeeters 1996).

    >>> normalised_difference(np.array([0.09], np.float32), np.array([0.01], np.float32)).round(2).tolist()
    [0.800000011920929]
    """
    total = one + other
    with np.errstate(invalid="ignore", divide="ignore"):
        index = np.clip((one - other) / total, np.float32(-1.0), np.float32(1.0))
        return np.where(total > 0, index, np.float32(np.nan)).astype(np.float32)


def water(bands: Bands, model: WaterModel) -> Floats:
    """Return the probability of open water, 0..1, NaN where a band is missing.

    Parameters
    ----------
    bands
        Green, and SWIR1 or NIR.
    model
        `TOP` or `SURFACE`.

    Notes
    -----
    Log-odds = min(a (MNDWI - m), b (NDWI - n)): water must be darker than green in SWIR and not much brighter in NIR. Turbid
    water passes the second where vegetation and mixed shores do not; buildings fail the first. Without SWIR, a (NDWI - n) alone;
    without NIR, MNDWI alone.
    """
    assert bands.green is not None  # noqa: S101 - `bands_of` has refused the rest
    log_odds = []
    if bands.swir1 is not None:
        index = normalised_difference(bands.green, bands.swir1)
        log_odds.append(np.float32(model.mndwi_slope) * (index - np.float32(model.mndwi)))
    if bands.nir is not None:
        index = normalised_difference(bands.green, bands.nir)
        slope, zero = (model.alone_slope, model.ndwi_alone) if bands.swir1 is None else (model.ndwi_slope, model.ndwi)
        log_odds.append(np.float32(slope) * (index - np.float32(zero)))
    chance = probability(np.asarray(np.minimum.reduce(log_odds), np.float32))
    return np.clip(chance, np.float32(LEAST), np.float32(MOST))


def cloud(bands: Bands) -> Mask:
    """Return where opaque cloud is: bright and white in the visible, bright in infrared too, over a patch and around it.

    Notes
    -----
    Visible mean above 0.30, whiteness sum |band - mean| / mean below 0.25, NIR above 0.30 and SWIR1 above 0.12 (snow is dark
    there), after the potential cloud pixels of Fmask (Zhu and Woodcock 2012, doi:10.1016/j.rse.2011.10.028), stricter
    since no temperature confirms them. Cirrus: reflectance at 1.37 micrometres above 0.012. Thin cloud passes: give flags.
    """
    visible = [band for band in (bands.blue, bands.green, bands.red) if band is not None]
    mean = np.asarray(np.sum(visible, axis=0), np.float32) / np.float32(len(visible))
    with np.errstate(invalid="ignore", divide="ignore"):
        whiteness = np.sum([np.abs(band - mean) for band in visible], axis=0) / mean
        bright = (mean > 0.30) & (whiteness < 0.25)
        for band, least in ((bands.nir, 0.30), (bands.swir1, 0.12), (bands.cirrus, None)):
            if band is not None and least is not None:
                bright &= band > least
        if bands.cirrus is not None:
            bright |= bands.cirrus > 0.012
    core = box_sum(bright.astype(np.uint8), CLOUD_WIDTH) >= CLOUD_SHARE
    return np.asarray(box_sum(core.astype(np.uint8), CLOUD_REACH) > 0)


def snow(bands: Bands) -> Mask | bool:
    """Return where snow or ice hides the ground: NDSI, which is MNDWI, above 0.4, and bright in green and NIR.

    Notes
    -----
    Hall et al. (1995), doi:10.1016/0034-4257(95)00137-P, has NIR above 0.11; turbid water reaches 0.24, so 0.25 here,
    in green too.
    """
    if bands.green is None or bands.swir1 is None or bands.nir is None:
        return False
    with np.errstate(invalid="ignore"):
        index = normalised_difference(bands.green, bands.swir1)
        return np.asarray((index > 0.4) & (bands.nir > 0.25) & (bands.green > 0.25))


def shadow(bands: Bands, chance: Floats) -> Mask | bool:
    """Return where the ground is too dark to be told from water, and yet does not fall from NIR to SWIR as water does.

    Parameters
    ----------
    bands
        Green, NIR and SWIR1; without them no shadow is told.
    chance
        Probability of open water.

    Notes
    -----
    Dark is below 0.12 in green, NIR and SWIR1. Water that dark has SWIR1 / NIR well below 0.9, for absorption rises by an order
    of magnitude between them; bare and built ground in shadow has the ratio of lit ground, about 1. Vegetation in shadow stays
    brighter in NIR than in green and is seen as land. Below 0.02 in SWIR1 the ratio says nothing.
    """
    if bands.green is None or bands.nir is None or bands.swir1 is None:
        return False
    with np.errstate(invalid="ignore"):
        dark = (bands.green < 0.12) & (bands.nir < 0.12) & (bands.swir1 < 0.12)
        land = (bands.swir1 > 0.9 * bands.nir) & (bands.swir1 > 0.02)
        green = normalised_difference(bands.green, bands.nir) < -0.25
        return np.asarray(dark & land & ~green & (chance > 0.02))


def hidden(bands: Bands, chance: Floats) -> Mask:
    """Return where the image shows no ground: no data, cloud, snow, or darkness that may be shadow.

    Parameters
    ----------
    bands
        As `water` takes them.
    chance
        What it gave.
    """
    return np.asarray(~np.isfinite(chance) | cloud(bands) | snow(bands) | shadow(bands, chance))
