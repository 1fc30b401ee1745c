"""The STAC API in this process: documents, searches, pages, names, and what never leaves the machine."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from pystac.validation import JsonSchemaSTACValidator
from starlette.testclient import TestClient

from mitoshi.catalog import Catalogue
from mitoshi.interfaces.api import problems
from mitoshi.interfaces.api import stac as stac_module
from mitoshi.interfaces.api.problems import Problem
from mitoshi.interfaces.api.service import Service
from mitoshi.interfaces.api.settings import Limits
from mitoshi.interfaces.api.stac_queries import interval

AREA = {"type": "Polygon", "coordinates": [[[139, 31], [141, 31], [141, 32], [139, 32], [139, 31]]]}


def here(href):
    """Return path and query of an address of the service."""
    parts = urlsplit(href)
    assert (parts.scheme, parts.netloc) == ("http", "testserver"), href
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def link(document, rel):
    return next((each for each in document["links"] if each["rel"] == rel), None)


def stac_api(settings):
    """Return a client of the STAC API alone."""
    app = FastAPI()
    problems.install(app)
    stac_module.attach(app, Service(settings))
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture(scope="session")
def stac(settings):
    """Return a client of the STAC API on the small store."""
    return stac_api(settings)


@pytest.fixture(scope="session")
def everything(stac):
    """Return every item as the API gives it."""
    page = stac.get("/stac/search", params={"limit": 1000}).json()
    assert page["numberMatched"] == page["numberReturned"] == len(page["features"])
    return page["features"]


def test_the_landing_page_leads_to_everything(stac):
    for address in ("/stac", "/stac/"):
        landing = stac.get(address).json()
        assert landing["type"] == "Catalog"
        for each in landing["links"]:
            answer = stac.request(each.get("method", "GET"), here(each["href"]), json={} if "method" in each else None)
            assert answer.status_code == 200, each
            assert answer.headers["content-type"] == each["type"], each
        assert landing["conformsTo"] == stac.get("/stac/conformance").json()["conformsTo"]
        assert not any("transaction" in uri for uri in landing["conformsTo"])


def test_catalogue_collections_and_items_meet_the_schemas_of_stac(stac, everything):
    check = JsonSchemaSTACValidator()
    documents = [stac.get("/stac").json(), *stac.get("/stac/collections").json()["collections"], *everything]
    for document in documents:
        check.validate_core(document, document["type"], document["stac_version"])
    assert len(documents) > 20


def test_a_collection_covers_its_items(stac, everything):
    listed = stac.get("/stac/collections").json()["collections"]
    assert {c["id"] for c in listed} == {i["collection"] for i in everything}
    for collection in listed:
        assert stac.get(here(link(collection, "self")["href"])).json() == collection
        items = [i for i in everything if i["collection"] == collection["id"]]
        assert collection["mitoshi:count"] == len(items)
        west, south, east, north = collection["extent"]["spatial"]["bbox"][0]
        assert all(i["bbox"][0] >= west and i["bbox"][1] >= south for i in items)
        assert all(i["bbox"][2] <= east and i["bbox"][3] <= north for i in items)
        start, end = collection["extent"]["temporal"]["interval"][0]
        times = sorted(t[:19] for i in items if (t := i["properties"]["datetime"]))
        assert [start and start[:19], end and end[:19]] == ([times[0], times[-1]] if times else [None, None])
        held = {q for i in items for q in i["properties"].get("mitoshi:quantities", [])}
        assert set(collection["summaries"].get("mitoshi:quantities", [])) == held


def test_titles_come_in_the_language_of_the_reader(stac):
    for accepted, words in (("ja", "浸水域"), ("en-GB,ja;q=0.5", "flood extent"), ("", "flood extent")):
        answer = stac.get("/stac/collections/disaster.flood-extent", headers={"Accept-Language": accepted})
        assert words in answer.json()["title"].lower()
        assert answer.headers["content-language"] == ("ja" if accepted == "ja" else "en")
        assert "accept-language" in answer.headers["vary"].lower()


def test_a_product_leads_to_its_evidence(everything):
    products = [i for i in everything if i["collection"] == "disaster.flood-extent"]
    assert products
    for product in products:
        bundle = product["properties"]["mitoshi:bundle"]
        assert product["id"].startswith(bundle[:12])
        assert link(product, "via")["href"] == f"http://testserver/bundles/{bundle}"


def test_no_path_of_the_machine_leaves_it(stac, everything, small_store):
    catalogue = Catalogue(small_store)
    assert any(str(small_store.parent) in json.dumps(i.to_dict()) for i in catalogue.search())
    told = [json.dumps(everything), stac.get("/stac/collections").text]
    told += [stac.get(here(link(i, "self")["href"])).text for i in everything]
    for text in told:
        assert str(small_store.parent) not in text
        assert "mitoshi:source" not in text
        assert "file:/" not in text


def test_every_file_can_be_fetched_and_is_the_one_that_was_hashed(stac, everything):
    from hashlib import sha256

    count = 0
    for item in everything:
        assert "mitoshi:withheld" not in item["properties"]
        for asset in item["assets"].values():
            answer = stac.get(here(asset["href"]))
            assert answer.status_code == 200
            assert f"1220{sha256(answer.content).hexdigest()}" == asset["file:checksum"]
            count += 1
    assert count > 30


def test_rasters_say_what_their_files_hold(stac, everything, small_store):
    import rasterio

    paths = {(i.collection_id, i.id): i for i in Catalogue(small_store).search()}
    seen = 0
    for item in everything:
        for key, asset in item["assets"].items():
            if not asset["type"].startswith("image/tiff"):
                continue
            with rasterio.open(paths[item["collection"], item["id"]].assets[key].href) as dataset:
                assert asset["data_type"] == dataset.dtypes[0]
                assert asset["proj:shape"] == [dataset.height, dataset.width]
                assert asset["proj:transform"] == list(dataset.transform)[:6]
                assert asset["proj:code"] == f"EPSG:{dataset.crs.to_epsg()}"
                bands = [band["name"] for band in asset.get("bands", [{"name": None}])]
                assert len(bands) == dataset.count
                assert dataset.count == 1 or bands == list(dataset.descriptions)
            seen += 1
    assert seen > 10


@pytest.mark.parametrize("limit", [1, 4, 1000])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_lead_on_and_back(stac, everything, method, limit):
    request = {"bbox": [139, 31, 141, 32], "limit": limit}
    params = {**request, "bbox": "139,31,141,32"}
    answer = stac.get("/stac/search", params=params) if method == "GET" else stac.post("/stac/search", json=request)
    pages = [answer.json()]
    while (onward := link(pages[-1], "next")) is not None:
        assert onward["method"] == method
        pages.append(stac.request(method, here(onward["href"]), json=onward.get("body")).json())
    assert link(pages[0], "prev") is None
    assert [i["id"] for p in pages for i in p["features"]] == [i["id"] for i in everything]
    for earlier, later in pairwise(pages):
        back = link(later, "prev")
        again = stac.request(method, here(back["href"]), json=back.get("body")).json()
        assert again["features"] == earlier["features"]


def test_the_items_of_a_collection_come_in_pages_too(stac, everything):
    address, ids = "/stac/collections/raster/items?limit=3", []
    while address:
        page = stac.get(address).json()
        assert here(link(page, "self")["href"]) == address
        ids += [i["id"] for i in page["features"]]
        onward = link(page, "next")
        address = here(onward["href"]) if onward else None
    assert ids == [i["id"] for i in everything if i["collection"] == "raster"]


def test_the_items_of_a_collection_may_be_narrowed_further(stac):
    address = "/stac/collections/raster/items"
    first = stac.get(f"{address}?limit=1").json()["features"][0]["id"]
    assert [i["id"] for i in stac.get(f"{address}?collections=raster&ids={first},none").json()["features"]] == [first]
    assert stac.get(f"{address}?collections=features").json()["features"] == []


@pytest.mark.parametrize(
    "conditions",
    [
        {"collections": ["raster", "features"]},
        {"datetime": "2026-09-01T00:00:00Z/2026-10-12T20:00:00Z"},
        {"datetime": "2026-10-12T20:00:00Z"},
        {"bbox": [139.99, 31.5, 0, 140.1, 31.62, 50]},
        {"bbox": [170, -10, -170, 10]},
        {"intersects": {"type": "Point", "coordinates": [140.0, 31.62]}},
        {"intersects": AREA, "datetime": "../2026-10-01T00:00:00Z", "collections": ["sentinel-2-l2a"]},
    ],
)
def test_both_ways_of_asking_find_what_the_catalogue_finds(stac, small_store, conditions):
    asked = {"limit": 1000, **conditions}
    text = {
        key: ",".join(map(str, value))
        if isinstance(value, list)
        else json.dumps(value)
        if isinstance(value, dict)
        else value
        for key, value in asked.items()
    }
    box = conditions.get("bbox")
    wanted = Catalogue(small_store).search(
        bbox=[*box[:2], *box[3:5]] if box and len(box) == 6 else box,
        time=conditions.get("datetime"),
        collections=conditions.get("collections"),
        intersects=conditions.get("intersects"),
    )
    for answer in (stac.post("/stac/search", json=asked), stac.get("/stac/search", params=text)):
        assert [(i["collection"], i["id"]) for i in answer.json()["features"]] == [
            (i.collection_id, i.id) for i in wanted
        ]


def test_a_limit_beyond_the_services_is_lowered(settings):
    few = stac_api(replace(settings, limits=Limits(items=2)))
    assert few.get("/stac/search", params={"limit": 10**9}).json()["numberReturned"] == 2
    assert few.post("/stac/search", json={"limit": 10**9}).json()["numberReturned"] == 2


@pytest.mark.parametrize(
    "query",
    [
        "bbox=1,2,3", "bbox=a,b,c,d", "bbox=nan,0,1,1", "bbox=0,0,inf,1", "bbox=[0,0,1,1]", "bbox=0,2,1,1", "bbox=0,0,9,1,1,1",
        "bbox=0,0,361,1", "bbox=0,0,1,1e400", "bbox=", "limit=0", "limit=-1", "limit=x", "token=x", "token=W10", "token=W1td",
        "token=%C3%A9", "datetime=2020-01-01", "datetime=", "intersects=x", "intersects=[]", "intersects={}",
        "intersects={\"type\":\"Point\",\"coordinates\":[1e400,0]}", "intersects={\"type\":\"Point\",\"coordinates\":[900,0]}",
        "intersects={\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,1],[1,0],[0,1],[0,0]]]}", "sortby=id", "q=flood",
        "bbox=0,0,1,1&intersects={\"type\":\"Point\",\"coordinates\":[0,0]}",
    ],
)  # fmt: skip
def test_a_malformed_question_is_answered_with_a_problem(stac, query):
    answer = stac.get(f"/stac/search?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b'"x"', b"1", b"null", b"{", b"", b'{"limit": 0}', b'{"limit": true}', b'{"bbox": "0,0,1,1"}', b'{"bbox": [0, 0, 1]}',
        b'{"bbox": [0, 0, 1, 1e999]}', b'{"bbox": [0, 0, 1, NaN]}', b'{"ids": "a"}', b'{"filter": {}}', b'{"intersects": 1}',
        b'{"intersects": {"type": "GeometryCollection", "geometries": [1]}}', b'{"datetime": "2020-02-30T00:00:00Z"}',
        b'{"intersects": {"type": "Point", "coordinates": [1' + b"0" * 400 + b", 0]}}", b'{"collections": [1]}',
        b'{"bbox": [0,0,1,1], "intersects": {"type": "Point", "coordinates": [0, 0]}}', b'{"a":' * 5000 + b"1" + b"}" * 5000,
    ],
)  # fmt: skip
def test_a_malformed_body_is_answered_with_a_problem(stac, body):
    answer = stac.post("/stac/search", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("1985-04-12t23:20:50.000z", "1985-04-12T23:20:50+00:00"),
        ("1937-01-01T12:00:27.8710+01:00", "1937-01-01T11:00:27.871000+00:00"),
        ("2020-07-23T00:00:00.012345678Z", "2020-07-23T00:00:00.012345+00:00"),
        ("1990-12-31T23:59:60Z", "1990-12-31T23:59:59.999999+00:00"),
        ("/1985-04-12T23:20:50.52Z", "../1985-04-12T23:20:50.520000+00:00"),
        ("1985-04-12T23:20:50Z/..", "1985-04-12T23:20:50+00:00/.."),
        ("0001-01-01T00:00:00+23:59/..", "0001-01-01T00:00:00+00:00/.."),
    ],
)
def test_times_of_rfc_3339_are_read(given, meant):
    assert interval(given) == meant


@pytest.mark.parametrize(
    "given",
    [
        "/", "../..", "/..", "", "a/b/c", "1985-04-12", "1937-01-01T12:00:27.87+0100", "37-01-01T12:00:27.87Z", "1985-12-12T23:20:50.52",
        "1985-13-12T23:20:50Z", "1985-12-32T23:20:50Z", "1985-12-01T25:20:50Z", "1985-12-01T00:60:50Z", "1985-12-01T00:06:61Z",
        "1985-04-12T23:20:50.Z", "1985-04-12T23:20:50,52Z", "1986-04-12T23:20:50Z/1985-04-12T23:20:50Z", "1985-04-12T23:20:50+99:00",
        "１９８５-04-12T23:20:50Z",
    ],
)  # fmt: skip
def test_other_times_are_refused(given):
    with pytest.raises(Problem) as refused:
        interval(given)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "address",
    [
        "/stac/collections/none", "/stac/collections/none/items", "/stac/collections/raster/items/none",
        "/stac/collections/none/items/none", "/stac/collections/raster/items/none/assets/data", "/stac/nothing",
        "/stac/collections/..%2F..%2Fetc/items/passwd", "/stac/collections/raster/items/%2e%2e/assets/..%2f..%2fmanifest.json",
        "/stac/collections/%00/items/x", "/stac/collections/raster/items/x/assets/",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(stac, address):
    answer = stac.get(address)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_nothing_is_written_by_default(stac, everything):
    address = here(link(everything[0], "self")["href"])
    assert stac.post(address.rpartition("/")[0], json=everything[0]).status_code == 405
    assert stac.put(address, json=everything[0]).status_code == 405
    assert stac.delete(address).status_code == 405


def test_no_page_of_another_origin_is_invited(stac):
    answer = stac.get("/stac", headers={"Origin": "http://elsewhere.example"})
    assert not any(name.startswith("access-control-") for name in answer.headers)


def test_forwarded_names_are_not_believed(stac):
    lies = {
        "X-Forwarded-Host": "elsewhere.example",
        "X-Forwarded-Proto": "https",
        "Forwarded": "host=elsewhere.example",
    }
    assert "elsewhere" not in stac.get("/stac", headers=lies).text
