"""The whole chain on a scene small enough to count by hand.

A plain of 100 × 100 pixels of 10 m. A band of water 1.5 m deep, 20 pixels wide, runs from north to south (columns 40 to 59). Two
roads cross it from west to east, one of them on a bridge; they are joined in the west and in the east.
"""

from __future__ import annotations

import geopandas
import numpy as np
import pandas
import pytest
import xarray as xr
from affine import Affine
from impact_scene import (
    CRS,
    FACILITIES,
    NORTH,
    ROADS,
    SHAPE,
    SIDE,
    VILLAGE,
    WEST,
    at,
    band,
    depth_of,
    features,
    line,
    pixels,
    raster,
    sigma,
)
from numpy.testing import assert_allclose, assert_array_equal
from odc.geo.geobox import GeoBox
from shapely.geometry import LineString, Point, box

from mitoshi.applications.disaster.impact import impact
from mitoshi.core.errors import InputError


class TestBuildings:
    houses = features(
        [
            pixels(5, 5, 7, 7),
            pixels(45, 5, 47, 7),
            pixels(39, 5, 41, 7),
            pixels(45.1, 9.1, 45.2, 9.2),
            pixels(70, 70, 72, 72),
        ],
        id=["dry", "wet", "edge", "small", "unseen"],
        structure=["wood"] * 5,
        floor_height_m=[np.nan, 0.3, np.nan, np.nan, np.nan],
        storeys=[1.0, 2.0, 1.0, 1.0, 1.0],
    )

    @pytest.fixture
    def found(self):
        values = band()
        values[68:75, 68:75] = np.nan
        return impact(depth_of(values), sigma(0.2), self.houses)

    def test_mean_and_shallowest_depth(self, found):
        assert_allclose(found.buildings["depth"], [0, 1.5, 0.75, 1.5, np.nan])
        assert_allclose(found.buildings["shallowest_depth"], [0, 1.5, 0, 1.5, np.nan])

    def test_the_range_of_depth_is_1_645_standard_uncertainties(self, found):
        wet = found.buildings.iloc[1]
        assert (wet["depth_lower"], wet["depth_upper"]) == pytest.approx((1.5 - 0.329, 1.5 + 0.329), abs=1e-3)

    def test_classes_follow_the_shallowest_point_above_each_floor(self, found):
        """1.5 m: 1.2 m above a floor of 0.3 m; 1.0 m above one of 0.5 m."""
        assert_array_equal(found.buildings["certificate"], [0, 5, 0, 5, 255])
        assert (found.buildings["certificate_lower"] <= found.buildings["certificate"]).all()
        assert found.buildings["certificate_upper"][2] == 1  # the shallowest point may be 0.33 m deep

    def test_insurance_and_what_was_assumed(self, found):
        assert_array_equal(found.buildings["insured"], [False, True, True, True, False])
        assert_array_equal(found.buildings["floor_height_assumed"], [True, False, True, True, True])
        assert_array_equal(found.buildings["observed"], [True, True, True, True, False])
        assert_allclose(found.buildings["floor_area"], [400, 800, 400, 1, 400], rtol=1e-3)

    def test_figures_say_how_much_was_not_seen(self, found):
        told = {f.name: f for f in impact.figures(impact.tally(found, 100.0), {})}
        assert told["flooded_buildings"].value == 3
        assert told["buildings_not_observed"].value == 1
        assert told["flooded_buildings"].confidence == 0.9
        assert told["disaster_waste"].lower <= told["disaster_waste"].value <= told["disaster_waste"].upper

    def test_what_is_not_given_is_unknown_and_never_zero(self, found):
        told = {f.name: f for f in impact.figures(impact.tally(found, 100.0), {})}
        for name in ("affected_population", "cut_off_settlements", "hospitals_in_water", "population_not_observed"):
            assert np.isnan(told[name].value), name
            assert "not given" in told[name].reason.en
        assert np.isnan(told["house_loss"].value)
        given = found.given.set_index("theme")
        assert set(given.index[given["given"]]) == {"depth", "depth_uncertainty", "buildings"}
        assert set(given.index) == {d.name for d in impact.data}
        assert np.isnan(given.loc["roads", "amount"])
        assert len(found.people) == len(found.roads) == len(found.settlements) == 0

    def test_depth_alone_tells_of_pumps_alone(self):
        found = impact(depth_of(band()))
        told = {f.name: f for f in impact.figures(impact.tally(found, 100.0), {})}
        assert np.isnan(told["flooded_buildings"].value)
        assert told["pump_trucks"].value > 0

    def test_a_known_value_gives_a_loss_in_yen(self):
        found = impact(depth_of(band()), sigma(0.0), self.houses, house_value=200_000.0, slope_class="A")
        house = found.losses[found.losses["rates"] == "r7_a"].iloc[0]
        # wet: 1.2 m above floor, 800 m2; edge: 0.25 m above, 400 m2; small: 1.0 m above, 1 m2
        assert house["extent"] == pytest.approx(800 * 0.406 + 400 * 0.189 + 1 * 0.406, rel=1e-6)
        assert house["loss"] == pytest.approx(house["extent"] * 200_000)
        assert set(found.losses[found.losses["status"] == "not estimated"]["item"]) == {
            "offices", "farms", "business_stop", "public_works",
        }  # fmt: skip

    def test_a_tsunami_has_fragility_and_a_flood_has_not(self, found):
        assert np.isnan(found.buildings["damage_state_6"]).all()
        wave = impact(depth_of(band(2.0)), sigma(0.0), self.houses.assign(structure=None), hazard="tsunami")
        assert wave.buildings["collapse_probability"][1] == pytest.approx(0.44, abs=0.005)
        assert wave.buildings["damage_state_6"][1] == pytest.approx(0.16, abs=0.005)
        assert wave.buildings["damage_state_1"][0] == 0
        told = {f.name: f for f in impact.figures(impact.tally(wave, 100.0), {})}
        assert told["collapsed_buildings"].value == pytest.approx(wave.buildings["collapse_probability"].sum())
        assert "collapsed_buildings" not in {f.name for f in impact.figures(impact.tally(found, 100.0), {})}

    def test_dry_ground_lower_than_the_water_nearby_counts_at_the_upper_end(self):
        """Water stands at 11.5 m. Ground at 11.6 m beside it may be wet under an error of 0.33 m, ground at 13 m may not."""
        ground = np.full(SHAPE, 13.0)
        ground[:, 40:60] = 10.0
        ground[:30, 60:70] = 11.6
        houses = features([pixels(62, 5, 64, 7), pixels(62, 50, 64, 52)], id=["low", "high"])
        height = raster(ground, "elevation", "m")
        found = impact(depth_of(band()), sigma(0.2), houses, None, None, None, None, None, height)
        assert_array_equal(found.buildings["depth"], [0, 0])
        assert_allclose(found.buildings["depth_upper"], [0.229, 0], atol=1e-3)
        assert_allclose(found.buildings["wet_probability"], [0.3085, 0], atol=1e-3)
        blind = impact(depth_of(band()), sigma(0.2), houses)
        assert_array_equal(blind.buildings["depth_upper"], [0, 0])


