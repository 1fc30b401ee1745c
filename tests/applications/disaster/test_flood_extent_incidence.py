"""Calibrated scenes across a swath: the absolute level of water with the incidence angle, and without it as before."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from mitoshi.applications.disaster.flood_extent import FLOODED, NOT_OBSERVABLE, flood_extent
from mitoshi.core.errors import InputError
from mitoshi.core.grid import tiles
from mitoshi.core.scene import ArrayScene

SIZE = 300
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]
NAMES = ("after", "before", "elevation", "reference_water", "land_cover", "built_up", "incidence_angle")


def raster(values, quantity, units="1"):
    dims = ("y", "x") if values.ndim == 2 else ("polarisation", "y", "x")
    coords = {"y": np.arange(values.shape[-2]) + 0.5, "x": np.arange(values.shape[-1]) + 0.5}
    if values.ndim == 3:
        coords["polarisation"] = ["VV", "VH"][: len(values)]
    attrs = {"quantity": quantity, "units": units, "pixel_size_m": 10.0}
    return xr.DataArray(np.asarray(values, np.float32), dims=dims, coords=coords, attrs=attrs)


def speckled(decibel, seed=0):
    power = 10.0 ** (np.asarray(decibel) / 10.0)
    return power * np.random.default_rng(seed).gamma(4.4, 1 / 4.4, power.shape)


def water_at(angle):
    """Sigma nought of open water in VV [dB]: Bauer-Marschallinger et al. (2022), doi:10.3390/rs14153673."""
    return -0.394181 * angle - 4.142015


def angles(value):
    return raster(np.full((SIZE, SIZE), value), "incidence_angle", "degree")


@pytest.mark.parametrize("angle", [29.5, 31.0, 38.0, 45.0])
def test_water_alone_in_its_scene_is_water_at_every_angle(angle):
    """2 dB rougher than the published mean, whose standard deviation is 2.75 dB; near the inner edge as bright as dark land."""
    after = raster(speckled(np.full((1, SIZE, SIZE), water_at(angle) + 2.0)), "sigma0")
    alone = (np.asarray(flood_extent(after).flood) == FLOODED).mean()
    known = (np.asarray(flood_extent(after, *[None] * 5, angles(angle)).flood) == FLOODED).mean()
    assert known > 0.95
    assert alone < 0.05 or angle > 35.0


def test_dark_land_at_the_outer_edge_is_not_water_where_the_angle_is_known():
    """Bare ground of -16.5 dB at 45 degrees is brighter than water there by 5 dB."""
    after = raster(speckled(np.full((1, SIZE, SIZE), water_at(45.0) + 5.0)), "sigma0")
    alone = (np.asarray(flood_extent(after).flood) == FLOODED).mean()
    known = (np.asarray(flood_extent(after, *[None] * 5, angles(45.0)).flood) == FLOODED).mean()
    assert known < 0.05
    assert known <= alone


def test_sigma_and_gamma_nought_give_one_map():
    wet = np.hypot(ROWS - 150, COLUMNS - 150) < 80
    angle = np.linspace(31.0, 45.0, SIZE)[None].repeat(SIZE, axis=0)
    sigma = speckled(np.stack([np.where(wet, water_at(angle), -9.0), np.where(wet, -27.0, -16.0)]))
    gamma = sigma / np.cos(np.deg2rad(angle))
    incidence = raster(angle, "incidence_angle", "degree")
    one, other = (
        flood_extent(raster(power, kind), *[None] * 5, incidence)
        for power, kind in ((sigma, "sigma0"), (gamma, "gamma0"))
    )
    assert (np.asarray(one.flood) == np.asarray(other.flood)).mean() > 0.999
    assert ((np.asarray(one.flood) == FLOODED) == wet).mean() > 0.98
    mixed = flood_extent(raster(gamma, "gamma0"), raster(sigma, "sigma0"), *[None] * 4, incidence)
    assert (np.asarray(mixed.flood) == FLOODED).mean() < 0.005


def test_sigma_and_gamma_nought_without_an_angle_are_not_mixed():
    power = speckled(np.full((2, SIZE, SIZE), -10.0))
    with pytest.raises(InputError, match=r"before is sigma0 and after gamma0, which differ by the incidence angle"):
        flood_extent(raster(power, "gamma0"), raster(power, "sigma0"))


def test_an_angle_of_the_whole_scene_is_that_of_a_raster():
    wet = np.hypot(ROWS - 150, COLUMNS - 150) < 80
    after = raster(speckled(np.stack([np.where(wet, -17.0, -9.0), np.where(wet, -27.0, -16.0)])), "sigma0")
    one = flood_extent(after, *[None] * 5, angles(32.0))
    other = flood_extent(after, incidence_deg=32.0, look_azimuth_deg=80.0)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_gamma_nought_at_the_reference_angle_is_the_map_without_an_angle():
    wet = np.hypot(ROWS - 150, COLUMNS - 150) < 80
    after = raster(speckled(np.stack([np.where(wet, -19.0, -9.0), np.where(wet, -27.0, -16.0)])), "gamma0")
    for a, b in zip(
        flood_extent(after), flood_extent(after, *[None] * 5, angles(38.0), cross_slope_db=-0.3), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_pixels_without_an_angle_are_not_observable_and_tiles_equal_the_whole():
    angle = np.linspace(30.0, 46.0, SIZE)[None].repeat(SIZE, axis=0)
    angle[100:110, 100:110] = np.nan
    wet = np.hypot(ROWS - 150, COLUMNS - 150) < 80
    now = speckled(np.stack([np.where(wet, water_at(angle), -9.0), np.where(wet, -27.0, -16.0)]))
    then = speckled(np.stack([np.full(wet.shape, -9.0), np.full(wet.shape, -16.0)]), 1)
    arrays = (raster(now, "sigma0"), raster(then, "sigma0"), *[None] * 4, raster(angle, "incidence_angle", "degree"))
    found = flood_extent.survey(ArrayScene(dict(zip(NAMES, arrays, strict=True))), flood_extent.bind_parameters({}))
    assert found.incidence_deg == pytest.approx(38.0, abs=0.1)
    whole = flood_extent(*arrays)
    assert (np.asarray(whole.flood)[100:110, 100:110] == NOT_OBSERVABLE).all()
    for tile in tiles((SIZE, SIZE), 130, flood_extent.support.margin):
        cut = (None if a is None else a[..., tile.read[0], tile.read[1]] for a in arrays)
        part = flood_extent(*cut, surveyed=found)
        for a, b in zip(part, whole, strict=True):
            np.testing.assert_array_equal(np.asarray(a)[tile.crop], np.asarray(b)[tile.write])


def test_the_look_is_that_of_the_product_where_nothing_else_is_said():
    """A ridge of 45 degrees: the product says that it looks east, the angles how steeply; both together hide the western face."""
    ridge = raster(np.maximum(0.0, 50.0 - 10.0 * np.abs(COLUMNS - 150)), "elevation", "m")
    power = speckled(np.full((2, SIZE, SIZE), -10.0))
    after = raster(power, "gamma0")
    said = after.assign_attrs(look_azimuth_deg=90.0)
    given = (None, ridge, None, None, None, angles(39.0))
    stated = flood_extent(after, *given, look_azimuth_deg=90.0)
    for a, b in zip(flood_extent(said, *given), stated, strict=True):
        np.testing.assert_array_equal(a, b)
    east = (COLUMNS > 151) & (COLUMNS < 155)
    assert (np.asarray(stated.flood)[east] != NOT_OBSERVABLE).all()
    assert (np.asarray(flood_extent(said, None, ridge).flood)[east] == NOT_OBSERVABLE).all()
