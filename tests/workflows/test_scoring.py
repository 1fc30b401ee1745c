"""Score as a service does it: the numbers of the command, of nothing that lies on this machine outside of the catalogue."""

from __future__ import annotations

import json

import click
import numpy as np
import pytest
from click.testing import CliRunner
from service_fixtures import copy_of
from starlette.testclient import TestClient

from mitoshi.catalog import Catalogue
from mitoshi.core.errors import InputError, ParameterError, RefusedError
from mitoshi.evidence.score.options import OPTIONS, json_schema, settings_of
from mitoshi.interfaces.api import Settings, score_process
from mitoshi.interfaces.api.app import create_app
from mitoshi.interfaces.cli import cli
from mitoshi.interfaces.cli.score import score as command
from mitoshi.interfaces.mcp.accounts import score_account
from mitoshi.interfaces.mcp.schemas import score_inputs
from mitoshi.sensors import items
from mitoshi.workflows.bundle_store import BundleStore
from mitoshi.workflows.jobs import Jobs
from mitoshi.workflows.jobs.work import carry_out
from mitoshi.workflows.scoring import checked_score

TRUTH = "truth-of-the-flood"


@pytest.fixture(scope="module")
def store(built_region, tmp_path_factory):
    """Return a catalogue with a flood bundle and, as an item, the truth of its region."""
    import shutil

    folder = tmp_path_factory.mktemp("scoring")
    store = copy_of(built_region, folder)
    shutil.copy(built_region / "truth" / "flood.tif", folder / "archive" / f"{TRUTH}.tif")
    Catalogue(store).ingest([folder / "archive" / f"{TRUTH}.tif"], describe=items)
    return store


@pytest.fixture(scope="module")
def bundle_store(store):
    return BundleStore((store / "service" / "runs",))


@pytest.fixture(scope="module")
def truth(store):
    return next(i.id for i in Catalogue(store).search() if TRUTH in i.id)


def by_service(store, bundle_store, **inputs):
    """Return the record that the service makes, through its gate and its queue."""
    import contextlib
    import os

    jobs = Jobs(store / "service")
    request = checked_score(inputs, Catalogue(store), bundle_store)
    job = jobs.submit("score", "score", json.loads(json.dumps(request)))
    claimed = jobs.claim(os.getpid(), 0.0)
    assert claimed is not None
    assert claimed.id == job.id
    result = carry_out(claimed, jobs, store, os.getpid(), contextlib.nullcontext)
    assert jobs.succeed(job.id, os.getpid(), result)
    return json.loads((jobs.runs / job.id / "score.json").read_text()), jobs.get(job.id)


def by_command(*arguments):
    done = CliRunner().invoke(cli, ["score", *map(str, arguments), "--json"], standalone_mode=False)
    assert done.exception is None, done.exception
    return json.loads(done.output)


@pytest.fixture(scope="module")
def bundle(bundle_store):
    return next(b for b in bundle_store.bundles() if b.method == "disaster.flood-extent")


@pytest.fixture(scope="module")
def asked(truth):
    return {"reference": f"catalogue:{truth}", "map": "0=0,1=1,2=2,255=none", "positive": [1]}


@pytest.fixture(scope="module")
def scored(store, bundle_store, bundle, asked):
    return by_service(store, bundle_store, product=bundle.id[:12], **asked)


def test_a_bundle_against_an_item_gives_the_numbers_of_the_command(store, bundle_store, truth, bundle, asked, scored):
    record, job = scored
    reference = store.parent / "archive" / f"{TRUTH}.tif"
    told = by_command(bundle.path, "--reference", reference, "--map", asked["map"], "--positive", "1")
    assert record["score"]["measures"]["intersection_over_union"] > 0.1
    assert record == told
    assert {"errors.tif", "score.en.pdf", "score.ja.pdf", "score.csv"} <= set(job.result["files"])
    assert "IoU" in job.result["text"]["en"]
    assert "一致度" in job.result["text"]["ja"]
    # An item that is a product of a bundle is that bundle, with its declaration and its probability.
    again, _ = by_service(store, bundle_store, product=f"catalogue:{bundle.id[:12]}-flood", **asked)
    assert again["score"] == record["score"]
    assert again["product"]["bundle"] == bundle.id
    shelf_now = BundleStore((store / "service" / "runs",))
    assert {b.id for b in shelf_now.bundles()} == {bundle.id}  # a comparison is no bundle


