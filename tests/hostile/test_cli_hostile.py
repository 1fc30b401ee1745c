"""Every hostile file through the command line: one line or a finished bundle, little memory, nothing disclosed, nothing sent."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),
]
MEMORY = 2 * 2**30  # bytes resident
ADDRESS_SPACE = 8 * 2**30  # bytes; libraries, thread stacks and arenas are mapped too
SECONDS = 80
SECONDS_PER_RUN = 10
SECRETS = (b"root:", b"/bin/bash", b"nologin")
# Small pictures that GDAL decodes without an error are images like any other; the rest must be refused.
HARMLESS = re.compile(
    r"268_poc|269\.jp2|367-PoC|poc_264|_oom_crash_id_000058|_oor_panic_id_000023|0da013a|74d2a78|wrong_bits"
)
DESCRIBED = "#quantity=sigma0,units=1,bands=VV,time=2024-01-01T00:00:00Z"  # what gets a file past "what is this?"
REFUSALS = {"InputError", "QuantityError", "ParameterError", "UnknownFileError", "RefusedError", "RunError"}

MEASURED = """
import json, resource, subprocess, sys
done = subprocess.run([sys.executable, "-c", "from mitoshi.interfaces.cli import main; main()", *sys.argv[1:]],
                      capture_output=True, text=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
print(json.dumps({"status": done.returncode, "out": done.stdout, "err": done.stderr, "peak": peak}))
"""

DRIVER = """
import json, logging, pathlib, resource, sys, time
limit, listed, told = int(sys.argv[1]), sys.argv[2], sys.argv[3]
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
import click
from mitoshi.core.errors import MitoshiError
from mitoshi.interfaces.cli import cli
logging.getLogger("mitoshi").addHandler(logging.NullHandler())
with open(told, "w") as out:
    for arguments in json.loads(pathlib.Path(listed).read_text()):
        start = time.monotonic()
        print("@", arguments, file=sys.stderr, flush=True)
        try:
            cli.main(arguments, standalone_mode=False)
            kind, message = "done", ""
        except (MitoshiError, click.ClickException) as error:
            kind, message = type(error).__name__, str(error)
        except BaseException as error:
            kind, message = "unexpected " + type(error).__name__, str(error)
        print(json.dumps([kind, message, time.monotonic() - start]), file=out, flush=True)
    status = pathlib.Path("/proc/self/status").read_text().split()
    print(json.dumps(int(status[status.index("VmHWM:") + 1]) * 1024), file=out)
"""


@pytest.fixture(scope="module")
def listener():
    """Return the port of a server of this machine, and the addresses that connected to it."""
    server = socket.create_server(("127.0.0.1", 0))
    sent: list[object] = []

    def accept() -> None:
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


@pytest.fixture(scope="module")
def files(shared_data):
    return sorted(path for path in shared_data("platform/hostile").rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MITOSHI_TRUSTED", "MITOSHI_DEBUG"))}
    return kept | {"MITOSHI_CACHE": str(tmp_path_factory.mktemp("cache"))}


def disguises(files, port, folder):
    """Write the VRTs under other names and in archives, and a STAC item and a VRT that aim at our listener."""
    made = []
    for path in [p for p in files if p.suffix == ".vrt"]:
        content = path.read_text().replace("127.0.0.1:9", f"127.0.0.1:{port}")
        for suffix in (".tif", ".png", ".json", ".nc", ".vrt"):
            made.append(folder / f"{path.stem}-aimed{suffix}")
            made[-1].write_text(content)
        for member in ("B04.tif", path.name):
            made.append(folder / f"{path.stem}-{member}.zip")
            with zipfile.ZipFile(made[-1], "w") as archive:
                archive.writestr(member, content)
    item = json.loads(next(p for p in files if p.name == "href_path_traversal.json").read_text())
    secret = next(p for p in files if p.name == "raw_etc_passwd.vrt").read_text()
    for number, href in enumerate((*addresses(port), "../../../../../../etc/passwd", secret)):
        item["assets"] = {"data": {"href": href, "roles": ["data"], "type": "image/tiff; application=geotiff"}}
        made.append(folder / f"aimed-{number}.json")
        made[-1].write_text(json.dumps(item))
    return made


def addresses(port):
    return (
        f"http://127.0.0.1:{port}/x.tif",
        f"http://localhost:{port}/x.tif",
        f"http://2130706433:{port}/x.tif",
        f"http://[::ffff:127.0.0.1]:{port}/x.tif",
        f"HTTP://127.0.0.1:{port}/x.tif",
        f"https://127.0.0.1:{port}/x.tif",
        "http://169.254.169.254/latest/meta-data/x.tif",
        f"/vsicurl/http://127.0.0.1:{port}/x.tif",
        f"/vsizip//vsicurl/http://127.0.0.1:{port}/x.zip/y.tif",
        "/vsizip/x.zip/y.tif",
        "file:///etc/passwd",
        "/etc/passwd",
        "GTIFF_DIR:1:/etc/passwd",
        'NETCDF:"/etc/passwd":x',
        "http://[::1/x.tif",
        "http://a..b/x.tif",
        "s3://bucket/x.tif",
        "/dev/zero",
        "x" * 5000,
        "a\0b",
    )


def landscape(path):
    """Write a small scene of backscatter on which a hostile elevation is laid."""
    import rasterio
    from rasterio.transform import from_origin

    values = np.random.default_rng(1).gamma(4, 0.025, (1, 64, 64)).astype("float32")
    place = {"crs": "EPSG:32654", "transform": from_origin(400_000, 4_000_000, 10, 10)}
    with rasterio.open(path, "w", driver="GTiff", count=1, height=64, width=64, dtype="float32", **place) as dataset:
        dataset.write(values)
    return f"{path}#quantity=sigma0,units=1,bands=VV,time=2024-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def runs(files, listener, environment, tmp_path_factory):
    """Return, for each argument and hostile source, what `mitoshi run` did: kind, message, seconds, folder of the bundle."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "disguised").mkdir()
    secret = next(p for p in files if p.name == "raw_etc_passwd.vrt").read_text()
    sources = [
        *map(str, [*files, *disguises(files, listener[0], folder / "disguised")]),
        *addresses(listener[0]),
        secret,
    ]
    after = landscape(folder / "after.tif")
    keys = [(argument, source) for argument in ("after", "elevation") for source in sources]
    keys += [("after", f"{path}{DESCRIBED}") for path in files]
    keys.append(("after", after))  # a control: an honest image becomes a bundle
    asked = []
    for number, (argument, source) in enumerate(keys):
        given = ["--after", source] if argument == "after" else ["--after", after, "--elevation", source]
        out = ["--out", str(folder / "out" / str(number)), "--time", "2026-01-01T00:00:00Z"]
        asked.append(["run", "disaster.flood-extent", *given, *out])
    (folder / "asked.json").write_text(json.dumps(asked))
    command = [sys.executable, "-c", DRIVER, str(ADDRESS_SPACE), str(folder / "asked.json"), str(folder / "told")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    *told, peak = [json.loads(line) for line in (folder / "told").read_text().splitlines()]
    outcomes = {
        key: (*outcome, folder / "out" / str(number))
        for number, (key, outcome) in enumerate(zip(keys, told, strict=True))
    }
    return outcomes, peak, done.stdout + done.stderr, folder


def test_every_run_ends_in_a_bundle_or_one_line(runs, files):
    outcomes = runs[0]
    assert len(outcomes) >= 2 * (170 + 45) + 170
    hostile, own = {str(path) for path in files}, str(runs[3] / "after.tif")
    for (argument, source), (kind, message, seconds, out) in outcomes.items():
        about = (argument, source[:200], kind, message)
        assert seconds < SECONDS_PER_RUN, about
        if kind == "done":
            path = source.partition("#")[0]
            assert path == own or (path in hostile and HARMLESS.search(path)), about
            assert (out / "SHA256SUMS").is_file(), about
            continue
        assert kind in REFUSALS, about
        assert "\n" not in message, about
        assert 20 < len(message) < 1000, about
        assert not out.exists(), about
    assert [o[0] for (_, source), o in outcomes.items() if source.startswith(own)] == ["done"]


def test_no_run_prints_warnings_or_tracebacks(runs):
    printed = [line for line in runs[2].splitlines() if not line.startswith("@ ")]
    for word in ("Traceback", "Warning", "ERROR", "CPLE"):
        assert not [line for line in printed if word in line], word


def test_runs_stay_small(runs):
    assert runs[1] < MEMORY


def test_no_run_discloses_a_file_or_sends_a_request(runs, listener):
    outcomes, _, printed, folder = runs
    written = [p for p in (folder / "out").rglob("*") if p.is_file()]
    assert written
    contents = [printed.replace("/etc/passwd", "").encode(), *(o[1].encode() for o in outcomes.values())]
    contents += [p.read_bytes() for p in written]
    for secret in SECRETS:
        assert not [c[:200] for c in contents if secret in c]
    assert listener[1] == []


def test_private_addresses_are_refused_as_such(runs, listener):
    refused = [url for url in addresses(listener[0]) if url.lower().startswith("http") and "//[::1/" not in url]
    for url in (u for u in refused if "a..b" not in u):
        kind, message, *_ = runs[0]["after", url]
        assert (kind, "private network" in message) == ("RefusedError", True), (url, message)


def measured(environment, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=environment,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def ingested(files, listener, environment, tmp_path_factory):
    """Return a copy of the hostile folder with disguises, the catalogue's folder, and what two ingests of it did."""
    folder = tmp_path_factory.mktemp("ingest")
    for path in files:
        target = folder / "hostile" / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    (folder / "hostile" / "disguised").mkdir()
    disguises(files, listener[0], folder / "hostile" / "disguised")
    arguments = ("ingest", str(folder / "hostile"), "--store", str(folder / "store"))
    return folder, [measured(environment, *arguments) for _ in range(2)]


def test_ingest_refuses_each_file_with_one_line(ingested):
    folder, (first, second) = ingested
    assert first["status"] == second["status"] == 0
    lines = first["err"].splitlines()
    assert all(line.startswith("refused ") for line in lines)
    assert "Traceback" not in first["out"] + first["err"]
    refused = [line.removeprefix("refused ").partition(": ")[0] for line in lines]
    there = {str(p) for p in (folder / "hostile").rglob("*") if p.is_file()}
    accepted = there - set(refused)
    assert len(refused) == len(set(refused))
    assert set(refused) <= there
    assert all(Path(path).suffix == ".json" for path in accepted), accepted  # descriptions without pixels
    assert "0 added, 0 updated" in second["out"]


def test_ingest_stays_small_and_sends_nothing(ingested, listener):
    assert max(done["peak"] for done in ingested[1]) < MEMORY
    assert listener[1] == []


def test_the_catalogue_is_readable_afterwards_and_holds_no_secret(ingested, environment):
    folder, (first, _) = ingested
    found = measured(environment, "search", "--store", str(folder / "store"), "--json")
    assert found["status"] == 0, found["err"]
    items = json.loads(found["out"])["features"]
    assert first["out"].startswith(f"{len(items)} added")
    hrefs = [asset["href"] for item in items for asset in item["assets"].values()]
    assert not [h for h in hrefs if "passwd" in h or "127.0.0.1" in h or "<" in h or h.startswith(("/vsi", "file:"))]
    for path in (p for p in (folder / "store").rglob("*") if p.is_file()):
        assert not any(secret in path.read_bytes() for secret in SECRETS), path


def test_archives_leave_nothing_outside(ingested, runs):
    del ingested, runs
    assert not [p for p in ("/tmp/evil.txt", "/tmp/pwned", "/evil.txt") if Path(p).exists()]
