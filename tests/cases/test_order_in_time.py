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
