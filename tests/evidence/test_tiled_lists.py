"""A method that gives lists and is computed in tiles: lists come from its survey, once, whatever the tiles."""

from __future__ import annotations

import json

import geopandas
import numpy as np
import pytest
import rasterio
from conftest import TIME, write_raster
from shapely.geometry import box

from mitoshi import evidence
from mitoshi.core.discovery import find

pytestmark = pytest.mark.slow

HEIGHT, WIDTH = 600, 1100


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """Two images of white noise in which every third of 40 buildings is replaced; some lie across the edges of tiles."""
    folder = tmp_path_factory.mktemp("town")
    draw = np.random.default_rng(3)
    before = draw.normal(120, 20, (3, HEIGHT, WIDTH))
    after = before + draw.normal(0, 8, before.shape)
    across = np.linspace(40, WIDTH - 60, 10).astype(int)
    rows, columns = (v.ravel() for v in np.meshgrid([60, 250, 505, 560], across, indexing="ij"))
    columns[4::10] = 500  # across the boundary at 512
    for n, (row, column) in enumerate(zip(rows, columns, strict=True)):
        if n % 3 == 0:
            after[:, row : row + 20, column : column + 24] = draw.normal(120, 30, (3, 20, 24))
    for name, values in (("before", before), ("after", after)):
        write_raster(folder / f"{name}.tif", np.clip(np.rint(values), 1, 255).astype(np.uint8))
    with rasterio.open(folder / "before.tif") as dataset:
        place, crs = dataset.transform, dataset.crs
    corners = [(place * (c, r + 20), place * (c + 24, r)) for r, c in zip(rows, columns, strict=True)]
    houses = geopandas.GeoDataFrame(
        {"id": [f"h{n}" for n in range(40)]}, geometry=[box(*low, *high) for low, high in corners], crs=crs
    )
    houses.to_file(folder / "houses.gpkg", layer="houses", driver="GPKG")
    return folder


def run(folder, out, **options):
    image = "quantity=digital_number"
    sources = {
        "footprints": str(folder / "houses.gpkg"),
        "before_optical": f"{folder}/before.tif#{image},time=2020-01-01",
        "after_optical": f"{folder}/after.tif#{image},time=2020-03-01",
    }
    return evidence.run(find("disaster.building-damage"), sources, {}, folder / out, time=TIME, **options)


def test_lists_and_rasters_do_not_depend_on_tiles_or_workers(town):
    run(town, "whole", tile_size=2048)
    run(town, "tiled", tile_size=512, workers=2)
    records = [json.loads((town / out / "run.json").read_text()) for out in ("whole", "tiled")]
    assert [r["tile_size"] for r in records] == [2048, 512]
    assert records[0]["products"] == records[1]["products"]
    assert records[0]["totals"] == records[1]["totals"]
    assert records[0]["totals"]["footprints"] == 40
    one, other = (geopandas.read_parquet(town / out / "buildings.parquet") for out in ("whole", "tiled"))
    assert one.equals(other)
    assert list(one["id"]) == [f"h{n}" for n in range(40)]
    fallen = np.arange(40) % 3 == 0
    assert one["edge_agreement"][fallen].max() < one["edge_agreement"][~fallen].min()
    assert evidence.verify(town / "tiled").status == "identical"
