"""Arrays of one call lie on each other, or the call is refused; results lie where the data did."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from shapely.geometry import box

from mitoshi.core.discovery import find
from mitoshi.core.errors import InputError

UTM = "EPSG:32654"


def array(values, quantity, units, *, west=400_000.0, crs=UTM, bare=False):
    grid = GeoBox(values.shape, Affine(10.0, 0.0, west, 0.0, -10.0, 3_500_000.0), crs)
    coords = {} if bare else xr_coords(grid)
    attrs = {"quantity": quantity, "units": units}
    return xr.DataArray(values.astype("float32"), dims=("y", "x"), coords=coords, attrs=attrs)


def pair(**second):
    flood = np.zeros((40, 50))
    flood[10:30, 10:40] = 1.0
    shape = second.pop("shape", flood.shape)
    rows = np.mgrid[: shape[0], : shape[1]][0]
    return array(flood, "flood_extent", "1"), array(2.0 + 0.01 * rows, "elevation", "m", **second)


def test_results_keep_place_and_attributes():
    flood, elevation = pair()
    result = find("disaster.flood-depth")(flood, elevation)
    depth = result.depth
    xr.testing.assert_equal(depth.x, flood.x)
    xr.testing.assert_equal(depth.y, flood.y)
    assert depth.odc.crs == UTM
    assert (depth.attrs["quantity"], depth.attrs["units"], depth.attrs["long_name"]) == (
        "water_depth",
        "m",
        "flood depth",
    )


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({"west": 450_000.0}, "flood and elevation lie 50000 apart along x"),
        ({"west": 400_005.0}, "flood and elevation lie 5 apart along x"),
        ({"shape": (40, 49)}, "flood is 40 by 50 pixels and elevation is 40 by 49"),
        ({"crs": "EPSG:32653"}, r"different reference systems \(EPSG:32654, EPSG:32653\)"),
    ],
)
def test_arrays_that_do_not_lie_on_each_other_are_refused(second, words):
    with pytest.raises(InputError, match=words):
        find("disaster.flood-depth")(*pair(**second))


def test_an_array_without_a_place_lies_where_the_others_do():
    flood, elevation = pair(bare=True)
    placed, there = find("disaster.flood-depth")(flood, elevation), find("disaster.flood-depth")(*pair())
    np.testing.assert_array_equal(placed.depth, there.depth)


def test_features_in_another_reference_system_are_refused():
    from mitoshi.core.discovery import methods

    method = find("disaster.impact")
    assert method.name in methods()
    flood, elevation = pair()
    houses = geopandas.GeoDataFrame({"building_id": ["a"]}, geometry=[box(0, 0, 1, 1)], crs="EPSG:4326")
    arguments = {d.name: None for d in method.data} | {
        "depth": elevation.assign_attrs(quantity="water_depth"),
        "buildings": houses,
    }
    del flood
    with pytest.raises(
        InputError, match=r"depth and buildings have different reference systems \(EPSG:32654, EPSG:4326\)"
    ):
        method(*arguments.values())
