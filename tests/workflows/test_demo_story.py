"""The demonstration's picture: estimate and truth on one scale, towns by their probability, the same bytes twice."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, ImageColor

from mitoshi.core.text import Text
from mitoshi.workflows import demo_story
from mitoshi.workflows.demo_story import (
    DRY,
    FLOODED,
    PERMANENT,
    POSSIBLE_TOWN,
    TOWN,
    UNSEEN,
    WET_TOWN,
    Story,
    classes_of,
    draw,
)


def test_towns_are_told_by_probability_and_no_town_stands_in_a_river():
    flood = np.array([0, 1, 2, 255, 255, 255, 255, 1, 2, 0])
    chance = np.array([0, 1, 0, 0.9, 0.5, 0.2, np.nan, 1, 0, 0])
    people = np.array([0, 0, 0, 0, 3, 3, 3, 3, 3, 3])
    assert_array_equal(
        classes_of(flood, chance, people),
        [DRY, FLOODED, PERMANENT, UNSEEN, WET_TOWN, POSSIBLE_TOWN, TOWN, WET_TOWN, PERMANENT, TOWN],
    )


@pytest.fixture
def story():
    truth = np.full((200, 200), DRY, np.uint8)
    truth[120:180] = FLOODED
    truth[140:160, 50:100] = WET_TOWN
    estimate = truth.copy()
    estimate[140:160, 50:100] = POSSIBLE_TOWN
    words = Text("People in water: 120–340 people", "浸水域内人口：120～340 人")
    return Story(estimate, truth, 10.0, words, Text("all unseen", "全員が未観測域"), words)


def test_both_sides_show_the_same_ground(story):
    picture = np.asarray(Image.open(BytesIO(draw(story, "en"))).convert("RGB"))
    for name, side in (("POSSIBLE_TOWN", 0), ("WET_TOWN", 1)):
        colour = ImageColor.getrgb(demo_story.COLOURS[getattr(demo_story, name)])
        half = picture[:700, : picture.shape[1] // 2] if side == 0 else picture[:700, picture.shape[1] // 2 :]
        row, column = np.nonzero((half == colour).all(axis=-1))
        assert row.size > 1000
        left = demo_story.MARGIN if side == 0 else (demo_story.GAP // 2)
        # Columns 50 to 100 of 200 are the second quarter of the panel.
        assert abs((column.min() - left) / demo_story.PANEL - 0.25) < 0.02
        assert abs((column.max() - left) / demo_story.PANEL - 0.50) < 0.02


def test_the_same_story_gives_the_same_bytes_and_each_language_its_own(story):
    assert draw(story, "ja") == draw(story, "ja")
    assert draw(story, "ja") != draw(story, "en")


def test_a_map_without_a_flood_is_drawn_too(story):
    blank = np.zeros_like(story.truth)
    size = Image.open(BytesIO(draw(story._replace(estimate=blank, truth=blank), "en"))).size
    assert size[0] == 2 * demo_story.PANEL + demo_story.GAP + 2 * demo_story.MARGIN
