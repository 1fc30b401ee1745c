"""A flooded valley for the methods of a response, small enough to run in seconds; and what another process does with it.

`python valley.py INPUTS OUT OTHERS` runs the methods, verifies the bundles in OTHERS, and prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SIDE, PIXEL, WEST, NORTH = 320, 10.0, 500000.0, 4000000.0
WHEN = "time=2026-01-01T00:00Z"
RUNS = {
    "flood-extent": {"after": f"after.tif#quantity=sigma0,units=1,bands=VV+VH,{WHEN}", "elevation": "dem.tif#quantity=elevation,units=m"},
    "flood-depth": {"flood": f"flood.tif#quantity=flood_extent,units=1,{WHEN}", "elevation": "dem.tif#quantity=elevation,units=m"},
    "impact": {
        "depth": f"depth.tif#quantity=water_depth,units=m,{WHEN}",
        "buildings": "buildings.geojson#quantity=buildings",
        "population": "population.tif#quantity=population,units=1",
        "elevation": "dem.tif#quantity=elevation,units=m",
        "districts": "districts.geojson#quantity=districts",
    },
    "building-damage": {
        "footprints": "buildings.geojson#quantity=buildings",
        "coherence_before": "before.tif#quantity=coherence,units=1,time=2025-12-20T00:00Z",
        "coherence_across": f"across.tif#quantity=coherence,units=1,{WHEN}",
    },
}  # fmt: skip
PARAMETERS = {"impact": {"house_value": 171_300.0, "household_value": 14_350_000.0, "hazard": "tsunami"}}


def write_inputs(folder: Path, seed: int = 5) -> None:
    """Write a valley with water in it, buildings, people, and radar images, all with values that are no round numbers."""
    draw = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    ground = (
        0.03 * np.abs(columns - SIDE / 2 - 20 * np.sin(rows / 40))
        + 0.002 * (SIDE - rows)
        + draw.normal(0, 0.05, (SIDE, SIDE))
    )
    water = 0.7 + 0.002 * (SIDE - rows) - ground
    wet = water > 0
    power = draw.gamma(4.4, 1 / 4.4, (2, SIDE, SIDE)) * np.where(wet, 0.006, 0.09) * np.array([1.0, 0.3])[:, None, None]
    natural = np.clip(draw.normal(0.75, 0.06, (SIDE, SIDE)), 0, 1)
    _raster(folder / "dem.tif", ground)
    _raster(folder / "after.tif", power)
    _raster(folder / "flood.tif", wet.astype(np.uint8))
    _raster(folder / "depth.tif", np.where(wet, water, 0.0))
    _raster(folder / "population.tif", draw.gamma(0.5, 3.0, (SIDE, SIDE)))
    _raster(folder / "before.tif", natural)
    _raster(
        folder / "across.tif",
        natural * np.where(draw.random((SIDE // 8, SIDE // 8)).repeat(8, 0).repeat(8, 1) < 0.3, 0.3, 0.95),
    )
    _buildings(folder / "buildings.geojson", draw)
    half = SIDE * PIXEL / 2
    boxes = [_ring(WEST + half * i, NORTH - half * j, half, half) for i in range(2) for j in range(2)]
    _features(folder / "districts.geojson", boxes, [{"id": str(n), "name": f"district {n}"} for n in range(4)])


def _buildings(path: Path, draw: np.random.Generator) -> None:
    rings, words = [], []
    for n in range(400):
        east, south = (
            WEST + 160.0 * (n % 20) + draw.uniform(0, 100),
            NORTH - 160.0 * (n // 20 + 1) + draw.uniform(0, 100),
        )
        rings.append(_ring(east, south + 30, *draw.uniform(8, 30, 2)))
        kind = draw.choice(["wood", "reinforced_concrete", "steel", "masonry"])
        words.append(
            {"id": f"b{n}", "structure": str(kind), "storeys": float(draw.integers(1, 5)), "use": "residential",
             "floor_area_m2": float(draw.uniform(40, 400)), "floor_height_m": float(draw.uniform(0.1, 0.8))}
        )  # fmt: skip
    _features(path, rings, words)


def _ring(west: float, north: float, width: float, height: float) -> list[list[float]]:
    return [[west, north], [west, north - height], [west + width, north - height], [west + width, north], [west, north]]


def _features(path: Path, rings: list[list[list[float]]], words: list[dict[str, object]]) -> None:
    features = [
        {"type": "Feature", "properties": w, "geometry": {"type": "Polygon", "coordinates": [r]}}
        for r, w in zip(rings, words, strict=True)
    ]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))


def _raster(path: Path, values: np.ndarray) -> None:
    import rasterio

    planes = values if values.ndim == 3 else values[None]
    planes = planes if planes.dtype == np.uint8 else planes.astype(np.float32)
    place = rasterio.Affine(PIXEL, 0, WEST, 0, -PIXEL, NORTH)
    shape = {"count": planes.shape[0], "height": SIDE, "width": SIDE}
    with rasterio.open(
        path, "w", driver="GTiff", dtype=planes.dtype, crs="EPSG:32631", transform=place, **shape
    ) as file:
        file.write(planes)


def run(inputs: Path, out: Path) -> dict[str, str]:
    """Run every method; return the identifiers of the bundles."""
    from mitoshi import evidence
    from mitoshi.core.discovery import find

    return {
        name: evidence.run(
            find(f"disaster.{name}"),
            {argument: f"{inputs}/{source}" for argument, source in sources.items()},
            PARAMETERS.get(name, {}),
            out / name,
            time=TIME,
        ).id
        for name, sources in RUNS.items()
    }


def verify(out: Path) -> dict[str, dict[str, object]]:
    """Verify every bundle; return whether it is accepted, and the verdict in full."""
    from mitoshi import evidence

    verdicts = {name: evidence.verify(out / name) for name in RUNS}
    return {
        name: {"accepted": v.accepted, "status": v.status, "reasons": list(v.reasons)} for name, v in verdicts.items()
    }


def versions() -> dict[str, str]:
    """Return the versions that this process imports."""
    import numba
    import rasterio
    import scipy
    import shapely

    return {m.__name__: m.__version__ for m in (np, numba, rasterio, scipy, shapely)}


if __name__ == "__main__":
    inputs, out, others = (Path(p) for p in sys.argv[1:4])
    print(json.dumps({"versions": versions(), "made": run(inputs, out), "verified": verify(others)}))