class TestPeople:
    def test_classes_by_hand_with_their_range_and_the_unseen(self):
        values = band()
        values[:10] = np.nan
        people = raster(np.ones(SHAPE), "population", "1")
        found = impact(depth_of(values), sigma(0.4), None, people).people.set_index(["kind", "above"])
        assert found.loc[("not_observed", np.nan), "people"].item() == 1000
        row = found.loc[("depth", 1.0)]
        assert (row["people"], row["at_least"]) == (1800, 1800)
        # 1.5 m less 0.66 m lies in the class below
        assert (row["people_lower"], row["people_upper"]) == (0, 1800)
        assert (row["at_least_lower"], row["at_least_upper"]) == (0, 1800)
        below = found.loc[("depth", 0.5)]
        assert (below["people"], below["people_upper"], below["at_least_lower"]) == (0, 1800, 1800)
        assert found["people"].sum() == 10_000

    def test_people_on_low_ground_beside_the_water_count_at_the_upper_end(self):
        """Water stands at 11.5 m; of the people on 11.6 m within a block of it 0.33 m of error reaches those, none on 13 m."""
        ground = np.full(SHAPE, 13.0)
        ground[:, 40:60] = 10.0
        ground[:30, 60:70] = 11.6
        people = raster(np.ones(SHAPE), "population", "1")
        areas = features([pixels(0, 0, 100, 50)], id=["1"], name=["north"])
        height = raster(ground, "elevation", "m")
        found = impact(depth_of(band()), sigma(0.2), None, people, None, None, None, areas, height)
        wet = found.people[found.people["kind"] == "depth"].iloc[0]
        assert (wet["at_least"], wet["at_least_lower"], wet["at_least_upper"]) == (2000, 2000, 2300)
        assert wet["people_upper"] == 300  # 0.23 m deep
        assert_allclose(found.districts["flooded_population_upper"], [1300, 1000])

    def test_occupants_stand_in_for_a_missing_raster(self):
        houses = features([pixels(45, 5, 47, 7), pixels(5, 5, 7, 7)], id=["a", "b"], occupants=[4.0, 3.0])
        found = impact(depth_of(band()), sigma(0.1), houses)
        assert set(found.people["source"]) == {"occupants of buildings"}
        told = {f.name: f for f in impact.figures(impact.tally(found, 100.0), {})}
        assert told["affected_population"].value == 4


