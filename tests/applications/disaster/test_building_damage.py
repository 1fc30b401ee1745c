"""Building damage against towns whose damage is known because it was simulated from the physics."""

from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from mitoshi.applications.disaster.building_damage import INDEPENDENCE_TOLERANCE, building_damage
from mitoshi.applications.disaster.building_damage_evidence import Reference, Widths, coherence_evidence
from mitoshi.applications.disaster.building_damage_figures import COUNTED, figures, tally
from mitoshi.applications.disaster.building_damage_footprints import blocks_of, cells_of, in_pixels, outside_images
from mitoshi.applications.disaster.building_damage_model import (
    CLASS_BOUNDS,
    Evidence,
    joint_likelihood,
    posterior,
)
from mitoshi.applications.disaster.building_damage_objects import Images
from mitoshi.applications.disaster.building_damage_proxy import Scales, damage_proxy
from mitoshi.core.errors import InputError, ParameterError

DOCS = Path(__file__).resolve().parents[3] / "docs"
PRIOR = np.array([0.6, 0.15, 0.1, 0.15])
SHARES = {"prior_minor": 0.15, "prior_major": 0.1, "prior_destroyed": 0.15}
"""The same, as parameters: a building's class rests on shares that are given, not on those of the other buildings."""

CLASSES = ["p_none", "p_minor", "p_major", "p_destroyed"]


def raster(values, quantity, pixel=1.0, names=None):
    shape = values.shape[-2:]
    dims = ("y", "x") if values.ndim == 2 else ("polarisation" if quantity == "gamma0" else "band", "y", "x")
    coords = {"y": 5000.0 - pixel * (np.arange(shape[0]) + 0.5), "x": 300.0 + pixel * (np.arange(shape[1]) + 0.5)}
    if names:
        coords[dims[0]] = names
    attrs = {"quantity": quantity, "units": "1", "pixel_size_m": pixel}
    return xr.DataArray(values.astype("float32"), dims=dims, coords=coords, attrs=attrs)


