"""The optical flood method on two labelled Sentinel-2 scenes (Sen1Floods11, top of the atmosphere).

The pair of thresholds that is best on either scene is the same, so each scene is held out from the choice made on the other.
"""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from mitoshi.applications.disaster.flood_extent import FLOODED, NOT_OBSERVABLE
from mitoshi.applications.disaster.flood_extent_optical import flood_extent_optical
from mitoshi.methods.optical.water import TOP, normalised_difference
from mitoshi.methods.statistics.calibration import expected_calibration_error
from mitoshi.sensors import guard

pytestmark = [pytest.mark.real, pytest.mark.slow]

SITES = {
    "India": ("disaster/sen1floods11/India_900498_", "disaster/sen1floods11/India_900498_"),
    "Spain": ("disaster/sen1floods11/Spain_7370579_", "disaster/s1_flood_spain/Spain_7370579_"),
}
NAMES = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12"]


@pytest.fixture(scope="module")
def site(shared_data):
    def load(name):
        image, label = SITES[name]
        return scene(shared_data(f"{image}S2Hand.tif")), read(shared_data(f"{label}LabelHand.tif"))[0]

    return load


def read(path):
    with guard.open_raster(path) as file:
        return file.read()


def scene(path):
    values = np.where(read(path) > 0, read(path) / 10_000, np.nan).astype("float32")
    attrs = {"quantity": "toa_reflectance", "units": "1", "pixel_size_m": 10.0}
    return xr.DataArray(values, dims=("band", "y", "x"), coords={"band": NAMES}, attrs=attrs)


def iou(mapped, label):
    """Return the intersection over union of water over every labelled pixel; not observable counts as not water."""
    known, water = label >= 0, label == 1
    return (mapped & water)[known].sum() / (mapped | water)[known].sum()


@pytest.mark.parametrize(
    ("name", "bar", "simple", "unseen"), [("India", 0.94, 0.934, 0.03), ("Spain", 0.75, 0.612, 0.03)]
)
def test_labelled_scenes(site, name, bar, simple, unseen):
    image, label = site(name)
    result = flood_extent_optical(image)
    flood, chance = np.asarray(result.flood), np.asarray(result.flood_probability)
    mapped, seen = flood == FLOODED, (label >= 0) & (flood != NOT_OBSERVABLE)
    index = normalised_difference(image.sel(band="B3").to_numpy(), image.sel(band="B11").to_numpy())
    error = expected_calibration_error(chance[seen], label[seen] == 1)
    print(
        f"{name}: IoU {iou(mapped, label):.3f}, of what was seen {iou(mapped, np.where(seen, label, -1)):.3f}, MNDWI > 0 "
        f"{iou(index > 0, label):.3f}, calibration error {error:.3f}, not observable {(flood == NOT_OBSERVABLE).mean():.3f}"
    )
    assert iou(index > 0, label) == pytest.approx(simple, abs=0.001)
    assert iou(mapped, label) >= bar
    assert error <= 0.03
    assert (flood == NOT_OBSERVABLE).mean() <= unseen


def test_either_scene_would_have_chosen_the_thresholds_of_the_other(site):
    """Of the pairs on a grid of 0.1, the one in use is the best, or within 0.002 of it, on both scenes."""
    for name in SITES:
        image, label = site(name)
        green, nir, swir = (image.sel(band=band).to_numpy() for band in ("B3", "B8", "B11"))
        mndwi, ndwi = normalised_difference(green, swir), normalised_difference(green, nir)
        scores = {
            (m, n): iou((mndwi > m) & (ndwi > n), label)
            for m in (-0.1, 0.0, 0.1, 0.2, 0.3, 0.4)
            for n in (-0.4, -0.3, -0.2, -0.1, 0.0)
        }
        print(name, max(scores, key=scores.__getitem__), f"{max(scores.values()):.3f}")
        assert scores[TOP.mndwi, TOP.ndwi] >= max(scores.values()) - 0.002


def test_without_swir_the_map_is_as_good_as_ndwi_alone_and_no_better(site):
    for name, simple in (("India", 0.778), ("Spain", 0.676)):
        image, label = site(name)
        mapped = np.asarray(flood_extent_optical(image.sel(band=["B2", "B3", "B4", "B8"])).flood) == FLOODED
        assert iou(mapped, label) == pytest.approx(simple, abs=0.02)


def test_a_scene_without_label_is_mostly_seen(shared_data):
    """Clear sky over a town with roofs of 0.5: hardly anything may be called cloud."""
    image = scene(shared_data("disaster/sen1floods11/USA_430764_S2Hand.tif"))
    flood = np.asarray(flood_extent_optical(image).flood)
    print(f"USA: water {(flood == FLOODED).mean():.3f}, not observable {(flood == NOT_OBSERVABLE).mean():.4f}")
    assert (flood == NOT_OBSERVABLE).mean() < 0.03
