"""OGC API Processes: what is described is what the signature says, and nothing is queued that was not checked."""

from __future__ import annotations

import json
import os
import shlex
import threading
import time

import click
import pytest
from jsonschema import Draft202012Validator
from owslib.ogcapi.processes import Processes
from schemathesis.specs.openapi.definitions import OPENAPI_30
from starlette.testclient import TestClient

from mitoshi.catalog import Catalogue
from mitoshi.core.discovery import methods
from mitoshi.core.errors import ParameterError
from mitoshi.evidence import Bundle
from mitoshi.interfaces.api import Settings, process_description
from mitoshi.interfaces.api.app import create_app
from mitoshi.interfaces.api.processes import CONFORMANCE
from mitoshi.interfaces.api.settings import Limits
from mitoshi.interfaces.cli.run import method_command
from mitoshi.workflows.jobs import Jobs

pytestmark = pytest.mark.slow

FLOOD = "/ogc/processes/disaster.flood-extent"
EVENT = "2026-10-12T00:00:00Z"
ASYNC = {"Prefer": "respond-async"}

# processSummary.yaml, process.yaml, inputDescription.yaml and outputDescription.yaml of OGC 18-062r2, in one.
LINK = {
    "type": "object",
    "required": ["href"],
    "properties": {"href": {"type": "string"}, "rel": {"type": "string"}, "type": {"type": "string"}},
}
DESCRIBED = {
    "title": {"type": "string"},
    "description": {"type": "string"},
    "keywords": {"type": "array", "items": {"type": "string"}},
    "metadata": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {k: {"type": "string"} for k in ("title", "role", "href")},
        },
    },
}
SUMMARY = {
    "type": "object",
    "required": ["id", "version", "links"],
    "properties": {
        **DESCRIBED,
        "id": {"type": "string"},
        "version": {"type": "string"},
        "jobControlOptions": {
            "type": "array",
            "items": {"enum": ["sync-execute", "async-execute", "dismiss"]},
        },
        "outputTransmission": {"type": "array", "items": {"enum": ["value", "reference"]}},
        "links": {"type": "array", "items": LINK},
    },
}
INPUT = {
    "type": "object",
    "required": ["schema"],
    "properties": {
        **DESCRIBED,
        "minOccurs": {"type": "integer"},
        "maxOccurs": {"oneOf": [{"type": "integer"}, {"const": "unbounded"}]},
        "schema": {"type": "object"},
    },
}
PROCESS = {
    "allOf": [
        SUMMARY,
        {
            "required": ["inputs", "outputs"],
            "properties": {
                "inputs": {"type": "object", "additionalProperties": INPUT},
                "outputs": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "required": ["schema"],
                        "properties": {**DESCRIBED, "schema": {"type": "object"}},
                    },
                },
            },
        },
    ]
}


