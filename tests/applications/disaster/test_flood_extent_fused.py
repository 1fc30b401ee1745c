"""A radar and an optical flood map joined: what each keeps, what time takes off, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from mitoshi import evidence
from mitoshi.applications.disaster.flood_extent import DRY, FLOODED, NOT_OBSERVABLE, PERMANENT
from mitoshi.applications.disaster.flood_extent_fused import (
    AGREE,
    DISAGREE,
    OPTICAL_ONLY,
    RADAR_ONLY,
    flood_extent_fused,
)
from mitoshi.applications.disaster.flood_fused_figures import figures
from mitoshi.core.errors import InputError

NOWHERE = np.nan
BAYES = {"shared_error": 0.0, "radar_strength": 1.0}


def chances(values, **attrs):
    attrs = {"quantity": "probability", "units": "1", "pixel_size_m": 10.0, **attrs}
    return xr.DataArray(np.atleast_2d(np.asarray(values, "float32")), dims=("y", "x"), attrs=attrs)


def classes(values):
    attrs = {"quantity": "flood_extent", "units": "1", "pixel_size_m": 10.0}
    return xr.DataArray(np.atleast_2d(np.asarray(values, "float32")), dims=("y", "x"), attrs=attrs)


def fused(radar, optical, *maps, **parameters):
    result = flood_extent_fused(chances(radar), chances(optical), *maps, **parameters)
    flood, chance, seen = (np.asarray(layer)[0] for layer in result)
    assert_array_equal(np.isnan(chance), flood == NOT_OBSERVABLE)
    assert_array_equal(seen == NOT_OBSERVABLE, flood == NOT_OBSERVABLE)
    return flood, chance, seen


def test_independent_images_multiply_their_odds():
    """0.8 and 0.6 are odds of 4 and 1.5, together 6 of 7; relative to a prior of 0.2 they are 16 and 6, together 24 of 25."""
    assert_allclose(fused([0.8], [0.6], **BAYES)[1], 6 / 7, atol=1e-6)
    assert_allclose(fused([0.8], [0.6], prior=0.2, **BAYES)[1], 24 / 25, atol=1e-6)
    assert_allclose(fused([0.8], [0.2], **BAYES)[1], 0.5, atol=1e-6)


def test_what_one_sensor_did_not_see_is_the_others_answer_bit_for_bit():
    radar = np.float32([0.0, 0.3141, 0.9994, 1.0, NOWHERE, NOWHERE])
    optical = np.float32([NOWHERE, NOWHERE, NOWHERE, NOWHERE, 0.123, NOWHERE])
    flood, chance, seen = fused(radar, optical, optical_hours=300.0)
    assert_array_equal(chance, np.where(np.isnan(radar), optical, radar))
    assert flood.tolist() == [DRY, DRY, FLOODED, FLOODED, DRY, NOT_OBSERVABLE]
    assert seen.tolist() == [RADAR_ONLY] * 4 + [OPTICAL_ONLY, NOT_OBSERVABLE]


def test_where_one_sensor_saw_its_own_class_stands_even_below_one_half():
    """The radar map grows regions and drops specks: its classes are not a threshold of 0.5."""
    maps = classes([FLOODED, DRY, NOT_OBSERVABLE]), classes([NOT_OBSERVABLE] * 3)
    flood, chance, _ = fused([0.4, 0.7, 0.7], [0.9, 0.9, 0.9], *maps)
    assert flood.tolist() == [FLOODED, DRY, NOT_OBSERVABLE]
    assert_array_equal(chance, np.float32([0.4, 0.7, NOWHERE]))


def test_permanent_water_of_either_map_is_no_flood():
    maps = classes([PERMANENT, FLOODED, PERMANENT]), classes([FLOODED, PERMANENT, NOT_OBSERVABLE])
    flood, chance, seen = fused([0.0, 0.9, 0.0], [0.9, 0.0, NOWHERE], *maps)
    assert (flood == PERMANENT).all()
    assert (chance == 0.0).all()
    assert seen.tolist() == [DISAGREE, DISAGREE, RADAR_ONLY]


def test_disagreement_stays_visible_in_layer_and_figures():
    result = flood_extent_fused(
        chances([0.9, 0.9, 0.1, 0.1, 0.9, NOWHERE]), chances([0.9, 0.1, 0.9, 0.1, NOWHERE, NOWHERE])
    )
    assert np.asarray(result.flood_evidence)[0].tolist() == [
        AGREE,
        DISAGREE,
        DISAGREE,
        AGREE,
        RADAR_ONLY,
        NOT_OBSERVABLE,
    ]
    told = figures(flood_extent_fused.tally(result, 1e6), {})
    assert [f.name for f in told[:3]] == [
        "flooded_area",
        "disagreement_area",
        "disagreement_share",
    ]  # not behind the others
    found = {f.name: f for f in told}
    assert "look there first" in found["disagreement_area"].reason.en
    assert "優先して確認してください" in found["disagreement_area"].reason.ja
    assert found["seen_by_both_area"].value == pytest.approx(4.0)
    assert found["disagreement_area"].value == pytest.approx(2.0)
    assert found["disagreement_share"].value == pytest.approx(50.0)
    assert found["radar_only_area"].value == pytest.approx(1.0)
    assert found["not_observable_area"].value == pytest.approx(1.0)


def test_disagreement_is_unknown_where_no_pixel_was_seen_by_both():
    result = flood_extent_fused(chances([0.9, NOWHERE]), chances([NOWHERE, 0.1]))
    found = {f.name: f for f in figures(flood_extent_fused.tally(result, 1e6), {})}
    assert np.isnan(found["disagreement_area"].value)
    assert np.isnan(found["disagreement_share"].value)
    assert "no pixel was observed by both" in found["disagreement_share"].reason.en


def test_the_interval_is_as_narrow_as_the_joined_map_is_sure():
    """A radar map that doubts itself is wide alone, and narrower where a sure optical map sees the same."""
    water = np.full((40, 40), 0.7, np.float32)
    nothing = np.full_like(water, NOWHERE)
    ratio = []
    for optical in (np.full_like(water, 0.98), nothing):
        totals = flood_extent_fused.tally(flood_extent_fused(chances(water), chances(optical)), 100.0)
        area = {f.name: f for f in figures(totals, {})}["flooded_area"]
        ratio.append(area.value / area.lower)
    assert ratio[1] > 1.2 * ratio[0]


@pytest.mark.parametrize(("one", "other"), [(0.0, 0.0), (36.0, 36.0), (-36.0, 36.0)])
def test_images_equally_near_in_time_lose_nothing(one, other):
    assert_allclose(fused([0.8], [0.6], radar_hours=one, optical_hours=other, **BAYES)[1], 6 / 7, atol=1e-6)


def test_one_half_life_leaves_half_the_persistence():
    """P(now) = 0.5 * 0.9 + 0.5 * 0.5 = 0.7 for the older image; odds 7/3, weighed 1 and 1 for independent errors."""
    _, chance, _ = fused([0.2], [0.9], optical_hours=-96.0, half_life_hours=96.0, **BAYES)
    odds = (0.2 / 0.8) * (0.7 / 0.3)
    assert_allclose(chance, odds / (1.0 + odds), atol=1e-6)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_image_of_long_ago_says_nothing_beside_one_of_now(sign):
    """Radar of now, however weak, against a clear image of four weeks before or after."""
    answers = [fused([0.7], [0.002], optical_hours=sign * h)[1][0] for h in (0.0, 48.0, 96.0, 192.0, 700.0)]
    assert answers[0] < 0.05
    assert answers == sorted(answers)
    assert answers[-1] == np.float32(0.7)


def test_a_percentage_an_unknown_code_and_one_map_twice_are_refused():
    with pytest.raises(InputError, match=r"radar_probability must lie in \[0, 1\], got 80; is it a percentage"):
        fused([80.0], [0.5])
    with pytest.raises(InputError, match="optical_flood holds code 3"):
        fused([0.8], [0.5], None, classes([3]))
    noise = np.random.default_rng(0).uniform(size=(1, 50))
    with pytest.raises(InputError, match="are the same map"):
        fused(noise, noise)


def write(path, values, moment=None, dtype="float32"):
    """Write a layer as a bundle's product of another day."""
    grid = {"crs": "EPSG:32654", "transform": rasterio.Affine(10, 0, 400_000, 0, -10, 3_500_000)}
    values = np.asarray(values, dtype)
    with rasterio.open(
        path, "w", "GTiff", values.shape[1], values.shape[0], 1, dtype=dtype, nodata=np.nan, **grid
    ) as file:
        file.write(values, 1)
        file.update_tags(MITOSHI_QUANTITY="probability", MITOSHI_UNITS="1")
        if moment:
            file.update_tags(MITOSHI_DATETIME=moment)


