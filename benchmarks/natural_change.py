"""How much backscatter drops on ground that nothing happened to: the source of `NATURAL_DROP_DB` in the flood method.

    python benchmarks/natural_change.py FOLDER

FOLDER holds an OPERA RTC-S1 series of a stable area (YYYYMMDDThhmmssZ_VV.tif and _VH.tif). Drops are those of the mean of both
polarisations in dB, 3 × 3 multilooked and averaged over 7 × 7 pixels as in the method, between dates of one track (multiples of
12 days) at most 60 days apart.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from itertools import combinations
from pathlib import Path

import numpy as np
import rasterio

from mitoshi.methods.sar.multilook import decibel_index
from mitoshi.methods.sar.water_features import counted_mean

QUANTILES = (50.0, 90.0, 95.0, 99.0, 99.9)


def level(folder: Path, stamp: str) -> np.ndarray:
    power = np.stack([rasterio.open(folder / f"{stamp}_{p}.tif").read(1) for p in ("VV", "VH")])
    index = decibel_index(power)
    seen = np.isfinite(index)
    hundredths = np.where(seen, 100 * index, 0).astype(np.int16)
    return np.where(seen, counted_mean(hundredths, seen.astype(np.uint8), 7) / 100.0, np.nan)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    stamps = sorted(path.name[:16] for path in folder.glob("*_VV.tif"))
    levels = {stamp: level(folder, stamp) for stamp in stamps}
    drops = []
    for earlier, later in combinations(stamps, 2):
        days = (datetime.strptime(later[:8], "%Y%m%d") - datetime.strptime(earlier[:8], "%Y%m%d")).days
        if days <= 60 and days % 12 == 0:
            drops.append((levels[earlier] - levels[later]).ravel())
    drop = np.concatenate(drops)
    drop = drop[np.isfinite(drop)]
    print(f"{drop.size} drops, standard deviation {drop.std():.2f} dB")
    for quantile, value in zip(QUANTILES, np.percentile(drop, QUANTILES), strict=True):
        print(f"{quantile:5.1f} %  {value:5.2f} dB")


if __name__ == "__main__":
    main()
