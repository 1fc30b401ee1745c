"""Attacks with bodies on a running service: what a foreign page can send, and JSON that somebody checks in n² steps."""

from __future__ import annotations

import json
import threading
from itertools import product
from pathlib import Path

import pytest
from attacked_service import EXECUTION, PATIENCE_S, refused, statuses, watched

pytestmark = pytest.mark.slow

POSTS = ("/stac/search", "/values/area", "/values/area/series", EXECUTION, "/mcp", "/nowhere", "/layers")
QUADRATIC = Path(__file__).resolve().parents[3] / "shared" / "data" / "cases" / "hostile" / "json_quadratic_depth.json"


@pytest.mark.parametrize("body", [b'["' + rb"\"" * 60_000, b'["' + rb"\"" * 500_000, b'{"a' + rb"\"\\" * 200_000,
                                  b'{"collections": ["' + rb"\"x" * 300_000 + b"\\", b"[" + b"1" * 1_000_000 + b"]",
                                  json.dumps({f"k{n}": 0 for n in range(80_000)}).encode(),
                                  b"{" + b'"a":0,' * 150_000 + b'"a":0}', b"[" + b"[]," * 340_000 + b"[]]"])  # fmt: skip
def test_no_body_is_checked_in_more_than_linear_time(attacked, body):
    def act():
        for path in ("/stac/search", "/values/area", EXECUTION, "/mcp"):
            (status, _, answer), seconds = attacked.timed("POST", path, body, {"content-type": "application/json"})
            assert 400 <= status < 500, (path, answer[:200])
            assert seconds < 3, (path, seconds)

    others = watched(attacked, act)
    assert others.answers > 0
    assert others.slowest < PATIENCE_S


@pytest.mark.real
def test_the_body_that_stopped_the_service_is_refused_at_once(attacked):
    if not QUADRATIC.exists():
        pytest.skip("../shared/data/cases/hostile is not here")
    body = QUADRATIC.read_bytes()
    assert len(body) > 100_000

    def act():
        for kind, status in (("application/json", 400), ("text/plain", 415), (None, 415)):
            headers = {} if kind is None else {"content-type": kind}
            answer, seconds = attacked.timed("POST", "/stac/search", body, headers, key=False)
            refused(answer, status)
            assert seconds < 2

    others = watched(attacked, act)
    assert others.slowest < PATIENCE_S


@pytest.mark.parametrize("path", POSTS)
def test_a_body_that_does_not_say_that_it_is_json_is_not_read(attacked, path):
    for kind in (None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json", "application/jsonp",
                 "text/plain; application/json", "application/json/x", "*/*", "application/octet-stream"):  # fmt: skip
        headers = [f"Content-Type: {kind}"] if kind is not None else []
        raw, seconds = attacked.raw(
            attacked.head(f"POST {path} HTTP/1.1", "Content-Length: 2", "Connection: close", *headers) + b"{}"
        )
        assert statuses(raw) == [415], (kind, raw[:300])
        assert seconds < 3
    twice = ("Content-Type: application/json", "Content-Type: text/plain")
    raw, _ = attacked.raw(attacked.head(f"POST {path} HTTP/1.1", "Content-Length: 2", *twice) + b"{}")
    assert statuses(raw) == [415]


def _heads(attacked):
    own = f"http://127.0.0.1:{attacked.port}"
    return (
        (("Content-Type: text/plain", "Content-Length: 2", f"Origin: {own}"), 415),
        (("Content-Length: 2",), 415),
        (("Transfer-Encoding: chunked",), 415),
        (("Content-Type: application/json", "Content-Encoding: gzip", "Content-Length: 2"), 415),
        (("Content-Type: application/json", "Content-Length: 2", "Origin: http://evil.example"), 403),
        (("Content-Type: application/json", "Transfer-Encoding: chunked", "Origin: null"), 403),
        (("Content-Type: application/json", "Content-Length: 2", "Sec-Fetch-Site: cross-site"), 403),
    )


def test_type_and_origin_are_looked_at_on_every_route(attacked):
    for path, method in product(POSTS, ("POST", "PUT", "DELETE")):
        for headers, status in _heads(attacked):
            body = b"2\r\n{}\r\n0\r\n\r\n" if "Transfer-Encoding: chunked" in headers else b"{}"
            raw, _ = attacked.raw(attacked.head(f"{method} {path} HTTP/1.1", *headers) + body, timeout=10)
            assert statuses(raw) == [status], (method, path, headers, raw[:300])


def test_type_size_and_origin_are_looked_at_before_a_body_comes(attacked):
    long = (("Content-Type: application/json", "Content-Length: 99999999"), 413)
    for headers, status in (*_heads(attacked)[3:5], long):
        raw, seconds = attacked.raw(attacked.head("POST /stac/search HTTP/1.1", *headers), timeout=10)
        assert statuses(raw) == [status], (headers, raw[:300])
        assert seconds < 5, headers


