"""Bundles: what is told of one is what it says, its files are handed out whole or not at all, and the zip is the evidence."""

from __future__ import annotations

import hashlib
import io
import json
import shlex
import shutil
import subprocess
import time
import tracemalloc
import zipfile
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from starlette.testclient import TestClient

from mitoshi.evidence import Bundle, verify
from mitoshi.evidence.bundle import read_json, read_sums
from mitoshi.interfaces.api import Settings, bundles, problems
from mitoshi.interfaces.api.app import create_app
from mitoshi.interfaces.api.bundle_account import rerun_command
from mitoshi.interfaces.api.bundle_files import media_type, zipped
from mitoshi.interfaces.api.security.access import needed_scope
from mitoshi.interfaces.api.service import Service
from mitoshi.interfaces.cli import cli
from mitoshi.workflows.jobs import Jobs

EVENT = "2026-10-12T00:00:00Z"


def first(store) -> Bundle:
    return Bundle.open(next((store / "service" / "runs").iterdir()))


@pytest.fixture(scope="module")
def bundle(small_store):
    return first(small_store)


@pytest.fixture(scope="module")
def root(bundle):
    return f"/bundles/{bundle.id}"


@pytest.fixture(scope="module")
def account(client, root):
    answer = client.get(root)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def bare(small_store):
    """Return a client of nothing but the bundles, without the gate before them."""
    app = FastAPI()
    problems.install(app)
    bundles.attach(app, Service(Settings(store=small_store, workers=0)))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def own(fresh_store):
    settings = Settings(
        store=fresh_store, data=(fresh_store.parent / "archive",), workers=0, names=("testserver",), port=80
    )
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


# What is told


def test_the_list_names_every_bundle_and_where_it_is_shown(client, bundle):
    (told,) = client.get("/bundles").json()["bundles"]
    assert (told["id"], told["method"], told["version"]) == (bundle.id, bundle.method, bundle.version)
    assert told["title"]["ja"] == "レーダーによる浸水域"
    assert told["simulated"] is True
    assert told["layers"] == [
        f"{bundle.method}/{bundle.id[:12]}-{name}/data" for name in ("flood", "flood_probability")
    ]


def test_every_layer_of_a_bundle_is_a_layer_of_the_map(client, bundle):
    """The list of layers has its own owner: both must call them alike."""
    layers = {layer["id"]: layer for layer in client.get("/layers").json()["layers"]}
    (told,) = client.get("/bundles").json()["bundles"]
    assert set(told["layers"]) == {name for name, layer in layers.items() if layer["bundle"] == bundle.id}


def test_the_account_says_what_the_bundle_says(account, bundle):
    run, environment = read_json(bundle.path, "run.json"), read_json(bundle.path, "environment.json")
    assert account["method"]["source_sha256"] == run["method"]["source_sha256"]
    assert (account["created"], account["event"], account["area"]) == (run["time"], run["event"], run["area"])
    assert {p["name"]: p["value"] for p in account["parameters"]} == run["parameters"]
    assert account["code"]["mitoshi"] == environment["mitoshi"]
    assert {**account["code"], **account["environment"]} == environment
    assert [i["argument"] for i in account["inputs"]] == list(run["inputs"])
    for told in account["inputs"]:
        for item, record in zip(told["items"], run["inputs"][told["argument"]], strict=True):
            assert (item["id"], item["sha256"]) == (record["id"], record["files"][0]["sha256"])
            assert item["simulated"] is True
    assert account["licence"] == "Apache-2.0"
    assert len(account["choice"]) == len(run["choice"]) > 0
    assert all(set(c) == {"en", "ja"} for c in account["choice"] + account["caveats"])


def test_every_checksum_told_is_that_of_the_file(account, bundle):
    sums = read_sums(bundle.path)
    told = {f["name"]: f for f in account["files"]}
    assert set(told) == {*sums, "SHA256SUMS"}
    for name, file in told.items():
        content = (bundle.path / name).read_bytes()
        assert (file["sha256"], file["size"]) == (hashlib.sha256(content).hexdigest(), len(content))
    for product in account["products"]:
        assert product["sha256"] == sums[product["file"]]


