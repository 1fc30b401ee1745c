"""Attacks on a running service, through real sockets: each is refused, says why in one line, and gives nothing away."""

from __future__ import annotations

import base64
import gzip
import http.client
import io
import json
import os
import re
import select
import shutil
import socket
import struct
import threading
import time
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import quote

import pytest
from service_fixtures import copy_of

from mitoshi.interfaces.api import Settings
from mitoshi.interfaces.api.settings import Limits

METHOD = "disaster.flood-extent"
EXECUTION = f"/ogc/processes/{METHOD}/execution"
DESCRIBED = "#quantity=sigma0,units=1,bands=VV,time=2024-01-01T00:00:00Z"  # what gets a file past "what is this?"
ISSUER, AUDIENCE = "https://id.example.org", "mitoshi"
SECRETS = (b"root:x:", b"/bin/bash", b"SQLite format 3", b'"sha256": "', b"never to be seen", b"Traceback (most recent")
VRT = (
    '<VRTDataset rasterXSize="64" rasterYSize="4"><VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand">'
    '<SourceFilename relativeToVRT="0">{}</SourceFilename></VRTRasterBand></VRTDataset>'
)
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True))
    + "]><l>&j;</l>"
)


class Attacked(NamedTuple):
    """A running service: its port, its catalogue's folder, a key that may do everything, and the issuer's signing key."""

    port: int
    store: object
    key: str
    signing: object
    app: object

    def ask(self, method, target, body=None, headers=None, *, key=True, timeout=20):
        """Send one request as it is written; return status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        given = ({"authorization": f"Bearer {self.key}"} if key else {}) | (headers or {})
        if body is not None and not isinstance(body, str | bytes):
            body, given = json.dumps(body), {"content-type": "application/json"} | given
        try:
            connection.request(method, target, body, given)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def execute(self, **inputs):
        return self.ask("POST", EXECUTION, {"inputs": inputs}, {"prefer": "respond-async"})

    def raw(self, *pieces, pause=0.0, timeout=20.0):
        """Send bytes as they are, with pauses between them; return what came back until the connection was closed, and when."""
        start, got = time.monotonic(), b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            try:
                for piece in pieces:
                    connection.sendall(piece)
                    if pause and select.select([connection], [], [], pause)[0]:
                        got += (answer := connection.recv(65536))
                        if not answer:
                            break
            except OSError:
                pass
            try:
                while piece := connection.recv(65536):
                    got += piece
            except ConnectionError:
                pass
        return got, time.monotonic() - start

    def head(self, line, *headers):
        return "\r\n".join((line, f"Host: 127.0.0.1:{self.port}", f"X-API-Key: {self.key}", *headers, "", "")).encode()


@contextmanager
def attacked_service(region, folder, *, workers=0, **limits):
    """Serve a copy of the region, or nothing, its deadlines short, asking for keys."""
    from joserfc import jwk

    from mitoshi.interfaces.api.app import create_app
    from mitoshi.interfaces.api.running import listening, server
    from mitoshi.interfaces.api.security.keys import KeyFile
    from mitoshi.interfaces.cli.terminal import clock

    store = copy_of(region, folder) if region else folder / "catalogue"
    (folder / "archive").mkdir(parents=True, exist_ok=True)
    signing = jwk.RSAKey.generate_key(2048, {"kid": "one"})
    (folder / "jwks.json").write_text(json.dumps({"keys": [signing.as_dict(private=False)]}))
    key = KeyFile(store / "service" / "keys.json").add("attacker", ("read", "execute", "write"), clock(None))
    settings = Settings(
        store=store,
        data=(folder / "archive",),
        port=0,
        workers=workers,
        require_key=True,
        transactions=True,
        issuer=ISSUER,
        audience=AUDIENCE,
        jwks=str(folder / "jwks.json"),
        limits=Limits(**{"body_seconds": 1.0, "header_seconds": 1.0, "writes_per_minute": 6000} | limits),
    )
    sock = listening(settings)
    app = create_app(settings)
    running = server(app, settings)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        while not running.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield Attacked(sock.getsockname()[1], store, key, signing, app)
    finally:
        running.should_exit = True
        thread.join(20)
        sock.close()


@pytest.fixture(scope="module")
def attacked(built_region, tmp_path_factory):
    with attacked_service(built_region, tmp_path_factory.mktemp("attacked")) as service:
        yield service


@pytest.fixture
def listener():
    """Return the port of a server of this machine, and the addresses that connected to it."""
    server = socket.create_server(("127.0.0.1", 0))
    sent = []

    def accept():
        while True:
            try:
                connection, address = server.accept()
            except OSError:
                return
            sent.append(address)
            connection.close()

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1], sent
    server.close()


def refused(answer, *statuses):
    """Check that an answer is a problem of one line with one of these statuses, and tells no secret."""
    status, headers, body = answer
    assert status in statuses, (status, body[:300])
    assert headers["content-type"] == "application/problem+json"
    told = json.loads(body)
    assert told["status"] == status
    assert "\n" not in told["detail"]
    assert len(body) < 2000
    assert not [secret for secret in SECRETS if secret in body]
    return told["detail"]


def statuses(raw):
    """Return the statuses of all answers in what came over a connection."""
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3})", raw)]


# What a data argument may name


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


# Paths


PAYLOADS = (
    "..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "..%252f..%252f..%252f..%252fetc%252fpasswd",
    "..%5c..%5c..%5cetc%5cpasswd",
    "....//....//....//etc/passwd",
    "%2fetc%2fpasswd",
    "..%c0%af..%c0%afetc%c0%afpasswd",
    "keys.json",
    "..%2fkeys.json",
    "..%2f..%2fkeys.json",
    "jobs.sqlite",
    "file:%2f%2f%2fetc%2fpasswd",
    "%2fvsicurl%2fhttp:%2f%2f127.0.0.1%2fx",
    "a%00.png",
    "%27%20OR%201=1%20--",
    "1%27%3B%20DROP%20TABLE%20jobs%3B--",
    "$%7B7*7%7D%7B%7B7*7%7D",
    "%3Cscript%3Ealert(1)%3C%2fscript%3E",
    "%ff%fe%00",
    "-1",
    "99999999999999999999999",
    "1e400",
    "nan",
    "a" * 3000,
)


def good_values(attacked):
    """Return a good value for each name that appears in an address."""
    _, _, body = attacked.ask("GET", "/bundles")
    bundle = json.loads(body)["bundles"][0]["id"]
    _, _, body = attacked.ask("GET", "/stac/search?limit=100")
    item = next(f for f in json.loads(body)["features"] if f["collection"] == METHOD)
    asset = next(iter(item["assets"]))
    return {"id": bundle, "collection": METHOD, "item": item["id"], "asset": asset, "z": "3", "x": "7", "y": "3", "path": "run.json",
            "processID": METHOD, "jobID": "0" * 32}  # fmt: skip


def addresses(attacked):
    """Return the address templates of every route, the viewer's and hidden ones too."""
    found = {route.path for route in attacked.app.routes if hasattr(route, "path")}
    found |= {p for r in attacked.app.routes for p in _paths(r)}
    return sorted(p for p in found if p.startswith("/"))


