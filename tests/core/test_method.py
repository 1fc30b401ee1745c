import pickle
from typing import Annotated, NamedTuple

import numpy as np
import pytest
import xarray as xr
from annotated_types import Ge, Gt, Le

from mitoshi.core.errors import InputError, ParameterError, QuantityError
from mitoshi.core.method import Method, Pixel, method
from mitoshi.core.product import Coded, CodedClass
from mitoshi.core.quantity import BACKSCATTER, ELEVATION, Raster
from mitoshi.core.requirement import Need
from mitoshi.core.text import Text


class Dark(NamedTuple):
    """Dark pixels.

    Attributes
    ----------
    dark
        1 where dark.
    """

    dark: Annotated[
        Raster,
        Coded(
            Text("dark", "暗部"), (CodedClass(0, Text("no", "否"), "#ffffff"),), no_uncertainty=Text("a test", "試験用")
        ),
    ]


@method(version="1.0.0", reference="a test", support=Pixel(), title=Text("dark", "暗部"), name="test.dark")
def dark(
    after: Annotated[Raster, BACKSCATTER, Need("after", "3d")],
    elevation: Annotated[Raster | None, ELEVATION] = None,
    /,
    *,
    threshold: Annotated[float, Gt(0), Le(1)] = 0.05,
    count: Annotated[int, Ge(1)] = 1,
) -> Dark:
    """Tell what is dark.

    Parameters
    ----------
    after
        Backscatter.
    threshold
        Power below which
        a pixel is dark.
    """
    del elevation, count
    return Dark((after < threshold).astype("uint8"))


@pytest.fixture
def after():
    return xr.DataArray(
        np.array([[[-20.0, -3.0]]]), dims=("polarisation", "y", "x"), attrs={"units": "dB", "quantity": "sigma0"}
    )


def test_it_is_described_from_its_signature():
    assert isinstance(dark, Method)
    assert [(d.name, d.required, d.quantity.name) for d in dark.data] == [
        ("after", True, "backscatter"),
        ("elevation", False, "elevation"),
    ]
    threshold, count = dark.parameters
    assert (threshold.interval, threshold.default, threshold.doc) == (
        "(0, 1]",
        0.05,
        "Power below which a pixel is dark.",
    )
    assert (count.type, count.interval) == (int, "[1, inf)")
    assert dark.outputs[0].doc == "1 where dark."


def test_decibels_are_converted_before_the_function_sees_them(after):
    assert dark(after).dark.to_numpy().tolist() == [[[1, 0]]]


def test_a_misspelt_parameter_names_the_right_one(after):
    with pytest.raises(
        ParameterError,
        match=r"unknown parameter of test\.dark 'treshold'; did you mean 'threshold'\? known: count, threshold",
    ):
        dark(after, treshold=0.1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threshold", 0.0),
        ("threshold", 1.5),
        ("threshold", "x"),
        ("threshold", float("nan")),
        ("count", 0),
        ("count", 1.5),
        ("count", True),
    ],
)
def test_bounds_and_types_are_kept(after, name, value):
    with pytest.raises(ParameterError, match=name):
        dark(after, **{name: value})


def test_missing_and_wrong_data_are_refused(after):
    with pytest.raises(InputError, match="test.dark needs after"):
        dark()
    with pytest.raises(QuantityError, match="elevation must be elevation, got sigma0"):
        dark(after, after)


def test_it_pickles_by_name():
    assert pickle.loads(pickle.dumps(dark)) is dark
