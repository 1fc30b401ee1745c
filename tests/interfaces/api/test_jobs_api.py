"""The jobs of OGC API Processes: who sees which, what they gave, and how they are followed and dismissed."""

from __future__ import annotations

import json
import os
import threading
import time

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from mitoshi.evidence import Bundle
from mitoshi.interfaces.api import Settings, jobs, problems
from mitoshi.interfaces.api.events import MOST_LISTENERS
from mitoshi.interfaces.api.service import Service
from mitoshi.workflows.jobs import Jobs

FLOOD, DEPTH = "disaster.flood-extent", "disaster.flood-depth"
WORKER = os.getpid()
EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0"


def service_on(store, **more):
    """Return an application of nothing but jobs, to which a header says who calls."""
    app, service = FastAPI(), Service(Settings(store=store, workers=0, **more))
    problems.install(app)
    jobs.attach(app, service)

    @app.middleware("http")
    async def called_by(request: Request, call_next):
        request.state.owner = request.headers.get("x-owner", "")
        return await call_next(request)

    return app, service


@pytest.fixture
def store(tmp_path):
    return tmp_path / "catalogue"


@pytest.fixture
def queue(store) -> Jobs:
    return Jobs(store / "service")


@pytest.fixture
def client(store):
    with TestClient(service_on(store)[0], raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def far(store):
    """Return a client of a service that other machines reach."""
    with TestClient(service_on(store, host="0.0.0.0")[0], raise_server_exceptions=False) as client:
        yield client


def waiting(queue, process=FLOOD, owner=""):
    return queue.submit("run", process, {"method": process, "data": {}, "parameters": {}}, owner=owner)


def running(queue, **more):
    job = waiting(queue, **more)
    assert queue.claim(WORKER, 0.0).id == job.id
    return queue.get(job.id)


def successful(queue, result=None, **more):
    job = running(queue, **more)
    assert queue.succeed(job.id, WORKER, result or {"bundle": "0" * 64, "folder": "/nowhere", "items": []})
    return queue.get(job.id)


def failed(queue, error="no such layer; give another file"):
    job = running(queue)
    assert queue.fail(job.id, WORKER, error)
    return queue.get(job.id)


def told(events):
    """Return (id, statusInfo) of every event of a stream."""
    found = []
    for block in events.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if lines.get("event") == "status":
            found.append((int(lines["id"]), json.loads(lines["data"])))
    return found


# The list


def test_the_list_is_in_pages_the_newest_first(client, queue):
    made = [waiting(queue).id for _ in range(5)]
    seen, address = [], "/ogc/jobs?limit=2"
    for _ in range(9):
        page = client.get(address).json()
        assert page["numberMatched"] == 5
        seen += [j["jobID"] for j in page["jobs"]]
        following = [k["href"] for k in page["links"] if k["rel"] == "next"]
        if not following:
            break
        address = following[0]
    assert seen == made[::-1]


def test_the_list_is_narrowed_in_every_way_of_the_standard(client, queue):
    done, broken, run, wait = successful(queue), failed(queue), running(queue, process=DEPTH), waiting(queue)

    def listed(query):
        return {j["jobID"] for j in client.get(f"/ogc/jobs?{query}").json()["jobs"]}

    every = {done.id, broken.id, run.id, wait.id}
    assert listed("") == listed("type=process") == every
    assert listed("type=other") == set()
    assert listed("status=successful,failed") == listed("status=successful&status=failed") == {done.id, broken.id}
    assert listed(f"processID={DEPTH}") == {run.id}
    assert listed(f"datetime={broken.created}/..") == {broken.id, run.id, wait.id}
    assert listed(f"datetime=../{done.created}") == {done.id}
    assert listed("datetime=2001-01-01T00:00:00Z/2002-01-01T00:00:00Z") == set()
    time.sleep(0.3)
    assert listed("minDuration=0.25") == {run.id}
    assert listed("maxDuration=0.25") == {done.id, broken.id}


@pytest.mark.parametrize("query", ["status=finished", "limit=0", "limit=9999", "datetime=soon", "datetime=a/b/c", "minDuration=-1"])  # fmt: skip
def test_a_question_that_is_none_is_refused(client, query):
    answer = client.get(f"/ogc/jobs?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


# Who sees what


def test_beyond_the_own_machine_a_job_is_its_owners_alone(far, queue):
    mine, theirs, nobodys = waiting(queue, owner="me"), waiting(queue, owner="them"), waiting(queue)
    me = {"x-owner": "me"}
    assert [j["jobID"] for j in far.get("/ogc/jobs", headers=me).json()["jobs"]] == [mine.id]
    assert [j["jobID"] for j in far.get("/ogc/jobs").json()["jobs"]] == [nobodys.id]
    for path in ("", "/results", "/events"):
        assert far.get(f"/ogc/jobs/{theirs.id}{path}", headers=me).status_code == 404
    assert far.delete(f"/ogc/jobs/{theirs.id}", headers=me).status_code == 404
    assert queue.get(theirs.id).status == "accepted"
    assert far.get(f"/ogc/jobs/{mine.id}", headers=me).status_code == 200
    assert far.get(f"/ogc/jobs/{nobodys.id}", headers=me).status_code == 200
    assert far.get(f"/ogc/jobs/{mine.id}").status_code == 404


def test_on_the_own_machine_every_job_is_seen(client, queue):
    job = waiting(queue, owner="me")
    assert [j["jobID"] for j in client.get("/ogc/jobs").json()["jobs"]] == [job.id]
    assert client.get(f"/ogc/jobs/{job.id}").json()["processID"] == FLOOD


# One job


@pytest.mark.parametrize("name", ["0" * 32, "nothing", "..%2f..%2fetc", "x" * 64])
@pytest.mark.parametrize("path", ["", "/results", "/events"])
def test_an_unknown_job_is_told_in_the_words_of_the_standard(client, name, path):
    answer = client.get(f"/ogc/jobs/{name}{path}")
    assert answer.status_code == 404
    if "%2f" not in name:
        assert answer.json()["type"] == f"{EXCEPTIONS}/no-such-job"


def test_a_status_says_all_that_is_known_and_no_more(client, queue):
    job = running(queue)
    queue.tell(job.id, WORKER, 42, "tile 3 of 7")
    status = client.get(f"/ogc/jobs/{job.id}").json()
    links = status.pop("links")
    now = queue.get(job.id)
    assert status == {
        "processID": FLOOD, "type": "process", "jobID": job.id, "status": "running", "message": "tile 3 of 7",
        "progress": 42, "created": now.created, "started": now.started, "updated": now.updated,
    }  # fmt: skip
    assert {k["rel"].rpartition("/")[2] for k in links} == {"self", "monitor"}


def test_results_come_when_there_are_some(client, queue):
    answer = client.get(f"/ogc/jobs/{running(queue).id}/results")
    assert (answer.status_code, answer.json()["type"]) == (404, f"{EXCEPTIONS}/result-not-ready")
    answer = client.get(f"/ogc/jobs/{failed(queue).id}/results")
    assert (answer.status_code, answer.json()["detail"]) == (422, "the job failed: no such layer; give another file")
    answer = client.get(f"/ogc/jobs/{failed(queue, 'internal error: KeyError').id}/results")
    assert answer.status_code == 500
    answer = client.get(f"/ogc/jobs/{queue.dismiss(waiting(queue).id).id}/results")
    assert answer.status_code == 410
    answer = client.get(f"/ogc/jobs/{successful(queue).id}/results")  # its bundle is nowhere
    assert answer.status_code == 410
    assert "/nowhere" not in answer.text


def test_a_verification_gives_its_verdict(client, queue):
    job = queue.submit("verify", "verify", {"bundle": "0" * 64, "folder": "/nowhere"})
    queue.claim(WORKER, 0.0)
    queue.succeed(job.id, WORKER, {"status": "different", "reasons": ["flood.tif is not what it says"], "products": []})
    assert client.get(f"/ogc/jobs/{job.id}/results").json() == {
        "verdict": {"value": {"status": "different", "reasons": ["flood.tif is not what it says"], "products": []}}
    }


def test_what_waits_is_dismissed_and_what_is_done_is_struck_off(client, queue):
    job = waiting(queue)
    assert client.delete(f"/ogc/jobs/{job.id}").json()["status"] == "dismissed"
    assert queue.get(job.id).status == "dismissed"
    assert client.delete(f"/ogc/jobs/{job.id}").json()["status"] == "dismissed"
    assert client.get(f"/ogc/jobs/{job.id}").status_code == 404
    assert client.delete(f"/ogc/jobs/{job.id}").status_code == 404


def test_a_published_bundle_outlives_its_job(fresh_store):
    queue = Jobs(fresh_store / "service")
    bundle = Bundle.open(next((fresh_store / "service" / "runs").iterdir()))
    job = successful(queue, {"bundle": bundle.id, "folder": str(bundle.path), "items": [f"{bundle.id[:12]}-flood"]})
    app, service = service_on(fresh_store)
    with TestClient(app) as client:
        assert client.delete(f"/ogc/jobs/{job.id}").status_code == 200
    assert queue.get(job.id) is None
    assert service.bundle_store.find(bundle.id) is not None


# Events


def test_a_job_is_told_of_from_the_beginning_to_the_end(client, queue):
    job = waiting(queue)

    def work():
        for _ in range(500):
            if client.app.state.listeners.now:
                break
            time.sleep(0.01)
        queue.claim(WORKER, 0.0)
        for share in (10, 50, 90):
            queue.tell(job.id, WORKER, share, f"{share} of 100")
            time.sleep(0.4)
        queue.succeed(job.id, WORKER, {"bundle": "0" * 64, "folder": "", "items": []})

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    answer = client.get(f"/ogc/jobs/{job.id}/events")
    worker.join()
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    events = told(answer.text)
    assert events[0][1]["status"] == "accepted"
    assert events[-1][1]["status"] == "successful"
    assert {10, 50, 90} <= {s["progress"] for _, s in events}
    revisions = [r for r, _ in events]
    assert revisions == sorted(set(revisions))
    assert client.app.state.listeners.now == 0


def test_what_was_told_before_is_not_told_again(client, queue):
    job = successful(queue)
    assert [r for r, _ in told(client.get(f"/ogc/jobs/{job.id}/events").text)] == [job.revision]
    again = client.get(f"/ogc/jobs/{job.id}/events", headers={"Last-Event-ID": str(job.revision)})
    assert told(again.text) == []


def test_one_listener_too_many_is_sent_away(client, queue):
    job = successful(queue)
    client.app.state.listeners.now = MOST_LISTENERS
    answer = client.get(f"/ogc/jobs/{job.id}/events")
    client.app.state.listeners.now = 0
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


@pytest.fixture
def address(store):
    """Return the address of a real server of jobs in this process, and its application."""
    app, _ = service_on(store)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws="none"))
    app.state.server = server
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(500):
        if server.started:
            break
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", app
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


