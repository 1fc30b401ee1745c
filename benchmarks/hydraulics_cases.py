"""Real floods and tsunami by the shallow-water solver, beside what was observed or what other models gave.

    python benchmarks/hydraulics_cases.py monai | merewether | carlisle [CELL_M] | ea5 [CELL_M] [HOURS]

Data and their sources: SOURCE.md of the disaster data. Nothing here is tuned: roughness, inflow and edges are those of the
benchmark's own description.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import rasterio
import shapely

from mitoshi.methods.hydraulics.shallow_water import (
    Domain,
    Edges,
    Open,
    Source,
    Wall,
    WaterLevel,
    at_rest,
    dry,
    simulate,
    with_buildings,
)

DATA = Path(os.environ.get("MITOSHI_SHARED", Path(__file__).parents[2] / "shared")) / "data/disaster"

MONAI_GAUGES = {"ch5": (4.521, 1.196), "ch7": (4.521, 1.696), "ch9": (4.521, 2.196)}
TUFLOW_MAE_M = {"0.5 m": 0.202, "1 m": 0.124, "2 m": 0.156}
"""Smith & Wasko 2012, table 9, against the same five points."""


def read(path):
    """Return a raster's first band as float64 with NaN for no data, and its affine."""
    with rasterio.open(path) as dataset:
        values = dataset.read(1).astype(np.float64)
        if dataset.nodata is not None:
            values[values == dataset.nodata] = np.nan
        return values, dataset.transform


def cell_of(affine, x, y):
    """Return row and column of a point."""
    column, row = ~affine * (x, y)
    return int(np.floor(row)), int(np.floor(column))


