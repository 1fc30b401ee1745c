"""Attacks on a running service: other people's pages and names, and text that means to be a query, a line or a script."""

from __future__ import annotations

import json
from urllib.parse import quote

from attacked_service import (
    EXECUTION,
    METHOD,
    good_values,
    refused,
)


def test_a_name_that_leads_here_by_dns_is_not_ours(attacked):
    for host in (
        "evil.example",
        f"evil.example:{attacked.port}",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "[::2]",
    ):
        refused(attacked.ask("GET", "/layers", headers={"host": host}), 421)
    refused(attacked.ask("POST", EXECUTION, {}, {"host": "evil.example", "origin": "http://evil.example"}), 421)


def test_a_page_of_another_origin_cannot_make_a_browser_write(attacked):
    own = f"http://127.0.0.1:{attacked.port}"
    for headers in ({"origin": "http://evil.example"}, {"origin": "null"}, {"origin": f"{own}.evil.example"},
                    {"origin": "http://127.0.0.1:1"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}):  # fmt: skip
        refused(attacked.ask("POST", EXECUTION, {"inputs": {}}, headers), 403)
    status, headers, _ = attacked.ask("GET", "/layers", headers={"origin": "http://evil.example"})
    assert status == 200
    assert not [h for h in headers if h.lower().startswith("access-control-")]
    status, headers, _ = attacked.ask(
        "OPTIONS", EXECUTION, headers={"origin": "http://evil.example", "access-control-request-method": "POST"}
    )
    assert not [h for h in headers if h.lower().startswith("access-control-")]
    assert "'rogue'" in refused(attacked.ask("POST", EXECUTION, {"inputs": {"rogue": 1}}, {"origin": own}), 400)


def test_every_route_of_data_lies_below_a_root_that_runs_nothing(attacked):
    from mitoshi.interfaces.api.security.policy import DATA_ROOTS

    told = json.loads(attacked.ask("GET", "/openapi.json")[2])
    assert {path.split("/")[1] for path in told["paths"]} <= DATA_ROOTS
    assert attacked.ask("GET", "/mcp")[1]["content-security-policy"].endswith("sandbox")


def test_nothing_that_a_stranger_wrote_runs_in_the_page(attacked):
    values = good_values(attacked)
    script = quote("<script>alert(1)</script>", safe="")
    for target in (f"/ogc/processes/{script}", f"/stac/collections/{script}", f"/bundles/{values['id']}/files/{script}.html",
                   f"/values?layer={script}&lon=0&lat=0", f"/stac/search?ids={script}", f"/ogc/jobs/{script}"):  # fmt: skip
        _, headers, body = attacked.ask("GET", target)
        assert "html" not in headers["content-type"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    _, headers, body = attacked.ask("GET", f"/{script}")
    assert b"<script>alert" not in body
    assert "unsafe-inline" not in headers["content-security-policy"]


# Words that become queries and lines


SQL = (
    "' OR '1'='1",
    "x'; DROP TABLE jobs; --",
    '" OR ""="',
    "x') UNION SELECT request FROM jobs --",
    "%",
    "_%",
    "*",
    "\\",
)


def test_no_text_becomes_a_query(attacked):
    asked = attacked.execute(area=[0, 0, 1, 1])[0]
    before = json.loads(attacked.ask("GET", "/ogc/jobs")[2])["numberMatched"]
    items = json.loads(attacked.ask("GET", "/stac/search?limit=1000")[2])["features"]
    assert asked in (201, 400, 409)
    assert items
    for text in SQL:
        word = quote(text, safe="")
        for target in (f"/ogc/jobs?processID={word}", f"/stac/search?ids={word}", f"/stac/search?collections={word}"):
            status, _, body = attacked.ask("GET", target)
            assert status in (200, 400), (target, body)
            if status == 200:
                told = json.loads(body)
                assert (told.get("features") or told.get("jobs") or []) == [], target
        for target in (
            f"/ogc/jobs?status={word}",
            f"/ogc/jobs/{word}",
            f"/stac/collections/{METHOD}/items/{word}",
            f"/stac/search?token={word}",
        ):
            assert attacked.ask("GET", target)[0] in (400, 404), target
    assert json.loads(attacked.ask("GET", "/ogc/jobs")[2])["numberMatched"] == before
    assert len(json.loads(attacked.ask("GET", "/stac/search?limit=1000")[2])["features"]) == len(items)


def test_no_request_writes_a_line_of_its_own_into_the_record(attacked):
    forged = '{"owner":"key:admin","status":200}'
    log = attacked.store / "service" / "audit.jsonl"
    targets = [
        f"/ogc/{quote(chr(10) + forged + chr(10), safe='')}",
        f"/%0d%0a{quote(forged)}",
        "/%1b%5b2J%1b%5b31m",
        "/%e2%80%a8",
    ]
    for target in targets:
        assert attacked.ask("DELETE", target)[0] in (400, 404, 405)
        assert attacked.ask("DELETE", target, headers={"x-forwarded-for": "6.6.6.6", "user-agent": forged})[0] in (
            400,
            404,
            405,
        )
    text = log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert all({"time", "owner", "address", "method", "path", "status"} <= set(line) for line in lines)
    assert {line["address"] for line in lines} == {"127.0.0.1"}
    assert all(c == "\n" or 32 <= ord(c) < 127 for c in text)
    assert attacked.key not in text
    raw, _ = attacked.raw(attacked.head("GET /ogc/conformance%0d%0aX-Evil:%201 HTTP/1.1", "Connection: close"))
    assert b"X-Evil" not in raw.partition(b"\r\n\r\n")[0]


def test_no_answer_says_what_serves_it(attacked):
    for target in ("/layers", "/nowhere", "/ogc/processes/x", "/openapi.json"):
        _, headers, _ = attacked.ask("GET", target)
        assert not {"server", "x-powered-by"} & {h.lower() for h in headers}
