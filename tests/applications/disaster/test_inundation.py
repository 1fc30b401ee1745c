"""Inundation against what water must do: volumes, levels, normal depth, and an ensemble with nothing to doubt."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import shapely
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from mitoshi.applications.disaster.inundation import inundation
from mitoshi.applications.disaster.inundation_figures import figures, tally
from mitoshi.applications.disaster.inundation_layers import hazard_classes
from mitoshi.applications.disaster.inundation_scenario import Scenario, Spread, correlated, ensemble, run
from mitoshi.core.errors import InputError
from mitoshi.core.quantity import QUANTITIES

CELL, WEST, NORTH = 10.0, 400_000.0, 3_500_000.0


def layer(values, quantity):
    values = np.asarray(values, "float32")
    grid = GeoBox(values.shape, Affine(CELL, 0, WEST, 0, -CELL, NORTH), "EPSG:32654")
    attrs = {"quantity": quantity, "units": QUANTITIES[quantity].units, "pixel_size_m": CELL}
    return xr.DataArray(values, dims=("y", "x"), coords=xr_coords(grid), attrs=attrs)


def hydrograph(rows, geometry):
    names, times, flows = zip(*rows, strict=True)
    table = {"name": names, "time_s": times, "discharge_m3_s": flows}
    return geopandas.GeoDataFrame(table, geometry=[geometry] * len(rows), crs="EPSG:32654")


def place(row, column):
    return WEST + CELL * (column + 0.5), NORTH - CELL * (row + 0.5)


def basin(size=24):
    """A closed bowl."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return 0.02 * (x**2 + y**2) * 0.5


@pytest.mark.parametrize("mode", ["local-inertial", "full"])
def test_inflow_fills_a_bowl_to_its_volume_and_to_one_level(mode):
    """10 m3/s for half an hour = 18,000 m3; the water comes to rest on one level."""
    inflow = hydrograph([("a", 0.0, 10.0), ("a", 1800.0, 10.0)], shapely.Point(*place(12, 12)))
    ground = layer(basin(), "elevation")
    result = inundation(ground, inflow, duration_h=2.0, mode=mode, boundary="wall", members=1)
    depth = np.asarray(result.final_depth, float)
    assert depth.sum() * CELL**2 == pytest.approx(18_000.0, rel=5e-3)  # the hydrograph ends between two steps
    level = (np.asarray(ground, float) + depth)[depth > 0.05]
    assert np.ptp(level) < 0.05
    arrival = np.asarray(result.arrival_time)
    assert arrival[12, 12] < arrival[12, 17]
    assert np.isnan(np.asarray(result.maximum_depth_uncertainty)).all()


def test_rain_less_infiltration_stays():
    """30 mm/h of rain less 10 mm/h of infiltration on flat, walled ground leaves 20 mm in an hour."""
    rain = geopandas.GeoDataFrame({"time_s": [0.0], "rate_mm_h": [30.0]})
    result = inundation(
        layer(np.zeros((8, 8)), "elevation"), None, rain, boundary="wall", infiltration_mm_h=10.0, members=1
    )
    np.testing.assert_allclose(np.asarray(result.final_depth), 0.020, atol=2e-4)


def test_the_sea_comes_in_as_high_as_the_tide():
    """A level of 1.5 m on the south side fills the low ground behind it, and not what is higher."""
    ground = np.tile(np.linspace(3.0, 0.0, 20)[:, None], (1, 10))
    tide = geopandas.GeoDataFrame(
        {"side": ["south"] * 2, "time_s": [0.0, 1800.0], "water_level_m": [0.0, 1.5]},
    )
    result = inundation(
        layer(ground, "elevation"), None, None, tide, duration_h=4.0, mode="full", boundary="wall", members=1
    )
    depth = np.asarray(result.final_depth, float)
    np.testing.assert_allclose(depth[ground < 1.2], (1.5 - ground)[ground < 1.2], atol=0.03)
    assert (depth[ground > 1.7] < 0.01).all()


def test_a_raised_building_stays_dry_and_a_roof_of_no_height_does_not():
    ground = layer(np.zeros((12, 12)), "elevation")
    x0, y1 = place(5, 5)
    house = geopandas.GeoDataFrame(
        {"id": ["a"]}, geometry=[shapely.box(x0 - 6, y1 - 6, x0 + 6, y1 + 6)], crs="EPSG:32654"
    )
    inflow = hydrograph([("a", 0.0, 2.0)], shapely.Point(*place(1, 1)))
    run_with = lambda height: inundation(  # noqa: E731
        ground, inflow, None, None, house, duration_h=0.5, boundary="wall", members=1, building_height_m=height
    )
    assert float(run_with(3.0).maximum_depth[5, 5]) == 0.0
    assert float(run_with(0.0).maximum_depth[5, 5]) > 0.1


