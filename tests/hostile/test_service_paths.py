"""Attacks on a running service: no address, item or link leads out of the folders that may be served."""

from __future__ import annotations

import io
import json
import re
import shutil
import time
import zipfile

import pytest
from attacked_service import (
    METHOD,
    SECRETS,
    VRT,
    good_values,
    refused,
    statuses,
)

pytestmark = pytest.mark.slow

PAYLOADS = (
    "..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "..%252f..%252f..%252f..%252fetc%252fpasswd",
    "..%5c..%5c..%5cetc%5cpasswd",
    "....//....//....//etc/passwd",
    "%2fetc%2fpasswd",
    "..%c0%af..%c0%afetc%c0%afpasswd",
    "keys.json",
    "..%2fkeys.json",
    "..%2f..%2fkeys.json",
    "jobs.sqlite",
    "file:%2f%2f%2fetc%2fpasswd",
    "%2fvsicurl%2fhttp:%2f%2f127.0.0.1%2fx",
    "a%00.png",
    "%27%20OR%201=1%20--",
    "1%27%3B%20DROP%20TABLE%20jobs%3B--",
    "$%7B7*7%7D%7B%7B7*7%7D",
    "%3Cscript%3Ealert(1)%3C%2fscript%3E",
    "%ff%fe%00",
    "-1",
    "99999999999999999999999",
    "1e400",
    "nan",
    "a" * 3000,
)


def addresses(attacked):
    """Return the address templates of every route, the viewer's and hidden ones too."""
    found = {route.path for route in attacked.app.routes if hasattr(route, "path")}
    found |= {p for r in attacked.app.routes for p in _paths(r)}
    return sorted(p for p in found if p.startswith("/"))


def _paths(route):
    return [getattr(r, "path", "") for r in getattr(route, "routes", None) or []]


def test_no_address_leads_out_of_the_store(attacked):
    values = good_values(attacked)
    templates = {re.sub(r":\w+\}", "}", t) for t in addresses(attacked)}
    asked = 0
    for template in sorted(templates):
        names = re.findall(r"\{(\w+)\}", template)
        for hostile in names:
            for payload in PAYLOADS:
                target = template
                for name in names:
                    target = target.replace(f"{{{name}}}", payload if name == hostile else values.get(name, "x"))
                status, headers, body = attacked.ask("GET", target)
                asked += 1
                assert status < 500, (target, body[:300])
                assert not [s for s in SECRETS if s in body], target
                assert (
                    "sandbox" in headers["content-security-policy"]
                    or "script-src 'self'" in headers["content-security-policy"]
                )
    assert asked > 300


@pytest.mark.parametrize("lead", ["/", "/assets/", "/bundles/", "/stac/", "/tiles/", "//", "/./"])
@pytest.mark.parametrize("payload", [p for p in PAYLOADS if "passwd" in p or "keys" in p or "jobs" in p])
def test_the_page_serves_no_file_but_its_own(attacked, lead, payload):
    for target in (lead + payload, lead + payload.replace("%2f", "/").replace("%5c", "\\")):
        raw, _ = attacked.raw(attacked.head(f"GET {target} HTTP/1.1", "Connection: close"))
        assert statuses(raw)[0] in (200, 400, 404)
        assert not [s for s in SECRETS if s in raw]


PRIVATE = ("keys.json", "keys.lock", "jobs.sqlite", "audit.jsonl")


def test_the_services_own_files_are_never_served(attacked, area):
    asked = attacked.execute(area=list(area), event="2026-10-12T00:00:00Z")[0]
    assert asked == 201  # so that there is something in the list of jobs
    folder = attacked.store / "service"
    values = good_values(attacked)
    for name in PRIVATE:
        assert (folder / name).exists(), name
        secret = (folder / name).read_bytes()[:64]
        for target in (
            f"/{name}",
            f"/service/{name}",
            f"/bundles/{values['id']}/files/{name}",
            f"/bundles/{values['id']}/files/../../{name}",
            f"/bundles/{values['id']}/files/..%2f..%2f{name}",
            f"/stac/collections/{METHOD}/items/{values['item']}/assets/{name}",
            f"/tiles/{METHOD}/{values['item']}/{name}/0/0/0.png",
            f"/vectors/{METHOD}/{values['item']}/{name}.geojson",
        ):
            status, _, body = attacked.ask("GET", target)
            assert status in (200, 400, 404)
            assert not secret or secret not in body, target


