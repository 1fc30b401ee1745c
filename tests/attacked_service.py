"""A service under attack: started in this process on a real socket, its deadlines short, and asked without a client that tidies up."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import socket
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from service_fixtures import copy_of

from mitoshi.interfaces.api import Settings
from mitoshi.interfaces.api.settings import Limits

METHOD = "disaster.flood-extent"
PATIENCE_S = 1.0  # for which others wait at most, whatever else the machine does
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


class Effort(NamedTuple):
    """Clocks [s] that tell a service that is slow from a machine that is busy with something else.

    Attributes
    ----------
    wall
        Time that has passed.
    loop
        Processor time of the event loop's thread.
    waited
        Time for which threads of this process were ready to run and had no processor, by thread.
    others
        Processor time of everything else on the machine.
    """

    wall: float
    loop: float
    waited: dict[str, float]
    others: float

    @classmethod
    def now(cls, loop):
        """Return the clocks as they stand; where the system does not say who waited, nobody did."""
        waited = {}
        for thread in Path("/proc/self/task").glob("*/schedstat"):
            with suppress(OSError, IndexError, ValueError):
                waited[thread.parent.name] = int(thread.read_text().split()[1]) / 1e9
        try:
            user, nice, system, _idle, _io, irq, soft, steal, *_ = map(
                int, Path("/proc/stat").read_text().split()[1:11]
            )
            busy = (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError):
            busy = time.process_time()
        clock = time.clock_gettime(time.pthread_getcpuclockid(loop))
        return cls(time.monotonic(), clock, waited, busy - time.process_time())

    def delay(self, before):
        """Return how long a request took that began at `before`, without what other processes kept it from a processor.

        It is never less than what the loop itself worked meanwhile: while it works, nobody is answered.
        """
        return max(self.loop - before.loop, self.wall - before.wall - self.excused(before))

    def excused(self, before):
        """Return how long other processes kept this one from a processor since `before`."""
        waited = sum(self.waited[thread] - before.waited.get(thread, 0.0) for thread in self.waited)
        return min(max(waited, 0.0), max(self.others - before.others, 0.0))


class Attacked(NamedTuple):
    """A running service: its port, its catalogue's folder, a key that may do everything, and the issuer's signing key."""

    port: int
    store: object
    key: str
    signing: object
    app: object
    loop: int  # identifier of the thread that runs the service's event loop

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

    def timed(self, *request, **more):
        """Send one request; return its answer and its delay [s], see `Effort.delay`."""
        before = Effort.now(self.loop)
        answer = self.ask(*request, **more)
        return answer, Effort.now(self.loop).delay(before)

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


class Others:
    """What somebody else experiences while a block lasts.

    Parameters
    ----------
    attacked
        The service.
    target
        What is asked for, again and again.

    Attributes
    ----------
    slowest
        Greatest delay of an answer [s]; see `Effort.delay`.
    answers
        How many there were.
    """

    def __init__(self, attacked, target="/ogc/conformance"):
        self.slowest, self.answers, self.wrong = 0.0, 0, []
        self._attacked, self._target, self._done = attacked, target, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self._done.is_set():
            start = Effort.now(self._attacked.loop)
            try:
                status = self._attacked.ask("GET", self._target)[0]
            except OSError as error:
                status = error
            if status != 200:
                self.wrong.append(status)
            self.slowest = max(self.slowest, Effort.now(self._attacked.loop).delay(start))
            self.answers += 1
            self._done.wait(0.01)

    @property
    def disturbed(self):
        """Whether other processes took so much of the machine that this one ran more slowly than it does."""
        return self._end.excused(self._start) > 0.2 * (self._end.wall - self._start.wall)

    def __enter__(self):
        self._start = Effort.now(self._attacked.loop)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end = Effort.now(self._attacked.loop)
        self._done.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        assert not self.wrong


def watched(attacked, act, target="/ogc/conformance"):
    """Return what others experience while `act` is done; done again, three times at most, where other processes disturbed.

    A service that holds others up does so every time.
    """
    for _ in range(3):
        with Others(attacked, target) as others:
            act()
        if others.slowest < PATIENCE_S or not others.disturbed:
            break
    return others


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
        yield Attacked(sock.getsockname()[1], store, key, signing, app, thread.ident)
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