def test_hazard_classes_are_those_of_fd2320():
    """HR = d (v + 0.5) + DF: 1 m of still water is 0.5 + 1.0 = 1.5, danger for most; without debris 0.5, caution."""
    depth = np.array([[1.0, 1.0, 0.2, 2.0, np.nan, 0.01]])
    rating = depth * (np.array([[0.0, 1.0, 0.0, 1.5, 0.0, 0.0]]) + 0.5)
    before = np.zeros(depth.shape, bool)
    args = {"wet_depth_m": 0.05}
    conservative = hazard_classes(rating, depth, before, debris="conservative", **args)
    np.testing.assert_array_equal(conservative, [[3, 4, 1, 4, 255, 0]])
    plain = hazard_classes(rating, depth, before, debris="none", **args)
    np.testing.assert_array_equal(plain, [[1, 3, 1, 4, 255, 0]])
    assert hazard_classes(rating, depth, ~before, debris="none", **args)[0, 0] == 5


def flooded(**changes):
    bed = basin(20)
    bed[0, :5] = np.nan
    zero = np.zeros(bed.shape)
    depth = np.maximum(1.0 - bed, 0.0)
    given = {
        "bed": bed,
        "cell_m": (CELL, CELL),
        "roughness": 0.04,
        "depth": np.nan_to_num(depth) + zero,
        "duration_s": 60.0,
    }
    return Scenario(**(given | changes))


def wet(scenario):
    return run(scenario).maximum_depth >= scenario.wet_depth_m


def test_a_coarse_ensemble_floods_no_ground_that_only_coarseness_floods():
    """A shore that no coarse cell resolves: what the full grid leaves dry has a probability of 0 where nothing is in doubt."""
    scenario = flooded()
    shore = wet(scenario)
    doubt = ensemble(scenario, Spread(), shore, members=2, seed=0, coarsening=5)
    inside = np.isfinite(scenario.bed)
    np.testing.assert_array_equal(doubt.probability[inside], shore[inside].astype(float))


def test_an_ensemble_with_nothing_in_doubt_has_no_spread():
    doubt = ensemble(flooded(), Spread(elevation_m=0.0), wet(flooded()), members=2, seed=1, coarsening=2)
    inside = np.isfinite(flooded().bed)
    np.testing.assert_array_equal(doubt.depth_uncertainty[inside], 0.0)
    assert np.isin(doubt.probability[inside], (0.0, 1.0)).all()
    assert np.isnan(doubt.depth_uncertainty[~inside]).all()


def test_still_water_over_doubtful_ground_is_as_doubtful_as_the_ground():
    """A lake's surface is one level, so its depth errs as its bed does (and as the level that its volume fills it to)."""
    spread = Spread(elevation_m=0.1, elevation_length_m=CELL)
    scenario = flooded(bed=np.zeros((40, 40)), depth=np.full((40, 40), 2.0), duration_s=600.0)
    doubt = ensemble(scenario, spread, wet(scenario), members=12, seed=3, coarsening=1)
    assert np.sqrt((doubt.depth_uncertainty**2).mean()) == pytest.approx(0.1, rel=0.15)


def test_the_seed_decides_the_members():
    spread = Spread(elevation_m=0.3, elevation_length_m=50.0)
    one, same, other = (ensemble(flooded(), spread, wet(flooded()), members=2, seed=s, coarsening=2) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.depth_uncertainty, same.depth_uncertainty)
    assert not np.array_equal(one.depth_uncertainty, other.depth_uncertainty, equal_nan=True)


def test_correlated_noise_has_unit_variance_and_its_length():
    noise = correlated((400, 400), 10.0, np.random.default_rng(0))
    assert noise.std() == pytest.approx(1.0, abs=0.05)
    assert np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1] > 0.95
    assert abs(np.corrcoef(noise[:, :-40].ravel(), noise[:, 40:].ravel())[0, 1]) < 0.1


def test_figures_hold_their_value_and_say_when_there_is_no_range():
    inflow = hydrograph([("a", 0.0, 5.0)], shapely.Point(*place(12, 12)))
    for members in (1, 4):
        result = inundation(layer(basin(), "elevation"), inflow, duration_h=0.5, boundary="wall", members=members)
        found = {f.name: f for f in figures(tally(result, CELL**2), {})}
        area = found["flooded_area"]
        wet = float((np.asarray(result.maximum_depth) >= 0.05).sum()) * CELL**2 * 1e-6
        assert area.value == pytest.approx(wet)
        if members == 1:
            assert area.lower is None
            assert area.reason
        else:
            assert area.lower <= area.value <= area.upper
            assert found["flood_volume"].lower < found["flood_volume"].value < found["flood_volume"].upper


def test_mass_is_kept_and_the_bytes_do_not_depend_on_the_call():
    one, two = run(flooded(mode="full")), run(flooded(mode="full"))
    assert one.balance.relative_error < 1e-12
    assert one.maximum_depth.tobytes() == two.maximum_depth.tobytes()


def test_what_cannot_be_run_is_refused():
    ground = layer(basin(), "elevation")
    with pytest.raises(InputError, match="no water"):
        inundation(ground)
    far = hydrograph([("far", 0.0, 1.0)], shapely.Point(WEST - 500.0, NORTH))
    with pytest.raises(InputError, match="far"):
        inundation(ground, far)
    wrong = geopandas.GeoDataFrame({"side": ["up"], "time_s": [0.0], "water_level_m": [1.0]})
    with pytest.raises(InputError, match="north, south"):
        inundation(ground, None, None, wrong)
