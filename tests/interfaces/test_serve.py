"""`mitoshi serve` from the outside: it says where it listens, and bad usage is one line."""

from __future__ import annotations

import socket
import subprocess
import sys

import httpx
import pytest
from service_fixtures import serving, stopped


def called(*arguments):
    command = [sys.executable, "-c", "from mitoshi.interfaces.cli import main; main()", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_taken_port_is_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = called("--store", str(tmp_path), "--port", str(taken.getsockname()[1]))
    assert told.returncode == 2
    assert told.stderr.count("\n") == 1
    assert "cannot listen on 127.0.0.1" in told.stderr
    assert "--port" in told.stderr


def test_half_an_identity_provider_is_refused(tmp_path):
    told = called("--store", str(tmp_path), "--oidc-issuer", "https://id.example")
    assert told.returncode == 2
    assert "--oidc-audience" in told.stderr


@pytest.mark.slow
def test_an_empty_store_is_served_and_says_so(tmp_path):
    (tmp_path / "archive").mkdir()
    running = serving(tmp_path / "catalogue", workers=0)
    try:
        assert httpx.get(f"{running.url}/layers").json()["layers"] == []
        assert "server" not in httpx.get(f"{running.url}/ogc/").headers
        page = httpx.get(f"{running.url}/", headers={"accept": "text/html"})
        assert page.headers["content-type"].startswith("text/html")
    finally:
        stopped(running)
    assert running.process.returncode == 0


@pytest.mark.slow
def test_items_outside_the_served_folders_are_named_at_the_start_and_kept_from_the_world(built_region, tmp_path):
    """The catalogue of the built region names files of its archive, which this service was not given."""
    import shutil

    store = tmp_path / "catalogue"
    shutil.copytree(built_region / "catalogue", store)
    (tmp_path / "archive").mkdir()
    running = serving(store, workers=0)
    try:
        answer = httpx.get(f"{running.url}/stac/search", params={"limit": 100}).json()
        inputs = [f for f in answer["features"] if f["collection"] != "disaster.flood-extent"]
        assert inputs
        assert all(not f["assets"] for f in inputs)
        products = [f for f in answer["features"] if f["collection"] == "disaster.flood-extent"]
        assert products
        assert all("data" in f["assets"] for f in products)
        assert str(built_region) not in str(answer)
    finally:
        stopped(running)