@pytest.fixture
def own(fresh_store):
    """Return a client of a service of the test's own, which waits briefly and queues few."""
    limits = Limits(sync_seconds=0.3, queued_jobs=3)
    data = (fresh_store.parent / "archive",)
    settings = Settings(store=fresh_store, data=data, workers=0, names=("testserver",), port=80, limits=limits)
    with TestClient(create_app(settings), raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


def queue(store) -> Jobs:
    return Jobs(store / "service")


def execute(client, inputs, path=FLOOD, headers=ASYNC, **more):
    return client.post(f"{path}/execution", json={"inputs": inputs, **more}, headers=headers)


# Descriptions


def test_every_link_of_the_landing_page_leads_somewhere(client):
    page = client.get("/ogc/").json()
    relations = {k["rel"] for k in page["links"]}
    ogc = "http://www.opengis.net/def/rel/ogc/1.0"
    assert {"service-desc", f"{ogc}/conformance", f"{ogc}/processes", f"{ogc}/job-list"} <= relations
    for link in page["links"]:
        if link["rel"] != "alternate":  # the page of the map is its own module's
            assert client.get(link["href"]).status_code == 200, link
    assert client.get("/ogc/conformance").json() == {"conformsTo": list(CONFORMANCE)}


def test_every_method_is_a_process_and_the_pages_follow_each_other(client):
    seen, address = [], "/ogc/processes?limit=3"
    for _ in range(50):
        page = client.get(address).json()
        seen += page["processes"]
        following = [k["href"] for k in page["links"] if k["rel"] == "next"]
        if not following:
            break
        address = following[0]
    assert [p["id"] for p in seen] == [*methods(), "score", "verify"]
    for told in seen:
        Draft202012Validator(SUMMARY).validate(told)


@pytest.mark.parametrize("name", [*methods(), "score", "verify"])
def test_a_description_is_valid_and_so_are_its_schemas(client, name):
    told = client.get(f"/ogc/processes/{name}").json()
    Draft202012Validator(PROCESS).validate(told)
    for entry in (*told["inputs"].values(), *told["outputs"].values()):
        Draft202012Validator.check_schema(entry["schema"])
    for entry in told["inputs"].values():
        if "default" in entry["schema"]:
            Draft202012Validator(entry["schema"]).validate(entry["schema"]["default"])


@pytest.mark.parametrize("method", methods().values(), ids=str)
def test_the_command_line_and_the_process_agree_on_names_bounds_and_defaults(client, method):
    told = client.get(f"/ogc/processes/{method.name}").json()
    options = {p.name: p for p in method_command(method).params if isinstance(p, click.Option)}
    of_a_run = {"out", "replace", "workers", "cluster", "tile_size", "time", "store", "as_json"}
    assert set(told["inputs"]) == set(options) - of_a_run
    assert [d["name"] for d in told["mitoshi:data"]] == [d.name for d in method.data]
    for parameter in method.parameters:
        schema, option = told["inputs"][parameter.name]["schema"], options[parameter.name]
        assert schema["default"] == option.default == parameter.default
        if parameter.choices:
            assert schema["enum"] == list(option.type.choices)
        low, high = ("exclusiveMinimum", "exclusiveMaximum"), ("minimum", "maximum")
        bounds = {k: schema[k] for k in (*low, *high) if k in schema}
        wanted = {}
        if parameter.lower is not None:
            wanted["exclusiveMinimum" if parameter.lower_open else "minimum"] = parameter.lower
        if parameter.upper is not None:
            wanted["exclusiveMaximum" if parameter.upper_open else "maximum"] = parameter.upper
        assert bounds == wanted
    assert set(told["outputs"]) == {*(o.name for o in method.outputs), "figures", "bundle"}


@pytest.mark.parametrize("method", methods().values(), ids=str)
def test_what_the_schema_refuses_the_method_refuses_too(method):
    """The schema is no decoration: just beyond each bound both say no, at the bound both say the same."""
    schemas = process_description.json_schema(method)["properties"]
    for parameter in method.parameters:
        judge = Draft202012Validator(schemas[parameter.name])
        for bound, step in ((parameter.lower, -1), (parameter.upper, 1)):
            if bound is None:
                continue
            for value in (parameter.type(bound), parameter.type(bound + step)):
                assert judge.is_valid(value) == _accepted(method, parameter.name, value), (parameter.name, value)


def _accepted(method, name, value):
    try:
        method.bind_parameters({name: value})
    except ParameterError:
        return False
    return True


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("ja", "ja"), ("ja-JP,ja;q=0.9,en;q=0.8", "ja"), ("en-US,en;q=0.9,ja;q=0.5", "en"), ("", "en"),
        ("fr", "en"), ("en;q=0.1, ja;q=0.2", "ja"), ("ja;q=0", "en"), ("ja;q=nonsense", "en"), ("*", "en"),
    ],
)  # fmt: skip
def test_titles_come_in_the_language_that_is_preferred(client, said, language):
    answer = client.get(FLOOD, headers={"Accept-Language": said})
    assert answer.headers["content-language"] == language
    assert answer.json()["title"] == methods()["disaster.flood-extent"].title.in_(language)


