"""Requests of every kind to every route of the service: no internal error, every answer bounded, and others are answered throughout.

The routes come from the application's own table and their parameters from its OpenAPI, so that a new route is attacked without a line here.
`MITOSHI_HOSTILE_REQUESTS=1500 pytest tests/hostile/test_service_requests.py` sends more of them.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
from collections import Counter
from urllib.parse import quote, urlencode

import pytest
from attacked_service import PATIENCE_S, SECRETS, Effort, attacked_service, good_values, watched

pytestmark = pytest.mark.slow

REQUESTS = int(os.environ.get("MITOSHI_HOSTILE_REQUESTS", "300"))
PLACE = re.compile(r"\{(\w+)(?::\w+)?\}")  # of a parameter in a path
SECONDS = 10.0
LONGEST_ANSWER = 64 * 2**20
DESIGNED = {503, 504}  # too many at once, too slow: said with what to do
VERBS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW")
KINDS = (*["application/json"] * 20, "application/geo+json; charset=utf-8", "text/plain", "", "application/xml",
         "application/json\tx", "multipart/form-data; boundary=x", "application/x-ndjson")  # fmt: skip
WORDS = (
    "", " ", "0", "-1", "1e308", "1e999", "NaN", "9" * 30, "9" * 5000, "null", "true", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", "%", "%zz", "\u202e水",
    "a" * 3000, "'; DROP TABLE items; --", "${jndi:ldap://x}", "{{7*7}}", "<script>", "catalogue:x", "file:///etc/passwd", "http://127.0.0.1:9/", "2024-13-99T00:00:00Z",
    "../..", "0/0", "180,90,-180,-90", "-180,-90,180,90", "1,2,3,4,5,6", "139,35,NaN,36", "139,35,140,36", "POINT(0 0)", "[1,2", "-0", "0x10", "٣", "\ud83d",
)  # fmt: skip
RING = [[139, 36], [139.2, 36], [139.2, 36.2], [139, 36]]
GEOMETRIES = (
    {"type": "Polygon", "coordinates": [RING]}, {"type": "Polygon", "coordinates": []}, {"type": "Polygon", "coordinates": [[]]}, {"type": "Polygon", "coordinates": [[[1e308, 1e308]] * 4]},
    {"type": "Polygon", "coordinates": [[[139, 36], [140, 37], [140, 36], [139, 37], [139, 36]]]}, {"type": "MultiPolygon", "coordinates": [[RING]] * 900}, {"type": "Point", "coordinates": [139, 36]},
    {"type": "Point", "coordinates": ["a", None]}, {"type": "Point", "coordinates": []}, {"type": "GeometryCollection", "geometries": [{"type": "GeometryCollection", "geometries": []}] * 50},
    {"type": "LineString", "coordinates": [[-180, -90], [180, 90]]}, {"type": "Polygon", "coordinates": [[[x / 1000, 36 + x % 7] for x in range(139000, 140900)] + [[139, 36]]]}, {"type": 1}, [], None,
)  # fmt: skip
VALUES = (
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    10**30,
    "",
    "a",
    "x" * 2000,
    [],
    {},
    [[]],
    [None],
    {"a": {"b": []}},
    ["a"] * 500,
    *WORDS[:12],
)
NAMES = ("inputs", "layer", "geometry", "intersects", "bbox", "limit", "ids", "collections", "filter", "query", "sortby", "fields", "token", "datetime", "id", "type",
         "properties", "assets", "after", "area", "event", "outputs", "response", "subscriber", "method", "params", "jsonrpc", "stac_version", "links", "__proto__")  # fmt: skip


@pytest.fixture(scope="module")
def victim(built_region, tmp_path_factory):
    """Return a service of these tests' own: their requests may write and delete."""
    limits = {"requests_per_minute": 10**6, "writes_per_minute": 10**6, "sync_seconds": 2.0, "body_seconds": 5.0}
    with attacked_service(built_region, tmp_path_factory.mktemp("victim"), **limits) as service:
        yield service


def routes(app):
    """Yield (path, methods) of every route, those of included routers too."""
    todo = list(app.routes)
    while todo:
        route = todo.pop(0)
        inner = getattr(getattr(route, "original_router", None), "routes", None)
        if inner is not None:
            todo += inner
        elif getattr(route, "path", None):
            yield PLACE.sub(r"{\1}", route.path), sorted(getattr(route, "methods", None) or {"GET"})