def run(tmp_path, **parameters):
    data = {f"{name}_probability": str(tmp_path / f"{name}.tif") for name in ("radar", "optical")}
    return evidence.run(flood_extent_fused, data, parameters, tmp_path / "out", time=datetime(2026, 1, 1, tzinfo=UTC))


def assumptions(tmp_path):
    return [str(text) for text in json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))["assumptions"]]


@pytest.fixture
def pair():
    noise = np.random.default_rng(5)
    return noise.uniform(0.0, 0.2, (60, 70)), noise.uniform(0.8, 1.0, (60, 70))


def test_times_that_the_files_state_are_checked_before_anything_is_computed(tmp_path, pair):
    write(tmp_path / "radar.tif", pair[0], "2019-09-17T18:00:00Z")
    write(tmp_path / "optical.tif", pair[1], "2019-09-18T11:00:00Z")
    with pytest.raises(InputError, match=r"radar map is of 2019-09-17T18:00Z.*--radar-hours 0 --optical-hours 17"):
        run(tmp_path)
    with pytest.raises(InputError, match=r"was taken \+24\.0 h after"):
        run(tmp_path, radar_hours=-24.0)
    run(tmp_path, radar_hours=-17.0)
    assert not any("states no time" in text for text in assumptions(tmp_path))
    assert evidence.verify(tmp_path / "out").status == "identical"


def test_images_without_a_time_are_said_to_be_assumed(tmp_path, pair):
    write(tmp_path / "radar.tif", pair[0], "2019-09-17T18:00:00Z")
    write(tmp_path / "optical.tif", pair[1])
    run(tmp_path, optical_hours=-30.0)
    assert any("taken to lie 30 h apart" in text for text in assumptions(tmp_path))
