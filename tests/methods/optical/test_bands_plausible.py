"""Values that are no reflectance, whatever they are called."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from mitoshi.core.errors import InputError
from mitoshi.methods.optical.bands import bands_of
from mitoshi.methods.optical.forward import REFLECTANCE

NAMES = ["B02", "B03", "B04", "B08", "B11"]


def image(*spectra, scale=1.0, offset=0.0):
    """Return one pixel of each spectrum side by side."""
    values = (np.stack(spectra, axis=1)[:, None] * scale + offset).astype("float32")
    attrs = {"quantity": "surface_reflectance", "units": "1"}
    return xr.DataArray(values, dims=("band", "y", "x"), coords={"band": NAMES}, attrs=attrs)


def test_every_surface_of_the_simulation_passes_alone():
    for spectrum in REFLECTANCE:
        bands_of(image(spectrum), "after")
    bands_of(image(np.full(5, 1.4)), "after")  # snow or cloud facing the Sun
    bands_of(image(np.array([0.01, 0.01, 0.0, -0.02, -0.02])), "after")  # water, corrected too much
    bands_of(image(np.full(5, np.nan)), "after")


@pytest.mark.parametrize("surface", [1, 5])
def test_percent_and_an_offset_taken_off_twice_are_refused(surface):
    with pytest.raises(InputError, match=r"mean of .* in green, which is no reflectance; .*'#units=percent'"):
        bands_of(image(REFLECTANCE[surface], scale=100.0), "after")
    with pytest.raises(InputError, match=r"darkest band, which is no reflectance; an offset was taken off twice"):
        bands_of(image(REFLECTANCE[surface], offset=-0.1), "before")


def test_undeclared_no_data_is_refused_where_it_prevails():
    with pytest.raises(InputError, match="'no data' is not declared"):
        bands_of(image(REFLECTANCE[5], np.full(5, -0.9999)), "after")
