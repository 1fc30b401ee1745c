"""Records that do not reach through the run, sides that let nothing in, large cells and flumes: said, refused or right."""

from __future__ import annotations

import json

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine
from click.testing import CliRunner
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from mitoshi.applications.disaster.inundation import inundation
from mitoshi.applications.disaster.inundation_records import assumed
from mitoshi.applications.disaster.inundation_steps import storage_steps
from mitoshi.applications.disaster.tsunami import tsunami
from mitoshi.core.errors import InputError
from mitoshi.core.quantity import QUANTITIES
from mitoshi.interfaces.cli import cli

CORNER = (390_000.0, 3_940_000.0)
CELL_AREA = 625.3  # m2, of the case's grid on the ellipsoid


def layer(values, cell, quantity="elevation"):
    values = np.asarray(values, "float32")
    grid = GeoBox(values.shape, Affine(cell, 0, CORNER[0], 0, -cell, CORNER[1]), "EPSG:32654")
    attrs = {"quantity": quantity, "units": QUANTITIES[quantity].units, "pixel_size_m": cell}
    return xr.DataArray(values, dims=("y", "x"), coords=xr_coords(grid, dims=("y", "x")), attrs=attrs)


def levels(*rows):
    side, time, level = zip(*rows, strict=True)
    return geopandas.GeoDataFrame({"side": side, "time_s": time, "water_level_m": level})


def inflow(times, flows, x=5.0, y=5.0):
    points = [shapely.Point(CORNER[0] + x, CORNER[1] - y)] * len(times)
    table = {"name": ["river"] * len(times), "time_s": times, "discharge_m3_s": flows}
    return geopandas.GeoDataFrame(table, geometry=points, crs="EPSG:32654")


def rain(times, rates):
    return geopandas.GeoDataFrame({"time_s": times, "rate_mm_h": rates})


def said(**data):
    return assumed({"elevation": layer(np.zeros((4, 4)), 10.0), **data}, {"duration_h": 1.0})


@pytest.mark.parametrize(
    ("data", "en", "ja"),
    [
        ({"water_level": levels(("west", 0, 1.0), ("west", 1800, 2.0))}, "last level, 2 m, is held", "水位 2 m が続く"),
        ({"water_level": levels(("west", 600, 1.0), ("west", 3600, 2.0))}, "first level, 1 m", "最初の水位 1 m"),
        ({"rain": rain([0, 1800], [5.0, 20.0])}, "last rate, 20 mm/h, is held", "強度 20 mm/h が続く"),
        ({"rain": rain([900, 3600], [5.0, 20.0])}, "before its first 5 mm/h nothing", "最初の 5 mm/h より前はゼロ"),
        ({"inflow": inflow([0, 600, 1200], [0.0, 9.0, 7.0])}, "after its last 7 m3/s nothing", "最後の 7 m3/s より後はゼロ"),
        ({"inflow": inflow([600, 1200, 3600], [2.0, 9.0, 0.0])}, "before its first 2 m3/s nothing", "最初の 2 m3/s より前はゼロ"),
        (
            {"water_level": levels(*[("west", t, 1.0) for t in (0, 60, 120, 180, 1800, 3600)])},
            "no row from 180 to 1800 s, and 1 more such gaps; it is taken to run in a straight line", "直線的に変化",
        ),
        ({"rain": rain([0, 60, 120, 3000, 3600], [5.0] * 5)}, "the rate before is held", "直前の強度が続く"),
    ],
)  # fmt: skip
def test_what_a_record_does_not_cover_is_said_in_both_languages(data, en, ja):
    words = said(**data)
    assert any(en in t.en for t in words), words
    assert any(ja in t.ja for t in words), words


def test_records_that_cover_the_run_say_nothing_and_single_rows_are_steady():
    whole = [("west", t, 1.0) for t in (0, 1800, 3600)]
    assert not said(water_level=levels(*whole), rain=rain([0, 3600], [5.0, 0.0]))
    assert not said(water_level=levels(("west", 0, 2.0)), inflow=inflow([0], [3.0]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"inflow": inflow([7200, 9000], [5.0, 5.0])}, "reaches from 7200 to 9000 s and the run from 0 to 3600 s"),
        ({"water_level": levels(("west", 1.7e9, 1.0), ("west", 1.7e9 + 60, 1.0))}, "seconds since the start"),
        ({"rain": rain([-600.0, -60.0], [5.0, 5.0])}, "seconds since the start"),
    ],
)
def test_records_of_another_time_are_refused(data, words):
    bed = layer(np.zeros((6, 6)), 10.0)
    given = [data.get(name) for name in ("inflow", "rain", "water_level")]
    with pytest.raises(InputError, match=words):
        inundation(bed, *given, duration_h=1.0, members=1)


