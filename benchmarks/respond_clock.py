"""The clock: from files on disk to the situation report and SIP4D-ZIP, for a 100-megapixel pair with 50,000 buildings.

    python benchmarks/respond_clock.py --folder DIR --megapixels 100 --buildings 50000 --workers 2

Simulates the load once (not timed), then times two fresh processes as a headquarters would call them: `mitoshi ingest` of the
folder and `mitoshi respond`, building damage and landslides among its steps. Peak memory is that of a command with all processes
below it; processor time tells on a busy machine what a free one would take. Everything simulated.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

SEED = 20261123
PAGE = resource.getpagesize()
EVENT = "2026-10-12T00:00:00Z"


def make(folder: Path, side: int, buildings: int) -> None:
    from mitoshi.simulation import write_exposure, write_pair

    write_pair(folder / "archive", (side, side), seed=SEED, ancillary=True)
    write_exposure(folder / "archive", (side, side), seed=SEED, buildings=buildings)
    for truth in (folder / "archive").glob("truth_*"):
        truth.rename(folder / truth.name)


def area(folder: Path) -> str:
    """Return the scene's box in degrees, as a user would type it."""
    import rasterio
    from rasterio.warp import transform_bounds

    with rasterio.open(folder / "archive" / "after.tif") as dataset:
        box = transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)
    return ",".join(f"{v:.6f}" for v in box)


def resident_mib(root: int) -> float:
    """Return the resident memory of a process and all below it [MiB]; the command works in a process of its own."""
    parents, sizes = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        parents[int(folder.name)], sizes[int(folder.name)] = int(fields[1]), int(fields[21])
    family = {root}
    while True:
        more = {child for child, parent in parents.items() if parent in family} - family
        if not more:
            return sum(sizes.get(one, 0) for one in family) * PAGE / 2**20
        family |= more


def timed(arguments: list[str]) -> dict[str, Any]:
    """Run the command line in a process of its own; return seconds, processor time, peak memory and what it printed."""
    begun, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("mitoshi")), *arguments], stdout=subprocess.PIPE, text=True
    )
    peak = [0.0]

    def watch() -> None:
        while process.poll() is None:
            peak[0] = max(peak[0], resident_mib(process.pid))
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    out, _ = process.communicate()
    watcher.join()
    if process.returncode:
        raise SystemExit(out[-3000:])
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": round(time.perf_counter() - begun, 1),
        "cpu_seconds": round(spent.ru_utime + spent.ru_stime - used.ru_utime - used.ru_stime, 1),
        "peak_mib": round(peak[0]),
        "out": out,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--megapixels", type=float, default=100.0)
    parser.add_argument("--buildings", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    side = round(math.sqrt(given.megapixels * 1e6))
    place = given.folder / f"clock-{side}-{given.buildings}"
    if not (place / "made").exists():
        shutil.rmtree(place, ignore_errors=True)
        make(place, side, given.buildings)
        (place / "made").touch()
    for old in ("store", "response"):
        shutil.rmtree(place / old, ignore_errors=True)
    store = str(place / "store")
    ingest = timed(["ingest", str(place / "archive"), "--store", store])
    respond = timed(
        ["respond", "--area", area(place), "--event", EVENT, "--store", store, "--out", str(place / "response"),
         "--workers", str(given.workers), "--json"]
    )  # fmt: skip
    told = json.loads(respond["out"])
    steps = {s["step"]: (s["status"], s["seconds_since_start"], s["reason"]) for s in told["steps"]}
    total = round(ingest["seconds"] + respond["seconds"], 1)
    print(json.dumps({"megapixels": side * side / 1e6, "buildings": given.buildings, "total_seconds": total,
                      "ingest_seconds": ingest["seconds"], "respond_seconds": respond["seconds"],
                      "respond_cpu_seconds": respond["cpu_seconds"],
                      "peak_mib": max(ingest["peak_mib"], respond["peak_mib"]), "steps": steps,
                      "handover": [Path(p).name for p in told["handover"]]}, indent=2))  # fmt: skip


if __name__ == "__main__":
    main()
