"""Numbers are recorded as decimals at a declared step: the last bits of a library do not show, and nothing finer is accepted."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mitoshi.core.product import Figure
from mitoshi.core.resolution import (
    FINEST,
    digits_step,
    recorded_figure,
    rounded,
    to_digits,
    to_step,
    total_step,
    within_step,
)
from mitoshi.core.text import Text

NUMBERS = st.floats(-1e15, 1e15, allow_nan=False)


def figure(value, lower=None, upper=None, units="km2", resolution=None):
    return Figure("f", Text("figure", "値"), value, lower, upper, units, 0.9, None, resolution)


@given(NUMBERS)
def test_the_last_bits_of_a_total_do_not_show(value):
    """Only where two neighbours lie on both sides of a half step may they differ, and then by one step."""
    step = total_step(value)
    one = rounded(value, step)
    two = rounded(np.nextafter(value, math.inf), total_step(np.nextafter(value, math.inf)))
    assert within_step(one, two, max(step, total_step(two))) or one == two
    assert abs(Decimal(one) - Decimal(value)) <= Decimal(step) * Decimal("0.5000001")


@given(NUMBERS)
def test_significant_digits_are_those_of_decimal_writing(value):
    found = float(to_digits(np.array([value]))[0])
    if (
        0 < abs(value) < 1e-16
    ):  # 10**23 and above are no exact floats; what is left is the same everywhere, but no short decimal
        return
    exact = Decimal(value)
    step = Decimal(1).scaleb(exact.adjusted() - 5) if value else Decimal(0)
    assert abs(Decimal(found) - exact) <= step * Decimal("0.5000001")
    assert float(f"{found:.7g}") == found  # a short decimal: no power of ten left its last bit
    np.testing.assert_array_equal(to_digits(np.array([found])), [found])


def test_steps_of_any_size_give_short_decimals():
    assert to_step(np.array([0.3000001, 0.29, np.inf]), 0.1).tolist()[:2] == [0.3, 0.3]
    assert [rounded(v, 0.05) for v in (0.274, 0.276, -0.01)] == [0.25, 0.3, 0.0]
    assert rounded(1234567890.4, 100.0) == 1234567900.0
    assert math.isnan(rounded(math.nan, 0.1))


def test_a_number_between_two_steps_is_none_that_a_run_records():
    assert within_step(23560.46, 23560.46, 1e-5)
    assert within_step(23560.46001, 23560.46, 1e-5)
    assert not within_step(23560.46002, 23560.46, 1e-5)
    assert not within_step(23560.460004, 23560.46, 1e-5)  # nearer, but no multiple of the step
    assert within_step(23560.5, 23560.46, 1e-5, slack=0.1)


def test_what_cancels_is_nothing():
    assert rounded(1e-17, total_step(1e-17)) == 0.0
    assert total_step(0.0) == FINEST
    assert digits_step(0.0, 7) == 0.0


@pytest.mark.parametrize(
    ("given_figure", "expected", "step"),
    [
        (figure(24.125360892226677, 20.0, 30.1234567), (24.125361, 20.0, 30.123457), 1e-6),
        (figure(1234567.8916, units="1"), (1234567.892, None, None), 1e-3),  # people are counted, however many
        (figure(0.000123456789, units="m3"), (0.000123457, None, None), 1e-9),  # a flume in a laboratory
        (figure(23560.460000000003, 1.0, 1e5, units="t"), (23560.46, 1.0, 1e5), 1e-3),
        (figure(0.30000000000000004, units="acre-foot"), (0.3, None, None), 1e-7),  # units that nothing is declared for
        (figure(17.26, 10.0, 20.0, "m", 0.5), (17.5, 10.0, 20.0), 0.5),
        (figure(0.0), (0.0, None, None), 1e-6),
    ],
)
def test_figures_are_recorded_at_the_step_that_they_state(given_figure, expected, step):
    found = recorded_figure(given_figure)
    assert found[2:5] == expected
    assert found.resolution == step
    assert recorded_figure(found) == found


def test_a_figure_that_could_not_be_determined_has_no_resolution():
    found = recorded_figure(figure(math.nan, units="1"))
    assert math.isnan(found.value)
    assert found.resolution is None
