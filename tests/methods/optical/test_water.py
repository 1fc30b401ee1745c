"""Indices, probability and masks of open water at values that can be done by hand, and on spectra of known covers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from mitoshi.core.errors import InputError
from mitoshi.methods.optical.bands import Bands, bands_of, positions
from mitoshi.methods.optical.forward import BANDS, CLOUD, REFLECTANCE, TURBID, surface_reflectance
from mitoshi.methods.optical.quality import bare_ground_seen
from mitoshi.methods.optical.water import (
    MARGIN,
    SURFACE,
    TOP,
    cloud,
    hidden,
    normalised_difference,
    shadow,
    snow,
    water,
)

WATERS = {0: "sea", 1: "water"}
LANDS = {2: "bare", 3: "tarmac", 4: "paddy", 5: "grass", 6: "forest", 7: "urban", 8: "road"}


def field(blue=None, green=None, red=None, nir=None, swir1=None, cirrus=None, shape=(1, 1)):
    values = (blue, green, red, nir, swir1, None, cirrus)
    return Bands(*(None if v is None else np.full(shape, v, np.float32) for v in values))


def spectrum(values):
    return field(**dict(zip(("blue", "green", "red", "nir", "swir1"), values, strict=True)))


def seen_through(cover, *, shade):
    zeros, one = np.zeros((1, 1), np.float32), np.full((1, 1), shade, np.float32)
    kind = np.full((1, 1), cover)
    return spectrum(
        [float(surface_reflectance(kind, zeros, zeros > 1, zeros, zeros, one, band)[0, 0]) for band in BANDS]
    )


def test_normalised_difference_and_where_it_is_undefined():
    one = np.array([0.09, 0.0, -0.02, 0.1, np.nan], np.float32)
    other = np.array([0.01, 0.0, 0.01, -0.02, 0.1], np.float32)
    found = normalised_difference(one, other)
    assert found[0] == pytest.approx(0.8)
    assert found[3] == 1.0  # noise below zero in the infrared of clear water: the index stays within its range
    assert np.isnan(found[[1, 2, 4]]).all()


def test_probability_is_the_lesser_of_the_two_indices():
    # MNDWI = 0.05 / 0.15 = 1/3, NDWI = 0: log-odds min(20 (1/3 - 0.1), 25 (0 + 0.1)) = min(4.67, 2.5) = 2.5
    both = water(field(green=0.1, nir=0.1, swir1=0.05), TOP)[0, 0]
    assert both == pytest.approx(1 / (1 + math.exp(-2.5)), abs=1e-5)
    # At the surface the thresholds are 0 and -0.25: min(20/3, 6.25), cut at 0.995.
    assert water(field(green=0.1, nir=0.1, swir1=0.05), SURFACE)[0, 0] == pytest.approx(0.995)
    assert water(field(green=0.1, nir=0.1), TOP)[0, 0] == pytest.approx(0.5)  # NDWI alone
    assert water(field(green=0.11, swir1=0.09), TOP)[0, 0] == pytest.approx(0.5, abs=1e-5)  # MNDWI alone: 0.02 / 0.2
    assert np.isnan(water(field(green=0.1, nir=np.nan, swir1=0.05), TOP)).all()


def test_scale_does_not_matter_for_the_indices():
    dim, bright = (field(green=0.08 * k, nir=0.05 * k, swir1=0.02 * k) for k in (0.5, 2.0))
    np.testing.assert_allclose(water(dim, TOP), water(bright, TOP), rtol=1e-5)


@pytest.mark.parametrize("values", [*(REFLECTANCE[n] for n in WATERS), TURBID], ids=[*WATERS.values(), "turbid"])
def test_spectra_of_water_are_water_and_seen(values):
    bands = spectrum(values)
    chance = water(bands, SURFACE)
    assert chance[0, 0] > 0.9
    assert not hidden(bands, chance)[0, 0]


@pytest.mark.parametrize("cover", LANDS, ids=LANDS.values())
def test_lit_land_is_dry_and_seen(cover):
    bands = seen_through(cover, shade=0.0)
    chance = water(bands, SURFACE)
    assert chance[0, 0] < 0.2
    assert not hidden(bands, chance)[0, 0]


@pytest.mark.parametrize("shade", [0.5, 1.0])
@pytest.mark.parametrize("cover", LANDS, ids=LANDS.values())
def test_land_in_shadow_is_never_water(cover, shade):
    bands = seen_through(cover, shade=shade)
    chance = water(bands, SURFACE)
    assert chance[0, 0] < 0.5 or hidden(bands, chance)[0, 0]


def test_built_ground_in_full_shadow_is_not_observable_and_water_there_stays_water():
    for cover in (3, 7, 8):  # tarmac, urban, road
        dark = seen_through(cover, shade=1.0)
        assert shadow(dark, water(dark, SURFACE))[0, 0], LANDS[cover]
    pond = seen_through(1, shade=1.0)
    assert not shadow(pond, water(pond, SURFACE))[0, 0]
    assert shadow(field(green=0.1, swir1=0.1), np.ones((1, 1), np.float32)) is False  # without NIR nothing is told


def test_snow_has_the_index_of_water_and_is_not_taken_for_it():
    fresh = field(blue=0.85, green=0.85, red=0.82, nir=0.75, swir1=0.12)
    assert water(fresh, SURFACE)[0, 0] > 0.5  # so the mask is needed
    assert snow(fresh)[0, 0]
    assert not snow(spectrum(TURBID))[0, 0]
    assert snow(field(green=0.85, swir1=0.1)) is False


def cloudy(rows, columns, shape=(40, 40)):
    """Return grass with cloud on the given rows and columns."""
    stack = np.broadcast_to(REFLECTANCE[5][:, None, None], (5, *shape)).copy()
    stack[:, rows, columns] = CLOUD[:, None, None]
    return Bands(*stack, None, None)


def test_a_cloud_hides_itself_and_its_edge_but_a_roof_does_not():
    found = cloud(cloudy(slice(15, 25), slice(15, 25)))
    assert found[15:25, 15:25].all()
    assert found[20, 12]  # beside it
    assert not found[20, 15 - MARGIN - 1]
    assert not found[:5].any()
    assert not cloud(cloudy(slice(20, 23), slice(20, 23))).any()


def test_bright_sand_is_no_cloud_and_cirrus_is():
    shape = (20, 20)
    assert not cloud(field(0.30, 0.42, 0.52, 0.60, 0.65, shape=shape)).any()
    clear = {"blue": 0.1, "green": 0.1, "red": 0.1, "nir": 0.3, "swir1": 0.2, "shape": shape}
    assert cloud(field(**clear, cirrus=0.02)).all()
    assert not cloud(field(**clear, cirrus=0.004)).any()


@pytest.mark.parametrize(
    ("names", "right"),
    [
        (["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12"], (2, 7, 11)),  # Sentinel-2
        (["B02", "B03", "B8A", "B11"], (1, 2, 3)),
        (["B1", "B2", "B3", "B4", "B5", "B6", "B7"], (2, 4, 5)),  # Landsat 8, 9
        (["B02", "B03", "B04", "B05", "B06", "B07"], (1, 3, 4)),  # HLS L30
        (["B1", "B2", "B3", "B4", "B5", "B7"], (1, 3, 4)),  # Landsat 4 to 7
        (["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B10", "B11"], (2, 4, 5)),  # Landsat 8 level 1
        (["red", "Green", "nir08", "swir16"], (1, 2, 3)),
    ],
)
def test_names_of_bands(names, right):
    found = positions(names)
    assert (found["green"], found["nir"], found["swir1"]) == right


@pytest.mark.parametrize("names", [["band1", "band2", "band3"], ["B2", "B4", "B5"], ["VV", "VH"], []])
def test_names_that_say_nothing(names):
    assert positions(names) == {}


def image(names, quantity="surface_reflectance"):
    values = np.full((len(names), 3, 3), 0.1, np.float32)
    return xr.DataArray(values, dims=("band", "y", "x"), coords={"band": names}, attrs={"quantity": quantity})


def test_refusals_say_what_to_give():
    for names in (["red", "green", "blue"], ["band1", "band2", "band3"], ["red", "nir"]):
        with pytest.raises(InputError, match=r"after needs a green band .* got .*bands=blue\+green") as refused:
            bands_of(image(names), "after")
        assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match="single band without name"):
        bands_of(image(["green"]).isel(band=0, drop=True), "after")
    with pytest.raises(InputError, match=r"before holds digital numbers.*offset.*scale=0\.0001"):
        bands_of(image(["green", "nir"], "digital_number"), "before")
    infinite = image(["green", "nir"])
    infinite[0, 0, 0] = np.inf
    assert np.isnan(bands_of(infinite, "after").green[0, 0])


def test_quality_flags():
    def flags(values, scheme):
        return xr.DataArray(np.array([values]), dims=("y", "x"), attrs={"flag_scheme": scheme})

    # Sentinel-2: water, vegetation, shadow, cloud, snow, no data
    assert bare_ground_seen(flags([6, 4, 3, 9, 11, 0], "sentinel2-scl"), "q").tolist() == [[True, True, *[False] * 4]]
    # Landsat: clear water (bits 6, 7), cloud (3), cloud shadow (4), snow (5), fill (0)
    values = [0b11000000, 0b1000, 0b10000, 0b100000, 1]
    assert bare_ground_seen(flags(values, "landsat-qa-pixel"), "q").tolist() == [[True, *[False] * 4]]
    assert not bare_ground_seen(flags([np.nan], "sentinel2-scl"), "q").any()
    for scheme in (None, "opera-rtc-s1-mask"):
        with pytest.raises(InputError, match="quality holds flags of"):
            bare_ground_seen(flags([0], scheme), "quality")
