"""The rules of the chain by hand: certificate boundaries, insurance, waste, losses, pump trucks, common errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from impact_scene import band, depth_of, features, pixels
from numpy.testing import assert_allclose, assert_array_equal

from mitoshi.applications.disaster.impact_buildings import insured_depth, stock_of
from mitoshi.applications.disaster.impact_certificate import (
    DRY,
    NOT_OBSERVED,
    SURVEY,
    certificate_class,
    certificates,
    rules_apply,
)
from mitoshi.applications.disaster.impact_grid import grid_of
from mitoshi.applications.disaster.impact_losses import house_rate_range, house_tables, loss_rate, loss_rows
from mitoshi.applications.disaster.impact_pumps import PumpPlan, drainage_time, trucks_needed
from mitoshi.applications.disaster.impact_tables import table
from mitoshi.applications.disaster.impact_uncertainty import (
    HIGH,
    QUANTILES,
    Levels,
    counted,
    exceedance,
    levels_of,
    shifted,
)
from mitoshi.applications.disaster.impact_waste import (
    ABOVE,
    BELOW,
    HALF,
    LARGE_HALF,
    TOTAL,
    Houses,
    by_certificate,
    by_flooding,
    site_area,
    total_range,
    waste_of,
    waste_rows,
)
from mitoshi.core.errors import InputError

FLOOR = 0.5


def classes(depths, rule="six_classes"):
    depths = np.array(depths, float)
    return certificate_class(depths, np.full(depths.size, FLOOR), rule).tolist()


class TestCertificate:
    def test_the_boundaries_of_the_six_classes(self):
        """Above the floor half, from 0.5 m medium half, 1.0 m large half, 1.8 m total; up to the floor it is no half damage."""
        below = [0.0, 0.01, 0.5, 0.99, 1.49, 2.29]
        at = [math.nan, 0.51, 1.0, 1.5, 2.3, 6.0]
        assert classes(below) == [DRY, 1, 1, 3, 4, 5]
        assert classes(at) == [NOT_OBSERVED, 3, 4, 5, 6, 6]

    def test_the_notice_of_2018_knows_three_classes(self):
        assert classes([0.3, 0.51, 1.49, 1.5, 2.29, 2.3], "notice_2018") == [1, 3, 3, 5, 5, 6]

    def test_concrete_and_tall_houses_are_surveyed(self):
        structure = np.array([None, "wood", "unknown", "steel", "wood"], object)
        covered = rules_apply(structure, np.array([np.nan, 2, 1, 1, 3]))
        assert_array_equal(covered, [True, True, True, False, False])
        levels = Levels(np.full(5, 2.4), np.zeros(5))
        found = certificates(levels, np.full(5, FLOOR), covered, "six_classes", breach=True)
        assert_array_equal(found.code, [6, 6, 6, SURVEY, SURVEY])

    def test_without_the_force_of_a_breach_only_houses_below_the_floor_are_told_by_depth(self):
        levels = Levels(np.array([-np.inf, 0.3, 2.4, np.nan]), np.zeros(4))
        found = certificates(levels, np.full(4, FLOOR), np.ones(4, bool), "six_classes", breach=False)
        assert_array_equal(found.code, [DRY, 1, SURVEY, NOT_OBSERVED])

    def test_the_range_of_depth_is_a_range_of_classes(self):
        levels = Levels(np.array([1.6]), np.array([0.5]))  # 0.78 to 2.42 m: 0.28 to 1.92 m above the floor
        found = certificates(levels, np.array([FLOOR]), np.ones(1, bool), "six_classes", breach=True)
        assert (found.lower[0], found.code[0], found.upper[0]) == (3, 5, 6)


class TestCommonErrors:
    levels = Levels(np.array([1.0, 0.4, -np.inf, np.nan, -0.3]), np.array([0.3, 0.3, 0.3, 0.3, 0.3]))

    def test_shifts_move_wet_ground_and_low_dry_ground_together(self):
        assert_allclose(shifted(self.levels, HIGH), [1 + HIGH * 0.3, 0.4 + HIGH * 0.3, 0, np.nan, HIGH * 0.3 - 0.3])
        assert_allclose(shifted(self.levels, -HIGH), [1 - HIGH * 0.3, 0, 0, np.nan, 0])

    def test_a_depth_stored_in_single_precision_is_not_above_a_floor_of_the_same_height(self):
        stored = np.array([0.3, 0.45, 0.8], np.float32).astype(float)
        found = levels_of(stored, np.zeros(3))
        assert not (shifted(found, 0.0) > np.array([0.3, 0.45, 0.8])).any()

    def test_the_probability_is_that_of_the_normal_distribution(self):
        assert_allclose(exceedance(self.levels, 0.4), [0.97725, 0.5, 0, np.nan, 0.00982], atol=1e-4)
        certain = Levels(np.array([0.5, 0.4]), np.zeros(2))
        assert_array_equal(exceedance(certain, 0.45), [1, 0])

    def test_counts_and_their_range(self):
        assert counted(self.levels, 0.0) == (2, 1, 3)
        assert counted(self.levels, 0.45) == (1, 1, 2)
        assert counted(self.levels, 0.0, weight=np.array([10.0, 5, 1, 7, np.nan])) == (15, 10, 15)

    def test_the_range_covers_nine_in_ten_of_floods_with_a_common_error(self):
        rng = np.random.default_rng(8)
        truth = np.maximum(rng.normal(0.6, 0.6, 4000), 0.0)
        covered = 0
        for common in rng.normal(0, 0.25, 400):
            seen = np.where(truth > 0, np.maximum(truth + common, 0.01), 0.0)
            found = counted(levels_of(seen, np.full(seen.size, 0.25)), 0.45)
            covered += found.lower <= (truth > 0.45).sum() <= found.upper
        assert 0.86 <= covered / 400 <= 0.94

    def test_the_quantiles_are_those_of_ten_equal_parts(self):
        assert len(QUANTILES) == 10
        assert QUANTILES[0] == pytest.approx(-1.645, abs=1e-3)


class TestInsurance:
    def test_above_the_floor_or_more_than_45_cm(self):
        assert_allclose(insured_depth(np.array([0.3, 0.5, 0.9])), [0.3, 0.45, 0.45])


class TestWaste:
    houses = Houses(np.full(5, np.nan), np.ones(5, bool))
    categories = np.array([TOTAL, LARGE_HALF, HALF, ABOVE, BELOW])

    def of(self, name):
        return next(s for s in table("waste")["sets"] if s["id"] == name)

    def test_every_set_by_hand(self):
        assert_allclose(waste_of(self.categories, self.houses, self.of("moe_2018")), [117, 23, 23, 4.60, 0.62])
        assert_allclose(
            waste_of(self.categories, self.houses, self.of("floods_2009_2018")), [70.683, 9.373, 9.373, 5.137, 0.278]
        )
        assert_allclose(waste_of(self.categories, self.houses, self.of("mlit_2013")), [12.87, 9.79, 6.51, 4.61, 0.62])

    def test_the_revised_formula(self):
        """A wooden house of 95.4 m2 at 0.6 t/m2 is 57.24 t, its half a fifth of that; concrete of 200 m2 is 240 t."""
        formula = self.of("moe_revised")
        assert_allclose(waste_of(self.categories, self.houses, formula), [57.24, 11.448, 11.448, 4.60, 0.62])
        concrete = Houses(np.array([200.0]), np.array([False]))
        assert_allclose(waste_of(np.array([TOTAL]), concrete, formula), [240])
        assert_allclose(waste_of(np.array([HALF]), concrete, formula, 0.5), [120])

    def test_all_sets_are_rows_and_the_total_is_their_range(self):
        three = (self.categories, self.categories, self.categories)
        rows = [row for row, _ in waste_rows("certificate", three, self.houses)]
        assert [r.unit_set for r in rows] == ["moe_2018", "moe_revised", "floods_2009_2018", "mlit_2013"]
        assert rows[0].waste == pytest.approx(117 + 23 + 23 + 4.6 + 0.62)
        assert rows[1].lower == pytest.approx(57.24 + 5.22)  # b = 0
        assert rows[1].upper == pytest.approx(57.24 + 57.24 + 5.22)  # b = 0.5, two houses
        middle, lower, upper = total_range(rows)
        assert lower == pytest.approx(rows[1].lower)
        assert upper == pytest.approx(168.22)
        assert lower < middle < upper

    def test_categories(self):
        depth = np.array([0.0, 0.5, 0.51, np.nan])
        assert_array_equal(by_flooding(depth, np.full(4, FLOOR)), [0, BELOW, ABOVE, 0])
        codes = np.array([0, 1, 3, 4, 5, 6, SURVEY, NOT_OBSERVED])
        flooding = np.full(8, ABOVE)
        assert_array_equal(by_certificate(codes, flooding), [0, BELOW, HALF, HALF, LARGE_HALF, TOTAL, ABOVE, 0])

    def test_temporary_storage(self):
        """Izumo's plan: 41,270 t of combustibles need 39,207 m2 and 41,675 t of the rest 14,397 m2, at 1.9 times the room."""
        least, most = site_area(41_675.0, 41_270.0)
        assert most / 2.0 * 1.9 == pytest.approx(39_207, abs=1)
        assert least / 1.8 * 1.9 == pytest.approx(14_397, abs=1)


