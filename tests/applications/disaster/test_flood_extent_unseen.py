"""Towns and forest are not observable in a radar flood map, and never dry."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from mitoshi.applications.disaster.flood_extent import FLOODED, NOT_OBSERVABLE, flood_extent
from mitoshi.core.errors import InputError
from mitoshi.core.grid import tiles
from mitoshi.core.scene import ArrayScene

SIZE = 320
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]
WET = np.hypot(ROWS - 160, COLUMNS - 160) < 110
TOWN = (np.abs(ROWS - 160) < 30) & (np.abs(COLUMNS - 200) < 30)
FOREST = (np.abs(ROWS - 160) < 20) & (np.abs(COLUMNS - 100) < 20)


def raster(values, quantity, units="1"):
    places = {name: np.arange(SIZE) + 0.5 for name in ("y", "x")}
    attrs = {"quantity": quantity, "units": units, "pixel_size_m": 10.0}
    return xr.DataArray(np.asarray(values, np.float32), dims=("y", "x"), coords=places, attrs=attrs)


@pytest.fixture(scope="module")
def after():
    """A flood in which a town of moderate brightness (no bright walls) and a forest stand in the water."""
    dark = WET & ~TOWN & ~FOREST
    power = np.stack([np.where(dark, w, d) for w, d in ((0.008, 0.08), (0.0016, 0.016))])
    power = power * np.random.default_rng(5).gamma(4.4, 1 / 4.4, power.shape)
    coords = {"polarisation": ["VV", "VH"], **{name: np.arange(SIZE) + 0.5 for name in ("y", "x")}}
    attrs = {"quantity": "gamma0", "units": "1", "pixel_size_m": 10.0}
    return xr.DataArray(power.astype("float32"), dims=("polarisation", "y", "x"), coords=coords, attrs=attrs)


@pytest.fixture(scope="module")
def cover():
    return np.where(TOWN, 50.0, np.where(FOREST, 10.0, 40.0))


def test_town_and_forest_in_the_water_are_not_dry(after, cover):
    without = flood_extent(after)
    assert (without.flood.to_numpy()[FOREST] != NOT_OBSERVABLE).any()
    found = flood_extent(after, None, None, None, raster(cover, "land_cover"))
    codes, chance = found.flood.to_numpy(), found.flood_probability.to_numpy()
    assert (codes[TOWN | FOREST] == NOT_OBSERVABLE).all()
    assert np.isnan(chance[TOWN | FOREST]).all()
    beside = (np.abs(ROWS - 160) < 31) & (np.abs(COLUMNS - 200) < 31)
    assert (codes[beside] == NOT_OBSERVABLE).all()  # walls answer one pixel away
    open_water = (np.hypot(ROWS - 160, COLUMNS - 160) < 100) & ~TOWN & ~FOREST
    away = open_water & ~((np.abs(ROWS - 160) < 34) & (np.abs(COLUMNS - 160) < 75))
    assert (codes[away] == FLOODED).mean() > 0.99


def test_codes_of_another_scheme_are_refused_or_read(after, cover):
    other = np.where(cover == 50, 7.0, np.where(cover == 10, 2.0, 5.0))
    with pytest.raises(InputError, match=r"esa-worldcover does not know: 2, 5, 7.*land_cover_scheme"):
        flood_extent(after, None, None, None, raster(other, "land_cover"))
    one = flood_extent(after, None, None, None, raster(cover, "land_cover"))
    same = flood_extent(after, None, None, None, raster(other, "land_cover"), land_cover_scheme="io-lulc")
    np.testing.assert_array_equal(one.flood, same.flood)


@pytest.mark.parametrize("missing", [np.nan, 0.0, 255.0])
def test_unknown_cover_leaves_the_judgement_to_the_radar(after, missing):
    found = flood_extent(after, None, None, None, raster(np.full(WET.shape, missing), "land_cover"))
    np.testing.assert_array_equal(found.flood, flood_extent(after).flood)


def test_the_share_of_buildings_decides_before_the_land_cover(after, cover):
    """The built-up class holds roads too: where buildings are known, a road without any stays observable."""
    road = (ROWS == 160) & (COLUMNS < 40)
    share = np.where(TOWN, 0.3, 0.0)
    share[:, COLUMNS[0] > 300] = np.nan
    codes = np.where(road | (COLUMNS > 310), 50.0, cover)
    given = (after, None, None, None, raster(codes, "land_cover"))
    assert (flood_extent(*given).flood.to_numpy()[road] == NOT_OBSERVABLE).all()
    found = flood_extent(*given, raster(share, "built_up_share")).flood.to_numpy()
    assert (found[road] != NOT_OBSERVABLE).all()
    assert (found[TOWN] == NOT_OBSERVABLE).all()
    assert (found[:, 311:] == NOT_OBSERVABLE).all()
    sparse = flood_extent(*given, raster(share, "built_up_share"), built_up_threshold=0.5).flood.to_numpy()
    assert (sparse[TOWN] != NOT_OBSERVABLE).any()


def test_layover_follows_the_look_where_it_is_known(after):
    """A ridge of 45 degrees: without a look both faces are not observable, with it the one towards the radar."""
    ridge = raster(np.maximum(0.0, 50.0 - 10.0 * np.abs(COLUMNS - 300)), "elevation", "m")
    look = {"look_azimuth_deg": 90.0, "incidence_deg": 39.0}
    either = flood_extent(after, None, ridge).flood.to_numpy()
    known = flood_extent(after, None, ridge, **look).flood.to_numpy()
    west, east = (COLUMNS > 295) & (COLUMNS < 300), (COLUMNS > 301) & (COLUMNS < 305)
    assert (either[west | east] == NOT_OBSERVABLE).all()
    assert (known[west] == NOT_OBSERVABLE).all()
    assert (known[east] != NOT_OBSERVABLE).all()
    with pytest.raises(InputError, match="belong together"):
        flood_extent(after, None, ridge, incidence_deg=39.0)


def test_one_angle_alone_is_refused_with_what_is_missing(after):
    with pytest.raises(
        InputError, match=r"got --incidence-deg 39 alone; add --look-azimuth-deg \(where the radar looks"
    ):
        flood_extent(after, incidence_deg=39.0)
    with pytest.raises(InputError, match=r"got --look-azimuth-deg 80 alone; add --incidence-deg \(incidence angle"):
        flood_extent(after, look_azimuth_deg=80.0)


def test_tiled_equals_whole_with_everything_given(after, cover):
    noise = np.random.default_rng(6)
    walks = np.cumsum(noise.normal(0, 3.0, WET.shape), axis=1)
    heights = raster(walks[np.arange(SIZE) // 40 * 40], "elevation", "m")  # ridges: no ground is a cliff every pixel
    arrays = (
        after,
        None,
        heights,
        None,
        raster(cover, "land_cover"),
        raster(noise.random(WET.shape) < 0.01, "built_up_share"),
    )
    names = ("after", "before", "elevation", "reference_water", "land_cover", "built_up")
    found = flood_extent.survey(ArrayScene(dict(zip(names, arrays, strict=True))), {})
    look = {"look_azimuth_deg": 281.0, "incidence_deg": 39.0, "surveyed": found}
    whole = flood_extent(*arrays, **look)
    for tile in tiles((SIZE, SIZE), 130, flood_extent.support.margin):
        part = flood_extent(*(None if a is None else a[..., tile.read[0], tile.read[1]] for a in arrays), **look)
        np.testing.assert_array_equal(part.flood.to_numpy()[tile.crop], whole.flood.to_numpy()[tile.write])
