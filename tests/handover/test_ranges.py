"""Numbers as ranges: whole people, probabilities in words, and a best estimate at the end of its range only where it is so."""

from __future__ import annotations

import pytest

from mitoshi.core.product import Figure
from mitoshi.core.text import Text
from mitoshi.handover.ranges import ranged


def said(value, lower, upper, units="place", language="en"):
    figure = Figure("cut_off_settlements", Text("", ""), value, lower, upper, units, 0.9)
    return ranged(figure, language).said.replace("\u202f", " ")


@pytest.mark.parametrize(
    ("bounds", "en", "ja"),
    [
        ((3.0, 0.0, 6.0), "0–6 places (best 3)", "0～6 か所（最良推定 3）"),
        ((6.0, 0.0, 6.0), "0–6 places (best 6, the upper end)", "0～6 か所（最良推定は上限の 6）"),
        ((0.0, 0.0, 33.0), "none likely, at most 33 places", "なしの見込み（多くても 33 か所）"),
        ((0.0075, 0.0, 0.0075), "none likely", "なしの見込み"),
        ((0.0, 0.0, 0.0), "0 places", "0 か所"),
    ],
)
def test_counts_in_words(bounds, en, ja):
    assert said(*bounds) == en
    assert said(*bounds, language="ja") == ja


def test_a_measured_quantity_keeps_its_numbers():
    assert said(0.0, 0.0, 2.2, units="m") == "0.0–2.2 m (best 0.0)"
