"""Attacks on a running service over raw sockets: slow, long, deep, many, and no HTTP at all."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time

import pytest
from attacked_service import (
    EXECUTION,
    attacked_service,
    refused,
    statuses,
)

pytestmark = pytest.mark.slow


def test_a_body_that_says_it_is_long_is_refused_before_it_comes(attacked):
    raw, seconds = attacked.raw(
        attacked.head(f"POST {EXECUTION} HTTP/1.1", "Content-Length: 99999999999", "Content-Type: application/json")
    )
    assert statuses(raw) == [413]
    assert seconds < 10


def test_a_long_body_without_a_length_is_cut_off(attacked):
    head = attacked.head(f"POST {EXECUTION} HTTP/1.1", "Transfer-Encoding: chunked", "Content-Type: application/json")
    chunk = b"10000\r\n" + b"[" * 65536 + b"\r\n"
    raw, seconds = attacked.raw(head, *([chunk] * 400))
    assert statuses(raw) == [413]
    assert seconds < 10


def test_a_compressed_body_is_not_blown_up(attacked):
    bomb = gzip.compress(b" " * 100_000_000, 9)
    assert len(bomb) < 2**20
    refused(
        attacked.ask("POST", EXECUTION, bomb, {"content-encoding": "gzip", "content-type": "application/json"}), 415
    )


def test_a_head_that_trickles_in_is_not_waited_for(attacked):
    for start in (b"", b"GET /layers HTTP/1.1\r\n"):
        raw, seconds = attacked.raw(start, *([b"X-A: b\r\n"] * 60), pause=0.25)
        assert statuses(raw) == []
        assert seconds < 10
    assert attacked.ask("GET", "/layers")[0] == 200


def test_a_second_head_that_trickles_in_is_not_waited_for_either(attacked):
    raw, seconds = attacked.raw(
        attacked.head("GET /ogc/conformance HTTP/1.1"), b"GET /layers HT", *([b"T"] * 60), pause=0.25
    )
    assert statuses(raw) == [200]
    assert seconds < 10


def test_a_body_that_trickles_in_is_not_waited_for(attacked):
    head = attacked.head(f"POST {EXECUTION} HTTP/1.1", "Content-Length: 1000", "Content-Type: application/json")
    raw, seconds = attacked.raw(head, *([b"{"] * 60), pause=0.25)
    assert statuses(raw) == [408]
    assert seconds < 10


def test_a_body_that_nobody_wants_is_not_waited_for(attacked):
    for line in ("GET /layers HTTP/1.1", "POST /nowhere HTTP/1.1"):
        for more, status in ((["Content-Type: application/json"], 408), ([], 415)):
            head = attacked.head(line, "Content-Length: 1000", *more)
            raw, seconds = attacked.raw(head, *([b"{"] * 60), pause=0.25)
            assert statuses(raw) == [status]
            assert seconds < 10


def test_a_client_that_does_not_read_is_left(tmp_path, monkeypatch):
    from mitoshi.interfaces.api.security import heads

    monkeypatch.setattr(heads, "UNREAD_SECONDS", 1.0)
    with attacked_service(None, tmp_path / "service") as service:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", service.port))
        connection.settimeout(10)
        connection.sendall(service.head("GET /openapi.json HTTP/1.1") * 400)
        time.sleep(2)
        got = 0
        with pytest.raises((ConnectionError, StopIteration)):  # noqa: PT012
            while True:
                piece = connection.recv(65536)
                got += len(piece)
                if not piece:
                    raise StopIteration
        connection.close()
        assert service.ask("GET", "/layers")[0] == 200


def test_more_connections_than_may_be_are_closed_and_the_service_lives(tmp_path):
    with attacked_service(None, tmp_path / "service", connections=40) as service:
        idle = [socket.create_connection(("127.0.0.1", service.port), timeout=5) for _ in range(120)]
        time.sleep(0.3)
        closed = 0
        for connection in idle:
            connection.setblocking(False)
            try:
                closed += connection.recv(1) == b""
            except BlockingIOError:
                pass
            except ConnectionError:
                closed += 1
        assert closed >= 60
        time.sleep(1.5)  # the rest said nothing for longer than a head may take
        assert service.ask("GET", "/layers")[0] == 200
        for connection in idle:
            connection.close()


def test_a_request_in_a_request_is_not_served(attacked):
    inner = b"DELETE /stac/collections/c/items/i HTTP/1.1\r\nHost: x\r\n\r\n"
    body = b"0\r\n\r\n" + inner
    both = attacked.head(f"POST {EXECUTION} HTTP/1.1", f"Content-Length: {len(body)}", "Transfer-Encoding: chunked")
    raw, _ = attacked.raw(both + body)
    assert statuses(raw) == [400]
    for headers in (
        ("Content-Length: 5", "Content-Length: 50"),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding: chunked, identity",),
        ("Content-Length: +5",),
        ("Content-Length: 0x5",),
        ("Transfer-Encoding : chunked",),
        ("Host: evil.example",),
    ):
        raw, _ = attacked.raw(attacked.head(f"POST {EXECUTION} HTTP/1.1", *headers) + body)
        assert len(statuses(raw)) == 1, headers
        assert statuses(raw)[0] in (400, 501), headers


def test_a_huge_head_is_refused(attacked):
    raw, _ = attacked.raw(attacked.head("GET /layers HTTP/1.1", "X-A: " + "a" * 50_000))
    assert statuses(raw) in ([431], [400])
    raw, _ = attacked.raw(attacked.head("GET /layers HTTP/1.1", *(f"X-{n}: a" for n in range(50_000))))
    assert statuses(raw) in ([431], [400], [])
    raw, _ = attacked.raw(attacked.head(f"GET /layers?{'a' * 60_000} HTTP/1.1"))
    assert statuses(raw) in ([414], [400])


def test_what_is_no_http_is_refused(attacked):
    for noise in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 100, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                  b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"):  # fmt: skip
        raw, _ = attacked.raw(noise)
        assert statuses(raw) in ([400], [421], [])


@pytest.mark.parametrize("body", ["[" * 100_000, '{"inputs":' * 5000, '{"inputs": {"x": ' + "[" * 65 + "]" * 65 + "}}",
                                  '{"inputs": {"threshold_shift": NaN}}', '{"inputs": {"threshold_shift": 1e999}}',
                                  '{"inputs": {"threshold_shift": ' + "9" * 10_000 + "}}"])  # fmt: skip
def test_json_that_is_deep_or_no_json_is_refused(attacked, body):
    refused(attacked.ask("POST", EXECUTION, body, {"content-type": "application/json"}), 400)


def test_a_polygon_of_a_million_vertices_is_refused_and_one_of_many_does_not_hold_up_others(attacked):
    layer = next(iter(json.loads(attacked.ask("GET", "/layers")[2])["layers"]))["id"]
    many = [[139, 36 + n % 2] for n in range(1_000_000)]
    ring = {"type": "Polygon", "coordinates": [[*many, many[0]]]}
    refused(attacked.ask("POST", "/values/area", {"layer": layer, "geometry": ring}), 413)
    few = [[round(139.0 + n * 1e-5, 6), 36 + n % 2] for n in range(40_000)]
    body = json.dumps({"layer": layer, "geometry": {"type": "Polygon", "coordinates": [[*few, few[0]]]}})
    assert len(body) < 2**20
    slowest, done = 0.0, []
    asking = threading.Thread(
        target=lambda: done.append(
            attacked.ask("POST", "/values/area", body, {"content-type": "application/json"}, timeout=60)
        ),
    )
    asking.start()
    while asking.is_alive():
        start = time.monotonic()
        assert attacked.ask("GET", "/ogc/conformance")[0] == 200
        slowest = max(slowest, time.monotonic() - start)
    assert done[0][0] in (200, 400, 404, 413, 422)
    assert slowest < 5
