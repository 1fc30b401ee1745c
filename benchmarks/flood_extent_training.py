"""Train the flood model on the 63 OMBRIA training tiles, and say how well it does on tiles and events left out.

    python benchmarks/flood_extent_training.py ../shared/data/disaster/sar_flood_ombria/ombria_train63_s1.zip

Needs the extra `train`. Writes src/mitoshi/applications/disaster/flood_extent.json. The test tiles are never read.
Everything that is chosen here (thresholds, weights) is chosen on left-out training tiles.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import zipfile
from pathlib import Path

import lightgbm
import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from mitoshi.methods.sar.flood_probability import CHANGE as DROP
from mitoshi.methods.sar.flood_probability import NOW, OUTLIER, THEN, TREES_SHARE, change_features, looks_flooded
from mitoshi.methods.sar.multilook import relative_index, relative_samples
from mitoshi.methods.sar.region_growing import mapped
from mitoshi.methods.sar.scene_statistics import block_histograms, class_fields, relative_scale
from mitoshi.methods.sar.thresholds import otsu_threshold
from mitoshi.methods.sar.water_features import detailed_brightness
from mitoshi.methods.statistics.calibration import expected_calibration_error
from mitoshi.methods.statistics.windows import box_mean

OUT = Path(__file__).parents[1] / "src/mitoshi/applications/disaster/flood_extent.json"

WIDTHS = (3, 7, 15, 31, 63, 127)
WATER = ("level_after_3", "level_after_7", "dark_after_31")
CHANGE = ("level_after_7", "dark_after_31", "level_before_7", "dark_before_31", "change_7", "change_31", "grey_after_7")
TREES = (
    *(f"level_{d}_{w}" for d in ("after", "before") for w in WIDTHS),
    *(f"deviation_after_{w}" for w in WIDTHS),
    *(f"grey_after_{w}" for w in WIDTHS),
    *(f"change_{w}" for w in WIDTHS),
    *(f"dark_{d}_{w}" for d in ("after", "before") for w in (9, 31, 63, 127)),
    *(f"spread_{d}_{w}" for d in ("after", "before") for w in (5, 15, 31)),
)
FEATURES = tuple(dict.fromkeys((*TREES, *CHANGE, *WATER, OUTLIER)))
WATER_LIMIT, CHANGE_LIMIT = 1500, 3000

# Tile numbers run through the events; these are the visible breaks between landscapes. The events of one group stay together.
EVENT_STARTS = (0, 130, 260, 395, 440, 720)
LARGEST_EVENT = 5
"""Its masks are of another date: most of what they show is not dark in the images."""

CHANGE_THRESHOLD = 0.12
"""Chosen on events left out, with the ranges of `looks_flooded`. The lower, the nearer to Otsu's threshold in the event where
that is best; unchanged water must stay below it."""

BOOSTING = {
    "objective": "binary",
    "num_leaves": 16,
    "learning_rate": 0.05,
    "min_data_in_leaf": 600,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 40.0,
    "seed": 1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
ROUNDS = 150


def read_tiles(archive: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return tile numbers, before, after (uint8) and mask (bool)."""
    with zipfile.ZipFile(archive) as stored:
        numbers = sorted(re.findall(r"AFTER/S1_after_(\d{4})\.png", "\n".join(stored.namelist())))

        def image(folder: str, name: str, number: str) -> np.ndarray:
            split = next(n for n in stored.namelist() if n.endswith(f"{folder}/S1_{name}_{number}.png"))
            return np.asarray(Image.open(io.BytesIO(stored.read(split))).convert("L"))

        kinds = (("BEFORE", "before"), ("AFTER", "after"), ("MASK", "mask"))
        before, after, mask = (np.stack([image(f, n, k) for k in numbers]) for f, n in kinds)
    return np.array([int(n) for n in numbers]), before, after, mask > 127


