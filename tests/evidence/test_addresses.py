"""A data argument given by its web address: fetched once, recorded, verified from the same bytes, never fetched by `verify`."""

from __future__ import annotations

import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import SAID, TIME

from mitoshi.core.errors import InputError, RefusedError
from mitoshi.evidence import run, verify
from mitoshi.evidence.bundle import read_json


@pytest.fixture
def server(scene):
    """Serve the scene at every path that ends in .tif; yield its address and the paths that were asked for."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.path)
            content = scene.read_bytes() if self.path.partition("?")[0].endswith(".tif") else b""
            self.send_response(200 if content else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            return None

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}", seen
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MITOSHI_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MITOSHI_TRUSTED_HOSTS", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def trusted(server, cache, monkeypatch):
    url, seen = server
    monkeypatch.setenv("MITOSHI_TRUSTED_HOSTS", f"example.org:443, {url.removeprefix('http://')}")
    return url, seen, cache


def make(source, out):
    from evidence_sample.methods import scene_dark

    return run(scene_dark, {"after": source}, {}, out, time=TIME, tile_size=512)


def test_an_address_in_this_machine_is_refused_without_a_request(server, cache, tmp_path):
    url, seen = server
    del cache
    for address in (url, url.replace("127.0.0.1", "localhost"), "http://169.254.169.254"):
        with pytest.raises(RefusedError, match="private network") as refusal:
            make(f"{address}/after.tif?key=hidden#{SAID}", tmp_path / "out")
        assert "hidden" not in str(refusal.value)
    assert seen == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://example.org/x.tif", "s3://bucket/x.tif", "http:///x"])
def test_only_web_addresses_are_fetched(cache, tmp_path, address):
    del cache
    with pytest.raises(InputError):
        make(address, tmp_path / "out")


@pytest.mark.slow
def test_a_trusted_address_is_fetched_once_and_recorded_without_its_query(trusted, scene, tmp_path):
    from mitoshi.evidence.digest import file_digest

    url, seen, cache = trusted
    make(f"{url}/data/after.tif?key=hidden#{SAID}", tmp_path / "out")
    make(f"{url}/data/after.tif?key=hidden#{SAID}", tmp_path / "again")
    assert seen == ["/data/after.tif?key=hidden"]
    (record,) = read_json(tmp_path / "out", "run.json")["inputs"]["after"]
    digest = file_digest(scene)
    assert record["address"] == f"{url}/data/after.tif"
    assert record["files"] == [{"name": "after.tif", "sha256": digest, "size": scene.stat().st_size}]
    assert (cache / "fetched" / digest / "after.tif").is_file()
    entities = read_json(tmp_path / "out", "ro-crate-metadata.json")["@graph"]
    assert next(e for e in entities if e["@id"] == f"urn:sha256:{digest}")["url"] == f"{url}/data/after.tif"
    for file in (tmp_path / "out").rglob("*"):
        assert file.is_dir() or b"hidden" not in file.read_bytes(), file


@pytest.mark.slow
def test_verifying_needs_the_bytes_and_not_the_server(trusted, scene, tmp_path):
    url, seen, cache = trusted
    make(f"{url}/after.tif#{SAID}", tmp_path / "out")
    assert verify(tmp_path / "out").status == "identical"
    shutil.rmtree(cache)
    gone = verify(tmp_path / "out")
    assert gone.status == "unverifiable"
    assert "after.tif (SHA-256" in gone.reasons[0]
    assert f"fetch it from {url}/after.tif" in gone.reasons[0]
    assert verify(tmp_path / "out", inputs=scene.parent).status == "identical"
    assert seen == ["/after.tif"]


def test_what_the_server_lacks_is_one_line(trusted, tmp_path):
    url, _, _ = trusted
    with pytest.raises(InputError, match=r"answered 404 for gone\.png"):
        make(f"{url}/gone.png", tmp_path / "out")


@pytest.mark.slow
def test_other_content_under_the_same_name_leaves_the_earlier_bytes(trusted, scene, tmp_path):
    """The cache holds files by their content: forgetting an address does not disturb an earlier bundle's input."""
    url, _, cache = trusted
    make(f"{url}/after.tif#{SAID}", tmp_path / "out")
    for note in (cache / "fetched").glob("*.address"):
        note.unlink()
    kept = scene.read_bytes()
    try:
        scene.write_bytes(kept + b"\0\0")
        make(f"{url}/after.tif#{SAID}", tmp_path / "again")
    finally:
        scene.write_bytes(kept)
    records = [
        read_json(tmp_path / n, "run.json")["inputs"]["after"][0]["files"][0]["sha256"] for n in ("out", "again")
    ]
    assert records[0] != records[1]
    assert verify(tmp_path / "out").status == "identical"
