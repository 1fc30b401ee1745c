"""The flood method on real radar images with independent labels. Nothing was tuned on these tiles."""

from __future__ import annotations

import io
import re
import zipfile

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from mitoshi.applications.disaster.flood_extent import FLOODED, NOT_OBSERVABLE, PERMANENT, flood_extent
from mitoshi.methods.sar.multilook import relative_index
from mitoshi.methods.sar.thresholds import otsu_threshold
from mitoshi.methods.statistics.calibration import expected_calibration_error

pytestmark = [pytest.mark.real, pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")]


def relative(image):
    values = np.where(image > 0, image, np.nan)[None].astype("float32")
    rows, columns = np.arange(image.shape[0]) + 0.5, np.arange(image.shape[1]) + 0.5
    return xr.DataArray(
        values,
        dims=("polarisation", "y", "x"),
        coords={"polarisation": ["VV"], "y": rows, "x": columns},
        attrs={"quantity": "relative_backscatter", "units": "1", "pixel_size_m": None},
    )


def iou(found, truth):
    return (found & truth).sum() / (found | truth).sum()


@pytest.fixture(scope="module")
def ombria(shared_data):
    with zipfile.ZipFile(shared_data("disaster/sar_flood_ombria/ombria_test70.zip")) as stored:
        numbers = sorted(re.findall(r"OmbriaS1/test/AFTER/S1_after_(\d{4})\.png", "\n".join(stored.namelist())))

        def read(name, number):
            path = f"OmbriaS1/test/{name.upper()}/S1_{name}_{number}.png"
            return np.asarray(Image.open(io.BytesIO(stored.read(path))).convert("L"))

        before, after, mask = ([read(name, n) for n in numbers] for name in ("before", "after", "mask"))
    assert len(numbers) == 70
    dated = np.array([not 440 <= int(n) < 720 for n in numbers])  # in that event the masks are of another date
    return before, after, np.stack(mask) > 127, dated


def stacked(results):
    flood = np.stack([np.asarray(r.flood) for r in results])
    chance = np.stack([np.asarray(r.flood_probability) for r in results])
    return flood, chance


@pytest.mark.slow
def test_pair_of_images_on_the_70_test_tiles(ombria):
    """Of the events of the training. In a third of the tiles the masks are of another date: what they show does not look like water.

    Calling bright ground flood, which the training had learnt, gave 0.55 here and 0.37 on events left out; asking for darkness
    gives 0.46 there (`benchmarks/flood_extent_training.py`), which is what a user gets.
    """
    before, after, mask, dated = ombria
    flood, chance = stacked([flood_extent(relative(a), relative(b)) for a, b in zip(after, before, strict=True)])
    seen = np.isfinite(chance)
    pooled = iou(flood == FLOODED, mask)
    mean = np.mean([iou(f == FLOODED, m) for f, m in zip(flood, mask, strict=True)])
    error = expected_calibration_error(chance[seen], mask[seen])
    grey = np.stack(after).ravel()
    otsu = iou(np.stack(after) < otsu_threshold(np.bincount(grey, minlength=256), np.arange(256.0)), mask)
    print(
        f"OMBRIA pair: pooled IoU {pooled:.3f}, mean {mean:.3f}, calibration error {error:.3f}; unfiltered Otsu {otsu:.3f}"
    )
    assert pooled >= 0.50
    assert pooled >= otsu + 0.03
    assert error <= 0.19
    assert dated.sum() == 50
    assert iou((flood == FLOODED)[dated], mask[dated]) >= 0.55
    fair = seen & dated[:, None, None]
    assert expected_calibration_error(chance[fair], mask[fair]) <= 0.08


@pytest.mark.slow
def test_after_alone_on_the_70_test_tiles(ombria):
    """One image cannot tell permanent water, which the mask leaves out; it must still beat one global threshold."""
    _, after, mask, _ = ombria
    flood, chance = stacked([flood_extent(relative(a)) for a in after])
    print(
        f"OMBRIA after alone: pooled IoU {iou(flood == FLOODED, mask):.3f}, share seen {np.isfinite(chance).mean():.3f}"
    )
    assert iou(flood == FLOODED, mask) >= 0.45


def test_spain_with_two_polarisations(shared_data):
    rasterio = pytest.importorskip("rasterio")
    folder = "disaster/s1_flood_spain/Spain_7370579_"
    with rasterio.open(shared_data(folder + "S1Hand.tif")) as source:
        decibel = source.read()
    with rasterio.open(shared_data(folder + "LabelHand.tif")) as source:
        label = source.read(1)
    power = np.where(np.isfinite(decibel), 10.0 ** (decibel / 10.0), np.nan).astype("float32")
    after = xr.DataArray(
        power,
        dims=("polarisation", "y", "x"),
        coords={"polarisation": ["VV", "VH"], "y": -np.arange(512.0), "x": np.arange(512.0)},
        attrs={"quantity": "sigma0", "units": "1", "pixel_size_m": 10.0},
    )
    result = flood_extent(after)
    codes, chance = np.asarray(result.flood), np.asarray(result.flood_probability)
    valid = label >= 0
    water = iou(np.isin(codes, (FLOODED, PERMANENT))[valid], (label == 1)[valid])
    seen = valid & np.isfinite(chance)
    error = expected_calibration_error(chance[seen], (label == 1)[seen])
    print(f"Spain: IoU {water:.3f}, calibration error {error:.3f}, unseen {(codes == NOT_OBSERVABLE).mean():.3f}")
    assert water >= 0.63
    assert error <= 0.05


@pytest.mark.parametrize(("name", "side"), [("Nigeria_812045", 128), ("Nigeria_812045", 200), ("India_900498", 128)])
def test_scenes_that_are_nearly_all_water(shared_data, name, side):
    """Cut out of the chips where the labels hold most water: 99, 96 and 92 %. Rough water is no land."""
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(shared_data(f"disaster/sen1floods11/{name}_S1Hand.tif")) as source:
        power = 10.0 ** (source.read() / 10.0)
    with rasterio.open(shared_data(f"disaster/sen1floods11/{name}_LabelHand.tif")) as source:
        label = source.read(1)
    steps = range(0, label.shape[0] - side + 1, 8)
    corners = [(r, c) for r in steps for c in steps if (label[r : r + side, c : c + side] < 0).mean() < 0.05]
    row, column = max(corners, key=lambda k: (label[k[0] : k[0] + side, k[1] : k[1] + side] == 1).sum())
    cut = np.s_[row : row + side, column : column + side]
    after = xr.DataArray(
        power[:, cut[0], cut[1]].astype("float32"),
        dims=("polarisation", "y", "x"),
        coords={"polarisation": ["VV", "VH"], "y": -np.arange(side, dtype=float), "x": np.arange(side, dtype=float)},
        attrs={"quantity": "sigma0", "units": "1", "pixel_size_m": 10.0},
    )
    flood, valid = np.asarray(flood_extent(after).flood), label[cut] >= 0
    assert iou((flood == FLOODED)[valid], (label[cut] == 1)[valid]) >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize(("tile", "least"), [("552_334", 0.25), ("553_335", 0.20)])
def test_clipped_water_is_observed_and_fill_is_not(shared_data, tile, least):
    """Zero is both in the pairs of EMSR763: a quarter of the flood, and half of the scene beyond the swath."""
    import rasterio

    def read(name):
        with rasterio.open(shared_data(f"disaster/cems_s1_pairs/EMSR763_AOI01_{name}_{tile}.tif")) as file:
            return file.read(1)

    after, flooded = read("VV_post"), read("Labels") > 0
    missing = np.isnan(relative_index(after[None]))
    assert (after[flooded] == 0).mean() > 0.2
    assert missing[flooded].mean() < 0.01
    assert missing.mean() > 0.5
    assert (after[missing] == 0).mean() > 0.99
    now, then = (
        xr.DataArray(
            np.stack([read(f"{band}_{date}") for band in ("VV", "VH")]).astype("float32"),
            dims=("polarisation", "y", "x"),
            coords={"polarisation": ["VV", "VH"]},
            attrs={"quantity": "relative_backscatter", "units": "1", "pixel_size_m": None},
        )
        for date in ("post", "pre")
    )
    result = flood_extent(now, then)
    agreement = iou(np.asarray(result.flood) == FLOODED, flooded)
    chance = np.asarray(result.flood_probability)
    error = expected_calibration_error(chance[np.isfinite(chance)], flooded[np.isfinite(chance)])
    print(f"EMSR763 {tile}: IoU {agreement:.3f}, calibration error {error:.3f}")
    assert agreement >= least
    assert error <= 0.08
