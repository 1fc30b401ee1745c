"""Windows are read lazily, anywhere, and equal the whole."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mitoshi import sensors
from mitoshi.sensors import guard

VALUES = np.random.default_rng(5).normal(-12, 3, (2, 90, 110)).astype("float32")


@pytest.fixture
def layer(write_raster):
    return sensors.open_observation(f"{write_raster('scene.tif', VALUES)}#units=dB,bands=VV+VH").layers["sigma0"]


def _window(job):
    array, y, x = job
    return array.isel(y=slice(*y), x=slice(*x)).values


JOBS = [((y, y + 40), (x, x + 30)) for y in range(0, 90, 40) for x in range(0, 110, 30)]


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_other_processes_read_their_own_windows(layer, method):
    layer.isel(y=slice(0, 3)).load()  # a handle is open here before the fork
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        parts = list(pool.map(_window, [(layer, *job) for job in JOBS]))
    for (y, x), part in zip(JOBS, parts, strict=True):
        np.testing.assert_array_equal(part, VALUES[:, slice(*y), slice(*x)])


def test_threads_read_at_once(layer):
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(_window, [(layer, *job) for job in JOBS * 5]))
    for (y, x), part in zip(JOBS * 5, parts, strict=True):
        np.testing.assert_array_equal(part, VALUES[:, slice(*y), slice(*x)])


def test_pickle_carries_no_handle_and_no_pixels(layer):
    layer.isel(y=slice(0, 3)).load()
    text = pickle.dumps(layer)
    assert len(text) < 20_000  # the pixels alone are 79 200 bytes
    np.testing.assert_array_equal(pickle.loads(text).values, VALUES)


def test_chunks_become_dask(layer):
    chunked = layer.chunk({"y": 32, "x": 50})
    assert chunked.chunks is not None
    np.testing.assert_allclose(chunked.mean("x").compute(scheduler="threads").values, VALUES.mean(axis=2), rtol=1e-5)


def test_only_the_window_is_read(layer, monkeypatch):
    seen = []
    real = guard.borrow_raster

    class Spy:
        def __init__(self, dataset):
            self._dataset = dataset

        def read(self, band, window):
            seen.append((window.height, window.width))
            return self._dataset.read(band, window=window)

    monkeypatch.setattr(guard, "borrow_raster", lambda location: Spy(real(location)))
    layer.isel(polarisation=1, y=slice(10, 14), x=slice(20, 27)).load()
    assert seen == [(4, 7)]


def _some(index, size):
    """Whether an index picks anything; xarray itself fails on empty slices that run backwards."""
    return not isinstance(index, slice) or bool(range(*index.indices(size)))


INDEX = st.one_of(
    st.integers(-90, 89),
    st.builds(slice, *[st.one_of(st.none(), st.integers(-100, 100))] * 2, st.sampled_from([None, 1, 2, 7, -1, -3])),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(y=INDEX, x=INDEX, band=st.one_of(st.integers(-2, 1), st.just(slice(None)), st.just(slice(None, None, -1))))
def test_any_index_equals_numpy(layer, y, x, band):
    assume(_some(y, 90) and _some(x, 110))
    np.testing.assert_array_equal(layer.isel(polarisation=band, y=y, x=x).values, VALUES[band, y][..., x])


def test_lists_of_indices(layer):
    np.testing.assert_array_equal(layer.isel(y=[5, 2, 80]).values, VALUES[:, [5, 2, 80]])


def test_a_file_that_changed_is_opened_anew(write_raster):
    path = write_raster("scene.tif", VALUES)
    layer = sensors.open_observation(f"{path}#units=dB").layers["sigma0"]
    np.testing.assert_array_equal(layer.values, VALUES)
    write_raster("scene.tif", VALUES + 1)
    np.testing.assert_array_equal(layer.copy().values, VALUES + 1)
