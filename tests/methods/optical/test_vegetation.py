"""Vegetation indices at values that can be done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mitoshi.core.errors import InputError
from mitoshi.methods.optical.vegetation import ndvi, red_and_near_infrared, relative_ndvi_change


def test_ndvi_and_its_relative_change():
    red, infrared = (np.array(v, "float32") for v in ([0.25, 0.0, 0.1], [0.75, 0.0, np.nan]))
    found = ndvi(red, infrared)
    assert found[0] == 0.5
    assert np.isnan(found[1:]).all()
    change = relative_ndvi_change(np.array([0.8, 0.04], "float32"), np.array([0.2, 0.04], "float32"))
    assert change[0] == pytest.approx(-0.6)
    assert np.isnan(change[1])


def test_bands_are_found_by_the_names_of_the_sensors():
    assert red_and_near_infrared(["B02", "B03", "B04", "B05", "B08"]) == (2, 4)
    assert red_and_near_infrared(["B04", "B05"]) == (0, 1)
    assert red_and_near_infrared(["nir", "red"]) == (1, 0)
    with pytest.raises(InputError, match="near-infrared"):
        red_and_near_infrared(["red", "green"])
