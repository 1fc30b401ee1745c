"""Reading a large float32 GeoTIFF tile by tile: our lazy arrays against plain rasterio, in one run.

python benchmarks/window_reading.py [SIDE]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

from mitoshi import sensors

TILE = 1024
ROUNDS = 5


def write(path: Path, side: int) -> None:
    rng = np.random.default_rng(0)
    profile = {"driver": "GTiff", "count": 2, "height": side, "width": side, "dtype": "float32", "crs": "EPSG:32654"}
    profile |= {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "predictor": 3}
    with rasterio.open(path, "w", **profile, transform=from_origin(400_000, 4_000_000, 10, 10)) as file:
        file.update_tags(MITOSHI_QUANTITY="gamma0", MITOSHI_BANDS="VV+VH")
        for row in range(0, side, 2048):
            height = min(2048, side - row)
            block = rng.gamma(4, 0.02, (2, height, side)).astype("float32")
            file.write(block, window=((row, row + height), (0, side)))


def starts(side: int) -> list[tuple[int, int]]:
    return [(y, x) for y in range(0, side, TILE) for x in range(0, side, TILE)]


def plain(path: Path, side: int) -> float:
    start = time.perf_counter()
    with rasterio.open(path) as file:
        for y, x in starts(side):
            file.read(window=((y, min(side, y + TILE)), (x, min(side, x + TILE))))
    return time.perf_counter() - start


def ours(path: Path, side: int) -> float:
    start = time.perf_counter()
    layer = sensors.open_observation(path).layers["gamma0"]
    for y, x in starts(side):
        layer.isel(y=slice(y, y + TILE), x=slice(x, x + TILE)).load()
    return time.perf_counter() - start


def main(side: int = 8000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.tif"
        write(path, side)
        ours(path, side)
        pairs = [(plain(path, side), ours(path, side)) for _ in range(ROUNDS)]
    theirs, mine = (min(column) for column in zip(*pairs, strict=True))
    print(f"{side} x {side} x 2: rasterio {theirs:.2f} s, mitoshi {mine:.2f} s, ratio {mine / theirs:.2f}")


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:]))
