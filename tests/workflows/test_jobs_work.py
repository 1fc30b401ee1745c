"""Worker processes at work: methods, verification, errors, progress, and what they leave."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from job_trials import finished, ground_store, installed, submitted, until
from service_fixtures import copy_of

from mitoshi.catalog import Catalogue
from mitoshi.core.discovery import find
from mitoshi.core.errors import MitoshiError, RunError, UnmetNeedError
from mitoshi.core.grid import BBox
from mitoshi.core.requirement import instant
from mitoshi.simulation import EVENT
from mitoshi.workflows.adoption import Adoption, adopt
from mitoshi.workflows.bundle_store import BundleStore
from mitoshi.workflows.jobs import Jobs, Workers
from mitoshi.workflows.jobs.work import reason
from mitoshi.workflows.task import run_method

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store(built_region, tmp_path_factory):
    return ground_store(built_region, tmp_path_factory.mktemp("ground"))


@pytest.fixture(scope="module")
def trials():
    with installed():
        yield


@pytest.fixture(scope="module")
def jobs(store, trials):
    found = Jobs(store / "service")
    with Workers(found, store=store, count=1):
        yield found


def asked(jobs, method, area, data=None, **parameters):
    """Return a job that ran a method at the time of the event, and every state that was seen on the way."""
    request = {"method": method, "data": data or {}, "parameters": parameters, "area": list(area), "event": str(EVENT)}
    seen = [jobs.submit("run", method, request)]
    until(lambda: seen.append(jobs.get(seen[0].id)) or seen[-1].final, f"{method} to end")
    assert seen[-1].status == "successful", seen[-1].error
    return seen[-1], seen


def behave(jobs, area, **parameters):
    return finished(jobs, submitted(jobs, area, **parameters))


def verified(jobs, bundle, folder):
    return finished(jobs, jobs.submit("verify", "verify", {"bundle": bundle, "folder": str(folder)}))


def told(job):
    return json.loads((Path(job.result["folder"]) / "run.json").read_text())


def test_flood_extent_then_depth_from_its_catalogued_product(built_region, area, tmp_path):
    store = copy_of(built_region, tmp_path)
    jobs = Jobs(store / "service")
    with Workers(jobs, store=store):
        flood, seen = asked(jobs, "disaster.flood-extent", area)
        assert (flood.progress, flood.attempts, flood.error) == (100, 1, "")
        assert [j.progress for j in seen] == sorted(j.progress for j in seen)
        assert [j.revision for j in seen] == sorted(j.revision for j in seen)
        bundle = BundleStore([jobs.runs]).find(flood.result["bundle"])
        assert bundle is not None
        assert str(bundle.path) == flood.result["folder"] == str((jobs.runs / flood.id).resolve())
        assert flood.result["items"] == [f"{bundle.id[:12]}-flood", f"{bundle.id[:12]}-flood_probability"]
        assert told(flood)["time"] == flood.started[:19] + "Z"
        assert told(flood)["area"] == list(area)

        item = flood.result["items"][0]
        depth, _ = asked(jobs, "disaster.flood-depth", area, {"flood": f"catalogue:{item}"}, edge_depth_m=0.2)
        sealed = Catalogue(store).search(collections=["disaster.flood-extent"])
        digests = {i.assets["data"].extra_fields["file:checksum"][4:] for i in sealed if i.id == item}
        assert {f["sha256"] for f in told(depth)["inputs"]["flood"][0]["files"]} == digests
        assert told(depth)["parameters"]["edge_depth_m"] == 0.2

        answer = verified(jobs, depth.result["bundle"], depth.result["folder"])
        assert (answer.status, answer.result["status"]) == ("successful", "identical")
        assert [p["status"] for p in answer.result["products"]] == ["identical"] * 6

        # A bundle names no path that leads far out of its own folder; the service's catalogue knows where its inputs are.
        far = tmp_path / "a" / "b" / "c" / "d" / "e" / "bundle"
        method, time = find("disaster.flood-depth"), instant("2026-11-23T00:00:00Z")
        asked_for = {"time": time, "store": store, "area": BBox.checked(area), "event": instant(EVENT)}
        with pytest.raises(UnmetNeedError, match="a trial product, which no run takes by itself"):
            run_method(method, {}, {}, tmp_path / "unmet", **asked_for)
        adopt(Catalogue(store), [bundle.id], Adoption("Hanako Sato", "2026-11-23T00:00:00Z"))
        made = run_method(method, {}, {}, far, **asked_for)
        record = json.loads((far / "run.json").read_text())
        assert record["inputs"]["flood"][0]["quantity"] == "flood_extent"  # found without being named
        assert json.loads((far / "inputs" / "locations.json").read_text()) == {}
        assert verified(jobs, made.id, far).result["status"] == "identical"
        assert not list((jobs.folder / "scratch").iterdir())


def test_a_changed_bundle_is_told_as_different(jobs, area, tmp_path):
    made = behave(jobs, area)
    assert made.status == "successful", made.error
    copy = tmp_path / "copy"
    shutil.copytree(made.result["folder"], copy)
    with (copy / "ground.tif").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"x")
    answer = verified(jobs, made.result["bundle"], copy)
    assert (answer.status, answer.result["status"]) == ("successful", "different")
    assert "ground.tif" in answer.result["reasons"][0]
    assert str(tmp_path) not in json.dumps(answer.result)


@pytest.mark.parametrize(
    ("differs", "error"),
    [
        (
            {"data": {"elevation": "/etc/passwd"}},
            "elevation is neither catalogue:ID nor an https address; give one of them",
        ),
        ({"data": {"elevation": "file:///etc/passwd"}}, "elevation is neither catalogue:ID nor an https address"),
        ({"data": {"elevation": "catalogue:none"}}, "the catalogue has no item 'none'"),
        (
            {"data": {"elevation": "https://127.0.0.1:1/x.tif"}},
            "'https://127.0.0.1:1/x.tif' leads into a private network",
        ),
        ({"area": [0, 0, 1, 1]}, "the catalogue has no observation for elevation"),
        ({"area": [0, 0, 1, 900]}, "is not on the Earth"),
        ({"parameters": {"second": 1}}, "unknown parameter of trial.behave 'second'; did you mean 'seconds'?"),
        ({"parameters": {"seconds": -1}}, "seconds"),
        ({"parameters": {"fault": 2}}, "the pump of pump.tif is broken; mend it"),
        ({"method": "trial.behaves"}, "did you mean 'trial.behave'?"),
    ],
)
def test_what_cannot_be_done_fails_with_one_line(jobs, area, differs, error):
    request = {"method": "trial.behave", "data": {}, "parameters": {}, "area": list(area), "event": None, **differs}
    failed = finished(jobs, jobs.submit("run", "trial.behave", request))
    assert (failed.status, failed.result, failed.attempts) == ("failed", None, 1)
    assert error in failed.error
    assert failed.error == failed.message
    assert "\n" not in failed.error
    assert not (jobs.runs / failed.id).exists()


def test_an_error_that_nobody_expects_ends_its_job_and_not_the_worker(jobs, area):
    failed = behave(jobs, area, fault=1)
    assert failed.status == "failed"
    assert "ZeroDivisionError" in failed.error
    assert "/home" not in failed.error
    assert "secret.txt was divided" in (jobs.folder / "worker.log").read_text()
    assert behave(jobs, area).status == "successful"


def test_a_job_may_not_hold_more_memory_than_allowed(store, trials, area, tmp_path):
    jobs = Jobs(tmp_path / "service")
    with Workers(jobs, store=store, memory_bytes=600 * 2**20):
        failed = behave(jobs, area, megabytes=800, seconds=30)
        assert failed.status == "failed"
        assert failed.error.startswith("it needed more than 0.6 GiB of memory (")
        assert behave(jobs, area, megabytes=10).status == "successful"
    assert [p.name for p in jobs.runs.iterdir()] == [jobs.page(1, 0)[0][0].id]


def test_a_worker_is_replaced_after_25_jobs(store, trials, area, tmp_path):
    jobs = Jobs(tmp_path / "service")
    with Workers(jobs, store=store) as workers:
        request = {"method": "trial.behave", "data": {"elevation": "/etc/passwd"}, "parameters": {}, "area": None}
        queued = [jobs.submit("run", "trial.behave", request) for _ in range(26)]
        finished(jobs, queued[0])
        first = workers.pids
        finished(jobs, queued[-1])
        assert first
        assert workers.pids != first
    assert jobs.page(50, 0, status=("failed",))[1] == 26


def test_a_second_supervisor_is_refused_in_one_line(jobs, store):
    second = Workers(Jobs(jobs.folder), store=store)
    said = "^another service already works on the jobs of catalogue; stop it, or start this one with --workers 0$"
    with pytest.raises(RunError, match=said):
        second.check()
    with pytest.raises(RunError, match=said), second:
        raise AssertionError("must not start")
    Workers(Jobs(jobs.folder), store=store, count=0).check()


def test_reasons_name_no_path():
    assert reason(MitoshiError("a /x/y/z.tif b; c /d/e f")) == "a z.tif b; c e f"
    assert reason(MitoshiError("fetch https://a.org/b/c.tif or /x/y.tif")) == "fetch https://a.org/b/c.tif or y.tif"
    assert reason(KeyError("boom")) == "internal error: KeyError: 'boom'"
    assert reason(OSError(28, "No space left on device")) == "the disk is full; free some space and ask again"
    assert reason(MemoryError()) == "there was not enough memory; give a smaller area"
    wrapped = RunError("it broke")
    wrapped.__cause__ = OSError(28, "No space left on device")
    assert reason(wrapped).startswith("the disk is full")