def parameters(app):
    """Return the names of the query's parameters of each path and method, from the OpenAPI description."""
    return {
        (path, method.upper()): [p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"]
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    }


def hostile_json(chance, depth=0):
    """Return a JSON value of names and values that the service knows, in places where they do not belong."""
    pick = chance.random()
    if pick < 0.25 or depth > 3:
        return chance.choice(VALUES)
    if pick < 0.45:
        return chance.choice(GEOMETRIES)
    if pick < 0.55:
        return [hostile_json(chance, depth + 1) for _ in range(chance.choice((0, 1, 3, 40)))]
    return {chance.choice(NAMES): hostile_json(chance, depth + 1) for _ in range(chance.choice((1, 2, 3, 8)))}


def body_of(chance):
    """Return the bytes of a body: JSON of the wrong kind, JSON cut short, or none."""
    pick = chance.random()
    if pick < 0.6:
        value = hostile_json(chance)
        return json.dumps(
            value
            if isinstance(value, dict) or chance.random() < 0.2
            else {"geometry": value, "layer": "a", "intersects": value}
        ).encode()
    if pick < 0.7:
        return json.dumps(hostile_json(chance)).encode()[: chance.randrange(1, 60)]
    return chance.choice((b"", b"{", b"[" * 70, b"[" * 40_000, b'{"a":1,"a":2}', b"\xff\xfe", b"NaN", b'"\\ud800"', b'{"limit":1e999}', chance.randbytes(300),
                          b'["' + b'\\"' * 50_000, b"[" + b"0," * 100_000 + b"0]", b"{}" * 3, b" " * 10_000 + b"{}"))  # fmt: skip


def address_of(path, names, good, chance):
    """Return an address on a route: its places filled rightly or with words, and some of its parameters given."""
    for part in PLACE.findall(path):
        right = good.get(part, "a") if chance.random() < 0.7 else None
        word = right if right is not None else chance.choice(WORDS)
        path = path.replace(f"{{{part}}}", quote(word, safe=chance.choice(("", "%./"))[:4], errors="surrogatepass"), 1)
    chosen = chance.sample(names, k=min(len(names), chance.choice((0, 1, 2, 9)))) + ["nothing"] * (
        chance.random() < 0.1
    )
    told = [
        (n, good.get(n, "1") if chance.random() < 0.4 else chance.choice(WORDS))
        for n in chosen
        for _ in range(1 + (chance.random() < 0.05))
    ]
    return path + ("?" + urlencode(told, errors="surrogatepass") if told else "")


def requests_of(app, good, number):
    """Yield (method, address, body, headers) of each request: every route and method in turn, what else by chance of a fixed seed."""
    told = parameters(app)
    plain = [(path, method) for path, methods in routes(app) for method in methods]
    for n in range(number):
        path, method = plain[n % len(plain)]
        chance = random.Random(f"{path} {method} {n // len(plain)}")
        names = told.get((path, method), [])
        if chance.random() < 0.1:
            method = chance.choice(VERBS)
        headers = (
            {}
            if chance.random() < 0.9
            else {
                chance.choice(
                    (
                        "accept",
                        "prefer",
                        "range",
                        "if-none-match",
                        "accept-language",
                        "authorization",
                        "origin",
                        "x-api-key",
                    )
                ): chance.choice(WORDS[:20])
            }
        )
        body = body_of(chance) if method in ("POST", "PUT", "PATCH") or chance.random() < 0.05 else None
        if body is not None:
            headers["content-type"] = chance.choice(KINDS)
        yield method, address_of(path, names, good, chance), body, headers


def sent(victim, method, address, body, headers):
    """Send a request and return (status, content type, the first bytes, how many there were, delay [s]); a stream is left after its head."""
    before = Effort.now(victim.loop)
    connection = http.client.HTTPConnection("127.0.0.1", victim.port, timeout=60)
    try:
        connection.putrequest(method, address, skip_accept_encoding=True)
        given = (
            {"authorization": f"Bearer {victim.key}"}
            | ({"content-length": str(len(body))} if body is not None else {})
            | headers
        )
        for name, value in given.items():
            connection.putheader(name, value.encode("utf-8", "replace").replace(b"\n", b" "))
        connection.endheaders(body)
        answer = connection.getresponse()
        kind = answer.getheader("content-type", "")
        start, count = b"", 0
        if not kind.startswith("text/event-stream"):
            while piece := answer.read(2**20):
                start, count = start or piece, count + len(piece)
        return answer.status, kind, start, count, Effort.now(victim.loop).delay(before)
    finally:
        connection.close()


def faults(method, address, status, kind, start, count, seconds):
    """Return what is wrong with an answer; the protocol of the tools has answers of its own."""
    wrong = []
    if status >= 500 and status not in DESIGNED:
        wrong.append(f"status {status}")
    if count > LONGEST_ANSWER or seconds > SECONDS:
        wrong.append(f"{count} bytes in {seconds:.1f} s")
    if any(secret in start for secret in SECRETS if secret != b'"sha256": "' or status >= 400):
        wrong.append("a secret is told")
    if status >= 400 and method != "HEAD" and kind == "application/problem+json":
        detail = json.loads(start)["detail"]
        if "\n" in detail or not 0 < len(detail) < 2000:
            wrong.append("its detail is not one line")
    elif status >= 400 and method != "HEAD" and kind != "application/json" and not address.startswith("/mcp"):
        wrong.append(f"content type {kind!r}")
    return wrong


def test_every_route_is_attacked(victim):
    methods = {(path, method) for path, several in routes(victim.app) for method in several}
    assert methods >= {(path, method) for path, method in parameters(victim.app)}
    assert len(methods) > 50
    assert len(methods) < REQUESTS


def test_no_request_is_an_internal_error_and_others_are_answered(victim):
    good = {name: str(value) for name, value in good_values(victim).items()}
    wrong, statuses, slowest = [], Counter(), [0.0]

    def act():
        for request in requests_of(victim.app, good, REQUESTS):
            status, kind, start, count, seconds = sent(victim, *request)
            statuses[status] += 1
            slowest.append(seconds)
            wrong.extend(
                (f, request[0], request[1][:300], (request[2] or b"")[:300], request[3], start[:300])
                for f in faults(*request[:2], status, kind, start, count, seconds)
            )

    others = watched(victim, act, "/")
    print(
        f"{sum(statuses.values())} requests, slowest {max(slowest):.2f} s; others: {others.answers} answers, slowest {others.slowest:.2f} s; {dict(statuses)}"
    )
    assert not wrong, wrong[:5]
    assert len(statuses) > 6
    assert others.answers > 10
    assert others.slowest < PATIENCE_S
