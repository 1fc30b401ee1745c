"""Mutate small files of many formats and ingest them; an internal error, crash, hang or bomb is kept.

    python benchmarks/fuzz_readers.py --minutes 10 --seed 1 --kept fuzz-kept

A finding is made again from its seed number; its bytes are kept too. A file that the supervisor had to kill counts as a finding.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

BATCH = 40
BAD = re.compile(r"internal error|Traceback|cannot be read: (?:its reader|it needed|it took)|stopped: ")
SECONDS = 600


def seeds(folder: Path) -> dict[str, bytes]:
    """Return the content of one small file of each format, by name."""
    import geopandas
    import h5py
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin

    pixels = np.full((1, 32, 32), 50, "uint8")
    made: list[Path] = []
    for driver, suffix in (("GTiff", "tif"), ("PNG", "png"), ("JPEG", "jpg"), ("JP2OpenJPEG", "jp2")):
        made.append(folder / f"seed.{suffix}")
        options: dict[str, Any] = {"crs": "EPSG:4326", "transform": from_origin(139, 35, 0.001, 0.001)}
        shape = {"width": 32, "height": 32, "count": 1, "dtype": "uint8"}
        with rasterio.open(made[-1], "w", driver=driver, **shape, **options) as dataset:
            dataset.write(pixels)
    frame = geopandas.GeoDataFrame(
        {"n": [1, 2], "name": ["a", "b"]}, geometry=geopandas.points_from_xy([139, 139.1], [35, 35.1]), crs=4326
    )
    for suffix in ("geojson", "gpkg"):
        made.append(folder / f"seed.{suffix}")
        frame.to_file(made[-1])
    made.append(folder / "seed.parquet")
    frame.to_parquet(made[-1])
    made.append(folder / "seed.csv")
    made[-1].write_text('n,wkt\n1,POINT (139 35)\n2,"POLYGON ((0 0, 1 0, 1 1, 0 0))"\n')
    made.append(folder / "seed.nc")
    with h5py.File(made[-1], "w") as file:
        for name, values in (("y", np.linspace(35, 34, 8)), ("x", np.linspace(139, 140, 8))):
            file[name] = values
            file[name].make_scale(name)
        file["elevation"] = np.zeros((8, 8), "f4")
        file["elevation"].dims[0].attach_scale(file["y"])
        file["elevation"].dims[1].attach_scale(file["x"])
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": "a", "bbox": [139, 35, 140, 36], "links": [],
        "geometry": {"type": "Point", "coordinates": [139, 35]}, "properties": {"datetime": "2024-01-01T00:00:00Z"},
        "assets": {"data": {"href": "seed.tif"}},
    }  # fmt: skip
    contents = {path.name: path.read_bytes() for path in made}
    contents["seed.json"] = json.dumps(item).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("seed.tif", contents["seed.tif"])
    contents["seed.zip"] = packed.getvalue()
    return contents


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return the content with a few bytes flipped, numbers made extreme, and stretches cut, doubled or swapped."""
    out = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at, length = chance.randrange(len(out) or 1), chance.choice((1, 2, 4, 8, 64))
        kind = chance.randrange(5)
        if kind == 0 and out:
            out[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            out[at : at + length] = chance.choice((b"\xff", b"\0", b"\x7f", b"9")) * length
        elif kind == 2:
            del out[at : at + length]
        elif kind == 3:
            out[at:at] = out[at : at + length] * chance.choice((1, 2, 100))
        else:
            out[at : at + length] = chance.randbytes(length)
    return bytes(out)


def main() -> int:
    """Fuzz for the given time; return 1 where something was kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kept", type=Path, default=Path("fuzz-kept"))
    given = parser.parse_args()
    end, number, findings = time.monotonic() + 60 * given.minutes, 0, 0
    with tempfile.TemporaryDirectory() as place:
        origin = seeds(Path(place))
        while time.monotonic() < end:
            names = []
            with tempfile.TemporaryDirectory(dir=place) as batch:
                for _ in range(BATCH):
                    chance = random.Random(f"{given.seed}-{number}")
                    name, content = chance.choice(sorted(origin.items()))
                    names.append(f"{number:08d}-{name}")
                    (Path(batch) / names[-1]).write_bytes(mutated(content, chance))
                    number += 1
                findings += examine(Path(batch), names, given.kept)
            print(f"{number} files, {findings} findings", flush=True)
    return int(findings > 0)


def examine(batch: Path, names: list[str], kept: Path) -> int:
    """Ingest the files and keep those that did what they must not."""
    command = [sys.executable, "-c", "from mitoshi.interfaces.cli import main; main()", "ingest"]
    command += [*(str(batch / name) for name in names), "--store", str(batch / "store")]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        lines = [line for line in done.stderr.splitlines() if BAD.search(line)]
        lines += [f"status {done.returncode}: {done.stderr[-300:]}"] if done.returncode not in (0, 2) else []
    except subprocess.TimeoutExpired:
        lines = [f"{names[0]} to {names[-1]} took more than {SECONDS} s"]
    for line in lines:
        print(line, flush=True)
        kept.mkdir(parents=True, exist_ok=True)
        for name in [n for n in names if n in line] or names:
            (kept / name).write_bytes((batch / name).read_bytes())
    return len(lines)


if __name__ == "__main__":
    sys.exit(main())