class TestLosses:
    def test_rates_step_at_the_depths_above_the_floor(self):
        rates = house_tables("A")[0]
        depth = np.array([0.0, 0.3, 0.51, 0.99, 1.0, 1.5, 2.5, 3.5, 9.0, np.nan])
        assert_allclose(
            loss_rate(depth, np.full(10, FLOOR), rates),
            [0, 0.047, 0.189, 0.189, 0.253, 0.406, 0.592, 0.8, 0.8, np.nan],
        )

    def test_a_house_by_hand(self):
        """100 m2 in 1.2 m of water, floor at 0.5 m: 25.3 m2 are lost by the manual of 2025."""
        levels = Levels(np.array([1.2, 0.0]), np.zeros(2))
        rows = loss_rows(levels, np.full(2, FLOOR), np.array([100.0, 100.0]), np.array([1.0, 1.0]), "all")
        assert [(r.item, r.rates) for r in rows] == [
            ("house", "r7_a"), ("house", "h17_a"), ("house", "h17_b"), ("house", "h17_c"), ("household", "h17"),
        ]  # fmt: skip
        assert rows[0].extent == pytest.approx(25.3)
        assert rows[-1].extent == pytest.approx(0.326)

    def test_the_range_spans_tables_and_depths(self):
        levels = Levels(np.array([1.2]), np.array([0.5]))  # 0.38 to 2.02 m
        value, lower, upper = house_rate_range(levels, np.array([FLOOR]), "all")
        assert (value[0], lower[0], upper[0]) == (0.253, 0.032, 0.406)

    def test_every_table_says_where_it_is_from(self):
        for rates in (*table("losses")["house"], *table("losses")["household"], *table("waste")["sets"]):
            assert rates["source"]
            assert rates["status"]
        assert {t["status"] for t in table("losses")["house"] if t["id"].startswith("h17")} == {"unconfirmed"}

    def test_rates_rise_with_depth_and_slope(self):
        for rates in table("losses")["house"]:
            assert sorted(rates["rates"]) == rates["rates"]
        a, b, c = (house_tables(s)[-1]["rates"] for s in "ABC")
        assert all(x < y < z for x, y, z in zip(a, b, c, strict=True))


