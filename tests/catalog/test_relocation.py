"""A folder with its catalogue can be copied or moved: the items find their files where they lie now."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from mitoshi import sensors
from mitoshi.catalog import Catalogue
from mitoshi.catalog.relocation import located, stored


def raster(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "height": 8, "width": 8, "count": 1, "dtype": "float32", "crs": "EPSG:32654"}
    with rasterio.open(path, "w", transform=Affine(10, 0, 4e5, 0, -10, 35e5), **profile) as file:
        file.write(np.full((1, 8, 8), value, "float32"))
    return path


def describe(path):
    return sensors.items(f"{path}#quantity=elevation,units=m,time=2020-01-01")


@pytest.mark.parametrize("place", ["project/catalogue", "project/region/catalogue"])
def test_a_copied_folder_is_read_where_it_lies(tmp_path, place):
    raster(tmp_path / "project" / "data" / "dem.tif", 12.5)
    report = Catalogue(tmp_path / place).ingest([tmp_path / "project" / "data" / "dem.tif"], describe)
    assert len(report.added) == 1, report
    before = {p.name: p.read_bytes() for p in (tmp_path / place).iterdir()}
    shutil.copytree(tmp_path / "project", tmp_path / "elsewhere" / "project")
    shutil.rmtree(tmp_path / "project")
    moved = Catalogue(tmp_path / "elsewhere" / place)
    found = moved.search()
    assert [str(tmp_path / "elsewhere" / "project" / "data" / "dem.tif")] == [a.href for a in found[0].assets.values()]
    layer = sensors.open_item(found[0]).layers["elevation"]
    assert float(layer.mean()) == 12.5
    again = moved.ingest([tmp_path / "elsewhere" / "project" / "data" / "dem.tif"], describe)
    assert (again.added, again.updated, len(again.unchanged)) == ((), (), 1)
    assert {p.name: p.read_bytes() for p in (tmp_path / "elsewhere" / place).iterdir()} == before


def test_files_far_from_the_catalogue_stay_where_they_are(tmp_path):
    raster(tmp_path / "archive" / "dem.tif", 1.0)
    Catalogue(tmp_path / "work" / "project" / "region" / "catalogue").ingest(
        [tmp_path / "archive" / "dem.tif"], describe
    )
    shutil.move(tmp_path / "work", tmp_path / "moved")
    (found,) = Catalogue(tmp_path / "moved" / "project" / "region" / "catalogue").search()
    assert float(sensors.open_item(found).layers["elevation"].mean()) == 1.0


@pytest.mark.parametrize(
    "href", ["https://example.org/a.tif", "s3://bucket/a.tif", "/elsewhere/a.tif", "/dataset/a.tif"]
)
def test_other_addresses_are_left_alone(tmp_path, href):
    item = {"assets": {"a": {"href": href}}, "properties": {"mitoshi:source": f"{href}#quantity=elevation"}}
    for folder in ("/data/catalogue", "/data/project/region/catalogue", str(tmp_path)):
        assert stored(item, folder) == item
        assert located(item, folder) == item


def test_the_words_that_describe_a_file_stay(tmp_path):
    text = f"{tmp_path}/data/a#b.tif#quantity=elevation,units=m"
    item = {"assets": {}, "properties": {"mitoshi:source": text}}
    kept = stored(item, tmp_path / "catalogue")
    assert kept["properties"]["mitoshi:source"] == "../data/a#b.tif#quantity=elevation,units=m"
    assert located(kept, tmp_path / "catalogue") == item
