"""Aligned layers: true values, window by window, bit for bit the same."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from mitoshi import cube
from mitoshi.core.errors import InputError
from mitoshi.core.grid import BBox, tiles

# odc-geo multiplies affine transforms with `*`, which affine 3 announces to change.
pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")

DEM = {"shape": (400, 420), "pixel": 1 / 3600, "west": 139.6, "north": 35.75, "crs": "EPSG:4326"}


def source_coordinates(target, source):
    """Return source (column, row) of every target pixel's centre, by pyproj alone."""
    x, y = np.meshgrid(np.arange(target.shape[1]) + 0.5, np.arange(target.shape[0]) + 0.5)
    east, north = target.affine @ (x, y)
    if target.crs != source.crs:
        transformer = Transformer.from_crs(str(target.crs), str(source.crs), always_xy=True)
        east, north = transformer.transform(east, north)
    return ~source.affine @ (east, north)


def tiled(array, size):
    out = np.empty(array.shape, array.dtype)
    for tile in tiles(array.shape[-2:], size):
        rows, columns = tile.read
        out[..., rows, columns] = array.isel(y=rows, x=columns).to_numpy()
    return out


def ramp(grid):
    """Return a plane in pixel coordinates, which bilinear interpolation must reproduce."""
    y, x = np.mgrid[: grid.shape[0], : grid.shape[1]].astype("float64")
    return 0.5 * (x + 0.5) - 0.25 * (y + 0.5) + 100


def test_the_same_grid_passes_through(grid, layer):
    one = layer(np.ones((200, 160), "f4"), grid())
    assert cube.align({"a": one, "b": None}, grid()) == {"a": one, "b": None}
    assert cube.align({"a": one}, grid())["a"] is one


def test_a_plane_is_interpolated_exactly_across_reference_systems(grid, layer):
    source, target = grid(**DEM), grid(shape=(900, 700), west=374_500.0, north=3_956_000.0)
    out = cube.align({"dem": layer(ramp(source), source, "elevation", "m")}, target)["dem"]
    x, y = source_coordinates(target, source)
    inside = (x > 0.5) & (x < source.shape[1] - 0.5) & (y > 0.5) & (y < source.shape[0] - 0.5)
    assert inside.mean() > 0.9
    # The lattice may be off by 0.02 source pixels, the rounding by 1/8192.
    assert_allclose(out.to_numpy()[inside], (0.5 * x - 0.25 * y + 100)[inside], atol=0.75 * 0.021)
    assert out.odc.geobox == target
    # UTM magnifies by 0.9996 at its central meridian, and by less than 1.0006 this far from it.
    assert out.attrs["pixel_size_m"] == pytest.approx(10.0, rel=6e-4)
    outside = (x < 0) | (x > source.shape[1]) | (y < 0) | (y > source.shape[0])
    assert np.isnan(out.to_numpy()[outside]).all()


@pytest.mark.parametrize("size", [1, 7, 64, 100, 333])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "uint16", "bool"])
def test_tiled_equals_whole_bit_for_bit(grid, layer, size, dtype):
    rng = np.random.default_rng(3)
    source = grid(**{**DEM, "shape": (60, 70)})
    values = rng.gamma(1.0, 100.0, source.shape)
    values[rng.random(source.shape) < 0.1] = np.nan if "float" in dtype else 0
    lazy = cube.align(
        {"a": layer(values.astype(dtype), source)}, grid(shape=(90, 80), west=373_600.0, north=3_957_200.0)
    )["a"]
    whole = lazy.copy().to_numpy()
    assert (np.isfinite(whole) & (whole != 255)).mean() > 0.3
    if size == 1:
        lazy = lazy.isel(y=slice(20, 40), x=slice(30, 45))
    assert_array_equal(tiled(lazy, size), lazy.copy().to_numpy())


