"""The map for people: depth, the sea, and the unseen each have a class of their own, with words in both languages."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from mitoshi.applications.disaster.flood_depth import flood_depth
from mitoshi.applications.disaster.flood_depth_classes import CLASSES, classes_of
from mitoshi.applications.disaster.flood_depth_tile import TileDepth
from mitoshi.core.discovery import find
from mitoshi.evidence.quicklook import render

NAN = np.nan


def test_every_state_has_its_class():
    codes = np.array([[0, 1, 1, 1, 2, 255, 255, 255, 255]], np.uint8)
    depth = np.array([[0, 0.49, 0.5, 25, 0, 1.0, 1.0, 0.0, NAN]], np.float32)
    chance = np.array([[0, 1, 1, 1, 0, 0.5, 0.05, 0.001, NAN]], np.float32)
    source = np.array([[0, 0, 0, 0, 0, 1, 2, 1, 255]], np.uint8)
    found = classes_of(codes, TileDepth(depth, depth, depth, chance, source))
    assert found.tolist() == [[1, 2, 3, 7, 8, 9, 10, 11, 255]]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_picture_shows_the_sea_the_unseen_and_the_dry(language):
    method = find("disaster.flood-depth")
    assert next(o.name for o in method.outputs if getattr(o.layer, "classes", ())) == "depth_class"
    codes = np.repeat(np.array([1, 3, 8, 9, 255], np.uint8), 20)[None, :].repeat(100, 0)
    picture = render(
        {"depth_class": codes}, method, grid=None, background=codes.astype(float), language=language, title=method.title,
        simulated=False,
    )  # fmt: skip
    drawn = {
        f"#{r:02x}{g:02x}{b:02x}" for _, (r, g, b) in Image.open(io.BytesIO(picture)).convert("RGB").getcolors(1 << 20)
    }
    colours = {c.code: c.colour for c in CLASSES}
    assert {colours[code] for code in (1, 3, 8, 9)} <= drawn
    assert len({c.colour for c in CLASSES}) == len({c.title.ja for c in CLASSES}) == len(CLASSES)
    assert flood_depth.version == method.version
