"""Tsunami against what a wave must do: stay where nothing moves, split in two, start as the ground moved, and climb the land."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from mitoshi.applications.disaster.tsunami import tsunami
from mitoshi.applications.disaster.tsunami_figures import figures, tally
from mitoshi.applications.disaster.tsunami_source import sea_cells
from mitoshi.core.errors import InputError
from mitoshi.core.quantity import QUANTITIES
from mitoshi.methods.hydraulics.nesting import edges_from, nest
from mitoshi.methods.hydraulics.shallow_water import (
    Domain,
    Edges,
    IncidentWave,
    Open,
    State,
    WaterLevel,
    at_rest,
    simulate,
)


def layer(values, quantity, cell=1000.0, crs="EPSG:32654", corner=(400_000.0, 4_700_000.0)):
    values = np.asarray(values, "float32")
    grid = GeoBox(values.shape, Affine(cell, 0, corner[0], 0, -cell, corner[1]), crs)
    attrs = {"quantity": quantity, "units": QUANTITIES[quantity].units, "pixel_size_m": cell}
    return xr.DataArray(values, dims=("y", "x"), coords=xr_coords(grid, dims=("y", "x")), attrs=attrs)


def shore(rows=8, columns=160):
    """Sea 40 m deep, and a beach of 1 in 20 to the east, 50 m cells."""
    x = 50.0 * (np.arange(columns) + 0.5)
    return np.tile(np.maximum(-40.0, (x - 6000.0) / 20.0), (rows, 1))


def test_still_water_stays_still_and_land_stays_dry():
    ground = shore()
    result = tsunami(layer(ground, "elevation", 50.0), layer(np.zeros(ground.shape), "surface_displacement", 50.0),
                     duration_h=0.1, members=1)  # fmt: skip
    assert np.nanmax(np.abs(np.asarray(result.maximum_surface))) < 1e-6
    assert np.nanmax(np.asarray(result.maximum_depth)) == 0.0
    assert np.isnan(np.asarray(result.maximum_depth)[ground < 0]).all()
    assert set(np.unique(result.hazard)) == {0, 5}


def test_a_hump_splits_into_two_of_half_its_height():
    """d'Alembert: over a flat bed a hump of height a leaves as two waves of height a / 2."""
    x = np.arange(400.0)
    hump = np.tile(2.0 * np.exp(-(((x - 100.0) / 24.0) ** 2)), (4, 1))
    result = tsunami(layer(np.full((4, 400), -4000.0), "elevation"), layer(hump, "surface_displacement"),
                     duration_h=0.3, members=1)  # fmt: skip
    highest = np.asarray(result.maximum_surface)[2]
    np.testing.assert_allclose(highest[180:280], 1.0, rtol=0.03)
    assert highest[100] == pytest.approx(2.0, rel=1e-3)


def test_the_sea_starts_as_the_fault_moved_the_ground():
    """Over deep water the surface rises as the ground does; on land the ground rises and stays dry."""
    fault = {
        "longitude": [140.0], "latitude": [42.0], "depth_top_m": [5e3], "strike_deg": [10.0], "dip_deg": [30.0],
        "rake_deg": [90.0], "length_m": [6e4], "width_m": [3e4], "slip_m": [4.0],
    }  # fmt: skip
    corner = (500_000.0 - 99_000.0 - 82_800.0, 4_750_000.0)
    ground = layer(np.full((200, 200), -4000.0), "elevation", corner=corner)
    result = tsunami(ground, None, geopandas.GeoDataFrame(fault), duration_h=0.002, members=1)
    highest = np.asarray(result.maximum_surface)
    assert 1.0 < highest.max() < 4.0


def test_a_wave_runs_up_the_beach_and_the_ensemble_doubts_it():
    ground = shore()
    x = np.arange(ground.shape[1])
    hump = np.tile(3.0 * np.exp(-(((x - 50.0) / 12.0) ** 2)), (ground.shape[0], 1))
    result = tsunami(layer(ground, "elevation", 50.0), layer(np.where(ground < 0, hump, 0), "surface_displacement", 50.0),
                     duration_h=0.4, members=4, ensemble_coarsening=2)  # fmt: skip
    found = {f.name: f for f in figures(tally(result, 2500.0), {})}
    runup = found["highest_runup"]
    assert 1.5 < runup.value < 12.0  # above the half wave offshore
    assert runup.lower < runup.value < runup.upper
    depth = np.asarray(result.maximum_depth)
    wet = depth > 0.1
    assert wet.any()
    np.testing.assert_allclose((np.asarray(result.maximum_surface) - ground)[wet], depth[wet], atol=0.02)
    arrival = np.asarray(result.arrival_time)[4]
    reached = np.flatnonzero(np.isfinite(arrival))
    assert (np.diff(arrival[reached]) >= 0).all()


