"""The flood method on scenes whose flood is known, and its promises to the runner."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from mitoshi.applications.disaster.flood_area import figures
from mitoshi.applications.disaster.flood_extent import (
    DRY,
    FLOODED,
    NOT_OBSERVABLE,
    PERMANENT,
    FloodExtent,
    flood_extent,
    tally,
)
from mitoshi.core.errors import InputError
from mitoshi.core.grid import tiles
from mitoshi.core.scene import ArrayScene
from mitoshi.evidence.record import summary_digest
from mitoshi.methods.sar import flood_survey

SIZE = 640


def scene(wet, seed, polarisations=("VV", "VH")):
    """Backscatter of water (-21, -28 dB) and land (-11, -18 dB) with gamma speckle of 4.4 looks."""
    power = np.stack([np.where(wet, w, d) for w, d in ((0.008, 0.08), (0.0016, 0.016))][: len(polarisations)])
    power = power * np.random.default_rng(seed).gamma(4.4, 1 / 4.4, power.shape)
    return raster(power.astype("float32"), polarisations)


def raster(power, polarisations=("VV", "VH"), quantity="gamma0"):
    rows, columns = (np.arange(n) + 0.5 for n in power.shape[1:])
    return xr.DataArray(
        power,
        dims=("polarisation", "y", "x"),
        coords={"polarisation": list(polarisations), "y": rows, "x": columns},
        attrs={"quantity": quantity, "units": "1", "pixel_size_m": 10.0},
    )


@pytest.fixture(scope="module")
def truth():
    rows, columns = np.mgrid[:SIZE, :SIZE]
    river = np.abs(columns - 300 - 20 * np.sin(rows / 60)) < 12
    flood = (np.hypot(rows - 320, columns - 400) < 140) & ~river
    return river, flood


@pytest.fixture(scope="module")
def pair(truth):
    river, flood = truth
    return scene(river | flood, 1), scene(river, 2)


def iou(found, true):
    return (found & true).sum() / (found | true).sum()


def test_the_flood_is_found_and_the_river_is_permanent(truth, pair):
    river, flood = truth
    codes = np.asarray(flood_extent(*pair).flood)
    assert iou(codes == FLOODED, flood) >= 0.9
    assert (codes[river] == PERMANENT).mean() >= 0.9


def test_one_polarisation_and_one_date_find_all_water(truth):
    river, flood = truth
    codes = np.asarray(flood_extent(scene(river | flood, 3, ("VV",))).flood)
    assert iou(codes == FLOODED, river | flood) >= 0.85


def test_reference_water_stands_in_for_the_missing_date(truth, pair):
    river, flood = truth
    occurrence = xr.DataArray(
        river.astype("float32"), dims=("y", "x"), attrs={"quantity": "water_occurrence", "units": "1"}
    )
    codes = np.asarray(flood_extent(pair[0], None, None, occurrence).flood)
    assert iou(codes == FLOODED, flood) >= 0.85
    assert (codes[river] == FLOODED).sum() == 0


def test_nothing_is_flooded_where_nothing_changed(truth):
    river, _ = truth
    codes = np.asarray(flood_extent(scene(river, 5), scene(river, 6)).flood)
    assert (codes == FLOODED).mean() < 0.005


def test_dry_land_without_any_water_stays_dry():
    codes = np.asarray(flood_extent(scene(np.zeros((300, 300), bool), 7)).flood)
    assert (codes == FLOODED).mean() < 0.001


def test_a_scene_all_under_water_is_flooded():
    codes = np.asarray(flood_extent(scene(np.ones((300, 300), bool), 7)).flood)
    assert (codes == FLOODED).mean() > 0.99


def test_high_ground_is_not_flooded(truth, pair):
    """A dark lake bed 30 m above the valley is no flood."""
    _, flood = truth
    rows, columns = np.mgrid[:SIZE, :SIZE]
    height = 0.2 * np.abs(columns - 20.0) + 0.01 * (SIZE - rows)
    elevation = xr.DataArray(
        height.astype("float32"), dims=("y", "x"), attrs={"quantity": "elevation", "units": "m", "pixel_size_m": 10.0}
    )
    codes = np.asarray(flood_extent(pair[0], pair[1], elevation).flood)
    assert (codes[flood] == FLOODED).mean() < 0.05


def test_missing_pixels_and_towns_are_not_observable(truth, pair):
    after = pair[0].copy(deep=True)
    after[:, :40, :40] = np.nan
    after[:, 600:630, 600:630] = 3.0
    result = flood_extent(after, pair[1])
    codes = np.asarray(result.flood)
    assert (codes[:40, :40] == NOT_OBSERVABLE).all()
    assert (codes[604:626, 604:626] == NOT_OBSERVABLE).all()
    assert np.isnan(np.asarray(result.flood_probability)[codes == NOT_OBSERVABLE]).all()


def test_tiles_equal_the_whole(truth, pair):
    elevation = xr.DataArray(
        np.random.default_rng(0).normal(2.0, 1.0, (SIZE, SIZE)).astype("float32"),
        dims=("y", "x"),
        attrs={"quantity": "elevation", "units": "m", "pixel_size_m": 10.0},
    )
    arrays = (*pair, elevation)
    whole = flood_extent(*arrays)
    view = ArrayScene(dict(zip(("after", "before", "elevation"), arrays, strict=True)))
    found = flood_extent.survey(view, {})
    for tile in tiles((SIZE, SIZE), 250, flood_extent.support.margin):
        part = flood_extent(*(a[..., tile.read[0], tile.read[1]] for a in arrays), surveyed=found)
        for one, other in zip(part, whole, strict=True):
            np.testing.assert_array_equal(np.asarray(one)[tile.crop], np.asarray(other)[tile.write])


def test_one_relative_image_does_not_depend_on_its_stretch(truth):
    """More contrast and another zero is the same scene."""
    river, flood = truth
    image = np.where(river | flood, 40.0, 90.0)[None] + np.random.default_rng(9).normal(0, 6, (1, SIZE, SIZE))
    first, other = (
        np.asarray(flood_extent(raster(values.astype("float32"), ("VV",), "relative_backscatter")).flood)
        for values in (image, 1.5 * image + 20.0)
    )
    assert (first == other).mean() > 0.99
    assert iou(first == FLOODED, river | flood) > 0.9


def test_different_polarisations_are_refused(truth):
    river, _ = truth
    with pytest.raises(InputError, match="same polarisations"):
        flood_extent(scene(river, 1), scene(river, 2, ("VV",)))


def test_nothing_observed_is_refused():
    with pytest.raises(InputError, match="no observed pixels"):
        flood_extent(raster(np.full((2, 300, 300), np.nan, "float32")))


def test_a_scene_of_calm_and_rough_water_is_not_taken_for_water_and_land():
    """Wind brightens half of the water by 5 dB; the bit of land is not enough to show a class of its own."""
    rows, columns = np.mgrid[:300, :300]
    land = np.hypot(rows - 60, columns - 60) < 24
    rough = columns > 150
    power = np.stack([np.where(rough, 0.016, 0.005), np.where(rough, 0.0032, 0.001)])
    power = np.where(land, np.array([0.08, 0.016])[:, None, None], power)
    power = power * np.random.default_rng(5).gamma(4.4, 1 / 4.4, power.shape)
    result = flood_extent(raster(power.astype("float32")))
    assert (np.asarray(result.flood)[~land] == FLOODED).mean() > 0.97
    assert (np.asarray(result.flood)[np.hypot(rows - 60, columns - 60) < 20] == FLOODED).mean() < 0.1


def test_bright_ground_that_changed_is_no_flood(truth):
    """In a stretched pair a field may turn from bright to middling grey; open water must look like water now."""
    river, flood = truth
    rows, columns = np.mgrid[:SIZE, :SIZE]
    field = (np.hypot(rows - 320, columns - 120) < 80) & ~river
    noise = np.random.default_rng(3).normal(0, 8, (2, SIZE, SIZE))
    after = np.where(river | flood, 30.0, np.where(field, 150.0, 170.0)) + noise[0]
    before = np.where(river, 30.0, np.where(field, 220.0, 170.0)) + noise[1]
    after, before = (
        raster(np.clip(v, 1, 255).round()[None].astype("float32"), ("VV",), "relative_backscatter")
        for v in (after, before)
    )
    result = flood_extent(after, before)
    codes, chance = np.asarray(result.flood), np.asarray(result.flood_probability)
    inside = (np.hypot(rows - 320, columns - 120) < 70) & ~river
    assert (codes[inside] == FLOODED).sum() == 0
    assert chance[inside].max() == 0.0
    assert (codes[flood] == FLOODED).mean() > 0.9


def stretched(grey, seed):
    """An 8-bit image with speckle of the given greys."""
    noisy = grey + np.random.default_rng(seed).normal(0.0, 12.0, grey.shape)
    return raster(np.clip(noisy, 1, 255).round()[None].astype("float32"), ("VV",), "relative_backscatter")


@pytest.mark.parametrize(
    ("ground", "most"), [("one class", 0.02), ("fields", 0.08), ("a river", 0.02), ("a lake", 0.02)]
)
def test_a_stretched_pair_without_change_has_no_flood(ground, most):
    """Speckle alone makes a darker half of every image; what was as dark before is usual water, or no water at all.

    Where dark fields lie beside bright ones, the speckle of their edges is not told from a drop everywhere.
    """
    rows, columns = np.mgrid[:300, :300]
    grey = {
        "one class": np.full((300, 300), 137.0),
        "fields": np.where((rows // 40 + columns // 40) % 2, 100.0, 170.0),
        "a river": np.where(np.abs(columns - 150) < 7, 30.0, 137.0),
        "a lake": np.where(np.hypot(rows - 150, columns - 150) < 90, 30.0, 137.0),
    }[ground]
    result = flood_extent(stretched(grey, 1), stretched(grey, 2))
    found = {f.name: f for f in figures(flood_extent.tally(result, 100.0), {})}
    assert (np.asarray(result.flood) == FLOODED).mean() < most
    assert found["flooded_area"].lower < 0.02 * 9.0
    same = flood_extent(stretched(grey, 1), stretched(grey, 1))
    assert (np.asarray(same.flood) == FLOODED).sum() == 0


def test_a_small_flood_in_a_stretched_pair_of_one_class_is_found():
    rows, columns = np.mgrid[:300, :300]
    land, pond = np.full((300, 300), 137.0), np.hypot(rows - 150, columns - 150) < 25
    codes = np.asarray(flood_extent(stretched(np.where(pond, 30.0, land), 1), stretched(land, 2)).flood)
    assert (codes[np.hypot(rows - 150, columns - 150) < 20] == FLOODED).mean() > 0.95
    assert (codes[np.hypot(rows - 150, columns - 150) > 32] == FLOODED).mean() < 0.01


def test_the_area_is_the_sum_of_probabilities_and_tiles_add_up():
    chance = xr.DataArray(np.array([[0.5, 0.5], [1.0, np.nan]], "float32"), dims=("y", "x"))
    codes = xr.DataArray(np.array([[FLOODED, DRY], [FLOODED, NOT_OBSERVABLE]], "uint8"), dims=("y", "x"))
    totals = tally(FloodExtent(codes, chance), 1e6)
    found = {f.name: f for f in figures({k: 2 * v for k, v in totals.items()}, {})}
    assert found["flooded_area"].value == pytest.approx(4.0)
    assert found["flooded_area"].lower < 4.0 < found["flooded_area"].upper <= 8.0
    assert found["mapped_area"].value == pytest.approx(4.0)
    assert found["not_observable_share"].value == pytest.approx(25.0)
    assert found["detection_limit"].reason.en.startswith("itself a bound; flood is detected")


@pytest.mark.parametrize(("mapped", "expected"), [(0.0, 0.0), (0.2e6, 0.08e6)])
def test_too_little_to_be_told_from_false_alarms_is_none_detected(mapped, expected):
    totals = dict.fromkeys(("permanent", "unreferenced", "not_observable"), 0.0)
    found = {
        f.name: f
        for f in figures(
            {**totals, "total": 100e6, "mapped": mapped, "expected": expected, "possible": expected + 0.1e6}, {}
        )
    }
    area = found["flooded_area"]
    assert area.lower == 0.0 < area.upper < 3.0
    assert area.value == pytest.approx(expected * 1e-6)
    assert found["detection_limit"].reason.en.startswith(f"itself a bound; none detected (below {area.upper:.3g} km²)")
    assert found["detection_limit"].reason.ja.startswith(
        f"それ自体が上限値。浸水は検出されません（{area.upper:.3g} km²未満）"
    )
    assert 0.0 < found["detection_limit"].value <= area.upper


def test_where_nothing_was_observed_the_flooded_area_is_unknown_and_not_zero():
    totals = dict.fromkeys(("expected", "possible", "mapped", "permanent", "unreferenced"), 0.0)
    found = {f.name: f for f in figures({**totals, "total": 2e6, "not_observable": 2e6}, {})}
    for name in ("flooded_area", "mapped_area", "permanent_water_area", "detection_limit"):
        assert np.isnan(found[name].value)
        assert (found[name].lower, found[name].upper) == (None, None)
        assert found[name].reason.en == "unknown: no pixel was observed"
    assert found["not_observable_area"].value == 2.0
    assert found["not_observable_share"].value == 100.0


def test_what_was_not_looked_for_is_not_said_to_be_zero():
    totals = dict.fromkeys(("permanent", "unreferenced", "not_observable", "mapped", "expected", "possible"), 0.0)

    def unseen(given, **changed):
        made = flood_extent.figured({**totals, "total": 2e6, **changed}, {}, given)
        return {f.name: f for f in made if f.name.startswith("not_observable")}

    for figure in unseen({"after", "before"}).values():
        assert np.isnan(figure.value)
        assert figure.reason.en.startswith("not looked for: towns, forest")
        assert figure.reason.ja.startswith("未判定")
    part = unseen({"after"}, not_observable=1e6)["not_observable_share"]
    assert part.value == 50.0
    assert part.reason.en.startswith("pixels without data alone")
    for name in ("elevation", "land_cover", "built_up"):
        assert unseen({"after", name})["not_observable_share"].value == 0.0


@pytest.mark.parametrize("given", [{"after"}, {"after", "elevation", "land_cover"}])
def test_of_one_image_alone_the_headline_is_water_and_permanent_water_is_unknown(given):
    totals = dict.fromkeys(("permanent", "unreferenced", "not_observable"), 0.0)
    totals |= {"total": 10e6, "mapped": 4e6, "expected": 3e6, "possible": 4e6}
    found = {f.name: f for f in flood_extent.figured(totals, {}, given)}
    told = {f.name: f for f in flood_extent.figured(totals, {}, {*given, "before"})}
    assert found["flooded_area"].title == ("water area (permanent water included)", "水域の面積（平常時水域を含む）")
    assert found["mapped_area"].title.en.startswith("area mapped as water (permanent water included)")
    assert found["detection_limit"].reason.en.startswith("itself a bound; water is detected")
    assert np.isnan(found["permanent_water_area"].value)
    assert found["permanent_water_area"].reason.ja.startswith("不明")
    assert told["flooded_area"].title == ("flooded area", "浸水面積")
    assert told["permanent_water_area"].value == 0.0
    assert found["flooded_area"].value == told["flooded_area"].value


def test_what_is_known_of_water_before_is_said(truth, pair):
    """One sentence where nothing is known of it, none where an image before or reference water is given."""
    river, _ = truth
    occurrence = xr.DataArray(
        river.astype("float32"), dims=("y", "x"), attrs={"quantity": "water_occurrence", "units": "1"}
    )
    for arrays, sentences in (((pair[0],), 1), (pair, 0), ((pair[0], None, None, occurrence), 0)):
        _, said = flood_extent.fitted(arrays, flood_extent.bind_parameters({}))
        assert len(said) == sentences
        assert all("permanent water included" in text.en and "平常時水域を含む" in text.ja for text in said)


def test_tiles_of_a_scene_with_fill_and_an_offset_equal_the_whole(pair, monkeypatch):
    """Fill across the borders of tiles and of the survey's windows, border noise, and one offset between the dates."""
    after, before = pair[0].copy(deep=True), pair[1]
    after *= np.float32(0.5)
    after[:, 120:150, 100:400] = np.float32(1e-5)
    after[:, :25, :] *= np.float32(1e-3)
    arrays = (after, before)
    view = ArrayScene(dict(zip(("after", "before"), arrays, strict=True)))
    found = flood_extent.survey(view, {})
    assert found.offset_db == pytest.approx(3.0, abs=0.1)
    monkeypatch.setattr(flood_survey, "READ", 256)
    assert summary_digest(flood_extent.survey(view, {})) == summary_digest(found)
    whole = flood_extent(*arrays, surveyed=found)
    assert (np.asarray(whole.flood)[120:150, 100:400] == NOT_OBSERVABLE).all()
    assert (np.asarray(whole.flood)[:24] == NOT_OBSERVABLE).mean() > 0.99
    for tile in tiles((SIZE, SIZE), 130, flood_extent.support.margin):
        part = flood_extent(*(a[..., tile.read[0], tile.read[1]] for a in arrays), surveyed=found)
        for a, b in zip(part, whole, strict=True):
            np.testing.assert_array_equal(np.asarray(a)[tile.crop], np.asarray(b)[tile.write])


@pytest.mark.parametrize("half", [4, 7])
def test_a_river_too_thin_to_be_a_class_of_its_own_is_no_flood(half):
    """It takes under 3 % of the image before, which shows one class; the flood beside it makes two in the image after."""
    rows, columns = np.mgrid[:512, :512]
    river = np.abs(columns - 256 - 20 * np.sin(rows / 60)) < half
    flood = (np.hypot(rows - 256, columns - 400) < 100) & ~river
    before, after = np.where(river, 30.0, 137.0), np.where(river | flood, 30.0, 137.0)
    codes = np.asarray(flood_extent(stretched(after, 1), stretched(before, 2)).flood)
    assert (codes[river] == FLOODED).mean() < 0.05
    assert (codes[flood] == FLOODED).mean() > 0.98
    assert (codes[~flood] == FLOODED).mean() < 0.005
