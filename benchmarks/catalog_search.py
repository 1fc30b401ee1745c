"""Searching one million items: ours against a plain read of the same files with pyarrow and stac-geoparquet.

    .venv/bin/python benchmarks/catalog_search.py [--items 1000000]

Prints one JSON object: seconds of each search (median of 5, and the first one with nothing cached by us), the peer's seconds
for the same answer, and their ratio in this run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROWS = 65_536
DAY = 86_400_000_000


def made_table(count: int, seed: int, first: int = 0) -> Any:
    """Return `count` radar items as a stac-geoparquet table: footprints of 2.5° × 1.7° all over the world, 10 years."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import shapely

    rng = np.random.default_rng(seed)
    west, south = rng.uniform(-180, 177.4, count), rng.uniform(-80, 78, count)
    moment = np.sort(rng.integers(0, 3652 * DAY, count)) + 16_436 * DAY  # from 2015-01-01
    orbit = rng.integers(1, 176, count)
    number = pa.array(np.arange(first, first + count)).cast(pa.string())
    name = pc.binary_join_element_wise("S1A_IW_GRDH_1SDV_", number, "")
    boxes = shapely.box(west, south, west + 2.5, south + 1.7)

    def constant(value: str) -> Any:
        return pa.array([value]).take(pa.array(np.zeros(count, np.int64)))

    def strings(*values: str) -> Any:
        flat = pa.array(list(values)).take(pa.array(np.tile(np.arange(len(values)), count)))
        return pa.ListArray.from_arrays(pa.array(np.arange(count + 1, dtype=np.int32) * len(values)), flat)

    def asset(polarisation: str) -> Any:
        href = pc.binary_join_element_wise("/archive/", name, f"/measurement/{polarisation}.tiff", "")
        digest = pc.binary_join_element_wise("1220", pc.utf8_lpad(number, 64, "0"), "")
        return pa.StructArray.from_arrays(
            [href, constant("image/tiff; application=geotiff"), strings("data"), digest, pa.array(orbit * 1_000_003)],
            names=["href", "type", "roles", "file:checksum", "file:size"],
        )

    columns = {
        "type": constant("Feature"),
        "stac_version": constant("1.1.0"),
        "stac_extensions": strings("https://stac-extensions.github.io/sar/v1.0.0/schema.json"),
        "id": name,
        "geometry": pa.array(shapely.to_wkb(boxes, flavor="iso")),
        "bbox": pa.StructArray.from_arrays(
            [pa.array(v) for v in (west, south, west + 2.5, south + 1.7)], names=["xmin", "ymin", "xmax", "ymax"]
        ),
        "links": pa.ListArray.from_arrays(
            pa.array(np.zeros(count + 1, np.int32)),
            pa.array([], pa.struct([("href", pa.string()), ("rel", pa.string())])),
        ),
        "assets": pa.StructArray.from_arrays([asset("vv"), asset("vh")], names=["vv", "vh"]),
        "collection": constant("sentinel-1-grd"),
        "datetime": pa.array(moment).cast(pa.timestamp("us", "UTC")),
        "platform": constant("sentinel-1a"),
        "gsd": pa.array(np.full(count, 10.0)),
        "sat:orbit_state": pa.array(np.array(["ascending", "descending"])[orbit % 2]),
        "sat:relative_orbit": pa.array(orbit),
        "sar:polarizations": strings("VV", "VH"),
        "sar:instrument_mode": constant("IW"),
        "mitoshi:quantities": strings("beta0", "gamma0", "sigma0"),
    }
    return pa.table(columns)


def build(folder: Path, count: int, seed: int = 0) -> float:
    """Fill a catalogue with `count` items, its parts as a merge leaves them, and return the seconds that took."""
    from dataclasses import replace

    from mitoshi.catalog.part import made
    from mitoshi.catalog.store import Store

    start = time.perf_counter()
    store = Store(folder)
    with store.locked():
        parts = []
        for number, first in enumerate(range(0, count, ROWS)):
            data, part = made(made_table(min(ROWS, count - first), seed + number, first))
            store.add_part(data, part)
            parts.append(part)
        store.publish(replace(store.manifest(), parts=tuple(parts)))
    return time.perf_counter() - start


QUERIES: dict[str, dict[str, Any]] = {
    "one city, one year": {"bbox": (139.5, 35.4, 140.0, 35.8), "time": "2019-01-01/2019-12-31"},
    "one city, ten years": {"bbox": (139.5, 35.4, 140.0, 35.8), "quantity": "backscatter"},
    "across the antimeridian, one month": {"bbox": (179.0, -20.0, -179.0, -15.0), "time": "2020-03-01/2020-03-31"},
    "the world, one hour": {"time": "2021-06-01T00:00Z/2021-06-01T01:00Z"},
    "the world, first 10 of any time": {"limit": 10},
}


def peer(folder: Path, bbox: tuple[float, float, float, float], start: str, end: str) -> list[str]:
    """Return the ids of the same search by a plain read of every file with pyarrow, decoded by stac-geoparquet."""
    import datetime as dt

    import pyarrow.compute as pc
    import pyarrow.dataset as ds
    from stac_geoparquet.arrow import stac_table_to_items

    def instant(text: str) -> Any:
        return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)

    field = ds.field
    west, south, east, north = bbox
    wanted = (
        (field("bbox", "xmin") <= east)
        & (field("bbox", "xmax") >= west)
        & (field("bbox", "ymin") <= north)
        & (field("bbox", "ymax") >= south)
        & (field("datetime") >= instant(start))
        & (field("datetime") <= instant(end))
    )
    table = ds.dataset([str(p) for p in sorted(folder.glob("*.parquet"))]).to_table()
    return sorted(i["id"] for i in stac_table_to_items(table.filter(wanted).sort_by("datetime"))) if pc else []


def main() -> None:
    from mitoshi.catalog import Catalogue

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--items", type=int, default=1_000_000)
    options.add_argument("--no-peer", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "catalogue"
        report: dict[str, Any] = {"items": given.items, "build_s": round(build(folder, given.items), 2)}
        report["bytes"] = sum(p.stat().st_size for p in folder.glob("*.parquet"))
        report["searches"] = {}
        for name, query in QUERIES.items():
            seconds = []
            for _ in range(6):
                start = time.perf_counter()
                found = Catalogue(folder).search(**query)
                seconds.append(time.perf_counter() - start)
            report["searches"][name] = {
                "hits": len(found),
                "first_s": round(seconds[0], 3),
                "median_s": round(statistics.median(seconds[1:]), 3),
            }
        if not given.no_peer:
            start = time.perf_counter()
            ids = peer(folder, (139.5, 35.4, 140.0, 35.8), "2019-01-01", "2019-12-31T23:59:59.999999")
            seconds_peer = time.perf_counter() - start
            ours = report["searches"]["one city, one year"]
            same = ids == sorted(i.id for i in Catalogue(folder).search(**QUERIES["one city, one year"]))
            report["peer"] = {"seconds": round(seconds_peer, 3), "same_answer": same}
            report["ratio_peer_to_ours"] = round(seconds_peer / ours["median_s"], 1)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
