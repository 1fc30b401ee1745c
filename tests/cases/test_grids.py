"""Grids that deceived: counts, south-up rows, web-mercator metres, longitudes from 0 to 360, slopes in degrees.

Every right value is independent of the method: it stands in the README of the case, or is computed here by geodesics.
"""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Geod, Transformer

from mitoshi.applications.disaster.flood_extent import flood_extent
from mitoshi.applications.disaster.impact import impact
from mitoshi.applications.disaster.inundation import inundation
from mitoshi.core.quantity import ELEVATION
from mitoshi.evidence.inputs import framed, open_sources
from mitoshi.sensors import open_observation

GEOD = Geod(ellps="WGS84")


def called(method, files, **parameters):
    """Call a method on files as a run does, on the whole scene; return its result and its figures by name."""
    frame, arrays = framed(method, open_sources(method, {k: str(v) for k, v in files.items()}), None)
    loaded = [a if a is None or hasattr(a, "columns") else a.load() for a in arrays]
    bound = method.bind_parameters(parameters)
    if method.surveyed is not None:
        from mitoshi.core.scene import ArrayScene

        names = [d.name for d in method.data]
        scene = ArrayScene(dict(zip(names, method.bind_data(loaded), strict=True)))
        parameters[method.surveyed] = method.survey(scene, bound)
    result = method(*loaded, **parameters)
    totals = method.tally(result, frame.cell_area_m2(0, 0, *frame.shape))
    return result, {f.name: f for f in method.figures(totals, bound)}


