"""The optical forward model: water index, cloud and shadow."""

from __future__ import annotations

import numpy as np
import pytest

from mitoshi.methods.optical.forward import BANDS, CLOUD, REFLECTANCE, surface_reflectance


def seen(band, kind, depth=0.0, opacity=0.0, shade=0.0, tall=False):
    full = lambda v, t=np.float32: np.full((2, 2), v, t)  # noqa: E731
    return surface_reflectance(
        full(kind, np.uint8), full(depth), full(tall, bool), full(0.0), full(opacity), full(shade), band
    )[0, 0]


def water_index(kind, depth=0.0, tall=False):
    green, swir = seen("B03", kind, depth, tall=tall), seen("B11", kind, depth, tall=tall)
    return (green - swir) / (green + swir)


def test_the_water_index_separates_water_from_land():
    assert water_index(0) > 0.3
    assert water_index(1) > 0.3
    for land in range(2, 9):
        assert water_index(land) < 0.0


def test_a_flood_looks_like_turbid_water_but_not_through_trees():
    assert water_index(4, depth=1.0) > 0.3
    assert water_index(6, depth=1.0, tall=True) < 0.0
    assert seen("B04", 4, depth=1.0) > seen("B04", 1)


@pytest.mark.parametrize("band", BANDS)
def test_cloud_hides_and_shadow_darkens(band):
    n = BANDS.index(band)
    assert seen(band, 6) == pytest.approx(REFLECTANCE[6, n])
    assert seen(band, 6, opacity=1.0) == pytest.approx(CLOUD[n])
    assert seen(band, 6, shade=1.0) < 0.7 * seen(band, 6)
