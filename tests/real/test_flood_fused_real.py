"""Radar and optical maps of the same flood joined, on the two labelled sites of Sen1Floods11 that have both images.

Correlation and strengths were measured on one site for the other; the values in use lie between those of the two.
"""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from mitoshi.applications.disaster.flood_extent import FLOODED, flood_extent
from mitoshi.applications.disaster.flood_extent_fused import DISAGREE, flood_extent_fused
from mitoshi.applications.disaster.flood_extent_optical import flood_extent_optical
from mitoshi.methods.statistics.calibration import expected_calibration_error
from mitoshi.methods.statistics.fusion import evidence_of
from mitoshi.sensors import guard

pytestmark = [pytest.mark.real, pytest.mark.slow]

SITES = {
    "India": ("disaster/sen1floods11/India_900498_", "disaster/sen1floods11/India_900498_"),
    "Spain": ("disaster/s1_flood_spain/Spain_7370579_", "disaster/sen1floods11/Spain_7370579_"),
}
NAMES = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12"]


def read(path):
    with guard.open_raster(path) as file:
        return file.read()


def image(values, dim, labels, quantity):
    places = {"y": -np.arange(512.0), "x": np.arange(512.0)}
    attrs = {"quantity": quantity, "units": "1", "pixel_size_m": 10.0}
    return xr.DataArray(values.astype("float32"), dims=(dim, "y", "x"), coords={dim: labels, **places}, attrs=attrs)


def stated(layer, quantity):
    return layer.assign_attrs(quantity=quantity, units="1", pixel_size_m=10.0)


@pytest.fixture(scope="module")
def sites(shared_data):
    found = {}
    for name, (radar, optical) in SITES.items():
        decibel, counts = read(shared_data(f"{radar}S1Hand.tif")), read(shared_data(f"{optical}S2Hand.tif"))
        power = np.where(np.isfinite(decibel), 10.0 ** (decibel / 10.0), np.nan)
        one = flood_extent(image(power, "polarisation", ["VV", "VH"], "sigma0"))
        reflectance = np.where(counts > 0, counts / 10_000, np.nan)
        other = flood_extent_optical(image(reflectance, "band", NAMES, "toa_reflectance"))
        found[name] = one, other, read(shared_data(f"{radar}LabelHand.tif"))[0]
    return found


def fused(one, other, **parameters):
    chances = [stated(r.flood_probability, "probability") for r in (one, other)]
    maps = [stated(r.flood, "flood_extent") for r in (one, other)]
    return flood_extent_fused(*chances, *maps, **parameters)


def scores(result, label):
    """Return IoU over every labelled pixel (not observable counts as not water) and calibration error."""
    flooded, chance = np.asarray(result.flood) == FLOODED, np.asarray(result.flood_probability)
    known, water = label >= 0, label == 1
    seen = known & np.isfinite(chance)
    iou = (flooded & water)[known].sum() / (flooded | water)[known].sum()
    return iou, expected_calibration_error(chance[seen], water[seen])


def measured(one, other, label):
    """Return correlation and strength ratio of the two log-odds, both classes weighed alike."""
    chances = [np.asarray(r.flood_probability) for r in (one, other)]
    known = (label >= 0) & np.isfinite(chances[0]) & np.isfinite(chances[1])
    wet = label[known] == 1
    odds = np.stack([evidence_of(c[known], 0.5) for c in chances]).astype(np.float64)
    covariance = (np.cov(odds[:, wet]) + np.cov(odds[:, ~wet])) / 2.0
    spread = np.sqrt(np.diag(covariance))
    distance = (odds[:, wet].mean(axis=1) - odds[:, ~wet].mean(axis=1)) / spread
    return covariance[0, 1] / spread.prod(), distance[0] / distance[1]


@pytest.mark.parametrize(
    ("name", "source", "bar", "error"), [("India", "Spain", 0.93, 0.03), ("Spain", "India", 0.74, 0.03)]
)
def test_a_site_joined_with_the_errors_measured_on_the_other(sites, name, source, bar, error):
    one, other, label = sites[name]
    shared, ratio = measured(*sites[source])
    held = scores(fused(one, other, shared_error=float(shared), radar_strength=float(ratio)), label)
    alone = [scores(r, label) for r in (one, other)]
    usual = scores(fused(one, other), label)
    bayes = scores(fused(one, other, shared_error=0.0, radar_strength=1.0), label)
    print(
        f"{name}: held out IoU {held[0]:.3f} error {held[1]:.3f} (correlation {shared:.2f}, ratio {ratio:.2f} of {source}); radar "
        f"{alone[0][0]:.3f} {alone[0][1]:.3f}, optical {alone[1][0]:.3f} {alone[1][1]:.3f}; values in use {usual[0]:.3f} "
        f"{usual[1]:.3f}; as if independent {bayes[0]:.3f} {bayes[1]:.3f}"
    )
    for iou, gap in (held, usual):
        assert iou >= max(bar, alone[0][0] + 0.1)
        assert gap <= error
    assert usual[0] > bayes[0]


def test_the_values_in_use_lie_between_those_of_the_two_sites(sites):
    found = np.array([measured(*site) for site in sites.values()])
    print("correlation and strength ratio:", found.round(3).tolist())
    assert found[:, 0].min() <= 0.45 <= found[:, 0].max()
    assert found[:, 1].min() <= 0.5 <= found[:, 1].max()


@pytest.mark.parametrize("name", list(SITES))
def test_where_cloud_hides_the_ground_radar_fills_it(sites, name):
    """Half of the optical map taken away: there the radar's answer stands, bit for bit, and the rest is as before."""
    one, other, label = sites[name]
    clear, hidden = fused(one, other), np.arange(512) < 256
    cloudy = other._replace(
        flood=other.flood.where(~hidden, 255), flood_probability=other.flood_probability.where(~hidden)
    )
    result = fused(one, cloudy)
    print(f"{name}: half under cloud, IoU {scores(result, label)[0]:.3f}; optical alone {scores(cloudy, label)[0]:.3f}")
    for layer, mine, full in zip(("flood", "flood_probability"), result, clear, strict=False):
        np.testing.assert_array_equal(np.asarray(mine)[:, hidden], np.asarray(getattr(one, layer))[:, hidden])
        np.testing.assert_array_equal(np.asarray(mine)[:, ~hidden], np.asarray(full)[:, ~hidden])
    assert scores(result, label)[0] > max(scores(one, label)[0], scores(cloudy, label)[0])


@pytest.mark.parametrize("name", list(SITES))
def test_errors_gather_where_the_two_disagree(sites, name):
    """Disagreement says where not to trust the map: there the joined map errs twice as often as elsewhere or more."""
    one, other, label = sites[name]
    result = fused(one, other)
    known = label >= 0
    wrong = (np.asarray(result.flood) == FLOODED) != (label == 1)
    apart = np.asarray(result.flood_evidence) == DISAGREE
    here, elsewhere = wrong[known & apart].mean(), wrong[known & ~apart].mean()
    print(f"{name}: {apart.mean():.3f} in disagreement, of which {here:.3f} wrong; elsewhere {elsewhere:.3f}")
    assert here > 2 * elsewhere
