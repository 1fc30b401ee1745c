"""Masks and composites."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from mitoshi import cube
from mitoshi.core.errors import InputError

TIMES = np.array(["2020-01-01", "2020-01-11", "2020-01-21", "2020-01-31"], "M8[ns]")


def series(values):
    values = np.asarray(values, "f4")
    return xr.DataArray(values, dims=("time", "y", "x"), coords={"time": TIMES[: len(values)]}, attrs={"units": "1"})


@settings(max_examples=60, deadline=None)
@given(arrays("f4", (4, 2, 3), elements=st.one_of(st.just(np.nan), st.floats(-1000, 1000, width=16))))
@pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning")
def test_the_median_is_that_of_what_was_seen(values):
    found = cube.median(series(values))
    assert_array_equal(found.to_numpy(), np.nanmedian(values, axis=0).astype("f4"))
    assert found.attrs == {"units": "1"}


def test_the_latest_value_is_the_last_one_seen_whatever_the_order():
    values = [[[1, np.nan, 1]], [[2, np.nan, np.nan]], [[np.nan, np.nan, 3]]]
    shuffled = series(values).isel(time=[2, 0, 1])
    assert_array_equal(cube.latest(shuffled).to_numpy(), np.array([[2, np.nan, 3]], "f4"))


@pytest.mark.parametrize("reduce", [cube.median, cube.latest])
def test_composites_are_lazy_and_do_not_depend_on_chunks(reduce):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4, 30, 20)).astype("f4")
    values[rng.random(values.shape) < 0.4] = np.nan
    whole = reduce(series(values)).to_numpy()
    lazy = reduce(series(values).chunk({"time": 1, "y": 7, "x": 20}))
    assert lazy.chunks is not None
    assert_array_equal(lazy.compute(scheduler="synchronous").to_numpy(), whole)


def test_masks_of_sentinel_2_and_landsat():
    values = series(np.ones((1, 1, 12)))
    scl = xr.DataArray(np.arange(12, dtype="u1").reshape(1, 1, 12), dims=("time", "y", "x"))
    seen = np.isfinite(cube.masked(values, scl, "scl").to_numpy())[0, 0]
    # 0 no data, 1 saturated, 3 cloud shadow, 8 to 10 clouds and cirrus.
    assert set(np.flatnonzero(~seen)) == {0, 1, 3, 8, 9, 10}
    # Values of table 6-3 of the Landsat 8-9 Collection 2 product guide.
    codes = np.array([1, 21824, 21826, 21888, 21952, 22018, 22280, 23888, 24088, 30048, 54596, 55052], "u2")
    seen = np.isfinite(cube.masked(values, scl.copy(data=codes.reshape(1, 1, 12)), "qa_pixel").to_numpy())[0, 0]
    clear = {21824, 21888, 21952, 30048}
    assert set(codes[seen]) == clear


def test_unlike_shapes_and_unknown_flags_are_refused():
    values = series(np.ones((1, 2, 3)))
    with pytest.raises(InputError, match="differ in x"):
        cube.masked(values, xr.DataArray(np.zeros((2, 4), "u1"), dims=("y", "x")), "scl")
    with pytest.raises(InputError, match="qa_pixel"):
        cube.masked(values, xr.DataArray(np.zeros((2, 3), "u1"), dims=("y", "x")), "sc1")
    with pytest.raises(InputError, match="dimension time"):
        cube.median(values[0])