@pytest.mark.parametrize("method", ["inundation", "tsunami"])
def test_a_side_that_lets_nothing_in_is_refused_and_missing_elevation_is_said(method):
    bed = np.full((12, 12), -3.0)
    bed[:, 0] = 4.0
    call = inundation if method == "inundation" else tsunami

    def run(bed):
        return call(layer(bed, 10.0), None, None, levels(("west", 0, 1.5)), duration_h=0.02, members=1)

    with pytest.raises(InputError, match=r"at most 1.5 m, never rises above the ground there, at least 4 m"):
        run(bed)
    bed[:, 0] = np.nan
    with pytest.raises(InputError, match="west side has a water level and no elevation"):
        run(bed)
    bed[:6, 0] = -3.0
    depth = np.asarray(run(bed).maximum_depth if method == "inundation" else run(bed).maximum_surface)
    assert np.isfinite(depth[0, 0])
    assert np.isnan(depth[8, 0])
    words = assumed(
        {"elevation": layer(bed, 10.0), "water_level": levels(("west", 0, 1.5), ("west", 99, 1.5))},
        {"duration_h": 0.02},
    )
    assert "50% of the side has no elevation and is taken for a wall" in words[0].en
    assert "50% は標高が欠けている" in words[0].ja


@pytest.mark.parametrize("cell", [500.0, 1000.0])
@pytest.mark.parametrize("mode", ["local-inertial", "full"])
def test_large_cells_fill_to_the_level_and_no_higher(cell, mode):
    """A plain below a sea of 2 m: after days its water is still and level; on its way nothing exceeds the head."""
    bed = np.broadcast_to(np.linspace(-1.0, 1.0, 12)[None, :], (5, 12))
    sea = levels(("west", 0, 2.0))
    result = inundation(
        layer(bed, cell), None, None, sea, duration_h=60.0, members=1, mode=mode, boundary="wall", manning=0.03
    )
    np.testing.assert_allclose(np.asarray(result.final_depth), 2.0 - bed, atol=0.02)
    assert float((np.asarray(result.maximum_depth) + bed).max()) < 2.2
    assert float(np.nanmax(result.maximum_speed)) < np.sqrt(9.81 * 3.0)


@pytest.mark.parametrize("mode", ["local-inertial", "full"])
def test_an_inflow_between_walls_keeps_every_litre(mode):
    bed = np.abs(np.linspace(-1.0, 1.0, 20))[:, None] + np.abs(np.linspace(-1.0, 1.0, 20))[None, :]
    river = inflow([0, 600, 1200, 3600], [0.0, 3.0, 0.0, 0.0], 100.0, 100.0)
    result = inundation(layer(bed, 10.0), river, duration_h=1.0, members=1, mode=mode, boundary="wall")
    volume = float(np.asarray(result.final_depth, float).sum()) * 100.0
    assert volume == pytest.approx(
        1800.0, rel=2e-3
    )  # the triangle of the hydrograph; cells are a thousandth off 100 m2


@pytest.mark.parametrize("sea", [0.0, 1.5])
@pytest.mark.parametrize("mode", ["full", "local-inertial"])
def test_a_tsunami_leaves_over_its_open_sides_and_the_sea_returns_to_its_level(sea, mode):
    """A hump of 1 m leaves over four open sides; 20 crossings later the sea is at its still level, above or below the datum."""
    y, x = np.mgrid[:40, :40]
    bed = np.full((40, 40), -20.0)
    bed[:, 35:] = 4.0
    hump = np.where(bed < 0, np.exp(-((x - 16.0) ** 2 + (y - 20.0) ** 2) / 30.0), 0.0)
    place = [shapely.Point(CORNER[0] + 1650.0, CORNER[1] - 2050.0)]
    gauge = geopandas.GeoDataFrame({"name": ["g"]}, geometry=place, crs="EPSG:32654")
    result = tsunami(
        layer(bed, 100.0), layer(hump, 100.0, "surface_displacement"), None, None, None, None, gauge,
        duration_h=1.5, members=1, mode=mode, sea_level_m=sea,
    )  # fmt: skip
    level = result.gauge_readings["water_level_m"].to_numpy()
    assert level[0] == pytest.approx(sea + 1.0, abs=0.01)
    np.testing.assert_allclose(level[-20:], sea, atol=0.005)


@pytest.mark.parametrize(("mode", "lost"), [("full", 0.05), ("local-inertial", 0.15)])
def test_a_wave_from_one_side_runs_along_the_open_others(mode, lost):
    """A plane wave over a flat bed has one height everywhere; still water outside the sides next to it took two thirds of it."""
    time = np.arange(0.0, 3600.0, 10.0)
    wave = np.where(time < 600.0, 0.1 * np.sin(np.pi * time / 600.0) ** 2, 0.0)
    record = levels(*[("west", t, w) for t, w in zip(time, wave, strict=True)])
    result = tsunami(layer(np.full((40, 40), -20.0), 100.0), None, None, record, duration_h=1.0, members=1, mode=mode)
    highest = np.asarray(result.maximum_surface, float)
    assert np.ptp(highest[:, :35]) < lost * 0.1
    assert highest[20, 20] == pytest.approx(0.1, rel=lost)


