"""Impact of a scene of 10,000 × 10,000 pixels read from files, with 50,000 buildings, roads, people and districts.

    python benchmarks/impact_scale.py [--side 10000]

Prints seconds and resident memory: buildings and depth alone, then everything. Nothing here is a truth; see
tests/real/test_jakarta_impact.py for that.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import tempfile
import time
import warnings
from pathlib import Path

import geopandas
import numpy as np
import rasterio
import shapely
from affine import Affine
from rasterio.windows import Window

from mitoshi.applications.disaster.impact import impact
from mitoshi.sensors import open_observation

CRS, WEST, NORTH, PIXEL = "EPSG:32654", 400_000.0, 3_500_000.0, 10.0
QUANTITIES = {
    "depth": "water_depth",
    "uncertainty": "standard_uncertainty_m",
    "population": "population",
    "elevation": "elevation",
}


def write_rasters(folder: Path, side: int) -> None:
    """Write four tiled rasters strip by strip."""
    noise = np.random.default_rng(1)
    profile = {
        "driver": "GTiff", "height": side, "width": side, "count": 1, "dtype": "float32", "crs": CRS, "nodata": np.nan,
        "transform": Affine(PIXEL, 0, WEST, 0, -PIXEL, NORTH), "tiled": True, "blockxsize": 512, "blockysize": 512,
        "compress": "deflate", "predictor": 3, "zlevel": 1,
    }  # fmt: skip
    files = {name: rasterio.open(folder / f"{name}.tif", "w", **profile) for name in QUANTITIES}
    x = np.arange(side)[None]
    for first in range(0, side, 512):
        y = np.arange(first, min(side, first + 512))[:, None]
        height = np.sin(x / 700) + np.cos(y / 900) + 0.3 * np.sin((x + y) / 90)
        depth = np.maximum(0, np.round((height - 0.9) * 2, 2))
        values = {
            "depth": np.where((x > 0.95 * side) & (y > 0.9 * side), np.nan, depth),
            "uncertainty": np.where(depth > 0, 0.3, 0.0),
            "population": np.round(noise.gamma(0.1, 1, depth.shape), 2),
            "elevation": 20 - 2 * height,
        }
        for name, file in files.items():
            file.write(values[name].astype("float32"), 1, window=Window(0, first, side, len(y)))
    for file in files.values():
        file.close()


def features(side: int) -> list[geopandas.GeoDataFrame]:
    """Return buildings, roads, facilities, settlements and districts."""
    noise = np.random.default_rng(2)
    extent = side * PIXEL
    count = 50_000

    def listed(geometry, **columns):
        return geopandas.GeoDataFrame(
            {"id": [str(n) for n in range(len(geometry))], **columns}, geometry=geometry, crs=CRS
        )

    east, north = WEST + noise.uniform(100, extent - 100, count), NORTH - noise.uniform(100, extent - 100, count)
    houses = listed(
        shapely.box(east - 6, north - 6, east + 6, north + 6), storeys=noise.integers(1, 4, count).astype(float)
    )
    ticks = np.linspace(50, extent - 50, 120)
    across = [[(WEST + a, NORTH - t), (WEST + b, NORTH - t)] for t in ticks for a, b in itertools.pairwise(ticks)]
    down = [[(WEST + t, NORTH - a), (WEST + t, NORTH - b)] for t in ticks for a, b in itertools.pairwise(ticks)]
    roads = listed(shapely.linestrings(across + down))
    places = [shapely.points(WEST + noise.choice(ticks, 300), NORTH - noise.choice(ticks, 300)) for _ in range(2)]
    facilities = listed(places[0], facility=noise.choice(["hospital", "shelter", "depot"], 300))
    tenth = extent / 10
    districts = [
        shapely.box(WEST + c * tenth, NORTH - (r + 1) * tenth, WEST + (c + 1) * tenth, NORTH - r * tenth)
        for r in range(10) for c in range(10)
    ]  # fmt: skip
    return [houses, roads, facilities, listed(places[1], population=10.0), listed(districts)]


def timed(words: str, *arguments) -> None:
    """Run the method and print what it took."""
    before = time.perf_counter()
    impact(*arguments)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"{words}: {time.perf_counter() - before:.1f} s, {memory:.0f} MB resident")


def main() -> None:
    """Make the scene, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=10_000)
    side = parser.parse_args().side
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        write_rasters(Path(folder), side)
        layers = [
            next(iter(open_observation(f"{folder}/{name}.tif#quantity={q}").layers.values()))
            for name, q in QUANTITIES.items()
        ]
        houses, roads, facilities, settlements, districts = features(side)
        small = layers[0].isel(y=slice(0, 600), x=slice(0, 600))
        impact(
            small, None, houses[:10], layers[2][:600, :600], roads[:10], facilities, settlements, districts
        )  # compiles
        timed("depth, uncertainty, buildings", layers[0], layers[1], houses)
        timed("everything", *layers[:2], houses, layers[2], roads, facilities, settlements, districts, layers[3])


if __name__ == "__main__":
    main()
