"""Scale of `mitoshi run disaster.flood-depth`: time and peak memory against scene size.

    python benchmarks/flood_depth_scale.py --megapixels 25 100 400 --folder DIR --workers 2

Each size is a simulated coast's true flood map and elevation model. Every run is a fresh process, so that its peak resident
memory (VmHWM) is its own. Volume and depth are compared with the truth, which is that of the analytic flood.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SEED = 20261123
TIME = datetime(2026, 1, 1, tzinfo=UTC)
ERROR_M = 0.6  # of the simulated elevation model


def peak_mib() -> float:
    """Return this process's peak resident memory in MiB."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def make(folder: Path, side: int) -> None:
    from mitoshi.simulation import write_pair

    write_pair(folder, (side, side), seed=SEED, ancillary=True)


def run_method(folder: Path, workers: int) -> None:
    from mitoshi import evidence
    from mitoshi.core.discovery import find

    flood = f"{folder / 'truth_flood.tif'}#quantity=flood_extent"
    evidence.run(
        find("disaster.flood-depth"),
        {"flood": flood, "elevation": str(folder / "elevation.tif")},
        {"elevation_error_m": ERROR_M, "edge_depth_m": 0.0},
        folder / f"bundle-{workers}",
        time=TIME,
        workers=workers,
    )


def compared(folder: Path, side: int, workers: int) -> dict[str, float]:
    """Return errors against the truth in some windows of the scene."""
    import numpy as np
    import rasterio
    from rasterio.windows import Window

    from mitoshi.simulation import flood_depth, region

    place, error, sigma = region((side, side), seed=SEED), [], []
    bundle = folder / f"bundle-{workers}"
    with rasterio.open(bundle / "depth.tif") as a, rasterio.open(bundle / "depth_uncertainty.tif") as b:
        for k in range(1, 8):
            row = column = k * (side - 512) // 8
            window = Window(column, row, 512, 512)
            truth = flood_depth(place.ground((slice(row, row + 512), slice(column, column + 512))))
            wet = truth > 0
            error.append((a.read(1, window=window) - truth)[wet])
            sigma.append(b.read(1, window=window)[wet])
    e, s = np.concatenate(error), np.concatenate(sigma)
    return {
        "bias_m": round(float(e.mean()), 3),
        "rmse_m": round(float(np.sqrt((e**2).mean())), 3),
        "within_90_percent": round(float((np.abs(e) < 1.645 * s).mean()), 3),
    }


def measured(arguments: list[str]) -> dict[str, Any]:
    """Run one stage in a process of its own and return its time and peak memory."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return {"seconds": round(time.perf_counter() - begun, 1), "peak_mib": round(float(done.stdout.split()[-1]))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[25.0, 100.0, 400.0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--stage", choices=["make", "run"])
    parser.add_argument("--side", type=int, default=0)
    given = parser.parse_args()
    if given.stage == "make":
        make(given.folder, given.side)
    elif given.stage == "run":
        run_method(given.folder, given.workers)
    else:
        for megapixels in given.megapixels:
            side = round(math.sqrt(megapixels * 1e6))
            place = given.folder / f"flood-{side}"
            found: dict[str, Any] = {"megapixels": side * side / 1e6}
            if not (place / "elevation.tif").exists():
                found["simulate"] = measured(["--stage", "make", "--folder", str(place), "--side", str(side)])
            found |= measured(["--stage", "run", "--folder", str(place), "--workers", str(given.workers)])
            print(json.dumps(found | compared(place, side, given.workers)), flush=True)
        return
    print(peak_mib())


if __name__ == "__main__":
    main()
