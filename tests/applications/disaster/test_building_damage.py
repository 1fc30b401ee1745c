"""Building damage against towns whose damage is known because it was simulated from the physics."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import shapely
import xarray as xr

from mitoshi.applications.disaster.building_damage import building_damage
from mitoshi.applications.disaster.building_damage_evidence import Reference, Widths, coherence_evidence
from mitoshi.applications.disaster.building_damage_figures import figures, tally
from mitoshi.applications.disaster.building_damage_footprints import cells_of, in_pixels
from mitoshi.applications.disaster.building_damage_model import (
    CLASS_BOUNDS,
    Evidence,
    fitted_prior,
    joint_likelihood,
    posterior,
)
from mitoshi.applications.disaster.building_damage_objects import Images, scene_scales
from mitoshi.applications.disaster.building_damage_proxy import damage_proxy
from mitoshi.core.errors import InputError, ParameterError

PRIOR = np.array([0.6, 0.15, 0.1, 0.15])
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
    np.testing.assert_array_equal(fitted_prior(likelihood, PRIOR, 20.0), PRIOR)


def test_the_scene_moves_the_prior_towards_its_own_class_shares():
    classes, share = drawn_shares(5_000, 3)
    before, across = coherence_pair(share, 4)
    evidence = coherence_evidence(before, across, Reference(coherence_ratio=0.9), Widths())
    likelihood = joint_likelihood([evidence], share.size)
    fitted = fitted_prior(likelihood, np.array([0.97, 0.01, 0.01, 0.01]), 20.0)
    destroyed, found = (classes == 3).mean(), fitted[3]
    assert found == pytest.approx(destroyed, abs=0.04)
    np.testing.assert_allclose(fitted_prior(likelihood, PRIOR, 1e12), PRIOR, atol=1e-6)


def test_a_town_seen_by_coherence():
    footprints, places = town()
    classes, share = drawn_shares(len(places), 5)
    ground = np.random.default_rng(6).uniform(0.6, 0.8, (240, 240))
    across = 0.9 * ground
    for (rows, columns), f in zip(places, share, strict=True):
        across[rows, columns] *= 1 - f
    result = building_damage(footprints, raster(ground, "coherence"), raster(across, "coherence"), context_m=0.0)
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
    footprints, places = town(count=6)
    draw = np.random.default_rng(8)
    before = draw.normal(100, 20, (3, 120, 120))
    after = before + draw.normal(0, 8, before.shape)
    for (rows, columns), k in zip(places, range(36), strict=True):
        if k % 3 == 0:
            after[:, rows, columns] = draw.normal(120, 35, (3, 10, 10))
    after = np.roll(0.6 * after + 30, 1, axis=2)
    table = building_damage(
        footprints,
        None,
        None,
        None,
        None,
        raster(before, "digital_number"),
        raster(after, "digital_number"),
        context_m=0.0,
    ).buildings
    fallen = np.arange(36) % 3 == 0
    assert table["p_destroyed"][fallen].min() > table["p_destroyed"][~fallen].max()
    assert (table["damage_class"][fallen] == 3).mean() > 0.8
    assert (table["damage_class"][~fallen] <= 1).mean() > 0.8


def test_pixels_of_a_footprint_are_those_whose_centres_it_holds():
    like = raster(np.zeros((50, 50)), "coherence", pixel=2.0)
    shapes = in_pixels(np.array([shapely.box(304, 4990, 310, 4994), shapely.Point(309.2, 4999)], object), like)
    cells = cells_of(shapes, 0, (50, 50))
    assert cells.starts.tolist() == [0, 6, 7]
    assert sorted(zip(cells.rows[:6], cells.columns[:6], strict=True)) == [(r, c) for r in (3, 4) for c in (2, 3, 4)]
    assert (cells.rows[6], cells.columns[6]) == (0, 4)


def test_bands_of_rows_do_not_change_the_result(monkeypatch):
    footprints, _ = town(count=6)
    draw = np.random.default_rng(9)
    images = [raster(draw.normal(100, 20, (3, 120, 120)), "digital_number") for _ in range(2)]
    whole = building_damage(footprints, None, None, None, None, *images)
    monkeypatch.setattr("mitoshi.applications.disaster.building_damage_footprints.STRIP_ROWS", 32)
    monkeypatch.setattr("mitoshi.applications.disaster.building_damage_proxy.STRIP_PIXELS", 2000)
    parts = building_damage(footprints, None, None, None, None, *images)
    assert whole.buildings.equals(parts.buildings)
    np.testing.assert_array_equal(whole.damage_proxy, parts.damage_proxy)


def test_the_proxy_of_a_pixel_is_the_posterior_of_its_evidence():
    draw = np.random.default_rng(12)
    before, across = draw.uniform(0.3, 0.9, (50, 60)), draw.uniform(0.0, 0.9, (50, 60))
    across[7, 9] = np.nan
    arrays = [raster(v, "coherence", pixel=10.0) for v in (before, across)]
    images, widths, reference = Images(*arrays, None, None, None, None), Widths(), Reference(coherence_ratio=0.8)
    found = damage_proxy(images, scene_scales(images), reference, widths, PRIOR, window=3)
    evidence = coherence_evidence(*(a.to_numpy().astype(float).ravel() for a in arrays), reference, widths)
    expected = posterior(joint_likelihood([evidence], before.size), PRIOR).classes[:, 2:].sum(axis=1).reshape(50, 60)
    assert np.isnan(found[7, 9])
    seen = np.isfinite(expected)
    assert np.abs(found - expected)[seen].max() < 0.03


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