def _paths(route):
    return [getattr(r, "path", "") for r in getattr(route, "routes", None) or []]


def test_no_address_leads_out_of_the_store(attacked):
    values = good_values(attacked)
    templates = {re.sub(r":\w+\}", "}", t) for t in addresses(attacked)}
    asked = 0
    for template in sorted(templates):
        names = re.findall(r"\{(\w+)\}", template)
        for hostile in names:
            for payload in PAYLOADS:
                target = template
                for name in names:
                    target = target.replace(f"{{{name}}}", payload if name == hostile else values.get(name, "x"))
                status, headers, body = attacked.ask("GET", target)
                asked += 1
                assert status < 500, (target, body[:300])
                assert not [s for s in SECRETS if s in body], target
                assert (
                    "sandbox" in headers["content-security-policy"]
                    or "script-src 'self'" in headers["content-security-policy"]
                )
    assert asked > 300


@pytest.mark.parametrize("lead", ["/", "/assets/", "/bundles/", "/stac/", "/tiles/", "//", "/./"])
@pytest.mark.parametrize("payload", [p for p in PAYLOADS if "passwd" in p or "keys" in p or "jobs" in p])
def test_the_page_serves_no_file_but_its_own(attacked, lead, payload):
    for target in (lead + payload, lead + payload.replace("%2f", "/").replace("%5c", "\\")):
        raw, _ = attacked.raw(attacked.head(f"GET {target} HTTP/1.1", "Connection: close"))
        assert statuses(raw)[0] in (200, 400, 404)
        assert not [s for s in SECRETS if s in raw]


