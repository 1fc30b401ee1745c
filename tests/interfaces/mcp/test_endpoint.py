"""`/mcp` behind the service's request filter, and whose jobs a caller sees."""

from __future__ import annotations

import json

import anyio
import pytest
from starlette.testclient import TestClient

from mitoshi.catalog import Catalogue
from mitoshi.core.errors import InputError, MitoshiError
from mitoshi.interfaces.api import Settings
from mitoshi.interfaces.api.tools import alone
from mitoshi.interfaces.mcp import resources
from mitoshi.interfaces.mcp.context import Call, ToolContext
from mitoshi.interfaces.mcp.tools import arguments_of, tools
from mitoshi.simulation import EVENT
from mitoshi.workflows.bundle_store import BundleStore
from mitoshi.workflows.jobs import Jobs

ACCEPT = {"Accept": "application/json, text/event-stream"}
OPEN = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "0"}},
}


@pytest.fixture(scope="module")
def endpoint(small_store):
    settings = Settings(small_store, workers=0, names=("testserver",), port=80)
    with TestClient(alone(settings), raise_server_exceptions=False) as client:
        yield client


def test_a_client_of_this_machine_is_let_in(endpoint):
    answer = endpoint.post("/mcp", json=OPEN, headers=ACCEPT)
    assert answer.status_code == 200
    told = json.loads(answer.text.partition("data: ")[2])
    assert told["result"]["serverInfo"]["name"] == "mitoshi"
    assert "tools" in told["result"]["capabilities"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Accept": "text/html"}, 406),
        ({"Mcp-Session-Id": "0" * 32}, 404),
    ],
)
def test_what_a_page_of_a_stranger_would_send_is_turned_away(endpoint, headers, status):
    sent = {**ACCEPT, "Content-Type": "application/json", **headers}
    assert endpoint.post("/mcp", content=json.dumps(OPEN), headers=sent).status_code == status


@pytest.mark.parametrize("body", ["", "{", "[]", "[" * 100_000, '{"jsonrpc": "2.0", "id": NaN}', '"text"', "\x00"])
def test_a_body_that_is_no_message_is_the_callers_fault(endpoint, body):
    answer = endpoint.post("/mcp", content=body, headers={**ACCEPT, "Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert "Traceback" not in answer.text


def test_a_body_beyond_the_limit_is_not_taken(endpoint):
    padded = {**OPEN, "params": {**OPEN["params"], "more": "x" * 2**20}}
    assert endpoint.post("/mcp", json=padded, headers=ACCEPT).status_code == 413


def test_beyond_the_loopback_the_tools_need_a_key(small_store):
    settings = Settings(small_store, workers=0, names=("testserver",), host="0.0.0.0")
    with TestClient(alone(settings), raise_server_exceptions=False) as client:
        assert client.post("/mcp", json=OPEN, headers=ACCEPT).status_code == 401
        assert client.get("/mcp", headers=ACCEPT).status_code == 401
        assert client.post("/mcp", json=OPEN, headers={**ACCEPT, "X-API-Key": "guessed"}).status_code == 401


async def silent(done, total, message):
    return None


@pytest.fixture
def context(fresh_store):
    folder = fresh_store / "service"
    return ToolContext(
        fresh_store, Catalogue(fresh_store), Jobs(folder), BundleStore((folder / "runs",)), lambda *_: []
    )


def asked(context, tool, owner=None, **arguments):
    made = tools()[tool]
    return anyio.run(made.work, Call(context, arguments_of(made, arguments), owner, silent))


def test_a_job_is_seen_by_its_owner_and_by_whoever_owns_the_machine(context, area):
    run = {"area": list(area), "event": EVENT, "wait_seconds": 0}
    name = asked(context, "disaster_flood-extent", "ana", **run).data["job"]
    assert context.jobs.get(name).owner == "ana"
    for owner in ("ana", None):
        assert asked(context, "job", owner, job=name).data["status"] == "accepted"
    for owner in ("bob", ""):
        with pytest.raises(InputError, match="no job"):
            asked(context, "job", owner, job=name)
        with pytest.raises(InputError, match="no job"):
            asked(context, "cancel", owner, job=name)
    assert asked(context, "cancel", "ana", job=name).data["status"] == "dismissed"


def test_a_server_that_stops_hands_its_callers_their_jobs(context, area):
    context.closing = lambda: True
    answer = asked(context, "disaster_flood-extent", area=list(area), event=EVENT, wait_seconds=600)
    assert answer.data["status"] == "accepted"
    assert context.jobs.get(answer.data["job"]).status == "accepted"


def test_a_full_queue_is_an_error(context, area):
    context.queued = 0
    with pytest.raises(MitoshiError, match="jobs are waiting, which is the limit"):
        asked(context, "disaster_flood-extent", area=list(area), event=EVENT)


def test_a_failed_job_says_why(context):
    job = context.jobs.submit("run", "disaster.flood-extent", {})
    held = context.jobs.claim(1, 0.0)
    context.jobs.fail(held.id, 1, "the file is damaged; get it again")
    answer = asked(context, "job", job=job.id)
    assert answer.failed
    assert "the file is damaged; get it again" in answer.text


def test_a_file_that_was_changed_after_the_seal_is_not_given_out(context):
    bundle = context.bundle_store.bundles()[0]
    address = f"mitoshi://bundle/{bundle.id}/figures.json"
    assert json.loads(resources.read(context.bundle_store, address).text)["figures"]
    with (bundle.path / "figures.json").open("a") as file:
        file.write(" ")
    with pytest.raises(MitoshiError, match="not what bundle .* was sealed with"):
        resources.read(context.bundle_store, address)
    (bundle.path / "figures.json").unlink()
    (bundle.path / "figures.json").symlink_to("/etc/hostname")
    with pytest.raises(MitoshiError, match="link|lies outside|names no bundle|larger"):
        resources.read(context.bundle_store, address)


def test_the_list_of_resources_goes_through_pages(context, monkeypatch):
    monkeypatch.setattr(resources, "PAGE", 1)
    found, more = resources.listed(context.bundle_store, None)
    assert [r.uri.rpartition("/")[2] for r in found] == list(resources.SHOWN)
    assert more is None
    assert resources.listed(context.bundle_store, "1") == ([], None)
    with pytest.raises(InputError, match="cursor"):
        resources.listed(context.bundle_store, "../1")
