"""Landslides of the 2018 Hokkaido earthquake in one RGB image of 3 m, against hand masks of 20 tiles.

Groups were named before the first look: the tiles in order of their numbers, five each. The level and the steepness are learnt
on three groups and scored on the fourth; the method's defaults are the means over the four. The width of the smoothing was chosen
among ten with all groups in view.
"""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import xarray as xr

from mitoshi.applications.disaster.landslide_optical import SLIDE, landslide_optical
from mitoshi.methods.optical.bare_soil import SMOOTHING, binomial_mean, red_over_green

pytestmark = pytest.mark.real

TILES = (370, 371, 372, 373, 374, 375, 407, 408, 411, 623, 638, 660, 664, 672, 675, 742, 881, 914, 915, 949)
GROUPS = {name: range(5 * n, 5 * n + 5) for n, name in enumerate("ABCD")}


@pytest.fixture(scope="module")
def tiles(shared_data):
    found = []
    for number in TILES:
        folder = "disaster/landslide_hokkaido2018"
        with rasterio.open(shared_data(f"{folder}/{number}_rgb.tif")) as source:
            values = source.read([1, 2, 3]).astype("float32")
        with rasterio.open(shared_data(f"{folder}/{number}_mask.tif")) as source:
            mask = source.read(1) > 0
        attrs = {"quantity": "digital_number", "units": "1", "pixel_size_m": 3.0}
        coords = {"band": ["red", "green", "blue"]}
        found.append((xr.DataArray(values, dims=("band", "y", "x"), coords=coords, attrs=attrs), mask))
    return found


def learnt(ratios, masks):
    """Return level and steepness of a logistic regression on every fifth pixel (Newton's method)."""
    x = np.concatenate([r.ravel()[::5] for r in ratios]).astype(float)
    y = np.concatenate([m.ravel()[::5] for m in masks]).astype(float)
    design = np.stack([np.ones_like(x), (x - x.mean()) / x.std()])
    weights = np.zeros(2)
    for _ in range(20):
        p = 1 / (1 + np.exp(-(weights @ design)))
        weights = weights + np.linalg.solve((design * p * (1 - p)) @ design.T, design @ (y - p))
    steepness = weights[1] / x.std()
    return float(x.mean() - weights[0] / steepness), float(steepness)


def otsu(values):
    """Return the threshold with the largest variance between the two classes."""
    counts, ends = np.histogram(values, 256)
    middle = (ends[1:] + ends[:-1]) / 2
    below, moment = np.cumsum(counts), np.cumsum(counts * middle)
    between = (moment[-1] * below / below[-1] - moment) ** 2 / (below * (below[-1] - below) + 1e-9)
    return middle[np.argmax(between)]


def pooled(mapped, masks):
    """Return IoU and F1 over several tiles."""
    hits = sum(int((a & b).sum()) for a, b in zip(mapped, masks, strict=True))
    either = sum(int((a | b).sum()) for a, b in zip(mapped, masks, strict=True))
    return hits / either, 2 * hits / (hits + either)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_held_out_groups_beside_otsu(tiles, capsys):
    masks = [mask for _, mask in tiles]
    bands = [image.to_numpy() for image, _ in tiles]
    ratios = [binomial_mean(red_over_green(b[0], b[1], counts=True), SMOOTHING) for b in bands]
    ours, plain, laws = [None] * 20, [r > otsu(r) for r in ratios], []
    chance = np.zeros((20, 256, 256))
    for held in GROUPS.values():
        rest = [n for n in range(20) if n not in held]
        level, steepness = learnt([ratios[n] for n in rest], [masks[n] for n in rest])
        laws.append((level, steepness))
        for n in held:
            result = landslide_optical(tiles[n][0], soil_log_ratio=level, soil_steepness=steepness)
            ours[n] = np.asarray(result.landslide) == SLIDE
            chance[n] = np.nan_to_num(np.asarray(result.landslide_probability))  # a few pixels are black
    best = [
        max(pooled([r > t], [m])[0] for t in np.quantile(r, np.linspace(0.3, 0.95, 66)))
        for r, m in zip(ratios, masks, strict=True)
    ]
    place = np.clip((chance * 10).astype(int), 0, 9)
    truth = np.stack(masks)
    error = sum(abs(chance[place == k].mean() - truth[place == k].mean()) * (place == k).mean() for k in range(10))
    covered = [(p > 0.9).sum() <= m.sum() <= (p > 0.1).sum() for p, m in zip(chance, masks, strict=True)]
    with capsys.disabled():
        print("\narea of the mask within the range of areas:", np.mean(covered), end="")
        for name, held in GROUPS.items():
            parts = [pooled([m[n] for n in held], [masks[n] for n in held]) for m in (ours, plain)]
            print(
                f"\nHokkaido group {name} held out: IoU, F1",
                np.round(parts[0], 3),
                "Otsu",
                np.round(parts[1], 3),
                end="",
            )
        print("\npooled", np.round(pooled(ours, masks), 3), "Otsu", np.round(pooled(plain, masks), 3))
        print(
            "mean per tile",
            np.round(np.mean([pooled([o], [m])[0] for o, m in zip(ours, masks, strict=True)]), 3),
            end=" ",
        )
        print(
            "best threshold per tile",
            np.round(np.mean(best), 3),
            "calibration error",
            round(error, 4),
            "laws",
            np.round(laws, 3).tolist(),
        )
    assert pooled(ours, masks)[0] >= 0.77
    assert pooled(ours, masks)[0] >= pooled(plain, masks)[0]
    assert error <= 0.03
    assert np.mean(covered) >= 0.9
    np.testing.assert_allclose(np.mean(laws, axis=0), [0.062, 28.0], rtol=0.02)  # the method's defaults