@pytest.mark.parametrize("pixel", [35.0, 70.0, 140.0])
def test_tiled_equals_whole_also_where_the_grid_is_coarser(grid, layer, pixel):
    source = grid(**{**DEM, "shape": (200, 210)})
    lazy = cube.align({"a": layer(ramp(source).astype("f4"), source)}, grid((90, 80), pixel, 372_000.0, 3_957_500.0))[
        "a"
    ]
    assert 0.1 < np.isfinite(lazy.to_numpy()).mean() < 1.0
    assert_array_equal(tiled(lazy, 13), lazy.to_numpy())


def test_any_window_is_that_part_of_the_whole(grid, layer):
    source = grid(**DEM)
    lazy = cube.align({"a": layer(ramp(source), source)}, grid((100, 80), 100.0, 372_500.0, 3_957_500.0))["a"]
    values = lazy.copy().to_numpy()
    assert 0.5 < np.isfinite(values).mean() < 1.0

    @settings(max_examples=50, deadline=None)
    @given(
        y=st.slices(100).filter(lambda s: len(range(*s.indices(100)))),  # xarray itself fails on some empty slices
        x=st.one_of(st.slices(80).filter(lambda s: len(range(*s.indices(80)))), st.integers(-80, 79)),
    )
    def check(y, x):
        assert_array_equal(lazy.isel(y=y, x=x).to_numpy(), values[y, x])

    check()


def test_it_reads_only_the_window_it_needs_and_pickles(grid, layer):
    from dataclasses import dataclass

    from mitoshi.cube.lazy import lazy_like

    source = grid(**DEM)
    read = []

    @dataclass
    class Recording:
        def window(self, lead, rows, columns):
            read.append((rows.stop - rows.start, columns.stop - columns.start))
            return np.ones((rows.stop - rows.start, columns.stop - columns.start), "f4")

    lazy_source = lazy_like(
        Recording(), layer(np.ones(source.shape, "f4"), source), source, np.dtype("f4"), {"units": "m"}
    )
    out = cube.align({"a": lazy_source}, grid(shape=(900, 700), west=374_500.0, north=3_956_000.0))["a"]
    assert read == []
    window = out.isel(y=slice(100, 200), x=slice(300, 400)).to_numpy()
    assert window.shape == (100, 100)
    # 1 km is 32 rows and 40 columns of one second; the lattice and the kernel add at most 2 x 64 target pixels and 4.
    assert len(read) == 1
    assert read[0][0] < 32 * 2.3 + 5
    assert read[0][1] < 40 * 2.3 + 5
    real = cube.align({"a": layer(ramp(source), source)}, grid(shape=(90, 70), west=374_500.0, north=3_956_000.0))["a"]
    assert np.isfinite(real.to_numpy()).all()
    assert_array_equal(pickle.loads(pickle.dumps(real)).to_numpy(), real.to_numpy())


def test_dask_chunks_equal_the_whole(grid, layer):
    source = grid(**DEM)
    lazy = cube.align({"a": layer(ramp(source), source)}, grid(shape=(190, 170), west=374_500.0, north=3_956_000.0))[
        "a"
    ]
    assert np.isfinite(lazy.to_numpy()).mean() > 0.5
    assert_array_equal(lazy.chunk({"y": 50, "x": 60}).compute(scheduler="synchronous").to_numpy(), lazy.to_numpy())


def test_missing_stays_missing_and_does_not_spread(grid, layer):
    source, target = grid((20, 20), 30.0), grid((60, 60), 10.0)
    values = np.full((20, 20), 5.0, "f4")
    values[10, 10] = np.nan
    out = cube.align({"a": layer(values, source)}, target)["a"].to_numpy()
    hole = np.zeros((60, 60), bool)
    hole[30:33, 30:33] = True
    assert_array_equal(np.isnan(out), hole)
    assert (out[~hole] == 5.0).all()


def test_coarser_grids_get_the_mean_power_not_one_sample(grid, layer):
    rng = np.random.default_rng(0)
    speckle = rng.gamma(4.0, 0.25, (300, 300)).astype("f4")
    source, target = grid((300, 300), 10.0), grid((100, 100), 30.0)
    out = cube.align({"a": layer(speckle, source)}, target)["a"].to_numpy()
    blocks = speckle.reshape(100, 3, 100, 3).mean(axis=(1, 3))
    assert_allclose(out, blocks, rtol=1e-5)


