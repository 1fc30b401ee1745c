"""What a stranger may ask to run: no path, no private address, no misspelt name gets into the queue."""

from __future__ import annotations

import json
import math

import pytest

from mitoshi.catalog import Catalogue
from mitoshi.core.discovery import find
from mitoshi.core.errors import InputError, ParameterError, RefusedError, UnmetNeedError
from mitoshi.simulation import EVENT
from mitoshi.workflows.bundle_store import BundleStore
from mitoshi.workflows.requests import checked_request, checked_verification

FLOOD = find("disaster.flood-extent")


@pytest.fixture
def catalogue(small_store):
    return Catalogue(small_store)


@pytest.fixture
def radar(catalogue):
    """Return the id of a radar image in the catalogue."""
    return catalogue.search(quantity="backscatter")[0].id


def test_a_request_is_what_a_worker_can_be_given(catalogue, area):
    request = checked_request(FLOOD, {"area": list(area), "event": EVENT, "threshold_shift": 0}, catalogue)
    assert request["method"] == "disaster.flood-extent"
    assert request["data"] == {}
    assert request["parameters"] == {"threshold_shift": 0}
    assert request["area"] == pytest.approx(area)
    assert request["event"].endswith("Z")
    assert json.loads(json.dumps(request)) == request


def test_an_item_is_named_by_its_id_or_by_its_address_at_this_service(catalogue, radar):
    origins = ["http://127.0.0.1:8000"]
    named = [f"catalogue:{radar}", f"/stac/collections/raster/items/{radar}"]
    named.append(f"http://127.0.0.1:8000/stac/collections/raster/items/{radar}")
    for value in named:
        assert checked_request(FLOOD, {"after": value}, catalogue, origins)["data"] == {"after": f"catalogue:{radar}"}
    with pytest.raises(RefusedError, match="private network"):
        checked_request(FLOOD, {"after": named[2]}, catalogue)  # the address of some other service on this machine
    with pytest.raises(InputError, match="no item"):
        checked_request(FLOOD, {"after": f"/stac/collections/other/items/{radar}"}, catalogue, origins)


@pytest.mark.parametrize(
    "value",
    [
        "/etc/passwd",
        "../catalogue/manifest.json",
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "/vsicurl/http://127.0.0.1/a.tif",
        "s3://bucket/key",
        "ftp://example.org/a.tif",
        "<VRTDataset></VRTDataset>",
        "catalogue",
        "http:/etc/passwd",
    ],
)
def test_what_is_neither_an_item_nor_a_web_address_is_refused(catalogue, value):
    with pytest.raises(RefusedError, match="neither catalogue:ID nor an https address|not http or https|malformed"):
        checked_request(FLOOD, {"after": value}, catalogue)


@pytest.mark.parametrize(
    "value",
    [
        "http://127.0.0.1/a.tif",
        "http://[::1]/a.tif",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/a.tif#units=dB",
        "https://user:secret@127.0.0.1/a.tif",
        "http://[::ffff:127.0.0.1]/a.tif",
        "http://2130706433/a.tif",
        "http://[::1/a.tif",
    ],
)
def test_an_address_that_must_not_be_reached_is_refused(catalogue, value):
    with pytest.raises(RefusedError) as refused:
        checked_request(FLOOD, {"after": value}, catalogue)
    assert "secret" not in str(refused.value)


def test_an_unknown_name_is_answered_with_the_nearest(catalogue):
    with pytest.raises(ParameterError, match="did you mean 'threshold_shift'"):
        checked_request(FLOOD, {"treshold_shift": 1.0}, catalogue)


@pytest.mark.parametrize("value", [99.0, "1", True, math.inf, math.nan, [1.0], {"value": 1.0}, 10**400, "x" * 10_000])
def test_a_parameter_out_of_its_bounds_or_of_another_type_is_refused(catalogue, radar, value):
    with pytest.raises(ParameterError):
        checked_request(FLOOD, {"after": f"catalogue:{radar}", "threshold_shift": value}, catalogue)


@pytest.mark.parametrize(
    "value",
    [
        "1,2,3",
        [1, 2, 3],
        [0, 0, 0, 0],
        [0, 10, 1, 5],
        [0, 0, 999, 1],
        [0, 0, math.nan, 1],
        [True, 0, 1, 1],
        {},
        "a,b,c,d",
    ],
)
def test_an_area_that_is_none_is_refused(catalogue, value):
    with pytest.raises(InputError):
        checked_request(FLOOD, {"area": value, "event": EVENT}, catalogue)


@pytest.mark.parametrize("value", ["yesterday", 20260101, "0001-01-01T00:00+14:00", "2026-01-01T00:00Z" * 10])
def test_an_event_that_is_no_time_is_refused(catalogue, area, value):
    with pytest.raises(InputError):
        checked_request(FLOOD, {"area": list(area), "event": value}, catalogue)


def test_what_is_missing_is_named_before_anything_is_queued(catalogue, area):
    with pytest.raises(InputError, match=r"needs after; .*area"):
        checked_request(FLOOD, {}, catalogue)
    with pytest.raises(InputError, match=r"time of the event to look up after \(after\)"):
        checked_request(FLOOD, {"area": list(area)}, catalogue)
    with pytest.raises(UnmetNeedError, match="no observation for after"):
        checked_request(FLOOD, {"area": list(area), "event": "2001-01-01T00:00Z"}, catalogue)
    with pytest.raises(InputError, match="no item 'nothing'"):
        checked_request(FLOOD, {"after": "catalogue:nothing"}, catalogue)


def test_an_empty_store_is_no_crash(tmp_path):
    with pytest.raises(InputError):
        checked_request(FLOOD, {"after": "catalogue:x"}, Catalogue(tmp_path / "none"))


def test_a_bundle_is_verified_by_its_id_alone(small_store):
    bundle_store = BundleStore((small_store / "service" / "runs",))
    bundle = bundle_store.bundles()[0]
    request = checked_verification(bundle.id[:12], bundle_store)
    assert request == {"bundle": bundle.id, "folder": str(bundle.path)}
    for value in ("0" * 64, "/etc", "..", bundle.id[:11], bundle.id.upper(), 5, None, "a" * 5000):
        with pytest.raises(InputError):
            checked_verification(value, bundle_store)


def test_a_given_item_stays_and_only_what_is_missing_is_looked_up(catalogue, radar, area):
    request = checked_request(FLOOD, {"after": f"catalogue:{radar}", "area": list(area), "event": EVENT}, catalogue)
    assert request["data"] == {"after": f"catalogue:{radar}"}


def test_json_does_not_tell_whole_numbers_from_others(catalogue):
    """JSON Schema calls 5.0 an integer: a parameter of whole numbers takes it, and does not take 5.5."""
    method = find("disaster.inundation")
    dem = f"catalogue:{catalogue.search(quantity='elevation')[0].id}"
    request = checked_request(method, {"elevation": dem, "seed": 5.0}, catalogue)
    assert repr(request["parameters"]) == "{'seed': 5}"
    with pytest.raises(ParameterError, match="must be int"):
        checked_request(method, {"elevation": dem, "seed": 5.5}, catalogue)
