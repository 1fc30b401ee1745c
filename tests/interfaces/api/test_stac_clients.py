"""Clients that nobody here wrote, on a real service: pystac-client, odc-stac, stac-api-validator and schemathesis."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import rasterio

from mitoshi.catalog import Catalogue

# stac-api-validator fetches the schemas of STAC from the web. Those of the core come here from pystac's package, word for word;
# those of the extensions are in no package, so that they are empty here: what they say is not checked.
OFFLINE = """
import json, pathlib, sys
import pystac.validation, stac_validator.utilities as utilities
shipped = pathlib.Path(pystac.validation.__file__).parent / "jsonschemas"
def offline(address):
    name = address.split("#")[0].rpartition("/")[2]
    if address.startswith("https://schemas.stacspec.org/v1.1.0/"):
        return json.loads((shipped / "stac-spec" / "v1.1.0" / name).read_text())
    if address.startswith("https://geojson.org/schema/"):
        return json.loads((shipped / "geojson" / name).read_text())
    if address.startswith("https://stac-extensions.github.io/"):
        print("NOT CHECKED", address, file=sys.stderr)
        return {"$id": address}
    raise RuntimeError(f"no schema for {address}")
utilities._schema_cache = offline
from stac_api_validator.__main__ import main
main()
"""


@pytest.fixture(scope="module")
def client(served):
    import pystac_client

    return pystac_client.Client.open(f"{served.url}/stac")


@pytest.fixture(scope="module")
def local(served):
    """Return the items as the catalogue itself has them."""
    return Catalogue(served.store).search()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pystac_client_pages_through_everything(client, local, method):
    search = client.search(method=method, limit=4)
    assert search.matched() == len(local) > 20
    assert len(list(search.pages())) == -(-len(local) // 4)
    assert [i.id for i in search.items()] == [i.id for i in local]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pystac_client_searches_by_place_time_and_collection(client, local, served, method):
    point = {"type": "Point", "coordinates": local[-1].geometry["coordinates"][0][0]}
    search = client.search(
        method=method, collections=["raster"], datetime="2026-09-01/2026-10-12", intersects=point, limit=2
    )
    wanted = Catalogue(served.store).search(collections=["raster"], time="2026-09-01/2026-10-12", intersects=point)
    assert [i.id for i in search.items()] == [i.id for i in wanted] != []
    assert client.conforms_to("ITEM_SEARCH")
    assert client.conforms_to("COLLECTIONS")
    assert {c.id for c in client.get_collections()} == {i.collection_id for i in local}
    product = next(client.get_collection("disaster.flood-extent").get_items())
    assert product.get_parent().id == "disaster.flood-extent"


def radar(items):
    return next(i for i in items if "_RTC_" in i.id)


def test_odc_stac_loads_both_bands_exactly(client, local):
    import odc.stac

    item = radar(local)
    loaded = odc.stac.load(client.search(ids=[item.id]).items())
    with rasterio.open(item.assets["data"].href) as file:
        assert file.descriptions == ("VV", "VH")
        assert loaded.odc.geobox.shape == file.shape
        assert loaded.odc.geobox.affine == file.transform
        assert loaded.odc.geobox.crs.to_epsg() == file.crs.to_epsg()
        for band, pixels in zip(("data.1", "data.2"), file.read(), strict=True):
            assert loaded[band].dtype == pixels.dtype
            np.testing.assert_array_equal(loaded[band].isel(time=0), pixels)


def test_odc_stac_plans_a_cube_without_opening_a_file(client, monkeypatch):
    import odc.stac

    items = list(client.search(collections=["sentinel-2-l2a"]).items())

    def opened(*_arguments, **_options):
        raise AssertionError("a file was opened")

    monkeypatch.setattr(rasterio, "open", opened)
    planned = odc.stac.load(items, bands=["B04", "SCL"], chunks={})
    assert planned.B04.shape == (len(items), 256, 256)
    assert (planned.B04.dtype, planned.SCL.dtype) == (np.uint16, np.uint8)


def test_odc_stac_reprojects_what_the_api_gives_as_it_does_the_files(client, local):
    import odc.stac

    item = radar(local)
    options = {"crs": "EPSG:4326", "resolution": 0.0002, "bbox": item.bbox, "resampling": "bilinear"}
    loaded = odc.stac.load(client.search(ids=[item.id]).items(), **options)
    plain = item.clone()
    plain.assets["data"].extra_fields |= {
        "data_type": "float32",
        "nodata": "nan",
        "bands": [{"name": "VV"}, {"name": "VH"}],
    }
    straight = odc.stac.load([plain], **options)
    west, south, east, north = item.bbox
    assert abs(loaded.sizes["longitude"] - (east - west) / 0.0002) <= 2
    assert abs(loaded.sizes["latitude"] - (north - south) / 0.0002) <= 2
    assert np.isfinite(loaded["data.1"]).mean() > 0.8
    for band in ("data.1", "data.2"):
        np.testing.assert_array_equal(loaded[band], straight[band])


def test_gdal_reads_a_window_in_ranges(client, local):
    item = next(client.search(ids=[radar(local).id]).items())
    address = item.assets["data"].href
    with rasterio.open(address) as remote, rasterio.open(radar(local).assets["data"].href) as file:
        window = rasterio.windows.Window(100, 50, 64, 32)
        np.testing.assert_array_equal(remote.read(window=window), file.read(window=window))


@pytest.mark.slow
def test_stac_api_validator_finds_no_error(served, local):
    west, south, east, north = radar(local).bbox
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    command = [sys.executable, "-c", OFFLINE, "--root-url", f"{served.url}/stac", "--collection", "raster"]
    for part in ("core", "collections", "features", "item-search"):
        command += ["--conformance", part]
    command += ["--geometry", json.dumps({"type": "Polygon", "coordinates": [ring]}), "--validate-pagination"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-3000:]
    assert "Errors: none" in told, told[-3000:]
    assert set(re.findall(r"NOT CHECKED (\S+)", told)) <= {
        f"https://stac-extensions.github.io/{name}/schema.json"
        for name in (
            "projection/v2.0.0",
            "sat/v1.1.0",
            "eo/v1.1.0",
            "classification/v2.0.0",
            "file/v2.1.0",
            "processing/v1.2.0",
        )
    }


# 414 and 431 come before any reading of the values, so that schemathesis does not know them as refusals.
REFUSALS = '[checks]\nnegative_data_rejection.expected-statuses = ["400", "401", "403", "404", "405", "414", "431"]\n'


@pytest.mark.slow
def test_schemathesis_finds_no_undeclared_answer_and_no_nonsense_that_is_taken(served, tmp_path):
    (tmp_path / "schemathesis.toml").write_text(REFUSALS)
    checks = (
        "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
        "negative_data_rejection"
    )
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/openapi.json"]
    command += ["--include-path-regex", "^/stac", "--checks", checks]
    command += ["--max-examples", "10", "--workers", "1", "--seed", "7", "--no-color"]
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, cwd=tmp_path, env=quiet)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert re.search(r"Selected: 9/", done.stdout)
