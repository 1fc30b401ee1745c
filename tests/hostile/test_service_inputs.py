"""Attacks on a running service: what a data argument, a tool or a file of a server may lead to."""

from __future__ import annotations

import io
import json
import os
import socket
import struct
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from attacked_service import (
    DESCRIBED,
    EXECUTION,
    LAUGHS,
    METHOD,
    SECRETS,
    VRT,
    attacked_service,
    good_values,
    refused,
)


def hrefs(port):
    return {
        "file address": "file:///etc/passwd",
        "path": "/etc/passwd",
        "climbing path": "../../../../etc/passwd",
        "catalogue climbing": "catalogue:../../../../etc/passwd",
        "VRT": VRT.format("/etc/passwd"),
        "virtual file": f"/vsicurl/http://127.0.0.1:{port}/x.tif",
        "virtual archive": f"/vsizip//vsicurl/http://127.0.0.1:{port}/x.zip/y.tif",
        "driver prefix": "GTIFF_DIR:1:/etc/passwd",
        "loopback": f"http://127.0.0.1:{port}/x.tif",
        "loopback by name": f"http://localhost:{port}/x.tif",
        "loopback as one number": f"http://2130706433:{port}/x.tif",
        "loopback in octal": f"http://0177.0.0.1:{port}/x.tif",
        "loopback in hexadecimal": f"http://0x7f000001:{port}/x.tif",
        "loopback mapped into IPv6": f"http://[::ffff:127.0.0.1]:{port}/x.tif",
        "loopback of IPv6": f"https://[::1]:{port}/x.tif",
        "nobody's address": f"http://0.0.0.0:{port}/x.tif",
        "metadata service": "http://169.254.169.254/latest/meta-data/iam/x.tif",
        "metadata service in IPv6": "http://[fd00:ec2::254]/latest/x.tif",
        "private network": "https://10.0.0.1/x.tif",
        "password in the address": f"https://example.org@127.0.0.1:{port}/x.tif",
        "another scheme": "gopher://127.0.0.1/x",
        "bucket": "s3://bucket/x.tif",
        "broken address": "http://[::1/x.tif",
        "line break": "https://example.org/x\r\nHost: evil",
        "null": "a\0b",
        "long": "https://example.org/" + "x" * 5000,
    }


@pytest.mark.parametrize("name", hrefs(9).keys())
def test_a_data_argument_is_a_catalogue_item_or_a_public_address(attacked, listener, name):
    port, sent = listener
    for value in (hrefs(port)[name], {"href": hrefs(port)[name]}):
        refused(attacked.execute(after=value), 400, 403)
    assert sent == []


def test_the_own_address_cannot_be_used_to_reach_the_service_through_itself(attacked):
    for target in ("/bundles", "/stac/collections/x/items/../../../../service/keys.json"):
        refused(attacked.execute(after=f"http://127.0.0.1:{attacked.port}{target}"), 400, 403)


def tiff_of(side):
    """Return a TIFF of 128 bytes that claims `side` × `side` pixels in one strip."""
    entries = [(256, side), (257, side), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, side), (279, side)]
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return head + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries) + struct.pack("<I", 0)


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.values():
            archive.writestr(name, content)
    return file.getvalue()


def evil_files(port):
    safe = "S1A_IW_GRDH_1SDV_20240101T000000_20240101T000025_051900_064500_0000.SAFE"
    return {
        "vrt.tif": VRT.format("/etc/passwd").encode(),
        "aimed.tif": VRT.format(f"/vsicurl/http://127.0.0.1:{port}/x").encode(),
        "huge.tif": tiff_of(4_000_000_000),
        "bomb.tif": tiff_of(200_000),
        "slip.zip": zipped(a=("../../../pwned-by-slip.tif", b"x"), b=("/tmp/pwned-by-slip.tif", b"x")),
        "laughs.zip": zipped(a=(f"{safe}/manifest.safe", LAUGHS), b=(f"{safe}/measurement/vv.tiff", b"II*\0")),
        "blown.zip": zipped(a=("a.tif", b"\0" * 300_000_000)),
        "short.tif": b"II*\0",
    }


