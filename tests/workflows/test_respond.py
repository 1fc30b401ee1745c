"""The response: steps in order as inputs come, each published when ready, resumed after a kill, handed over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mitoshi.catalog import Catalogue
from mitoshi.core.errors import InputError
from mitoshi.core.requirement import instant
from mitoshi.evidence import verify
from mitoshi.sensors import items
from mitoshi.simulation import EVENT, region, write_region
from mitoshi.workflows.respond import respond
from mitoshi.workflows.response import RECORD, Entry, Record, clock_text, read_record, write_record

TIME = datetime(2026, 10, 13, 1, tzinfo=UTC)
SIZE = 384


class Ticking:
    """A clock that advances by a second whenever it is read."""

    def __init__(self) -> None:
        self.time = TIME

    def __call__(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


@pytest.fixture(scope="module")
def place():
    return region((SIZE, SIZE), seed=5)


@pytest.fixture(scope="module")
def archive(place, tmp_path_factory):
    folder = tmp_path_factory.mktemp("region")
    write_region(place, folder)
    return folder / "archive"


def ingested(folder, paths):
    report = Catalogue(folder / "store").ingest(paths, describe=items)
    assert not report.refused, report.refused
    return folder / "store"


def call(folder, place, store, **more):
    asked = {"area": place.bbox, "event": instant(EVENT), "store": store, "now": Ticking(), "workers": 1} | more
    return respond(folder / "response", **asked)


def test_a_clock_is_read_in_hours():
    assert clock_text(2 * 3600 + 3 * 60 + 4) == "T+2:03:04"
    assert clock_text(-61) == "T-0:01:01"


def test_a_record_survives_and_foreign_folders_are_left_alone(tmp_path):
    record = Record((1.0, 2.0, 3.0, 4.0), EVENT, EVENT).with_entry(Entry("flood", "waiting", reason="no image"))
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
    (tmp_path / RECORD).unlink()
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="holds other files"):
        read_record(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "x"


def test_unknown_steps_and_arguments_are_named(tmp_path, place):
    with pytest.raises(InputError, match="did you mean 'flood'"):
        call(tmp_path, place, tmp_path, steps=("flod",))
    with pytest.raises(InputError, match="unknown data argument 'houses'"):
        call(tmp_path, place, tmp_path, data={"houses": "x.gpkg"})


@pytest.mark.slow
def test_steps_wait_for_what_is_missing_and_go_on_when_it_comes(archive, place, tmp_path):
    before = sorted(
        p for p in archive.iterdir() if "20261012T200000Z" not in p.name and "ELEVATION" not in p.name.upper()
    )
    radar = [p for p in before if not ("2026101" in p.name and "RTC" in p.name)]
    store = ingested(tmp_path, radar)
    first = call(tmp_path, place, store, steps=("flood", "depth"))
    assert {k: e.status for k, e in first.record.entries.items()} == {"flood": "waiting", "depth": "waiting"}
    assert "after" in first.record.entries["flood"].reason
    assert "waits for flood" in first.record.entries["depth"].reason
    ingested(tmp_path, [archive])
    second = call(tmp_path, place, store, steps=("flood", "depth"))
    assert {k: e.status for k, e in second.record.entries.items() if k != "handover"} == {
        "flood": "done",
        "depth": "done",
    }
    assert verify(tmp_path / "response/depth").status == "identical"
    ids = {name: b.id for name, b in second.bundles.items()}
    third = call(tmp_path, place, store, steps=("flood", "depth"))
    assert {name: b.id for name, b in third.bundles.items()} == ids
    assert third.record.entries["flood"] == second.record.entries["flood"], "what is done is not done again"


@pytest.mark.slow
def test_a_response_to_another_event_is_not_mixed_in(archive, place, tmp_path):
    store = ingested(tmp_path, [archive])
    call(tmp_path, place, store, steps=())
    with pytest.raises(InputError, match="another area or event"):
        call(tmp_path, place, store, steps=(), event=instant(EVENT) + timedelta(days=1))


@pytest.mark.slow
def test_a_killed_response_goes_on_where_it_stopped(archive, place, tmp_path):
    store = ingested(tmp_path, [archive])
    out = tmp_path / "response"
    area = ",".join(str(v) for v in place.bbox)
    command = [str(Path(sys.executable).with_name("mitoshi")), "respond", "--area", area, "--event", EVENT, "--store", str(store),
               "--out", str(out), "--json"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    limit = time.monotonic() + 240
    while not (out / "flood" / "SHA256SUMS").exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < limit
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    process.stderr.close()
    assert verify(out / "flood").status == "identical", "what was published before the kill is whole"
    sealed = (out / "flood" / "SHA256SUMS").read_bytes()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stderr
    told = {s["step"]: s for s in json.loads(done.stdout)["steps"]}
    assert told["flood"]["status"] == "done"
    assert told["depth"]["status"] == "done"
    assert told["impact"]["status"] == "done", told["impact"]["reason"]
    assert told["handover"]["status"] == "done", told["handover"]["reason"]
    kept = (out / "flood" / "SHA256SUMS").read_bytes() == sealed
    shelved = any((out / "superseded").glob("flood-*")) if (out / "superseded").exists() else False
    assert kept or shelved, "a product is never lost"
    assert not list(out.glob(".*.mitoshi-*")), "no draft is left behind"