class TestDistricts:
    def test_rows_sum_to_the_total_and_the_last_is_what_lies_in_none(self):
        houses = features(
            [pixels(c, r, c + 1, r + 1) for c in (10, 45, 55, 70) for r in (10, 90)], id=[str(n) for n in range(8)]
        )
        people = raster(np.ones(SHAPE), "population", "1")
        areas = features([pixels(0, 0, 50, 50), pixels(50, 0, 100, 50)], id=["1", "2"], name=["west", "east"])
        found = impact(depth_of(band()), sigma(0.2), houses, people, None, None, None, areas).districts
        assert_array_equal(found["buildings"], [2, 2, 4])
        assert_array_equal(found["wet"], [1, 1, 2])
        assert_array_equal(found["over_45cm"], [1, 1, 2])
        assert_allclose(found["population"], [2500, 2500, 5000])
        assert_allclose(found["flooded_population"], [500, 500, 1000])
        assert_array_equal(found["outside"], [False, False, True])

    def test_a_district_of_which_nothing_is_known_has_no_counts(self):
        values = band()
        values[:, 50:] = np.nan
        houses = features([pixels(45, 5, 47, 7), pixels(55, 5, 57, 7)], id=["a", "b"])
        areas = features([pixels(0, 0, 50, 100), pixels(50, 0, 100, 100)], id=["1", "2"], name=["west", "east"])
        found = impact(depth_of(values), sigma(0.2), houses, None, None, None, None, areas).districts
        assert_array_equal(found["wet"], [1, np.nan, 0])
        assert_array_equal(found["wet_upper"], [1, np.nan, 0])
        assert_array_equal(found["not_determined"], [0, 1, 0])

    def test_without_buildings_their_counts_are_missing(self):
        areas = features([pixels(0, 0, 50, 50)], id=["1"], name=["west"])
        found = impact(depth_of(band()), None, None, None, None, None, None, areas).districts
        assert np.isnan(found["wet"]).all()
        assert np.isnan(found["population"]).all()