@pytest.fixture(scope="module")
def planted(attacked, tmp_path_factory):
    """Put items into the catalogue whose assets lead to files that are not theirs to give; return their ids."""
    import pystac

    from mitoshi.catalog import Catalogue

    outside = tmp_path_factory.mktemp("outside") / "secret.txt"
    outside.write_text("never to be seen")
    link = attacked.store.parent / "archive" / "link.tif"
    link.symlink_to(outside)
    catalogue = Catalogue(attacked.store)
    model = catalogue.search(collections=[METHOD])[0].to_dict(transform_hrefs=False)
    targets = {
        "passwd": "/etc/passwd",
        "outside": str(outside),
        "link": str(link),
        "keys": str(attacked.store / "service" / "keys.json"),
        "jobs": str(attacked.store / "service" / "jobs.sqlite"),
        "environment": "/proc/self/environ",
        "zero": "/dev/zero",
        "vrt": str(attacked.store.parent / "archive" / "vrt.tif"),
    }
    (attacked.store.parent / "archive" / "vrt.tif").write_text(VRT.format(outside))
    for name, href in targets.items():
        made = json.loads(json.dumps(model)) | {"id": f"planted-{name}", "links": []}
        asset = next(iter(model["assets"].values()))
        made["assets"] = {"data": {**asset, "href": href}, "flood": {**asset, "href": href}}
        report = catalogue.add([pystac.Item.from_dict(made)])
        assert not report.refused, report
    yield [f"planted-{name}" for name in targets]
    catalogue.remove([(METHOD, f"planted-{name}") for name in targets])


def test_a_catalogued_file_outside_the_folders_is_not_served(attacked, planted):
    for item in planted:
        for asset in ("data", "flood"):
            for target in (
                f"/stac/collections/{METHOD}/items/{item}/assets/{asset}",
                f"/tiles/{METHOD}/{item}/{asset}/3/7/3.png",
                f"/tiles/{METHOD}/{item}/{asset}/tilejson.json",
                f"/vectors/{METHOD}/{item}/{asset}.geojson",
                f"/buildings/{METHOD}/{item}/{asset}/tileset.json",
                f"/values?layer={METHOD}/{item}/{asset}&lon=139.9&lat=36.0",
                f"/values/series?layer={METHOD}/{item}/{asset}&lon=139.9&lat=36.0",
            ):
                status, _, body = attacked.ask("GET", target)
                vrt = (
                    item == "planted-vrt" and "/assets/" in target
                )  # its text is of the archive; what it points to is not
                assert (status in (400, 403, 404, 415)) or vrt, (target, status, body[:200])
                assert not [s for s in SECRETS if s in body], target
    status, _, body = attacked.ask("GET", "/layers")
    assert status == 200
    assert b"never to be seen" not in body


def test_a_link_in_a_bundle_is_no_file_of_it(attacked, tmp_path):
    values = good_values(attacked)
    bundle = next(p.parent for p in (attacked.store / "service" / "runs").rglob("run.json"))
    copy = bundle.parent / "linked"
    shutil.copytree(bundle, copy)
    try:
        (tmp_path / "secret").write_text("never to be seen")
        name = next(p.name for p in copy.iterdir() if p.suffix == ".png")
        for folder in (bundle, copy):
            (folder / "leak.txt").symlink_to(tmp_path / "secret")
            (folder / "up").symlink_to(attacked.store / "service")
        (copy / name).unlink()
        (copy / name).symlink_to(tmp_path / "secret")
        time.sleep(0.1)
        for target in ("leak.txt", "up/keys.json", "up/jobs.sqlite", name):
            _, _, body = attacked.ask("GET", f"/bundles/{values['id']}/files/{target}")
            assert b"never to be seen" not in body
            assert b'sha256": "' not in body
        status, _, body = attacked.ask("GET", f"/bundles/{values['id']}/bundle.zip")
        assert b"never to be seen" not in body
        if status == 200:
            assert not [n for n in zipfile.ZipFile(io.BytesIO(body)).namelist() if "leak" in n or "/up" in n]
    finally:
        shutil.rmtree(copy)
        (bundle / "leak.txt").unlink()
        (bundle / "up").unlink()


@pytest.mark.parametrize("href", ["file:///etc/passwd", "/etc/passwd", "../../service/keys.json", "http://169.254.169.254/x.tif",
                                  "http://127.0.0.1:1/x.tif", "/vsicurl/http://127.0.0.1/x", "javascript:alert(1)"])  # fmt: skip
def test_an_item_from_outside_cannot_name_a_file_of_the_machine(attacked, href):
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": "evil", "collection": "uploads", "links": [],
        "geometry": {"type": "Point", "coordinates": [139.9, 36.0]}, "bbox": [139.9, 36.0, 139.9, 36.0],
        "properties": {"datetime": "2024-01-01T00:00:00Z", "mitoshi:reader": "raster"},
        "assets": {"data": {"href": href}},
    }  # fmt: skip
    refused(attacked.ask("POST", "/stac/collections/uploads/items", item), 400, 403)
    assert attacked.ask("GET", "/stac/collections/uploads/items/evil")[0] == 404
