"""How often the 90 % interval of the flooded area holds on events left out, and how wide it is.

    python benchmarks/flood_area_intervals.py ../shared/data/disaster

Needs the extra `train`. Two kinds of map: OMBRIA tiles (stretched pairs; each event mapped by models of the others) and
Sen1Floods11 scenes (calibrated, one date; whole, and in pieces of 256 × 256). The quantiles of `AreaErrors` for each group, event
or country, are those of the other groups. The largest OMBRIA event stays out of the quantiles, for its masks are of
another date; its own coverage is printed.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
import xarray as xr
from flood_extent_training import (
    CHANGE_THRESHOLD,
    EVENT_STARTS,
    LARGEST_EVENT,
    features_of,
    left_out,
    read_tiles,
    training_set,
)

from mitoshi.applications.disaster.flood_area import ERRORS
from mitoshi.applications.disaster.flood_extent import FLOODED, flood_extent
from mitoshi.methods.sar.region_growing import mapped
from mitoshi.methods.statistics.area_interval import EMPTY, SUREST, AreaErrors, area_interval

QUANTILES = (0.05, 0.95)

CHIPS = {
    "sen1floods11": (
        *("India_900498", "Nigeria_812045", "USA_905409", "Mekong_333434"),
        *("Spain_6860600", "Ghana_53713", "Ghana_97059"),
    ),
    "s1_flood_spain": ("Spain_7370579",),
}
PIECE = 256


class Sample(NamedTuple):
    """A map of a piece of ground: its group, and shares of what was seen."""

    kind: str
    group: str
    truth: float
    estimate: float
    possible: float
    mapped: float


def sample(kind, group, truth, chance, flooded, seen) -> Sample:
    """Return one sample from truth, probability and class, of the pixels that are seen."""
    return Sample(
        kind,
        group,
        float(truth[seen].mean()),
        float((chance * flooded)[seen].mean()),
        float(chance[seen].mean()),
        float(flooded[seen].mean()),
    )


def pairs(data: Path) -> list[Sample]:
    """Return the OMBRIA training tiles, each mapped by models that did not see its event."""
    numbers, before, after, mask = read_tiles(data / "sar_flood_ombria/ombria_train63_s1.zip")
    tiles = [features_of(b, a) for b, a in zip(before, after, strict=True)]
    events = np.digitize(numbers, EVENT_STARTS)
    chance = left_out(events, tiles, training_set(before, after, mask), mask)
    return [
        sample("pair", f"event {e}", m, p, mapped(p.astype(np.float32), CHANGE_THRESHOLD), np.ones(m.shape, bool))
        for e, m, p in zip(events, mask, chance, strict=True)
    ]


def scenes(data: Path) -> list[Sample]:
    """Return the Sen1Floods11 scenes, whole and in pieces."""
    found = []
    for folder, names in CHIPS.items():
        for name in names:
            with rasterio.open(data / folder / f"{name}_S1Hand.tif") as file:
                power = (10.0 ** (file.read() / 10.0)).astype(np.float32)
            with rasterio.open(data / folder / f"{name}_LabelHand.tif") as file:
                label = file.read(1)
            after = xr.DataArray(
                power,
                dims=("polarisation", "y", "x"),
                coords={"polarisation": ["VV", "VH"]},
                attrs={"quantity": "sigma0", "units": "1", "pixel_size_m": 10.0},
            )
            result = flood_extent(after)
            chance, flooded = np.asarray(result.flood_probability), np.asarray(result.flood) == FLOODED
            seen = (label >= 0) & np.isfinite(chance)
            country = name.split("_")[0]
            found.append(sample("scene", country, label == 1, chance, flooded, seen))
            for row in range(0, label.shape[0], PIECE):
                for column in range(0, label.shape[1], PIECE):
                    cut = np.s_[row : row + PIECE, column : column + PIECE]
                    if seen[cut].mean() > 0.5:
                        found.append(sample("piece", country, label[cut] == 1, chance[cut], flooded[cut], seen[cut]))
    return found


def error(s: Sample, estimate: float, floor: float) -> float:
    """Return the error of an estimate of a sample over the doubt of its map."""
    doubt = EMPTY if s.mapped <= 0 else max(1.0 - s.estimate / s.mapped, SUREST)
    return (math.asinh(s.truth / floor) - math.asinh(estimate / floor)) / doubt


def errors_of(samples: list[Sample]) -> AreaErrors:
    """Return the quantiles of the samples' errors."""
    low, missed = np.quantile([error(s, s.estimate, ERRORS.floor) for s in samples], QUANTILES)
    start = AreaErrors(ERRORS.floor, float(low), 0.0, float(missed))
    detected = [s for s in samples if area_interval(s.estimate, s.possible, s.mapped, 1.0, start)[1] > 0]
    high = np.quantile([error(s, s.possible, ERRORS.floor) for s in detected], QUANTILES[1])
    return start._replace(high=float(high))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("data", type=Path)
    data = arguments.parse_args().data
    samples = [*pairs(data), *scenes(data)]
    largest = f"event {LARGEST_EVENT}"
    bounds = []
    for s in samples:
        others = errors_of([o for o in samples if o.group not in (s.group, largest)])
        bounds.append(area_interval(s.estimate, s.possible, s.mapped, 1.0, others)[1:])
    print(f"of all groups: {errors_of([s for s in samples if s.group != largest])}; used: {ERRORS}")
    for name, chosen in (
        ("pairs, five events", [s.kind == "pair" and s.group != largest for s in samples]),
        ("pairs, the largest event", [s.group == largest for s in samples]),
        ("scenes", [s.kind == "scene" for s in samples]),
        ("pieces of scenes", [s.kind == "piece" for s in samples]),
        ("both kinds", [s.kind != "scene" and s.group != largest for s in samples]),
    ):
        each = [(s, b) for s, b, c in zip(samples, bounds, chosen, strict=True) if c]
        holds = np.mean([b[0] <= s.truth <= b[1] for s, b in each])
        above = [b[1] / b[0] for _, b in each if b[0] > 0]
        print(
            f"{name:26s} {len(each):3d}: holds {holds:.2f}; {len(above)} told from none, "
            f"upper / lower {np.median(above) if above else math.nan:.1f} at the median"
        )


if __name__ == "__main__":
    main()
