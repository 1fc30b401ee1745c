import math
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mitoshi.core.product import Figure
from mitoshi.core.text import Text
from mitoshi.evidence.typesetting import NO_END, NO_START, broken, shortened
from mitoshi.evidence.wording import Worded, moment, number, units, worded

AREA = Text("flooded area", "浸水面積")


def figure(value, lower=None, upper=None, units="km2", name="flooded_area", confidence=0.9, reason=None):
    return Figure(name, AREA, value, lower, upper, units, confidence, reason)


def plain(text):
    return text.replace("\u202f", " ")


@pytest.mark.parametrize(
    ("value", "lower", "upper", "said", "bounds"),
    [
        (21.372, 19.84, 23.11, "21.4 km²", "between 19.8 and 23.1 km²"),
        (0.01234, 0.0118, 0.0129, "0.0123 km²", "between 0.0118 and 0.0129 km²"),
        (123_456.0, 118_400.0, 128_900.0, "123 000 km²", "between 118 000 and 129 000 km²"),
        (5.0, 1.0, 9.0, "5 km²", "between 1 and 9 km²"),
        (0.0, 0.0, 0.5, "0.00 km²", "between 0.00 and 0.50 km²"),
    ],
)
def test_a_figure_is_said_as_finely_as_its_interval_allows(value, lower, upper, said, bounds):
    words = worded(figure(value, lower, upper), "en")
    assert plain(words.quantity) == said
    assert plain(words.interval) == f"{bounds} (90 % confidence interval)"


def test_the_interval_in_japanese():
    words = worded(figure(21.372, 19.84, 23.11), "ja")
    assert plain(words.quantity) == "21.4 km²"
    assert plain(words.interval) == "19.8～23.1 km²（90 %信頼区間）"


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e6), st.floats(0, 1))
def test_rounding_keeps_the_estimate_within_its_bounds(lower, width, share):
    words = worded(figure(lower + share * width, lower, lower + width, units="1", name="n"), "ja")
    low, high = words.interval.split("（")[0].split("～")

    def read(text):
        return float(text.replace("\u202f", "").replace("−", "-"))

    assert read(low) <= read(words.value) <= read(high)
    assert math.isclose(read(high) - read(low), width, rel_tol=0.4)


def test_a_figure_without_interval_says_why():
    words = worded(
        figure(
            0.0332, units="1", name="not_observable_share", reason=Text("a count of pixels is exact", "画素数は正確")
        ),
        "en",
    )
    assert plain(words.quantity) == "3.3 %"
    assert words.interval == "no interval: a count of pixels is exact"


def test_a_little_is_not_said_to_be_nothing():
    assert plain(worded(figure(0.0002, units="1", name="not_observable_share"), "en").quantity) == "<0.1 %"
    assert plain(worded(figure(0.9999, units="1", name="observed_share"), "en").quantity) == ">99.9 %"
    assert plain(worded(figure(1.0, units="1", name="observed_share"), "en").quantity) == "100 %"
    assert plain(worded(figure(0.0, units="1", name="observed_share"), "en").quantity) == "0 %"


def test_percent_is_said_like_a_share():
    assert plain(worded(figure(3.321, units="percent", name="not_observable_share"), "en").quantity) == "3.3 %"
    assert plain(worded(figure(0.02, units="percent", name="not_observable_share"), "en").quantity) == "<0.1 %"
    assert plain(worded(figure(3.3, 2.8, 4.1, units="percent", name="x"), "en").interval).startswith(
        "between 2.8 and 4.1 %"
    )


def test_counts_stay_whole():
    assert plain(worded(figure(12_345_678.0, units="1", name="buildings"), "en").quantity) == "12 345 678"


def test_what_is_not_determined_is_no_number():
    words = worded(figure(math.nan, math.nan, math.nan, reason=Text("counted, so it is exact", "計数のため正確")), "en")
    assert words.quantity == "not determined"
    assert words.interval == ""
    assert worded(figure(math.nan), "ja").quantity == "算出できません"
    unseen = figure(math.nan, reason=Text("unknown: no pixel was observed", "不明：観測された画素がありません"))
    assert worded(unseen, "ja").interval == "不明：観測された画素がありません"
    assert number(math.nan, 2) == "—"