PRIVATE = ("keys.json", "keys.lock", "jobs.sqlite", "audit.jsonl")


def test_the_services_own_files_are_never_served(attacked):
    assert attacked.execute(area=[0, 0, 1, 1])[0] in (201, 400, 409)  # so that there is something in the list of jobs
    folder = attacked.store / "service"
    values = good_values(attacked)
    for name in PRIVATE:
        assert (folder / name).exists(), name
        secret = (folder / name).read_bytes()[:64]
        for target in (
            f"/{name}",
            f"/service/{name}",
            f"/bundles/{values['id']}/files/{name}",
            f"/bundles/{values['id']}/files/../../{name}",
            f"/bundles/{values['id']}/files/..%2f..%2f{name}",
            f"/stac/collections/{METHOD}/items/{values['item']}/assets/{name}",
            f"/tiles/{METHOD}/{values['item']}/{name}/0/0/0.png",
            f"/vectors/{METHOD}/{values['item']}/{name}.geojson",
        ):
            status, _, body = attacked.ask("GET", target)
            assert status in (200, 400, 404)
            assert not secret or secret not in body, target


@pytest.fixture(scope="module")
def planted(attacked, tmp_path_factory):
    """Put items into the catalogue whose assets lead to files that are not theirs to give; return their ids."""
    import pystac

    from mitoshi.catalog import Catalogue

    outside = tmp_path_factory.mktemp("outside") / "secret.txt"
    outside.write_text("never to be seen")
    link = attacked.store.parent / "archive" / "link.tif"
    link.symlink_to(outside)
    catalogue = Catalogue(attacked.store)
    model = catalogue.search(collections=[METHOD])[0].to_dict(transform_hrefs=False)
    targets = {
        "passwd": "/etc/passwd",
        "outside": str(outside),
        "link": str(link),
        "keys": str(attacked.store / "service" / "keys.json"),
        "jobs": str(attacked.store / "service" / "jobs.sqlite"),
        "environment": "/proc/self/environ",
        "zero": "/dev/zero",
        "vrt": str(attacked.store.parent / "archive" / "vrt.tif"),
    }
    (attacked.store.parent / "archive" / "vrt.tif").write_text(VRT.format(outside))
    for name, href in targets.items():
        made = json.loads(json.dumps(model)) | {"id": f"planted-{name}", "links": []}
        asset = next(iter(model["assets"].values()))
        made["assets"] = {"data": {**asset, "href": href}, "flood": {**asset, "href": href}}
        report = catalogue.add([pystac.Item.from_dict(made)])
        assert not report.refused, report
    yield [f"planted-{name}" for name in targets]
    catalogue.remove([(METHOD, f"planted-{name}") for name in targets])


def test_a_catalogued_file_outside_the_folders_is_not_served(attacked, planted):
    for item in planted:
        for asset in ("data", "flood"):
            for target in (
                f"/stac/collections/{METHOD}/items/{item}/assets/{asset}",
                f"/tiles/{METHOD}/{item}/{asset}/3/7/3.png",
                f"/tiles/{METHOD}/{item}/{asset}/tilejson.json",
                f"/vectors/{METHOD}/{item}/{asset}.geojson",
                f"/buildings/{METHOD}/{item}/{asset}/tileset.json",
                f"/values?layer={METHOD}/{item}/{asset}&lon=139.9&lat=36.0",
                f"/values/series?layer={METHOD}/{item}/{asset}&lon=139.9&lat=36.0",
            ):
                status, _, body = attacked.ask("GET", target)
                vrt = (
                    item == "planted-vrt" and "/assets/" in target
                )  # its text is of the archive; what it points to is not
                assert (status in (400, 403, 404, 415)) or vrt, (target, status, body[:200])
                assert not [s for s in SECRETS if s in body], target
    status, _, body = attacked.ask("GET", "/layers")
    assert status == 200
    assert b"never to be seen" not in body


