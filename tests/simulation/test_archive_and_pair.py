"""The files: tagged, readable by the house's readers, the same bytes for the same seed, truth kept apart."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import numpy as np
import pytest
import rasterio
from numpy.testing import assert_allclose, assert_array_equal

from mitoshi import sensors
from mitoshi.core.quantity import QUANTITIES
from mitoshi.core.requirement import instant
from mitoshi.simulation import (
    EVENT,
    default_plan,
    flood_depth,
    observe_optical,
    observe_radar,
    region,
    with_flood,
    write_pair,
    write_region,
)
from mitoshi.simulation.write import trimmed


def digests(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()
    }


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    out = tmp_path_factory.mktemp("region")
    place = with_flood(region((320, 320), seed=9))
    return out, place, write_region(place, out)


def test_every_raster_says_that_it_is_simulated(archive):
    out, place, _ = archive
    rasters = sorted(out.rglob("*.tif"))
    assert len(rasters) > 35
    for path in rasters:
        with rasterio.open(path) as dataset:
            stated = dataset.tags()
            assert stated["MITOSHI_SIMULATED"] == "true", path
            assert stated["MITOSHI_PLATFORM"] == "simulated"
            assert stated["MITOSHI_SEED"] == str(place.seed) or "ELSEWHERE" in path.name
            assert stated["MITOSHI_QUANTITY"] in QUANTITIES
            instant(stated["MITOSHI_DATETIME"])
            assert dataset.crs.to_epsg() == 32654
            assert dataset.profile["tiled"]
    for path in out.rglob("*.geojson"):
        assert json.loads(path.read_text())["mitoshi:simulated"] is True


def test_readers_take_every_file_without_an_assumption(archive):
    out, _, written = archive
    sources = [p for p in sorted((out / "archive").iterdir()) if not p.name.startswith(".")]
    found = [item for source in sources for item in sensors.items(str(source))]
    assert len(found) == len(sources) == 19
    assert {p.parent.name for p in written} >= {"archive"}
    for item in found:
        assert item.properties["mitoshi:simulated"] is True, item.id
        assert item.properties["mitoshi:assumptions"] == []
        assert item.datetime is not None


def test_the_radar_reads_back_as_it_was_observed(archive):
    out, place, _ = archive
    passage = next(p for p in default_plan().radar if p.flood == 1.0)
    path = next((out / "archive").glob("SIM_RTC_A039_20261012*"))
    seen = sensors.open_observation(str(path))
    gamma0 = seen.layers["gamma0"].load()
    assert gamma0.dims == ("polarisation", "y", "x")
    assert list(gamma0.polarisation.values) == ["VV", "VH"]
    assert gamma0.attrs["units"] == "1"
    expected = observe_radar(place, place.ground(), passage)
    assert_allclose(gamma0.to_numpy(), expected, rtol=2.0**-11)
    properties = seen.item.properties
    assert properties["sat:orbit_state"] == "ascending"
    assert properties["sat:relative_orbit"] == 39


def test_the_optical_offset_is_read_from_the_item(archive):
    out, place, _ = archive
    passage = default_plan().optical[0]
    folder = sorted((out / "archive").glob("SIM_S2A_*"))[0]
    seen = sensors.open_observation(str(folder)).layers["surface_reflectance"].load()
    expected = observe_optical(place, place.ground(), passage).reflectance
    assert_allclose(seen.sel(band="B04").to_numpy(), expected[2], atol=1e-4)


def test_the_truth_is_beside_the_archive_and_not_in_it(archive):
    out, place, written = archive
    ground = place.ground()
    assert not [p for p in written if "truth" in str(p.relative_to(out))]
    with rasterio.open(out / "truth" / "flood.tif") as dataset:
        assert_array_equal(dataset.read(1) == 1, flood_depth(ground) > 0)
    with rasterio.open(out / "truth" / "not_observable.tif") as dataset:
        assert set(np.unique(dataset.read(1))) == {0, 1}
    houses = json.loads((out / "truth" / "buildings.geojson").read_text())["features"]
    assert all(3 < f["properties"]["height_m"] < 60 for f in houses)


def test_the_plan_holds_one_right_pair_among_traps():
    plan, event = default_plan(), instant(EVENT)
    after = min((p for p in plan.radar if instant(p.time) >= event), key=lambda p: instant(p.time))
    assert after.flood == 1.0
    before = [p for p in plan.radar if instant(p.time) < event]
    latest = max(before, key=lambda p: instant(p.time))
    assert latest.orbit_state != after.orbit_state  # the latest image is of another track
    same = max((p for p in before if p.relative_orbit == after.relative_orbit), key=lambda p: instant(p.time))
    assert instant(after.time) - instant(same.time) == timedelta(days=12)
    assert same.flood == 0.0
    assert any(event - instant(p.time) > timedelta(days=365) for p in before)
    assert len({p.time for p in plan.radar}) == len(plan.radar)


def test_the_same_seed_writes_the_same_bytes(archive, tmp_path):
    out, _, _ = archive
    write_region(region((320, 320), seed=9), tmp_path)  # solves the flood itself
    assert digests(tmp_path) == digests(out)


def test_a_pair_does_not_depend_on_its_workers_and_equals_the_region(tmp_path):
    shape = (1100, 1300)
    seen = []
    one = write_pair(tmp_path / "one", shape, 3, lambda done, of: seen.append((done, of)), workers=1, ancillary=True)
    write_pair(tmp_path / "two", shape, 3, workers=2, ancillary=True)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert seen == [(n, 4) for n in range(1, 5)]
    place = region(shape, seed=3)
    with rasterio.open(one.flood) as dataset:
        assert_array_equal(dataset.read(1) == 1, flood_depth(place.ground()) > 0)
    with rasterio.open(one.after) as dataset:
        assert dataset.count == 2
        assert dataset.tags()["MITOSHI_SIMULATED"] == "true"
        assert dataset.tags()["MITOSHI_BANDS"] == "VV+VH"


def test_a_pair_of_one_polarisation(tmp_path):
    both, single = (
        write_pair(tmp_path / n, (128, 160), 4, polarisations=p)
        for n, p in (("both", ("VV", "VH")), ("single", ("VV",)))
    )
    with rasterio.open(both.before) as a, rasterio.open(single.before) as b:
        assert b.count == 1
        assert_array_equal(a.read(1), b.read(1))


def test_nothing_half_written_remains(tmp_path):
    def fail(done, of):
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_pair(tmp_path, (128, 128), 4, fail)
    assert list(tmp_path.iterdir()) == []


def test_trimming_keeps_three_decimals_and_nan():
    values = np.array([1e-5, 0.0123456, 3.3, np.nan], np.float32)
    cut = trimmed(values)
    assert_allclose(cut[:3], values[:3], rtol=2.0**-12)
    assert np.isnan(cut[3])
