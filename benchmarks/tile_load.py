"""Fifty readers of tiles while five jobs run: our service beside TiTiler's own application, on the same files in one run.

    python3.11 -m venv /tmp/peers && /tmp/peers/bin/pip install titiler.application uvicorn
    .venv/bin/mitoshi demo --out /tmp/demo                                       # what is read
    .venv/bin/python benchmarks/tile_load.py --demo /tmp/demo --peer /tmp/peers/bin/python [--seconds 60]

Each server is one uvicorn process with GDAL's block cache at 128 MB, started anew for its phase; one is alive at a time.
Readers ask for the same seeded sequence of tiles (products and observations, levels 11 to 16), each on its own connection. The
jobs run in our worker processes in every phase, and a finished one is followed by the next. Ours is measured with its cache of
tiles off and on; TiTiler has none. Prints one JSON object: per phase tiles, errors, tiles per second, the server's CPU time for
a tile (which other work on the machine disturbs little), latency, resident memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil

READERS, JOBS, LEVELS, SEED = 50, 5, (11, 12, 13, 14, 15, 16), 20261012
WARM_SECONDS = 5
OURS = """
import dataclasses, sys
from pathlib import Path
from mitoshi.interfaces.api import tiles
from mitoshi.interfaces.api.settings import Limits, Settings
from mitoshi.interfaces.api.app import create_app
from mitoshi.interfaces.api.running import listening, server
store, data, port, cache = sys.argv[1:5]
tiles.CACHE_BYTES = int(cache)
limits = dataclasses.replace(Limits(), requests_per_minute=10**9)
settings = Settings(store=Path(store), data=(Path(data),), port=int(port), workers=0, limits=limits)
server(create_app(settings), settings).run(sockets=[listening(settings)])
"""


@dataclass
class Measured:
    """What the readers of one phase saw."""

    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    sent: int = 0


async def read(port: int, paths: list[str], turn: list[int], until: float, seen: Measured) -> None:
    """Ask for tiles one after another on one connection that is kept."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: image/png\r\n\r\n"
    while time.perf_counter() < until:
        path = paths[turn[0] % len(paths)]
        turn[0] += 1
        start = time.perf_counter()
        try:
            writer.write(f"GET {path} {head}".encode())
            answer = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)).decode("latin-1").lower()
            length = int(answer.partition("content-length:")[2].partition("\r\n")[0])
            body = await asyncio.wait_for(reader.readexactly(length), 60)
        except (OSError, ValueError, asyncio.IncompleteReadError, TimeoutError) as error:
            seen.errors.append(f"{type(error).__name__} {path}")
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            continue
        if " 200 " not in answer[:16] or not body.startswith(b"\x89PNG"):
            seen.errors.append(f"{answer[:13]} {path} {body[:120]!r}")
        else:
            seen.latencies.append(time.perf_counter() - start)
            seen.sent += length
    writer.close()


