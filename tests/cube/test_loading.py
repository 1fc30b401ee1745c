"""Items to a time series on a grid."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mitoshi import cube
from mitoshi.core.errors import InputError

# odc-geo and odc-stac use what affine 3 and shapely 2.2 announce to change.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning"),
]


def opener(layers):
    return lambda item: SimpleNamespace(layers=layers[item.id])


def test_slices_of_one_pass_become_one_time(grid, layer, item):
    target = grid((60, 50))
    south, north = np.full((60, 50), np.nan, "f4"), np.full((60, 50), np.nan, "f4")
    north[:35], south[25:] = 1, 2
    layers = {
        "n": {"gamma0": layer(north[None], target, polarisation=["VV"])},
        "s": {"gamma0": layer(south[None], target, polarisation=["VV"])},
        "later": {"gamma0": layer(np.full((1, 60, 50), 3, "f4"), target, polarisation=["VV"])},
    }
    items = [
        item("later", "2019-10-18T09:00:00+00:00"),
        item("s", "2019-10-06T09:00:25+00:00"),
        item("n", "2019-10-06T09:00:00+00:00"),
    ]
    out = cube.load(items, "backscatter", target, opener(layers), chunks={"y": 20, "x": 30})
    assert out.dims == ("time", "polarisation", "y", "x")
    assert out.chunks is not None
    assert out.chunksizes["y"] == (20, 20, 20)
    assert_array_equal(out["time"].values, np.array(["2019-10-06T09:00:00", "2019-10-18T09:00:00"], "M8[ns]"))
    first = out.isel(time=0, polarisation=0).compute(scheduler="synchronous").to_numpy()
    assert (first[:35] == 1).all()
    assert (first[35:] == 2).all()
    assert (out.isel(time=1).compute(scheduler="synchronous") == 3).all()
    assert out.attrs["quantity"] == "gamma0"


def test_what_cannot_be_loaded_together_is_said(grid, layer, item):
    target = grid((6, 5))
    values = np.ones((1, 6, 5), "f4")
    layers = {
        "vv": {"gamma0": layer(values, target, polarisation=["VV"])},
        "vh": {"gamma0": layer(values, target, polarisation=["VH"])},
    }
    items = [item("vv", "2019-10-06T09:00:00+00:00"), item("vh", "2019-10-18T09:00:00+00:00")]
    with pytest.raises(InputError, match="polarisation differ"):
        cube.load(items, "gamma0", target, opener(layers))
    with pytest.raises(InputError, match="vv hold gamma0, not elevation"):
        cube.load(items[:1], "elevation", target, opener(layers))
    with pytest.raises(InputError, match="no items"):
        cube.load([], "gamma0", target)


@pytest.mark.real
@pytest.mark.slow
def test_a_real_sentinel_2_scene_through_our_reader_and_through_odc_stac(shared_data):
    import pystac

    from mitoshi import sensors

    folder = shared_data("platform/sentinel2/cog_29RKH_20200219")
    (item,) = sensors.items(str(folder))
    grid = cube.grid_for(item)
    ours = cube.load([item], "surface_reflectance", grid).compute(scheduler="synchronous")
    assert ours.dims == ("time", "band", "y", "x")
    foreign = pystac.Item.from_dict(item.to_dict(transform_hrefs=False))
    foreign.properties.pop("mitoshi:reader")
    for name, asset in foreign.assets.items():
        if name.startswith("B"):
            asset.extra_fields |= {"raster:bands": [{"scale": 0.0001, "offset": 0.0, "nodata": 0}]}
    theirs = cube.load_remote([foreign], "surface_reflectance", grid, bands=["B04", "B08"]).compute(
        scheduler="synchronous"
    )
    assert_allclose(theirs.sel(band="B04").to_numpy(), ours.sel(band="B04").to_numpy(), atol=2e-7)
    assert theirs.attrs["units"] == "1"
    # Mean NDVI of the tile at 200 m by average resampling, from the data's own page.
    coarse = cube.grid_for(item, resolution=200.0)
    both = cube.load([item], "surface_reflectance", coarse).compute(scheduler="synchronous")[0]
    red, near = both.sel(band="B04"), both.sel(band="B08")
    assert float(((near - red) / (near + red)).mean()) == pytest.approx(0.0663, abs=0.0005)
    quality = cube.load([item], "quality", coarse).compute(scheduler="synchronous")[0]
    kept = cube.masked(both, quality, "scl")
    share = float(np.isfinite(kept.sel(band="B04")).mean())
    assert 0.0 < share < 1.0
    assert share == pytest.approx(float(quality.isin([2, 4, 5, 6, 7, 11]).mean()), abs=0.01)