def test_every_figure_has_its_interval_or_the_reason_in_both_languages(account):
    for figure in account["figures"]:
        assert figure["lower"] is not None or set(figure["reason"]) == {"en", "ja"}
        assert figure["units"]
        assert all(figure["said"][language] for language in ("en", "ja"))
    area = next(f for f in account["figures"] if f["name"] == "flooded_area")
    assert "90" in area["said"]["en"]


def test_every_address_of_the_account_is_served(client, account):
    addresses = [f["href"] for f in account["files"]] + [account["archive"]]
    addresses += [*account["reports"].values(), *account["quicklooks"].values()]
    addresses += [i["item"] for told in account["inputs"] for i in told["items"]]
    assert set(account["reports"]) == set(account["quicklooks"]) == {"en", "ja"}
    for address in addresses:
        assert client.get(address).status_code == 200, address


def test_nothing_of_this_machine_is_told(client, account, small_store):
    assert str(small_store.parent) not in json.dumps(account)
    assert "/tmp/" not in json.dumps(account)


def test_the_command_of_the_account_makes_the_same_products(account, bundle, small_store, tmp_path, monkeypatch):
    """In a shell where the input files lie, `rerun` gives what the bundle holds, bit for bit."""
    monkeypatch.chdir(small_store.parent / "archive")
    command = shlex.split(account["rerun"])
    assert command[:3] == ["mitoshi", "run", "disaster.flood-extent"]
    out = tmp_path / "again"
    arguments = [*(a for a in command[1:] if not a.startswith("--out=")), f"--out={out}", "--json"]
    answer = CliRunner().invoke(cli, arguments)
    assert answer.exit_code == 0, answer.output
    for name in bundle.products:
        assert (out / name).read_bytes() == (bundle.path / name).read_bytes()


def test_a_command_is_safe_to_paste():
    record = {"name": "a b'; rm -rf ~.tif", "description": "units=dB,bands=VV+VH", "files": []}
    run = {
        "method": {"name": "disaster.flood-depth"},
        "inputs": {"flood": [record], "elevation": [record, record]},
        "parameters": {"surface_slope": -1e-06},
        "area": [-10.5, -1.0, 3.0, 4.0],
        "event": None,
        "tile_size": 512,
        "time": EVENT,
    }
    assert shlex.split(rerun_command(run, "flood-depth-1")) == [
        "mitoshi", "run", "disaster.flood-depth", "--flood=a b'; rm -rf ~.tif#units=dB,bands=VV+VH",
        "--surface-slope=-1e-06", "--area=-10.5,-1.0,3.0,4.0", "--tile-size=512", f"--time={EVENT}",
        "--out=flood-depth-1-again",
    ]  # fmt: skip


def test_a_bundle_is_found_by_its_first_twelve_digits(client, bundle):
    assert client.get(f"/bundles/{bundle.id[:12]}").json()["id"] == bundle.id


@pytest.mark.parametrize(
    ("name", "status"), [("0" * 64, 404), ("0" * 12, 404), ("0" * 11, 400), ("g" * 64, 400), ("0" * 65, 400)]
)
def test_an_unknown_bundle_is_no_bundle(client, name, status):
    for address in (f"/bundles/{name}", f"/bundles/{name}/bundle.zip", f"/bundles/{name}/files/run.json"):
        answer = client.get(address)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
    assert client.post(f"/bundles/{name}/verify").status_code == status


# One file