def test_http_and_mcp_tell_the_same_record_and_hand_out_the_files(store, scored):
    record, job = scored
    settings = Settings(store=store, data=(), workers=0, names=("testserver",), port=80)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        results = client.get(f"/ogc/jobs/{job.id}/results").json()
        assert set(results) == set(score_process.OUTPUTS)
        assert results["score"]["value"] == record == score_account(job)
        for output in results.values():
            if "href" in output:
                answer = client.get(output["href"])
                assert answer.status_code == 200
                assert answer.headers["content-type"].split(";")[0] == output["type"].split(";")[0]
        assert client.get(results["report_ja"]["href"]).content.startswith(b"%PDF")
        for name in ("score.json", "run.json", "..%2F..%2Fjobs.sqlite", "score.en.pdf.bak"):
            told = client.get(f"/ogc/jobs/{job.id}/files/{name}")
            assert told.status_code in ((200,) if name == "score.json" else (400, 404)), name
        refused = client.post(
            "/ogc/processes/score/execution",
            json={"inputs": {"product": "/etc/hostname", "reference": {"href": "file:///etc/hostname"}}},
        )
        assert refused.status_code == 403
        assert "files of this machine are not opened" in refused.json()["detail"]
        assert str(store) not in json.dumps([results, refused.json()])


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({}, InputError, "needs a product"),
        ({"product": "BUNDLE"}, InputError, "needs a reference"),
        ({"product": "0" * 12, "reference": "TRUTH"}, InputError, "no bundle"),
        ({"product": "/etc/hostname", "reference": "TRUTH"}, RefusedError, "files of this machine are not opened"),
        ({"product": "BUNDLE", "reference": "file:///etc/hostname"}, RefusedError, "files of this machine"),
        ({"product": "BUNDLE", "reference": "http://127.0.0.1:1/a.tif"}, RefusedError, "private network"),
        ({"product": "BUNDLE", "reference": "TRUTH", "zones": "../zones.gpkg"}, RefusedError, "files of this machine"),
        ({"product": "BUNDLE", "reference": "TRUTH", "baseline": "/vsizip/a"}, RefusedError, "files of this machine"),
        ({"product": "BUNDLE", "reference": "catalogue:none"}, InputError, "no item"),
        ({"product": "BUNDLE", "reference": "TRUTH", "treshold": 0.5}, ParameterError, "did you mean 'threshold'"),
        ({"product": "BUNDLE", "reference": "TRUTH", "threshold": 0.0}, ParameterError, "above 0, at most 1"),
        ({"product": "BUNDLE", "reference": "TRUTH", "threshold": True}, ParameterError, "finite number"),
        ({"product": "BUNDLE", "reference": "TRUTH", "kind": "any"}, ParameterError, "one of coded"),
        ({"product": "BUNDLE", "reference": "TRUTH", "positive": "1"}, ParameterError, "list of"),
        ({"product": "BUNDLE", "reference": "TRUTH", "ordered": "yes"}, ParameterError, "true or false"),
        ({"product": "BUNDLE", "reference": "TRUTH", "truth": {"area": "x"}}, ParameterError, "numbers by figure"),
        ({"product": "BUNDLE", "reference": "TRUTH", "map": "x" * 3000}, ParameterError, "1 to 2048"),
    ],
)
def test_what_does_not_fit_is_refused_before_it_is_queued(store, bundle_store, truth, given, error, words):
    known = {"BUNDLE": bundle_store.bundles()[0].id, "TRUTH": f"catalogue:{truth}"}
    filled = {n: known.get(v, v) if isinstance(v, str) else v for n, v in given.items()}
    with pytest.raises(error, match=words) as refused:
        checked_score(filled, Catalogue(store), bundle_store)
    assert "\n" not in str(refused.value)
    assert str(store.parent) not in str(refused.value)


def test_command_process_and_tool_take_the_same_options():
    context = click.Context(command)
    options = {p.name: p for p in command.get_params(context) if isinstance(p, click.Option)}
    of_the_command = {"pairs", "out", "as_json"}
    assert {o.field for o in OPTIONS} == {n for n, o in options.items() if "--help" not in o.opts} - of_the_command
    process = score_process.description("en", "")["inputs"]
    tool = score_inputs()["properties"]
    assert list(process) == ["product", *(o.name for o in OPTIONS)]
    assert set(tool) == {*process, "wait_seconds", "language"}
    for option in OPTIONS:
        assert option.doc in tool[option.name]["description"]
        assert process[option.name]["description"] == option.doc == options[option.field].help
        if option.form != "source":
            assert process[option.name]["schema"] == tool[option.name] == json_schema(option)


def test_options_left_out_take_the_defaults_of_a_comparison():
    from dataclasses import asdict

    from mitoshi.evidence.score import Settings

    assert asdict(settings_of({})) == asdict(Settings(reference=""))
    for option in OPTIONS:
        if option.default is not None:
            assert getattr(Settings(reference=""), option.field) == option.default
    assert np.isclose(settings_of({"at_least": -1.5}).at_least, -1.5)
