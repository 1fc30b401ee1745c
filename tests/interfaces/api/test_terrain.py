"""The ground stands where the elevation model says, and tiles meet without a crack."""

from __future__ import annotations

import math

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.transform import from_bounds
from starlette.testclient import TestClient

from mitoshi.catalog import Catalogue
from mitoshi.display.terrain import Ground, lattice
from mitoshi.interfaces.api.app import create_app
from mitoshi.interfaces.api.service import Service
from mitoshi.interfaces.api.settings import Settings
from mitoshi.sensors import items


def heights(client, z, x, y):
    answer = client.get(f"/terrain/{z}/{x}/{y}.terrain")
    assert answer.status_code == 200, answer.text
    assert len(answer.content) == 65 * 65 * 4
    return np.frombuffer(answer.content, "<f4").reshape(65, 65)


def tile_of(longitude, latitude, z):
    side = 180 / 2**z
    return int((longitude + 180) / side), int((90 - latitude) / side)


@pytest.fixture(scope="module")
def middle(area):
    return (area[0] + area[2]) / 2, (area[1] + area[3]) / 2


def test_heights_are_those_of_the_model(client, small_store, middle):
    from scipy.ndimage import map_coordinates

    z = 15
    x, y = tile_of(*middle, z)
    found = heights(client, z, x, y)
    across, down = lattice(z, x, y)
    with rasterio.open(small_store.parent / "archive" / "SIM_DEM.tif") as dataset:
        model, t = dataset.read(1).astype(float), dataset.transform
        project = Transformer.from_crs(4326, dataset.crs.to_epsg(), always_xy=True)
    easting, northing = project.transform(*np.meshgrid(across, down))
    rows, columns = (northing - t.f) / t.e, (easting - t.c) / t.a
    inside = (rows > 1) & (rows < 255) & (columns > 1) & (columns < 255)
    expected = map_coordinates(model, [rows - 0.5, columns - 0.5], order=1)
    assert inside.sum() > 1000
    assert np.abs(found - expected)[inside].max() < 0.01


def test_the_first_row_is_the_north(client, area):
    x, y = tile_of(area[0], area[3], 12)
    _, down = lattice(12, x, y)
    assert down[0] > down[-1]
    assert down[0] >= area[3] >= down[-1]


@pytest.mark.parametrize("z", [15, 14, 13, 11])
def test_neighbours_share_their_edge_bit_for_bit(client, middle, z):
    x, y = tile_of(*middle, z)
    here, east, south = heights(client, z, x, y), heights(client, z, x + 1, y), heights(client, z, x, y + 1)
    assert (here[:, -1] == east[:, 0]).all()
    assert (here[-1] == south[0]).all()
    assert len(np.unique(here)) > 10


def test_a_parent_is_the_mean_of_the_ground_of_its_children(client, middle, small_store):
    z = 12
    x, y = tile_of(*middle, z)
    coarse = heights(client, z, x, y)
    with rasterio.open(small_store.parent / "archive" / "SIM_DEM.tif") as dataset:
        model = dataset.read(1)
    ground = coarse[coarse != 0]
    assert len(ground) > 200
    assert ground.mean() == pytest.approx(model.mean(), rel=0.08)
    assert model.min() <= ground.min()
    assert ground.max() <= model.max()


def test_beyond_the_model_the_ground_is_zero(client):
    assert not heights(client, 10, 3, 700).any()
    assert not heights(client, 0, 0, 0).any()  # the western half of the Earth


def test_the_whole_earth_is_quick(client):
    import time

    start = time.perf_counter()
    for tile in ((0, 0, 0), (0, 1, 0), (1, 3, 0), (3, 14, 2)):
        heights(client, *tile)
    assert time.perf_counter() - start < 5


def test_the_description_says_what_the_heights_are(client, area):
    told = client.get("/terrain/layer.json").json()
    assert told["available"] is True
    assert told["bbox"] == pytest.approx(area, abs=1e-3)
    assert told["maxzoom"] == math.ceil(math.log2(180 / 64 * 111_320 / 10)) == 15
    assert told["datum"] == "not stated by the source"
    assert "ellipsoid" in told["note"]["en"]
    assert "楕円体高" in told["note"]["ja"]
    assert "模擬" in told["note"]["ja"]


