"""The files of the page over HTTP: only those that were built, compressed where the client takes it, kept while names hold."""

from __future__ import annotations

import gzip
import re

import pytest

from mitoshi.interfaces.api.pages import STATIC


@pytest.fixture(scope="module")
def script():
    """Return the address of the page's own script."""
    found = re.search(r'<script[^>]*src="\./([^"]+)"', (STATIC / "index.html").read_text())
    assert found is not None
    return found.group(1)


def test_the_page_is_at_the_root_and_asked_for_anew_each_time(client):
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert client.head("/").status_code == 200
    again = client.get("/", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_named_by_its_content_a_file_is_kept_forever(client, script):
    answer = client.get(f"/{script}", headers={"accept-encoding": "identity"})
    assert answer.content == (STATIC / script).read_bytes()
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")


def test_a_script_travels_compressed_where_the_client_takes_it(client, script):
    with client.stream("GET", f"/{script}", headers={"accept-encoding": "br, gzip"}) as answer:
        sent = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(sent) == (STATIC / script).read_bytes()
    refused = client.get(f"/{script}", headers={"accept-encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers


@pytest.mark.parametrize(
    "path",
    [
        "/assets/none.js",
        "/assets/../../pages.py",
        "/assets/..%2f..%2f..%2fapi%2fpages.py",
        "/assets/%2e%2e/index.html",
        "/assets//etc/passwd",
        "/pages.py",
    ],
)
def test_nothing_else_is_ever_read(client, path):
    answer = client.get(path)
    assert answer.status_code in {400, 404}
    assert answer.headers["content-type"] == "application/problem+json"