def test_a_file_comes_with_its_checksum_and_only_if_it_has_changed(client, root, bundle):
    sums = read_sums(bundle.path)
    answer = client.get(f"{root}/files/flood.tif")
    assert hashlib.sha256(answer.content).hexdigest() == sums["flood.tif"]
    assert answer.headers["etag"] == f'"{sums["flood.tif"]}"'
    assert answer.headers["content-type"].startswith("image/tiff")
    assert answer.headers["x-content-type-options"] == "nosniff"
    for given in (answer.headers["etag"], f'"other", W/{answer.headers["etag"]}', "*"):
        again = client.get(f"{root}/files/flood.tif", headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"{root}/files/flood.tif", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_part_of_a_file_is_had_by_range(client, root, bundle):
    whole = (bundle.path / "flood.tif").read_bytes()
    part = client.get(f"{root}/files/flood.tif", headers={"Range": "bytes=10-29"})
    assert (part.status_code, part.content) == (206, whole[10:30])
    assert part.headers["content-range"] == f"bytes 10-29/{len(whole)}"
    etag = part.headers["etag"]
    resumed = client.get(f"{root}/files/flood.tif", headers={"Range": "bytes=10-", "If-Range": etag})
    assert (resumed.status_code, resumed.content) == (206, whole[10:])
    changed = client.get(f"{root}/files/flood.tif", headers={"Range": "bytes=10-", "If-Range": '"other"'})
    assert (changed.status_code, changed.content) == (200, whole)
    assert client.get(f"{root}/files/flood.tif", headers={"Range": "bytes=99999999-"}).status_code == 416
    head = client.head(f"{root}/files/flood.tif")
    assert (head.status_code, head.content, int(head.headers["content-length"])) == (200, b"", len(whole))


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("report.ja.pdf", "application/pdf", "inline"), ("quicklook.png", "image/png", "inline"),
        ("run.json", "application/json", "inline"), ("flood.geojson", "application/geo+json", "inline"),
        ("inputs/after.json", "application/json", "inline"), ("SHA256SUMS", "text/plain", "attachment"),
        ("flood.tif", "image/tiff", "attachment"),
    ],
)  # fmt: skip
def test_a_file_says_what_it_is(client, root, bundle, name, kind, shown):
    answer = client.get(f"{root}/files/{name}")
    assert answer.content == (bundle.path / name).read_bytes()
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["content-disposition"].startswith(shown)


def test_what_a_browser_could_run_is_plain_bytes():
    assert {media_type(n) for n in ("a.html", "a.svg", "a.js", "a.xml", "html")} == {"application/octet-stream"}


@pytest.mark.parametrize(
    "name",
    [
        "none.tif", "inputs", "inputs/", "%2e%2e/%2e%2e/%2e%2e/catalogue/manifest.json", "..%2f..%2f..%2fmanifest.json",
        "inputs/..%2frun.json", "inputs%2f%2e%2e%2frun.json", "%2fetc%2fhostname", "/etc/hostname", "run.json%00.png",
        "..%5crun.json", "RUN.JSON", "%2e/run.json", "stac//flood.json", "a" * 1000,
    ],
)  # fmt: skip
def test_no_name_leads_out_of_the_bundle(client, bare, root, name):
    """Neither through the gate, which refuses the forms of such names, nor where it were not there."""
    for door, statuses in ((client, (400, 404)), (bare, (404,))):
        answer = door.get(f"{root}/files/{name}")
        assert answer.status_code in statuses, answer.text[:200]
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_link_and_what_is_not_listed_are_never_served(own, fresh_store):
    bundle = first(fresh_store)
    secret = fresh_store / "secret.txt"
    secret.write_text("not for you")
    (bundle.path / "unlisted.txt").write_text("not for you")
    (bundle.path / "stac" / "flood.json").unlink()
    (bundle.path / "stac" / "flood.json").symlink_to(secret)
    for name in ("unlisted.txt", "stac/flood.json"):
        answer = own.get(f"/bundles/{bundle.id}/files/{name}")
        assert answer.status_code == 404
        assert "not for you" not in answer.text
    assert own.get(f"/bundles/{bundle.id}/bundle.zip").status_code == 404


def test_a_folder_that_became_a_link_serves_nothing(own, fresh_store, tmp_path):
    bundle = first(fresh_store)
    shutil.copytree(bundle.path / "stac", tmp_path / "stac")
    shutil.rmtree(bundle.path / "stac")
    (bundle.path / "stac").symlink_to(tmp_path / "stac")
    assert own.get(f"/bundles/{bundle.id}/files/stac/flood.json").status_code == 404


def test_a_bundle_that_lost_a_file_says_so(own, fresh_store):
    bundle = first(fresh_store)
    (bundle.path / "report.ja.pdf").unlink()
    answer = own.get(f"/bundles/{bundle.id}/bundle.zip")
    assert answer.status_code == 409
    assert str(fresh_store) not in answer.text


