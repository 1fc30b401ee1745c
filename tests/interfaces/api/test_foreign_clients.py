"""One journey through the service with clients that nobody here wrote: run with OWSLib, find with pystac-client, load with
odc-stac, read the outlines with geopandas. What each client does with one part alone stands beside the tests of that part."""

from __future__ import annotations

import io
import json
import urllib.request

import numpy as np
import pytest
import rasterio
from owslib.ogcapi.processes import Processes

from mitoshi.core.discovery import find
from mitoshi.evidence.bundle import read_json
from mitoshi.simulation import EVENT
from mitoshi.workflows.bundle_store import BundleStore

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def executed(served, area):
    """Return what OWSLib's client was answered, and the bundle that lies on the disk of the service."""
    client = Processes(f"{served.url}/ogc/")
    told = client.execute("disaster.flood-extent", {"area": list(area), "event": EVENT, "threshold_shift": 0.02})
    bundle = BundleStore((served.store / "service" / "runs",)).find(told["bundle"]["value"])
    return told, bundle


@pytest.fixture(scope="module")
def found(served, executed):
    """Return the items of that bundle as pystac-client finds them, by output."""
    import pystac_client

    told, bundle = executed
    search = pystac_client.Client.open(f"{served.url}/stac").search(collections=["disaster.flood-extent"])
    items = [item for item in search.items() if item.properties.get("mitoshi:bundle") == told["bundle"]["value"]]
    return {item.id.removeprefix(f"{bundle.id[:12]}-"): item for item in items}


def test_what_one_client_runs_another_finds(found, executed):
    """Every raster product of the run is an item, with its uncertainty beside it."""
    assert set(found) == {o.name for o in find("disaster.flood-extent").outputs}
    run = read_json(executed[1].path, "run.json")
    assert run["parameters"]["threshold_shift"] == 0.02
    assert set(found) == set(run["products"])


def test_what_another_finds_a_third_loads_bit_for_bit(found, executed):
    import odc.stac

    _, bundle = executed
    for name, item in found.items():
        with rasterio.open(bundle.path / f"{name}.tif") as file:
            sealed, transform, crs = file.read(1), file.transform, file.crs
        loaded = odc.stac.load([item], bands=["data"])["data"].isel(time=0)
        np.testing.assert_array_equal(loaded.values, sealed)
        assert loaded.odc.geobox.transform == transform
        assert loaded.odc.geobox.crs == crs


def test_the_result_leads_to_the_file_itself(served, executed):
    """The link of the results is the sealed file, byte for byte, and GDAL opens it."""
    told, bundle = executed
    address = told["flood"]["href"]
    with urllib.request.urlopen(address if "://" in address else served.url + address) as answer:
        content = answer.read()
    assert content == (bundle.path / "flood.tif").read_bytes()
    with rasterio.open(io.BytesIO(content)) as file:
        assert set(np.unique(file.read(1))) <= {0, 1, 2, 255}


def test_geopandas_reads_the_buildings_that_the_service_lists(served):
    import geopandas

    with urllib.request.urlopen(f"{served.url}/layers") as answer:
        layers = json.load(answer)["layers"]
    layer = next(layer for layer in layers if layer["kind"] == "buildings")
    with urllib.request.urlopen(served.url + layer["features"]) as answer:
        read = geopandas.read_file(io.BytesIO(answer.read()))
    stored = geopandas.read_parquet(served.store.parent / "archive" / "buildings.parquet").to_crs(4326)
    assert read.crs.to_epsg() == 4326
    assert len(read) == len(stored)
    np.testing.assert_allclose(np.sort(read.total_bounds), np.sort(stored.total_bounds), atol=1e-6)
