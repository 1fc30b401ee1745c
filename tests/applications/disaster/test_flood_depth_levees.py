"""A levee narrower than the flood map's pixel holds the water, as high as it is and as long as it is closed."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from mitoshi import cube, evidence
from mitoshi.applications.disaster.flood_depth import flood_depth
from mitoshi.cube.grid import geobox_of
from mitoshi.cube.passes import with_passes

SIDE, FINE = 40, 10  # cells of 10 m, of 10 x 10 metres of laser elevation
GRID = GeoBox((SIDE, SIDE), Affine(10, 0, 400_000, 0, -10, 3_900_000), "EPSG:32654")
CERTAIN = {"elevation_error_m": 0.02, "edge_depth_m": 0.0, "surface_slope": 1e-4}
LEVEL, CREST = 1.0, 4.0


def layer(values, grid, quantity, units="1"):
    attrs = {"quantity": quantity, "units": units, "pixel_size_m": 10.0}
    return xr.DataArray(
        np.asarray(values, np.float32), dims=("y", "x"), coords=xr_coords(grid, dims=("y", "x")), attrs=attrs
    )


def fine_grid(turn=0.0, part=1.0):
    """A metre grid over the scene, turned about its corner, wide enough to cover it."""
    affine = Affine.translation(400_000 - 100, 3_900_000 + 100) @ Affine.rotation(turn) @ Affine.scale(part, -part)
    return GeoBox((round(640 / part), round(640 / part)), affine, "EPSG:32654")


def positions(grid):
    """Metres east and south of the scene's corner at the middle of each fine cell."""
    rows, columns = np.mgrid[: grid.shape[0], : grid.shape[1]] + 0.5
    a = grid.affine
    return a.a * columns + a.b * rows + a.c - 400_000, 3_900_000 - (a.d * columns + a.e * rows + a.f)


def bowl(x, y):
    """A plain at zero metres whose rim rises by 2 %."""
    rim = np.minimum(np.minimum(x, 400 - x), np.minimum(y, 400 - y))
    return np.maximum(0.0, (80 - rim) * 0.02)


def scene(grid, angle, offset, width, breach=0.0, crest=CREST):
    """The bowl cut by a straight levee: a lake stands on its western side, and nothing was seen on the eastern one."""
    x, y = positions(grid)
    turn = np.radians(angle)
    across = (x - 200 - offset) * np.cos(turn) + (y - 200) * np.sin(turn)
    along = (y - 200) * np.cos(turn) - (x - 200 - offset) * np.sin(turn)
    wall = (np.abs(across) <= width / 2) & (np.abs(along) >= breach / 2)
    ground = np.where(wall, np.maximum(crest, bowl(x, y)), bowl(x, y))
    rows, columns = np.mgrid[:SIDE, :SIDE] * 10.0 + 5
    cells = (columns - 200 - offset) * np.cos(turn) + (rows - 200) * np.sin(turn)
    codes = np.where(cells < -8, np.where(bowl(columns, rows) < LEVEL, 1.0, 0.0), np.nan)
    return layer(codes, GRID, "flood_extent"), layer(ground, grid, "elevation", "m"), cells


def depth_behind(codes, model, cells, *, passes=True):
    """Return the probability of water well behind the levee."""
    mean = cube.align({"elevation": model}, GRID)["elevation"]
    elevation = with_passes(mean, [model], GRID) if passes else mean
    elevation = elevation.load()
    elevation.attrs["pixel_size_m"] = 10.0
    found = flood_depth(codes, elevation, **CERTAIN)
    low = mean.to_numpy() < 0.5 * LEVEL
    return found.water_probability.to_numpy()[(cells > 15) & np.isnan(codes.to_numpy()) & low]


class TestAMetreWideLevee:
    @settings(max_examples=8, deadline=None)
    @given(
        angle=st.floats(-75, 75),
        offset=st.floats(-40, 40),
        turn=st.sampled_from([0.0, 0.0, 17.0, -8.0]),
        width=st.sampled_from([1.5, 2.0, 3.0]),
    )
    def test_holds_at_any_angle(self, angle, offset, turn, width):
        grid = fine_grid(turn)
        assert (depth_behind(*scene(grid, angle, offset, width)) == np.float32(0.001)).all()

    def test_vanishes_in_the_mean_and_holds_by_its_passes(self):
        given_scene = scene(fine_grid(), 0.0, 3.0, 1.0)
        assert depth_behind(*given_scene, passes=False).min() > 0.5  # what is mended: the town behind was called wet
        assert (depth_behind(*given_scene) == np.float32(0.001)).all()

    def test_lets_the_water_through_a_breach(self):
        assert depth_behind(*scene(fine_grid(), 20.0, 3.0, 2.0, breach=6.0)).min() > 0.5

    def test_lower_than_the_water_holds_nothing(self):
        assert depth_behind(*scene(fine_grid(), 20.0, 3.0, 2.0, crest=0.3)).min() > 0.5

    @pytest.mark.parametrize("part", [0.5, 2.5])
    def test_holds_in_models_of_other_pixels(self, part):
        assert (depth_behind(*scene(fine_grid(part=part), 30.0, 0.0, 4.0)) == np.float32(0.001)).all()

    def test_holds_in_a_run_from_files_which_verifies(self, tmp_path):
        codes, model, cells = scene(fine_grid(17.0), 20.0, 3.0, 2.0)
        sources = {}
        for name, array in (("flood", codes), ("elevation", model * 100)):
            with rasterio.open(
                tmp_path / f"{name}.tif", "w", driver="GTiff", dtype="float32", count=1, nodata=np.nan, crs="EPSG:32654",
                height=array.shape[0], width=array.shape[1], transform=geobox_of(array).affine,
            ) as file:  # fmt: skip
                file.write(array.to_numpy(), 1)
            said = {"flood": "quantity=flood_extent", "elevation": "quantity=elevation,units=cm"}[name]
            sources[name] = f"{tmp_path / name}.tif#{said},time=2026-10-12T20:00:00Z"
        time = datetime(2026, 10, 13, tzinfo=UTC)
        evidence.run(flood_depth, sources, CERTAIN, tmp_path / "out", time=time)
        with rasterio.open(tmp_path / "out" / "water_probability.tif") as file:
            chance = file.read(1)
        behind = (cells > 15) & np.isnan(codes.to_numpy()) & (chance == chance)
        assert behind.sum() > 300
        assert_allclose(chance[behind], 0.001, atol=1e-6)
        assert evidence.verify(tmp_path / "out", inputs=tmp_path).status == "identical"