class TestRoads:
    """The village in the south-west reaches the east by the bridge alone."""

    @staticmethod
    def run(values, roads=ROADS, error=0.05, **parameters):
        return impact(
            depth_of(values), sigma(error), None, None, roads, FACILITIES, VILLAGE, road_distance=100.0, **parameters
        )

    def test_the_way_round_by_the_bridge(self):
        found = self.run(band())
        assert_array_equal(found.roads.set_index("id").loc[["bridge", "ford", "west", "east"], "car"], [0, 1, 0, 0])
        home = found.settlements.iloc[0]
        assert home["state"] == 0
        assert home["hospital_distance_before"] == pytest.approx(1400)
        assert home["hospital_distance"] == pytest.approx(600 + 800)
        assert home["shelter_distance_before"] == pytest.approx(800)
        assert home["shelter_distance"] == pytest.approx(600 + 800 + 600)
        routes = found.routes.set_index("goal")
        assert_allclose(
            routes.loc["shelter"].geometry.coords[:], [at(10.5, 80.5), at(10.5, 20.5), at(90.5, 20.5), at(90.5, 80.5)]
        )
        assert routes.loc["shelter", "open_probability"] == 1

    def test_without_the_bridge_the_village_is_cut_off(self):
        found = self.run(band(), ROADS.assign(bridge=0.0))
        assert found.settlements["state"][0] == 1
        assert found.settlements["cut_off_probability"][0] == 1
        assert np.isnan(found.settlements["hospital_distance"][0])
        assert len(found.routes) == 0
        told = {f.name: f for f in impact.figures(impact.tally(found, 100.0), {})}
        assert (told["cut_off_settlements"].value, told["cut_off_settlements"].lower) == (1, 1)

    @pytest.mark.parametrize("kind", ["unknown", None])
    def test_a_facility_of_unknown_kind_may_be_the_hospital(self, kind):
        """It stands on the village's side of the water, so that the village may have its hospital."""
        stands = features([Point(*at(10.5, 50.5))], id=["u"], name=["?"], facility=[kind])
        everything = pandas.concat([FACILITIES, stands], ignore_index=True)
        found = impact(
            depth_of(band()),
            sigma(0.05),
            None,
            None,
            ROADS.assign(bridge=0.0),
            everything,
            VILLAGE,
            road_distance=100.0,
        )
        assert found.settlements["state"][0] == 2
        assert np.isnan(found.settlements["cut_off_probability"][0])
        told = {f.name: f for f in impact.figures(impact.tally(found, 100.0), {})}
        # Nothing is known of the only settlement: that is no certain 0.
        assert np.isnan(told["cut_off_settlements"].value)
        assert told["cut_off_settlements"].reason.en.startswith("not determined")
        assert told["settlements_unknown"].value == 1

    @pytest.mark.parametrize(
        ("word", "car", "state"), [("abandoned", 2, 2), ("low_water_crossing", 1, 1), ("viaduct", 0, 0), (None, 1, 1)]
    )
    def test_a_word_for_a_bridge_that_is_not_understood_is_unknown(self, word, car, state):
        found = self.run(band(), ROADS.assign(bridge=[word, "no", None, None]))
        assert found.roads.set_index("id").loc["bridge", "car"] == car
        assert found.settlements["state"][0] == state
        assert np.isnan(found.roads.set_index("id").loc["bridge", "car_passable_probability"]) == (
            word in {"abandoned", "viaduct"}
        )

    def test_a_road_out_of_the_scene_leads_to_help(self):
        out = features([line((10.5, 80.5), (-5, 80.5))], id=["out"], bridge=[0.0])
        roads = features([*ROADS.geometry, *out.geometry], id=[*ROADS["id"], "out"], bridge=0.0)
        assert self.run(band(), roads).settlements["state"][0] == 0

    def test_what_was_not_observed_is_unknown_not_open(self):
        values = band()
        values[75:85, 40:60] = np.nan
        values[15:25, 40:60] = 1.5
        found = self.run(values, ROADS.assign(bridge=0.0))
        assert_array_equal(found.roads.set_index("id").loc[["bridge", "ford"], "car"], [1, 2])
        assert np.isnan(found.roads.set_index("id").loc["ford", "car_passable_probability"])
        assert found.settlements["state"][0] == 2
        assert np.isnan(found.settlements["cut_off_probability"][0])

    def test_the_limit_of_cars_and_of_trucks_and_the_velocity_head(self):
        values = band(0.4)
        found = self.run(values)
        ford = found.roads.set_index("id").loc["ford"]
        assert (ford["car"], ford["truck"]) == (1, 0)
        speed = raster(np.full(SHAPE, 2.0), "flow_speed", "m s-1")  # 2 m/s: 0.204 m of head
        fast = impact(
            depth_of(values),
            sigma(0.05),
            None,
            None,
            ROADS,
            FACILITIES,
            VILLAGE,
            None,
            None,
            speed,
            road_distance=100.0,
        )
        ford = fast.roads.set_index("id").loc["ford"]
        assert (ford["car"], ford["truck"]) == (1, 1)
        assert ford["total_head"] == pytest.approx(0.4 + 4 / 19.6133, abs=1e-4)

    def test_the_probability_of_being_cut_off_is_that_of_the_common_error(self):
        """Water 0.25 m deep with 0.1 m uncertainty closes the ford for cars with probability 0.31: three of ten equal parts."""
        roads = ROADS[ROADS["id"] == "ford"]
        shelter_side = FACILITIES.assign(geometry=[Point(*at(90.5, 80.5))] * 3)
        found = impact(depth_of(band(0.25)), sigma(0.1), None, None, roads, shelter_side, VILLAGE)
        assert found.settlements["state"][0] == 0
        assert found.settlements["cut_off_probability"][0] == pytest.approx(0.3)
        assert found.roads["car_passable_probability"][0] == pytest.approx(0.691, abs=1e-3)
        assert found.routes["open_probability"][0] == pytest.approx(0.691, abs=1e-3)

    def test_a_hospital_in_the_water_is_no_help(self):
        wet = FACILITIES.assign(facility=["other", "shelter", "hospital"])
        found = impact(depth_of(band()), sigma(0.05), None, None, ROADS, wet, VILLAGE)
        assert_array_equal(found.facilities["state"], [0, 0, 1])
        assert found.facilities["wet_probability"][2] == pytest.approx(1)
        assert (
            found.settlements["state"][0] == 2
        )  # no usable hospital and no road out of the scene: nothing can be said
        assert np.isnan(found.settlements["hospital_distance"][0])

    def test_a_village_far_from_any_road_is_unknown(self):
        lone = VILLAGE.assign(geometry=[Point(*at(25.5, 50.5))])
        found = impact(depth_of(band()), sigma(0.05), None, None, ROADS, FACILITIES, lone, road_distance=100.0)
        assert found.settlements["state"][0] == 2
        assert not found.settlements["near_road"][0]

    def test_a_hamlet_in_the_middle_of_a_long_road(self):
        """No junction is near: it joins the western road at row 50, 300 m from either end, and reaches help by the bridge."""
        hamlet = VILLAGE.assign(geometry=[Point(*at(8.5, 50.5))])
        found = impact(depth_of(band()), sigma(0.05), None, None, ROADS, FACILITIES, hamlet, road_distance=100.0)
        assert found.settlements["state"][0] == 0
        assert found.settlements["hospital_distance"][0] == pytest.approx(300 + 800)
        assert found.routes.set_index("goal").loc["hospital"].geometry.length == pytest.approx(20 + 300 + 800)

    def test_settlements_without_roads_are_unknown(self):
        found = impact(depth_of(band()), None, None, None, None, FACILITIES, VILLAGE)
        assert_array_equal(found.settlements["state"], [2])
        assert len(found.routes) == len(found.roads) == 0
        told = {f.name: f for f in impact.figures(impact.tally(found, 100.0), {})}
        assert np.isnan(told["cut_off_settlements"].value)
        assert told["settlements_unknown"].value == 1


