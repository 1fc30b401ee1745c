"""Okada 1985, Bull. Seismol. Soc. Am. 75, 1135-1154: table 2, checklist for numerical calculations.

The numbers were read in F. Beauducel's transcription (okada85_checklist.m). Case 4, with dip -90 degrees, is the same fault seen
from its other side and upside down: dip 90, bottom edge at 6, and the strike slip reversed.
"""

from __future__ import annotations

import numpy as np
import pytest

from mitoshi.core.errors import InputError
from mitoshi.methods.hydraulics.okada import Fault, displacement, fault_frame_displacement

STRIKE, DIP, OPENING = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
TABLE_2 = [
    ((2, 3, 4, 70), STRIKE, (-8.689e-3, -4.298e-3, -2.747e-3)),
    ((2, 3, 4, 70), DIP, (-4.682e-3, -3.527e-2, -3.564e-2)),
    ((2, 3, 4, 70), OPENING, (-2.660e-4, 1.056e-2, 3.214e-3)),
    ((0, 0, 4, 90), STRIKE, (0, 5.253e-3, 0)),
    ((0, 0, 4, 90), DIP, (0, 0, 0)),
    ((0, 0, 4, 90), OPENING, (1.223e-2, 0, -1.606e-2)),
    ((0, 0, 6, 90), (-1.0, 0.0, 0.0), (0, -1.303e-3, 0)),
    ((0, 0, 6, 90), DIP, (0, 0, 0)),
    ((0, 0, 6, 90), OPENING, (3.507e-3, 0, -7.740e-3)),
]


@pytest.mark.parametrize(("place", "slips", "expected"), TABLE_2)
def test_table_2(place, slips, expected):
    x, y, depth, dip = place
    moved = fault_frame_displacement(
        np.array([float(x)]), np.array([float(y)]), depth_m=depth, dip_deg=dip, length_m=3.0, width_m=2.0, slips_m=slips
    )
    for got, truth in zip(moved, expected, strict=True):
        digit = 10.0 ** (np.floor(np.log10(abs(truth))) - 3) if truth else 1e-12
        assert got[0] == pytest.approx(truth, abs=0.5001 * digit)


@pytest.mark.parametrize("strike", [0.0, 37.0, 90.0, 200.0])
def test_map_frame_turns_with_the_strike(strike):
    """Case 2 placed on a map: centre of the top edge, strike clockwise from north."""
    turn = np.radians(strike)
    dip = np.radians(70.0)
    along, left = 2.0 - 1.5, 3.0 - 2.0 * np.cos(dip)
    east = along * np.sin(turn) - left * np.cos(turn)
    north = along * np.cos(turn) + left * np.sin(turn)
    fault = Fault(0.0, 0.0, 4.0 - 2.0 * np.sin(dip), strike, 70.0, 90.0, 3.0, 2.0, 1.0)
    moved = displacement(np.array([east]), np.array([north]), fault)
    assert moved.up[0] == pytest.approx(-3.564e-2, abs=5e-6)
    assert moved.x[0] * np.sin(turn) + moved.y[0] * np.cos(turn) == pytest.approx(-4.682e-3, abs=5e-7)
    assert -moved.x[0] * np.cos(turn) + moved.y[0] * np.sin(turn) == pytest.approx(-3.527e-2, abs=5e-6)


def test_thrust_lifts_the_sea_floor_above_it_by_no_more_than_the_slip():
    """A shallow thrust of 4 m: uplift above the upper part, less than slip x sin(dip) plus bulge, subsidence behind."""
    east, north = np.meshgrid(np.arange(-1e5, 1e5, 2e3), np.arange(-1e5, 1e5, 2e3))
    moved = displacement(east, north, Fault(0.0, 0.0, 5e3, 0.0, 35.0, 90.0, 1e5, 3e4, 4.0))
    assert 1.0 < moved.up.max() < 4.0
    assert moved.up.min() < -0.1
    assert np.isfinite(moved.up).all()
    crest = np.unravel_index(moved.up.argmax(), moved.up.shape)
    assert -1e4 < east[crest] < 2e4


def test_vertical_limit_is_continuous():
    """The limits for a vertical fault join those of one 1.7e-4 rad off: they differ by less than that times the slip."""
    x, y = np.meshgrid(np.linspace(-5, 5, 11) + 0.1, np.linspace(-5, 5, 11) + 0.1)
    given = {"depth_m": 4.0, "length_m": 3.0, "width_m": 2.0, "slips_m": (1.0, 0.7, 0.3)}
    near = fault_frame_displacement(x, y, dip_deg=89.99, **given)
    limit = fault_frame_displacement(x, y, dip_deg=90.0, **given)
    for a, b in zip(near, limit, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.parametrize("wrong", [{"depth_top_m": -1.0}, {"dip_deg": 0.0}, {"width_m": 0.0}, {"slip_m": np.nan}])
def test_impossible_faults_are_refused(wrong):
    fault = Fault(0.0, 0.0, 1e3, 0.0, 45.0, 90.0, 1e4, 1e4, 1.0)._replace(**wrong)
    with pytest.raises(InputError):
        displacement(np.zeros(1), np.zeros(1), fault)
