"""Lakes behind dams of which the volume can be written down."""

from __future__ import annotations

import numpy as np
import pytest

from mitoshi.core.errors import InputError
from mitoshi.methods.terrain.blockage import blocked_lakes, filled_surface
from mitoshi.methods.terrain.elevation_change import change_noise

CELL = 5.0
DOWN, SIDE = 0.02, 0.2
"""Slope of the valley floor and of its sides."""


def valley(length=1600.0, half=150.0, below=200.0):
    """Return distance upstream of the dam, distance from the floor and terrain of a V-shaped valley."""
    along = np.arange(-below, length, CELL) + CELL / 2
    across = np.arange(-half, half, CELL) + CELL / 2
    x, y = np.meshgrid(along, across)
    return x, y, 100.0 + DOWN * x + SIDE * np.abs(y)


def dammed(height, width=40.0, notch=0.0):
    x, y, before = valley()
    slide = (x < 0) & (x > -width) & (before < 100.0 + height)
    crest = np.where(np.abs(y) < 15.0, height - notch, height)
    return before, np.where(slide, np.maximum(before, 100.0 + crest), before), slide


@pytest.mark.parametrize("height", [10.0, 20.0])
def test_the_lake_of_a_v_shaped_valley_has_its_analytic_volume_and_area(height):
    before, after, slide = dammed(height)
    (lake,) = blocked_lakes(before, after, slide, cell_area_m2=CELL**2)
    assert lake.level == pytest.approx(100.0 + height, abs=1e-9)
    assert lake.volume == pytest.approx(height**3 / (3 * DOWN * SIDE), rel=0.02)
    assert lake.area == pytest.approx(height**2 / (DOWN * SIDE), rel=0.03)
    assert lake.depth == pytest.approx(height, abs=SIDE * CELL / 2 + DOWN * CELL)
    assert not lake.cut


def test_the_crest_is_the_lowest_point_of_the_blocking_section():
    before, after, slide = dammed(20.0, notch=6.0)
    (lake,) = blocked_lakes(before, after, slide, cell_area_m2=CELL**2)
    assert lake.level == pytest.approx(114.0, abs=1e-9)
    assert lake.volume == pytest.approx(14.0**3 / (3 * DOWN * SIDE), rel=0.02)


def test_a_pond_that_was_there_before_is_not_the_slides():
    before, after, slide = dammed(10.0)
    hole = (slice(28, 32), slice(300, 304))
    before[hole] -= 5.0
    after[hole] -= 5.0
    lakes = blocked_lakes(before, after, slide, cell_area_m2=CELL**2)
    assert len(lakes) == 1
    assert lakes[0].volume == pytest.approx(10.0**3 / (3 * DOWN * SIDE), rel=0.02)


def test_a_deposit_on_the_slope_holds_back_nothing():
    x, y, before = valley()
    slide = (np.abs(x) < 20) & (y > 60) & (y < 100)
    assert blocked_lakes(before, before + np.where(slide, -1.0, 0.0), slide, cell_area_m2=25.0) == []


def test_a_lake_that_leaves_the_terrain_is_said_to_be_cut():
    before, after, slide = dammed(28.0)
    (lake,) = blocked_lakes(before[:, :200], after[:, :200], slide[:, :200], cell_area_m2=CELL**2)
    assert lake.cut


def test_filling_raises_to_the_lowest_outlet_and_leaves_missing_cells():
    terrain = np.full((5, 5), 9.0)
    terrain[2, 2], terrain[2, 3], terrain[2, 4], terrain[0, 0] = 1.0, 4.0, 3.0, np.nan
    filled = filled_surface(terrain)
    assert filled[2, 2] == 4.0
    assert filled[2, 3] == 4.0
    assert np.isnan(filled[0, 0])
    with pytest.raises(InputError, match="dims"):
        filled_surface(terrain[0])


@pytest.mark.parametrize("width", [1, 5])
def test_the_noise_of_a_mean_is_found_whatever_the_correlation(width):
    """Moving average of white noise: single cells have sigma / width, means of large blocks sigma / cells."""
    draw = np.random.default_rng(1)
    white = draw.normal(0, 0.5 * width, (420, 420))
    windows = np.lib.stride_tricks.sliding_window_view(white, (width, width)).mean(axis=(2, 3))
    change = windows + 0.3
    change[50:70, 50:90] -= 6.0
    noise = change_noise(change)
    assert noise.bias == pytest.approx(0.3, abs=0.03)
    assert noise.sigma == pytest.approx(0.5, rel=0.05)
    means = [windows[r : r + 20, c : c + 20].mean() for r in range(0, 400, 20) for c in range(0, 400, 20)]
    assert noise.mean_sigma(400) == pytest.approx(np.std(means), rel=0.2)
    assert noise.volume_sigma(400, 25.0) == pytest.approx(noise.mean_sigma(400) * 1e4)


def test_too_small_a_scene_has_no_known_noise():
    with pytest.raises(InputError, match="100"):
        change_noise(np.zeros((5, 5)))
