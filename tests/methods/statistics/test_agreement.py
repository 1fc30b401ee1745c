import numpy as np
import pytest

from mitoshi.methods.statistics.agreement import agreement, expected_calibration_error


def test_the_three_errors_of_a_small_map():
    mapped = np.array([1, 1, 1, 0, 0, 0], bool)
    truth = np.array([1, 1, 0, 1, 0, 0], bool)
    found = agreement(mapped, truth)
    assert found == (0.5, pytest.approx(1 / 3), pytest.approx(1 / 3), 6)
    only = agreement(mapped, truth, np.array([1, 1, 0, 0, 1, 1], bool))
    assert (only.intersection_over_union, only.pixels) == (1.0, 4)
    assert np.isnan(agreement(mapped & False, truth & False).intersection_over_union)


def test_calibrated_draws_have_no_calibration_error_and_a_biased_one_has_its_bias():
    p = np.random.default_rng(0).uniform(0, 0.8, 200_000)
    truth = np.random.default_rng(1).uniform(size=p.size) < p
    assert expected_calibration_error(p, truth) < 0.01
    assert expected_calibration_error(p + 0.2, truth) == pytest.approx(0.2, abs=0.01)
    assert expected_calibration_error(np.array([np.nan, 1.0]), np.array([False, True])) == 0.0