def test_a_link_in_a_bundle_is_no_file_of_it(attacked, tmp_path):
    values = good_values(attacked)
    bundle = next(p.parent for p in (attacked.store / "service" / "runs").rglob("run.json"))
    copy = bundle.parent / "linked"
    shutil.copytree(bundle, copy)
    try:
        (tmp_path / "secret").write_text("never to be seen")
        name = next(p.name for p in copy.iterdir() if p.suffix == ".png")
        for folder in (bundle, copy):
            (folder / "leak.txt").symlink_to(tmp_path / "secret")
            (folder / "up").symlink_to(attacked.store / "service")
        (copy / name).unlink()
        (copy / name).symlink_to(tmp_path / "secret")
        time.sleep(0.1)
        for target in ("leak.txt", "up/keys.json", "up/jobs.sqlite", name):
            _, _, body = attacked.ask("GET", f"/bundles/{values['id']}/files/{target}")
            assert b"never to be seen" not in body
            assert b'sha256": "' not in body
        status, _, body = attacked.ask("GET", f"/bundles/{values['id']}/bundle.zip")
        assert b"never to be seen" not in body
        if status == 200:
            assert not [n for n in zipfile.ZipFile(io.BytesIO(body)).namelist() if "leak" in n or "/up" in n]
    finally:
        shutil.rmtree(copy)
        (bundle / "leak.txt").unlink()
        (bundle / "up").unlink()


@pytest.mark.parametrize("href", ["file:///etc/passwd", "/etc/passwd", "../../service/keys.json", "http://169.254.169.254/x.tif",
                                  "http://127.0.0.1:1/x.tif", "/vsicurl/http://127.0.0.1/x", "javascript:alert(1)"])  # fmt: skip
def test_an_item_from_outside_cannot_name_a_file_of_the_machine(attacked, href):
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": "evil", "collection": "uploads", "links": [],
        "geometry": {"type": "Point", "coordinates": [139.9, 36.0]}, "bbox": [139.9, 36.0, 139.9, 36.0],
        "properties": {"datetime": "2024-01-01T00:00:00Z", "mitoshi:reader": "raster"},
        "assets": {"data": {"href": href}},
    }  # fmt: skip
    refused(attacked.ask("POST", "/stac/collections/uploads/items", item), 400, 403)
    assert attacked.ask("GET", "/stac/collections/uploads/items/evil")[0] == 404


# Who asks


def claims(**changed):
    now = int(time.time())
    given = {"iss": ISSUER, "aud": AUDIENCE, "sub": "eve", "exp": now + 300, "scope": "execute write"} | changed
    return {k: v for k, v in given.items() if v is not None}


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def signed(header, given, key):
    from joserfc import jwt

    return jwt.encode(header, given, key, algorithms=[header["alg"]])


def hostile_tokens(signing):
    """Return tokens that must not be believed; the first one is good and shows that the rest fail for their fault alone."""
    from joserfc import jwk

    other = jwk.RSAKey.generate_key(2048, {"kid": "one"})
    rs = {"alg": "RS256", "kid": "one"}
    public = signing.as_pem(private=False)
    secret = jwk.OctKey.import_key(base64.urlsafe_b64encode(public).decode())
    good = signed(rs, claims(), signing)
    head, body, signature = good.split(".")
    now = int(time.time())
    return good, {
        "none": f"{part({'alg': 'none'})}.{body}.",
        "None": f"{part({'alg': 'None', 'kid': 'one'})}.{body}.{signature}",
        "no algorithm": f"{part({'kid': 'one'})}.{body}.{signature}",
        "HS256 with the public key": _hs256({"alg": "HS256", "kid": "one"}, claims(), public),
        "HS256 with the public key, other form": signed({"alg": "HS256", "kid": "one"}, claims(), secret),
        "no signature": f"{head}.{body}.",
        "another's signature": f"{head}.{body}.{'A' * len(signature)}",
        "another subject": f"{head}.{part(claims(sub='root'))}.{signature}",
        "another key of the same name": signed(rs, claims(), other),
        "its own key within": signed({**rs, "jwk": other.as_dict(private=False)}, claims(), other),
        "the address of its own keys": signed({**rs, "jku": "http://127.0.0.1:1/jwks"}, claims(), other),
        "the address of its own certificate": signed({**rs, "x5u": "http://127.0.0.1:1/x"}, claims(), other),
        "an unknown key": signed({"alg": "RS256", "kid": "../../keys.json"}, claims(), other),
        "expired": signed(rs, claims(exp=now - 3600), signing),
        "not yet": signed(rs, claims(nbf=now + 3600), signing),
        "for ever": signed(rs, claims(exp=None), signing),
        "another audience": signed(rs, claims(aud="other"), signing),
        "another issuer": signed(rs, claims(iss="https://evil.example"), signing),
        "oversize": signed(rs, claims(more="x" * 20000), signing),
        "parts": "a.b.c",
        "depth": f"{part({'alg': 'RS256'})[:-2]}.{'W' * 4000}.x",
    }