def features_of(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Return the features (y, x, feature) of one scene, where it was observed, and what `looks_flooded` asks of both dates."""
    scale, dates, observed = relative_scale(), [], np.ones(after.shape, bool)
    for image in (after, before):
        values = image[None].astype(np.float32)
        index = relative_index(values)
        fields = class_fields(block_histograms(relative_samples(values), scale, 64), scale)
        dates.append(detailed_brightness(index, fields, origin=(0, 0)))
        observed &= np.isfinite(index)
    found = change_features(dates[0], dates[1], FEATURES)
    return (
        np.stack([found[name] for name in FEATURES], axis=-1),
        observed,
        (tuple(d.two_classes for d in dates), min(d.spread for d in dates)),
    )


def sampled(before, after, mask, rate, seed):
    """Return features, labels and tile of a random share of the pixels."""
    noise = np.random.default_rng(seed)
    x, y, tile = [], [], []
    for k in range(len(before)):
        found, observed, _ = features_of(before[k], after[k])
        chosen = observed & (noise.random(observed.shape) < rate)
        x.append(found[chosen])
        y.append(mask[k][chosen])
        tile.append(np.full(int(chosen.sum()), k))
    return np.concatenate(x), np.concatenate(y), np.concatenate(tile)


def training_set(before, after, mask):
    """Whole tiles and, so that the class statistics vary, four overlapping crops of each."""
    parts = [sampled(before, after, mask, 1 / 12, 0)]
    for k, (row, column) in enumerate(((0, 0), (0, 64), (64, 0), (64, 64))):
        cut = np.s_[:, row : row + 192, column : column + 192]
        parts.append(sampled(before[cut], after[cut], mask[cut], 1 / 24, k + 1))
    return tuple(np.concatenate(p) for p in zip(*parts, strict=True))


def columns(names) -> list[int]:
    return [FEATURES.index(n) for n in names]


def logistic(x, y, names, limit):
    """Return intercept and slopes per 1000 of the standardised fit."""
    z = np.clip(x[:, columns(names)].astype(np.float64), -limit, limit) / 1000.0
    mean, spread = z.mean(axis=0), z.std(axis=0) + 1e-9
    fitted = LogisticRegression(C=0.1, max_iter=300).fit((z - mean) / spread, y)
    slopes = fitted.coef_[0] / spread
    return float(fitted.intercept_[0] - (slopes * mean).sum()), dict(zip(names, slopes.tolist(), strict=True))


def logistic_probability(model, x, limit):
    intercept, slopes = model
    z = np.clip(x[..., columns(slopes)].astype(np.float64), -limit, limit) / 1000.0
    return 1.0 / (1.0 + np.exp(-intercept - z @ np.array(list(slopes.values()))))


def boosted(x, y):
    return lightgbm.train(BOOSTING, lightgbm.Dataset(x[:, columns(TREES)].astype(np.float32), y), ROUNDS)


def change_of(steady, trees, x, scene):
    detailed = trees.predict(x[..., columns(TREES)].reshape(-1, len(TREES)).astype(np.float32), num_threads=1)
    changed = (1 - TREES_SHARE) * logistic_probability(steady, x, CHANGE_LIMIT) + TREES_SHARE * detailed.reshape(
        x.shape[:-1]
    )
    return changed * looks_flooded({n: x[..., FEATURES.index(n)] for n in (NOW, THEN, DROP, OUTLIER)}, *scene)


def iou(found, truth) -> float:
    return float((found & truth).sum() / max((found | truth).sum(), 1))


def nested(node) -> dict:
    if "leaf_value" in node:
        return {"v": round(node["leaf_value"], 5)}
    # Features are whole numbers: "x <= 12.5" and "x <= 12" are the same question.
    threshold = int(np.floor(node["threshold"]))
    return {
        "f": TREES[node["split_feature"]],
        "t": threshold,
        "l": nested(node["left_child"]),
        "r": nested(node["right_child"]),
    }


def open_water(x, mask):
    """Flood, or dark in both images: what one image alone can show. Levels below 350 are dark for certain."""
    return mask | ((x[..., columns(["level_after_7"])[0]] < 350) & (x[..., columns(["level_before_7"])[0]] < 350))


def visible_tiles(tiles, mask) -> np.ndarray:
    """Tiles whose mask the after image can show at all; in the others the mask is of another date."""
    level = columns(["level_after_7"])[0]
    area = [
        roc_auc_score(mask[k][o & ~p], -x[..., level][o & ~p])
        for k, (x, o, _) in enumerate(tiles)
        for p in [open_water(x, np.zeros_like(mask[k]))]
    ]
    return np.array(area) >= 0.85


def left_out(folds, tiles, sample, mask) -> np.ndarray:
    """Return the change probability of every tile from models that saw neither it nor its fold."""
    x, y, owner = sample
    change = np.zeros(mask.shape)
    for fold in np.unique(folds):
        inside = folds[owner] != fold
        steady, trees = logistic(x[inside], y[inside], CHANGE, CHANGE_LIMIT), boosted(x[inside], y[inside])
        for k in np.flatnonzero(folds == fold):
            change[k] = change_of(steady, trees, tiles[k][0], tiles[k][2]) * tiles[k][1]
    return change


def water_left_out(folds, tiles, sample, visible, mask) -> np.ndarray:
    """Return the probability of water of every tile from models that saw neither it nor its fold."""
    x, y, owner = sample
    wet, water = open_water(x, y), np.zeros(mask.shape)
    for fold in np.unique(folds):
        seen = (folds[owner] != fold) & visible[owner]
        single = logistic(x[seen], wet[seen], WATER, WATER_LIMIT)
        for k in np.flatnonzero(folds == fold):
            water[k] = logistic_probability(single, tiles[k][0], WATER_LIMIT) * tiles[k][1]
    return water


def otsu(after) -> np.ndarray:
    """Return what one Otsu threshold per tile maps after a mean over 5 × 5 pixels: the baseline."""
    smooth = np.stack([box_mean(image.astype(np.int16), 5) for image in after])
    return np.stack([s < otsu_threshold(np.bincount(s.ravel(), minlength=256), np.arange(256.0)) for s in smooth])


def by_event(events, probability, after, truth, threshold) -> None:
    """Print each event's IoU from the models that did not see it, beside the baseline's."""
    found, base = np.stack([mapped(p.astype(np.float32), threshold) for p in probability]), otsu(after)
    for event in np.unique(events):
        k = events == event
        print(
            f"  event {event}: {k.sum():2d} tiles, IoU {iou(found[k], truth[k]):.3f}, Otsu {iou(base[k], truth[k]):.3f}"
        )
    print(f"  all: IoU {iou(found, truth):.3f}, Otsu {iou(base, truth):.3f}", flush=True)


def report(name, probability, truth, threshold) -> None:
    found = np.stack([mapped(p.astype(np.float32), threshold) for p in probability])
    print(
        f"{name:48s} IoU {iou(found, truth):.3f} at {threshold:.2f}  "
        f"mean {np.mean([iou(f, t) for f, t in zip(found, truth, strict=True)]):.3f}  "
        f"calibration error {expected_calibration_error(probability, truth):.3f}",
        flush=True,
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("archive", type=Path)
    numbers, before, after, mask = read_tiles(arguments.parse_args().archive)
    tiles = [features_of(b, a) for b, a in zip(before, after, strict=True)]
    visible = visible_tiles(tiles, mask)
    sample = training_set(before, after, mask)
    wet = np.stack([open_water(x, m) for (x, _, _), m in zip(tiles, mask, strict=True)])
    events = np.digitize(numbers, EVENT_STARTS)
    change = left_out(events, tiles, sample, mask)
    report("change, events left out", change, mask, CHANGE_THRESHOLD)
    others = events != LARGEST_EVENT
    report("change, events left out, without the largest", change[others], mask[others], CHANGE_THRESHOLD)
    by_event(events, change, after, mask, CHANGE_THRESHOLD)
    water = water_left_out(np.arange(len(numbers)) % 3, tiles, sample, visible, mask)
    best = iou(water[visible] >= 0.4, wet[visible])
    water_level = best / (1 + best)
    report("water, tiles left out, visible tiles", water[visible], wet[visible], water_level)
    x, y, owner = sample
    seen = visible[owner]
    trees = boosted(x, y).dump_model()["tree_info"]
    intercept, slopes = logistic(x, y, CHANGE, CHANGE_LIMIT)
    water_intercept, water_slopes = logistic(x[seen], open_water(x, y)[seen], WATER, WATER_LIMIT)
    rounded = lambda values: {k: round(v, 5) for k, v in values.items()}  # noqa: E731
    model = {
        "trained_on": f"OMBRIA training tiles ({len(numbers)}), see benchmarks/flood_extent_training.py",
        "water": {"intercept": round(water_intercept, 5), "slopes": rounded(water_slopes), "limit": WATER_LIMIT},
        "change": {"intercept": round(intercept, 5), "slopes": rounded(slopes), "limit": CHANGE_LIMIT},
        "water_threshold": round(float(water_level), 3),
        "change_threshold": CHANGE_THRESHOLD,
        "features": list(TREES),
        "trees": [nested(t["tree_structure"]) for t in trees],
    }
    OUT.write_text(json.dumps(model, separators=(",", ":")) + "\n")
    print(f"wrote {OUT.name}, {OUT.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