def test_a_tile_answers_its_tag(client, middle):
    x, y = tile_of(*middle, 14)
    answer = client.get(f"/terrain/14/{x}/{y}.terrain")
    again = client.get(f"/terrain/14/{x}/{y}.terrain", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("tile", ["0/2/0", "0/0/1", "23/0/0", "3/16/0"])
def test_a_tile_that_does_not_exist_is_not_found(client, tile):
    assert client.get(f"/terrain/{tile}.terrain").status_code == 404


def test_without_elevation_the_globe_is_smooth(tmp_path):
    app = create_app(Settings(store=tmp_path, workers=0, names=("testserver",), port=80))
    with TestClient(app) as client:
        assert client.get("/terrain/layer.json").json()["available"] is False
        assert not heights(client, 5, 20, 10).any()


def model(path, values, bounds, crs="EPSG:4326", nodata=float("nan"), vertical=""):
    with rasterio.open(
        path, "w", driver="GTiff", width=values.shape[1], height=values.shape[0], count=1, dtype="float32",
        crs=f"{crs}{vertical}", transform=from_bounds(*bounds, values.shape[1], values.shape[0]), nodata=nodata,
    ) as dataset:  # fmt: skip
        dataset.write(values.astype(np.float32), 1)
        dataset.update_tags(MITOSHI_QUANTITY="elevation", MITOSHI_UNITS="m", MITOSHI_DATETIME="2025-01-01T00:00:00Z")


def ground_of(tmp_path, *paths):
    store = tmp_path / "store"
    report = Catalogue(store).ingest(list(paths), describe=items)
    assert not report.refused
    return Ground(Service(Settings(store=store, data=(tmp_path,))))


def test_the_finer_model_is_taken_and_the_coarser_fills_its_holes(tmp_path):
    fine = np.full((300, 300), 100.0)
    fine[:, 200:] = np.nan
    model(tmp_path / "fine.tif", fine, (10.0, 45.0, 10.3, 45.3))
    model(tmp_path / "coarse.tif", np.full((100, 100), 50.0), (9.5, 44.5, 11.0, 46.0))
    ground = ground_of(tmp_path, tmp_path / "coarse.tif", tmp_path / "fine.tif")
    z = 13
    x, y = tile_of(10.1, 45.1, z)
    assert (ground.heights(z, x, y) == 100).all()
    x, y = tile_of(10.27, 45.1, z)
    assert (ground.heights(z, x, y) == 50).all()
    assert ground.models()[1][0].gsd < ground.models()[1][1].gsd


def test_two_models_side_by_side_leave_no_gap(tmp_path):
    slope = np.add.outer(np.zeros(200), np.arange(200.0))
    model(tmp_path / "west.tif", slope, (10.0, 45.0, 10.2, 45.2))
    model(tmp_path / "east.tif", slope + 200, (10.2, 45.0, 10.4, 45.2))
    ground = ground_of(tmp_path, tmp_path / "west.tif", tmp_path / "east.tif")
    x, y = tile_of(10.2, 45.1, 12)
    found = ground.heights(12, x, y)
    assert (found > 0).all()
    across, _ = lattice(12, x, y)
    assert np.abs(found[30] - ((across - 10.0) * 1000 - 0.5)).max() < 0.6  # half a cell, where the two rims meet


def test_missing_cells_do_not_pull_the_ground_down(tmp_path):
    values = np.full((256, 256), 500.0)
    values[::7, ::5] = -9999
    model(tmp_path / "holes.tif", values, (10.0, 45.0, 10.25, 45.25), nodata=-9999)
    ground = ground_of(tmp_path, tmp_path / "holes.tif")
    for z in (9, 11, 13):
        x, y = tile_of(10.12, 45.12, z)
        found = ground.heights(z, x, y)
        assert set(np.unique(found)) <= {0.0, 500.0}
        assert (found == 500).any()


def test_a_stated_vertical_datum_is_told(tmp_path):
    model(tmp_path / "tp.tif", np.full((64, 64), 5.0), (140.0, 35.0, 140.1, 35.1), "EPSG:6668", vertical="+6695")
    ground = ground_of(tmp_path, tmp_path / "tp.tif")
    assert "JGD2011" in ground.models()[1][0].datum
