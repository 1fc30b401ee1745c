import numpy as np
import pytest
import xarray as xr

from mitoshi.core.errors import QuantityError
from mitoshi.core.quantity import BACKSCATTER, ELEVATION, GAMMA0, INCIDENCE_ANGLE, SIGMA0, as_declared, from_db, to_db


def raster(values, units, **attrs):
    return xr.DataArray(np.asarray(values, "float32"), dims=("y", "x"), attrs={"units": units, **attrs})


def test_decibels_become_linear_power():
    linear = as_declared(raster([[-10.0, 0.0, 3.0]], "dB", quantity="gamma0"), GAMMA0, "after")
    np.testing.assert_allclose(linear, [[0.1, 1.0, 1.9952623]], rtol=1e-6)
    assert linear.attrs["units"] == "1"
    assert linear.dtype == np.float32


def test_decibels_of_an_elevation_are_refused():
    with pytest.raises(QuantityError, match="dB fits power only"):
        as_declared(raster([[1.0]], "dB"), ELEVATION, "elevation")


def test_metres_where_degrees_are_declared_are_refused():
    with pytest.raises(QuantityError, match="'m' cannot be turned into 'degree'"):
        as_declared(raster([[1.0]], "m"), INCIDENCE_ANGLE, "incidence")


def test_radians_and_feet_are_converted():
    np.testing.assert_allclose(as_declared(raster([[np.pi]], "rad"), INCIDENCE_ANGLE, "i"), [[180.0]], rtol=1e-6)
    np.testing.assert_allclose(as_declared(raster([[1000.0]], "foot"), ELEVATION, "e"), [[304.8]], rtol=1e-6)


def test_another_quantity_is_refused_and_a_family_accepts_its_members():
    with pytest.raises(QuantityError, match="must be gamma0, got sigma0"):
        as_declared(raster([[1.0]], "1", quantity="sigma0"), GAMMA0, "after")
    kept = as_declared(raster([[1.0]], "1", quantity="sigma0"), BACKSCATTER, "after")
    assert kept.attrs["quantity"] == "sigma0"


def test_missing_units_are_refused():
    with pytest.raises(QuantityError, match="has no units"):
        as_declared(xr.DataArray(np.zeros((1, 1))), SIGMA0, "after")


def test_to_db_keeps_missing_missing():
    out = to_db(np.array([1.0, 0.0, -1.0, np.nan]))
    assert out[0] == 0.0
    assert np.isnan(out[1:]).all()
    assert from_db(10.0) == pytest.approx(10.0)