def test_a_listener_that_goes_away_is_forgotten(address, queue):
    root, app = address
    job = waiting(queue)
    with httpx.Client(timeout=10) as client:
        for _ in range(3):
            with client.stream("GET", f"{root}/ogc/jobs/{job.id}/events") as answer:
                lines = answer.iter_lines()
                assert next(line for line in lines if line.startswith("data:"))
                assert app.state.listeners.now == 1
            for _ in range(100):
                if app.state.listeners.now == 0:
                    break
                time.sleep(0.05)
            assert app.state.listeners.now == 0


def test_a_server_that_stops_does_not_wait_for_its_listeners(address, queue):
    root, app = address
    job = running(queue)
    with httpx.Client(timeout=10) as client, client.stream("GET", f"{root}/ogc/jobs/{job.id}/events") as answer:
        lines = answer.iter_lines()
        assert next(line for line in lines if line.startswith("data:"))
        app.state.server.should_exit = True
        begun = time.monotonic()
        assert not [line for line in lines if line.startswith("data:")]  # it ends, and whole
        assert time.monotonic() - begun < 3


def test_many_listeners_hold_no_thread(address, queue):
    """As many listeners as are let in at once leave the service answering; there are fewer threads than that."""
    root, app = address
    job = running(queue)
    limits = httpx.Limits(max_connections=None)
    with httpx.Client(timeout=20, limits=limits) as client:
        streams = [client.stream("GET", f"{root}/ogc/jobs/{job.id}/events") for _ in range(MOST_LISTENERS)]
        answers = [s.__enter__() for s in streams]
        assert [a.status_code for a in answers] == [200] * MOST_LISTENERS
        for _ in range(200):
            if app.state.listeners.now == MOST_LISTENERS:
                break
            time.sleep(0.02)
        assert client.get(f"{root}/ogc/jobs/{job.id}/events").status_code == 503
        assert client.get(f"{root}/ogc/jobs/{job.id}").status_code == 200
        assert threading.active_count() < MOST_LISTENERS
        queue.succeed(job.id, WORKER, {"bundle": "0" * 64, "folder": "", "items": []})
        for answer, stream in zip(answers, streams, strict=True):
            assert told(answer.read().decode())[-1][1]["status"] == "successful"
            stream.__exit__(None, None, None)
    assert app.state.listeners.now == 0
