"""What stands where nothing was observed: counted by probability, with a range, never as dry and never as certain."""

from __future__ import annotations

import numpy as np
import pandas
import pytest
from impact_scene import (
    FACILITIES,
    ROADS,
    SHAPE,
    VILLAGE,
    at,
    band,
    depth_of,
    features,
    pixels,
    raster,
    sigma,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage, stats
from shapely.geometry import Point

from mitoshi.applications.disaster.impact import impact
from mitoshi.applications.disaster.impact_grid import grid_of
from mitoshi.applications.disaster.impact_uncertainty import exceedance, possible_levels
from mitoshi.applications.disaster.impact_unseen import add_unseen, empty_unseen, spreads


def probability(values):
    return raster(values, "probability", "1")


def figures(found):
    return {f.name: f for f in impact.figures(impact.tally(found, 100.0), {})}


class TestLevels:
    chance = np.array([0.001, 0.05, 0.4, 0.5, 0.9, 0.999])
    depth = np.array([0.05, 0.1, 0.3, 0.8, 1.5, 2.0])

    def test_the_level_has_the_probability_and_the_depth_given_water(self):
        levels = possible_levels(self.chance, self.depth)
        assert_allclose(exceedance(levels, 0.0), self.chance, rtol=1e-9)
        for level, spread, depth in zip(*levels, self.depth, strict=True):
            given_water = stats.truncnorm(-level / spread, np.inf, level, spread)
            assert given_water.mean() == pytest.approx(depth, rel=1e-6)

    def test_water_without_a_depth_keeps_its_probability(self):
        assert exceedance(possible_levels(np.array([0.3]), np.array([0.0])), 0.0)[0] == pytest.approx(0.3)

    def test_what_is_not_determined_stays_so(self):
        assert np.isnan(possible_levels(np.array([0.5]), np.array([np.nan])).level[0])


class TestRange:
    grid = grid_of(depth_of(np.zeros(SHAPE)))

    def counts(self, chance, places):
        found = empty_unseen(1, self.grid)
        row, column = np.asarray(places).T
        add_unseen(found, np.full((1, len(places)), chance), np.ones(len(places)), row, column)
        return found

    def test_the_sum_of_probabilities_is_the_best_estimate(self):
        everywhere = np.argwhere(np.ones(SHAPE))
        told = spreads(self.counts(0.3, everywhere), 500.0)
        assert told.value[0] == pytest.approx(3000)
        assert 0 <= told.lower[0] < 3000 < told.upper[0] <= 10_000

    def test_a_wholly_common_error_puts_all_in_water_or_none(self):
        """Half of the probability: the number is 0 or 10,000, and the range is all of it."""
        told = spreads(self.counts(0.5, np.argwhere(np.ones(SHAPE))), 1e6)
        assert told.lower[0] < 100
        assert told.upper[0] > 9900

    def test_independent_houses_are_all_but_certain(self):
        """One in each block of 8 x 8 pixels: the standard deviation of 169 throws of a coin is 6.5."""
        places = np.argwhere(np.ones((13, 13))) * 8 + np.array([2, 2])
        places = places[(places < 100).all(axis=1)]
        told = spreads(self.counts(0.5, places), 1.0)
        half = (told.upper[0] - told.lower[0]) / 2
        # The ends of the twenty bins count half: a coin's variance of 0.25 is 0.2375 here.
        assert half == pytest.approx(1.645 * np.sqrt(0.2375 * len(places)), rel=0.02)

    @pytest.mark.parametrize("length", [100.0, 300.0])
    def test_nine_of_ten_floods_of_the_stated_correlation_lie_in_the_range(self, length):
        rng = np.random.default_rng(5)
        chance = ndimage.gaussian_filter(rng.uniform(size=SHAPE), 4)
        chance = np.clip((chance - chance.mean()) / chance.std() * 0.25 + 0.35, 0.0, 1.0)
        found = empty_unseen(1, self.grid)
        row, column = np.nonzero(chance > 0)
        add_unseen(found, chance[row, column][None], np.ones(row.size), row, column)
        told = spreads(found, length)
        offset = np.minimum(np.arange(200), 200 - np.arange(200)) * 10.0
        power = np.fft.fft2(np.exp(-np.hypot(offset[:, None], offset[None, :]) / length)).real.clip(0)
        inside = []
        for _ in range(400):
            white = np.fft.fft2(rng.normal(size=(200, 200)))
            error = np.fft.ifft2(white * np.sqrt(power)).real[:100, :100]
            number = (stats.norm.cdf(error) > 1 - chance).sum()
            inside.append(told.lower[0] <= number <= told.upper[0])
        assert 0.86 <= np.mean(inside) <= 0.95


HOUSES = features(
    [pixels(45, 5, 47, 7), pixels(45, 45, 47, 47), pixels(70, 45, 72, 47), pixels(70, 80, 72, 82), pixels(5, 5, 7, 7)],
    id=["seen", "likely", "unlikely", "blank", "dry"],
    structure=["wood"] * 5,
    occupants=[2.0, 3.0, 5.0, 7.0, 11.0],
)


@pytest.fixture(scope="module")
def scene():
    """Return depth and probability: a band of water of which the middle was not seen, a town beside it, and a blank."""
    depth, chance = band(1.5), (band() > 0).astype(float)
    depth[40:60, 40:60], chance[40:60, 40:60] = 1.2, 0.9
    depth[40:60, 60:80], chance[40:60, 60:80] = 0.5, 0.2
    depth[75:85, 65:75], chance[75:85, 65:75] = np.nan, np.nan
    return depth, chance


def run(scene, *more, people=None, roads=None, length=500.0, **named):
    depth, chance = scene
    arguments = [depth_of(depth), sigma(0.2), HOUSES, people, roads, *more]
    arguments += [None] * (10 - len(arguments))
    return impact(*arguments, probability(chance), error_length=length, **named)


class TestBuildings:
    def test_each_has_the_probability_of_its_pixels(self, scene):
        rows = run(scene).buildings.set_index("id")
        assert_allclose(rows["wet_probability"], [1, 0.9, 0.2, np.nan, 0], atol=1e-6)
        assert_allclose(rows["depth"], [1.5, 0.9 * 1.2, 0.2 * 0.5, np.nan, 0], atol=1e-6)
        assert_array_equal(rows["observed"], [True, False, False, False, True])
        assert_array_equal(rows["estimated"], [False, True, True, False, False])
        levels = possible_levels(np.array([0.9, 0.2]), np.array([1.2, 0.5]))
        assert_allclose(rows["over_45cm_probability"].iloc[1:3], exceedance(levels, 0.45), atol=1e-6)
        assert (rows["over_45cm_probability"] <= rows["wet_probability"] + 1e-9)[rows["wet_probability"].notna()].all()

    def test_totals_are_expected_numbers_and_name_the_unseen(self, scene):
        told = run(scene).totals.set_index("name").loc["flooded_buildings"]
        assert told["value"] == pytest.approx(1 + 0.9 + 0.2)
        assert told["value_unseen"] == pytest.approx(1.1)
        assert (told["amount"], told["not_observed"], told["not_determined"]) == (5, 3, 1)
        assert told["value_lower"] < told["value"] < told["value_upper"]
        assert told["value_lower"] >= 1
        assert told["value_upper"] <= 3

    def test_a_house_partly_seen_dry_has_the_mean_probability(self, scene):
        """Columns 79 and 80: the town ends between them."""
        house = features([pixels(79, 45, 81, 47)], id=["edge"])
        depth, chance = scene
        found = impact(depth_of(depth), sigma(0.2), house, *[None] * 7, probability(chance)).buildings.iloc[0]
        assert found["wet_probability"] == pytest.approx(0.1)
        assert found["certificate"] == 0

    def test_without_unseen_ground_all_is_as_without_a_probability(self):
        depth = band()
        depth[20:30, 20:60] = np.nan
        chance = np.where(np.isnan(depth), np.nan, depth > 0)
        people = raster(np.ones(SHAPE), "population", "1")
        given = (depth_of(depth), sigma(0.2), HOUSES, people, ROADS, FACILITIES, VILLAGE, None, None, None)
        one, other = impact(*given), impact(*given, probability(chance))
        for name in ("buildings", "roads", "settlements", "routes", "facilities", "pumps", "waste", "losses", "totals"):
            pandas.testing.assert_frame_equal(
                pandas.DataFrame(getattr(one, name)), pandas.DataFrame(getattr(other, name))
            )
        assert_allclose(one.people["people"], other.people["people"])


class TestPeople:
    people = raster(np.full(SHAPE, 2.0), "population", "1")

    def test_by_depth_they_add_up_to_everyone(self, scene):
        rows = run(scene, people=self.people).people
        assert rows["people"].sum() == pytest.approx(20_000)
        assert rows["kind"].iloc[-1] == "not_determined"
        assert rows["people"].iloc[-1] == pytest.approx(200)
        seen, unseen = 2.0 * 80 * 20, 2.0 * 400 * (0.9 + 0.2)
        assert rows["at_least"].iloc[1] == pytest.approx(seen + unseen, rel=1e-5)
        known = rows["people_lower"].notna()
        assert (rows["people_lower"] <= rows["people"] + 1e-6)[known].all()
        assert (rows["people"] <= rows["people_upper"] + 1e-6)[known].all()
        deeper = rows["at_least"].to_numpy()[1:-1]
        assert (np.diff(deeper) <= 1e-9).all()

    def test_a_longer_reach_of_errors_widens_the_range(self, scene):
        ends = [run(scene, people=self.people, length=n).totals.iloc[0] for n in (30.0, 300.0, 3000.0)]
        widths = [e["value_upper"] - e["value_lower"] for e in ends]
        assert widths[0] < widths[1] < widths[2]
        assert len({round(e["value"], 6) for e in ends}) == 1

    def test_occupants_of_buildings_stand_in_for_them(self, scene):
        told = run(scene).totals.set_index("name").loc["affected_population"]
        assert told["value"] == pytest.approx(2 + 0.9 * 3 + 0.2 * 5)
        assert (told["amount"], told["not_observed"], told["not_determined"]) == (28, 15, 7)

    def test_districts_sum_to_the_total(self, scene):
        areas = features([pixels(0, 0, 55, 100), pixels(55, 0, 90, 100)], id=["1", "2"], name=["w", "e"])
        found = run(scene, None, None, areas, people=self.people)
        total = found.totals.set_index("name").loc["affected_population"]
        assert found.districts["population"].sum() == pytest.approx(20_000)
        assert found.districts["flooded_population"].sum() == pytest.approx(total["value"], rel=1e-5)
        assert found.districts["population_not_determined"].sum() == pytest.approx(200)
        assert found.districts["population_not_observed"].sum() == pytest.approx(1800)
        assert found.districts["wet"].sum() == pytest.approx(2.1)
        assert (found.districts["wet_lower"] <= found.districts["wet"]).all()


class TestFigures:
    def test_the_unseen_are_named_beside_the_range(self, scene):
        told = figures(run(scene, people=TestPeople.people))
        first = told["affected_population"]
        assert first.lower < first.value < first.upper
        assert told["affected_population_unseen"].value == pytest.approx(880, rel=1e-5)
        assert told["population_not_observed"].value == pytest.approx(1800)
        assert told["population_not_determined"].value == pytest.approx(200)

    def test_where_nothing_is_known_the_number_is_not_determined_and_not_zero(self):
        nothing = depth_of(np.full(SHAPE, np.nan))
        told = figures(impact(nothing, None, HOUSES, TestPeople.people))
        for name in ("affected_population", "flooded_buildings"):
            assert np.isnan(told[name].value)
            assert told[name].reason.en.startswith("not determined")
            assert told[name].reason.ja.startswith("推定不能")
        without = figures(impact(depth_of(band()), None))
        assert without["affected_population"].reason.en == "not determined: population not given"

    def test_facilities_count_by_their_probability(self, scene):
        places = features(
            [Point(*at(45.5, 10.5)), Point(*at(45.5, 50.5)), Point(*at(70.5, 50.5))],
            id=list("abc"), name=list("abc"), facility=["hospital"] * 3,
        )  # fmt: skip
        found = run(scene, places)
        assert_array_equal(found.facilities["state"], [1, 2, 2])
        assert_allclose(found.facilities["wet_probability"], [1, 0.9, 0.2], atol=1e-6)
        told = figures(found)["hospitals_in_water"]
        assert (told.lower, told.value, told.upper) == (1, pytest.approx(2.1), 3)


class TestUpperEnds:
    """What is known of nothing may be in the water: less knowledge never narrows a range."""

    def test_houses_and_people_without_any_estimate_are_in_the_upper_end(self):
        seen, blank = band(), band()
        blank[:, 60:] = np.nan
        people = raster(np.ones(SHAPE), "population", "1")
        houses = HOUSES.assign(id=[str(n) for n in range(5)])
        known, less = (figures(impact(depth_of(d), sigma(0.1), houses, people)) for d in (seen, blank))
        for name, count in (("flooded_buildings", 2), ("affected_population", 4000), ("total_loss_buildings", 2)):
            assert less[name].upper == pytest.approx(known[name].upper + count), name
            assert less[name].lower == pytest.approx(known[name].lower), name
        assert less["disaster_waste"].upper > known["disaster_waste"].upper
        assert less["ground_not_determined"].value == pytest.approx(40.0)
        assert "ground_not_determined" not in known

    def test_houses_outside_the_map_are_in_no_range(self):
        houses = features([pixels(45, 5, 47, 7), pixels(-50, 5, -48, 7)], id=["in", "out"])
        found = impact(depth_of(band()), sigma(0.1), houses)
        assert_array_equal(found.buildings["outside_map"], [False, True])
        assert figures(found)["flooded_buildings"].upper == 1
        assert figures(found)["buildings_not_observed"].value == 1

    @pytest.mark.parametrize("name", ["pump_trucks", "water_volume"])
    def test_no_volume_is_known_where_no_depth_is(self, name):
        told = figures(impact(depth_of(np.full(SHAPE, np.nan))))[name]
        assert np.isnan(told.value)
        assert told.reason.en.startswith("not determined")

    def test_facilities_without_any_estimate_are_in_the_upper_end(self):
        values = band()
        values[45:55, 45:55] = np.nan
        told = figures(impact(depth_of(values), sigma(0.1), None, None, None, FACILITIES))["hospitals_in_water"]
        assert (told.lower, told.value, told.upper) == (0, 0, 1)

    def test_settlements_of_unknown_access_are_in_the_upper_end(self):
        values = band()
        values[75:85, 40:60] = np.nan
        values[15:25, 40:60] = 1.5
        both = features(
            [*VILLAGE.geometry, Point(*at(90.5, 50.5))], id=["v", "e"], name=["v", "e"], population=[100.0, 50.0]
        )
        found = impact(depth_of(values), sigma(0.1), None, None, ROADS.assign(bridge=0.0), FACILITIES, both)
        assert_array_equal(found.settlements["state"], [2, 0])
        told = figures(found)["cut_off_settlements"]
        assert (told.lower, told.value, told.upper) == (0, 0, 1)

    @pytest.mark.parametrize("missing", [-1.0, -9999.0, np.nan])
    def test_buildings_that_state_no_occupants_are_counted_as_such(self, missing):
        houses = HOUSES.assign(occupants=[4.0, missing, missing, 3.0, 0.0])
        told = figures(impact(depth_of(band()), sigma(0.1), houses))
        assert told["affected_population"].value == 4
        assert told["buildings_without_occupants"].value == 2


class TestRoads:
    def test_a_road_through_the_unseen_is_unknown_and_has_a_probability(self, scene):
        rows = run(scene, roads=ROADS).roads.set_index("id")
        assert rows.loc["ford", "car"] == 1
        depth, chance = scene
        low = np.where((chance > 0) & (chance < 1), 0.2, chance)
        town = np.where(np.arange(100)[:, None] > 70, np.where(band() > 0, 0.2, 0.0), low)
        rows = run((np.where(band() > 0, 0.5, np.nan_to_num(depth)), town), roads=ROADS).roads.set_index("id")
        assert rows.loc["ford", "car"] == 2
        level = possible_levels(np.array([0.2]), np.array([0.5]))
        assert rows.loc["ford", "car_passable_probability"] == pytest.approx(1 - exceedance(level, 0.3)[0], abs=1e-4)


def test_inputs_are_left_as_they_are(scene):
    depth, chance = depth_of(scene[0]), probability(scene[1])
    before = depth.copy(deep=True), chance.copy(deep=True)
    impact(depth, None, None, TestPeople.people, *[None] * 6, chance)
    assert_array_equal(depth, before[0])
    assert_array_equal(chance, before[1])
