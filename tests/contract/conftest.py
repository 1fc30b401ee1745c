"""Inputs for any method, made from what its data arguments declare."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from mitoshi.core.discovery import methods

SHAPE = (300, 340)


def pytest_generate_tests(metafunc):
    if "declared" in metafunc.fixturenames:
        found = methods()
        assert found, "no method was discovered"
        metafunc.parametrize("declared", found.values(), ids=list(found))


def plausible(quantity, seed, shape=SHAPE):
    """Return an array of the quantity with structure and noise; nothing here is a truth."""
    noise = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    bowl = np.hypot((rows - shape[0] * 0.4) / shape[0], (columns - shape[1] * 0.6) / shape[1])
    attrs = {"quantity": quantity.name, "units": quantity.units, "pixel_size_m": 10.0}
    if quantity.name == "backscatter" or "gamma0" in quantity.members or quantity.name in ("gamma0", "sigma0"):
        attrs["quantity"] = "gamma0"
        wet = bowl < 0.1 + 0.1 * seed
        mean = np.stack([np.where(wet, 0.008, 0.08), np.where(wet, 0.0015, 0.015)])
        power = (mean * noise.gamma(4.4, 1 / 4.4, (2, *shape))).astype("float32")
        coords = {"polarisation": ["VV", "VH"], **places(shape)}
        return xr.DataArray(power, dims=("polarisation", "y", "x"), coords=coords, attrs=attrs)
    if quantity.name == "elevation":
        values = 60 * bowl + noise.normal(0, 0.3, shape)
    elif quantity.name == "water_occurrence":
        values = (bowl < 0.08).astype(float)
    else:
        values = noise.uniform(0, 1, shape)
    return xr.DataArray(values.astype("float32"), dims=("y", "x"), coords=places(shape), attrs=attrs)


def places(shape):
    """Return the coordinates of pixel centres, as every array of a run has them."""
    return {"y": np.arange(shape[0]) + 0.5, "x": np.arange(shape[1]) + 0.5}


@pytest.fixture
def inputs():
    def make(declared, **changes):
        arrays = [plausible(d.quantity, seed) for seed, d in enumerate(declared.data, start=1)]
        return [changes.get(d.name, a) for d, a in zip(declared.data, arrays, strict=True)]

    return make
