"""The tools as a real client of the SDK uses them: over stdio and streamable HTTP, in both generations of the protocol."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import Any, NamedTuple

import anyio
import pytest
import rasterio
import rasterio.warp
from anyio.from_thread import start_blocking_portal
from mcp import Client, MCPError, StdioServerParameters
from service_fixtures import copy_of

from mitoshi.catalog import Catalogue
from mitoshi.core.describe import describe
from mitoshi.core.discovery import find, methods
from mitoshi.evidence.bundle import Bundle
from mitoshi.interfaces.mcp.tools import tools
from mitoshi.simulation import EVENT
from mitoshi.workflows.jobs import Jobs

pytestmark = pytest.mark.slow

FLOOD = "disaster_flood-extent"
COMMAND = "from mitoshi.interfaces.cli.mcp import mcp; mcp()"


class Session(NamedTuple):
    """A connected client, and the store at the other end."""

    portal: Any
    client: Client
    store: Any

    def ask(self, method: str, *arguments: Any, **named: Any) -> Any:
        return self.portal.call(lambda: getattr(self.client, method)(*arguments, **named))

    def call(self, tool: str, progress: list[Any] | None = None, **arguments: Any) -> Any:
        async def heard(done: float, total: float | None, message: str | None) -> None:
            if progress is not None:
                progress.append((done, total, message))

        return self.ask("call_tool", tool, arguments, progress_callback=heard)

    def jobs(self) -> Jobs:
        return Jobs(self.store / "service")


@pytest.fixture(scope="module")
def local_store(built_region, tmp_path_factory):
    return copy_of(built_region, tmp_path_factory.mktemp("tools"))


def stdio(store: Any, *options: str) -> StdioServerParameters:
    arguments = ["-c", COMMAND, "--store", str(store), "--data", str(store.parent / "archive"), *options]
    return StdioServerParameters(command=sys.executable, args=arguments)


@contextmanager
def connected(server: Any, store: Any, mode: str = "auto"):
    with start_blocking_portal() as portal:
        client = Client(server, mode=mode, read_timeout_seconds=60)
        with portal.wrap_async_context_manager(client) as ready:
            yield Session(portal, ready, store)


@pytest.fixture(scope="module", params=["stdio", "http"])
def session(request, local_store):
    if request.param == "stdio":
        with connected(stdio(local_store), local_store) as ready:
            yield ready
    else:
        served = request.getfixturevalue("served")
        with connected(f"{served.url}/mcp", served.store) as ready:
            yield ready


def only(result: Any) -> str:
    """Return the text of an answer."""
    return result.content[0].text


def test_the_tools_are_listed_as_they_are_made(session):
    listed = {tool.name: tool for tool in session.ask("list_tools").tools}
    assert set(listed) == set(tools())
    for name, tool in tools().items():
        assert listed[name].input_schema == tool.definition.input_schema
        assert listed[name].output_schema == tool.definition.output_schema


def test_search_finds_what_a_method_takes(session, area):
    found = session.call("search", bbox=list(area), quantity="elevation")
    assert not found.is_error
    items = found.structured_content["items"]
    assert [item["quantities"] for item in items] == [["elevation"]]
    assert items[0]["item"].startswith("catalogue:")
    assert items[0]["simulated"] is True
    assert items[0]["item"] in only(found)
    assert str(session.store) not in found.model_dump_json()


def test_search_goes_through_pages(session):
    everything = session.call("search", limit=100).structured_content["items"]
    pages, offset = [], 0
    while True:
        page = session.call("search", limit=7, offset=offset).structured_content
        pages += page["items"]
        offset += 7
        if not page["more"]:
            break
    assert pages == everything
    assert len(everything) > 7


def test_describe_says_what_the_signature_says(session):
    listed = session.call("describe").structured_content["methods"]
    assert [m["name"] for m in listed] == list(methods())
    for name in ("disaster.flood-extent", FLOOD):
        told = session.call("describe", method=name).structured_content["method"]
        assert told == json.loads(json.dumps(describe(find("disaster.flood-extent"))))
    wrong = session.call("describe", method="disaster.flod-extent")
    assert wrong.is_error
    assert "did you mean 'disaster.flood-extent'" in only(wrong)


def test_a_run_reports_progress_and_answers_with_numbers_that_can_be_checked(session, area):
    heard: list[Any] = []
    answer = session.call(FLOOD, heard, area=list(area), event=EVENT)
    assert not answer.is_error, only(answer)
    told = answer.structured_content
    assert [h[0] for h in heard] == sorted({h[0] for h in heard})
    assert heard[-1][0] == 100
    assert told["status"] == "successful"
    assert told["simulated"] is True
    bundle = Bundle.open(session.store / told["verify"].removeprefix("mitoshi verify "))
    assert bundle.id == told["bundle"]
    assert [(f["name"], f["value"], f["lower"], f["upper"], f["units"]) for f in told["figures"]] == [
        (f.name, pytest.approx(f.value), f.lower, f.upper, f.units) for f in bundle.figures
    ]
    for figure in told["figures"]:
        assert (figure["lower"] is not None and figure["confidence"]) or figure["reason"]["ja"]
    assert {p["name"]: p["uncertainty"] for p in told["products"]}["flood"] == "flood_probability"
    assert "km²" in only(answer)
    assert "confidence interval" in only(answer)
    assert "Simulated" in only(answer)
    assert told["bundle"] in only(answer)
    assert str(session.store) not in answer.model_dump_json()


def test_a_product_is_data_of_the_next_run(session, area):
    products = session.call("search", collections=["disaster.flood-extent"]).structured_content["items"]
    flood = next(p["item"] for p in products if p["item"].endswith("-flood"))
    answer = session.call("disaster_flood-depth", flood=flood, area=list(area), event=EVENT, language="ja")
    assert not answer.is_error, only(answer)
    names = {p["name"] for p in answer.structured_content["products"]}
    assert "depth" in names
    assert "模擬" in only(answer)


def test_verify_runs_a_bundle_again(session):
    product = Catalogue(session.store).search(collections=["disaster.flood-extent"], limit=1)[0]
    known = product.properties["mitoshi:bundle"]
    answer = session.call("verify", bundle=known[:12])
    assert answer.structured_content["verdict"]["status"] == "identical"
    assert answer.structured_content["bundle"] == known
    assert "identical" in only(answer)
    nothing = session.call("verify", bundle="0" * 64)
    assert nothing.is_error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"treshold_shift": 0.1}, "did you mean 'threshold_shift'"),
        ({"threshold_shift": 99}, "must lie in"),
        ({"after": "/etc/passwd"}, "neither catalogue:ID nor an https address"),
        ({"after": "file:///etc/passwd"}, "neither catalogue:ID nor an https address"),
        ({"after": "http://169.254.169.254/latest"}, "private network"),
        ({"after": "catalogue:nothing"}, "no item 'nothing'"),
        ({}, "needs after"),
    ],
)
def test_what_cannot_be_run_is_an_error_that_says_why(session, arguments, said):
    before = session.jobs().page(1, 0)[1]
    answer = session.call(FLOOD, **arguments)
    assert answer.is_error
    assert said in only(answer)
    assert session.jobs().page(1, 0)[1] == before


def test_a_missing_observation_is_an_error_that_names_it(session, area):
    answer = session.call(FLOOD, area=list(area), event="2001-01-01T00:00:00Z")
    assert answer.is_error
    assert "no observation for after" in only(answer)
    assert "2001-01-01T00:00Z/2001-01-07T00:00Z" in only(answer)


def test_a_long_run_is_handed_over_to_its_job(session, area):
    first = session.call(FLOOD, area=list(area), event=EVENT, wait_seconds=0)
    assert first.structured_content["status"] in ("accepted", "running")
    assert "bundle" not in first.structured_content
    name = first.structured_content["job"]
    later = session.call("job", job=name, wait_seconds=60)
    assert later.structured_content["status"] == "successful"
    assert later.structured_content["figures"]
    unknown = session.call("job", job="0" * 32)
    assert unknown.is_error


def test_cancel_ends_a_job(session, area):
    name = session.call(FLOOD, area=list(area), event=EVENT, wait_seconds=0).structured_content["job"]
    assert session.call("cancel", job=name).structured_content["status"] == "dismissed"
    assert session.jobs().get(name).status == "dismissed"


def taken_back(session: Session, area: Any) -> list[str]:
    """Call for a run, take the call back when its job is there, and return what became of the jobs that are new."""
    before = {job.id for job in session.jobs().page(100, 0)[0]}

    async def call() -> None:
        with anyio.move_on_after(60) as scope:

            async def heard(done: float, total: float | None, message: str | None) -> None:
                scope.cancel()

            await session.client.call_tool(FLOOD, {"area": list(area), "event": EVENT}, progress_callback=heard)
            pytest.fail("the call came to its end")

    session.portal.call(call)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        new = [job for job in session.jobs().page(100, 0)[0] if job.id not in before]
        if new and all(job.final for job in new):
            break
        time.sleep(0.05)
    return [job.status for job in new]


def test_a_call_that_is_taken_back_ends_its_job(session, area):
    assert taken_back(session, area) == ["dismissed"]


def test_a_value_at_a_place_comes_with_its_uncertainty_or_why_there_is_none(session, area):
    lon, lat = (area[0] + area[2]) / 2, (area[1] + area[3]) / 2
    dem = session.call("search", quantity="elevation").structured_content["items"][0]["item"]
    answer = session.call("value", item=dem, lon=lon, lat=lat)
    assert not answer.is_error, only(answer)
    (value,) = answer.structured_content["values"]
    assert value["observed"]
    assert value["units"] == "m"
    assert value["noUncertainty"]["en"] in only(answer)
    with rasterio.open(
        session.store.parent / "archive" / f"{dem.removeprefix('catalogue:').rpartition('-')[0]}.tif"
    ) as file:
        x, y = rasterio.warp.transform("EPSG:4326", file.crs, [lon], [lat])
        assert value["value"] == pytest.approx(next(file.sample([(x[0], y[0])]))[0], rel=1e-6)
    product = session.call("search", collections=["disaster.flood-extent"], limit=1).structured_content["items"][0]
    flood = f"{product['item'].removesuffix('_probability').rpartition('-')[0]}-flood"
    (value,) = session.call("value", item=flood, lon=lon, lat=lat).structured_content["values"]
    assert value["class"]["title"]["ja"]
    assert value["uncertainty"]["kind"] == "probability"
    assert session.call("value", item="catalogue:nothing", lon=lon, lat=lat).is_error
    assert session.call("value", item=dem, lon=200, lat=lat).is_error
    (outside,) = session.call("value", item=dem, lon=0, lat=0).structured_content["values"]
    assert outside["observed"] is False
    assert outside["reason"]["en"]


def test_files_of_a_bundle_are_resources(session):
    listed = session.ask("list_resources").resources
    records = [r for r in listed if r.uri.endswith("/run.json")]
    told = {r.uri: json.loads(session.ask("read_resource", r.uri).contents[0].text) for r in records}
    record = next(r for r in records if told[r.uri]["method"]["name"] == "disaster.flood-extent")
    picture = session.ask("read_resource", record.uri.replace("run.json", "quicklook.png")).contents[0]
    assert picture.mime_type == "image/png"
    folder = record.uri.removesuffix("run.json")
    for wrong in (
        f"{folder}SHA256SUMS",
        f"{folder}../../jobs.sqlite",
        f"{folder}%2e%2e/%2e%2e/jobs.sqlite",
        f"{folder}/etc/passwd",
        "mitoshi://bundle/0000000000000000/run.json",
        "file:///etc/passwd",
    ):
        with pytest.raises(MCPError):
            session.ask("read_resource", wrong)


def test_prompts_are_there_in_both_languages(session):
    assert {p.name for p in session.ask("list_prompts").prompts} == {"flood_situation", "check_bundle"}
    given = {"area": "139,35,140,36", "event": EVENT, "language": "ja"}
    text = session.ask("get_prompt", "flood_situation", given).messages[0].content.text
    assert "139,35,140,36" in text
    assert "浸水" in text
    with pytest.raises(MCPError, match="did you mean 'area'"):
        session.ask("get_prompt", "flood_situation", {**given, "aera": "x"})
    with pytest.raises(MCPError, match="needs event"):
        session.ask("get_prompt", "flood_situation", {"area": "1,2,3,4"})


def test_an_unknown_tool_is_an_error_of_the_protocol(session):
    with pytest.raises(MCPError, match="did you mean 'search'"):
        session.call("serch")


def test_clients_of_the_earlier_protocol_are_served_too(served, area):
    """The handshake of 2025: sessions, and a cancellation that is a notification. Over stdio the raw client below uses it."""
    with connected(f"{served.url}/mcp", served.store, mode="legacy") as session:
        assert session.client.session.protocol_version.startswith("2025")
        assert set(tools()) == {tool.name for tool in session.ask("list_tools").tools}
        heard: list[Any] = []
        answer = session.call(FLOOD, heard, area=list(area), event=EVENT)
        assert answer.structured_content["status"] == "successful", only(answer)
        assert heard[-1][0] == 100
        assert session.call(FLOOD, treshold_shift=1).is_error
        assert taken_back(session, area) == ["dismissed"]


def test_nothing_but_the_protocol_goes_to_standard_output(fresh_store, area):
    """A raw client: every line is a message, also while a worker runs; the server ends when its input ends."""
    arguments = {"area": list(area), "event": EVENT}
    messages = [
        {
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "raw", "version": "0"},
            },
        },
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": FLOOD, "arguments": arguments}},
    ]
    command = [sys.executable, "-c", COMMAND, "--store", str(fresh_store)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "NUMBA_DEBUG_ARRAY_OPT_STATS": "1"}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write("this is no message\n")
        for message in messages:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        process.stdin.flush()
        answers = {}
        while 2 not in answers:
            told = json.loads(process.stdout.readline())
            assert told["jsonrpc"] == "2.0"
            answers[told.get("id")] = told
        assert answers[2]["result"]["structuredContent"]["status"] == "successful"
        process.stdin.close()
        assert process.stdout.read() == ""
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