def town(side=20, count=12, gap=10, pixel=1.0):
    """Return square footprints of side - gap pixels in a square grid, and the row and column slices of each."""
    boxes, places = [], []
    for i in range(count):
        for j in range(count):
            rows = slice(i * side + gap // 2, (i + 1) * side - gap // 2)
            columns = slice(j * side + gap // 2, (j + 1) * side - gap // 2)
            places.append((rows, columns))
            boxes.append(
                shapely.box(
                    300 + pixel * columns.start,
                    5000 - pixel * rows.stop,
                    300 + pixel * columns.stop,
                    5000 - pixel * rows.start,
                )
            )
    return geopandas.GeoDataFrame(
        {"id": [f"b{k}" for k in range(len(boxes))]}, geometry=boxes, crs="EPSG:32653"
    ), places


def drawn_shares(count, seed):
    """Draw class and damaged share from the prior of the model."""
    draw = np.random.default_rng(seed)
    classes = draw.choice(4, size=count, p=PRIOR)
    low, high = np.array(CLASS_BOUNDS).T
    return classes, draw.uniform(low[classes], high[classes])


def coherence_pair(share, seed, looks=12):
    """Sample coherence before and across, from complex Gaussian pairs; natural loss as the model assumes it."""
    draw = np.random.default_rng(seed)
    truth = draw.uniform(0.55, 0.9, share.size)
    left = np.clip(0.9 * truth + draw.normal(0, 0.1, share.size), 0, 1) * (1 - share)

    def sampled(coherence):
        def circular():
            return (draw.normal(size=(share.size, looks)) + 1j * draw.normal(size=(share.size, looks))) / np.sqrt(2)

        first = circular()
        second = coherence[:, None] * first + np.sqrt(1 - coherence[:, None] ** 2) * circular()
        power = (np.abs(first) ** 2).sum(1) * (np.abs(second) ** 2).sum(1)
        return np.abs((first * second.conj()).sum(1)) / np.sqrt(power)

    return sampled(truth), sampled(left)


def test_coherence_gives_calibrated_probabilities_and_intervals():
    classes, share = drawn_shares(20_000, 1)
    before, across = coherence_pair(share, 2)
    evidence = coherence_evidence(before, across, Reference(coherence_ratio=0.9), Widths())
    known = posterior(joint_likelihood([evidence], share.size), PRIOR)
    np.testing.assert_allclose(known.classes.sum(axis=1), 1.0, atol=1e-12)
    for k in range(4):
        chance = known.classes[:, k]
        for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
            used = (chance >= low) & (chance < high)
            if used.sum() > 400:
                assert (classes[used] == k).mean() == pytest.approx(chance[used].mean(), abs=0.08), (k, low)
    covered = ((share >= known.lower) & (share <= known.upper)).mean()
    assert covered == pytest.approx(0.9, abs=0.04)


def test_without_evidence_the_prior_stays_and_nothing_is_observed():
    nothing = Evidence(np.full(3, np.nan), np.zeros((1, 24)), np.ones((1, 24)))
    likelihood = joint_likelihood([nothing], 3)
    assert not likelihood.observed.any()
    assert np.isnan(posterior(likelihood, PRIOR).classes).all()


def optical_town(count=6, fallen=3, seed=8):
    """Return a town of which every `fallen`-th building is rubble, and the images of both dates."""
    footprints, places = town(count=count)
    draw = np.random.default_rng(seed)
    side = 20 * count
    before = draw.normal(100, 20, (3, side, side))
    after = before + draw.normal(0, 8, before.shape)
    for k, (rows, columns) in enumerate(places):
        if k % fallen == 0:
            after[:, rows, columns] = draw.normal(120, 35, (3, 10, 10))
    return footprints, [raster(v, "digital_number") for v in (before, after)]


WHITE = {"undamaged_correlation": 0.93, "undamaged_edges": 0.93}
"""White noise with noise added agrees better than half-metre images do: 20² / (20 √(20² + 8²))."""


@settings(max_examples=15, deadline=None)
@given(
    others=st.sets(st.integers(0, 35), max_size=35), house=st.integers(0, 35), order=st.randoms(use_true_random=False)
)
def test_a_building_does_not_depend_on_the_others_in_the_list(others, house, order):
    """Alone, or among any others in any order, a building keeps its probabilities and its class."""
    footprints, images = optical_town()
    listed = [*(others - {house}), house]
    order.shuffle(listed)
    both = [
        building_damage(
            footprints.iloc[rows], None, None, None, None, *images, window_m=3.0, **WHITE
        ).buildings.set_index("id")
        for rows in ([house], listed)
    ]
    alone, among = (table.loc[f"b{house}"] for table in both)
    np.testing.assert_allclose(
        among[CLASSES].to_numpy(float), alone[CLASSES].to_numpy(float), rtol=0, atol=INDEPENDENCE_TOLERANCE
    )
    assert among["damage_class"] == alone["damage_class"]


def test_a_razed_quarter_beside_it_changes_no_building():
    """Appending a part of the image in which everything fell leaves the rows of the rest as they were."""
    footprints, images = optical_town(fallen=4)
    more, razed = optical_town(fallen=1, seed=9)
    joined = [
        raster(np.concatenate([a.to_numpy(), b.to_numpy()], axis=2), "digital_number")
        for a, b in zip(images, razed, strict=True)
    ]
    more.geometry = more.translate(xoff=120.0)
    everything = footprints.assign(id=[f"a{n}" for n in range(36)]), more
    both = geopandas.GeoDataFrame(
        {"id": [*everything[0]["id"], *more["id"]]}, geometry=[*footprints.geometry, *more.geometry], crs=footprints.crs
    )
    inner = [n for n in range(36) if n % 6 < 5]  # the last column of buildings touches the seam
    alone = building_damage(footprints, None, None, None, None, *images, **WHITE).buildings.iloc[inner]
    table = building_damage(both, None, None, None, None, *joined, **WHITE).buildings
    np.testing.assert_allclose(table[CLASSES].iloc[inner], alone[CLASSES], rtol=0, atol=INDEPENDENCE_TOLERANCE)
    assert (table["damage_class"].iloc[36:] == 3).mean() > 0.9


def test_a_block_boundary_changes_no_building(monkeypatch):
    """Blocks are how a scene is read; where they end shows in no row."""
    footprints, images = optical_town()
    whole = building_damage(footprints, None, None, None, None, *images)
    monkeypatch.setattr("mitoshi.applications.disaster.building_damage_survey.BLOCK", 50)
    monkeypatch.setattr("mitoshi.applications.disaster.building_damage_proxy.STRIP_PIXELS", 2000)
    parts = building_damage(footprints, None, None, None, None, *images)
    assert whole.buildings.equals(parts.buildings)
    np.testing.assert_array_equal(whole.damage_proxy, parts.damage_proxy)


def test_every_footprint_lies_in_one_block():
    shapes = shapely.box([0, 10, -30], [0, 10, 95], [4, 30, -20], [2, 14, 140])
    blocks, half = blocks_of(shapes, (100, 60), 16)
    assert blocks.tolist() == [0, 1, 6 * 4]  # the last one lies outside and counts to the nearest block
    assert half == 23
    assert blocks_of(shapes[:0], (100, 60), 16)[0].size == 0


def test_a_town_seen_by_coherence():
    footprints, places = town()
    classes, share = drawn_shares(len(places), 5)
    ground = np.random.default_rng(6).uniform(0.6, 0.8, (240, 240))
    across = 0.9 * ground
    for (rows, columns), f in zip(places, share, strict=True):
        across[rows, columns] *= 1 - f
    images = raster(ground, "coherence"), raster(across, "coherence")
    result = building_damage(footprints, *images, context_m=0.0, **SHARES)
    table = result.buildings
    assert list(table["id"]) == list(footprints["id"])
    np.testing.assert_allclose(table[CLASSES].sum(axis=1), 1.0, atol=1e-9)
    destroyed = classes == 3
    assert table["p_destroyed"][destroyed].min() > table["p_destroyed"][classes == 0].max()
    counts = {f.name: f for f in figures(tally(result, 1.0), {})}
    assert counts["destroyed_buildings"].lower <= destroyed.sum() <= counts["destroyed_buildings"].upper
    proxy = np.asarray(result.damage_proxy)
    inside = np.mean([proxy[r, c].mean() for (r, c), k in zip(places, classes, strict=True) if k == 3])
    assert inside > 0.5 > proxy[:, :4].mean()


def test_what_no_image_shows_is_not_observed():
    footprints, _ = town(count=3)
    before, across = np.full((60, 60), 0.8), np.full((60, 60), 0.75)
    across[:, :20] = np.nan
    result = building_damage(footprints, raster(before, "coherence"), raster(across, "coherence"), context_m=0.0)
    unseen = ~result.buildings["observed"].to_numpy()
    assert unseen.tolist() == [True, False, False] * 3
    assert (result.buildings["damage_class"][unseen] == 255).all()
    assert result.buildings.loc[unseen, CLASSES].isna().all(axis=None)
    assert np.isnan(np.asarray(result.damage_proxy)[:, :20]).all()
    assert tally(result, 1.0)["not_observed"] == 3


def test_backscatter_that_changes_beyond_speckle_is_damage():
    footprints, places = town(count=6)
    draw = np.random.default_rng(7)
    mean = np.full((2, 120, 120), 0.2)
    before = mean * draw.gamma(4.4, 1 / 4.4, mean.shape)
    for (rows, columns), k in zip(places, range(36), strict=True):
        if k % 4 == 0:
            mean[:, rows, columns] *= 10 ** (-0.9)
    after = mean * draw.gamma(4.4, 1 / 4.4, mean.shape)
    images = [raster(v, "gamma0", names=["VV", "VH"]) for v in (before, after)]
    table = building_damage(footprints, None, None, *images, context_m=0.0).buildings
    fallen = np.arange(36) % 4 == 0
    assert table["p_destroyed"][fallen].min() > table["p_destroyed"][~fallen].max()
    assert table["p_none"][~fallen].mean() > 0.6


def test_optical_images_of_other_gain_and_a_small_shift():
    footprints, (before, after) = optical_town()
    moved = after.copy(data=np.roll(0.6 * after.to_numpy() + 30, 1, axis=2))
    table = building_damage(footprints, None, None, None, None, before, moved, context_m=0.0, **WHITE).buildings
    fallen = np.arange(36) % 3 == 0
    assert table["p_destroyed"][fallen].min() > table["p_destroyed"][~fallen].max()
    assert (table["damage_class"][fallen] == 3).mean() > 0.8
    assert (table["damage_class"][~fallen] <= 1).mean() > 0.8


def test_pixels_of_a_footprint_are_those_whose_centres_it_holds():
    like = raster(np.zeros((50, 50)), "coherence", pixel=2.0)
    shapes = in_pixels(np.array([shapely.box(304, 4990, 310, 4994), shapely.Point(309.2, 4999)], object), like)
    cells = cells_of(shapes, (0, 0), (50, 50))
    assert cells.starts.tolist() == [0, 6, 7]
    assert sorted(zip(cells.rows[:6], cells.columns[:6], strict=True)) == [(r, c) for r in (3, 4) for c in (2, 3, 4)]
    assert (cells.rows[6], cells.columns[6]) == (0, 4)


def test_the_proxy_of_a_pixel_is_the_posterior_of_its_evidence():
    draw = np.random.default_rng(12)
    before, across = draw.uniform(0.3, 0.9, (50, 60)), draw.uniform(0.0, 0.9, (50, 60))
    across[7, 9] = np.nan
    arrays = [raster(v, "coherence", pixel=10.0) for v in (before, across)]
    images, widths, reference = Images(*arrays, None, None, None, None), Widths(), Reference(coherence_ratio=0.8)
    found = damage_proxy(images, Scales(0.8, None, None), reference, widths, PRIOR, window=3)
    evidence = coherence_evidence(*(a.to_numpy().astype(float).ravel() for a in arrays), reference, widths)
    expected = posterior(joint_likelihood([evidence], before.size), PRIOR).classes[:, 2:].sum(axis=1).reshape(50, 60)
    assert np.isnan(found[7, 9])
    seen = np.isfinite(expected)
    assert np.abs(found - expected)[seen].max() < 0.03


@pytest.mark.parametrize("polarisations", [("VV",), ("VV", "VH")])
def test_a_posterior_taken_again_has_the_bytes_of_one_computed_anew(monkeypatch, polarisations):
    from mitoshi.applications.disaster import building_damage_proxy as proxy

    draw = np.random.default_rng(13)
    pair = draw.gamma(4.0, 0.02, (2, len(polarisations), 60, 50))
    pair[0, 0, 5:9, 5:9] = np.nan
    images = Images(None, None, *(raster(v, "gamma0", 10.0, list(polarisations)) for v in pair), None, None)
    given = (images, Scales(0.8, None, None), Reference(coherence_ratio=0.8), Widths(), PRIOR)
    monkeypatch.setattr(proxy, "STRIP_PIXELS", 1000)
    sizes, unknown = [], proxy._unknown

    def room(length, layers, _pixels):
        sizes.append(unknown(length, layers, 10**7).size)
        return unknown(length, layers, 10**7)

    monkeypatch.setattr(proxy, "_unknown", room)
    again = damage_proxy(*given, window=3)
    monkeypatch.setattr(proxy, "_unknown", lambda *_: np.empty(0, np.float32))
    anew = damage_proxy(*given, window=3)
    assert sizes == [1002 if len(polarisations) == 1 else 2003**2]
    assert np.isfinite(again).mean() > 0.9
    assert again.tobytes() == anew.tobytes()
    assert unknown(2002, 2, 10**6).size == unknown(1001, 3, 10**12).size == 0


def test_black_fill_of_an_uncalibrated_image_is_missing():
    footprints, _ = town(count=3)
    draw = np.random.default_rng(11)
    before, after = draw.normal(100, 20, (3, 60, 60)), draw.normal(100, 20, (3, 60, 60))
    after[:, :20] = 0.0
    images = [raster(v, "digital_number") for v in (before, after)]
    result = building_damage(footprints, None, None, None, None, *images, context_m=0.0, search_m=0.0)
    assert result.buildings["observed"].tolist() == [False] * 3 + [True] * 6


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "images of two dates"),
        (["coherence", None], "coherence_across"),
        ([None, None, None, None, None, "digital_number"], "before_optical"),
    ],
)
def test_half_a_pair_is_refused_in_one_line(images, message):
    footprints, _ = town(count=2)
    arrays = [None if q is None else raster(np.ones((40, 40)), q) for q in images]
    with pytest.raises(InputError, match=message) as caught:
        building_damage(footprints, *arrays)
    assert "\n" not in str(caught.value)


