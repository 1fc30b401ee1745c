"""Tiles show the catalogue's pixels in the right place and colour, and nothing else."""

from __future__ import annotations

import io
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rasterio
from PIL import Image
from pyproj import Transformer

from mitoshi.core.discovery import find
from mitoshi.display.drawing import png, png_in_colour
from mitoshi.interfaces.api.settings import Settings
from mitoshi.interfaces.api.tiles import TileCache

RADIUS = 6378137.0


@pytest.fixture(scope="module")
def layers(client):
    return {layer["id"]: layer for layer in client.get("/layers").json()["layers"]}


def pick(layers, **wanted):
    return next(layer for layer in layers.values() if all(layer[k] == v for k, v in wanted.items()))


def tile_at(area, z):
    longitude, latitude = (area[0] + area[2]) / 2, (area[1] + area[3]) / 2
    y = math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2))
    return z, int((longitude + 180) / 360 * 2**z), int((1 - y / math.pi) / 2 * 2**z)


def address(layer, tile, more=""):
    path = layer["tiles"]
    for name, value in zip(("{z}", "{x}", "{y}"), tile, strict=True):
        path = path.replace(name, str(value))
    return path + more


def source_pixels(dataset, tile, side=256):
    """Return row and column in the source of every pixel centre of a tile, by PROJ."""
    z, x, y = tile
    step = 2 * math.pi * RADIUS / 2**z / side
    across = -math.pi * RADIUS + (x * side + np.arange(side) + 0.5) * step
    down = math.pi * RADIUS - (y * side + np.arange(side) + 0.5) * step
    easting, northing = Transformer.from_crs(3857, dataset.crs.to_epsg(), always_xy=True).transform(
        *np.meshgrid(across, down)
    )
    west, north, size = dataset.transform.c, dataset.transform.f, dataset.transform.a
    columns, rows = (easting - west) / size, (north - northing) / size
    return rows, columns


def opened(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(answer.content))


def test_a_coded_tile_has_the_colour_of_the_class_at_each_place(client, layers, small_store, area):
    layer, tile = pick(layers, quantity="flood_extent", kind="coded"), tile_at(area, 14)
    picture = np.asarray(opened(client, address(layer, tile)).convert("RGBA"))
    (path,) = (small_store / "service" / "runs").glob("*/flood.tif")
    with rasterio.open(path) as dataset:
        codes = dataset.read(1)
        rows, columns = source_pixels(dataset, tile)
    inside = (rows >= 0) & (rows < codes.shape[0]) & (columns >= 0) & (columns < codes.shape[1])
    code = np.where(inside, codes[np.clip(rows, 0, 261).astype(int), np.clip(columns, 0, 261).astype(int)], 254)
    assert inside.sum() > 10_000
    for entry in find("disaster.flood-extent").outputs[0].layer.classes:
        here = code == entry.code
        if entry.code in (0, 255) or here.sum() < 50:
            continue
        colour = tuple(int(entry.colour[n : n + 2], 16) for n in (1, 3, 5))
        right = (picture[here][:, :3] == colour).all(axis=1) & (picture[here][:, 3] == 255)
        assert right.mean() > 0.9  # the warp may take the neighbour at an edge
    assert (picture[~inside][:, 3] == 0).mean() > 0.99
    assert (picture[code == 0][:, 3] == 0).mean() > 0.99


def test_what_was_not_observed_is_hatched_and_what_lies_outside_is_not(client, layers, small_store, area):
    layer = pick(layers, quantity="flood_extent", kind="coded")
    tile = tile_at(area, 13)
    picture = np.asarray(opened(client, address(layer, tile)).convert("RGBA"))
    (path,) = (small_store / "service" / "runs").glob("*/flood.tif")
    with rasterio.open(path) as dataset:
        codes = dataset.read(1)
        rows, columns = source_pixels(dataset, tile)
    inside = (rows >= 1) & (rows < 261) & (columns >= 1) & (columns < 261)
    code = np.where(inside, codes[np.clip(rows, 0, 261).astype(int), np.clip(columns, 0, 261).astype(int)], 254)
    assert (codes == 255).sum() > 500
    assert 0.1 < (picture[code == 255][:, 3] > 0).mean() < 0.6