def test_a_foreign_page_can_cause_no_search_and_no_stream_of_the_tools(attacked):
    for origin in (
        "http://evil.example",
        "null",
        f"http://127.0.0.1:{attacked.port}.evil.example",
        "https://localhost",
    ):
        for path in ("/stac/search", "/values/area", "/values/area/series", "/mcp"):
            refused(attacked.ask("POST", path, {}, {"origin": origin}, key=False), 403)
        refused(attacked.ask("GET", "/mcp", headers={"origin": origin, "accept": "text/event-stream"}), 403)
    own = {"origin": f"http://127.0.0.1:{attacked.port}"}
    assert attacked.ask("POST", "/stac/search", {"limit": 1}, own)[0] == 200
    assert attacked.ask("POST", "/stac/search", {"limit": 1})[0] == 200
    assert (
        attacked.ask("POST", "/stac/search", {"limit": 1}, {"content-type": "application/geo+json; charset=utf-8"})[0]
        == 200
    )


def _star(corners, lon=139.0, lat=36.0):
    import math

    turns = [2 * math.pi * k * (corners // 2) / corners for k in range(corners)]
    ring = [[round(lon + 0.1 * math.cos(t), 6), round(lat + 0.1 * math.sin(t), 6)] for t in turns]
    return [[*ring, ring[0]]]


def _comb(teeth, lon=139.0, lat=36.0):
    ring = [[round(lon + k * 1e-6 + 0.05 * up, 7), round(lat + 0.05 * up, 7)] for k in range(teeth) for up in (0, 1)]
    ring += [[lon + 0.1, lat - 0.01], [lon - 0.1, lat - 0.01]]
    return [[*ring, ring[0]]]


def _areas():
    return {
        "a star of 8000 corners": {"type": "Polygon", "coordinates": _star(8001)},
        "a star of 700 corners": {"type": "Polygon", "coordinates": _star(701)},
        "a comb of 4900 teeth": {"type": "Polygon", "coordinates": _comb(4900)},
        "2500 triangles on one another": {
            "type": "MultiPolygon", "coordinates": [[[[139, 36], [139.1, 36], [139, 36.1 + k * 1e-6], [139, 36]]] for k in range(2500)],
        },
        "2500 holes in one place": {
            "type": "Polygon", "coordinates": [[[138, 35], [140, 35], [140, 37], [138, 37], [138, 35]]]
            + [[[139, 36], [139.1, 36], [139, 36.1], [139, 36]]] * 2400,
        },
        "two combs across one another": {
            "type": "MultiPolygon", "coordinates": [_comb(2400), [[[lat + 103, lon - 103] for lon, lat in _comb(2400)[0]]]],
        },
    }  # fmt: skip


def _layer(attacked):
    layers = json.loads(attacked.ask("GET", "/layers")[2])["layers"]
    return next(
        one["id"]
        for one in layers
        if attacked.ask("POST", "/values/area", {"layer": one["id"], "geometry": TINY})[0] == 200
    )


TINY = {"type": "Polygon", "coordinates": [[[139, 36], [139.001, 36], [139.001, 36.001], [139, 36]]]}


@pytest.mark.parametrize("name", list(_areas()))
def test_no_area_takes_long_or_holds_up_others(attacked, name):
    geometry, layer = _areas()[name], _layer(attacked)

    def act():
        for path, body in (("/values/area", {"layer": layer, "geometry": geometry}), ("/values/area/series", {"layer": layer, "geometry": geometry}),
                           ("/stac/search", {"intersects": geometry})):  # fmt: skip
            (status, _, answer), seconds = attacked.timed("POST", path, body, timeout=60)
            assert status in (200, 400, 503), (path, answer[:300])
            assert seconds < 10, path

    others = watched(attacked, act)
    assert others.slowest < PATIENCE_S, others.slowest


def test_44_crossing_polygons_at_once_do_not_stop_the_service(attacked):
    import psutil

    body = json.dumps({"layer": _layer(attacked), "geometry": {"type": "Polygon", "coordinates": _star(701)}})
    comb = json.dumps({"intersects": {"type": "Polygon", "coordinates": _comb(2000)}})

    def act():
        answers = []

        def ask(path, text):
            answers.append(attacked.ask("POST", path, text, {"content-type": "application/json"}, timeout=60)[0])

        asking = [
            threading.Thread(target=ask, args=pair)
            for _ in range(22)
            for pair in (("/values/area", body), ("/stac/search", comb))
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(60)
        assert len(answers) == 44
        assert set(answers) <= {200, 400, 503}

    others = watched(attacked, act, "/layers")
    assert others.slowest < PATIENCE_S
    assert psutil.Process().memory_info().rss < 2 * 2**30
