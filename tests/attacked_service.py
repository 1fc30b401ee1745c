"""A service under attack: started in this process on a real socket, its deadlines short, and asked without a client that tidies up."""

from __future__ import annotations

import http.client
import json
import re
import select
import socket
import threading
import time
from contextlib import contextmanager
from typing import NamedTuple

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


def good_values(attacked):
    """Return a good value for each name that appears in an address."""
    _, _, body = attacked.ask("GET", "/bundles")
    bundle = json.loads(body)["bundles"][0]["id"]
    _, _, body = attacked.ask("GET", "/stac/search?limit=100")
    item = next(f for f in json.loads(body)["features"] if f["collection"] == METHOD)
    asset = next(iter(item["assets"]))
    return {"id": bundle, "collection": METHOD, "item": item["id"], "asset": asset, "z": "3", "x": "7", "y": "3", "path": "run.json",
            "processID": METHOD, "jobID": "0" * 32}  # fmt: skip


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