def test_a_measured_tile_gives_back_the_values_of_the_source(client, layers, small_store, area):
    from scipy.ndimage import map_coordinates

    layer, tile = pick(layers, quantity="elevation"), tile_at(area, 15)
    picture = opened(client, address(layer, tile))
    indices = np.asarray(picture).astype(float)
    low, high = layer["legend"]["limits"]
    with rasterio.open(small_store.parent / "archive" / "SIM_DEM.tif") as dataset:
        heights = dataset.read(1).astype(float)
        rows, columns = source_pixels(dataset, tile)
    inside = (rows > 1) & (rows < 255) & (columns > 1) & (columns < 255)
    expected = map_coordinates(heights, [rows - 0.5, columns - 0.5], order=1, mode="nearest")
    shown = low + (indices - 1) / 254 * (high - low)
    unclipped = inside & (expected > low) & (expected < high)
    assert unclipped.sum() > 10_000
    assert (indices[inside] > 0).all()
    # Half a colour step, and what the warp's approximation of an eighth of a pixel makes on a slope.
    assert np.median(np.abs(shown - expected)[unclipped]) < (high - low) / 254
    assert np.abs(shown - expected)[unclipped].mean() < 2 * (high - low) / 254


def test_backscatter_is_grey_in_decibels(client, layers, area):
    layer = pick(layers, quantity="gamma0")
    picture = np.asarray(opened(client, address(layer, tile_at(area, 15))).convert("RGBA")).astype(int)
    seen = picture[picture[..., 3] == 255]
    assert len(seen) > 10_000
    assert (seen[:, 0] == seen[:, 1]).all()
    assert 60 < seen[:, 0].mean() < 200  # the stretch puts the middle in the middle


def test_true_colour_shows_reflectance_with_the_offset_of_the_baseline(client, layers, small_store, area):
    layer = next(layer for layer in layers.values() if layer["visible"] and layer["kind"] == "image")
    tile = tile_at(area, 15)
    picture = np.asarray(opened(client, address(layer, tile)).convert("RGBA")).astype(float)
    name = layer["id"].split("/")[1]
    with rasterio.open(small_store.parent / "archive" / name / "B04.tif") as dataset:
        red = dataset.read(1) * 1e-4 - 0.1
        rows, columns = source_pixels(dataset, tile)
    inside = (rows > 1) & (rows < 255) & (columns > 1) & (columns < 255)
    expected = np.sqrt(np.clip(red / 0.35, 0, 1))[
        np.clip(rows, 0, 255).astype(int), np.clip(columns, 0, 255).astype(int)
    ]
    assert np.corrcoef(picture[..., 0][inside], expected[inside])[0, 1] > 0.8
    assert abs(picture[..., 0][inside].mean() / 255 - expected[inside].mean()) < 0.02


def test_a_tile_of_double_size_is_the_same_map(client, layers, area):
    layer, tile = pick(layers, quantity="elevation"), tile_at(area, 14)
    plain = np.asarray(opened(client, address(layer, tile)))
    fine = opened(client, address(layer, tile).replace(".png", "@2x.png"))
    assert fine.size == (512, 512)
    halved = np.asarray(fine).reshape(256, 2, 256, 2).mean(axis=(1, 3))
    seen = (plain > 0) & (halved > 1)
    assert seen.sum() > 5000
    assert np.abs(plain[seen] - halved[seen]).mean() < 3


