"""The level of open water at one incidence angle: against the published slope and the definitions of the three coefficients."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mitoshi.core.errors import InputError
from mitoshi.methods.sar.incidence import CO_SLOPE, REFERENCE_DEG, SWATH_DEG, WaterSlopes, level_shift, weighted_shift

ANGLES = np.linspace(*SWATH_DEG, 18)


def published_water(angle):
    """Sigma nought of open water in VV [dB], Bauer-Marschallinger et al. (2022): -0.394181 dB per degree, -4.142015 dB at 0."""
    return -0.394181 * angle - 4.142015


def test_published_water_has_one_level_over_the_swath():
    level = published_water(ANGLES) + level_shift("sigma0", ANGLES, CO_SLOPE)
    assert np.ptp(published_water(ANGLES)) > 6.5
    assert np.ptp(level) < 0.01
    # sigma nought over the cosine is gamma nought: -19.1 dB at 38 degrees is -18.1 dB.
    assert_allclose(level, published_water(38.0) - 10 * np.log10(np.cos(np.deg2rad(38.0))), atol=0.005)


def test_the_three_coefficients_of_one_surface_have_one_level():
    sigma = np.full(ANGLES.shape, 0.01)
    gamma, beta = sigma / np.cos(np.deg2rad(ANGLES)), sigma / np.sin(np.deg2rad(ANGLES))
    levels = [
        10 * np.log10(power) + level_shift(kind, ANGLES, CO_SLOPE)
        for kind, power in (("sigma0", sigma), ("gamma0", gamma), ("beta0", beta))
    ]
    assert_allclose(levels[1], levels[0], atol=1e-5)
    assert_allclose(levels[2], levels[0], atol=1e-5)


def test_gamma_nought_at_the_reference_is_left_exactly():
    assert level_shift("gamma0", REFERENCE_DEG, CO_SLOPE) == 0.0


def test_unknown_angles_stay_unknown_and_steep_faces_are_the_swaths_ends():
    found = level_shift("gamma0", np.array([np.nan, 0.0, -5.0, 90.0, 10.0, 29.0, 46.0, 70.0]), CO_SLOPE)
    assert np.isnan(found[:4]).all()
    assert found[4] == found[5] < 0.0 < found[6] == found[7]


def test_each_polarisation_counts_by_its_weight():
    slopes = WaterSlopes(-0.4, -0.1)
    one = weighted_shift("sigma0", ("VV", "VH"), (0.25, 0.75), ANGLES, slopes)
    parts = 0.25 * level_shift("sigma0", ANGLES, -0.4) + 0.75 * level_shift("sigma0", ANGLES, -0.1)
    assert_allclose(one, parts, atol=1e-5)


def test_stretched_grey_has_no_level():
    with pytest.raises(InputError, match="relative_backscatter has no absolute level"):
        level_shift("relative_backscatter", 38.0, CO_SLOPE)
