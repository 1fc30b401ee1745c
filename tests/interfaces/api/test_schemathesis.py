"""The whole OpenAPI document against requests that a generator thinks of: no 5xx, and every answer is as documented."""

from __future__ import annotations

import math

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from service_fixtures import copy_of
from starlette.testclient import TestClient

from mitoshi.interfaces.api import Settings
from mitoshi.interfaces.api.settings import Limits

load_all_checks()
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 15
KEY, REAL = [], []
WAYS = {
    "tiles": "tiles",
    "vectors": "features",
    "buildings": "tileset",
}  # root of an address -> field of a layer that leads there
ORDER = ("GET", "POST", "PUT", "DELETE")  # what is taken out cannot be looked at afterwards
ITEM = {
    "type": "Feature", "stac_version": "1.0.0", "links": [], "assets": {}, "bbox": [139.9, 36.0, 139.9, 36.0],
    "geometry": {"type": "Point", "coordinates": [139.9, 36.0]}, "properties": {"datetime": "2024-01-01T00:00:00Z"},
}  # fmt: skip


@pytest.fixture(scope="module")
def api(built_region, tmp_path_factory):
    """Return the schema of a service that asks for a key and takes items in, on a store of its own."""
    from mitoshi.interfaces.api.app import create_app
    from mitoshi.interfaces.api.security.keys import KeyFile
    from mitoshi.interfaces.cli.terminal import clock

    folder = tmp_path_factory.mktemp("generated")
    store = copy_of(built_region, folder)
    KEY[:] = [KeyFile(store / "service" / "keys.json").add("generator", ("read", "execute", "write"), clock(None))]
    unhurried = Limits(requests_per_minute=10**6, writes_per_minute=10**6, sync_seconds=0.05)
    app = create_app(
        Settings(
            store=store,
            data=(folder / "archive",),
            workers=0,
            names=("testserver",),
            require_key=True,
            transactions=True,
            limits=unhurried,
        )
    )
    REAL[:] = real_things(app)
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def real_things(app):
    """Return names and places that there are: an unlucky generator would meet nothing but 404."""
    with TestClient(app) as client:
        headers = {"authorization": f"Bearer {KEY[0]}"}
        bundle = client.get("/bundles").json()["bundles"][0]["id"]
        job = client.post(f"/bundles/{bundle}/verify", headers=headers).json()["jobID"]
        client.delete(f"/ogc/jobs/{job}", headers=headers)  # its events end
        layers = client.get("/layers").json()["layers"]
        methods = [process["id"] for process in client.get("/ogc/processes").json()["processes"]]
    found = []
    for layer in layers:
        collection, item, asset = layer["id"].split("/")
        west, south, east, north = layer["bbox"]
        lon, lat = (west + east) / 2, (south + north) / 2
        zoom = 12
        x = int((lon + 180) / 360 * 2**zoom)
        y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom)
        ring = [[west, south], [east, south], [east, north], [west, south]]
        found.append(
            {
                "collection": collection, "item": item, "asset": asset, "layer": layer["id"], "lon": lon, "lat": lat,
                "geometry": {"type": "Polygon", "coordinates": [ring]}, "z": zoom, "x": x, "y": y,
                "id": bundle, "path": "run.json", "jobID": job, "processID": methods[len(found) % len(methods)],
                "bbox": ",".join(map(str, layer["bbox"])), "inputs": {"area": layer["bbox"], "event": layer["datetime"]},
                "ways": [way for way, field in WAYS.items() if layer[field]],
            }
        )  # fmt: skip
    return found


def made_real(case, which):
    """Replace generated names by real ones."""
    way = case.operation.path.split("/")[1]
    thing = which.choice([t for t in REAL if way not in WAYS or way in t["ways"]])
    for place in (case.path_parameters, case.query, case.body):
        for name in thing.keys() & (place.keys() if isinstance(place, dict) else ()):
            place[name] = thing[name]
    if case.method in ("POST", "PUT") and "/items" in case.operation.path:
        name = f"made-{which.random()}" if case.method == "POST" else thing["item"]
        case.body = ITEM | {"id": name, "collection": thing["collection"]}


def tried(operation):
    """Send generated requests to one operation; return the first that is not answered as documented."""

    @given(case=operation.as_strategy(), real=strategies.booleans(), which=strategies.randoms(use_true_random=False))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def sent(case, real, which):
        if real:
            made_real(case, which)
        case.call_and_validate(headers={"Authorization": f"Bearer {KEY[0]}", "Prefer": "respond-async"}, checks=CHECKS)

    try:
        sent()
    except FailureGroup as group:
        return f"{operation.label}: " + " | ".join(" ".join(str(e).split())[:600] for e in group.exceptions)
    return ""


@pytest.mark.slow
def test_every_answer_is_as_the_document_says(api):
    operations = sorted(
        (result.ok() for result in api.get_all_operations()), key=lambda o: ORDER.index(o.method.upper())
    )
    assert len(operations) > 25
    wrong = [told for operation in operations if (told := tried(operation))]
    assert wrong == [], "\n".join(wrong)