def load(port: int, paths: list[str], seconds: float, pid: int) -> dict[str, Any]:
    """Let the readers read; return what they saw, and the server's memory meanwhile."""
    process, memory = psutil.Process(pid), []
    begun: list[float] = []

    async def phase(for_seconds: float, turn: list[int], seen: Measured) -> None:
        until = time.perf_counter() + for_seconds
        await asyncio.gather(*(read(port, paths, turn, until, seen) for _ in range(READERS)))

    async def watch(for_seconds: float) -> None:
        for _ in range(5):
            memory.append(round(process.memory_info().rss / 2**20, 1))
            await asyncio.sleep(for_seconds / 4 * 0.97)

    async def whole() -> Measured:
        turn, seen = [0], Measured()
        await phase(WARM_SECONDS, turn, Measured())
        begun.extend((time.perf_counter(), sum(process.cpu_times()[:2])))
        await asyncio.gather(phase(seconds, turn, seen), watch(seconds))
        return seen

    seen = asyncio.run(whole())
    spent, worked = time.perf_counter() - begun[0], sum(process.cpu_times()[:2]) - begun[1]
    ordered = sorted(seen.latencies) or [float("nan")]
    return {
        "tiles": len(seen.latencies),
        "errors": len(seen.errors),
        "first_errors": seen.errors[:3],
        "tiles_per_second": round(len(seen.latencies) / spent, 1),
        "cpu_ms_per_tile": round(worked / max(1, len(seen.latencies)) * 1e3, 2),
        "p50_ms": round(ordered[len(ordered) // 2] * 1e3, 1),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)] * 1e3, 1),
        "max_ms": round(ordered[-1] * 1e3, 1),
        "kilobytes_per_tile": round(seen.sent / max(1, len(seen.latencies)) / 1024, 1),
        "rss_mib_at_0_25_50_75_100_percent": memory,
    }


def prepared(demo: Path, folder: Path) -> tuple[Path, Path]:
    """Return a catalogue of our own with the demonstration's products in it, and the folder of its files."""
    from mitoshi.workflows.shelf import Shelf, publish

    from mitoshi.catalog import Catalogue

    region = next(p for p in sorted(demo.iterdir()) if (p / "catalogue").is_dir())
    store = folder / "store"
    shutil.copytree(region / "catalogue", store, ignore=shutil.ignore_patterns("service"))
    catalogue = Catalogue(store)
    for bundle in Shelf((demo / "response", region / "catalogue" / "service" / "runs")).bundles():
        publish(bundle, catalogue)
    return store, demo


def questions(store: Path, data: Path, count: int) -> tuple[list[str], list[str]]:
    """Return the same tiles as addresses of ours and as addresses of TiTiler: one band each, the same size and resampling."""
    from mitoshi.display.drawing import place_of
    from mitoshi.display.layers import listing_of
    from mitoshi.display.legend import Classes, Ramp
    from mitoshi.display.tile_grid import HALF_WORLD
    from mitoshi.interfaces.api import Settings
    from mitoshi.interfaces.api.service import Service

    generator = random.Random(SEED)
    layers = [
        layer
        for layer in listing_of(Service(Settings(store=store, data=(data,)))).layers().values()
        if layer.raster is not None and len(layer.raster.bands) == 1
    ]
    ours, theirs = [], []
    for _ in range(count):
        layer, z = generator.choice(layers), generator.choice(LEVELS)
        raster, side = layer.raster, 2 * HALF_WORLD / 2**z
        assert raster is not None
        west, south, east, north = place_of(raster).bounds
        x = int((generator.uniform(west, east) + HALF_WORLD) / side)
        y = int((HALF_WORLD - generator.uniform(south, north)) / side)
        tile = layer.described()["tiles"].replace("{z}", str(z)).replace("{x}", str(x)).replace("{y}", str(y))
        band, style = raster.bands[0], raster.style
        asked: dict[str, Any] = {"url": band.location.path, "bidx": band.number}
        if isinstance(style, Ramp):
            low, high = layer.rescale or style.limits
            asked |= {"rescale": f"{low},{high}", "resampling": "bilinear", "reproject": "bilinear"}
            asked |= {"colormap_name": style.colours.lower()} if isinstance(style.colours, str) else {}
            if raster.decibel:  # the nearest that TiTiler does: linear power, and no logarithm
                asked["rescale"] = f"{10 ** (low / 10)},{10 ** (high / 10)}"
        assert isinstance(style, Classes | Ramp)
        ours.append(tile)
        theirs.append(f"/cog/tiles/WebMercatorQuad/{z}/{x}/{y}.png?{urlencode(asked)}")
    return ours, theirs


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def started(command: list[str], port: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start a server and return it once it listens."""
    environment = {**os.environ, "GDAL_CACHEMAX": "128", "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
    if "titiler" in " ".join(command):
        environment.pop("GDAL_SKIP", None)  # mitoshi runs without GDAL's VRT driver; TiTiler needs it
    log = (folder / f"server-{port}.log").open("wb")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit(f"the server ended: {(folder / f'server-{port}.log').read_text()[-2000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return process
    raise SystemExit("the server did not start within a minute")


def ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Jobs:
    """Keeps five jobs going: a finished one is followed by the next."""

    def __init__(self, store: Path, workers: int) -> None:
        from mitoshi.catalog import Catalogue
        from mitoshi.simulation import EVENT
        from mitoshi.workflows.jobs import Jobs as Queue
        from mitoshi.workflows.jobs import Workers

        item = Catalogue(store).search(quantity="elevation")[0]
        self._request = {
            "method": "disaster.flood-extent", "data": {}, "parameters": {}, "area": list(item.bbox), "event": EVENT,
        }  # fmt: skip
        self._queue, self._over = Queue(store / "service"), threading.Event()
        self._workers = Workers(self._queue, store=store, count=workers)
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self.kept: list[str] = []

    def __enter__(self) -> Jobs:
        self._workers.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._over.set()
        self._thread.join()
        self._workers.__exit__(None, None, None)

    def _feed(self) -> None:
        while not self._over.wait(0.2):
            _, going = self._queue.page(1, 0, status=("accepted", "running"))
            for _ in range(JOBS - going):
                self._queue.submit("run", "disaster.flood-extent", self._request)

    def counted(self) -> dict[str, int]:
        """Return how many jobs there are by status."""
        return {name: self._queue.page(1, 0, status=(name,))[1] for name in ("running", "successful", "failed")}


def compare(demo: Path, peer: str, seconds: float, workers: int, order: list[str]) -> dict[str, Any]:
    """Measure each phase of `order` ("ours", "ours-cached", "titiler") in turn."""
    found: dict[str, Any] = {
        "readers": READERS,
        "jobs": JOBS,
        "seconds": seconds,
        "cores": os.cpu_count(),
        "phases": [],
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        store, data = prepared(demo, folder)
        ours, theirs = questions(store, data, 20_000)
        found["distinct_tiles"] = len(set(ours))
        for name in order:
            port = free_port()
            cache = str(32 * 2**20 if name == "ours-cached" else 0)
            command = [sys.executable, "-c", OURS, str(store), str(data), str(port), cache]
            if name == "titiler":
                command = [
                    peer,
                    "-m",
                    "uvicorn",
                    "titiler.application.main:app",
                    "--port",
                    str(port),
                    "--no-access-log",
                ]
            with Jobs(store, workers) as jobs:
                process = started(command, port, folder)
                try:
                    before = jobs.counted()
                    phase = load(port, theirs if name == "titiler" else ours, seconds, process.pid)
                    after = jobs.counted()
                finally:
                    ended(process)
            done = {
                "jobs_done": after["successful"] - before["successful"],
                "jobs_failed": after["failed"] - before["failed"],
            }
            found["phases"].append({"server": name, **phase, **done, "load_average": os.getloadavg()[0]})
            print(json.dumps(found["phases"][-1]), file=sys.stderr, flush=True)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--demo", type=Path, required=True, help="what mitoshi demo left")
    options.add_argument("--peer", default="", help="Python in which titiler.application is installed")
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--workers", type=int, default=JOBS, help="worker processes that carry out the jobs")
    options.add_argument("--order", default="ours,titiler,ours-cached")
    given = options.parse_args()
    order = [name for name in given.order.split(",") if given.peer or name != "titiler"]
    print(json.dumps(compare(given.demo, given.peer, given.seconds, given.workers, order), indent=1))


if __name__ == "__main__":
    main()
