"""The same search on a STAC API: a small server on loopback, and the guard of its addresses."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import shapely

from mitoshi.catalog import RemoteCatalogue, anywhere, public_web
from mitoshi.core.errors import InputError, RefusedError, RunError
from mitoshi.core.public_address import is_public

CONFORMS = [
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/collections",
]
PAGE = 3


def instant(text):
    return (
        datetime.fromisoformat(text).replace(tzinfo=UTC)
        if "+" not in text and "Z" not in text
        else datetime.fromisoformat(text)
    )


class Api(BaseHTTPRequestHandler):
    """/, /collections and /search of a STAC API; refuses a bbox across the antimeridian, as some servers do."""

    def log_message(self, *_):
        return

    def answer(self, document, status=200, **headers):
        body = json.dumps(document).encode() if not isinstance(document, bytes) else document
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @property
    def root(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def do_GET(self):
        self.server.seen.append(self.path)
        path = urlsplit(self.path).path
        if path == "/":
            self.answer(
                {
                    "type": "Catalog",
                    "id": "test",
                    "stac_version": "1.0.0",
                    "description": "test",
                    "conformsTo": CONFORMS,
                    "links": [
                        {"rel": "root", "href": self.root + "/"},
                        {"rel": "self", "href": self.root + "/"},
                        {"rel": "data", "href": self.root + "/collections"},
                        {
                            "rel": "search",
                            "href": self.server.search or self.root + "/search",
                            "method": "POST",
                            "type": "application/geo+json",
                        },
                    ],
                }
            )
        elif path == "/collections":
            names = sorted({str(i.get("collection")) for i in self.server.items})
            self.answer({"collections": [self.collection(n) for n in names], "links": []})
        else:
            self.answer({}, 404)

    def collection(self, name):
        extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}}
        return {
            "type": "Collection",
            "id": name,
            "stac_version": "1.0.0",
            "description": name,
            "license": "other",
            "extent": extent,
            "links": [],
        }

    def do_POST(self):
        self.server.seen.append(self.path)
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.redirect:
            self.answer({}, 307, Location=self.server.redirect)
            return
        if self.server.raw is not None:
            self.answer(self.server.raw)
            return
        found = [i for i in self.server.items if self.matches(i, asked)]
        first = asked.get("token", 0)
        links = []
        if first + PAGE < len(found):
            following = self.server.next or self.root + "/search"
            links = [{"rel": "next", "href": following, "method": "POST", "body": {**asked, "token": first + PAGE}}]
        self.answer({"type": "FeatureCollection", "features": found[first : first + PAGE], "links": links})

    def matches(self, item, asked):
        if asked.get("collections") and item.get("collection") not in asked["collections"]:
            return False
        shape = shapely.geometry.shape(item["geometry"])
        if asked.get("bbox"):
            assert asked["bbox"][0] <= asked["bbox"][2], "this server knows no antimeridian"
            if not shape.intersects(shapely.box(*asked["bbox"])):
                return False
        if asked.get("intersects") and not shape.intersects(shapely.geometry.shape(asked["intersects"])):
            return False
        if asked.get("datetime"):
            start, _, end = asked["datetime"].partition("/")
            moment = instant(item["properties"]["datetime"])
            if (start != ".." and moment < instant(start)) or (end != ".." and moment > instant(end)):
                return False
        return True


@contextmanager
def serving(items, *, redirect=None, raw=None, search=None, following=None):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.items, server.redirect, server.raw, server.search, server.next = items, redirect, raw, search, following
    server.seen = []
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def real_items(shared_data):
    items = []
    for name in ("landsat-c2-l2", "sentinel-2-l2a", "cop-dem-glo-30"):
        document = json.loads(shared_data(f"platform/stac/planetary-computer_{name}-pc.json").read_bytes())
        items += document if isinstance(document, list) else document["features"]
    return items


@pytest.mark.real
def test_the_remote_and_the_embedded_catalogue_answer_alike(tmp_path, real_items):
    from mitoshi.catalog import Catalogue

    local = Catalogue(tmp_path / "c")
    assert local.add(real_items).refused == ()
    days = sorted(i["properties"]["datetime"] for i in real_items)
    middle = days[len(days) // 2]
    box = local.search(collections=["landsat-c2-l2"])[0].bbox
    queries = [
        {},
        {"collections": ["landsat-c2-l2"]},
        {"bbox": tuple(box)},
        {"time": f"{middle}/.."},
        {"time": f"../{middle}"},
        {"quantity": "elevation"},
        {"quantity": "surface_reflectance", "limit": 5},
        {"bbox": (170.0, -90.0, -170.0, 90.0)},
        {"intersects": {"type": "Point", "coordinates": [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]}},
    ]
    with serving(real_items) as (url, server):
        remote = RemoteCatalogue(url, admit=anywhere)
        for query in queries:
            ours = [i.to_dict(transform_hrefs=False) for i in local.search(**query)]
            theirs = [i.to_dict(transform_hrefs=False) for i in remote.search(**query)]
            assert ours == theirs, query
        assert len(remote.search()) == len(real_items) > PAGE  # several pages
        assert len(remote.search(bbox=(170.0, -90.0, -170.0, 90.0))) > 0
        server.seen.clear()
        remote.search(quantity="elevation")
        assert "/collections" in server.seen


def test_private_addresses_are_refused_before_anything_is_sent(item):
    with serving([item("a")]) as (url, server):
        for address in (url, url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "[::ffff:127.0.0.1]")):
            with pytest.raises(RefusedError, match="not on the public web"):
                RemoteCatalogue(address)
        assert server.seen == []
    for address in ("file:///etc/passwd", "ftp://example.org/", "//example.org", "https://user:pw@example.org/"):
        with pytest.raises(RefusedError):
            RemoteCatalogue(address)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:192.168.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("2606:4700:4700::1111", True),
    ],
)
def test_public_addresses(address, public):
    assert is_public(address) is public


def guarded(allowed):
    """Return a guard that admits one server, as `public_web` would admit a public one."""

    def admit(url):
        if not url.startswith(allowed):
            public_web(url)

    return admit


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (kind, target)
        for kind in ("redirect", "next", "search")
        for target in ("http://127.0.0.1:9/x", "file:///etc/passwd", "/etc/passwd")
        if (kind, target) != ("search", "/etc/passwd")  # that is a path of the server itself
    ],
)
def test_a_server_cannot_send_us_to_a_private_address(item, kind, target):
    items = [item(f"i{n}") for n in range(10)]
    options = (
        {"redirect": target} if kind == "redirect" else {"following": target} if kind == "next" else {"search": target}
    )
    with serving(items, **options) as (url, server):
        with pytest.raises((RefusedError, RunError)) as caught:
            RemoteCatalogue(url, admit=guarded(url)).search()
        assert "\n" not in str(caught.value)
        assert "root:" not in str(caught.value)
        assert len(server.seen) <= 8  # five redirects to itself at most


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b"{}", b'{"features": 5}', b'{"features": [5]}', b"[" * 100_000])
def test_a_server_that_is_no_stac_api_is_one_line(item, raw):
    with serving([item("a")], raw=raw) as (url, _):
        if raw in (b"{}", b'{"features": [5]}'):  # a page without good items is an empty answer
            assert RemoteCatalogue(url, admit=anywhere).search() == []
            return
        with pytest.raises(RunError, match="did not answer as a STAC API"):
            RemoteCatalogue(url, admit=anywhere).search()


def test_a_server_that_is_away_is_one_line():
    with serving([]) as (url, _):
        pass
    with pytest.raises(RunError, match="did not answer as a STAC API"):
        RemoteCatalogue(url, admit=anywhere).search()


def test_malformed_items_of_a_server_are_left_out(item):
    bad = [{**item("bad"), "geometry": {"type": "Point", "coordinates": [999.0, 0.0]}}]
    bad[0]["geometry"] = item("x")["geometry"]
    bad[0]["properties"] = {"datetime": "2019-10-12T20:00:00Z", "x": "y" * 2**21}
    hostile = item("hostile")
    hostile["assets"]["vv"]["href"] = "/etc/passwd"
    with serving([item("good"), *bad, hostile]) as (url, _):
        assert [i.id for i in RemoteCatalogue(url, admit=anywhere).search()] == ["good"]


def test_bbox_and_intersects_together_are_refused(item):
    with serving([item("a")]) as (url, _), pytest.raises(InputError, match="leave one out"):
        RemoteCatalogue(url, admit=anywhere).search(
            bbox=(0, 0, 1, 1), intersects={"type": "Point", "coordinates": [0.5, 0.5]}
        )