def _hs256(header, given, secret):
    import hashlib
    import hmac

    text = f"{part(header)}.{part(given)}"
    made = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def test_no_forged_token_is_believed(tmp_path, monkeypatch):
    from mitoshi.interfaces.api.security import credentials

    monkeypatch.setattr(credentials, "FAILURES_PER_MINUTE", 1000)
    with attacked_service(None, tmp_path / "service") as service:
        good, forged = hostile_tokens(service.signing)

        def told(token):
            headers = {"authorization": f"Bearer {token}"}
            return service.ask("POST", EXECUTION, {"inputs": {"rogue": 1}}, headers, key=False)

        assert "rogue" in refused(told(good), 400)
        for name, token in forged.items():
            assert told(token)[0] in (401, 431), name
            assert service.ask("GET", "/layers", headers={"authorization": f"Bearer {token}"}, key=False)[0] in (
                401,
                431,
            ), name
        audit = (service.store / "service" / "audit.jsonl").read_text()
        assert good not in audit
        assert all(token not in audit for token in forged.values())


def test_writing_and_executing_need_a_key(attacked):
    values = good_values(attacked)
    for method, target in (
        ("POST", EXECUTION),
        ("POST", f"/bundles/{values['id']}/verify"),
        ("DELETE", f"/ogc/jobs/{'0' * 32}"),
        ("POST", "/stac/collections/uploads/items"),
        ("PUT", f"/stac/collections/{METHOD}/items/{values['item']}"),
        ("DELETE", f"/stac/collections/{METHOD}/items/{values['item']}"),
        ("POST", "/mcp"),
        ("GET", "/mcp"),
        ("PATCH", "/layers"),
        ("REPLACE", "/layers"),
    ):
        refused(attacked.ask(method, target, {}, key=False), 401)
    for sneaky in (f"//ogc/processes/{METHOD}/execution", f"{EXECUTION}/", f"/ogc/../stac/search/..{EXECUTION}"):
        assert attacked.ask("POST", sneaky, {}, key=False)[0] in (400, 401)
    refused(attacked.ask("POST", EXECUTION, {}, {"x-http-method-override": "GET"}, key=False), 401)


def test_guessing_keys_is_stopped_after_a_few(tmp_path):
    with attacked_service(None, tmp_path / "service") as service:
        seen = [service.ask("GET", "/layers", headers={"x-api-key": f"mitoshi_{n}"}, key=False)[0] for n in range(40)]
        assert seen[:20] == [401] * 20
        assert seen[21:] == [429] * 19
        status, headers, _ = service.ask("GET", "/layers", headers={"x-api-key": "mitoshi_x"}, key=False)
        assert status == 429
        assert int(headers["retry-after"]) >= 1
        assert service.ask("GET", "/layers", key=False)[0] == 200


# Bodies and heads


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
        raw, seconds = attacked.raw(attacked.head(line, "Content-Length: 1000"), *([b"{"] * 60), pause=0.25)
        assert statuses(raw) == [408]
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
    assert slowest < 3


# Browsers and names


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