def test_the_openapi_of_the_processes_is_one_of_version_3_0(client):
    document = client.get("/ogc/api").json()
    Draft202012Validator({**OPENAPI_30, "$schema": "https://json-schema.org/draft/2020-12/schema"}).validate(document)
    assert document["openapi"].startswith("3.0.")
    assert set(document["paths"]) == {p for p in client.get("/openapi.json").json()["paths"] if p.startswith("/ogc")}
    said = json.dumps(document)
    assert '"null"' not in said
    for name in _references(document):
        assert name in document["components"]["schemas"]


def _references(value):
    if isinstance(value, list):
        return {n for v in value for n in _references(v)}
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"].rpartition("/")[2]} if "$ref" in value else set()
    return own | {n for v in value.values() for n in _references(v)}


def test_an_unknown_process_is_told_in_the_words_of_the_standard(client):
    for answer in (client.get("/ogc/processes/disaster.flod"), execute(client, {}, "/ogc/processes/disaster.flod")):
        assert answer.status_code == 404
        told = answer.json()
        assert told["type"] == "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/no-such-process"
        assert "did you mean" in told["detail"]


# Executions that are refused


@pytest.mark.parametrize(
    ("inputs", "status", "words"),
    [
        ({}, 400, "needs after"),
        ({"aftr": "catalogue:x"}, 400, "did you mean 'after'"),
        ({"threshold_shft": 0.1, "area": True}, 400, "did you mean 'threshold_shift'"),
        ({"threshold_shift": 0.31}, 400, "must lie in [-0.3, 0.3]"),
        ({"threshold_shift": "0.1"}, 400, "must be float"),
        ({"after": "catalogue:nothing-of-the-kind"}, 400, "no item"),
        ({"after": "/etc/hostname"}, 403, "files of this machine are not opened"),
        ({"after": "file:///etc/hostname"}, 403, "files of this machine are not opened"),
        ({"after": {"href": "file:///etc/hostname"}}, 403, "files of this machine are not opened"),
        ({"after": [{"href": "/vsicurl/http://127.0.0.1/a.tif"}]}, 403, "files of this machine are not opened"),
        ({"after": {"value": "s3://bucket/a.tif"}}, 403, "files of this machine are not opened"),
        ({"after": {"value": {"value": "x"}}}, 400, "must be one value"),
        ({"after": {"href": "http://127.0.0.1:1/a.tif"}}, 403, "private network"),
        ({"after": {"href": "http://169.254.169.254/latest/meta-data"}}, 403, "private network"),
        ({"after": "http://localhost/a.tif"}, 403, "private network"),
        ({"after": "https://user:secret@example.org/a.tif"}, 403, "password"),
        ({"after": {}}, 400, "neither value nor href"),
        ({"after": ["catalogue:a", "catalogue:b"]}, 400, "takes one value"),
        ({"after": "/stac/collections/nothing/items/nothing"}, 400, "no item"),
        ({"area": [1, 2, 3]}, 400, "area"),
        ({"area": [1, 2, 3, 400]}, 400, "area"),
        ({"area": {"bbox": [1, 2, 3, 4], "crs": "http://www.opengis.net/def/crs/EPSG/0/3857"}}, 400, "degrees"),
        ({"area": "AREA"}, 400, "event"),
        ({"area": "AREA", "event": "yesterday"}, 400, "ISO 8601"),
        ({"area": [10.0, 50.0, 10.1, 50.1], "event": EVENT}, 409, "no observation"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_before_it_is_queued(client, small_store, area, inputs, status, words):
    filled = {k: list(area) if v == "AREA" else v for k, v in inputs.items()}
    answer = execute(client, filled)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    detail = answer.json()["detail"]
    assert words in detail
    assert "\n" not in detail
    assert str(small_store.parent) not in detail
    assert queue(small_store).page(1, 0)[1] == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"inputs": []}, "inputs"),
        ({"inputs": {}, "response": "everything"}, "response"),
        ({"inputs": {}, "outputs": {"flod": {}}}, "did you mean 'flood'"),
        ({"inputs": {str(n): 1 for n in range(65)}}, "inputs"),
        ([], "object"),
    ],
)
def test_a_request_that_is_none_is_refused(client, body, words):
    answer = client.post(f"{FLOOD}/execution", json=body, headers=ASYNC)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "bundle"), ({"bundle": "../../etc"}, "hexadecimal"), ({"bundle": 12}, "text"),
        ({"bundle": "0" * 64}, "no bundle"), ({"bundel": "0" * 64}, "did you mean 'bundle'"),
    ],
)  # fmt: skip
def test_only_a_known_bundle_is_verified(client, inputs, words):
    answer = execute(client, inputs, "/ogc/processes/verify")
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


