"""Scale of `mitoshi run disaster.flood-extent`: time and peak memory against scene size, and the ratio to plain file work.

    python benchmarks/flood_scale.py --megapixels 25 100 400 --folder DIR --workers 2

Each size is a simulated two-date, two-polarisation pair. Every measurement is a fresh process, so that its peak resident
memory (VmHWM, which leaves out the parent's) is its own. "plain" reads the same inputs block by block and writes products of
the same type, size, tiling and compression through GDAL, with overviews: what no method can do without.
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
BLOCK = 2048


def peak_mib() -> float:
    """Return this process's peak resident memory in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def make(folder: Path, side: int) -> None:
    from mitoshi.simulation import write_pair

    write_pair(folder, (side, side), seed=SEED)


def sources(folder: Path) -> dict[str, str]:
    """Return the pair as the command line would be given it."""
    found = {name: sorted(folder.glob(f"*{name}*.tif")) for name in ("before", "after")}
    return {name: str(paths[0]) for name, paths in found.items()}


def run_method(folder: Path, workers: int) -> None:
    from mitoshi import evidence
    from mitoshi.core.discovery import find

    evidence.run(
        find("disaster.flood-extent"), sources(folder), {}, folder / f"bundle-{workers}", time=TIME, workers=workers
    )


def run_plain(folder: Path) -> None:
    """Read what the run reads and write files like those it writes, with no method in between."""
    import numpy as np
    import rasterio
    from rasterio.enums import Resampling
    from rasterio.windows import Window

    inputs = [rasterio.open(path) for path in sources(folder).values()]
    side = inputs[0].width
    options = {"driver": "GTiff", "height": side, "width": side, "count": 1, "tiled": True, "compress": "DEFLATE",
               "blockxsize": 512, "blockysize": 512, "crs": inputs[0].crs, "transform": inputs[0].transform}  # fmt: skip
    codes, share = folder / "plain_codes.tif", folder / "plain_share.tif"
    with (
        rasterio.open(codes, "w", dtype="uint8", zlevel=6, **options) as a,
        rasterio.open(share, "w", dtype="float32", zlevel=1, **options) as b,
    ):
        for row in range(0, side, BLOCK):
            for column in range(0, side, BLOCK):
                window = Window(column, row, min(BLOCK, side - column), min(BLOCK, side - row))
                read = [dataset.read(window=window) for dataset in inputs]
                dark = read[-1][0] < np.nanmedian(read[-1][0, ::16, ::16]) / 4
                a.write(dark.astype(np.uint8), 1, window=window)
                b.write(np.round(np.clip(read[-1][0], 0, 1) * 100).astype(np.float32) / 100, 1, window=window)
    for path in (codes, share):
        with rasterio.open(path, "r+") as dataset:
            dataset.build_overviews([2**n for n in range(1, 7) if side / 2**n > 256], Resampling.nearest)


def measured(arguments: list[str]) -> dict[str, Any]:
    """Run one stage in a process of its own and return its time and peak memory."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return {"seconds": round(time.perf_counter() - begun, 1), "peak_mib": round(float(done.stdout.split()[-1]))}


def compare(folder: Path, megapixels: float, workers: list[int]) -> dict[str, Any]:
    side = round(math.sqrt(megapixels * 1e6))
    place = folder / f"pair-{side}"
    found: dict[str, Any] = {"megapixels": side * side / 1e6}
    if not (place / "done").exists():
        found["simulate"] = measured(["--stage", "make", "--folder", str(place), "--side", str(side)])
        (place / "done").touch()
    for stage, count in [("plain", 1), *(("run", w) for w in workers)]:
        name = stage if stage == "plain" else f"run_{count}"
        found[name] = measured(["--stage", stage, "--folder", str(place), "--workers", str(count)])
    seconds = found[f"run_{workers[-1]}"]["seconds"]
    found["seconds_per_megapixel"] = round(seconds / found["megapixels"], 3)
    found["ratio_to_plain"] = round(seconds / found["plain"]["seconds"], 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[25.0, 100.0, 400.0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--workers", type=int, nargs="+", default=[2])
    parser.add_argument("--stage", choices=["make", "plain", "run"])
    parser.add_argument("--side", type=int, default=0)
    given = parser.parse_args()
    if given.stage == "make":
        given.folder.mkdir(parents=True, exist_ok=True)
        make(given.folder, given.side)
    elif given.stage == "plain":
        run_plain(given.folder)
    elif given.stage == "run":
        run_method(given.folder, given.workers[-1])
    else:
        for megapixels in given.megapixels:
            print(json.dumps(compare(given.folder, megapixels, given.workers)), flush=True)
        return
    print(peak_mib())


if __name__ == "__main__":
    main()