def blocks(values, factor):
    """Return means of factor x factor blocks of what is not NaN; the last blocks may be smaller."""
    rows, columns = (-(-n // factor) for n in values.shape)
    padded = np.full((rows * factor, columns * factor), np.nan)
    padded[: values.shape[0], : values.shape[1]] = values
    cut = padded.reshape(rows, factor, columns, factor)
    known = np.isfinite(cut)
    count = known.sum(axis=(1, 3))
    return np.where(count > 0, np.where(known, cut, 0.0).sum(axis=(1, 3)) / np.maximum(count, 1), np.nan)


def read_bci(path):
    """Return the point sources of a LISFLOOD-FP .bci file: {series: [(x, y), …]}."""
    points = {}
    for line in Path(path).read_text().splitlines():
        words = line.split()
        if len(words) == 5 and words[0] == "P" and words[3] == "QVAR":
            points.setdefault(words[4], []).append((float(words[1]), float(words[2])))
    return points


def read_bdy(path):
    """Return the series of a LISFLOOD-FP .bdy file: {name: (seconds, m2/s)}."""
    lines = [line.split() for line in Path(path).read_text().splitlines()[1:]]
    series, k = {}, 0
    while k < len(lines):
        if len(lines[k]) == 1 and not lines[k][0].replace(".", "").isdigit():
            count = int(lines[k + 1][0])
            rows = np.array([[float(v) for v in w[:2]] for w in lines[k + 2 : k + 2 + count]])
            series[lines[k][0]] = (rows[:, 1], rows[:, 0])
            k += 2 + count
        else:
            k += 1
    return series


def lisflood_sources(bci, bdy, affine, factor, cell_m):
    """Return sources on a grid coarser by a factor: discharge = m2/s x side of the original cell x number of its cells."""
    series = read_bdy(bdy)
    sources = []
    for name, points in read_bci(bci).items():
        cells = sorted({tuple(v // factor for v in cell_of(affine, x, y)) for x, y in points})
        seconds, per_width = series[name]
        sources.append(Source(np.array(cells), seconds, per_width * cell_m * len(points)))
    return sources


def csi(model, reference):
    """Return the critical success index: hits over hits, misses and false alarms."""
    return float((model & reference).sum() / (model | reference).sum())


def monai(until_s=30.0, mode="full"):
    """Monai valley flume (1:400): gauges and run-up against the laboratory."""
    folder = DATA / "tsunami_monai_lab"
    bed, affine = read(folder / "Monai_bathymetry.tif")
    wave = np.loadtxt(folder / "Benchmark_2_input.txt", skiprows=1)
    observed = np.genfromtxt(folder / "output_ch5-7-9.csv", delimiter=",", skip_header=1)
    domain = Domain(bed, (0.014, 0.014), 0.01, Edges(west=WaterLevel(wave[:, 0], wave[:, 1])))
    cells = [cell_of(affine, *place) for place in MONAI_GAUGES.values()]
    start = time.perf_counter()
    flow = simulate(domain, at_rest(domain, 0.0), until_s=until_s, mode=mode, gauges=cells, gauge_interval_s=0.05,
                    wet_depth_m=0.001)  # fmt: skip
    result = {"wall_s": time.perf_counter() - start, "mass_error": flow.balance.relative_error, "gauges": {}}
    times = observed[observed[:, 0] <= until_s, 0]
    for k, name in enumerate(MONAI_GAUGES):
        truth = observed[: times.size, k + 1] / 100.0
        level = np.interp(times, flow.gauge_time_s, flow.gauge_surface[:, k])
        error = float(np.sqrt(np.mean((level - truth) ** 2)))
        result["gauges"][name] = {
            "nrmse_range": error / (truth.max() - truth.min()),
            "nrmse_peak": error / truth.max(),
            "peak_ratio": level.max() / truth.max(),
            "peak_delay_s": times[level.argmax()] - times[truth.argmax()],
        }
    result["runup_m"] = []
    for x, y, *heights in np.loadtxt(folder / "OBS_RUNUP.txt", skiprows=18, max_rows=3, usecols=range(8)):
        row, column = cell_of(affine, x, y)
        near = (slice(row - 5, row + 6), slice(column - 5, column + 6))  # 7 cm: the positions are approximate
        surface = np.where(bed[near] > 0, flow.maximum_surface[near], np.nan)
        result["runup_m"].append({"model": float(np.nanmax(surface)), "observed": float(np.mean(heights))})
    return result


def merewether(until_s=900.0, mode="full"):
    """Merewether, Newcastle 2007: five surveyed levels; roughness 0.02 on the road, 0.04 elsewhere, houses +3 m."""
    folder = DATA / "flood_merewether2007"
    ground, affine = read(folder / "topography1.tif")
    rows, columns = np.indices(ground.shape)
    x, y = affine.c + affine.a * (columns + 0.5), affine.f + affine.e * (rows + 0.5)
    houses = [shapely.from_geojson(json.dumps(f["geometry"]))
              for f in json.loads((folder / "houses.geojson").read_text())["features"]]  # fmt: skip
    built = shapely.contains_xy(shapely.union_all(houses), x, y)
    bed = with_buildings(ground, built, 3.0)
    road = shapely.Polygon(np.loadtxt(folder / "RoadPolygon.csv", delimiter=","))
    rough = np.where(shapely.contains_xy(road, x, y), 0.02, 0.04)
    inside = np.argwhere(np.hypot(x - 382300.0, y - 6354290.0) <= 15.0)
    source = Source(inside, (0.0, until_s + 1.0), (19.7, 19.7))
    domain = Domain(bed, (1.0, 1.0), rough, Edges(east=Open(), north=Open()))
    start = time.perf_counter()
    flow = simulate(domain, dry(domain), until_s=until_s, mode=mode, sources=[source])
    result = {"wall_s": time.perf_counter() - start, "mass_error": flow.balance.relative_error, "errors_m": {}}
    points = np.genfromtxt(folder / "point_observations.csv", delimiter=",", names=True)
    level = bed + flow.state.depth
    for point in points:
        cell = cell_of(affine, point["x"], point["y"])
        result["errors_m"][int(point["ID"])] = float(level[cell] - point["Observed"])
    result["mae_m"] = float(np.mean(np.abs(list(result["errors_m"].values()))))
    return result


def carlisle(cell_m=10, mode="local-inertial", until_s=245_700.0, wet_m=0.1):
    """Carlisle 2005: the largest depth against two maps that LISFLOOD-FP's authors ship (models, not observations)."""
    folder = DATA / "flood_carlisle2005"
    fine, affine = read(folder / "carlisle_dem_5m.tif")
    factor = round(cell_m / 5)
    bed = blocks(fine, factor)
    northing = affine.f + affine.e * factor * (np.arange(bed.shape[0]) + 0.5)
    west = [Open(0.0006) if 554_000 <= y <= 558_000 else Wall() for y in northing]
    sources = lisflood_sources(folder / "carlisle.bci", folder / "carlisle.bdy", affine, factor, 5.0)
    domain = Domain(bed, (5.0 * factor, 5.0 * factor), 0.055, Edges(west=west))
    start = time.perf_counter()
    flow = simulate(domain, dry(domain), until_s=until_s, mode=mode, sources=sources)
    result = {"cell_m": 5 * factor, "mode": mode, "wall_s": time.perf_counter() - start, "steps": flow.steps,
              "mass_error": flow.balance.relative_error}  # fmt: skip
    for name in ("dat", "wd"):
        reference = blocks(np.nan_to_num(read(folder / f"carlisle_depth_{name}_5m.tif")[0]), factor)
        result[f"csi_{name}"] = csi(flow.maximum_depth > wet_m, reference > wet_m)
        both = (flow.maximum_depth > wet_m) & (reference > wet_m)
        gap = (flow.maximum_depth - reference)[both]
        result[f"bias_{name}_m"], result[f"rmse_{name}_m"] = float(gap.mean()), float(np.sqrt((gap**2).mean()))
    return result


def ea5(cell_m=10, hours=30.0, mode="full"):
    """Environment Agency benchmark, test 5: a dam failure floods a closed valley; its volume stays."""
    folder = DATA / "flood_ea_test5"
    fine, affine = read(folder / "ea5_dem_10m.tif")
    factor = round(cell_m / 10)
    bed = blocks(fine, factor)
    sources = lisflood_sources(folder / "ea5-10m.bci", folder / "ea5.bdy", affine, factor, 10.0)
    domain = Domain(bed, (10.0 * factor, 10.0 * factor), 0.04)
    start = time.perf_counter()
    flow = simulate(domain, dry(domain), until_s=3600.0 * hours, mode=mode, sources=sources)
    gauges = np.loadtxt(folder / "ea5.stage", skiprows=1)
    cells = [tuple(v // factor for v in cell_of(affine, x, y)) for x, y in gauges]
    return {
        "cell_m": 10 * factor, "wall_s": time.perf_counter() - start, "steps": flow.steps,
        "finite": bool(np.isfinite(flow.state.depth).all()),
        "inflow_m3": flow.balance.inflow, "volume_m3": float(flow.state.depth.sum()) * (10.0 * factor) ** 2,
        "mass_error": flow.balance.relative_error,
        "gauge_peak_depth_m": [float(flow.maximum_depth[c]) for c in cells],
        "gauge_arrival_s": [float(flow.arrival_time_s[c]) for c in cells],
    }  # fmt: skip


if __name__ == "__main__":
    cases = {"monai": monai, "merewether": merewether, "carlisle": carlisle, "ea5": ea5}
    name, *numbers = sys.argv[1:] or ["monai"]
    print(json.dumps(cases[name](*(float(n) for n in numbers)), indent=1))
