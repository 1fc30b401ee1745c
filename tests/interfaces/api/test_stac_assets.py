"""The files behind items over HTTP, strange names, items from outside, and the transaction extension."""

from __future__ import annotations

import json
import os
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import anyio
import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from mitoshi.catalog import Catalogue
from mitoshi.interfaces.api import problems, stac
from mitoshi.interfaces.api.service import Service
from mitoshi.interfaces.api.settings import Settings

STRANGE_ID = "_a+b=c@d,e~f:g-h.i"
STRANGE_KEYS = (
    "plain",
    "a/b",
    "../../etc/passwd",
    "..",
    ".",
    "a b",
    "50%",
    "q?x=1#y",
    "高さ",
    "%2e%2e%2f",
    "a//b",
    "x\\y",
)
BYTES = bytes(range(256)) * 40


def made(name, collection="things", **assets):
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": name,
        "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]},
        "bbox": [0, 0, 1, 1],
        "properties": {"datetime": "2026-01-01T00:00:00Z"},
        "links": [],
        "assets": {key: {"href": str(href), "roles": ["data"]} for key, href in assets.items()},
    }


@pytest.fixture
def place(tmp_path):
    """Return a folder of files that may be served, beside one of files that may not."""
    for folder in ("open", "closed"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file.bin").write_bytes(BYTES)
    (tmp_path / "open" / "link.bin").symlink_to(tmp_path / "closed" / "file.bin")
    return tmp_path


@pytest.fixture
def api(place):
    """Return a function that makes a client on items with given options."""

    def make(*items, **options):
        settings = Settings(store=place / "catalogue", data=(place / "open",), workers=0, **options)
        settings.store.mkdir(exist_ok=True)
        assert not Catalogue(settings.store).add(items).refused
        app = FastAPI()
        problems.install(app)
        stac.attach(app, Service(settings))
        return TestClient(app, raise_server_exceptions=False)

    return make


def here(href):
    """Return the part of an address after the host, its percent signs as they are."""
    parts = urlsplit(href)
    return href.removeprefix(f"{parts.scheme}://{parts.netloc}")


def fetched(app, address):
    """Return status and content; unlike the test client, this one takes percent signs out once, as servers do."""

    async def get():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
            return await client.get(address)

    answer = anyio.run(get)
    return answer.status_code, answer.content


FILE = "/stac/collections/things/items/one/assets/data"


@pytest.fixture
def one(api, place):
    return api(made("one", data=place / "open" / "file.bin"))


def test_a_file_comes_whole_with_its_length_time_and_tag(one, place):
    for method in ("GET", "HEAD"):
        answer = one.request(method, FILE)
        assert answer.status_code == 200
        assert answer.content == (BYTES if method == "GET" else b"")
        assert answer.headers["content-length"] == str(len(BYTES))
        assert answer.headers["accept-ranges"] == "bytes"
        changed = parsedate_to_datetime(answer.headers["last-modified"]).timestamp()
        assert changed == int(os.stat(place / "open" / "file.bin").st_mtime)


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("0-0", 0, 0),
        ("100-299", 100, 299),
        ("10000-", 10000, 10239),
        ("-40", 10200, 10239),
        ("10000-99999", 10000, 10239),
    ],
)
def test_ranges_are_exact(one, asked, first, last):
    for method in ("GET", "HEAD"):
        answer = one.request(method, FILE, headers={"Range": f"bytes={asked}"})
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(BYTES)}"
        assert answer.headers["content-length"] == str(last - first + 1)
        assert answer.content == (BYTES[first : last + 1] if method == "GET" else b"")


def test_a_range_beyond_the_end_is_none(one):
    assert one.get(FILE, headers={"Range": f"bytes={len(BYTES)}-"}).status_code == 416