# Executions that are queued


def test_an_execution_is_queued_as_it_was_asked_and_says_where_it_is_followed(own, fresh_store, area):
    answer = execute(own, {"area": list(area), "event": EVENT, "threshold_shift": 0.1})
    assert answer.status_code == 201
    assert answer.headers["preference-applied"] == "respond-async"
    told = answer.json()
    assert answer.headers["location"].endswith(f"/ogc/jobs/{told['jobID']}")
    assert (told["status"], told["processID"], told["type"], told["progress"]) == (
        "accepted", "disaster.flood-extent", "process", 0,
    )  # fmt: skip
    assert own.get(answer.headers["location"]).json() == told
    assert queue(fresh_store).get(told["jobID"]).request == {
        "method": "disaster.flood-extent",
        "data": {},
        "parameters": {"threshold_shift": 0.1},
        "area": list(area),
        "event": EVENT,
    }


def test_inputs_may_be_written_in_every_way_that_ogc_allows(own, fresh_store, area):
    after = Catalogue(fresh_store).search(quantity="gamma0")[-1]
    here = f"/stac/collections/{after.collection_id}/items/{after.id}"
    ways = [
        {"after": f"catalogue:{after.id}", "threshold_shift": 0.1, "area": list(area)},
        {
            "after": {"href": f"http://testserver{here}"},
            "threshold_shift": {"value": 0.1},
            "area": {"bbox": list(area)},
        },
        {"after": [{"value": here}], "threshold_shift": [0.1], "area": {"value": {"bbox": list(area)}}},
    ]
    requests = []
    for inputs in ways:
        told = execute(own, {**inputs, "event": {"value": EVENT}}).json()
        requests.append(queue(fresh_store).get(told["jobID"]).request)
    assert requests[0] == requests[1] == requests[2]
    assert requests[0]["data"] == {"after": f"catalogue:{after.id}"}


def test_a_full_queue_says_when_to_come_again(own, area):
    inputs = {"area": list(area), "event": EVENT}
    assert [execute(own, inputs).status_code for _ in range(3)] == [201, 201, 201]
    answer = execute(own, inputs)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "waiting" in answer.json()["detail"]


def test_what_takes_longer_than_is_waited_for_goes_on_as_a_job(own, fresh_store, area):
    begun = time.monotonic()
    answer = execute(own, {"area": list(area), "event": EVENT}, headers={})
    assert 0.3 <= time.monotonic() - begun < 10
    assert answer.status_code == 504
    (job,) = queue(fresh_store).page(10, 0)[0]
    assert answer.headers["location"].endswith(job.id)
    assert job.id in answer.json()["detail"]
    assert job.status == "accepted"


class Worker(threading.Thread):
    """Stands in for a worker: takes the next job and says it made the store's first bundle, or failed."""

    def __init__(self, store, error=""):
        super().__init__(daemon=True)
        self.jobs, self.error = queue(store), error
        self.bundle = next((store / "service" / "runs").iterdir())

    def run(self):
        for _ in range(200):
            job = self.jobs.claim(os.getpid(), 0.0)
            if job is not None:
                break
            time.sleep(0.02)
        if self.error:
            self.jobs.fail(job.id, os.getpid(), self.error)
            return
        made = {"bundle": Bundle.open(self.bundle).id, "folder": str(self.bundle), "items": []}
        self.jobs.succeed(job.id, os.getpid(), made)


