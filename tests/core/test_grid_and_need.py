from datetime import UTC, datetime

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from mitoshi.core.errors import InputError
from mitoshi.core.grid import BBox, tiles
from mitoshi.core.quantity import GAMMA0
from mitoshi.core.requirement import Need, duration, instant
from mitoshi.core.scene import ArrayScene


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 25), st.integers(0, 9))
def test_tiles_cover_the_scene_once_and_crop_to_their_core(height, width, size, margin):
    seen = np.zeros((height, width), int)
    scene = np.arange(height * width).reshape(height, width)
    for tile in tiles((height, width), size, margin):
        seen[tile.write] += 1
        np.testing.assert_array_equal(scene[tile.read][tile.crop], scene[tile.write])
    assert (seen == 1).all()


def test_the_antimeridian_is_crossed():
    fiji = BBox.parse("177,-19,-178,-16")
    assert fiji.crosses_antimeridian
    assert fiji.intersects(BBox(-179.5, -18, -179, -17))
    assert not fiji.intersects(BBox(0, -18, 1, -17))


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "0,50,1,40", "0,0,400,1", ""])
def test_bad_areas_give_one_line(text):
    with pytest.raises(InputError, match="area"):
        BBox.parse(text)


def test_a_need_becomes_an_absolute_requirement():
    need = Need("after", "3d", 20)
    asked = need.at(GAMMA0, BBox(0, 0, 1, 1), instant("2019-09-13"))
    assert asked.end == datetime(2019, 9, 16, tzinfo=UTC)
    assert "gamma0" in str(asked)
    with pytest.raises(InputError, match="give --event"):
        need.at(GAMMA0, BBox(0, 0, 1, 1), None)


def test_durations():
    assert duration("90min").total_seconds() == 5400
    with pytest.raises(InputError, match="duration"):
        duration("3 weeks")


def test_the_overview_is_the_block_mean_without_the_missing():
    z = xr.DataArray(np.array([[1.0, 3.0, np.nan], [5.0, 7.0, 2.0]]), dims=("y", "x"))
    view = ArrayScene({"elevation": z, "before": None})
    out = view.overview("elevation", 2)
    assert out.attrs["overview_factor"] == 2
    np.testing.assert_array_equal(out, [[4.0, 2.0]])
    assert view.overview("before", 2) is None
    assert view.map_blocks(lambda r, c, a: (r, c, a["elevation"].shape), 2) == [(0, 0, (2, 2)), (0, 2, (2, 1))]