def test_a_copy_is_fetched_again_only_after_a_change(one, place):
    tag = one.get(FILE).headers["etag"]
    again = one.get(FILE, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    part = {"Range": "bytes=0-9", "If-Range": tag}
    assert one.get(FILE, headers=part).status_code == 206
    (place / "open" / "file.bin").write_bytes(BYTES[:-1])
    os.utime(place / "open" / "file.bin", (1, 1))
    assert one.get(FILE, headers={"If-None-Match": tag}).status_code == 200
    whole = one.get(FILE, headers=part)
    assert (whole.status_code, whole.content) == (200, BYTES[:-1])


def test_what_a_browser_could_run_is_a_download(api, place):
    for name in ("page.html", "image.svg", "metadata.xml", "script.js", "none"):
        (place / "open" / name).write_text("<script>alert(1)</script>")
    names = ("page.html", "image.svg", "metadata.xml", "script.js", "none")
    item = made("one", **{name: place / "open" / name for name in names})
    for asset in item["assets"].values():
        asset["type"] = "text/html"
    client = api(item)
    for name in names:
        answer = client.get(f"/stac/collections/things/items/one/assets/{name}")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_strange_names_lead_there_and_back(api, place):
    collection = "_x@y:z,1"
    client = api(made(STRANGE_ID, collection, **dict.fromkeys(STRANGE_KEYS, place / "open" / "file.bin")))
    found = client.post("/stac/search", json={"ids": [STRANGE_ID], "collections": [collection]}).json()["features"]
    assert [i["id"] for i in found] == [STRANGE_ID]
    own = next(each["href"] for each in found[0]["links"] if each["rel"] == "self")
    assert client.get(here(own)).json() == found[0]
    listed = client.get("/stac/collections").json()["collections"][0]
    assert client.get(here(next(x["href"] for x in listed["links"] if x["rel"] == "items"))).json()["features"] == found
    assert set(found[0]["assets"]) == set(STRANGE_KEYS)
    for key in STRANGE_KEYS:
        if key in ("..", "."):  # such a step is taken out of an address before it is sent
            continue
        assert fetched(client.app, found[0]["assets"][key]["href"]) == (200, BYTES), key


def test_files_outside_the_folders_are_withheld(api, place):
    own = place / "catalogue" / "service"
    own.mkdir(parents=True)
    (own / "keys.json").write_text("{}")
    outside = {
        "closed": place / "closed" / "file.bin",
        "link": place / "open" / "link.bin",
        "keys": own / "keys.json",
        "gone": place / "open" / "gone.bin",
        "dotted": f"{place}/open/../closed/file.bin",
        "virtual": f"/vsicurl/{place}/open/file.bin",
        "scheme": f"file://{place}/open/file.bin",
        "folder": place / "open",
    }
    item = made("one", data=place / "open" / "file.bin", **outside)
    item["properties"]["mitoshi:source"] = str(place / "closed" / "product")
    item["properties"]["mitoshi:assumptions"] = [f"read beside {place}/closed/file.bin and {place}/open/file.bin"]
    client = api(item)
    told = client.get("/stac/collections/things/items/one").json()
    assert list(told["assets"]) == ["data"]
    assert told["properties"]["mitoshi:withheld"] == sorted(outside)
    assert told["properties"]["mitoshi:assumptions"] == ["read beside file.bin and file.bin"]
    assert str(place) not in json.dumps(told)
    for key in outside:
        answer = client.get(f"/stac/collections/things/items/one/assets/{key}")
        assert answer.status_code == 404, key
        assert str(place) not in answer.text


def test_assets_on_the_web_stay_as_they_are(api):
    item = made("one", data="https://example.org/a%20b.tif?x=1")
    assert api(item).get("/stac/collections/things/items/one").json()["assets"] == item["assets"]


def test_a_damaged_raster_is_still_listed(api, place):
    (place / "open" / "bad.tif").write_bytes(b"II*\0" + b"\xff" * 100)
    item = made("one", data=place / "open" / "bad.tif")
    item["assets"]["data"]["type"] = "image/tiff; application=geotiff"
    told = api(item).get("/stac/collections/things/items/one").json()
    assert set(told["assets"]["data"]) == {"href", "roles", "type"}


ITEMS = "/stac/collections/things/items"
WEB = "https://192.0.2.1/scene.tif"  # of the range for documentation; replaced where the address is to be accepted


@pytest.fixture
def public(monkeypatch):
    """Let one host name be public, without a name server."""
    from mitoshi.interfaces.api import stac_writing
    from mitoshi.sensors import fetch

    def checked(url):
        return fetch.checked_address(
            url, resolve=lambda host, _: ["8.8.8.8"] if host == "data.example" else ["10.0.0.1"]
        )

    monkeypatch.setattr(stac_writing, "checked_address", checked)


def test_items_are_added_replaced_and_taken_out(api, public):
    client = api(transactions=True)
    item = made("new", data="https://data.example/scene.tif")
    item["properties"] |= {
        "mitoshi:source": "/etc/passwd",
        "mitoshi:reader": "raster",
        "mitoshi:bundle": "0" * 64,
        "gsd": 10.0,
    }
    added = client.post(ITEMS, json=item)
    assert added.status_code == 201
    address = here(added.headers["location"])
    told = client.get(address).json()
    assert told == added.json()
    assert set(told["properties"]) == {"datetime", "gsd"}
    assert told["assets"] == item["assets"]
    assert client.post(ITEMS, json=item).status_code == 409
    item["properties"]["gsd"] = 20.0
    assert client.put(address, json=item).json()["properties"]["gsd"] == 20.0
    assert client.get(address).json()["properties"]["gsd"] == 20.0
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
    assert client.delete(address).status_code == 404
    assert client.put(address, json=item).status_code == 404
    assert any("transaction" in uri for uri in client.get("/stac/conformance").json()["conformsTo"])


@pytest.mark.parametrize(
    "href",
    [
        "/etc/passwd", "file:///etc/passwd", "etc/passwd", "/vsicurl/http://data.example/x", "http://127.0.0.1/x", "http://[::1]/x",
        "http://169.254.169.254/latest/meta-data", "https://inside.example/x", "https://u:p@data.example/x", "ftp://data.example/x",
        "s3://bucket/x", "http://0x7f000001/x", "", "https://",
    ],
)  # fmt: skip
def test_an_item_may_point_to_the_public_web_alone(api, public, href):
    client = api(transactions=True)
    answer = client.post(ITEMS, json=made("new", data=href))
    assert answer.status_code in (400, 403)
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.get(f"{ITEMS}/new").status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"id": "../x"}, {"id": 5}, {"id": ""}, {"geometry": None}, {"geometry": {"type": "Point"}}, {"properties": {}}, {"properties": []},
        {"collection": "other"}, {"collection": 5}, {"assets": []}, {"assets": {"a": 1}}, {"links": 5}, {"type": "FeatureCollection"},
        {"properties": {"datetime": "never"}}, {"stac_extensions": 5}, {"links": [1]}, {"bbox": [1]},
    ],
)  # fmt: skip
def test_what_is_no_item_is_not_added(api, public, change):
    client = api(transactions=True)
    answer = client.post(ITEMS, json=made("new") | change)
    accepted = {"links": [1]}  # links that are none are left out, as they are of a file
    assert answer.status_code == (201 if change == accepted else 400), answer.text
    assert client.post(ITEMS, json=[]).status_code == 400


def test_a_document_of_another_item_replaces_none(api, public):
    client = api(made("one"), made("two"), transactions=True)
    assert client.put(f"{ITEMS}/one", json=made("two")).status_code == 400