@pytest.fixture
def patient(fresh_store):
    """Return a client of a service of the test's own, which waits as long as a person would."""
    data = (fresh_store.parent / "archive",)
    settings = Settings(store=fresh_store, data=data, workers=0, names=("testserver",), port=80)
    with TestClient(create_app(settings), raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


def done(client, store, area, error="", **more):
    worker = Worker(store, error)
    worker.start()
    answer = execute(client, {"area": list(area), "event": EVENT}, headers={"Prefer": "wait=30"}, **more)
    worker.join()
    return answer


def test_a_synchronous_execution_returns_the_results(patient, fresh_store, area):
    answer = done(patient, fresh_store, area)
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait=30"
    told = answer.json()
    assert set(told) == {"flood", "flood_probability", "figures", "bundle"}
    assert told["flood"]["type"].startswith("image/tiff")
    assert patient.get(told["flood"]["href"]).content[:4] == b"II*\0"
    assert patient.get(told["bundle"]["href"]).json()["id"] == told["bundle"]["value"]
    assert {f["name"] for f in told["figures"]["value"]} >= {"flooded_area"}
    assert str(fresh_store.parent) not in answer.text


def test_results_are_called_as_the_caller_says_them(patient, fresh_store, area):
    done(patient, fresh_store, area)
    (job,) = queue(fresh_store).page(1, 0)[0]
    told = {
        language: patient.get(f"/ogc/jobs/{job.id}/results", headers={"Accept-Language": language}).json()
        for language in ("en", "ja")
    }
    assert [told[language]["flood"]["title"] for language in ("en", "ja")] == ["flood extent", "浸水域"]


def test_only_the_outputs_that_are_asked_for_are_returned(patient, fresh_store, area):
    answer = done(patient, fresh_store, area, outputs={"flood": {"transmissionMode": "reference"}, "figures": {}})
    assert set(answer.json()) == {"flood", "figures"}


def test_raw_is_the_output_itself_or_links_to_several(patient, fresh_store, area):
    one = done(patient, fresh_store, area, outputs={"flood": {}}, response="raw")
    assert one.status_code == 303
    assert patient.get(one.headers["location"]).content[:4] == b"II*\0"
    figures = done(patient, fresh_store, area, outputs={"figures": {}}, response="raw")
    assert figures.json()[0]["units"] == "km2"
    several = done(patient, fresh_store, area, response="raw")
    assert (several.status_code, several.content) == (204, b"")
    assert 'rel="flood"' in several.headers["link"]
    assert 'rel="flood_probability"' in several.headers["link"]


def test_a_run_that_fails_is_a_problem_with_its_reason(patient, fresh_store, area):
    failed = done(patient, fresh_store, area, error="after.tif holds no backscatter; give another")
    assert failed.status_code == 422
    assert "holds no backscatter" in failed.json()["detail"]
    broken = done(patient, fresh_store, area, error="internal error: division by zero")
    assert broken.status_code == 500


# A client that nobody here wrote


def test_owslib_lists_describes_and_executes(served, area):
    client = Processes(f"{served.url}/ogc/")
    assert [p["id"] for p in client.processes()] == [*methods(), "score", "verify"]
    assert client.conformance()["conformsTo"] == list(CONFORMANCE)
    assert client.api()["openapi"].startswith("3.0")
    assert client.process("disaster.flood-extent")["inputs"]["threshold_shift"]["schema"]["minimum"] == -0.3
    inputs = {"area": list(area), "event": EVENT, "threshold_shift": 0.05}
    told = client.execute("disaster.flood-extent", inputs)
    areas = {f["name"]: f for f in told["figures"]["value"]}
    assert areas["flooded_area"]["lower"] < areas["flooded_area"]["value"] < areas["flooded_area"]["upper"]
    queued = client.execute("verify", {"bundle": told["bundle"]["value"]}, async_=True)
    assert queued["status"] in ("accepted", "running")
    location = client.response_headers["Location"]
    for _ in range(600):
        status = client._request(path=shlex.quote(location.partition("/ogc/")[2]))
        if status["status"] in ("successful", "failed"):
            break
        time.sleep(0.1)
    assert status["status"] == "successful", status
    assert client._request(path=f"jobs/{status['jobID']}/results")["verdict"]["value"]["status"] == "identical"
