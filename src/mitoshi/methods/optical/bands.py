"""Bands of optical sensors by what they see, from the names that readers and files give them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mitoshi.core.quantity import Raster

__all__ = ["Bands", "bands_of", "positions"]

Layout: TypeAlias = "dict[str, tuple[str, ...]]"

COMMON: Layout = {
    "blue": ("blue",),
    "green": ("green",),
    "red": ("red",),
    "nir": ("nir", "nir08"),
    "swir1": ("swir1", "swir16"),
    "swir2": ("swir2", "swir22"),
    "cirrus": ("cirrus",),
}
"""Common names of the STAC extensions eo and raster, and their usual short forms."""

SENTINEL2: Layout = {
    "blue": ("2",),
    "green": ("3",),
    "red": ("4",),
    "nir": ("8", "8A"),
    "swir1": ("11",),
    "swir2": ("12",),
    "cirrus": ("10",),
}
LANDSAT_OLI: Layout = {
    "blue": ("2",),
    "green": ("3",),
    "red": ("4",),
    "nir": ("5",),
    "swir1": ("6",),
    "swir2": ("7",),
    "cirrus": ("9",),
}
LANDSAT_TM: Layout = {"blue": ("1",), "green": ("2",), "red": ("3",), "nir": ("4",), "swir1": ("5",), "swir2": ("7",)}


HIGHEST_MEAN, LOWEST_MEAN = 2.0, -0.04
"""Mean reflectance that no scene has: snow and cloud facing the Sun stay below 1.5; correction for air may leave water in
infrared some 0.02 below zero, while an offset of 0.1 taken off twice leaves vegetation in blue and water in infrared 0.06 to 0.1
below. An assumption: no such scene was at hand."""


class Bands(NamedTuple):
    """Reflectance by band, each (y, x) float32 with NaN where missing; None where the image lacks the band.

    Attributes
    ----------
    blue, green, red
        About 0.48, 0.56 and 0.66 micrometres.
    nir
        About 0.84 micrometres.
    swir1, swir2
        About 1.61 and 2.2 micrometres.
    cirrus
        About 1.37 micrometres, where water vapour hides the ground.
    """

    blue: NDArray[np.float32] | None
    green: NDArray[np.float32] | None
    red: NDArray[np.float32] | None
    nir: NDArray[np.float32] | None
    swir1: NDArray[np.float32] | None
    swir2: NDArray[np.float32] | None
    cirrus: NDArray[np.float32] | None


def positions(names: Sequence[str]) -> dict[str, int]:
    """Return the position of each band that the names state, by what it sees.

    Parameters
    ----------
    names
        In the image's order: common names (green, nir, swir16), or numbers of Sentinel-2, Landsat 4 to 9 or HLS.

    Returns
    -------
    dict
        Empty where the names say nothing. Numbers are Sentinel-2's where there is a band 8A or 12, or a band 8 or 11 without
        Landsat's 6; Landsat 8 and 9's, and HLS L30's, with 5 and 6; Landsat 4 to 7's with 1 and without 6.

    >>> positions(["B02", "B03", "B04", "B08", "B11"])
    {'blue': 0, 'green': 1, 'red': 2, 'nir': 3, 'swir1': 4}
    >>> positions(["SR_B3", "SR_B5", "SR_B6"])
    {'green': 0, 'nir': 1, 'swir1': 2}
    """
    lower = [name.strip().lower() for name in names]
    if "green" in lower:
        return _chosen(lower, COMMON)
    matches = [re.fullmatch(r"(?:SR_|TOA_)?B0?(\d{1,2}A?)", name.strip().upper()) for name in names]
    numbers = [match[1] if match else "" for match in matches]
    layout = _layout(set(numbers))
    return {} if layout is None else _chosen(numbers, layout)


def _chosen(names: list[str], layout: Layout) -> dict[str, int]:
    first = {band: next((names.index(n) for n in wanted if n in names), None) for band, wanted in layout.items()}
    return {band: place for band, place in first.items() if place is not None}


def _layout(numbers: set[str]) -> Layout | None:
    if numbers & {"8A", "12"} or (numbers & {"8", "11"} and "6" not in numbers):
        return SENTINEL2
    if {"5", "6"} <= numbers:
        return LANDSAT_OLI
    return LANDSAT_TM if "1" in numbers and numbers & {"4", "5"} and "6" not in numbers else None


def bands_of(image: Raster, argument: str) -> Bands:
    """Return the bands of an optical image by what they see.

    Parameters
    ----------
    image
        Reflectance, shape (band, y, x), with the names of its bands as coordinate.
    argument
        The caller's name for the image, used in messages.

    Returns
    -------
    Bands
        What is not finite is NaN.

    Raises
    ------
    InputError
        If the values are digital numbers, or there is neither green and SWIR1 nor green and NIR.
    """
    if image.attrs.get("quantity") == "digital_number":
        raise InputError(
            f"{argument} holds digital numbers, whose offset is not known; say '#quantity=surface_reflectance,scale=0.0001' or "
            "toa_reflectance (Sentinel-2 since processing baseline 04.00 also ',offset=-0.1')"
        )
    names = [str(name) for name in np.atleast_1d(image["band"].to_numpy())] if "band" in image.coords else []
    places = positions(names) if "band" in image.dims else {}
    if "green" not in places or not {"swir1", "nir"} & set(places):
        shown = ", ".join(names[:14]) or "a single band without name"
        raise InputError(
            f"{argument} needs a green band and one of short-wave or near infrared, got {shown}; give them, or name the bands "
            "'#quantity=surface_reflectance,bands=blue+green+red+nir+swir1'; a picture in red, green and blue shows no water"
        )
    layers = {band: _finite(image.isel(band=place).to_numpy()) for band, place in places.items()}
    _refuse_impossible(layers, argument)
    return Bands(**{band: layers.get(band) for band in Bands._fields})


def _refuse_impossible(layers: dict[str, NDArray[np.float32]], argument: str) -> None:
    """Refuse what is no reflectance on the average: a percentage, or an offset that was taken off twice."""
    green, darkest = layers["green"], np.fmin.reduce(list(layers.values()))
    seen = np.isfinite(green)
    if not seen.any():
        return
    mean, dark = (float(band[seen].mean(dtype=np.float64)) for band in (green, darkest))
    if mean > HIGHEST_MEAN:
        raise InputError(
            f"{argument} has a mean of {mean:.3g} in green, which is no reflectance; state the scale or the unit "
            "('#scale=0.0001', '#units=percent')"
        )
    if dark < LOWEST_MEAN:
        raise InputError(
            f"{argument} has a mean of {dark:.3g} in its darkest band, which is no reflectance; an offset was taken off twice, "
            "or 'no data' is not declared (say '#offset=0' or '#nodata=…')"
        )


def _finite(values: NDArray[Any]) -> NDArray[np.float32]:
    layer = np.asarray(values, np.float32)
    return np.where(np.isfinite(layer), layer, np.float32(np.nan))
