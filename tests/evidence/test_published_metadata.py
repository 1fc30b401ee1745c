"""The bundle against the standards it claims: RO-Crate with Process Run Crate, STAC, cloud-optimised GeoTIFF, GeoJSON."""

import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path

import pystac
import pytest
import rasterio
import requests
import urllib3
from evidence_sample import methods as sample
from shapely.geometry import shape
from shapely.validation import explain_validity

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
# Terms of the RO-Crate 1.1 context that are not simply http://schema.org/TERM.
OTHER_TERMS = {"File": "http://schema.org/MediaObject", "conformsTo": "http://purl.org/dc/terms/conformsTo"}


@pytest.fixture(scope="module")
def validator_cache(made, tmp_path_factory):
    """Return an HTTP cache with the RO-Crate context, cut to the terms this crate uses: the validator works offline."""
    import requests_cache

    graph = json.loads((made / "bundle/ro-crate-metadata.json").read_text())["@graph"]
    used = {k for e in graph for k in e if not k.startswith("@")} | {e["@type"] for e in graph}
    terms = {t: OTHER_TERMS.get(t, f"http://schema.org/{t}") for t in sorted(used - {"sha256"})}
    body = json.dumps({"@context": terms}).encode()

    class Canned(requests.adapters.BaseAdapter):
        def send(self, request, **kwargs):
            answer = requests.Response()
            answer.status_code, answer.url, answer.request = 200, request.url, request
            answer.headers["Content-Type"] = "application/ld+json"
            answer.raw = urllib3.HTTPResponse(body=io.BytesIO(body), status=200, preload_content=False)
            return answer

        def close(self):
            pass

    path = tmp_path_factory.mktemp("cache") / "http"
    session = requests_cache.CachedSession(str(path), backend="sqlite", expire_after=-1)
    session.mount("https://", Canned())
    session.get(CONTEXT)
    session.get(CONTEXT, headers={"Accept": "application/ld+json, application/json"})
    session.close()
    return path


@pytest.mark.slow
def test_the_crate_passes_rocrate_validator(made, validator_cache):
    command = [
        str(Path(sys.executable).with_name("rocrate-validator")), "--disable-color", "-y", "validate", "--offline",
        "--cache-path", str(validator_cache), "-p", "process-run-crate", "-l", "required", "--no-paging", "-v",
        "-f", "json", "-o", str(validator_cache.parent / "report.json"), str(made / "bundle"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads((validator_cache.parent / "report.json").read_text())
    assert report["passed"], json.dumps(report)[:3000]
    assert done.returncode == 0


def test_the_crate_names_what_ran_on_what(made):
    graph = {e["@id"]: e for e in json.loads((made / "bundle/ro-crate-metadata.json").read_text())["@graph"]}
    (action,) = [e for e in graph.values() if e["@type"] == "CreateAction"]
    assert graph[action["instrument"]["@id"]]["name"] == "test.scene-dark"
    digest = hashlib.sha256((made / "after.tif").read_bytes()).hexdigest()
    assert {"@id": f"urn:sha256:{digest}"} in action["object"]
    assert {"@id": "#parameter-factor"} in action["object"]
    for part in graph["./"]["hasPart"]:
        file = made / "bundle" / part["@id"]
        assert hashlib.sha256(file.read_bytes()).hexdigest() == graph[part["@id"]]["sha256"]
    assert {"@id": "dark.tif"} in action["result"]


@pytest.mark.parametrize("name", ["dark", "share"])
def test_stac_items_are_read_by_pystac_and_tell_the_truth(made, name):
    path = made / "bundle/stac" / f"{name}.json"
    item = pystac.Item.from_file(str(path))
    assert item.datetime.isoformat() == "2025-12-31T00:00:00+00:00"
    data = made / "bundle" / f"{name}.tif"
    asset = item.assets["data"]
    assert asset.extra_fields["file:size"] == data.stat().st_size
    assert asset.extra_fields["file:checksum"] == "1220" + hashlib.sha256(data.read_bytes()).hexdigest()
    with rasterio.open(data) as dataset:
        assert item.properties["proj:shape"] == list(dataset.shape)
        assert item.properties["proj:transform"] == list(dataset.transform)[:6]
        assert item.properties["proj:code"] == f"EPSG:{dataset.crs.to_epsg()}"
        from rasterio.warp import transform_bounds

        bounds = transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)
    assert item.bbox == pytest.approx(bounds, abs=1e-5)
    (derived,) = [link for link in item.links if link.rel == "derived_from"]
    source = pystac.Item.from_file(str((path.parent / derived.target).resolve()))
    assert source.assets
    assert all("/" not in a.href for a in source.assets.values())
    extensions = " ".join(item.stac_extensions)
    for wanted in ("processing", "file", "projection", "classification" if name == "dark" else "raster"):
        assert wanted in extensions
    if name == "dark":
        assert [c["value"] for c in asset.extra_fields["classification:classes"]] == [0, 1, 255]
    catalog = pystac.Catalog.from_file(str(made / "bundle/stac/catalog.json"))
    assert {link.title for link in catalog.links if link.rel == "item"} == {"dark", "share"}


@pytest.mark.parametrize("name", ["dark", "share"])
def test_rasters_obey_the_rules_of_cloud_optimised_geotiff(made, name):
    """The checks of GDAL's validate_cloud_optimized_geotiff.py: tiles, overviews, order of directories and of data."""
    path = made / "bundle" / f"{name}.tif"
    with rasterio.open(path) as dataset:
        assert dataset.block_shapes == [(512, 512)]
        factors = dataset.overviews(1)
        assert factors == [2, 4]
        assert dataset.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "DEFLATE"
        offsets = [_offsets(dataset, level) for level in (None, 0, 1)]
    directories, data = zip(*offsets, strict=True)
    assert directories[0] == 8
    assert list(directories) == sorted(directories)
    assert list(data) == sorted(data, reverse=True)
    assert max(directories) < min(data)


def _offsets(dataset, level):
    directory = int(dataset.get_tag_item("IFD_OFFSET", "TIFF", bidx=1, ovr=level))
    block = int(dataset.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1, ovr=level))
    return directory, block


def test_outlines_are_valid_and_their_area_is_that_of_the_figures(made):
    outline = json.loads((made / "bundle/dark.geojson").read_text())
    assert outline["type"] == "FeatureCollection"
    figures = {f["name"]: f for f in json.loads((made / "bundle/figures.json").read_text())["figures"]}
    assert outline["mitoshi:figures"][0]["lower"] == figures["dark_area"]["lower"]
    shapes = [shape(f["geometry"]) for f in outline["features"]]
    assert all(s.is_valid for s in shapes), [explain_validity(s) for s in shapes][:3]
    assert all(s.exterior.is_ccw for s in shapes)
    total = sum(f["properties"]["area_km2"] for f in outline["features"])
    assert total == pytest.approx(figures["dark_area"]["value"], rel=1e-4)
    assert sum(f["properties"]["pixels"] for f in outline["features"]) == figures["dark_pixels"]["value"]
    assert outline["mitoshi:polygons_left_out"] == 0


def test_the_methods_title_is_on_the_catalogue(made):
    catalog = json.loads((made / "bundle/stac/catalog.json").read_text())
    assert catalog["title"] == sample.scene_dark.title.en