def test_images_that_do_not_match_are_refused():
    footprints, _ = town(count=2)
    values = np.random.default_rng(10).uniform(1, 2, (2, 40, 40))
    one, other = raster(values, "gamma0", names=["VV", "VH"]), raster(values, "gamma0", names=["HH", "HV"])
    with pytest.raises(InputError, match="polarisations"):
        building_damage(footprints, None, None, one, other)
    relative = one.assign_attrs(quantity="relative_backscatter")
    with pytest.raises(InputError, match="relative"):
        building_damage(footprints, None, None, relative, relative)
    with pytest.raises(InputError, match="bands"):
        building_damage(
            footprints, None, None, None, None, raster(values, "digital_number"), raster(values[:1], "digital_number")
        )
    with pytest.raises(ParameterError, match="below 1"):
        building_damage(footprints, None, None, one, one, prior_minor=0.5, prior_major=0.4, prior_destroyed=0.2)


def ground(seed, shape=(240, 240)):
    """Return a textured town in three bands, 60..160."""
    draw = np.random.default_rng(seed)
    coarse = np.kron(draw.uniform(-40, 40, (shape[0] // 4, shape[1] // 4)), np.ones((4, 4)))
    return np.stack([110 + coarse + draw.normal(0, 6, shape) for _ in range(3)])


def optical(values):
    return raster(np.round(values), "digital_number", names=["red", "green", "blue"])


def test_a_house_under_a_cloud_is_not_observed_and_the_others_stay():
    footprints, places = town()
    before = ground(1)
    after = before + np.random.default_rng(2).normal(0, 2, before.shape)
    cloudy = after.copy()
    cloudy[:, 80:160, 80:160] = np.array([235.0, 233.0, 230.0])[:, None, None]
    clear, hidden = (building_damage(footprints, *[None] * 4, optical(before), optical(a)) for a in (after, cloudy))
    inside = np.array([min(r.start, c.start) >= 80 and max(r.stop, c.stop) <= 160 for r, c in places])
    far = np.array([r.stop < 60 or r.start > 180 for r, _ in places])
    assert (np.asarray(clear.buildings["damage_class"]) == 0).all()
    assert (np.asarray(hidden.buildings["damage_class"])[inside] == 255).all()
    assert np.isnan(np.asarray(hidden.damage_proxy)[90:150, 90:150]).all()
    np.testing.assert_array_equal(hidden.buildings[CLASSES].to_numpy()[far], clear.buildings[CLASSES].to_numpy()[far])


def test_a_white_roof_on_both_dates_is_seen_and_a_mask_hides():
    footprints, places = town()
    before = ground(3)
    before[:, 78:160, 78:160] = 232.0 + np.random.default_rng(4).normal(0, 4, (82, 82))
    image, later = optical(before), optical(before + np.random.default_rng(5).normal(0, 1, before.shape))
    assert (np.asarray(building_damage(footprints, *[None] * 4, image, later).buildings["damage_class"]) == 0).all()
    mask = np.zeros((240, 240))
    mask[:120] = 1.0
    kept = building_damage(footprints, *[None] * 4, image, later, raster(mask, "cloud_mask")).buildings["observed"]
    assert list(kept) == [rows.start >= 115 for rows, _ in places]


@pytest.mark.parametrize("blurred", ["--after-optical", "--before-optical"])
def test_images_of_different_resolution_are_refused_in_one_line(blurred):
    footprints, _ = town()
    sharp = ground(5)
    mean = sharp.reshape(3, 60, 4, 60, 4).mean(axis=(2, 4))
    grid = (np.arange(240) + 0.5) / 4 - 0.5
    low = np.clip(np.floor(grid).astype(int), 0, 58)
    share = np.clip(grid - low, 0, 1)
    down = mean[:, low] * (1 - share)[:, None] + mean[:, low + 1] * share[:, None]
    coarse = down[:, :, low] * (1 - share) + down[:, :, low + 1] * share
    pair = (sharp, coarse) if blurred == "--after-optical" else (coarse, sharp)
    images = [optical(values) for values in pair]
    with pytest.raises(InputError, match=f"^{blurred} is much blurrier than [^\n]*$"):
        building_damage(footprints, *[None] * 4, *images)
    taken = building_damage(footprints, *[None] * 4, *images, resolution_tolerance=100.0)
    assert np.asarray(taken.buildings["observed"]).all()


def test_an_empty_image_is_named():
    footprints, _ = town()
    image = optical(ground(6))
    with pytest.raises(InputError, match="^--after-optical holds no observed pixel"):
        building_damage(footprints, *[None] * 4, image, image * np.nan)


def coherences(lost, seed=11, shape=(240, 240)):
    """Return coherence before, and across an event after which the columns from `lost` (share of the width) on are noise."""
    draw = np.random.default_rng(seed)
    before = np.clip(draw.normal(0.75, 0.05, shape), 0, 1)
    destroyed = np.arange(shape[1])[None, :] >= (1.0 - lost) * shape[1]
    across = np.clip(np.where(destroyed, 0.2, before * 0.95) + draw.normal(0, 0.03, shape), 0.01, 1)
    return raster(before, "coherence"), raster(across, "coherence")


@pytest.mark.parametrize("lost", [0.0, 0.3, 0.5, 0.6, 0.75])
def test_a_town_lost_for_the_most_part_is_not_taken_for_natural(lost):
    footprints, places = town()
    result = building_damage(footprints, *coherences(lost))
    hit = np.array([columns.start - 3 >= (1.0 - lost) * 240 for _, columns in places])
    whole = np.array([columns.stop + 3 <= (1.0 - lost) * 240 for _, columns in places])
    buildings = result.buildings
    assert (np.asarray(buildings["damage_class"])[whole] == 0).all()
    if hit.any():
        assert (
            np.asarray(buildings["p_destroyed"])[hit].mean() > 100 * np.asarray(buildings["p_destroyed"])[whole].mean()
        )
    destroyed = figures(tally(result, 1.0), {})[0]
    assert destroyed.lower <= hit.sum() <= destroyed.upper
    assert lost or destroyed.upper < 0.05 * len(places)


def test_coherence_of_exactly_zero_is_fill():
    footprints, places = town()
    before, across = coherences(0.3)
    filled = across.copy()
    filled[:, :100] = 0.0
    missing = filled.where(filled > 0.0)
    absent, holed = (building_damage(footprints, before, image).buildings for image in (missing, filled))
    inside = np.array([columns.stop < 90 for _, columns in places])
    assert not np.asarray(holed["observed"])[inside].any()
    np.testing.assert_array_equal(holed[CLASSES], absent[CLASSES])


def test_footprints_without_a_place_are_counted_and_not_observed():
    footprints, _ = town(count=4)
    geometry = list(footprints.geometry)
    geometry[1], geometry[2] = shapely.Point(), shapely.Polygon()
    some = geopandas.GeoDataFrame({"id": footprints["id"]}, geometry=geometry, crs=footprints.crs)
    draw = np.random.default_rng(12)
    optical_pair = [optical(ground(13) + draw.normal(0, 2, (3, 240, 240))) for _ in range(2)]
    for images in ([*coherences(0.0), *[None] * 4], [*[None] * 4, *optical_pair]):
        whole, holed = building_damage(footprints, *images), building_damage(some, *images)
        kept = np.array([n not in (1, 2) for n in range(16)])
        assert list(holed.buildings["observed"]) == list(kept)
        np.testing.assert_array_equal(holed.buildings[CLASSES][kept], whole.buildings[CLASSES][kept])
        found = {f.name: f.value for f in figures(tally(holed, 1.0), {})}
        assert (found["footprints_without_place"], found["not_observed_buildings"]) == (2.0, 2.0)


def test_footprints_outside_the_images_are_said_with_their_number():
    footprints, _ = town(count=4)
    images = dict(zip(("coherence_before", "coherence_across"), coherences(0.0), strict=True))
    assert outside_images({"footprints": footprints, **images}, {}) == ()
    moved = footprints.copy()
    moved.loc[:2, "geometry"] = moved.geometry[:3].translate(1e4, 0)
    (said,) = building_damage.assumes({"footprints": moved, **images}, {})
    assert said.en.startswith("3 of 16 buildings lie outside the images")
    assert said.ja.startswith("建物 16 棟のうち 3 棟は画像の範囲外")


def test_words_of_the_classes_are_the_same_everywhere():
    """A report said "undamaged" where its map said "no visible damage", and 大規模被害 where it said 大きな被害."""
    listed = building_damage.outputs[0].layer
    columns = {c.name: c for c in listed.columns}
    for kind in listed.classes:
        assert f"{kind.code} {kind.title.en}" in columns["damage_class"].doc
    for code, name in enumerate(("none", "minor", "major", "destroyed")):
        words = listed.classes[code].title
        assert words.en in columns[f"p_{name}"].title.en
        assert words.ja in columns[f"p_{name}"].title.ja
        assert words.en in (DOCS / "damage.md").read_text("utf-8")
    assert "大きな被害" in COUNTED["severe"][1].ja
    assert not any("undamaged" in t.en for t in building_damage.caveats)


def test_an_empty_list_is_not_none_likely():
    footprints, _ = town(count=4)
    for listed, word in (
        (footprints.iloc[:0], "empty"),
        (footprints.translate(1e5, 0).to_frame("geometry"), "observed"),
    ):
        found = figures(tally(building_damage(listed, *coherences(0.0)), 1.0), {})
        for figure in found[:3]:
            assert np.isnan(figure.value)
            assert figure.lower is None
            assert word in figure.reason.en


def test_the_same_images_twice_are_refused():
    footprints, _ = town()
    draw = np.random.default_rng(14)
    power = raster(draw.gamma(4, 0.025, (1, 240, 240)), "gamma0", names=["VV"])
    for place, image, name in (
        (0, coherences(0.0)[0], "--coherence-before and --coherence-across"),
        (2, power, "--before and --after"),
        (4, optical(ground(15)), "--before-optical and --after-optical"),
    ):
        images = [None] * 6
        images[place] = images[place + 1] = image
        with pytest.raises(InputError, match=f"^{name} are the same data[^\n]*$"):
            building_damage(footprints, *images)