def test_numbers_and_units():
    assert number(1234.5, 0) == "1234"  # half to even
    assert number(-0.04, 1) == "0.0"
    assert plain(number(99_999.9, 0)) == "100 000"
    assert number(1e300, 2).replace("\u202f", "") == f"1{300 * '0'}.00"
    assert plain(worded(figure(1e-300, 0.9e-300, 1.1e-300), "en").value).endswith("100")
    assert plain(units("Mg ha-1")) == "Mg ha⁻¹"
    assert units("km2") == "km²"
    assert units("percent") == "%"


def test_times_are_japanese_or_utc():
    time = datetime(2026, 11, 22, 12, 5, 59, tzinfo=UTC)
    assert moment(time, "ja") == "2026年11月22日 21:05 JST (UTC+9)"
    assert moment(time.astimezone(timezone(timedelta(hours=-5))), "en") == "2026-11-22 12:05 UTC"
    assert moment(datetime(2026, 12, 31, 15, 0), "ja") == "2027年1月1日 00:00 JST (UTC+9)"


TEXT = st.text(alphabet="浸水域はっーャ、。「」（）・km2 12.5%Sentinel_-/\u202f", max_size=80)


@given(TEXT, st.integers(6, 30))
def test_lines_fit_and_lose_nothing_but_spaces(text, width):
    lines = broken(text, width, len)
    assert all(len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(st.text(alphabet="浸水域の、。（）「」観測", min_size=1, max_size=60))
def test_kinsoku_holds_where_marks_do_not_pile_up(text):
    piled = any(a in NO_START | NO_END and b in NO_START | NO_END for a, b in pairwise(text))
    if piled:
        return
    for earlier, later in zip(lines := broken(text, 12, len), lines[1:], strict=False):
        assert later[0] not in NO_START
        assert earlier[-1] not in NO_END


def test_numbers_keep_their_units_and_dates_stay_whole():
    assert broken("面積は 12.3\u202fkm² です。", 9, len) == ["面積は", "12.3\u202fkm²", "です。"]
    assert "10\u202f件" in "".join(f"[{line}]" for w in range(4, 20) for line in broken("船舶は10\u202f件です", w, len))
    assert all(
        "10" not in line or "10\u202f件" in line for w in range(5, 20) for line in broken("船舶10\u202f件です", w, len)
    )
    assert all(
        "2026年" in line or "2026" not in line for w in range(6, 20) for line in broken("観測は2026年11月", w, len)
    )


def test_a_long_identifier_breaks_after_its_own_separator():
    assert broken("S1A_IW_GRDH_1SDV", 10, len) == ["S1A_IW_", "GRDH_1SDV"]


def test_what_is_shortened_says_so():
    assert shortened("abcdef", 4, len) == "abc…"


def test_the_lower_end_of_a_lopsided_interval_does_not_read_as_nothing():
    words = worded(figure(12_900.0, 2_600.0, 62_000.0, units="pixel"), "ja")
    assert (words.value, words.units) == ("13\u202f000", "画素")
    assert words.interval == "3000～62\u202f000\u202f画素（90\u202f%信頼区間）"
    assert worded(figure(0.31, 0.06, 1.5), "en").interval.startswith("between 0.06 and 1.50")


def test_people_and_things_are_whole_and_a_small_chance_of_one_is_no_number():
    hospital = Figure("hospitals_in_water", Text("", ""), 0.0075, 0.0, 0.0075, "1", 0.9)
    assert worded(hospital, "en") == Worded("none likely", "", "")
    assert worded(hospital, "ja").value == "なしの見込み"
    some = hospital._replace(name="total_loss_buildings", value=0.0, upper=33.0)
    assert worded(some, "en").interval.replace("\u202f", " ") == "at most 33 (90 % confidence interval)"
    assert worded(some, "ja").interval.replace("\u202f", " ") == "多くても33（90 %信頼区間）"
    shelters = hospital._replace(name="shelters_in_water", value=4.019, upper=6.4)
    assert worded(shelters, "en").value == "4"
    assert "between 0 and 6 " in worded(shelters, "en").interval.replace("\u202f", " ")
    unseen = hospital._replace(name="affected_population_unseen", value=3450.508, lower=None, upper=None)
    assert worded(unseen, "en").value == "3451"
    assert worded(hospital._replace(name="loss_share"), "en").quantity.startswith("0.8")  # a share is no count