def test_steps_follow_the_problem_and_its_inputs_alone():
    parameters = {"duration_h": 30 / 3600, "gauge_interval_s": 0.05}
    flume = {"elevation": layer(np.zeros((4, 40)), 0.01), "initial_depth": layer(np.full((4, 40), 0.03), 0.01)}
    fine = storage_steps(flume, parameters)
    assert fine["maximum_depth"] == 1e-6
    assert fine["maximum_speed"] == 1e-4
    assert fine["arrival_time"] == 1e-3
    high = storage_steps({**flume, "elevation": layer(np.full((4, 40), 100.0), 0.01)}, parameters)
    assert high["maximum_depth"] == 1e-6
    assert high["maximum_surface"] == 1e-5  # single precision at 100 m
    hills = np.linspace(0.0, 40.0, 160).reshape(4, 40)
    river = storage_steps(
        {"elevation": layer(hills, 10.0), "inflow": inflow([0, 60], [5.0, 5.0])},
        {"duration_h": 6.0, "gauge_interval_s": 60.0},
    )
    assert (river["maximum_depth"], river["maximum_speed"], river["arrival_time"]) == (1e-4, 1e-3, 0.1)


def invoked(*arguments):
    result = CliRunner().invoke(cli, ["run", "disaster.inundation", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def geotiff(path, values, cell):
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": values.shape[0], "width": values.shape[1]}
    place = {"crs": "EPSG:32654", "transform": Affine(cell, 0, CORNER[0], 0, -cell, CORNER[1])}
    with rasterio.open(path, "w", **profile, **place) as file:
        file.write(values.astype("float32"), 1)
    return path


@pytest.mark.slow
def test_a_flume_is_stored_finely_and_verifies(tmp_path):
    """Two bodies of water, 3 cm and 1 mm, meet: hundreds of depths, stored in steps that the product declares."""
    flume = np.zeros((6, 300))
    start = np.where(np.arange(300) < 150, 0.03, 0.001) * np.ones((6, 1))
    bed, water = geotiff(tmp_path / "bed.tif", flume, 0.01), geotiff(tmp_path / "start.tif", start, 0.01)
    out = tmp_path / "out"
    invoked(
        "--elevation", f"{bed}#quantity=elevation,units=m", "--initial-depth", f"{water}#quantity=water_depth,units=m",
        "--duration-h", 2 / 3600, "--mode", "full", "--members", 1, "--boundary", "wall", "--manning", 0.01,
        "--wet-depth-m", 0.0005, "--out", out,
    )  # fmt: skip
    with rasterio.open(out / "final_depth.tif") as file:
        depth, tags = file.read(1), file.tags()
    assert np.unique(depth).size > 200
    step = float(tags["MITOSHI_RESOLUTION"])
    assert step == 1e-6
    np.testing.assert_allclose(np.rint(depth / step) * step, depth, atol=1e-9)
    assert json.loads((out / "run.json").read_text())["products"]["final_depth"]["resolution"] == step
    verified = CliRunner().invoke(cli, ["verify", str(out), "--inputs", str(tmp_path), "--json"])
    assert json.loads(verified.output)["status"] == "identical"


@pytest.mark.real
@pytest.mark.slow
def test_case_02_by_the_command_line(shared_data, tmp_path):
    """Still water: 1200 cells, 0.750 km2, 0.788e6 m3; by a ramp of an hour 0.809e6 m3 and 2.05 m at the most."""
    folder = shared_data("cases/02-solver-dry-start-water-level")
    invoked(
        "--elevation", folder / "slope.tif", "--water-level", folder / "level.csv", "--duration-h", 2, "--members", 1,
        "--out", tmp_path / "out",
    )  # fmt: skip
    with rasterio.open(tmp_path / "out/maximum_depth.tif") as file:
        depth = file.read(1)
    with rasterio.open(tmp_path / "out/final_depth.tif") as file:
        final = file.read(1)
    assert np.nanmax(depth) <= 2.05
    assert (depth >= 0.05).sum() * CELL_AREA / 1e6 == pytest.approx(0.750, rel=0.06)
    assert np.nansum(final) * CELL_AREA / 1e6 == pytest.approx(0.788, rel=0.01)
    figures = {f["name"]: f for f in json.loads((tmp_path / "out/figures.json").read_text())["figures"]}
    assert figures["flooded_area"]["value"] == pytest.approx(0.750, rel=0.06)
