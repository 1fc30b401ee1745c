"""A bundle of building damage shows its buildings by class, and is scored by them."""

from __future__ import annotations

from io import BytesIO

import geopandas
import numpy as np
import pytest
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from PIL import Image, ImageColor

from mitoshi.core.discovery import find
from mitoshi.evidence import quicklook
from mitoshi.evidence.lists import leads, picture_of

GRID = GeoBox((100, 100), Affine(1.0, 0.0, 500_000.0, 0.0, -1.0, 4_000_100.0), "EPSG:32653")
CODES = (0, 1, 2, 3, 255)


@pytest.fixture(scope="module")
def drawn():
    method = find("disaster.building-damage")
    boxes = [shapely.box(500_010 + 18 * n, 4_000_040, 500_020 + 18 * n, 4_000_060) for n in range(5)]
    houses = geopandas.GeoDataFrame({"damage_class": CODES}, geometry=boxes, crs="EPSG:32653")
    return method, picture_of(houses, method.outputs[0], GRID, (100, 100), ground=leads(method.outputs[0], method))


def test_undamaged_houses_are_told_from_the_ground(drawn):
    _, (codes, layer) = drawn
    names = {c.code: c.title.en for c in layer.classes}
    assert [names[int(codes[50, 15 + 18 * n])] for n in range(5)] == [
        "no visible damage", "minor damage", "major damage", "destroyed", "not observed",
    ]  # fmt: skip
    assert names[int(codes[5, 5])] == "nothing listed"


def test_the_picture_shows_the_houses_over_the_image(drawn):
    method, picture = drawn
    layers = {"buildings": picture, "damage_proxy": np.full((100, 100), 0.9, np.float32)}
    under = np.random.default_rng(1).uniform(0.2, 0.8, (100, 100)).astype(np.float32)
    png = quicklook.render(
        layers, method, grid=GRID, background=under, language="en", title="x", simulated=False
    )  # fmt: skip
    found = np.asarray(Image.open(BytesIO(png)).convert("RGB")).reshape(-1, 3)
    for kind in method.outputs[0].layer.classes[:4]:
        colour = np.array(ImageColor.getrgb(kind.colour))
        assert (found == colour).all(axis=1).sum() > 5_000, kind.title.en