def test_bands_are_chosen_by_name_and_number(client, layers, area):
    layer = next(layer for name, layer in layers.items() if name.endswith("/VH"))
    tile = tile_at(area, 14)
    root = layer["tiles"].partition("/VH/")[0]
    ending = address(layer, tile).partition("/VH/")[2]
    named = client.get(f"{root}/data/{ending}&band=VH").content
    assert named == client.get(f"{root}/data/{ending}&band=2").content == client.get(address(layer, tile)).content
    assert named != client.get(f"{root}/data/{ending}").content
    assert client.get(f"{root}/data/{ending}&band=3").status_code == 404
    assert client.get(f"{root}/data/{ending}&band=HV").status_code == 404


def test_outside_of_a_raster_a_tile_is_transparent(client, layers):
    picture = opened(client, address(pick(layers, quantity="elevation"), (14, 3, 5))).convert("RGBA")
    assert np.asarray(picture)[..., 3].max() == 0


def test_the_whole_world_in_one_tile_can_be_drawn(client, layers):
    assert opened(client, address(pick(layers, quantity="elevation"), (0, 0, 0))).size == (256, 256)


@pytest.mark.parametrize("tile", [(1, 2, 0), (3, 0, 8), (23, 0, 0), (40, 5, 5), (0, 1, 0)])
def test_a_tile_that_does_not_exist_is_not_found(client, layers, tile):
    assert client.get(address(pick(layers, quantity="elevation"), tile)).status_code == 404


@pytest.mark.parametrize("ending", ["-1/0/0.png", "1/a/0.png", "1/0/0x.png", "0/0/0@3x.png"])
def test_a_tile_that_is_no_number_is_refused(client, layers, ending):
    assert client.get(pick(layers, quantity="elevation")["tiles"].partition("{z}")[0] + ending).status_code in (
        400,
        404,
    )


@pytest.mark.parametrize(
    "query", ["rescale=5,1", "rescale=1", "rescale=a,b", "rescale=nan,inf", "band=../../x", "band=%00"]
)
def test_a_value_that_does_not_fit_is_refused(client, layers, query):
    path = address(pick(layers, quantity="elevation"), (0, 0, 0)).partition("?")[0]
    assert client.get(f"{path}?{query}").status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "raster/nothing/data",
        "nowhere/x/data",
        "raster/..%2f..%2fetc%2fpasswd/data",
        "features/{roads}/data",
        "raster/{dem}/x",
    ],
)
def test_what_is_no_raster_of_the_catalogue_is_not_found(client, layers, path):
    roads, dem = (pick(layers, quantity=q)["id"].split("/")[1] for q in ("roads", "elevation"))
    assert client.get(f"/tiles/{path.format(roads=roads, dem=dem)}/0/0/0.png").status_code in (400, 404)


def test_no_address_and_no_expression_is_ever_taken(client, layers):
    path = address(pick(layers, quantity="elevation"), (0, 0, 0))
    same = client.get(path).content
    for more in ("&url=file:///etc/passwd", "&expression=b1*2", "&url=http://169.254.169.254/"):
        assert client.get(path + more).content == same


def test_a_vrt_in_place_of_a_catalogued_raster_is_not_read(fresh_store):
    from starlette.testclient import TestClient

    from mitoshi.interfaces.api.app import create_app

    path = fresh_store.parent / "archive" / "SIM_DEM.tif"
    path.write_text(
        '<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand">'
        "<SourceFilename>/etc/passwd</SourceFilename></VRTRasterBand></VRTDataset>"
    )
    settings = Settings(
        store=fresh_store, data=(fresh_store.parent / "archive",), workers=0, names=("testserver",), port=80
    )
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        item = next(i for i in create_app(settings).state.service.catalogue.search(quantity="elevation"))
        answer = client.get(f"/tiles/raster/{item.id}/data/0/0/0.png")
        assert answer.status_code == 404
        assert "VRT" in answer.json()["detail"]


