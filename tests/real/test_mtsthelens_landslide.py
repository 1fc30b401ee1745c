"""The 2021 debris slide at Mount St Helens: landslide mapping and volume from a noisy elevation change.

Truth: the published DEM of difference, of which the values exist on the mapped slide alone (224 cells of 10 m). Input: the terrain
before, and that difference with 0 outside the slide, plus noise made here over the whole grid: half its variance white, half smooth
(Gaussian, 30 m), plus a common bias of 5 cm. So the slide must be found again in noise that the method has to measure by itself; what is
not tested is the noise of a real pair of surveys. The run-out corridor's width was chosen after looking at this slide.
"""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import xarray as xr
from scipy import ndimage

from mitoshi.applications.disaster.landslide import DEPOSIT, SOURCE, landslide

pytestmark = pytest.mark.real

BIAS_M = 0.05
SEEDS = 10


@pytest.fixture(scope="module")
def slide(shared_data):
    folder = "disaster/landslide_mtsthelens2021/"
    with rasterio.open(shared_data(folder + "pre_runout_DEM.tif")) as source:
        before, place = source.read(1, masked=True).astype("float32").filled(np.nan), source.transform
    with rasterio.open(shared_data(folder + "DEM_of_Difference.tif")) as source:
        change = source.read(1, masked=True).astype("float32")
    return before, change.filled(0.0), ~np.ma.getmaskarray(change), place


def layer(values, quantity, place):
    coords = {
        "y": place.f + place.e * (np.arange(values.shape[0]) + 0.5),
        "x": place.c + place.a * (np.arange(values.shape[1]) + 0.5),
    }
    attrs = {"quantity": quantity, "units": "m", "pixel_size_m": float(place.a)}
    return xr.DataArray(values.astype("float32"), dims=("y", "x"), coords=coords, attrs=attrs)


def noisy(change, sigma, seed):
    draw = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(draw.normal(size=change.shape), 3.0)
    return change + BIAS_M + sigma * (draw.normal(size=change.shape) + smooth / smooth.std()) / np.sqrt(2)


def scores(slide, sigma, seed):
    before, change, truth, place = slide
    result = landslide(
        layer(before, "elevation", place), None, layer(noisy(change, sigma, seed), "elevation_change", place)
    )
    codes = np.asarray(result.landslide)
    mapped = (codes == SOURCE) | (codes == DEPOSIT)
    table = result.landslides
    true = {
        "volume_m3": -100.0 * change[change < 0].sum(),
        "deposit_m3": 100.0 * change[change > 0].sum(),
        "net_m3": 100.0 * change.sum(),
        "area_m2": 100.0 * truth.sum(),
    }
    found = {"iou": (mapped & truth).sum() / (mapped | truth).sum(), "slides": len(table)}
    clear = np.abs(change) > 2 * sigma
    found["clear_found"] = (mapped & clear).sum() / clear.sum()
    for name, value in true.items():
        found[f"{name}_error"] = table[name].sum() / value - 1
        found[f"{name}_covered"] = table[f"{name}_lower"].sum() <= value <= table[f"{name}_upper"].sum()
    return found


@pytest.mark.slow
def test_area_and_volume_over_noise_levels_and_seeds(slide, capsys):
    mean = {}
    for sigma in (0.1, 0.3, 0.5, 1.0):
        runs = [scores(slide, sigma, seed) for seed in range(SEEDS)]
        mean[sigma] = {name: float(np.mean([r[name] for r in runs])) for name in runs[0]}
    with capsys.disabled():
        for sigma, values in mean.items():
            print(f"\nMount St Helens, noise {sigma} m:", {k: round(v, 3) for k, v in values.items()}, end="")
        print()
    assert mean[0.1]["iou"] >= 0.80
    assert mean[0.3]["iou"] >= 0.60
    assert mean[0.5]["iou"] >= 0.50
    for sigma in (0.1, 0.3, 0.5):
        assert mean[sigma]["clear_found"] >= 0.85
        assert abs(mean[sigma]["volume_m3_error"]) <= 0.06
        assert abs(mean[sigma]["deposit_m3_error"]) <= 0.08
        for name in ("volume_m3", "deposit_m3", "net_m3", "area_m2"):
            assert mean[sigma][f"{name}_covered"] >= 0.7, (sigma, name)


def test_noise_alone_is_no_landslide(slide):
    before, change, _, place = slide
    for seed in range(3):
        result = landslide(
            layer(before, "elevation", place), None, layer(noisy(0 * change, 0.3, seed), "elevation_change", place)
        )
        assert len(result.landslides) == 0
        assert len(result.lakes) == 0
