"""What hides the ground in a picture whose scale need not be known: opaque cloud, and shadow without light.

Cloud scatters all visible light alike: it is bright and white, and wider than a roof. Where nothing but the noise of the sensor
and the haze is left, colours and patterns say nothing of the ground.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mitoshi.methods.optical.bands import positions
from mitoshi.methods.statistics.windows import box_sum

if TYPE_CHECKING:
    from mitoshi.core.quantity import Raster

__all__ = ["COVER_MARGIN", "cover_of", "covered", "dark", "masked", "visible", "without"]

BRIGHT_COUNT, DARK_COUNT, LARGEST_COUNT = 180.0, 10.0, 255.0
"""Of 255. Patches brighter than 180 in all bands and white do not occur in 20 clear tiles of Hokkaido 2018 and cover at most
0.16 % of clear scenes of half a metre (large roofs); 10 and less are 0.03 % of those tiles.
Counts above 255 have another scale: of them nothing is told."""

BRIGHT_REFLECTANCE, DARK_REFLECTANCE = 0.30, 0.005
"""Cloud as in `mitoshi.methods.optical.water.cloud`; the dark one is an assumption: the correction for air errs more."""

WHITENESS = 0.15
"""Largest less smallest visible band over their mean, below which a bright pixel is white."""

PATCH, SHARE, REACH = 9, 73, 17
"""A cloud or shadow fills 73 (nine tenths) of 9 × 9 pixels; what lies within 8 pixels of such a middle is it or its edge."""

COVER_MARGIN = PATCH // 2 + REACH // 2
"""Pixels around one on which its cover depends."""


def cover_of(image: Raster) -> NDArray[np.bool_]:
    """Return where cloud or lightless shadow hides the ground in an optical image, shape (y, x); see `covered`."""
    values = np.asarray(image.to_numpy(), np.float32)
    stack = values if values.ndim == 3 else values[None]
    counts = image.attrs.get("quantity") == "digital_number"
    if counts:
        stack = np.where((stack == 0).all(axis=0), np.float32(np.nan), stack)  # fill, not darkness
    return covered(visible(image, stack), counts=counts)


def masked(mask: Raster) -> NDArray[np.bool_]:
    """Return where a given mask hides the ground, shape (y, x): where it is not 0, and where it says nothing."""
    return np.asarray(~(mask.to_numpy() == 0))


def without(image: Raster, hidden: NDArray[np.bool_]) -> Raster:
    """Return an image that is missing where it is hidden."""
    if not hidden.any():
        return image
    return image.copy(data=np.where(hidden, np.float32(np.nan), np.asarray(image.to_numpy(), np.float32)))


def visible(image: Raster, values: NDArray[Any]) -> NDArray[Any]:
    """Return the visible bands of an image, all where it does not name them; shape (band, y, x)."""
    names = [str(name) for name in np.atleast_1d(image["band"].to_numpy())] if "band" in image.coords else []
    places = positions(names) if len(names) == len(values) else {}
    chosen = [places[band] for band in ("blue", "green", "red") if band in places]
    return values[chosen] if chosen else values


def dark(bands: NDArray[Any], *, counts: bool) -> NDArray[np.bool_]:
    """Return where every band is too dark to tell one ground from another, shape (y, x).

    Parameters
    ----------
    bands
        Visible bands, shape (band, y, x); digital numbers or reflectance.
    counts
        Whether they are digital numbers, of which 255 is the largest.

    >>> dark(np.array([[[3.0, 40.0]], [[2.0, 50.0]]]), counts=True).tolist()
    [[True, False]]
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(bands.max(axis=0) <= (DARK_COUNT if counts else DARK_REFLECTANCE))


def covered(bands: NDArray[Any], *, counts: bool) -> NDArray[np.bool_]:
    """Return where a patch of opaque cloud or of lightless shadow, or its edge, hides the ground, shape (y, x).

    Parameters
    ----------
    bands
        Visible bands, shape (band, y, x), NaN where missing. Of a single band no cloud is told: nothing shows that it is white.
    counts
        Whether they are digital numbers, of which 255 is the largest.

    Notes
    -----
    Bright and white as the potential cloud pixels of Fmask (Zhu and Woodcock 2012, doi:10.1016/j.rse.2011.10.028), stricter
    since neither infrared nor temperature confirms them. Thin cloud, its shadow and smoke pass.
    """
    if bands.shape[0] < 2:
        return np.zeros(bands.shape[1:], bool)
    with np.errstate(invalid="ignore", divide="ignore"):
        darkest, brightest = bands.min(axis=0), bands.max(axis=0)
        white = brightest - darkest < WHITENESS * bands.mean(axis=0)
        bright = (darkest >= (BRIGHT_COUNT if counts else BRIGHT_REFLECTANCE)) & white
        if counts:
            bright &= brightest <= LARGEST_COUNT
    hidden = _patches(bright)
    hidden |= _patches(dark(bands, counts=counts))
    return hidden


def _patches(like: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if not like.any():
        return np.zeros(like.shape, bool)
    core = box_sum(like.astype(np.uint8), PATCH) >= SHARE
    return np.asarray(box_sum(core.astype(np.uint8), REACH) > 0)