def test_ground_below_the_sea_behind_a_dike_is_no_sea():
    ground = np.full((9, 9), 2.0)
    ground[:, :3] = -5.0
    ground[4:6, 5:7] = -1.0
    sea = sea_cells(ground, 0.0)
    assert sea[:, :3].all()
    assert not sea[:, 3:].any()


def test_what_moves_no_sea_is_refused():
    with pytest.raises(InputError, match="nothing moves the sea"):
        tsunami(layer(shore(), "elevation", 50.0))


def test_a_grid_in_degrees_that_is_too_tall_is_refused():
    tall = layer(np.full((100, 4), -100.0), "elevation", 0.5, "EPSG:4326", (140.0, 60.0))
    still = layer(np.zeros((100, 4)), "surface_displacement", 0.5, "EPSG:4326", (140.0, 60.0))
    with pytest.raises(InputError, match="projection"):
        tsunami(tall, still)


def test_a_nested_grid_sees_the_wave_of_the_coarse_one():
    """A wave in from the west over 20 m of water: in the nest, three times as fine, its crest is as high as around it."""
    coarse, fine = Affine(90.0, 0, 0, 0, -90.0, 2700.0), Affine(30.0, 0, 1800.0, 0, -30.0, 1800.0)
    times = np.linspace(0, 400.0, 41)
    wave = WaterLevel(times, np.sin(np.pi * np.clip(times, 0, 300.0) / 300.0) ** 2)
    domain = Domain(np.full((30, 80), -20.0), (90.0, 90.0), 0.0, Edges(west=wave, east=Open()))
    place = nest((30, 60), fine, (30, 80), coarse)
    around = simulate(domain, at_rest(domain, 0.0), until_s=600.0, gauges=place.gauges, gauge_interval_s=5.0)
    inner = Domain(np.full((30, 60), -20.0), (30.0, 30.0), 0.0, edges_from(place, around))
    inside = simulate(inner, at_rest(inner, 0.0), until_s=600.0)
    assert np.nanmax(inside.maximum_surface) == pytest.approx(np.nanmax(around.maximum_surface[:, 20:40]), rel=0.03)
    assert inside.maximum_surface[15, 30] == pytest.approx(around.maximum_surface[15, 30], rel=0.03)


def test_a_nest_beyond_its_parent_is_refused():
    with pytest.raises(InputError, match="inside"):
        nest((10, 10), Affine(10.0, 0, -50.0, 0, -10.0, 100.0), (10, 10), Affine(30.0, 0, 0, 0, -30.0, 300.0))


def test_a_nest_takes_over_the_speed_of_the_coarse_run_and_lets_out_what_it_alone_reflects():
    """A current of 0.5 m/s sets a nest at rest in motion; beside an island that the coarse grid lacks the level stays."""
    coarse, fine = Affine(90.0, 0, 0, 0, -90.0, 2700.0), Affine(30.0, 0, 1800.0, 0, -30.0, 1800.0)
    shape = (30, 80)
    edge = IncidentWave((0.0,), (0.0,), speed_m_s=(0.5,))
    domain = Domain(np.full(shape, -20.0), (90.0, 90.0), 0.0, Edges(west=edge, east=Open()))
    current = State(np.full(shape, 20.0), np.full(shape, 10.0), np.zeros(shape))
    place = nest((30, 60), fine, shape, coarse)
    around = simulate(domain, current, until_s=300.0, gauges=place.gauges, gauge_interval_s=5.0)
    bed = np.full((30, 60), -20.0)
    inner = Domain(bed, (30.0, 30.0), 0.0, edges_from(place, around))
    at_rest_inside = simulate(inner, at_rest(inner, 0.0), until_s=300.0)
    speed = at_rest_inside.state.discharge_x / at_rest_inside.state.depth
    assert speed.mean() == pytest.approx(0.5, rel=0.1)  # levels alone, equal everywhere, would leave it at rest
    bed[13:17, 28:32] = 5.0
    island = Domain(bed, (30.0, 30.0), 0.0, edges_from(place, around))
    start = State(np.where(bed < 0, 20.0, 0.0), np.where(bed < 0, 10.0, 0.0), np.zeros(bed.shape))
    past = simulate(island, start, until_s=300.0)
    level = past.state.depth[bed < 0] - 20.0
    assert np.abs(level).max() < 0.5**2 / 9.81 * 3  # some velocity heads, no ringing between the edges