class TestPumps:
    def test_volume_trucks_time_and_place(self):
        """20 × 100 pixels of 100 m2 and 1.5 m: 300,000 m3, 7 trucks in 24 h (6.94); they need 23.8 h."""
        values = band()
        values[79, 45] = 2.5
        roads = features([line((2.5, 80.5), (38.5, 80.5)), line((43.5, 60), (43.5, 78.5))], id=["shore", "drowned"])
        found = impact(depth_of(values), sigma(0.1), None, None, roads).pumps
        assert len(found) == 1
        first = found.iloc[0]
        assert first["volume"] == pytest.approx(300_100)
        assert first["volume_lower"] == pytest.approx(300_100 - 0.1645 * 200_000, rel=1e-3)
        assert (first["pump_trucks"], first["pump_trucks_lower"], first["pump_trucks_upper"]) == (7, 7, 8)
        assert first["drainage_time"] == pytest.approx(300_100 / (7 * 0.5) / 3600)
        # From the end of the road at column 38, five pixels reach columns 40 to 43, not the hole at column 45.
        assert first["place_access"] == 0
        assert first["place_depth"] == pytest.approx(1.5)
        assert np.hypot(first.geometry.x - at(38.5, 0)[0], first.geometry.y - at(0, 80.5)[1]) <= 55
        assert first["deepest"] == 2.5

    def test_no_road_near_and_roads_not_given(self):
        far = features([line((2.5, 80.5), (8.5, 80.5))], id=["far"])
        assert impact(depth_of(band()), None, None, None, far).pumps["place_access"][0] == 1
        unknown = impact(depth_of(band())).pumps.iloc[0]
        assert unknown["place_access"] == 2

    def test_shallow_water_and_small_ponds(self):
        found = impact(depth_of(band(0.5))).pumps
        assert not found["deep_enough"][0]
        pond = np.zeros(SHAPE)
        pond[5:7, 5:7] = 1.0  # 400 m3
        assert len(impact(depth_of(pond)).pumps) == 0
        assert len(impact(depth_of(pond), least_volume=399.9).pumps) == 1