def test_decibels_are_averaged_as_power(grid, layer):
    power = np.tile(np.array([[1.0, 0.01]], "f4"), (20, 10))
    decibel = (10 * np.log10(power)).astype("f4")
    out = cube.align({"a": layer(decibel, grid((20, 20), 10.0), units="dB")}, grid((10, 10), 20.0))["a"]
    assert out.attrs["units"] == "dB"
    assert_allclose(out.to_numpy(), 10 * np.log10(0.505), atol=1e-4)


def test_codes_are_never_mixed(grid, layer):
    rng = np.random.default_rng(1)
    source = grid(**{**DEM, "shape": (80, 80)})
    codes = rng.choice(np.array([10, 50, 80], "u1"), source.shape)
    out = cube.align({"a": layer(codes, source, "land_cover")}, grid((200, 160), 17.0, 373_000.0, 3_957_500.0))[
        "a"
    ].to_numpy()
    x, y = source_coordinates(grid((200, 160), 17.0, 373_000.0, 3_957_500.0), source)
    assert set(np.unique(out)) <= {10, 50, 80, 255}
    inside = (x >= 0) & (x < 80) & (y >= 0) & (y < 80)
    clear = inside & (np.abs(x - np.round(x)) > 0.03) & (np.abs(y - np.round(y)) > 0.03)
    assert 0.3 < clear.mean() < 1.0
    assert_array_equal(out[clear], codes[y[clear].astype(int), x[clear].astype(int)])
    assert (out[~inside & (np.abs(x - np.round(x)) > 0.03) & (np.abs(y - np.round(y)) > 0.03)] == 255).all()


def test_polarisations_are_kept(grid, layer):
    source = grid((30, 30), 30.0)
    both = layer(np.stack([ramp(source), 2 * ramp(source)]), source, polarisation=["VV", "VH"])
    out = cube.align({"a": both}, grid((80, 80)))["a"]
    assert out.dims == ("polarisation", "y", "x")
    assert list(out["polarisation"].values) == ["VV", "VH"]
    assert_allclose(out.sel(polarisation="VH").to_numpy(), 2 * out.sel(polarisation="VV").to_numpy())


def test_the_antimeridian_is_no_edge(grid, layer):
    source = GeoBox.from_bbox((178.0, -18.0, 182.0, -16.0), "EPSG:4326", resolution=0.01)
    target = cube.grid_for(layer(np.zeros(source.shape), source), BBox(179.5, -17.5, -179.5, -16.5), 500.0)
    assert target.crs.epsg in (32701, 32760)
    out = cube.align({"a": layer(ramp(source), source)}, target)["a"].to_numpy()
    assert np.isfinite(out).all()
    assert np.abs(np.diff(out, axis=1)).max() < 0.5 * 0.5 + 0.3


def test_without_georeference_shapes_must_agree(grid):
    plain = xr.DataArray(np.zeros((5, 4)), dims=("y", "x"))
    assert cube.align({"a": plain}, grid((5, 4)))["a"] is plain
    with pytest.raises(InputError, match="elevation is 5 x 4 pixels and the grid 6 x 4, and elevation has no georef"):
        cube.align({"elevation": plain}, grid((6, 4)))


def test_a_mosaic_takes_the_first_that_saw(grid, layer):
    target = grid((40, 40))
    left = np.full((40, 40), np.nan, "f4")
    left[:, :25] = 1
    right = np.full((40, 40), np.nan, "f4")
    right[:, 15:35] = 2
    out = cube.mosaic([layer(left, target), layer(right, target)], target)
    values = out.to_numpy()
    assert (values[:, :25] == 1).all()
    assert (values[:, 25:35] == 2).all()
    assert np.isnan(values[:, 35:]).all()
    assert_array_equal(tiled(out, 9), values)
    with pytest.raises(InputError, match="different bands or polarisations"):
        cube.mosaic(
            [layer(left[None], target, polarisation=["VV"]), layer(right[None], target, polarisation=["VH"])], target
        )