# All of it


def test_the_zip_is_the_bundle_and_passes_sha256sum(client, root, bundle, tmp_path):
    answer = client.get(f"{root}/bundle.zip")
    assert answer.headers["content-type"] == "application/zip"
    folder = f"flood-extent-{bundle.id[:12]}"
    assert answer.headers["content-disposition"] == f'attachment; filename="{folder}.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert {i.compress_type for i in archive.infolist()} == {zipfile.ZIP_STORED}
        assert all(n.startswith(f"{folder}/") for n in archive.namelist())
        archive.extractall(tmp_path)
    checked = subprocess.run(
        ["sha256sum", "-c", "--strict", "SHA256SUMS"],
        cwd=tmp_path / folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count(": OK") == len(read_sums(bundle.path))
    assert Bundle.open(tmp_path / folder).id == bundle.id


def test_the_same_bundle_is_the_same_zip(client, root):
    one, two = client.get(f"{root}/bundle.zip"), client.get(f"{root}/bundle.zip")
    assert one.content == two.content
    assert one.headers["etag"] == two.headers["etag"]
    held = client.get(f"{root}/bundle.zip", headers={"If-None-Match": one.headers["etag"]})
    assert (held.status_code, held.content) == (304, b"")
    assert client.head(f"{root}/bundle.zip").content == b""


def test_a_zip_takes_no_memory_however_large_the_files(tmp_path):
    large, size = tmp_path / "large.tif", 200 * 2**20
    with large.open("wb") as file:
        file.truncate(size)
    tracemalloc.start()
    total = sum(len(piece) for piece in zipped([("a/large.tif", large), ("a/again.tif", large)]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total > 2 * size
    assert peak < 8 * 2**20


def test_a_zip_is_of_the_kind_that_may_exceed_four_gibibytes(tmp_path):
    small = tmp_path / "small.txt"
    small.write_text("x")
    content = b"".join(zipped([("small.txt", small)]))
    assert content[:4] == b"PK\x03\x04"
    assert int.from_bytes(content[4:6], "little") == 45  # needs ZIP64
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("small.txt") == b"x"


# Verified


def test_a_verification_is_queued(own, fresh_store):
    bundle = first(fresh_store)
    answer = own.post(f"/bundles/{bundle.id[:12]}/verify")
    assert answer.status_code == 201
    job = Jobs(fresh_store / "service").get(answer.json()["jobID"])
    assert answer.headers["location"].endswith(f"/ogc/jobs/{job.id}")
    assert (job.kind, job.process) == ("verify", "verify")
    assert job.request == {"bundle": bundle.id, "folder": str(bundle.path)}
    assert str(fresh_store) not in answer.text


def until_done(client, address):
    for _ in range(1200):
        status = client.get(address).json()
        if status["status"] in ("successful", "failed", "dismissed"):
            return status
        time.sleep(0.1)
    raise AssertionError(f"{address} is not done in two minutes")


@pytest.mark.slow
def test_from_a_request_to_evidence_that_a_stranger_checks(served, area, tmp_path):
    """A run by HTTP, followed by events, its bundle taken home, checked with sha256sum and run again with mitoshi verify."""
    with httpx.Client(base_url=served.url, timeout=60) as client:
        body = {"inputs": {"area": list(area), "event": EVENT, "threshold_shift": -0.05}}
        queued = client.post(
            "/ogc/processes/disaster.flood-extent/execution", json=body, headers={"Prefer": "respond-async"}
        )
        assert queued.status_code == 201
        job = queued.json()["jobID"]
        with client.stream("GET", f"/ogc/jobs/{job}/events") as stream:
            lines = [line.removeprefix("data: ") for line in stream.iter_lines() if line.startswith("data: ")]
        statuses = [json.loads(line) for line in lines]
        assert statuses[-1]["status"] == "successful", statuses[-1]
        shares = [s["progress"] for s in statuses if s["status"] == "running"]
        assert shares == sorted(shares)
        assert statuses[-1]["progress"] == 100

        results = client.get(f"/ogc/jobs/{job}/results").json()
        account = client.get(results["bundle"]["href"]).json()
        assert {p["name"]: p["value"] for p in account["parameters"]} == {
            "threshold_shift": -0.05, "land_cover_scheme": "esa-worldcover", "built_up_threshold": 0.1,
            "look_azimuth_deg": -1.0, "incidence_deg": 0.0,
            "co_slope_db": -0.394, "cross_slope_db": 0.0,
        }  # fmt: skip
        assert all(p["layer"] for p in account["products"])
        archive = client.get(account["archive"]).content

        location = client.post(f"/bundles/{account['id']}/verify").headers["location"]
        assert until_done(client, location)["status"] == "successful"
        assert client.get(f"{location}/results").json()["verdict"]["value"]["status"] == "identical"

    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        packed.extractall(tmp_path)
    (folder,) = (p for p in tmp_path.iterdir() if p.is_dir())
    subprocess.run(["sha256sum", "-c", "--quiet", "--strict", "SHA256SUMS"], cwd=folder, check=True)
    assert verify(folder, inputs=Path(served.store).parent / "archive").status == "identical"


def test_products_are_adopted_and_withdrawn_over_http_and_by_command(fresh_store):
    bundle = first(fresh_store)
    address = f"/bundles/{bundle.id}"
    with TestClient(create_app(Settings(store=fresh_store, workers=0)), base_url="http://127.0.0.1:8000") as client:
        assert client.get(address).json()["adoption"] is None
        done = client.put(f"{address}/adoption", json={"by": "佐藤", "reason": "checked in the field"})
        assert done.status_code == 200, done.text
        assert set(done.json()["items"]) == {f"{bundle.id[:12]}-flood", f"{bundle.id[:12]}-flood_probability"}
        adoption = client.get(address).json()["adoption"]
        assert (adoption["by"], adoption["reason"]) == ("佐藤", "checked in the field")
        assert adoption == client.get("/bundles").json()["bundles"][0]["adoption"]
        item = client.get(f"/stac/collections/{bundle.method}/items/{bundle.id[:12]}-flood").json()
        assert item["properties"]["mitoshi:standing"] == "adopted"
        assert item["properties"]["mitoshi:adopted_by"] == "佐藤"

        told = CliRunner().invoke(cli, ["adopt", bundle.id[:12], "--withdraw", "--store", str(fresh_store), "--json"])
        assert json.loads(told.output)["standing"] == "trial", told.output
        assert client.get(address).json()["adoption"] is None
        told = CliRunner().invoke(cli, ["adopt", bundle.id, "--by", "Hanako", "--store", str(fresh_store)])
        assert told.output.count(" is adopted\n") == 2
        assert client.get(address).json()["adoption"]["by"] == "Hanako"
        assert client.delete(f"{address}/adoption").status_code == 204
        assert client.get(address).json()["adoption"] is None


@pytest.mark.parametrize(
    "body",
    [{}, {"by": ""}, {"by": "x" * 201}, {"by": " "}, {"by": "a\nb"}, {"by": "a", "at": "2020-01-01"}, [], {"by": 1}],
)
def test_an_adoption_without_a_plain_name_is_refused(client, root, body):
    done = client.put(f"{root}/adoption", json=body)
    assert done.status_code in (400, 422), done.text
    assert client.put("/bundles/000000000000/adoption", json={"by": "a"}).status_code == 404


@pytest.mark.parametrize("words", [(), ("--by", ""), ("--by", "a", "--withdraw"), ("--withdraw", "--reason", "b")])
def test_the_command_asks_who_adopts(bundle, small_store, words):
    done = CliRunner().invoke(cli, ["adopt", bundle.id, "--store", str(small_store), *words])
    assert done.exit_code != 0


def test_adopting_over_http_needs_the_scope_write():
    assert needed_scope("PUT", "/bundles/0123456789ab/adoption") == "write"
    assert needed_scope("DELETE", "/bundles/0123456789ab/adoption") == "write"
    assert needed_scope("POST", "/bundles/0123456789ab/verify") == "execute"