def write(path, values, crs, transform, **tags):
    profile = {"driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1}
    with rasterio.open(path, "w", dtype=values.dtype, crs=crs, transform=transform, **profile) as file:
        file.write(values, 1)
        file.update_tags(**tags)
    return path


@pytest.mark.real
class TestCases:
    @pytest.mark.parametrize("name", ["pop250", "pop5"])
    def test_people_are_shared_out(self, shared_data, name):
        folder = "cases/01-population-not-conserved"
        files = {"depth": shared_data(f"{folder}/depth.tif"), "population": shared_data(f"{folder}/{name}.tif")}
        figure = called(impact, files)[1]["affected_population"]
        assert figure.value == pytest.approx(5000, rel=1e-5)
        # The edge of the water lies within half a pixel of 25 m, over 2.5 km with 1600 people/km2: 50 people either way.
        assert 5000 - 51 < figure.lower < 5000 - 30
        assert 5000 + 30 < figure.upper < 5000 + 51

    @pytest.mark.parametrize("name", ["slope", "slope_su"])
    def test_south_up_is_the_same_ground(self, shared_data, name):
        folder = "cases/03-south-up-sides-swapped"
        files = {
            "elevation": shared_data(f"{folder}/{name}.tif"),
            "water_level": shared_data(f"{folder}/level.csv"),
        }
        result, _ = called(inundation, files, mode="full", duration_h=2.0, members=1)
        wet = np.asarray(result.maximum_depth) > 0.05
        assert wet.sum() == pytest.approx(1260, abs=12)
        assert wet[-1].all()  # the water comes from the south
        assert not wet[0].any()

    def test_web_mercator_impact(self, shared_data):
        folder = "cases/09-web-mercator-area"
        files = {"depth": shared_data(f"{folder}/wm.tif"), "buildings": shared_data(f"{folder}/wm.geojson")}
        result, figures = called(impact, files)
        assert result.pumps["area"].sum() == pytest.approx(2_940_290, rel=1e-5)
        assert result.pumps["volume"].sum() == pytest.approx(3_528_220, rel=1e-5)
        assert figures["pump_trucks"].value == 82

    def test_web_mercator_inundation_keeps_the_water_that_came_in(self, shared_data):
        folder = "cases/09-web-mercator-area"
        files = {
            "elevation": shared_data(f"{folder}/flat_wm.tif"),
            "inflow": shared_data(f"{folder}/inflow_wm.geojson"),
        }
        result, _ = called(inundation, files, duration_h=1.0, boundary="wall", members=1)
        with rasterio.open(files["elevation"]) as file:
            bounds, shape = file.bounds, file.shape
        corners = [(bounds.left, bounds.bottom), (bounds.right, bounds.bottom), (bounds.right, bounds.top)]
        corners.append((bounds.left, bounds.top))
        lon, lat = Transformer.from_crs(3857, 4326, always_xy=True).transform(*zip(*corners, strict=True))
        cell = abs(GEOD.polygon_area_perimeter(lon, lat)[0]) / (shape[0] * shape[1])
        assert float(np.nansum(result.final_depth)) * cell == pytest.approx(180_000, rel=2e-3)

    @pytest.mark.parametrize(("name", "share"), [("ns25", 0.0), ("ew35", 100.0)])
    def test_slopes_in_degrees(self, shared_data, name, share):
        folder = "cases/28-slope-on-degree-grid"
        files = {k: shared_data(f"{folder}/{k}.tif") for k in ("before", "after")}
        _, figures = called(flood_extent, {**files, "elevation": shared_data(f"{folder}/{name}.tif")})
        assert figures["not_observable_share"].value == pytest.approx(share, abs=0.5)


STEP = 10.0
ORIENTATIONS = {
    "north-up": Affine(STEP, 0, 400_000, 0, -STEP, 3_901_000),
    "south-up": Affine(STEP, 0, 400_000, 0, STEP, 3_900_000),
    "turned by 180 degrees": Affine(-STEP, 0, 400_800, 0, STEP, 3_900_000),
    "mirrored": Affine(-STEP, 0, 400_800, 0, -STEP, 3_901_000),
}


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_row_0_is_north_however_the_file_is_turned(tmp_path, name):
    values = np.arange(8000, dtype=np.float32).reshape(100, 80)
    path = write(tmp_path / "ground.tif", values, "EPSG:32654", ORIENTATIONS[name])
    layer = open_observation(str(path), expecting=ELEVATION).layers["elevation"]
    assert tuple(layer.odc.geobox.affine)[:6] == (STEP, 0, 400_000, 0, -STEP, 3_901_000)
    places = [(400_105.0, 3_900_205.0), (400_705.0, 3_900_955.0), (400_005.0, 3_900_005.0)]
    with rasterio.open(path) as file:
        expected = [float(v[0]) for v in file.sample(places)]
    assert [float(layer.sel(x=x, y=y)) for x, y in places] == expected
    np.testing.assert_array_equal(layer[13:60, 7:50].to_numpy(), layer.to_numpy()[13:60, 7:50])


def test_a_rotated_file_runs_on_a_grid_that_is_not(tmp_path):
    """A plane in a file turned by 30 degrees is the same plane on the run's north-up grid."""
    affine = Affine.translation(400_000, 3_900_000) @ Affine.rotation(30) @ Affine.scale(STEP, -STEP)
    columns, rows = np.meshgrid(np.arange(80) + 0.5, np.arange(100) + 0.5)
    x, y = affine @ (columns, rows)
    path = write(tmp_path / "depth.tif", (1 + 1e-3 * (x - 400_000) + 2e-3 * (y - 3_899_000)).astype(np.float32),
                 "EPSG:32654", affine)  # fmt: skip
    _, (depth, *_) = framed(impact, open_sources(impact, {"depth": str(path)}), None)
    t = depth.odc.geobox.affine
    assert (t.a, t.b, t.d, t.e) == (STEP, 0, 0, -STEP)
    expected = 1 + 1e-3 * (depth.x - 400_000) + 2e-3 * (depth.y - 3_899_000)
    expected = expected.transpose("y", "x")
    seen = np.isfinite(depth.to_numpy())
    assert seen.sum() * STEP**2 == pytest.approx(8000 * STEP**2, rel=0.02)
    inner = seen & (np.abs(depth.to_numpy() - expected.to_numpy()) < 0.012)
    assert inner.sum() == seen.sum()
