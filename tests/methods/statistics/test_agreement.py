import numpy as np
import pytest

from mitoshi.methods.statistics.agreement import agreement


def test_the_three_errors_of_a_small_map():
    mapped = np.array([1, 1, 1, 0, 0, 0], bool)
    truth = np.array([1, 1, 0, 1, 0, 0], bool)
    found = agreement(mapped, truth)
    assert found == (0.5, pytest.approx(1 / 3), pytest.approx(1 / 3), 6)
    only = agreement(mapped, truth, np.array([1, 1, 0, 0, 1, 1], bool))
    assert (only.intersection_over_union, only.pixels) == (1.0, 4)
    assert np.isnan(agreement(mapped & False, truth & False).intersection_over_union)