def test_lists_without_a_row_are_no_certain_zero():
    nothing = {"id": np.zeros(0, object), "name": np.zeros(0, object)}
    empty = features([], **nothing)
    found = impact(depth_of(band()), sigma(0.1), empty, None, empty, empty, empty, empty)
    told = {f.name: f for f in impact.figures(impact.tally(found, 100.0), {})}
    for name in ("flooded_buildings", "cut_off_settlements", "hospitals_in_water"):
        assert np.isnan(told[name].value)
        assert "0 of 0" in told[name].reason.en
    assert told["buildings_not_observed"].value == 0
    assert len(found.districts) == 1


def test_a_raster_without_a_pixel_size_is_refused():
    bare = xr.DataArray(band().astype("float32"), dims=("y", "x"), attrs={"quantity": "water_depth", "units": "m"})
    bare = bare.assign_coords(y=np.arange(100) + 0.5, x=np.arange(100) + 0.5)
    with pytest.raises(InputError, match="pixels"):
        impact(bare)


def test_degrees_and_metres_agree():
    """The same scene in degrees: volumes within a thousandth of those from the ellipsoid's cell size."""
    grid = GeoBox(SHAPE, Affine(1e-4, 0, 139.0, 0, -1e-4, 36.0), "EPSG:4326")
    values = raster(band(), "water_depth", "m", grid)
    found = impact(values).pumps.iloc[0]
    from pyproj import Geod

    area = abs(Geod(ellps="WGS84").geometry_area_perimeter(box(139.004, 35.99, 139.006, 36.0))[0])
    assert found["area"] == pytest.approx(area, rel=1e-6)
    assert found["volume"] == pytest.approx(1.5 * area, rel=1e-6)


def test_lengths_of_roads_in_degrees_are_those_on_the_ellipsoid():
    from pyproj import Geod

    grid = GeoBox(SHAPE, Affine(1e-3, 0, 139.0, 0, -1e-3, 36.0), "EPSG:4326")
    values = raster(np.zeros(SHAPE), "water_depth", "m", grid)
    ends = [[(139.01, 35.95), (139.09, 35.95)], [(139.05, 35.91), (139.05, 35.99)], [(139.02, 35.92), (139.08, 35.97)]]
    roads = geopandas.GeoDataFrame({"id": list("abc")}, geometry=[LineString(e) for e in ends], crs="EPSG:4326")
    found = impact(values, None, None, None, roads).roads
    expected = [Geod(ellps="WGS84").geometry_length(LineString(e)) for e in ends]
    assert_allclose(found["length"], expected, rtol=5e-4)
    assert_allclose(found.geometry.iloc[0].coords[:], ends[0])


def test_bands_of_a_larger_scene_give_the_same_as_one_of_its_parts():
    """1,100 rows are three bands: a house on the seam of two is counted once, with all its pixels."""
    grid = GeoBox((1100, 60), Affine(SIDE, 0, WEST, 0, -SIDE, NORTH), CRS)
    rows = np.arange(1100, dtype=float)[:, None] / 10 + np.zeros((1, 60))  # depths up to 110 m
    house = features([pixels(10, 510, 12, 514)], id=["seam"])
    found = impact(raster(rows, "water_depth", "m", grid), None, house).buildings.iloc[0]
    assert found["depth"] == pytest.approx(51.15)
    assert found["shallowest_depth"] == 51


