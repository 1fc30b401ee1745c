"""What in calibrated backscatter is no measurement, and what is."""

from __future__ import annotations

import numpy as np
import pytest

from mitoshi.methods.sar.calibration_offset import calibration_offset
from mitoshi.methods.sar.fill import REACH, observed_power


def speckled(level_db, seed=0, bands=1, side=60):
    speckle = np.random.default_rng(seed).gamma(4.4, 1 / 4.4, (bands, side, side))
    return (10 ** (np.asarray(level_db) / 10.0) * speckle).astype("float32")


@pytest.mark.parametrize(("level", "polarisation"), [(-29.0, "VV"), (-40.2, "VH"), (-9.0, "VV")])
def test_the_darkest_windows_of_real_water_are_measurements(level, polarisation):
    """Levels of the darkest 7 × 7 windows of the Sen1Floods11 chips."""
    power = speckled(level)
    np.testing.assert_array_equal(observed_power(power, (polarisation,)), power)


def test_a_clamped_cross_polarisation_beside_water_is_a_measurement():
    power = np.concatenate([speckled(-24.0), np.full((1, 60, 60), 10**-4.71, np.float32)])
    np.testing.assert_array_equal(observed_power(power, ("VV", "VH")), power)


def test_a_constant_patch_is_fill_in_all_bands_to_its_rim():
    power = speckled(-10.0, bands=2)
    power[0, 10:30, 5:25] = 0.02
    fill = np.zeros((60, 60), bool)
    fill[10:30, 5:25] = True
    np.testing.assert_array_equal(np.isnan(observed_power(power, ("VV", "VH"))), [fill, fill])


def test_a_pixel_depends_on_no_other_beyond_the_reach():
    power = np.where(np.arange(60) < 20, speckled(-43.0, 1), speckled(-10.0, 2)).astype("float32")
    whole = observed_power(power, ("VV",))
    part = observed_power(power[:, 7 - REACH + 3 :, 5:], ("VV",))
    np.testing.assert_array_equal(part[:, REACH:, REACH:], whole[:, 7 + 3 :, 5 + REACH :])
    assert np.isnan(whole[0, :, :20]).mean() > 0.99
    assert not np.isnan(whole[0, :, 20:]).any()


def test_an_offset_is_one_number_over_the_land():
    rng = np.random.default_rng(4)
    land = rng.uniform(-13.0, -5.0, (40, 40)).astype("float32")
    water, scatter = -16.0, rng.normal(0, 1.0, (40, 40)).astype("float32")
    flooded = land - np.where(np.arange(40) < 15, 12.0, 0.0)
    assert calibration_offset(land, land - 3.0 + scatter, water, water - 3.0) == pytest.approx(3.0, abs=0.15)
    assert calibration_offset(land, (flooded + 2.0).astype("float32"), water, water) == pytest.approx(-2.0, abs=0.15)
    assert calibration_offset(land, flooded.astype("float32"), water, water) == 0.0  # the rest did not change
    assert calibration_offset(land, land - 0.8, water, water) == 0.0  # within the radiometric accuracy
    assert calibration_offset(land, land - 3.0 + 4.0 * scatter, water, -99.0) == 0.0  # no one number
    assert calibration_offset(land, land - 12.0, water, water) == 0.0  # all of it is water now
