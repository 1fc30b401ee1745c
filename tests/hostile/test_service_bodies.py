"""Attacks with bodies on a running service: what a foreign page can send, and JSON that somebody checks in n² steps."""

from __future__ import annotations

import json
import threading
import time
from itertools import product
from pathlib import Path

import pytest
from attacked_service import EXECUTION, refused, statuses

POSTS = ("/stac/search", "/values/area", "/values/area/series", EXECUTION, "/mcp", "/nowhere", "/layers")
QUADRATIC = Path(__file__).resolve().parents[3] / "shared" / "data" / "cases" / "hostile" / "json_quadratic_depth.json"


class Others:
    """What somebody else experiences while a block lasts: the slowest answer to a small request [s]."""

    def __init__(self, attacked, target="/ogc/conformance"):
        self._ask, self.slowest, self.answers, self._done = (
            lambda: attacked.ask("GET", target),
            0.0,
            0,
            threading.Event(),
        )
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self._done.is_set():
            start = time.monotonic()
            assert self._ask()[0] == 200
            self.slowest, self.answers = max(self.slowest, time.monotonic() - start), self.answers + 1
            time.sleep(0.01)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join(30)


@pytest.mark.parametrize("body", [b'["' + rb"\"" * 60_000, b'["' + rb"\"" * 500_000, b'{"a' + rb"\"\\" * 200_000,
                                  b'{"collections": ["' + rb"\"x" * 300_000 + b"\\", b"[" + b"1" * 1_000_000 + b"]",
                                  json.dumps({f"k{n}": 0 for n in range(80_000)}).encode(),
                                  b"{" + b'"a":0,' * 150_000 + b'"a":0}', b"[" + b"[]," * 340_000 + b"[]]"])  # fmt: skip
def test_no_body_is_checked_in_more_than_linear_time(attacked, body):
    with Others(attacked) as others:
        for path in ("/stac/search", "/values/area", EXECUTION, "/mcp"):
            start = time.monotonic()
            status, _, answer = attacked.ask("POST", path, body, {"content-type": "application/json"})
            assert 400 <= status < 500, (path, answer[:200])
            assert time.monotonic() - start < 3
    assert others.answers > 0
    assert others.slowest < 1


@pytest.mark.real
def test_the_body_that_stopped_the_service_is_refused_at_once(attacked):
    if not QUADRATIC.exists():
        pytest.skip("../shared/data/cases/hostile is not here")
    body = QUADRATIC.read_bytes()
    assert len(body) > 100_000
    with Others(attacked) as others:
        for kind, status in (("application/json", 400), ("text/plain", 415), (None, 415)):
            start = time.monotonic()
            headers = {} if kind is None else {"content-type": kind}
            refused(attacked.ask("POST", "/stac/search", body, headers, key=False), status)
            assert time.monotonic() - start < 2
    assert others.slowest < 1


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