class TestPumps:
    plan = PumpPlan(24.0, 0.0, 30.0, 1.0, 0.0)

    def test_a_pool_of_300_m3_takes_one_truck_ten_minutes(self):
        assert drainage_time(300.0, 1, self.plan) == pytest.approx(10 / 60)

    def test_as_many_trucks_as_the_volume_needs_and_no_more(self):
        """One truck pumps 43,200 m3 in a day."""
        assert trucks_needed(0.0, self.plan) == 0
        assert trucks_needed(1.0, self.plan) == 1
        assert trucks_needed(43_200.0, self.plan) == 1
        assert trucks_needed(43_201.0, self.plan) == 2
        assert trucks_needed(432_000.0, self.plan) == 10

    def test_inflow_and_efficiency(self):
        """n >= (V/T + Q) / (q eta) = (1 + 1) / (0.5 x 0.8) = 5 for 3,600 m3 in an hour with 1 m3/s coming in."""
        plan = PumpPlan(1.0, 1.0, 30.0, 0.8, 0.0)
        assert trucks_needed(3600.0, plan) == 5
        assert drainage_time(3600.0, 5, plan) == pytest.approx(1.0)
        assert drainage_time(3600.0, 2, plan) == math.inf


class TestDistricts:
    def test_a_district_that_crosses_itself_once_counts_and_one_that_does_so_thousands_of_times_is_refused(self):
        import shapely

        from mitoshi.applications.disaster.impact_districts import district_of
        from mitoshi.core.errors import InputError

        tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
        points = shapely.points([[1.8, 1.0], [1.0, 1.8], [0.2, 1.0]])
        assert_array_equal(district_of(points, np.array([tie], object)), [0, 1, 0])
        turn = 2 * np.pi * np.arange(701) * 350 / 701
        star = shapely.Polygon(np.c_[np.cos(turn), np.sin(turn)])
        with pytest.raises(InputError, match="district 2 crosses itself"):
            district_of(points, np.array([tie, star], object))


def test_floor_heights_in_centimetres_are_refused():
    houses = features(
        [pixels(1, 1, 2, 2), pixels(4, 4, 5, 5)],
        floor_height_m=[np.nan, 50.0],
        floor_area_m2=[np.nan, np.nan],
        structure=["", ""],
    )
    with pytest.raises(InputError, match=r"up to 50 m in 1 of 2 buildings.*centimetres"):
        stock_of(houses, grid_of(depth_of(band())), 0.5)