@pytest.fixture(scope="module")
def evil(listening_port):
    """Return the port of a server that the operator trusts by mistake: it redirects inward and serves hostile files."""
    files = evil_files(listening_port)

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.strip("/")
            if name.startswith("redirect"):
                target = {
                    "redirect-in.tif": f"http://127.0.0.1:{listening_port}/x.tif",
                    "redirect-file.tif": "file:///etc/passwd",
                }
                self.send_response(302)
                self.send_header("Location", target.get(name, self.path))
                self.end_headers()
                return
            self.send_response(200 if name in files else 404)
            self.send_header("Content-Length", str(len(files.get(name, b""))))
            self.end_headers()
            self.wfile.write(files.get(name, b""))

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Evil)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


HEARD = []


@pytest.fixture(scope="module")
def listening_port():
    server = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            try:
                connection, address = server.accept()
            except OSError:
                return
            HEARD.append(address)
            connection.close()

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


@pytest.mark.slow
def test_hostile_files_of_a_trusted_server_fail_their_job_and_nothing_else(built_region, tmp_path, evil, monkeypatch):
    monkeypatch.setenv("MITOSHI_TRUSTED_HOSTS", f"127.0.0.1:{evil}")
    monkeypatch.setenv("MITOSHI_CACHE", str(tmp_path / "cache"))
    names = [*evil_files(9), "redirect-in.tif", "redirect-file.tif", "redirect-forever.tif", "missing.tif"]
    with attacked_service(built_region, tmp_path / "service", workers=1) as service:
        jobs = {}
        for name in names:
            status, headers, body = service.execute(after=f"http://127.0.0.1:{evil}/{name}{DESCRIBED}")
            assert status == 201, body
            jobs[name] = headers["location"].partition("/ogc/")[2]
        ends = time.monotonic() + 120
        told = {}
        while len(told) < len(jobs) and time.monotonic() < ends:
            for name in jobs.keys() - told.keys():
                status, _, body = service.ask("GET", f"/ogc/{jobs[name]}")
                assert status == 200
                if json.loads(body)["status"] not in ("accepted", "running"):
                    told[name] = json.loads(body)
            time.sleep(0.2)
        assert sorted(told) == sorted(names)
        for name, job in told.items():
            assert job["status"] == "failed", name
            assert "\n" not in job["message"]
            assert "internal error" not in job["message"], (name, job["message"])
            assert not [s for s in SECRETS if s in json.dumps(job).encode()]
            refused(service.ask("GET", f"/ogc/{jobs[name]}/results"), 422)
        assert service.ask("GET", "/layers")[0] == 200
    assert HEARD == []
    assert not list(tmp_path.rglob("pwned*"))
    assert not os.path.exists("/tmp/pwned-by-slip.tif")


def test_xml_and_other_bodies_that_are_not_json_are_not_read(attacked):
    for kind in (
        "application/xml",
        "text/xml",
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/x-yaml",
    ):
        refused(attacked.ask("POST", EXECUTION, LAUGHS, {"content-type": kind}), 400, 415)


def test_a_tool_reaches_no_further_than_the_api(attacked, listener):
    port, sent = listener
    headers = {"accept": "application/json, text/event-stream"}

    def told(method, **params):
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        status, got, answer = attacked.ask("POST", "/mcp", body, headers)
        assert status == 200
        headers.setdefault("mcp-session-id", got.get("mcp-session-id", ""))
        assert not [secret for secret in SECRETS if secret in answer]
        return answer

    about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    assert b"protocolVersion" in told("initialize", **about)
    attacked.ask("POST", "/mcp", {"jsonrpc": "2.0", "method": "notifications/initialized"}, headers)
    for href in hrefs(port).values():
        if "\0" not in href and len(href) < 3000:
            call = told("tools/call", name=METHOD.replace(".", "_"), arguments={"after": href})
            assert b'"isError":true' in call or b'"error":' in call, href
    for uri in (
        "file:///etc/passwd",
        "mitoshi://bundle/x/../../keys.json",
        f"mitoshi://bundle/{good_values(attacked)['id']}/../../jobs.sqlite",
    ):
        assert b'"error":' in told("resources/read", uri=uri)
    assert b'"error":' in told("tools/call", name="../../bin/sh", arguments={}) or b"isError" in told(
        "tools/call", name="x", arguments={}
    )
    assert sent == []
