"""Where a radar cannot see: walls, layover and shadow against their geometry and against the simulator's own rays."""

from __future__ import annotations

import numpy as np
import pytest

from mitoshi.core.grid import tiles
from mitoshi.methods.sar.forward import LAYOVER_REACH, Look, layover_and_shadow
from mitoshi.methods.sar.observability import RAY_REACH, WALL_REACH_M, layover_or_shadow, near_walls


@pytest.mark.parametrize("pixel", [2.5, 5.0, 10.0, 20.0])
def test_walls_answer_within_their_reach(pixel):
    built = np.zeros((41, 41), bool)
    built[19:22, 19:22] = True
    built[:, 5] = True  # a road
    rows, columns = np.mgrid[:41, :41]
    nearest = np.hypot(np.maximum(np.abs(rows - 20) - 1, 0), np.maximum(np.abs(columns - 20) - 1, 0))
    np.testing.assert_array_equal(near_walls(built, pixel), (nearest * pixel <= WALL_REACH_M) | (columns == 5))


def hill(height, side=10.0, shape=(60, 200)):
    """A ridge from north to south whose western and eastern faces rise and fall at 45 degrees."""
    columns = np.mgrid[: shape[0], : shape[1]][1]
    return np.maximum(0.0, height - side * np.abs(columns - 100)).astype(np.float32)


class TestARidgeAcrossTheLook:
    """A radar at 35 degrees lays the near face over, for 45 degrees are steeper; at 60 degrees the far face lies in shadow."""

    def test_looking_east_the_western_face_is_laid_over(self):
        found = layover_or_shadow(hill(60.0), (10.0, 10.0), 90.0, 35.0)[30]
        assert found[95:100].all()
        assert not found[102:106].any()

    def test_looking_west_the_eastern_face_is_laid_over(self):
        east, west = (layover_or_shadow(hill(60.0), (10.0, 10.0), a, 35.0)[30] for a in (90.0, 270.0))
        np.testing.assert_array_equal(east[1:], west[:0:-1])

    def test_at_grazing_incidence_the_far_face_lies_in_shadow(self):
        found = layover_or_shadow(hill(60.0), (10.0, 10.0), 90.0, 60.0)[30]
        assert found[101:108].all()  # the shadow of 60 m ends 104 m behind the crest
        assert not found[112:].any()
        assert not found[:100].any()

    def test_looking_along_the_ridge_nothing_is_hidden(self):
        assert not layover_or_shadow(hill(60.0), (10.0, 10.0), 0.0, 35.0).any()

    def test_level_ground_is_seen(self):
        assert not layover_or_shadow(np.zeros((50, 50), np.float32), (10.0, 10.0), 78.0, 35.0).any()


@pytest.mark.parametrize(("azimuth", "east"), [(90.0, -1.0), (270.0, 1.0)])
def test_along_rows_it_agrees_with_the_simulators_rays(azimuth, east):
    """Another implementation, in the simulator, whose rays run along the rows."""
    noise = np.random.default_rng(4)
    rough = np.cumsum(np.cumsum(noise.normal(0, 1.0, (40, 300)), axis=1), axis=1)
    heights = (60 * np.sin(np.arange(300) / 9.0) + 0.3 * rough).astype(np.float32)
    look = Look(37.0, 0.0, east, 0.0)
    easting = (np.arange(300 - 2 * LAYOVER_REACH) + 0.5) * 10.0
    layover, shadow = layover_and_shadow(heights, 10.0, look, easting)
    found = layover_or_shadow(heights, (10.0, 10.0), azimuth, 37.0)[:, LAYOVER_REACH:-LAYOVER_REACH]
    assert layover.any()
    assert (found == (layover | shadow)).mean() > 0.999


def test_a_pixel_depends_on_its_reach_alone():
    noise = np.random.default_rng(8)
    heights = np.cumsum(noise.normal(0, 8.0, (150, 160)), axis=1).astype(np.float32)
    whole = layover_or_shadow(heights, (10.0, 10.0), 281.0, 39.0)
    for tile in tiles(heights.shape, 60, RAY_REACH):
        part = layover_or_shadow(heights[tile.read], (10.0, 10.0), 281.0, 39.0)
        np.testing.assert_array_equal(part[tile.crop], whole[tile.write])
