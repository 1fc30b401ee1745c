"""Files that state their own times are not taken in the wrong order."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from mitoshi import evidence
from mitoshi.core.discovery import find
from mitoshi.core.errors import InputError
from mitoshi.core.requirement import instant
from mitoshi.evidence.claims import too_early
from mitoshi.evidence.input_times import observed_later

TIME = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    profile = {"driver": "GTiff", "height": 32, "width": 32, "count": 1, "dtype": "float32", "crs": "EPSG:32654",
               "transform": from_origin(300000, 3900000, 10, 10)}  # fmt: skip
    for name, day in (("old", "2026-09-01"), ("new", "2026-09-15")):
        with rasterio.open(folder / f"{name}.tif", "w", **profile) as file:
            file.write(np.random.default_rng(1).gamma(4, 0.02, (1, 32, 32)).astype(np.float32))
            file.update_tags(MITOSHI_DATETIME=f"{day}T21:00:00Z", MITOSHI_QUANTITY="sigma0", MITOSHI_UNITS="1")
    return folder


def run(pair, tmp_path, before, after, event=None):
    sources = {"before": f"{pair / before}", "after": f"{pair / after}"}
    return evidence.run(find("disaster.flood-extent"), sources, {}, tmp_path / "out", time=TIME, event=event)


def test_exchanged_images_are_refused(pair, tmp_path):
    with pytest.raises(InputError, match="before is of 2026-09-15 21:00 UTC, later than after of 2026-09-01"):
        run(pair, tmp_path, "new.tif", "old.tif")


def test_images_on_the_wrong_side_of_the_event_are_refused(pair, tmp_path):
    with pytest.raises(InputError, match="after is of 2026-09-15 21:00 UTC, earlier than the event"):
        run(pair, tmp_path, "old.tif", "new.tif", datetime(2026, 10, 1, tzinfo=UTC))
    with pytest.raises(InputError, match="before is of 2026-09-01 21:00 UTC, later than the event"):
        run(pair, tmp_path, "old.tif", "new.tif", datetime(2026, 8, 1, tzinfo=UTC))


def test_what_the_user_says_is_compared_too(pair, tmp_path):
    with pytest.raises(InputError, match="later than after of 2026-08-01"):
        run(pair, tmp_path, "old.tif", "new.tif#time=2026-08-01")


def test_a_run_is_not_made_before_what_it_uses_was_observed(pair, tmp_path):
    sources = {"before": f"{pair}/old.tif", "after": f"{pair}/new.tif"}
    with pytest.raises(
        InputError, match="after was observed at 2026-09-15 21:00 UTC, after the run's time of 2026-09-10"
    ):
        evidence.run(
            find("disaster.flood-extent"), sources, {}, tmp_path / "out", time=datetime(2026, 9, 10, 6, tzinfo=UTC)
        )
    assert not (tmp_path / "out").exists()


AHEAD = "2026-11-20T00:00:00Z"


@pytest.mark.parametrize(
    ("method", "argument", "record", "event", "refused"),
    [
        ("disaster.impact", "depth", {"datetime": AHEAD}, None, True),
        ("disaster.impact", "depth", {"datetime": AHEAD}, AHEAD, False),  # the depth of a flood to come
        ("disaster.impact", "depth", {"datetime": AHEAD}, "2026-11-10T00:00:00Z", True),
        ("disaster.impact", "depth", {"datetime": AHEAD, "simulated": True}, None, False),
        ("disaster.impact", "depth", {"datetime": f"{AHEAD}/2026-12-01T00:00:00Z"}, None, False),
        ("disaster.impact", "depth", {"datetime": ""}, None, False),
        ("disaster.impact", "depth", {"datetime": "2026-10-31T23:59:59Z"}, None, False),
        ("disaster.flood-extent", "after", {"datetime": AHEAD}, AHEAD, True),  # an image is no forecast
    ],
)
def test_run_and_verify_agree_on_what_lies_ahead(method, argument, record, event, refused):
    inputs = {argument: [record]}
    run = {"method": {"name": method}, "time": TIME.isoformat(), "event": event, "inputs": inputs}
    assert (too_early(run) is not None) == refused
    late = observed_later(find(method), inputs, TIME, None if event is None else instant(event))
    assert late == ((argument, instant(AHEAD)) if refused else None)