def test_crop_and_grid_for_hold_the_area(grid, layer):
    source = grid((2000, 2000))
    area = BBox(139.70, 35.60, 139.75, 35.64)
    cut = cube.crop({"a": layer(np.zeros(source.shape, "u1"), source), "b": None}, area)
    assert cut["b"] is None
    transformer = Transformer.from_crs("EPSG:4326", "EPSG:32654", always_xy=True)
    east, north = transformer.transform([139.70, 139.75, 139.75, 139.70], [35.60, 35.60, 35.64, 35.64])
    box = cut["a"].odc.geobox.extent.boundingbox
    assert min(east) - 30 < box.left <= min(east)
    assert max(east) <= box.right < max(east) + 30
    assert min(north) - 30 < box.bottom <= min(north)
    assert max(north) <= box.top < max(north) + 30
    assert cube.grid_for(layer(np.zeros(source.shape, "u1"), source), area) == cut["a"].odc.geobox
    coarse = cube.grid_for(layer(np.zeros(source.shape, "u1"), source), area, 30.0)
    assert (coarse.affine.a, coarse.affine.c % 30, coarse.affine.f % 30) == (30.0, 0.0, 0.0)
    with pytest.raises(InputError, match="does not touch"):
        cube.crop({"a": layer(np.zeros(source.shape, "u1"), source)}, BBox(0, 0, 1, 1))


def test_grid_for_an_item(item):
    one = item("a", "2020-01-01T00:00:00+00:00")
    area = BBox(139.2, 35.2, 139.3, 35.3)
    metric = cube.grid_for(one, area)
    assert (metric.crs.epsg, metric.affine.a) == (32654, 10.0)
    one.properties |= {
        "proj:code": "EPSG:32653",
        "proj:shape": [10980, 10980],
        "proj:transform": [20, 0, 3e5, 0, -20, 4e6],
    }
    assert cube.grid_for(one).shape == (10980, 10980)
    assert cube.grid_for(one, area).crs.epsg == 32653
    with pytest.raises(InputError, match="smaller area"):
        cube.grid_for(one, BBox(-180, -80, 180, 80), 0.5)


@pytest.mark.parametrize("method", ["nearest", "bilinear", "shared"])
@pytest.mark.parametrize("west", [379_930.0, 380_000.0, 380_070.0, 390_000.0])
def test_coinciding_pixels_are_moved_to_the_bytes_of_the_kernels(grid, method, west):
    from dataclasses import replace

    from mitoshi.cube.resample import mapping, resample
    from mitoshi.cube.sharing import share

    source, target = grid(shape=(60, 70)), grid(shape=(90, 80), west=west, north=3_950_110.0)
    values = np.random.default_rng(5).gamma(1.0, 1.0, (2, 60, 70)).astype(np.float32)
    values[0, 20:30, 5:9], values[1, 0, 0] = np.nan, np.inf
    how = mapping(target, source)
    assert how.shift == (-11, round((west - 380_000.0) / 10.0))

    def window(how, rows, columns):
        read = lambda y, x: values[:, y, x]  # noqa: E731 - as short as the thing
        if method == "shared":
            return share(read, how, rows, columns)
        return resample(read, how, rows, columns, method, np.nan)

    for rows, columns in ((slice(0, 90), slice(0, 80)), (slice(11, 71), slice(7, 33)), (slice(3, 10), slice(2, 80))):
        moved = window(how, rows, columns)
        assert_array_equal(moved, window(replace(how, shift=None), rows, columns))
        assert not np.shares_memory(moved, values)


def test_only_whole_pixels_of_one_lattice_coincide(grid):
    from mitoshi.cube.resample import mapping

    source = grid()
    assert mapping(grid(west=380_100.0), source).shift == (0, 10)
    assert mapping(grid(west=380_100.01), source).shift is None  # a thousandth of a pixel
    assert mapping(grid(pixel=10.0001), source).shift is None
    assert mapping(grid(crs="EPSG:32653"), source).shift is None
    assert mapping(grid(pixel=30.0), source).shift is None
