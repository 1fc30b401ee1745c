"""A bundle of building damage shows its buildings by class, and is scored by them."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import geopandas
import numpy as np
import pytest
import shapely
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from PIL import Image, ImageColor
from scipy import ndimage

from mitoshi.core.discovery import find
from mitoshi.evidence import quicklook
from mitoshi.evidence.lists import ground_apart, leads, picture_of
from mitoshi.evidence.painting import background

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


def test_a_bundle_is_scored_by_its_buildings_where_the_reference_is_a_list(tmp_path):
    """The proxy, a raster, is the product that comes to hand first; a survey of houses was compared with it."""
    import rasterio

    from mitoshi import evidence
    from mitoshi.evidence.score import Settings, score

    noise = np.random.default_rng(3)
    before = np.repeat(ndimage.gaussian_filter(noise.uniform(40, 200, (80, 80)), 1.0)[None], 3, axis=0)
    after = before + noise.normal(0, 2, before.shape)
    after[:, 20:40, 45:65] = noise.uniform(30, 170, (3, 20, 20))  # rubble
    place = rasterio.Affine(1.0, 0.0, 500_000.0, 0.0, -1.0, 4_000_080.0)
    profile = {"driver": "GTiff", "width": 80, "height": 80, "count": 3, "dtype": "uint8", "crs": "EPSG:32653"}
    for name, values in (("before", before), ("after", after)):
        with rasterio.open(tmp_path / f"{name}.tif", "w", transform=place, **profile) as file:
            file.write(values.clip(1, 254).astype("uint8"))
    houses = [shapely.box(500_010, 4_000_040, 500_030, 4_000_060), shapely.box(500_045, 4_000_040, 500_065, 4_000_060)]
    survey = geopandas.GeoDataFrame({"grade": [0, 3]}, geometry=houses, crs="EPSG:32653")
    survey.to_file(tmp_path / "survey.gpkg")
    said = "#quantity=digital_number,bands=red+green+blue"
    sources = {
        "footprints": f"{tmp_path}/survey.gpkg",
        "before_optical": f"{tmp_path}/before.tif{said}",
        "after_optical": f"{tmp_path}/after.tif{said}",
    }
    when = datetime(2026, 1, 1, tzinfo=UTC)
    bundle = evidence.run(find("disaster.building-damage"), sources, {}, tmp_path / "bundle", time=when)
    assert evidence.verify(bundle.path, inputs=tmp_path).status == "identical"
    classes = geopandas.read_parquet(bundle.path / "buildings.parquet")["damage_class"].tolist()
    found = score(bundle.path, Settings(f"{tmp_path}/survey.gpkg", column="grade"))
    assert (found.kind, found.product.source.name) == ("listed", "buildings.parquet")
    assert np.diag(found.tally.compared).sum() == sum(c == g for c, g in zip(classes, (0, 3), strict=True))


def test_the_houses_of_an_impact_that_are_not_flooded_are_told_from_the_water_below():
    """The depth lies under the houses: bare ground is no class of houses, and the map says what its greys are."""
    impact = find("disaster.impact")
    output = impact.outputs[0]
    boxes = [shapely.box(500_010 + 40 * n, 4_000_040, 500_030 + 40 * n, 4_000_060) for n in range(2)]
    houses = geopandas.GeoDataFrame({"certificate": [0, 6]}, geometry=boxes, crs="EPSG:32653")
    codes, layer = picture_of(houses, output, GRID, (100, 100), ground=ground_apart(output, impact))
    words = {c.code: c.title.en for c in layer.classes}
    assert [words[int(codes[50, c])] for c in (20, 60)] == ["not flooded", "totally damaged"]
    assert words[0] == "nothing listed"
    assert codes[5, 5] == 0
    _, note = background(
        xr.DataArray(np.ones((4, 4)), dims=("y", "x"), attrs={"quantity": "water_depth", "units": "m"}), impact, "ja"
    )
    assert "浸水深" in note