def test_a_product_is_kept_by_clients_and_answers_its_tag(client, layers, area):
    product, observed = pick(layers, quantity="flood_extent", kind="coded"), pick(layers, quantity="elevation")
    path = address(product, tile_at(area, 14))
    answer = client.get(path)
    assert "immutable" in answer.headers["cache-control"]
    again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert "immutable" not in client.get(address(observed, tile_at(area, 14))).headers["cache-control"]


def test_tilejson_says_where_and_how_deep(client, layers, area):
    layer = pick(layers, quantity="elevation")
    path = layer["tiles"].partition("/{z}")[0] + "/tilejson.json?rescale=0,100"
    told = client.get(path).json()
    assert told["tilejson"] == "3.0.0"
    assert told["bounds"] == pytest.approx(area, abs=1e-3)
    assert told["minzoom"] == 0
    assert told["maxzoom"] == layer["maxzoom"] == 14  # 10 m at 31.6 degrees north
    assert told["tiles"] == [f"http://testserver{layer['tiles'].partition('?')[0]}?rescale=0,100"]
    z, x, y = tile_at(area, 14)
    tile = told["tiles"][0].replace("{z}", str(z)).replace("{x}", str(x)).replace("{y}", str(y))
    assert client.get(tile).status_code == 200


def test_the_cache_never_holds_more_than_its_bound():
    cache = TileCache(1000)
    for n in range(50):
        assert cache.get((n,), lambda n=n: bytes([n]) * 100) == bytes([n]) * 100
        assert cache.size <= 1000
    assert cache.get((49,), lambda: b"made again") == b"\x31" * 100
    assert cache.get((0,), lambda: b"made again") == b"made again"
    cache.get(("huge",), lambda: bytes(2000))
    assert cache.size <= 1000


def test_many_readers_at_once_get_the_same_tile(client, layers, area):
    path = address(pick(layers, quantity="flood_extent", kind="coded"), tile_at(area, 15))
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: client.get(path), range(24)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_png_is_read_back_by_another_decoder():
    generator = np.random.default_rng(5)
    indices = generator.integers(0, 7, (31, 45), dtype=np.uint8)
    palette = generator.integers(0, 256, (256, 4), dtype=np.uint8)
    read = np.asarray(Image.open(io.BytesIO(png(indices, palette))).convert("RGBA"))
    assert (read == palette[indices]).all()
    colours = generator.integers(0, 256, (9, 13, 4), dtype=np.uint8)
    assert (np.asarray(Image.open(io.BytesIO(png_in_colour(colours)))) == colours).all()


@pytest.mark.slow
def test_fifty_readers_and_running_jobs_meet_no_error_and_memory_stays_flat(served, area, monkeypatch):
    import importlib.util
    import sys
    from pathlib import Path

    import httpx

    path = Path(__file__).parents[3] / "benchmarks" / "tile_load.py"
    spec = importlib.util.spec_from_file_location("tile_load", path)
    bench = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "tile_load", bench)
    spec.loader.exec_module(bench)
    monkeypatch.setattr(bench, "WARM_SECONDS", 2)
    listed = httpx.get(f"{served.url}/layers", timeout=60).json()["layers"]
    paths = [address(layer, tile_at(area, z)) for z in (11, 12, 13, 14, 15) for layer in listed if layer["tiles"]]
    for _ in range(5):
        asked = httpx.post(
            f"{served.url}/ogc/processes/disaster.flood-extent/execution",
            json={"inputs": {"area": list(area), "event": "2026-10-12T00:00:00Z"}},
            headers={"Prefer": "respond-async"},
            timeout=60,
        )
        assert asked.status_code == 201, asked.text
    seen = bench.load(int(served.url.rpartition(":")[2]), paths, 5, served.process.pid)
    assert seen["errors"] == 0, seen["first_errors"]
    assert seen["tiles"] > 50
    memory = seen["rss_mib_at_0_25_50_75_100_percent"]
    assert memory[-1] - memory[1] < 60
    assert memory[-1] < 1200