def test_every_estimate_lies_in_its_range_on_a_rough_scene():
    rng = np.random.default_rng(21)
    values = np.maximum(0.0, rng.normal(0, 1, SHAPE) + band(1.0) - 0.5)
    values[rng.uniform(size=SHAPE) < 0.05] = np.nan
    places = rng.uniform(2, 98, (300, 2))
    houses = features(
        [pixels(c, r, c + 1.5, r + 1.2) for c, r in places],
        id=[str(n) for n in range(300)],
        structure=rng.choice(["wood", "steel", None], 300),
        storeys=rng.integers(1, 4, 300).astype(float),
    )
    people = raster(rng.gamma(0.2, 5.0, SHAPE), "population", "1")
    areas = features([pixels(0, 0, 50, 100), pixels(50, 0, 90, 100)], id=["1", "2"], name=["w", "e"])
    ground = raster(rng.normal(5, 0.5, SHAPE), "elevation", "m")
    found = impact(
        depth_of(values), sigma(0.3), houses, people, ROADS, FACILITIES, VILLAGE, areas, ground, hazard="tsunami",
        house_value=1e5, household_value=1e6, least_volume=100.0,
    )  # fmt: skip
    checked = 0
    for name, listed in found._asdict().items():
        for column in [c for c in listed.columns if f"{c}_lower" in listed.columns]:
            value, lower, upper = (listed[column + end].to_numpy(float) for end in ("", "_lower", "_upper"))
            known = np.isfinite(value) & np.isfinite(lower) & np.isfinite(upper)
            assert (lower[known] <= value[known] + 1e-9).all(), (name, column)
            assert (value[known] <= upper[known] + 1e-9).all(), (name, column)
            checked += int(known.sum())
        for column in [c for c in listed.columns if c.endswith("_probability")]:
            chance = listed[column].to_numpy(float)
            assert ((chance >= 0) & (chance <= 1) | np.isnan(chance)).all(), (name, column)
    assert checked > 1000
    people_told = found.people["people"].sum()
    assert people_told == pytest.approx(float(people.sum()), rel=1e-5)
    assert found.districts["population"].sum() == pytest.approx(people_told, rel=1e-6)


class TestPlausibleDepth:
    def test_a_depth_in_centimetres_is_refused(self):
        with pytest.raises(InputError, match=r"depth reaches 160 m.*'#units=cm'"):
            impact(depth_of(band(1.6 * 100)))

    @pytest.mark.parametrize("depth", [0.02, 6.0, 60.0, 120.0])
    def test_thin_sheets_and_reservoirs_pass(self, depth):
        assert impact(depth_of(band(depth)), least_volume=1.0).pumps["deepest"][0] == pytest.approx(depth)


@pytest.mark.parametrize(("given", "share"), [(0.0, 100.0), (np.nan, 100.0), (0.3, None)])
def test_an_uncertainty_of_nothing_but_zero_is_named(given, share):
    told = {f.name: f for f in impact.figures(impact.tally(impact(depth_of(band()), sigma(given)), 100.0), {})}
    assert (told["depth_uncertainty_assumed"].value if share else None) == share
    assert ("depth_uncertainty_assumed" in told) == (share is not None)


class TestListedTwice:
    def test_exact_copies_count_once_and_near_copies_are_named(self):
        one, other = pixels(45, 5, 47, 7), pixels(45, 45, 47, 47)
        houses = features(
            [one, other, one, pixels(45.005, 5.005, 47.005, 7.005), pixels(50, 5, 52, 7), other], id=list("abadef")
        )
        found = impact(depth_of(band()), sigma(0.1), houses)
        told = {f.name: f.value for f in impact.figures(impact.tally(found, 100.0), {})}
        assert list(found.buildings["id"]) == ["a", "b", "d", "e", "f"]
        assert (told["flooded_buildings"], told["building_copies"], told["building_near_copies"]) == (5, 1, 2)

    def test_points_at_one_place_and_terraced_houses_stay(self):
        houses = features(
            [Point(*at(45, 5))] * 2 + [pixels(n, 9, n + 0.6, 10) for n in (45, 45.6, 46.2)], id=list("abcde")
        )
        found = impact(depth_of(band()), sigma(0.1), houses)
        told = {f.name: f.value for f in impact.figures(impact.tally(found, 100.0), {})}
        assert told["flooded_buildings"] == 5
        assert not {"building_copies", "building_near_copies"} & set(told)

    def test_overlapping_districts_are_named_and_the_total_counts_once(self):
        houses = features([pixels(45, 5, 47, 7), pixels(55, 45, 57, 47)], id=["a", "b"])
        overlapping = [pixels(0, 0, 50, 100), pixels(40, 0, 100, 100)]
        side_by_side = [pixels(0, 0, 50, 100), pixels(50, 0, 100, 100)]
        for shapes, expected in ((overlapping, 1), (side_by_side, None)):
            areas = features(shapes, id=["1", "2"], name=["w", "e"])
            found = impact(depth_of(band()), sigma(0.1), houses, None, None, None, None, areas)
            told = {f.name: f.value for f in impact.figures(impact.tally(found, 100.0), {})}
            assert told.get("buildings_in_two_districts") == expected
            assert told["flooded_buildings"] == found.districts["wet"].sum() == 2
