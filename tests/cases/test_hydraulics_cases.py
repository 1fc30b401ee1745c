"""A level beside dry ground through the method as a user calls it, one record on several sides, gauges and small waves."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from mitoshi.applications.disaster.inundation import inundation
from mitoshi.applications.disaster.inundation_forcing import edges_of
from mitoshi.applications.disaster.tsunami import tsunami
from mitoshi.core.errors import InputError
from mitoshi.core.quantity import QUANTITIES

CORNER = (390_000.0, 3_940_000.0)


def layer(values: np.ndarray, cell: float, quantity: str = "elevation") -> xr.DataArray:
    grid = GeoBox(values.shape, Affine(cell, 0, CORNER[0], 0, -cell, CORNER[1]), "EPSG:32654")
    attrs = {"quantity": quantity, "units": QUANTITIES[quantity].units, "pixel_size_m": cell}
    return xr.DataArray(values.astype("float32"), dims=("y", "x"), coords=xr_coords(grid, dims=("y", "x")), attrs=attrs)


def levels(*rows: tuple[str, float, float]) -> geopandas.GeoDataFrame:
    side, time, level = zip(*rows, strict=True)
    return geopandas.GeoDataFrame({"side": side, "time_s": time, "water_level_m": level})


@pytest.mark.real
@pytest.mark.parametrize("mode", ["local-inertial", "full"])
def test_a_sudden_sea_of_two_metres_floods_what_lies_below_it(shared_data, mode: str) -> None:
    """Still water: 1200 cells, 0.750 km2, 0.788e6 m3. By a ramp of one hour: 0.750 km2, 0.809e6 m3, level 2.05 m."""
    with rasterio.open(shared_data("cases/02-solver-dry-start-water-level") / "slope.tif") as file:
        bed = file.read(1)
    tide = levels(("south", 0.0, 2.0))
    result = inundation(layer(bed, 25.0), None, None, tide, duration_h=2.0, members=1, mode=mode)
    depth, end = np.asarray(result.maximum_depth, float), np.asarray(result.final_depth, float)
    area = 625.3
    wet = depth >= 0.05
    assert wet.sum() * area / 1e6 == pytest.approx(0.750, rel=0.06)
    assert depth[wet].sum() * area / 1e6 == pytest.approx(0.809, rel=0.04)
    assert end.sum() * area / 1e6 == pytest.approx(0.788, rel=0.01)
    assert depth.max() <= 2.05
    assert (depth + bed)[wet].max() <= 2.1
    assert np.nanmax(result.maximum_speed) <= np.sqrt(9.81 * 2.0)


def test_one_wave_over_several_sides_of_a_harbour_is_refused_and_still_water_outside_is_not() -> None:
    time = np.arange(0.0, 600.0, 5.0)
    wave = 0.5 * np.sin(2 * np.pi * time / 60.0)
    record = levels(*[(side, t, w) for side in ("north", "west") for t, w in zip(time, wave, strict=True)])
    harbour = layer(np.full((20, 20), -8.0), 10.0)
    for choice in ("incident", "level"):
        with pytest.raises(InputError, match="one and the same moving record"):
            tsunami(harbour, None, None, record, duration_h=0.1, members=1, level_edge=choice)
    outside = tsunami(harbour, None, None, record, duration_h=0.1, members=1, level_edge="outside")
    assert 0.3 < float(np.nanmax(outside.maximum_surface)) < 1.0
    alone = record[record["side"] == "west"]
    one = tsunami(harbour, None, None, alone, duration_h=0.1, members=1)
    assert float(np.nanmax(one.maximum_surface)) == pytest.approx(0.5, abs=0.06)


def test_a_tide_or_a_standing_level_may_act_on_several_sides() -> None:
    tide = [(0.0, 0.0), (11_000.0, 1.0), (22_000.0, 0.0)]
    both = levels(*[(side, t, w) for side in ("south", "west") for t, w in tide])
    assert edges_of(both, "wall").south is not None
    edges_of(levels(("south", 0.0, 2.0), ("west", 0.0, 2.0)), "wall")
    with pytest.raises(InputError, match="north, south, east or west"):
        edges_of(levels(("South-East", 0.0, 2.0)), "wall")


def test_gauges_list_level_depth_and_speed_of_a_wave_in_a_flume() -> None:
    """A wave of 1 cm over 14 cm of water: the gauge reads it with hundreds of values, not fifteen."""
    time = np.arange(0.0, 12.0, 0.05)
    wave = 0.01 * np.exp(-(((time - 3.0) / 0.8) ** 2))
    record = levels(*[("west", t, w) for t, w in zip(time, wave, strict=True)])
    flume = layer(np.full((3, 120), -0.14), 0.05)
    x, y = CORNER[0] + 0.05 * 60.5, CORNER[1] - 0.05 * 1.5
    gauge = geopandas.GeoDataFrame({"name": ["g"]}, geometry=[shapely.Point(x, y)], crs="EPSG:32654")
    result = tsunami(
        flume, None, None, record, None, None, gauge, duration_h=12 / 3600, members=1, manning=0.001,
        wet_depth_m=0.001, gauge_interval_s=0.05,
    )  # fmt: skip
    table = result.gauge_readings
    assert list(table["name"].unique()) == ["g"]
    assert table["water_level_m"].max() == pytest.approx(0.01, rel=0.05)
    late = table["time_s"][table["water_level_m"].idxmax()]
    crest = 3 * np.sqrt(9.81 * 0.15) - 2 * np.sqrt(9.81 * 0.14)  # of a simple wave: u + c
    assert late == pytest.approx(3.0 + 60.5 * 0.05 / crest, abs=0.1)
    assert table["speed_east_m_s"].max() == pytest.approx(0.01 * np.sqrt(9.81 / 0.14), rel=0.06)
    assert abs(table["speed_north_m_s"]).max() < 1e-6
    np.testing.assert_allclose(table["depth_m"] - 0.14, table["water_level_m"], atol=1e-6)
    with pytest.raises(InputError, match="lies outside the elevation"):
        tsunami(flume, None, None, record, None, None, gauge.translate(1e4).to_frame("geometry").assign(name="g"),
                duration_h=0.001, members=1)  # fmt: skip


def test_water_starts_with_its_speed_eastward_and_northward() -> None:
    """A uniform current over a flat, open bed passes the gauge at its speed."""
    ones = np.ones((40, 40))
    x, y = CORNER[0] + 205.0, CORNER[1] - 205.0
    gauge = geopandas.GeoDataFrame({"name": ["g"]}, geometry=[shapely.Point(x, y)], crs="EPSG:32654")
    result = inundation(
        layer(0 * ones, 10.0), None, None, None, None, None, layer(2 * ones, 10.0, "water_depth"), None, gauge,
        layer(0.5 * ones, 10.0, "flow_speed"), layer(0.25 * ones, 10.0, "flow_speed"),
        duration_h=10 / 3600, members=1, mode="full", manning=1e-4, gauge_interval_s=5.0,
    )  # fmt: skip
    np.testing.assert_allclose(result.gauge_readings["speed_east_m_s"], 0.5, atol=1e-3)
    np.testing.assert_allclose(result.gauge_readings["speed_north_m_s"], 0.25, atol=1e-3)
