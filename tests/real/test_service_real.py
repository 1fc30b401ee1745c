"""The service on real products: what was ingested is listed, drawn, and told with the value that stands in the file."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import rasterio
import rasterio.warp
from PIL import Image
from starlette.testclient import TestClient

from mitoshi.catalog import Catalogue
from mitoshi.interfaces.api import Settings
from mitoshi.interfaces.api.app import create_app
from mitoshi.sensors import items

pytestmark = [pytest.mark.real, pytest.mark.slow]
NAMES = (
    "platform/sentinel2/cog_29RKH_20200219",
    "platform/sentinel1/S1A__IW___A_20150309T173017_VV_grd_mli_geo_norm_db.tif",
    "platform/landsat/C2L2_008059_20191201",
    "platform/others/modis_ndvi_sinop_2013-2014",
)


@pytest.fixture(scope="module")
def paths(shared_data):
    return [shared_data(name) for name in NAMES]


@pytest.fixture(scope="module")
def real(paths, tmp_path_factory):
    store = tmp_path_factory.mktemp("real") / "catalogue"
    report = Catalogue(store).ingest(paths, describe=items)
    assert not report.refused
    data = tuple({p if p.is_dir() else p.parent for p in paths})
    with TestClient(create_app(Settings(store=store, data=data, workers=0, names=("testserver",)))) as client:
        yield client


def middle(layer):
    west, south, east, north = layer["bbox"]
    return (west + east) / 2, (south + north) / 2


def tile_at(lon, lat, z):
    x = int((lon + 180) / 360 * 2**z)
    return x, int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z)


def test_every_layer_is_drawn_in_its_middle(real):
    layers = real.get("/layers").json()["layers"]
    drawn = [layer for layer in layers if layer["tiles"]]
    assert {layer["id"].split("/")[0] for layer in drawn} == {"sentinel-2-l2a", "landsat-c2-l2", "raster"}
    assert len(drawn) >= 15
    for layer in drawn:
        z = max(min(layer["maxzoom"], 9), layer["minzoom"])
        x, y = tile_at(*middle(layer), z)
        answer = real.get(layer["tiles"].format(z=z, x=x, y=y))
        assert answer.status_code == 200, layer["id"]
        picture = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))
        assert picture[..., 3].any(), f"{layer['id']} is empty in its middle"


def test_a_reflectance_and_a_backscatter_are_those_of_the_file(real, paths):
    checked = 0
    for layer in real.get("/layers").json()["layers"]:
        name = layer["id"].rpartition("/")[2]
        sentinel2, radar = layer["id"].startswith("sentinel-2"), layer["units"] == "dB"
        if not (sentinel2 or radar):
            continue
        file = next(paths[0].glob(f"*{name}.tif")) if sentinel2 else paths[1]
        lon, lat = middle(layer)
        with rasterio.open(file) as dataset:
            (x,), (y,) = rasterio.warp.transform("EPSG:4326", dataset.crs, [lon], [lat])
            stored = float(next(dataset.sample([(x, y)]))[0])
        told = real.get("/values", params={"layer": layer["id"], "lon": lon, "lat": lat}).json()
        # Level-2A before processing baseline 04.00 stores reflectance x 10 000 without an offset; the radar file stores dB.
        assert told["value"] == pytest.approx(stored / 10_000 if sentinel2 else stored, rel=1e-5)
        checked += 1
    assert checked == 4
