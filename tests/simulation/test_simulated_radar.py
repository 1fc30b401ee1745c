"""What the simulated radar measures: speckle, levels by class, contrast that is no toy, and the same pixels on any tiling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mitoshi.core.quantity import to_db
from mitoshi.methods.sar.forward import FOREST, GRASS, PADDY, REFERENCE_INCIDENCE_DEG, SCATTERERS, URBAN
from mitoshi.simulation import RadarPass, flood_depth, observe_radar, region, unobservable

BEFORE = RadarPass("2026-09-30T20:00:00Z", incidence_deg=REFERENCE_INCIDENCE_DEG)
AFTER = replace(BEFORE, time="2026-10-12T20:00:00Z", flood=1.0)


@pytest.fixture(scope="module")
def scene():
    place = region((800, 800), seed=13)
    ground = place.ground()
    return place, ground, observe_radar(place, ground, BEFORE), observe_radar(place, ground, AFTER)


def test_tiles_equal_the_whole(scene):
    place, _, _, after = scene
    for rows, columns in (
        (slice(0, 130), slice(0, 99)),
        (slice(401, 800), slice(333, 700)),
        (slice(790, 800), slice(799, 800)),
    ):
        tile = observe_radar(place, place.ground((rows, columns)), AFTER)
        assert_array_equal(tile, after[:, rows, columns])


def test_speckle_has_unit_mean_the_asked_looks_and_no_memory(scene):
    place, ground, *_ = scene
    rough = observe_radar(place, ground, BEFORE).astype(float)
    smooth = observe_radar(place, ground, replace(BEFORE, looks=1e9)).astype(float)
    seen = np.isfinite(rough[0])
    ratio = np.where(seen, rough / smooth, 1.0)
    for channel in ratio:
        sample = channel[seen]
        assert sample.mean() == pytest.approx(1.0, abs=4 / np.sqrt(BEFORE.looks * sample.size))
        assert 1 / sample.var() == pytest.approx(BEFORE.looks, rel=0.02)
        for a, b in ((channel[1:], channel[:-1]), (channel[:, 1:], channel[:, :-1])):
            assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.006
    assert abs(np.corrcoef(ratio[0].ravel(), ratio[1].ravel())[0, 1]) < 0.006


def test_speckle_of_two_passes_is_independent(scene):
    place, ground, before, _ = scene
    again = observe_radar(place, ground, replace(BEFORE, time="2026-10-01T20:00:00Z"))
    forest = (ground.cover.kind == FOREST) & np.isfinite(before[0]) & np.isfinite(again[0])
    assert abs(np.corrcoef(before[0][forest], again[0][forest])[0, 1]) < 0.1


@pytest.mark.parametrize(("kind", "tolerance_db"), [(FOREST, 0.3), (PADDY, 0.6), (GRASS, 0.6), (URBAN, 0.8)])
def test_class_means_are_those_of_the_published_table(scene, kind, tolerance_db):
    where, ground, *_ = scene
    days = [
        replace(BEFORE, time=f"2026-09-{day:02d}T20:00:00Z") for day in range(1, 9)
    ]  # soil is wet on some, dry on others
    mean = np.mean([observe_radar(where, ground, day) for day in days], axis=0)
    entry, place = SCATTERERS[kind], (ground.cover.kind == kind) & np.isfinite(mean[0])
    spread = np.exp(0.5 * (entry.texture_db * np.log(10) / 10) ** 2)  # mean of a log-normal texture
    for n, level in enumerate((entry.vv_db, entry.vh_db)):
        expected = 10 ** (level / 10) * spread + 10 ** (BEFORE.noise_db / 10)
        assert to_db(mean[n][place].mean(dtype=float)) == pytest.approx(float(to_db(expected)), abs=tolerance_db)


def test_the_flood_is_dark_in_the_open_and_not_in_towns_and_woods(scene):
    place, ground, before, after = scene
    flooded, hidden = flood_depth(ground) > 0.3, unobservable(place, ground, AFTER)
    change = lambda where: float(to_db(np.nanmean(after[0][where])) - to_db(np.nanmean(before[0][where])))  # noqa: E731
    assert change(flooded & ~hidden) < -5
    assert change((flood_depth(ground) > 0.9) & (ground.cover.kind == URBAN)) > 0.8
    assert change((flood_depth(ground) > 0.9) & (ground.cover.kind == FOREST)) > 1.2
    assert abs(change((flood_depth(ground) == 0) & (ground.cover.kind == FOREST))) < 0.6


def test_water_and_land_overlap_pixel_by_pixel(scene):
    """A single threshold on single pixels must not solve the task: speckle, wind and smooth dark land see to that."""
    place, ground, _, after = scene
    seen = ~unobservable(place, ground, AFTER) & np.isfinite(after[0])
    wet = (flood_depth(ground) > 0) | (ground.cover.kind < 2)
    db = to_db(after[0])
    bins = np.arange(-35, 5, 0.25)
    water, land = (np.histogram(db[seen & mask], bins)[0] for mask in (wet, ~wet))
    overlap = np.minimum(water / water.sum(), land / land.sum()).sum()
    assert 0.04 < overlap < 0.35
    dark_land = (db[seen & ~wet] < -15).mean()
    assert 0.02 < dark_land < 0.25


def test_unobservable_is_towns_forest_layover_and_shadow(scene):
    place, ground, *_ = scene
    hidden = unobservable(place, ground, AFTER)
    covered = np.isin(ground.cover.kind, (URBAN, FOREST))
    assert hidden[covered].all()
    assert (hidden & ~covered).mean() < 0.02
    other = unobservable(place, ground, replace(AFTER, orbit_state="descending"))
    assert (other != hidden).any()  # another view lays other slopes over


def test_the_same_time_gives_the_same_image_and_another_time_another(scene):
    place, ground, before, _ = scene
    assert_array_equal(observe_radar(place, ground, BEFORE), before)
    assert_array_equal(observe_radar(place, ground, BEFORE, ("VH",))[0], before[1])
    assert (observe_radar(place, ground, replace(BEFORE, time="2026-10-01T20:00:00Z"))[0] != before[0]).mean() > 0.9


@pytest.mark.slow
def test_a_small_and_a_vast_region_have_the_same_statistics():
    small = [region((256, 256), seed=s) for s in range(12)]
    vast = region((20_000, 20_000), seed=1)
    windows = [
        (slice(r, r + 256), slice(c, c + 256)) for r in range(100, 19_700, 1200) for c in range(600, 19_700, 3100)
    ]
    samples = {"small": [(p, p.ground()) for p in small], "vast": [(vast, vast.ground(w)) for w in windows]}
    found = {}
    for name, tiles in samples.items():
        kinds = np.concatenate([g.cover.kind.ravel() for _, g in tiles])
        vv = np.concatenate([observe_radar(p, g, replace(BEFORE, wind_db=0.0), ("VV",))[0].ravel() for p, g in tiles])
        levels = [float(to_db(np.nanmean(vv[kinds == k].astype(float)))) for k in (FOREST, PADDY, GRASS)]
        flooded = np.mean([(flood_depth(g) > 0).mean() for _, g in tiles])
        found[name] = (levels, float((kinds == 0).mean()), float(flooded))
    assert found["small"][0] == pytest.approx(found["vast"][0], abs=0.6)
    assert found["small"][1] == pytest.approx(found["vast"][1], abs=0.04)
    assert found["small"][2] == pytest.approx(found["vast"][2], rel=0.5)
